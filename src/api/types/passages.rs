//! What became of each copy of a query or hit at a servent.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::api::text;
use crate::node::Why;
pub use crate::node::passages::Fate;
use crate::wire::Guid;

/// The last copies of queries and hits and what became of them, oldest first:
/// `GET /passages?query=GUID`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passages {
    /// How many are kept at most (setting `node.passages_max`); 0: note is not taken of any.
    pub kept_max: u32,
    /// How many made room for newer ones since the start, whatever their query.
    pub overwritten: u64,
    /// When the oldest that is kept came, whatever its query, microseconds since 1970.
    #[serde(default)]
    pub kept_since_us: Option<u64>,
    /// Those of the query that was asked for, or all.
    pub passages: Vec<Passage>,
}

/// A copy of a query or hit, and what became of it here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// When, microseconds since 1970.
    pub at_us: u64,
    /// The query's GUID, which its hits carry, too.
    #[serde(with = "text")]
    pub query: Guid,
    /// What the copy was to the servent.
    pub fate: Fate,
    /// Who sent it: where that neighbour listens if it said so, else its address on the link.
    /// Absent: it began here.
    pub from: Option<SocketAddr>,
    /// TTL as it came; of what began here the highest with which it left.
    pub ttl: u8,
    /// Hops as it came.
    pub hops: u8,
    /// Bytes, header included.
    pub bytes: u32,
    /// Neighbours to whom it was given on its way.
    pub links: u32,
    /// A query: files with which it was answered. A hit: files that it names.
    pub results: u32,
    /// The servent that made the hit.
    #[serde(default, with = "text::maybe")]
    pub servent: Option<Guid>,
    /// Why it was dropped, or went no further than to leaves.
    pub why: Option<Why>,
}
