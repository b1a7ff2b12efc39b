//! Floods in simulated worlds: how far they reach, what they cost, and that hits come home.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::worlds::{config, graph, latencies, one_file, results, standing, world_config};
use filbert::node::config::Forward;
use filbert::sim::{Latency, NodeId, Topology, World};
use filbert::wire::Kind;

const SHAPES: [Topology; 10] = [
    Topology::Ring { nodes: 3 },
    Topology::Ring { nodes: 17 },
    Topology::Clique { nodes: 12 },
    Topology::Line { nodes: 9 },
    Topology::Star { nodes: 20 },
    Topology::Tree { degree: 3, depth: 3 },
    Topology::Grid { rows: 4, columns: 6 },
    Topology::RandomRegular { nodes: 50, degree: 4 },
    Topology::ErdosRenyi { nodes: 40, mean_degree: 3.0 },
    Topology::ErdosRenyi { nodes: 25, mean_degree: 6.0 },
];

fn reached(world: &World, search: filbert::node::io::SearchId, origin: NodeId) -> BTreeSet<u32> {
    let record = world.measure_search(origin, search).expect("the query left");
    record.reached().into_iter().map(|node| node.0).collect()
}

/// Passing on a higher TTL again makes reach the TTL ball, whatever the latencies; everybody in it
/// answers once, and every answer comes home.
#[test]
fn with_higher_ttl_the_reach_is_the_ball_and_every_hit_comes_home() {
    for (seed, shape) in (1..).zip(SHAPES) {
        for (latency, split) in latencies().into_iter().zip([false, true, true, false]) {
            let graph = graph(shape, seed);
            let forward = config(Forward::HigherTtl);
            let mut world = standing(seed, world_config(latency, split), &graph, forward, one_file);
            for ttl in [1, 2, 3, 7] {
                let origin = NodeId((seed as u32 * 7 + u32::from(ttl)) % graph.nodes());
                let search = world.search(origin, "common", ttl);
                world.settle().unwrap();
                let ball = graph.ball(origin.0, ttl.into());
                let at = format!("{shape:?}, {latency:?}, TTL {ttl} from {origin}");
                assert_eq!(reached(&world, search, origin), ball, "{at}");
                let record = world.measure_search(origin, search).expect("recorded");
                let answers: Vec<u32> = record.answers().iter().map(|node| node.0).collect();
                assert_eq!(answers, Vec::from_iter(ball.iter().copied()), "answers: {at}");
                assert_eq!(
                    (record.hits_home, record.results),
                    (ball.len() as u64, ball.len() as u64),
                    "{at}"
                );
            }
        }
    }
}

/// The first copy alone goes on: a full flood costs exactly 2E - N + 1 messages.
#[test]
fn with_first_copy_a_full_flood_costs_two_edges_less_nodes_plus_one() {
    for (seed, shape) in (1..).zip(SHAPES) {
        for (latency, split) in latencies().into_iter().zip([false, true, true, false]) {
            let graph = graph(shape, seed);
            let (nodes, edges) = (u64::from(graph.nodes()), graph.edges().len() as u64);
            let forward = config(Forward::FirstCopy);
            let mut world =
                standing(seed, world_config(latency, split), &graph, forward, |_| vec![]);
            for origin in [0, graph.nodes() / 2].map(NodeId) {
                let search = world.search(origin, "common", graph.nodes() as u8);
                world.settle().unwrap();
                let record = world.measure_search(origin, search).expect("recorded");
                let at = format!("{shape:?}, {latency:?} from {origin}");
                assert_eq!(record.messages, 2 * edges - nodes + 1, "{at}");
                assert_eq!(record.duplicates(), 2 * (edges - (nodes - 1)), "{at}");
                assert_eq!(record.reached().len() as u64, nodes - 1, "{at}");
            }
        }
    }
}

/// With equal latencies first copies take shortest ways: the ball again, at the same cost as soon
/// as the TTL is above the eccentricity, under either rule.
#[test]
fn with_equal_latencies_both_rules_reach_the_ball_at_the_same_cost() {
    for forward in [Forward::FirstCopy, Forward::HigherTtl] {
        for (seed, shape) in (1..).zip(SHAPES) {
            let graph = graph(shape, seed);
            let latency = Latency::Constant { us: 20_000 };
            let mut world =
                standing(seed, world_config(latency, false), &graph, config(forward), |_| vec![]);
            let far = graph.eccentricity(0) as u8 + 1;
            for ttl in [1, 2, 4, far] {
                let search = world.search(NodeId(0), "common", ttl);
                world.settle().unwrap();
                let at = format!("{forward:?}, {shape:?}, TTL {ttl}");
                assert_eq!(reached(&world, search, NodeId(0)), graph.ball(0, ttl.into()), "{at}");
                if ttl == far {
                    let record = world.measure_search(NodeId(0), search).expect("recorded");
                    let cost = 2 * graph.edges().len() as u64 - u64::from(graph.nodes()) + 1;
                    assert_eq!(record.messages, cost, "{at}");
                    let by_hop: Vec<u32> = (1..far)
                        .map(|hop| {
                            graph.ball(0, hop.into()).len() - graph.ball(0, (hop - 1).into()).len()
                        })
                        .map(|count| count as u32)
                        .collect();
                    assert_eq!(record.reached_by_hop(), by_hop, "{at}");
                }
            }
        }
    }
}

/// Under first-copy an unlucky first copy with little TTL left shadows a better one: reach is at
/// most the ball, and smaller somewhere.
#[test]
fn with_first_copy_and_unequal_latencies_the_reach_is_within_the_ball() {
    let mut missed = 0;
    for seed in 1..=5 {
        let graph = graph(Topology::RandomRegular { nodes: 50, degree: 4 }, seed);
        let latency = Latency::Exponential { mean_us: 50_000 };
        let forward = config(Forward::FirstCopy);
        let mut world = standing(seed, world_config(latency, false), &graph, forward, |_| vec![]);
        for ttl in [2, 3, 4] {
            let search = world.search(NodeId(0), "common", ttl);
            world.settle().unwrap();
            let (reached, ball) = (reached(&world, search, NodeId(0)), graph.ball(0, ttl.into()));
            assert!(reached.is_subset(&ball), "seed {seed}, TTL {ttl}");
            missed += ball.len() - reached.len();
        }
    }
    assert!(missed > 0, "exponential latencies cost no reach at all");
}

/// Compressed links carry the same floods (the checkers cannot read along there; what the nodes
/// report must agree).
#[test]
fn compressed_links_reach_as_far_and_bring_every_hit_home() {
    for (seed, latency) in (1..).zip(latencies()) {
        let graph = graph(Topology::ErdosRenyi { nodes: 30, mean_degree: 4.0 }, seed);
        let forward = filbert::node::Config { compress_links: true, ..config(Forward::HigherTtl) };
        let mut world = standing(seed, world_config(latency, true), &graph, forward, one_file);
        assert_eq!(world.messages(), 0, "the checkers read compressed links");
        for ttl in [1, 2, 3] {
            let before = queries_received(&world);
            let search = world.search(NodeId(0), "common", ttl);
            world.settle().unwrap();
            let results = results(&world, NodeId(0), search);
            let ball = graph.ball(0, ttl.into());
            assert_eq!(results, ball.len(), "{latency:?}, TTL {ttl}");
            assert!(queries_received(&world) - before >= ball.len() as u64);
        }
    }
}

fn queries_received(world: &World) -> u64 {
    let views = (0..world.nodes()).filter_map(|node| world.view(NodeId(node)));
    views.map(|view| view.messages(Kind::QUERY).0).sum()
}

/// A hit takes as long as the query and itself: with equal latencies twice the distance.
#[test]
fn the_first_hit_comes_after_twice_the_distance() {
    let graph = graph(Topology::Line { nodes: 6 }, 1);
    let latency = Latency::Constant { us: 20_000 };
    let at_the_end = |node| if node == NodeId(5) { one_file(node) } else { vec![] };
    let forward = config(Forward::HigherTtl);
    let mut world = standing(1, world_config(latency, false), &graph, forward, at_the_end);
    let search = world.search(NodeId(0), "common", 5);
    world.settle().unwrap();
    let record = world.measure_search(NodeId(0), search).expect("recorded");
    assert_eq!(record.first_found_after(), Some(Duration::from_millis(200)));
    assert_eq!((record.hit_messages, record.hits_home), (5, 1));
}

/// The same seed gives the same world, event by event; another seed another one.
#[test]
fn a_seed_is_a_world() {
    let run = |seed| {
        let graph = graph(Topology::ErdosRenyi { nodes: 20, mean_degree: 4.0 }, seed);
        let latency = Latency::Exponential { mean_us: 50_000 };
        let forward = config(Forward::HigherTtl);
        let mut world = standing(seed, world_config(latency, true), &graph, forward, one_file);
        world.search(NodeId(3), "common", 4);
        world.run_for(Duration::from_secs(90)).unwrap();
        (world.trace_hash(), world.steps())
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
