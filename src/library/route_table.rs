//! Query routing tables as data: which slots are set, which slots a file has, and whether a query
//! may match (protocol.md section 17).
//!
//! [`SlotSet`] is a table, ours or a neighbour's: a list of slots while they are few, a bit for
//! each when they are many, nothing at all when every one is set. [`Keys`] are what a query is
//! judged by. [`Shared`] counts the slots of our own files, so that one of many thousands can go
//! without looking at the others.

mod set;
mod shared;
#[cfg(test)]
mod tests;

pub(crate) use set::ones;
pub use set::{Pool, SlotSet};
pub use shared::Shared;
pub(super) use shared::counted;

use super::{Entry, words};
use crate::wire::extension::{Extension, sha1_of};
use crate::wire::qrp::{hash, slot};
use crate::wire::{Query, Sha1};

/// Our own tables have 2^16 slots, as the specification advises: with 12,000 words one slot in
/// six is set. Neighbours' tables of other sizes are judged by this size too.
pub const LOG2: u8 = 16;

/// A query is not judged by words with fewer letters: some servents leave them out of their tables.
const WORD_LETTERS_MIN: usize = 3;

/// So many words of a query are looked up; one that has all of them is not asked for more.
const KEYS_MAX: usize = 16;

/// What a query is judged by: the hashes of its words, or of the contents it asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    hashes: [u32; KEYS_MAX],
    count: u8,
    by_content: bool,
}

impl Keys {
    /// Those of a query. Contents alone count where it names any, as for the match.
    #[inline]
    pub fn of(query: &Query<'_>) -> Keys {
        let mut keys = Keys::default();
        if !query.extensions.is_empty() {
            for piece in query.extensions().map_while(Result::ok) {
                match sha1_of(&piece) {
                    Ok(Some(sha1)) => {
                        keys.by_content = true;
                        keys.add(hash_of_content(&sha1));
                    }
                    // What is new is asked of everybody, whatever the text.
                    Ok(None) if is_whats_new(&piece) => return Keys::default(),
                    Ok(None) | Err(_) => {}
                }
            }
        }
        if !keys.by_content {
            keys.add_words(query.text);
        }
        keys
    }

    /// Those of a text.
    pub fn of_text(text: &str) -> Keys {
        let mut keys = Keys::default();
        keys.add_words(text);
        keys
    }

    /// Their hashes. None: the query cannot be judged and goes everywhere.
    #[inline]
    pub fn hashes(&self) -> &[u32] {
        self.hashes.get(..usize::from(self.count)).unwrap_or_default()
    }

    /// So many of them must be in a table: one content, all of one or two words, two thirds of
    /// more (as other servents judge; their ultrapeers match parts of names too).
    #[inline]
    pub fn needed(&self) -> usize {
        match usize::from(self.count) {
            0 => 0,
            _ if self.by_content => 1,
            few @ 1..=2 => few,
            many => (2 * many).div_ceil(3),
        }
    }

    #[inline]
    fn add_words(&mut self, text: &str) {
        let folded = words::fold(text);
        for word in words::of(&folded).filter(|word| letters(word.bytes) >= WORD_LETTERS_MIN) {
            self.add(hash(word.bytes));
        }
    }

    #[inline]
    fn add(&mut self, hash: u32) {
        if let Some(free) = self.hashes.get_mut(usize::from(self.count)) {
            *free = hash;
            self.count += 1;
        }
    }
}

/// The letters of a word of UTF-8.
#[inline]
fn letters(word: &[u8]) -> usize {
    word.iter().filter(|&&byte| byte & 0xC0 != 0x80).count()
}

fn is_whats_new(piece: &Extension<'_>) -> bool {
    matches!(piece, Extension::Ggep(block) if block.id == b"WH")
}

fn hash_of_content(sha1: &Sha1) -> u32 {
    let mut urn = Vec::with_capacity(41);
    sha1.write_urn(&mut urn);
    hash(&urn)
}

/// The slots of a file: one for each different word by which it can be found, one for its content.
/// Truncated words, as other servents add them, are left out: our match is by whole words, so they
/// would only bring queries that we cannot answer.
pub(super) fn slots_of(entry: &Entry) -> Vec<u16> {
    let mut slots = Vec::new();
    for text in [&entry.name, &entry.folder] {
        let folded = words::fold(text);
        let long = words::of(&folded).filter(|word| word.bytes.len() >= words::WORD_BYTES_MIN);
        slots.extend(long.map(|word| slot(hash(word.bytes), LOG2) as u16));
    }
    slots.extend(entry.sha1.as_ref().map(|sha1| slot(hash_of_content(sha1), LOG2) as u16));
    slots.sort_unstable();
    slots.dedup();
    slots
}
