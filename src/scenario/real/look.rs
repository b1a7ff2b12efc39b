//! What can be seen of servents from outside: neighbours, counters, and what became of queries.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::stage::Servents;
use crate::api::types::{Dropped, KindCount, Passage, SearchPage};
use crate::node::io::SearchId;
use crate::scenario::follow::{Followed, Noted, Step, follow};
use crate::scenario::play::Outcome;
use crate::sim::{Graph, NodeId, Overlay, SearchRecord};

/// What was seen of a servent is so for so long.
const SEEN_LASTS: Duration = Duration::from_millis(200);

/// A search that was asked.
#[derive(Debug)]
pub(super) struct Search {
    pub(super) node: NodeId,
    /// Its name at its servent.
    id: u64,
    /// Whether it asks again after a while.
    pub(super) by_steps: bool,
    /// What its servent said of it before its process ended.
    last_page: Option<SearchPage>,
    /// What it came to, if nothing is under way any more.
    pub(super) done: Option<SearchRecord>,
}

impl Search {
    pub(super) fn new(node: NodeId, id: u64, by_steps: bool) -> Search {
        Search { node, id, by_steps, last_page: None, done: None }
    }
}

/// A servent, as it was seen.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// Its neighbours.
    neighbours: Vec<NodeId>,
    /// Descriptors and bytes that it sent.
    pub(super) sent: u64,
    pub(super) sent_bytes: u64,
    /// Queries, hits and pushes that it sent.
    pub(super) moved: u64,
    pub(super) dropped: Vec<Dropped>,
    pub(super) kinds: Vec<KindCount>,
}

impl Servents<'_> {
    /// Looks at all nodes that live, unless that was done a moment ago.
    pub(super) fn look(&mut self) -> Outcome {
        if self.seen.as_ref().is_some_and(|(at, _)| at.elapsed() < SEEN_LASTS) {
            return Ok(());
        }
        let looked = self.of_all(|_, client| async move {
            Ok((client.peers().await?, client.counters().await?))
        })?;
        let mut seen = vec![None; self.alive.len()];
        for (node, (peers, counters)) in looked {
            let neighbours = peers.iter().filter_map(|peer| self.at(peer.address.ip()));
            let sent_bytes: u64 = peers.iter().map(|peer| peer.sent_bytes).sum();
            let moves = |kind: &&KindCount| ["query", "query_hit", "push"].contains(&&*kind.kind);
            seen[node.0 as usize] = Some(Seen {
                neighbours: neighbours.collect(),
                sent: counters.messages.iter().map(|kind| kind.sent).sum(),
                sent_bytes: sent_bytes + counters.datagrams.sent_bytes,
                moved: counters.messages.iter().filter(moves).map(|kind| kind.sent).sum(),
                dropped: counters.dropped,
                kinds: counters.messages,
            });
        }
        self.seen = Some((Instant::now(), seen));
        Ok(())
    }

    /// What was seen of a node when it was looked at last.
    pub(super) fn seen_of(&self, node: NodeId) -> Option<&Seen> {
        self.seen.as_ref()?.1.get(node.0 as usize)?.as_ref()
    }

    /// The network as it was seen: a link is one if both ends hold it to be one.
    pub(super) fn overlay_seen(&self) -> Overlay {
        let nodes: Vec<NodeId> = self.living().collect();
        let mut pairs = Vec::new();
        for (place, &node) in (0..).zip(&nodes) {
            let neighbours = self.seen_of(node).map_or(&[][..], |seen| &seen.neighbours);
            let places = neighbours.iter().filter_map(|other| nodes.binary_search(other).ok());
            pairs.extend(places.map(|other| (place, other as u32)));
        }
        pairs.sort_unstable();
        let mutual = |&&(a, b): &&(u32, u32)| a < b && pairs.binary_search(&(b, a)).is_ok();
        let edges: Vec<(u32, u32)> = pairs.iter().filter(mutual).copied().collect();
        let is_leaf = |node: &NodeId| self.leaves.get(node.0 as usize) == Some(&true);
        let ultrapeers = nodes.iter().map(|node| !is_leaf(node)).collect();
        Overlay { graph: Graph::new(nodes.len() as u32, edges), nodes, ultrapeers }
    }

    /// What the servent that asked says of a search; none if it is not known any more.
    fn page(&self, search: SearchId) -> Outcome<Option<SearchPage>> {
        let Some(search) = self.searches.get(&search) else { return Ok(None) };
        if let Some(page) = &search.last_page {
            return Ok(Some(page.clone()));
        }
        let id = search.id;
        self.call(search.node, |client| async move { client.search_page(id, 0).await }).map(Some)
    }

    /// Keeps what a search has found: its servent is about to end.
    pub(super) fn keep_search(&mut self, search: SearchId) -> Outcome {
        let page = self.page(search)?;
        if let Some(search) = self.searches.get_mut(&search) {
            search.last_page = page;
        }
        Ok(())
    }

    /// The way of a search's queries, as all nodes noted it.
    pub(super) fn followed(&self, search: SearchId) -> Outcome<Option<Followed>> {
        let Some(page) = self.page(search)? else { return Ok(None) };
        let Some(node) = self.searches.get(&search).map(|search| search.node) else {
            return Ok(None);
        };
        let queries = &page.search.queries;
        let noted = self.of_all(|_, client| async move {
            let mut noted = Vec::new();
            for &query in queries {
                noted.extend(client.passages(Some(query)).await?.passages);
            }
            Ok(noted)
        })?;
        let mut noted: BTreeMap<NodeId, Vec<Passage>> = noted.into_iter().collect();
        for (node, earlier) in &self.noted {
            let of = earlier.iter().filter(|passage| queries.contains(&passage.query));
            noted.entry(*node).or_default().extend(of.cloned());
        }
        let noted: Vec<Noted> = noted
            .into_iter()
            .filter_map(|(node, passages)| {
                let listen = self.cluster.nodes().get(node.0 as usize)?.config.listen;
                Some(Noted { node: node.0, listen, passages })
            })
            .collect();
        Ok(Some(follow(node.0, queries, &noted, &[])))
    }

    /// What a search has cost and brought.
    pub(super) fn recorded(&mut self, node: NodeId, search: SearchId) -> Outcome<SearchRecord> {
        let nothing = nothing(node);
        let Some(asked) = self.searches.get(&search) else { return Ok(nothing) };
        if let Some(done) = &asked.done {
            return Ok(done.clone());
        }
        let by_steps = asked.by_steps;
        let Some(page) = self.page(search)? else { return Ok(nothing) };
        let Some(followed) = self.followed(search)? else { return Ok(nothing) };
        let record = self.record_of(node, &page, &followed);
        let is_over = followed.is_settled() && (!by_steps || page.search.ended.is_some());
        if let Some(asked) = self.searches.get_mut(&search).filter(|_| is_over) {
            asked.done = Some(record.clone());
        }
        Ok(record)
    }

    fn record_of(&self, node: NodeId, page: &SearchPage, followed: &Followed) -> SearchRecord {
        let mut by_hop: Vec<u64> = Vec::new();
        for hop in followed.hops().into_values().map(|hop| hop as usize) {
            by_hop.resize(by_hop.len().max(hop), 0);
            if let Some(count) = hop.checked_sub(1).and_then(|at| by_hop.get_mut(at)) {
                *count += 1;
            }
        }
        let reached: u64 = by_hop.iter().sum();
        // Files that one servent named at one moment came in one hit.
        let sources = page.results.iter().flat_map(|result| &result.sources);
        let mut hits: BTreeMap<(u64, _), u64> = BTreeMap::new();
        for source in sources.clone() {
            *hits.entry((source.after_us, source.source.address)).or_default() += 1;
        }
        let mut results = 0;
        let over_time = hits.iter().map(|(&(after_us, _), files)| {
            results += files;
            (after_us, results)
        });
        let results_over_time: Vec<(u64, u64)> = over_time.collect();
        let mut found_at: Vec<NodeId> =
            sources.filter_map(|source| self.at(source.source.address.ip())).collect();
        found_at.sort_unstable();
        found_at.dedup();
        SearchRecord {
            queries: page.search.queries.len() as u32,
            ttl: followed.ttl,
            messages: followed.totals.copies,
            bytes: followed.totals.bytes,
            duplicates: followed.totals.copies.saturating_sub(reached),
            reached,
            reached_by_hop: by_hop,
            hit_messages: followed.totals.hit_messages,
            hits: followed.totals.hits_home,
            results,
            first_hit_us: results_over_time.first().map(|&(after_us, _)| after_us),
            last_hit_us: results_over_time.last().map(|&(after_us, _)| after_us),
            results_over_time,
            found_at,
            ..nothing(node)
        }
    }
}

/// A search of which nothing is known.
fn nothing(origin: NodeId) -> SearchRecord {
    SearchRecord {
        origin,
        began_us: 0,
        queries: 0,
        ttl: 0,
        messages: 0,
        bytes: 0,
        duplicates: 0,
        reached: 0,
        reached_by_hop: Vec::new(),
        hit_messages: 0,
        hits: 0,
        results: 0,
        first_hit_us: None,
        last_hit_us: None,
        results_over_time: Vec::new(),
        found_at: Vec::new(),
        truth: None,
        recall: None,
    }
}

impl Followed {
    /// The copies of queries that came anywhere, in the order in which they did.
    pub(super) fn arrived(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.fate.arrived())
    }

    /// The nodes that got a query, its origin left out, and the fewest links that it crossed on its
    /// way there.
    pub(super) fn hops(&self) -> BTreeMap<NodeId, u32> {
        let mut hops: BTreeMap<NodeId, u32> = BTreeMap::new();
        for step in self.arrived().filter(|step| step.node != self.origin) {
            let fewest = hops.entry(NodeId(step.node)).or_insert(step.hop);
            *fewest = step.hop.min(*fewest);
        }
        hops
    }
}
