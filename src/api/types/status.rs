//! The state of the servent, as the interface says it.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{HostSource, text};
use crate::node::Tier;
use crate::node::tier::Reason;
use crate::wire::Guid;

/// The state of the servent in one set of facts: `GET /status`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Version of the program.
    pub version: String,
    /// How long it has been running.
    pub uptime_s: u64,
    /// Where it listens for peers.
    pub listen: SocketAddr,
    /// Where others can reach it, as far as it knows.
    pub address: SocketAddr,
    /// Its own GUID, as pushes name it.
    #[serde(with = "text")]
    pub servent: Guid,
    /// Where its state lies.
    pub data_dir: String,
    /// Where finished files go.
    pub download_dir: String,
    /// What it is in the two-tier network.
    pub tier: TierStatus,
    /// Neighbours now.
    pub neighbours: u32,
    /// Ultrapeers among them that it tries to have.
    pub neighbours_wanted: u32,
    /// Connection attempts under way.
    pub connecting: u32,
    /// Hosts it knows of and could connect to.
    pub hosts_known: u32,
    /// What lies as far away as its queries go, if neighbours speak of it.
    #[serde(default)]
    pub horizon: Option<Horizon>,
    /// Where it asks for hosts when neighbours are missing.
    pub sources: Vec<HostSource>,
    /// Files it shares.
    pub shared_files: u64,
    /// Their bytes.
    pub shared_bytes: u64,
    /// What is still to be read of the shared folders; absent when all is done.
    pub hashing: Option<Hashing>,
    /// Searches under way.
    pub searches: u32,
    /// Uploads under way.
    pub uploads: u32,
    /// Downloads that are not finished.
    pub downloads: u32,
    /// Why a search might find nothing now; empty if nothing stands in the way.
    pub obstacles: Vec<Obstacle>,
    /// Whether others can reach it.
    pub reach: Reach,
}

/// Whether others can reach the servent, and how it knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// Whether they can connect to it.
    pub tcp: Door,
    /// Whether their datagrams come in.
    pub udp: Door,
    /// What the router of its network said about its port, in words.
    pub port_mapping: String,
    /// From where the router leads to it.
    pub mapped: Option<SocketAddr>,
    /// The hosts that hand it push requests while it cannot be connected to.
    pub push_proxies: Vec<SocketAddr>,
    /// For how many servents it does the same.
    pub push_proxy_for: u32,
    /// What its user can do so that it is reached; absent if nothing.
    pub advice: Option<String>,
}

/// One way in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Door {
    /// Whether it is open.
    pub openness: Openness,
    /// How the servent knows, in words.
    pub why: String,
    /// For how long that has been so.
    pub since_s: u64,
}

/// Whether strangers can come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Openness {
    /// Not known yet.
    Unknown,
    /// They can.
    Open,
    /// They cannot.
    Closed,
}

/// What the servent is in the two-tier network, and who hangs on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierStatus {
    /// Leaf or ultrapeer.
    pub tier: Tier,
    /// Why.
    pub why: Reason,
    /// Why, in plain words.
    pub text: String,
    /// Ultrapeers that are neighbours.
    pub ultrapeers: u32,
    /// How many of them there may be.
    pub ultrapeers_max: u32,
    /// Leaves that hang on it.
    pub leaves: u32,
    /// How many of them there may be; 0 for a leaf.
    pub leaves_max: u32,
}

/// What lies within some links, as neighbours say: exact in a network without circles, more than
/// there is in one with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Horizon {
    /// How many links.
    pub hops: u8,
    /// Servents.
    pub nodes: u64,
    /// Their files.
    pub files: u64,
    /// Their files' bytes.
    pub bytes: u64,
}

/// How far the reading of the shared folders is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hashing {
    /// Files that wait for their hash; 0 while the folders are looked through. They can be found by name meanwhile.
    pub files_left: u64,
    /// Their bytes.
    pub bytes_left: u64,
}

/// Something that may keep a search from finding anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "obstacle", rename_all = "snake_case")]
pub enum Obstacle {
    /// There is no neighbour, and no host is known that could become one.
    NobodyKnown,
    /// There is no neighbour yet; connections are being tried.
    StillConnecting,
    /// There is no neighbour and no host is known yet; sources of hosts are being asked.
    AskingForHosts,
    /// There is no neighbour, and sources of hosts were of no use when they were asked last.
    SourcesFail {
        /// How many.
        failing: u32,
        /// How many there are.
        sources: u32,
        /// Hosts that are known nevertheless.
        hosts_known: u32,
    },
    /// There are fewer neighbours than wanted.
    FewNeighbours {
        /// How many there are.
        neighbours: u32,
        /// How many are wanted.
        wanted: u32,
    },
    /// These words of the search are too short to be searched for and were ignored.
    WordsTooShort {
        /// The words.
        words: Vec<String>,
    },
    /// The query went only to direct neighbours or a little further.
    SmallTtl {
        /// How far.
        ttl: u8,
    },
    /// Size, extension and word limits of the search itself may have hidden results.
    Filtered,
}
