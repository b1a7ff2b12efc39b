//! A flood of queries by few (row 1): what it costs the others, in traffic and in success.

use std::sync::Arc;
use std::time::Duration;

use filbert::node::io::{SearchId, SearchQuery};
use filbert::node::{Command, Config, Event, Why};
use filbert::sim::{Dice, NodeId, SharedFile, Topology, World, WorldConfig};

/// Ultrapeers; one of them, half a percent, floods.
const NODES: u32 = 200;
const DEGREE: u32 = 8;
const FLOODER: NodeId = NodeId(0);
/// What it asks in a second: 20,000 queries a minute (Liu et al., ICPP 2007).
const FLOOD_PER_S: u32 = 333;
/// What the others ask in a second, all together: each speaks for some forty leaves with 0.3
/// queries a minute (Sripanidkulchai).
const HONEST_PER_S: u32 = 40;

/// What the others had.
#[derive(Debug)]
struct Others {
    /// Descriptors that they sent.
    messages: u64,
    /// Searches that found something, of how many.
    found: u32,
    asked: u32,
    /// Queries that were refused because one neighbour brought too many.
    refused: u64,
}

/// One node in a hundred has what everybody looks for.
fn shared(node: NodeId) -> Vec<SharedFile> {
    let has_it = node.0 % 100 == 51;
    let file = || SharedFile::unhashed(1, &format!("common file of {node}.txt"), 1_000, 1);
    has_it.then(file).into_iter().collect()
}

fn run(floods: bool, limited: bool, seconds: u32) -> Others {
    let limit = Config::default().queries_per_minute_max;
    let config = Config {
        queries_per_minute_max: if limited { limit } else { 0 },
        neighbours_max: 100,
        auto_connect: false,
        compress_links: false,
        local_addresses: true,
        alive_ping_s: u16::MAX,
        search_lifetime_s: 5,
        ..Config::flat()
    };
    let flooder = Config { searches_max: u16::MAX, ..config.clone() };
    let (config, flooder) = (Arc::new(config), Arc::new(flooder));
    let mut dice = Dice::new(1).derive("topology");
    let graph = Topology::RandomRegular { nodes: NODES, degree: DEGREE }.graph(&mut dice);
    let mut world = World::new(1, WorldConfig::default());
    for node in 0..NODES {
        let config = if NodeId(node) == FLOODER { &flooder } else { &config };
        world.add_node(config, shared(NodeId(node)));
    }
    world.mend(&graph);
    world.settle().unwrap();
    let ask = |world: &mut World, node, id: u64, text: &str| {
        let query = SearchQuery { text: text.to_owned(), ttl: Some(4), ..SearchQuery::default() };
        world.command(node, Command::Search { search: SearchId(id), query });
    };
    let before = messages(&world);
    let (mut id, mut asked) = (0, 0);
    for _ in 0..seconds * HONEST_PER_S {
        id += 1;
        asked += 1;
        let node = NodeId(1 + dice.below(u64::from(NODES) - 1) as u32);
        ask(&mut world, node, id, "common file");
        for _ in 0..(if floods { FLOOD_PER_S / HONEST_PER_S } else { 0 }) {
            id += 1;
            ask(&mut world, FLOODER, id, "nobody has this");
        }
        world.run_for(Duration::from_secs(1) / HONEST_PER_S).unwrap();
    }
    world.run_for(Duration::from_secs(3)).unwrap();
    let messages = messages(&world) - before;
    let mut found = std::collections::BTreeSet::new();
    let mut refused = 0;
    for node in (1..NODES).map(NodeId) {
        for (_, event) in world.events(node) {
            if let Event::Found { search, .. } = event {
                found.insert(search);
            }
        }
        refused += world.view(node).map_or(0, |view| view.count(Why::TooManyQueries));
    }
    Others { messages, found: found.len() as u32, asked, refused }
}

/// Descriptors sent by all but the flooder.
fn messages(world: &World) -> u64 {
    (1..world.nodes()).map(|node| world.load(NodeId(node)).messages_sent).sum()
}

#[test]
fn row_01_a_flood_by_few_costs_the_others_little() {
    let (peace, flood) = (run(false, true, 15), run(true, true, 15));
    assert_eq!((peace.found, peace.refused), (peace.asked, 0), "nobody is refused in peace");
    assert!(flood.refused > 10_000, "{flood:?}");
    assert!(flood.messages * 2 < peace.messages * 3, "{flood:?} against {peace:?}");
    assert_eq!(flood.found, flood.asked, "{flood:?}");
    // Without the limit it would not be so.
    let (peace, flood) = (run(false, false, 1), run(true, false, 1));
    assert!(flood.messages > peace.messages * 4, "{flood:?} against {peace:?}");
}
