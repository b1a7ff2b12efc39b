//! The names of what goes on: connections by driver and node, the rest by whoever gives commands.

use std::fmt;

use serde::{Deserialize, Serialize};

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
