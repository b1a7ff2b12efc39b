//! What living servents sent (tests/golden/README.md), given to a node as a neighbour's bytes.
//! Holds protocol.md sections 2, 3 and 11.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use filbert::node::view::Dropped;
use filbert::node::{Action, Config, ConnId, Input, Node, Rng, Time, View, WallTime, Why};

/// A node to which this was said, in pieces of so many bytes, and what it answered.
fn node_that_heard(session: &str, piece_bytes: usize) -> (View, Vec<u8>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/sessions").join(session);
    let said = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut rng = Rng::from_u64(1);
    let guid = rng.guid();
    let config = Config { local_addresses: true, auto_connect: false, ..Config::default() };
    let mut node = Node::new(Arc::new(config), guid, rng, WallTime(0));
    let conn = ConnId::accepted(1);
    let [peer, local] = [40_000, 6346].map(|port| SocketAddr::from(([127, 0, 0, 2], port)));
    let mut answer = Vec::new();
    let mut perform = |node: &mut Node, input: Input<'_>| {
        for action in node.handle(Time::ZERO, input) {
            if let Action::Send { chunk, .. } = action {
                answer.extend_from_slice(chunk.bytes());
            }
        }
    };
    perform(&mut node, Input::Accepted { conn, peer, local });
    for data in said.chunks(piece_bytes) {
        perform(&mut node, Input::Received { conn, data });
    }
    perform(&mut node, Input::TurnOver);
    (node.view(), answer)
}

#[test]
fn ultrapeers_become_neighbours_and_are_understood() {
    for (session, compressed, descriptors) in [
        ("gtk-gnutella_gtk-gnutella_clear.opener.bin", false, 11),
        ("gtk-gnutella_gtk-gnutella_deflate.opener.bin", true, 9),
        ("gtk-gnutella_gnutellabun_clear.opener.bin", false, 5),
    ] {
        for piece_bytes in [1, 100, 65_536] {
            let (view, answer) = node_that_heard(session, piece_bytes);
            let [neighbour] = &view.neighbours[..] else { panic!("{session}: {view:?}") };
            assert!(neighbour.user_agent.starts_with("gtk-gnutella/"), "{session}");
            assert_eq!(
                (neighbour.compressed_in, neighbour.compressed_out),
                (compressed, compressed)
            );
            assert_eq!(neighbour.messages_in, descriptors, "{session}");
            assert!(answer.starts_with(b"GNUTELLA/0.6 200 OK\r\n"));
            // Its pongs answer another servent's pings, and its pings come all at once.
            let fine = |dropped: &Dropped| matches!(dropped.why, Why::NoRoute | Why::Throttled);
            assert!(view.dropped.iter().all(fine), "{session}: {:?}", view.dropped);
        }
    }
}

#[test]
fn a_leaf_is_taken_understood_and_leaves_with_a_bye() {
    let (view, answer) = node_that_heard("client_gtk-gnutella_leaf.opener.bin", 65_536);
    assert!(answer.starts_with(b"GNUTELLA/0.6 200 OK\r\n"));
    // All was understood: its push is for somebody whom we do not know, and at last it said Bye.
    let dropped: Vec<_> = view.dropped.iter().map(|dropped| (dropped.why, dropped.count)).collect();
    assert_eq!(dropped, [(Why::NoPushRoute, 1), (Why::Bye, 1)]);
    assert!(view.neighbours.is_empty());
}
