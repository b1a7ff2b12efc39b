//! The directory of a cluster: its plan, the folders of its nodes, and who may change it.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::ClusterError;
use super::namespaces;
use super::plan::{Plan, Planned, Seat, differences};
use super::process::HOST;
use crate::api::types::Conditions;

/// The plan.
const PLAN: &str = "cluster.json";
/// The plan while it is being written.
const NEW_PLAN: &str = "cluster.json.new";
/// Whoever changes a cluster holds this file.
const LOCK: &str = "lock";
/// What a program that was killed was just starting holds its files for a moment longer.
const LET_GO_WITHIN: Duration = Duration::from_millis(500);
/// How often is looked meanwhile.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);
/// The folders of the nodes.
const NODES: &str = "nodes";
/// A folder that may be there before the cluster is: what its nodes share, in any order. It goes
/// with the cluster.
pub const FILES: &str = "files";
/// The settings of a node, in its folder.
pub(super) const SETTINGS: &str = "filbert.toml";
/// What a node prints, in its folder.
const LOG: &str = "log";
/// What the first key of a plan is, so that no other file is taken for one.
const VERSION: u32 = 1;
/// Threads that remove folders.
const REMOVERS: usize = 8;
/// Where nodes listen if nobody else does.
const PORT: u16 = 6346;
/// Addresses 127.x.y.1 to 127.x.y.254.
const HOSTS_A_NETWORK: u32 = 254;

/// A directory that is, or is to be, a cluster's. Its path is the full one.
#[derive(Debug)]
pub(super) struct Directory(PathBuf);

/// What `cluster.json` holds.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Stored {
    filbert_cluster: u32,
    pub(super) seat: Seat,
    pub(super) program: PathBuf,
    pub(super) nodes: Vec<Planned>,
    pub(super) edges: Vec<(u32, u32)>,
    /// What the links of nodes are like that have something in the way, by their numbers.
    #[serde(default)]
    pub(super) conditions: BTreeMap<u32, Conditions>,
}

impl Stored {
    /// The plan, with an address for every node.
    pub(super) fn new(plan: Plan, program: PathBuf, directory: &Path) -> Stored {
        let Plan { nodes, edges, seat } = plan;
        let mut stored = Stored {
            filbert_cluster: VERSION,
            seat,
            program,
            nodes: Vec::new(),
            edges,
            conditions: BTreeMap::new(),
        };
        for node in nodes {
            stored.push(node, directory);
        }
        stored
    }

    /// One more node, with an address.
    pub(super) fn push(&mut self, mut node: Planned, directory: &Path) {
        let number = self.nodes.len() as u32;
        let first = self.nodes.first().map(|first| first.config.listen);
        node.config.listen = match self.seat {
            Seat::Namespaces => namespaces::address(directory, first, number),
            _ => address(directory, number),
        };
        if node.firewalled {
            self.conditions.entry(number).or_default().firewalled = true;
        }
        self.nodes.push(node);
    }
}

/// The address of a node: its own on loopback, by its number; other clusters use another network.
fn address(directory: &Path, number: u32) -> SocketAddr {
    let hash = hash(directory);
    // 1 to 254: 127.0.0.0/16 is everybody's.
    let network = (hash % 254) as u8 + 1;
    let (third, last) = (number / HOSTS_A_NETWORK, number % HOSTS_A_NETWORK + 1);
    let ip = Ipv4Addr::new(127, network, third as u8, last as u8);
    let usual = SocketAddr::from((ip, PORT));
    if is_free(usual) {
        return usual;
    }
    // Taken by another program, which may listen everywhere: any other port is as good.
    let free = TcpListener::bind((ip, 0)).and_then(|listener| listener.local_addr());
    free.unwrap_or(usual)
}

/// A number of a directory (FNV-1a): the same for the same one, today and tomorrow.
pub(super) fn hash(directory: &Path) -> u32 {
    let bytes = directory.as_os_str().as_encoded_bytes().iter();
    bytes.fold(2_166_136_261u32, |hash, &b| (hash ^ u32::from(b)).wrapping_mul(16_777_619))
}

fn is_free(address: SocketAddr) -> bool {
    TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok()
}

/// The full path of a directory, whether it is there or not.
pub fn full_path(dir: &Path) -> PathBuf {
    if let Ok(path) = dir.canonicalize() {
        return path;
    }
    let path = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    match (path.parent().map(Path::canonicalize), path.file_name()) {
        (Some(Ok(parent)), Some(name)) => parent.join(name),
        _ => path,
    }
}

impl Directory {
    /// Whatever is there.
    pub(super) fn at(dir: &Path) -> Directory {
        Directory(full_path(dir))
    }

    /// Makes the directory of a new cluster, and takes it.
    pub(super) fn create(dir: &Path) -> Result<(Directory, File), ClusterError> {
        fs::create_dir_all(dir).map_err(ClusterError::file(dir))?;
        let directory = Directory::at(dir);
        if directory.plan().exists() {
            return Err(ClusterError::Stands(directory.0));
        }
        if !directory.is_bare()? {
            return Err(ClusterError::NotACluster(directory.0));
        }
        let lock = directory.lock()?;
        // Another may have been quicker.
        match directory.plan().exists() {
            true => Err(ClusterError::Stands(directory.0)),
            false => Ok((directory, lock)),
        }
    }

    /// The directory of a cluster that was begun.
    pub(super) fn find(dir: &Path) -> Result<Directory, ClusterError> {
        let directory = Directory::at(dir);
        match directory.plan().exists() {
            true => Ok(directory),
            false => Err(ClusterError::NoCluster(directory.0)),
        }
    }

    /// Whether it is a cluster's, also of one that was only begun, or not quite removed.
    ///
    /// # Errors
    /// It is something else.
    pub(super) fn is_ours(&self) -> Result<bool, ClusterError> {
        if !self.0.exists() {
            return Ok(false);
        }
        if self.plan().exists() {
            return match self.read() {
                Ok(_) => Ok(true),
                Err(_) => Err(ClusterError::NotACluster(self.0.clone())),
            };
        }
        match self.is_bare()? {
            true => Ok(self.0.join(LOCK).exists()),
            false => Err(ClusterError::NotACluster(self.0.clone())),
        }
    }

    /// Whether nothing is in it but what a cluster has that was not begun in earnest.
    fn is_bare(&self) -> Result<bool, ClusterError> {
        let entries = fs::read_dir(&self.0).map_err(ClusterError::file(&self.0))?;
        let mut names = entries.filter_map(Result::ok).map(|entry| entry.file_name());
        Ok(names.all(|name| [NEW_PLAN, LOCK, FILES].iter().any(|&ours| name == ours)))
    }

    /// The full path.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// The folder of a node.
    pub(super) fn node(&self, name: &str) -> PathBuf {
        self.0.join(NODES).join(name)
    }

    /// Where what a process of this seat prints goes.
    pub(super) fn log(&self, seat: &str) -> PathBuf {
        if seat == HOST { self.0.join(LOG) } else { self.node(seat).join(LOG) }
    }

    fn plan(&self) -> PathBuf {
        self.0.join(PLAN)
    }

    /// Takes the cluster, as long as the file lives and this program does.
    pub(super) fn lock(&self) -> Result<File, ClusterError> {
        let path = self.0.join(LOCK);
        let file = File::create(&path).map_err(ClusterError::file(&path))?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if began.elapsed() < LET_GO_WITHIN => {
                    thread::sleep(LOOK_INTERVAL);
                }
                Err(TryLockError::WouldBlock) => return Err(ClusterError::Busy(self.0.clone())),
                Err(TryLockError::Error(error)) => return Err(ClusterError::File { path, error }),
            }
        }
    }

    /// The same, after whoever has it.
    pub(super) fn lock_in_turn(&self) -> Result<File, ClusterError> {
        let path = self.0.join(LOCK);
        let file = File::create(&path).map_err(ClusterError::file(&path))?;
        file.lock().map_err(ClusterError::file(&path))?;
        Ok(file)
    }

    /// Reads the plan.
    pub(super) fn read(&self) -> Result<Stored, ClusterError> {
        let path = self.plan();
        let bytes = fs::read(&path).map_err(ClusterError::file(&path))?;
        let unreadable = |what: String| ClusterError::Unreadable { path: path.clone(), what };
        let stored: Stored =
            serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
        match stored.filbert_cluster {
            VERSION => Ok(stored),
            other => Err(unreadable(format!("it has version {other}"))),
        }
    }

    /// Writes the plan: whole, or not at all.
    pub(super) fn write(&self, stored: &Stored) -> Result<(), ClusterError> {
        let new = self.0.join(NEW_PLAN);
        let text = serde_json::to_vec(stored).map_err(io::Error::other);
        text.and_then(|text| fs::write(&new, text))
            .and_then(|()| fs::rename(&new, self.plan()))
            .map_err(ClusterError::file(&new))
    }

    /// Makes the folder of a node, with its settings.
    pub(super) fn furnish(&self, node: &Planned) -> Result<(), ClusterError> {
        let folder = self.node(&node.name);
        fs::create_dir_all(&folder).map_err(ClusterError::file(&folder))?;
        let path = folder.join(SETTINGS);
        let text = settings(node).map_err(io::Error::other);
        text.and_then(|text| fs::write(&path, text)).map_err(ClusterError::file(&path))
    }

    /// Removes it; the plan goes last, so that what is left is known to be ours.
    pub(super) fn remove(&self) -> Result<(), ClusterError> {
        remove_each(&self.0.join(NODES))?;
        for folder in [NODES, FILES] {
            removed(&self.0.join(folder), |path| fs::remove_dir_all(path))?;
        }
        let Ok(entries) = fs::read_dir(&self.0) else { return Ok(()) };
        for entry in entries.filter_map(Result::ok) {
            if entry.file_name() != PLAN && entry.file_name() != LOCK {
                let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
                removed(&entry.path(), |path| match is_folder {
                    true => fs::remove_dir_all(path),
                    false => fs::remove_file(path),
                })?;
            }
        }
        removed(&self.plan(), |path| fs::remove_file(path))?;
        removed(&self.0.join(LOCK), |path| fs::remove_file(path))?;
        removed(&self.0, |path| fs::remove_dir(path))
    }
}

/// Removes the folders below this one, several at once: the disk is waited for with each file, and
/// a thousand nodes have ten thousand.
fn remove_each(folder: &Path) -> Result<(), ClusterError> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    let left = Mutex::new(entries.filter_map(Result::ok));
    let work = || {
        let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
        while let Some(entry) = next() {
            removed(&entry.path(), |path| fs::remove_dir_all(path))?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..REMOVERS).map(|_| scope.spawn(work)).collect();
        // A thread that cannot tell leaves its error to the removal of the whole.
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or(Ok(())))
    })
}

/// Removes what may be gone already.
fn removed(path: &Path, how: impl Fn(&Path) -> io::Result<()>) -> Result<(), ClusterError> {
    match how(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(ClusterError::File { path: path.to_owned(), error })
        }
        _ => Ok(()),
    }
}

/// The settings file of a node: what differs from the default.
fn settings(node: &Planned) -> Result<String, toml::ser::Error> {
    let mut own = differences(&node.config)?;
    let mut whole = toml::Table::new();
    for key in ["listen", "role"] {
        if let Some(value) = own.remove(key) {
            whole.insert(key.to_owned(), value);
        }
    }
    let shares = node.shares.iter().map(|folder| folder.to_string_lossy().into_owned());
    whole.insert("bootstrap".to_owned(), toml::Value::Array(Vec::new()));
    whole.insert("share".to_owned(), shares.map(toml::Value::String).collect::<Vec<_>>().into());
    whole.insert("node".to_owned(), own.into());
    toml::to_string(&whole)
}
