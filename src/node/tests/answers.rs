//! What we answer to queries, and what we ask for.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::link::{LAST, greeting};
use super::rope::{End, World, config};
use super::why::{descriptor, neighbour};
use crate::library::{Change, Entry, FileIndex, FileKind, Segment};
use crate::node::config::Role;
use crate::node::io::SearchQuery;
use crate::node::{Config, Input, Why};
use crate::wire::frame::{self, Next};
use crate::wire::query::{self, QueryOut};
use crate::wire::vendor::FILBERT;
use crate::wire::{
    Families, Guid, Header, Kind, Media, Query, QueryFlags, QueryHit, QueryWants, Sha1,
};

fn asks(world: &mut World, peer: End, guid: u8, hops: u8, out: &QueryOut<'_>) -> Vec<Vec<u8>> {
    let mut payload = Vec::new();
    query::encode(out, &mut payload);
    world.say(peer, &descriptor(guid, Kind::QUERY, 1, hops, &payload));
    let heard = world.heard(peer);
    of_kind(&heard, Kind::QUERY_HIT).into_iter().map(|(_, payload)| payload).collect()
}

/// The descriptors of one kind among these bytes.
fn of_kind(mut bytes: &[u8], kind: Kind) -> Vec<(Header, Vec<u8>)> {
    let limits = frame::SizeLimits {
        query_bytes_max: 1_024,
        hit_bytes_max: 65_536,
        other_bytes_max: 65_536,
        length_flags: false,
    };
    let mut found = Vec::new();
    while let Next::Whole { header, payload, rest, .. } = frame::next(bytes, &limits) {
        if header.kind == kind {
            found.push((header, payload.to_vec()));
        }
        bytes = rest;
    }
    found
}

fn names(hits: &[Vec<u8>]) -> Vec<String> {
    let read = hits.iter().map(|hit| QueryHit::decode(hit).unwrap());
    read.flat_map(|hit| hit.results).map(|record| record.name.to_owned()).collect()
}

const NAMES: [&str; 6] =
    ["blue one.mp3", "blue two.txt", "three.ogg", "blue four.avi", "five.exe", "blue six.mp4"];

#[test]
fn what_is_new_is_answered_with_the_newest_whatever_the_words() {
    let mut world = World::new(1, &Config { results_per_hit_max: 4, ..config() });
    world.share(0, &NAMES);
    let peer = neighbour(&mut world);
    let mut out = QueryOut { text: "WhatIsNewXOXO", ..QueryOut::default() };
    assert_eq!(names(&asks(&mut world, peer, 1, 0, &out)), [""; 0]);
    out.wants.whats_new = true;
    let newest = ["blue six.mp4", "five.exe", "blue four.avi", "three.ogg"];
    assert_eq!(names(&asks(&mut world, peer, 2, 0, &out)), newest);
    out.wants.media = Some(Media::AUDIO);
    let audio = ["blue six.mp4", "three.ogg", "blue one.mp3"];
    assert_eq!(names(&asks(&mut world, peer, 3, 0, &out)), audio);
}

#[test]
fn only_the_kinds_that_were_asked_for_are_named() {
    let mut world = World::new(1, &config());
    world.share(0, &NAMES);
    let peer = neighbour(&mut world);
    let all = ["blue one.mp3", "blue two.txt", "blue four.avi", "blue six.mp4"];
    for (guid, (media, expected)) in (1..).zip([
        (None, &all[..]),
        (Some(Media(0)), &all),
        (Some(Media(0x100)), &all),
        (Some(Media::AUDIO), &["blue one.mp3", "blue six.mp4"]),
        (Some(Media::DOCUMENT | Media::VIDEO), &all[1..]),
        (Some(Media::PROGRAM), &[]),
    ]) {
        let wants = QueryWants { media, ..QueryWants::default() };
        let out = QueryOut { text: "blue", wants, ..QueryOut::default() };
        assert_eq!(names(&asks(&mut world, peer, guid, 0, &out)), expected, "{media:?}");
    }
}

#[test]
fn an_ultrapeer_may_ask_its_leaf_for_all_and_nobody_else() {
    let mut world = World::new(1, &Config { role: Role::Leaf, ..config() });
    world.share(0, &NAMES);
    let peer = neighbour(&mut world);
    let all = QueryOut { text: "    ", ..QueryOut::default() };
    let mut answered = names(&asks(&mut world, peer, 1, 0, &all));
    answered.sort_unstable();
    let mut shared = NAMES;
    shared.sort_unstable();
    assert_eq!(answered, shared);
    assert!(world.view(0).dropped.is_empty());
    assert_eq!(names(&asks(&mut world, peer, 2, 1, &all)), [""; 0]);
    assert_eq!(world.count(0, Why::QueryEmpty), 1, "it came from further away");
    let mut world = World::new(1, &config());
    world.share(0, &NAMES);
    let peer = neighbour(&mut world);
    assert_eq!(names(&asks(&mut world, peer, 1, 0, &all)), [""; 0]);
    assert_eq!(world.count(0, Why::QueryEmpty), 1);
}

#[test]
fn who_cannot_reach_us_is_not_answered() {
    let mut world = World::new(1, &config());
    world.share(0, &NAMES);
    let peer = neighbour(&mut world);
    for (guid, (families, answered)) in
        (1..).zip([(Families::Ipv4, true), (Families::Both, true), (Families::Ipv6, false)])
    {
        let wants = QueryWants { families, ..QueryWants::default() };
        let out = QueryOut { text: "blue", wants, ..QueryOut::default() };
        let hits = asks(&mut world, peer, guid, 0, &out);
        assert_eq!(!hits.is_empty(), answered, "{families:?}");
    }
}

/// What gtk-gnutella takes for spam, point by point, for a library that could provoke it.
#[test]
fn nothing_in_our_hits_is_taken_for_spam() {
    let mut world = World::new(1, &Config { results_per_query_max: 255, ..config() });
    let entry = |index: u32| Entry {
        index: FileIndex(index),
        name: format!("blue söng {index}.mp3"),
        folder: "blue/..".to_owned(),
        // Every third content is there three times; some are larger than 32 bits can say.
        size: u64::from(index % 3 + 1) << (20 + index % 20),
        sha1: Some(Sha1([(index / 3) as u8; 20])),
        modified_at_s: 1_700_000_000,
    };
    let segment = Arc::new(Segment::new((1..=200).map(entry).collect()));
    world.give(0, Input::Library(Change::Add(segment)));
    let peer = neighbour(&mut world);
    for (guid, flags) in [(1, QueryFlags::default()), (2, QueryFlags::GGEP_HASH)] {
        let out = QueryOut { text: "blue", flags, ..QueryOut::default() };
        let hits = asks(&mut world, peer, guid, 0, &out);
        let mut named = 0;
        for payload in &hits {
            assert!(payload.len() <= 16_384, "{} bytes", payload.len());
            let hit = QueryHit::decode(payload).unwrap();
            assert_eq!(hit.vendor, Some(FILBERT));
            assert!(FILBERT.iter().all(u8::is_ascii_uppercase));
            assert!(hit.servent.0[8] == 0xFF && hit.servent.0[15] == 0, "{:?}", hit.servent);
            assert_ne!(hit.servent, Guid([guid; 16]));
            assert!(hit.browse_host && hit.results.len() <= 10);
            let indexes: BTreeSet<u32> = hit.results.iter().map(|record| record.index).collect();
            let hashes: BTreeSet<Sha1> = hit.results.iter().filter_map(|r| r.sha1).collect();
            assert_eq!((indexes.len(), hashes.len()), (hit.results.len(), hit.results.len()));
            for record in &hit.results {
                let shared = entry(record.index);
                assert!((1..=200).contains(&record.index));
                assert_eq!((record.name, record.size), (&*shared.name, shared.size));
                assert_eq!(record.created_at_s, Some(1_700_000_000));
                assert_eq!((record.sha1, record.alternates.len()), (shared.sha1, 0));
            }
            named += hit.results.len();
            let urns = payload.windows(9).filter(|bytes| bytes == b"urn:sha1:").count();
            let binary = flags == QueryFlags::GGEP_HASH;
            assert_eq!(
                (urns, hit.binary_hashes),
                if binary { (0, true) } else { (hashes.len(), false) }
            );
        }
        assert_eq!(named, 200);
    }
}

#[test]
fn our_searches_say_what_they_want() {
    let mut world = World::new(1, &config());
    let peer = neighbour(&mut world);
    let mut said = |query: SearchQuery| {
        world.search_for(0, 1, query);
        let heard = world.heard(peer);
        let (header, payload) = of_kind(&heard, Kind::QUERY).pop().unwrap();
        let query = Query::decode(&payload).unwrap();
        (header.ttl, query.text.to_owned(), query.wants())
    };
    let words = || SearchQuery { text: "blue moon".into(), ..SearchQuery::default() };
    assert_eq!(said(words()), (4, "blue moon".into(), QueryWants::default()));
    let kind = Some(FileKind::Program);
    let wants = QueryWants { media: Some(Media::PROGRAM), ..QueryWants::default() };
    assert_eq!(said(SearchQuery { kind, ..words() }), (4, "blue moon".into(), wants));
    let wants = QueryWants { whats_new: true, ..QueryWants::default() };
    let whats_new = SearchQuery { whats_new: true, ..SearchQuery::default() };
    assert_eq!(said(whats_new), (2, "WhatIsNewXOXO".into(), wants));
}

#[test]
fn what_is_new_is_found_and_kinds_are_held_whatever_others_send() {
    let mut world = World::new(3, &config());
    world.share(1, &NAMES);
    world.share(2, &["red.pdf"]);
    world.link(0, 1);
    world.link(1, 2);
    let found = |world: &World, id| {
        let mut names: Vec<String> = world.found(0, id).into_iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        names
    };
    world.search_for(0, 1, SearchQuery { whats_new: true, ..SearchQuery::default() });
    assert_eq!(found(&world, 1).len(), NAMES.len() + 1);
    let kind = Some(FileKind::Document);
    world.search_for(0, 2, SearchQuery { whats_new: true, kind, ..SearchQuery::default() });
    assert_eq!(found(&world, 2), ["blue two.txt", "red.pdf"]);
    // One that does not know of kinds answers with all it has.
    let peer = world.script(0, &[greeting(""), LAST.to_vec()].concat());
    let kind = Some(FileKind::Image);
    world.search_for(0, 3, SearchQuery { text: "blue".into(), kind, ..SearchQuery::default() });
    let heard = world.heard(peer);
    let (header, _) = of_kind(&after_handshake(&heard), Kind::QUERY).pop().unwrap();
    let mut payload = Vec::new();
    let record = |index, name| crate::wire::Record::new(index, 1, name);
    let results = vec![record(1, "blue.txt"), record(2, "blue.png")];
    QueryHit::new(([9, 9, 9, 9], 6346).into(), Guid([7; 16]), results).encode(&mut payload);
    let mut hit = Vec::new();
    frame::write(&mut hit, header.guid, Kind::QUERY_HIT, 1, 0, &payload);
    world.say(peer, &hit);
    assert_eq!(found(&world, 3), ["blue.png"]);
}

fn after_handshake(heard: &[u8]) -> Vec<u8> {
    let end = heard.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    heard[end + 4..].to_vec()
}
