//! What a person or a program may want to know.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{DownloadId, SearchId, Source};
use crate::node::Why;
use crate::wire::{Guid, Sha1};

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
    /// A search begins to ask, with this query.
    Asks {
        /// Which.
        search: SearchId,
        /// The GUID of its query.
        query: Guid,
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
