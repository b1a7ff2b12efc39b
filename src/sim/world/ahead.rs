//! Looking ahead: what the next events need is read while they are still to come.
//!
//! In a large world every event happens at another node, whose tables lie far from the core: one
//! read waits for the one before it, and waiting takes longer than everything else together. Reads
//! for different nodes need not wait for each other. So the handful of events that come next are
//! looked at in rounds, each of which reads for all of them what the round before it told the
//! place of; when they happen, what they need is near. Nothing but the speed of a world follows
//! from what is read here.

use std::hint::black_box;

use super::super::NodeId;
use super::super::event::Event as Happening;
use super::World;
use crate::node::{ConnId, Time};
use crate::wire::{Guid, HEADER_LEN, Header};

/// Further events are left alone: what is read for them would push out what was read before.
const EVENTS_MAX: usize = 64;

/// A world of fewer nodes lies near as a whole.
const NODES_MIN: usize = 2_000;

/// A query that will arrive.
#[derive(Debug)]
pub(super) struct Near {
    end: u32,
    node: NodeId,
    conn: ConnId,
    guid: Guid,
    goes_on: bool,
    /// What the node said of it.
    seen: u32,
}

impl World {
    /// Goes on to the next instant, if it is not after `limit`.
    pub(super) fn advance(&mut self, limit: Time) -> Option<Time> {
        let near = &mut self.near;
        near.clear();
        let now = self.fabric.net.queue.advance(limit, |event| {
            if let Happening::Arrive(end, chunk) = event
                && near.len() < EVENTS_MAX
                && let Some(header) = chunk.bytes().first_chunk::<HEADER_LEN>()
            {
                let Header { guid, ttl, .. } = Header::decode(header);
                let (node, conn) = (NodeId(u32::MAX), ConnId(0));
                near.push(Near { end: end.slot, node, conn, guid, goes_on: ttl > 1, seen: 0 });
            }
        });
        if self.slots.len() >= NODES_MIN {
            self.look_ahead();
        }
        now
    }

    fn look_ahead(&mut self) {
        let World { near, slots, fabric, .. } = self;
        for near in near.iter_mut() {
            let end = fabric.net.end_at(near.end);
            (near.node, near.conn) = (end.node, end.conn);
        }
        // The compiler must not find out that nobody wants to know.
        let nodes = near.iter().filter_map(|near| slots.get(near.node.0 as usize)?.node.as_deref());
        black_box(nodes.count());
        let node = |id: NodeId| slots.get(id.0 as usize)?.node.as_deref();
        let mut read = 0;
        for near in near.iter_mut() {
            let (of_node, seen) =
                node(near.node).map_or((0, 0), |node| node.look_ahead(&near.guid));
            read ^= of_node;
            near.seen = seen;
        }
        black_box(read);
        let links = near.iter().map(|near| {
            node(near.node).map_or(0, |node| node.look_ahead_at(near.conn, near.goes_on, near.seen))
        });
        black_box(links.fold(0, |all, read| all ^ read));
        let ends = near.iter().filter(|near| near.goes_on);
        black_box(ends.fold(0, |all, near| {
            let record = fabric.ledger.by_guid(near.guid);
            all ^ fabric.net.look_ahead(near.node, record)
        }));
    }
}
