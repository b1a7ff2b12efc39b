//! How far a flood reaches: trees as computed, any graph as a breadth-first search says.

use std::collections::BTreeSet;

use filbert::node::Config;
use filbert::node::config::Forward;
use filbert::sim::{Graph, Latency, NodeId, Topology, World};

use crate::worlds::{
    EQUAL, Way, config, edge_list, graph, latencies, standing, standing_in, whole,
};

/// Nodes that a query of TTL 1 to 8 reaches without cycles, by the links of a node (Ritter 2001).
const TREES: [(u32, [u64; 8]); 6] = [
    (2, [2, 4, 6, 8, 10, 12, 14, 16]),
    (3, [3, 9, 21, 45, 93, 189, 381, 765]),
    (4, [4, 16, 52, 160, 484, 1_456, 4_372, 13_120]),
    (5, [5, 25, 105, 425, 1_705, 6_825, 27_305, 109_225]),
    (6, [6, 36, 186, 936, 4_686, 23_436, 117_186, 585_936]),
    (8, [8, 64, 456, 3_200, 22_408, 156_864, 1_098_056, 7_686_400]),
];

/// The sum of n (n - 1)^(i - 1) over i = 1 .. TTL, and so far as it fits the nodes of a world. No
/// copy is a duplicate there.
#[test]
fn tree_reach() {
    let nodes_max = if whole() { 120_000 } else { 5_000 };
    for (links, reach) in TREES {
        for (ttl, reached) in (1..).zip(reach) {
            let links = u64::from(links);
            let computed: u64 = (1..=ttl).map(|i| links * (links - 1).pow(i - 1)).sum();
            assert_eq!(reached, computed, "{links} links, TTL {ttl}");
        }
        let depth = reach.iter().take_while(|&&reached| reached < nodes_max).count() as u32;
        let tree = graph(Topology::Tree { degree: links, depth }, 1);
        let latency = Latency::Exponential { mean_us: 50_000 };
        let mut world = standing(1, latency, &tree, config(), |_| vec![]);
        for (ttl, &reached) in (1..).zip(&reach[..depth as usize]) {
            let search = world.search(NodeId(0), "common", ttl);
            world.settle().unwrap();
            let record = world.measure_search(NodeId(0), search).expect("the query left");
            let found = (record.reached().len() as u64, record.messages, record.duplicates());
            assert_eq!(found, (reached, reached, 0), "{links} links, TTL {ttl}");
        }
        println!("{links} links: as computed in a world of {} nodes", tree.nodes());
    }
}

fn reached(world: &mut World, origin: u32, ttl: u8) -> BTreeSet<u32> {
    let search = world.search(NodeId(origin), "common", ttl);
    world.settle().unwrap();
    let record = world.measure_search(NodeId(origin), search).expect("the query left");
    record.reached().into_iter().map(|node| node.0).collect()
}

fn graphs(seed: u64) -> [Graph; 4] {
    [
        graph(Topology::BarabasiAlbert { nodes: 60, links: 2 }, seed),
        graph(Topology::WattsStrogatz { nodes: 60, degree: 4, rewired: 0.2 }, seed),
        graph(Topology::ErdosRenyi { nodes: 60, mean_degree: 3.0 }, seed),
        edge_list(seed),
    ]
}

/// With the higher-TTL rule the reach is the ball of the TTL for every latency model, a matrix
/// included; with first-copy it lies within the ball, and is the ball where latencies are equal.
#[test]
fn the_ttl_ball() {
    let mut short = 0;
    for seed in 1..=8 {
        for graph in graphs(seed) {
            for way in latencies() {
                let reach = |forward, ttl| {
                    let config = Config { forward, ..config() };
                    let mut world = standing_in(seed, way, &graph, config);
                    let origin = (seed as u32 * 7) % graph.nodes();
                    let at = format!("seed {seed}, {way:?}, {forward:?}, TTL {ttl} from {origin}");
                    (reached(&mut world, origin, ttl), graph.ball(origin, ttl.into()), at)
                };
                for ttl in [3, 5] {
                    let (reached, ball, at) = reach(Forward::HigherTtl, ttl);
                    assert_eq!(reached, ball, "{at}");
                    let (reached, ball, at) = reach(Forward::FirstCopy, ttl);
                    assert!(reached.is_subset(&ball), "{at}");
                    if way == Way::Drawn(EQUAL) {
                        assert_eq!(reached, ball, "{at}");
                    }
                    short += ball.len() - reached.len();
                }
            }
        }
    }
    assert!(short > 0, "unequal latencies cost no reach at all");
}
