//! Flat worlds for the checks: no tiers, no tables, links in the clear so that the checkers read all.

use std::sync::Arc;
use std::time::Duration;

use filbert::node::config::{Forward, Strategy};
use filbert::node::io::{SearchId, SearchQuery};
use filbert::node::{Command, Config};
use filbert::sim::{
    Dice, Graph, Latency, NetConfig, NodeId, Regions, SharedFile, Topology, World, WorldConfig,
    edge_list,
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

/// How long the way of a message is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Way {
    /// Drawn for each.
    Drawn(Latency),
    /// As a matrix of three regions says, which is not symmetric.
    Matrix,
}

/// Every model of latencies.
pub(crate) fn latencies() -> [Way; 5] {
    [
        Way::Drawn(EQUAL),
        Way::Drawn(Latency::Uniform { from_us: 1_000, to_us: 200_000 }),
        Way::Drawn(Latency::Exponential { mean_us: 50_000 }),
        Way::Drawn(Latency::LogNormal { median_us: 30_000, sigma: 1.2 }),
        Way::Matrix,
    ]
}

/// A graph as the SNAP collection would publish it, with all that such files have: comments,
/// numbers with gaps, edges in both directions, repeated ones and loops.
pub(crate) fn edge_list(seed: u64) -> Graph {
    let mut dice = Dice::new(seed).derive("edge list");
    let mut text = String::from("# Directed graph\n# FromNodeId\tToNodeId\n");
    for node in 1..50_u64 {
        let earlier = dice.below(node);
        text += &format!("{}\t{}\n", node * 3, earlier * 3);
        if dice.chance(0.5) {
            text += &format!("{}\t{}\n", earlier * 3, node * 3);
        }
        for _ in 0..dice.below(3) {
            text += &format!("{}\t{}\n", node * 3, dice.below(50) * 3);
        }
        if dice.chance(0.1) {
            text += &format!("{0}\t{0}\n", node * 3);
        }
    }
    edge_list::parse(&text).expect("an edge list").graph
}

/// A world where every node of the graph stands next to its neighbours.
pub(crate) fn standing(
    seed: u64,
    latency: Latency,
    graph: &Graph,
    config: Config,
    shared: impl FnMut(NodeId) -> Vec<SharedFile>,
) -> World {
    grown(seed, Way::Drawn(latency), graph, config, shared)
}

/// The same with any model of latencies, where nobody shares anything.
pub(crate) fn standing_in(seed: u64, way: Way, graph: &Graph, config: Config) -> World {
    grown(seed, way, graph, config, |_| vec![])
}

fn grown(
    seed: u64,
    way: Way,
    graph: &Graph,
    config: Config,
    shared: impl FnMut(NodeId) -> Vec<SharedFile>,
) -> World {
    let latency = match way {
        Way::Drawn(latency) => latency,
        Way::Matrix => Latency::Constant { us: 1_000 },
    };
    let regions = (way == Way::Matrix).then(|| {
        let names = ["near", "far", "farther"].map(str::to_owned).into();
        let one_way_us =
            vec![vec![5_000, 40_000, 90_000], vec![50_000, 9_000, 3_000], vec![120_000, 70_000, 1]];
        Arc::new(Regions { names, one_way_us, ..Regions::default() })
    });
    let net = NetConfig { latency, ..NetConfig::default() };
    // Floods of several links are several queries.
    let queries_max = 2_048;
    let config_of_world = WorldConfig { net, queries_max, regions, ..WorldConfig::default() };
    let mut world = World::new(seed, config_of_world);
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
