//! The disk side of the library: which path has which number and which hash, across restarts.
//!
//! Scanning ([`super::scan`]) tells it what lies in the shared folders, hashing ([`super::hash`])
//! what the content is; it answers what has to change in the node's library, and where the file
//! of a number lies. A file keeps its number and its hash as long as its path, size and time of
//! change stay the same, also while it is away for a while.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::codec::Kind;
use super::state::StateFile;
use crate::library::{Entry, FileIndex};
use crate::wire::Sha1;

/// Files that are not there any more are remembered (an unplugged disk comes back) up to so many.
const ABSENT_FILES_MAX: usize = 65_536;
/// After so many additions the node's library is given everything as one segment again.
const ADDITIONS_MAX: u32 = 12;

/// What is remembered of files across restarts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashIndex {
    next_index: u32,
    files: Vec<HashRecord>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct HashRecord {
    path: Arc<str>,
    index: FileIndex,
    size: u64,
    modified_at_ns: u64,
    sha1: Option<Sha1>,
}

impl StateFile for HashIndex {
    const NAME: &'static str = "hashes";
    const KIND: Kind = Kind { name: *b"hash", version: 1 };
}

/// A file as a scan finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundFile {
    /// Its real path.
    pub path: Arc<str>,
    /// How much of the path is the shared folder, its last separator included.
    pub root_bytes: usize,
    /// Size and time of change.
    pub version: Version,
}

/// What tells whether a file has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its bytes.
    pub size: u64,
    /// When it was last changed, nanoseconds since 1970.
    pub modified_at_ns: u64,
}

impl Version {
    /// The version that this metadata shows.
    pub fn of(metadata: &Metadata) -> Version {
        let since_1970 = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        Version {
            size: metadata.len(),
            modified_at_ns: since_1970
                .map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)),
        }
    }
}

/// A file that waits for its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unhashed {
    /// Its number.
    pub index: FileIndex,
    /// Where it lies.
    pub path: PathBuf,
    /// What it was when it was found.
    pub version: Version,
}

/// How far the library is, for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SharesView {
    /// Files shared.
    pub files: u64,
    /// Bytes shared.
    pub bytes: u64,
    /// Files whose hash is not known yet.
    pub files_to_hash: u64,
    /// Bytes that are still to be read for that.
    pub bytes_to_hash: u64,
    /// Whether the folders are being looked through, or what was found is being hashed.
    pub looking: bool,
}

#[derive(Clone, Debug)]
struct Known {
    index: FileIndex,
    version: Version,
    sha1: Option<Sha1>,
    root_bytes: usize,
    /// The scan that saw it last.
    seen_in: u32,
    shared: bool,
}

/// The shared files and those remembered.
#[derive(Debug, Default)]
pub struct Shares {
    known: BTreeMap<Arc<str>, Known>,
    /// The paths of what is shared.
    paths: BTreeMap<FileIndex, Arc<str>>,
    /// Smallest first: most files have their hash soon.
    to_hash: BTreeSet<(u64, FileIndex)>,
    /// Bytes read of the file that is being hashed.
    hashed_bytes: u64,
    next_index: u32,
    scans: u32,
    additions: u32,
    view: SharesView,
}

impl Shares {
    /// Knows what was remembered; shares nothing yet.
    pub fn new(remembered: HashIndex) -> Shares {
        let mut shares = Shares { next_index: 1, ..Shares::default() };
        let mut numbers = BTreeSet::new();
        for record in remembered.files {
            if !numbers.insert(record.index) {
                continue;
            }
            shares.next_index = shares.next_index.max(record.index.0.saturating_add(1));
            let version = Version { size: record.size, modified_at_ns: record.modified_at_ns };
            let known = Known {
                index: record.index,
                version,
                sha1: record.sha1,
                root_bytes: 0,
                seen_in: 0,
                shared: false,
            };
            shares.known.insert(record.path, known);
        }
        shares.next_index = shares.next_index.max(remembered.next_index);
        shares
    }

    /// What to remember.
    pub fn hash_index(&self) -> HashIndex {
        let record = |(path, known): (&Arc<str>, &Known)| HashRecord {
            path: path.clone(),
            index: known.index,
            size: known.version.size,
            modified_at_ns: known.version.modified_at_ns,
            sha1: known.sha1,
        };
        HashIndex { next_index: self.next_index, files: self.known.iter().map(record).collect() }
    }

    /// How far it is.
    pub fn view(&self) -> SharesView {
        let files_to_hash = self.to_hash.len() as u64;
        let bytes_to_hash = self.view.bytes_to_hash.saturating_sub(self.hashed_bytes);
        SharesView { files_to_hash, bytes_to_hash, ..self.view }
    }

    /// Notes whether there is more to come.
    pub(super) fn set_looking(&mut self, looking: bool) {
        self.view.looking = looking;
    }

    /// Where the file of this number lies, and what it was when it was found.
    pub fn locate(&self, index: FileIndex) -> Option<(PathBuf, Version)> {
        let path = self.paths.get(&index)?;
        Some((PathBuf::from(&**path), self.known.get(path)?.version))
    }

    /// A scan begins.
    pub fn begin_scan(&mut self) {
        self.scans += 1;
    }

    /// The scan found these. Returns those that are new or changed, to be added to the library.
    pub fn found(&mut self, files: impl IntoIterator<Item = FoundFile>) -> Vec<Entry> {
        files.into_iter().filter_map(|file| self.found_one(file)).collect()
    }

    fn found_one(&mut self, file: FoundFile) -> Option<Entry> {
        let FoundFile { path, root_bytes, version } = file;
        let mut known = match self.known.remove(&path) {
            Some(known) => known,
            None => {
                let index = FileIndex(self.next_index);
                self.next_index = self.next_index.checked_add(1)?;
                Known { index, version, sha1: None, root_bytes, seen_in: 0, shared: false }
            }
        };
        // A file below two shared folders belongs to the first.
        let seen = std::mem::replace(&mut known.seen_in, self.scans) == self.scans;
        let same = known.shared && known.version == version && known.root_bytes == root_bytes;
        if seen || same {
            self.known.insert(path, known);
            return None;
        }
        self.withdraw(&mut known);
        if known.version != version {
            known.sha1 = None;
        }
        (known.version, known.root_bytes) = (version, root_bytes);
        known.shared = true;
        self.view.files += 1;
        self.view.bytes = self.view.bytes.saturating_add(version.size);
        if known.sha1.is_none() {
            self.to_hash.insert((version.size, known.index));
            self.view.bytes_to_hash = self.view.bytes_to_hash.saturating_add(version.size);
        }
        let entry = entry(&path, &known);
        self.paths.insert(known.index, path.clone());
        self.known.insert(path, known);
        Some(entry)
    }

    /// The scan saw everything. Returns what is not shared any more.
    pub fn end_scan(&mut self) -> Vec<FileIndex> {
        let mut known = std::mem::take(&mut self.known);
        let (mut gone, this_scan) = (Vec::new(), self.scans);
        for file in known.values_mut().filter(|file| file.shared && file.seen_in != this_scan) {
            self.withdraw(file);
            gone.push(file.index);
        }
        let mut absent_over = known.len().saturating_sub(self.paths.len() + ABSENT_FILES_MAX);
        known.retain(|_, file| {
            let forgotten = !file.shared && absent_over > 0;
            absent_over -= usize::from(forgotten);
            !forgotten
        });
        self.known = known;
        gone.sort_unstable();
        gone
    }

    /// The next file to hash; the same until it was hashed or given up.
    pub fn next_unhashed(&self) -> Option<Unhashed> {
        let (_, index) = *self.to_hash.first()?;
        let (path, version) = self.locate(index)?;
        Some(Unhashed { index, path, version })
    }

    /// So many bytes of the file that is being hashed have been read.
    pub fn hashing(&mut self, read_bytes: u64) {
        self.hashed_bytes = read_bytes;
    }

    /// A file has its hash. Returns the entry, to be added to the library again.
    pub fn hashed(&mut self, file: &Unhashed, sha1: Sha1) -> Option<Entry> {
        self.done_hashing(file);
        let path = self.paths.get(&file.index)?;
        let known = self.known.get_mut(path).filter(|known| known.version == file.version)?;
        known.sha1 = Some(sha1);
        Some(entry(path, known))
    }

    /// A file changed while it was being hashed: the next scan takes it up again.
    pub fn changed_while_hashed(&mut self, file: &Unhashed) {
        self.done_hashing(file);
    }

    /// A file cannot be read: it is not shared before the next scan. Returns its number, to be
    /// removed from the library.
    pub fn unreadable(&mut self, file: &Unhashed) -> Option<FileIndex> {
        self.done_hashing(file);
        let path = self.paths.get(&file.index)?.clone();
        let mut known = self.known.remove(&path)?;
        self.withdraw(&mut known);
        self.known.insert(path, known);
        Some(file.index)
    }

    /// Notes that entries were added to the node's library. Returns all entries, to be added as
    /// one segment, if the library has got too scattered for quick answers.
    pub fn added(&mut self) -> Option<Vec<Entry>> {
        self.additions += 1;
        if self.additions <= ADDITIONS_MAX {
            return None;
        }
        self.additions = 1;
        let all = self.known.iter().filter(|(_, known)| known.shared);
        Some(all.map(|(path, known)| entry(path, known)).collect())
    }

    fn done_hashing(&mut self, file: &Unhashed) {
        self.hashed_bytes = 0;
        if self.to_hash.remove(&(file.version.size, file.index)) {
            self.view.bytes_to_hash = self.view.bytes_to_hash.saturating_sub(file.version.size);
        }
    }

    /// Does not share a file any more, if it was.
    fn withdraw(&mut self, known: &mut Known) {
        if !std::mem::take(&mut known.shared) {
            return;
        }
        let size = known.version.size;
        self.paths.remove(&known.index);
        self.view.files -= 1;
        self.view.bytes = self.view.bytes.saturating_sub(size);
        if self.to_hash.remove(&(size, known.index)) {
            self.view.bytes_to_hash = self.view.bytes_to_hash.saturating_sub(size);
        }
    }
}

fn entry(path: &str, known: &Known) -> Entry {
    let relative = path.get(known.root_bytes..).unwrap_or(path);
    let (folder, name) = relative.rsplit_once(std::path::MAIN_SEPARATOR).unwrap_or(("", relative));
    Entry {
        index: known.index,
        name: name.to_owned(),
        folder: folder.replace(std::path::MAIN_SEPARATOR, "/"),
        size: known.version.size,
        sha1: known.sha1,
        modified_at_s: known.version.modified_at_ns / 1_000_000_000,
    }
}

/// Opens a shared file for reading, if it still is what it was when it was found: a regular file,
/// no link, with the same size and time of change. Never waits, not even for a named pipe.
pub fn open_unchanged(path: &Path, version: Version) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    }
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || Version::of(&metadata) != version {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the file has changed"));
    }
    Ok(file)
}
