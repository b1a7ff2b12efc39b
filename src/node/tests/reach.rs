//! Whether we can be reached, and what is done for those who cannot.

use std::net::SocketAddr;

use super::datagrams::stranger;
use super::rope::{End, World, address, config};
use super::vendor::{vendor, vendor_messages};
use super::why::{descriptor, query};
use crate::node::io::{Mapped, MappingFailure, MappingMethod};
use crate::node::view::{Because, MappingView, Openness};
use crate::node::{Action, Command, Config, ConnId, Input, Why};
use crate::wire::vendor::{self, Kinds};
use crate::wire::{Guid, HEADER_LEN, Header, Kind, Push, QueryHit, VendorMessage};

/// On the public network, or taken to be.
fn tested() -> Config {
    // Scripts answer no pings.
    Config { local_is_open: false, alive_ping_s: 100, ..config() }
}

/// A scripted neighbour that understands all that concerns being reached, and what it heard.
fn helper(world: &mut World) -> (End, Vec<u8>) {
    let answer = "GNUTELLA/0.6 200 OK\r\nX-Ultrapeer: True\r\nVendor-Message: 0.2\r\n\r\n";
    let peer = world.script_answers(0, answer.as_bytes());
    let mut heard = world.heard(peer);
    let end = heard.windows(4).rposition(|four| four == b"\r\n\r\n").expect("a head");
    heard.drain(..end + 4);
    let kinds = Kinds::write(&[
        vendor::TCP_CONNECT_BACK,
        vendor::UDP_CONNECT_BACK,
        vendor::PUSH_PROXY_REQUEST,
    ]);
    world.say(peer, &vendor(9, &VendorMessage::MessagesSupported(Kinds::new(&kinds))));
    world.pass(0);
    heard.extend(world.heard(peer));
    (peer, heard)
}

/// The counts that moved while the peer said this.
fn moved(world: &mut World, peer: End, says: &[u8]) -> Vec<(Why, u64)> {
    let before = world.view(0);
    world.say(peer, says);
    world.pass(0);
    let after = world.view(0);
    let change = |why: &Why| (*why, after.count(*why) - before.count(*why));
    Why::ALL.iter().map(change).filter(|&(_, moved)| moved > 0).collect()
}

/// A vendor message under a GUID that means something.
fn vendor_as(guid: Guid, message: &VendorMessage<'_>) -> Vec<u8> {
    let mut bytes = vendor(0, message);
    bytes[..16].copy_from_slice(&guid.0);
    bytes
}

/// The address that the first scripted peer of a world has, on another port.
fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([11, 0, 0, 1], port))
}

fn tcp(world: &World) -> (Openness, Because) {
    let door = world.view(0).reach.tcp;
    (door.openness, door.because)
}

fn udp(world: &World) -> Because {
    world.view(0).reach.udp.because
}

#[test]
fn two_nodes_find_out_that_they_can_be_reached() {
    let mut world = World::new(2, &tested());
    assert_eq!(tcp(&world), (Openness::Unknown, Because::NobodyToAsk));
    world.link(0, 1);
    world.pass(1);
    for node in [0, 1] {
        assert_eq!(world.view(node).reach.tcp.because, Because::Came { hosts: 1 }, "node {node}");
        assert_eq!(world.count(node, Why::UnknownProtocol), 0);
    }
    // What the second wrote to the first must be forgotten by what stands between before that
    // can test the second.
    assert_eq!(udp(&world), Because::Came { hosts: 1 });
    assert_eq!(world.view(1).reach.udp.openness, Openness::Unknown);
    world.pass(400);
    assert_eq!(world.view(1).reach.udp.because, Because::Came { hosts: 1 });
    assert_eq!(world.view(0).connections, 1, "the connections back are closed at once");
}

#[test]
fn in_a_local_network_nobody_is_asked() {
    let mut world = World::new(1, &config());
    let (_, heard) = helper(&mut world);
    let asks =
        |message: &VendorMessage<'_>| matches!(message, VendorMessage::TcpConnectBack { .. });
    assert!(!vendor_messages(&heard).iter().any(|(_, message)| asks(message)));
    assert_eq!(tcp(&world), (Openness::Open, Because::LocalNetwork));
    assert!(world.nodes[0].reach.is_none(), "nothing is kept");
}

#[test]
fn who_connects_back_by_tls_is_no_stranger() {
    let mut world = World::new(1, &tested());
    helper(&mut world);
    let hello = |world: &mut World, number, ip: [u8; 4]| {
        let (conn, peer) = (ConnId::accepted(number), SocketAddr::from((ip, 9)));
        world.give(0, Input::Accepted { conn, peer, local: address(0) });
        world.give(0, Input::Received { conn, data: b"\x16\x03\x01\x02\0" });
        world.count(0, Why::UnknownProtocol)
    };
    assert_eq!(hello(&mut world, 98, [11, 0, 0, 1]), 0);
    assert_eq!(tcp(&world), (Openness::Open, Because::Came { hosts: 1 }));
    assert_eq!(hello(&mut world, 99, [11, 0, 0, 77]), 1);
}

/// A node whose only neighbour does not connect back, and what that has heard since.
fn closed() -> (World, End, Vec<u8>) {
    let mut world = World::new(1, &tested());
    let (peer, heard) = helper(&mut world);
    let asked: Vec<VendorMessage<'_>> =
        vendor_messages(&heard).into_iter().map(|(_, message)| message).collect();
    assert!(asked.contains(&VendorMessage::TcpConnectBack { port: 6346 }), "{asked:?}");
    assert!(asked.contains(&VendorMessage::UdpConnectBack { port: 6346, guid: None }));
    assert_eq!(tcp(&world), (Openness::Unknown, Because::Testing));
    world.pass(31);
    let heard = world.heard(peer);
    (world, peer, heard)
}

#[test]
fn silence_closes_and_push_proxies_are_asked_for() {
    let (mut world, peer, heard) = closed();
    assert_eq!(tcp(&world), (Openness::Closed, Because::NoAnswer { tests: 1 }));
    let servent = world.view(0).servent;
    let request = VendorMessage::PushProxyRequest { version: 2 };
    let requests: Vec<_> =
        vendor_messages(&heard).into_iter().filter(|(_, message)| *message == request).collect();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].0.guid, servent);
    let ack = |guid, ip: [u8; 4], port| {
        vendor_as(guid, &VendorMessage::PushProxyAck { ip: Some(ip.into()), port })
    };
    // Of a third, of another servent, and without a port.
    for lie in [
        ack(servent, [11, 0, 0, 2], 6346),
        ack(Guid([3; 16]), [11, 0, 0, 1], 6346),
        ack(servent, [11, 0, 0, 1], 0),
    ] {
        assert_eq!(moved(&mut world, peer, &lie), [(Why::BadAddress, 1)]);
    }
    assert_eq!(moved(&mut world, peer, &ack(servent, [11, 0, 0, 1], 6346)), []);
    assert_eq!(world.view(0).reach.push_proxies, [at(6346)]);
    // Hits name it, and say that we cannot be connected to.
    world.share(0, &["some file.txt"]);
    world.say(peer, &query(7, 2, 0, "some file"));
    let heard = world.heard(peer);
    let hit = QueryHit::decode(&heard[HEADER_LEN..]).unwrap();
    assert_eq!((hit.flags.push, hit.push_proxies), (Some(true), vec![at(6346)]));
    // Those who ask for hosts do not get us, those who ask whether we live do.
    world.say(peer, &descriptor(8, Kind::PING, 3, 0, b""));
    assert_eq!(world.heard(peer), b"");
    world.say(peer, &descriptor(8, Kind::PING, 1, 0, b""));
    assert_eq!(Header::decode(world.heard(peer).first_chunk().unwrap()).kind, Kind::PONG);
    // A stranger connects after all.
    let stranger = world.script(0, b"");
    assert_eq!(tcp(&world), (Openness::Open, Because::Came { hosts: 1 }));
    let heard = world.heard(peer);
    assert_eq!(vendor_messages(&heard)[0].1, VendorMessage::PushProxyCancel);
    assert!(world.view(0).reach.push_proxies.is_empty());
    assert_eq!(moved(&mut world, stranger, b"\n\n"), [], "that was all it wanted");
    assert!(world.ended.contains(&stranger));
    // Nobody asked for this one.
    let late = ack(servent, [11, 0, 0, 1], 6346);
    assert_eq!(moved(&mut world, peer, &late), [(Why::NoRoute, 1)]);
}

#[test]
fn our_own_queries_say_that_nobody_can_connect_to_us() {
    let (mut world, peer, _) = closed();
    world.search(0, 1, "words", 2);
    let heard = world.heard(peer);
    let flags = u16::from_be_bytes([heard[HEADER_LEN], heard[HEADER_LEN + 1]]);
    assert_eq!(flags & 0x4000, 0x4000);
}

#[test]
fn a_datagram_proves_something_only_if_it_is_no_answer() {
    let (mut world, _, _) = closed();
    assert_eq!(udp(&world), Because::NoAnswer { tests: 1 });
    let ping = descriptor(5, Kind::PING, 1, 0, b"");
    // We write to this one first: whatever stands between lets its datagrams in.
    let friend = stranger(1);
    let header = Header { guid: Guid([4; 16]), kind: Kind::PING, ttl: 1, hops: 0, len: 0 };
    let now = world.now;
    assert!(world.nodes[0].send_unasked(now, friend, &header, b""));
    world.give(0, Input::Datagram { from: friend, data: &ping });
    assert_eq!(udp(&world), Because::NoAnswer { tests: 1 });
    world.give(0, Input::Datagram { from: stranger(2), data: &ping });
    assert_eq!(udp(&world), Because::Came { hosts: 1 });
}

#[test]
fn one_that_we_are_connected_to_proves_nothing_by_coming_unasked() {
    let (mut world, ..) = closed();
    let conn = ConnId::accepted(77);
    world.give(0, Input::Accepted { conn, peer: at(40_000), local: address(0) });
    assert_eq!(tcp(&world).0, Openness::Closed, "a neighbour, and its time is over");
}

#[test]
fn connecting_back_goes_to_the_asker_alone_and_seldom() {
    let config = Config { favours_per_address_max: 2, ..config() };
    let mut world = World::new(1, &config);
    let (peer, _) = helper(&mut world);
    let back = |port| vendor(3, &VendorMessage::TcpConnectBack { port });
    // Nobody listens there: that is all there is to say.
    let failed = [(Why::ConnectFailed, 1)];
    assert_eq!(moved(&mut world, peer, &back(0)), [(Why::BadAddress, 1)]);
    assert_eq!(moved(&mut world, peer, &back(1_000)), failed);
    assert_eq!(moved(&mut world, peer, &back(1_001)), failed);
    assert_eq!(moved(&mut world, peer, &back(1_002)), [(Why::Throttled, 1)]);
    assert_eq!(world.dialled, [at(1_000), at(1_001)]);
    let ping = |guid| vendor(3, &VendorMessage::UdpConnectBack { port: 2_000, guid });
    assert_eq!(moved(&mut world, peer, &ping(None)), []);
    assert_eq!(moved(&mut world, peer, &ping(Some(Guid([6; 16])))), []);
    assert_eq!(moved(&mut world, peer, &ping(None)), [(Why::Throttled, 1)]);
    let posted: Vec<(SocketAddr, Guid, Kind)> = world
        .posted
        .iter()
        .map(|(to, data)| (*to, Header::decode(data.first_chunk().unwrap())))
        .map(|(to, header)| (to, header.guid, header.kind))
        .collect();
    let pinged = |guid| (at(2_000), Guid([guid; 16]), Kind::PING);
    assert_eq!(posted, [pinged(3), pinged(6)], "under the GUID that was asked for");
}

fn push_for(servent: Guid, to: SocketAddr) -> Vec<u8> {
    let mut payload = Vec::new();
    Push { servent, index: 5, address: to, extensions: &[] }.encode(&mut payload);
    payload
}

#[test]
fn as_a_push_proxy_we_hand_pushes_over_to_the_asker_alone() {
    let mut world = World::new(1, &Config { pushes_per_address_max: 2, ..config() });
    let (sharer, _) = helper(&mut world);
    let servent = Guid([5; 16]);
    let request = |guid| vendor_as(guid, &VendorMessage::PushProxyRequest { version: 1 });
    assert_eq!(moved(&mut world, sharer, &request(servent)), []);
    let heard = world.heard(sharer);
    let ack = VendorMessage::PushProxyAck { ip: Some([10, 0, 0, 1].into()), port: 6346 };
    let answered = vendor_messages(&heard);
    assert_eq!((answered[0].0.guid, answered[0].1), (servent, ack));
    assert_eq!(world.view(0).reach.push_proxy_for, 1);
    // Another cannot have its name, nor can it have another's.
    let (thief, _) = helper(&mut world);
    assert_eq!(moved(&mut world, thief, &request(servent)), [(Why::NoPushProxy, 1)]);
    assert_eq!(moved(&mut world, sharer, &request(Guid([6; 16]))), [(Why::NoPushProxy, 1)]);
    // By HTTP.
    let ask = |world: &mut World, target: &str, node: &str| {
        let client = world.script(0, b"");
        let ip = format!("11.0.0.{}", client.1.0 >> 1);
        let node = node.replace("HERE", &ip);
        let asks = format!("GET {target} HTTP/1.1\r\nX-Node: {node}\r\n\r\n");
        let moved = moved(world, client, asks.as_bytes());
        let answer = String::from_utf8_lossy(&world.heard(client)).into_owned();
        (answer.get(9..12).unwrap_or_default().to_owned(), moved)
    };
    let target = format!("/gnutella/push-proxy?guid={servent}&file=5");
    let nobody = format!("/gnutella/push-proxy?guid={}", Guid([8; 16]));
    let code = |code: &str, why: Option<Why>| {
        (code.to_owned(), why.map(|why| (why, 1)).into_iter().collect::<Vec<_>>())
    };
    assert_eq!(ask(&mut world, &target, "11.0.0.99:80"), code("400", Some(Why::BadPush)));
    assert_eq!(ask(&mut world, &target, "here"), code("400", Some(Why::BadRequest)));
    assert_eq!(ask(&mut world, &nobody, "HERE:80"), code("410", Some(Why::NoPushRoute)));
    assert_eq!(world.heard(sharer), b"");
    assert_eq!(ask(&mut world, &target, "HERE:80"), code("202", None));
    let heard = world.heard(sharer);
    let header = Header::decode(heard.first_chunk().unwrap());
    assert_eq!((header.kind, header.ttl, header.hops), (Kind::PUSH, 1, 0));
    let push = Push::decode(&heard[HEADER_LEN..]).unwrap();
    assert_eq!((push.servent, push.index, push.address.port()), (servent, 5, 80));
    // By UDP.
    let datagram = |to| descriptor(4, Kind::PUSH, 1, 0, &push_for(servent, to));
    let post = |world: &mut World, to| super::datagrams::moved(world, stranger(1), &datagram(to));
    assert_eq!(post(&mut world, stranger(2)), [(Why::BadPush, 1)]);
    assert_eq!(post(&mut world, stranger(1)), []);
    assert_eq!(post(&mut world, stranger(1)), []);
    assert_eq!(post(&mut world, stranger(1)), [(Why::Throttled, 1)]);
    let two = 2 * (HEADER_LEN + 26);
    assert_eq!(world.heard(sharer).len(), two);
    // By the network, as any neighbour whose hits were seen.
    let routed = descriptor(4, Kind::PUSH, 3, 2, &push_for(servent, stranger(9)));
    assert_eq!(moved(&mut world, thief, &routed), []);
    assert_eq!(world.heard(sharer).len(), two / 2);
    // It does not need us any more.
    assert_eq!(moved(&mut world, sharer, &vendor(1, &VendorMessage::PushProxyCancel)), []);
    assert_eq!(world.view(0).reach.push_proxy_for, 0);
    assert_eq!(post(&mut world, stranger(3)), [(Why::NoPushRoute, 1)]);
}

#[test]
fn one_that_leaves_is_no_longer_handed_pushes() {
    let mut world = World::new(1, &config());
    let (sharer, _) = helper(&mut world);
    world.say(sharer, &vendor_as(Guid([5; 16]), &VendorMessage::PushProxyRequest { version: 1 }));
    assert_eq!(world.view(0).reach.push_proxy_for, 1);
    world.say(sharer, &descriptor(3, Kind::BYE, 1, 0, b"\xC8\0bye"));
    assert_eq!(world.view(0).reach.push_proxy_for, 0);
}

#[test]
fn the_gateway_is_asked_on_the_public_network_and_what_it_maps_is_told() {
    let mut world = World::new(1, &tested());
    assert_eq!(world.mappings, [], "alone there is no network to be reached from");
    let (peer, _) = helper(&mut world);
    assert_eq!(world.mappings, [Action::MapPort]);
    world.pass(31);
    assert_eq!(tcp(&world).0, Openness::Closed);
    let external = "8.8.8.8:7000".parse().unwrap();
    let mapped = Mapped { external, lifetime_s: 120, method: MappingMethod::NatPmp };
    world.give(0, Input::PortMapped(Ok(mapped)));
    assert_eq!(world.view(0).reach.mapping, MappingView::Mapped(mapped));
    assert_eq!(world.view(0).address, external);
    assert_eq!(tcp(&world), (Openness::Unknown, Because::NobodyToAsk), "all is to be tested anew");
    world.pass(0);
    world.settle();
    let heard = world.heard(peer);
    let asks = VendorMessage::TcpConnectBack { port: 7_000 };
    assert!(vendor_messages(&heard).iter().any(|(_, message)| *message == asks));
    world.pass(60);
    assert_eq!(world.mappings.len(), 2, "renewed at half time");
    world.give(0, Input::PortMapped(Err(MappingFailure::Refused)));
    let failure = MappingFailure::Refused;
    assert_eq!(world.view(0).reach.mapping, MappingView::Failed { failure });
    assert_eq!(world.view(0).address.port(), 6346);
    world.pass(3_600);
    helper(&mut world);
    world.give(0, Input::PortMapped(Ok(mapped)));
    world.give(0, Input::Command(Command::Shutdown));
    assert_eq!(world.mappings[2..], [Action::MapPort, Action::UnmapPort]);
    world.give(0, Input::PortMapped(Ok(mapped)));
    assert_eq!(world.mappings[4..], [Action::UnmapPort], "an answer that comes too late");
}
