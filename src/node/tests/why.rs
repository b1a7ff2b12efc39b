//! One crafted message moves exactly its counter.

use super::link::{LAST, greeting};
use super::rope::{End, World, config};
use crate::node::config::Role;
use crate::node::io::{DownloadRequest, SearchEnd, SearchId, Source};
use crate::node::{Command, Config, Event, Input, Relation, Why};
use crate::wire::{Guid, HEADER_LEN, Header, Kind, Ping, Pong, Push, QueryHit, Record, frame};

/// A node and a scripted neighbour of it; what it heard so far is forgotten.
pub(super) fn neighbour(world: &mut World) -> End {
    let peer = world.script(0, &[greeting("Bye-Packet: 0.1\r\n"), LAST.to_vec()].concat());
    world.heard(peer);
    peer
}

pub(super) fn descriptor(guid: u8, kind: Kind, ttl: u8, hops: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::write(&mut bytes, Guid([guid; 16]), kind, ttl, hops, payload);
    bytes
}

/// A query with valid flags.
pub(super) fn query(guid: u8, ttl: u8, hops: u8, text: &str) -> Vec<u8> {
    descriptor(guid, Kind::QUERY, ttl, hops, &[b"\x80\0", text.as_bytes(), b"\0"].concat())
}

pub(super) fn hit(servent: Guid) -> Vec<u8> {
    let mut payload = Vec::new();
    QueryHit::new(([9, 9, 9, 9], 6346).into(), servent, vec![Record::new(1, 1, "name")])
        .encode(&mut payload);
    payload
}

fn push(servent: Guid) -> Vec<u8> {
    push_to(servent, 6346)
}

fn push_to(servent: Guid, port: u16) -> Vec<u8> {
    let mut payload = Vec::new();
    let address = ([9, 9, 9, 9], port).into();
    Push { servent, index: 77, address, extensions: &[] }.encode(&mut payload);
    payload
}

/// The counts that moved while the peer said this.
fn moved(world: &mut World, peer: End, says: &[u8]) -> Vec<(Why, u64)> {
    let before = world.view(0);
    world.say(peer, says);
    let after = world.view(0);
    let change = |why: &Why| (*why, after.count(*why) - before.count(*why));
    Why::ALL.iter().map(change).filter(|&(_, moved)| moved > 0).collect()
}

#[test]
fn one_descriptor_moves_one_counter() {
    let (other, own) = (Guid([5; 16]), World::new(1, &config()).view(0).servent);
    let cases: Vec<(Why, Vec<u8>)> = vec![
        (Why::TtlZero, query(2, 0, 0, "words")),
        (Why::TtlTooHigh, query(2, 6, 2, "words")),
        (Why::TtlTooHigh, query(2, 255, 255, "words")),
        (Why::TtlSpent, query(2, 1, 0, "words")),
        (Why::Duplicate, query(1, 3, 0, "words")),
        (Why::Malformed, descriptor(2, Kind::QUERY, 3, 0, b"\x80\0no end")),
        (Why::Malformed, descriptor(2, Kind::QUERY, 3, 0, b"\x80\0\xFF\xFE\0")),
        (Why::QueryEmpty, query(2, 3, 0, "")),
        (Why::QueryEmpty, query(2, 1, 0, "    ")),
        (Why::QueryTooShort, query(2, 3, 0, "a b c")),
        (Why::QueryFlags, descriptor(2, Kind::QUERY, 3, 0, b"\0\0words\0")),
        (Why::NotForForwarding, descriptor(2, Kind::QRP, 2, 0, b"\0")),
        (Why::NotForForwarding, descriptor(2, Kind::VENDOR, 1, 1, b"\0")),
        (Why::NotForForwarding, descriptor(2, Kind::BYE, 1, 1, b"\0\0")),
        (Why::UnknownKind, descriptor(2, Kind(0x99), 1, 0, b"anything")),
        (Why::UnknownVendorMessage, descriptor(2, Kind::VENDOR, 1, 0, b"NONE\x01\0\x01\0?")),
        (Why::Malformed, descriptor(2, Kind::VENDOR, 1, 0, b"BEAR\x04\0\x01\0")),
        (Why::OwnHit, descriptor(2, Kind::QUERY_HIT, 3, 0, &hit(own))),
        (Why::NoRoute, descriptor(2, Kind::QUERY_HIT, 3, 0, &hit(other))),
        (Why::NoRoute, descriptor(1, Kind::QUERY_HIT, 3, 0, &hit(other))),
        (Why::Malformed, descriptor(2, Kind::QUERY_HIT, 3, 0, b"short")),
        (Why::TtlZero, descriptor(2, Kind::QUERY_HIT, 0, 3, &hit(other))),
        (Why::TtlTooHigh, descriptor(2, Kind::QUERY_HIT, 3, 8, &hit(other))),
        (Why::NoPushRoute, descriptor(2, Kind::PUSH, 3, 0, &push(other))),
        (Why::BadPush, descriptor(2, Kind::PUSH, 3, 0, &push_to(own, 0))),
        (Why::Malformed, descriptor(2, Kind::PUSH, 3, 0, b"short")),
        (Why::NoRoute, descriptor(2, Kind::PONG, 1, 0, &[1; 14])),
        (Why::Malformed, descriptor(2, Kind::PONG, 1, 0, &[1; 13])),
        (Why::Throttled, descriptor(2, Kind::PING, 3, 0, b"")),
        (Why::TtlTooHigh, descriptor(2, Kind::PING, 9, 0, b"")),
        (Why::TooLarge, descriptor(2, Kind::QUERY, 3, 0, &[b'a'; 1_025])),
        (Why::TooLarge, descriptor(2, Kind::QUERY_HIT, 3, 0, &[1; 65_537])[..HEADER_LEN].to_vec()),
        (
            Why::TooLarge,
            Header { guid: other, kind: Kind(7), ttl: 1, hops: 0, len: u32::MAX }.encode().to_vec(),
        ),
    ];
    for (why, says) in cases {
        let mut world = World::new(1, &config());
        let peer = neighbour(&mut world);
        world.say(peer, &query(1, 3, 0, "words"));
        world.say(peer, &descriptor(1, Kind::PING, 3, 0, b""));
        assert_eq!(moved(&mut world, peer, &says), [(why, 1)]);
        let gone = why == Why::TooLarge;
        assert_eq!(world.view(0).neighbours.is_empty(), gone, "{why:?}");
        if gone {
            let bye = [&400_u16.to_le_bytes()[..], why.text().as_bytes()].concat();
            assert!(world.heard(peer).windows(bye.len()).any(|at| at == bye));
        }
    }
}

#[test]
fn our_own_query_is_known_when_it_comes_back() {
    let mut world = World::new(1, &config());
    let peer = neighbour(&mut world);
    world.search(0, 1, "words", 3);
    let echo = world.heard(peer);
    assert_eq!(echo[HEADER_LEN - 6..HEADER_LEN - 4], [3, 0]);
    assert_eq!(moved(&mut world, peer, &echo), [(Why::OwnQuery, 1)]);
}

#[test]
fn a_hit_whose_asker_has_left_is_counted() {
    let mut world = World::new(1, &config());
    let (asker, sharer) = (neighbour(&mut world), neighbour(&mut world));
    world.say(asker, &query(1, 3, 0, "words"));
    let hit = hit(Guid([5; 16]));
    assert_eq!(moved(&mut world, sharer, &descriptor(1, Kind::QUERY_HIT, 3, 0, &hit)), []);
    let heard = world.heard(asker);
    // TTL down, hops up, the rest untouched.
    assert_eq!(heard, descriptor(1, Kind::QUERY_HIT, 2, 1, &hit));
    // The asker may now push the sharer.
    let push = push(Guid([5; 16]));
    assert_eq!(moved(&mut world, asker, &descriptor(2, Kind::PUSH, 3, 0, &push)), []);
    assert!(world.heard(sharer).ends_with(&descriptor(2, Kind::PUSH, 2, 1, &push)));
    world.say(asker, &descriptor(3, Kind::BYE, 1, 0, b"\xC8\0bye"));
    let late = descriptor(1, Kind::QUERY_HIT, 3, 0, &hit);
    assert_eq!(moved(&mut world, sharer, &late), [(Why::RouteLost, 1)]);
    let third = neighbour(&mut world);
    world.say(sharer, &descriptor(3, Kind::BYE, 1, 0, b"\xC8\0bye"));
    let late = descriptor(2, Kind::PUSH, 3, 0, &push);
    assert_eq!(moved(&mut world, third, &late), [(Why::RouteLost, 1)]);
}

#[test]
fn a_pong_with_an_unusable_address_is_counted_and_not_learnt() {
    for (address, expected) in [
        (([10, 1, 1, 1], 6346), vec![(Why::BadAddress, 1)]),
        (([9, 9, 9, 9], 0), vec![(Why::BadAddress, 1)]),
        (([9, 9, 9, 9], 6346), vec![]),
    ] {
        let config =
            Config { auto_connect: true, local_addresses: false, neighbours_wanted: 0, ..config() };
        let mut world = World::new(1, &config);
        let peer = world.script(0, &[greeting(""), LAST.to_vec()].concat());
        let heard = world.heard(peer);
        let at = heard.windows(2).position(|at| at == [Kind::PING.0, config.query_ttl_default]);
        let guid = at.and_then(|at| heard[..at].last_chunk::<16>()).copied().unwrap();
        let mut payload = Vec::new();
        Pong::new(address.into(), 1, 1).encode(&mut payload);
        let mut pong = Vec::new();
        frame::write(&mut pong, Guid(guid), Kind::PONG, 1, 0, &payload);
        assert_eq!(moved(&mut world, peer, &pong), expected);
        assert_eq!(world.view(0).hosts_known, u32::from(expected.is_empty()));
    }
}

#[test]
fn broken_descriptors_add_up_to_a_close() {
    let mut world = World::new(1, &Config { broken_descriptors_max: 3, ..config() });
    let peer = neighbour(&mut world);
    let broken = descriptor(2, Kind::PONG, 1, 0, b"");
    assert_eq!(moved(&mut world, peer, &broken), [(Why::Malformed, 1)]);
    let rest = broken.repeat(5);
    let expected = [(Why::Malformed, 2), (Why::TooManyErrors, 1)];
    assert_eq!(moved(&mut world, peer, &rest), expected);
    assert!(world.ended.contains(&peer));
}

#[test]
fn commands_that_cannot_be_obeyed_say_why() {
    let mut world = World::new(1, &Config { searches_max: 0, ..config() });
    let nobody = ([10, 0, 0, 99], 6346).into();
    let commands = [
        (Command::Disconnect { peer: nobody }, Why::NotConnected),
        (Command::Connect { host: "10.0.0.1".into(), port: 6346 }, Why::AlreadyConnected),
        (Command::Connect { host: "10.0.0.9".into(), port: 0 }, Why::BadAddress),
        (Command::StopSearch { search: SearchId(9) }, Why::NotConnected),
    ];
    for (command, expected) in commands {
        world.give(0, Input::Command(command));
        let Some(Event::Refused { why, .. }) = world.events[0].last() else { panic!() };
        assert_eq!(*why, expected);
    }
    world.give(0, Input::Command(Command::Browse { search: SearchId(9), host: nobody }));
    let Some(Event::SearchEnded { end, .. }) = world.events[0].last() else { panic!() };
    assert_eq!((*end, world.count(0, Why::TableFull)), (SearchEnd::TooMany, 1));
    world.give(0, Input::Command(Command::Connect { host: "10.0.0.99".into(), port: 6346 }));
    let Some(Event::LinkDown { why, .. }) = world.events[0].last() else { panic!() };
    assert_eq!((*why, world.count(0, Why::ConnectFailed)), (Why::ConnectFailed, 1));
}

#[test]
fn a_download_asks_for_a_push_along_the_way_of_the_hit() {
    let mut world = World::new(1, &config());
    let sharer = neighbour(&mut world);
    world.search(0, 1, "name", 3);
    let asked = world.heard(sharer);
    let servent = Guid([5; 16]);
    let mut answer = Vec::new();
    let guid = Guid(*asked.first_chunk().unwrap());
    frame::write(&mut answer, guid, Kind::QUERY_HIT, 2, 0, &hit(servent));
    world.say(sharer, &answer);
    assert_eq!(world.found(0, 1), [("name".to_owned(), 1)]);
    let source = Source {
        address: ([9, 9, 9, 9], 6346).into(),
        servent: Some(servent),
        index: Some(1),
        name: Some("name".into()),
        firewalled: true,
        push_proxies: Vec::new(),
    };
    let request = DownloadRequest {
        name: "name".into(),
        size: Some(1),
        sources: vec![source],
        ..DownloadRequest::default()
    };
    let download = crate::node::io::DownloadId(1);
    world.give(0, Input::Command(Command::Download { download, request }));
    world.settle();
    let heard = world.heard(sharer);
    let header = Header::decode(heard.first_chunk().unwrap());
    assert_eq!(header.kind, Kind::PUSH);
    let push = Push::decode(&heard[HEADER_LEN..]).unwrap();
    assert_eq!((push.servent, push.index, push.address), (servent, 1, super::rope::address(0)));
}

#[test]
fn an_alive_ping_is_always_answered() {
    let mut world = World::new(1, &config());
    let peer = neighbour(&mut world);
    for _ in 0..3 {
        let mut ping = Vec::new();
        Ping::PLAIN.encode(&mut ping);
        world.say(peer, &descriptor(7, Kind::PING, 1, 0, &ping));
        let heard = world.heard(peer);
        let header = Header::decode(heard.first_chunk().unwrap());
        assert_eq!((header.kind, header.guid, header.ttl), (Kind::PONG, Guid([7; 16]), 1));
        let pong = Pong::decode(&heard[HEADER_LEN..]).unwrap();
        assert_eq!(pong.address, super::rope::address(0));
    }
}

#[test]
fn a_leaf_passes_nothing_on() {
    let leaf = Config { role: Role::Leaf, subnet_share_percent: 100, ..config() };
    let mut world = World::new(1, &leaf);
    let (one, other) = (neighbour(&mut world), neighbour(&mut world));
    world.share(0, &["words.txt"]);
    assert_eq!(moved(&mut world, one, &query(1, 3, 0, "words")), [(Why::NotRelayed, 1)]);
    let answered = world.heard(one);
    assert_eq!(Header::decode(answered.first_chunk().unwrap()).kind, Kind::QUERY_HIT);
    let hit = descriptor(1, Kind::QUERY_HIT, 3, 0, &hit(Guid([5; 16])));
    assert_eq!(moved(&mut world, other, &hit), [(Why::NotRelayed, 1)]);
    let push = descriptor(2, Kind::PUSH, 3, 0, &push(Guid([5; 16])));
    assert_eq!(moved(&mut world, one, &push), [(Why::NotRelayed, 1)]);
    assert_eq!((world.heard(one).len(), world.heard(other).len()), (0, 0));
}

#[test]
fn a_leaf_that_relays_is_counted_and_closed() {
    let mut world = World::new(1, &config());
    let says = b"GNUTELLA CONNECT/0.6\r\nX-Ultrapeer: False\r\n\r\n";
    let leaf = world.script(0, &[&says[..], LAST].concat());
    assert_eq!(world.view(0).neighbours[0].relation, Relation::Leaf);
    assert_eq!(moved(&mut world, leaf, &query(1, 3, 1, "words")), [(Why::LeafRelays, 1)]);
    assert!(world.view(0).neighbours.is_empty());
}
