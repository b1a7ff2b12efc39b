//! What the HTTP interface says and hears: the JSON of every resource, shared by server and client.
//!
//! Stable within `/api/v1`: fields are added, never changed in meaning or removed, and a reader
//! ignores fields that it does not know. Hashes are 32 base32 characters, GUIDs 32 hexadecimal
//! digits, addresses `IP:PORT`, moments milliseconds since 1970. Texts of strangers (names of
//! files, what a servent calls itself) are as they came: escape them before showing them.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

pub use self::hosts::HostSource;
pub use self::passages::{Fate, Passage, Passages};
pub use self::status::{Door, Hashing, Horizon, Obstacle, Openness, Reach, Status, TierStatus};
use super::text;
use crate::library::FileKind;
use crate::node::config::Strategy;
use crate::node::io::{self, DownloadState, SearchEnd};
use crate::node::{Relation, Why};
pub use crate::servent::{Conditions, Latency, Network};
use crate::wire::{Guid, Sha1};

mod hosts;
mod passages;
mod status;

/// Where the resources lie.
pub const BASE: &str = "/api/v1";

/// A neighbour: `GET /peers`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Peer {
    /// Its address on this connection.
    pub address: SocketAddr,
    /// Where it listens, if it said so.
    pub listen: Option<SocketAddr>,
    /// What it calls itself.
    pub user_agent: String,
    /// What it is to us.
    pub relation: Relation,
    /// Whether it connected to us.
    pub incoming: bool,
    /// How long it has been a neighbour.
    pub connected_s: u64,
    /// Whether what it sends is compressed.
    pub compressed_in: bool,
    /// Whether what we send is compressed.
    pub compressed_out: bool,
    /// Descriptors it sent.
    pub received: u64,
    /// Descriptors we sent.
    pub sent: u64,
    /// Bytes it sent.
    pub received_bytes: u64,
    /// Bytes we sent.
    pub sent_bytes: u64,
    /// Bytes waiting for it.
    pub queued_bytes: u64,
    /// Descriptors not sent because its queue was full.
    pub dropped: u64,
}

/// Names a host: `POST /peers`, `DELETE /peers`, `POST /browse`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// `HOST:PORT`; a name or an address, IPv6 addresses in brackets. Without a port: 6346.
    pub host: String,
}

/// Addresses that are not talked to: `GET /blocks`, `POST /blocks`, `DELETE /blocks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// `ADDRESS` or `ADDRESS/BITS`.
    pub network: String,
}

/// What to search for: `POST /searches`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewSearch {
    /// The words; all must match. May be empty when `sha1` is given.
    pub text: String,
    /// The content.
    #[serde(with = "text::maybe", skip_serializing_if = "Option::is_none")]
    pub sha1: Option<Sha1>,
    /// How many links the query may cross.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u8>,
    /// Stop after so many hits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub results_max: Option<u32>,
    /// Only files of at least so many bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_min: Option<u64>,
    /// Only files of at most so many bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_max: Option<u64>,
    /// Only names with one of these extensions, without the dot, any case; all if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<String>,
    /// No names with one of these words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
    /// Only files of this kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<FileKind>,
    /// The newest files of everybody, whatever the words.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub whats_new: bool,
    /// How the network is asked; as the servent's settings say if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Strategy>,
}

/// A search (or the browsing of a host): `GET /searches`, `GET /searches/{id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Search {
    /// Its name.
    pub id: u64,
    /// What was searched for; empty when a host is browsed.
    pub query: NewSearch,
    /// The GUIDs of its queries, oldest first: one, or one for each flood of an expanding ring.
    #[serde(default, with = "text::all")]
    pub queries: Vec<Guid>,
    /// The host that is browsed, if it is not a search.
    pub browse: Option<SocketAddr>,
    /// When it began, milliseconds since 1970.
    pub started_at_ms: u64,
    /// How it ended; absent while it runs.
    pub ended: Option<SearchEnd>,
    /// Hits so far: one file of one servent each.
    pub hits: u32,
    /// Results so far: hits with the same content are one.
    pub results: u32,
    /// Counts the changes of the results; see [`SearchPage`].
    pub revision: u64,
    /// Neighbours that were asked.
    pub neighbours_asked: u32,
    /// A guess at how many servents the query reached; grows while it is sent to further
    /// neighbours.
    pub reach_guess: u64,
    /// Why it may find nothing, or less than there is.
    pub obstacles: Vec<Obstacle>,
}

/// A search and those of its results that are new or have changed: `GET /searches/{id}?after=N`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SearchPage {
    /// The search. Its `revision` is the next question's `after`.
    pub search: Search,
    /// Results whose `revision` is above `after`, in the order of their numbers.
    pub results: Vec<FileResult>,
}

/// One found file with everybody who has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileResult {
    /// Its search.
    pub search: u64,
    /// Counts from 1 in the order of arrival; never changes within its search.
    pub number: u32,
    /// The search's revision when it last changed (came, or got another source).
    pub revision: u64,
    /// Its name at its best source.
    pub name: String,
    /// Its bytes.
    pub size: u64,
    /// Its content, if its sources said so.
    #[serde(default, with = "text::maybe")]
    pub sha1: Option<Sha1>,
    /// A link to it for other programs; needs a hash.
    pub magnet: Option<String>,
    /// Who has it, best first: not firewalled, not busy, near, fast.
    pub sources: Vec<ResultSource>,
    /// Other addresses that are said to have it.
    pub alternates: Vec<SocketAddr>,
    /// When it was made, seconds since 1970, as the first source that spoke of it says.
    #[serde(default)]
    pub created_at_s: Option<u64>,
    /// Whether it looks made up to match any search, at every source.
    #[serde(default)]
    pub suspicious: bool,
}

/// One servent that answered with a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResultSource {
    /// Where to get it.
    #[serde(flatten)]
    pub source: Source,
    /// Whether all upload slots were taken.
    pub busy: bool,
    /// The speed it claims, kbit/s.
    pub speed_kbit_s: u32,
    /// Four letters of its maker.
    pub vendor: String,
    /// Links the hit crossed on its way, ours included.
    pub hops: u8,
    /// How long after the search began it answered, microseconds.
    pub after_us: u64,
}

/// A place to get a file from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Where the servent listens.
    pub address: SocketAddr,
    /// Its GUID: with it a push can be asked for.
    #[serde(default, with = "text::maybe")]
    pub servent: Option<Guid>,
    /// The number it gives the file.
    #[serde(default)]
    pub index: Option<u32>,
    /// The name it gives the file.
    #[serde(default)]
    pub name: Option<String>,
    /// Whether it must be asked to push.
    #[serde(default)]
    pub firewalled: bool,
    /// The hosts that hand it such a request.
    #[serde(default)]
    pub push_proxies: Vec<SocketAddr>,
}

/// What to download: `POST /downloads`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewDownload {
    /// Which file.
    #[serde(flatten)]
    pub what: What,
    /// The name it shall have in the download folder; its own if absent. Made safe, and a number
    /// is added if it is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// The ways to say which file to download; one of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// `magnet:?xt=urn:sha1:...`
    Magnet(String),
    /// `urn:sha1:` and 32 base32 characters, or only these.
    Urn(String),
    /// A result of a search.
    Result(ResultNumber),
    /// All that is known of it.
    Request(FileRequest),
}

/// Names a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultNumber {
    /// Its number.
    pub number: u32,
    /// Its search; the last one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<u64>,
}

/// A file, described by the one who wants it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FileRequest {
    /// Its name.
    pub name: String,
    /// Its bytes, if known.
    pub size: Option<u64>,
    /// Its hash, if known. Without it nothing can be verified.
    #[serde(default, with = "text::maybe")]
    pub sha1: Option<Sha1>,
    /// Who has it. May be empty when `sha1` is given: then the network is asked.
    pub sources: Vec<Source>,
}

/// A download: `GET /downloads`, `GET /downloads/{id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Download {
    /// Its name.
    pub id: u64,
    /// The name that the file shall have.
    pub name: String,
    /// Its hash, if known.
    #[serde(default, with = "text::maybe")]
    pub sha1: Option<Sha1>,
    /// What it is doing.
    pub state: DownloadState,
    /// Bytes stored.
    pub have: u64,
    /// Bytes in all, if known.
    pub size: Option<u64>,
    /// Bytes a second over the last seconds.
    pub speed_bytes_s: u64,
    /// Time left at that speed; absent if it cannot be said.
    pub left_s: Option<u64>,
    /// Sources that serve now.
    pub active_sources: u32,
    /// Sources known.
    pub known_sources: u32,
    /// Where the finished file lies.
    pub path: Option<String>,
    /// What went wrong last.
    pub trouble: Option<Why>,
}

impl Download {
    /// Whether nothing more will happen to it.
    pub fn is_over(&self) -> bool {
        use DownloadState::{Cancelled, Done, DoneUnverified, Failed};
        matches!(self.state, Done | DoneUnverified | Failed | Cancelled)
    }
}

/// What is shared: `GET /shares`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shares {
    /// The shared folders.
    pub folders: Vec<String>,
    /// Files in all.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What is still to be read of them; absent when all is done.
    pub hashing: Option<Hashing>,
}

/// Names a folder of this machine: `POST /shares`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    /// Its path.
    pub folder: String,
}

/// A file, or a part of one, that is being sent: `GET /uploads`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Who gets it.
    pub address: SocketAddr,
    /// Its name here.
    pub name: String,
    /// Bytes sent so far.
    pub sent: u64,
    /// Bytes asked for.
    pub size: u64,
}

/// What went through the servent and what was dropped: `GET /counters`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Descriptors by kind.
    pub messages: Vec<KindCount>,
    /// What was dropped, refused or closed, by reason; only reasons that applied.
    pub dropped: Vec<Dropped>,
    /// Queries remembered, so that none is handled twice.
    pub seen_queries: u32,
    /// Servents to which a way for pushes is known.
    pub push_routes: u32,
    /// What came and went by UDP.
    pub datagrams: Datagrams,
}

/// What came and went by UDP since the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Datagrams {
    /// Datagrams that came.
    pub received: u64,
    /// Their bytes.
    pub received_bytes: u64,
    /// Datagrams that were sent.
    pub sent: u64,
    /// Their bytes.
    pub sent_bytes: u64,
    /// What was dropped of those that came or were to go, by reason; part of `dropped` above.
    pub dropped: Vec<Dropped>,
    /// Hosts that have proved that they are where they say.
    pub hosts_proven: u32,
    /// Queries whose hits are being offered.
    pub offers: u32,
    /// Hosts whose hits are awaited, each with its query.
    pub requests: u32,
}

/// Descriptors of one kind since the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindCount {
    /// Which: `query`, `query_hit`, `ping`, `pong`, `push`, `bye`, `other`.
    pub kind: String,
    /// From neighbours.
    pub received: u64,
    /// To neighbours, each copy counted.
    pub sent: u64,
}

/// How often something was dropped, refused or closed for one reason since the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// The reason.
    pub why: Why,
    /// The reason in plain words.
    pub text: String,
    /// How often.
    pub count: u64,
}

/// The settings as they are in effect: `GET /config`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Where the state lies.
    pub data_dir: String,
    /// Where finished files go.
    pub download_dir: String,
    /// The shared folders.
    pub shares: Vec<String>,
    /// Limits, durations and choices of the node.
    pub node: crate::node::Config,
}

/// Something that happened: the data of the server-sent events of `GET /events`,
/// `GET /searches/{id}/events` and `GET /downloads/{id}/events`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A neighbour has been won.
    PeerUp {
        /// Its address.
        address: SocketAddr,
        /// What it calls itself.
        user_agent: String,
        /// Whether it connected to us.
        incoming: bool,
    },
    /// A neighbour, or one that was to become it, is gone.
    PeerDown {
        /// Its address.
        address: SocketAddr,
        /// Why.
        why: Why,
        /// What the other side said.
        said: Option<String>,
    },
    /// A result is new or has changed: it replaces the one of the same search and number.
    Result(FileResult),
    /// A search ended.
    SearchEnded(Search),
    /// A download changed its state or went on.
    Download(Download),
    /// A source of hosts was asked.
    SourceAsked {
        /// Which.
        source: String,
        /// Hosts that it named and that can be dialled.
        hosts: u32,
        /// Why it was of no use, if it was not.
        why: Option<Why>,
    },
    /// A command could not be obeyed.
    Refused {
        /// Why.
        why: Why,
        /// Which command.
        command: String,
    },
    /// The reader was too slow: so many events were left out. What they said can be asked for.
    Missed {
        /// How many.
        events: u64,
    },
    /// The servent is leaving; nothing follows.
    Stopping,
}

impl Event {
    /// Its name, as the `event:` line of a server-sent event has it.
    pub fn name(&self) -> &'static str {
        match self {
            Event::PeerUp { .. } => "peer_up",
            Event::PeerDown { .. } => "peer_down",
            Event::Result(_) => "result",
            Event::SearchEnded(_) => "search_ended",
            Event::Download(_) => "download",
            Event::SourceAsked { .. } => "source_asked",
            Event::Refused { .. } => "refused",
            Event::Missed { .. } => "missed",
            Event::Stopping => "stopping",
        }
    }
}

/// Why a request was not obeyed: the body of every answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// For programs.
    pub error: ErrorCode,
    /// For people: what is wrong and what to do.
    pub message: String,
}

/// What can be wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// 401: no token, or a wrong one.
    Unauthorized,
    /// 403: the request comes from a foreign page or names a foreign host.
    Forbidden,
    /// 404: no such resource, or no such search, result, download.
    NotFound,
    /// 405: the resource does not know this method.
    MethodNotAllowed,
    /// 400 or 422: the request cannot be understood.
    BadRequest,
    /// 413: the request is too large.
    TooLarge,
    /// 503: the servent is leaving.
    Stopping,
    /// 502: a host name could not be looked up.
    UnknownHost,
}

impl Source {
    /// The servent at this address, of which no more is known.
    pub fn at(address: SocketAddr) -> Source {
        io::Source::at(address).into()
    }
}

impl From<NewSearch> for io::SearchQuery {
    fn from(new: NewSearch) -> io::SearchQuery {
        io::SearchQuery {
            text: new.text,
            sha1: new.sha1,
            ttl: new.ttl,
            results_max: new.results_max,
            size_min: new.size_min,
            size_max: new.size_max,
            extensions: new.extensions,
            without: new.without,
            kind: new.kind,
            whats_new: new.whats_new,
            strategy: new.strategy,
        }
    }
}

impl From<Source> for io::Source {
    fn from(source: Source) -> io::Source {
        let Source { address, servent, index, name, firewalled, push_proxies } = source;
        io::Source { address, servent, index, name, firewalled, push_proxies }
    }
}

impl From<io::Source> for Source {
    fn from(source: io::Source) -> Source {
        let io::Source { address, servent, index, name, firewalled, push_proxies } = source;
        Source { address, servent, index, name, firewalled, push_proxies }
    }
}
