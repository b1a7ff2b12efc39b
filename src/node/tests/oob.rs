//! Hits out of band, from both sides, and queries by UDP.

use std::net::SocketAddr;

use super::datagrams::{moved, stranger};
use super::rope::{World, address, config};
use super::why::{descriptor, neighbour, query};
use crate::node::io::SearchQuery;
use crate::node::{Config, Input, Why};
use crate::wire::query::QueryOut;
use crate::wire::vendor::VendorMessage;
use crate::wire::{
    Guid, HEADER_LEN, Header, Kind, PingWants, Pong, Query, QueryFlags, QueryHit, QueryWants,
    Record, Token,
};

fn oob() -> Config {
    Config { out_of_band: true, local_is_open: false, ..config() }
}

/// A stranger's datagram reaches the node: it knows that it is open.
fn open(world: &mut World, node: usize) {
    let ping = descriptor(77, Kind::PING, 1, 0, b"");
    world.give(node, Input::Datagram { from: stranger(200), data: &ping });
    world.posted.clear();
}

/// Nodes in a line; all but the first share something.
fn line(config: &Config, nodes: usize, opens: &[usize]) -> World {
    let mut world = World::new(nodes, config);
    for node in 1..nodes {
        world.link(node - 1, node);
        world.share(node, &["words of one", "words of two"]);
    }
    opens.iter().for_each(|&node| open(&mut world, node));
    world
}

/// Hits that a node handed on or received over links.
fn hits_over_links(world: &World, node: usize) -> (u64, u64) {
    world.view(node).messages(Kind::QUERY_HIT)
}

#[test]
fn hits_come_straight_from_those_beyond_the_neighbours() {
    let mut world = line(&oob(), 3, &[0, 1, 2]);
    world.search(0, 1, "words", 3);
    assert_eq!(world.found(0, 1).len(), 4);
    assert_eq!(hits_over_links(&world, 1), (0, 1), "the neighbour answers over the link");
    assert_eq!(hits_over_links(&world, 2), (0, 0));
    let (asker, holder) = (world.view(0).datagrams, world.view(2).datagrams);
    // Offer, request, ping, pong and hit; before that, the stranger's ping and our pong.
    assert_eq!((holder.sent, holder.received), (1 + 3, 1 + 2));
    assert_eq!((asker.sent, asker.received), (1 + 2, 1 + 3));
    assert_eq!((asker.requests, holder.offers, holder.hosts_proven), (1, 0, 1));
    // The next time the address is proven: no ping.
    world.search(0, 2, "words two", 3);
    assert_eq!(world.found(0, 2).len(), 2);
    assert_eq!(world.view(2).datagrams.sent, holder.sent + 2);
}

#[test]
fn without_an_open_port_on_both_sides_hits_go_back_along_the_way() {
    for opens in [&[][..], &[0], &[2], &[1]] {
        let mut world = line(&oob(), 3, opens);
        world.search(0, 1, "words", 3);
        assert_eq!(world.found(0, 1).len(), 4, "{opens:?}");
        assert_eq!(hits_over_links(&world, 2), (0, 1), "{opens:?}");
    }
    let mut world = line(&Config { out_of_band: false, ..oob() }, 3, &[0, 1, 2]);
    world.search(0, 1, "words", 3);
    assert_eq!((world.found(0, 1).len(), hits_over_links(&world, 2)), (4, (0, 1)));
}

#[test]
fn at_the_limit_hits_go_back_along_the_way() {
    for config in [
        Config { offers_max: 0, ..oob() },
        Config { offers_per_host_max: 0, ..oob() },
        Config { unasked_bytes_max: 0, ..oob() },
    ] {
        let mut world = line(&config, 3, &[0, 1, 2]);
        world.search(0, 1, "words", 3);
        assert_eq!((world.found(0, 1).len(), hits_over_links(&world, 2)), (4, (0, 1)));
    }
}

#[test]
fn no_more_is_fetched_than_is_wanted() {
    let mut world = line(&oob(), 3, &[0, 1, 2]);
    let text = "words".to_owned();
    let query = SearchQuery { text, ttl: Some(3), results_max: Some(3), ..SearchQuery::default() };
    world.search_for(0, 1, query);
    assert_eq!(world.found(0, 1).len(), 3);
}

/// The payload of a query that wants hits out of band.
fn wants_oob(text: &str, secure: bool) -> Vec<u8> {
    let wants = QueryWants { secure, ..QueryWants::default() };
    let mut payload = Vec::new();
    let flags = QueryFlags::OUT_OF_BAND;
    crate::wire::query::encode(&QueryOut { flags, text, sha1s: &[], wants }, &mut payload);
    payload
}

/// A query as it comes from a neighbour, for whose hits this address is named.
fn asks(number: u8, to: SocketAddr, hops: u8, secure: bool) -> (Guid, Vec<u8>) {
    let SocketAddr::V4(to) = to else { panic!("{to}") };
    let guid = Guid::marked([number; 16]).with_reply_to(to);
    let mut bytes = descriptor(number, Kind::QUERY, 3, hops, &wants_oob("words", secure));
    bytes[..16].copy_from_slice(&guid.0);
    (guid, bytes)
}

fn about(guid: Guid, message: &VendorMessage<'_>) -> Vec<u8> {
    let mut payload = Vec::new();
    message.encode(&mut payload);
    let mut bytes = descriptor(0, Kind::VENDOR, 1, 0, &payload);
    bytes[..16].copy_from_slice(&guid.0);
    bytes
}

fn request(guid: Guid, hits: u8) -> Vec<u8> {
    let ggep = Token::new(b"token").unwrap().to_ggep();
    about(guid, &VendorMessage::OobRequest { hits, ggep: Some(&ggep) })
}

/// An open node that shares, and a neighbour of it.
fn holder() -> (World, super::rope::End) {
    let mut world = World::new(1, &oob());
    world.share(0, &["words of one", "words of two", "words of three"]);
    open(&mut world, 0);
    let peer = neighbour(&mut world);
    (world, peer)
}

#[test]
fn an_offer_is_made_only_where_it_is_asked_for_and_may_go() {
    for (to, hops, secure, by_udp) in [
        (stranger(1), 1, true, true),
        (stranger(1), 0, true, false),
        (stranger(1), 1, false, false),
        (SocketAddr::from(([9, 9, 9, 1], 0)), 1, true, false),
        (SocketAddr::from(([224, 0, 0, 1], 1)), 1, true, false),
        (address(0), 1, true, false),
    ] {
        let (mut world, peer) = holder();
        world.say(peer, &asks(1, to, hops, secure).1);
        let hit = world.heard(peer).get(16) == Some(&Kind::QUERY_HIT.0);
        assert_eq!(
            (world.posted.len(), hit),
            (usize::from(by_udp), !by_udp),
            "{to} {hops} {secure}"
        );
    }
}

#[test]
fn hits_wait_for_the_proof_that_the_asker_is_whose_the_address_is() {
    let (mut world, peer) = holder();
    let (guid, query) = asks(1, stranger(1), 1, true);
    world.say(peer, &query);
    let offer = VendorMessage::OobOffer { hits: 3, unsolicited: true, secure: true };
    assert_eq!(world.posted, [(stranger(1), about(guid, &offer))]);
    world.posted.clear();
    assert_eq!(moved(&mut world, stranger(1), &request(guid, 2)), []);
    let [(_, ping)] = &world.posted[..] else { panic!("{:?}", world.posted) };
    let mut pong = descriptor(0, Kind::PONG, 1, 0, &[1; 14]);
    pong[..16].copy_from_slice(&ping[..16]);
    assert_eq!((ping[16], ping.len()), (Kind::PING.0, HEADER_LEN));
    world.posted.clear();
    assert_eq!(moved(&mut world, stranger(2), &pong), [(Why::NoRoute, 1)]);
    assert_eq!(world.posted.len(), 0);
    assert_eq!(moved(&mut world, stranger(1), &pong), []);
    let [(_, hit)] = &world.posted[..] else { panic!("{:?}", world.posted) };
    let header = Header::decode(hit.first_chunk().unwrap());
    assert_eq!((header.guid, header.kind, header.ttl), (guid, Kind::QUERY_HIT, 1));
    let hit = QueryHit::decode(&hit[HEADER_LEN..]).unwrap();
    assert_eq!((hit.results.len(), hit.token), (2, Token::new(b"token").ok()));
}

#[test]
fn what_nobody_asks_for_is_offered_three_times() {
    let (mut world, peer) = holder();
    world.say(peer, &asks(1, stranger(1), 1, true).1);
    for (seconds, posted) in [(5, 2), (10, 3), (19, 3)] {
        world.pass(seconds);
        assert_eq!((world.posted.len(), world.count(0, Why::OfferUnanswered)), (posted, 0));
    }
    // Nothing but time can say that nobody asks.
    let before = world.view(0).dropped.len();
    world.pass(1);
    assert_eq!((world.posted.len(), world.count(0, Why::OfferUnanswered)), (3, 1));
    assert_eq!(world.view(0).dropped.len(), before + 1, "no other counter moved");
}

#[test]
fn forged_requests_get_pings_and_no_hits() {
    let (mut world, peer) = holder();
    let (guid, query) = asks(1, stranger(1), 1, true);
    world.say(peer, &query);
    world.posted.clear();
    let no_token = about(guid, &VendorMessage::OobRequest { hits: 9, ggep: Some(b"") });
    let old = about(guid, &VendorMessage::OobRequest { hits: 9, ggep: None });
    let broken = about(guid, &VendorMessage::OobRequest { hits: 9, ggep: Some(b"?") });
    for (from, data, why) in [
        (stranger(1), no_token, Why::BadToken),
        (stranger(1), old, Why::BadToken),
        (stranger(1), broken, Why::Malformed),
        (stranger(2), request(guid, 9), Why::NoRoute),
        (stranger(1), request(Guid([9; 16]), 9), Why::NoRoute),
    ] {
        assert_eq!(moved(&mut world, from, &data), [(why, 1)]);
    }
    assert_eq!(moved(&mut world, stranger(1), &request(guid, 9)), []);
    assert_eq!(moved(&mut world, stranger(1), &request(guid, 9)), [(Why::Duplicate, 1)]);
    world.pass(60);
    let kinds: Vec<u8> = world.posted.iter().map(|(_, data)| data[16]).collect();
    assert_eq!(kinds, [Kind::PING.0; 3]);
    assert_eq!(world.count(0, Why::UnprovenAddress), 1);
}

/// An open node that searches out of band; the GUID of its query.
fn asker() -> (World, Guid) {
    let mut world = World::new(1, &oob());
    open(&mut world, 0);
    let peer = neighbour(&mut world);
    world.search(0, 1, "words", 3);
    let heard = world.heard(peer);
    let header = Header::decode(heard.first_chunk().unwrap());
    let query = Query::decode(&heard[HEADER_LEN..]).unwrap();
    assert!(query.flags.contains(QueryFlags::OUT_OF_BAND) && query.wants().secure);
    assert_eq!(SocketAddr::from(header.guid.reply_to()), address(0));
    assert!(header.guid.is_marked());
    (world, header.guid)
}

fn offer(guid: Guid, hits: u8, secure: bool) -> Vec<u8> {
    about(guid, &VendorMessage::OobOffer { hits, unsolicited: true, secure })
}

fn hit(guid: Guid, servent: Guid, token: Option<Token>, results: u32) -> Vec<u8> {
    let results = (1..=results).map(|index| Record::new(index, 9, "words")).collect();
    let vendor = Some(*b"TEST");
    let mut payload = Vec::new();
    QueryHit { vendor, token, ..QueryHit::new(stranger(1), servent, results) }.encode(&mut payload);
    let mut bytes = descriptor(0, Kind::QUERY_HIT, 1, 0, &payload);
    bytes[..16].copy_from_slice(&guid.0);
    bytes
}

/// The token in the last request that the node posted.
fn asked(world: &World) -> (u8, Option<Token>) {
    let (_, data) = world.posted.last().expect("a request");
    match VendorMessage::decode(&data[HEADER_LEN..]) {
        Ok(VendorMessage::OobRequest { hits, ggep }) => {
            (hits, Token::in_ggep(ggep.unwrap_or_default()).unwrap())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_hits_that_were_asked_for_count() {
    let (mut world, guid) = asker();
    let other = Guid([5; 16]);
    let own = world.view(0).servent;
    for (data, why) in [
        (offer(guid, 3, false), Why::InsecureOffer),
        (offer(other, 3, true), Why::NoRoute),
        (hit(guid, other, Token::new(b"guess").ok(), 3), Why::BadToken),
        (hit(other, other, Token::new(b"guess").ok(), 3), Why::NoRoute),
        (hit(guid, own, None, 3), Why::OwnHit),
        (about(guid, &VendorMessage::QueryStatusRequest), Why::UnexpectedDatagram),
    ] {
        assert_eq!(moved(&mut world, stranger(1), &data), [(why, 1)]);
    }
    assert_eq!((world.posted.len(), world.found(0, 1).len()), (0, 0));
    assert_eq!(moved(&mut world, stranger(1), &offer(guid, 3, true)), []);
    let (hits, token) = asked(&world);
    assert_eq!((hits, world.posted[0].0), (3, stranger(1)));
    for (from, token, why) in [
        (stranger(1), None, Why::BadToken),
        (stranger(1), Token::new(b"guess").ok(), Why::BadToken),
        (stranger(2), token, Why::BadToken),
    ] {
        assert_eq!(moved(&mut world, from, &hit(guid, other, token, 3)), [(why, 1)]);
    }
    assert_eq!(world.found(0, 1), []);
    // More than was asked for is cut off.
    assert_eq!(moved(&mut world, stranger(1), &hit(guid, other, token, 5)), []);
    assert_eq!(world.found(0, 1).len(), 3);
    let more = hit(guid, Guid([6; 16]), token, 1);
    assert_eq!(moved(&mut world, stranger(1), &more), [(Why::NotAskedFor, 1)]);
    assert_eq!(world.view(0).datagrams.hosts_proven, 1);
}

#[test]
fn who_offers_without_end_is_not_listened_to() {
    let (mut world, _) = asker();
    let peer = neighbour(&mut world);
    let most = oob().empty_offers_max;
    for number in 0..=most {
        world.search(0, 100 + u64::from(number), "words", 3);
        let heard = world.heard(peer);
        let guid = Guid(*heard.first_chunk().unwrap());
        let expected = if number < most { vec![] } else { vec![(Why::EmptyOffers, 1)] };
        assert_eq!(moved(&mut world, stranger(1), &offer(guid, 3, true)), expected);
    }
    assert_eq!(world.posted.len(), usize::from(most));
}

/// A GUESS query with this key.
fn guess(number: u8, key: Option<Token>) -> Vec<u8> {
    let wants = QueryWants { query_key: key, ..QueryWants::default() };
    let mut payload = Vec::new();
    let flags = QueryFlags::default();
    crate::wire::query::encode(&QueryOut { flags, text: "words", sha1s: &[], wants }, &mut payload);
    descriptor(number, Kind::QUERY, 1, 0, &payload)
}

#[test]
fn a_query_by_udp_is_answered_if_it_shows_its_key() {
    let mut world = World::new(1, &oob());
    world.share(0, &["words of one", "words of two"]);
    let mut wants = Vec::new();
    PingWants { query_key: true, own_address: true, ..PingWants::default() }.encode(&mut wants);
    assert_eq!(moved(&mut world, stranger(1), &descriptor(1, Kind::PING, 1, 0, &wants)), []);
    let (_, pong) = world.posted.pop().unwrap();
    let pong = Pong::decode(&pong[HEADER_LEN..]).unwrap();
    assert_eq!(pong.your_address, Some(stranger(1)));
    let key = pong.query_key;
    assert!(key.is_some());
    for (from, data) in [
        (stranger(1), guess(2, None)),
        (stranger(1), guess(2, Token::new(b"guessed!").ok())),
        (stranger(2), guess(2, key)),
    ] {
        assert_eq!(moved(&mut world, from, &data), [(Why::BadToken, 1)]);
    }
    assert_eq!(moved(&mut world, stranger(1), &guess(2, key)), []);
    assert_eq!(moved(&mut world, stranger(1), &guess(2, key)), [(Why::Duplicate, 1)]);
    let kinds: Vec<(SocketAddr, u8)> =
        world.posted.iter().map(|(to, data)| (*to, data[16])).collect();
    assert_eq!(kinds, [(stranger(1), Kind::PONG.0), (stranger(1), Kind::QUERY_HIT.0)]);
    let hit = QueryHit::decode(&world.posted[1].1[HEADER_LEN..]).unwrap();
    assert_eq!((hit.results.len(), hit.token), (2, None));
    let peer = neighbour(&mut world);
    world.say(peer, &query(2, 1, 0, "words"));
    assert_eq!(world.count(0, Why::Duplicate), 2, "it is the same query");
}
