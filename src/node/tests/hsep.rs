//! Horizons over one link.

use super::link::{LAST, greeting};
use super::rope::{End, World, config};
use super::why::descriptor;
use crate::node::config::Strategy;
use crate::node::io::SearchQuery;
use crate::node::{Config, Why};
use crate::wire::hsep::{Horizon, Shared};
use crate::wire::{HEADER_LEN, Header, Kind};

fn world() -> World {
    // Scripts answer no pings.
    World::new(1, &Config { horizon_interval_s: 30, alive_ping_s: 60, ..config() })
}

fn neighbour(world: &mut World, lines: &str) -> End {
    let peer = world.script(0, &[greeting(lines), LAST.to_vec()].concat());
    world.heard(peer);
    peer
}

/// The numbers of a message with these triples.
fn horizon(numbers: &[u64]) -> Vec<u8> {
    let payload: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    descriptor(2, Kind::HSEP, 1, 0, &payload)
}

const SPEAKS: &str = "X-Features: tls/1.0, HSEP/0.2\r\n";

#[test]
fn a_message_that_cannot_be_moves_its_counter_and_counts_for_nothing() {
    let cases: [(&str, &[u64], Why); 5] = [
        (SPEAKS, &[2, 0, 0], Why::BadHorizon),
        (SPEAKS, &[1, 5, 5, 1, 4, 5], Why::BadHorizon),
        (SPEAKS, &[1, 2], Why::BadHorizon),
        ("", &[1, 0, 0], Why::UnknownKind),
        ("X-Features: HSEP/0.3\r\n", &[1, 0, 0], Why::UnknownKind),
    ];
    for (lines, numbers, why) in cases {
        let mut world = world();
        let peer = neighbour(&mut world, lines);
        let before = world.view(0);
        world.say(peer, &horizon(numbers));
        let after = world.view(0);
        assert_eq!((before.count(why), after.count(why)), (0, 1), "{lines} {numbers:?}");
        assert_eq!(after.dropped.len(), before.dropped.len() + 1, "{lines} {numbers:?}");
        assert_eq!(after.horizon, before.horizon);
    }
}

#[test]
fn a_leaf_has_nobody_behind_it() {
    let mut world = world();
    let says = String::from_utf8(greeting(SPEAKS)).unwrap().replace("True", "False");
    let leaf = world.script(0, &[says.as_bytes(), LAST].concat());
    world.say(leaf, &horizon(&[1, 5, 70]));
    let view = world.view(0);
    assert!(view.horizon.iter().all(|far| (far.nodes, far.files) == (1, 5)), "{view:?}");
    world.say(leaf, &horizon(&[1, 5, 70, 2, 6, 80]));
    assert_eq!(world.view(0).count(Why::BadHorizon), 1);
    assert_eq!(world.view(0).horizon, view.horizon);
}

#[test]
fn a_newcomer_is_told_at_once_and_what_it_says_is_not_told_to_it() {
    let mut world = world();
    let peer = world.script(0, &[greeting(SPEAKS), LAST.to_vec()].concat());
    world.pass(2);
    world.say(peer, &horizon(&[1, 7, 7, 100, 7_000, 7_000]));
    world.pass(40);
    let heard = world.heard(peer);
    let said = (0..heard.len()).filter_map(|at| {
        let (header, rest) = heard[at..].split_first_chunk::<HEADER_LEN>()?;
        let header = Header::decode(header);
        let payload = rest.get(..header.len as usize)?;
        let is_one = header.kind == Kind::HSEP && (header.ttl, header.hops) == (1, 0);
        is_one.then(|| Horizon::decode(payload).ok()).flatten()
    });
    // Nothing but ourselves lies behind us, and that does not change.
    let alone = Horizon::new(&[Shared { nodes: 1, ..Shared::default() }]);
    assert_eq!(said.collect::<Vec<_>>(), [alone]);
    let horizon = world.view(0).horizon;
    assert_eq!((horizon[0].nodes, horizon[0].files), (1, 7));
    assert_eq!((horizon[6].nodes, horizon[6].files), (100, 7_000));
}

#[test]
fn what_neighbours_say_is_how_far_a_search_is_said_to_reach() {
    for (strategy, numbers, reached) in [
        (Strategy::Flood, &[1, 7, 7, 30, 70, 70, 100, 700, 700][..], 100),
        (Strategy::Dynamic, &[1, 7, 7, 30, 70, 70, 100, 700, 700], 100),
        (Strategy::Flood, &[], 3),
    ] {
        let mut world = world();
        let peer = neighbour(&mut world, &format!("{SPEAKS}X-Dynamic-Querying: 0.1\r\n"));
        if !numbers.is_empty() {
            world.say(peer, &horizon(numbers));
        }
        let ttl = if strategy == Strategy::Flood { 3 } else { 4 };
        let query = SearchQuery {
            text: "words".to_owned(),
            ttl: Some(ttl),
            strategy: Some(strategy),
            ..SearchQuery::default()
        };
        world.search_for(0, 1, query);
        world.pass(50);
        let search = &world.view(0).searches[0];
        assert_eq!((search.asked, search.reach), (1, reached), "{strategy:?} {numbers:?}");
    }
}
