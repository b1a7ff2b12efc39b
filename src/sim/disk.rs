//! A simulated disk: shared files whose bytes follow from a number, partial files, and finished
//! ones; it can be full or broken.
//!
//! It does what the orders of [`crate::node::io`] say, as a real disk would.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use sha1::{Digest, Sha1 as Hasher};

use super::dice::mix;
use crate::library::{Entry, FileIndex, Segment};
use crate::node::Time;
use crate::node::io::{DiskFailure, DiskOrder, DiskReport, DownloadId, DownloadRequest};
use crate::wire::Sha1;

/// The bytes `range` of the content of this number.
pub fn content(number: u64, range: Range<u64>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity((range.end.saturating_sub(range.start)) as usize);
    let mut at = range.start;
    while at < range.end {
        let word = mix(number ^ mix(at / 8 + 1)).to_le_bytes();
        let from = (at % 8) as usize;
        let len = (8 - from).min((range.end - at) as usize);
        bytes.extend_from_slice(&word[from..from + len]);
        at += len as u64;
    }
    bytes
}

/// The SHA-1 of the first `size` bytes of the content of this number.
pub fn content_sha1(number: u64, size: u64) -> Sha1 {
    let mut hasher = Hasher::new();
    for start in (0..size).step_by(1 << 16) {
        hasher.update(content(number, start..size.min(start + (1 << 16))));
    }
    Sha1(hasher.finalize().into())
}

/// A file that a simulated node shares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedFile {
    /// What the network may know of it.
    pub entry: Entry,
    /// The number its bytes follow from: files with the same number and size are the same.
    pub content: u64,
}

impl SharedFile {
    /// A file of this number, name and size, hashed.
    pub fn new(index: u32, name: &str, size: u64, content: u64) -> SharedFile {
        let entry = Entry { sha1: Some(content_sha1(content, size)), ..entry(index, name, size) };
        SharedFile { entry, content }
    }

    /// A file that the background hashing has not reached yet.
    pub fn unhashed(index: u32, name: &str, size: u64, content: u64) -> SharedFile {
        SharedFile { entry: entry(index, name, size), content }
    }
}

fn entry(index: u32, name: &str, size: u64) -> Entry {
    Entry {
        index: FileIndex(index),
        name: name.to_owned(),
        folder: String::new(),
        size,
        sha1: None,
        modified_at_s: 0,
    }
}

/// Some bytes could not be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// The disk does not take them.
    Failed(DiskFailure),
    /// The download has no open partial file.
    NotOpen,
    /// They are there already: two requests fetched the same bytes.
    Overlap,
}

#[derive(Clone, Debug)]
struct Partial {
    request: DownloadRequest,
    bytes: Vec<u8>,
    /// In order, not overlapping, not touching.
    have: Vec<Range<u64>>,
    open: bool,
}

/// Files that are shared, with the numbers that their bytes follow from. What the network may know
/// of them lies in memory once, here and in the library of the node.
#[derive(Clone, Debug)]
struct Share {
    segment: Arc<Segment>,
    /// In the order of the files in the segment.
    contents: Box<[u64]>,
}

impl Share {
    fn new(mut files: Vec<SharedFile>) -> Share {
        // Of several with one number the last counts, as in the segment.
        files.reverse();
        files.sort_by_key(|file| file.entry.index);
        files.dedup_by_key(|file| file.entry.index);
        let contents = files.iter().map(|file| file.content).collect();
        let entries = files.into_iter().map(|file| file.entry).collect();
        Share { segment: Arc::new(Segment::new(entries)), contents }
    }
}

/// The disk of one node. It outlives the node's process.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    shared: Vec<Share>,
    partials: BTreeMap<DownloadId, Partial>,
    finished: BTreeMap<String, Vec<u8>>,
    /// Set: every order to write or open fails so.
    pub failing: Option<DiskFailure>,
    /// Bytes of partial and finished files that there is room for; no limit if `None`.
    pub room_bytes: Option<u64>,
    /// When it has answered all that it was asked.
    pub(super) answers_at: Time,
}

impl Disk {
    /// A disk with these shared files.
    pub fn new(shared: Vec<SharedFile>) -> Disk {
        Disk { shared: vec![Share::new(shared)], ..Disk::default() }
    }

    /// Nothing is left of its downloads; what is shared from here stays.
    pub fn wipe(&mut self) {
        self.partials.clear();
        self.finished.clear();
    }

    /// What is shared from here.
    pub fn shared(&self) -> impl Iterator<Item = Arc<Segment>> {
        self.shared.iter().map(|share| Arc::clone(&share.segment))
    }

    /// How many files are shared from here.
    pub fn files(&self) -> usize {
        self.shared.iter().map(|share| share.contents.len()).sum()
    }

    /// Shares one more file from here, which is returned as a library takes it.
    pub fn share(&mut self, file: SharedFile) -> Arc<Segment> {
        let share = Share::new(vec![file]);
        let segment = Arc::clone(&share.segment);
        self.shared.push(share);
        segment
    }

    /// The number that the bytes of a shared file follow from, if these bytes of it can be read.
    pub fn readable(&self, file: FileIndex, range: &Range<u64>) -> Option<u64> {
        let of = |share: &Share| {
            let entries = share.segment.entries();
            let at = entries.binary_search_by_key(&file, |entry| entry.index).ok()?;
            Some((entries.get(at)?.size, *share.contents.get(at)?))
        };
        let (size, content) = self.shared.iter().find_map(of)?;
        (self.failing.is_none() && range.end <= size).then_some(content)
    }

    /// The downloads with a partial file, as they were asked for: what a restart finds.
    pub fn unfinished(&self) -> Vec<(DownloadId, DownloadRequest)> {
        self.partials.iter().map(|(&id, partial)| (id, partial.request.clone())).collect()
    }

    /// The finished file of this name.
    pub fn finished(&self, name: &str) -> Option<&[u8]> {
        self.finished.get(name).map(Vec::as_slice)
    }

    /// How many bytes of a partial file are stored.
    pub fn stored(&self, download: DownloadId) -> u64 {
        let have = self.partials.get(&download).map_or(&[][..], |partial| &partial.have);
        have.iter().map(|range| range.end - range.start).sum()
    }

    /// Bytes that partial and finished files take up.
    pub fn used_bytes(&self) -> u64 {
        let finished: usize = self.finished.values().map(Vec::len).sum();
        finished as u64 + self.partials.keys().map(|&download| self.stored(download)).sum::<u64>()
    }

    /// The process that had files open is gone.
    pub fn close_all(&mut self) {
        for partial in self.partials.values_mut() {
            partial.open = false;
        }
    }

    /// Whether these bytes of a download are stored already, some or all.
    pub fn holds_any(&self, download: DownloadId, range: &Range<u64>) -> bool {
        let have = self.partials.get(&download).map_or(&[][..], |partial| &partial.have);
        have.iter().any(|held| held.start < range.end && range.start < held.end)
    }

    /// Stores bytes of a download at `at`.
    pub fn store(&mut self, download: DownloadId, at: u64, bytes: &[u8]) -> Result<(), StoreError> {
        if let Some(failure) = self.failing {
            return Err(StoreError::Failed(failure));
        }
        let range = at..at + bytes.len() as u64;
        if self.holds_any(download, &range) {
            return Err(StoreError::Overlap);
        }
        let len = bytes.len() as u64;
        let full = self.room_bytes.is_some_and(|room| self.used_bytes() + len > room);
        let partial = self.partials.get_mut(&download).filter(|partial| partial.open);
        let partial = partial.ok_or(StoreError::NotOpen)?;
        if full {
            return Err(StoreError::Failed(DiskFailure::Full));
        }
        if (partial.bytes.len() as u64) < range.end {
            partial.bytes.resize(range.end as usize, 0);
        }
        partial.bytes[at as usize..range.end as usize].copy_from_slice(bytes);
        add(&mut partial.have, range);
        Ok(())
    }

    /// Does what it is told and answers; forgetting and discarding are not answered.
    pub fn obey(&mut self, order: DiskOrder) -> Option<DiskReport> {
        let download = match &order {
            DiskOrder::Open { download, .. }
            | DiskOrder::Hash { download, .. }
            | DiskOrder::Publish { download, .. }
            | DiskOrder::Forget { download, .. }
            | DiskOrder::Discard { download } => *download,
        };
        if let Some(failure) = self.failing {
            let answered = !matches!(order, DiskOrder::Forget { .. } | DiskOrder::Discard { .. });
            return answered.then_some(DiskReport::Failed { download, failure });
        }
        let missing = DiskReport::Failed { download, failure: DiskFailure::Missing };
        match order {
            DiskOrder::Open { request, .. } => {
                let fresh = || Partial { request, bytes: Vec::new(), have: Vec::new(), open: true };
                let partial = self.partials.entry(download).or_insert_with(fresh);
                partial.open = true;
                Some(DiskReport::Opened { download, have: partial.have.clone() })
            }
            DiskOrder::Hash { size, .. } => Some(match self.partials.get_mut(&download) {
                Some(partial) => {
                    partial.bytes.truncate(usize::try_from(size).unwrap_or(usize::MAX));
                    let sha1 = Sha1(Hasher::digest(&partial.bytes).into());
                    DiskReport::Hashed { download, sha1 }
                }
                None => missing,
            }),
            DiskOrder::Publish { name, .. } => Some(match self.partials.remove(&download) {
                Some(partial) => {
                    let path = self.free_name(name);
                    self.finished.insert(path.clone(), partial.bytes);
                    DiskReport::Published { download, path }
                }
                None => missing,
            }),
            DiskOrder::Forget { range, .. } => {
                if let Some(partial) = self.partials.get_mut(&download) {
                    remove(&mut partial.have, &range);
                }
                None
            }
            DiskOrder::Discard { .. } => {
                self.partials.remove(&download);
                None
            }
        }
    }

    /// The name, or the name with the first number that makes it new.
    fn free_name(&self, name: String) -> String {
        if !self.finished.contains_key(&name) {
            return name;
        }
        (2..)
            .map(|number: u64| format!("{name} ({number})"))
            .find(|tried| !self.finished.contains_key(tried))
            .unwrap_or(name)
    }
}

/// Adds a range that overlaps none; ranges that touch become one.
fn add(ranges: &mut Vec<Range<u64>>, range: Range<u64>) {
    if range.is_empty() {
        return;
    }
    let at = ranges.partition_point(|held| held.start < range.start);
    ranges.insert(at, range);
    ranges.dedup_by(|later, earlier| {
        let touching = earlier.end == later.start;
        if touching {
            earlier.end = later.end;
        }
        touching
    });
}

fn remove(ranges: &mut Vec<Range<u64>>, gone: &Range<u64>) {
    *ranges = std::mem::take(ranges)
        .into_iter()
        .flat_map(|held| {
            let before = held.start..held.end.min(gone.start);
            let after = held.start.max(gone.end)..held.end;
            [before, after]
        })
        .filter(|range| !range.is_empty())
        .collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: DownloadId = DownloadId(1);

    fn opened() -> Disk {
        let mut disk = Disk::default();
        let request = DownloadRequest::default();
        let answer = disk.obey(DiskOrder::Open { download: ID, request });
        assert_eq!(answer, Some(DiskReport::Opened { download: ID, have: vec![] }));
        disk
    }

    #[test]
    fn content_is_the_same_in_pieces_and_in_one() {
        let whole = content(7, 0..1_000);
        let pieces: Vec<u8> =
            [0..3, 3..64, 64..65, 65..1_000].into_iter().flat_map(|r| content(7, r)).collect();
        assert_eq!(whole, pieces);
        assert_ne!(whole, content(8, 0..1_000));
        assert_eq!(content_sha1(7, 1_000), Sha1(Hasher::digest(&whole).into()));
    }

    #[test]
    fn a_partial_file_survives_the_process_and_is_published_under_a_free_name() {
        let mut disk = opened();
        disk.finished.insert("a".into(), vec![]);
        assert_eq!(disk.store(ID, 4, b"efgh"), Ok(()));
        assert_eq!(disk.store(ID, 0, b"ab"), Ok(()));
        assert_eq!(disk.store(ID, 3, b"de"), Err(StoreError::Overlap));
        disk.close_all();
        assert_eq!(disk.store(ID, 2, b"cd"), Err(StoreError::NotOpen));
        let request = DownloadRequest::default();
        let answer = disk.obey(DiskOrder::Open { download: ID, request });
        assert_eq!(answer, Some(DiskReport::Opened { download: ID, have: vec![0..2, 4..8] }));
        assert_eq!(disk.store(ID, 2, b"cd"), Ok(()));
        assert_eq!(disk.stored(ID), 8);
        let sha1 = Sha1(Hasher::digest(b"abcdefgh").into());
        let answer = disk.obey(DiskOrder::Hash { download: ID, size: 8 });
        assert_eq!(answer, Some(DiskReport::Hashed { download: ID, sha1 }));
        let answer = disk.obey(DiskOrder::Publish { download: ID, name: "a".into() });
        assert_eq!(answer, Some(DiskReport::Published { download: ID, path: "a (2)".into() }));
        assert_eq!(disk.finished("a (2)"), Some(&b"abcdefgh"[..]));
        assert!(disk.unfinished().is_empty());
    }

    #[test]
    fn forgotten_bytes_can_be_stored_again() {
        let mut disk = opened();
        assert_eq!(disk.store(ID, 0, &[1; 10]), Ok(()));
        assert_eq!(disk.obey(DiskOrder::Forget { download: ID, range: 3..5 }), None);
        assert_eq!(disk.stored(ID), 8);
        assert!(disk.holds_any(ID, &(0..4)) && !disk.holds_any(ID, &(3..5)));
        assert_eq!(disk.store(ID, 3, &[2; 2]), Ok(()));
        assert_eq!(disk.stored(ID), 10);
    }

    #[test]
    fn a_disk_is_full_when_its_room_is_used_up() {
        let mut disk = Disk { room_bytes: Some(10), ..opened() };
        assert_eq!(disk.store(ID, 0, &[1; 8]), Ok(()));
        assert_eq!(disk.store(ID, 8, &[1; 3]), Err(StoreError::Failed(DiskFailure::Full)));
        assert_eq!((disk.store(ID, 8, &[1; 2]), disk.used_bytes()), (Ok(()), 10));
    }

    #[test]
    fn a_failing_disk_says_so() {
        let mut disk = opened();
        disk.failing = Some(DiskFailure::Full);
        assert_eq!(disk.store(ID, 0, b"a"), Err(StoreError::Failed(DiskFailure::Full)));
        let failed = DiskReport::Failed { download: ID, failure: DiskFailure::Full };
        assert_eq!(disk.obey(DiskOrder::Hash { download: ID, size: 1 }), Some(failed));
        assert_eq!(disk.obey(DiskOrder::Discard { download: ID }), None);
    }
}
