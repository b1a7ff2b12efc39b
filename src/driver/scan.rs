//! Walks the shared folders. All calls block.
//!
//! What is not shared: hidden files and folders, symbolic links (what they lead to inside the
//! folder is found by its own path, what lies outside is nobody's business), names that are not
//! UTF-8, what is neither file nor folder, and what we may not read. All of it is counted.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use walkdir::{DirEntry, WalkDir};

use super::shares::{FoundFile, Shares, Version};
use crate::library::{Change, Entry, Segment};

/// The first files come to the library together with so few others, so that they can be found soon.
const FIRST_BATCH_FILES: usize = 1_024;
/// The size of batches doubles up to this.
const BATCH_FILES_MAX: usize = 65_536;
/// So many paths that could not be read are named, not only counted.
const TROUBLES_MAX: usize = 20;

/// What is shared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folders {
    /// These folders (or files) and all below them.
    pub shared: Vec<PathBuf>,
    /// But not what lies below these: our own data and incomplete downloads.
    pub without: Vec<PathBuf>,
}

/// What a scan saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanReport {
    /// Files that are shared.
    pub files: u64,
    /// Hidden files and folders that were passed over.
    pub hidden: u64,
    /// Symbolic links that lead out of the shared folder, or nowhere.
    pub links_out: u64,
    /// Names that are not UTF-8.
    pub not_utf8: u64,
    /// Files and folders that could not be read, shared folders that are not there included.
    pub unreadable: u64,
    /// The first of them, each with what the system says.
    pub troubles: Vec<String>,
    /// Whether it was cancelled: then nothing counts as removed.
    pub cancelled: bool,
}

impl ScanReport {
    fn unreadable(&mut self, path: &Path, error: &dyn std::fmt::Display) {
        self.unreadable += 1;
        if self.troubles.len() < TROUBLES_MAX {
            self.troubles.push(format!("{}: {error}", path.display()));
        }
    }
}

/// Scans the folders and hands `emit` what has changed since the last scan, in batches.
pub fn rescan(
    shares: &Mutex<Shares>,
    folders: &Folders,
    cancelled: &AtomicBool,
    emit: &mut dyn FnMut(Change),
) -> ScanReport {
    lock(shares).begin_scan();
    let report = walk(folders, cancelled, &mut |batch| {
        let new = lock(shares).found(batch);
        add(shares, new, emit);
    });
    if !report.cancelled {
        let gone = lock(shares).end_scan();
        if !gone.is_empty() {
            emit(Change::Remove(gone));
        }
    }
    report
}

/// Hands entries on as a segment, built while nobody waits for the lock.
pub(super) fn add(shares: &Mutex<Shares>, entries: Vec<Entry>, emit: &mut dyn FnMut(Change)) {
    if entries.is_empty() {
        return;
    }
    emit(Change::Add(Arc::new(Segment::new(entries))));
    let scattered = lock(shares).added();
    if let Some(all) = scattered {
        emit(Change::Add(Arc::new(Segment::new(all))));
    }
}

/// What is behind the lock is whole at any time: a panic elsewhere does not spoil it.
pub(super) fn lock(shares: &Mutex<Shares>) -> MutexGuard<'_, Shares> {
    shares.lock().unwrap_or_else(PoisonError::into_inner)
}

fn walk(
    folders: &Folders,
    cancelled: &AtomicBool,
    emit: &mut dyn FnMut(Vec<FoundFile>),
) -> ScanReport {
    let without = folders.without.iter().filter_map(|path| path.canonicalize().ok()).collect();
    let mut walk = Walk {
        report: ScanReport::default(),
        without,
        batch: Vec::new(),
        batch_files_max: FIRST_BATCH_FILES,
        cancelled,
        emit,
    };
    for folder in &folders.shared {
        match folder.canonicalize() {
            Ok(root) => walk.root(&root),
            Err(error) => walk.report.unreadable(folder, &error),
        }
    }
    if !walk.batch.is_empty() {
        (walk.emit)(walk.batch);
    }
    walk.report
}

struct Walk<'a> {
    report: ScanReport,
    without: Vec<PathBuf>,
    batch: Vec<FoundFile>,
    batch_files_max: usize,
    cancelled: &'a AtomicBool,
    emit: &'a mut dyn FnMut(Vec<FoundFile>),
}

impl Walk<'_> {
    fn root(&mut self, root: &Path) {
        let folder = if root.is_file() { root.parent().unwrap_or(root) } else { root };
        let Some(folder_text) = folder.to_str() else {
            self.report.not_utf8 += 1;
            return;
        };
        let ends_in_separator = folder_text.ends_with(std::path::MAIN_SEPARATOR);
        let root_bytes = folder_text.len() + usize::from(!ends_in_separator);
        // In the order of names: the same folder gives the same numbers.
        let mut entries = WalkDir::new(root).sort_by_file_name().into_iter();
        while let Some(entry) = entries.next() {
            if self.cancelled.load(Ordering::Relaxed) {
                self.report.cancelled = true;
                return;
            }
            match entry {
                Ok(entry) => {
                    if !self.entry(&entry, root, root_bytes) && entry.file_type().is_dir() {
                        entries.skip_current_dir();
                    }
                }
                Err(error) => {
                    let path = error.path().unwrap_or(root).to_owned();
                    match error.io_error() {
                        Some(error) => self.report.unreadable(&path, error),
                        None => self.report.unreadable(&path, &error),
                    }
                }
            }
        }
    }

    /// Takes a file, or says whether to go into a folder.
    fn entry(&mut self, entry: &DirEntry, root: &Path, root_bytes: usize) -> bool {
        let path = entry.path();
        if self.without.iter().any(|without| without == path) {
            return false;
        }
        if entry.depth() > 0 && entry.file_name().as_encoded_bytes().starts_with(b".") {
            self.report.hidden += 1;
            return false;
        }
        if entry.path_is_symlink() {
            let inside = path.canonicalize().is_ok_and(|target| target.starts_with(root));
            self.report.links_out += u64::from(!inside);
            return false;
        }
        let Some(text) = path.to_str() else {
            self.report.not_utf8 += 1;
            return false;
        };
        if !entry.file_type().is_file() {
            return true;
        }
        match entry.metadata().map_err(std::io::Error::from).and_then(|metadata| {
            check_readable(path)?;
            Ok(Version::of(&metadata))
        }) {
            Ok(version) => self.file(FoundFile { path: text.into(), root_bytes, version }),
            Err(error) => self.report.unreadable(path, &error),
        }
        false
    }

    fn file(&mut self, file: FoundFile) {
        self.report.files += 1;
        self.batch.push(file);
        if self.batch.len() >= self.batch_files_max {
            (self.emit)(std::mem::take(&mut self.batch));
            self.batch_files_max = (self.batch_files_max * 2).min(BATCH_FILES_MAX);
        }
    }
}

/// Whether the system would let us read the file; elsewhere hashing finds out.
fn check_readable(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    rustix::fs::access(path, rustix::fs::Access::READ_OK)?;
    Ok(())
}

#[cfg(test)]
mod tests;
