//! Graphs: nodes, edges, and what breadth-first search says about them.

use std::collections::{BTreeSet, VecDeque};

use super::dice::Dice;

pub(super) fn ordered(a: u32, b: u32) -> (u32, u32) {
    (a.min(b), a.max(b))
}

/// How far the nodes of a graph are apart; pairs that cannot reach each other do not count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Paths {
    /// The mean of the distances, in links.
    pub mean: f64,
    /// The greatest distance, in links.
    pub diameter: u32,
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

    /// The mean, over all nodes, of how many of the possible links between a node's neighbours
    /// there are (the local clustering coefficient; 0 for a node with fewer than two neighbours).
    pub fn clustering(&self) -> f64 {
        let mut sum = 0.0;
        for node in 0..self.nodes() {
            let near = self.neighbours(node);
            let possible = near.len() * near.len().saturating_sub(1) / 2;
            let links: usize = near
                .iter()
                .map(|&one| {
                    let between = |other: &&u32| **other > one && near.binary_search(other).is_ok();
                    self.neighbours(one).iter().filter(between).count()
                })
                .sum();
            sum += if possible == 0 { 0.0 } else { links as f64 / possible as f64 };
        }
        sum / f64::from(self.nodes().max(1))
    }

    /// What the distances from these nodes say of the whole: exact if all nodes are given, else an
    /// estimate of the mean and a lower bound of the diameter.
    pub fn paths(&self, from: impl IntoIterator<Item = u32>) -> Paths {
        let (mut sum, mut pairs, mut diameter) = (0u64, 0u64, 0);
        for node in from {
            for distance in self.distances(node).into_iter().flatten().filter(|&d| d > 0) {
                sum += u64::from(distance);
                pairs += 1;
                diameter = diameter.max(distance);
            }
        }
        Paths { mean: sum as f64 / pairs.max(1) as f64, diameter }
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
