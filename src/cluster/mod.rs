//! Real servents on one machine: a plan of nodes and links becomes a standing network.
//!
//! A cluster lives under one directory: `cluster.json` (the plan, written before anything
//! starts) and `nodes/<name>/` (data directory, settings, log). Every process of it carries the
//! directory in its environment, so whoever comes later finds all of them, whatever became of the
//! program that started them. There is nobody in the middle: a [`Cluster`] is a view of the
//! directory, and many may be open at once.

mod alike;
mod choose;
mod conditions;
mod control;
mod directory;
mod error;
mod gather;
mod host;
mod hosted;
mod life;
mod limits;
mod links;
mod namespaces;
mod plan;
mod process;
mod ready;

use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::api::Client;

pub use self::alike::try_all;
pub use self::conditions::Healed;
pub use self::directory::{FILES, full_path};
pub use self::error::ClusterError;
pub use self::gather::{Overlay, Seen};
pub use self::host::host;
pub use self::life::Life;
pub use self::plan::{Plan, Planned, Seat};
pub use self::process::{MARK, SEAT_MARK};

use self::directory::{Directory, Stored};
use self::namespaces::Namespaces;
use self::process::{HOST, Running};

/// How far [`Cluster::up`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many of so many servents answer.
    Answering(usize, usize),
    /// So many of so many links stand.
    Linked(usize, usize),
}

/// What is told how far [`Cluster::up`] is.
pub type Tell<'a> = &'a (dyn Fn(Progress) + Sync);

/// A network of real servents under one directory.
#[derive(Debug)]
pub struct Cluster {
    directory: Directory,
    stored: Stored,
    /// Processes that this program started, by whose they are, so that it can bury them.
    children: Mutex<Vec<(String, Child)>>,
}

impl Cluster {
    /// Starts a network and returns when every handshake of its links is done and what is shared
    /// is hashed. `dir` must be missing or empty, but for a folder [`FILES`] that the caller may
    /// have filled with what nodes share. `program` is this program, `filbert`.
    ///
    /// Every node gets an address of its own (127.x.y.z) in place of `config.listen`.
    ///
    /// # Errors
    /// What stands in the way; then nothing is left running, nor on disk.
    pub async fn up(
        dir: &Path,
        plan: Plan,
        program: &Path,
        progress: Tell<'_>,
    ) -> Result<Cluster, ClusterError> {
        plan.check()?;
        limits::make_room(&plan)?;
        if plan.seat == Seat::Namespaces {
            namespaces::check(plan.nodes.len())?;
        }
        let (directory, lock) = Directory::create(dir)?;
        let stored = Stored::new(plan, program.to_owned(), directory.path());
        let cluster = Cluster { directory, stored, children: Mutex::default() };
        let everybody: Vec<u32> = (0..cluster.nodes().len() as u32).collect();
        let stands = async {
            cluster.directory.write(&cluster.stored)?;
            cluster.spawn(&everybody).await?;
            cluster.stand(&everybody, cluster.edges(), progress).await
        };
        let stands = stands.await;
        drop(lock);
        match stands {
            Ok(()) => Ok(cluster),
            Err(error) => {
                // What went wrong is worth more than what goes wrong with taking it down.
                let _ = cluster.down().await;
                Err(error)
            }
        }
    }

    /// The network that stands in a directory.
    ///
    /// # Errors
    /// There is none, or its plan cannot be read.
    pub fn open(dir: &Path) -> Result<Cluster, ClusterError> {
        let directory = Directory::find(dir)?;
        let stored = directory.read()?;
        Ok(Cluster { directory, stored, children: Mutex::default() })
    }

    /// Whether nobody has taken it down.
    pub fn is_there(&self) -> bool {
        Directory::find(self.dir()).is_ok()
    }

    /// Where it lives.
    pub fn dir(&self) -> &Path {
        self.directory.path()
    }

    /// Its nodes by their numbers; `config.listen` is where each really listens.
    pub fn nodes(&self) -> &[Planned] {
        &self.stored.nodes
    }

    /// The links that are to stand.
    pub fn edges(&self) -> &[(u32, u32)] {
        &self.stored.edges
    }

    /// Where its nodes run.
    pub fn seat(&self) -> Seat {
        self.stored.seat
    }

    /// The folder of a node: its data directory, with `filbert.toml` and `log` in it.
    ///
    /// # Errors
    /// There is no such node.
    pub fn folder(&self, number: u32) -> Result<PathBuf, ClusterError> {
        Ok(self.directory.node(&self.node(number)?.name))
    }

    /// Where what a node prints goes; nodes in one process print into one file.
    ///
    /// # Errors
    /// There is no such node.
    pub fn log(&self, number: u32) -> Result<PathBuf, ClusterError> {
        let node = self.node(number)?;
        Ok(match self.seat() {
            Seat::InProcess => self.directory.log(HOST),
            _ => self.directory.log(&node.name),
        })
    }

    /// A node by its number.
    ///
    /// # Errors
    /// There is no such node.
    pub fn node(&self, number: u32) -> Result<&Planned, ClusterError> {
        let nodes = self.nodes();
        nodes.get(number as usize).ok_or(ClusterError::NoSuchNumber { number, nodes: nodes.len() })
    }

    /// Speaks to a node.
    ///
    /// # Errors
    /// It does not run, or there is no such node.
    pub fn client(&self, number: u32) -> Result<Client, ClusterError> {
        let name = &self.node(number)?.name;
        Client::of_data_dir(&self.directory.node(name))
            .map_err(|error| ClusterError::of_call(name, error))
    }

    /// Ends everything and removes the directory: nothing is left of the network, also if it
    /// stands only in parts.
    ///
    /// # Errors
    /// A process that does not end, a file that cannot be removed.
    pub async fn down(self) -> Result<(), ClusterError> {
        let gone = clear(&self.directory).await;
        self.bury();
        gone
    }

    fn children(&self) -> MutexGuard<'_, Vec<(String, Child)>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets the processes of our own that have ended.
    fn bury(&self) {
        self.children().retain_mut(|(_, child)| matches!(child.try_wait(), Ok(None)));
    }
}

/// Makes the directory of a cluster that is to stand, so that what its nodes share can be put into
/// its folder [`FILES`], and [`down`] clears it.
///
/// # Errors
/// A cluster stands there, or something else is in the directory.
pub fn prepare(dir: &Path) -> Result<(), ClusterError> {
    Directory::create(dir).map(drop)
}

/// Takes down what is in a directory, whatever state it is in: a standing network, one that was
/// begun and not finished, processes whose directory is gone. Returns whether there was anything.
///
/// # Errors
/// The directory is something else, a process does not end, a file cannot be removed.
pub async fn down(dir: &Path) -> Result<bool, ClusterError> {
    let directory = Directory::at(dir);
    let began = directory.is_ours()?;
    let are_namespaces = Namespaces::of(directory.path()).are_there();
    if !began && !are_namespaces && Running::all(directory.path())?.is_empty() {
        return Ok(false);
    }
    let _lock = if began { Some(directory.lock()?) } else { None };
    clear(&directory).await.map(|()| true)
}

/// Kills until nobody is left, removes the directory, and looks again: a process that was just
/// being started finds no settings and ends, or is found.
async fn clear(directory: &Directory) -> Result<(), ClusterError> {
    let namespaces = Namespaces::of(directory.path());
    loop {
        let running = Running::all(directory.path())?;
        if running.is_empty() && !directory.path().exists() && !namespaces.are_there() {
            return Ok(());
        }
        for process in &running {
            process.signal(process::Signal::KILL)?;
        }
        for process in &running {
            process.gone(life::KILLED_WITHIN).await?;
        }
        if Running::all(directory.path())?.is_empty() {
            namespaces.remove()?;
            directory.remove()?;
        }
    }
}
