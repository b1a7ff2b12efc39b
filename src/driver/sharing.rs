//! Scanning and hashing in the background: one round at a time on the blocking pool.
//!
//! A wish for a new scan interrupts the hashing, which loses nothing that is finished.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smol::Task;
use smol::channel::Sender;

use super::hash::hash_all;
use super::post::Post;
use super::scan::{Folders, rescan};
use super::shares::{HashIndex, Shares, SharesView, open_unchanged};
use super::state::DataDir;
use crate::library::{Change, FileIndex};

/// What is shared, for whoever sends files or wants to know how far hashing is.
#[derive(Clone, Debug)]
pub(super) struct Shelf(Arc<Mutex<Shares>>);

impl Shelf {
    /// Opens a shared file if it still is what it was when it was found.
    pub(super) fn open(&self, file: FileIndex) -> io::Result<File> {
        let located = self.lock().locate(file);
        let (path, version) = located.ok_or(io::ErrorKind::NotFound)?;
        open_unchanged(&path, version)
    }

    /// How far the library is.
    pub(super) fn view(&self) -> SharesView {
        self.lock().view()
    }

    /// What is behind the lock is whole at any time: a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, Shares> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Scans and hashes.
#[derive(Debug)]
pub(super) struct Sharing {
    rounds: Arc<Rounds>,
    task: Option<Task<()>>,
}

#[derive(Debug)]
struct Rounds {
    shelf: Shelf,
    folders: Mutex<Folders>,
    data_dir: Arc<DataDir>,
    posts: Sender<Post>,
    /// Another round is wanted: hashing gives way.
    again: AtomicBool,
    /// The driver ends: everything gives way.
    over: AtomicBool,
    /// Whether rounds are under way; `again` is decided while it is locked.
    under_way: Mutex<bool>,
}

impl Sharing {
    /// Knows what earlier runs remembered; shares nothing yet.
    pub(super) fn new(
        remembered: HashIndex,
        folders: Folders,
        data_dir: Arc<DataDir>,
        posts: Sender<Post>,
    ) -> Sharing {
        let rounds = Rounds {
            shelf: Shelf(Arc::new(Mutex::new(Shares::new(remembered)))),
            folders: Mutex::new(folders),
            data_dir,
            posts,
            again: AtomicBool::new(false),
            over: AtomicBool::new(false),
            under_way: Mutex::new(false),
        };
        Sharing { rounds: Arc::new(rounds), task: None }
    }

    /// What is shared.
    pub(super) fn shelf(&self) -> Shelf {
        self.rounds.shelf.clone()
    }

    /// Shares one more folder, and looks through all.
    pub(super) fn share(&mut self, folder: PathBuf) {
        let mut folders = self.rounds.folders();
        if !folders.shared.contains(&folder) {
            folders.shared.push(folder);
        }
        drop(folders);
        self.rescan();
    }

    /// Looks through the folders and hashes what is new.
    pub(super) fn rescan(&mut self) {
        let mut under_way = self.rounds.under_way();
        self.rounds.shelf.lock().set_looking(true);
        if std::mem::replace(&mut *under_way, true) {
            self.rounds.again.store(true, Ordering::Release);
            return;
        }
        drop(under_way);
        let rounds = Arc::clone(&self.rounds);
        self.task = Some(smol::unblock(move || rounds.run()));
    }

    /// Stops what is under way and waits for it. Nobody may be reading the posts any more, or
    /// this could wait for somebody who waits for them to be read.
    pub(super) async fn close(mut self) {
        self.rounds.over.store(true, Ordering::Release);
        self.rounds.again.store(true, Ordering::Release);
        if let Some(task) = self.task.take() {
            task.await;
        }
    }
}

impl Drop for Sharing {
    fn drop(&mut self) {
        self.rounds.over.store(true, Ordering::Release);
        self.rounds.again.store(true, Ordering::Release);
        if let Some(task) = self.task.take() {
            task.detach();
        }
    }
}

impl Rounds {
    fn run(&self) {
        loop {
            let mut emit = |change: Change| {
                if self.posts.send_blocking(Post::Library(change)).is_err() {
                    // The node is gone.
                    self.over.store(true, Ordering::Release);
                    self.again.store(true, Ordering::Release);
                }
            };
            let folders = self.folders().clone();
            let report = rescan(&self.shelf.0, &folders, &self.over, &mut emit);
            for trouble in &report.troubles {
                log::warn!("not shared: {trouble}");
            }
            hash_all(&self.shelf.0, &self.data_dir, &self.again, &mut emit);
            let mut under_way = self.under_way();
            let is_wanted = self.again.swap(false, Ordering::AcqRel);
            if self.over.load(Ordering::Acquire) || !is_wanted {
                *under_way = false;
                self.shelf.lock().set_looking(false);
                return;
            }
        }
    }

    fn folders(&self) -> MutexGuard<'_, Folders> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn under_way(&self) -> MutexGuard<'_, bool> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
