//! What we share, as data: entries, the keyword index and the match.
//!
//! Knows no disk and no peer. The driver scans folders, builds [`Segment`]s on other threads and
//! hands [`Change`]s in; the node asks for matches. A library is a few shared immutable segments
//! and notes of what in them is gone, so that neither a million files nor one new one stops the
//! node. An empty one costs nothing.

pub mod entry;
mod index;
pub mod media;
pub mod route_table;
pub mod segment;
#[cfg(test)]
mod tests;
pub mod words;

pub use entry::{Entry, FileIndex};
pub use media::FileKind;
pub use segment::{NEWEST_MAX, Segment};

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::wire::{Media, Sha1};
use route_table::Shared;

/// Neighbouring segments are merged here, on the node's task, only up to so many files: about a
/// millisecond. Larger ones are the driver's to merge: it adds all their files as one again.
const MERGED_FILES_MAX: usize = 256;

/// When more files of a segment go at once, their words stay in our routing table until the whole
/// segment goes: they only bring queries without an answer, and looking at all would take long.
const UNROUTED_FILES_MAX: usize = 4_096;

/// Files that have all words of a query and are looked at for their kind at most: a query for common
/// words and a rare kind must not have us look at a million names.
const LOOKS_MAX: usize = 4_096;

/// A change of what we share, made by the driver and handed to the node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// These files are shared now. A file whose number is known already replaces what was known
    /// of it (its hash may have become known, or it was merged into a larger segment).
    Add(Arc<Segment>),
    /// These are not shared any more; unknown numbers are ignored.
    Remove(Vec<FileIndex>),
}

/// What we share.
#[derive(Clone, Debug, Default)]
pub struct Library {
    /// Oldest first; no file is live in two of them.
    held: Vec<Held>,
    files: usize,
    bytes: u64,
    /// The slots of all files, once somebody asked for them.
    routed: Option<Box<Shared>>,
}

impl Library {
    /// Takes a change in.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Add(segment) => self.add(segment),
            Change::Remove(mut indexes) => {
                indexes.sort_unstable();
                self.remove(indexes.into_iter());
            }
        }
    }

    /// How many files we share.
    pub fn files(&self) -> usize {
        self.files
    }

    /// How many bytes they are together.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Which slots of a query routing table our files have. Kept from the first call on, at a few
    /// steps for each file that comes or goes.
    pub fn routed(&mut self) -> &Shared {
        let Library { held, routed, .. } = self;
        routed.get_or_insert_with(|| {
            let mut routed = Shared::default();
            for held in held {
                routed.add(&held.segment.slots());
                let is_gone = |&position: &usize| held.is_gone(position);
                let gone: Vec<usize> = (0..held.segment.entries().len()).filter(is_gone).collect();
                held.unroute(&gone, &mut routed);
            }
            Box::new(routed)
        })
    }

    /// Adds to `found` the files, at most `max`, that have all words of the text in their name or
    /// folder: whole words, in any order, case and accents aside. Words shorter than
    /// [`words::WORD_BYTES_MIN`] are ignored unless there are no others; text without a word
    /// matches nothing. Costs no allocation if the text is ASCII and nothing matches.
    pub fn matches(&self, text: &str, max: usize, found: &mut Vec<FileIndex>) {
        self.matches_of(text, None, max, found);
    }

    /// The same, of these kinds alone.
    pub fn matches_of(
        &self,
        text: &str,
        kinds: Option<Media>,
        max: usize,
        found: &mut Vec<FileIndex>,
    ) {
        if self.held.is_empty() || max == 0 {
            return;
        }
        let mut looks = 0;
        let folded = words::fold(text);
        let full = found.len().saturating_add(max);
        for held in &self.held {
            held.segment.matches(&folded, |position| {
                if let Some(entry) = held.entry(position)
                    && kinds.is_none_or(|kinds| kinds.meets(media::kinds_of(&entry.name)))
                {
                    found.push(entry.index);
                }
                looks += usize::from(kinds.is_some());
                found.len() < full && looks < LOOKS_MAX
            });
            if found.len() >= full || looks >= LOOKS_MAX {
                return;
            }
        }
    }

    /// Adds to `found` the files of these kinds that were changed last, newest first, at most `max`.
    /// Only the [`NEWEST_MAX`] newest of a batch are known as such.
    pub fn newest(&self, kinds: Option<Media>, max: usize, found: &mut Vec<FileIndex>) {
        let of_kind =
            |entry: &&Entry| kinds.is_none_or(|kinds| kinds.meets(media::kinds_of(&entry.name)));
        let live = self.held.iter().flat_map(|held| {
            let newest = held.segment.newest().into_owned();
            newest.into_iter().filter_map(|at| held.entry(at as usize))
        });
        let mut entries: Vec<&Entry> = live.filter(of_kind).collect();
        entries.sort_by_key(|entry| std::cmp::Reverse((entry.modified_at_s, entry.index)));
        found.extend(entries.iter().take(max).map(|entry| entry.index));
    }

    /// The file with this number.
    pub fn by_index(&self, index: FileIndex) -> Option<&Entry> {
        self.held.iter().find_map(|held| held.entry(held.segment.position(index)?))
    }

    /// The file with this number, if it has exactly this name (so `/get/INDEX/NAME` asks).
    pub fn by_name(&self, index: FileIndex, name: &str) -> Option<&Entry> {
        self.by_index(index).filter(|entry| entry.name == name)
    }

    /// A file with this content.
    pub fn by_sha1(&self, sha1: &Sha1) -> Option<&Entry> {
        self.held.iter().find_map(|held| {
            let mut found = None;
            held.segment.with_sha1(sha1, |position| {
                found = held.entry(position);
                found.is_none()
            });
            found
        })
    }

    /// All files in the order of their numbers.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries_from(FileIndex(0))
    }

    /// The files whose numbers are not below `from`, in the order of their numbers: the way to go
    /// on where an earlier listing stopped.
    pub fn entries_from(&self, from: FileIndex) -> impl Iterator<Item = &Entry> {
        let mut cursors: Vec<_> = (self.held.iter())
            .map(|held| {
                let mut files = held.live_from(from);
                (files.next(), files)
            })
            .collect();
        std::iter::from_fn(move || {
            let waiting = cursors.iter_mut().filter(|(next, _)| next.is_some());
            let (next, files) = waiting.min_by_key(|(next, _)| next.map(|entry| entry.index))?;
            std::mem::replace(next, files.next())
        })
    }

    fn add(&mut self, segment: Arc<Segment>) {
        self.remove(segment.entries().iter().map(|entry| entry.index));
        if segment.entries().is_empty() {
            return;
        }
        self.files += segment.entries().len();
        self.bytes = self.bytes.saturating_add(segment.bytes());
        if let Some(routed) = &mut self.routed {
            routed.add(&segment.slots());
        }
        self.held.push(Held::new(segment));
        while let [.., before, last] = self.held.as_slice()
            && before.live + last.live <= MERGED_FILES_MAX
            && before.live <= 2 * last.live
        {
            let both = [before, last];
            let entries = both.iter().flat_map(|held| held.live_from(FileIndex(0))).cloned();
            let merged = Held::new(Arc::new(Segment::new(entries.collect())));
            self.held.truncate(self.held.len() - 2);
            self.held.push(merged);
        }
    }

    /// `indexes` ascend.
    fn remove(&mut self, indexes: impl Iterator<Item = FileIndex> + Clone) {
        for held in &mut self.held {
            let (positions, bytes) = held.remove(indexes.clone());
            self.files -= positions.len();
            self.bytes = self.bytes.saturating_sub(bytes);
            if let (Some(routed), false) = (&mut self.routed, positions.is_empty()) {
                held.unroute(&positions, routed);
            }
        }
        self.held.retain(|held| held.live > 0);
    }
}

/// A segment and what of it is gone.
#[derive(Clone, Debug)]
struct Held {
    segment: Arc<Segment>,
    /// A bit for each position; none at all as long as nothing is gone.
    gone: Vec<u64>,
    live: usize,
    /// Slots of files that are gone and not in our routing table any more.
    unrouted: Vec<u16>,
}

impl Held {
    fn new(segment: Arc<Segment>) -> Held {
        let live = segment.entries().len();
        Held { segment, gone: Vec::new(), live, unrouted: Vec::new() }
    }

    /// Takes the files at these positions, which are gone, out of the routing table; the last ones
    /// all at once.
    fn unroute(&mut self, positions: &[usize], routed: &mut Shared) {
        if self.live == 0 {
            routed.add(&route_table::counted(std::mem::take(&mut self.unrouted)));
            routed.remove(&self.segment.slots());
        } else if positions.len() <= UNROUTED_FILES_MAX {
            let entries = positions.iter().filter_map(|&at| self.segment.entries().get(at));
            let slots: Vec<u16> = entries.flat_map(route_table::slots_of).collect();
            self.unrouted.extend_from_slice(&slots);
            routed.remove(&route_table::counted(slots));
        }
    }

    fn is_gone(&self, position: usize) -> bool {
        self.gone.get(position / 64).is_some_and(|bits| bits >> (position % 64) & 1 == 1)
    }

    /// The file at this position, if it is still shared.
    fn entry(&self, position: usize) -> Option<&Entry> {
        self.segment.entries().get(position).filter(|_| !self.is_gone(position))
    }

    fn live_from(&self, from: FileIndex) -> impl Iterator<Item = &Entry> {
        let entries = self.segment.entries();
        let begin = entries.partition_point(|entry| entry.index < from);
        (begin..entries.len()).filter_map(|position| self.entry(position))
    }

    /// Marks these as gone; says where they were and their bytes. `indexes` ascend.
    fn remove(&mut self, indexes: impl Iterator<Item = FileIndex>) -> (Vec<usize>, u64) {
        let entries = self.segment.entries();
        let (mut files, mut bytes, mut position) = (Vec::new(), 0_u64, 0);
        for index in indexes {
            position += distance_to(entries.get(position..).unwrap_or_default(), index);
            let Some(entry) = entries.get(position) else { break };
            if entry.index != index {
                continue;
            }
            if self.gone.is_empty() {
                self.gone = vec![0; entries.len().div_ceil(64)];
            }
            let (bits, bit) = (&mut self.gone[position / 64], 1 << (position % 64));
            if *bits & bit == 0 {
                *bits |= bit;
                files.push(position);
                bytes = bytes.saturating_add(entry.size);
            }
        }
        self.live -= files.len();
        (files, bytes)
    }
}

/// How many of these have smaller numbers, by steps that double: whether few or many files change
/// in a segment, it costs little more than the fewer of both.
fn distance_to(entries: &[Entry], index: FileIndex) -> usize {
    let mut step = 1;
    while entries.get(step).is_some_and(|entry| entry.index < index) {
        step *= 2;
    }
    let near = entries.get(..entries.len().min(step + 1)).unwrap_or_default();
    near.partition_point(|entry| entry.index < index)
}
