//! What nodes had to do: each of them, and all together, dead processes included.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::NodeId;
use super::world::World;
use crate::node::view::{Dropped, KindCount, View};
use crate::node::{Node, Why};

/// What one node has to do. Counts of descriptors by kind and of the queue are those of its present
/// process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NodeLoad {
    /// Which node.
    pub node: NodeId,
    /// Neighbours.
    pub neighbours: u32,
    /// Files that it shares.
    pub files: u64,
    /// Descriptors that it sent in all its lives.
    pub messages_sent: u64,
    /// Bytes that it sent in all its lives.
    pub bytes_sent: u64,
    /// Descriptors that came from neighbours, whatever their kind.
    pub messages_received: u64,
    /// Bytes that came from its present neighbours.
    pub bytes_received: u64,
    /// Descriptors by kind.
    pub kinds: Vec<KindCount>,
    /// Bytes that wait for its neighbours now.
    pub queued_bytes: u64,
    /// The most that ever waited in one of its queues.
    pub queue_peak_bytes: u32,
    /// Descriptors and connections that it dropped, refused or closed, whatever the reason.
    pub drops: u64,
    /// Its memory, reckoned from what its tables have room for; what several nodes have in common
    /// counts for each.
    pub memory_bytes: u64,
}

/// What processes that are gone had counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Past {
    drops: BTreeMap<Why, u64>,
    kinds: Vec<KindCount>,
}

impl Past {
    /// A process ends.
    pub(super) fn add(&mut self, node: &Node) {
        for (why, count) in node.drops() {
            *self.drops.entry(why).or_default() += count;
        }
        sum(&mut self.kinds, &node.traffic());
    }
}

fn sum(kinds: &mut Vec<KindCount>, more: &[KindCount]) {
    if kinds.is_empty() {
        kinds.extend_from_slice(more);
        return;
    }
    for (kind, more) in kinds.iter_mut().zip(more) {
        kind.received += more.received;
        kind.sent += more.sent;
    }
}

impl NodeLoad {
    fn new(node: NodeId, view: &View, load: super::Load, memory_bytes: u64) -> NodeLoad {
        let neighbours = &view.neighbours;
        let queued_bytes = neighbours.iter().map(|neighbour| neighbour.queued_bytes).sum();
        NodeLoad {
            node,
            neighbours: neighbours.len() as u32,
            files: view.files,
            messages_sent: load.messages_sent,
            bytes_sent: load.bytes_sent,
            messages_received: view.messages.iter().map(|kind| kind.received).sum(),
            bytes_received: neighbours.iter().map(|neighbour| neighbour.bytes_in).sum(),
            kinds: view.messages.clone(),
            queued_bytes,
            queue_peak_bytes: view.queue_peak_bytes,
            drops: view.dropped.iter().map(|dropped| dropped.count).sum(),
            memory_bytes,
        }
    }
}

impl World {
    /// What a node has to do, if it lives.
    pub fn node_load(&self, node: NodeId) -> Option<NodeLoad> {
        let memory_bytes = self.memory_of(node)?;
        self.view(node).map(|view| NodeLoad::new(node, &view, self.load(node), memory_bytes))
    }

    /// The memory of a node if it lives, as in [`NodeLoad::memory_bytes`].
    pub fn memory_of(&self, node: NodeId) -> Option<u64> {
        Some(self.slots.get(node.0 as usize)?.node.as_ref()?.memory_bytes())
    }

    /// What each node that lives has to do.
    pub fn node_loads(&self) -> impl Iterator<Item = NodeLoad> {
        (0..self.nodes()).filter_map(|node| self.node_load(NodeId(node)))
    }

    /// What was dropped, refused or closed anywhere so far, by reason, the most frequent first.
    pub fn drops(&self) -> Vec<Dropped> {
        let mut drops = self.past.drops.clone();
        for (why, count) in self.processes().flat_map(Node::drops) {
            *drops.entry(why).or_default() += count;
        }
        let named = |(why, count): (Why, u64)| Dropped { why, text: why.text().to_owned(), count };
        let mut drops: Vec<Dropped> = drops.into_iter().map(named).collect();
        drops.sort_by_key(|dropped| std::cmp::Reverse(dropped.count));
        drops
    }

    /// Descriptors that anybody received and sent so far, by kind.
    pub fn traffic(&self) -> Vec<KindCount> {
        let mut kinds = self.past.kinds.clone();
        for node in self.processes() {
            sum(&mut kinds, &node.traffic());
        }
        kinds
    }

    fn processes(&self) -> impl Iterator<Item = &Node> {
        self.slots.iter().filter_map(|slot| slot.node.as_deref())
    }
}
