//! Partial files: where downloads grow until they get their name.
//!
//! Each download has two files in the folder for incomplete ones: `ID.part` with its bytes and
//! `ID.journal` (sealed, [`super::codec`]) with its request and the ranges that are stored. The
//! journal is written after the bytes, now and then: what it does not name is fetched again, so a
//! kill at any moment costs at most [`JOURNAL_BYTES`] or [`JOURNAL_INTERVAL`]. It is not forced to
//! the device: what a loss of power spoils, the hash of the whole file finds.
//!
//! One task owns a [`Partial`]; all calls block.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sha1::Digest;

use super::codec::Kind;
use super::publish::{self, is_plain_name};
use super::ranges::Ranges;
use super::state::{self, Durable, with_suffix};
use crate::node::io::{DiskFailure, DownloadId, DownloadRequest};
use crate::wire::Sha1;

/// The journal is written when so many bytes came since the last time.
pub const JOURNAL_BYTES: u64 = 8 << 20;
/// The journal is written with the first bytes that come so long after the last time.
pub const JOURNAL_INTERVAL: Duration = Duration::from_secs(1);

const JOURNAL: Kind = Kind { name: *b"down", version: 2 };
/// Reads of a file that is hashed.
const READ_BYTES: usize = 256 << 10;

/// What a download's journal says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Journal {
    request: DownloadRequest,
    have: Vec<Range<u64>>,
}

/// Says which of the things that can be wrong with a disk this is.
pub fn failure(error: &io::Error) -> DiskFailure {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            DiskFailure::Full
        }
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::InvalidFilename
        | io::ErrorKind::InvalidInput => DiskFailure::Denied,
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => DiskFailure::Missing,
        _ => DiskFailure::Io,
    }
}

/// The folder of incomplete downloads and the one of finished ones.
#[derive(Clone, Debug)]
pub struct PartialStore {
    finished: PathBuf,
    incomplete: PathBuf,
}

impl PartialStore {
    /// Opens or creates both folders; the one of incomplete downloads is for its owner only. They
    /// should lie on one file system: else a finished file is copied from one to the other.
    pub fn open(finished: &Path, incomplete: &Path) -> io::Result<PartialStore> {
        let named = |path: &Path, error: io::Error| {
            io::Error::new(error.kind(), format!("cannot create {}: {error}", path.display()))
        };
        fs::create_dir_all(finished).map_err(|error| named(finished, error))?;
        state::create_private_dir(incomplete).map_err(|error| named(incomplete, error))?;
        Ok(PartialStore { finished: finished.to_owned(), incomplete: incomplete.to_owned() })
    }

    /// The folder of finished downloads.
    pub fn finished(&self) -> &Path {
        &self.finished
    }

    /// The downloads of earlier runs that were neither finished nor discarded, by their names.
    /// Those whose journals are damaged are set aside.
    pub fn unfinished(&self) -> io::Result<Vec<(DownloadId, DownloadRequest)>> {
        let mut unfinished = Vec::new();
        for file in fs::read_dir(&self.incomplete)? {
            let name = file?.file_name();
            let Some(digits) = name.to_str().and_then(|name| name.strip_suffix(".journal")) else {
                continue;
            };
            let Ok(id) = u64::from_str_radix(digits, 16) else { continue };
            let download = DownloadId(id);
            if self.journal_path(download).file_name() == Some(&name)
                && let Some(journal) = self.load_journal(download)
            {
                unfinished.push((download, journal.request));
            }
        }
        unfinished.sort_by_key(|(download, _)| *download);
        Ok(unfinished)
    }

    /// Opens or creates a partial file; the second value is what it holds from earlier runs. It
    /// holds nothing if it was begun for other content.
    pub fn open_partial(
        &self,
        download: DownloadId,
        request: &DownloadRequest,
    ) -> Result<(Partial, Vec<Range<u64>>), DiskFailure> {
        self.try_open(download, request).map_err(|error| failure(&error))
    }

    fn try_open(
        &self,
        download: DownloadId,
        request: &DownloadRequest,
    ) -> io::Result<(Partial, Vec<Range<u64>>)> {
        let path = self.part_path(download);
        let earlier = self.load_journal(download);
        let earlier = earlier.filter(|journal| same_content(&journal.request, request));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(earlier.is_none())
            .open(&path)?;
        let len = file.metadata()?.len();
        let mut have = Ranges::new(earlier.unwrap_or_default().have);
        have.remove(&(len..u64::MAX));
        let mut partial = Partial {
            finished: self.finished.clone(),
            journal_path: self.journal_path(download),
            request: request.clone(),
            have,
            unjournalled_bytes: 0,
            journalled_at: Instant::now(),
            prefix: Prefix::default(),
            position: 0,
            path,
            file,
            over: false,
        };
        partial.write_journal()?;
        let have = partial.have.as_slice().to_vec();
        Ok((partial, have))
    }

    fn load_journal(&self, download: DownloadId) -> Option<Journal> {
        let (journal, set_aside) =
            state::load_sealed(&self.journal_path(download), JOURNAL, |_, _| None);
        if set_aside.is_some() {
            let part = self.part_path(download);
            // Without a journal nobody knows which of its bytes are good.
            let _ = fs::rename(&part, with_suffix(&part, ".bad"));
        }
        journal
    }

    fn part_path(&self, download: DownloadId) -> PathBuf {
        self.incomplete.join(format!("{:016x}.part", download.0))
    }

    fn journal_path(&self, download: DownloadId) -> PathBuf {
        self.incomplete.join(format!("{:016x}.journal", download.0))
    }
}

/// Whether both requests mean the same bytes, as far as both know.
fn same_content(one: &DownloadRequest, other: &DownloadRequest) -> bool {
    let agree = |same: Option<bool>| same != Some(false);
    agree(one.sha1.zip(other.sha1).map(|(one, other)| one == other))
        && agree(one.size.zip(other.size).map(|(one, other)| one == other))
}

/// One download's partial file. Dropping it writes its journal.
#[derive(Debug)]
pub struct Partial {
    finished: PathBuf,
    path: PathBuf,
    journal_path: PathBuf,
    file: File,
    /// Where the next write or read of `file` takes place.
    position: u64,
    request: DownloadRequest,
    have: Ranges,
    unjournalled_bytes: u64,
    journalled_at: Instant,
    prefix: Prefix,
    /// Published or discarded.
    over: bool,
}

/// The SHA-1 of the first bytes of the file, kept while they are written in order, so that a
/// download in order is not read again.
#[derive(Clone, Debug, Default)]
struct Prefix {
    hash: sha1::Sha1,
    len: u64,
}

impl Partial {
    /// Stores bytes at their place.
    pub fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), DiskFailure> {
        self.try_write(offset, bytes).map_err(|error| failure(&error))
    }

    /// Forgets bytes that were wrong.
    pub fn forget(&mut self, range: Range<u64>) -> Result<(), DiskFailure> {
        if range.start < self.prefix.len {
            self.prefix = Prefix::default();
        }
        self.have.remove(&range);
        self.journal()
    }

    /// Writes the journal now: worth it when no more bytes are expected for a while.
    pub fn journal(&mut self) -> Result<(), DiskFailure> {
        self.write_journal().map_err(|error| failure(&error))
    }

    /// Hashes the whole file of `size` bytes, reading only what did not come in order; what lies
    /// behind them is cut off.
    pub fn hash(&mut self, size: u64) -> Result<Sha1, DiskFailure> {
        self.try_hash(size).map_err(|error| failure(&error))
    }

    /// Gives the finished file its name in the download folder, or the next free one with a
    /// number; never over another. The partial file is over after that.
    pub fn publish(&mut self, name: &str) -> Result<PathBuf, DiskFailure> {
        if !is_plain_name(name) {
            return Err(DiskFailure::Denied);
        }
        let published = self
            .file
            .sync_all()
            .and_then(|()| publish::publish(&self.path, &self.finished, name))
            .map_err(|error| failure(&error))?;
        self.over = true;
        // The file has its name: that these are left over is no failure of the download.
        for left in [&self.journal_path, &self.path] {
            if let Err(error) = remove_if_there(left) {
                log::warn!("cannot remove {}: {error}", left.display());
            }
        }
        Ok(published)
    }

    /// Removes the partial file and its journal.
    pub fn discard(mut self) -> Result<(), DiskFailure> {
        self.over = true;
        remove_if_there(&self.journal_path)
            .and_then(|()| remove_if_there(&self.path))
            .map_err(|error| failure(&error))
    }

    fn try_write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let end = offset.checked_add(bytes.len() as u64).ok_or(io::ErrorKind::InvalidInput)?;
        self.seek(offset)?;
        self.position = u64::MAX;
        self.file.write_all(bytes)?;
        self.position = end;
        if offset < self.prefix.len {
            self.prefix = Prefix::default();
        }
        if offset == self.prefix.len {
            self.prefix.hash.update(bytes);
            self.prefix.len = end;
        }
        self.have.insert(offset..end);
        self.unjournalled_bytes += bytes.len() as u64;
        if self.unjournalled_bytes >= JOURNAL_BYTES
            || self.journalled_at.elapsed() >= JOURNAL_INTERVAL
        {
            self.write_journal()?;
        }
        Ok(())
    }

    fn try_hash(&mut self, size: u64) -> io::Result<Sha1> {
        if self.file.metadata()?.len() > size {
            self.file.set_len(size)?;
        }
        self.have.remove(&(size..u64::MAX));
        if self.prefix.len > size {
            self.prefix = Prefix::default();
        }
        let mut buffer = vec![0; READ_BYTES];
        self.seek(self.prefix.len)?;
        self.position = u64::MAX;
        loop {
            match self.file.read(&mut buffer) {
                Ok(0) => break,
                Ok(len) => {
                    self.prefix.hash.update(&buffer[..len]);
                    self.prefix.len += len as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.prefix = Prefix::default();
                    return Err(error);
                }
            }
        }
        Ok(Sha1(self.prefix.hash.clone().finalize().into()))
    }

    /// `position` is `u64::MAX` when it is not known.
    fn seek(&mut self, position: u64) -> io::Result<()> {
        if self.position != position {
            self.file.seek(SeekFrom::Start(position))?;
            self.position = position;
        }
        Ok(())
    }

    fn write_journal(&mut self) -> io::Result<()> {
        let journal =
            Journal { request: self.request.clone(), have: self.have.as_slice().to_vec() };
        state::save_sealed(&self.journal_path, JOURNAL, &journal, Durable::No)?;
        self.unjournalled_bytes = 0;
        self.journalled_at = Instant::now();
        Ok(())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.over
            && self.unjournalled_bytes > 0
            && let Err(error) = self.write_journal()
        {
            log::warn!("cannot write {}: {error}", self.journal_path.display());
        }
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests;
