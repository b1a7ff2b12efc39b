//! The whole boundary of the node: what goes in, what comes out.
//!
//! The driver's loop, and the simulator's:
//!
//! ```text
//! for everything that is ready: perform(node.handle(now, input))
//! perform(node.handle(now, Input::TurnOver))     // floods of this turn leave as one shared run
//! sleep until something is ready or node.deadline(), then node.handle(now, Input::Wake)
//! ```
//!
//! File bodies never pass through here: the node orders [`Action::SendFile`] and
//! [`Action::StoreInto`]; the driver carries the bytes and reports [`Input::Carried`].

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::config::Strategy;
pub use super::hosts::source::{HostSource, SourceState, SourceView};
use super::{Time, Why};
use crate::library::{self, FileIndex, FileKind};
use crate::wire::{Guid, Sha1};

/// Names a TCP connection; never used twice in a node's life. The driver names accepted
/// connections (odd numbers), the node those that it orders (even numbers).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ConnId(pub u64);

impl ConnId {
    /// The `n`-th connection that the driver accepted.
    pub fn accepted(n: u64) -> ConnId {
        ConnId(n << 1 | 1)
    }

    /// The `n`-th connection that the node ordered.
    pub fn ordered(n: u64) -> ConnId {
        ConnId(n << 1)
    }

    /// Whether the driver accepted it.
    pub fn is_accepted(self) -> bool {
        self.0 & 1 == 1
    }
}

impl fmt::Debug for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.is_accepted() { "in" } else { "out" }, self.0 >> 1)
    }
}

macro_rules! caller_chosen_ids {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(pub u64);
    )+};
}

caller_chosen_ids! {
    /// Names a search (or the browsing of a host); whoever gives the command chooses it.
    SearchId,
    /// Names a download; whoever gives the command chooses it. Its partial file has the same name.
    DownloadId,
    /// Names a host name to be resolved; the node chooses it.
    LookupId,
}

/// A piece of a shared run of bytes: cloning it costs one counter, so that a flood is one buffer.
#[derive(Clone, Serialize, Deserialize)]
pub struct Chunk {
    run: Arc<[u8]>,
    range: Range<u32>,
}

impl Chunk {
    /// The bytes `range` of `run`; a range that reaches beyond the run is cut to it.
    pub fn new(run: Arc<[u8]>, range: Range<u32>) -> Chunk {
        let end = range.end.min(u32::try_from(run.len()).unwrap_or(u32::MAX));
        Chunk { range: range.start.min(end)..end, run }
    }

    /// A run of its own.
    pub fn copy_of(bytes: &[u8]) -> Chunk {
        Chunk { run: Arc::from(bytes), range: 0..u32::try_from(bytes.len()).unwrap_or(u32::MAX) }
    }

    /// The bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.run[self.range.start as usize..self.range.end as usize]
    }

    /// How many bytes.
    #[inline]
    pub fn len(&self) -> usize {
        (self.range.end - self.range.start) as usize
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.range.is_empty()
    }

    /// A part of the same run; a range that reaches beyond the chunk is cut to it.
    pub fn part(&self, range: Range<u32>) -> Chunk {
        let end = range.end.min(self.range.end - self.range.start);
        let start = self.range.start + range.start.min(end);
        Chunk { run: Arc::clone(&self.run), range: start..self.range.start + end }
    }

    /// The same bytes; copied if they are less than a quarter of their run, so that a piece that
    /// waits does not keep much more alive than itself.
    pub fn detached(self) -> Chunk {
        if self.len() < self.run.len() / 4 { Chunk::copy_of(self.bytes()) } else { self }
    }
}

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chunk({} bytes)", self.len())
    }
}

impl PartialEq for Chunk {
    fn eq(&self, other: &Chunk) -> bool {
        self.bytes() == other.bytes()
    }
}

/// What goes into a node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Input<'a> {
    /// The deadline came, or the caller just wants to look.
    Wake,
    /// Nothing more is ready: floods admitted since the last one leave now.
    TurnOver,
    /// What a person or a program wants.
    Command(Command),
    /// What we share has changed.
    Library(library::Change),
    /// Somebody connected to us.
    Accepted {
        /// Its name, `ConnId::accepted(n)`.
        conn: ConnId,
        /// Who.
        peer: SocketAddr,
        /// Our own address on that connection.
        local: SocketAddr,
    },
    /// A connection that [`Action::Connect`] ordered stands.
    Connected {
        /// Which.
        conn: ConnId,
        /// Our own address on that connection.
        local: SocketAddr,
    },
    /// Bytes came. Never given while a [`Action::StoreInto`] on this connection is incomplete.
    Received {
        /// Where.
        conn: ConnId,
        /// At least one byte, at most 64 KiB.
        #[serde(borrow)]
        data: &'a [u8],
    },
    /// So many bytes of the chunks of [`Action::Send`] have been handed to the system: credit.
    Sent {
        /// Where.
        conn: ConnId,
        /// How many bytes since the last report.
        len: u32,
    },
    /// So many bytes of a file body went by (either direction) since the last report.
    Carried {
        /// Where.
        conn: ConnId,
        /// How many bytes since the last report.
        len: u64,
    },
    /// The connection is gone or never came to stand. Also answers every [`Action::Close`]; the
    /// name is not used again.
    Closed {
        /// Which.
        conn: ConnId,
        /// What happened.
        cause: CloseCause,
    },
    /// A UDP datagram came.
    Datagram {
        /// From whom.
        from: SocketAddr,
        /// All of it.
        #[serde(borrow)]
        data: &'a [u8],
    },
    /// A host name was looked up; no address: there is none.
    Resolved {
        /// Which look-up.
        lookup: LookupId,
        /// Its addresses.
        addresses: Vec<IpAddr>,
    },
    /// The disk answered.
    Disk(DiskReport),
    /// The gateway of our network answered [`Action::MapPort`].
    PortMapped(Result<Mapped, MappingFailure>),
}

/// Why a connection is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CloseCause {
    /// We ordered it.
    Ordered,
    /// The other side closed it in order.
    PeerClosed,
    /// The other side or the network broke it.
    Reset,
    /// It never came to stand: refused or unreachable.
    Unreachable,
    /// It never came to stand in time.
    TimedOut,
    /// A file of ours could not be read for [`Action::SendFile`].
    FileUnreadable,
    /// This machine has no file descriptors or ports left.
    Exhausted,
}

/// What comes out of a node, to be performed in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Action {
    /// Open a TCP connection; answered by `Connected` or `Closed`.
    Connect {
        /// Its name, `ConnId::ordered(n)`.
        conn: ConnId,
        /// Whom to.
        to: SocketAddr,
    },
    /// Look a host name up; answered by `Resolved`.
    Resolve {
        /// Its name.
        lookup: LookupId,
        /// The host name, without a port.
        host: String,
    },
    /// Write these bytes; answered by `Sent` as they go.
    Send {
        /// Where.
        conn: ConnId,
        /// What.
        chunk: Chunk,
    },
    /// After everything sent before on this connection: bytes of a shared file. Answered by
    /// `Carried`; a file that cannot be read closes the connection (`FileUnreadable`).
    SendFile {
        /// Where.
        conn: ConnId,
        /// Which file.
        file: FileIndex,
        /// Which of its bytes.
        range: Range<u64>,
    },
    /// What arrives now on this connection is file content: beginning at byte `body_at` of the
    /// `Received` that is being handled, `range.end - range.start` bytes of it go to offset
    /// `range.start` of the download's partial file. Answered by `Carried` as they are stored;
    /// what arrives beyond the range comes as `Received` again.
    StoreInto {
        /// Where.
        conn: ConnId,
        /// Whose partial file.
        download: DownloadId,
        /// Which of its bytes.
        range: Range<u64>,
        /// Where in the current `Received` data the body begins (its length if all is still to come).
        body_at: u32,
    },
    /// Read nothing more from this connection until `Resume`.
    Pause {
        /// Which.
        conn: ConnId,
    },
    /// Read from this connection again.
    Resume {
        /// Which.
        conn: ConnId,
    },
    /// Close: after what was sent has gone out (`flush`, within `Config::linger_s`), or at once.
    /// Answered by `Closed`. No input for the connection comes in between but `Sent` and `Carried`.
    /// A second one, without `flush`, may cut a flushing one short: room is needed.
    Close {
        /// Which.
        conn: ConnId,
        /// Whether what was sent before still goes out.
        flush: bool,
    },
    /// Send a UDP datagram; it may get lost without a word.
    SendDatagram {
        /// Whom to.
        to: SocketAddr,
        /// All of it.
        data: Chunk,
    },
    /// Something to do with a partial file; answered by `Input::Disk`.
    Disk(DiskOrder),
    /// Something a person or a program may want to know.
    Emit(Event),
    /// Ask the gateway of our network to lead one of its ports to the one we listen on, TCP and
    /// UDP, or to go on with it; answered by `PortMapped`.
    MapPort,
    /// It shall no longer do so. Not answered.
    UnmapPort,
}

/// A port of the gateway of our network that leads to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapped {
    /// Where others reach us by it. The address may be of a local network still, if there is one
    /// more gateway behind the first.
    pub external: SocketAddr,
    /// How long it does so if it is not asked again.
    pub lifetime_s: u32,
    /// How it was asked.
    pub method: MappingMethod,
}

/// How a gateway is asked to map a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MappingMethod {
    /// NAT-PMP (RFC 6886).
    NatPmp,
    /// UPnP Internet Gateway Device.
    Upnp,
}

/// Why a gateway does not map our port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MappingFailure {
    /// No gateway answered, neither by NAT-PMP nor by UPnP.
    NoAnswer,
    /// The gateway does not want to.
    Refused,
}

/// What the disk is asked to do with a download's partial file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DiskOrder {
    /// Open or create the partial file; answered by `Opened` with what it holds from earlier runs.
    Open {
        /// Whose.
        download: DownloadId,
        /// What it is, so that it can be told again after a restart.
        request: DownloadRequest,
    },
    /// Hash the whole partial file, which has so many bytes: what an earlier belief in a larger
    /// size left behind them is cut off. Nothing is being stored there. Answered by `Hashed`.
    Hash {
        /// Whose.
        download: DownloadId,
        /// Its bytes.
        size: u64,
    },
    /// Give the finished file its name in the download folder, never over another; answered by
    /// `Published`.
    Publish {
        /// Whose.
        download: DownloadId,
        /// The wanted name; already safe, a number is added if it is taken.
        name: String,
    },
    /// Forget these bytes of the partial file: they were wrong.
    Forget {
        /// Whose.
        download: DownloadId,
        /// Which bytes.
        range: Range<u64>,
    },
    /// Remove the partial file and what is known of it.
    Discard {
        /// Whose.
        download: DownloadId,
    },
}

/// What the disk answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DiskReport {
    /// The partial file is open.
    Opened {
        /// Whose.
        download: DownloadId,
        /// The bytes it holds from earlier runs, in order, not overlapping.
        have: Vec<Range<u64>>,
    },
    /// The partial file was hashed.
    Hashed {
        /// Whose.
        download: DownloadId,
        /// Its SHA-1.
        sha1: Sha1,
    },
    /// The finished file has its name.
    Published {
        /// Whose.
        download: DownloadId,
        /// Where it lies, for people.
        path: String,
    },
    /// Something could not be done. The node stops the download and says why.
    Failed {
        /// Whose.
        download: DownloadId,
        /// What is wrong.
        failure: DiskFailure,
    },
}

/// What can be wrong with our disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiskFailure {
    /// No room left.
    Full,
    /// Not allowed.
    Denied,
    /// The folder or file is gone.
    Missing,
    /// The device reports an error.
    Io,
}

/// What a person or a program wants of the node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Connect to this host as a neighbour, now, whatever the slots say.
    Connect {
        /// Host name or address, without the port.
        host: String,
        /// TCP port.
        port: u16,
    },
    /// Say Bye to the neighbour with this address.
    Disconnect {
        /// Its address.
        peer: SocketAddr,
    },
    /// Never talk to these addresses again; neighbours among them are closed.
    Block {
        /// First address of the block.
        network: IpAddr,
        /// How many leading bits count.
        prefix_len: u8,
    },
    /// Talk to them again.
    Unblock {
        /// First address of the block.
        network: IpAddr,
        /// How many leading bits count.
        prefix_len: u8,
    },
    /// Hosts remembered from earlier runs.
    Remember(Vec<HostRecord>),
    /// Ask these for hosts when neighbours are missing and no host is known that could become one.
    /// They are added to those that are known already.
    Bootstrap(Vec<HostSource>),
    /// Search the network.
    Search {
        /// Its name.
        search: SearchId,
        /// What for.
        query: SearchQuery,
    },
    /// Ask one host for all that it shares; results come as those of a search.
    Browse {
        /// Its name.
        search: SearchId,
        /// Which host.
        host: SocketAddr,
    },
    /// Hits of this search are no longer wanted.
    StopSearch {
        /// Which.
        search: SearchId,
    },
    /// Download a file.
    Download {
        /// Its name.
        download: DownloadId,
        /// What and from where.
        request: DownloadRequest,
    },
    /// Here are more sources for a download.
    AddSources {
        /// Which.
        download: DownloadId,
        /// Where.
        sources: Vec<Source>,
    },
    /// Give a download up and remove its partial file.
    CancelDownload {
        /// Which.
        download: DownloadId,
    },
    /// Say Bye to everybody. `Event::Stopped` says when all are gone.
    Shutdown,
    /// Ask this host by UDP for hosts to connect to: any servent is a UDP host cache.
    AskForHosts {
        /// Which.
        host: SocketAddr,
    },
}

/// What to search for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SearchQuery {
    /// The words; all must match. May be empty when `sha1` is given.
    pub text: String,
    /// The content.
    pub sha1: Option<Sha1>,
    /// How far the query may go; `Config::query_ttl_default` if not given.
    pub ttl: Option<u8>,
    /// Stop after this many results; `Config::results_per_search_max` if not given.
    pub results_max: Option<u32>,
    /// Only files of at least so many bytes.
    pub size_min: Option<u64>,
    /// Only files of at most so many bytes.
    pub size_max: Option<u64>,
    /// Only names with one of these extensions (without the dot, any case); all if empty.
    pub extensions: Vec<String>,
    /// No names with one of these words.
    pub without: Vec<String>,
    /// Only files of this kind.
    pub kind: Option<FileKind>,
    /// The newest files of everybody, whatever the words.
    pub whats_new: bool,
    /// How the network is asked; `Config::strategy` if not given. A leaf asks all its ultrapeers
    /// at once if this is a strategy of the public network.
    pub strategy: Option<Strategy>,
}

/// A file to download.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DownloadRequest {
    /// The name it shall have here; made safe by the node.
    pub name: String,
    /// Its bytes, if known.
    pub size: Option<u64>,
    /// Its hash, if known. Without it nothing can be verified, and the outcome says so.
    pub sha1: Option<Sha1>,
    /// Who has it. May be empty when `sha1` is given: then the network is asked.
    pub sources: Vec<Source>,
}

/// One servent that has a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its servent GUID: with it a push can be asked for.
    pub servent: Option<Guid>,
    /// The number it gives the file, for `/get/INDEX/NAME`.
    pub index: Option<u32>,
    /// The name it gives the file.
    pub name: Option<String>,
    /// Whether it cannot be connected to and must be asked to push.
    pub firewalled: bool,
    /// Its push proxies: ultrapeers that hand it a Push.
    pub push_proxies: Vec<SocketAddr>,
}

impl Source {
    /// The servent at this address, of which no more is known.
    pub fn at(address: SocketAddr) -> Source {
        Source {
            address,
            servent: None,
            index: None,
            name: None,
            firewalled: false,
            push_proxies: Vec::new(),
        }
    }
}

/// A host that we could connect to, as it is remembered across runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostRecord {
    /// Where it listens.
    pub address: SocketAddr,
    /// When we last had a handshake with it, seconds since 1970; 0 if never.
    pub last_success_s: u64,
    /// How often in a row it could not be connected.
    pub failures: u8,
    /// When somebody last spoke of it, seconds since 1970.
    pub heard_s: u64,
    /// Handshakes with it in all.
    pub successes: u16,
    /// How long our links with it lasted on average, seconds; what it says of itself if there was
    /// none.
    pub uptime_s: u32,
    /// Whether it is an ultrapeer, if that is known. Leaves are not dialled.
    pub ultrapeer: Option<bool>,
}

impl HostRecord {
    /// A host of which nothing is known.
    pub fn new(address: SocketAddr) -> HostRecord {
        HostRecord {
            address,
            last_success_s: 0,
            failures: 0,
            heard_s: 0,
            successes: 0,
            uptime_s: 0,
            ultrapeer: None,
        }
    }
}

/// What happened, for people and programs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A neighbour has been won.
    LinkUp {
        /// Its address.
        peer: SocketAddr,
        /// What it calls itself.
        user_agent: String,
        /// Whether it connected to us.
        incoming: bool,
    },
    /// A neighbour, or one that was to become it, is gone.
    LinkDown {
        /// Its address.
        peer: SocketAddr,
        /// Why.
        why: Why,
        /// What the other side said, if it said something (status line or Bye text).
        said: Option<String>,
    },
    /// Results of a search arrived.
    Found {
        /// Which search.
        search: SearchId,
        /// What was found; at least one.
        hits: Vec<Hit>,
    },
    /// A search asks again with a fresh query, farther than before (an expanding ring).
    AsksAnew {
        /// Which.
        search: SearchId,
        /// The GUID of that query.
        query: Guid,
    },
    /// A search has sent all it will send, has enough results, or was stopped.
    SearchEnded {
        /// Which.
        search: SearchId,
        /// How it ended.
        end: SearchEnd,
    },
    /// A download changed its state or went on.
    Download {
        /// Which.
        download: DownloadId,
        /// How it stands.
        progress: Progress,
    },
    /// A command could not be obeyed.
    Refused {
        /// Why.
        why: Why,
        /// Which command, in its own words.
        command: String,
    },
    /// A source of hosts was asked, to good or bad end.
    SourceAsked {
        /// Which, as the command line writes it.
        source: String,
        /// Hosts that it named and that can be dialled.
        hosts: u32,
        /// Why it was of no use, if it was not.
        why: Option<Why>,
    },
    /// After `Command::Shutdown`: all neighbours are gone.
    Stopped,
}

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchEnd {
    /// As many results as were wanted.
    Enough,
    /// The user stopped it.
    Stopped,
    /// No hit came for `Config::search_lifetime_s`.
    TimedOut,
    /// No word of it can be searched for (too short, or none).
    NothingToMatch,
    /// There is no neighbour to ask.
    NoNeighbours,
    /// The host to browse could not be reached or refused.
    Unreachable,
    /// It never began: there are `Config::searches_max` already.
    TooMany,
    /// It never began: its strategy is not one for this network.
    WrongStrategy,
}

/// One file of one servent that matches a search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// Its name over there. Text of a stranger: escape before showing.
    pub name: String,
    /// Its bytes.
    pub size: u64,
    /// Its content.
    pub sha1: Option<Sha1>,
    /// Where to get it.
    pub source: Source,
    /// Other addresses that are said to have it.
    pub alternates: Vec<SocketAddr>,
    /// When it was made over there, seconds since 1970.
    pub created_at_s: Option<u64>,
    /// Whether the hit looks made up to match any query.
    pub suspicious: bool,
    /// Whether all upload slots were taken.
    pub busy: bool,
    /// The speed the servent claims, kbit/s.
    pub speed_kbit_s: u32,
    /// Four letters of its maker.
    pub vendor: String,
    /// Links the hit crossed on its way back, ours included.
    pub hops: u8,
    /// How long after the search began it arrived, microseconds.
    pub after_us: u64,
}

/// How a download stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// What it is doing.
    pub state: DownloadState,
    /// Bytes stored.
    pub have: u64,
    /// Bytes in all, if known.
    pub size: Option<u64>,
    /// Sources that serve now.
    pub active_sources: u32,
    /// Sources known.
    pub known_sources: u32,
    /// Where the finished file lies.
    pub path: Option<String>,
    /// What went wrong last.
    pub trouble: Option<Why>,
}

/// What a download is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DownloadState {
    /// Asking the network who has it.
    Searching,
    /// Waiting for a source: connecting, asked to push, queued, or to be tried again.
    Waiting,
    /// Bytes are coming.
    Transferring,
    /// All bytes are here and are being hashed.
    Verifying,
    /// In the download folder; the hash was right.
    Done,
    /// In the download folder; no hash was known to hold it against.
    DoneUnverified,
    /// Given up: `trouble` says why.
    Failed,
    /// Cancelled by the user.
    Cancelled,
}

/// The actions of one input, to be performed in order before the next input.
#[must_use = "actions must be performed"]
#[derive(Debug)]
pub struct Actions<'a> {
    all: &'a mut Vec<Action>,
    next: usize,
}

impl<'a> Actions<'a> {
    /// All of these; they are gone when this is.
    pub(super) fn new(all: &'a mut Vec<Action>) -> Actions<'a> {
        Actions { all, next: 0 }
    }
}

impl Iterator for Actions<'_> {
    type Item = Action;

    #[inline]
    fn next(&mut self) -> Option<Action> {
        let action = self.all.get_mut(self.next)?;
        self.next += 1;
        // What stays behind is dropped unseen.
        Some(std::mem::replace(action, Action::UnmapPort))
    }
}

impl Drop for Actions<'_> {
    fn drop(&mut self) {
        self.all.clear();
        // Room for a few is made in no time, and a million nodes at rest hold none of it.
        if self.all.capacity() <= ACTIONS_SMALL {
            *self.all = Vec::new();
        }
    }
}

/// Room for so many actions is not kept from input to input.
const ACTIONS_SMALL: usize = 64;

/// Where the parts of the node put their actions and counts.
#[derive(Debug, Default)]
pub struct Out {
    /// What is to be performed.
    pub actions: Vec<Action>,
    /// What was dropped, refused or closed, and why.
    pub counts: super::why::Counts,
    /// The most bytes that ever waited in the queue of one connection.
    pub queue_peak_bytes: u32,
    /// Accepted connections whose flushing close was ordered and that are not gone yet.
    lingering: BTreeSet<ConnId>,
    connections_ordered: u64,
    lookups_ordered: u64,
}

impl Out {
    /// Orders a connection and names it.
    pub fn connect(&mut self, to: SocketAddr) -> ConnId {
        self.connections_ordered += 1;
        let conn = ConnId::ordered(self.connections_ordered);
        self.actions.push(Action::Connect { conn, to });
        conn
    }

    /// Orders a close.
    pub fn close(&mut self, conn: ConnId, flush: bool) {
        if flush && conn.is_accepted() {
            self.lingering.insert(conn);
        }
        self.actions.push(Action::Close { conn, flush });
    }

    /// The oldest accepted connection that is only being flushed.
    pub(super) fn oldest_lingering(&self) -> Option<ConnId> {
        self.lingering.first().copied()
    }

    /// Cuts the flushing of a connection short; says whether it was being flushed.
    pub(super) fn hurry(&mut self, conn: ConnId) -> bool {
        let lingers = self.gone(conn);
        if lingers {
            self.actions.push(Action::Close { conn, flush: false });
        }
        lingers
    }

    /// A connection is gone; says whether it was being flushed.
    pub(super) fn gone(&mut self, conn: ConnId) -> bool {
        self.lingering.remove(&conn)
    }

    /// Orders a look-up of a host name and names it.
    pub fn resolve(&mut self, host: String) -> LookupId {
        self.lookups_ordered += 1;
        let lookup = LookupId(self.lookups_ordered);
        self.actions.push(Action::Resolve { lookup, host });
        lookup
    }

    /// Sends bytes of their own.
    pub fn send(&mut self, conn: ConnId, bytes: &[u8]) {
        self.actions.push(Action::Send { conn, chunk: Chunk::copy_of(bytes) });
    }

    /// Sends a datagram.
    pub fn send_datagram(&mut self, to: SocketAddr, data: Chunk) {
        self.actions.push(Action::SendDatagram { to, data });
    }

    /// Says something to people and programs.
    pub fn emit(&mut self, event: Event) {
        self.actions.push(Action::Emit(event));
    }

    /// Counts a reason.
    pub fn count(&mut self, why: Why) {
        self.counts.add(why);
    }
}

/// When something shall happen at the earliest; `Time::NEVER` if never.
pub fn earliest(times: impl IntoIterator<Item = Time>) -> Option<Time> {
    times.into_iter().min().filter(|&time| time < Time::NEVER)
}
