//! Where the nodes of a network are drawn, if nothing else says it: links short and of much the same
//! length, nodes apart that are far apart in the network, parts that cannot reach each other side
//! by side. The same network gives the same places.
//!
//! The way is the usual one: distances in links as distances on paper (classical scaling, Torgerson
//! 1952), bettered by stress majorization (Gansner, Koren and North, 2004).

use std::collections::VecDeque;

/// Above so many nodes in one part, distances are not looked at: the nodes lie in a spiral.
const PART_MAX: usize = 2_000;
/// Sweeps of the majorization.
const SWEEPS: usize = 80;
/// Rounds of the power iteration.
const ROUNDS: usize = 60;
/// Nodes are at least so far apart, in lengths of a link.
const APART: f64 = 0.38;
/// Between two parts, in lengths of a link.
const GAP: f64 = 1.0;
/// Between two who stand alone.
const GAP_ALONE: f64 = 0.6;
/// A drawing is so many times as wide as high, about.
const ASPECT: f64 = 1.4;

type Point = (f64, f64);

/// Where the nodes stand, with a link as the unit of length, and how wide and high that is.
pub(super) struct Places {
    pub(super) places: Vec<Point>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Finds a place for each of `count` nodes with these links.
pub(super) fn places(count: usize, links: &[(u32, u32)]) -> Places {
    let mut neighbours = vec![Vec::new(); count];
    for &(a, b) in links {
        let (a, b) = (a as usize, b as usize);
        if a < count && b < count && a != b {
            neighbours[a].push(b);
            neighbours[b].push(a);
        }
    }
    let mut parts = parts(&neighbours);
    parts.sort_by_key(|part| (std::cmp::Reverse(part.len()), part.first().copied()));
    let drawn: Vec<Vec<Point>> = parts.iter().map(|part| of_part(part, &neighbours)).collect();
    pack(count, &parts, drawn)
}

/// The parts of the network, each in breadth-first order.
fn parts(neighbours: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut seen = vec![false; neighbours.len()];
    let mut parts = Vec::new();
    for start in 0..neighbours.len() {
        if seen[start] {
            continue;
        }
        seen[start] = true;
        let mut part = vec![start];
        let mut at = 0;
        while let Some(&node) = part.get(at) {
            at += 1;
            for &other in &neighbours[node] {
                if !std::mem::replace(&mut seen[other], true) {
                    part.push(other);
                }
            }
        }
        parts.push(part);
    }
    parts
}

fn of_part(part: &[usize], neighbours: &[Vec<usize>]) -> Vec<Point> {
    match part.len() {
        0 | 1 => vec![(0.0, 0.0); part.len()],
        len if len > PART_MAX => (0..len).map(spiral).collect(),
        _ => {
            let far = distances(part, neighbours);
            let mut places = scaled(&far);
            majorize(&mut places, &far);
            push_apart(&mut places);
            turn(&mut places);
            places
        }
    }
}

/// The seeds of a sunflower.
fn spiral(at: usize) -> Point {
    let (radius, angle) = (0.5 * (at as f64).sqrt(), 2.399_963 * at as f64);
    (radius * angle.cos(), radius * angle.sin())
}

/// By two places in the part: the links between them.
fn distances(part: &[usize], neighbours: &[Vec<usize>]) -> Vec<Vec<f64>> {
    let mut place = vec![usize::MAX; neighbours.len()];
    for (at, &node) in part.iter().enumerate() {
        place[node] = at;
    }
    let from = |start: usize| {
        let mut far = vec![f64::INFINITY; part.len()];
        far[start] = 0.0;
        let mut next = VecDeque::from([start]);
        while let Some(at) = next.pop_front() {
            for &other in &neighbours[part[at]] {
                let other = place[other];
                if far[other].is_infinite() {
                    far[other] = far[at] + 1.0;
                    next.push_back(other);
                }
            }
        }
        far
    };
    (0..part.len()).map(from).collect()
}

/// Classical scaling: the two directions in which the squared distances spread most.
fn scaled(far: &[Vec<f64>]) -> Vec<Point> {
    let count = far.len();
    let mean = |row: &[f64]| row.iter().map(|d| d * d).sum::<f64>() / count as f64;
    let means: Vec<f64> = far.iter().map(|row| mean(row)).collect();
    let all = means.iter().sum::<f64>() / count as f64;
    let centred = |a: usize, b: usize| -0.5 * (far[a][b] * far[a][b] - means[a] - means[b] + all);
    let mut first: Vec<f64> = Vec::new();
    let mut axes = [Vec::new(), Vec::new()];
    for (which, axis) in axes.iter_mut().enumerate() {
        // Some numbers that no symmetry of the network shares.
        let mut vector: Vec<f64> =
            (0..count).map(|at| (1.0 + at as f64 * 1.7 + which as f64).sin() + 0.01).collect();
        let mut value = 0.0;
        for _ in 0..ROUNDS {
            without(&mut vector, &first);
            let mut next: Vec<f64> =
                (0..count).map(|a| (0..count).map(|b| centred(a, b) * vector[b]).sum()).collect();
            value = length(&next);
            if value < 1e-9 {
                break;
            }
            next.iter_mut().for_each(|x| *x /= value);
            vector = next;
        }
        without(&mut vector, &first);
        *axis = vector.iter().map(|x| x * value.sqrt()).collect();
        first = vector;
    }
    let [xs, ys] = axes;
    // Nodes that nothing tells apart must not lie upon each other.
    let nudge = |at: usize| {
        let (x, y) = spiral(at + 1);
        (x * 1e-3, y * 1e-3)
    };
    let place = |(at, (x, y)): (usize, (f64, f64))| (x + nudge(at).0, y + nudge(at).1);
    xs.into_iter().zip(ys).enumerate().map(place).collect()
}

fn length(vector: &[f64]) -> f64 {
    vector.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// Takes the part of a vector away that points along a direction of length 1.
fn without(vector: &mut [f64], direction: &[f64]) {
    let along: f64 = vector.iter().zip(direction).map(|(a, b)| a * b).sum();
    vector.iter_mut().zip(direction).for_each(|(x, d)| *x -= along * d);
}

/// Moves each node to where the others would have it: as far away as it is in the network, the
/// near ones mattering most.
fn majorize(places: &mut [Point], far: &[Vec<f64>]) {
    for _ in 0..SWEEPS {
        for at in 0..places.len() {
            let (x, y) = places[at];
            let (mut to_x, mut to_y, mut weights) = (0.0, 0.0, 0.0);
            for (other, &(ox, oy)) in places.iter().enumerate() {
                if other == at {
                    continue;
                }
                let wanted = far[at][other];
                let weight = 1.0 / (wanted * wanted);
                let (dx, dy) = (x - ox, y - oy);
                let apart = dx.hypot(dy).max(1e-9);
                to_x += weight * (ox + wanted * dx / apart);
                to_y += weight * (oy + wanted * dy / apart);
                weights += weight;
            }
            places[at] = (to_x / weights, to_y / weights);
        }
    }
}

/// Nobody stands upon another.
fn push_apart(places: &mut [Point]) {
    for _ in 0..SWEEPS {
        let mut moved = false;
        for a in 0..places.len() {
            for b in a + 1..places.len() {
                let (dx, dy) = (places[b].0 - places[a].0, places[b].1 - places[a].1);
                let apart = dx.hypot(dy);
                if apart >= APART {
                    continue;
                }
                moved = true;
                let (ux, uy) = match apart > 1e-9 {
                    true => (dx / apart, dy / apart),
                    false => ((b as f64).cos(), (b as f64).sin()),
                };
                let push = (APART - apart) / 2.0 + 1e-3;
                places[a] = (places[a].0 - ux * push, places[a].1 - uy * push);
                places[b] = (places[b].0 + ux * push, places[b].1 + uy * push);
            }
        }
        if !moved {
            return;
        }
    }
}

/// Turns the longest side to lie flat.
fn turn(places: &mut [Point]) {
    let count = places.len() as f64;
    let (mx, my) = places.iter().fold((0.0, 0.0), |(x, y), p| (x + p.0 / count, y + p.1 / count));
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for &(x, y) in places.iter() {
        let (x, y) = (x - mx, y - my);
        (xx, xy, yy) = (xx + x * x, xy + x * y, yy + y * y);
    }
    let (sin, cos) = (0.5 * (2.0 * xy).atan2(xx - yy)).sin_cos();
    for place in places {
        let (x, y) = (place.0 - mx, place.1 - my);
        *place = (x * cos + y * sin, y * cos - x * sin);
    }
}

/// Sets the parts side by side, in rows like the words of a text.
fn pack(count: usize, parts: &[Vec<usize>], drawn: Vec<Vec<Point>>) -> Places {
    let boxes: Vec<(Point, Point)> = drawn.iter().map(|places| bounds(places)).collect();
    let area: f64 =
        boxes.iter().map(|(low, high)| (high.0 - low.0 + GAP) * (high.1 - low.1 + GAP)).sum();
    let widest = boxes.iter().map(|(low, high)| high.0 - low.0).fold(0.0, f64::max);
    let row_width = (area * ASPECT).sqrt().max(widest);
    let mut all = Places { places: vec![(0.0, 0.0); count], width: 0.0, height: 0.0 };
    let (mut x, mut y, mut row_height) = (0.0, 0.0, 0.0_f64);
    let mut alone = false;
    for ((part, places), (low, high)) in parts.iter().zip(drawn).zip(boxes) {
        let (width, height) = (high.0 - low.0, high.1 - low.1);
        // Those who stand alone come last, in rows of their own.
        let first_alone = !std::mem::replace(&mut alone, part.len() == 1) && alone;
        if x > 0.0 && (first_alone || x + width > row_width) {
            (x, y, row_height) = (0.0, y + row_height + GAP, 0.0);
        }
        for (&node, place) in part.iter().zip(places) {
            all.places[node] = (place.0 - low.0 + x, place.1 - low.1 + y);
        }
        all.width = all.width.max(x + width);
        all.height = all.height.max(y + height);
        x += width + if alone { GAP_ALONE } else { GAP };
        row_height = row_height.max(height);
    }
    all
}

fn bounds(places: &[Point]) -> (Point, Point) {
    let first = places.first().copied().unwrap_or_default();
    places.iter().fold((first, first), |(low, high), place| {
        ((low.0.min(place.0), low.1.min(place.1)), (high.0.max(place.0), high.1.max(place.1)))
    })
}

/// The distance below which a tenth of the nodes have their nearest one: a measure for how large
/// nodes may be drawn.
pub(super) fn room(places: &[Point]) -> f64 {
    let nearest = |at: usize| {
        let others = places.iter().enumerate().filter(|&(other, _)| other != at);
        let (x, y) = places[at];
        others.map(|(_, place)| (place.0 - x).hypot(place.1 - y)).fold(f64::INFINITY, f64::min)
    };
    let mut all: Vec<f64> = (0..places.len()).map(nearest).collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 10).copied().unwrap_or(f64::INFINITY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apart(all: &Places, a: usize, b: usize) -> f64 {
        (all.places[a].0 - all.places[b].0).hypot(all.places[a].1 - all.places[b].1)
    }

    #[test]
    fn links_of_a_line_a_ring_and_a_grid_are_as_long_as_each_other() {
        let line: Vec<(u32, u32)> = (1..8).map(|at| (at - 1, at)).collect();
        let ring: Vec<(u32, u32)> = (0..12).map(|at| (at, (at + 1) % 12)).collect();
        let right = (0..20).filter(|at| at % 5 < 4).map(|at| (at, at + 1));
        let grid: Vec<(u32, u32)> = right.chain((0..15).map(|at| (at, at + 5))).collect();
        for (count, links) in [(8, line), (12, ring), (20, grid)] {
            let all = places(count, &links);
            let lengths = links.iter().map(|&(a, b)| apart(&all, a as usize, b as usize));
            let (least, most) =
                lengths.fold((9.0, 0.0), |(l, m): (f64, f64), x| (l.min(x), m.max(x)));
            assert!(least > 0.7 && most < 1.35, "{count}: {least} to {most}");
            assert!(room(&all.places) > 0.7);
        }
    }

    #[test]
    fn parts_lie_side_by_side_and_nobody_upon_another() {
        // Two cliques, a pair and two alone.
        let mut links = vec![(20, 21)];
        for first in [0, 10] {
            for a in first..first + 10 {
                links.extend((a + 1..first + 10).map(|b| (a, b)));
            }
        }
        let all = places(24, &links);
        let part = |node: usize| match node {
            0..20 => node / 10,
            20 | 21 => 2,
            _ => node,
        };
        for a in 0..24 {
            for b in 0..a {
                let both_alone = a.min(b) > 21;
                let least = match part(a) == part(b) {
                    true => APART,
                    false if both_alone => GAP_ALONE,
                    false => GAP,
                } * 0.9;
                assert!(apart(&all, a, b) >= least, "{a} and {b}: {}", apart(&all, a, b));
            }
            let (x, y) = all.places[a];
            assert!(x >= 0.0 && x <= all.width && y >= 0.0 && y <= all.height);
        }
        assert_eq!(places(24, &links).places, all.places);
        assert_eq!(places(0, &[]).places, []);
    }
}
