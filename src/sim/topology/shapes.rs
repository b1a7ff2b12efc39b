//! Shapes without chance: their edges.

pub(super) fn ring(nodes: u32) -> Vec<(u32, u32)> {
    let closing = (nodes > 2).then(|| (0, nodes - 1));
    (1..nodes).map(|b| (b - 1, b)).chain(closing).collect()
}

pub(super) fn tree(degree: u32, depth: u32) -> (u32, Vec<(u32, u32)>) {
    let mut edges = Vec::new();
    let (mut level, mut next) = (vec![0], 1);
    for distance in 0..depth {
        let mut below = Vec::new();
        for &parent in &level {
            let children = if distance == 0 { degree } else { degree.saturating_sub(1) };
            for _ in 0..children {
                edges.push((parent, next));
                below.push(next);
                next += 1;
            }
        }
        level = below;
    }
    (next, edges)
}

pub(super) fn grid(rows: u32, columns: u32) -> Vec<(u32, u32)> {
    let mut edges = Vec::new();
    for row in 0..rows {
        for column in 0..columns {
            let here = row * columns + column;
            if column + 1 < columns {
                edges.push((here, here + 1));
            }
            if row + 1 < rows {
                edges.push((here, here + columns));
            }
        }
    }
    edges
}
