//! The listening side: accepts connections, lets in who may, hands requests to the routes.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use axum::body::Body;
use axum::handler::Handler;
use axum::routing::{MethodRouter, any_service};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use smol::channel::{Receiver, Sender, bounded};
use smol::{Async, Executor};
use smol_hyper::rt::{FuturesIo, SmolTimer};
use socket2::SockRef;
use thiserror::Error;

use super::auth::{Gate, Token, write_private};
use super::desk::Desk;
use super::{ADDRESS_FILE, TOKEN_FILE, answer, routes};
use crate::servent::Servent;

/// Connections at once; a page and a few programs need a dozen.
const CONNECTIONS_MAX: usize = 128;
/// The head of a request must be complete within this.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// After a failed accept (no file descriptors left, say) the next is tried after this.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Bytes that the system keeps for a client that does not read. What is beyond it misses events
/// and is told so, instead of hearing old news much later.
const SEND_BUFFER_BYTES: usize = 64 << 10;
/// How long answers under way may take when the server stops.
const LINGER: Duration = Duration::from_secs(1);

/// How the interface is offered.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Where it listens; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Whether it may listen where other machines reach it. The token then crosses the network in
    /// the clear.
    pub allow_remote: bool,
    /// Runs it as a task of this executor, which somebody must drive by `smol::block_on`. Without
    /// it: a thread of its own.
    pub executor: Option<Arc<Executor<'static>>>,
}

impl Default for ServerOptions {
    fn default() -> ServerOptions {
        ServerOptions {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            allow_remote: false,
            executor: None,
        }
    }
}

/// Why the interface could not be offered.
#[derive(Debug, Error)]
pub enum ServerError {
    /// Other machines would reach it.
    #[error("the interface would be open to other machines at {0}: listen on 127.0.0.1 or [::1]")]
    NotLoopback(SocketAddr),
    /// The address cannot be listened on.
    #[error("the interface cannot listen on {address}: {error}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// The token or address file cannot be written.
    #[error("cannot write {}: {error}", .path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The system gives no random bytes for a token, or no thread.
    #[error("cannot start the interface: {0}")]
    System(io::Error),
    /// The servent has stopped.
    #[error(transparent)]
    Stopped(#[from] crate::servent::Stopped),
}

/// The interface of a servent, while it is offered. Dropping it ends it.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    data_dir: PathBuf,
    desk: Arc<Desk>,
    stop: Sender<Infallible>,
    ended: Receiver<Infallible>,
    shutdown_wanted: Receiver<()>,
}

impl Server {
    /// Offers the interface on the executor or a thread of its own, and leaves its address and token in the data
    /// directory for clients.
    pub async fn start(servent: Servent, options: ServerOptions) -> Result<Server, ServerError> {
        let address = options.listen;
        if !address.ip().is_loopback() && !options.allow_remote {
            return Err(ServerError::NotLoopback(address));
        }
        let listen = |error| ServerError::Listen { address, error };
        let listener = TcpListener::bind(address).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let listener = Async::new(listener).map_err(listen)?;
        let token = Token::new().map_err(|error| ServerError::System(io::Error::other(error)))?;
        let data_dir = servent.places().data_dir.clone();
        let (shutdown, shutdown_wanted) = bounded(1);
        let desk = Desk::open(servent, shutdown).await?;
        leave(&data_dir, TOKEN_FILE, token.as_str())?;
        leave(&data_dir, ADDRESS_FILE, &address.to_string())?;
        let (stop, stopped) = bounded(1);
        let (end, ended) = bounded(1);
        let hall = Arc::new(Hall {
            gate: Gate::new(token, address),
            routes: any_service(routes::router(Arc::clone(&desk))),
            connections: AtomicUsize::new(0),
        });
        let serving = serve(listener, hall, Arc::clone(&desk), stopped);
        let serving = async move {
            serving.await;
            drop(end);
        };
        match options.executor {
            Some(executor) => executor.spawn(serving).detach(),
            None => {
                thread::Builder::new()
                    .name("filbert-api".to_owned())
                    .spawn(move || smol::block_on(serving))
                    .map_err(ServerError::System)?;
            }
        }
        Ok(Server { address, data_dir, desk, stop, ended, shutdown_wanted })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until a client asks for the end of the servent (`POST /shutdown`). To obey is the
    /// business of whoever owns the servent.
    pub async fn shutdown_wanted(&self) {
        // The sender lives in the desk, which lives in self.
        let _ = self.shutdown_wanted.recv().await;
    }

    /// Ends it: streams of events are closed, answers under way still go out, the address and
    /// token files are removed.
    pub async fn stop(self) {
        self.desk.close();
        self.stop.close();
        let _ = self.ended.recv().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.close();
        for name in [ADDRESS_FILE, TOKEN_FILE] {
            // Gone already, or its folder is: all the better.
            let _ = std::fs::remove_file(self.data_dir.join(name));
        }
    }
}

fn leave(data_dir: &Path, name: &str, text: &str) -> Result<(), ServerError> {
    let path = data_dir.join(name);
    write_private(&path, text).map_err(|error| ServerError::Write { path, error })
}

/// What every connection needs.
struct Hall {
    gate: Gate,
    routes: MethodRouter,
    connections: AtomicUsize,
}

async fn serve(
    listener: Async<TcpListener>,
    hall: Arc<Hall>,
    desk: Arc<Desk>,
    stopped: Receiver<Infallible>,
) {
    let executor = Arc::new(Executor::new());
    let watching = executor.spawn(Arc::clone(&desk).watch());
    let accepting = executor.spawn(accept(listener, Arc::clone(&hall), Arc::clone(&executor)));
    let until_stopped = async {
        let _ = stopped.recv().await;
        accepting.cancel().await;
        watching.cancel().await;
        desk.close();
        let all_gone = async {
            while hall.connections.load(Ordering::Relaxed) > 0 {
                smol::Timer::after(Duration::from_millis(5)).await;
            }
        };
        smol::future::or(all_gone, async {
            smol::Timer::after(LINGER).await;
        })
        .await;
        desk.save().await;
    };
    executor.run(until_stopped).await;
}

async fn accept(listener: Async<TcpListener>, hall: Arc<Hall>, executor: Arc<Executor<'static>>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            smol::Timer::after(ACCEPT_PAUSE).await;
            continue;
        };
        let hall = Arc::clone(&hall);
        if hall.connections.fetch_add(1, Ordering::Relaxed) < CONNECTIONS_MAX {
            executor.spawn(converse(stream, hall)).detach();
        } else {
            hall.connections.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

async fn converse(stream: Async<std::net::TcpStream>, hall: Arc<Hall>) {
    // If the system does not like the size, its own is good enough.
    let _ = SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER_BYTES);
    let service = service_fn(|request| handle(request, &hall));
    // A broken connection is the client's loss, and there is nobody to tell.
    let _ = http1::Builder::new()
        .timer(SmolTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(FuturesIo::new(stream), service)
        .await;
    hall.connections.fetch_sub(1, Ordering::Relaxed);
}

fn handle(
    request: Request<Incoming>,
    hall: &Hall,
) -> impl Future<Output = Result<Response<Body>, Infallible>> + use<> {
    let admitted = hall.gate.admit(request.uri(), request.headers());
    let routes = hall.routes.clone();
    async move {
        Ok(match admitted {
            Ok(()) => answer::in_json(routes.call(request.map(Body::new), ()).await).await,
            Err(code) => answer::refuse(code, answer::text_of(code)),
        })
    }
}
