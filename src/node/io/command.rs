//! What a person or a program wants of the node.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::{DownloadId, HostSource, SearchId};
use crate::library::FileKind;
use crate::node::config::Strategy;
use crate::wire::{Guid, Sha1};

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
