//! A process that hears nothing for a while: its system goes on, and what came meanwhile waits.

use std::time::Duration;

use crate::node::Time;
use crate::sim::NodeId;
use crate::sim::event::{Event, Process};
use crate::sim::world::World;

/// Datagrams that wait for a process that does not read them; later ones are lost. A socket's
/// buffer holds some hundred small ones.
const DATAGRAMS_WAITING_MAX: usize = 128;

/// What waits for a process that hears nothing.
#[derive(Debug, Default)]
pub(in crate::sim) struct Stalled {
    waiting: Vec<Event>,
    datagrams: usize,
}

impl World {
    /// Has a process hear nothing for so long. One that hears nothing already goes on as it would.
    pub(super) fn stall(&mut self, node: NodeId, time: Duration) {
        if !self.is_alive(node) || self.stalled.contains_key(&node) {
            return;
        }
        let slot = &self.slots[node.0 as usize];
        let process = Process { node, life: slot.life };
        self.stalled.insert(node, Stalled::default());
        self.fabric.net.after(time, Event::StallEnds(process));
    }

    /// The process wakes up and finds what came meanwhile, in order.
    pub(in crate::sim) fn stall_ends(&mut self, process: Process) {
        if !self.runs(process) {
            return;
        }
        let Some(stalled) = self.stalled.remove(&process.node) else { return };
        for event in stalled.waiting {
            self.happen(event);
        }
        self.slots[process.node.0 as usize].wake_at = Time::NEVER;
        self.set_alarm(process.node);
    }

    /// Keeps an event for a process that hears nothing now; gives it back if it is for another.
    pub(in crate::sim) fn hold(&mut self, event: Event) -> Option<Event> {
        let Some(node) = self.hears_of(&event) else { return Some(event) };
        let Some(stalled) = self.stalled.get_mut(&node) else { return Some(event) };
        match event {
            Event::Wake(node) => {
                self.fabric.net.background -= 1;
                self.slots[node.0 as usize].wake_at = Time::NEVER;
            }
            Event::Arrive(end, chunk) => {
                self.fabric.net.lay_down(end.slot, chunk);
                stalled.waiting.push(Event::Read(end));
            }
            Event::Datagram(_) if stalled.datagrams >= DATAGRAMS_WAITING_MAX => {}
            Event::Datagram(_) => {
                stalled.datagrams += 1;
                stalled.waiting.push(event);
            }
            event => stalled.waiting.push(event),
        }
        None
    }

    /// The node whose process hears of an event.
    fn hears_of(&self, event: &Event) -> Option<NodeId> {
        match event {
            Event::Wake(node) | Event::Command(node, _) => Some(*node),
            Event::Connected(end)
            | Event::Accepted(end, _)
            | Event::Arrive(end, _)
            | Event::Read(end)
            | Event::Written(end, _)
            | Event::Pump(end)
            | Event::Fin(end, _)
            | Event::Closed(end, _) => self.fabric.net.end(*end).map(|end| end.node),
            Event::Datagram(datagram) => Some(datagram.to),
            Event::Resolved(process, ..) | Event::Mapped(process, _) | Event::Disk(process, _) => {
                Some(process.node)
            }
            Event::Syn(..)
            | Event::LingerEnds(_)
            | Event::StallEnds(_)
            | Event::Lie(_)
            | Event::Fault(_) => None,
        }
    }
}
