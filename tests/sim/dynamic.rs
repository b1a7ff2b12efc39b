//! Dynamic queries in a world of ultrapeers with thirty neighbours each, against floods: popular
//! content on one node in a hundred, rare content on one in ten thousand.

use std::sync::Arc;
use std::time::Duration;

use crate::worlds::{config, graph, world_config};
use filbert::node::config::{Forward, Strategy};
use filbert::node::io::{SearchId, SearchQuery};
use filbert::node::{Command, Config};
use filbert::sim::{Latency, NodeId, SharedFile, Topology, World};

/// Nodes, unless `FILBERT_DYNAMIC_NODES` names more: the figures of checks are for 20,000.
const NODES: u32 = 1_200;
const DEGREE: u32 = 30;
/// Results that an ultrapeer seeks for a leaf; three quarters of the popular ones where there are
/// fewer.
const WANTED_MAX: u32 = 50;

fn wanted(nodes: u32) -> u32 {
    (nodes / 100 * 3 / 4).min(WANTED_MAX)
}

fn nodes() -> u32 {
    std::env::var("FILBERT_DYNAMIC_NODES").ok().and_then(|n| n.parse().ok()).unwrap_or(NODES)
}

/// One node in a hundred has `popular`, one in ten thousand (at least one) `rare`; no asker.
fn shared(node: NodeId) -> Vec<SharedFile> {
    let mut files = Vec::new();
    let number = u64::from(node.0);
    if number % 100 == 50 {
        files.push(SharedFile::unhashed(1, &format!("popular of {node}.txt"), 1_000, number));
    }
    if number % 10_000 == 777 {
        files.push(SharedFile::unhashed(2, &format!("rare of {node}.txt"), 1_000, number));
    }
    files
}

fn standing(nodes: u32) -> World {
    let graph = graph(Topology::RandomRegular { nodes, degree: DEGREE }, 1);
    let mut world = World::new(1, world_config(Latency::Exponential { mean_us: 50_000 }, false));
    let config = Config {
        ttl_and_hops_max: 7,
        neighbours_max: 100,
        // Nobody falls silent here, and pings would be most of what happens.
        alive_ping_s: u16::MAX,
        ..config(Forward::HigherTtl)
    };
    world.add_nodes(&graph, &Arc::new(config), shared);
    world.settle().unwrap();
    world
}

/// Messages and results of one search.
fn ask(world: &mut World, origin: u32, id: u64, text: &str, strategy: Strategy) -> (u64, u32) {
    let (node, search) = (NodeId(origin), SearchId(1_000_000 + id));
    let query = SearchQuery {
        text: text.to_owned(),
        ttl: Some(4),
        results_max: Some(wanted(world.nodes())),
        strategy: Some(strategy),
        ..SearchQuery::default()
    };
    world.command(node, Command::Search { search, query });
    world.run_for(Duration::from_secs(220)).unwrap();
    let record = world.measure_search(node, search).expect("the query left");
    (record.messages, record.results as u32)
}

#[test]
fn the_popular_costs_ten_times_less_and_the_rare_is_found_as_well() {
    let mut world = standing(nodes());
    let mut id = 0;
    let mut all = |text: &str, strategy| {
        let (mut messages, mut results) = (0, 0);
        for origin in [3, 333, 1_111] {
            id += 1;
            let (cost, found) = ask(&mut world, origin, id, text, strategy);
            messages += cost;
            results += found;
        }
        println!("{text} {strategy:?}: {messages} messages, {results} results");
        (messages, results)
    };
    let flood = all("popular", Strategy::Flood);
    let dynamic = all("popular", Strategy::Dynamic);
    assert!(
        dynamic.1 >= 3 * wanted(nodes()) && flood.1 >= 3 * wanted(nodes()),
        "{dynamic:?}, {flood:?}"
    );
    assert!(dynamic.0 * 10 <= flood.0, "{dynamic:?} against {flood:?}");
    let flood = all("rare", Strategy::Flood);
    let dynamic = all("rare", Strategy::Dynamic);
    assert!(flood.1 > 0 && dynamic.1 >= flood.1, "{dynamic:?} against {flood:?}");
}
