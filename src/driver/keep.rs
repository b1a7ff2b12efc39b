//! What goes on beside the node: hosts are saved now and then, folders are looked through.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use smol::Task;

use super::sharing::Sharing;
use super::state::{DataDir, Hosts, Identity, StateError};
use crate::node::Rng;
use crate::node::io::HostRecord;

/// How often hosts are saved: so much a crash may cost.
const SAVE_EVERY: Duration = Duration::from_secs(180);

/// The data directory of a running node.
#[derive(Debug)]
pub(super) struct Keep {
    dir: Arc<DataDir>,
    sharing: Sharing,
    next: Instant,
    saving: Option<Task<()>>,
}

impl Keep {
    /// Saves for the first time after [`SAVE_EVERY`].
    pub(super) fn new(dir: Arc<DataDir>, sharing: Sharing) -> Keep {
        Keep { dir, sharing, next: Instant::now() + SAVE_EVERY, saving: None }
    }

    /// Looks for changes in the shared folders.
    pub(super) fn rescan(&mut self) {
        self.sharing.rescan();
    }

    /// Shares one more folder.
    pub(super) fn share(&mut self, folder: PathBuf) {
        self.sharing.share(folder);
    }

    /// When hosts should be saved next.
    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// Saves hosts on the blocking pool.
    pub(super) fn save(&mut self, hosts: Vec<HostRecord>) {
        self.next = Instant::now() + SAVE_EVERY;
        let (dir, before) = (Arc::clone(&self.dir), self.saving.take());
        let save = move || {
            if let Err(error) = dir.save(&Hosts(hosts)) {
                log::warn!("hosts are not remembered: {error}");
            }
        };
        // One writer at a time; the one before is long done unless the disk hangs.
        if before.as_ref().is_none_or(Task::is_finished) {
            self.saving = Some(smol::unblock(save));
        } else {
            self.saving = before;
        }
    }

    /// Saves for the last time and waits until all is done. The node is gone already.
    pub(super) async fn close(mut self, hosts: Vec<HostRecord>) {
        if let Some(before) = self.saving.take() {
            before.await;
        }
        self.save(hosts);
        if let Some(last) = self.saving.take() {
            last.await;
        }
        self.sharing.close().await;
    }
}

/// Who we are: what the data directory says, or somebody new.
pub(super) fn identity(dir: &mut DataDir, rng: &Rng) -> Result<Identity, StateError> {
    if let Some(identity) = dir.load::<Identity>() {
        return Ok(identity);
    }
    let identity = Identity { servent: rng.derive("identity").guid() };
    dir.save(&identity)?;
    Ok(identity)
}
