//! How neighbours are won and lost.

use super::rope::{Cut, World, address, config};
use crate::node::config::Role;
use crate::node::{Command, Config, Event, Input, Why};
use crate::wire::{Bye, Kind, frame};

/// A greeting with these header lines.
pub(super) fn greeting(lines: &str) -> Vec<u8> {
    format!("GNUTELLA CONNECT/0.6\r\nUser-Agent: script/1\r\nX-Ultrapeer: True\r\n{lines}\r\n")
        .into_bytes()
}

pub(super) const LAST: &[u8] = b"GNUTELLA/0.6 200 OK\r\n\r\n";

/// The status line that a scripted peer got, and whether it was closed then.
fn answer_to(config: &Config, says: &[u8]) -> (String, bool, World) {
    let mut world = World::new(1, config);
    let peer = world.script(0, says);
    let heard = String::from_utf8_lossy(&world.heard(peer)).into_owned();
    let ended = world.ended.contains(&peer);
    (heard.lines().next().unwrap_or_default().to_owned(), ended, world)
}

#[test]
fn every_opening_gets_its_answer() {
    let leaf = Config { role: Role::Leaf, ..config() };
    let full = Config { neighbours_max: 0, ..config() };
    let cases: [(&[u8], &str, Option<Why>, &Config); 9] = [
        (&greeting(""), "GNUTELLA/0.6 200 OK", None, &config()),
        (&greeting(""), "GNUTELLA/0.6 503 No free slot", Some(Why::NoSlot), &full),
        (
            b"GNUTELLA CONNECT/0.6\r\nX-Ultrapeer: False\r\n\r\n",
            "GNUTELLA/0.6 503 Two leaves",
            Some(Why::TwoLeaves),
            &leaf,
        ),
        (
            b"GNUTELLA CONNECT/0.4\n\n",
            "GNUTELLA/0.6 505 Gnutella 0.4 is not spoken here",
            Some(Why::TooOld),
            &config(),
        ),
        (b"GNUTELLA CONNECT/0.6\r\nno colon\r\n\r\n", "", Some(Why::BadHandshake), &config()),
        (b"GNUTELLA/0.6 200 OK\r\n\r\n", "", Some(Why::UnknownProtocol), &config()),
        (
            &[b"GNUTELLA CONNECT/0.6\r\nA: ".as_slice(), &[b'a'; 20_000]].concat(),
            "",
            Some(Why::BadHandshake),
            &config(),
        ),
        (b"SSH-2.0-OpenSSH\r\n", "", Some(Why::UnknownProtocol), &config()),
        (&[0xFF; 100], "", Some(Why::UnknownProtocol), &config()),
    ];
    for (says, expected, why, config) in cases {
        let (status, ended, world) = answer_to(config, says);
        assert_eq!((status.as_str(), ended), (expected, why.is_some()));
        let counted: Vec<Why> = world.view(0).dropped.iter().map(|dropped| dropped.why).collect();
        assert_eq!(counted, why.into_iter().collect::<Vec<_>>());
        assert_eq!(world.view(0).connections, u32::from(why.is_none()));
    }
}

#[test]
fn a_slow_opening_is_closed_in_time() {
    for says in [&b""[..], b"GNU", b"GNUTELLA CONNECT/0.6\r\n", &greeting("")] {
        let mut world = World::new(1, &Config { handshake_timeout_s: 20, ..config() });
        let peer = world.script(0, says);
        world.pass(19);
        assert!(!world.ended.contains(&peer));
        world.pass(2);
        assert!(world.ended.contains(&peer));
        assert_eq!(world.count(0, Why::TooSlow), 1);
    }
}

#[test]
fn a_neighbour_that_stays_silent_is_pinged_and_closed() {
    let mut world = World::new(1, &config());
    let peer = world.script(0, &[greeting("Bye-Packet: 0.1\r\n"), LAST.to_vec()].concat());
    assert_eq!(world.view(0).neighbours.len(), 1);
    world.pass(1_000);
    assert!(world.ended.contains(&peer));
    let heard = world.heard(peer);
    let pings = heard.windows(3).filter(|at| *at == [Kind::PING.0, 1, 0]).count();
    assert!(pings >= usize::from(Config::default().alive_pings_unanswered_max));
    assert_eq!(world.count(0, Why::NoAlivePong), 1);
}

#[test]
fn two_nodes_keep_each_other_alive_and_say_bye() {
    for compress_links in [false, true] {
        let mut world = World::new(2, &Config { compress_links, ..config() });
        world.cut = Cut::Bytes;
        world.link(0, 1);
        world.pass(3_600);
        assert_eq!(world.view(0).neighbours.len(), 1);
        world.give(0, Input::Command(Command::Shutdown));
        world.settle();
        assert!(matches!(world.events[0].last(), Some(Event::Stopped)));
        let Some(Event::LinkDown { why, said, .. }) = world.events[1].last() else { panic!() };
        assert_eq!((*why, said.as_deref()), (Why::Bye, Some("200 shutting down")));
    }
}

#[test]
fn nobody_is_a_neighbour_twice_nor_of_itself() {
    let mut world = World::new(2, &config());
    world.link(0, 1);
    world.link(0, 1);
    world.link(1, 0);
    world.link(0, 0);
    for node in 0..2 {
        assert_eq!(world.view(node).neighbours.len(), 1);
    }
    assert_eq!(world.count(0, Why::AlreadyConnected), 2);
    // Both at once: one connection stays.
    let mut world = World::new(2, &config());
    for (node, other) in [(0, 1), (1, 0)] {
        let host = address(other).ip().to_string();
        world.give(node, Input::Command(Command::Connect { host, port: 6346 }));
    }
    world.settle();
    for node in 0..2 {
        assert_eq!(world.view(node).neighbours.len(), 1, "{:?}", world.view(node).dropped);
    }
}

#[test]
fn a_refused_one_is_told_where_to_try_and_goes_there() {
    let wanted = Config { neighbours_wanted: 1, auto_connect: true, ..config() };
    let mut world = World::new(3, &Config { neighbours_max: 1, ..wanted });
    world.link(0, 1);
    // Node 1 has no room: it names node 0, which has none either.
    world.link(2, 1);
    assert_eq!(world.view(2).hosts_known, 2);
    let refused = |event: &Event| match event {
        Event::LinkDown { why: Why::Refused, said, .. } => said.clone(),
        _ => None,
    };
    let said: Vec<String> = world.events[2].iter().filter_map(refused).collect();
    assert_eq!(said, ["503 No free slot", "503 No free slot"]);
}

#[test]
fn a_bye_is_heard_and_bytes_after_it_are_not() {
    let mut world = World::new(1, &config());
    let mut says = [greeting(""), LAST.to_vec()].concat();
    let bye = Bye { code: 409, text: "no more".into() };
    frame::write_with(&mut says, crate::wire::Guid([1; 16]), Kind::BYE, 1, 0, |out| {
        bye.encode(out)
    });
    says.extend_from_slice(&[0xFF; 200]);
    let peer = world.script(0, &says);
    assert!(world.ended.contains(&peer));
    let Some(Event::LinkDown { why, said, .. }) = world.events[0].last() else { panic!() };
    assert_eq!((*why, said.as_deref()), (Why::Bye, Some("409 no more")));
    assert_eq!(world.view(0).dropped.len(), 1);
}
