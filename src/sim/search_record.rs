//! What one search cost and brought, all its queries together.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::NodeId;
use super::measure::{Asked, Record};
use super::world::World;
use crate::node::Time;
use crate::node::io::SearchId;

/// A search: its queries summed up. An expanding ring asks with several, under a GUID each; a
/// dynamic query with one that it sends again and again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SearchRecord {
    /// Who asked.
    pub origin: NodeId,
    /// When it was ordered, in the time of the world.
    pub began_us: u64,
    /// Queries that left; 0: it had nobody to ask, or is forgotten.
    pub queries: u32,
    /// TTL + hops with which the origin sent the farthest of them.
    pub ttl: u8,
    /// Copies of them, sent by anybody.
    pub messages: u64,
    /// Their bytes, headers included.
    pub bytes: u64,
    /// Copies that reached a node which had one of the same query already, or the origin.
    pub duplicates: u64,
    /// Nodes that any of the queries reached, the origin left out.
    pub reached: u64,
    /// Of these, how many were reached over 1, 2, ... links, by the shortest way that any of the
    /// queries took.
    pub reached_by_hop: Vec<u64>,
    /// Hit descriptors sent by anybody, relayed ones included.
    pub hit_messages: u64,
    /// Hit descriptors sent to the origin over links.
    pub hits: u64,
    /// Results that the origin reported.
    pub results: u64,
    /// How long after the search was ordered the first result was reported.
    pub first_hit_us: Option<u64>,
    /// How long after it the last one was.
    pub last_hit_us: Option<u64>,
    /// When results were reported, after it was ordered, and how many there were by then.
    pub results_over_time: Vec<(u64, u64)>,
    /// The nodes whose results were reported, in order, each once.
    pub found_at: Vec<NodeId>,
    /// Nodes that could have answered: see [`SearchRecord::judge`].
    pub truth: Option<u64>,
    /// The part of these whose results were reported; none if there were none.
    pub recall: Option<f64>,
}

impl SearchRecord {
    fn new(origin: NodeId, asked: Option<&Asked>, now: Time) -> SearchRecord {
        let began = asked.map_or(now, |asked| asked.ordered);
        let after_us = |at: Time| at.since(began).as_micros() as u64;
        let found = asked.map_or(&[][..], |asked| &asked.found);
        let mut found_at = asked.map_or_else(Vec::new, |asked| asked.found_at.clone());
        found_at.sort_unstable();
        found_at.dedup();
        SearchRecord {
            origin,
            began_us: began.as_micros(),
            queries: 0,
            ttl: 0,
            messages: 0,
            bytes: 0,
            duplicates: 0,
            reached: 0,
            reached_by_hop: Vec::new(),
            hit_messages: 0,
            hits: 0,
            results: found.last().map_or(0, |&(_, results)| results),
            first_hit_us: found.first().map(|&(at, _)| after_us(at)),
            last_hit_us: found.last().map(|&(at, _)| after_us(at)),
            results_over_time: found.iter().map(|&(at, results)| (after_us(at), results)).collect(),
            found_at,
            truth: None,
            recall: None,
        }
    }

    fn add(&mut self, record: &Record) {
        self.queries += 1;
        self.ttl = self.ttl.max(record.ttl);
        self.messages += record.messages;
        self.bytes += record.bytes;
        self.duplicates += record.duplicates();
        self.hit_messages += record.hit_messages;
        self.hits += record.hits_home;
    }

    /// Holds it against the truth: these nodes, in order, could have answered. The origin, should
    /// it be among them, is left out.
    pub fn judge(&mut self, truth: &[NodeId]) {
        let others = || truth.iter().filter(|&&node| node != self.origin);
        let count = others().count() as u64;
        let found = others().filter(|node| self.found_at.binary_search(node).is_ok()).count();
        self.truth = Some(count);
        self.recall = (count > 0).then(|| found as f64 / count as f64);
    }
}

/// How many nodes were reached first over 1, 2, ... links by any of these queries.
fn by_hop(records: &[&Record]) -> Vec<u64> {
    if let [record] = records {
        return record.reached_by_hop().into_iter().map(u64::from).collect();
    }
    let mut nearest: BTreeMap<NodeId, u8> = BTreeMap::new();
    for record in records {
        for node in record.reached() {
            let links = record.distance(node);
            nearest.entry(node).and_modify(|least| *least = links.min(*least)).or_insert(links);
        }
    }
    let mut by_hop = Vec::new();
    for links in nearest.into_values().map(usize::from) {
        by_hop.resize(by_hop.len().max(links), 0);
        by_hop[links - 1] += 1;
    }
    by_hop
}

impl World {
    /// What a search has cost and brought so far. Queries that are forgotten do not count: see
    /// `WorldConfig::queries_max`.
    pub fn search_record(&self, node: NodeId, search: SearchId) -> SearchRecord {
        let ledger = &self.fabric.ledger;
        let asked = ledger.search(node, search);
        let queries = asked.map_or(&[][..], |asked| &asked.queries);
        let records: Vec<&Record> = queries.iter().filter_map(|&q| ledger.by_guid(q)).collect();
        let mut sum = SearchRecord::new(node, asked, self.now());
        records.iter().for_each(|record| sum.add(record));
        sum.reached_by_hop = by_hop(&records);
        sum.reached = sum.reached_by_hop.iter().sum();
        sum
    }

    /// Forgets a search and its queries, which makes room for others: what still comes of it does
    /// not count any more.
    pub fn forget_search(&mut self, node: NodeId, search: SearchId) {
        self.fabric.ledger.forget_search(node, search);
    }
}
