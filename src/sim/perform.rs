//! Performs a node's actions in the simulated world, and follows them with the checkers.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::NodeId;
use super::byzantine::Liar;
use super::check::{self, Violation};
use super::disk::{Disk, StoreError};
use super::event::{Event as Happening, Process};
use super::measure::{Ledger, Passing};
use super::net::{Net, State, Store};
use super::trace::Trace;
use crate::node::config::Strategy;
use crate::node::io::{CloseCause, DiskReport, Mapped, MappingFailure, MappingMethod};
use crate::node::{Action, Chunk, Config, ConnId, Event, Time};

/// Who acts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Actor<'a> {
    pub(super) process: Process,
    pub(super) config: &'a Config,
    /// The end whose bytes it handles, and the bytes.
    pub(super) reading: Option<(u32, &'a Chunk)>,
}

/// Everything of a world but the nodes themselves.
#[derive(Debug)]
pub(super) struct Fabric {
    pub(super) net: Net,
    pub(super) ledger: Ledger,
    pub(super) trace: Trace,
    pub(super) disks: Vec<Option<Box<Disk>>>,
    /// What the nodes said and nobody has taken yet.
    pub(super) said: BTreeMap<NodeId, Vec<(Time, Event)>>,
    pub(super) keeps_events: bool,
    /// Host names and their addresses.
    pub(super) names: BTreeMap<String, Vec<IpAddr>>,
    pub(super) disk_delay: Duration,
    /// The nodes that lie.
    pub(super) liars: BTreeMap<NodeId, Liar>,
    pub(super) violation: Option<Violation>,
}

impl Fabric {
    pub(super) fn violated(&mut self, violation: Violation) {
        self.violation.get_or_insert(violation);
    }

    pub(super) fn disk(&mut self, node: NodeId) -> &mut Disk {
        self.disks[node.0 as usize].get_or_insert_default()
    }

    /// The open end of this name; anything else is against the rules.
    fn open(&mut self, node: NodeId, conn: ConnId, action: &'static str) -> Option<u32> {
        let slot = self.net.find_next(node, conn);
        let open = slot.filter(|&slot| self.net.end_at(slot).state == State::Open);
        if open.is_none() {
            self.violated(Violation::NotOpen { node, conn, action });
        }
        open
    }

    pub(super) fn perform(&mut self, actor: Actor<'_>, action: Action) {
        let node = actor.process.node;
        match action {
            Action::Connect { conn, to } => match self.net.name_is_new(node, conn) {
                Ok(()) => self.net.connect(node, conn, to),
                Err(last) => self.violated(Violation::NameReused { node, conn, last }),
            },
            Action::Resolve { lookup, host } => {
                let delay = self.net.latency_nearby();
                let event = Happening::Resolved(actor.process, lookup, host.into_boxed_str());
                self.net.after(delay, event);
            }
            // Nothing listens to TLS in a simulated world, as nothing there reads along.
            Action::Send { conn, chunk } => self.send(actor, conn, chunk),
            Action::SendFile { conn, file, range } => {
                let Some(slot) = self.open(node, conn, "SendFile") else { return };
                match self.disk(node).readable(file, &range) {
                    Some(content) => {
                        let liar = self.liars.get(&node);
                        let content = liar.map_or(content, |liar| liar.serves(content));
                        self.net.send_file(slot, content, range);
                    }
                    None => {
                        self.net.end_at(slot).state = State::Closing;
                        let end = self.net.name(slot);
                        let closed = Happening::Closed(end, CloseCause::FileUnreadable);
                        self.net.after(Duration::ZERO, closed);
                    }
                }
            }
            Action::StoreInto { conn, download, range, body_at } => {
                let Some(slot) = self.open(node, conn, "StoreInto") else { return };
                self.store_into(actor, slot, Store { download, range }, body_at);
            }
            Action::Pause { conn } => {
                if let Some(slot) = self.open(node, conn, "Pause") {
                    self.net.pause(slot);
                }
            }
            Action::Resume { conn } => {
                let reads = !self.liars.get(&node).is_some_and(Liar::never_reads);
                if let Some(slot) = self.open(node, conn, "Resume").filter(|_| reads) {
                    self.net.resume(slot);
                }
            }
            Action::Close { conn, flush } => self.close(actor, conn, flush),
            Action::SendDatagram { to, data } => self.net.datagram(node, to, &data),
            Action::Disk(order) => {
                if let Some(report) = self.disk(node).obey(order) {
                    self.disk_answers(actor.process, report);
                }
            }
            Action::Emit(event) => self.emit(node, event),
            Action::MapPort => {
                let answer = self.map_port(node);
                let delay = self.net.latency_nearby();
                self.net.after(delay, Happening::Mapped(actor.process, Box::new(answer)));
            }
            Action::UnmapPort => {
                let host = &mut self.net.hosts[node.0 as usize];
                host.reachable &= !host.gateway;
            }
        }
    }

    /// The gateway before a node lets connections through, if there is one that does so.
    fn map_port(&mut self, node: NodeId) -> Result<Mapped, MappingFailure> {
        let external = self.net.address(node);
        let host = &mut self.net.hosts[node.0 as usize];
        if !host.gateway {
            return Err(MappingFailure::NoAnswer);
        }
        host.reachable = true;
        Ok(Mapped { external, lifetime_s: 3_600, method: MappingMethod::NatPmp })
    }

    fn send(&mut self, actor: Actor<'_>, conn: ConnId, chunk: Chunk) {
        let node = actor.process.node;
        let Some(slot) = self.open(node, conn, "Send") else { return };
        let end = self.net.end_at(slot);
        let (peer, outstanding) = (end.peer, end.outstanding);
        // A node that closes hands over all that waits, queue and all.
        let window = actor.config.send_window_bytes + actor.config.send_queue_bytes_max;
        if outstanding > window {
            return self.violated(Violation::AboveWindow { node, conn, outstanding });
        }
        let mut follower = end.follower;
        let mut begun = if follower.is_amid() { self.net.take_begun(slot) } else { Vec::new() };
        let to = self.net.end(peer).map(|peer| peer.node);
        let walks = actor.config.local_addresses
            && matches!(actor.config.strategy, Strategy::Walkers { .. });
        let (at, forward, role) = (self.net.now, actor.config.forward, actor.config.role);
        let load = self.net.load(node);
        load.bytes_sent += chunk.len() as u64;
        let lies = self.liars.contains_key(&node);
        let (ledger, violation) = (&mut self.ledger, &mut self.violation);
        let mut messages = 0;
        follower.read(conn.is_accepted(), chunk.bytes(), &mut begun, |header| {
            messages += 1;
            // What goes to an end that is gone already reaches nobody.
            let Some(to) = to else { return };
            let passing =
                Passing { header, at, from: node, to, end: slot, peer_end: peer.slot, walks };
            if lies {
                return ledger.lies(&passing);
            }
            let own = check::relayed(node, role, header);
            if let Err(wrong) = own.and_then(|()| ledger.passes(&passing, forward)) {
                violation.get_or_insert(wrong);
            }
        });
        self.net.load(node).messages_sent += messages;
        self.net.end_at(slot).follower = follower;
        if follower.is_amid() {
            self.net.keep_begun(slot, begun);
        }
        self.net.send(slot, chunk);
    }

    fn store_into(&mut self, actor: Actor<'_>, slot: u32, store: Store, body_at: u32) {
        let node = actor.process.node;
        let Store { download, ref range } = store;
        let (start, end) = (range.start, range.end);
        let overlaps = |other: &Store| {
            other.download == download && other.range.start < end && start < other.range.end
        };
        if self.disk(node).holds_any(download, range) || self.net.stores(node).any(overlaps) {
            return self.violated(Violation::BytesTwice { node, download, start, end });
        }
        let rest = (actor.reading)
            .filter(|&(reading, _)| reading == slot)
            .map(|(_, data)| data.part(body_at..u32::MAX));
        self.net.store(slot, store, rest);
    }

    /// The disk answers, later: one thing after the other.
    fn disk_answers(&mut self, process: Process, report: DiskReport) {
        let node = process.node;
        let delay = self.net.disk_slowness(node).unwrap_or(self.disk_delay);
        let at = self.disk(node).answers_at.max(self.net.now + delay);
        self.disk(node).answers_at = at;
        self.net.queue.push(at, Happening::Disk(process, Box::new(report)));
    }

    /// Body bytes arrived: they go to the partial file.
    pub(super) fn store(&mut self, process: Process, stored: &Store, bytes: &Chunk) {
        let node = process.node;
        let (download, at) = (stored.download, stored.range.start);
        match self.disk(node).store(download, at, bytes.bytes()) {
            // A download that was given up while its bytes were under way.
            Ok(()) | Err(StoreError::NotOpen) => {}
            Err(StoreError::Failed(failure)) => {
                self.disk_answers(process, DiskReport::Failed { download, failure });
            }
            Err(StoreError::Overlap) => {
                let (start, end) = (stored.range.start, stored.range.end);
                self.violated(Violation::BytesTwice { node, download, start, end });
            }
        }
    }

    fn close(&mut self, actor: Actor<'_>, conn: ConnId, flush: bool) {
        let node = actor.process.node;
        let slot = self.net.find(node, conn);
        let closing = slot.is_some_and(|slot| self.net.end_at(slot).state == State::Closing);
        let Some(slot) = slot.filter(|_| !(closing && flush)) else {
            return self.violated(Violation::NotOpen { node, conn, action: "Close" });
        };
        if closing {
            return self.net.break_off(slot, true);
        }
        let linger = Duration::from_secs(u64::from(actor.config.linger_s));
        self.net.close(slot, flush, linger);
    }

    fn emit(&mut self, node: NodeId, event: Event) {
        let at = self.net.now;
        match &event {
            Event::Found { search, hits } => {
                let addresses = hits.iter().map(|hit| hit.source.address.ip());
                let found_at = addresses.filter_map(|address| self.net.node_at(address));
                self.ledger.found((node, *search), hits.len(), found_at, at);
            }
            Event::AsksAnew { search, query } => self.ledger.asks_anew(node, *search, *query),
            Event::SearchEnded { search, .. } => self.ledger.search_ended(node, *search),
            _ => {}
        }
        if self.keeps_events {
            self.said.entry(node).or_default().push((at, event));
        }
    }
}
