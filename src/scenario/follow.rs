//! One search followed through a network of real servents, from what each of them noted of its
//! queries and hits ([`crate::node::passages`]).

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use serde::Serialize;

use super::report::{Copy, FLOOD_NODES_MAX, Flood, FloodNode, Hop};
use crate::api::types::{Fate, Passage};
use crate::node::Why;
use crate::node::config::{Config, Forward, Strategy};
use crate::wire::Guid;

/// A node, and what it noted.
#[derive(Clone, Debug)]
pub struct Noted {
    /// Its number.
    pub node: u32,
    /// Where it listens.
    pub listen: SocketAddr,
    /// What it noted of the queries of the search, in order.
    pub passages: Vec<Passage>,
}

/// A search and its way. Times count from when it was first asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Followed {
    /// Who asked.
    pub origin: u32,
    /// When, microseconds since 1970.
    pub began_us: u64,
    /// TTL with which it was asked, the highest.
    pub ttl: u8,
    /// What happened to each copy of a query, in the order of time.
    pub steps: Vec<Step>,
    /// How the hits of each servent that answered went.
    pub hits: Vec<HitsOf>,
    /// What it comes to.
    pub totals: Totals,
}

/// A copy of a query at a node, or a query that began there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// When.
    pub at_us: u64,
    /// Where.
    pub node: u32,
    /// Who sent it; none: it began here, or nobody whom we know.
    pub from: Option<u32>,
    /// Links that it has crossed.
    pub hop: u32,
    /// Which of the search's queries, counted from 0: an expanding ring has several.
    pub query: u32,
    /// What it was to the node.
    pub fate: Fate,
    /// TTL as it came.
    pub ttl: u8,
    /// Neighbours to whom it was given.
    pub links: u32,
    /// Files with which it was answered.
    pub results: u32,
    /// Why it went no further.
    pub why: Option<Why>,
}

/// The hits of one servent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HitsOf {
    /// Who answered; none if that cannot be told.
    pub by: Option<u32>,
    /// Through whom the first one went, from who answered to where it came last.
    pub way: Vec<u32>,
    /// Files in those that came home.
    pub results: u32,
    /// When the first came home.
    pub home_us: Option<u64>,
    /// Why it did not.
    pub lost: Option<Why>,
}

/// A search in some numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Nodes that can be asked: those that live and are connected to the origin, itself included (N).
    pub nodes: u64,
    /// The links between these (E).
    pub links: u64,
    /// Nodes that got a query, the origin left out.
    pub reached: u64,
    /// Of these, how many got the first over 1, 2, ... links.
    pub reached_by_hop: Vec<u64>,
    /// Copies of queries that came anywhere.
    pub copies: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Copies that came to who had one, or had asked.
    pub duplicates: u64,
    /// Copies that came again with a higher TTL and went on.
    pub higher_ttl: u64,
    /// Steps of walkers to where they had been.
    pub walked: u64,
    /// Copies that were dropped for other reasons.
    pub dropped: u64,
    /// Copies that were given on their way and came nowhere.
    pub missing: u64,
    /// Nodes that answered.
    pub answered: u64,
    /// Hit descriptors that came anywhere, those that came home included.
    pub hit_messages: u64,
    /// Hit descriptors that came home.
    pub hits_home: u64,
    /// Files in these.
    pub results: u64,
    /// When the first hit came home.
    pub first_hit_us: Option<u64>,
    /// When the last did.
    pub last_hit_us: Option<u64>,
    /// 2E - N + 1: what a flood costs in which all pass on the first copy alone and no TTL runs out.
    pub full_flood: u64,
}

/// Follows the queries of a search, asked at `origin`, through the nodes that live. `links` are
/// those that stand between nodes, by their numbers.
pub fn follow(origin: u32, queries: &[Guid], nodes: &[Noted], links: &[(u32, u32)]) -> Followed {
    let began_us = began(origin, nodes).unwrap_or(0);
    let who = Who::of(nodes);
    let mut followed = Followed { origin, began_us, ..Followed::default() };
    let mut hits = Vec::new();
    for noted in nodes {
        for passage in &noted.passages {
            let Some(query) = (0..).zip(queries).find(|(_, guid)| **guid == passage.query) else {
                continue;
            };
            let step = Step {
                at_us: passage.at_us.saturating_sub(began_us),
                node: noted.node,
                from: passage.from.and_then(|from| who.at(from)),
                hop: u32::from(passage.hops) + u32::from(passage.fate.arrived()),
                query: query.0,
                fate: passage.fate,
                ttl: passage.ttl,
                links: passage.links,
                results: passage.results,
                why: passage.why,
            };
            match passage.servent {
                Some(servent) => hits.push((servent, step)),
                None => {
                    followed.steps.push(step);
                    followed.totals.bytes +=
                        if passage.fate.arrived() { passage.bytes.into() } else { 0 };
                }
            }
        }
    }
    // Who began it comes first, whatever the clocks say.
    followed.steps.sort_by_key(|step| (step.at_us, step.fate.arrived(), step.hop, step.node));
    followed.ttl = followed.steps.iter().map(|step| step.ttl).max().unwrap_or(0);
    followed.hits = ways(hits.clone());
    let whole = connected(origin, nodes, links);
    followed.totals.nodes = whole.len() as u64;
    let inside = |&&(a, b): &&(u32, u32)| whole.contains(&a) && whole.contains(&b);
    followed.totals.links = links.iter().filter(inside).count() as u64;
    count(&mut followed, &hits);
    followed
}

/// Whether a flood of this TTL costs exactly 2E - N + 1 in a network of such nodes.
pub fn costs_full_flood<'a>(
    nodes: impl IntoIterator<Item = &'a Config>,
    strategy: Option<Strategy>,
    ttl: u8,
) -> bool {
    let mut count = 0u64;
    let floods = |config: &Config| {
        strategy.unwrap_or(config.strategy) == Strategy::Flood
            && config.forward == Forward::FirstCopy
            && config.ttl_and_hops_max >= ttl
            && !config.query_routing
    };
    let all = nodes.into_iter().inspect(|_| count += 1).all(floods);
    all && u64::from(ttl) >= count
}

fn began(origin: u32, nodes: &[Noted]) -> Option<u64> {
    let noted = nodes.iter().find(|noted| noted.node == origin)?;
    noted.passages.iter().find(|passage| passage.fate == Fate::Asked).map(|asked| asked.at_us)
}

/// Who listens where.
struct Who {
    by_address: BTreeMap<SocketAddr, u32>,
    by_ip: BTreeMap<std::net::IpAddr, Option<u32>>,
}

impl Who {
    fn of(nodes: &[Noted]) -> Who {
        let mut who = Who { by_address: BTreeMap::new(), by_ip: BTreeMap::new() };
        for noted in nodes {
            who.by_address.insert(noted.listen, noted.node);
            let of_ip = who.by_ip.entry(noted.listen.ip()).or_insert(Some(noted.node));
            // Two at one address: it tells neither.
            *of_ip = of_ip.filter(|&node| node == noted.node);
        }
        who
    }

    fn at(&self, address: SocketAddr) -> Option<u32> {
        let exactly = self.by_address.get(&address).copied();
        exactly.or_else(|| self.by_ip.get(&address.ip()).copied().flatten())
    }
}

/// The way of each servent's first hit.
fn ways(mut hits: Vec<(Guid, Step)>) -> Vec<HitsOf> {
    hits.sort_by_key(|(servent, hit)| (*servent, hit.hop, hit.at_us));
    let mut of: Vec<HitsOf> = hits
        .chunk_by(|a, b| a.0 == b.0)
        .map(|hits| {
            let by = hits.iter().find(|(_, hit)| hit.hop == 1).and_then(|(_, hit)| hit.from);
            let mut way = Vec::from_iter(by);
            let mut last = None;
            for (_, hit) in hits {
                // The same servent may answer several copies, each on a way of its own.
                let goes_on = hit.from.is_none() || hit.from == way.last().copied();
                if goes_on && !way.contains(&hit.node) {
                    way.push(hit.node);
                    last = Some(hit);
                }
            }
            let home = || hits.iter().map(|(_, hit)| hit).filter(|hit| hit.fate == Fate::CameHome);
            let home_us = home().map(|hit| hit.at_us).min();
            HitsOf {
                by,
                way,
                results: home().map(|hit| hit.results).sum(),
                home_us,
                lost: last.and_then(|hit| hit.why).filter(|_| home_us.is_none()),
            }
        })
        .collect();
    of.sort_by_key(|hits| (hits.home_us.unwrap_or(u64::MAX), hits.by));
    of
}

/// The nodes that are connected to the origin, itself included.
fn connected(origin: u32, nodes: &[Noted], links: &[(u32, u32)]) -> BTreeSet<u32> {
    let alive: BTreeSet<u32> = nodes.iter().map(|noted| noted.node).collect();
    let mut neighbours: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for &(a, b) in links.iter().filter(|(a, b)| alive.contains(a) && alive.contains(b)) {
        neighbours.entry(a).or_default().push(b);
        neighbours.entry(b).or_default().push(a);
    }
    let mut found = BTreeSet::from([origin]);
    let mut next = vec![origin];
    while let Some(node) = next.pop() {
        let beyond = neighbours.get(&node).into_iter().flatten();
        next.extend(beyond.copied().filter(|&other| found.insert(other)));
    }
    found
}

fn count(followed: &mut Followed, hits: &[(Guid, Step)]) {
    let Followed { origin, steps, totals, .. } = followed;
    let of = |fate: Fate| steps.iter().filter(|step| step.fate == fate).count() as u64;
    totals.copies = steps.iter().filter(|step| step.fate.arrived()).count() as u64;
    totals.duplicates = of(Fate::Duplicate);
    totals.higher_ttl = of(Fate::HigherTtl);
    totals.walked = of(Fate::Walked);
    totals.dropped = of(Fate::Dropped);
    let given: u64 = steps.iter().map(|step| u64::from(step.links)).sum();
    totals.missing = given.saturating_sub(totals.copies);
    let answered = steps.iter().filter(|step| step.results > 0).map(|step| step.node);
    totals.answered = answered.collect::<BTreeSet<_>>().len() as u64;
    for hop in first_hops(steps, *origin).into_values() {
        let hop = hop as usize;
        if totals.reached_by_hop.len() < hop {
            totals.reached_by_hop.resize(hop, 0);
        }
        if let Some(count) = hop.checked_sub(1).and_then(|at| totals.reached_by_hop.get_mut(at)) {
            *count += 1;
            totals.reached += 1;
        }
    }
    totals.hit_messages = hits.len() as u64;
    let home = || hits.iter().map(|(_, hit)| hit).filter(|hit| hit.fate == Fate::CameHome);
    totals.hits_home = home().count() as u64;
    totals.results = home().map(|hit| u64::from(hit.results)).sum();
    totals.first_hit_us = home().map(|hit| hit.at_us).min();
    totals.last_hit_us = home().map(|hit| hit.at_us).max();
    totals.full_flood = (2 * totals.links + 1).saturating_sub(totals.nodes);
}

/// Over how many links the first copy came to each node; the origin left out.
fn first_hops(steps: &[Step], origin: u32) -> BTreeMap<u32, u32> {
    let mut hops = BTreeMap::new();
    for step in steps.iter().filter(|step| step.fate == Fate::First && step.node != origin) {
        hops.entry(step.node).or_insert(step.hop);
    }
    hops
}

impl Followed {
    /// Whether every copy that was given on its way has come somewhere, and every hit home or to
    /// its end.
    pub fn is_settled(&self) -> bool {
        let home = |hits: &HitsOf| hits.home_us.is_some() || hits.lost.is_some();
        let answered = self.totals.answered as usize;
        self.totals.missing == 0
            && !self.steps.is_empty()
            && self.hits.iter().all(home)
            && self.hits.len() >= answered
    }

    /// To be drawn: at most [`FLOOD_NODES_MAX`] of these nodes (number, whether a leaf), nearest
    /// first, and the links that stand between them.
    pub fn flood(&self, nodes: &[(u32, bool)], links: &[(u32, u32)]) -> Flood {
        let hops = first_hops(&self.steps, self.origin);
        let hop = |node: u32| match node == self.origin {
            true => Some(0),
            false => hops.get(&node).copied(),
        };
        let mut drawn = nodes.to_vec();
        drawn.sort_by_key(|&(node, _)| (hop(node).unwrap_or(u32::MAX), node));
        let left_out = drawn.len().saturating_sub(FLOOD_NODES_MAX) as u64;
        drawn.truncate(FLOOD_NODES_MAX);
        let places: BTreeMap<u32, u32> = drawn.iter().map(|&(node, _)| node).zip(0..).collect();
        let place = |node: u32| places.get(&node).copied();
        let answered: BTreeSet<u32> =
            self.steps.iter().filter(|step| step.results > 0).map(|step| step.node).collect();
        let edges: BTreeSet<(u32, u32)> = links
            .iter()
            .filter_map(|&(a, b)| Some((place(a)?, place(b)?)))
            .map(|(a, b)| (a.min(b), a.max(b)))
            .collect();
        let mut met = BTreeSet::from([self.origin]);
        let mut all = Vec::new();
        let copies = self.steps.iter().filter(|step| step.fate.arrived()).filter_map(|step| {
            let duplicate = step.fate != Fate::First || !met.insert(step.node);
            all.push((step.hop, duplicate));
            let (from, to) = (place(step.from?)?, place(step.node)?);
            Some(Copy { from, to, at_us: step.at_us, hop: step.hop, duplicate })
        });
        Flood {
            query: 0,
            copies: copies.collect(),
            hops: Hop::count(all, hops.values().copied()),
            nodes: drawn
                .iter()
                .map(|&(node, leaf)| FloodNode {
                    node,
                    hop: hop(node),
                    answered: answered.contains(&node),
                    leaf,
                })
                .collect(),
            edges: edges.into_iter().collect(),
            left_out,
        }
    }
}

#[cfg(test)]
mod tests;
