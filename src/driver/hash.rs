//! SHA-1 of the shared files, one at a time in the background. All calls block.
//!
//! What is hashed is remembered in the data directory, so that a restart hashes nothing again.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sha1::Digest;

use super::scan::{add, lock};
use super::shares::{Shares, Version, open_unchanged};
use super::state::DataDir;
use crate::library::{Change, Entry};
use crate::wire::Sha1;

/// Bytes of one read; between two of them it can be cancelled.
const READ_BYTES: usize = 256 << 10;
/// New hashes come to the library together: after so many files,
const BATCH_FILES_MAX: usize = 1_024;
/// or after so long.
const BATCH_INTERVAL: Duration = Duration::from_secs(1);
/// New hashes are saved so often, and at the end. What a crash loses is hashed again.
const SAVE_INTERVAL: Duration = Duration::from_secs(60);

/// What a round of hashing did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HashReport {
    /// Files that have their hash now.
    pub files: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Files that changed meanwhile; the next scan takes them up again.
    pub changed: u64,
    /// Files that could not be read; they are not shared until the next scan.
    pub unreadable: u64,
    /// Whether it was cancelled. Nothing that was finished is lost.
    pub cancelled: bool,
}

/// Hashes all files that have no hash yet, hands `emit` what is new and saves it.
pub fn hash_all(
    shares: &Mutex<Shares>,
    data_dir: &DataDir,
    cancelled: &AtomicBool,
    emit: &mut dyn FnMut(Change),
) -> HashReport {
    let mut report = HashReport::default();
    let mut batch: Vec<Entry> = Vec::new();
    let (mut emitted_at, mut saved_at, mut unsaved) = (Instant::now(), Instant::now(), false);
    while !report.cancelled {
        let Some(file) = lock(shares).next_unhashed() else { break };
        let mut read_bytes = 0;
        let hashed = hash_file(&file.path, file.version, cancelled, &mut |len| {
            read_bytes += len;
            lock(shares).hashing(read_bytes);
        });
        report.bytes += read_bytes;
        match hashed {
            Ok(sha1) => {
                report.files += 1;
                batch.extend(lock(shares).hashed(&file, sha1));
            }
            Err(Unhashable::Cancelled) => {
                report.cancelled = true;
                lock(shares).hashing(0);
            }
            Err(Unhashable::Changed) => {
                report.changed += 1;
                lock(shares).changed_while_hashed(&file);
            }
            Err(Unhashable::Unreadable(error)) => {
                report.unreadable += 1;
                log::warn!("cannot share {}: {error}", file.path.display());
                let gone = lock(shares).unreadable(&file);
                if let Some(gone) = gone {
                    emit(Change::Remove(vec![gone]));
                }
            }
        }
        unsaved = true;
        if batch.len() >= BATCH_FILES_MAX || emitted_at.elapsed() >= BATCH_INTERVAL {
            add(shares, std::mem::take(&mut batch), emit);
            emitted_at = Instant::now();
        }
        if saved_at.elapsed() >= SAVE_INTERVAL {
            save(shares, data_dir);
            (saved_at, unsaved) = (Instant::now(), false);
        }
    }
    add(shares, batch, emit);
    if unsaved {
        save(shares, data_dir);
    }
    report
}

/// Saves what is known of files. A failure is logged: the next start hashes again.
pub fn save(shares: &Mutex<Shares>, data_dir: &DataDir) {
    let index = lock(shares).hash_index();
    if let Err(error) = data_dir.save(&index) {
        log::warn!("{error}");
    }
}

#[derive(Debug)]
enum Unhashable {
    Cancelled,
    Changed,
    Unreadable(io::Error),
}

impl From<io::Error> for Unhashable {
    fn from(error: io::Error) -> Unhashable {
        match error.kind() {
            io::ErrorKind::InvalidData => Unhashable::Changed,
            _ => Unhashable::Unreadable(error),
        }
    }
}

/// Hashes a file that must be of this version before and after; tells `read` how many more bytes
/// were read.
fn hash_file(
    path: &Path,
    version: Version,
    cancelled: &AtomicBool,
    read: &mut dyn FnMut(u64),
) -> Result<Sha1, Unhashable> {
    let mut file = open_unchanged(path, version)?;
    let mut hash = sha1::Sha1::new();
    let mut buffer = vec![0; READ_BYTES];
    let mut left = version.size;
    loop {
        if cancelled.load(Ordering::Relaxed) {
            return Err(Unhashable::Cancelled);
        }
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(len) => {
                // A file that grows while it is read must not keep us for ever.
                left = left.checked_sub(len as u64).ok_or(Unhashable::Changed)?;
                hash.update(&buffer[..len]);
                read(len as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    if left > 0 || Version::of(&file.metadata()?) != version {
        return Err(Unhashable::Changed);
    }
    Ok(Sha1(hash.finalize().into()))
}

#[cfg(test)]
mod tests;
