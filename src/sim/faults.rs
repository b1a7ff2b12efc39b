//! What can go wrong in a world, and how it is mended.
//!
//! There is no jump of a clock here: a node counts time from its own beginning and reads the wall
//! clock once, when its process starts. What is left of jumping clocks is that a process hears
//! nothing for a while and wakes up late ([`Fault::Stall`]: a suspended laptop, a paused machine),
//! and that one is started when its wall clock is wrong ([`Fault::Clock`]).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::NodeId;
use super::event::Event;
use super::latency::Latency;
use super::world::World;
use crate::node::Command;
use crate::node::io::DiskFailure;

mod plan;
mod stall;

pub use plan::{Plan, random_plan, swizzle_clog};
pub(super) use stall::Stalled;

/// Something that breaks, or mends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// A process dies; its system resets the connections.
    Kill(NodeId),
    /// A whole host goes without a word: its connections stay half-open.
    Vanish(NodeId),
    /// A dead node starts again, with its disk and its servent GUID.
    Restart(NodeId),
    /// A dead node starts again as if newly installed: it shares what it did, and has another servent
    /// GUID and nothing left of its downloads.
    Reinstall(NodeId),
    /// These nodes reach each other, and the others each other, but nobody crosses over.
    Partition(Vec<NodeId>),
    /// Nothing gets through between two nodes, and nobody tells them.
    Clog(NodeId, NodeId),
    /// Everything gets through again between two nodes, unless they are parted by a partition.
    Unclog(NodeId, NodeId),
    /// Everything gets through again everywhere: no partition, no clogged link.
    Heal,
    /// One of the node's connections, the `nth` counted over and over, is broken: both sides hear.
    Reset {
        /// Whose.
        node: NodeId,
        /// Which.
        nth: u32,
    },
    /// A node loses one of its connections, and the other side does not hear of it until it sends.
    HalfOpen {
        /// Whose.
        node: NodeId,
        /// Which.
        nth: u32,
    },
    /// A firewall: nobody can connect to the node any more. Connections that stand stay.
    Firewall(NodeId),
    /// The same, with a gateway that lets strangers in when the node asks it to.
    Nat(NodeId),
    /// No firewall and no gateway any more.
    Open(NodeId),
    /// A disk fails, or (`None`) works again.
    Disk(NodeId, Option<DiskFailure>),
    /// A disk has room for so many bytes of downloads, or (`None`) for any number.
    DiskRoom(NodeId, Option<u64>),
    /// A disk takes so long for each thing asked of it, or (`None`) is as quick as before.
    SlowDisk(NodeId, Option<Latency>),
    /// A process hears nothing for so long and wakes up late; its system goes on taking what comes,
    /// as far as its buffers reach.
    Stall {
        /// Which.
        node: NodeId,
        /// How long, in milliseconds.
        ms: u64,
    },
    /// From its next start on the node's wall clock is off by so many seconds; it counts the time
    /// since its start as ever.
    Clock {
        /// Whose.
        node: NodeId,
        /// Ahead of the time, or (negative) behind it.
        skew_s: i64,
    },
}

impl World {
    /// Has something happen after this time.
    pub fn schedule(&mut self, after: Duration, fault: Fault) {
        self.fabric.net.after(after, Event::Fault(Box::new(fault)));
    }

    /// Has it happen at once.
    pub fn befall(&mut self, fault: Fault) {
        let net = &mut self.fabric.net;
        match fault {
            Fault::Kill(node) => self.end_process(node, false),
            Fault::Vanish(node) => self.end_process(node, true),
            Fault::Restart(node) => self.restart(node),
            Fault::Reinstall(node) => self.reinstall(node),
            Fault::Partition(nodes) => net.set_side(&nodes, 1),
            Fault::Clog(a, b) if a != b => net.clog(a, b),
            Fault::Clog(..) => {}
            Fault::Unclog(a, b) => net.unclog(a, b),
            Fault::Heal => net.heal(),
            Fault::Reset { node, nth } => net.reset(node, nth),
            Fault::HalfOpen { node, nth } => net.half_open(node, nth),
            Fault::Firewall(node) => self.set_reachable(node, false),
            Fault::Nat(node) => self.set_gateway(node),
            Fault::Open(node) => self.set_reachable(node, true),
            Fault::Disk(node, failure) => self.fabric.disk(node).failing = failure,
            Fault::DiskRoom(node, room) => self.fabric.disk(node).room_bytes = room,
            Fault::SlowDisk(node, Some(delay)) => drop(net.slow_disks.insert(node, delay)),
            Fault::SlowDisk(node, None) => drop(net.slow_disks.remove(&node)),
            Fault::Stall { node, ms } => self.stall(node, Duration::from_millis(ms)),
            Fault::Clock { node, skew_s } => drop(self.skews_s.insert(node, skew_s)),
        }
    }

    /// Kills a node's process.
    pub fn kill(&mut self, node: NodeId) {
        self.befall(Fault::Kill(node));
    }

    /// Cuts these nodes off from the others.
    pub fn partition(&mut self, nodes: &[NodeId]) {
        self.befall(Fault::Partition(nodes.to_vec()));
    }

    /// Lets everything through again.
    pub fn heal(&mut self) {
        self.befall(Fault::Heal);
    }

    /// Starts a dead node as if newly installed. A node that lives is left alone.
    pub fn reinstall(&mut self, node: NodeId) {
        if self.is_alive(node) {
            return;
        }
        self.fabric.disk(node).wipe();
        self.new_guid(node);
        self.boot(node);
    }

    /// Starts a dead node again with its disk: what was being downloaded goes on. A node that
    /// lives is left alone.
    pub fn restart(&mut self, node: NodeId) {
        if self.is_alive(node) {
            return;
        }
        self.boot(node);
        for (download, request) in self.fabric.disk(node).unfinished() {
            self.command(node, Command::Download { download, request });
        }
    }
}
