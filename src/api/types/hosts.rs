//! Where hosts come from, as the interface says it.

use serde::{Deserialize, Serialize};

use crate::node::Why;
use crate::node::io::SourceState;

/// A source of hosts, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostSource {
    /// Which: `HOST:PORT` (a peer), `uhc:HOST:PORT` (a UDP host cache) or `http://HOST/PATH` (a web
    /// cache).
    pub source: String,
    /// Whether another source named it; else the user did.
    pub learnt: bool,
    /// What it has come to.
    pub state: SourceState,
    /// How long ago it was asked last; absent if never.
    pub asked_s_ago: Option<u64>,
    /// How long ago it answered last; absent if never.
    pub answered_s_ago: Option<u64>,
    /// Hosts that could be dialled, in all its answers.
    pub hosts: u64,
    /// Failures in a row.
    pub failures: u32,
    /// What went wrong last.
    pub trouble: Option<Why>,
    /// It may be asked again after so long.
    pub next_in_s: u64,
}
