//! One-hop replication and query routing: what they spare on the same worlds.

use std::time::Duration;

use filbert::node::Config;
use filbert::node::config::Strategy;
use filbert::node::io::SearchId;
use filbert::sim::{Graph, NodeId, SharedFile, Topology, World};

use crate::worlds::{EQUAL, ask, by, graph, standing};

const NODES: u32 = 400;

/// Every node shares a file with a word that all have, every fortieth one with a rare word.
fn shared(node: NodeId) -> Vec<SharedFile> {
    let rare = if node.0 % 40 == 7 { " rare" } else { "" };
    vec![SharedFile::unhashed(1, &format!("common{rare} {node}.txt"), 1_000, node.0.into())]
}

fn regular() -> Graph {
    graph(Topology::RandomRegular { nodes: NODES, degree: 4 }, 3)
}

fn world(config: Config, graph: &Graph) -> World {
    let config = Config { results_per_search_max: 10_000, ..config };
    let mut world = standing(1, EQUAL, graph, config, shared);
    // Tables have been told.
    world.run_for(Duration::from_secs(130)).unwrap();
    world
}

/// A flood finds all that lies one link farther than it reaches, and costs no message more.
#[test]
fn one_hop_replication_finds_what_lies_one_link_farther() {
    let graph = regular();
    let plain = by(Strategy::Flood);
    let replicated = Config { one_hop_replication: true, ..plain.clone() };
    let mut worlds = [world(plain, &graph), world(replicated, &graph)];
    for (number, ttl) in (1..).zip([1, 2, 3, 4]) {
        let origin = NodeId(number as u32 * 31);
        let [plain, replicated] = worlds.each_mut().map(|world| {
            ask(world, number, &[(origin, "common".into())], ttl, Duration::from_secs(20));
            let mut record = world.search_record(origin, SearchId(number));
            record.found_at.retain(|node| *node != origin);
            record
        });
        assert_eq!(plain.messages, replicated.messages);
        for (record, links) in [(plain, ttl), (replicated, ttl + 1)] {
            let found: Vec<u32> = record.found_at.iter().map(|node| node.0).collect();
            let ball = Vec::from_iter(graph.ball(origin.0, links.into()));
            assert_eq!(found, ball, "TTL {ttl} from {origin}");
        }
    }
}

/// The messages of searches for the rare word, all together, in a world of this configuration;
/// every one of them finds it.
fn messages(config: &Config, ttl: u8) -> u64 {
    let mut world = world(config.clone(), &regular());
    let origins = (0..30).map(|at| at * 13).filter(|origin| origin % 40 != 7);
    let questions: Vec<(NodeId, String)> =
        origins.map(|origin| (NodeId(origin), "rare".into())).collect();
    ask(&mut world, 1, &questions, ttl, Duration::from_secs(100));
    let records = (1..).zip(&questions).map(|(number, (origin, _))| {
        let record = world.search_record(*origin, SearchId(number));
        assert!(record.results > 0, "{origin} found nothing with {:?}", config.strategy);
        record.messages
    });
    records.sum()
}

/// Whatever asks, one-hop replication and query routing tables spare messages; what is there to be
/// found is found.
#[test]
fn every_strategy_is_spared_messages_by_neighbours_that_know_each_other() {
    for (strategy, ttl, spared_by_tables) in [
        (Strategy::Flood, 5, true),
        (Strategy::ExpandingRing, 8, true),
        (Strategy::RandomNeighbours { k: 3 }, 6, true),
        (Strategy::Walkers { walkers: 8 }, 1, false),
    ] {
        let plain = by(strategy);
        let replicated = Config { one_hop_replication: true, ..plain.clone() };
        let routed = Config { query_routing: true, ..plain.clone() };
        let [plain, replicated, routed] =
            [plain, replicated, routed].map(|config| messages(&config, ttl));
        println!("{strategy:?}: {plain} plain, {replicated} replicated, {routed} routed");
        if matches!(strategy, Strategy::ExpandingRing | Strategy::Walkers { .. }) {
            assert!(replicated < plain, "{strategy:?}: {replicated} of {plain}");
        }
        assert!(!spared_by_tables || routed < plain, "{strategy:?}: {routed} of {plain}");
    }
}
