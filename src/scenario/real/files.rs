//! What servents share, as real files: their bytes follow from a number, as on simulated disks.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Failure, Outcome};
use crate::cluster::FILES;
use crate::sim::SharedFile;
use crate::sim::disk::content;

/// The folder with one of each; those that nodes share are links to them.
const ORIGINALS: &str = "originals";

/// The files of a cluster.
#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
}

impl Files {
    /// Those of the cluster in this directory.
    pub(super) fn new(dir: &Path) -> Files {
        Files { folder: dir.join(FILES) }
    }

    /// The folder that a node shares, with these files in it.
    pub(super) fn furnish(&mut self, node: u32, files: &[SharedFile]) -> Outcome<PathBuf> {
        let folder = self.of(node);
        fs::create_dir_all(&folder).map_err(refused(&folder))?;
        files.iter().try_for_each(|file| self.put(node, file))?;
        folder.canonicalize().map_err(refused(&folder))
    }

    /// Puts one more file into the folder that a node shares.
    pub(super) fn put(&mut self, node: u32, file: &SharedFile) -> Outcome {
        let name = &file.entry.name;
        if name.contains('/') || name.starts_with('.') {
            let what = format!(
                "{name:?} cannot be the name of a file here: leave / and a . at its beginning out"
            );
            return Err(Failure::Machine(what));
        }
        let original = self.original(file)?;
        let path = self.of(node).join(name);
        // Where links cannot be made a copy is as good.
        let linked = fs::hard_link(&original, &path);
        match linked {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(_) => fs::copy(&original, &path).map(drop).map_err(refused(&path)),
            Ok(()) => Ok(()),
        }
    }

    fn of(&self, node: u32) -> PathBuf {
        self.folder.join(node.to_string())
    }

    fn original(&self, file: &SharedFile) -> Outcome<PathBuf> {
        let folder = self.folder.join(ORIGINALS);
        let path = folder.join(format!("{:x}-{}", file.content, file.entry.size));
        if !path.exists() {
            fs::create_dir_all(&folder).map_err(refused(&folder))?;
            fs::write(&path, content(file.content, 0..file.entry.size)).map_err(refused(&path))?;
        }
        Ok(path)
    }
}

/// Whether a file that was downloaded has the bytes of the original.
pub(super) fn is_equal(path: &Path, original: &SharedFile) -> bool {
    let bytes = fs::read(path);
    bytes.is_ok_and(|bytes| bytes == content(original.content, 0..original.entry.size))
}

fn refused(path: &Path) -> impl Fn(io::Error) -> Failure {
    move |error| Failure::Machine(format!("{}: {error}", path.display()))
}
