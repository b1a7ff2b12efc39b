//! Query routing without sockets: what a table costs when it comes, when it is merged and told on,
//! and what a query costs that is judged by 5,000 leaves' tables.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use divan::Bencher;
use divan::counter::ItemsCount;
use filbert::library::route_table::{LOG2, SlotSet};
use filbert::node::{Action, Config, ConnId, Input, Node, Rng, Time, WallTime};
use filbert::wire::qrp::gather::{Gathered, Gatherer, Room};
use filbert::wire::qrp::{Update, write};
use filbert::wire::{Guid, Kind, frame, query};

const LEAVES: u32 = 5_000;
const BATCH: usize = 64;

/// Whether a leaf's table has a slot; `per_mille` of them are set.
fn has(leaf: u32, slot: u32, per_mille: u32) -> bool {
    let mixed = (slot ^ leaf << 16).wrapping_mul(0x9E37_79B1);
    let mixed = (mixed ^ mixed >> 15).wrapping_mul(0x85EB_CA6B);
    (mixed ^ mixed >> 13) % 1_000 < per_mille
}

fn slots(leaf: u32, per_mille: u32) -> impl Iterator<Item = u32> {
    (0..1 << LOG2).filter(move |&slot| has(leaf, slot, per_mille))
}

/// A table as descriptors.
fn table(leaf: u32, per_mille: u32) -> Vec<u8> {
    let patch = write::patch(LOG2, slots(leaf, per_mille).map(|slot| (slot, true)));
    let mut bytes = Vec::new();
    for payload in std::iter::once(write::reset(LOG2)).chain(patch) {
        frame::write(&mut bytes, Guid([7; 16]), Kind::QRP, 1, 0, &payload);
    }
    bytes
}

/// A node with one ultrapeer, connection 0, and many leaves whose tables it knows.
fn node(leaves: u32, per_mille: u32) -> Node {
    let config = Config {
        query_routing: true,
        compress_links: false,
        auto_connect: false,
        alive_ping_s: u16::MAX,
        leaves_max: u16::MAX,
        connections_max: u32::MAX,
        unknown_connections_max: u32::MAX,
        connections_per_address_max: u16::MAX,
        subnet_share_percent: 100,
        newcomer_share_percent: 0,
        route_tables_bytes_max: u32::MAX,
        route_updates_per_minute_max: u16::MAX,
        ..Config::flat()
    };
    let mut rng = Rng::from_u64(1);
    let guid = rng.guid();
    let mut node = Node::new(Arc::new(config), guid, rng, WallTime(0));
    for link in 0..=leaves {
        let conn = ConnId::accepted(link.into());
        let peer = SocketAddr::from(([10, 0, (link >> 8) as u8, link as u8], 6346));
        let local = SocketAddr::from(([10, 1, 0, 0], 6346));
        drop(node.handle(Time::ZERO, Input::Accepted { conn, peer, local }));
        let ultrapeer = if link == 0 { "True" } else { "False" };
        let hello = format!(
            "GNUTELLA CONNECT/0.6\r\nX-Ultrapeer: {ultrapeer}\r\nX-Query-Routing: 0.1\r\n\
             X-Ultrapeer-Query-Routing: 0.1\r\n\r\nGNUTELLA/0.6 200 OK\r\n\r\n"
        );
        drop(node.handle(Time::ZERO, Input::Received { conn, data: hello.as_bytes() }));
        if link > 0 {
            let data = &table(link, per_mille)[..];
            drop(node.handle(Time::ZERO, Input::Received { conn, data }));
        }
        turn_over(&mut node, Time::ZERO);
    }
    assert_eq!(node.view().neighbours.len(), leaves as usize + 1);
    node
}

/// The end of a turn; everything is sent at once. Says how many bytes left.
fn turn_over(node: &mut Node, now: Time) -> usize {
    let mut sent = Vec::new();
    for action in node.handle(now, Input::TurnOver) {
        if let Action::Send { conn, chunk } = action {
            sent.push((conn, chunk.len() as u32));
        }
    }
    let mut bytes = 0;
    for (conn, len) in sent {
        drop(node.handle(now, Input::Sent { conn, len }));
        bytes += len as usize;
    }
    bytes
}

/// Queries of so many words that no table is likely to have all of, under new GUIDs each time.
struct Queries {
    words: usize,
    next: u64,
}

impl Queries {
    fn renew(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for _ in 0..count {
            self.next += 1;
            let spread = self.next.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let mut guid = [0; 16];
            guid[..8].copy_from_slice(&spread.to_le_bytes());
            guid[8..].copy_from_slice(&spread.rotate_left(29).to_le_bytes());
            let word = |at| format!("{:07x} ", (spread >> (at * 5)) as u32 & 0xFFF_FFFF);
            let text: String = (0..self.words).map(word).collect();
            let out = query::QueryOut { text: &text, ..Default::default() };
            let write = |payload: &mut Vec<u8>| query::encode(&out, payload);
            frame::write_with(&mut bytes, Guid(guid), Kind::QUERY, 1, 0, write);
        }
        bytes
    }
}

/// Everything that one query costs on its last hop: 64 of them a turn, three words each.
fn judge(bencher: Bencher<'_, '_>, leaves: u32, per_mille: u32, words: usize) {
    let mut node = node(leaves, per_mille);
    let mut queries = Queries { words, next: 0 };
    let conn = ConnId::accepted(0);
    bencher.counter(ItemsCount::new(BATCH)).with_inputs(|| queries.renew(BATCH)).bench_local_refs(
        |data| {
            drop(node.handle(Time::ZERO, Input::Received { conn, data }));
            turn_over(&mut node, Time::ZERO)
        },
    );
}

/// 5,000 leaves that share some dozen files each: 5 per mille of the slots.
#[divan::bench(args = [1, 2, 3, 6, 12])]
fn words_against_5000_sparse_tables(bencher: Bencher<'_, '_>, words: usize) {
    judge(bencher, LEAVES, 5, words);
}

/// The same where each shares some thousand files: a tenth of the slots.
#[divan::bench(args = [1, 3, 12], sample_count = 20)]
fn words_against_5000_dense_tables(bencher: Bencher<'_, '_>, words: usize) {
    judge(bencher, LEAVES, 100, words);
}

/// The same without any leaf: what the others contain beside the tables.
#[divan::bench]
fn of_which_all_else(bencher: Bencher<'_, '_>) {
    judge(bencher, 0, 5, 3);
}

/// A whole table of a leaf, gathered, inflated and put among 5,000 others, and taken out again.
#[divan::bench(args = [5, 100, 300])]
fn table_of_a_leaf_among_5000(bencher: Bencher<'_, '_>, per_mille: u32) {
    let mut node = node(LEAVES, 5);
    let (conn, data) = (ConnId::accepted(7), table(7, per_mille));
    bencher.bench_local(|| drop(node.handle(Time::ZERO, Input::Received { conn, data: &data })));
}

/// A patch of so many per mille of 65,536 slots, inflated and applied to an empty table.
#[divan::bench(args = [1, 5, 100, 500])]
fn patch_apply(bencher: Bencher<'_, '_>, per_mille: u32) {
    let patch = write::patch(LOG2, slots(3, per_mille).map(|slot| (slot, true)));
    let mut room = Room::default();
    bencher.bench_local(|| {
        let mut gatherer = Gatherer::default();
        let mut table = SlotSet::empty(LOG2);
        for payload in std::iter::once(&write::reset(LOG2)).chain(&patch) {
            let update = Update::decode(payload).expect("our own");
            if let Ok(Gathered::Changes(changes)) = gatherer.take(&update, &mut room) {
                table.apply(changes.iter(), |_, _| {});
            }
        }
        table
    });
}

/// A table of so many per mille, as the messages that tell it.
#[divan::bench(args = [5, 100, 500])]
fn patch_write(bencher: Bencher<'_, '_>, per_mille: u32) {
    let table = SlotSet::with(LOG2, slots(3, per_mille));
    bencher.bench(|| write::patch(LOG2, table.iter().map(|slot| (slot, true))));
}

/// Once a minute: a leaf's table changed; all 5,000 are merged, and what changed is told.
#[divan::bench(args = [5, 100], sample_count = 30, sample_size = 1)]
fn merge_of_5000_tables(bencher: Bencher<'_, '_>, per_mille: u32) {
    let mut node = node(LEAVES, per_mille);
    let mut now = Time::ZERO;
    let mut is_set = false;
    bencher.bench_local(|| {
        is_set = !is_set;
        let change = write::patch(LOG2, [(1_234, is_set)].into_iter());
        let mut bytes = Vec::new();
        for payload in &change {
            frame::write(&mut bytes, Guid([7; 16]), Kind::QRP, 1, 0, payload);
        }
        drop(node.handle(now, Input::Received { conn: ConnId::accepted(7), data: &bytes }));
        now = now + Duration::from_millis(60_001);
        let mut told = Node::handle(&mut node, now, Input::Wake).count();
        told += turn_over(&mut node, now);
        told
    });
}

fn main() {
    divan::main();
}
