//! The overlay as it is now: the graph of the links between the nodes that live, and its facts.

use serde::{Deserialize, Serialize};

use super::distribution::Distribution;
use super::graph::Graph;
use super::world::World;
use super::{Dice, NodeId};
use crate::node::Tier;

/// Up to so many nodes all distances are computed.
const EXACT_NODES_MAX: u32 = 2_000;
/// Beyond, the distances from so many nodes.
const SAMPLES: u32 = 32;
/// And so many times from the farthest node found so far.
const SWEEPS: u32 = 8;

/// The nodes that live and the links between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlay {
    /// The links, by the places of the nodes in `nodes`.
    pub graph: Graph,
    /// The nodes that live, in order.
    pub nodes: Vec<NodeId>,
    /// Of each node that lives, whether it is an ultrapeer.
    pub ultrapeers: Vec<bool>,
}

/// The network as a graph: nodes that live and the Gnutella connections between them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OverlayFacts {
    /// Nodes that live (N).
    pub nodes: u64,
    /// Of these, ultrapeers.
    pub ultrapeers: u64,
    /// Of these, leaves.
    pub leaves: u64,
    /// Connections between them (E).
    pub edges: u64,
    /// Neighbours of a node.
    pub degree: Distribution,
    /// How many nodes have 0, 1, 2, ... neighbours.
    pub degrees: Vec<u64>,
    /// Parts that cannot reach each other.
    pub components: u64,
    /// Nodes in the largest part.
    pub largest_component: u64,
    /// The greatest distance within a component, in links; a lower bound if sampled.
    pub diameter: u64,
    /// The mean distance of two nodes that reach each other, in links; an estimate if sampled.
    pub path_length: f64,
    /// The mean local clustering coefficient, 0 to 1.
    pub clustering: f64,
    /// Whether distances were taken from some of the nodes only (large networks).
    pub sampled: bool,
}

impl Overlay {
    /// What the overlay is like. With `dice` also how far its nodes are from each other and how they
    /// cluster, which takes longer (else these are 0): they choose from where distances are measured
    /// if there are more than 2,000 nodes.
    pub fn facts(&self, dice: Option<&mut Dice>) -> OverlayFacts {
        let graph = &self.graph;
        let nodes = graph.nodes();
        let degree = |node| graph.neighbours(node).len();
        let mut degrees = Vec::new();
        for node in 0..nodes {
            degrees.resize(degrees.len().max(degree(node) + 1), 0);
            degrees[degree(node)] += 1;
        }
        let sizes = self.component_sizes();
        let ultrapeers = self.ultrapeers.iter().filter(|&&is| is).count() as u64;
        let clustering = if dice.is_some() { graph.clustering() } else { 0.0 };
        let far = dice.map(|dice| distances(graph, dice)).unwrap_or_default();
        OverlayFacts {
            nodes: nodes.into(),
            ultrapeers,
            leaves: u64::from(nodes) - ultrapeers,
            edges: graph.edges().len() as u64,
            degree: Distribution::of((0..nodes).map(|node| degree(node) as f64).collect()),
            degrees,
            components: sizes.len() as u64,
            largest_component: sizes.iter().copied().max().unwrap_or(0),
            diameter: far.0.into(),
            path_length: far.1,
            clustering,
            sampled: nodes > EXACT_NODES_MAX,
        }
    }

    /// How many nodes each part has.
    pub fn component_sizes(&self) -> Vec<u64> {
        let mut sizes = Vec::new();
        for component in self.graph.components() {
            sizes.resize(sizes.len().max(component as usize + 1), 0);
            sizes[component as usize] += 1;
        }
        sizes
    }

    /// In which part of the network each of so many nodes is; none if it is dead.
    pub(super) fn parts(&self, nodes: u32) -> Vec<Option<u32>> {
        let mut parts = vec![None; nodes as usize];
        for (&node, part) in self.nodes.iter().zip(self.graph.components()) {
            parts[node.0 as usize] = Some(part);
        }
        parts
    }

    /// Where a node stands in the graph, if it lives.
    pub fn place(&self, node: NodeId) -> Option<u32> {
        self.nodes.binary_search(&node).ok().map(|place| place as u32)
    }
}

/// The diameter and the mean distance.
fn distances(graph: &Graph, dice: &mut Dice) -> (u32, f64) {
    let nodes = graph.nodes();
    if nodes <= EXACT_NODES_MAX {
        let paths = graph.paths(0..nodes);
        return (paths.diameter, paths.mean);
    }
    let from: Vec<u32> = (0..SAMPLES).map(|_| dice.below(nodes.into()) as u32).collect();
    let paths = graph.paths(from.iter().copied());
    // From the farthest node to the one that is farthest from there, and so on: mostly this finds
    // the diameter, always a lower bound of it.
    let (mut at, mut diameter) = (from[0], paths.diameter);
    for _ in 0..SWEEPS {
        let far = (0..).zip(graph.distances(at)).max_by_key(|&(_, distance)| distance);
        let Some((node, Some(distance))) = far else { break };
        diameter = diameter.max(distance);
        at = node;
    }
    (diameter, paths.mean)
}

impl World {
    /// What a node is at present, if it lives.
    pub fn tier(&self, node: NodeId) -> Option<Tier> {
        self.slots.get(node.0 as usize)?.node.as_ref().map(|node| node.tier())
    }

    /// The nodes that a node holds to be its neighbours; none if it is dead.
    pub fn neighbours(&self, node: NodeId) -> Vec<NodeId> {
        let linked = self.slots.get(node.0 as usize).and_then(|slot| slot.node.as_ref());
        let addresses = linked.into_iter().flat_map(|node| node.linked());
        addresses.filter_map(|(peer, _)| self.fabric.net.node_at(peer.ip())).collect()
    }

    /// The overlay as it is now. A link is one if both ends hold it to be one.
    pub fn overlay(&self) -> Overlay {
        let nodes: Vec<NodeId> =
            (0..self.nodes()).map(NodeId).filter(|&node| self.is_alive(node)).collect();
        let mut ultrapeers = Vec::with_capacity(nodes.len());
        let mut pairs = Vec::new();
        for (place, &id) in (0..).zip(&nodes) {
            ultrapeers.push(self.tier(id) == Some(Tier::Ultrapeer));
            let others = self.neighbours(id).into_iter();
            let places = others.filter_map(|other| nodes.binary_search(&other).ok());
            pairs.extend(places.map(|other| (place, other as u32)));
        }
        pairs.sort_unstable();
        let mutual = |&&(a, b): &&(u32, u32)| a < b && pairs.binary_search(&(b, a)).is_ok();
        let edges: Vec<(u32, u32)> = pairs.iter().filter(mutual).copied().collect();
        Overlay { graph: Graph::new(nodes.len() as u32, edges), nodes, ultrapeers }
    }
}
