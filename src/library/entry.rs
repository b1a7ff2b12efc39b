//! One shared file.

use serde::{Deserialize, Serialize};

use crate::wire::Sha1;

/// The number by which a hit, a push and `/get/INDEX/NAME` name a shared file. Counts from 1 and
/// is never given to another file while the servent runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileIndex(pub u32);

/// A shared file as the network may know it: no path, no disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number.
    pub index: FileIndex,
    /// Its name without folders; UTF-8, no NUL, no separators.
    pub name: String,
    /// Its folder relative to the shared root, with `/` between; empty at the root.
    pub folder: String,
    /// Bytes.
    pub size: u64,
    /// Its SHA-1, once the background hashing reached it.
    pub sha1: Option<Sha1>,
    /// When it was last changed, seconds since 1970.
    pub modified_at_s: u64,
}
