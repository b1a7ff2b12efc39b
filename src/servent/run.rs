//! Starting and ending: the driver, its thread, its folders.

use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use smol::channel::{Receiver, Sender, bounded};
use thiserror::Error;

use super::bootstrap::SourceError;
use super::place::PlaceError;
use super::rein::Rein;
use super::{Options, Places, Stopped};
use crate::driver::{Driver, DriverError, Handle, Setup};
use crate::node::Config;

/// Why a servent could not be started. Each names what is at fault.
#[derive(Debug, Error)]
pub enum StartError {
    /// A host to connect to that is none.
    #[error(transparent)]
    Host(#[from] PlaceError),
    /// A source of hosts that is none.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A folder that cannot be made or read.
    #[error("the folder {} cannot be used: {error}", .path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A folder to share that is a file.
    #[error("{} is not a folder", .0.display())]
    NotAFolder(PathBuf),
    /// A strategy or one-hop replication of laboratories, for the public network.
    #[error(
        "the strategy must be dynamic or flood, and one-hop-replication off: others are for simulated worlds"
    )]
    ForLaboratories,
    /// The port is in use, the data directory is another's, and the like.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// The system gives no thread.
    #[error("the system gives no thread for the servent: {0}")]
    Thread(io::Error),
    /// It stopped as soon as it had begun.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// What a start brings.
pub(super) struct Started {
    pub(super) node: Handle,
    pub(super) config: Config,
    pub(super) places: Places,
    pub(super) rein: Arc<Rein>,
    pub(super) end: End,
}

/// Starts the driver on the executor, or on a thread of its own.
pub(super) async fn start(mut options: Options) -> Result<Started, StartError> {
    let executor = options.executor.take();
    // Folders, files and the port are taken where blocking is allowed.
    let (driver, places, temporary) = smol::unblock(move || prepare(options)).await?;
    let node = driver.handle();
    let config = driver.config().clone();
    let (end, ended) = bounded(1);
    let rein = Arc::new(Rein::default());
    let running = run(driver, temporary, Arc::clone(&rein), end);
    match executor {
        Some(executor) => executor.spawn(running).detach(),
        None => {
            thread::Builder::new()
                .name("filbert".to_owned())
                .spawn(move || smol::block_on(running))
                .map_err(StartError::Thread)?;
        }
    }
    Ok(Started { node, config, places, rein, end: End(ended) })
}

/// The whole life of a servent. `_end` is dropped last, also if the driver should panic.
async fn run(
    driver: Driver,
    temporary: Option<Temporary>,
    rein: Arc<Rein>,
    _end: Sender<Infallible>,
) {
    rein.lead(driver.run()).await;
    smol::unblock(move || drop(temporary)).await;
}

/// Says when all is done.
#[derive(Debug)]
pub(super) struct End(Receiver<Infallible>);

impl End {
    pub(super) fn is_over(&self) -> bool {
        self.0.is_closed()
    }

    pub(super) async fn wait(&self) {
        // Nothing is ever sent: the error is that the other end is gone.
        let _ = self.0.recv().await;
    }
}

fn prepare(options: Options) -> Result<(Driver, Places, Option<Temporary>), StartError> {
    let Options { data_dir, download_dir, listen, shares, mut config, record, .. } = options;
    let for_laboratories = config.strategy.is_for_laboratories() || config.one_hop_replication;
    if for_laboratories && !config.local_addresses {
        return Err(StartError::ForLaboratories);
    }
    config.listen = listen;
    let shares = shares.iter().map(|folder| shared(folder)).collect::<Result<Vec<_>, _>>()?;
    let (data_dir, temporary) = match data_dir {
        Some(data_dir) => (data_dir, None),
        None => {
            let temporary = Temporary::new()?;
            (temporary.0.clone(), Some(temporary))
        }
    };
    let download_dir = download_dir.unwrap_or_else(|| data_dir.join(DOWNLOADS));
    let folder = |path: &Path, error| StartError::Folder { path: path.to_owned(), error };
    std::fs::create_dir_all(&download_dir).map_err(|error| folder(&download_dir, error))?;
    let places = Places { data_dir, download_dir, shares };
    let driver = Driver::bind(Setup {
        config,
        data_dir: places.data_dir.clone(),
        download_dir: places.download_dir.clone(),
        shares: places.shares.clone(),
        record,
        seed: None,
    })?;
    Ok((driver, places, temporary))
}

/// The folder by its full name; it must be there.
pub(super) fn shared(folder: &Path) -> Result<PathBuf, StartError> {
    let path = folder
        .canonicalize()
        .map_err(|error| StartError::Folder { path: folder.to_owned(), error })?;
    if path.is_dir() { Ok(path) } else { Err(StartError::NotAFolder(path)) }
}

/// The folder for finished downloads inside a data directory.
const DOWNLOADS: &str = "downloads";

/// A data directory for one life of a servent.
#[derive(Debug)]
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> Result<Temporary, StartError> {
        let mut bytes = [0; 8];
        let parent = std::env::temp_dir();
        let failed = |path: &Path, error| StartError::Folder { path: path.to_owned(), error };
        getrandom::fill(&mut bytes).map_err(|error| failed(&parent, io::Error::other(error)))?;
        let name = format!("filbert-{}", data_encoding::HEXLOWER.encode(&bytes));
        let path = parent.join(name);
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(|error| failed(&path, error))?;
        Ok(Temporary(path))
    }
}

impl Drop for Temporary {
    /// Removes everything but finished downloads.
    fn drop(&mut self) {
        let Ok(entries) = std::fs::read_dir(&self.0) else { return };
        for entry in entries.flatten().filter(|entry| entry.file_name() != DOWNLOADS) {
            let path = entry.path();
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let removed = if is_folder {
                std::fs::remove_dir_all(&path)
            } else {
                std::fs::remove_file(&path)
            };
            if let Err(error) = removed {
                log::warn!(error:% = error, path:% = path.display(); "temporary file stays");
            }
        }
        // These two succeed only if there is nothing in them.
        let _ = std::fs::remove_dir(self.0.join(DOWNLOADS));
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// The first number that no download of an earlier run has.
pub(super) async fn first_free_download(node: &Handle) -> Result<u64, Stopped> {
    let view = node.view().await?;
    let taken = view.transfers.downloads.iter().map(|known| known.id.0);
    Ok(taken.max().map_or(1, |highest| highest.saturating_add(1)))
}
