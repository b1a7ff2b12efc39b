//! Query routing: whom a query goes to, what is told and when, and who is shown the door.

use super::link::LAST;
use super::rope::{End, World, config};
use super::why::{descriptor, neighbour, query};
use crate::library::route_table::{Keys, LOG2, SlotSet};
use crate::node::config::Role;
use crate::node::{Config, Input, Why};
use crate::wire::qrp::gather::{Gathered, Gatherer, Room};
use crate::wire::qrp::{Patch, Update, hash, slot, write};
use crate::wire::{Bye, HEADER_LEN, Header, Kind};

fn routing() -> Config {
    Config { query_routing: true, subnet_share_percent: 100, ..config() }
}

/// A scripted neighbour that speaks query routing.
fn routed(world: &mut World, ultrapeer: bool, more: &str) -> End {
    let ultrapeer = if ultrapeer { "True" } else { "False" };
    let greeting = format!(
        "GNUTELLA CONNECT/0.6\r\nUser-Agent: script/1\r\nX-Ultrapeer: {ultrapeer}\r\nX-Query-Routing: 0.1\r\n\
         X-Ultrapeer-Query-Routing: 0.1\r\nBye-Packet: 0.1\r\n{more}\r\n"
    );
    let peer = world.script(0, &[greeting.as_bytes(), LAST].concat());
    world.heard(peer);
    peer
}

fn qrp(payload: &[u8]) -> Vec<u8> {
    descriptor(8, Kind::QRP, 1, 0, payload)
}

/// A whole table with these words, as messages.
fn table(words: &str) -> Vec<u8> {
    let mut slots: Vec<u32> =
        words.split_whitespace().map(|word| slot(hash(word.as_bytes()), LOG2)).collect();
    slots.sort_unstable();
    told(slots.into_iter())
}

fn told(slots: impl Iterator<Item = u32>) -> Vec<u8> {
    let patch = write::patch(LOG2, slots.map(|slot| (slot, true)));
    let messages = std::iter::once(write::reset(LOG2)).chain(patch);
    messages.flat_map(|payload| qrp(&payload)).collect()
}

/// The TTL and first GUID byte of each query that a neighbour heard.
fn queries(world: &mut World, peer: End) -> Vec<(u8, u8)> {
    let heard = world.heard(peer);
    let of = |(header, _): &(Header, Vec<u8>)| {
        (header.kind == Kind::QUERY).then_some((header.ttl, header.guid.0[0]))
    };
    descriptors(&heard).iter().filter_map(of).collect()
}

fn descriptors(mut bytes: &[u8]) -> Vec<(Header, Vec<u8>)> {
    let mut all = Vec::new();
    while let Some(header) = bytes.first_chunk().map(Header::decode) {
        let (frame, rest) = bytes.split_at(HEADER_LEN + header.len as usize);
        all.push((header, frame[HEADER_LEN..].to_vec()));
        bytes = rest;
    }
    all
}

#[test]
fn a_leaf_gets_what_its_table_may_match_whatever_the_ttl() {
    let mut world = World::new(1, &routing());
    let (asker, other) = (neighbour(&mut world), neighbour(&mut world));
    let silent = routed(&mut world, false, "");
    let leaf = routed(&mut world, false, "");
    world.say(leaf, &table("blue moon symphony"));
    world.heard(other);
    let asked = [
        (1, 3, "blue moon"),
        (2, 3, "blue sun"),
        (3, 1, "moon"),
        (4, 1, "sun"),
        (5, 2, "blue moon rising"),
        (6, 2, "red moon rising"),
        (7, 3, "symphony"),
        (8, 3, "no"),
    ];
    let all: Vec<u8> =
        asked.iter().flat_map(|&(guid, ttl, text)| query(guid, ttl, 0, text)).collect();
    world.say(asker, &all);
    let leaf_got = queries(&mut world, leaf);
    let mut sorted = leaf_got.clone();
    sorted.sort_by_key(|&(_, guid)| guid);
    assert_eq!(sorted, [(2, 1), (1, 3), (1, 5), (2, 7), (2, 8)]);
    // An ultrapeer gets everything while the TTL lasts; a leaf without a table nothing.
    let of_other: Vec<u8> = queries(&mut world, other).iter().map(|&(_, guid)| guid).collect();
    assert_eq!(of_other, [1, 2, 5, 6, 7, 8]);
    assert_eq!(queries(&mut world, silent), []);
    assert_eq!(queries(&mut world, asker), []);
    // Once more with a higher TTL: ultrapeers get it again, the leaf has had it.
    world.say(asker, &query(5, 4, 0, "blue moon rising"));
    assert_eq!(queries(&mut world, other), [(3, 5)]);
    assert_eq!(queries(&mut world, leaf), []);
    // While the table is built anew there is none.
    world.say(leaf, &qrp(&write::reset(LOG2)));
    world.say(asker, &query(9, 3, 0, "blue moon"));
    assert_eq!(queries(&mut world, leaf), []);
}

#[test]
fn tables_of_every_size_and_many_leaves_are_judged_alike() {
    let mut world =
        World::new(1, &Config { leaves_max: 200, newcomer_share_percent: 0, ..routing() });
    let asker = neighbour(&mut world);
    // More leaves than are looked at one by one.
    let leaves: Vec<End> = (0..100).map(|_| routed(&mut world, false, "")).collect();
    for (at, &leaf) in leaves.iter().enumerate() {
        let log2 = [13, 16, 17, 19][at % 4];
        let words = ["blue", if at % 3 == 0 { "moon" } else { "sun" }];
        let mut slots = words.map(|word| slot(hash(word.as_bytes()), log2));
        slots.sort_unstable();
        let patch = write::patch(log2, slots.into_iter().map(|slot| (slot, true)));
        let messages = std::iter::once(write::reset(log2)).chain(patch);
        let bytes: Vec<u8> = messages.flat_map(|payload| qrp(&payload)).collect();
        world.say(leaf, &bytes);
    }
    let got = |world: &mut World, guid: u8, text: &str| -> Vec<usize> {
        world.say(asker, &query(guid, 1, 0, text));
        (0..leaves.len()).filter(|&at| !queries(world, leaves[at]).is_empty()).collect()
    };
    let with = |keep: &dyn Fn(usize) -> bool| (0..100).filter(|&at| keep(at)).collect::<Vec<_>>();
    assert_eq!(got(&mut world, 1, "blue moon"), with(&|at| at % 3 == 0));
    assert_eq!(got(&mut world, 2, "sun"), with(&|at| at % 3 != 0));
    assert_eq!(got(&mut world, 3, "blue"), with(&|_| true));
    assert_eq!(got(&mut world, 4, "red"), with(&|_| false));
    assert_eq!(got(&mut world, 5, "red blue moon"), with(&|at| at % 3 == 0));
    assert_eq!(got(&mut world, 6, "no"), with(&|_| true));
    // The first quarter leaves, the second forgets the moon; numbers are given anew.
    for &leaf in &leaves[..25] {
        world.say(leaf, &descriptor(3, Kind::BYE, 1, 0, b"\xC8\0bye"));
    }
    for (at, &leaf) in leaves.iter().enumerate().take(50).skip(25) {
        let log2 = [13, 16, 17, 19][at % 4];
        let moon = slot(hash(b"moon"), log2);
        let patch = write::patch(log2, [(moon, false)].into_iter());
        let bytes: Vec<u8> = patch.iter().flat_map(|payload| qrp(payload)).collect();
        world.say(leaf, &bytes);
    }
    let newcomer = routed(&mut world, false, "");
    world.say(newcomer, &table("red"));
    assert_eq!(got(&mut world, 7, "moon"), with(&|at| at >= 50 && at % 3 == 0));
    assert_eq!(got(&mut world, 8, "blue"), with(&|at| at >= 25));
    assert_eq!(got(&mut world, 9, "red"), with(&|_| false));
    assert_eq!(queries(&mut world, newcomer), [(1, 9)]);
}

#[test]
fn on_the_last_hop_an_ultrapeer_gets_only_what_its_table_matches() {
    let mut world = World::new(1, &routing());
    let asker = neighbour(&mut world);
    let plain = neighbour(&mut world);
    let matching = routed(&mut world, true, "");
    let other = routed(&mut world, true, "Accept-Encoding: deflate\r\n");
    let untold = routed(&mut world, true, "");
    world.say(matching, &table("blue moon"));
    world.say(other, &table("green grass"));
    for peer in [plain, untold] {
        world.heard(peer);
    }
    world.say(asker, &query(1, 2, 0, "blue moon"));
    world.say(asker, &query(2, 3, 0, "blue moon"));
    world.say(asker, &query(3, 1, 0, "blue moon"));
    for peer in [plain, matching, untold] {
        let mut got = queries(&mut world, peer);
        got.sort_by_key(|&(_, guid)| guid);
        assert_eq!(got, [(1, 1), (2, 2)]);
    }
    let view = world.view(0);
    let percents: Vec<Option<u8>> = view.neighbours.iter().map(|one| one.table_percent).collect();
    assert_eq!(percents, [None, None, Some(0), Some(0), None]);
    assert_eq!(queries(&mut world, asker), []);
    // 5 neighbours: 3 copies of the first, 4 of the second.
    assert_eq!(view.messages(Kind::QUERY), (3, 7));
}

/// Two copies in one turn, the first on its last hop, the second with a TTL for more: whoever gets
/// both gets them in this order, as over one link TTLs only grow.
#[test]
fn a_copy_on_its_last_hop_leaves_before_one_with_a_higher_ttl() {
    for more in ["", "Accept-Encoding: deflate\r\n"] {
        let mut world = World::new(1, &routing());
        let asker = neighbour(&mut world);
        let matching = routed(&mut world, true, more);
        world.say(matching, &table("blue moon"));
        let plain = neighbour(&mut world);
        let both = [query(1, 2, 1, "blue moon"), query(1, 3, 0, "blue moon")].concat();
        world.say(asker, &both);
        assert_eq!(queries(&mut world, plain), [(1, 1), (2, 1)]);
        if more.is_empty() {
            assert_eq!(queries(&mut world, matching), [(1, 1), (2, 1)]);
        }
        assert_eq!(world.view(0).messages(Kind::QUERY), (2, 4));
    }
}

/// What a neighbour was told, as the table that it makes of it.
fn learn(world: &mut World, peer: End, gatherer: &mut Gatherer, table: &mut SlotSet) -> usize {
    let heard = world.heard(peer);
    let (mut bytes, mut room) = (0, Room::default());
    for (header, payload) in descriptors(&heard) {
        if header.kind == Kind::QRP {
            assert_eq!((header.ttl, header.hops), (1, 0));
            bytes += payload.len();
            match gatherer.take(&Update::decode(&payload).unwrap(), &mut room).unwrap() {
                Gathered::Reset { log2 } => *table = SlotSet::empty(log2),
                Gathered::Part => {}
                Gathered::Changes(changes) => table.apply(changes.iter(), |_, _| {}),
            }
        }
    }
    bytes
}

#[test]
fn ultrapeers_are_told_what_is_here_and_at_our_leaves() {
    let mut world = World::new(1, &Config { alive_ping_s: 10_000, ..routing() });
    world.share(0, &["blue moon symphony.ogg"]);
    let peer = routed(&mut world, true, "");
    let leaf = routed(&mut world, false, "");
    let old = neighbour(&mut world);
    let (mut gatherer, mut known) = (Gatherer::default(), SlotSet::empty(0));
    assert_eq!(learn(&mut world, peer, &mut gatherer, &mut known), 0, "not at once");
    world.pass(2);
    let first_bytes = learn(&mut world, peer, &mut gatherer, &mut known);
    let has = |known: &SlotSet, text: &str| known.may_match(&Keys::of_text(text));
    assert!(has(&known, "blue moon symphony ogg") && !has(&known, "grass"));
    // Four words and a content.
    assert_eq!((known.count(), world.view(0).told_slots), (5, Some(5)));
    assert!(first_bytes < 200, "{first_bytes}");
    world.say(leaf, &table("green grass"));
    world.pass(30);
    assert_eq!(learn(&mut world, peer, &mut gatherer, &mut known), 0, "once a minute");
    world.pass(40);
    assert!(learn(&mut world, peer, &mut gatherer, &mut known) > 0);
    assert!(has(&known, "blue moon") && has(&known, "green grass"));
    assert_eq!(known.count(), 7);
    // A newcomer gets the same, whole.
    let newcomer = routed(&mut world, true, "");
    world.pass(2);
    let (mut second, mut theirs) = (Gatherer::default(), SlotSet::empty(0));
    learn(&mut world, newcomer, &mut second, &mut theirs);
    assert_eq!(theirs, known);
    // Nothing changes: nothing is said. The leaf goes: its words go.
    world.pass(200);
    assert_eq!(learn(&mut world, peer, &mut gatherer, &mut known), 0);
    world.say(leaf, &descriptor(3, Kind::BYE, 1, 0, b"\xC8\0bye"));
    world.pass(70);
    for (peer, gatherer, known) in
        [(peer, &mut gatherer, &mut known), (newcomer, &mut second, &mut theirs)]
    {
        let bytes = learn(&mut world, peer, gatherer, known);
        assert!(bytes > 0 && bytes < first_bytes);
        assert_eq!(known.count(), 5);
    }
    for (peer, what) in [(old, "did not offer it"), (leaf, "a leaf")] {
        assert!(
            !descriptors(&world.heard(peer)).iter().any(|(h, _)| h.kind == Kind::QRP),
            "{what}"
        );
    }
}

#[test]
fn a_leaf_tells_its_ultrapeers_and_takes_no_tables() {
    let config = Config { role: Role::Leaf, alive_ping_s: 10_000, ..routing() };
    let mut world = World::new(1, &config);
    let ultrapeer = routed(&mut world, true, "");
    world.pass(2);
    let (mut gatherer, mut known) = (Gatherer::default(), SlotSet::empty(0));
    learn(&mut world, ultrapeer, &mut gatherer, &mut known);
    assert_eq!(known, SlotSet::empty(LOG2));
    // The first table was empty: what is shared a moment later is not held back for a minute.
    world.share(0, &["blue moon.ogg"]);
    world.pass(6);
    learn(&mut world, ultrapeer, &mut gatherer, &mut known);
    assert_eq!(known.count(), 4);
    world.say(ultrapeer, &qrp(b"\x01\x01\x01\x00\x03"));
    assert_eq!(world.view(0).neighbours.len(), 1, "what it sends is not looked at");
}

#[test]
fn without_query_routing_leaves_get_everything_and_nobody_is_told() {
    let mut world = World::new(1, &config());
    world.share(0, &["blue moon.ogg"]);
    let asker = neighbour(&mut world);
    let (leaf, peer) = (routed(&mut world, false, ""), routed(&mut world, true, ""));
    world.say(leaf, &table("green grass"));
    world.say(peer, &table("green grass"));
    world.say(asker, &[query(1, 3, 0, "red sea"), query(2, 1, 0, "red")].concat());
    world.say(asker, &query(3, 2, 0, "red dawn"));
    assert_eq!(queries(&mut world, leaf), [(2, 1), (1, 2), (1, 3)]);
    assert_eq!(queries(&mut world, peer), [(2, 1), (1, 3)]);
    world.pass(5);
    assert!(!descriptors(&world.heard(peer)).iter().any(|(h, _)| h.kind == Kind::QRP));
    assert_eq!(world.view(0).told_slots, None);
}

/// The counts that a neighbour's messages moved, and the code of the Bye that it got.
fn shown_the_door(config: &Config, ultrapeer: bool, says: &[u8]) -> (Vec<(Why, u64)>, Option<u16>) {
    let mut world = World::new(1, config);
    let peer = routed(&mut world, ultrapeer, "");
    world.say(peer, says);
    let view = world.view(0);
    let bye = descriptors(&world.heard(peer))
        .into_iter()
        .find(|(header, _)| header.kind == Kind::BYE)
        .map(|(_, payload)| Bye::decode(&payload).unwrap().code);
    assert_eq!(view.neighbours.is_empty(), bye.is_some());
    (view.dropped.iter().map(|dropped| (dropped.why, dropped.count)).collect(), bye)
}

#[test]
fn row_11_broken_tables_end_the_link() {
    let part = |number, count, compressor, entry_bits, data: &[u8]| {
        let mut payload = Vec::new();
        let patch = Patch { number, count, compressor, entry_bits, data };
        Update::Patch(patch).encode(&mut payload);
        qrp(&payload)
    };
    let reset = |slots: u32, infinity| {
        let mut payload = Vec::new();
        Update::Reset { slots, infinity }.encode(&mut payload);
        qrp(&payload)
    };
    let begun = |second: Vec<u8>| [reset(16, 7), part(1, 3, 0, 4, &[0; 2]), second].concat();
    let cases = [
        part(1, 1, 0, 4, &[0; 8]),
        reset(1_000, 7),
        reset(1 << 22, 7),
        reset(0, 7),
        reset(16, 0),
        [reset(16, 7), part(1, 1, 0, 4, &[0; 7])].concat(),
        [reset(16, 7), part(1, 1, 0, 4, &[0; 9])].concat(),
        [reset(16, 7), part(1, 1, 0, 3, &[0; 6])].concat(),
        [reset(16, 7), part(1, 1, 0, 4, &[])].concat(),
        [reset(16, 7), part(1, 1, 7, 4, &[0; 8])].concat(),
        [reset(16, 7), part(1, 1, 1, 4, &[0; 8])].concat(),
        begun(part(3, 3, 0, 4, &[0; 2])),
        begun(part(1, 3, 0, 4, &[0; 2])),
        begun(part(2, 2, 0, 4, &[0; 6])),
        begun(part(2, 3, 0, 8, &[0; 6])),
    ];
    for (at, says) in cases.iter().enumerate() {
        for ultrapeer in [false, true] {
            let (counts, bye) = shown_the_door(&routing(), ultrapeer, says);
            assert_eq!((counts, bye), (vec![(Why::BadRouteTable, 1)], Some(413)), "case {at}");
        }
    }
    let fine = [reset(16, 7), part(1, 1, 0, 4, &[0xA0; 8])].concat();
    assert_eq!(shown_the_door(&routing(), false, &fine), (vec![], None));
    let unknown = qrp(b"\x02whatever");
    assert_eq!(shown_the_door(&routing(), false, &unknown).0, [(Why::Malformed, 1)]);
    let often = Config { route_updates_per_minute_max: 4, ..routing() };
    assert_eq!(shown_the_door(&often, false, &fine.repeat(2)), (vec![], None));
    let expected = (vec![(Why::RouteUpdatesTooOften, 1)], Some(413));
    assert_eq!(shown_the_door(&often, false, &fine.repeat(3)), expected);
    let narrow = Config { route_tables_bytes_max: 10_000, ..routing() };
    let dense = told((0..1 << LOG2).step_by(3));
    assert_eq!(shown_the_door(&narrow, true, &dense).0, []);
    let wide = [reset(1 << 17, 7), part(1, 1, 0, 1, &[0x55; 1 << 14])].concat();
    assert_eq!(shown_the_door(&narrow, true, &wide).0, [(Why::TableFull, 1)]);
}

#[test]
fn row_11_a_saturated_leaf_gets_no_more_than_its_share() {
    for tenths in 1..=10_u32 {
        let config =
            Config { crowded_leaf_queries_per_s_max: 7, route_fill_percent_max: 75, ..routing() };
        let mut world = World::new(1, &config);
        let (asker, peer) = (neighbour(&mut world), routed(&mut world, true, ""));
        let leaf = routed(&mut world, false, "");
        // Spread as a hash would.
        let is_set = |slot: &u32| slot.wrapping_mul(0x9E37_79B1) >> 16 & 0xFFFF < 6_554 * tenths;
        world.say(leaf, &told((0..1 << LOG2).filter(is_set)));
        let asked = 200;
        let mut got = 0;
        for guid in 0..asked {
            let text = format!("{0}needle hay{0}stack", u32::from(guid) * 7);
            world.say(asker, &query(guid, 1, 0, &text));
            got += queries(&mut world, leaf).len();
        }
        let share = got as f64 / f64::from(asked);
        let fill = f64::from(tenths) / 10.0;
        if tenths <= 7 {
            assert!((share - fill * fill).abs() < 0.15, "{tenths} tenths: {share}");
        } else {
            assert_eq!(got, 7, "{tenths} tenths");
        }
        // What says nothing is not told on: nobody else gets more because of it.
        world.pass(3);
        let (mut gatherer, mut known) = (Gatherer::default(), SlotSet::empty(0));
        learn(&mut world, peer, &mut gatherer, &mut known);
        let expected = if tenths <= 7 { 1 << LOG2 } else { 0 };
        assert!(known.count() <= expected && (tenths > 7 || known.count() > 0));
        // A second later it is asked again; when it comes to its senses it is like others.
        if tenths > 7 {
            world.say(asker, &query(250, 1, 0, "needle"));
            assert_eq!(queries(&mut world, leaf).len(), 1);
            world.say(leaf, &table("needle"));
            for (guid, text, gets) in [(251, "needle", true), (252, "straw", false)] {
                world.say(asker, &query(guid, 1, 0, text));
                assert_eq!(!queries(&mut world, leaf).is_empty(), gets, "{text}");
            }
        }
    }
}

#[test]
fn a_neighbour_that_does_not_read_is_told_the_whole_table_later() {
    let config = Config { alive_ping_s: 10_000, send_window_bytes: 100, ..routing() };
    let mut world = World::new(1, &config);
    world.share(0, &["blue moon.ogg"]);
    let asker = neighbour(&mut world);
    let peer = routed(&mut world, true, "");
    world.deaf.insert(peer);
    for guid in 0..20 {
        world.say(asker, &query(guid, 3, 0, "words that fill the queue of one that does not read"));
    }
    world.pass(2);
    assert!(!descriptors(&world.heard(peer)).iter().any(|(h, _)| h.kind == Kind::QRP));
    world.deaf.remove(&peer);
    let waits = world.view(0).neighbours.iter().map(|one| one.queued_bytes).max().unwrap();
    world.give(0, Input::Sent { conn: world.far(peer), len: u32::try_from(waits).unwrap() });
    world.settle();
    world.pass(130);
    let (mut gatherer, mut known) = (Gatherer::default(), SlotSet::empty(0));
    learn(&mut world, peer, &mut gatherer, &mut known);
    assert_eq!(known.count(), 4);
}
