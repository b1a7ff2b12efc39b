//! An immutable batch of shared files that can be asked for its matches.
//!
//! Built by the driver off the node's task, then shared. A few files are a plain list with a
//! filter of their words (so that a million simulated servents fit); more get an index.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use super::entry::FileIndex;
use super::index::{Index, has_words};
use super::{Entry, route_table, words};
use crate::wire::Sha1;

/// Up to so many files a plain list is as quick as an index and takes a third of its memory.
const PLAIN_FILES_MAX: usize = 8;

/// So many of the files that were changed last can be told.
pub const NEWEST_MAX: usize = 64;

/// An immutable batch of entries with its index. It is serialised as its entries.
#[derive(Deserialize)]
#[serde(from = "Vec<Entry>")]
pub struct Segment {
    entries: Box<[Entry]>,
    bytes: u64,
    finder: Finder,
    /// The slots of an indexed segment's files in a query routing table, with their counts.
    slots: Box<[(u16, u32)]>,
}

enum Finder {
    /// A bit for each word of the names, by its hash: most queries need no look at the names.
    Filter([u64; 4]),
    Index(Box<Index>),
}

impl Segment {
    /// Indexes these files. Of several with one number the last counts.
    pub fn new(mut entries: Vec<Entry>) -> Segment {
        entries.reverse();
        entries.sort_by_key(|entry| entry.index);
        entries.dedup_by_key(|entry| entry.index);
        let entries: Box<[Entry]> = entries.into();
        let bytes = entries.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.size));
        let finder = if entries.len() <= PLAIN_FILES_MAX {
            Finder::Filter(filter(&entries))
        } else {
            Finder::Index(Box::new(Index::new(&entries)))
        };
        let slots = match finder {
            Finder::Filter(_) => Box::default(),
            Finder::Index(_) => slots(&entries),
        };
        Segment { entries, bytes, finder, slots }
    }

    /// The files in the order of their numbers.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The bytes of all files together.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The slots of its files in a query routing table, ascending, with how many files have each.
    /// A plain list works them out anew: its files are few and there may be a million such lists.
    pub(super) fn slots(&self) -> Cow<'_, [(u16, u32)]> {
        match self.finder {
            Finder::Filter(_) => Cow::Owned(slots(&self.entries).into_vec()),
            Finder::Index(_) => Cow::Borrowed(&self.slots),
        }
    }

    /// The positions of the files that were changed last, at most [`NEWEST_MAX`], newest first.
    pub(super) fn newest(&self) -> Cow<'_, [u32]> {
        match &self.finder {
            Finder::Filter(_) => Cow::Owned(newest(&self.entries)),
            Finder::Index(index) => Cow::Borrowed(index.newest()),
        }
    }

    /// The position of the file with this number.
    pub(super) fn position(&self, index: FileIndex) -> Option<usize> {
        self.entries.binary_search_by_key(&index, |entry| entry.index).ok()
    }

    /// Calls `found` with the position of each file that has all the words of the folded text,
    /// ascending, until it returns false.
    #[inline]
    pub(super) fn matches(&self, folded: &str, mut found: impl FnMut(usize) -> bool) {
        match &self.finder {
            Finder::Index(index) => {
                index.matches(&self.entries, folded, |position| found(position as usize));
            }
            Finder::Filter(filter) => {
                let mut words = words::searchable(folded);
                if words.clone().next().is_none() || !words.all(|word| in_filter(filter, word.hash))
                {
                    return;
                }
                for (position, entry) in self.entries.iter().enumerate() {
                    if has_words(entry, words::searchable(folded)) && !found(position) {
                        return;
                    }
                }
            }
        }
    }

    /// Calls `found` with the position of each file with this hash, ascending, until it returns
    /// false.
    pub(super) fn with_sha1(&self, sha1: &Sha1, mut found: impl FnMut(usize) -> bool) {
        match &self.finder {
            Finder::Index(index) => {
                let _ = index
                    .with_sha1(&self.entries, sha1)
                    .try_for_each(|position| found(position as usize).then_some(()));
            }
            Finder::Filter(_) => {
                let has = |(_, entry): &(usize, &Entry)| entry.sha1.as_ref() == Some(sha1);
                let _ = (self.entries.iter().enumerate())
                    .filter(has)
                    .try_for_each(|(position, _)| found(position).then_some(()));
            }
        }
    }
}

fn slots(entries: &[Entry]) -> Box<[(u16, u32)]> {
    route_table::counted(entries.iter().flat_map(route_table::slots_of).collect())
}

/// See [`Segment::newest`].
pub(super) fn newest(entries: &[Entry]) -> Vec<u32> {
    let mut positions: Vec<u32> = (0..entries.len() as u32).collect();
    let age = |&position: &u32| {
        let entry = entries.get(position as usize);
        std::cmp::Reverse(entry.map(|entry| (entry.modified_at_s, entry.index)))
    };
    if positions.len() > NEWEST_MAX {
        positions.select_nth_unstable_by_key(NEWEST_MAX, age);
        positions.truncate(NEWEST_MAX);
    }
    positions.sort_unstable_by_key(age);
    positions
}

fn filter(entries: &[Entry]) -> [u64; 4] {
    let mut filter = [0; 4];
    for text in entries.iter().flat_map(|entry| [&entry.name, &entry.folder]) {
        for word in words::of(&words::fold(text)) {
            let (at, bit) = filter_bit(word.hash);
            filter[at] |= bit;
        }
    }
    filter
}

#[inline]
fn in_filter(filter: &[u64; 4], hash: u64) -> bool {
    let (at, bit) = filter_bit(hash);
    filter[at] & bit != 0
}

#[inline]
fn filter_bit(hash: u64) -> (usize, u64) {
    ((hash & 3) as usize, 1 << (hash >> 2 & 63))
}

impl From<Vec<Entry>> for Segment {
    fn from(entries: Vec<Entry>) -> Segment {
        Segment::new(entries)
    }
}

impl Serialize for Segment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.entries.serialize(serializer)
    }
}

impl PartialEq for Segment {
    fn eq(&self, other: &Segment) -> bool {
        self.entries == other.entries
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Segment({} files)", self.entries.len())
    }
}
