//! Strategies of laboratories, node by node: what they cost in whole worlds is tested there.

use super::link::{LAST, greeting};
use super::rope::{End, World, config};
use super::why::query;
use crate::node::config::Strategy;
use crate::node::io::{SearchEnd, SearchId, SearchQuery};
use crate::node::{Config, Event};
use crate::wire::{Guid, HEADER_LEN, Header, Kind};

pub(super) fn by(strategy: Strategy) -> Config {
    Config { strategy, ..config() }
}

/// A node with so many scripted neighbours.
fn among(neighbours: usize, strategy: Strategy) -> (World, Vec<End>) {
    let mut world = World::new(1, &by(strategy));
    let hello = [greeting(""), LAST.to_vec()].concat();
    let ends: Vec<End> = (0..neighbours).map(|_| world.script(0, &hello)).collect();
    for &end in &ends {
        world.heard(end);
    }
    (world, ends)
}

/// The queries that each was sent since it was last asked: GUID, TTL and hops.
fn asked(world: &mut World, ends: &[End]) -> Vec<Vec<(Guid, u8, u8)>> {
    ends.iter()
        .map(|&end| {
            let heard = world.heard(end);
            let mut rest = &heard[..];
            let mut found = Vec::new();
            while let Some(header) = rest.first_chunk().map(Header::decode) {
                if header.kind == Kind::QUERY {
                    found.push((header.guid, header.ttl, header.hops));
                }
                rest = &rest[HEADER_LEN + header.len as usize..];
            }
            found
        })
        .collect()
}

fn words(ttl: u8) -> SearchQuery {
    SearchQuery { text: "some words".into(), ttl: Some(ttl), ..SearchQuery::default() }
}

#[test]
fn a_strategy_that_is_not_one_for_this_network_is_refused() {
    let ring = Strategy::ExpandingRing;
    let some = |k| Strategy::RandomNeighbours { k };
    let public = |strategy| Config { local_addresses: false, ..by(strategy) };
    for (config, asks, begins) in [
        (by(Strategy::Flood), Some(ring), true),
        (by(Strategy::Dynamic), Some(ring), true),
        (by(ring), Some(Strategy::Flood), true),
        (by(some(2)), None, true),
        (by(some(2)), Some(some(2)), true),
        (by(some(2)), Some(some(3)), false),
        (by(some(2)), Some(Strategy::Flood), false),
        (by(Strategy::Flood), Some(some(2)), false),
        (public(Strategy::Flood), Some(ring), false),
        (public(ring), None, false),
        (public(some(2)), Some(Strategy::Flood), true),
    ] {
        let mut world = World::new(2, &config);
        world.link(0, 1);
        world.search_for(0, 7, SearchQuery { strategy: asks, ..words(2) });
        let end = SearchEnd::WrongStrategy;
        let refused = Event::SearchEnded { search: SearchId(7), end };
        let what = format!("{asks:?} in {:?}", config.strategy);
        assert_eq!(world.events[0].contains(&refused), !begins, "{what}");
        assert_eq!(world.view(0).searches.len(), usize::from(begins), "{what}");
    }
}

#[test]
fn a_ring_floods_anew_and_farther_until_there_is_enough() {
    let (mut world, ends) = among(2, Strategy::ExpandingRing);
    world.search_for(0, 1, SearchQuery { ttl: Some(3), ..words(3) });
    let mut guids = Vec::new();
    // Each flood is awaited 2.4 s for each link.
    for (ttl, wait) in [(1, 3), (2, 5), (3, 8)] {
        let floods = asked(&mut world, &ends);
        let [first, second] = &floods[..] else { panic!() };
        assert_eq!((first, first.len()), (second, 1), "both are asked once");
        assert_eq!((first[0].1, first[0].2), (ttl, 0));
        guids.push(first[0].0);
        world.pass(wait);
    }
    assert_eq!(asked(&mut world, &ends), [[], []], "as wide as it may be");
    guids.dedup();
    assert_eq!(guids.len(), 3, "every flood has a GUID of its own");
    let told: Vec<Guid> = world.events[0]
        .iter()
        .filter_map(|event| match event {
            Event::AsksAnew { search: SearchId(1), query } => Some(*query),
            _ => None,
        })
        .collect();
    assert_eq!(told, guids[1..]);
}

#[test]
fn a_ring_ends_with_the_first_results_and_late_ones_count() {
    let mut world = World::new(4, &by(Strategy::ExpandingRing));
    for node in 1..4 {
        world.link(node - 1, node);
    }
    world.share(2, &["some words.txt"]);
    world.share(3, &["more words of some.txt"]);
    world.search_for(0, 1, words(7));
    world.pass(60);
    // Node 2 is two links away: the flood that would reach node 3 never left.
    assert_eq!(world.found(0, 1), [("some words.txt".to_owned(), 2)]);
    let ring = world.nodes[0].searches.iter().next().and_then(|(_, search)| search.ring);
    assert_eq!(ring.map(|ring| ring.ttl), Some(2));
    // Who wants more gets more.
    world.search_for(0, 2, SearchQuery { results_max: Some(2), ..words(7) });
    world.pass(60);
    assert_eq!(world.found(0, 2).len(), 2);
}

#[test]
fn some_neighbours_at_random_get_a_query_and_never_the_one_it_came_from() {
    let (mut world, ends) = among(6, Strategy::RandomNeighbours { k: 2 });
    let mut times = [0; 6];
    for number in 1..=200 {
        world.say(ends[0], &query(number, 3, 1, "words"));
        let asked = asked(&mut world, &ends);
        assert_eq!(asked.iter().flatten().count(), 2);
        assert!(asked.iter().flatten().all(|&(_, ttl, hops)| (ttl, hops) == (2, 2)));
        for (times, asked) in times.iter_mut().zip(&asked) {
            *times += asked.len();
        }
    }
    // 400 over five neighbours: 80 each, with a standard deviation of 7.
    assert_eq!(times[0], 0);
    assert!(times[1..].iter().all(|times| (50..110).contains(times)), "{times:?}");
    // A search of our own asks as many.
    world.search_for(0, 1, words(3));
    assert_eq!(asked(&mut world, &ends).iter().flatten().count(), 2);
    // The last hop is passed on to nobody.
    world.say(ends[1], &query(201, 1, 1, "words"));
    assert_eq!(asked(&mut world, &ends).iter().flatten().count(), 0);
}
