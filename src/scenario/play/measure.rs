//! From what can be seen on the stage to the report of the run.

use super::{Counts, Outcome, Play, Stage};
use crate::node::Why;
use crate::scenario::expect;
use crate::scenario::report::{
    Distribution, Drop, Load, NODE_ROWS_MAX, NodeRow, Query, Run, Summary, Traffic,
};
use crate::sim::{self, Dice, Load as Sent, NodeId};

/// Above so many nodes drops and kinds of descriptors are not counted: looking at each node takes
/// longer than playing.
const VIEWS_MAX: usize = 100_000;

impl<S: Stage> Play<'_, S> {
    /// The whole run, when it is over.
    pub(super) fn measure(&mut self) -> Outcome<Run> {
        let mut run = self.look(true)?;
        let nodes: Vec<NodeId> = (0..self.stage.nodes()).map(NodeId).collect();
        let overlay = self.stage.overlay()?;
        let sent: Vec<Sent> = nodes.iter().map(|&node| self.sent(node)).collect::<Outcome<_>>()?;
        let lives: Vec<bool> = nodes.iter().map(|&node| self.stage.is_alive(node)).collect();
        let files: Vec<u64> =
            nodes.iter().map(|&node| self.stage.files(node)).collect::<Outcome<_>>()?;
        let of_living = |value: &dyn Fn(usize) -> f64| {
            Distribution::of((0..nodes.len()).filter(|&node| lives[node]).map(value).collect())
        };
        let (mut queues, mut memories) = (Vec::new(), Vec::new());
        let mut drops = vec![0; Why::ALL.len()];
        for (at, &node) in nodes.iter().enumerate() {
            let looks = lives[at] && nodes.len() <= VIEWS_MAX;
            let counts = if looks { self.stage.counts(node)? } else { Counts::default() };
            let dropped = add(&counts, &mut drops, &mut run.traffic);
            queues.extend(counts.queue_peak_bytes.map(|bytes| bytes as f64));
            memories.extend(counts.memory_bytes.map(|bytes| bytes as f64));
            if nodes.len() <= NODE_ROWS_MAX {
                run.nodes.push(NodeRow {
                    node: node.0,
                    role: if self.cast.is_leaf(node) { "leaf" } else { "ultrapeer" }.to_owned(),
                    alive: lives[at],
                    degree: overlay
                        .place(node)
                        .map_or(0, |place| overlay.graph.neighbours(place).len() as u32),
                    files: files[at],
                    messages_sent: sent[at].messages_sent,
                    bytes_sent: sent[at].bytes_sent,
                    drops: dropped,
                    queue_peak_bytes: counts.queue_peak_bytes,
                    memory_bytes: counts.memory_bytes,
                });
            }
        }
        run.load = Load {
            messages_sent: of_living(&|node| sent[node].messages_sent as f64),
            bytes_sent: of_living(&|node| sent[node].bytes_sent as f64),
            files: of_living(&|node| files[node] as f64),
            queue_peak_bytes: Distribution::of(queues),
            memory_bytes: Distribution::of(memories),
        };
        let named = |(&why, &count): (&Why, &u64)| Drop {
            why: name(why),
            text: why.text().to_owned(),
            count,
        };
        run.drops =
            Why::ALL.iter().zip(&drops).filter(|(_, count)| **count > 0).map(named).collect();
        run.drops.sort_by_key(|drop| std::cmp::Reverse(drop.count));
        run.timeline = std::mem::take(&mut self.timeline);
        run.samples = std::mem::take(&mut self.samples);
        run.flood = self.flood.take();
        run.trace = self.stage.trace();
        Ok(run)
    }

    /// What is known so far, as far as conditions ask for it.
    pub(super) fn look(&mut self, distances: bool) -> Outcome<Run> {
        let so_far = self.rows_so_far()?;
        let traffic = self.stage.messages()? - self.messages_before;
        let overlay = self.stage.overlay()?;
        let mut dice = Dice::new(self.cast.seed).derive("distances");
        Ok(Run {
            seed: self.cast.seed,
            lasted_us: self.now_us(),
            built_us: super::micros(self.stage.built()),
            overlay: overlay.facts(distances.then_some(&mut dice)),
            summary: summary(&so_far, traffic),
            queries: so_far,
            downloads: self.fetches.iter().map(|fetch| fetch.row.clone()).collect(),
            ..Run::default()
        })
    }

    /// What a node sent since the play began.
    fn sent(&mut self, node: NodeId) -> Outcome<Sent> {
        let before = self.before.get(node.0 as usize).copied().unwrap_or_default();
        let load = self.stage.load(node)?;
        Ok(Sent {
            messages_sent: load.messages_sent.saturating_sub(before.messages_sent),
            bytes_sent: load.bytes_sent.saturating_sub(before.bytes_sent),
        })
    }
}

/// Nodes that live, links between them, and the part of the nodes in the largest component.
pub(super) fn standing(overlay: &sim::Overlay) -> (u64, u64, f64) {
    let largest = overlay.component_sizes().into_iter().max().unwrap_or(0);
    let nodes = u64::from(overlay.graph.nodes());
    (nodes, overlay.graph.edges().len() as u64, largest as f64 / nodes.max(1) as f64)
}

/// The name of a reason, as it is everywhere in JSON.
fn name(why: Why) -> String {
    let name = serde_json::to_value(why).ok();
    name.as_ref().and_then(|name| name.as_str()).unwrap_or_default().to_owned()
}

/// Adds what a node counted; says how much it dropped.
fn add(counts: &Counts, drops: &mut [u64], traffic: &mut Vec<Traffic>) -> u64 {
    for dropped in &counts.dropped {
        drops[dropped.why as usize] += dropped.count;
    }
    for count in &counts.kinds {
        match traffic.iter_mut().find(|known| known.kind == count.kind) {
            Some(known) => {
                known.sent += count.sent;
                known.received += count.received;
            }
            None => traffic.push(Traffic {
                kind: count.kind.clone(),
                sent: count.sent,
                received: count.received,
            }),
        }
    }
    counts.dropped.iter().map(|dropped| dropped.count).sum()
}

fn summary(queries: &[Query], traffic: u64) -> Summary {
    let count = queries.len().max(1) as f64;
    // The sum of no numbers would be -0.
    let sum = |numbers: &mut dyn Iterator<Item = f64>| numbers.fold(0.0, |sum, one| sum + one);
    let mean = |value: &dyn Fn(&Query) -> f64| sum(&mut queries.iter().map(value)) / count;
    let answerable: Vec<&Query> = queries.iter().filter(|query| query.truth > 0).collect();
    let of_answerable = |value: &dyn Fn(&Query) -> f64| {
        sum(&mut answerable.iter().map(|query| value(query))) / answerable.len().max(1) as f64
    };
    let found = |query: &Query| f64::from(u8::from(query.results > 0));
    let hops = queries.iter().map(|query| query.reached_by_hop.len()).max().unwrap_or(0);
    let at_hop = |hop: usize| {
        mean(&|query| query.reached_by_hop.get(hop).map_or(0.0, |&nodes| nodes as f64))
    };
    let times = |time: &dyn Fn(&Query) -> Option<u64>| {
        Distribution::of(queries.iter().filter_map(time).map(|us| us as f64).collect())
    };
    Summary {
        queries: queries.len() as u64,
        messages: mean(&|query| query.messages as f64),
        bytes: mean(&|query| query.bytes as f64),
        duplicates: mean(&|query| query.duplicates as f64),
        reached: mean(&|query| query.reached as f64),
        reached_by_hop: (0..hops).map(at_hop).collect(),
        hits: mean(&|query| query.hits as f64),
        results: mean(&|query| query.results as f64),
        found: mean(&found),
        success: of_answerable(&found),
        recall: of_answerable(&|query| query.recall.unwrap_or(0.0)),
        first_hit_us: times(&|query| query.first_hit_us),
        last_hit_us: times(&|query| query.last_hit_us),
        throughput: expect::throughput(queries),
        messages_each: Distribution::of(
            queries.iter().map(|query| query.messages as f64).collect(),
        ),
        traffic,
    }
}
