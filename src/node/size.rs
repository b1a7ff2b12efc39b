//! What a node takes in memory, reckoned from what its tables have room for.

use std::mem::size_of;

use super::Node;
use super::link::Link;

/// What a shared file takes, roughly: its entry, its name, and its place in the index.
const FILE_BYTES: usize = 192;
/// What is known of one address that sends datagrams, roughly.
const DATAGRAM_HOST_BYTES: usize = 128;

/// What the system takes for a block of so many bytes: a size beside it, and whole sixteens.
pub(super) const fn block(bytes: usize) -> usize {
    match bytes {
        0 => 0,
        1..=24 => 32,
        _ => (bytes + 8).next_multiple_of(16),
    }
}

impl Node {
    /// Bytes that the node takes, itself included; within a tenth or so of what an allocator counts.
    /// What is common to many nodes of a world counts for each of them.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let waiting = |(_, row): (_, &super::conn::Conn<super::phase::Phase>)| {
            row.outbox.waiting_bytes() as usize + row.phase.link().map_or(0, Link::heap_bytes)
        };
        let links: usize = self.conns.iter().map(waiting).sum();
        let routing = self.routing.as_ref().map_or(0, |routing| routing.heap_bytes());
        let datagrams = self.datagrams.look().map_or(0, |desk| {
            let (unproven, proven) = desk.standings.len();
            size_of_val(desk) + (unproven + proven) * DATAGRAM_HOST_BYTES
        });
        let bytes = block(size_of::<Node>())
            + self.conns.heap_bytes()
            + links
            + self.seen.heap_bytes()
            + self.pushes.heap_bytes()
            + self.hosts.heap_bytes()
            + self.pongs.heap_bytes()
            + block(self.flooded.capacity() * size_of::<super::ConnId>())
            + routing
            + datagrams
            + self.library.files() * FILE_BYTES;
        bytes as u64
    }
}
