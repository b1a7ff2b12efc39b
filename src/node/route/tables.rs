//! The query routing tables of our neighbours: gathered from their patches, bounded, and asked
//! for whom a query is (protocol.md section 17).
//!
//! Every link that tables concern has a small number. Few leaves' tables are looked at one by one;
//! of more, [`Rows`] has for each slot the leaves that have it. A table so full that it says
//! nothing is not looked at: its leaf gets every query, but only so many a second.

use super::rows::{Numbers, Rows, has, put};
use crate::library::route_table::{Keys, LOG2, Pool, SlotSet, ones};
use crate::node::size::block;
use crate::node::{Config, ConnId, Relation, Time};
use crate::wire::qrp::gather::{Changes, Gathered, Gatherer, Room, Wrong};
use crate::wire::qrp::{self, Update};

/// From so many leaves on there are rows: they take as much as the leaves' tables, or megabytes.
const ROWS_FROM: usize = 64;

/// Seconds in which `Config::route_updates_per_minute_max` counts.
const MINUTE_US: u64 = 60_000_000;

/// The number of a link.
pub(crate) type Number = u16;

/// Why a link whose table cannot be kept must go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It broke a rule of sequences.
    Wrong(Wrong),
    /// More updates in a minute than anybody needs.
    TooOften,
    /// All tables together would take more memory than they may.
    NoRoom,
}

/// All tables.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    links: Vec<Option<Box<Link>>>,
    free: Vec<Number>,
    leaves: Vec<Number>,
    peers: Vec<Number>,
    rows: Option<Rows>,
    /// Leaves that get every query.
    whole: Numbers,
    /// Those of them that get only so many a second.
    crowded: Numbers,
    /// Leaves that share something.
    sharing: Numbers,
    /// Links whose tables were not looked up among those of other nodes.
    unshared: Numbers,
    /// Leaves that want fewer queries than their tables say.
    limited: Numbers,
    /// Bytes that tables and patches hold.
    held_bytes: usize,
    /// Changes with every table of a leaf.
    version: u64,
    /// The leaves for the query at hand.
    hits: Numbers,
}

#[derive(Debug)]
struct Link {
    conn: ConnId,
    relation: Relation,
    gatherer: Gatherer,
    table: SlotSet,
    /// Whether the table is complete: from the last patch after a reset on.
    complete: bool,
    hops_limit: u8,
    held_bytes: usize,
    /// Updates since then.
    updates: u16,
    updates_since: Time,
    /// Queries since then, for a crowded table.
    queries: u32,
    queries_since: Time,
}

/// A query that goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// What it is judged by.
    pub keys: &'a Keys,
    /// The link that it came from, if it has a number.
    pub from: Option<Number>,
    /// Its hops as they will stand on the wire.
    pub hops: u8,
}

impl Tables {
    /// A link that tables concern. With `everything` it is a leaf that gets every query, whatever
    /// it says. No number: there are too many links already.
    pub(crate) fn insert(
        &mut self,
        conn: ConnId,
        relation: Relation,
        everything: bool,
    ) -> Option<Number> {
        let number = match self.free.pop() {
            Some(number) => number,
            None => {
                let number = Number::try_from(self.links.len()).ok()?;
                self.links.push(None);
                number
            }
        };
        let link = Link {
            conn,
            relation,
            gatherer: Gatherer::default(),
            table: SlotSet::empty(LOG2),
            complete: false,
            hops_limit: u8::MAX,
            held_bytes: 0,
            updates: 0,
            updates_since: Time::ZERO,
            queries: 0,
            queries_since: Time::ZERO,
        };
        *self.links.get_mut(usize::from(number))? = Some(Box::new(link));
        match relation {
            Relation::Leaf => {
                self.leaves.push(number);
                put(&mut self.whole, number, everything);
                put(&mut self.sharing, number, everything);
                if self.leaves.len() > ROWS_FROM && self.rows.is_none() {
                    self.build_rows();
                }
            }
            Relation::Peer => self.peers.push(number),
            Relation::Ultrapeer => {}
        }
        Some(number)
    }

    /// The link is gone.
    pub(crate) fn remove(&mut self, number: Number) {
        self.forget_table(number);
        let Some(link) = self.links.get_mut(usize::from(number)).and_then(Option::take) else {
            return;
        };
        self.held_bytes -= link.held_bytes;
        self.leaves.retain(|&other| other != number);
        self.peers.retain(|&other| other != number);
        for set in [&mut self.whole, &mut self.sharing, &mut self.limited] {
            put(set, number, false);
        }
        self.free.push(number);
    }

    /// Whether there is any leaf.
    #[inline]
    pub(crate) fn has_leaves(&self) -> bool {
        !self.leaves.is_empty()
    }

    /// The connection with this number.
    pub(crate) fn conn(&self, number: Number) -> Option<ConnId> {
        self.link(number).map(|link| link.conn)
    }

    /// What the table of a link says to a query; nothing if it has sent no whole table.
    pub(crate) fn judge(&self, number: Number, keys: &Keys) -> Option<bool> {
        let link = self.link(number).filter(|link| link.complete)?;
        Some(link.table.may_match(keys))
    }

    /// The part of a link's table that is set, in percent; nothing without a whole table.
    pub(crate) fn fill_percent(&self, number: Number) -> Option<u32> {
        self.link(number).filter(|link| link.complete).map(|link| link.table.fill_percent())
    }

    /// Differs from an earlier one if the table of a leaf changed since.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// The leaf wants only queries with fewer hops.
    pub(crate) fn limit_hops(&mut self, number: Number, hops_limit: u8, config: &Config) {
        put(&mut self.limited, number, hops_limit <= config.ttl_and_hops_max);
        if let Some(link) = self.link_mut(number) {
            link.hops_limit = hops_limit;
        }
    }

    /// A RESET or PATCH came; patches are inflated in this room.
    pub(crate) fn take(
        &mut self,
        now: Time,
        number: Number,
        update: &Update<'_>,
        config: &Config,
        room: &mut Room,
    ) -> Result<(), Refusal> {
        self.take_in(now, number, update, config, room)?;
        let Some(link) = self.link_mut(number) else { return Ok(()) };
        let held = link.table.heap_bytes() + link.gatherer.held_bytes();
        let before = std::mem::replace(&mut link.held_bytes, held);
        self.held_bytes = self.held_bytes + held - before;
        if self.held_bytes > config.route_tables_bytes_max as usize && held > before {
            return Err(Refusal::NoRoom);
        }
        Ok(())
    }

    fn take_in(
        &mut self,
        now: Time,
        number: Number,
        update: &Update<'_>,
        config: &Config,
        room: &mut Room,
    ) -> Result<(), Refusal> {
        let Some(link) = self.link_mut(number) else { return Ok(()) };
        let gathered = link.gatherer.take(update, room).map_err(Refusal::Wrong)?;
        if gathered != Gathered::Part && !link.may_update(now, config) {
            return Err(Refusal::TooOften);
        }
        match gathered {
            Gathered::Part => {}
            Gathered::Reset { log2 } => {
                self.forget_table(number);
                if let Some(link) = self.link_mut(number) {
                    link.table = SlotSet::empty(log2);
                }
            }
            Gathered::Changes(changes) => self.change(number, &changes, config),
        }
        Ok(())
    }

    fn change(&mut self, number: Number, changes: &Changes<'_>, config: &Config) {
        let Tables { links, rows, crowded, whole, sharing, unshared, .. } = self;
        let Some(link) = links.get_mut(usize::from(number)).and_then(Option::as_mut) else {
            return;
        };
        let is_leaf = link.relation == Relation::Leaf;
        let was_crowded = has(crowded, number);
        let mut changed = Vec::new();
        let row_wanted = is_leaf && !was_crowded && rows.is_some();
        link.table.apply(changes.iter(), |slot, is| {
            if row_wanted {
                changed.push((slot, is));
            }
        });
        link.complete = true;
        put(unshared, number, true);
        if !is_leaf {
            return;
        }
        self.version += 1;
        let everything = has(whole, number) && !was_crowded;
        put(sharing, number, everything || link.table.count() > 0);
        let is_crowded =
            !everything && link.table.fill_percent() > u32::from(config.route_fill_percent_max);
        put(crowded, number, is_crowded);
        put(whole, number, everything || is_crowded);
        let Some(rows) = rows else { return };
        match (was_crowded, is_crowded) {
            // A slot is a row.
            (false, false) if link.table.log2() == LOG2 => {
                rows.put(number, changed.iter().copied());
            }
            (false, false) => rows.put(number, in_rows(&link.table, &changed)),
            (true, false) => rows.put(number, all_in_rows(&link.table, true)),
            (false, true) => {
                // What it had before, changes undone: every row that may name it.
                let before = changed.iter().filter(|&&(_, is)| !is).map(|&(slot, _)| slot);
                rows.put(number, before.flat_map(|slot| rows_of(&link.table, slot, false)));
                rows.put(number, all_in_rows(&link.table, false));
            }
            (true, true) => {}
        }
    }

    /// The link has no table any more.
    fn forget_table(&mut self, number: Number) {
        let is_crowded = has(&self.crowded, number);
        let Tables { links, rows, crowded, whole, sharing, .. } = self;
        let Some(link) = links.get_mut(usize::from(number)).and_then(Option::as_mut) else {
            return;
        };
        let table = std::mem::replace(&mut link.table, SlotSet::empty(LOG2));
        link.complete = false;
        if link.relation != Relation::Leaf {
            return;
        }
        self.version += 1;
        if is_crowded {
            put(whole, number, false);
        } else if let Some(rows) = rows {
            rows.put(number, all_in_rows(&table, false));
        }
        put(crowded, number, false);
        let everything = has(whole, number);
        put(sharing, number, everything);
    }

    fn build_rows(&mut self) {
        let mut rows = Rows::default();
        for &number in &self.leaves {
            if let Some(link) = self.link(number).filter(|_| !has(&self.whole, number)) {
                rows.put(number, all_in_rows(&link.table, true));
            }
        }
        self.rows = Some(rows);
    }

    /// Tables that equal one of the pool are that one from now on.
    pub(crate) fn share(&mut self, pool: &mut Pool) {
        for number in (0..)
            .zip(&self.unshared)
            .flat_map(|(at, &word)| ones(word).map(move |bit| (at * 64 + bit) as Number))
        {
            let link = self.links.get_mut(usize::from(number)).and_then(Option::as_mut);
            if let Some(link) = link {
                pool.share(&mut link.table);
            }
        }
        self.unshared = Numbers::new();
    }

    /// Calls `each` for every leaf that a query is for.
    #[inline]
    pub(crate) fn leaves_for(
        &mut self,
        now: Time,
        asked: Asked<'_>,
        config: &Config,
        mut each: impl FnMut(Number),
    ) {
        if self.leaves.is_empty() {
            return;
        }
        let Tables { links, leaves, rows, whole, crowded, sharing, limited, hits, .. } = self;
        let link = |number: Number| links.get(usize::from(number)).and_then(Option::as_ref);
        hits.clear();
        let (hashes, needed) = (asked.keys.hashes(), asked.keys.needed());
        if needed == 0 {
            hits.extend_from_slice(sharing);
        } else {
            hits.extend_from_slice(whole);
            match rows {
                Some(rows) => {
                    let mut slots = [0; 16];
                    let slots = slots.get_mut(..hashes.len()).unwrap_or_default();
                    for (slot, &hash) in slots.iter_mut().zip(hashes) {
                        *slot = qrp::slot(hash, LOG2);
                    }
                    rows.matches(slots, needed, hits);
                }
                None => {
                    for &number in leaves.iter().filter(|&&number| has(sharing, number)) {
                        if link(number).is_some_and(|link| link.table.may_match(asked.keys)) {
                            put(hits, number, true);
                        }
                    }
                }
            }
        }
        if let Some(from) = asked.from {
            put(hits, from, false);
        }
        for (at, word) in hits.iter().enumerate() {
            let of = |set: &Numbers| set.get(at).copied().unwrap_or(0);
            let careful = of(crowded) | of(limited);
            let mut left = *word;
            while left != 0 {
                let bit = left.trailing_zeros();
                left &= left - 1;
                let number = (at * 64) as Number + bit as Number;
                if careful >> bit & 1 == 1 {
                    let is_crowded = of(crowded) >> bit & 1 == 1;
                    let link = links.get_mut(usize::from(number)).and_then(Option::as_mut);
                    if !link
                        .is_some_and(|link| link.wants_more(now, asked.hops, is_crowded, config))
                    {
                        continue;
                    }
                }
                each(number);
            }
        }
    }

    /// Whether any ultrapeer has sent its table: without one, the last hop is like every other.
    pub(crate) fn any_peer_tables(&self) -> bool {
        self.peers.iter().any(|&number| self.link(number).is_some_and(|link| link.complete))
    }

    /// Calls `each` for every ultrapeer that a query on its last hop is for: all but those whose
    /// tables say that neither they nor their leaves have anything.
    pub(crate) fn peers_for(&self, asked: Asked<'_>, mut each: impl FnMut(Number)) {
        for &number in self.peers.iter().filter(|&&number| Some(number) != asked.from) {
            let wants = self.link(number).is_some_and(|link| asked.hops < link.hops_limit);
            if wants && self.judge(number, asked.keys) != Some(false) {
                each(number);
            }
        }
    }

    /// Bytes that they take.
    pub(crate) fn heap_bytes(&self) -> usize {
        let links = self.links.iter().flatten().count() * block(size_of::<Link>());
        let rows = self.rows.as_ref().map_or(0, Rows::heap_bytes);
        let places = self.links.capacity() * size_of::<Option<Box<Link>>>();
        block(size_of::<Tables>()) + self.held_bytes + links + block(places) + rows
    }

    /// The slots that a table of ours has because of our leaves, in no order, some more than once.
    pub(crate) fn slots_of_leaves(&self) -> impl Iterator<Item = u32> + '_ {
        let of_rows = self.rows.as_ref().map(Rows::slots);
        let few: &[Number] = if self.rows.is_some() { &[] } else { &self.leaves };
        let told = few.iter().filter(|&&number| !has(&self.whole, number));
        let of_few = told
            .filter_map(|&number| self.link(number))
            .flat_map(|link| link.table.iter().flat_map(|slot| in_ours(slot, link.table.log2())));
        of_rows.into_iter().flatten().chain(of_few)
    }

    fn link(&self, number: Number) -> Option<&Link> {
        self.links.get(usize::from(number)).and_then(Option::as_deref)
    }

    fn link_mut(&mut self, number: Number) -> Option<&mut Link> {
        self.links.get_mut(usize::from(number)).and_then(Option::as_deref_mut)
    }
}

impl Link {
    /// Whether one more update is not too much.
    fn may_update(&mut self, now: Time, config: &Config) -> bool {
        if now.as_micros() - self.updates_since.as_micros() >= MINUTE_US {
            (self.updates, self.updates_since) = (0, now);
        }
        self.updates = self.updates.saturating_add(1);
        self.updates <= config.route_updates_per_minute_max
    }

    /// Whether a leaf gets a query beyond what its table says.
    fn wants_more(&mut self, now: Time, hops: u8, is_crowded: bool, config: &Config) -> bool {
        if hops >= self.hops_limit {
            return false;
        }
        if !is_crowded {
            return true;
        }
        if now.as_micros() - self.queries_since.as_micros() >= 1_000_000 {
            (self.queries, self.queries_since) = (0, now);
        }
        self.queries = self.queries.saturating_add(1);
        self.queries <= config.crowded_leaf_queries_per_s_max
    }
}

/// The slots of a table of our size that a slot of a table of 2^`log2` slots stands for.
fn in_ours(slot: u32, log2: u8) -> std::ops::Range<u32> {
    if log2 <= LOG2 {
        let shift = LOG2 - log2;
        slot << shift..(slot + 1) << shift
    } else {
        let slot = slot >> (log2 - LOG2);
        slot..slot + 1
    }
}

/// The rows of all slots of a table, and whether they shall name it.
fn all_in_rows(table: &SlotSet, is: bool) -> impl Iterator<Item = (u32, bool)> + '_ {
    table.iter().flat_map(move |slot| rows_of(table, slot, is))
}

/// The rows of slots that changed. Several of a larger table share one row.
fn in_rows<'a>(
    table: &'a SlotSet,
    changed: &'a [(u32, bool)],
) -> impl Iterator<Item = (u32, bool)> + 'a {
    let share = 1 << table.log2().saturating_sub(LOG2);
    changed.iter().flat_map(move |&(slot, is)| {
        rows_of(table, slot, is).map(move |(row, is)| {
            (row, is || (share > 1 && table.contains_any(row * share, share)))
        })
    })
}

fn rows_of(table: &SlotSet, slot: u32, is: bool) -> impl Iterator<Item = (u32, bool)> + use<> {
    in_ours(slot, table.log2()).map(move |row| (row, is))
}
