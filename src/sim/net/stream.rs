//! The bytes of connections: what waits to leave an end, what is under way, what has arrived.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use super::Net;
use crate::node::io::{CloseCause, DownloadId};
use crate::node::{Chunk, ConnId, Time};
use crate::sim::NodeId;
use crate::sim::disk;
use crate::sim::event::{EndRef, Event};
use crate::sim::follow::Follower;

/// Bytes in one piece of a file body or of a rated link.
const BLOCK_BYTES: u64 = 16_384;
/// How long a block of a file takes on a link without a rate: 64 MB/s.
const FILE_BLOCK_TIME: Duration = Duration::from_micros(250);
/// A joined read holds at most this: what `Input::Received` allows.
const READ_BYTES_MAX: usize = 65_536;
/// How long bytes lie before they are joined with what follows, at most.
const JOIN_US_MAX: u64 = 20_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sim) enum State {
    /// Nobody's.
    Free,
    /// Ordered, not yet standing.
    Connecting,
    /// Stands.
    Open,
    /// Its node ordered it closed; what was sent before may still go out.
    Closing,
}

/// What waits to leave an end.
#[derive(Debug)]
enum Waiting {
    Bytes(Chunk),
    /// Bytes of the content of this number.
    File(u64, Range<u64>),
    Fin,
}

/// Where what arrives is to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sim) struct Store {
    pub(in crate::sim) download: DownloadId,
    /// Bytes still to come.
    pub(in crate::sim) range: Range<u64>,
}

/// What only few ends have at a time.
#[derive(Debug, Default)]
pub(super) struct Busy {
    unread: VecDeque<Chunk>,
    waiting: VecDeque<Waiting>,
    store: Option<Store>,
    fin: Option<CloseCause>,
}

/// One end of a connection.
#[derive(Debug)]
pub(in crate::sim) struct End {
    pub(in crate::sim) node: NodeId,
    pub(super) life: u32,
    pub(in crate::sim) conn: ConnId,
    pub(in crate::sim) peer: EndRef,
    /// What leaves from here arrives no earlier than what left before.
    pub(super) arrives: Time,
    /// Bytes sent and not yet credited.
    pub(in crate::sim) outstanding: u32,
    /// Of them, gone and to be credited when the turn ends.
    pub(super) credit: u32,
    pub(in crate::sim) state: State,
    pub(super) paused: bool,
    pub(super) pump_due: bool,
    pub(super) read_due: bool,
    pub(in crate::sim) follower: Follower,
    pub(super) busy: Option<Box<Busy>>,
}

impl End {
    fn busy(&mut self) -> &mut Busy {
        self.busy.get_or_insert_default()
    }

    /// An idle end holds no buffer.
    fn tidy(&mut self) {
        self.busy = self.busy.take().filter(|busy| {
            !busy.unread.is_empty()
                || !busy.waiting.is_empty()
                || busy.store.is_some()
                || busy.fin.is_some()
        });
    }
}

/// What is to be done when bytes arrive.
#[derive(Debug)]
pub(in crate::sim) enum Arrival {
    /// Hand them to the node: nothing else lies before them.
    Received(Chunk),
    /// Read what lies there.
    Read,
    /// Nothing yet, or nothing ever.
    Lies,
}

/// What there is to do with the bytes that arrived at an end.
#[derive(Debug)]
pub(in crate::sim) enum Read {
    Nothing,
    /// Hand them to the node.
    Received(Chunk),
    /// Store them.
    Store(Store, Chunk),
    /// All is read, and the other side has closed.
    Closed(CloseCause),
}

/// What left an end.
#[derive(Debug, Default)]
pub(in crate::sim) struct Left {
    pub(in crate::sim) sent: u32,
    pub(in crate::sim) carried: u64,
}

impl Net {
    // Sending.

    /// Sends bytes after everything sent before.
    pub(in crate::sim) fn send(&mut self, slot: u32, chunk: Chunk) {
        let end = &self.ends[slot as usize];
        let len = u32::try_from(chunk.len()).unwrap_or(u32::MAX);
        let free = end.busy.as_ref().is_none_or(|busy| busy.waiting.is_empty());
        let cut = self.end(end.peer).is_some_and(|peer| self.is_cut(end.node, peer.node));
        self.ends[slot as usize].outstanding += len;
        if free && !cut && self.config.rate_bytes_s.is_none() {
            self.transmit(slot, chunk);
            self.credit(slot, len);
        } else {
            self.wait(slot, Waiting::Bytes(chunk));
        }
    }

    /// Sends bytes of a shared file after everything sent before.
    pub(in crate::sim) fn send_file(&mut self, slot: u32, content: u64, range: Range<u64>) {
        self.wait(slot, Waiting::File(content, range));
    }

    fn wait(&mut self, slot: u32, waiting: Waiting) {
        self.ends[slot as usize].busy().waiting.push_back(waiting);
        self.pump_soon(slot, Duration::ZERO);
    }

    pub(super) fn pump_soon(&mut self, slot: u32, delay: Duration) {
        if !std::mem::replace(&mut self.ends[slot as usize].pump_due, true) {
            let end = self.name(slot);
            self.after(delay, Event::Pump(end));
        }
    }

    /// More can leave. Says what did.
    pub(in crate::sim) fn pump(&mut self, slot: u32) -> Left {
        self.ends[slot as usize].pump_due = false;
        let mut left = Left::default();
        loop {
            let end = &self.ends[slot as usize];
            if self.end(end.peer).is_some_and(|peer| self.is_cut(end.node, peer.node)) {
                break; // `heal` pumps again.
            }
            let Some(next) = self.ends[slot as usize].busy().waiting.pop_front() else { break };
            let (len, is_file) = match next {
                Waiting::Bytes(chunk) => {
                    let len = (chunk.len() as u64).min(BLOCK_BYTES) as u32;
                    if chunk.len() > len as usize {
                        let rest = Waiting::Bytes(chunk.part(len..u32::MAX));
                        self.ends[slot as usize].busy().waiting.push_front(rest);
                    }
                    self.transmit(slot, chunk.part(0..len));
                    left.sent += len;
                    (u64::from(len), false)
                }
                Waiting::File(content, range) => {
                    let block = range.start..range.end.min(range.start + BLOCK_BYTES);
                    if block.end < range.end {
                        let rest = Waiting::File(content, block.end..range.end);
                        self.ends[slot as usize].busy().waiting.push_front(rest);
                    }
                    let len = block.end.saturating_sub(block.start);
                    self.transmit(slot, Chunk::copy_of(&disk::content(content, block)));
                    left.carried += len;
                    (len, true)
                }
                Waiting::Fin => {
                    self.send_fin(slot, CloseCause::PeerClosed);
                    let end = self.name(slot);
                    self.after(Duration::ZERO, Event::Closed(end, CloseCause::Ordered));
                    break;
                }
            };
            let delay = match self.config.rate_bytes_s {
                Some(rate) => Duration::from_micros(len * 1_000_000 / u64::from(rate.max(1))),
                None if is_file => FILE_BLOCK_TIME,
                None => Duration::ZERO,
            };
            if !delay.is_zero() {
                self.pump_soon(slot, delay);
                break;
            }
        }
        self.ends[slot as usize].tidy();
        left
    }

    /// Puts bytes on their way to the other end.
    fn transmit(&mut self, slot: u32, chunk: Chunk) {
        let peer = self.ends[slot as usize].peer;
        if chunk.is_empty() || self.end(peer).is_none() {
            return;
        }
        let len = chunk.len() as u64;
        if self.config.split && len > 1 && self.dice.chance(0.3) {
            let cut = 1 + self.dice.below(len - 1) as u32;
            self.put_on_the_way(slot, peer, chunk.part(0..cut));
            self.put_on_the_way(slot, peer, chunk.part(cut..u32::MAX));
        } else {
            self.put_on_the_way(slot, peer, chunk);
        }
    }

    fn put_on_the_way(&mut self, slot: u32, peer: EndRef, chunk: Chunk) {
        let arrives = self.arrival(slot);
        self.queue.push(arrives, Event::Arrive(peer, chunk));
    }

    /// When what leaves now arrives: never before what left earlier.
    fn arrival(&mut self, slot: u32) -> Time {
        let delay = self.latency();
        let end = &mut self.ends[slot as usize];
        end.arrives = end.arrives.max(self.now + delay);
        end.arrives
    }

    pub(super) fn send_fin(&mut self, slot: u32, cause: CloseCause) {
        let End { peer, node, .. } = self.ends[slot as usize];
        let Some(other) = self.end(peer) else { return };
        // A cut link keeps the news from the other side, which must find out by itself.
        if !self.is_cut(node, other.node) {
            let arrives = self.arrival(slot);
            self.queue.push(arrives, Event::Fin(peer, cause));
        }
    }

    fn credit(&mut self, slot: u32, len: u32) {
        let end = &mut self.ends[slot as usize];
        if end.credit == 0 {
            let life = end.life;
            self.creditors.push(EndRef { slot, life });
        }
        self.ends[slot as usize].credit += len;
    }

    /// The ends with credit to give, and how much. To be asked when a turn is over.
    pub(in crate::sim) fn take_credits(&mut self, to: &mut Vec<(EndRef, u32)>) {
        for end in self.creditors.drain(..) {
            let held = &mut self.ends[end.slot as usize];
            if held.life == end.life {
                to.push((end, std::mem::take(&mut held.credit)));
            }
        }
    }

    // Closing.

    /// The node orders the connection closed; it hears `Closed` when that is done.
    pub(in crate::sim) fn close(&mut self, slot: u32, flush: bool, linger: Duration) {
        let end = &mut self.ends[slot as usize];
        let connecting = end.state == State::Connecting;
        end.state = State::Closing;
        let has_unread = end.busy.as_ref().is_some_and(|busy| !busy.unread.is_empty());
        let name = self.name(slot);
        if flush && !connecting {
            self.wait(slot, Waiting::Fin);
            self.background += 1;
            self.after(linger, Event::LingerEnds(name));
            return;
        }
        self.break_off(slot, has_unread);
    }

    /// Closes at once; what has not left is lost.
    pub(in crate::sim) fn break_off(&mut self, slot: u32, has_unread: bool) {
        let name = self.name(slot);
        let cause = if has_unread { CloseCause::Reset } else { CloseCause::PeerClosed };
        self.send_fin(slot, cause);
        self.ends[slot as usize].busy = None;
        self.after(Duration::ZERO, Event::Closed(name, CloseCause::Ordered));
    }

    // Arriving.

    /// Bytes arrive.
    pub(in crate::sim) fn arrive(&mut self, slot: u32, chunk: Chunk) -> Arrival {
        let end = &mut self.ends[slot as usize];
        if end.state != State::Open {
            return Arrival::Lies;
        }
        let hold = self.config.split && !end.paused && !end.read_due && self.dice.chance(0.3);
        if end.busy.is_none() && !end.paused && !hold && chunk.len() <= READ_BYTES_MAX {
            return Arrival::Received(chunk);
        }
        end.busy().unread.push_back(chunk);
        if end.paused || end.read_due {
            return Arrival::Lies;
        }
        if hold {
            let delay = Duration::from_micros(self.dice.below(JOIN_US_MAX));
            self.read_soon(slot, delay);
            return Arrival::Lies;
        }
        Arrival::Read
    }

    pub(in crate::sim) fn read_soon(&mut self, slot: u32, delay: Duration) {
        if !std::mem::replace(&mut self.ends[slot as usize].read_due, true) {
            let end = self.name(slot);
            self.after(delay, Event::Read(end));
        }
    }

    /// The reading that was due is done now.
    pub(in crate::sim) fn read_now(&mut self, slot: u32) {
        self.ends[slot as usize].read_due = false;
    }

    pub(in crate::sim) fn pause(&mut self, slot: u32) {
        self.ends[slot as usize].paused = true;
    }

    pub(in crate::sim) fn resume(&mut self, slot: u32) {
        self.ends[slot as usize].paused = false;
        self.read_soon(slot, Duration::ZERO);
    }

    /// What arrives from now on, `rest` first, is to be stored.
    pub(in crate::sim) fn store(&mut self, slot: u32, store: Store, rest: Option<Chunk>) {
        let busy = self.ends[slot as usize].busy();
        busy.store = Some(store).filter(|store| !store.range.is_empty());
        if let Some(rest) = rest.filter(|rest| !rest.is_empty()) {
            busy.unread.push_front(rest);
        }
    }

    /// The store that is under way at an end.
    pub(in crate::sim) fn storing(&self, slot: u32) -> Option<&Store> {
        self.ends[slot as usize].busy.as_ref()?.store.as_ref()
    }

    /// The stores that are under way at a node.
    pub(in crate::sim) fn stores(&self, node: NodeId) -> impl Iterator<Item = &Store> {
        self.host(node).book.iter().filter_map(|&(_, slot)| self.storing(slot))
    }

    /// What to do next with what has arrived.
    pub(in crate::sim) fn next_read(&mut self, slot: u32) -> Read {
        let joins = self.config.split;
        let end = &mut self.ends[slot as usize];
        let Some(busy) = end.busy.as_mut() else { return Read::Nothing };
        if end.state != State::Open || end.paused {
            return Read::Nothing;
        }
        let read = match (busy.unread.pop_front(), busy.store.take()) {
            (Some(chunk), Some(mut store)) => {
                let wanted = store.range.end - store.range.start;
                let len = (chunk.len() as u64).min(wanted);
                let rest = chunk.part(len as u32..u32::MAX);
                if !rest.is_empty() {
                    busy.unread.push_front(rest);
                }
                let stored = Store {
                    download: store.download,
                    range: store.range.start..store.range.start + len,
                };
                store.range.start += len;
                busy.store = Some(store).filter(|store| !store.range.is_empty());
                Read::Store(stored, chunk.part(0..len as u32))
            }
            (Some(chunk), None) => Read::Received(join(chunk, &mut busy.unread, joins)),
            (None, store) => {
                busy.store = store;
                busy.fin.take().map_or(Read::Nothing, Read::Closed)
            }
        };
        end.tidy();
        read
    }

    /// The other side has closed or broken the connection. Whether the node may hear of it now:
    /// what arrived in order is read first.
    pub(in crate::sim) fn fin(&mut self, slot: u32, cause: CloseCause) -> bool {
        let end = &mut self.ends[slot as usize];
        let unread = end.busy.as_ref().is_some_and(|busy| !busy.unread.is_empty());
        if cause == CloseCause::PeerClosed && unread && end.state == State::Open {
            end.busy().fin = Some(cause);
            return false;
        }
        true
    }
}

/// As much of what has arrived as one read gives.
fn join(first: Chunk, unread: &mut VecDeque<Chunk>, joins: bool) -> Chunk {
    if first.len() > READ_BYTES_MAX {
        unread.push_front(first.part(READ_BYTES_MAX as u32..u32::MAX));
        return first.part(0..READ_BYTES_MAX as u32);
    }
    let fits = |next: &mut Chunk, len: usize| joins && len + next.len() <= READ_BYTES_MAX;
    if !unread.front_mut().is_some_and(|next| fits(next, first.len())) {
        return first;
    }
    let mut joined = first.bytes().to_vec();
    while let Some(next) = unread.pop_front_if(|next| fits(next, joined.len())) {
        joined.extend_from_slice(next.bytes());
    }
    Chunk::copy_of(&joined)
}
