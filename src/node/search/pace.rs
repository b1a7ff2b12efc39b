//! Dynamic querying: whom a query goes to next, how far, and how long its results are awaited
//! (protocol.md section 19). Facts in, step out.

use std::time::Duration;

use crate::node::{ConnId, Time};

/// Results that an ultrapeer seeks for itself: the proposal's limit for one query.
pub(crate) const OWN_RESULTS: u32 = 150;
/// Results that it seeks for a leaf, which has three ultrapeers or so.
pub(crate) const LEAF_RESULTS: u32 = 50;
/// Results for a query by hash: each is a source of the same file (LimeWire: 10).
pub(crate) const HASH_RESULTS: u32 = 10;
/// Ultrapeers that a query reaches in theory at most; the proposal forbids more.
pub(crate) const HORIZON_MAX: u64 = 200_000;
/// A query goes to nobody new after this (LimeWire: 200 s).
pub(crate) const LIFETIME: Duration = Duration::from_secs(200);

/// With so few ultrapeers within reach there is nothing to save: all are asked at once. Less than
/// a tenth of what one link of a full-grown ultrapeer (32 neighbours) reaches with TTL 4.
const SMALL_HORIZON: u64 = 500;
/// Links that get the probe: enough to tell the popular from the rare (the proposal: 3).
const PROBE_LINKS: usize = 3;
/// Of the links whose tables match so many get a probe with TTL 1: each is likely to answer.
const MATCHING_PROBES_MAX: usize = 10;
/// So many matching tables make it likely that the probe alone satisfies the query.
const MATCHING_PROBES_MIN: usize = 5;
/// How long a hop and its answer take, generously (the proposal's observation).
pub(crate) const HOP_MS: u32 = 2_400;
/// How much less a hop is awaited after each link once the content has proved rare.
const FALL_MS: u32 = 100;
/// A hop is awaited so long at least: with TTL 3 that is gtk-gnutella's 1,500 ms for each link.
const HOP_MS_MIN: u32 = 500;
/// Rare: after so many ultrapeers ...
const RARE_HORIZON: u64 = 3_000;
/// ... fewer results than this.
const RARE_RESULTS: u32 = 10;
/// More patience for each link that is probed at once, as latencies differ.
const PROBE_LINK_MS: u32 = 300;

/// How many ultrapeers a query reaches down one link, were the network a tree of this degree: the
/// sum of (degree - 1)^hops over `hops` 0..ttl.
pub(crate) fn hosts(degree: u32, ttl: u8) -> u64 {
    let branches = u64::from(degree.max(2) - 1);
    let (mut ring, mut sum) = (1u64, 0u64);
    for _ in 0..ttl {
        sum = sum.saturating_add(ring);
        ring = ring.saturating_mul(branches);
    }
    sum
}

/// A neighbour that may be asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Neighbour {
    /// Its connection.
    pub conn: ConnId,
    /// How many neighbours it and those behind it have, as far as we know.
    pub degree: u32,
    /// The highest TTL with which it may get this query.
    pub ttl_max: u8,
    /// Whether it passes the query on that comes again with a higher TTL.
    pub takes_again: bool,
}

/// What the table of a neighbour says to the query; none if it gave us no table. Tables are looked
/// into only where that decides something: there are many, and looking is dear.
pub(crate) type Says<'a> = &'a dyn Fn(ConnId) -> Option<bool>;

/// The lowest TTL that can bring anything: a neighbour whose table does not match has nothing
/// itself.
fn ttl_min(neighbour: &Neighbour, says: Says<'_>) -> u8 {
    if says(neighbour.conn) == Some(false) { 2 } else { 1 }
}

/// What a query has done so far.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    began: Time,
    /// Ultrapeers that were reached, in theory.
    horizon: u64,
    /// How long a hop is awaited at present.
    hop_ms: u32,
    /// The highest TTL with which each neighbour got it; in the order of their names.
    asked: Vec<(ConnId, u8)>,
}

/// One neighbour to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    /// Whom.
    pub conn: ConnId,
    /// How far.
    pub ttl: u8,
    /// How many ultrapeers more that reaches, in theory.
    pub reach: u64,
}

/// What is to be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Ask these, then look again after the wait.
    Ask(Vec<Ask>, Duration),
    /// Nobody is left to be asked; a newcomer may be.
    NobodyLeft,
    /// The query has done what it may.
    Done,
}

impl Pace {
    /// A query that nobody has got.
    pub(crate) fn new(now: Time) -> Pace {
        Pace { began: now, horizon: 0, hop_ms: HOP_MS, asked: Vec::new() }
    }

    /// How many neighbours are known to have got it, some of whom may have left.
    pub(crate) fn asked_count(&self) -> usize {
        self.asked.len()
    }

    /// Takes note of what is being asked.
    pub(crate) fn asks(&mut self, asks: &[Ask], results: u32) {
        for ask in asks {
            match self.asked.binary_search_by_key(&ask.conn, |(conn, _)| *conn) {
                Ok(at) => self.asked[at].1 = ask.ttl,
                Err(at) => self.asked.insert(at, (ask.conn, ask.ttl)),
            }
            self.horizon = self.horizon.saturating_add(ask.reach);
        }
        if self.horizon >= RARE_HORIZON && results < RARE_RESULTS {
            self.hop_ms = (self.hop_ms - FALL_MS).max(HOP_MS_MIN);
        }
    }

    /// Forgets neighbours that have left.
    pub(crate) fn keep(&mut self, is_there: impl Fn(ConnId) -> bool) {
        self.asked.retain(|(conn, _)| is_there(*conn));
    }

    /// The highest TTL with which this neighbour got it; 0 if it did not.
    pub(crate) fn asked_ttl(&self, conn: ConnId) -> u8 {
        let at = self.asked.binary_search_by_key(&conn, |(conn, _)| *conn);
        at.map_or(0, |at| self.asked[at].1)
    }

    fn may_ask(&self, neighbour: &Neighbour, says: Says<'_>) -> bool {
        let asked = self.asked_ttl(neighbour.conn);
        let is_open = asked < neighbour.ttl_max && (asked == 0 || neighbour.takes_again);
        is_open && (neighbour.ttl_max > 1 || ttl_min(neighbour, says) <= neighbour.ttl_max)
    }

    fn ask(&self, neighbour: &Neighbour, ttl: u8) -> Ask {
        let before = hosts(neighbour.degree, self.asked_ttl(neighbour.conn));
        let reach = hosts(neighbour.degree, ttl).saturating_sub(before);
        Ask { conn: neighbour.conn, ttl, reach }
    }
}

/// Whether so few ultrapeers are within reach that all neighbours may be asked at once.
pub(crate) fn is_small(pace: &Pace, neighbours: &[Neighbour], says: Says<'_>) -> bool {
    let mut reach = pace.horizon;
    reach <= SMALL_HORIZON
        && neighbours.iter().filter(|neighbour| pace.may_ask(neighbour, says)).all(|neighbour| {
            reach = reach.saturating_add(pace.ask(neighbour, neighbour.ttl_max).reach);
            reach <= SMALL_HORIZON
        })
}

/// What to do next, when `results` of `wanted` have come. The neighbours stand in the order in
/// which they shall be asked.
pub(crate) fn next(
    pace: &Pace,
    results: u32,
    wanted: u32,
    now: Time,
    neighbours: &[Neighbour],
    says: Says<'_>,
) -> Step {
    if results >= wanted || pace.horizon >= HORIZON_MAX || now >= pace.began + LIFETIME {
        return Step::Done;
    }
    let open: Vec<&Neighbour> =
        neighbours.iter().filter(|neighbour| pace.may_ask(neighbour, says)).collect();
    if open.is_empty() {
        return Step::NobodyLeft;
    }
    let asks = if is_small(pace, neighbours, says) {
        open.iter().map(|neighbour| pace.ask(neighbour, neighbour.ttl_max)).collect()
    } else if pace.horizon == 0 {
        probe(pace, &open, says)
    } else {
        one(pace, results, wanted, &open, says)
    };
    let ttl = asks.iter().map(|ask| ask.ttl).max().unwrap_or(1);
    let more = (asks.len() as u32 - 1).min(MATCHING_PROBES_MAX as u32) * PROBE_LINK_MS;
    Step::Ask(asks, Duration::from_millis(u64::from(pace.hop_ms * u32::from(ttl) + more)))
}

/// The first question, which tells how common the content is: where tables promise an answer, one
/// link far; otherwise down a few links with TTL 2.
fn probe(pace: &Pace, open: &[&Neighbour], says: Says<'_>) -> Vec<Ask> {
    // Without a second chance at a higher TTL a probe with TTL 1 would waste the link.
    let promising = |neighbour: &&&Neighbour| {
        (neighbour.takes_again || neighbour.ttl_max == 1) && says(neighbour.conn) == Some(true)
    };
    let (matching, others): (Vec<&Neighbour>, Vec<&Neighbour>) =
        open.iter().partition(|neighbour| promising(neighbour));
    let matching = matching.into_iter().take(MATCHING_PROBES_MAX);
    let mut asks: Vec<Ask> = matching.map(|neighbour| pace.ask(neighbour, 1)).collect();
    if asks.len() < MATCHING_PROBES_MIN {
        let missing = PROBE_LINKS.saturating_sub(asks.len()).max(1);
        let farther = others.into_iter().take(missing);
        asks.extend(farther.map(|neighbour| pace.ask(neighbour, 2.min(neighbour.ttl_max))));
    }
    asks
}

/// One link more: the least asked, with the least TTL that would bring what is missing if every
/// link that is left brought as much.
fn one(pace: &Pace, results: u32, wanted: u32, open: &[&Neighbour], says: Says<'_>) -> Vec<Ask> {
    let Some(next) = open.iter().min_by_key(|neighbour| pace.asked_ttl(neighbour.conn)) else {
        return Vec::new();
    };
    let missing = u64::from(wanted - results);
    // Half a result stands for none: the next host may be the first that has it.
    let halves = (2 * u64::from(results)).max(1);
    let hosts_wanted = missing.saturating_mul(2).saturating_mul(pace.horizon) / halves;
    let per_link = hosts_wanted / open.len() as u64;
    let asked = pace.asked_ttl(next.conn);
    // The step from one TTL to the next is so great that four fifths of the wish are enough.
    let covers = |ttl: &u8| pace.ask(next, *ttl).reach.saturating_mul(5) >= per_link * 4;
    let least = if asked > 0 { asked + 1 } else { ttl_min(next, says) };
    let ttl = (least..=next.ttl_max).find(covers).unwrap_or(next.ttl_max);
    vec![pace.ask(next, ttl)]
}

#[cfg(test)]
mod tests;
