//! What a query cost and what it brought: a record per query, fed by the descriptors that nodes
//! send, and the load of each node.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroUsize;
use std::time::Duration;

use foldhash::fast::FixedState;
use lru::LruCache;

use super::NodeId;
use super::check::{self, Violation};
use crate::node::Time;
use crate::node::config::Forward;
use crate::node::io::SearchId;
use crate::wire::{Guid, HEADER_LEN, Header, Kind};

/// One descriptor on its way: who sends it over which link to whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passing<'a> {
    pub(super) header: &'a Header,
    pub(super) at: Time,
    pub(super) from: NodeId,
    pub(super) to: NodeId,
    /// The sender's end of the connection, and the receiver's.
    pub(super) end: u32,
    pub(super) peer_end: u32,
    /// Whether it is a step of a walker, for which other rules hold.
    pub(super) walks: bool,
}

/// One copy of a query on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Who sent it.
    pub from: NodeId,
    /// To whom.
    pub to: NodeId,
    /// When it was sent.
    pub at: Time,
    /// Links that it has crossed when it arrives.
    pub hop: u8,
    /// Whether a copy had been sent to the receiver before, or it is the origin.
    pub again: bool,
}

/// Of a query whose copies are kept one by one, so many are kept.
const COPIES_MAX: usize = 10_000;

/// What is known of one query. Everything counts when it is sent.
#[derive(Clone, Debug)]
pub struct Record {
    /// Who asked.
    pub origin: NodeId,
    /// Which of its searches it belongs to, if one.
    pub search: Option<SearchId>,
    /// When the first copy left.
    pub began: Time,
    /// TTL + hops with which the origin sent it.
    pub ttl: u8,
    /// Copies sent, by anybody.
    pub messages: u64,
    /// Their bytes, headers included.
    pub bytes: u64,
    /// Hit descriptors sent by anybody, relayed ones included.
    pub hit_messages: u64,
    /// Hit descriptors sent to the origin.
    pub hits_home: u64,
    /// Results that the origin reported, and when the first and the last came.
    pub results: u64,
    /// When the first result was reported.
    pub first_found: Option<Time>,
    /// When the last result was reported.
    pub last_found: Option<Time>,
    /// Whether the process that asked is gone: its node knows nothing of the query any more.
    pub(super) origin_gone: bool,
    /// By node: the fewest links the query crossed on its way there; 0: not reached.
    pub(super) distance: Vec<u8>,
    /// By end of a connection: the highest TTL with which the query was sent from there; 0: none.
    pub(super) sent_ttl: Vec<u8>,
    /// Nodes that answered, once for each hit descriptor of their own.
    pub(super) answers: Vec<NodeId>,
    /// Its first copies in the order in which they were sent, if they are kept
    /// ([`World::follow_copies`](super::World::follow_copies)).
    pub copies: Option<Vec<Passed>>,
}

impl Record {
    fn new(passing: &Passing<'_>, search: Option<SearchId>) -> Record {
        Record {
            origin: passing.from,
            search,
            began: passing.at,
            ttl: passing.header.ttl.saturating_add(passing.header.hops),
            messages: 0,
            bytes: 0,
            hit_messages: 0,
            hits_home: 0,
            results: 0,
            first_found: None,
            last_found: None,
            origin_gone: false,
            distance: Vec::new(),
            sent_ttl: Vec::new(),
            answers: Vec::new(),
            copies: None,
        }
    }

    /// The nodes that the query was sent to, its origin left out, in order.
    pub fn reached(&self) -> Vec<NodeId> {
        let reached = (0..).zip(&self.distance).filter(|&(_, &distance)| distance > 0);
        reached.map(|(node, _)| NodeId(node)).filter(|&node| node != self.origin).collect()
    }

    /// How many nodes were reached first after 1, 2, ... links.
    pub fn reached_by_hop(&self) -> Vec<u32> {
        let mut by_hop = Vec::new();
        for node in self.reached() {
            let hop = usize::from(self.distance[node.0 as usize]);
            if by_hop.len() < hop {
                by_hop.resize(hop, 0);
            }
            by_hop[hop - 1] += 1;
        }
        by_hop
    }

    /// The fewest links that the query crossed on its way to a node, as far as a byte counts them;
    /// none if it was not sent there. Of a walker that is how many steps it had made.
    pub fn links_to(&self, node: NodeId) -> Option<u8> {
        Some(self.distance(node)).filter(|&links| links > 0)
    }

    /// Copies that reached a node which had one already, or the origin.
    pub fn duplicates(&self) -> u64 {
        self.messages - self.reached().len() as u64
    }

    /// The nodes that answered, in order; one that sent several hit descriptors stands there as
    /// often.
    pub fn answers(&self) -> Vec<NodeId> {
        let mut answers = self.answers.clone();
        answers.sort_unstable();
        answers
    }

    /// How long the first result was awaited.
    pub fn first_found_after(&self) -> Option<Duration> {
        self.first_found.map(|found| found.since(self.began))
    }

    fn query_passed(&mut self, passing: &Passing<'_>) {
        let header = passing.header;
        self.messages += 1;
        self.bytes += HEADER_LEN as u64 + u64::from(header.len);
        set(&mut self.sent_ttl, passing.end, |ttl| ttl.max(header.ttl));
        let links = header.hops.saturating_add(1);
        if self.copies.is_some() {
            self.keep_copy(passing, links);
        }
        set(&mut self.distance, passing.to.0, |before| match before {
            0 => links,
            before => before.min(links),
        });
    }

    fn keep_copy(&mut self, passing: &Passing<'_>, hop: u8) {
        let again = passing.to == self.origin || self.distance(passing.to) > 0;
        let Passing { from, to, at, .. } = *passing;
        if let Some(copies) = self.copies.as_mut().filter(|copies| copies.len() < COPIES_MAX) {
            copies.push(Passed { from, to, at, hop, again });
        }
    }

    fn hit_passed(&mut self, passing: &Passing<'_>) {
        self.hit_messages += 1;
        if passing.header.hops == 0 {
            self.answers.push(passing.from);
        }
        if passing.to == self.origin {
            self.hits_home += 1;
        }
    }

    pub(super) fn sent_ttl(&self, end: u32) -> u8 {
        self.sent_ttl.get(end as usize).copied().unwrap_or(0)
    }

    pub(super) fn distance(&self, node: NodeId) -> u8 {
        self.distance.get(node.0 as usize).copied().unwrap_or(0)
    }
}

fn set(table: &mut Vec<u8>, at: u32, to: impl FnOnce(u8) -> u8) {
    let at = at as usize;
    if table.len() <= at {
        table.resize((at + 1).next_power_of_two(), 0);
    }
    table[at] = to(table[at]);
}

/// What one node had to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Descriptors sent.
    pub messages_sent: u64,
    /// Bytes sent, of every kind.
    pub bytes_sent: u64,
}

/// So many forgotten queries are known as such, for each that is remembered.
const GONE_PER_QUERY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(15);

/// A search: its queries, and what it brought.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// When it was ordered.
    pub(super) ordered: Time,
    /// Its queries that are remembered, in the order in which they left.
    pub(super) queries: Vec<Guid>,
    /// When results were reported, and how many there were by then.
    pub(super) found: Vec<(Time, u64)>,
    /// Whose results were reported, as often as they were.
    pub(super) found_at: Vec<NodeId>,
}

impl Asked {
    fn ordered_at(ordered: Time) -> Asked {
        Asked { ordered, queries: Vec::new(), found: Vec::new(), found_at: Vec::new() }
    }
}

/// The records of the queries that passed last.
#[derive(Debug)]
pub(super) struct Ledger {
    queries: LruCache<Guid, Box<Record>, FixedState>,
    searches: BTreeMap<(NodeId, SearchId), Asked>,
    /// Searches that were ordered and whose query has not left yet.
    ordered: BTreeMap<NodeId, VecDeque<SearchId>>,
    /// Further queries of searches that have not left yet.
    anew: BTreeMap<Guid, (NodeId, SearchId)>,
    /// Queries that were forgotten last: should their origin send them to a new neighbour, they do
    /// not begin anew, as the nodes remember what the ledger does not.
    gone: LruCache<Guid, (), FixedState>,
    /// Whether queries that begin keep their copies one by one.
    pub(super) follows_copies: bool,
    /// Descriptors sent by anybody.
    pub(super) messages: u64,
}

impl Ledger {
    pub(super) fn new(queries_max: usize) -> Ledger {
        let max = NonZeroUsize::new(queries_max).unwrap_or(NonZeroUsize::MIN);
        let remembered = max.saturating_mul(GONE_PER_QUERY);
        Ledger {
            queries: LruCache::with_hasher(max, FixedState::with_seed(0)),
            searches: BTreeMap::new(),
            ordered: BTreeMap::new(),
            anew: BTreeMap::new(),
            gone: LruCache::with_hasher(remembered, FixedState::with_seed(0)),
            follows_copies: false,
            messages: 0,
        }
    }

    pub(super) fn by_guid(&self, guid: Guid) -> Option<&Record> {
        self.queries.peek(&guid).map(Box::as_ref)
    }

    /// The first remembered query of a search, and what is known of it.
    pub(super) fn by_search(&self, node: NodeId, search: SearchId) -> Option<(Guid, &Record)> {
        let guid = *self.search(node, search)?.queries.first()?;
        self.by_guid(guid).map(|record| (guid, record))
    }

    pub(super) fn search(&self, node: NodeId, search: SearchId) -> Option<&Asked> {
        self.searches.get(&(node, search))
    }

    pub(super) fn search_ordered(&mut self, node: NodeId, search: SearchId, at: Time) {
        self.ordered.entry(node).or_default().push_back(search);
        self.searches.insert((node, search), Asked::ordered_at(at));
    }

    /// A search asks under this GUID from now on.
    pub(super) fn asks_anew(&mut self, node: NodeId, search: SearchId, query: Guid) {
        self.anew.insert(query, (node, search));
    }

    /// A search is over: nothing leaves any more. It is remembered as long as its queries are.
    pub(super) fn search_ended(&mut self, node: NodeId, search: SearchId) {
        self.has_left(node, search);
        self.anew.retain(|_, of| *of != (node, search));
        if self.search(node, search).is_some_and(|asked| asked.queries.is_empty()) {
            self.searches.remove(&(node, search));
        }
    }

    /// The first query of a search has left, or never will.
    fn has_left(&mut self, node: NodeId, search: SearchId) {
        if let Some(ordered) = self.ordered.get_mut(&node) {
            ordered.retain(|&other| other != search);
            if ordered.is_empty() {
                self.ordered.remove(&node);
            }
        }
    }

    /// Forgets a search and its queries.
    pub(super) fn forget_search(&mut self, node: NodeId, search: SearchId) {
        for query in self.searches.remove(&(node, search)).into_iter().flat_map(|s| s.queries) {
            self.queries.pop(&query);
            self.gone.push(query, ());
        }
    }

    /// A node reports so many results, of these nodes.
    pub(super) fn found(
        &mut self,
        (node, search): (NodeId, SearchId),
        results: usize,
        found_at: impl Iterator<Item = NodeId>,
        at: Time,
    ) {
        let Some(asked) = self.searches.get_mut(&(node, search)) else { return };
        asked.found_at.extend(found_at);
        let before = asked.found.last().map_or(0, |&(_, results)| results);
        asked.found.push((at, before + results as u64));
        let Some(query) = asked.queries.last() else { return };
        if let Some(record) = self.queries.peek_mut(query) {
            record.results += results as u64;
            record.first_found = record.first_found.or(Some(at));
            record.last_found = Some(at);
        }
    }

    /// The connection is gone: what was sent over its ends says nothing about the next one there.
    pub(super) fn forget_end(&mut self, end: u32) {
        for (_, record) in self.queries.iter_mut() {
            if let Some(ttl) = record.sent_ttl.get_mut(end as usize) {
                *ttl = 0;
            }
        }
    }

    /// A process is gone: if its node starts anew, what it asked before is a stranger's.
    pub(super) fn process_ended(&mut self, node: NodeId) {
        for (_, record) in self.queries.iter_mut().filter(|(_, record)| record.origin == node) {
            record.origin_gone = true;
        }
    }

    /// A node sends a descriptor: checks it and counts it.
    pub(super) fn passes(
        &mut self,
        passing: &Passing<'_>,
        forward: Forward,
    ) -> Result<(), Violation> {
        self.messages += 1;
        match passing.header.kind {
            Kind::QUERY => self.query_passes(passing, forward),
            Kind::QUERY_HIT => self.hit_passes(passing),
            _ => Ok(()),
        }
    }

    fn query_passes(&mut self, passing: &Passing<'_>, forward: Forward) -> Result<(), Violation> {
        let header = passing.header;
        let record = match self.queries.get_mut(&header.guid) {
            Some(record) => record,
            // Older than what the ledger holds.
            None if header.hops > 0 || self.gone.contains(&header.guid) => return Ok(()),
            None => self.begin(passing),
        };
        check::query(record, passing, forward)?;
        if passing.from == record.origin && header.hops == 0 {
            record.ttl = record.ttl.max(header.ttl);
        }
        record.query_passed(passing);
        Ok(())
    }

    /// A liar sends a descriptor: it counts, and what the others do with it is judged by what the
    /// liar said.
    pub(super) fn lies(&mut self, passing: &Passing<'_>) {
        self.messages += 1;
        let header = passing.header;
        match header.kind {
            Kind::QUERY => {
                let record = match self.queries.get_mut(&header.guid) {
                    Some(record) => record,
                    None if header.hops > 0 || self.gone.contains(&header.guid) => return,
                    None => self.begin(passing),
                };
                record.ttl = record.ttl.max(header.ttl.saturating_add(header.hops));
                record.query_passed(passing);
            }
            Kind::QUERY_HIT => {
                if let Some(record) = self.queries.get_mut(&header.guid) {
                    record.hit_passed(passing);
                }
            }
            _ => {}
        }
    }

    fn begin(&mut self, passing: &Passing<'_>) -> &mut Box<Record> {
        let guid = passing.header.guid;
        let search = self.search_of(passing);
        let mut record = Box::new(Record::new(passing, search));
        record.copies = self.follows_copies.then(Vec::new);
        if let Some((gone, old)) = self.queries.push(guid, record) {
            self.is_forgotten(gone, &old);
        }
        self.queries.get_or_insert_mut(guid, || Box::new(Record::new(passing, search)))
    }

    /// A query made room for a younger one.
    fn is_forgotten(&mut self, query: Guid, record: &Record) {
        self.gone.push(query, ());
        let Some(search) = record.search.map(|search| (record.origin, search)) else { return };
        let Some(asked) = self.searches.get_mut(&search) else { return };
        asked.queries.retain(|&other| other != query);
        if asked.queries.is_empty() {
            self.searches.remove(&search);
        }
    }

    /// The search that a query which leaves for the first time belongs to.
    fn search_of(&mut self, passing: &Passing<'_>) -> Option<SearchId> {
        let (node, guid) = (passing.from, passing.header.guid);
        let search = match self.anew.remove(&guid) {
            Some((_, search)) => search,
            None => self.ordered.get_mut(&node)?.pop_front()?,
        };
        self.has_left(node, search);
        if let Some(asked) = self.searches.get_mut(&(node, search)) {
            asked.queries.push(guid);
        }
        Some(search)
    }

    fn hit_passes(&mut self, passing: &Passing<'_>) -> Result<(), Violation> {
        let Some(record) = self.queries.get_mut(&passing.header.guid) else { return Ok(()) };
        check::hit(record, passing)?;
        record.hit_passed(passing);
        Ok(())
    }
}
