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
const SAMPLES: u32 = 48;
/// And so many times from the farthest node found so far.
const SWEEPS: u32 = 16;

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

/// What the overlay is like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OverlayFacts {
    /// Nodes that live.
    pub nodes: u32,
    /// Of them, ultrapeers.
    pub ultrapeers: u32,
    /// Links between them.
    pub links: u64,
    /// How many links the nodes have.
    pub degrees: Distribution,
    /// How many links ultrapeers have to ultrapeers.
    pub ultrapeer_degrees: Distribution,
    /// How many leaves ultrapeers have.
    pub leaves_per_ultrapeer: Distribution,
    /// How many ultrapeers leaves have.
    pub ultrapeers_per_leaf: Distribution,
    /// The greatest distance of two nodes that can reach each other, in links.
    pub diameter: u32,
    /// Whether that is so for certain; else it is at least so.
    pub diameter_exact: bool,
    /// The mean distance of two nodes that can reach each other, in links: of all of them if the
    /// diameter is exact, else from a sample.
    pub mean_path: f64,
    /// The mean, over all nodes, of how many of the possible links between a node's neighbours
    /// there are.
    pub clustering: f64,
    /// Parts that cannot reach each other; 1: connected.
    pub components: u32,
    /// The share of the nodes that are in the largest of them.
    pub largest_component_share: f64,
}

impl Overlay {
    /// What the overlay is like. `dice` chooses from where distances are measured if there are
    /// more than 2,000 nodes.
    pub fn facts(&self, dice: &mut Dice) -> OverlayFacts {
        let Overlay { graph, ultrapeers, .. } = self;
        let nodes = graph.nodes();
        let is_ultrapeer = |node: u32| ultrapeers.get(node as usize) == Some(&true);
        let degree = |node: u32| graph.neighbours(node).len() as f64;
        let among_ultrapeers = |node: u32| {
            graph.neighbours(node).iter().filter(|&&other| is_ultrapeer(other)).count() as f64
        };
        let ups = || (0..nodes).filter(|&node| is_ultrapeer(node));
        let leaves = (0..nodes).filter(|&node| !is_ultrapeer(node));
        let (diameter, mean_path, diameter_exact) = distances(graph, dice);
        let mut sizes = Vec::new();
        for component in graph.components() {
            sizes.resize(sizes.len().max(component as usize + 1), 0u32);
            sizes[component as usize] += 1;
        }
        let largest = f64::from(sizes.iter().copied().max().unwrap_or(0));
        OverlayFacts {
            nodes,
            ultrapeers: ups().count() as u32,
            links: graph.edges().len() as u64,
            degrees: Distribution::of((0..nodes).map(degree)),
            ultrapeer_degrees: Distribution::of(ups().map(among_ultrapeers)),
            leaves_per_ultrapeer: Distribution::of(
                ups().map(|node| degree(node) - among_ultrapeers(node)),
            ),
            ultrapeers_per_leaf: Distribution::of(leaves.map(among_ultrapeers)),
            diameter,
            diameter_exact,
            mean_path,
            clustering: graph.clustering(),
            components: sizes.len() as u32,
            largest_component_share: largest / f64::from(nodes.max(1)),
        }
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

/// The diameter, the mean distance, and whether both are exact.
fn distances(graph: &Graph, dice: &mut Dice) -> (u32, f64, bool) {
    let nodes = graph.nodes();
    if nodes <= EXACT_NODES_MAX {
        let paths = graph.paths(0..nodes);
        return (paths.diameter, paths.mean, true);
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
    (diameter, paths.mean, false)
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
