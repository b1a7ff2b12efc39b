//! One connection under conditions: what has come for us and has not arrived yet.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// Bytes that wait at most before the socket is read no more: what the simulated network holds
/// for a node that does not read, too.
pub(in crate::driver) const WAITING_BYTES_MAX: usize = 256 << 10;

/// What one piece costs beside its bytes, so that many small ones are bounded as well.
const PIECE_COST_BYTES: usize = 64;

/// A rate is spent in portions of so many seconds' worth (a twentieth), so that it is even.
const PORTIONS_S: u32 = 20;

/// Of the lowest rates, a portion is at least so many bytes.
const PORTION_BYTES_MIN: u64 = 512;

/// The way of a connection's bytes in a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::driver) enum Way {
    /// To us.
    In,
    /// From us.
    Out,
}

/// Lets bytes through at a rate: whoever took some waits until they would have gone by.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Meter {
    free_at: Option<Instant>,
}

impl Meter {
    /// When the next bytes may follow; `None`: now.
    pub(super) fn busy_until(&self, now: Instant) -> Option<Instant> {
        self.free_at.filter(|&free_at| free_at > now)
    }

    /// So many bytes went by.
    pub(super) fn charge(&mut self, now: Instant, bytes: u64, rate_bytes_s: Option<u32>) {
        self.free_at = rate_bytes_s.and_then(|rate| {
            let us = bytes.saturating_mul(1_000_000) / u64::from(rate.max(1));
            let begins = self.busy_until(now).unwrap_or(now);
            begins.checked_add(Duration::from_micros(us))
        });
    }
}

/// Bytes that may go by at once at this rate.
pub(super) fn portion(rate_bytes_s: Option<u32>) -> u64 {
    rate_bytes_s.map_or(u64::MAX, |rate| u64::from(rate / PORTIONS_S).max(PORTION_BYTES_MIN))
}

/// What reaches the node next.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::driver) enum Arrival {
    /// That somebody connected: who, and where.
    Accepted(SocketAddr, SocketAddr),
    /// Bytes.
    Bytes(Vec<u8>),
    /// The end of what the other side sends.
    End,
    /// That the connection is broken.
    Broken,
}

impl Arrival {
    fn cost(&self) -> usize {
        PIECE_COST_BYTES + if let Arrival::Bytes(bytes) = self { bytes.len() } else { 0 }
    }
}

/// One connection.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) peer: IpAddr,
    pub(super) latency: Duration,
    pub(super) is_silent: bool,
    /// When an ordered connection stands at the earliest.
    pub(super) stands_at: Instant,
    /// The node knows of it.
    pub(super) is_known: bool,
    waiting: VecDeque<(Instant, Arrival)>,
    waiting_bytes: usize,
    /// The socket is not read as long as so much waits.
    pub(super) is_full: bool,
    /// The socket has nothing more.
    pub(super) has_ended: bool,
    /// Nothing arrives before what came earlier.
    last_due: Instant,
    /// When the body of a download may be read on.
    pub(super) body_due: Option<Instant>,
    pub(super) input: Meter,
    pub(super) output: Meter,
    /// When it is looked at again, and in which order.
    pub(super) alarm: Option<(Instant, u64)>,
}

impl Lane {
    pub(super) fn new(peer: IpAddr, now: Instant) -> Lane {
        Lane {
            peer,
            latency: Duration::ZERO,
            is_silent: false,
            stands_at: now,
            is_known: true,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            is_full: false,
            has_ended: false,
            last_due: now,
            body_due: None,
            input: Meter::default(),
            output: Meter::default(),
            alarm: None,
        }
    }

    /// Something came that arrives after the latency.
    pub(super) fn came(&mut self, now: Instant, arrival: Arrival) {
        self.has_ended |= matches!(arrival, Arrival::End | Arrival::Broken);
        self.last_due = self.last_due.max(now + self.latency);
        self.waiting_bytes += arrival.cost();
        self.waiting.push_back((self.last_due, arrival));
    }

    /// Whether more may wait.
    pub(super) fn has_room(&self) -> bool {
        self.waiting_bytes < WAITING_BYTES_MAX
    }

    /// When the next arrives.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.waiting.front().map(|&(due, _)| due)
    }

    /// The next, if it has arrived.
    pub(super) fn arrived(&mut self, now: Instant) -> Option<Arrival> {
        let (_, arrival) = self.waiting.pop_front_if(|&mut (due, _)| due <= now)?;
        self.waiting_bytes -= arrival.cost();
        self.is_known |= matches!(arrival, Arrival::Accepted(..));
        Some(arrival)
    }

    /// All bytes that wait, for the body of a download that goes on when they have arrived; the
    /// end of the connection is seen again at the socket.
    pub(super) fn take_for_body(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        for (due, arrival) in self.waiting.drain(..) {
            if let Arrival::Bytes(bytes) = arrival {
                all.extend_from_slice(&bytes);
            }
            self.body_due = Some(due);
        }
        self.waiting_bytes = 0;
        self.has_ended = false;
        all
    }
}
