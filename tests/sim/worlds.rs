//! What the tests on simulated worlds share: configurations, and worlds that stand.

use std::sync::Arc;

use filbert::node::config::Forward;
use filbert::node::io::SearchId;
use filbert::node::{Config, Event};
use filbert::sim::{
    Dice, Graph, Latency, NetConfig, NodeId, SharedFile, Topology, World, WorldConfig,
};

/// A node that keeps the neighbours it is told, and lets queries go as far as a world may want.
/// Links are in the clear, so that the checkers see every descriptor.
pub(crate) fn config(forward: Forward) -> Config {
    Config {
        forward,
        ttl_and_hops_max: 255,
        neighbours_max: 1_000,
        auto_connect: false,
        compress_links: false,
        local_addresses: true,
        ..Config::flat()
    }
}

pub(crate) fn graph(topology: Topology, seed: u64) -> Graph {
    let mut dice = Dice::new(seed).derive("topology");
    topology.graph(&mut dice).join_components(&mut dice)
}

/// The latency models that every rule is held against.
pub(crate) fn latencies() -> [Latency; 4] {
    [
        Latency::Constant { us: 20_000 },
        Latency::Uniform { from_us: 1_000, to_us: 200_000 },
        Latency::Exponential { mean_us: 50_000 },
        Latency::LogNormal { median_us: 30_000, sigma: 1.2 },
    ]
}

pub(crate) fn world_config(latency: Latency, split: bool) -> WorldConfig {
    let net = NetConfig { latency, split, ..NetConfig::default() };
    WorldConfig { net, ..WorldConfig::default() }
}

/// A world where every node of the graph stands next to its neighbours.
pub(crate) fn standing(
    seed: u64,
    world: WorldConfig,
    graph: &Graph,
    config: Config,
    shared: impl FnMut(NodeId) -> Vec<SharedFile>,
) -> World {
    let mut world = World::new(seed, world);
    world.add_nodes(graph, &Arc::new(config), shared);
    world.settle().unwrap();
    for &(a, b) in graph.edges() {
        assert!(world.is_linked(NodeId(a), NodeId(b)), "seed {seed}: n{a} and n{b} are not linked");
    }
    world
}

/// One small file that everybody shares under a name of its own.
pub(crate) fn one_file(node: NodeId) -> Vec<SharedFile> {
    vec![SharedFile::unhashed(1, &format!("common file of {node}.txt"), 1_000, u64::from(node.0))]
}

/// How many results a node has reported for a search.
pub(crate) fn results(world: &World, node: NodeId, search: SearchId) -> usize {
    let found = |event: &Event| match event {
        Event::Found { search: of, hits } if *of == search => hits.len(),
        _ => 0,
    };
    world.said(node).iter().map(|(_, event)| found(event)).sum()
}
