//! The node's orders about partial files, on the blocking pool.
//!
//! A partial file is shared by its downloads' connections and its orders: whoever uses it locks
//! it. Only [`DiskOrder::Forget`] and [`DiskOrder::Discard`] have no answer; that they may come a
//! little late only means that a journal says too little.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smol::channel::Sender;

use super::partial::{Partial, PartialStore};
use super::post::Post;
use crate::node::io::{DiskFailure, DiskOrder, DiskReport, DownloadId, DownloadRequest};

/// A partial file that several threads use; `None` until it is open and after its end.
#[derive(Clone, Debug, Default)]
pub(super) struct SharedPartial(Arc<Mutex<Option<Partial>>>);

impl SharedPartial {
    /// Stores bytes at their place.
    pub(super) fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), DiskFailure> {
        self.with(|partial| partial.write_at(offset, bytes))
    }

    fn with<T>(
        &self,
        work: impl FnOnce(&mut Partial) -> Result<T, DiskFailure>,
    ) -> Result<T, DiskFailure> {
        work(self.lock().as_mut().ok_or(DiskFailure::Missing)?)
    }

    /// A panic while it was locked left at worst a journal that says too little.
    fn lock(&self) -> MutexGuard<'_, Option<Partial>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All partial files that the node has opened.
#[derive(Debug)]
pub(super) struct Disk {
    store: PartialStore,
    open: HashMap<DownloadId, SharedPartial>,
    posts: Sender<Post>,
}

impl Disk {
    /// Nothing is open yet.
    pub(super) fn new(store: PartialStore, posts: Sender<Post>) -> Disk {
        Disk { store, open: HashMap::new(), posts }
    }

    /// The partial file of a download, if the node has had it opened.
    pub(super) fn partial(&self, download: DownloadId) -> Option<SharedPartial> {
        self.open.get(&download).cloned()
    }

    /// Does what the node orders; the answer comes as a post.
    pub(super) fn order(&mut self, order: DiskOrder) {
        match order {
            DiskOrder::Open { download, request } => self.open(download, request),
            DiskOrder::Hash { download, size } => self.answered(download, move |partial| {
                Ok(DiskReport::Hashed {
                    download,
                    sha1: partial.with(|partial| partial.hash(size))?,
                })
            }),
            DiskOrder::Publish { download, name } => self.answered(download, move |partial| {
                let path: PathBuf = partial.with(|partial| partial.publish(&name))?;
                let path = path.to_string_lossy().into_owned();
                Ok(DiskReport::Published { download, path })
            }),
            DiskOrder::Forget { download, range } => {
                if let Some(partial) = self.partial(download) {
                    let forget = move || partial.with(|partial| partial.forget(range));
                    smol::unblock(forget).detach();
                }
            }
            DiskOrder::Discard { download } => {
                if let Some(partial) = self.open.remove(&download) {
                    let discard = move || partial.lock().take().map(Partial::discard);
                    smol::unblock(discard).detach();
                }
            }
        }
    }

    /// The node has been told this.
    pub(super) fn reported(&mut self, report: &DiskReport) {
        if let DiskReport::Published { download, .. } = report {
            self.open.remove(download);
        }
    }

    fn open(&mut self, download: DownloadId, request: DownloadRequest) {
        let store = self.store.clone();
        self.open.entry(download).or_default();
        self.answered(download, move |shared| {
            let (partial, have) = store.open_partial(download, &request)?;
            *shared.lock() = Some(partial);
            Ok(DiskReport::Opened { download, have })
        });
    }

    fn answered(
        &self,
        download: DownloadId,
        work: impl FnOnce(&SharedPartial) -> Result<DiskReport, DiskFailure> + Send + 'static,
    ) {
        let (posts, partial) = (self.posts.clone(), self.partial(download).unwrap_or_default());
        let answer = move || {
            let report = match work(&partial) {
                Ok(report) => report,
                Err(failure) => DiskReport::Failed { download, failure },
            };
            // The node's task may have ended meanwhile: then nobody wants to know.
            let _ = posts.send_blocking(Post::Disk(report));
        };
        smol::unblock(answer).detach();
    }
}
