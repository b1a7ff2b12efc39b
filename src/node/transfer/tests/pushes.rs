//! Push and GIV, both ways, and what keeps us from being turned against others.

use std::net::SocketAddr;

use super::rope::*;
use crate::node::io::{DownloadState, Source};
use crate::node::transfer::{SourceState, Wish};
use crate::node::{Config, Why};
use crate::wire::{Guid, Push};

fn push(servent: Guid, index: u32, address: SocketAddr) -> Push<'static> {
    Push { servent, index, address, extensions: &[] }
}

fn firewalled(end: usize) -> Source {
    Source { firewalled: true, ..source(end) }
}

#[test]
fn a_firewalled_source_is_asked_to_push_and_gives() {
    let file = content(20_000, 1);
    for seed in 0..12 {
        let mut rope = Rope::new(seed);
        let giver = rope.servent(config(), &[("song.ogg", &file)]);
        let taker = rope.servent(config(), &[]);
        let mut order = request(&file, &[]);
        order.sources = vec![firewalled(giver)];
        rope.download(taker, order);
        rope.settle();
        let wish = Wish::SendPush { servent: guid(giver), index: 1 };
        let wishes: Vec<Wish> = rope.at(taker).wishes.iter().map(|(_, w)| w.clone()).collect();
        assert_eq!(wishes, [wish]);
        let push = push(guid(giver), 1, address(taker));
        rope.call(giver, |t, now, _, out| t.on_push(now, &push, out));
        rope.settle();
        rope.assert_published(taker, &file, DownloadState::Done);
        assert_eq!(rope.connects, 1);
    }
}

#[test]
fn one_that_cannot_be_reached_is_asked_to_push_if_its_guid_is_known() {
    let file = content(2_000, 1);
    let mut rope = Rope::new(1);
    let unreachable = rope.end(End::Unreachable);
    let taker = rope.servent(config(), &[]);
    rope.download(taker, request(&file, &[unreachable]));
    rope.settle();
    let source = rope.at(taker).transfers.view().downloads[0].sources[0];
    assert_eq!(source.state, SourceState::AskedToPush);
    rope.run_s(21);
    let source = rope.at(taker).transfers.view().downloads[0].sources[0];
    assert_eq!((source.state, source.trouble), (SourceState::Waiting, Some(Why::ConnectFailed)));
    rope.run_s(10_000);
    let source = rope.at(taker).transfers.view().downloads[0].sources[0];
    assert_eq!(source.state, SourceState::GivenUp);
    let limit = usize::from(Config::default().source_failures_max);
    assert_eq!(rope.connects, limit);
    let pushes = |w: &&(_, Wish)| matches!(w.1, Wish::SendPush { .. });
    assert_eq!(rope.at(taker).wishes.iter().filter(pushes).count(), limit);
}

#[test]
fn a_giv_that_nobody_asked_for_is_closed() {
    let file = content(2_000, 1);
    for giv in [
        format!("GIV 1:{}/file\n\n", guid(9)),
        format!("GIV 1:{}/file\n\nGET / HTTP/1.1\r\n\r\n", guid(0)),
        "GIV nonsense\n\n".to_owned(),
    ] {
        let mut rope = Rope::new(3);
        let giver = rope.end(End::Mute(Vec::new()));
        let taker = rope.servent(config(), &[]);
        let mut order = request(&file, &[]);
        order.sources = vec![firewalled(giver)];
        rope.download(taker, order);
        let conn = rope.dial(giver, taker);
        rope.write(giver, conn, giv.as_bytes());
        rope.settle();
        assert!(!rope.is_open(giver, conn), "{giv}");
        assert_eq!(rope.count(taker, Why::UnexpectedGiv), 1, "{giv}");
        assert!(rope.heard(giver).is_empty());
    }
}

#[test]
fn pushes_are_obeyed_only_for_us_and_a_few_times() {
    let config = Config { pushes_max: 100, ..config() };
    let mut rope = Rope::new(1);
    let giver = rope.servent(config, &[("song.ogg", b"la")]);
    let victim = SocketAddr::from(([127, 9, 9, 9], 80));
    let obey = |rope: &mut Rope, push: Push<'_>| {
        rope.call(giver, |t, now, _, out| t.on_push(now, &push, out));
        rope.settle();
        rope.connects
    };
    assert_eq!(obey(&mut rope, push(guid(7), 1, victim)), 0);
    assert_eq!(obey(&mut rope, push(guid(0), 1, SocketAddr::from(([127, 9, 9, 9], 0)))), 0);
    assert_eq!(obey(&mut rope, push(guid(0), 1, SocketAddr::from(([255; 4], 80)))), 0);
    assert_eq!(rope.count(giver, Why::BadPush), 3);
    for port in 1..10_000 {
        // Whatever the index: it may be one of no file.
        obey(&mut rope, push(guid(0), u32::MAX, SocketAddr::new(victim.ip(), port)));
    }
    assert_eq!(rope.connects, 5, "whatever the port, so often an address and no more");
    rope.run_s(31);
    assert_eq!(obey(&mut rope, push(guid(0), 1, victim)), 6);
    assert_eq!(rope.count(giver, Why::ConnectFailed), 6);
}

#[test]
fn a_giv_is_known_by_its_guid_whatever_its_index() {
    let file = content(2_000, 1);
    let mut rope = Rope::new(3);
    let giver = rope.end(End::Mute(Vec::new()));
    let taker = rope.servent(config(), &[]);
    let mut order = request(&file, &[]);
    order.sources = vec![firewalled(giver)];
    rope.download(taker, order);
    let conn = rope.dial(giver, taker);
    rope.write(giver, conn, format!("GIV 0:{}/file\n\n", guid(0)).as_bytes());
    rope.settle();
    assert!(rope.is_open(giver, conn));
    assert!(rope.heard(giver).starts_with(b"GET /"));
}

#[test]
fn connections_for_pushes_are_limited_at_once() {
    let mut rope = Rope::new(1);
    let giver = rope.servent(Config { pushes_max: 3, ..config() }, &[("song.ogg", b"la")]);
    for host in 0..20 {
        let push = push(guid(0), 1, SocketAddr::from(([127, 0, 9, host], 80)));
        rope.call(giver, |t, now, _, out| t.on_push(now, &push, out));
    }
    assert_eq!((rope.connects, rope.count(giver, Why::BadPush)), (3, 17));
}
