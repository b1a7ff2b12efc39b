//! The facts that can be expected, by name, and where each stands in the report.

use crate::scenario::report::{Distribution, Query, Run};

/// What kind of number a fact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A count, or a quotient of counts.
    Plain,
    /// A time in microseconds.
    Time,
}

/// A fact that can be expected.
#[derive(Debug)]
pub struct Known {
    /// Its name.
    pub name: &'static str,
    /// What it is, for people.
    pub about: &'static str,
    /// Its kind.
    pub kind: Kind,
    pub(super) from: From,
}

/// Where a fact stands.
#[derive(Debug)]
pub(super) enum From {
    /// In every search, if it has one there; the time within which things count is given.
    Search(fn(&Query, u64) -> Option<f64>),
    /// In the run.
    Run(fn(&Run) -> f64),
    /// In the run, a value for each node.
    Nodes(fn(&Run) -> &Distribution),
}

const fn plain(name: &'static str, about: &'static str, from: From) -> Known {
    Known { name, about, kind: Kind::Plain, from }
}

const fn time(name: &'static str, about: &'static str, from: From) -> Known {
    Known { name, about, kind: Kind::Time, from }
}

fn results_within(query: &Query, within_us: u64) -> f64 {
    if within_us == u64::MAX {
        return query.results as f64;
    }
    let in_time = query.results_over_time.iter().take_while(|(after_us, _)| *after_us <= within_us);
    in_time.last().map_or(0.0, |&(_, results)| results as f64)
}

fn hits_within(query: &Query, within_us: u64) -> f64 {
    if within_us == u64::MAX {
        return query.hits as f64;
    }
    query.results_over_time.iter().filter(|(after_us, _)| *after_us <= within_us).count() as f64
}

fn found_within(query: &Query, within_us: u64) -> f64 {
    f64::from(u8::from(query.first_hit_us.is_some_and(|after_us| after_us <= within_us)))
}

fn finished(run: &Run) -> f64 {
    let done = run.downloads.iter().filter(|download| download.equal == Some(true)).count();
    done as f64 / run.downloads.len().max(1) as f64
}

/// When somebody who asks in a closed loop gives a search up.
const GIVEN_UP_US: u64 = 2_000_000;

/// Searches with a result in a second, for one who asks in a closed loop: the next begins when the
/// one before has its first result or is given up. It follows from how long each took, so it is
/// what a closed loop gives only where searches do not disturb each other.
pub(in crate::scenario) fn throughput(queries: &[Query]) -> f64 {
    let took = |query: &Query| query.first_hit_us.map_or(GIVEN_UP_US, |us| us.min(GIVEN_UP_US));
    let in_time = |query: &&Query| query.first_hit_us.is_some_and(|us| us < GIVEN_UP_US);
    let answered = queries.iter().filter(in_time).count();
    let took_us: u64 = queries.iter().map(took).sum();
    answered as f64 * 1e6 / took_us.max(1) as f64
}

/// All of them.
pub const FACTS: &[Known] = &[
    plain(
        "messages",
        "copies of the query that anybody sent",
        From::Search(|q, _| Some(q.messages as f64)),
    ),
    plain("bytes", "bytes of these", From::Search(|q, _| Some(q.bytes as f64))),
    plain(
        "duplicates",
        "copies that reached a node which had one already",
        From::Search(|q, _| Some(q.duplicates as f64)),
    ),
    plain("reached", "nodes that got the query", From::Search(|q, _| Some(q.reached as f64))),
    plain(
        "hits",
        "hit descriptors that came home",
        From::Search(|q, within| Some(hits_within(q, within))),
    ),
    plain("results", "files in them", From::Search(|q, within| Some(results_within(q, within)))),
    plain("answered", "nodes that answered", From::Search(|q, _| Some(q.answered_by as f64))),
    plain("truth", "nodes that share a match", From::Search(|q, _| Some(q.truth as f64))),
    plain("recall", "part of these that answered", From::Search(|q, _| q.recall)),
    plain(
        "found",
        "part of the searches with a result",
        From::Search(|q, within| Some(found_within(q, within))),
    ),
    plain(
        "success",
        "the same of the searches that somebody could answer",
        From::Search(|q, within| (q.truth > 0).then(|| found_within(q, within))),
    ),
    plain(
        "hit-messages",
        "copies of hits that anybody sent",
        From::Search(|q, _| Some(q.hit_messages as f64)),
    ),
    time(
        "first-hit",
        "time until the first result",
        From::Search(|q, _| q.first_hit_us.map(|us| us as f64)),
    ),
    time(
        "last-hit",
        "time until the last result",
        From::Search(|q, _| q.last_hit_us.map(|us| us as f64)),
    ),
    plain("queries", "searches", From::Run(|run| run.queries.len() as f64)),
    plain(
        "throughput",
        "searches with a result in a second, each begun when the one before has one, or after 2 s",
        From::Run(|run| throughput(&run.queries)),
    ),
    plain(
        "traffic",
        "descriptors of all kinds that anybody sent",
        From::Run(|run| run.summary.traffic as f64),
    ),
    plain("N", "nodes that live", From::Run(|run| run.overlay.nodes as f64)),
    plain("E", "connections between them", From::Run(|run| run.overlay.edges as f64)),
    plain("nodes", "nodes that live", From::Run(|run| run.overlay.nodes as f64)),
    plain("edges", "connections between them", From::Run(|run| run.overlay.edges as f64)),
    plain("ultrapeers", "ultrapeers that live", From::Run(|run| run.overlay.ultrapeers as f64)),
    plain("leaves", "leaves that live", From::Run(|run| run.overlay.leaves as f64)),
    plain("degree", "neighbours of a node", From::Nodes(|run| &run.overlay.degree)),
    plain(
        "components",
        "parts that cannot reach each other",
        From::Run(|run| run.overlay.components as f64),
    ),
    plain(
        "connected",
        "part of the nodes that belong to the largest of these",
        From::Run(|run| run.overlay.largest_component as f64 / run.overlay.nodes.max(1) as f64),
    ),
    plain(
        "diameter",
        "the greatest distance, in links",
        From::Run(|run| run.overlay.diameter as f64),
    ),
    plain("path-length", "the mean distance, in links", From::Run(|run| run.overlay.path_length)),
    plain(
        "clustering",
        "how many neighbours are neighbours",
        From::Run(|run| run.overlay.clustering),
    ),
    plain("sent", "descriptors that a node sent", From::Nodes(|run| &run.load.messages_sent)),
    plain("sent-bytes", "bytes that a node sent", From::Nodes(|run| &run.load.bytes_sent)),
    plain(
        "queue",
        "the most bytes that ever waited in a queue of a node",
        From::Nodes(|run| &run.load.queue_peak_bytes),
    ),
    plain("memory", "bytes of memory of a node", From::Nodes(|run| &run.load.memory_bytes)),
    plain("files", "files that a node shares", From::Nodes(|run| &run.load.files)),
    plain(
        "drops",
        "what was dropped, whatever the reason",
        From::Run(|run| run.drops.iter().map(|drop| drop.count as f64).sum()),
    ),
    plain(
        "downloaded",
        "part of the downloads that ended with the right bytes",
        From::Run(finished),
    ),
];
