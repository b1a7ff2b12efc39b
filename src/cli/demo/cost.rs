//! What a flood cost: every servent's own counts, before and after.

use anyhow::Result;
use serde::Serialize;

use super::network::Network;
use crate::cli::render::{Side, Table, say};
use crate::cli::units;
use crate::servent::Why;

/// What one servent has seen so far.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    queries_in: u64,
    queries_out: u64,
    hits_out: u64,
    duplicates: u64,
}

/// What all servents have seen so far, in their order.
#[derive(Debug)]
pub(super) struct Counts(Vec<Seen>);

impl Counts {
    /// Asks every servent.
    pub(super) async fn of(network: &Network) -> Result<Counts> {
        let mut all = Vec::new();
        for client in network.clients() {
            let counters = client.counters().await?;
            let kind = |name: &str| {
                let counted = counters.messages.iter().find(|count| count.kind == name);
                counted.map_or((0, 0), |count| (count.received, count.sent))
            };
            let dropped = |why: Why| {
                let counted = counters.dropped.iter().find(|dropped| dropped.why == why);
                counted.map_or(0, |dropped| dropped.count)
            };
            all.push(Seen {
                queries_in: kind("query").0,
                queries_out: kind("query").1,
                hits_out: kind("query_hit").1,
                duplicates: dropped(Why::Duplicate) + dropped(Why::OwnQuery),
            });
        }
        Ok(Counts(all))
    }
}

/// What one flood cost the whole network.
#[derive(Debug, Serialize)]
pub(super) struct Cost {
    /// Copies of the query that crossed a link.
    query_messages: u64,
    /// Copies that the query-ID caches recognised and dropped.
    duplicates: u64,
    /// Copies of hits that crossed a link on their way home.
    hit_messages: u64,
    /// Servents that got the query, by their distance from the searcher; the first is hop 1.
    reached_by_hop: Vec<u32>,
    /// Servents in all, the searcher included.
    servents: usize,
}

impl Cost {
    /// The difference of the counts before and after one flood.
    pub(super) fn between(before: &Counts, after: &Counts, network: &Network) -> Cost {
        let mut cost = Cost {
            query_messages: 0,
            duplicates: 0,
            hit_messages: 0,
            reached_by_hop: Vec::new(),
            servents: after.0.len(),
        };
        let nodes = before.0.iter().zip(&after.0).zip(network.distances());
        for ((before, after), distance) in nodes {
            cost.query_messages += after.queries_out - before.queries_out;
            cost.duplicates += after.duplicates - before.duplicates;
            cost.hit_messages += after.hits_out - before.hits_out;
            if distance > 0 && after.queries_in > before.queries_in {
                let hop = distance as usize;
                cost.reached_by_hop.resize(cost.reached_by_hop.len().max(hop), 0);
                cost.reached_by_hop[hop - 1] += 1;
            }
        }
        cost
    }

    /// The cost for people.
    pub(super) fn print(&self) {
        let reached: u32 = self.reached_by_hop.iter().sum();
        say!(
            "\nThe flood reached {reached} of {} other servents:",
            units::number(self.servents as u64 - 1)
        );
        let mut table =
            Table::new(&[("hop", Side::Right), ("reached", Side::Right), ("", Side::Left)]);
        for (at, servents) in self.reached_by_hop.iter().enumerate() {
            let bar = "#".repeat(*servents as usize);
            table.row([(at + 1).to_string(), servents.to_string(), bar]);
        }
        table.print();
        say!(
            "It took {} of the query over the links; {} were duplicates, dropped by the query-ID \
             caches.\nHits crossed links {} on their way home.",
            units::count(self.query_messages, "copy", "copies"),
            units::number(self.duplicates),
            units::count(self.hit_messages, "time", "times")
        );
    }
}
