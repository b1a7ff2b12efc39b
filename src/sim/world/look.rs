//! Asking a world: who lives, who is linked, what was said, what it cost.

use std::net::SocketAddr;

use super::super::NodeId;
use super::super::disk::Disk;
use super::super::measure::{Load, Record};
use super::super::tape::Tape;
use super::World;
use crate::node::io::SearchId;
use crate::node::passages::PassagesView;
use crate::node::view::View;
use crate::node::{Event, Time};
use crate::wire::Guid;

impl World {
    /// The time of the world; nodes count from their own beginning.
    pub fn now(&self) -> Time {
        self.fabric.net.now
    }

    /// How many nodes there are, dead ones included.
    pub fn nodes(&self) -> u32 {
        self.slots.len() as u32
    }

    /// Whether the node's process runs.
    pub fn is_alive(&self, node: NodeId) -> bool {
        self.slots[node.0 as usize].node.is_some()
    }

    /// Where a node can be connected to.
    pub fn address(&self, node: NodeId) -> SocketAddr {
        self.fabric.net.address(node)
    }

    /// The servent GUID of a node.
    pub fn servent(&self, node: NodeId) -> Guid {
        self.slots[node.0 as usize].guid
    }

    /// Whether a connection between the two stands.
    pub fn is_linked(&self, a: NodeId, b: NodeId) -> bool {
        self.fabric.net.linked(a, b)
    }

    /// A picture of a node; `None` while it is dead.
    pub fn view(&self, node: NodeId) -> Option<View> {
        self.slots[node.0 as usize].node.as_ref().map(|node| node.view())
    }

    /// What became of the copies of a query at a node; `None` while it is dead.
    pub fn passages(&self, node: NodeId, query: Guid) -> Option<PassagesView> {
        self.slots[node.0 as usize].node.as_ref().map(|node| node.passages(Some(query)))
    }

    /// How many files a node shares.
    pub fn files(&self, node: NodeId) -> usize {
        self.fabric.disks[node.0 as usize].as_ref().map_or(0, |disk| disk.files())
    }

    /// The node's disk.
    pub fn disk(&mut self, node: NodeId) -> &mut Disk {
        self.fabric.disk(node)
    }

    /// Takes what a node has said since the last time, and when.
    pub fn events(&mut self, node: NodeId) -> Vec<(Time, Event)> {
        self.fabric.said.remove(&node).unwrap_or_default()
    }

    /// What a node has said and nobody has taken.
    pub fn said(&self, node: NodeId) -> &[(Time, Event)] {
        self.fabric.said.get(&node).map_or(&[], Vec::as_slice)
    }

    /// What is known of the query with this GUID.
    pub fn measure(&self, query: Guid) -> Option<&Record> {
        self.fabric.ledger.by_guid(query)
    }

    /// Whether queries that begin from now on keep their copies one by one ([`Record::copies`]).
    pub fn follow_copies(&mut self, follow: bool) {
        self.fabric.ledger.follows_copies = follow;
    }

    /// What is known of the query of this search.
    pub fn measure_search(&self, node: NodeId, search: SearchId) -> Option<&Record> {
        self.fabric.ledger.by_search(node, search).map(|(_, record)| record)
    }

    /// What a node had to do so far.
    pub fn load(&self, node: NodeId) -> Load {
        self.fabric.net.load_of(node)
    }

    /// Descriptors sent by anybody so far.
    pub fn messages(&self) -> u64 {
        self.fabric.ledger.messages
    }

    /// The hash of everything that happened: the same for the same seed and the same commands.
    pub fn trace_hash(&self) -> u64 {
        self.fabric.trace.hash()
    }

    /// What the node's last process was told and answered, from its start on, if its node is one
    /// of [`super::WorldConfig::taped`].
    pub fn tape(&self, node: NodeId) -> Option<&Tape> {
        self.tapes.get(&node)?.as_ref()
    }

    /// How many inputs have been given.
    pub fn steps(&self) -> u64 {
        self.fabric.trace.steps()
    }
}
