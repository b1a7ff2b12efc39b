//! The servent's hands on smol: sockets, names, disk, the clock and entropy around one node.
//!
//! [`Driver::bind`] takes the port, [`Driver::run`] is the loop (`turn`): one task that owns the
//! node and all its links. Drive it by `smol::block_on` on a thread of its own, or spawn it on an
//! executor that somebody drives so. Everybody else talks to it through a [`Handle`].

mod bell;
mod carry;
mod clock;
pub mod codec;
pub mod conditions;
mod descriptors;
mod disk;
mod entropy;
mod handle;
mod hands;
pub mod hash;
mod keep;
mod mapping;
mod names;
mod network;
pub mod partial;
mod perform;
mod post;
mod publish;
mod ranges;
mod record;
mod replay;
pub mod scan;
pub mod shares;
mod sharing;
pub mod state;
mod subscribe;
mod tcp;
#[cfg(test)]
mod tests;
mod turn;
mod udp;

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;

use smol::channel;
use socket2::{Domain, Protocol, Socket, Type};

pub use conditions::{Conditions, ConditionsError};
pub use handle::{Handle, Stopped};
pub use network::{Network, NoNetwork};
pub use record::Recording;
pub use replay::{Divergence, ReplayError, ReplayReport, replay};
pub use shares::SharesView;
pub use subscribe::{Heard, Subscription};

use self::bell::{Bell, Who};
use self::clock::{Clock, wall_time};
use self::disk::Disk;
use self::hands::Hands;
use self::keep::Keep;
use self::partial::PartialStore;
use self::post::POSTS_MAX;
use self::record::{Beginning, Recorder};
use self::scan::Folders;
use self::shares::HashIndex;
use self::sharing::Sharing;
use self::state::{DataDir, Hosts, StateError};
use self::subscribe::Subscribers;
use self::tcp::Listener;
use self::turn::Turns;
use self::udp::Udp;
use crate::node::{Command, Config, Input, Node, Rng};

/// Connections that wait to be accepted at most.
const BACKLOG: i32 = 1_024;

/// Ports tried when the system shall choose one that is free for TCP and UDP.
const PORTS_TRIED_MAX: usize = 16;

/// The folder for unfinished downloads inside the data directory.
const INCOMPLETE: &str = "incomplete";

/// What a driver is made of.
#[derive(Debug)]
pub struct Setup {
    /// How the node behaves. With port 0 in `listen` the system chooses one.
    pub config: Config,
    /// Who the node is, what it remembers, and its unfinished downloads; locked as long as the
    /// driver lives.
    pub data_dir: PathBuf,
    /// Where finished downloads go.
    pub download_dir: PathBuf,
    /// The folders to share.
    pub shares: Vec<PathBuf>,
    /// A file to record all inputs in.
    pub record: Option<PathBuf>,
    /// The node's randomness; the system's if not given.
    pub seed: Option<[u8; 32]>,
}

/// Why a driver cannot start.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {}", what_to_do(.source))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The data directory cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// A folder for downloads cannot be used.
    #[error("{0}; choose another folder for downloads")]
    Folder(io::Error),
    /// The record cannot be written.
    #[error("cannot write the record {}: {source}", .path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The system gives no randomness.
    #[error("the system gives no random numbers")]
    NoEntropy,
}

fn what_to_do(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program uses this port; stop it, or choose another port".to_owned()
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address; choose one that it has".to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            "not allowed; choose a port from 1024 to 65535".to_owned()
        }
        _ => error.to_string(),
    }
}

/// A node with its sockets, ready to run.
#[derive(Debug)]
pub struct Driver {
    turns: Turns,
    keep: Keep,
    config: Arc<Config>,
    handle: Handle,
}

impl Driver {
    /// Takes the port (TCP and UDP), the folders, the record file and a seed. From now on others
    /// can connect; they are answered when the driver runs.
    pub fn bind(setup: Setup) -> Result<Driver, DriverError> {
        let Setup { mut config, .. } = setup;
        let (tcp, udp) = ports(config.listen)?;
        let failed = |source| DriverError::Listen { address: config.listen, source };
        let listen = tcp.local_addr().map_err(failed)?;
        let bell = Arc::new(Bell::default());
        let listener = Listener::new(tcp, bell.rope(Who::Listener)).map_err(failed)?;
        let udp = Udp::new(udp, bell.rope(Who::Udp)).map_err(failed)?;
        config.listen = listen;
        config.connections_max = descriptors::connections_that_fit(config.connections_max);

        let seed = setup.seed.map_or_else(entropy::seed, Ok)?;
        let rng = Rng::new(seed);
        let mut data_dir = DataDir::open(&setup.data_dir)?;
        let guid = keep::identity(&mut data_dir, &rng)?.servent;
        let hosts = data_dir.load::<Hosts>().unwrap_or_default();
        let hashes = data_dir.load::<HashIndex>().unwrap_or_default();
        let incomplete_dir = setup.data_dir.join(INCOMPLETE);
        let store = PartialStore::open(&setup.download_dir, &incomplete_dir)
            .map_err(DriverError::Folder)?;
        let unfinished = store.unfinished().map_err(DriverError::Folder)?;
        let without = vec![setup.data_dir];
        let folders = Folders { shared: setup.shares, without };
        let data_dir = Arc::new(data_dir);

        let (clock, started_at) = (Clock::start(), wall_time());
        let beginning = Beginning::new(&config, guid, seed, started_at);
        let recorder = match setup.record {
            Some(path) => Some(
                Recorder::create(&path, &beginning)
                    .map_err(|source| DriverError::Record { path, source })?,
            ),
            None => None,
        };
        let (posts, inbox) = channel::bounded(POSTS_MAX);
        let subscribers = Arc::new(Subscribers::open());
        let mut sharing = Sharing::new(hashes, folders, Arc::clone(&data_dir), posts.clone());
        let shelf = sharing.shelf();
        let is_laboratory = conditions::is_laboratory(listen.ip(), config.local_addresses);
        let told = Arc::clone(&subscribers);
        let handle = Handle::new(listen, posts.clone(), told, shelf.clone(), is_laboratory);
        let disk = Disk::new(store, posts.clone());
        let hands = Hands::new(bell, posts, subscribers, udp, disk, shelf, &config);
        let config = Arc::new(config);
        let node = Node::new(Arc::clone(&config), guid, rng, started_at);
        let mut turns = Turns::new(node, hands, listener, inbox, clock, recorder);
        turns.feed(Input::Command(Command::Remember(hosts.0)));
        for (download, request) in unfinished {
            turns.feed(Input::Command(Command::Download { download, request }));
        }
        sharing.rescan();
        Ok(Driver { turns, keep: Keep::new(data_dir, sharing), config, handle })
    }

    /// Where it listens, with the port that the system chose if it was 0.
    pub fn listen(&self) -> SocketAddr {
        self.handle.listen()
    }

    /// How the node behaves; `listen` is the address that it listens on.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// For everybody else.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Runs until [`Command::Shutdown`] is done. Dropped before, it leaves without a Bye and
    /// without remembering its hosts.
    pub async fn run(mut self) {
        self.turns.run(&mut self.keep).await;
        let mapper = self.turns.hands.mapper.take();
        let hosts = self.turns.node.remembered();
        drop(self.turns);
        self.keep.close(hosts).await;
        if let Some(mapper) = mapper {
            mapper.close().await;
        }
    }
}

/// A listening TCP socket and a UDP socket on the same address and port.
fn ports(address: SocketAddr) -> Result<(TcpListener, UdpSocket), DriverError> {
    let failed = |source| DriverError::Listen { address, source };
    let mut tries_left = if address.port() == 0 { PORTS_TRIED_MAX } else { 1 };
    loop {
        tries_left -= 1;
        let tcp = listening(address).map_err(failed)?;
        let same = tcp.local_addr().map_err(failed)?;
        match UdpSocket::bind(same) {
            Ok(udp) => return Ok((tcp, udp)),
            Err(e) if e.kind() == io::ErrorKind::AddrInUse && tries_left > 0 => {}
            Err(e) => return Err(failed(e)),
        }
    }
}

fn listening(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // So that a restart need not wait for connections that just ended.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
