//! What neighbours say to each other alone.

use super::link::{LAST, greeting};
use super::rope::{End, World, config};
use super::why::{descriptor, neighbour, query};
use crate::node::config::Role;
use crate::node::{Config, Why};
use crate::wire::vendor::{self, Kinds};
use crate::wire::{HEADER_LEN, Header, Kind, VendorMessage};

/// A scripted neighbour that takes vendor messages, and what it heard right after the handshake.
pub(super) fn talker(world: &mut World, more: &str) -> (End, Vec<u8>) {
    let lines = format!("Vendor-Message: 0.2\r\nBye-Packet: 0.1\r\n{more}");
    let peer = world.script(0, &[greeting(&lines), LAST.to_vec()].concat());
    let heard = world.heard(peer);
    let end = heard.windows(4).rposition(|four| four == b"\r\n\r\n").expect("a head");
    (peer, heard[end + 4..].to_vec())
}

/// A vendor message as it stands on the wire.
pub(super) fn vendor(guid: u8, message: &VendorMessage<'_>) -> Vec<u8> {
    let mut payload = Vec::new();
    message.encode(&mut payload);
    descriptor(guid, Kind::VENDOR, 1, 0, &payload)
}

/// The vendor messages in what a neighbour heard.
pub(super) fn vendor_messages(mut heard: &[u8]) -> Vec<(Header, VendorMessage<'_>)> {
    let mut messages = Vec::new();
    while let Some(header) = heard.first_chunk().map(Header::decode) {
        let (frame, rest) = heard.split_at(HEADER_LEN + header.len as usize);
        if header.kind == Kind::VENDOR {
            messages.push((header, VendorMessage::decode(&frame[HEADER_LEN..]).unwrap()));
        }
        heard = rest;
    }
    messages
}

#[test]
fn those_who_take_vendor_messages_are_told_which_we_know() {
    let mut world = World::new(1, &config());
    let (_, heard) = talker(&mut world, "");
    let messages = vendor_messages(&heard);
    let [(header, VendorMessage::MessagesSupported(kinds)), (_, VendorMessage::Features(features))] =
        &messages[..]
    else {
        panic!("{messages:?}")
    };
    assert_eq!((header.ttl, header.hops), (1, 0));
    assert!(kinds.contains(vendor::HOPS_FLOW) && kinds.contains(vendor::QUERY_STATUS));
    assert!(features.iter().any(|feature| feature == (*b"WHAT", 1)));
    assert!(!features.iter().any(|(name, _)| name == *b"QRP1"), "four bits a slot, always");
    let silent = neighbour(&mut world);
    assert_eq!(world.heard(silent), b"");
}

#[test]
fn queries_with_too_many_hops_are_not_sent_to_who_does_not_want_them() {
    for deflate in ["", "Accept-Encoding: deflate\r\n"] {
        for (hops, wanted) in [(0, 0), (1, 0), (2, 1), (3, 2), (255, 3)] {
            let mut world = World::new(1, &config());
            let asker = neighbour(&mut world);
            let (limited, _) = talker(&mut world, deflate);
            let free = neighbour(&mut world);
            world.say(limited, &vendor(9, &VendorMessage::HopsFlow { hops }));
            let sent = |world: &World| world.view(0).neighbours[1].messages_out;
            let before = sent(&world);
            // They come with 0 to 2 hops and would go on with 1 to 3.
            let queries: Vec<u8> =
                (0..3).flat_map(|at| query(at + 1, 3, at, "some words")).collect();
            world.say(asker, &queries);
            assert_eq!(sent(&world) - before, wanted, "{hops} {deflate}");
            assert_eq!(world.heard(free).len(), queries.len());
        }
    }
}

#[test]
fn a_million_unknown_messages_cost_little() {
    let mut world = World::new(1, &config());
    let (peer, _) = talker(&mut world, "");
    let one = descriptor(1, Kind::VENDOR, 1, 0, b"NONE\x01\0\x01\0 nobody knows what this is");
    let thousand = one.repeat(1_000);
    for _ in 0..1_000 {
        world.say(peer, &thousand);
    }
    let view = world.view(0);
    assert_eq!(view.count(Why::UnknownVendorMessage), 1_000_000);
    assert_eq!((view.neighbours.len(), view.neighbours[0].queued_bytes), (1, 0));
    assert_eq!(world.heard(peer), b"", "they are dropped in silence");
}

#[test]
fn what_is_said_is_read_entry_by_entry_whatever_its_length() {
    let mut world = World::new(1, &config());
    let (peer, _) = talker(&mut world, "");
    let many = Kinds::write(&vec![vendor::HOPS_FLOW; 5_000]);
    world.say(peer, &vendor(1, &VendorMessage::MessagesSupported(Kinds::new(&many))));
    assert_eq!(world.view(0).neighbours.len(), 1);
    assert_eq!(world.count(0, Why::Malformed), 0);
}

/// A leaf without a free upload slot asks its ultrapeers for silence.
#[test]
fn a_busy_leaf_says_so_to_those_who_understand() {
    let mut world = World::new(1, &Config { role: Role::Leaf, upload_slots: 0, ..config() });
    let (peer, _) = talker(&mut world, "");
    world.say(peer, &vendor(2, &VendorMessage::MessagesSupported(Kinds::new(b""))));
    assert_eq!(world.heard(peer), b"");
    let kinds = Kinds::write(&[vendor::HOPS_FLOW]);
    world.say(peer, &vendor(1, &VendorMessage::MessagesSupported(Kinds::new(&kinds))));
    let heard = world.heard(peer);
    let messages = vendor_messages(&heard);
    assert!(matches!(messages[..], [(_, VendorMessage::HopsFlow { hops: 0 })]), "{messages:?}");
}
