//! The client for the interface of a running servent: typed calls, and events as a stream.
//!
//! Every call opens a connection of its own, so a client holds nothing between calls and works in
//! any executor. Dropping a call or a stream closes its connection.

use std::fmt;
use std::future::{self, Future};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use smol::Timer;
use smol::future::or;
use smol::net::TcpStream;
use smol_hyper::rt::FuturesIo;
use thiserror::Error;

use super::sse::Reader;
use super::types::{
    BASE, Block, Conditions, Counters, Download, Event, Failure, FileResult, Folder, Host,
    NewDownload, NewSearch, Passages, Peer, Search, SearchPage, Settings, Shares, Status, Upload,
};
use super::{ADDRESS_FILE, TOKEN_FILE};
use crate::wire::Guid;

/// Bytes of an answer at most.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// A servent that says nothing for so long is given up: streams of events say something every 15 s,
/// and no answer takes longer than the look-up of a host name.
const PATIENCE: Duration = Duration::from_secs(60);

/// Speaks to a running servent.
#[derive(Clone)]
pub struct Client {
    address: SocketAddr,
    token: String,
    patience: Duration,
}

/// Why a call failed.
#[derive(Debug, Error)]
pub enum ClientError {
    /// No servent runs with this data directory.
    #[error("no servent is running with data directory {}", .data_dir.display())]
    NotRunning {
        /// The data directory.
        data_dir: PathBuf,
    },
    /// Nobody answers at this address.
    #[error("no servent answers at {address}: {error}")]
    Unreachable {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// The files that a running servent leaves for its clients cannot be read.
    #[error("cannot read {}: {error}", .path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The servent does not accept our token.
    #[error("the servent at {address} does not accept the token of this data directory")]
    WrongToken {
        /// Where.
        address: SocketAddr,
    },
    /// The servent said no.
    #[error("{}", .failure.message)]
    Refused {
        /// HTTP status.
        status: u16,
        /// What it said.
        failure: Failure,
    },
    /// The connection broke before the answer was complete.
    #[error("the servent at {address} went away in the middle of an answer")]
    Lost {
        /// Where.
        address: SocketAddr,
    },
    /// It takes the request, or has begun to answer, and says nothing more.
    #[error("the servent at {address} has not said anything for {} s", .patience.as_secs())]
    Silent {
        /// Where.
        address: SocketAddr,
        /// How long it was awaited.
        patience: Duration,
    },
    /// The answer cannot be understood: no servent, or one of another version.
    #[error("the program at {address} does not answer as a servent of this version: {what}")]
    Strange {
        /// Where.
        address: SocketAddr,
        /// What is wrong.
        what: String,
    },
}

impl Client {
    /// A client for the interface at `address`.
    pub fn new(address: SocketAddr, token: impl Into<String>) -> Client {
        Client { address, token: token.into(), patience: PATIENCE }
    }

    /// Waits so long for a sign of life, instead of a minute.
    pub fn with_patience(self, patience: Duration) -> Client {
        Client { patience, ..self }
    }

    /// A client for the servent that runs with this data directory. That the files are there does
    /// not mean that it still runs: a call may say [`ClientError::Unreachable`].
    pub fn of_data_dir(data_dir: &Path) -> Result<Client, ClientError> {
        let read = |name: &str| {
            let path = data_dir.join(name);
            std::fs::read_to_string(&path).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => {
                    ClientError::NotRunning { data_dir: data_dir.to_owned() }
                }
                _ => ClientError::Unreadable { path, error },
            })
        };
        let address = read(ADDRESS_FILE)?;
        let address = address.trim().parse().map_err(|_| ClientError::Unreadable {
            path: data_dir.join(ADDRESS_FILE),
            error: io::Error::new(io::ErrorKind::InvalidData, "it holds no address"),
        })?;
        Ok(Client::new(address, read(TOKEN_FILE)?.trim()))
    }

    /// Where the servent's interface listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How the servent is doing.
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.get("/status").await
    }

    /// Its neighbours.
    pub async fn peers(&self) -> Result<Vec<Peer>, ClientError> {
        self.get("/peers").await
    }

    /// Makes it connect to `HOST:PORT`. Whether that works, [`Event`]s say.
    pub async fn connect(&self, host: &str) -> Result<(), ClientError> {
        self.tell(Method::POST, "/peers", Some(&Host { host: host.to_owned() })).await
    }

    /// Makes it part from the neighbour `ADDRESS:PORT`.
    pub async fn disconnect(&self, host: &str) -> Result<(), ClientError> {
        self.tell(Method::DELETE, "/peers", Some(&Host { host: host.to_owned() })).await
    }

    /// The addresses that it does not talk to.
    pub async fn blocks(&self) -> Result<Vec<Block>, ClientError> {
        self.get("/blocks").await
    }

    /// Makes it never talk to `ADDRESS` or `ADDRESS/BITS` again.
    pub async fn block(&self, network: &str) -> Result<(), ClientError> {
        self.tell(Method::POST, "/blocks", Some(&Block { network: network.to_owned() })).await
    }

    /// Makes it talk to them again.
    pub async fn unblock(&self, network: &str) -> Result<(), ClientError> {
        self.tell(Method::DELETE, "/blocks", Some(&Block { network: network.to_owned() })).await
    }

    /// Begins a search.
    pub async fn search(&self, query: &NewSearch) -> Result<Search, ClientError> {
        self.ask(Method::POST, "/searches", Some(query)).await
    }

    /// Asks one host (`HOST:PORT`) for all that it shares; what comes is read as a search's.
    pub async fn browse(&self, host: &str) -> Result<Search, ClientError> {
        self.ask(Method::POST, "/browse", Some(&Host { host: host.to_owned() })).await
    }

    /// The searches that the servent remembers, the last one first.
    pub async fn searches(&self) -> Result<Vec<Search>, ClientError> {
        self.get("/searches").await
    }

    /// A search and those of its results that changed after revision `after` (0: all).
    pub async fn search_page(&self, id: u64, after: u64) -> Result<SearchPage, ClientError> {
        self.get(&format!("/searches/{id}?after={after}")).await
    }

    /// The results of a search, those that are there and those to come ([`Event::Result`]); ends
    /// after [`Event::SearchEnded`].
    pub async fn search_events(&self, id: u64) -> Result<EventStream, ClientError> {
        self.stream(&format!("/searches/{id}/events")).await
    }

    /// Ends a search. Its results stay.
    pub async fn stop_search(&self, id: u64) -> Result<(), ClientError> {
        self.tell::<()>(Method::DELETE, &format!("/searches/{id}"), None).await
    }

    /// The result with this number of the last search, also of an earlier run.
    pub async fn result(&self, number: u32) -> Result<FileResult, ClientError> {
        self.get(&format!("/results/{number}")).await
    }

    /// The downloads: those under way, and those that ended since the start.
    pub async fn downloads(&self) -> Result<Vec<Download>, ClientError> {
        self.get("/downloads").await
    }

    /// Begins a download, or goes on with one of the same content that is there already.
    pub async fn download(&self, what: &NewDownload) -> Result<Download, ClientError> {
        self.ask(Method::POST, "/downloads", Some(what)).await
    }

    /// One download.
    pub async fn download_state(&self, id: u64) -> Result<Download, ClientError> {
        self.get(&format!("/downloads/{id}")).await
    }

    /// How a download stands and goes on ([`Event::Download`]); ends when it is over.
    pub async fn download_events(&self, id: u64) -> Result<EventStream, ClientError> {
        self.stream(&format!("/downloads/{id}/events")).await
    }

    /// Gives a download up and removes its partial file.
    pub async fn cancel(&self, id: u64) -> Result<(), ClientError> {
        self.tell::<()>(Method::DELETE, &format!("/downloads/{id}"), None).await
    }

    /// What is being sent to others.
    pub async fn uploads(&self) -> Result<Vec<Upload>, ClientError> {
        self.get("/uploads").await
    }

    /// What is shared.
    pub async fn shares(&self) -> Result<Shares, ClientError> {
        self.get("/shares").await
    }

    /// Makes it share one more folder, until it ends. It is looked through when this returns:
    /// [`Shares::hashing`] says when that is done.
    pub async fn share(&self, folder: &Path) -> Result<(), ClientError> {
        let folder = folder.to_string_lossy().into_owned();
        self.tell(Method::POST, "/shares", Some(&Folder { folder })).await
    }

    /// Makes it look through the shared folders again.
    pub async fn rescan(&self) -> Result<(), ClientError> {
        self.tell::<()>(Method::POST, "/shares/rescan", None).await
    }

    /// What went through since the start, and what was dropped, refused or closed.
    pub async fn counters(&self) -> Result<Counters, ClientError> {
        self.get("/counters").await
    }

    /// What became of the copies of a query and its hits at this servent, or of all queries:
    /// nothing unless the setting `node.passages_max` says that note is taken.
    pub async fn passages(&self, query: Option<Guid>) -> Result<Passages, ClientError> {
        match query {
            Some(query) => self.get(&format!("/passages?query={query}")).await,
            None => self.get("/passages").await,
        }
    }

    /// The settings in effect.
    pub async fn config(&self) -> Result<Settings, ClientError> {
        self.get("/config").await
    }

    /// What its links are like.
    pub async fn conditions(&self) -> Result<Conditions, ClientError> {
        self.get("/conditions").await
    }

    /// Makes its links so; returns how they are then. Only servents in laboratories obey.
    pub async fn set_conditions(&self, conditions: &Conditions) -> Result<Conditions, ClientError> {
        self.ask(Method::PUT, "/conditions", Some(conditions)).await
    }

    /// Everything that happens from now on.
    pub async fn events(&self) -> Result<EventStream, ClientError> {
        self.stream("/events").await
    }

    /// Makes the servent say Bye to its neighbours and end.
    pub async fn shutdown(&self) -> Result<(), ClientError> {
        self.tell::<()>(Method::POST, "/shutdown", None).await
    }

    async fn get<A: DeserializeOwned>(&self, path: &str) -> Result<A, ClientError> {
        self.ask::<(), A>(Method::GET, path, None).await
    }

    async fn ask<Q: Serialize, A: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Q>,
    ) -> Result<A, ClientError> {
        let bytes = self.exchange(method, path, body).await?.bytes().await?;
        serde_json::from_slice(&bytes).map_err(|error| self.strange(error))
    }

    async fn tell<Q: Serialize>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Q>,
    ) -> Result<(), ClientError> {
        self.exchange(method, path, body).await?.bytes().await.map(drop)
    }

    async fn stream(&self, path: &str) -> Result<EventStream, ClientError> {
        let exchange = self.exchange::<()>(Method::GET, path, None).await?;
        Ok(EventStream { exchange, reader: Reader::default(), ended: false })
    }

    /// Sends a request and reads the head of its answer; an answer other than 2xx is an error.
    async fn exchange<Q: Serialize>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Q>,
    ) -> Result<Exchange, ClientError> {
        let request = self.request(method, path, body)?;
        let exchange = or(self.begin(request), async {
            Timer::after(self.patience).await;
            Err(ClientError::Silent { address: self.address, patience: self.patience })
        });
        let exchange = exchange.await?;
        match exchange.response.status() {
            StatusCode::UNAUTHORIZED => Err(ClientError::WrongToken { address: self.address }),
            status if status.is_success() => Ok(exchange),
            status => {
                let bytes = exchange.bytes().await?;
                let failure = serde_json::from_slice(&bytes).map_err(|e| self.strange(e))?;
                Err(ClientError::Refused { status: status.as_u16(), failure })
            }
        }
    }

    /// Sends a request and reads the head of its answer.
    async fn begin(&self, request: Request<Full<Bytes>>) -> Result<Exchange, ClientError> {
        let address = self.address;
        let stream = TcpStream::connect(address)
            .await
            .map_err(|error| ClientError::Unreachable { address, error })?;
        let (mut sender, driven) = http1::handshake(FuturesIo::new(stream))
            .await
            .map_err(|_| ClientError::Lost { address })?;
        let mut connection = Connection(Some(Box::pin(driven)));
        let response = {
            let mut answer = pin!(sender.send_request(request));
            future::poll_fn(|cx| {
                connection.drive(cx);
                answer.as_mut().poll(cx)
            })
            .await
        };
        let response = response.map_err(|_| ClientError::Lost { address })?;
        let (patience, silence) = (self.patience, Timer::after(self.patience));
        Ok(Exchange { address, connection, response, patience, silence })
    }

    fn request<Q: Serialize>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Q>,
    ) -> Result<Request<Full<Bytes>>, ClientError> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{BASE}{path}"))
            .header(HOST, self.address.to_string())
            .header(AUTHORIZATION, format!("Bearer {}", self.token));
        let mut bytes = Vec::new();
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json");
            bytes = serde_json::to_vec(body).map_err(|error| self.strange(error))?;
        }
        request.body(Full::new(bytes.into())).map_err(|error| self.strange(error))
    }

    fn strange(&self, what: impl fmt::Display) -> ClientError {
        ClientError::Strange { address: self.address, what: what.to_string() }
    }
}

impl fmt::Debug for Client {
    /// Without the token: what is printed may end up in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Events as they come, in any executor. Ends when the servent ends it.
#[derive(Debug)]
#[must_use = "nothing is read until it is polled"]
pub struct EventStream {
    exchange: Exchange,
    reader: Reader,
    ended: bool,
}

impl EventStream {
    /// The next event; `None` after the last.
    pub async fn next(&mut self) -> Option<Result<Event, ClientError>> {
        future::poll_fn(|cx| self.poll_event(cx)).await
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event, ClientError>>> {
        let address = self.exchange.address;
        while !self.ended {
            if let Some(data) = self.reader.next() {
                let event = serde_json::from_slice(&data);
                let strange =
                    |e: serde_json::Error| ClientError::Strange { address, what: e.to_string() };
                return Poll::Ready(Some(event.map_err(strange)));
            }
            let error = match std::task::ready!(self.exchange.poll_data(cx)) {
                Some(Ok(bytes)) => match self.reader.push(&bytes) {
                    Ok(()) => continue,
                    Err(_) => ClientError::Strange { address, what: "endless event".to_owned() },
                },
                Some(Err(error)) => error,
                None => break,
            };
            self.ended = true;
            return Poll::Ready(Some(Err(error)));
        }
        self.ended = true;
        Poll::Ready(None)
    }
}

impl smol::stream::Stream for EventStream {
    type Item = Result<Event, ClientError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_event(cx)
    }
}

/// The connection under a call. hyper's must be driven by somebody, and we do not know which
/// executor we are in: whoever waits for an answer drives it along.
struct Connection(Option<Pin<Box<dyn Driven>>>);

trait Driven: Future<Output = Result<(), hyper::Error>> + Send + Sync {}
impl<F: Future<Output = Result<(), hyper::Error>> + Send + Sync> Driven for F {}

impl Connection {
    fn drive(&mut self, cx: &mut Context<'_>) {
        // Its end, good or bad, shows in what waits for the answer.
        if self.0.as_mut().is_some_and(|connection| connection.as_mut().poll(cx).is_ready()) {
            self.0 = None;
        }
    }
}

/// An answer whose body is still to be read.
struct Exchange {
    address: SocketAddr,
    connection: Connection,
    response: Response<Incoming>,
    patience: Duration,
    silence: Timer,
}

impl Exchange {
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, ClientError>>> {
        let (address, patience) = (self.address, self.patience);
        self.connection.drive(cx);
        while let Poll::Ready(frame) = Pin::new(self.response.body_mut()).poll_frame(cx) {
            self.silence.set_after(patience);
            return match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(bytes))) => Poll::Ready(Some(Ok(bytes))),
                Some(Ok(Err(_trailers))) => continue,
                Some(Err(_)) => Poll::Ready(Some(Err(ClientError::Lost { address }))),
                None => Poll::Ready(None),
            };
        }
        let silent = |_| Some(Err(ClientError::Silent { address, patience }));
        Pin::new(&mut self.silence).poll(cx).map(silent)
    }

    async fn bytes(mut self) -> Result<Vec<u8>, ClientError> {
        let address = self.address;
        let mut bytes = Vec::new();
        while let Some(more) = future::poll_fn(|cx| self.poll_data(cx)).await {
            bytes.extend_from_slice(&more?);
            if bytes.len() > ANSWER_BYTES_MAX {
                let what = "endless answer".to_owned();
                return Err(ClientError::Strange { address, what });
            }
        }
        Ok(bytes)
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("address", &self.address).finish_non_exhaustive()
    }
}
