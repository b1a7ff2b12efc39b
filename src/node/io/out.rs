//! Where a node gathers what comes out while it handles an input.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::{Action, Chunk, ConnId, Event, LookupId};
use crate::node::rare::Rare;
use crate::node::why::Counts;
use crate::node::{Time, Why};

/// The actions of one input, to be performed in order before the next input.
#[must_use = "actions must be performed"]
#[derive(Debug)]
pub struct Actions<'a>(std::vec::Drain<'a, Action>);

impl<'a> Actions<'a> {
    /// All of these; they are gone when this is.
    pub(in crate::node) fn new(all: &'a mut Vec<Action>) -> Actions<'a> {
        Actions(all.drain(..))
    }
}

impl Iterator for Actions<'_> {
    type Item = Action;

    #[inline]
    fn next(&mut self) -> Option<Action> {
        self.0.next()
    }
}

/// Where the parts of the node put their actions and counts.
#[derive(Debug, Default)]
pub struct Out {
    /// What is to be performed.
    pub actions: Vec<Action>,
    /// What was dropped, refused or closed, and why.
    pub counts: Counts,
    /// The most bytes that ever waited in the queue of one connection.
    pub queue_peak_bytes: u32,
    /// Accepted connections whose flushing close was ordered and that are not gone yet.
    lingering: Rare<BTreeSet<ConnId>>,
    connections_ordered: u64,
    lookups_ordered: u64,
}

impl Out {
    /// Orders a connection and names it.
    pub fn connect(&mut self, to: SocketAddr) -> ConnId {
        self.connections_ordered += 1;
        let conn = ConnId::ordered(self.connections_ordered);
        self.actions.push(Action::Connect { conn, to });
        conn
    }

    /// Orders a close.
    pub fn close(&mut self, conn: ConnId, flush: bool) {
        if flush && conn.is_accepted() {
            self.lingering.change(|lingering| lingering.insert(conn));
        }
        self.actions.push(Action::Close { conn, flush });
    }

    /// The oldest accepted connection that is only being flushed.
    pub(in crate::node) fn oldest_lingering(&self) -> Option<ConnId> {
        self.lingering.first().copied()
    }

    /// Cuts the flushing of a connection short; says whether it was being flushed.
    pub(in crate::node) fn hurry(&mut self, conn: ConnId) -> bool {
        let lingers = self.gone(conn);
        if lingers {
            self.actions.push(Action::Close { conn, flush: false });
        }
        lingers
    }

    /// A connection is gone; says whether it was being flushed.
    pub(in crate::node) fn gone(&mut self, conn: ConnId) -> bool {
        let lingers = self.lingering.contains(&conn);
        if lingers {
            self.lingering.change(|lingering| lingering.remove(&conn));
        }
        lingers
    }

    /// Orders a look-up of a host name and names it.
    pub fn resolve(&mut self, host: String) -> LookupId {
        self.lookups_ordered += 1;
        let lookup = LookupId(self.lookups_ordered);
        self.actions.push(Action::Resolve { lookup, host });
        lookup
    }

    /// Sends bytes of their own.
    pub fn send(&mut self, conn: ConnId, bytes: &[u8]) {
        self.actions.push(Action::Send { conn, chunk: Chunk::copy_of(bytes) });
    }

    /// Sends a datagram.
    pub fn send_datagram(&mut self, to: SocketAddr, data: Chunk) {
        self.actions.push(Action::SendDatagram { to, data });
    }

    /// Says something to people and programs.
    pub fn emit(&mut self, event: Event) {
        self.actions.push(Action::Emit(event));
    }

    /// Counts a reason.
    pub fn count(&mut self, why: Why) {
        self.counts.add(why);
    }
}

/// When something shall happen at the earliest; `Time::NEVER` if never.
pub fn earliest(times: impl IntoIterator<Item = Time>) -> Option<Time> {
    times.into_iter().min().filter(|&time| time < Time::NEVER)
}
