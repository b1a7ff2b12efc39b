//! Every byte of a download is in exactly one state: missing, asked for on one connection, or had.
//!
//! Invariant: the pieces begin at byte 0, each ends where the next begins and the last ends at
//! `end`; none is empty, and no two neighbours are in the same state. Every verb goes through
//! `set`, which keeps it. A file whose size is not known yet ends at `u64::MAX`.

use std::collections::BTreeMap;
use std::ops::{Bound, Range};

use crate::node::ConnId;

#[cfg(test)]
mod tests;

/// What is known of a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Nobody has been asked for it.
    Missing,
    /// Asked for on this connection and not yet stored.
    Asked(ConnId),
    /// Stored.
    Have,
}

/// The bytes of one download.
#[derive(Clone, Debug)]
pub(super) struct Ranges {
    /// First byte of each piece.
    pieces: BTreeMap<u64, Piece>,
    end: u64,
    have: u64,
}

impl Ranges {
    /// All missing; `None`: the size is not known yet.
    pub(super) fn new(size: Option<u64>) -> Ranges {
        let end = size.unwrap_or(u64::MAX);
        let pieces = if end == 0 { BTreeMap::new() } else { BTreeMap::from([(0, Piece::Missing)]) };
        Ranges { pieces, end, have: 0 }
    }

    /// The size, now that it is known: what lies beyond is forgotten.
    pub(super) fn set_size(&mut self, size: u64) {
        if size < self.end {
            self.set(size..self.end, Piece::Missing);
            self.split(size);
            self.pieces.split_off(&size);
            self.end = size;
        }
    }

    /// How many bytes are had.
    pub(super) fn have(&self) -> u64 {
        self.have
    }

    /// Whether every byte is had.
    pub(super) fn complete(&self) -> bool {
        self.have == self.end
    }

    /// How many pieces there are: how torn the file is.
    pub(super) fn count(&self) -> usize {
        self.pieces.len()
    }

    /// The pieces in order.
    pub(super) fn pieces(&self) -> impl Iterator<Item = (Range<u64>, Piece)> + '_ {
        let ends = self.pieces.keys().copied().skip(1).chain([self.end]);
        self.pieces.iter().zip(ends).map(|((&start, &piece), end)| (start..end, piece))
    }

    /// How many bytes are missing.
    pub(super) fn missing(&self) -> u64 {
        self.pieces().filter(|(_, piece)| *piece == Piece::Missing).map(|(at, _)| len(&at)).sum()
    }

    /// These bytes were had before this run.
    pub(super) fn restore(&mut self, range: Range<u64>) {
        self.set(range, Piece::Have);
    }

    /// Takes at most `max` bytes from the front of the largest missing piece for `conn`.
    pub(super) fn ask(&mut self, conn: ConnId, max: u64) -> Option<Range<u64>> {
        let (largest, _) = self.largest(|piece| piece == Piece::Missing)?;
        let range = largest.start..largest.end.min(largest.start.saturating_add(max));
        self.set(range.clone(), Piece::Asked(conn));
        (!range.is_empty()).then_some(range)
    }

    /// The second half of the largest piece that somebody has been asked for, if both halves are
    /// at least `half_min` bytes. What lies before `fixed(conn)` stays with `conn`.
    pub(super) fn worth_stealing(
        &self,
        half_min: u64,
        fixed: impl Fn(ConnId) -> u64,
    ) -> Option<Range<u64>> {
        let free = self.pieces().filter_map(|(range, piece)| match piece {
            Piece::Asked(conn) => Some(range.start.max(fixed(conn))..range.end),
            _ => None,
        });
        let free = free.reduce(|best, next| if len(&next) > len(&best) { next } else { best })?;
        let middle = free.start + len(&free) / 2;
        (len(&free) / 2 >= half_min.max(1)).then_some(middle..free.end)
    }

    /// Gives what [`Ranges::worth_stealing`] found to `conn`. Who had been asked before finds that
    /// out when its bytes arrive at the border (`still_asked`).
    pub(super) fn steal(&mut self, conn: ConnId, range: Range<u64>) {
        self.set(range, Piece::Asked(conn));
    }

    /// `conn` will bring bytes from `start` on, perhaps more than it was asked for: takes for it
    /// what is missing there, up to `end`, and says where that stops.
    pub(super) fn extend(&mut self, conn: ConnId, start: u64, end: u64) -> u64 {
        let mut at = start;
        while at < end.min(self.end) {
            match self.piece_at(at) {
                Some((range, Piece::Missing)) => {
                    at = range.end.min(end);
                    self.set(range.start.max(start)..at, Piece::Asked(conn));
                }
                Some((range, Piece::Asked(owner))) if owner == conn => at = range.end.min(end),
                _ => break,
            }
        }
        at
    }

    /// Of what `conn` was asked for, only `keep` will come: the rest is missing again.
    pub(super) fn narrow(&mut self, conn: ConnId, keep: &Range<u64>) {
        for range in self.asked(conn) {
            self.set(range.start..range.end.min(keep.start), Piece::Missing);
            self.set(range.start.max(keep.end)..range.end, Piece::Missing);
        }
    }

    /// `conn` brings nothing more: what it was asked for is missing again.
    pub(super) fn give_back(&mut self, conn: ConnId) {
        self.narrow(conn, &(0..0));
    }

    /// `range` arrived on `conn`: what it was asked for there is had. Says how many bytes that is.
    pub(super) fn stored(&mut self, conn: ConnId, range: &Range<u64>) -> u64 {
        let before = self.have;
        let mut at = range.start;
        while at < range.end {
            let Some((piece, state)) = self.piece_at(at) else { break };
            let end = piece.end.min(range.end);
            if state == Piece::Asked(conn) {
                self.set(at..end, Piece::Have);
            }
            at = end;
        }
        self.have - before
    }

    /// The bytes from `at` on that are still awaited on `conn`.
    pub(super) fn still_asked(&self, conn: ConnId, at: u64) -> Range<u64> {
        match self.piece_at(at) {
            Some((range, Piece::Asked(asked))) if asked == conn => at..range.end,
            _ => at..at,
        }
    }

    fn asked(&self, conn: ConnId) -> Vec<Range<u64>> {
        let mine = self.pieces().filter(|(_, piece)| *piece == Piece::Asked(conn));
        mine.map(|(range, _)| range).collect()
    }

    fn largest(&self, which: impl Fn(Piece) -> bool) -> Option<(Range<u64>, Piece)> {
        let candidates = self.pieces().filter(|(_, piece)| which(*piece));
        // Of equal ones the first: `max_by_key` would take the last.
        candidates.reduce(|best, next| if len(&next.0) > len(&best.0) { next } else { best })
    }

    fn piece_at(&self, at: u64) -> Option<(Range<u64>, Piece)> {
        let (&start, &piece) = self.pieces.range(..=at).next_back()?;
        let end = self.end_of(start);
        (at < end).then_some((start..end, piece))
    }

    /// Where the piece ends that begins at `start`.
    fn end_of(&self, start: u64) -> u64 {
        let later = self.pieces.range((Bound::Excluded(start), Bound::Unbounded)).next();
        later.map_or(self.end, |(&next, _)| next)
    }

    fn set(&mut self, range: Range<u64>, piece: Piece) {
        let range = range.start..range.end.min(self.end);
        if range.is_empty() {
            return;
        }
        self.split(range.start);
        self.split(range.end);
        while let Some((&start, &old)) = self.pieces.range(range.clone()).next() {
            if old == Piece::Have {
                self.have -= self.end_of(start) - start;
            }
            self.pieces.remove(&start);
        }
        self.pieces.insert(range.start, piece);
        if piece == Piece::Have {
            self.have += len(&range);
        }
        self.join(range.end);
        self.join(range.start);
    }

    /// Makes a piece begin at `at`, if there is one.
    fn split(&mut self, at: u64) {
        if let Some((_, piece)) = self.piece_at(at) {
            self.pieces.insert(at, piece);
        }
    }

    /// Makes one piece of two that meet at `at` in the same state.
    fn join(&mut self, at: u64) {
        let before = self.pieces.range(..at).next_back().map(|(_, &piece)| piece);
        if before.is_some() && before == self.pieces.get(&at).copied() {
            self.pieces.remove(&at);
        }
    }
}

fn len(range: &Range<u64>) -> u64 {
    range.end.saturating_sub(range.start)
}
