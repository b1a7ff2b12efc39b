//! Attacks by neighbours.

use std::io::Write;

use filbert::node::io::{SearchId, SearchQuery};
use filbert::node::{Command, Config, Event, Input, Why};
use filbert::wire::ggep::{Nul, Writer};
use filbert::wire::handshake::Block;
use filbert::wire::{Bye, HEADER_LEN, Header, Headers, Kind, Push, QueryHit, Record, Sha1, names};
use flate2::Compression;
use flate2::write::ZlibEncoder;

use crate::victim::{Victim, config, descriptor, guid, query, stranger};

fn hit_of(servent: u64, name: &str) -> Vec<u8> {
    let record = Record { sha1: Some(Sha1([1; 20])), ..Record::new(1, 1_000, name) };
    let mut out = Vec::new();
    QueryHit { vendor: Some(*b"TEST"), ..QueryHit::new(stranger(77), guid(servent), vec![record]) }
        .encode(&mut out);
    out
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.flush()).unwrap();
    encoder.get_ref().clone()
}

#[test]
fn row_01_a_query_flood_fills_no_queue_beyond_its_limit_and_hits_go_first() {
    let mut victim = Victim::new(config());
    victim.keeps = false;
    let [flooder, deaf, asker] = [1, 2, 3].map(|n| victim.neighbour(stranger(n), Headers::new()));
    victim.deaf.insert(deaf);
    victim.deaf.insert(asker);
    // The asker's query, then a flood of others' that the asker does not read.
    victim.say(asker, &descriptor(guid(0), Kind::QUERY, 3, 0, &query("wanted file")));
    let mut asked = 0u64;
    let mut flood = |victim: &mut Victim, queries: u64| {
        for _ in 0..queries / 500 {
            let of = |n: u64| descriptor(guid(1 + n), Kind::QUERY, 3, 1, &query("flood"));
            let says: Vec<u8> = (asked..asked + 500).flat_map(of).collect();
            asked += 500;
            assert!(!victim.say(flooder, &says));
        }
    };
    flood(&mut victim, 50_000);
    // The hit goes before all queries that wait.
    victim.say(deaf, &descriptor(guid(0), Kind::QUERY_HIT, 3, 1, &hit_of(5, "wanted file")));
    victim.keeps = true;
    victim.give(Input::Sent { conn: asker, len: 1 << 17 });
    assert_eq!(victim.heard(asker, Kind::QUERY_HIT).len(), 1);
    victim.keeps = false;
    flood(&mut victim, 100_000);
    let (config, view) = (config(), victim.view());
    let most = config.send_queue_bytes_max + 2 * config.send_window_bytes;
    for neighbour in &view.neighbours {
        assert!(neighbour.queued_bytes <= u64::from(most), "{}", neighbour.queued_bytes);
    }
    assert!(view.count(Why::QueueFull) > 100_000, "{:?}", view.dropped);
    assert_eq!(view.seen_queries, config.seen_queries_max);
}

#[test]
fn row_02_no_ttl_and_hops_lead_beyond_the_limit() {
    let mut victim = Victim::new(config());
    let [from, to] = [1, 2].map(|n| victim.neighbour(stranger(n), Headers::new()));
    let most = u16::from(config().ttl_and_hops_max);
    let mut admissible = 0;
    for (ttl, hops) in (0..=255).flat_map(|ttl| (0..=255).map(move |hops| (ttl, hops))) {
        // A TTL of 0 breaks the rules and would end the link.
        if ttl == 0 {
            continue;
        }
        admissible += u64::from(ttl > 1 && u16::from(ttl) + u16::from(hops) <= most);
        let number = u64::from(ttl) << 8 | u64::from(hops);
        let says = descriptor(guid(number), Kind::QUERY, ttl, hops, &query("any words"));
        assert!(!victim.say(from, &says));
    }
    let heard = victim.heard(to, Kind::QUERY);
    assert_eq!(heard.len() as u64, admissible);
    for header in heard {
        assert!(header.ttl > 0 && u16::from(header.ttl) + u16::from(header.hops) <= most);
    }
}

/// The first descriptor that is not its own ends a leaf's link, whatever it is, with the code by
/// which living servents say so; what it says of itself does not.
#[test]
fn row_02_a_leaf_that_passes_on_is_left_at_once_and_told_why() {
    let hello = [
        Block::request(
            Headers::new().with(names::X_ULTRAPEER, "False").with(names::BYE_PACKET, "0.1"),
        )
        .to_bytes(),
        Block::response(200, "OK", Headers::new()).to_bytes(),
    ]
    .concat();
    for kind in [Kind::QUERY, Kind::QUERY_HIT, Kind::PING, Kind::PONG, Kind::PUSH, Kind::VENDOR] {
        let mut victim = Victim::new(config());
        let other = victim.neighbour(stranger(2), Headers::new());
        let leaf = victim.accept(stranger(1));
        assert!(!victim.say(leaf, &hello));
        assert!(!victim.say(leaf, &descriptor(guid(1), Kind::QUERY, 3, 0, &query("its own"))));
        victim.sent.clear();
        assert!(victim.say(leaf, &descriptor(guid(2), kind, 2, 1, &query("of another"))));
        assert_eq!(victim.count(Why::LeafRelays), 1);
        let bye = &victim.sent[&leaf];
        assert_eq!(victim.heard(leaf, Kind::BYE).len(), 1);
        assert_eq!(Bye::decode(&bye[HEADER_LEN..]).unwrap().code, Bye::LEAF_RELAYS);
        assert_eq!(victim.heard(other, Kind::QUERY).len(), 0, "nothing of it went on");
        assert!(!victim.closed.contains(&other));
    }
}

#[test]
fn row_03_a_length_that_lies_ends_the_link_before_anything_is_stored() {
    for kind in [Kind::QUERY, Kind::QUERY_HIT, Kind::PING, Kind::PUSH, Kind::VENDOR, Kind(9)] {
        for len in [70_000, 1 << 24, i32::MAX as u32, u32::MAX] {
            let mut victim = Victim::new(config());
            let liar = victim.neighbour(stranger(1), Headers::new());
            let header = Header { guid: guid(1), kind, ttl: 3, hops: 0, len };
            let head = header.encode();
            assert!(!victim.say(liar, &head[..HEADER_LEN - 1]));
            assert!(victim.say(liar, &head[HEADER_LEN - 1..]));
            assert_eq!(victim.count(Why::TooLarge), 1);
        }
    }
}

#[test]
fn row_04_a_deflate_bomb_ends_its_link_and_no_other() {
    let mut victim = Victim::new(config());
    let deflates = Headers::new().with(names::CONTENT_ENCODING, "deflate");
    let good = victim.neighbour(stranger(2), Headers::new());
    for (number, bomb) in [
        // Pings without end; zeros would end the link for their TTL.
        (1, deflated(&descriptor(guid(1), Kind::PING, 1, 0, &[]).repeat(500_000))),
        // A second stream behind the end of the first.
        (3, [deflated(b""), vec![0x01, 0, 0, 0xFF, 0xFF, 0, 0, 0, 1], deflated(b"")].concat()),
        (4, b"no deflate at all".to_vec()),
    ] {
        let before = victim.count(Why::BadDeflate);
        let bomber = victim.neighbour(stranger(number), deflates.clone());
        assert!(victim.say(bomber, &bomb), "bomb {number}");
        assert_eq!(victim.count(Why::BadDeflate), before + 1);
    }
    // Empty blocks cost nothing and mean nothing.
    let idle = victim.neighbour(stranger(5), deflates);
    let opening = deflated(b"");
    assert!(!victim.say(idle, &opening));
    for _ in 0..100 {
        assert!(!victim.say(idle, &[0, 0, 0, 0xFF, 0xFF].repeat(10_000)));
    }
    assert!(!victim.closed.contains(&good));
}

#[test]
fn row_05_hits_go_to_whom_asked_first_whoever_repeats_the_query() {
    let mut victim = Victim::new(config());
    let [asker, thief, holder] = [1, 2, 3].map(|n| victim.neighbour(stranger(n), Headers::new()));
    victim.say(asker, &descriptor(guid(1), Kind::QUERY, 2, 0, &query("some file")));
    for ttl in 1..=7 {
        victim.say(thief, &descriptor(guid(1), Kind::QUERY, ttl, 0, &query("some file")));
    }
    // The same GUID on every other kind changes nothing either.
    for kind in [Kind::PING, Kind::PONG, Kind::PUSH, Kind::QUERY_HIT, Kind::VENDOR] {
        victim.say(thief, &descriptor(guid(1), kind, 1, 0, &hit_of(9, "fake")[..26]));
    }
    victim.say(holder, &descriptor(guid(1), Kind::QUERY_HIT, 3, 0, &hit_of(5, "some file")));
    assert_eq!(victim.heard(asker, Kind::QUERY_HIT).len(), 1);
    assert_eq!(victim.heard(thief, Kind::QUERY_HIT).len(), 0);
}

#[test]
fn row_06_a_push_goes_to_the_servent_that_was_first_while_its_way_stands() {
    let mut victim = Victim::new(config());
    let [asker, real, thief] = [1, 2, 3].map(|n| victim.neighbour(stranger(n), Headers::new()));
    victim.say(asker, &descriptor(guid(1), Kind::QUERY, 3, 0, &query("some file")));
    for claimant in [real, thief] {
        let hit = hit_of(5, "some file");
        victim.say(claimant, &descriptor(guid(1), Kind::QUERY_HIT, 3, 0, &hit));
    }
    let push = |number, victim: &mut Victim| {
        let mut payload = Vec::new();
        let address = stranger(1);
        Push { servent: guid(5), index: 1, address, extensions: &[] }.encode(&mut payload);
        victim.say(asker, &descriptor(guid(number), Kind::PUSH, 3, 0, &payload));
    };
    push(100, &mut victim);
    assert_eq!(victim.heard(real, Kind::PUSH).len(), 1);
    assert_eq!(victim.heard(thief, Kind::PUSH).len(), 0);
    // Its way is gone: whoever claims the name next has it.
    victim.give(Input::Closed { conn: real, cause: filbert::node::io::CloseCause::Reset });
    victim.say(thief, &descriptor(guid(1), Kind::QUERY_HIT, 3, 0, &hit_of(5, "some file")));
    push(101, &mut victim);
    assert_eq!(victim.heard(thief, Kind::PUSH).len(), 1);
}

#[test]
fn row_20_xml_in_a_hit_is_carried_as_bytes_and_never_read() {
    let mut victim = Victim::new(config());
    let bomber = victim.neighbour(stranger(1), Headers::new());
    let search = SearchQuery { text: "some file".into(), ..SearchQuery::default() };
    victim.give(Input::Command(Command::Search { search: SearchId(1), query: search }));
    victim.give(Input::TurnOver);
    let asked = victim.heard(bomber, Kind::QUERY)[0].guid;
    let laughs = "<!DOCTYPE x [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>&b;";
    let mut hit = hit_of(5, "some file.txt");
    let servent = hit.split_off(hit.len() - 16);
    hit.extend(deflated(laughs.repeat(200).as_bytes()));
    hit.extend(servent);
    victim.say(bomber, &descriptor(asked, Kind::QUERY_HIT, 3, 0, &hit));
    let found = |event: &Event| match event {
        Event::Found { hits, .. } => hits.iter().map(|hit| hit.name.clone()).collect(),
        _ => Vec::new(),
    };
    let found: Vec<String> = victim.events.iter().flat_map(found).collect();
    assert_eq!(found, ["some file.txt"]);
}

#[test]
fn row_21_extensions_that_break_their_rules_are_dropped_and_end_the_link_in_the_end() {
    let mut victim = Victim::new(config());
    let liar = victim.neighbour(stranger(1), Headers::new());
    let mut push = Vec::new();
    Push { servent: guid(3), index: 1, address: stranger(1), extensions: &[] }.encode(&mut push);
    let mut valid = Vec::new();
    Writer::new(&mut valid, Nul::Coded).put("6", &[1; 16]);
    let broken: [&[u8]; 8] = [
        b"\xC3",
        b"\xC3\x80",
        b"\xC3\x8F6",
        b"\xC3\x816",
        b"\xC3\x816\x00",
        b"\xC3\x816\x90\x80\x80\x80\x80",
        b"\xC3\xD16\x50",
        b"\xC3\xA16\x44zlib",
    ];
    victim.say(liar, &descriptor(guid(9), Kind::PUSH, 3, 0, &[&push[..], &valid].concat()));
    assert_eq!((victim.count(Why::Malformed), victim.count(Why::NoPushRoute)), (0, 1));
    for (count, area) in broken.iter().cycle().take(20).enumerate() {
        assert!(!victim.closed.contains(&liar), "{:?}", victim.view().dropped);
        victim.say(liar, &descriptor(guid(9), Kind::PUSH, 3, 0, &[&push[..], area].concat()));
        assert_eq!(victim.count(Why::Malformed), count as u64 + 1, "{area:?}");
    }
    assert!(victim.closed.contains(&liar));
    assert_eq!(victim.count(Why::TooManyErrors), 1);
}

#[test]
fn row_25_vendor_messages_are_not_obeyed_answered_or_passed_on() {
    let mut victim = Victim::new(Config { alive_ping_s: 1_000, ..config() });
    let [sender, other] = [1, 2].map(|n| victim.neighbour(stranger(n), Headers::new()));
    let one = descriptor(guid(1), Kind::VENDOR, 1, 0, b"LIME\x0c\x00\x01\x00 connect back to me");
    let many = one.repeat(1_000);
    for _ in 0..1_000 {
        assert!(!victim.say(sender, &many));
    }
    assert_eq!(victim.view().messages(Kind::VENDOR).0, 1_000_000);
    assert!(victim.sent.get(&sender).is_none_or(Vec::is_empty));
    assert!(victim.sent.get(&other).is_none_or(Vec::is_empty));
    assert!(victim.dialled.is_empty() && victim.others.is_empty());
}
