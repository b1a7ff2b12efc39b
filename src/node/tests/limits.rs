//! Limits hold, and one peer's misbehaviour stays its own.

use flate2::{Compression, FlushCompress};

use super::link::{LAST, greeting};
use super::rope::{Cut, World, config};
use super::why::{neighbour, query};
use crate::node::io::{DownloadId, DownloadRequest, Source};
use crate::node::{Command, Config, Input, Why};
use crate::wire::{HEADER_LEN, Kind};

#[test]
fn slow_openers_do_not_crowd_out_the_others() {
    let mut world = World::new(2, &Config { unknown_connections_max: 3, ..config() });
    let slow: Vec<_> = (0..5).map(|_| world.script(0, b"GNU")).collect();
    assert_eq!(world.ended, slow[..2]);
    world.link(1, 0);
    assert_eq!(world.view(0).neighbours.len(), 1);
    assert_eq!((world.count(0, Why::TooManyConnections), world.view(0).connections), (3, 3));
}

#[test]
fn connections_are_limited_in_all_and_for_one_address() {
    let mut world = World::new(1, &Config { connections_max: 2, ..config() });
    let first = neighbour(&mut world);
    neighbour(&mut world);
    neighbour(&mut world);
    assert_eq!((world.view(0).neighbours.len(), world.count(0, Why::TooManyConnections)), (2, 1));
    assert!(!world.ended.contains(&first), "neighbours do not give way");
    let mut world = World::new(4, &Config { connections_per_address_max: 2, ..config() });
    for _ in 0..3 {
        world.connect_raw(1, 0);
    }
    world.connect_raw(2, 0);
    assert_eq!((world.view(0).connections, world.count(0, Why::TooManyConnections)), (3, 1));
}

#[test]
fn the_blocked_are_closed_refused_and_not_dialled() {
    let mut world = World::new(3, &config());
    world.link(0, 1);
    let network = super::rope::address(1).ip();
    world.give(0, Input::Command(Command::Block { network, prefix_len: 32 }));
    world.settle();
    assert_eq!(world.view(0).neighbours.len(), 0);
    world.link(1, 0);
    world.link(0, 1);
    assert_eq!((world.view(0).neighbours.len(), world.count(0, Why::Blocked)), (0, 3));
    let source = Source {
        address: super::rope::address(1),
        servent: None,
        index: Some(1),
        name: Some("a".to_owned()),
        firewalled: false,
        push_proxies: Vec::new(),
    };
    let request = DownloadRequest { sources: vec![source], ..DownloadRequest::default() };
    world.give(0, Input::Command(Command::Download { download: DownloadId(1), request }));
    assert_eq!(world.count(0, Why::Blocked), 4);
    assert!(world.view(0).transfers.downloads[0].sources.is_empty());
    world.link(2, 0);
    world.give(0, Input::Command(Command::Unblock { network, prefix_len: 32 }));
    world.link(1, 0);
    assert_eq!(world.view(0).neighbours.len(), 2);
}

#[test]
fn a_peer_that_does_not_read_costs_its_queue_and_no_more() {
    let config = Config { send_queue_bytes_max: 4_096, send_window_bytes: 1_024, ..config() };
    let mut world = World::new(1, &config);
    let (asker, deaf) = (neighbour(&mut world), neighbour(&mut world));
    world.deaf.insert(deaf);
    for guid in 0..200 {
        world.say(asker, &query(guid, 3, 0, "a long enough text"));
    }
    let view = world.view(0);
    let waits = view.neighbours[1].queued_bytes;
    assert!(waits > 4_096 - 100 && waits <= 4_096 + 1_024 + 100, "{waits}");
    assert_eq!(view.neighbours[1].dropped, view.count(Why::QueueFull));
    assert!(view.count(Why::QueueFull) > 50);
    assert_eq!(view.neighbours[0].queued_bytes, 0);
}

/// A neighbour whose descriptors are deflated.
fn deflating(world: &mut World) -> super::rope::End {
    let last = b"GNUTELLA/0.6 200 OK\r\nContent-Encoding: deflate\r\n\r\n";
    world.script(0, &[&greeting("")[..], last].concat())
}

#[test]
fn bombs_and_broken_streams_end_the_link_alone() {
    let mut zeros = Vec::new();
    // One descriptor of 40,000 bytes over and over: nothing in it is wrong but its amount.
    let mut frame = vec![1; HEADER_LEN];
    frame[16..].copy_from_slice(&[Kind::VENDOR.0, 1, 0, 0x40, 0x9C, 0, 0]);
    frame.resize(HEADER_LEN + 40_000, 0);
    let mut compress = flate2::Compress::new(Compression::best(), true);
    for _ in 0..200 {
        zeros.reserve(2_000);
        compress.compress_vec(&frame, &mut zeros, FlushCompress::Sync).unwrap();
    }
    assert!(zeros.len() < 65_536, "{}", zeros.len());
    for (says, why) in [
        (zeros, Why::BadDeflate),
        (b"no deflate".to_vec(), Why::BadDeflate),
        (LAST.to_vec(), Why::BadDeflate),
    ] {
        let mut world = World::new(1, &config());
        let (good, bad) = (neighbour(&mut world), deflating(&mut world));
        world.say(bad, &says);
        assert!(world.ended.contains(&bad) && !world.ended.contains(&good));
        assert_eq!(world.count(0, why), 1);
        assert_eq!(world.view(0).neighbours.len(), 1);
    }
}

#[test]
fn one_byte_at_a_time_or_all_at_once_is_the_same() {
    let mut said = greeting("Accept-Encoding: deflate\r\nBye-Packet: 0.1\r\n");
    said.extend_from_slice(LAST);
    for guid in 0..20 {
        said.extend(query(guid, 3, 0, "some words"));
        said.extend(query(guid, 4, 1, "some words"));
    }
    let outcome = |cut| {
        let mut world = World::new(1, &config());
        world.cut = cut;
        let other = neighbour(&mut world);
        world.script(0, &said);
        (world.heard(other).len(), world.view(0).dropped, world.view(0).messages)
    };
    let whole = outcome(Cut::Whole);
    assert_eq!(whole.0, 2 * 20 * (HEADER_LEN + 13));
    assert_eq!(outcome(Cut::Bytes), whole);
    assert_eq!(outcome(Cut::Joined), whole);
}

#[test]
fn one_neighbour_brings_only_so_many_queries() {
    let config = Config { queries_per_minute_max: 60, query_burst: 2, ..config() };
    let mut world = World::new(1, &config);
    let (busy, other) = (neighbour(&mut world), neighbour(&mut world));
    for guid in 1..=3 {
        world.say(busy, &query(guid, 4, 0, "some words"));
    }
    assert_eq!(world.count(0, Why::TooManyQueries), 1);
    assert_eq!(world.heard(other).len(), 2 * query(1, 4, 0, "some words").len());
    // What was refused is not known by that: another may bring it.
    world.say(other, &query(3, 4, 0, "some words"));
    assert_eq!(world.heard(busy), query(3, 3, 1, "some words"));
    // What is known already costs nothing and is a duplicate, as ever.
    world.say(busy, &query(3, 4, 0, "some words"));
    assert_eq!((world.count(0, Why::TooManyQueries), world.count(0, Why::Duplicate)), (1, 1));
    // With a higher TTL it would go on again, and costs.
    world.say(other, &query(4, 2, 2, "some words"));
    world.say(busy, &query(4, 4, 0, "some words"));
    assert_eq!(world.count(0, Why::TooManyQueries), 2);
    world.pass(2);
    world.say(busy, &query(5, 4, 0, "some words"));
    assert_eq!(world.count(0, Why::TooManyQueries), 2);
}

#[test]
fn what_a_neighbour_asks_and_what_it_passes_on_are_counted_apart() {
    let config = Config { queries_per_minute_max: 60, query_burst: 2, ..config() };
    let mut world = World::new(1, &config);
    let (busy, other) = (neighbour(&mut world), neighbour(&mut world));
    let mut guid = 0;
    for hops in 0..3 {
        for _ in 0..5 {
            guid += 1;
            world.say(busy, &query(guid, 4 - hops, hops, "some words"));
        }
    }
    // Of those with no hops two; of the others, which cost no more, at least one each.
    let heard = world.heard(other).len() / query(1, 4, 0, "some words").len();
    assert!((4..=9).contains(&heard), "{heard}");
    assert_eq!(world.count(0, Why::TooManyQueries) as usize, 15 - heard);
}

#[test]
fn a_leaf_brings_fewer_still() {
    let config = Config {
        queries_per_minute_max: 60,
        leaf_queries_per_minute_max: 60,
        leaf_query_burst: 1,
        ..config()
    };
    let mut world = World::new(1, &config);
    let hello = b"GNUTELLA CONNECT/0.6\r\nX-Ultrapeer: False\r\n\r\n";
    let leaf = world.script(0, &[&hello[..], LAST].concat());
    for guid in 1..=3 {
        world.say(leaf, &query(guid, 2, 0, "some words"));
    }
    assert_eq!(world.count(0, Why::TooManyQueries), 2);
}
