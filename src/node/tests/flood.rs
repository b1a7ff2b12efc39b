//! Floods, hits and their ways between whole nodes.

use super::rope::{Cut, World, config};
use super::why::{neighbour, query};
use crate::node::config::Forward;
use crate::node::io::{SearchEnd, SearchId, SearchQuery};
use crate::node::{Command, Config, Event, Input, Why};
use crate::wire::{Header, Kind};

fn line(count: usize, config: &Config, cut: Cut) -> World {
    let mut world = World::new(count, config);
    world.cut = cut;
    for node in 1..count {
        world.link(node - 1, node);
    }
    world
}

#[test]
fn two_nodes_shake_hands_and_find() {
    for cut in [Cut::Whole, Cut::Bytes, Cut::Joined] {
        for compress_links in [false, true] {
            let mut world = line(2, &Config { compress_links, ..config() }, cut);
            world.share(1, &["blue train.mp3", "red car.txt"]);
            world.search(0, 1, "TRAIN blue", 2);
            assert_eq!(world.found(0, 1), [("blue train.mp3".to_owned(), 1)]);
            for node in 0..2 {
                let view = world.view(node);
                let [neighbour] = &view.neighbours[..] else { panic!("{view:?}") };
                assert_eq!(neighbour.compressed_in, compress_links);
                assert_eq!(neighbour.compressed_out, compress_links);
                assert!(neighbour.user_agent.starts_with("filbert/"));
                assert_eq!(neighbour.incoming, node == 1);
            }
            assert!(matches!(world.events[0][0], Event::LinkUp { incoming: false, .. }));
        }
    }
}

#[test]
fn a_query_reaches_exactly_its_ttl_ball() {
    for ttl in 1..=6 {
        let mut world = line(8, &config(), Cut::Whole);
        for node in 1..8 {
            world.share(node, &[&format!("word number{node}")]);
        }
        world.search(0, 1, "word", ttl);
        let expected: Vec<_> = (1..=ttl).map(|node| (format!("word number{node}"), node)).collect();
        assert_eq!(world.found(0, 1), expected);
        assert_eq!(world.count(usize::from(ttl), Why::TtlSpent), 1);
    }
}

#[test]
fn in_a_ring_nothing_loops_and_everybody_answers_once() {
    let mut world = line(6, &config(), Cut::Whole);
    world.link(5, 0);
    for node in 1..6 {
        world.share(node, &[&format!("word number{node}")]);
    }
    world.search(0, 1, "word", 7);
    assert_eq!(world.found(0, 1).len(), 5);
    let duplicates: u64 = (0..6).map(|node| world.count(node, Why::Duplicate)).sum();
    let copies: u64 = (0..6).map(|node| world.view(node).messages(Kind::QUERY).0).sum();
    // 2E - N + 1 copies cross the links of a flood that covers everything.
    assert_eq!(copies, 2 * 6 - 6 + 1);
    assert_eq!(duplicates, copies - 5);
}

#[test]
fn a_copy_with_a_higher_ttl_goes_on_and_is_not_answered_again() {
    for (forward, copies) in [(Forward::HigherTtl, 2), (Forward::FirstCopy, 1)] {
        let mut world = World::new(1, &Config { forward, ..config() });
        world.share(0, &["words.txt"]);
        let (asker, way_round, other) =
            (neighbour(&mut world), neighbour(&mut world), neighbour(&mut world));
        world.say(asker, &query(1, 2, 2, "words"));
        let hit = world.heard(asker);
        assert_eq!(Header::decode(hit.first_chunk().unwrap()).kind, Kind::QUERY_HIT);
        world.say(way_round, &query(1, 3, 1, "words"));
        world.say(way_round, &query(1, 3, 1, "words"));
        let expected = [query(1, 1, 3, "words"), query(1, 2, 2, "words")].concat();
        assert_eq!(world.heard(other), expected[..copies * expected.len() / 2]);
        // The second copy went to the first asker too, but no second hit did.
        assert_eq!(world.heard(asker), expected[expected.len() / 2..copies * expected.len() / 2]);
        assert_eq!(world.count(0, Why::Duplicate), 3 - copies as u64);
    }
}

#[test]
fn results_are_filtered_counted_once_and_limited() {
    let wanted = |query: SearchQuery| {
        let mut world = line(3, &config(), Cut::Whole);
        world.link(2, 0);
        world.share(1, &["red apple.txt", "red apple.PDF", "red pear.txt", "red apple pie.txt"]);
        world.share(2, &["red apple.txt"]);
        world.search_for(0, 1, query);
        let found = world.found(0, 1).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        (found, world)
    };
    let red = SearchQuery { text: "red".into(), ..SearchQuery::default() };
    assert_eq!(wanted(red.clone()).0.len(), 5);
    let pdf = SearchQuery { extensions: vec![".pdf".into()], ..red.clone() };
    assert_eq!(wanted(pdf).0, ["red apple.PDF"]);
    let without = SearchQuery { without: vec!["Apple".into()], ..red.clone() };
    assert_eq!(wanted(without).0, ["red pear.txt"]);
    let sized = SearchQuery { size_min: Some(2_000), size_max: Some(3_000), ..red.clone() };
    assert_eq!(wanted(sized).0, ["red apple.PDF", "red pear.txt"]);
    let (found, world) = wanted(SearchQuery { results_max: Some(2), ..red });
    assert_eq!(found.len(), 2);
    let ended = Event::SearchEnded { search: SearchId(1), end: SearchEnd::Enough };
    assert_eq!(world.events[0].last(), Some(&ended));
    assert!(world.view(0).searches.is_empty());
}

#[test]
fn content_is_found_by_its_hash() {
    let mut world = line(3, &config(), Cut::Whole);
    world.share(2, &["one.txt", "two.txt"]);
    let sha1 = Some(crate::wire::Sha1([33; 20]));
    world.search_for(0, 1, SearchQuery { sha1, ..SearchQuery::default() });
    assert_eq!(world.found(0, 1), [("two.txt".to_owned(), 2)]);
}

#[test]
fn searches_end_for_their_reasons() {
    let end_of = |world: &World| match world.events[0].last() {
        Some(Event::SearchEnded { end, .. }) => *end,
        other => panic!("{other:?}"),
    };
    let mut world = World::new(2, &Config { search_lifetime_s: 60, ..config() });
    world.search(0, 1, "words", 2);
    assert_eq!(end_of(&world), SearchEnd::NoNeighbours);
    world.search(0, 2, "- a -", 2);
    assert_eq!(end_of(&world), SearchEnd::NothingToMatch);
    world.link(0, 1);
    world.search(0, 3, "words", 2);
    let view = world.view(0);
    assert_eq!((view.searches[0].asked, view.searches[0].reach), (1, 2));
    world.pass(59);
    assert_eq!(world.view(0).searches.len(), 1);
    world.pass(2);
    assert_eq!(end_of(&world), SearchEnd::TimedOut);
    world.search(0, 4, "words", 2);
    world.give(0, Input::Command(Command::StopSearch { search: SearchId(4) }));
    assert_eq!(end_of(&world), SearchEnd::Stopped);
}

#[test]
fn a_newcomer_is_asked_what_is_being_searched_for() {
    let mut world = World::new(3, &config());
    world.share(2, &["words.txt"]);
    world.link(0, 1);
    world.search(0, 1, "words", 2);
    assert!(world.found(0, 1).is_empty());
    world.link(0, 2);
    assert_eq!(world.found(0, 1), [("words.txt".to_owned(), 1)]);
}
