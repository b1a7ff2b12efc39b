//! Flat worlds for the checks: no tiers, no tables, links in the clear so that the checkers read all.

use std::sync::Arc;
use std::time::Duration;

use filbert::node::config::{Forward, Strategy};
use filbert::node::io::{SearchId, SearchQuery};
use filbert::node::{Command, Config};
use filbert::sim::{
    Dice, Graph, Latency, NetConfig, NodeId, SharedFile, Topology, World, WorldConfig,
};

/// Whether the whole size of a check is wanted, not the part that is quick: `FILBERT_CHECKS=whole`.
pub(crate) fn whole() -> bool {
    std::env::var("FILBERT_CHECKS").is_ok_and(|size| size == "whole")
}

pub(crate) const EQUAL: Latency = Latency::Constant { us: 20_000 };

/// A node that keeps the neighbours it is told and lets queries go as far as a world may want.
pub(crate) fn config() -> Config {
    Config {
        forward: Forward::FirstCopy,
        ttl_and_hops_max: 255,
        neighbours_max: 1_000,
        auto_connect: false,
        compress_links: false,
        local_addresses: true,
        // Nobody falls silent here, and pings would be most of what happens.
        alive_ping_s: u16::MAX,
        ..Config::flat()
    }
}

pub(crate) fn by(strategy: Strategy) -> Config {
    Config { strategy, ..config() }
}

/// The graph of a seed, joined where it falls apart.
pub(crate) fn graph(topology: Topology, seed: u64) -> Graph {
    let mut dice = Dice::new(seed).derive("topology");
    topology.graph(&mut dice).join_components(&mut dice)
}

/// A world where every node of the graph stands next to its neighbours.
pub(crate) fn standing(
    seed: u64,
    latency: Latency,
    graph: &Graph,
    config: Config,
    shared: impl FnMut(NodeId) -> Vec<SharedFile>,
) -> World {
    let net = NetConfig { latency, ..NetConfig::default() };
    let queries_max = 2_048;
    let mut world = World::new(seed, WorldConfig { net, queries_max, ..WorldConfig::default() });
    world.add_nodes(graph, &Arc::new(config), shared);
    world.settle().unwrap();
    for &(a, b) in graph.edges() {
        assert!(world.is_linked(NodeId(a), NodeId(b)), "seed {seed}: n{a} and n{b} are not linked");
    }
    world
}

/// Has nodes search, all at once, and lets so much time pass; the searches have the numbers from
/// `first` on.
pub(crate) fn ask(
    world: &mut World,
    first: u64,
    questions: &[(NodeId, String)],
    ttl: u8,
    time: Duration,
) {
    for (number, (node, text)) in (first..).zip(questions) {
        let query = SearchQuery { text: text.clone(), ttl: Some(ttl), ..SearchQuery::default() };
        world.command(*node, Command::Search { search: SearchId(number), query });
    }
    world.run_for(time).unwrap();
}
