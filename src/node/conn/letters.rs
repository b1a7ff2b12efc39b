//! What single connections get in a turn: answers, pongs, routed hits and pushes.
//!
//! One buffer for the whole node, handed out at the end of the turn: a connection at rest holds
//! none of it, and what one connection gets leaves as few pieces.

use super::outbox::Priority;
use crate::node::ConnId;
use crate::wire::Header;

/// The letters of this turn; nothing is held while there are none.
#[derive(Debug, Default)]
pub(crate) struct Letters(Option<Box<Gathered>>);

#[derive(Debug, Default)]
struct Gathered {
    bytes: Vec<u8>,
    list: Vec<Letter>,
}

#[derive(Debug)]
struct Letter {
    conn: ConnId,
    priority: Priority,
    start: usize,
    end: usize,
}

impl Letters {
    /// One descriptor for one connection; the header's length is that of the payload.
    pub(crate) fn put(
        &mut self,
        conn: ConnId,
        priority: Priority,
        header: &Header,
        payload: &[u8],
    ) {
        let Gathered { bytes, list } = &mut **self.0.get_or_insert_default();
        let start = bytes.len();
        bytes.extend_from_slice(&header.encode());
        bytes.extend_from_slice(payload);
        list.push(Letter { conn, priority, start, end: bytes.len() });
    }

    /// Bytes gathered so far.
    pub(crate) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |gathered| gathered.bytes.len())
    }

    /// Whether there is nothing to hand out.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Hands everything out, by connection and then by worth, the most valuable first; what has
    /// the same worth stays in order.
    pub(crate) fn hand_out(&mut self, mut each: impl FnMut(ConnId, Priority, u32, &[u8])) {
        let Some(gathered) = self.0.take() else { return };
        let Gathered { bytes, mut list } = *gathered;
        list.sort_by_key(|letter| (letter.conn, std::cmp::Reverse(letter.priority)));
        let mut joined = Vec::new();
        let same = |a: &Letter, b: &Letter| a.conn == b.conn && a.priority == b.priority;
        for group in list.chunk_by(same) {
            let [first, ..] = group else { continue };
            let messages = u32::try_from(group.len()).unwrap_or(u32::MAX);
            if let [only] = group {
                each(only.conn, only.priority, 1, &bytes[only.start..only.end]);
                continue;
            }
            joined.clear();
            for letter in group {
                joined.extend_from_slice(&bytes[letter.start..letter.end]);
            }
            each(first.conn, first.priority, messages, &joined);
        }
    }
}
