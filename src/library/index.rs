//! The keyword index of one segment: word -> the files that have it, and hash -> file.

use super::Entry;
use super::entry::FileIndex;
use super::segment::newest;
use super::words::{self, Word};
use crate::wire::Sha1;

/// So many words of a query are looked up; further ones are compared with the names of the files
/// that have the first ones.
const LISTS_MAX: usize = 16;

/// Word -> posting list. Files are named by their position in the segment. Positions, words and
/// postings are counted in `u32`: a segment has fewer than 2^32 of each.
pub(super) struct Index {
    /// Open addressing: upper half of the word's hash, then its number + 1; 0 is free. At most
    /// half of them are taken, and their number is a power of two.
    slots: Box<[u64]>,
    /// Where each word's text and postings end; they begin where those of the one before end.
    ends: Box<[Ends]>,
    /// All words, folded, one after the other.
    text: Box<[u8]>,
    /// All posting lists, one after the other, each ascending.
    postings: Box<[u32]>,
    /// The files with a known hash, in the order of the hashes.
    by_sha1: Box<[u32]>,
    /// The files that were changed last, newest first.
    newest: Box<[u32]>,
}

#[derive(Clone, Copy, Default)]
struct Ends {
    text: u32,
    postings: u32,
}

impl Index {
    /// Indexes the words of the entries' names and folders.
    pub(super) fn new(entries: &[Entry]) -> Index {
        let mut building = Building { slots: vec![0; 64], ..Building::default() };
        for (position, entry) in (0_u32..).zip(entries) {
            for text in [&entry.name, &entry.folder] {
                let folded = words::fold(text);
                words::of(&folded).for_each(|word| building.add(word, position));
            }
        }
        building.finish(entries)
    }

    /// Calls `found` with the position of each file that has all the words of the folded text,
    /// ascending, until it returns false.
    pub(super) fn matches(
        &self,
        entries: &[Entry],
        folded: &str,
        mut found: impl FnMut(u32) -> bool,
    ) {
        let mut lists: [&[u32]; LISTS_MAX] = [&[]; LISTS_MAX];
        let mut words = words::searchable(folded);
        let mut count = 0;
        for list in &mut lists {
            let Some(word) = words.next() else { break };
            let Some(postings) = self.postings_of(word) else { return };
            *list = postings;
            count += 1;
        }
        let Some((lists, _)) = lists.split_at_mut_checked(count) else { return };
        lists.sort_unstable_by_key(|list| list.len());
        let Some((shortest, longer)) = lists.split_first_mut() else { return };
        for &position in shortest.iter() {
            let everywhere = longer.iter_mut().all(|list| {
                skip_to(list, position);
                list.first() == Some(&position)
            });
            if everywhere
                && entries
                    .get(position as usize)
                    .is_some_and(|entry| has_words(entry, words.clone()))
                && !found(position)
            {
                return;
            }
        }
    }

    /// The positions of the files that were changed last, newest first.
    pub(super) fn newest(&self) -> &[u32] {
        &self.newest
    }

    /// The positions of the files with this hash, ascending.
    pub(super) fn with_sha1<'a>(
        &'a self,
        entries: &'a [Entry],
        sha1: &'a Sha1,
    ) -> impl Iterator<Item = u32> + 'a {
        let sha1_of = |&position: &u32| entries.get(position as usize).and_then(|entry| entry.sha1);
        let begin = self.by_sha1.partition_point(|position| sha1_of(position) < Some(*sha1));
        let rest = self.by_sha1.get(begin..).unwrap_or_default();
        rest.iter().copied().take_while(move |position| sha1_of(position) == Some(*sha1))
    }

    #[inline]
    fn postings_of(&self, word: Word<'_>) -> Option<&[u32]> {
        let number = find(&self.slots, word, |number| self.text_of(number)).ok()?;
        let (begin, end) = self.ends_of(number)?;
        self.postings.get(begin.postings as usize..end.postings as usize)
    }

    #[inline]
    fn text_of(&self, number: u32) -> &[u8] {
        let Some((begin, end)) = self.ends_of(number) else { return &[] };
        self.text.get(begin.text as usize..end.text as usize).unwrap_or_default()
    }

    #[inline]
    fn ends_of(&self, number: u32) -> Option<(Ends, Ends)> {
        let number = number as usize;
        Some((*self.ends.get(number)?, *self.ends.get(number + 1)?))
    }
}

/// Whether the entry's name and folder have all these words: the definition of a match.
pub(super) fn has_words(entry: &Entry, mut words: words::Words<'_>) -> bool {
    let Some(first) = words.next() else { return true };
    let (name, folder) = (words::fold(&entry.name), words::fold(&entry.folder));
    let has =
        |wanted: Word<'_>| words::of(&name).chain(words::of(&folder)).any(|word| word == wanted);
    has(first) && words.all(has)
}

/// Finds the word's number in the table, or the free slot where it would be.
#[inline]
fn find<'t>(
    slots: &[u64],
    word: Word<'_>,
    text_of: impl Fn(u32) -> &'t [u8],
) -> Result<u32, usize> {
    let mask = slots.len().wrapping_sub(1);
    let mut at = word.hash as usize & mask;
    loop {
        let Some(&slot) = slots.get(at) else { return Err(at) };
        if slot == 0 {
            return Err(at);
        }
        if slot >> 32 == word.hash >> 32 {
            let number = slot as u32 - 1;
            if text_of(number).eq_ignore_ascii_case(word.bytes) {
                return Ok(number);
            }
        }
        at = (at + 1) & mask;
    }
}

/// Drops what is below `position` from an ascending list, by steps that double: lists of very
/// different lengths cost little more than the shorter one.
fn skip_to(list: &mut &[u32], position: u32) {
    let mut step = 1;
    while list.get(step).is_some_and(|&at| at < position) {
        step *= 2;
    }
    let near = list.get(..list.len().min(step + 1)).unwrap_or_default();
    let below = near.partition_point(|&at| at < position);
    *list = list.get(below..).unwrap_or_default();
}

#[derive(Default)]
struct Building {
    slots: Vec<u64>,
    /// The hash of each word, its number of postings, and its last file.
    words: Vec<(u64, u32, u32)>,
    text: Vec<u8>,
    text_ends: Vec<u32>,
    /// Word number and file, in the order of files.
    pairs: Vec<(u32, u32)>,
}

impl Building {
    fn add(&mut self, word: Word<'_>, position: u32) {
        let text_of = |number: u32| {
            let number = number as usize;
            let begin = number.checked_sub(1).map_or(0, |before| self.text_ends[before]);
            &self.text[begin as usize..self.text_ends[number] as usize]
        };
        let number = match find(&self.slots, word, text_of) {
            Ok(number) => {
                let (_, count, last) = &mut self.words[number as usize];
                if *last == position {
                    return;
                }
                *count += 1;
                *last = position;
                number
            }
            Err(slot) => {
                let number = self.words.len() as u32;
                self.slots[slot] = slot_of(word.hash, number);
                self.words.push((word.hash, 1, position));
                self.text.extend(word.bytes.iter().map(u8::to_ascii_lowercase));
                self.text_ends.push(self.text.len() as u32);
                if self.words.len() * 2 > self.slots.len() {
                    self.grow();
                }
                number
            }
        };
        self.pairs.push((number, position));
    }

    fn grow(&mut self) {
        let len = self.slots.len() * 2;
        self.slots.clear();
        self.slots.resize(len, 0);
        for (number, &(hash, ..)) in (0_u32..).zip(&self.words) {
            let mut at = hash as usize & (len - 1);
            while self.slots[at] != 0 {
                at = (at + 1) & (len - 1);
            }
            self.slots[at] = slot_of(hash, number);
        }
    }

    fn finish(self, entries: &[Entry]) -> Index {
        let mut ends = Vec::with_capacity(self.words.len() + 1);
        let mut end = Ends::default();
        ends.push(end);
        for (&text, &(_, count, _)) in self.text_ends.iter().zip(&self.words) {
            end = Ends { text, postings: end.postings + count };
            ends.push(end);
        }
        let mut next: Vec<u32> = ends.iter().map(|ends| ends.postings).collect();
        let mut postings = vec![0; self.pairs.len()];
        for (number, position) in self.pairs {
            let next = &mut next[number as usize];
            postings[*next as usize] = position;
            *next += 1;
        }
        let mut by_sha1: Vec<(Sha1, FileIndex, u32)> = (0_u32..)
            .zip(entries)
            .filter_map(|(position, entry)| Some((entry.sha1?, entry.index, position)))
            .collect();
        by_sha1.sort_unstable();
        Index {
            slots: self.slots.into(),
            ends: ends.into(),
            text: self.text.into(),
            postings: postings.into(),
            by_sha1: by_sha1.into_iter().map(|(.., position)| position).collect(),
            newest: newest(entries).into(),
        }
    }
}

fn slot_of(hash: u64, number: u32) -> u64 {
    hash >> 32 << 32 | u64::from(number + 1)
}
