//! What can go wrong in a world, and how it is mended.

use std::time::Duration;

use super::NodeId;
use super::dice::Dice;
use super::event::Event;
use super::world::World;
use crate::node::Command;
use crate::node::io::DiskFailure;

/// Something that breaks, or mends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A process dies; its system resets the connections.
    Kill(NodeId),
    /// A whole host goes without a word: its connections stay half-open.
    Vanish(NodeId),
    /// A dead node starts again, with its disk and its servent GUID.
    Restart(NodeId),
    /// These nodes reach each other, and the others each other, but nobody crosses over.
    Partition(Vec<NodeId>),
    /// Nothing gets through between two nodes, and nobody tells them.
    Clog(NodeId, NodeId),
    /// Everything gets through again.
    Heal,
    /// A disk fails, or (`None`) works again.
    Disk(NodeId, Option<DiskFailure>),
}

/// Faults at random moments within `span`, and at its end everything mended: dead nodes restarted,
/// the network healed, the disks well.
pub fn random_plan(
    dice: &mut Dice,
    nodes: u32,
    count: u32,
    span: Duration,
) -> Vec<(Duration, Fault)> {
    let span_us = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
    let mut moments: Vec<u64> = (0..count).map(|_| dice.below(span_us)).collect();
    moments.sort_unstable();
    let mut plan: Vec<(Duration, Fault)> = moments
        .into_iter()
        .map(|us| (Duration::from_micros(us), random_fault(dice, nodes)))
        .collect();
    plan.push((span, Fault::Heal));
    for node in (0..nodes).map(NodeId) {
        plan.push((span, Fault::Disk(node, None)));
        plan.push((span, Fault::Restart(node)));
    }
    plan
}

fn random_fault(dice: &mut Dice, nodes: u32) -> Fault {
    let any = |dice: &mut Dice| NodeId(dice.below(u64::from(nodes)) as u32);
    match dice.below(9) {
        0 | 1 => Fault::Kill(any(dice)),
        2 => Fault::Vanish(any(dice)),
        3 | 4 => Fault::Restart(any(dice)),
        5 => Fault::Partition((0..nodes).map(NodeId).filter(|_| dice.chance(0.5)).collect()),
        6 => Fault::Clog(any(dice), any(dice)),
        7 => Fault::Heal,
        _ => {
            let failure = dice.pick(&[DiskFailure::Full, DiskFailure::Io]).copied();
            Fault::Disk(any(dice), failure)
        }
    }
}

impl World {
    /// Has something happen after this time.
    pub fn schedule(&mut self, after: Duration, fault: Fault) {
        self.fabric.net.after(after, Event::Fault(Box::new(fault)));
    }

    /// Has it happen at once.
    pub fn befall(&mut self, fault: Fault) {
        match fault {
            Fault::Kill(node) => self.end_process(node, false),
            Fault::Vanish(node) => self.end_process(node, true),
            Fault::Restart(node) => self.restart(node),
            Fault::Partition(nodes) => self.fabric.net.set_side(&nodes, 1),
            Fault::Clog(a, b) if a != b => self.fabric.net.clog(a, b),
            Fault::Clog(..) => {}
            Fault::Heal => self.fabric.net.heal(),
            Fault::Disk(node, failure) => self.fabric.disk(node).failing = failure,
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
