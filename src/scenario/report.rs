//! What came of an experiment: plain values with one shape for both theatres, which the table, the
//! JSON, the CSV files and the page are made from.
//!
//! The JSON shape is stable: fields are added, never renamed, and [`Report::format`] changes if one
//! has to go. Times are microseconds since the play of a run began (after the network was built),
//! unless a field says otherwise; names end with their unit. What depends on the machine (how long
//! it took) is not in here, so that the same file and seed give the same bytes.

use serde::{Deserialize, Serialize};

pub use crate::sim::{Distribution, OverlayFacts as Overlay};

/// The number of this shape of the report.
pub const FORMAT: u32 = 1;

/// Everything that came of one experiment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`FORMAT`].
    pub format: u32,
    /// Which program made it: `filbert 0.1.0`.
    pub program: String,
    /// What the experiment is called, in one line.
    pub title: String,
    /// What it shows, for people; may have several paragraphs.
    pub about: String,
    /// Where it was played.
    pub theatre: Theatre,
    /// The file or the bundled experiment that was played, as the user named it.
    pub scenario: String,
    /// What differs from run to run besides the seed, outermost first; empty if nothing does.
    pub axes: Vec<Axis>,
    /// The seeds, in order; every combination of the axes was played with each.
    pub seeds: Vec<u64>,
    /// The runs: by the axes, the outermost slowest, and the seeds fastest.
    pub runs: Vec<Run>,
    /// What was expected, and whether it held.
    pub expectations: Vec<Expected>,
}

/// Where a scenario is played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Theatre {
    /// In the simulator.
    #[default]
    Simulated,
    /// By real servents on this machine.
    Real,
}

/// Something that was varied: a line of a sweep, or the strategies that are compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Axis {
    /// The key, as the user wrote it: `ttl`, `strategy`, `node.query_routing`.
    pub key: String,
    /// Its values in order, as text: `1`, `expanding-ring`, `true`.
    pub values: Vec<String>,
}

impl Axis {
    /// The values as numbers, if all are: then a plot has a scale for them.
    pub fn numbers(&self) -> Option<Vec<f64>> {
        self.values.iter().map(|value| value.parse().ok()).collect()
    }
}

/// One play with one seed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The seed.
    pub seed: u64,
    /// Which values of the axes, one for each, in the order of [`Report::axes`].
    pub at: Vec<String>,
    /// These in words: `ttl 7, strategy flood`; empty if nothing was varied.
    pub label: String,
    /// How much time passed in the network, from the beginning of the play to its end.
    pub lasted_us: u64,
    /// How much time passed before, while the network was built.
    pub built_us: u64,
    /// The hash of everything that happened (simulated runs): equal runs have equal hashes.
    pub trace: Option<String>,
    /// The network at the end of the run; dead nodes left out.
    pub overlay: Overlay,
    /// A row for each search that was made, in the order in which they began.
    pub queries: Vec<Query>,
    /// The means of these rows, and what else sums the run up.
    pub summary: Summary,
    /// What the nodes had to do.
    pub load: Load,
    /// A row for each node, dead ones included; empty above [`NODE_ROWS_MAX`] nodes.
    pub nodes: Vec<NodeRow>,
    /// Descriptors by kind, of all nodes that live at the end.
    pub traffic: Vec<Traffic>,
    /// What was dropped, refused or closed, by reason, of all nodes that live at the end; the most
    /// frequent first.
    pub drops: Vec<Drop>,
    /// Downloads that were ordered.
    pub downloads: Vec<Download>,
    /// What happened when: the timed steps and faults, in order.
    pub timeline: Vec<Moment>,
    /// How the network stood from time to time: [`SAMPLES`] samples at even distances at most.
    pub samples: Vec<Sample>,
    /// The flood of one query, to be drawn; of all runs of an experiment the first in whose drawing
    /// most nodes are reached has one, and none if nobody asked anything.
    pub flood: Option<Flood>,
}

/// Above so many nodes [`Run::nodes`] is left out.
pub const NODE_ROWS_MAX: usize = 20_000;
/// At most so many samples of a run.
pub const SAMPLES: usize = 120;
/// At most so many nodes of [`Flood`].
pub const FLOOD_NODES_MAX: usize = 400;

/// One search: what it cost and what it brought. Costs count all copies that anybody sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Query {
    /// The name of its step; none for searches of the workload.
    pub label: Option<String>,
    /// The words.
    pub text: String,
    /// The number of the node that asked.
    pub origin: u32,
    /// How: `flood`, `dynamic`, `expanding-ring`, `2 random-neighbours`, `32 walkers`.
    pub strategy: String,
    /// The TTL of its farthest descriptor; 0 if none left.
    pub ttl: u8,
    /// When the search was ordered.
    pub at_us: u64,
    /// Query descriptors that anybody sent, each copy counted.
    pub messages: u64,
    /// Their bytes, headers included.
    pub bytes: u64,
    /// Copies that reached a node which had one already.
    pub duplicates: u64,
    /// Nodes that got the query, its origin left out.
    pub reached: u64,
    /// Of these, how many first got it over 1, 2, ... links.
    pub reached_by_hop: Vec<u64>,
    /// Hit descriptors that anybody sent, relayed ones included.
    pub hit_messages: u64,
    /// Hit descriptors that came home.
    pub hits: u64,
    /// Results (files) in them.
    pub results: u64,
    /// Nodes that answered.
    pub answered_by: u64,
    /// Nodes, the origin left out, that lived and shared a match when the search was ordered.
    pub truth: u64,
    /// The part of `truth` that answered, 0 to 1; none if nobody shared a match.
    pub recall: Option<f64>,
    /// How long after the search was ordered the first result came.
    pub first_hit_us: Option<u64>,
    /// How long after it the last result came.
    pub last_hit_us: Option<u64>,
    /// When results came: (time after the search was ordered, results so far); at most 100 points.
    pub results_over_time: Vec<(u64, u64)>,
}

/// A run in some numbers. Means are over all its searches, 0 if there were none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Searches.
    pub queries: u64,
    /// Mean number of query messages.
    pub messages: f64,
    /// Mean bytes of these.
    pub bytes: f64,
    /// Mean number of duplicates.
    pub duplicates: f64,
    /// Mean number of nodes reached.
    pub reached: f64,
    /// Mean number of nodes reached first over 1, 2, ... links.
    pub reached_by_hop: Vec<f64>,
    /// Mean number of hits that came home.
    pub hits: f64,
    /// Mean number of results.
    pub results: f64,
    /// Part of the searches that had at least one result, 0 to 1.
    pub found: f64,
    /// The same of those searches that somebody could have answered; 0 if none.
    pub success: f64,
    /// Mean recall of those searches that somebody could have answered.
    pub recall: f64,
    /// How long the first result was awaited, microseconds; searches without one left out.
    pub first_hit_us: Distribution,
    /// When the last result came, microseconds; searches without one left out.
    pub last_hit_us: Distribution,
    /// Searches with a result in a second, for one who asks in a closed loop: each search begins when
    /// the one before has its first result, or is given up after two seconds.
    #[serde(default)]
    pub throughput: f64,
    /// Query messages of a search.
    pub messages_each: Distribution,
    /// All descriptors that anybody sent during the play.
    pub traffic: u64,
}

/// What the nodes that live at the end had to do during the play: distributions over nodes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// Descriptors that a node sent.
    pub messages_sent: Distribution,
    /// Bytes that a node sent.
    pub bytes_sent: Distribution,
    /// Files that a node shares.
    pub files: Distribution,
    /// The most bytes that ever waited in one of a node's queues; none where that is not known.
    #[serde(default)]
    pub queue_peak_bytes: Distribution,
    /// Bytes of memory of a node, reckoned from what its tables have room for; none where that is
    /// not known.
    #[serde(default)]
    pub memory_bytes: Distribution,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeRow {
    /// Its number.
    pub node: u32,
    /// What it is: `ultrapeer` or `leaf`.
    pub role: String,
    /// Whether it lives at the end.
    pub alive: bool,
    /// Its neighbours at the end.
    pub degree: u32,
    /// Files it shares.
    pub files: u64,
    /// Descriptors it sent during the play.
    pub messages_sent: u64,
    /// Bytes it sent during the play.
    pub bytes_sent: u64,
    /// What it dropped, refused or closed, whatever the reason.
    pub drops: u64,
    /// The most bytes that ever waited in one of its queues, if that is known.
    #[serde(default)]
    pub queue_peak_bytes: Option<u64>,
    /// Its memory as in [`Load::memory_bytes`], if that is known.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
}

/// Descriptors of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Which: `query`, `query_hit`, `ping`, `pong`, `push`, `bye`, `other`.
    pub kind: String,
    /// Copies that were sent.
    pub sent: u64,
    /// Copies that came.
    pub received: u64,
}

/// How often something was dropped, refused or closed for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drop {
    /// The reason by its name: `queue_full`.
    pub why: String,
    /// The reason in plain words.
    pub text: String,
    /// How often.
    pub count: u64,
}

/// A download that was ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Download {
    /// The name of its step, if it has one.
    pub label: Option<String>,
    /// What.
    pub file: String,
    /// Who downloads.
    pub node: u32,
    /// When it was ordered.
    pub at_us: u64,
    /// Bytes that are there at the end.
    pub have_bytes: u64,
    /// Bytes in all.
    pub size_bytes: u64,
    /// How long it took; none if it did not finish.
    pub took_us: Option<u64>,
    /// Whether the bytes are those of the original; none if it did not finish.
    pub equal: Option<bool>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// When.
    pub at_us: u64,
    /// What, in words: `30 % of ultrapeers (15 nodes) are killed`.
    pub what: String,
}

/// How the network stood at a moment, and what had happened since the sample before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// When.
    pub at_us: u64,
    /// Nodes that live.
    pub alive: u64,
    /// Connections between them.
    pub edges: u64,
    /// Part of the living nodes that belong to the largest component, 0 to 1.
    pub connected: f64,
    /// Descriptors that anybody sent since the sample before.
    pub messages: u64,
    /// Searches that began since the sample before.
    pub queries: u64,
    /// Of these, searches that found something by the end.
    pub found: u64,
}

/// One query on its way through the network, to be drawn: its origin, and at most
/// [`FLOOD_NODES_MAX`] nodes, the nearest to it first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Flood {
    /// Which of [`Run::queries`], counted from 0.
    pub query: usize,
    /// The nodes that are drawn; the origin first.
    pub nodes: Vec<FloodNode>,
    /// Connections between these, as places in `nodes`, the lower first.
    pub edges: Vec<(u32, u32)>,
    /// Copies of the query over these connections, in the order in which they were sent; empty if
    /// only the hops are known.
    pub copies: Vec<Copy>,
    /// Nodes of the network that are not drawn.
    pub left_out: u64,
    /// What happened over 1, 2, ... links, among those who are not drawn, too; empty if that is what
    /// is drawn.
    #[serde(default)]
    pub hops: Vec<Hop>,
}

/// What happened to a query over so many links.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// Copies that crossed so many.
    pub copies: u64,
    /// Of these, copies to nodes to which one had been sent before.
    pub duplicates: u64,
    /// Nodes that it first reached over so many.
    pub nodes: u64,
}

/// A node of the drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FloodNode {
    /// Its number in the network.
    pub node: u32,
    /// Links that the query crossed to it; 0 for the origin, none if it was not reached.
    pub hop: Option<u32>,
    /// Whether it answered.
    pub answered: bool,
    /// Whether it is a leaf.
    pub leaf: bool,
}

/// A copy of the query that one node sent to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copy {
    /// Who sent it, as a place in [`Flood::nodes`].
    pub from: u32,
    /// To whom.
    pub to: u32,
    /// When, after the first copy left.
    pub at_us: u64,
    /// Links that it has crossed when it arrives.
    pub hop: u32,
    /// Whether a copy had been sent to the receiver before.
    pub duplicate: bool,
}

/// Something that was expected, and whether it held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// What, as it stands in the file: `recall >= 0.9`.
    pub text: String,
    /// Where it stands: the line of the file, counted from 1.
    pub line: u32,
    /// The verdict over all runs.
    pub verdict: Verdict,
    /// Where it was held against what: one for each run, or for each group of runs that it compares.
    pub cases: Vec<Case>,
}

/// Whether an expectation held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// In every case.
    Held,
    /// At least one case did not hold.
    Failed,
    /// It speaks of values of the sweep that were not played: there was no case.
    NotAsked,
}

/// One case of an expectation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// Which seed.
    pub seed: u64,
    /// Which runs, in words; empty if there is only one.
    pub of: String,
    /// Whether it held.
    pub held: bool,
    /// With the numbers in place of the names: `0.94 >= 0.9`.
    pub found: String,
}

impl Hop {
    /// Of copies (the links that each crossed, and whether it was a duplicate) and of nodes (the
    /// links that a query first crossed to each): what happened over 1, 2, ... links.
    pub(super) fn count(
        copies: impl IntoIterator<Item = (u32, bool)>,
        nodes: impl IntoIterator<Item = u32>,
    ) -> Vec<Hop> {
        let mut hops: Vec<Hop> = Vec::new();
        let mut at = |hop: u32, count: &dyn Fn(&mut Hop)| {
            let Some(place) = (hop as usize).checked_sub(1) else { return };
            hops.resize(hops.len().max(place + 1), Hop::default());
            count(&mut hops[place]);
        };
        for (hop, duplicate) in copies {
            at(hop, &|of| of.copies += 1);
            at(hop, &|of| of.duplicates += u64::from(duplicate));
        }
        for hop in nodes {
            at(hop, &|of| of.nodes += 1);
        }
        hops
    }
}

impl Report {
    /// Whether everything that was expected held.
    pub fn holds(&self) -> bool {
        self.expectations.iter().all(|expected| expected.verdict != Verdict::Failed)
    }
}
