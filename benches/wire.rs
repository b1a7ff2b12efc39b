//! What reading descriptors costs: a frame and a query for every query that is relayed.

use std::net::SocketAddr;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use filbert::wire::frame::{self, Next, SizeLimits};
use filbert::wire::hit::servent_guid;
use filbert::wire::{Guid, Kind, Query, QueryFlags, QueryHit, QueryOut, Record, Sha1, query};

fn main() {
    divan::main();
}

const LIMITS: SizeLimits = SizeLimits {
    query_bytes_max: 1_024,
    hit_bytes_max: 65_536,
    other_bytes_max: 40_960,
    length_flags: false,
};

/// So many queries of 48 bytes, header included.
fn queries(count: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..count {
        let asked = QueryOut { text: "blue moon symphony five", ..QueryOut::default() };
        let write = |out: &mut Vec<u8>| query::encode(&asked, out);
        frame::write_with(&mut out, Guid::marked([7; 16]), Kind::QUERY, 4, 1, write);
    }
    out
}

#[divan::bench]
fn split_and_decode_queries(bencher: Bencher<'_, '_>) {
    let data = queries(1_000);
    bencher.counter(ItemsCount::new(1_000_usize)).bench(|| {
        let mut rest = black_box(&data[..]);
        let mut letters = 0;
        while let Next::Whole { payload, rest: after, .. } = frame::next(rest, &LIMITS) {
            letters += Query::decode(payload).map_or(0, |query| query.text.len());
            rest = after;
        }
        letters
    });
}

#[divan::bench]
fn hash_of_a_query(bencher: Bencher<'_, '_>) {
    let mut payload = Vec::new();
    let sha1s = &[Sha1([7; 20])];
    let flags = QueryFlags::default();
    query::encode(&QueryOut { flags, text: "", sha1s, ..QueryOut::default() }, &mut payload);
    bencher.bench(|| Query::decode(black_box(&payload)).map(|query| query.sha1s().count()));
}

/// A hit with ten results.
fn hit() -> Vec<u8> {
    let record = |index| Record {
        sha1: Some(Sha1([index as u8; 20])),
        created_at_s: Some(1_700_000_000),
        ..Record::new(index, 5_000_000, "blue moon symphony number five.ogg")
    };
    let results = (1..=10).map(record).collect();
    let address = SocketAddr::from(([10, 0, 0, 1], 6346));
    let hit = QueryHit {
        speed_kbit_s: 1_000,
        vendor: Some(*b"FILB"),
        browse_host: true,
        ..QueryHit::new(address, Guid::marked([9; 16]), results)
    };
    let mut payload = Vec::new();
    hit.encode(&mut payload);
    payload
}

#[divan::bench]
fn decode_a_hit_of_ten(bencher: Bencher<'_, '_>) {
    let payload = hit();
    bencher.bench(|| QueryHit::decode(black_box(&payload)).map(|hit| hit.results.len()));
}

#[divan::bench]
fn servent_of_a_hit(bencher: Bencher<'_, '_>) {
    let payload = hit();
    bencher.bench(|| servent_guid(black_box(&payload)));
}
