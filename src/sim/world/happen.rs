//! What happens in an instant: each event of the queue, turned into inputs of nodes.

use std::net::SocketAddr;
use std::time::Duration;

use super::super::check::Violation;
use super::super::event::{Datagram, EndRef, Event as Happening, Process};
use super::super::net::{Arrival, Read, State};
use super::World;
use crate::node::io::CloseCause;
use crate::node::{Chunk, Command, Input};

impl World {
    pub(in crate::sim) fn happen(&mut self, event: Happening) {
        let event = match self.stalled.is_empty() {
            true => event,
            false => match self.hold(event) {
                Some(event) => event,
                None => return,
            },
        };
        match event {
            Happening::Wake(id) => {
                self.fabric.net.background -= 1;
                self.wake(id);
            }
            Happening::Command(id, command) => {
                if let Command::Search { search, .. } = *command {
                    let now = self.fabric.net.now;
                    self.fabric.ledger.search_ordered(id, search, now);
                }
                self.feed(id, Input::Command(*command));
            }
            Happening::Syn(from, to) => self.syn(from, *to),
            Happening::Connected(end) => self.connected(end),
            Happening::Accepted(end, peer) => self.accepted(end, *peer),
            Happening::Arrive(end, chunk) => self.arrive(end, chunk),
            Happening::Read(end) => {
                if self.fabric.net.end(end).is_some() {
                    self.fabric.net.read_now(end.slot);
                    self.read(end);
                }
            }
            Happening::Written(end, len) => self.written(end, len),
            Happening::Pump(end) => self.pump(end),
            Happening::Fin(end, cause) => {
                if self.fabric.net.end(end).is_some() && self.fabric.net.fin(end.slot, cause) {
                    self.closed(end, cause);
                }
            }
            Happening::Closed(end, cause) => self.closed(end, cause),
            Happening::LingerEnds(end) => {
                self.fabric.net.background -= 1;
                if self.fabric.net.end(end).is_some() {
                    self.fabric.net.break_off(end.slot, true);
                }
            }
            Happening::Datagram(datagram) => {
                let Datagram { from, to, data } = *datagram;
                self.feed(to, Input::Datagram { from, data: data.bytes() });
            }
            Happening::Resolved(process, lookup, host) => {
                let addresses = match host.parse() {
                    Ok(address) => vec![address],
                    Err(_) => self.fabric.names.get(&*host).cloned().unwrap_or_default(),
                };
                if self.runs(process) {
                    self.feed(process.node, Input::Resolved { lookup, addresses });
                }
            }
            Happening::Mapped(process, answer) => {
                if self.runs(process) {
                    self.feed(process.node, Input::PortMapped(*answer));
                }
            }
            Happening::Disk(process, report) => {
                if self.runs(process) {
                    self.feed(process.node, Input::Disk(*report));
                }
            }
            Happening::StallEnds(process) => self.stall_ends(process),
            Happening::Lie(node) => self.lie(node),
            Happening::Fault(fault) => self.befall(*fault),
        }
    }

    pub(in crate::sim) fn runs(&self, process: Process) -> bool {
        self.slots[process.node.0 as usize].life == process.life
    }

    fn syn(&mut self, from: EndRef, to: SocketAddr) {
        let Some(caller) = self.fabric.net.end(from).map(|end| end.node) else { return };
        let timeout_s = self.slots[caller.0 as usize].config.connect_timeout_s;
        let timeout = Duration::from_secs(u64::from(timeout_s));
        let Some(accepted) = self.fabric.net.syn(from, to, timeout) else { return };
        let end = self.fabric.net.name(accepted);
        let calling = self.fabric.net.end_at(from.slot).conn;
        let peer = self.fabric.net.local(caller, calling);
        if self.stalled.is_empty() {
            self.accepted(end, peer);
        } else {
            // The system accepts, even if the process hears of it later.
            self.happen(Happening::Accepted(end, Box::new(peer)));
        }
    }

    fn accepted(&mut self, end: EndRef, peer: SocketAddr) {
        let Some(held) = self.fabric.net.end(end) else { return };
        let (id, conn) = (held.node, held.conn);
        let local = self.fabric.net.address(id);
        self.feed(id, Input::Accepted { conn, peer, local });
    }

    fn connected(&mut self, end: EndRef) {
        let Some(held) = self.fabric.net.end(end) else { return };
        if held.state != State::Connecting {
            return;
        }
        let (id, conn) = (held.node, held.conn);
        self.fabric.net.end_at(end.slot).state = State::Open;
        let local = self.fabric.net.local(id, conn);
        self.feed(id, Input::Connected { conn, local });
    }

    fn arrive(&mut self, end: EndRef, chunk: Chunk) {
        if self.fabric.net.end(end).is_none() {
            return;
        }
        match self.fabric.net.arrive(end.slot, chunk) {
            Arrival::Received(chunk) => {
                self.received(end, chunk);
                self.read(end);
            }
            Arrival::Read => self.read(end),
            Arrival::Lies => {}
        }
    }

    fn received(&mut self, end: EndRef, chunk: Chunk) {
        let held = self.fabric.net.end_at(end.slot);
        let (id, conn) = (held.node, held.conn);
        self.begin_turn(id);
        self.hand(id, Input::Received { conn, data: chunk.bytes() }, Some((end.slot, &chunk)));
        if self.is_liar(id) && self.fabric.net.end(end).is_some() {
            self.overhear(end, &chunk);
        }
    }

    /// Hands over or stores all that has arrived.
    fn read(&mut self, end: EndRef) {
        while self.fabric.net.end(end).is_some() && self.fabric.violation.is_none() {
            match self.fabric.net.next_read(end.slot) {
                Read::Nothing => break,
                Read::Received(chunk) => self.received(end, chunk),
                Read::Store(stored, bytes) => {
                    let held = self.fabric.net.end_at(end.slot);
                    let (id, conn) = (held.node, held.conn);
                    let process = Process { node: id, life: self.slots[id.0 as usize].life };
                    self.fabric.store(process, &stored, &bytes);
                    match self.fabric.net.disk_slowness(id) {
                        None => self.feed(id, Input::Carried { conn, len: bytes.len() as u64 }),
                        Some(delay) => {
                            let len = bytes.len() as u32;
                            self.fabric.net.writing(end.slot, len);
                            let written = Happening::Written(end, len);
                            self.fabric.net.after(delay, written);
                        }
                    }
                }
                Read::Closed(cause) => self.closed(end, cause),
            }
        }
    }

    /// A slow disk has stored what arrived.
    fn written(&mut self, end: EndRef, len: u32) {
        let Some(held) = self.fabric.net.end(end) else { return };
        let (id, conn) = (held.node, held.conn);
        self.fabric.net.writing(end.slot, 0);
        self.feed(id, Input::Carried { conn, len: u64::from(len) });
        self.read(end);
    }

    fn pump(&mut self, end: EndRef) {
        if self.fabric.net.end(end).is_none() {
            return;
        }
        let left = self.fabric.net.pump(end.slot);
        let held = self.fabric.net.end_at(end.slot);
        let (id, conn) = (held.node, held.conn);
        if left.carried > 0 {
            self.feed(id, Input::Carried { conn, len: left.carried });
        }
        if left.sent > 0 {
            self.sent(end, left.sent);
        }
    }

    /// Gives credit.
    pub(super) fn sent(&mut self, end: EndRef, len: u32) {
        if self.fabric.net.end(end).is_none() {
            return;
        }
        let held = self.fabric.net.end_at(end.slot);
        let (node, conn, outstanding) = (held.node, held.conn, held.outstanding);
        match outstanding.checked_sub(len) {
            Some(left) => held.outstanding = left,
            None => {
                let wrong = Violation::CreditTooHigh { node, conn, credit: len, outstanding };
                self.fabric.violated(wrong);
            }
        }
        if self.hand(node, Input::Sent { conn, len }, None) {
            self.begin_turn(node);
        }
    }

    fn closed(&mut self, end: EndRef, cause: CloseCause) {
        let Some(held) = self.fabric.net.end(end) else { return };
        let (id, conn) = (held.node, held.conn);
        if held.busy.is_some() {
            // What is on the disk already is told before the connection is gone.
            let written = self.fabric.net.writing(end.slot, 0);
            if written > 0 {
                self.feed(id, Input::Carried { conn, len: u64::from(written) });
            }
            if self.fabric.net.end(end).is_none() {
                return;
            }
        }
        self.fabric.net.forget(end.slot);
        self.fabric.ledger.forget_end(end.slot);
        self.feed(id, Input::Closed { conn, cause });
    }
}
