//! What waits to be sent on one connection: bounded, the most valuable first.
//!
//! At most a window of bytes is with the driver and not yet `Sent`, so that what goes out next is
//! decided late. What does not fit is dropped whole piece by whole piece, the least valuable
//! first: a piece holds whole descriptors, and deflated pieces do not refer to each other.

use std::collections::VecDeque;

use crate::node::io::Out;
use crate::node::{Action, Chunk, Config, ConnId, Why};

/// How valuable a piece is; later ones are worth more (protocol.md section 15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Priority {
    /// Pings.
    Ping,
    /// Queries.
    Query,
    /// Pongs.
    Pong,
    /// Hits.
    Hit,
    /// Pushes.
    Push,
    /// Vendor messages: few, small, and what they say steers the rest.
    Vendor,
    /// What the connection cannot do without: handshakes, Bye. Never dropped.
    Control,
}

/// Whole descriptors that leave together.
#[derive(Debug)]
pub(crate) struct Piece {
    /// The bytes.
    pub chunk: Chunk,
    /// Their worth.
    pub priority: Priority,
    /// How many descriptors they hold.
    pub messages: u32,
}

/// The send queue of one connection. Holds no memory while nothing waits.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: Option<Box<Waiting>>,
    outstanding_bytes: u32,
    dropped: u32,
    messages: u64,
    bytes: u64,
}

/// What waits for credit.
#[derive(Debug, Default)]
struct Waiting {
    queue: VecDeque<Piece>,
    bytes: u32,
}

/// What went through an outbox since its connection stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Carried {
    /// Descriptors handed to the driver.
    pub messages: u64,
    /// Bytes handed to the driver.
    pub bytes: u64,
    /// Descriptors dropped because the queue was full.
    pub dropped: u64,
}

impl Outbox {
    /// Sends a piece now, later, or never (counted as `QueueFull`).
    #[inline]
    pub(crate) fn put(&mut self, conn: ConnId, piece: Piece, config: &Config, out: &mut Out) {
        if self.outstanding_bytes == 0 && self.waiting.is_none() {
            self.emit(conn, piece, out);
        } else {
            self.put_behind(conn, piece, config, out);
        }
    }

    /// The driver still holds bytes. A small piece of a large run is copied: a peer that does not
    /// read must not keep whole runs alive for the few bytes that are meant for it.
    #[cold]
    fn put_behind(&mut self, conn: ConnId, mut piece: Piece, config: &Config, out: &mut Out) {
        piece.chunk = piece.chunk.detached();
        if self.waiting.is_none() && self.outstanding_bytes < config.send_window_bytes {
            self.emit(conn, piece, out);
            return;
        }
        if !self.make_room(&piece, config.send_queue_bytes_max, out) {
            self.drop(&piece, out);
            return;
        }
        let waiting = self.waiting.get_or_insert_default();
        waiting.bytes += length(&piece.chunk);
        let at = waiting.queue.partition_point(|other| other.priority >= piece.priority);
        waiting.queue.insert(at, piece);
        out.queue_peak_bytes = out.queue_peak_bytes.max(waiting.bytes);
    }

    fn make_room(&mut self, piece: &Piece, max: u32, out: &mut Out) -> bool {
        if piece.priority == Priority::Control {
            return true;
        }
        let needed = length(&piece.chunk);
        while self.queued_bytes().saturating_add(needed) > max {
            let Some(waiting) = &mut self.waiting else { return false };
            match waiting.queue.pop_back_if(|last| last.priority < piece.priority) {
                Some(last) => {
                    waiting.bytes -= length(&last.chunk);
                    self.drop(&last, out);
                }
                None => return false,
            }
        }
        true
    }

    fn drop(&mut self, piece: &Piece, out: &mut Out) {
        self.dropped = self.dropped.saturating_add(piece.messages);
        out.counts.add_many(Why::QueueFull, u64::from(piece.messages));
    }

    #[inline]
    fn emit(&mut self, conn: ConnId, piece: Piece, out: &mut Out) {
        let Piece { chunk, messages, .. } = piece;
        self.outstanding_bytes = self.outstanding_bytes.saturating_add(length(&chunk));
        self.messages += u64::from(messages);
        self.bytes += chunk.len() as u64;
        out.actions.push(Action::Send { conn, chunk });
    }

    /// The driver has got rid of `len` bytes: what waited may follow.
    pub(crate) fn sent(&mut self, conn: ConnId, len: u32, config: &Config, out: &mut Out) {
        self.outstanding_bytes = self.outstanding_bytes.saturating_sub(len);
        while self.outstanding_bytes < config.send_window_bytes {
            let Some(waiting) = &mut self.waiting else { return };
            let Some(piece) = waiting.queue.pop_front() else {
                self.waiting = None;
                return;
            };
            waiting.bytes -= length(&piece.chunk);
            self.emit(conn, piece, out);
        }
    }

    /// Hands everything that waits to the driver: the connection is about to be closed.
    pub(crate) fn flush(&mut self, conn: ConnId, out: &mut Out) {
        for piece in self.waiting.take().unwrap_or_default().queue {
            self.emit(conn, piece, out);
        }
    }

    /// What went through it.
    pub(crate) fn carried(&self) -> Carried {
        let Outbox { messages, bytes, dropped, .. } = *self;
        Carried { messages, bytes, dropped: dropped.into() }
    }

    fn queued_bytes(&self) -> u32 {
        self.waiting.as_ref().map_or(0, |waiting| waiting.bytes)
    }

    /// Bytes that wait here or with the driver.
    pub(crate) fn waiting_bytes(&self) -> u32 {
        self.queued_bytes().saturating_add(self.outstanding_bytes)
    }
}

fn length(chunk: &Chunk) -> u32 {
    u32::try_from(chunk.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(byte: u8, len: usize, priority: Priority) -> Piece {
        Piece { chunk: Chunk::copy_of(&vec![byte; len]), priority, messages: 1 }
    }

    fn firsts(out: &mut Out) -> Vec<u8> {
        let of = |action: Action| match action {
            Action::Send { chunk, .. } => chunk.bytes()[0],
            other => panic!("{other:?}"),
        };
        out.actions.drain(..).map(of).collect()
    }

    #[test]
    fn credit_decides_what_leaves_and_worth_decides_the_order() {
        let config =
            Config { send_window_bytes: 10, send_queue_bytes_max: 30, ..Config::default() };
        let (mut outbox, mut out, conn) = (Outbox::default(), Out::default(), ConnId(1));
        for (byte, priority) in [
            (1, Priority::Ping),
            (2, Priority::Query),
            (3, Priority::Query),
            (4, Priority::Push),
            (5, Priority::Hit),
        ] {
            outbox.put(conn, piece(byte, 10, priority), &config, &mut out);
        }
        // The first left at once; the queue of 30 bytes had to drop one of the two queries.
        assert_eq!(firsts(&mut out), [1]);
        assert_eq!(out.counts.get(Why::QueueFull), 1);
        outbox.put(conn, piece(6, 10, Priority::Ping), &config, &mut out);
        assert_eq!(out.counts.get(Why::QueueFull), 2);
        for expected in [4, 5, 2] {
            outbox.sent(conn, 10, &config, &mut out);
            assert_eq!(firsts(&mut out), [expected]);
        }
        outbox.sent(conn, 10, &config, &mut out);
        assert_eq!(outbox.waiting_bytes(), 0);
        assert_eq!(outbox.carried(), Carried { messages: 4, bytes: 40, dropped: 2 });
    }

    #[test]
    fn what_a_connection_needs_is_never_dropped() {
        let config = Config { send_window_bytes: 1, send_queue_bytes_max: 5, ..Config::default() };
        let (mut outbox, mut out) = (Outbox::default(), Out::default());
        for _ in 0..3 {
            outbox.put(ConnId(1), piece(1, 10, Priority::Control), &config, &mut out);
        }
        outbox.flush(ConnId(1), &mut out);
        assert_eq!(firsts(&mut out).len(), 3);
    }
}
