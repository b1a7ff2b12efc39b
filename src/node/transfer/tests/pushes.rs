//! Push and GIV, both ways, and what keeps us from being turned against others.

use std::net::SocketAddr;

use super::rope::*;
use crate::node::io::{DownloadState, Source};
use crate::node::transfer::{SourceState, Us, Wish};
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
        let wish = Wish::SendPush { servent: guid(giver), index: 1, proxies: Vec::new() };
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
    assert_eq!(rope.connects, 1, "whatever the port: nobody was there");
    assert_eq!(rope.count(giver, Why::ConnectFailed), 1);
    // Later there is one more try, and another twice as late.
    for (pause_s, tries) in [(499, 1), (1, 2), (999, 2), (1, 3), (1_999, 3), (1, 4)] {
        rope.run_s(pause_s);
        assert_eq!(obey(&mut rope, push(guid(0), 1, victim)), tries, "{pause_s} s later");
    }
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

/// A source with this push proxy, asked for by a servent; the proxy's answer to its request.
fn by_proxy(answer: &'static str) -> (Rope, usize, usize, usize) {
    let file = content(20_000, 1);
    let mut rope = Rope::new(1);
    let giver = rope.servent(config(), &[("song.ogg", &file)]);
    let proxy = rope.scripted(move |_, _| Reaction::new(answer, b"").then_close());
    let taker = rope.servent(config(), &[]);
    let mut order = request(&file, &[]);
    let push_proxies = vec![address(proxy)];
    order.sources = vec![Source { push_proxies, ..firewalled(giver) }];
    rope.download(taker, order);
    rope.settle();
    (rope, giver, proxy, taker)
}

fn wished(rope: &mut Rope, taker: usize) -> Vec<Wish> {
    let wishes = rope.at(taker).wishes.iter().map(|(_, wish)| wish.clone());
    wishes.filter(|wish| matches!(wish, Wish::SendPush { .. })).collect()
}

#[test]
fn push_proxies_are_asked_by_datagram_and_then_by_http() {
    let (mut rope, giver, proxy, taker) = by_proxy("HTTP/1.1 202 Sent");
    let wish = |proxies| Wish::SendPush { servent: guid(giver), index: 1, proxies };
    assert_eq!(wished(&mut rope, taker), [wish(vec![address(proxy)])]);
    assert_eq!(rope.requests(proxy), 0);
    rope.run_s(6);
    assert_eq!((rope.requests(proxy), rope.connects), (1, 1));
    let source = rope.at(taker).transfers.view().downloads[0].sources[0];
    assert_eq!(source.state, SourceState::AskedToPush);
    // It handed the push over without naming the file.
    let push = push(guid(giver), 0, address(taker));
    rope.call(giver, |t, now, _, out| t.on_push(now, &push, out));
    rope.settle();
    rope.assert_published(taker, &content(20_000, 1), DownloadState::Done);
    assert_eq!(rope.count(taker, Why::NoPushProxy), 0);
}

#[test]
fn one_that_does_not_help_is_left_alone_and_the_hits_way_tried() {
    let (mut rope, giver, proxy, taker) = by_proxy("HTTP/1.1 410 Gone");
    rope.run_s(6);
    assert_eq!((rope.requests(proxy), rope.count(taker, Why::NoPushProxy)), (1, 1));
    let wish = |proxies| Wish::SendPush { servent: guid(giver), index: 1, proxies };
    assert_eq!(wished(&mut rope, taker), [wish(vec![address(proxy)]), wish(Vec::new())]);
    rope.run_s(3_000);
    assert_eq!(rope.requests(proxy), 1, "it said that it does not help");
    assert!(wished(&mut rope, taker)[2..].iter().all(|later| *later == wish(Vec::new())));
}

#[test]
fn nobody_is_pushed_when_nobody_could_connect_to_us() {
    let file = content(2_000, 1);
    let mut rope = Rope::new(1);
    let giver = rope.servent(config(), &[("song.ogg", &file)]);
    let taker = rope.servent(config(), &[]);
    let us = Us { address: address(taker), firewalled: true, push_proxies: Vec::new() };
    rope.at(taker).transfers.know(us);
    let mut order = request(&file, &[]);
    order.sources = vec![firewalled(giver)];
    order.sha1 = None;
    rope.download(taker, order);
    rope.settle();
    assert_eq!((wished(&mut rope, taker), rope.count(taker, Why::BothFirewalled)), (vec![], 1));
    rope.run_s(100_000);
    assert_eq!(wished(&mut rope, taker), []);
    let limit = u64::from(Config::default().source_failures_max);
    assert_eq!(rope.count(taker, Why::BothFirewalled), limit);
    assert_eq!(rope.state(taker), DownloadState::Failed);
}

#[test]
fn our_push_proxies_are_named_in_answers_and_those_of_sources_learnt() {
    let file = content(20_000, 1);
    let mut rope = Rope::new(1);
    let giver = rope.servent(config(), &[("song.ogg", &file)]);
    let proxies = vec![SocketAddr::from(([127, 0, 5, 5], 6346))];
    let us = Us { address: address(giver), firewalled: true, push_proxies: proxies.clone() };
    rope.at(giver).transfers.know(us);
    let client = rope.end(End::Mute(Vec::new()));
    let conn = rope.dial(client, giver);
    rope.write(client, conn, b"GET /get/1/song.ogg HTTP/1.1\r\n\r\n");
    rope.settle();
    let heard = String::from_utf8_lossy(&rope.heard(client)).into_owned();
    assert!(heard.contains("\r\nX-Push-Proxy: 127.0.5.5:6346\r\n"), "{heard}");
    // A source that says the same and is busy is asked by its proxies when it cannot be reached.
    let taker = rope.servent(config(), &[]);
    let busy = "HTTP/1.1 503 Busy\r\nRetry-After: 5\r\nX-Push-Proxy: 127.0.5.5:6346";
    let source = rope.scripted(move |_, _| Reaction::new(busy, b"").then_close());
    rope.download(taker, request(&file, &[source]));
    rope.settle();
    *rope.replace(source) = End::Unreachable;
    rope.run_s(8);
    let wish = Wish::SendPush { servent: guid(source), index: 1, proxies };
    assert_eq!(wished(&mut rope, taker)[0], wish);
}
