//! What can break between hosts, and how it is mended: partitions, clogged links, connections that
//! are reset or of which one side knows nothing any more.

use std::time::Duration;

use super::{Net, State};
use crate::node::io::CloseCause;
use crate::sim::NodeId;
use crate::sim::event::{EndRef, Event};

impl Net {
    /// Whether nothing gets through between the two.
    pub(super) fn is_cut(&self, a: NodeId, b: NodeId) -> bool {
        // Asked for all that is sent: a network that is whole does not look the hosts up.
        (self.is_divided && self.host(a).side != self.host(b).side)
            || (!self.clogged.is_empty() && self.clogged.contains(&(a.min(b), a.max(b))))
    }

    /// Puts the nodes on this side of a partition; only nodes of one side reach each other.
    pub(in crate::sim) fn set_side(&mut self, nodes: &[NodeId], side: u32) {
        self.is_divided = true;
        for &node in nodes {
            self.host_mut(node).side = side;
        }
    }

    /// Lets nothing through between the two any more.
    pub(in crate::sim) fn clog(&mut self, a: NodeId, b: NodeId) {
        self.clogged.insert((a.min(b), a.max(b)));
    }

    /// Lets everything through between the two again, unless a partition lies between them.
    pub(in crate::sim) fn unclog(&mut self, a: NodeId, b: NodeId) {
        if self.clogged.remove(&(a.min(b), a.max(b))) {
            self.pump_all();
        }
    }

    /// Everything gets through again.
    pub(in crate::sim) fn heal(&mut self) {
        self.clogged.clear();
        self.is_divided = false;
        self.hosts.iter_mut().for_each(|host| host.side = 0);
        self.pump_all();
    }

    fn pump_all(&mut self) {
        for slot in 0..self.ends.len() as u32 {
            if self.ends[slot as usize].busy.is_some() {
                self.pump_soon(slot, Duration::ZERO);
            }
        }
    }

    /// One of the standing connections of a node: the `nth`, counted over and over.
    fn nth_end(&self, node: NodeId, nth: u32) -> Option<EndRef> {
        let stands = |&&(_, slot): &&(_, u32)| self.ends[slot as usize].state == State::Open;
        let standing: Vec<u32> =
            self.host(node).book.iter().filter(stands).map(|&(_, slot)| slot).collect();
        let at = (nth as usize).checked_rem(standing.len())?;
        Some(self.name(standing[at]))
    }

    /// The network breaks one of a node's connections: both sides hear of it.
    pub(in crate::sim) fn reset(&mut self, node: NodeId, nth: u32) {
        let Some(end) = self.nth_end(node, nth) else { return };
        let peer = self.ends[end.slot as usize].peer;
        for end in [end, peer] {
            self.after(Duration::ZERO, Event::Fin(end, CloseCause::Reset));
        }
    }

    /// A node loses one of its connections and the other side hears nothing of it, until it sends.
    pub(in crate::sim) fn half_open(&mut self, node: NodeId, nth: u32) {
        let Some(end) = self.nth_end(node, nth) else { return };
        self.orphan(end.slot);
        self.after(Duration::ZERO, Event::Fin(end, CloseCause::Reset));
    }

    /// This end goes, and the other one is not told.
    pub(super) fn orphan(&mut self, slot: u32) {
        let (node, peer) = (self.ends[slot as usize].node, self.ends[slot as usize].peer);
        if self.end(peer).is_some() {
            self.ends[peer.slot as usize].busy().orphan_of = Some(node);
        }
    }

    /// Bytes leave for an end that is gone and said nothing: a host that is up and knows nothing of
    /// the connection resets it.
    pub(super) fn answer_for_the_gone(&mut self, slot: u32) {
        let end = &self.ends[slot as usize];
        let node = end.node;
        let Some(gone) = end.busy.as_ref().and_then(|busy| busy.orphan_of) else { return };
        if self.host(gone).up && !self.is_cut(node, gone) {
            let delay = self.latency(node, gone) + self.latency(gone, node);
            let end = self.name(slot);
            self.after(delay, Event::Fin(end, CloseCause::Reset));
        }
    }
}
