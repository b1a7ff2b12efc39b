//! What a servent is started with, and what can be wrong with it.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::node::Config;

/// What a servent is started with. All of it may stay at its default:
///
/// ```
/// use filbert::servent::Options;
/// let options = Options { listen: "127.0.0.1:0".parse()?, ..Options::default() };
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone)]
pub struct Options {
    /// Where hosts, hashes and unfinished downloads are remembered; one servent at a time. Without
    /// it: a temporary folder that is removed when the servent stops, but for finished downloads.
    pub data_dir: Option<PathBuf>,
    /// Where finished downloads go; `downloads` in the data directory if not given.
    pub download_dir: Option<PathBuf>,
    /// The address to listen on and to connect from; port 0 lets the system choose. Takes the
    /// place of `config.listen`.
    pub listen: SocketAddr,
    /// Folders to share, with what lies below them.
    pub shares: Vec<PathBuf>,
    /// Hosts (`HOST:PORT`) to connect to at once.
    pub connect: Vec<String>,
    /// Where hosts are asked for when neighbours are missing: `default` (the well-known UDP host
    /// caches of the public network), `HOST:PORT` (a peer), `uhc:HOST:PORT` (a UDP host cache),
    /// `http://HOST/PATH` (a web cache). Empty, or `none`: nobody is asked. `default` counts for
    /// nothing while `listen` is a loopback address.
    pub bootstrap: Vec<String>,
    /// Limits, durations and choices.
    pub config: Config,
    /// A file to record all inputs of the node in, for a replay.
    pub record: Option<PathBuf>,
    /// Runs the servent as a task of this executor: one executor can run a thousand servents on
    /// one thread. Somebody must drive it by `smol::block_on`. Without it: a thread of its own.
    pub executor: Option<Arc<smol::Executor<'static>>>,
}

impl Default for Options {
    fn default() -> Options {
        let config = Config::default();
        Options {
            data_dir: None,
            download_dir: None,
            listen: config.listen,
            shares: Vec::new(),
            connect: Vec::new(),
            bootstrap: Vec::new(),
            config,
            record: None,
            executor: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("data_dir", &self.data_dir)
            .field("download_dir", &self.download_dir)
            .field("listen", &self.listen)
            .field("shares", &self.shares)
            .field("connect", &self.connect)
            .field("bootstrap", &self.bootstrap)
            .finish_non_exhaustive()
    }
}
