//! What a scenario is played on.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Member, Outcome};
use crate::node::io::{DownloadId, SearchId, SearchQuery};
use crate::node::view::{Dropped, KindCount};
use crate::sim::byzantine::Misdeed;
use crate::sim::{Fault, Graph, Latency, Load, NodeId, Overlay, SearchRecord, SharedFile};

/// What a living node's process counted.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// What it dropped, by reason.
    pub dropped: Vec<Dropped>,
    /// Its descriptors by kind.
    pub kinds: Vec<KindCount>,
    /// The most bytes that ever waited in one of its queues, if that is known.
    pub queue_peak_bytes: Option<u64>,
    /// Its memory, reckoned from what its tables have room for, if that is known.
    pub memory_bytes: Option<u64>,
}

/// Nodes that can be told to do something, and looked at, while time passes: a simulated world, or
/// servents on this machine. Nodes are numbered from 0 in the order of the cast.
///
/// A verb fails only if the play cannot go on: a node that is told something it cannot do, as it is
/// dead or has no such neighbour, does nothing.
pub trait Stage {
    /// How often it is looked whether what is waited for is so.
    const LOOK_EVERY: Duration;
    /// At least so much time is between two samples.
    const SAMPLE_EVERY_MIN: Duration;
    /// How often it is looked whether anything moves when nothing is planned any more.
    const REST_LOOK_EVERY: Duration = Duration::MAX;

    // Time.

    /// The play begins: time counts from now.
    fn begin(&mut self) -> Outcome;
    /// The time since the play began.
    fn now(&self) -> Duration;
    /// Lets time pass until then.
    fn wait_until(&mut self, time: Duration) -> Outcome;
    /// Whether nothing more will come of what was done so far, and waiting longer is in vain. A stage
    /// whose time costs nothing need not know.
    fn is_quiet(&mut self) -> Outcome<bool> {
        Ok(false)
    }

    // Who is there.

    /// How many nodes there are, dead ones included.
    fn nodes(&self) -> u32;
    /// Whether a node's process runs.
    fn is_alive(&self, node: NodeId) -> bool;
    /// Whether a node does harm.
    fn is_liar(&self, node: NodeId) -> bool;
    /// Whether a connection between two nodes stands.
    fn is_linked(&mut self, a: NodeId, b: NodeId) -> Outcome<bool>;

    // What they are told.

    /// A node searches.
    fn ask(&mut self, node: NodeId, search: SearchId, query: SearchQuery) -> Outcome;
    /// A node shares one more file.
    fn share(&mut self, node: NodeId, file: SharedFile) -> Outcome;
    /// A node downloads a file, from these nodes and others that it finds.
    fn fetch(
        &mut self,
        node: NodeId,
        download: DownloadId,
        file: &SharedFile,
        from: &[NodeId],
    ) -> Outcome;
    /// A node says Bye and ends.
    fn leave(&mut self, node: NodeId) -> Outcome;
    /// One more node comes.
    fn add(&mut self, member: Member) -> Outcome;
    /// One connects to another.
    fn link(&mut self, a: NodeId, b: NodeId) -> Outcome;
    /// The links of a graph stand again where both ends live.
    fn mend(&mut self, graph: &Graph) -> Outcome;
    /// A node learns where these are.
    fn remember(&mut self, node: NodeId, others: &[NodeId]) -> Outcome;
    /// Something breaks, or mends.
    fn befall(&mut self, fault: Fault) -> Outcome;
    /// From now on all links have this latency.
    fn set_latency(&mut self, latency: Latency) -> Outcome;
    /// From now on a node does harm.
    fn corrupt(&mut self, node: NodeId, misdeed: &Misdeed) -> Outcome;

    // What can be seen.

    /// The nodes that live and the links between them.
    fn overlay(&mut self) -> Outcome<Overlay>;
    /// Descriptors sent by anybody so far.
    fn messages(&mut self) -> Outcome<u64>;
    /// What a node has sent so far, in all its lives.
    fn load(&mut self, node: NodeId) -> Outcome<Load>;
    /// How many files a node shares.
    fn files(&mut self, node: NodeId) -> Outcome<u64>;
    /// What a living node's process counted.
    fn counts(&mut self, node: NodeId) -> Outcome<Counts>;
    /// What downloads have come to since they were last looked at.
    fn arrivals(&mut self) -> Outcome<Vec<Arrival>>;
    /// What a search has cost and brought so far.
    fn record(&mut self, node: NodeId, search: SearchId) -> Outcome<SearchRecord>;
    /// How the query of a search has spread; none if that is not known.
    fn spread(&mut self, node: NodeId, search: SearchId) -> Outcome<Option<Spread>>;
    /// Whether the copies of queries that begin from now on are kept for [`Stage::spread`].
    fn follow_copies(&mut self, follow: bool);
    /// Searches that can be followed at once: what is known of more may be forgotten.
    fn followed_max(&self) -> usize;
    /// A search is not followed any more.
    fn forget(&mut self, node: NodeId, search: SearchId) -> Outcome;
    /// How much time passed before the play began.
    fn built(&self) -> Duration;
    /// The hash of everything that happened, where the same seed gives the same.
    fn trace(&self) -> Option<String>;
}

/// How far a download is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Which.
    pub download: DownloadId,
    /// Whose.
    pub node: NodeId,
    /// Bytes that are there.
    pub have_bytes: u64,
    /// When it was done, if it is, and whether its bytes are those of the original.
    pub done: Option<(Duration, bool)>,
}

/// How the query of a search has spread.
#[derive(Clone, Debug, Default)]
pub struct Spread {
    /// The nodes that it reached, its origin left out, and the fewest links that it crossed on its
    /// way there.
    pub hops: BTreeMap<NodeId, u32>,
    /// Its copies in the order in which they were sent.
    pub copies: Vec<Passed>,
}

/// One copy of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Who sent it.
    pub from: NodeId,
    /// To whom.
    pub to: NodeId,
    /// When, after the first copy left.
    pub after: Duration,
    /// Links that it has crossed when it arrives.
    pub hop: u32,
    /// Whether a copy had been sent to the receiver before, or it is the origin.
    pub again: bool,
}
