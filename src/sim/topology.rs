//! Who is whose neighbour: graphs from a seed, and what breadth-first search says about them.

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::dice::Dice;

/// A kind of graph, with its size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Topology {
    /// Every node has two neighbours, all in one circle.
    Ring {
        /// Nodes.
        nodes: u32,
    },
    /// A ring that is cut once.
    Line {
        /// Nodes.
        nodes: u32,
    },
    /// Node 0 is everybody's only neighbour.
    Star {
        /// Nodes, the centre included.
        nodes: u32,
    },
    /// Without cycles: every node but the outermost has `degree` neighbours.
    Tree {
        /// Neighbours of an inner node.
        degree: u32,
        /// Links from node 0, the root, to the outermost nodes.
        depth: u32,
    },
    /// Everybody is everybody's neighbour (a full mesh).
    Clique {
        /// Nodes.
        nodes: u32,
    },
    /// Rows and columns; neighbours are left, right, above and below.
    Grid {
        /// Rows.
        rows: u32,
        /// Columns.
        columns: u32,
    },
    /// Every node has `degree` neighbours, at random.
    RandomRegular {
        /// Nodes; `nodes * degree` must be even, and the degree below the number of nodes.
        nodes: u32,
        /// Neighbours of each.
        degree: u32,
    },
    /// So many links between random pairs that the mean degree is as told (Erdos and Renyi).
    ErdosRenyi {
        /// Nodes.
        nodes: u32,
        /// Mean number of neighbours.
        mean_degree: f64,
    },
}

impl Topology {
    /// The graph that this seed gives. Random kinds may fall apart into several components; see
    /// [`Graph::join_components`].
    pub fn graph(&self, dice: &mut Dice) -> Graph {
        let (nodes, edges) = match *self {
            Topology::Ring { nodes } => (nodes, ring(nodes)),
            Topology::Line { nodes } => (nodes, (1..nodes).map(|b| (b - 1, b)).collect()),
            Topology::Star { nodes } => (nodes, (1..nodes).map(|b| (0, b)).collect()),
            Topology::Tree { degree, depth } => tree(degree, depth),
            Topology::Clique { nodes } => {
                (nodes, (0..nodes).flat_map(|b| (0..b).map(move |a| (a, b))).collect())
            }
            Topology::Grid { rows, columns } => (rows * columns, grid(rows, columns)),
            Topology::RandomRegular { nodes, degree } => (nodes, regular(nodes, degree, dice)),
            Topology::ErdosRenyi { nodes, mean_degree } => {
                (nodes, erdos_renyi(nodes, mean_degree, dice))
            }
        };
        Graph::new(nodes, edges)
    }
}

fn ring(nodes: u32) -> Vec<(u32, u32)> {
    let closing = (nodes > 2).then(|| (0, nodes - 1));
    (1..nodes).map(|b| (b - 1, b)).chain(closing).collect()
}

fn tree(degree: u32, depth: u32) -> (u32, Vec<(u32, u32)>) {
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

fn grid(rows: u32, columns: u32) -> Vec<(u32, u32)> {
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

fn ordered(a: u32, b: u32) -> (u32, u32) {
    (a.min(b), a.max(b))
}

/// Pairs the stubs at random, then exchanges the ends of pairs that are loops or doubles with
/// those of random other pairs until none is left (the pairing model with switches).
fn regular(nodes: u32, degree: u32, dice: &mut Dice) -> Vec<(u32, u32)> {
    if degree >= nodes || nodes * degree % 2 == 1 {
        return Vec::new();
    }
    let mut stubs: Vec<u32> = (0..nodes).flat_map(|n| (0..degree).map(move |_| n)).collect();
    dice.shuffle(&mut stubs);
    let mut edges: Vec<(u32, u32)> = stubs.chunks_exact(2).map(|p| ordered(p[0], p[1])).collect();
    let mut held = BTreeSet::new();
    let mut bad: Vec<usize> = (0..edges.len())
        .filter(|&at| edges[at].0 == edges[at].1 || !held.insert(edges[at]))
        .collect();
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
        if simple && !held.contains(&first) && !held.contains(&second) {
            held.remove(&edges[other]);
            held.extend([first, second]);
            (edges[at], edges[other]) = (first, second);
            bad.pop();
        }
    }
    edges
}

fn erdos_renyi(nodes: u32, mean_degree: f64, dice: &mut Dice) -> Vec<(u32, u32)> {
    let possible = u64::from(nodes) * u64::from(nodes.saturating_sub(1)) / 2;
    let wanted = ((f64::from(nodes) * mean_degree / 2.0).round() as u64).min(possible);
    let mut edges = BTreeSet::new();
    while (edges.len() as u64) < wanted {
        let a = dice.below(u64::from(nodes)) as u32;
        let b = dice.below(u64::from(nodes)) as u32;
        if a != b {
            edges.insert(ordered(a, b));
        }
    }
    edges.into_iter().collect()
}

/// An undirected graph without loops and doubles: its edges, and each node's neighbours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    edges: Vec<(u32, u32)>,
    /// The neighbours of node `n` are `neighbours[first[n]..first[n + 1]]`.
    first: Vec<u32>,
    neighbours: Vec<u32>,
}

impl Graph {
    /// The graph of these edges; loops, repeated edges and edges to nodes that do not exist are
    /// left out.
    pub fn new(nodes: u32, edges: impl IntoIterator<Item = (u32, u32)>) -> Graph {
        let mut edges: Vec<(u32, u32)> = edges
            .into_iter()
            .filter(|&(a, b)| a != b && a < nodes && b < nodes)
            .map(|(a, b)| ordered(a, b))
            .collect();
        edges.sort_unstable();
        edges.dedup();
        let mut first = vec![0; nodes as usize + 1];
        for &(a, b) in &edges {
            first[a as usize + 1] += 1;
            first[b as usize + 1] += 1;
        }
        for node in 0..nodes as usize {
            first[node + 1] += first[node];
        }
        let mut at = first.clone();
        let mut neighbours = vec![0; edges.len() * 2];
        for &(a, b) in &edges {
            for (from, to) in [(a, b), (b, a)] {
                neighbours[at[from as usize] as usize] = to;
                at[from as usize] += 1;
            }
        }
        Graph { edges, first, neighbours }
    }

    /// How many nodes.
    pub fn nodes(&self) -> u32 {
        self.first.len() as u32 - 1
    }

    /// Every edge once, the lower node first, in order.
    pub fn edges(&self) -> &[(u32, u32)] {
        &self.edges
    }

    /// The neighbours of a node, in order.
    pub fn neighbours(&self, node: u32) -> &[u32] {
        &self.neighbours[self.first[node as usize] as usize..self.first[node as usize + 1] as usize]
    }

    /// How many links each node is away from `from`; `None`: in another component.
    pub fn distances(&self, from: u32) -> Vec<Option<u32>> {
        let mut distances = vec![None; self.nodes() as usize];
        let mut reached = VecDeque::from([(from, 0)]);
        distances[from as usize] = Some(0);
        while let Some((node, distance)) = reached.pop_front() {
            for &next in self.neighbours(node) {
                if distances[next as usize].is_none() {
                    distances[next as usize] = Some(distance + 1);
                    reached.push_back((next, distance + 1));
                }
            }
        }
        distances
    }

    /// The nodes within `ttl` links of `from`, itself left out.
    pub fn ball(&self, from: u32, ttl: u32) -> BTreeSet<u32> {
        let within = |&distance: &Option<u32>| distance.is_some_and(|d| d > 0 && d <= ttl);
        (0..).zip(self.distances(from)).filter(|(_, d)| within(d)).map(|(node, _)| node).collect()
    }

    /// The distance of the node that is farthest from `from` within its component.
    pub fn eccentricity(&self, from: u32) -> u32 {
        self.distances(from).into_iter().flatten().max().unwrap_or(0)
    }

    /// The number of each node's component; components are numbered from 0 by their lowest node.
    pub fn components(&self) -> Vec<u32> {
        let mut component = vec![u32::MAX; self.nodes() as usize];
        let mut count = 0;
        for start in 0..self.nodes() {
            if component[start as usize] != u32::MAX {
                continue;
            }
            component[start as usize] = count;
            let mut open = vec![start];
            while let Some(node) = open.pop() {
                for &next in self.neighbours(node) {
                    if component[next as usize] == u32::MAX {
                        component[next as usize] = count;
                        open.push(next);
                    }
                }
            }
            count += 1;
        }
        component
    }

    /// Whether every node can reach every other.
    pub fn is_connected(&self) -> bool {
        self.components().iter().all(|&component| component == 0)
    }

    /// The same graph with each component but the first linked to a random node of an earlier one.
    #[must_use]
    pub fn join_components(self, dice: &mut Dice) -> Graph {
        let components = self.components();
        let mut order: Vec<u32> = (0..self.nodes()).collect();
        order.sort_by_key(|&node| components[node as usize]);
        let mut edges = self.edges.clone();
        for at in 1..order.len() {
            let node = order[at];
            if components[node as usize] != components[order[at - 1] as usize] {
                edges.push((order[dice.below(at as u64) as usize], node));
            }
        }
        Graph::new(self.nodes(), edges)
    }
}

#[cfg(test)]
mod tests;
