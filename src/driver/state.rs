//! The data directory of one servent: locked, versioned, and readable whatever happened to it.
//!
//! | file | content |
//! |---|---|
//! | `lock` | held as long as the servent runs |
//! | `format-version` | a decimal number, for people and for later versions |
//! | `identity`, `hosts`, `hashes` | sealed values ([`super::codec`]), replaced as a whole |
//!
//! A damaged file is never a reason not to start: it is set aside (renamed to `.bad`), that is
//! logged and remembered, and the servent goes on without it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::codec::{self, Damage, Kind};
use crate::node::io::HostRecord;
use crate::wire::Guid;

/// The layout of the directory as a whole; each file has a version of its own besides.
const FORMAT_VERSION: u32 = 1;

/// Why a data directory cannot be used. The user is at fault, or the machine.
#[derive(Debug, Error)]
pub enum StateError {
    /// Another servent uses it.
    #[error(
        "the data directory {} is in use by another filbert; stop that one, or choose another directory with --data-dir",
        path.display()
    )]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// A later version of filbert made it.
    #[error(
        "the data directory {} has format {found}, made by a newer filbert (this one knows {FORMAT_VERSION}); use the newer one, or choose another directory with --data-dir",
        path.display()
    )]
    Newer {
        /// The directory.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// The system does not let us.
    #[error("cannot {doing} {}: {source}; check its permissions and the space left, or choose another data directory with --data-dir", path.display())]
    System {
        /// What we tried.
        doing: &'static str,
        /// With which file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// A file of the data directory: one value, replaced as a whole.
pub trait StateFile: Serialize + DeserializeOwned {
    /// The name of the file.
    const NAME: &'static str;
    /// What its seal says.
    const KIND: Kind;

    /// Reads what an earlier filbert wrote; nothing if it was of another version than this file
    /// ever had, or is damaged.
    fn from_earlier(_version: u32, _sealed: &[u8]) -> Option<Self> {
        None
    }
}

/// Who we are, across restarts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The servent GUID that hits carry and pushes name.
    pub servent: Guid,
}

impl StateFile for Identity {
    const NAME: &'static str = "identity";
    const KIND: Kind = Kind { name: *b"iden", version: 1 };
}

/// The hosts we could connect to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hosts(pub Vec<HostRecord>);

impl StateFile for Hosts {
    const NAME: &'static str = "hosts";
    const KIND: Kind = Kind { name: *b"host", version: 2 };

    fn from_earlier(version: u32, sealed: &[u8]) -> Option<Hosts> {
        let kind = Kind { version, ..Self::KIND };
        let first: Vec<FirstHost> = (version == 1).then(|| codec::unseal(kind, sealed).ok())??;
        let record = |first: FirstHost| HostRecord {
            last_success_s: first.last_success_s,
            failures: first.failures,
            // It was not remembered; at most one success is known, and that is long ago.
            heard_s: first.last_success_s,
            successes: u16::from(first.last_success_s > 0),
            ..HostRecord::new(first.address)
        };
        Some(Hosts(first.into_iter().map(record).collect()))
    }
}

/// A host as version 1 of the file had it.
#[derive(Deserialize)]
struct FirstHost {
    address: SocketAddr,
    last_success_s: u64,
    failures: u8,
}

/// A damaged file that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Where it lies now; where it lay, if it could not be renamed.
    pub path: PathBuf,
    /// What was wrong with it.
    pub damage: Damage,
}

/// The data directory, ours alone as long as this value lives.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
    set_aside: Vec<SetAside>,
}

impl DataDir {
    /// Creates (readable for its owner only) or opens the directory and locks it.
    pub fn open(path: &Path) -> Result<DataDir, StateError> {
        create_private_dir(path).map_err(|source| system("create", path, source))?;
        let lock_path = path.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(|source| system("open", &lock_path, source))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StateError::InUse { path: path.to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(system("lock", &lock_path, source)),
        }
        let mut dir = DataDir { path: path.to_owned(), _lock: lock, set_aside: Vec::new() };
        dir.check_format()?;
        Ok(dir)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads a file. A missing one is nothing; a damaged one is set aside and nothing.
    pub fn load<T: StateFile>(&mut self) -> Option<T> {
        let path = self.path.join(T::NAME);
        let (value, set_aside) = load_sealed(&path, T::KIND, T::from_earlier);
        self.set_aside.extend(set_aside);
        value
    }

    /// Replaces a file as a whole: after a crash it holds the old value or the new one. One
    /// writer a file at a time.
    pub fn save<T: StateFile>(&self, value: &T) -> Result<(), StateError> {
        let path = self.path.join(T::NAME);
        save_sealed(&path, T::KIND, value, Durable::Yes)
            .map_err(|source| system("write", &path, source))
    }

    /// The damaged files that were set aside since the start.
    pub fn set_aside(&self) -> &[SetAside] {
        &self.set_aside
    }

    fn check_format(&mut self) -> Result<(), StateError> {
        let path = self.path.join("format-version");
        match read_limited(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            found => {
                let text = found.ok().and_then(|bytes| String::from_utf8(bytes).ok());
                match text.and_then(|text| text.trim().parse().ok()) {
                    Some(found) if found > FORMAT_VERSION => {
                        return Err(StateError::Newer { path: self.path.clone(), found });
                    }
                    Some(_) => return Ok(()),
                    None => self.set_aside.push(set_aside(&path, Damage::BadContent)),
                }
            }
        }
        replace(&path, format!("{FORMAT_VERSION}\n").as_bytes(), Durable::Yes)
            .map_err(|source| system("write", &path, source))
    }
}

fn system(doing: &'static str, path: &Path, source: io::Error) -> StateError {
    StateError::System { doing, path: path.to_owned(), source }
}

/// Creates a directory that only its owner can read, and those above it.
pub(super) fn create_private_dir(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}

/// Whether a write must survive a loss of power, or only the end of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durable {
    /// A loss of power too.
    Yes,
    /// Only the end of the process: for what is written often and checked otherwise.
    No,
}

/// Reads a sealed file, also one of an earlier version if that can be read. A missing one is
/// nothing; a damaged one is set aside and nothing.
pub(super) fn load_sealed<T: DeserializeOwned>(
    path: &Path,
    kind: Kind,
    from_earlier: fn(u32, &[u8]) -> Option<T>,
) -> (Option<T>, Option<SetAside>) {
    let value = match read_limited(path) {
        Ok(bytes) => codec::unseal(kind, &bytes).or_else(|damage| match damage {
            Damage::OtherVersion(version) => from_earlier(version, &bytes).ok_or(damage),
            damage => Err(damage),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return (None, None),
        Err(_) => Err(Damage::Unreadable),
    };
    match value {
        Ok(value) => (Some(value), None),
        Err(damage) => (None, Some(set_aside(path, damage))),
    }
}

/// Replaces a sealed file as a whole.
pub(super) fn save_sealed(
    path: &Path,
    kind: Kind,
    value: &impl Serialize,
    durable: Durable,
) -> io::Result<()> {
    let bytes = codec::seal(kind, value).map_err(io::Error::other)?;
    replace(path, &bytes, durable)
}

fn read_limited(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path)?;
    file.take(codec::SEALED_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn replace(path: &Path, bytes: &[u8], durable: Durable) -> io::Result<()> {
    let written = with_suffix(path, ".tmp");
    let mut file = File::create(&written)?;
    file.write_all(bytes)?;
    if durable == Durable::Yes {
        file.sync_data()?;
    }
    drop(file);
    fs::rename(&written, path)
}

/// Renames a damaged file and says so.
fn set_aside(path: &Path, damage: Damage) -> SetAside {
    let bad = with_suffix(path, ".bad");
    match fs::rename(path, &bad) {
        Ok(()) => {
            log::warn!("{} {damage}: kept as {}", path.display(), bad.display());
            SetAside { path: bad, damage }
        }
        Err(error) => {
            log::warn!("{} {damage} and could not be renamed: {error}", path.display());
            SetAside { path: path.to_owned(), damage }
        }
    }
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests;
