//! Dynamic queries: our own, and those that an ultrapeer runs for its leaves.

use super::link::{LAST, greeting};
use super::rope::{End, World, config};
use super::vendor::{vendor, vendor_messages};
use super::why::{descriptor, hit, query};
use crate::node::config::{Role, Strategy};
use crate::node::io::{SearchId, SearchQuery};
use crate::node::{Command, Config, Input, Why};
use crate::wire::vendor::QUERY_STATUS_STOP;
use crate::wire::{Guid, HEADER_LEN, Header, Kind, Query, QueryFlags, Sha1, VendorMessage};

fn dynamic() -> Config {
    Config {
        strategy: Strategy::Dynamic,
        local_addresses: false,
        leaves_max: 10,
        // Scripts answer no pings.
        alive_ping_s: 100,
        subnet_share_percent: 100,
        ..config()
    }
}

/// An ultrapeer with so many ultrapeers of degree 30 on public addresses.
fn ultrapeer(peers: usize) -> (World, Vec<End>) {
    let mut world = World::new(1, &dynamic());
    let lines = "X-Degree: 30\r\nX-Max-TTL: 3\r\nX-Ext-Probes: 0.1\r\nX-Dynamic-Querying: 0.1\r\n";
    let peers = (0..peers).map(|_| peer(&mut world, lines)).collect();
    (world, peers)
}

fn peer(world: &mut World, lines: &str) -> End {
    let peer = world.script(0, &[greeting(lines), LAST.to_vec()].concat());
    world.heard(peer);
    peer
}

fn leaf(world: &mut World) -> End {
    let greeting = "GNUTELLA CONNECT/0.6\r\nX-Ultrapeer: False\r\nVendor-Message: 0.2\r\n\r\n";
    let leaf = world.script(0, &[greeting.as_bytes(), LAST].concat());
    world.heard(leaf);
    leaf
}

/// The queries that each of these was sent since it was last asked: TTL and hops.
fn asked(world: &mut World, peers: &[End]) -> Vec<Vec<(u8, u8)>> {
    peers.iter().map(|peer| queries(&world.heard(*peer))).collect()
}

fn queries(mut heard: &[u8]) -> Vec<(u8, u8)> {
    let mut found = Vec::new();
    while let Some(header) = heard.first_chunk().map(Header::decode) {
        if header.kind == Kind::QUERY {
            found.push((header.ttl, header.hops));
        }
        heard = &heard[HEADER_LEN + header.len as usize..];
    }
    found
}

/// Nobody was asked.
const NONE: [u8; 0] = [];

/// The TTLs with which anybody was asked, lowest first.
fn ttls(asked: &[Vec<(u8, u8)>]) -> Vec<u8> {
    let mut ttls: Vec<u8> = asked.iter().flatten().map(|(ttl, _)| *ttl).collect();
    ttls.sort_unstable();
    ttls
}

fn search(world: &mut World, query: SearchQuery) {
    world.give(0, Input::Command(Command::Search { search: SearchId(1), query }));
    world.settle();
}

fn words() -> SearchQuery {
    SearchQuery { text: "some words".into(), ..SearchQuery::default() }
}

#[test]
fn a_search_probes_and_goes_on_link_by_link() {
    let (mut world, peers) = ultrapeer(20);
    search(&mut world, words());
    assert_eq!(ttls(&asked(&mut world, &peers)), [2, 2, 2]);
    let view = world.view(0);
    assert_eq!((view.searches[0].asked, view.searches[0].reach), (3, 90));
    world.pass(5);
    assert_eq!(ttls(&asked(&mut world, &peers)), NONE);
    world.pass(1);
    // Nothing came: as far as the neighbour lets us.
    assert_eq!(ttls(&asked(&mut world, &peers)), [3]);
    world.pass(200);
    let all = asked(&mut world, &peers);
    assert!(all.iter().flatten().all(|&(ttl, hops)| (ttl, hops) == (3, 0)));
    assert_eq!(world.view(0).searches.len(), 0, "it has heard nothing for too long");
}

#[test]
fn nobody_gets_it_twice_unless_farther_and_hits_end_it() {
    let (mut world, peers) = ultrapeer(20);
    search(&mut world, SearchQuery { results_max: Some(2), ..words() });
    let first = asked(&mut world, &peers);
    world.pass(60);
    for (first, later) in first.iter().zip(asked(&mut world, &peers)) {
        let ttls: Vec<u8> = first.iter().chain(&later).map(|(ttl, _)| *ttl).collect();
        assert!(ttls.is_sorted_by(|a, b| a < b), "{ttls:?}");
    }
    let before = world.view(0).searches[0].asked;
    assert!(before > 6, "{before}");
    // Two results are enough: the search ends, and nobody is asked any more.
    let guid = searching(&world);
    for servent in [5, 6] {
        world.say(peers[0], &hit_for(guid, servent));
    }
    assert!(world.view(0).searches.is_empty());
    world.pass(60);
    assert_eq!(ttls(&asked(&mut world, &peers)), NONE);
}

/// The GUID of the search under way.
fn searching(world: &World) -> Guid {
    world.nodes[0].searches.iter().next().map(|(_, search)| search.guid).expect("a search")
}

/// A hit with one result of this servent.
fn hit_for(guid: Guid, servent: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let payload = hit(Guid([servent; 16]));
    crate::wire::frame::write(&mut bytes, guid, Kind::QUERY_HIT, 3, 0, &payload);
    bytes
}

#[test]
fn a_search_by_hash_is_content_with_less() {
    let (mut world, peers) = ultrapeer(20);
    let sha1 = Some(Sha1([7; 20]));
    search(&mut world, SearchQuery { sha1, ..SearchQuery::default() });
    asked(&mut world, &peers);
    let guid = searching(&world);
    for servent in 1..=10 {
        world.say(peers[0], &hit_for(guid, servent));
    }
    world.pass(60);
    assert_eq!(ttls(&asked(&mut world, &peers)), NONE);
}

#[test]
fn in_a_small_network_nobody_is_awaited() {
    let config = Config { local_addresses: true, ..dynamic() };
    let mut world = World::new(5, &config);
    for node in 1..5 {
        world.link(node - 1, node);
    }
    world.share(4, &["some words.txt"]);
    let began = world.now;
    world.search(0, 1, "some words", 4);
    assert_eq!((world.found(0, 1).len(), world.now), (1, began));
}

#[test]
fn newcomers_are_asked_and_those_who_left_are_not() {
    let (mut world, mut peers) = ultrapeer(3);
    search(&mut world, words());
    assert_eq!(ttls(&asked(&mut world, &peers)), [2, 2, 2]);
    world.say(peers[0], &descriptor(1, Kind::BYE, 1, 0, b"\xC8\0bye"));
    world.pass(60);
    let again = asked(&mut world, &peers);
    assert_eq!((ttls(&again), again[0].len()), (vec![3, 3], 0));
    // All have got it; a newcomer can still be asked, at once.
    peers.push(peer(&mut world, ""));
    world.pass(0);
    assert_eq!(world.view(0).searches[0].asked, 4);
}

#[test]
fn a_flood_asks_all_at_once() {
    let (mut world, peers) = ultrapeer(20);
    search(&mut world, SearchQuery { strategy: Some(Strategy::Flood), ..words() });
    assert_eq!(ttls(&asked(&mut world, &peers)), [4; 20]);
}

#[test]
fn a_leaf_query_becomes_a_dynamic_query_of_its_ultrapeer() {
    let (mut world, peers) = ultrapeer(20);
    let (asker, other) = (leaf(&mut world), leaf(&mut world));
    world.say(asker, &query(7, 4, 0, "some words"));
    let first = asked(&mut world, &peers);
    assert_eq!(ttls(&first), [2, 2, 2]);
    assert!(first.iter().flatten().all(|(_, hops)| *hops == 1));
    assert_eq!(queries(&world.heard(other)), [(1, 1)], "other leaves get it, one link far");
    assert_eq!(queries(&world.heard(asker)), []);
    // It comes round by another way: nobody gets it from us twice.
    world.say(peers[0], &query(7, 3, 1, "some words"));
    assert_eq!(world.count(0, Why::Duplicate), 1);
    // Hits go to the leaf; fifty are enough.
    for servent in 100..150 {
        world.say(peers[0], &hit_for(Guid([7; 16]), servent));
    }
    assert!(!world.heard(asker).is_empty());
    world.pass(60);
    assert_eq!(ttls(&asked(&mut world, &peers)), NONE);
}

#[test]
fn a_leaf_query_that_another_ultrapeer_passed_on_first_goes_no_farther() {
    let (mut world, peers) = ultrapeer(20);
    let asker = leaf(&mut world);
    world.say(peers[0], &query(7, 1, 1, "some words"));
    world.say(asker, &query(7, 4, 0, "some words"));
    world.pass(60);
    assert_eq!(ttls(&asked(&mut world, &peers)), NONE);
    assert_eq!(world.count(0, Why::Duplicate), 1);
    // The other ultrapeer goes on asking, and is not held up by that.
    world.say(peers[1], &query(7, 3, 1, "some words"));
    assert_eq!(ttls(&asked(&mut world, &peers)), [2; 19]);
}

#[test]
fn a_leaf_bounds_how_far_its_query_goes() {
    for (ttl, expected, why) in
        [(1, vec![], Some(Why::TtlSpent)), (2, vec![1; 20], None), (3, vec![2, 2, 2], None)]
    {
        let (mut world, peers) = ultrapeer(20);
        let asker = leaf(&mut world);
        world.say(asker, &query(7, ttl, 0, "some words"));
        assert_eq!(ttls(&asked(&mut world, &peers)), expected);
        assert_eq!(world.count(0, Why::TtlSpent), u64::from(why.is_some()));
    }
}

/// A query of a leaf that will say how many hits it has kept.
fn guided(guid: u8) -> Vec<u8> {
    let flags = QueryFlags::VALID | QueryFlags::LEAF_GUIDED;
    let payload = [&flags.0.to_be_bytes()[..], b"some words\0"].concat();
    descriptor(guid, Kind::QUERY, 4, 0, &payload)
}

#[test]
fn a_leaf_guides_its_query() {
    let hits_kept = |hits: u16| vendor(7, &VendorMessage::QueryStatus { hits });
    let begin = || {
        let (mut world, peers) = ultrapeer(20);
        let asker = leaf(&mut world);
        world.say(asker, &guided(7));
        asked(&mut world, &peers);
        (world, peers, asker)
    };
    // Of 60 results it kept none: the query goes on.
    let (mut world, peers, asker) = begin();
    for servent in 100..160 {
        world.say(peers[0], &hit_for(Guid([7; 16]), servent));
    }
    let heard = world.heard(asker);
    let requests = vendor_messages(&heard);
    let expected = (Guid([7; 16]), VendorMessage::QueryStatusRequest);
    let requests: Vec<_> =
        requests.into_iter().map(|(header, message)| (header.guid, message)).collect();
    assert_eq!(requests, [expected; 3], "after twenty each");
    world.say(asker, &hits_kept(0));
    world.pass(20);
    assert!(!ttls(&asked(&mut world, &peers)).is_empty());
    // It has kept enough, or wants no more.
    for hits in [50, QUERY_STATUS_STOP] {
        let (mut world, peers, asker) = begin();
        world.say(asker, &hits_kept(hits));
        world.pass(60);
        assert_eq!(ttls(&asked(&mut world, &peers)), NONE);
    }
    // Another leaf has no say in it.
    let (mut world, peers, _) = begin();
    let other = leaf(&mut world);
    world.say(other, &hits_kept(QUERY_STATUS_STOP));
    assert_eq!(world.count(0, Why::NoRoute), 1);
    world.pass(20);
    assert!(!ttls(&asked(&mut world, &peers)).is_empty());
}

#[test]
fn queries_of_a_leaf_are_limited_and_end_with_it() {
    let config = Config { queries_per_leaf_max: 2, leaf_queries_max: 3, ..dynamic() };
    let mut world = World::new(1, &config);
    let peers: Vec<End> =
        (0..20).map(|_| peer(&mut world, "X-Degree: 30\r\nX-Ext-Probes: 0.1\r\n")).collect();
    let (one, other) = (leaf(&mut world), leaf(&mut world));
    for guid in 1..=3 {
        world.say(one, &query(guid, 4, 0, "some words"));
    }
    assert_eq!(world.count(0, Why::TableFull), 1);
    for guid in 4..=5 {
        world.say(other, &query(guid, 4, 0, "some words"));
    }
    assert_eq!(world.count(0, Why::TableFull), 2);
    assert_eq!(ttls(&asked(&mut world, &peers)).len(), 9);
    for leaf in [one, other] {
        world.say(leaf, &descriptor(9, Kind::BYE, 1, 0, b"\xC8\0bye"));
    }
    world.pass(30);
    assert_eq!(ttls(&asked(&mut world, &peers)), NONE);
}

#[test]
fn as_a_leaf_we_ask_our_ultrapeers_and_tell_them_what_we_kept() {
    let mut world = World::new(1, &Config { role: Role::Leaf, ..dynamic() });
    let ups: Vec<End> = (0..2).map(|_| peer(&mut world, "Vendor-Message: 0.2\r\n")).collect();
    search(&mut world, SearchQuery { results_max: Some(9), ..words() });
    let heard = world.heard(ups[0]);
    let header = Header::decode(heard.first_chunk().unwrap());
    assert_eq!((header.kind, header.ttl, header.hops), (Kind::QUERY, 4, 0));
    let flags = Query::decode(&heard[HEADER_LEN..]).unwrap().flags;
    assert!(flags.contains(QueryFlags::LEAF_GUIDED));
    assert_eq!(queries(&world.heard(ups[1])), [(4, 0)]);
    for servent in 1..=6 {
        world.say(ups[0], &hit_for(header.guid, servent));
    }
    let says = |world: &mut World, guid: Guid| {
        let mut request = Vec::new();
        let mut payload = Vec::new();
        VendorMessage::QueryStatusRequest.encode(&mut payload);
        crate::wire::frame::write(&mut request, guid, Kind::VENDOR, 1, 0, &payload);
        world.say(ups[1], &request);
        let heard = world.heard(ups[1]);
        match vendor_messages(&heard)[..] {
            [(header, VendorMessage::QueryStatus { hits })] if header.guid == guid => hits,
            ref other => panic!("{other:?}"),
        }
    };
    // Six were kept, and two ultrapeers are at it.
    assert_eq!(says(&mut world, header.guid), 3);
    assert_eq!(says(&mut world, Guid([8; 16])), QUERY_STATUS_STOP);
    world.give(0, Input::Command(Command::StopSearch { search: SearchId(1) }));
    world.settle();
    for up in ups {
        let heard = world.heard(up);
        let stop = VendorMessage::QueryStatus { hits: QUERY_STATUS_STOP };
        let said = vendor_messages(&heard);
        assert!(
            matches!(&said[..], [(said, message)] if said.guid == header.guid && *message == stop)
        );
    }
}

#[test]
fn nobody_but_an_ultrapeer_of_ours_is_told_what_we_kept() {
    let (mut world, peers) = ultrapeer(1);
    world.say(peers[0], &vendor(7, &VendorMessage::QueryStatusRequest));
    assert_eq!(world.count(0, Why::UnknownVendorMessage), 1);
}
