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
    /// Bytes that the node knows nothing of.
    Slipped(Chunk),
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

/// What has arrived and was not read.
#[derive(Debug, Default)]
struct Unread {
    chunks: VecDeque<Chunk>,
    bytes: usize,
}

impl Unread {
    fn push_back(&mut self, chunk: Chunk) {
        self.bytes += chunk.len();
        self.chunks.push_back(chunk);
    }

    fn push_front(&mut self, chunk: Chunk) {
        self.bytes += chunk.len();
        self.chunks.push_front(chunk);
    }

    fn pop_front_if(&mut self, fits: impl FnOnce(&Chunk) -> bool) -> Option<Chunk> {
        let chunk = self.chunks.pop_front_if(|chunk| fits(chunk))?;
        self.bytes -= chunk.len();
        Some(chunk)
    }

    fn pop_front(&mut self) -> Option<Chunk> {
        self.pop_front_if(|_| true)
    }

    fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }
}

/// What only few ends have at a time.
#[derive(Debug, Default)]
pub(in crate::sim) struct Busy {
    unread: Unread,
    waiting: VecDeque<Waiting>,
    store: Option<Store>,
    fin: Option<CloseCause>,
    /// Bytes of the node that wait to leave, and those of them that it has no credit for yet.
    waiting_bytes: u32,
    uncredited_bytes: u32,
    /// So many bytes are being written to the disk, which takes a while: nothing is read meanwhile.
    writing: u32,
    /// The node of the other end, which is gone and has not told.
    pub(super) orphan_of: Option<NodeId>,
}

impl Busy {
    /// The system buffers so many bytes. Returns those that the node gets credit for now.
    fn owed(&mut self, send_buffer_bytes: u32) -> u32 {
        let beyond = self.waiting_bytes.saturating_sub(send_buffer_bytes);
        let owed = self.uncredited_bytes.saturating_sub(beyond);
        self.uncredited_bytes -= owed;
        owed
    }
}

/// One end of a connection: a line of memory.
#[derive(Debug)]
#[repr(align(64))]
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
    pub(in crate::sim) busy: Option<Box<Busy>>,
}

impl End {
    /// Nobody's.
    pub(super) fn free() -> End {
        End {
            node: NodeId(u32::MAX),
            life: 0,
            conn: ConnId(0),
            peer: EndRef { slot: u32::MAX, life: 0 },
            arrives: Time::ZERO,
            outstanding: 0,
            credit: 0,
            state: State::Free,
            paused: false,
            pump_due: false,
            read_due: false,
            follower: Follower::default(),
            busy: None,
        }
    }

    pub(super) fn busy(&mut self) -> &mut Busy {
        self.busy.get_or_insert_default()
    }

    /// An idle end holds no buffer.
    fn tidy(&mut self) {
        self.busy = self.busy.take().filter(|busy| {
            !busy.unread.is_empty()
                || !busy.waiting.is_empty()
                || busy.store.is_some()
                || busy.fin.is_some()
                || busy.writing > 0
                || busy.orphan_of.is_some()
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
        let len = u32::try_from(chunk.len()).unwrap_or(u32::MAX);
        self.ends[slot as usize].outstanding += len;
        if self.leaves_at_once(slot) {
            self.transmit(slot, chunk);
            return self.credit(slot, len);
        }
        let busy = self.ends[slot as usize].busy();
        busy.waiting_bytes += len;
        busy.uncredited_bytes += len;
        let owed = busy.owed(self.config.send_buffer_bytes);
        self.wait(slot, Waiting::Bytes(chunk));
        if owed > 0 {
            self.credit(slot, owed);
        }
    }

    /// Sends bytes of which the node knows nothing. A link on which something waits is full.
    pub(in crate::sim) fn slip_in(&mut self, slot: u32, chunk: Chunk) {
        if self.leaves_at_once(slot) {
            self.transmit(slot, chunk);
        } else if self.ends[slot as usize].busy.as_ref().is_none_or(|busy| busy.waiting.is_empty())
        {
            self.wait(slot, Waiting::Slipped(chunk));
        }
    }

    /// The ends of a node where its descriptors leave in the clear, and none is half sent.
    pub(in crate::sim) fn clear_links(&self, node: NodeId) -> Vec<u32> {
        let clear = |&slot: &u32| {
            let end = &self.ends[slot as usize];
            end.state == State::Open && end.follower.is_between()
        };
        self.host(node).book.iter().map(|&(_, slot)| slot).filter(clear).collect()
    }

    /// Sends bytes of a shared file after everything sent before.
    pub(in crate::sim) fn send_file(&mut self, slot: u32, content: u64, range: Range<u64>) {
        self.wait(slot, Waiting::File(content, range));
    }

    /// Whether nothing holds up what is sent now.
    fn leaves_at_once(&self, slot: u32) -> bool {
        let end = &self.ends[slot as usize];
        let free = end.busy.as_ref().is_none_or(|busy| busy.waiting.is_empty());
        let held = |peer: &End| self.is_cut(end.node, peer.node) || self.is_full(peer);
        free && self.config.rate_bytes_s.is_none() && !self.end(end.peer).is_some_and(held)
    }

    /// Whether an end takes no more bytes, because its node does not read them.
    fn is_full(&self, end: &End) -> bool {
        let unread = end.busy.as_ref().map_or(0, |busy| busy.unread.bytes);
        unread > 0 && unread >= self.config.receive_buffer_bytes as usize
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
            let peer = self.end(end.peer);
            if peer.is_some_and(|peer| self.is_cut(end.node, peer.node)) {
                break; // `heal` pumps again.
            }
            let full = peer.is_some_and(|peer| self.is_full(peer));
            let goes = |next: &mut Waiting| !full || matches!(next, Waiting::Fin);
            // A reader that goes on reading pumps again.
            let Some(next) = self.ends[slot as usize].busy().waiting.pop_front_if(goes) else {
                break;
            };
            if let Waiting::Fin = next {
                self.send_fin(slot, CloseCause::PeerClosed);
                let end = self.name(slot);
                self.after(Duration::ZERO, Event::Closed(end, CloseCause::Ordered));
                break;
            }
            let delay = self.leave(slot, next, &mut left);
            if !delay.is_zero() {
                self.pump_soon(slot, delay);
                break;
            }
        }
        self.ends[slot as usize].tidy();
        left
    }

    /// A block leaves. Returns how long the next one has to wait.
    fn leave(&mut self, slot: u32, next: Waiting, left: &mut Left) -> Duration {
        let (len, mut delay) = match next {
            Waiting::Bytes(chunk) => {
                let (block, rest) = split(&chunk);
                let end = &mut self.ends[slot as usize];
                let busy = end.busy();
                if let Some(rest) = rest {
                    busy.waiting.push_front(Waiting::Bytes(rest));
                }
                busy.waiting_bytes -= block.len() as u32;
                left.sent += busy.owed(self.config.send_buffer_bytes);
                let len = block.len();
                self.transmit(slot, block);
                (len as u64, Duration::ZERO)
            }
            Waiting::Slipped(chunk) => {
                let len = chunk.len();
                self.transmit(slot, chunk);
                (len as u64, Duration::ZERO)
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
                let node = self.ends[slot as usize].node;
                (len, self.disk_slowness(node).unwrap_or(FILE_BLOCK_TIME))
            }
            Waiting::Fin => (0, Duration::ZERO),
        };
        if let Some(rate) = self.config.rate_bytes_s {
            delay = delay.max(Duration::from_micros(len * 1_000_000 / u64::from(rate.max(1))));
        }
        delay
    }

    /// Puts bytes on their way to the other end.
    fn transmit(&mut self, slot: u32, chunk: Chunk) {
        let peer = self.ends[slot as usize].peer;
        if chunk.is_empty() {
            return;
        }
        if self.end(peer).is_none() {
            return self.answer_for_the_gone(slot);
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
        let arrives = self.arrival(slot, self.ends[peer.slot as usize].node);
        self.queue.push(arrives, Event::Arrive(peer, chunk));
    }

    /// When what leaves now for that node arrives: never before what left earlier.
    fn arrival(&mut self, slot: u32, to: NodeId) -> Time {
        let delay = self.latency(self.ends[slot as usize].node, to);
        let end = &mut self.ends[slot as usize];
        end.arrives = end.arrives.max(self.now + delay);
        end.arrives
    }

    pub(super) fn send_fin(&mut self, slot: u32, cause: CloseCause) {
        let End { peer, node, .. } = self.ends[slot as usize];
        let Some(other) = self.end(peer).map(|other| other.node) else { return };
        // A cut link keeps the news from the other side, which must find out by itself.
        if self.is_cut(node, other) {
            return self.orphan(slot);
        }
        let arrives = self.arrival(slot, other);
        self.queue.push(arrives, Event::Fin(peer, cause));
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
        let was_full = self.is_full(&self.ends[slot as usize]);
        let end = &mut self.ends[slot as usize];
        let Some(busy) = end.busy.as_mut() else { return Read::Nothing };
        if end.state != State::Open || end.paused || busy.writing > 0 {
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
        let end = &self.ends[slot as usize];
        let peer = end.peer;
        if was_full && !self.is_full(end) && self.end(peer).is_some() {
            self.pump_soon(peer.slot, Duration::ZERO);
        }
        read
    }

    /// So many bytes are being written to the disk: nothing is read until that is done (0).
    /// Returns how many were.
    pub(in crate::sim) fn writing(&mut self, slot: u32, bytes: u32) -> u32 {
        let end = &mut self.ends[slot as usize];
        let before = std::mem::replace(&mut end.busy().writing, bytes);
        end.tidy();
        before
    }

    /// Bytes arrive at an end whose node hears nothing now, perhaps not even that it is connected:
    /// they lie there.
    pub(in crate::sim) fn lay_down(&mut self, slot: u32, chunk: Chunk) {
        let end = &mut self.ends[slot as usize];
        if matches!(end.state, State::Open | State::Connecting) {
            end.busy().unread.push_back(chunk);
        }
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
fn join(first: Chunk, unread: &mut Unread, joins: bool) -> Chunk {
    if first.len() > READ_BYTES_MAX {
        unread.push_front(first.part(READ_BYTES_MAX as u32..u32::MAX));
        return first.part(0..READ_BYTES_MAX as u32);
    }
    let fits = |next: &Chunk, len: usize| joins && len + next.len() <= READ_BYTES_MAX;
    let Some(second) = unread.pop_front_if(|next| fits(next, first.len())) else { return first };
    let mut joined = [first.bytes(), second.bytes()].concat();
    while let Some(next) = unread.pop_front_if(|next| fits(next, joined.len())) {
        joined.extend_from_slice(next.bytes());
    }
    Chunk::copy_of(&joined)
}

/// The block of it that leaves next, and the rest.
fn split(chunk: &Chunk) -> (Chunk, Option<Chunk>) {
    let len = chunk.len().min(BLOCK_BYTES as usize) as u32;
    let rest = chunk.part(len..u32::MAX);
    (chunk.part(0..len), Some(rest).filter(|rest| !rest.is_empty()))
}
