//! The host: all nodes of a cluster in one process, on one thread.
//!
//! It does what it is told over its socket and nothing by itself, so that a node in it comes and
//! goes as a process of its own would.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use smol::Executor;
use smol::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use smol::net::unix::{UnixListener, UnixStream};

use super::alike;
use super::control::{Answer, Order, SOCKET};
use super::directory::Directory;
use super::{ClusterError, Planned};
use crate::api::{Server, ServerOptions};
use crate::servent::{Options, Servent};

/// After a connection that could not be accepted the next is tried after this.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A node in this process.
#[derive(Debug)]
struct Hosted {
    servent: Servent,
    server: Server,
    still: bool,
}

/// All of them.
#[derive(Debug)]
struct Host {
    directory: Directory,
    executor: Arc<Executor<'static>>,
    nodes: Mutex<BTreeMap<u32, Hosted>>,
}

/// Hosts the nodes of the cluster in `dir` for ever; the executor must be driven by whoever calls.
///
/// # Errors
/// There is no cluster, or its socket cannot be made.
pub async fn host(dir: &Path, executor: Arc<Executor<'static>>) -> Result<(), ClusterError> {
    let directory = Directory::find(dir)?;
    // A short path, however long the directory's is.
    std::env::set_current_dir(directory.path()).map_err(ClusterError::file(directory.path()))?;
    let _ = fs::remove_file(SOCKET);
    let listener = UnixListener::bind(SOCKET).map_err(ClusterError::file(SOCKET.as_ref()))?;
    let host = Host { directory, executor: Arc::clone(&executor), nodes: Mutex::default() };
    let host = Arc::new(host);
    loop {
        match listener.accept().await {
            // Whoever asked and went away needs no answer.
            Ok((stream, _)) => executor.spawn(Arc::clone(&host).listen(stream)).detach(),
            Err(_) => drop(smol::Timer::after(ACCEPT_PAUSE).await),
        }
    }
}

impl Host {
    async fn listen(self: Arc<Host>, stream: UnixStream) {
        let mut line = String::new();
        let mut reader = BufReader::new(stream);
        if reader.read_line(&mut line).await.is_err() {
            return;
        }
        let answer = match serde_json::from_str(&line) {
            Ok(order) => self.obey(order).await,
            Err(error) => Answer::Failed(0, error.to_string()),
        };
        let mut text = serde_json::to_vec(&answer).unwrap_or_default();
        text.push(b'\n');
        // Gone: then nobody wants to know.
        let _ = reader.get_mut().write_all(&text).await;
    }

    async fn obey(&self, order: Order) -> Answer {
        match order {
            Order::Start(numbers) => {
                let stored = match self.directory.read() {
                    Ok(stored) => stored,
                    Err(error) => return Answer::Failed(0, error.to_string()),
                };
                let nodes = numbers
                    .iter()
                    .filter_map(|&number| Some((number, stored.nodes.get(number as usize)?)));
                let started = nodes.map(|(number, node)| async move {
                    self.start(number, node).await.map_err(|error| Answer::Failed(number, error))
                });
                alike::try_all(started).await.map_or_else(|failed| failed, |_| Answer::Done)
            }
            Order::Stop(numbers) => {
                let ended = self.take(&numbers).into_iter().map(|hosted| async move {
                    // The links hear it in the same moment, and nobody has to wait for anybody.
                    smol::future::zip(hosted.server.stop(), hosted.servent.stop()).await;
                });
                alike::all(ended).await;
                Answer::Done
            }
            Order::Kill(numbers) => {
                for Hosted { servent, server, .. } in self.take(&numbers) {
                    drop(server);
                    servent.kill().await;
                }
                Answer::Done
            }
            Order::Vanish(numbers) => self.stand_still(&numbers, true),
            Order::GoOn(numbers) => self.stand_still(&numbers, false),
            Order::Lives => {
                let lives =
                    self.nodes().iter().map(|(&number, node)| (number, node.still)).collect();
                Answer::Lives(lives)
            }
        }
    }

    async fn start(&self, number: u32, node: &Planned) -> Result<(), String> {
        if self.nodes().contains_key(&number) {
            return Ok(());
        }
        let options = Options {
            data_dir: Some(self.directory.node(&node.name)),
            listen: node.config.listen,
            shares: node.shares.clone(),
            config: node.config.clone(),
            executor: Some(Arc::clone(&self.executor)),
            ..Options::default()
        };
        let servent = Servent::start(options).await.map_err(|error| error.to_string())?;
        let offer = ServerOptions {
            listen: SocketAddr::new(node.config.listen.ip(), 0),
            executor: Some(Arc::clone(&self.executor)),
            ..ServerOptions::default()
        };
        let server = Server::start(servent.clone(), offer).await.map_err(|error| error.to_string());
        match server {
            Ok(server) => {
                self.nodes().insert(number, Hosted { servent, server, still: false });
                Ok(())
            }
            Err(error) => {
                servent.kill().await;
                Err(error)
            }
        }
    }

    fn stand_still(&self, numbers: &[u32], still: bool) -> Answer {
        let mut nodes = self.nodes();
        for number in numbers {
            if let Some(node) = nodes.get_mut(number) {
                node.servent.stand_still(still);
                node.still = still;
            }
        }
        Answer::Done
    }

    /// Takes nodes out that run; one that stands still goes on to hear of its end.
    fn take(&self, numbers: &[u32]) -> Vec<Hosted> {
        let mut nodes = self.nodes();
        let taken: Vec<Hosted> = numbers.iter().filter_map(|number| nodes.remove(number)).collect();
        taken.iter().filter(|node| node.still).for_each(|node| node.servent.stand_still(false));
        taken
    }

    fn nodes(&self) -> MutexGuard<'_, BTreeMap<u32, Hosted>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
