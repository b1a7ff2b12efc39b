//! Strategies of laboratories, node by node: what they cost in whole worlds is tested there.

use std::net::{SocketAddr, SocketAddrV4};

use super::link::{LAST, greeting};
use super::rope::{End, World, address, config};
use super::why::query;
use crate::node::config::Strategy;
use crate::node::io::{SearchEnd, SearchId, SearchQuery};
use crate::node::on_oob::vendor;
use crate::node::{Command, Config, Event, Input, Why};
use crate::wire::vendor::QUERY_STATUS_STOP;
use crate::wire::{Guid, HEADER_LEN, Header, Kind, VendorMessage, frame};

pub(super) fn by(strategy: Strategy) -> Config {
    Config { strategy, ..config() }
}

/// A node with so many scripted neighbours.
fn among(neighbours: usize, strategy: Strategy) -> (World, Vec<End>) {
    let mut world = World::new(1, &by(strategy));
    let hello = [greeting(""), LAST.to_vec()].concat();
    let ends: Vec<End> = (0..neighbours).map(|_| world.script(0, &hello)).collect();
    for &end in &ends {
        world.heard(end);
    }
    (world, ends)
}

/// The queries that each was sent since it was last asked: GUID, TTL and hops.
fn asked(world: &mut World, ends: &[End]) -> Vec<Vec<(Guid, u8, u8)>> {
    ends.iter()
        .map(|&end| {
            let heard = world.heard(end);
            let mut rest = &heard[..];
            let mut found = Vec::new();
            while let Some(header) = rest.first_chunk().map(Header::decode) {
                if header.kind == Kind::QUERY {
                    found.push((header.guid, header.ttl, header.hops));
                }
                rest = &rest[HEADER_LEN + header.len as usize..];
            }
            found
        })
        .collect()
}

fn words(ttl: u8) -> SearchQuery {
    SearchQuery { text: "some words".into(), ttl: Some(ttl), ..SearchQuery::default() }
}

#[test]
fn a_strategy_that_is_not_one_for_this_network_is_refused() {
    let ring = Strategy::ExpandingRing;
    let some = |k| Strategy::RandomNeighbours { k };
    let public = |strategy| Config { local_addresses: false, ..by(strategy) };
    for (config, asks, begins) in [
        (by(Strategy::Flood), Some(ring), true),
        (by(Strategy::Dynamic), Some(ring), true),
        (by(ring), Some(Strategy::Flood), true),
        (by(some(2)), None, true),
        (by(some(2)), Some(some(2)), true),
        (by(some(2)), Some(some(3)), false),
        (by(some(2)), Some(Strategy::Flood), false),
        (by(Strategy::Flood), Some(some(2)), false),
        (public(Strategy::Flood), Some(ring), false),
        (public(ring), None, false),
        (public(some(2)), Some(Strategy::Flood), true),
    ] {
        let mut world = World::new(2, &config);
        world.link(0, 1);
        world.search_for(0, 7, SearchQuery { strategy: asks, ..words(2) });
        let end = SearchEnd::WrongStrategy;
        let refused = Event::SearchEnded { search: SearchId(7), end };
        let what = format!("{asks:?} in {:?}", config.strategy);
        assert_eq!(world.events[0].contains(&refused), !begins, "{what}");
        assert_eq!(world.view(0).searches.len(), usize::from(begins), "{what}");
    }
}

#[test]
fn a_ring_floods_anew_and_farther_until_there_is_enough() {
    let (mut world, ends) = among(2, Strategy::ExpandingRing);
    world.search_for(0, 1, SearchQuery { ttl: Some(3), ..words(3) });
    let mut guids = Vec::new();
    // Each flood is awaited 2.4 s for each link.
    for (ttl, wait) in [(1, 3), (2, 5), (3, 8)] {
        let floods = asked(&mut world, &ends);
        let [first, second] = &floods[..] else { panic!() };
        assert_eq!((first, first.len()), (second, 1), "both are asked once");
        assert_eq!((first[0].1, first[0].2), (ttl, 0));
        guids.push(first[0].0);
        world.pass(wait);
    }
    assert_eq!(asked(&mut world, &ends), [[], []], "as wide as it may be");
    guids.dedup();
    assert_eq!(guids.len(), 3, "every flood has a GUID of its own");
    let told: Vec<Guid> = world.events[0]
        .iter()
        .filter_map(|event| match event {
            Event::AsksAnew { search: SearchId(1), query } => Some(*query),
            _ => None,
        })
        .collect();
    assert_eq!(told, guids[1..]);
}

#[test]
fn a_ring_ends_with_the_first_results_and_late_ones_count() {
    let mut world = World::new(4, &by(Strategy::ExpandingRing));
    for node in 1..4 {
        world.link(node - 1, node);
    }
    world.share(2, &["some words.txt"]);
    world.share(3, &["more words of some.txt"]);
    world.search_for(0, 1, words(7));
    world.pass(60);
    // Node 2 is two links away: the flood that would reach node 3 never left.
    assert_eq!(world.found(0, 1), [("some words.txt".to_owned(), 2)]);
    let ring = world.nodes[0].searches.iter().next().and_then(|(_, search)| search.ring);
    assert_eq!(ring.map(|ring| ring.ttl), Some(2));
    // Who wants more gets more.
    world.search_for(0, 2, SearchQuery { results_max: Some(2), ..words(7) });
    world.pass(60);
    assert_eq!(world.found(0, 2).len(), 2);
}

#[test]
fn some_neighbours_at_random_get_a_query_and_never_the_one_it_came_from() {
    let (mut world, ends) = among(6, Strategy::RandomNeighbours { k: 2 });
    let mut times = [0; 6];
    for number in 1..=200 {
        world.say(ends[0], &query(number, 3, 1, "words"));
        let asked = asked(&mut world, &ends);
        assert_eq!(asked.iter().flatten().count(), 2);
        assert!(asked.iter().flatten().all(|&(_, ttl, hops)| (ttl, hops) == (2, 2)));
        for (times, asked) in times.iter_mut().zip(&asked) {
            *times += asked.len();
        }
    }
    // 400 over five neighbours: 80 each, with a standard deviation of 7.
    assert_eq!(times[0], 0);
    assert!(times[1..].iter().all(|times| (50..110).contains(times)), "{times:?}");
    // A search of our own asks as many.
    world.search_for(0, 1, words(3));
    assert_eq!(asked(&mut world, &ends).iter().flatten().count(), 2);
    // The last hop is passed on to nobody.
    world.say(ends[1], &query(201, 1, 1, "words"));
    assert_eq!(asked(&mut world, &ends).iter().flatten().count(), 0);
}

const STEPS: u8 = Strategy::STEPS_PER_CHECK;

fn walkers(walkers: u16) -> Config {
    by(Strategy::Walkers { walkers })
}

/// A walker's query for "words" whose GUID names this address as its home.
fn walker(number: u8, home: SocketAddr, ttl: u8, hops: u8) -> Vec<u8> {
    let mut bytes = query(number, ttl, hops, "words");
    bytes[..16].copy_from_slice(&Guid([number; 16]).with_reply_to(v4(home)).0);
    bytes
}

/// What went by UDP to an address where no node is.
fn said_by_datagram(world: &mut World) -> Vec<(Guid, String)> {
    let said = |(_, data): (SocketAddr, Vec<u8>)| {
        let header = Header::decode(data.first_chunk().expect("a header"));
        let message = VendorMessage::decode(&data[HEADER_LEN..]).expect("a vendor message");
        (header.guid, format!("{message:?}"))
    };
    std::mem::take(&mut world.posted).into_iter().map(said).collect()
}

#[test]
fn walkers_walk_until_there_is_a_hit_and_then_their_origin_stops_them() {
    // A circle of five: the walkers cannot but go round it, and go past their origin.
    let mut world = World::new(5, &walkers(3));
    for node in 0..5 {
        world.link(node, (node + 1) % 5);
    }
    let steps = |world: &World| -> u64 {
        (0..5).map(|node| world.view(node).messages(Kind::QUERY).1).sum()
    };
    world.share(4, &["rare.txt"]);
    world.search_for(0, 1, SearchQuery { text: "rare".into(), ..words(1) });
    // Node 4 is found after one step or four; whether or not, all stop at the first check.
    assert_eq!(steps(&world), 3 * u64::from(STEPS));
    assert_eq!(world.found(0, 1).len(), 1, "and only its first visit is answered");
}

#[test]
fn a_walker_asks_its_origin_after_every_fourth_step_and_does_as_it_is_told() {
    let (mut world, ends) = among(3, Strategy::Walkers { walkers: 2 });
    let home = SocketAddr::from(([10, 9, 9, 9], 6346));
    let told = |world: &mut World, number: u8, hits| {
        let guid = Guid([number; 16]).with_reply_to(v4(home));
        let (header, payload) = vendor(guid, &VendorMessage::QueryStatus { hits });
        let mut data = Vec::new();
        frame::write(&mut data, header.guid, header.kind, 1, 0, &payload);
        world.give(0, Input::Datagram { from: home, data: &data });
        world.settle();
    };
    // Steps before the fourth are followed by the next one at once, never straight back.
    for (ttl, hops) in [(4, 0), (3, 1), (2, 2)] {
        world.say(ends[1], &walker(1, home, ttl, hops));
        let steps = asked(&mut world, &ends);
        assert_eq!(steps[1], []);
        let steps: Vec<_> = steps.concat().iter().map(|&(_, ttl, hops)| (ttl, hops)).collect();
        assert_eq!(steps, [(ttl - 1, hops + 1)]);
    }
    assert_eq!(said_by_datagram(&mut world), []);
    // After the fourth it rests. It is woken by its own origin's word for its own query alone.
    for number in [1, 2] {
        world.say(ends[1], &walker(number, home, 1, 252 + number));
    }
    let asks = |number: u8| {
        let request = format!("{:?}", VendorMessage::QueryStatusRequest);
        (Guid([number; 16]).with_reply_to(v4(home)), request)
    };
    assert_eq!(said_by_datagram(&mut world), [asks(1), asks(2)]);
    told(&mut world, 3, 0);
    assert_eq!(asked(&mut world, &ends).concat(), []);
    told(&mut world, 2, 0);
    let steps = asked(&mut world, &ends).concat();
    assert_eq!(steps, [(asks(2).0, STEPS, 254)]);
    told(&mut world, 1, QUERY_STATUS_STOP);
    told(&mut world, 1, 0);
    assert_eq!(asked(&mut world, &ends).concat(), [], "a walker that was stopped is gone");
}

#[test]
fn a_search_by_walkers_tells_them_to_go_on_until_it_has_enough_or_ends() {
    let (mut world, ends) = among(3, Strategy::Walkers { walkers: 4 });
    world.search_for(0, 1, SearchQuery { results_max: Some(3), ..words(1) });
    let began = asked(&mut world, &ends).concat();
    assert_eq!(began.len(), 4);
    let guid = began[0].0;
    assert_eq!(SocketAddr::from(guid.reply_to()), address(0), "it names where they may ask");
    assert!(began.iter().all(|&step| step == (guid, STEPS, 0)));
    let holder = SocketAddr::from(([10, 9, 9, 9], 6346));
    let says = |world: &mut World, message: VendorMessage<'_>| {
        let (header, payload) = vendor(guid, &message);
        let mut data = Vec::new();
        frame::write(&mut data, header.guid, header.kind, 1, 0, &payload);
        world.give(0, Input::Datagram { from: holder, data: &data });
    };
    let answer = |hits| vec![(guid, format!("{:?}", VendorMessage::QueryStatus { hits }))];
    let request = VendorMessage::QueryStatusRequest;
    says(&mut world, request);
    assert_eq!(said_by_datagram(&mut world), [], "answered when the turn is over");
    world.settle();
    assert_eq!(said_by_datagram(&mut world), answer(0));
    // What is told of in the same turn counts, even after the question.
    says(&mut world, VendorMessage::QueryStatus { hits: 2 });
    says(&mut world, request);
    world.settle();
    assert_eq!(said_by_datagram(&mut world), answer(2));
    says(&mut world, request);
    says(&mut world, VendorMessage::QueryStatus { hits: 1 });
    world.settle();
    assert_eq!(said_by_datagram(&mut world), answer(QUERY_STATUS_STOP));
    // Nor does anybody walk for a search that is over.
    world.give(0, Input::Command(Command::StopSearch { search: SearchId(1) }));
    says(&mut world, request);
    world.settle();
    assert_eq!(said_by_datagram(&mut world), answer(QUERY_STATUS_STOP));
}

#[test]
fn walkers_that_cannot_go_on_or_find_no_room_are_counted() {
    let config = Config { walkers_resting_max: 2, ..walkers(1) };
    let mut world = World::new(1, &config);
    let end = world.script(0, &[greeting(""), LAST.to_vec()].concat());
    let home = SocketAddr::from(([10, 9, 9, 9], 6346));
    for (ttl, why) in [(0, Why::TtlZero), (STEPS + 1, Why::TtlTooHigh)] {
        world.say(end, &walker(1, home, ttl, 1));
        assert_eq!(world.count(0, why), 1);
    }
    for number in 1..=3 {
        world.say(end, &walker(number, home, 1, 3));
    }
    assert_eq!(world.count(0, Why::TableFull), 1);
    // The only way on is gone.
    world.give(0, Input::Command(Command::Disconnect { peer: world.view(0).neighbours[0].peer }));
    world.settle();
    let guid = Guid([3; 16]).with_reply_to(v4(home));
    let (header, payload) = vendor(guid, &VendorMessage::QueryStatus { hits: 0 });
    let mut data = Vec::new();
    frame::write(&mut data, header.guid, header.kind, 1, 0, &payload);
    world.give(0, Input::Datagram { from: home, data: &data });
    assert_eq!(world.count(0, Why::RouteLost), 1);
}

fn v4(address: SocketAddr) -> SocketAddrV4 {
    let SocketAddr::V4(address) = address else { panic!("an IPv4 address") };
    address
}

fn replicated() -> Config {
    Config { one_hop_replication: true, ..config() }
}

#[test]
fn a_node_answers_for_its_neighbours_as_long_as_they_are_there() {
    // 0 - 1 - 2, and files on the last.
    let mut world = World::new(3, &replicated());
    world.share(2, &["plum.txt", "pear.txt"]);
    world.link(0, 1);
    world.link(1, 2);
    let mut id = 0;
    let mut found = |world: &mut World, text: &str, ttl| {
        id += 1;
        world.search_for(0, id, SearchQuery { text: text.into(), ..words(ttl) });
        let of_search = |event: &Event| match event {
            Event::Found { search: SearchId(of), hits } if *of == id => {
                hits.iter().map(|hit| (hit.name.clone(), hit.source.address)).collect()
            }
            _ => vec![],
        };
        world.events[0].iter().flat_map(of_search).collect::<Vec<_>>()
    };
    let plum = [("plum.txt".to_owned(), address(2))];
    assert_eq!(found(&mut world, "plum", 1), plum, "with its owner's address");
    assert_eq!(found(&mut world, "plum", 2), plum, "whoever answers, it is one result");
    // Who shares more says so.
    assert_eq!(found(&mut world, "cherry", 1), []);
    world.share(2, &["cherry.txt"]);
    world.settle();
    assert_eq!(found(&mut world, "cherry", 1).len(), 1);
    // What asks is not answered with what is its own.
    world.share(0, &["own.txt"]);
    world.settle();
    assert_eq!(found(&mut world, "own", 1), []);
    let peer = world.view(1).neighbours.iter().find(|link| !link.incoming).map(|link| link.peer);
    let peer = peer.expect("node 1 connected to node 2");
    world.give(1, Input::Command(Command::Disconnect { peer }));
    world.settle();
    assert_eq!(found(&mut world, "plum", 1), []);
}

#[test]
fn neighbours_are_told_only_in_laboratories_and_only_so_much_is_kept() {
    let hits = |world: &World| world.view(1).messages(Kind::QUERY_HIT).0;
    for (config, told) in
        [(replicated(), 1), (config(), 0), (Config { local_addresses: false, ..replicated() }, 0)]
    {
        let mut world = World::new(2, &config);
        world.share(0, &["a word.txt", "two words.txt"]);
        world.link(0, 1);
        assert_eq!((hits(&world), world.count(1, Why::TableFull)), (told, 0));
    }
    let mut world = World::new(2, &Config { one_hop_files_max: 1, ..replicated() });
    world.share(0, &["a word.txt", "two words.txt"]);
    world.link(0, 1);
    assert_eq!((hits(&world), world.count(1, Why::TableFull)), (1, 1));
}
