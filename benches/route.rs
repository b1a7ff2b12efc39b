//! Decode, admit and route queries to 32 links, without sockets: the cost of one query, all
//! protocol work included (the copies to the links are shared runs).

use std::net::SocketAddr;
use std::sync::Arc;

use filbert::library::{Change, Entry, FileIndex, Segment};
use filbert::node::{Action, Config, ConnId, Input, Node, Rng, Time, WallTime};
use filbert::wire::{Guid, Kind, frame, query};

const LINKS: u64 = 32;
/// Queries in one read, as at a window of 1,024 queries.
const BATCH: usize = 1_024;

/// A node with 32 neighbours that shook hands, and a library of 1,000 words.
fn node(compressed: bool) -> Node {
    let config = Config { compress_links: compressed, auto_connect: false, ..Config::flat() };
    let mut rng = Rng::from_u64(1);
    let guid = rng.guid();
    let mut node = Node::new(Arc::new(config), guid, rng, WallTime(0));
    let entries = (0..1_000).map(|at| Entry {
        index: FileIndex(at + 1),
        name: format!("word{at:04}.txt"),
        folder: String::new(),
        size: 1,
        sha1: None,
        modified_at_s: 0,
    });
    let library = Change::Add(Arc::new(Segment::new(entries.collect())));
    drop(node.handle(Time::ZERO, Input::Library(library)));
    for link in 0..LINKS {
        let conn = ConnId::accepted(link);
        let peer = SocketAddr::from(([10, 0, 0, link as u8], 6346));
        let local = SocketAddr::from(([10, 1, 0, 0], 6346));
        drop(node.handle(Time::ZERO, Input::Accepted { conn, peer, local }));
        let accepts = if compressed { "Accept-Encoding: deflate\r\n" } else { "" };
        let hello = format!(
            "GNUTELLA CONNECT/0.6\r\nX-Ultrapeer: True\r\n{accepts}\r\nGNUTELLA/0.6 200 OK\r\n\r\n"
        );
        drop(node.handle(Time::ZERO, Input::Received { conn, data: hello.as_bytes() }));
    }
    turn_over(&mut node);
    assert_eq!(node.view().neighbours.len(), LINKS as usize);
    node
}

/// The end of a turn; everything is sent at once. Says how many bytes left.
fn turn_over(node: &mut Node) -> usize {
    let mut sent = Vec::with_capacity(LINKS as usize);
    for action in node.handle(Time::ZERO, Input::TurnOver) {
        if let Action::Send { conn, chunk } = action {
            sent.push((conn, chunk.len() as u32));
        }
    }
    let mut bytes = 0;
    for (conn, len) in sent {
        drop(node.handle(Time::ZERO, Input::Sent { conn, len }));
        bytes += len as usize;
    }
    bytes
}

/// Unique 48-byte queries whose words are not in the library.
struct Queries {
    bytes: Vec<u8>,
    next: u64,
}

impl Queries {
    fn new(count: usize) -> Queries {
        let mut bytes = Vec::new();
        for _ in 0..count {
            let out = query::QueryOut { text: "some rare words here..", ..Default::default() };
            let write = |payload: &mut Vec<u8>| query::encode(&out, payload);
            frame::write_with(&mut bytes, Guid::ZERO, Kind::QUERY, 3, 0, write);
        }
        assert_eq!(bytes.len(), 48 * count);
        Queries { bytes, next: 0 }
    }

    /// The same queries under new, random-looking GUIDs.
    fn renew(&mut self) -> &[u8] {
        for query in self.bytes.chunks_mut(48) {
            self.next += 1;
            let spread = self.next.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            query[..8].copy_from_slice(&spread.to_le_bytes());
            query[8..16].copy_from_slice(&spread.rotate_left(29).to_le_bytes());
        }
        &self.bytes
    }
}

/// Times per query: the cache is full, as in a node that has run for a while.
fn relay(bencher: divan::Bencher<'_, '_>, batch: usize, compressed: bool) {
    let mut node = node(compressed);
    let mut queries = Queries::new(batch);
    let mut source = 0;
    let mut turn = |node: &mut Node, data: &[u8]| {
        source = (source + 1) % LINKS;
        let conn = ConnId::accepted(source);
        drop(node.handle(Time::ZERO, Input::Received { conn, data }));
        turn_over(node)
    };
    for _ in 0..120_000 / batch {
        turn(&mut node, queries.renew());
    }
    bencher.counter(divan::counter::ItemsCount::new(batch)).bench_local(|| {
        let bytes = turn(&mut node, queries.renew());
        assert!(compressed || bytes == batch * 48 * (LINKS as usize - 1));
        bytes
    });
}

#[divan::bench(args = [BATCH, 256, 16, 1])]
fn to_32_links(bencher: divan::Bencher<'_, '_>, batch: usize) {
    relay(bencher, batch, false);
}

#[divan::bench(args = [BATCH, 256, 16, 1])]
fn to_32_compressed_links(bencher: divan::Bencher<'_, '_>, batch: usize) {
    relay(bencher, batch, true);
}

/// Queries that were all seen before.
#[divan::bench]
fn duplicates(bencher: divan::Bencher<'_, '_>) {
    let mut node = node(false);
    let mut queries = Queries::new(BATCH);
    let data = queries.renew();
    drop(node.handle(Time::ZERO, Input::Received { conn: ConnId::accepted(0), data }));
    turn_over(&mut node);
    bencher.counter(divan::counter::ItemsCount::new(BATCH)).bench_local(|| {
        drop(node.handle(Time::ZERO, Input::Received { conn: ConnId::accepted(1), data }));
        turn_over(&mut node)
    });
}

/// Making new GUIDs, which the other figures contain.
#[divan::bench]
fn of_which_new_guids(bencher: divan::Bencher<'_, '_>) {
    let mut queries = Queries::new(BATCH);
    bencher.counter(divan::counter::ItemsCount::new(BATCH)).bench_local(|| queries.renew().len());
}

fn main() {
    divan::main();
}
