//! What nodes note of queries and hits that pass: all of them, and truthfully.

use super::link::{LAST, greeting};
use super::rope::{Cut, World, address, config};
use super::strategies::by;
use super::why::{descriptor, hit, neighbour, query};
use crate::node::config::{Forward, Role, Strategy};
use crate::node::io::SearchQuery;
use crate::node::passages::{Fate, Passage};
use crate::node::{Config, Event, Why};
use crate::wire::{Guid, Kind};

fn noting(config: Config) -> Config {
    Config { passages_max: 1_000, ..config }
}

fn all(world: &World, node: usize) -> Vec<Passage> {
    world.nodes[node].passages(None).passages
}

/// The fates of queries, or of hits, at all nodes.
fn count(world: &World, fate: Fate) -> usize {
    let nodes = 0..world.nodes.len();
    nodes.map(|node| all(world, node).iter().filter(|one| one.fate == fate).count()).sum()
}

fn is_query(passage: &Passage) -> bool {
    passage.servent.is_none()
}

/// Nothing gets lost on a rope: as many copies came as were given on their way, and as nodes count.
fn agree(world: &World, what: &str) {
    let passages: Vec<Passage> =
        (0..world.nodes.len()).flat_map(|node| all(world, node)).filter(is_query).collect();
    let sent: u64 = passages.iter().map(|one| u64::from(one.links)).sum();
    let came = passages.iter().filter(|one| one.fate.arrived()).count() as u64;
    let received: u64 =
        (0..world.nodes.len()).map(|node| world.view(node).messages(Kind::QUERY).0).sum();
    assert_eq!((sent, came), (received, received), "{what}: {passages:#?}");
    assert!(received > 0, "{what}");
}

/// So many nodes in a ring with two chords, everybody with a file.
fn ring(count: usize, config: &Config) -> World {
    let mut world = World::new(count, &noting(config.clone()));
    world.cut = Cut::Joined;
    for node in 0..count {
        world.link(node, (node + 1) % count);
        world.share(node, &[&format!("word of node{node}")]);
    }
    world.link(0, count / 2);
    world.link(1, count - 2);
    world
}

#[test]
fn nothing_is_noted_unless_wanted() {
    let mut world = World::new(2, &config());
    world.link(0, 1);
    world.share(1, &["a word.txt"]);
    world.search(0, 1, "word", 3);
    let view = world.nodes[1].passages(None);
    assert_eq!((view.max, view.passages.len(), view.overwritten), (0, 0, 0));
    assert!(world.nodes[1].passages.is_none());
}

#[test]
fn a_copy_is_noted_with_what_became_of_it() {
    let mut world = World::new(1, &noting(config()));
    world.share(0, &["words.txt", "more words.txt"]);
    let (asker, other, third) =
        (neighbour(&mut world), neighbour(&mut world), neighbour(&mut world));
    let says = [
        (asker, query(1, 2, 2, "words"), Fate::First, 2, 2, None),
        (other, query(1, 2, 2, "words"), Fate::Duplicate, 0, 0, Some(Why::Duplicate)),
        (third, query(1, 3, 1, "words"), Fate::HigherTtl, 2, 0, None),
        (asker, query(2, 1, 3, "words"), Fate::First, 0, 2, Some(Why::TtlSpent)),
        (asker, query(3, 2, 0, "nothing"), Fate::First, 2, 0, None),
        (asker, query(4, 0, 3, "words"), Fate::Dropped, 0, 0, Some(Why::TtlZero)),
        (asker, query(5, 3, 0, "a b"), Fate::Dropped, 0, 0, Some(Why::QueryTooShort)),
        (
            other,
            descriptor(1, Kind::QUERY_HIT, 3, 1, &hit(Guid([5; 16]))),
            Fate::PassedBack,
            1,
            1,
            None,
        ),
        (
            other,
            descriptor(9, Kind::QUERY_HIT, 3, 1, &hit(Guid([5; 16]))),
            Fate::NoWayBack,
            0,
            1,
            Some(Why::NoRoute),
        ),
        (
            asker,
            descriptor(1, Kind::QUERY_HIT, 3, 1, &hit(Guid([5; 16]))),
            Fate::NoWayBack,
            0,
            1,
            Some(Why::NoRoute),
        ),
        (
            asker,
            descriptor(1, Kind::QUERY_HIT, 0, 1, &hit(Guid([5; 16]))),
            Fate::Dropped,
            0,
            1,
            Some(Why::TtlZero),
        ),
    ];
    for (at, (peer, bytes, fate, links, results, why)) in says.into_iter().enumerate() {
        world.say(peer, &bytes);
        let Some(&noted) = all(&world, 0).get(at) else { panic!("{fate:?} is not noted") };
        let (ttl, hops, len) = (bytes[17], bytes[18], bytes.len() as u32);
        assert_eq!((noted.ttl, noted.hops, noted.bytes), (ttl, hops, len));
        assert_eq!((noted.guid.0[0], noted.at), (bytes[0], world.now));
        let came = (noted.fate, noted.links, noted.results, noted.why);
        assert_eq!(came, (fate, links, results, why), "number {at}");
        assert_eq!(noted.servent, (at > 6).then_some(Guid([5; 16])));
        assert!(noted.from.is_some());
    }
    let of_one = world.nodes[0].passages(Some(Guid([1; 16]))).passages;
    assert_eq!(of_one.len(), 6);
}

#[test]
fn a_query_is_followed_through_all_nodes_and_its_hits_back() {
    for (forward, compress_links) in [(Forward::FirstCopy, false), (Forward::HigherTtl, true)] {
        let mut world = ring(8, &Config { forward, compress_links, ..config() });
        world.search(0, 1, "word", 7);
        agree(&world, "a flood");
        let (edges, nodes) = (10, 8);
        let came = count(&world, Fate::First) + count(&world, Fate::Duplicate);
        // On a rope shorter ways are faster, so that no copy comes again with a higher TTL.
        assert_eq!((came, count(&world, Fate::HigherTtl)), (2 * edges - nodes + 1, 0));
        assert_eq!((count(&world, Fate::Asked), count(&world, Fate::First)), (1, nodes - 1));
        assert_eq!(count(&world, Fate::CameHome), nodes - 1);
        assert_eq!(count(&world, Fate::CameHome), world.found(0, 1).len());
        let asked = all(&world, 0)[0];
        assert_eq!((asked.fate, asked.from, asked.ttl, asked.links), (Fate::Asked, None, 7, 3));
        let guid = asked.guid;
        assert!(world.events[0].iter().any(|event| {
            matches!(event, Event::Asks { search, query } if (search.0, *query) == (1, guid))
        }));
        for node in 1..8 {
            let first = all(&world, node)[0];
            assert_eq!((first.fate, first.guid, first.results), (Fate::First, guid, 1));
            // Where the sender listens, also if it is the one who connected.
            assert!((0..8).any(|other| first.from == Some(address(other))), "{first:?}");
        }
        // Each hit's way: passed back once less than it has crossed links.
        let home = all(&world, 0);
        let home = home.iter().filter(|one| one.fate == Fate::CameHome);
        let hops: u32 = home.map(|one| u32::from(one.hops)).sum();
        assert_eq!(count(&world, Fate::PassedBack) as u32, hops);
    }
}

#[test]
fn every_way_to_ask_shows_as_many_copies_as_nodes_count() {
    let ask = |text: &str| SearchQuery { text: text.into(), ..SearchQuery::default() };
    for strategy in [
        Strategy::Flood,
        Strategy::Dynamic,
        Strategy::ExpandingRing,
        Strategy::RandomNeighbours { k: 2 },
        Strategy::Walkers { walkers: 2 },
    ] {
        // On ropes nothing takes time, and walkers that find nothing walk until the search ends.
        let walks = matches!(strategy, Strategy::Walkers { .. });
        for (text, finds) in [("node5", true), ("nobody", false)] {
            if walks && !finds {
                continue;
            }
            let mut world = ring(8, &by(strategy));
            world.search_for(0, 1, ask(text));
            world.pass(100);
            let what = format!("{strategy:?} for {text}");
            agree(&world, &what);
            let asked = all(&world, 0).iter().filter(|one| one.fate == Fate::Asked).count();
            let floods = if strategy == Strategy::ExpandingRing { 2..=4 } else { 1..=1 };
            assert!(floods.contains(&asked), "{what}: {asked}");
            assert_eq!(count(&world, Fate::CameHome) > 0, finds, "{what}");
            assert!(walks || count(&world, Fate::WentOn) == 0, "{what}");
        }
    }
}

#[test]
fn a_dynamic_query_goes_on_link_by_link() {
    let config = Config {
        strategy: Strategy::Dynamic,
        local_addresses: false,
        alive_ping_s: 100,
        subnet_share_percent: 100,
        ..noting(config())
    };
    let mut world = World::new(1, &config);
    let lines = "X-Degree: 30\r\nX-Max-TTL: 3\r\nX-Ext-Probes: 0.1\r\nX-Dynamic-Querying: 0.1\r\n";
    for _ in 0..20 {
        world.script(0, &[greeting(lines), LAST.to_vec()].concat());
    }
    world.search_for(0, 1, SearchQuery { text: "words".into(), ..SearchQuery::default() });
    world.pass(7);
    let noted = all(&world, 0);
    let said = noted.iter().map(|one| (one.fate, one.ttl, one.links, one.from));
    let expected = [(Fate::Asked, 2, 3, None), (Fate::WentOn, 3, 1, None)];
    assert_eq!(Vec::from_iter(said), expected);
    assert!(noted[0].guid == noted[1].guid && noted[0].bytes == noted[1].bytes);
}

#[test]
fn with_leaves_and_tables_it_is_the_same() {
    let tiers = noting(Config {
        strategy: Strategy::Dynamic,
        query_routing: true,
        leaves_max: 10,
        ..config()
    });
    let leaf = Config { role: Role::Leaf, ..tiers.clone() };
    let mut world = World::mixed(&[tiers.clone(), tiers.clone(), tiers, leaf.clone(), leaf]);
    for (from, to) in [(0, 1), (1, 2), (3, 0), (4, 2)] {
        world.link(from, to);
    }
    world.share(4, &["one word.txt"]);
    // Tables are told.
    world.pass(100);
    world.search_for(3, 1, SearchQuery { text: "word".into(), ..SearchQuery::default() });
    world.pass(60);
    agree(&world, "a leaf asks");
    let at_leaf = all(&world, 4);
    let [came] = &at_leaf[..] else { panic!("{at_leaf:?}") };
    assert_eq!((came.fate, came.results, came.why), (Fate::First, 1, Some(Why::NotRelayed)));
    assert_eq!(world.found(3, 1).len(), 1);
}
