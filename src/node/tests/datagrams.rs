//! Datagrams: what they are answered with, and why they are dropped.

use std::net::SocketAddr;

use super::rope::{World, address, config};
use super::why::descriptor;
use crate::node::{Command, Config, Input, Why};
use crate::wire::{Guid, HEADER_LEN, Header, Kind, Ping, Pong, Push};

/// Somebody who is no node of the world.
pub(super) fn stranger(number: u8) -> SocketAddr {
    SocketAddr::from(([9, 9, 9, number], 6346))
}

/// The counts that moved while a datagram was taken in.
pub(super) fn moved(world: &mut World, from: SocketAddr, data: &[u8]) -> Vec<(Why, u64)> {
    let before = world.view(0);
    world.give(0, Input::Datagram { from, data });
    world.settle();
    let after = world.view(0);
    let change = |why: &Why| (*why, after.count(*why) - before.count(*why));
    Why::ALL.iter().map(change).filter(|&(_, moved)| moved > 0).collect()
}

#[test]
fn one_datagram_moves_one_counter() {
    let push = |servent| {
        let (mut payload, address) = (Vec::new(), stranger(66));
        Push { servent, index: 77, address, extensions: &[] }.encode(&mut payload);
        descriptor(2, Kind::PUSH, 1, 0, &payload)
    };
    let own = World::new(1, &config()).view(0).servent;
    let plain = descriptor(2, Kind::PING, 1, 0, b"");
    let cases: Vec<(Why, SocketAddr, Vec<u8>)> = vec![
        (Why::Malformed, stranger(1), b"?".to_vec()),
        (Why::Malformed, stranger(1), [&plain[..], b"?"].concat()),
        (Why::TooLarge, stranger(1), descriptor(2, Kind::QUERY, 1, 0, &[0; 1_025])),
        (Why::UnexpectedDatagram, stranger(1), descriptor(2, Kind::BYE, 1, 0, b"\xC8\0")),
        (Why::UnexpectedDatagram, stranger(1), descriptor(2, Kind(0x44), 1, 0, b"")),
        (Why::NoRoute, stranger(1), descriptor(2, Kind::PONG, 1, 0, &[1; 14])),
        (Why::NoPushRoute, stranger(1), push(Guid([5; 16]))),
        (Why::BadPush, stranger(1), push(own)),
        (Why::Malformed, stranger(1), descriptor(2, Kind::PUSH, 1, 0, b"short")),
        (Why::BadAddress, SocketAddr::from(([9, 9, 9, 9], 0)), plain.clone()),
        (Why::Blocked, stranger(66), plain.clone()),
    ];
    for (why, from, data) in cases {
        let mut world = World::new(1, &config());
        let network = stranger(66).ip();
        world.give(0, Input::Command(Command::Block { network, prefix_len: 32 }));
        assert_eq!(moved(&mut world, from, &data), [(why, 1)], "{data:?}");
        let view = world.view(0).datagrams;
        let dropped: Vec<_> = view.dropped.iter().map(|dropped| (dropped.why, 1)).collect();
        assert_eq!((view.received, view.sent, dropped), (1, 0, vec![(why, 1)]));
        assert_eq!((view.received_bytes, world.posted.len()), (data.len() as u64, 0));
        assert_eq!(moved(&mut world, stranger(1), &plain), [], "the next one is answered");
        assert_eq!(world.posted.len(), 1);
    }
}

#[test]
fn a_ping_is_answered_and_a_second_one_for_hosts_without_any() {
    let mut world = World::new(1, &config());
    let ping = descriptor(2, Kind::PING, 1, 0, Ping::FOR_HOSTS.extensions);
    assert_eq!(moved(&mut world, stranger(1), &ping), []);
    assert_eq!(moved(&mut world, stranger(1), &ping), [(Why::Throttled, 1)]);
    assert_eq!(world.posted.len(), 2);
    for (to, data) in &world.posted {
        let header = Header::decode(data.first_chunk().unwrap());
        assert_eq!((*to, header.kind, header.guid), (stranger(1), Kind::PONG, Guid([2; 16])));
        let pong = Pong::decode(&data[HEADER_LEN..]).unwrap();
        assert_eq!(pong.address, address(0));
    }
}

#[test]
fn who_has_no_credit_gets_no_first_words_without_end() {
    let mut world = World::new(1, &Config { unasked_bytes_max: 100, ..config() });
    for _ in 0..3 {
        let host = stranger(1);
        world.give(0, Input::Command(Command::AskForHosts { host }));
    }
    assert_eq!((world.posted.len(), world.count(0, Why::UnprovenAddress)), (1, 2));
}

#[test]
fn a_link_proves_the_address_at_its_other_end() {
    let mut world = World::new(2, &Config { unasked_bytes_max: 0, ..config() });
    let ask = Command::AskForHosts { host: address(1) };
    world.give(0, Input::Command(ask.clone()));
    assert_eq!((world.view(0).datagrams.sent, world.count(0, Why::UnprovenAddress)), (0, 1));
    world.link(0, 1);
    world.give(0, Input::Command(ask));
    world.settle();
    let (asked, answered) = (world.view(0).datagrams, world.view(1).datagrams);
    assert_eq!((asked.sent, asked.received, asked.hosts_proven), (1, 1, 1));
    assert_eq!((answered.sent, answered.received, answered.hosts_proven), (1, 1, 1));
    assert_eq!(answered.sent_bytes, asked.received_bytes);
}
