//! What all nodes note of a query, against what the simulator measures from outside.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::worlds::{config, graph, latencies, one_file, standing, world_config};
use filbert::node::Config;
use filbert::node::config::Forward;
use filbert::node::passages::{Fate, Passage};
use filbert::sim::{NodeId, Topology, World};
use filbert::wire::Guid;

const SHAPES: [Topology; 4] = [
    Topology::Ring { nodes: 17 },
    Topology::Grid { rows: 4, columns: 6 },
    Topology::RandomRegular { nodes: 50, degree: 4 },
    Topology::ErdosRenyi { nodes: 40, mean_degree: 3.0 },
];

/// The passages of a query at all nodes.
fn passages(world: &World, query: Guid) -> BTreeMap<u32, Vec<Passage>> {
    let nodes = (0..world.nodes()).map(NodeId);
    nodes.map(|node| (node.0, world.passages(node, query).expect("it lives").passages)).collect()
}

fn query_of(world: &World, origin: NodeId) -> Guid {
    let all = world.passages(origin, Guid::ZERO).expect("it lives");
    assert!(all.passages.is_empty());
    let asked = |event: &filbert::node::Event| match event {
        filbert::node::Event::Asks { query, .. } => Some(*query),
        _ => None,
    };
    world.said(origin).iter().rev().find_map(|(_, event)| asked(event)).expect("it asked")
}

/// Copies that came anywhere, first copies, answers and hits that came home are what the simulator
/// counts; under first-copy they are 2E - N + 1, under higher-TTL the first copies are the ball.
#[test]
fn what_nodes_note_is_what_the_simulator_measures() {
    for (seed, shape) in (1..).zip(SHAPES) {
        for (latency, forward) in latencies()
            .into_iter()
            .flat_map(|latency| [(latency, Forward::FirstCopy), (latency, Forward::HigherTtl)])
        {
            let graph = graph(shape, seed);
            let config = Config { passages_max: 1_000, ..config(forward) };
            let mut world = standing(seed, world_config(latency, true), &graph, config, one_file);
            let origin = NodeId(graph.nodes() / 2);
            for ttl in [2, 4, graph.nodes() as u8] {
                let search = world.search(origin, "common", ttl);
                world.settle().unwrap();
                let noted = passages(&world, query_of(&world, origin));
                let record = world.measure_search(origin, search).expect("recorded");
                let at = format!("{shape:?}, {latency:?}, {forward:?}, TTL {ttl}");
                let count = |fates: &[Fate]| {
                    let all = noted.values().flatten();
                    all.filter(|passage| fates.contains(&passage.fate)).count() as u64
                };
                let queries = [Fate::First, Fate::HigherTtl, Fate::Duplicate];
                assert_eq!(count(&queries), record.messages, "{at}");
                let reached: Vec<NodeId> = noted
                    .iter()
                    .filter(|(_, all)| all.iter().any(|passage| passage.fate == Fate::First))
                    .map(|(node, _)| NodeId(*node))
                    .collect();
                assert_eq!(reached, record.reached(), "{at}");
                assert_eq!(count(&[Fate::CameHome]), record.hits_home, "{at}");
                let hits = [Fate::CameHome, Fate::PassedBack];
                assert_eq!(count(&hits), record.hit_messages, "{at}");
                let links: u64 = noted.values().flatten().map(|one| u64::from(one.links)).sum();
                // A hit's own first step is its query's answer.
                assert_eq!(links, record.messages + count(&[Fate::PassedBack]), "{at}");
                let (nodes, edges) = (u64::from(graph.nodes()), graph.edges().len() as u64);
                match forward {
                    Forward::FirstCopy if u64::from(ttl) == nodes => {
                        assert_eq!(count(&queries), 2 * edges - nodes + 1, "{at}");
                    }
                    Forward::FirstCopy => assert_eq!(count(&[Fate::HigherTtl]), 0, "{at}"),
                    Forward::HigherTtl => {
                        let ball = graph.ball(origin.0, ttl.into());
                        assert_eq!(
                            Vec::from_iter(reached.iter().map(|node| node.0)),
                            Vec::from_iter(ball),
                            "{at}"
                        );
                    }
                }
                // No two searches at the same time of the world.
                world.run_for(Duration::from_secs(1)).unwrap();
            }
        }
    }
}
