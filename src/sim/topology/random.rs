//! Random graphs: their edges, from a seed.

use std::collections::BTreeSet;

use crate::sim::dice::Dice;
use crate::sim::graph::ordered;

/// Pairs the stubs at random, then exchanges the ends of pairs that are loops or doubles with
/// those of random other pairs until none is left (the pairing model with switches).
pub(super) fn regular(nodes: u32, degree: u32, dice: &mut Dice) -> Vec<(u32, u32)> {
    let ends = u64::from(nodes) * u64::from(degree);
    if degree >= nodes || !ends.is_multiple_of(2) {
        return Vec::new();
    }
    let mut stubs: Vec<u32> = (0..nodes).flat_map(|n| (0..degree).map(move |_| n)).collect();
    dice.shuffle(&mut stubs);
    let mut edges: Vec<(u32, u32)> = stubs.chunks_exact(2).map(|p| ordered(p[0], p[1])).collect();
    let (mut held, mut bad) = Held::of(&edges);
    let mut attempts_left = 1_000 + 100 * edges.len();
    while let Some(&at) = bad.last() {
        attempts_left -= 1;
        if attempts_left == 0 {
            // Dense and unlucky: begin again with what the dice say next.
            return regular(nodes, degree, dice);
        }
        let other = dice.below(edges.len() as u64) as usize;
        if bad.contains(&other) {
            continue;
        }
        let ((a, b), (c, d)) = (edges[at], edges[other]);
        let (first, second) = if dice.chance(0.5) {
            (ordered(a, c), ordered(b, d))
        } else {
            (ordered(a, d), ordered(b, c))
        };
        let simple = first.0 != first.1 && second.0 != second.1 && first != second;
        if simple && !held.contains(first) && !held.contains(second) {
            held.remove(edges[other]);
            held.insert(first);
            held.insert(second);
            (edges[at], edges[other]) = (first, second);
            bad.pop();
        }
    }
    edges
}

/// Millions of edges, few of which change: those of the beginning in order, and the changes.
struct Held {
    sorted: Vec<(u32, u32)>,
    gone: BTreeSet<(u32, u32)>,
    come: BTreeSet<(u32, u32)>,
}

impl Held {
    /// These edges, each once and without loops; and the places of those that are loops or were
    /// there before, in order.
    fn of(edges: &[(u32, u32)]) -> (Held, Vec<usize>) {
        let mut placed: Vec<((u32, u32), usize)> = edges.iter().copied().zip(0..).collect();
        placed.sort_unstable();
        let mut bad = Vec::new();
        let mut sorted: Vec<(u32, u32)> = Vec::with_capacity(edges.len());
        for (edge, place) in placed {
            if edge.0 == edge.1 || sorted.last() == Some(&edge) {
                bad.push(place);
            } else {
                sorted.push(edge);
            }
        }
        bad.sort_unstable();
        (Held { sorted, gone: BTreeSet::new(), come: BTreeSet::new() }, bad)
    }

    fn contains(&self, edge: (u32, u32)) -> bool {
        self.come.contains(&edge)
            || (self.sorted.binary_search(&edge).is_ok() && !self.gone.contains(&edge))
    }

    fn insert(&mut self, edge: (u32, u32)) {
        if !self.gone.remove(&edge) {
            self.come.insert(edge);
        }
    }

    fn remove(&mut self, edge: (u32, u32)) {
        if !self.come.remove(&edge) {
            self.gone.insert(edge);
        }
    }
}

/// Distinct random pairs, as many as give the mean degree.
pub(super) fn erdos_renyi(nodes: u32, mean_degree: f64, dice: &mut Dice) -> Vec<(u32, u32)> {
    let possible = u64::from(nodes) * u64::from(nodes.saturating_sub(1)) / 2;
    let wanted = ((f64::from(nodes) * mean_degree / 2.0).round() as u64).min(possible) as usize;
    let mut edges: Vec<(u32, u32)> = Vec::with_capacity(wanted);
    while edges.len() < wanted {
        // As many as are missing; what was drawn twice is missing again.
        while edges.len() < wanted {
            let a = dice.below(u64::from(nodes)) as u32;
            let b = dice.below(u64::from(nodes)) as u32;
            if a != b {
                edges.push(ordered(a, b));
            }
        }
        edges.sort_unstable();
        edges.dedup();
    }
    edges
}

/// Newcomers link to earlier nodes in proportion to their degree: to the owner of a random one of
/// all ends of all links so far.
pub(super) fn barabasi_albert(nodes: u32, links: u32, dice: &mut Dice) -> Vec<(u32, u32)> {
    let first = links.saturating_add(1).min(nodes);
    let mut edges: Vec<(u32, u32)> = (0..first).flat_map(|b| (0..b).map(move |a| (a, b))).collect();
    let mut ends: Vec<u32> = edges.iter().flat_map(|&(a, b)| [a, b]).collect();
    let mut chosen = BTreeSet::new();
    for node in first..nodes {
        chosen.clear();
        // Without links every node stands alone; otherwise there are enough to choose from.
        while chosen.len() < links as usize {
            chosen.extend(dice.pick(&ends));
        }
        for &other in &chosen {
            edges.push((other, node));
            ends.extend([other, node]);
        }
    }
    edges
}

/// A ring lattice whose links are each moved to another end with a probability.
pub(super) fn watts_strogatz(
    nodes: u32,
    degree: u32,
    rewired: f64,
    dice: &mut Dice,
) -> Vec<(u32, u32)> {
    let reach = (degree / 2).min(nodes.saturating_sub(1) / 2);
    let lattice = (1..=reach).flat_map(|step| (0..nodes).map(move |a| (a, (a + step) % nodes)));
    let mut near: Vec<Vec<u32>> = vec![Vec::with_capacity(2 * reach as usize); nodes as usize];
    for (a, b) in lattice.clone() {
        near[a as usize].push(b);
        near[b as usize].push(a);
    }
    let full = u64::from(reach) * 2 + 1 >= u64::from(nodes);
    for (a, b) in lattice {
        if full || !dice.chance(rewired) {
            continue;
        }
        // A node that knows everybody has nowhere else to link to; a few tries find a free end.
        for _ in 0..100 {
            let other = dice.below(nodes.into()) as u32;
            if other != a && !near[a as usize].contains(&other) {
                near[a as usize].push(other);
                near[other as usize].push(a);
                near[a as usize].retain(|&end| end != b);
                near[b as usize].retain(|&end| end != a);
                break;
            }
        }
    }
    let edges = (0..).zip(near).flat_map(|(a, near)| near.into_iter().map(move |b| (a, b)));
    edges.filter(|(a, b)| a < b).collect()
}
