//! The switchboard of dynamic queries: our own and those that we run for our leaves (protocol.md
//! section 19).

use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use super::conn::Table;
use super::conn::outbox::Priority;
use super::link::Link;
use super::on_message::From;
use super::on_routing::Routing;
use super::phase::Phase;
use super::search::dynamic::{Asking, ForLeaf};
use super::search::pace::{self, Ask, Neighbour, Step};
use super::search::{Asker, wanted_of};
use super::{ConnId, Node, Relation, Tier, Time, Why};
use crate::library::route_table::Keys;
use crate::wire::vendor::QUERY_STATUS_STOP;
use crate::wire::{Guid, Header, Kind, Query, QueryFlags, VendorMessage};

impl Node {
    /// A search of our own begins to ask.
    pub(super) fn begin_dynamic(&mut self, now: Time, asker: Asker) {
        let leaves = self.related(Relation::Leaf);
        let Some(search) = self.searches.get_mut(asker) else { return };
        (0..leaves).for_each(|_| search.ask(1));
        let Some(payload) = search.payload.clone() else { return };
        let by_hash = search.is_by_hash();
        let wanted = wanted_of(by_hash, pace::OWN_RESULTS).min(search.wanted());
        let (guid, ttl) = (search.guid, search.ttl);
        let len = payload.len() as u32;
        let asking = Asking::new(None, payload, ttl, wanted, now);
        self.ask_all(now, guid, asking);
        self.note_asked(now, &Header { guid, kind: Kind::QUERY, ttl, hops: 0, len });
    }

    /// A leaf's query begins to ask: nothing is left to the leaf's TTL but to end it earlier.
    pub(super) fn begin_for_leaf(
        &mut self,
        now: Time,
        from: From,
        header: &Header,
        query: &Query<'_>,
        payload: &[u8],
    ) -> Result<(), Why> {
        let ttl_max = header.ttl.min(self.config.query_ttl_default).saturating_sub(1);
        if ttl_max == 0 {
            return Err(Why::TtlSpent);
        }
        let (of_leaf, of_leaves) = self.dynamic.counts(from.conn);
        if of_leaf >= usize::from(self.config.queries_per_leaf_max)
            || of_leaves >= self.config.leaf_queries_max as usize
        {
            return Err(Why::TableFull);
        }
        // What others pass on to us of it reaches nobody whom we do not ask ourselves.
        self.seen.goes_no_further(&header.guid);
        let link = self.conns.at_mut(from.at).and_then(|row| row.phase.link());
        let guides = query.flags.contains(QueryFlags::LEAF_GUIDED)
            && link.is_some_and(|link| link.vendor_messages);
        let wanted = wanted_of(query.sha1s().next().is_some(), pace::LEAF_RESULTS);
        let leaf = ForLeaf { conn: from.conn, guides };
        let asking = Asking::new(Some(leaf), payload.into(), ttl_max, wanted, now);
        self.ask_all(now, header.guid, asking);
        Ok(())
    }

    fn ask_all(&mut self, now: Time, guid: Guid, asking: Asking) {
        let source = asking.leaf.map_or(ConnId(0), |leaf| leaf.conn);
        let len = asking.payload.len() as u32;
        if let Ok(query) = Query::decode(&asking.payload) {
            // Leaves first, those that may have it: a TTL of 0 goes to nobody else.
            let header = Header { guid, kind: Kind::QUERY, ttl: 0, hops: asking.hops, len };
            self.flood(now, source, &header, &asking.payload, &query, true);
        }
        self.dynamic.begin(guid, asking, &self.rng);
        self.step(now, guid);
    }

    /// Dynamic queries whose wait is over go on.
    pub(super) fn go_on_asking(&mut self, now: Time) {
        while let Some(guid) = self.dynamic.take_due(now) {
            self.go_on(now, guid);
        }
    }

    /// There is a new neighbour: queries that had nobody left go on, and so do all in a network
    /// so small that nobody is awaited.
    pub(super) fn ask_newcomer_dynamically(&mut self, now: Time) {
        for guid in self.dynamic.own().collect::<Vec<_>>() {
            let neighbours = self.askable(&guid);
            let Node { dynamic, conns, routing, .. } = self;
            let Some(asking) = dynamic.get_mut(&guid) else { continue };
            let keys = Query::decode(&asking.payload).ok().map(|query| Keys::of(&query));
            let says = |conn| says(conns, routing.as_deref(), conn, keys.as_ref());
            if pace::is_small(&asking.pace, &neighbours, &says) || dynamic.rests(&guid) {
                self.go_on(now, guid);
            }
        }
    }

    /// One step more of a query that began before.
    fn go_on(&mut self, now: Time, guid: Guid) {
        let asking = self.dynamic.get_mut(&guid);
        let header = asking.map(|asking| Header {
            guid,
            kind: Kind::QUERY,
            ttl: 0,
            hops: asking.hops,
            len: asking.payload.len() as u32,
        });
        self.step(now, guid);
        if let Some(header) = header {
            self.note_went_on(now, &header);
        }
    }

    /// One step of a query: ask whom the pace says, and look again when it says.
    fn step(&mut self, now: Time, guid: Guid) {
        let neighbours = self.askable(&guid);
        let Node { dynamic, searches, conns, letters, tally, routing, passages, .. } = self;
        let Some(asking) = dynamic.get_mut(&guid) else { return };
        let (hops, leaf) = (asking.hops, asking.leaf);
        let mut search = searches.by_guid(&guid).map(|(_, search)| search);
        let results = match (leaf, &search) {
            (Some(_), _) => asking.results(),
            (None, Some(search)) => search.results,
            (None, None) => {
                dynamic.end(&guid);
                return;
            }
        };
        if asking.pace.asked_count() > neighbours.len() {
            asking.pace.keep(|conn| conns.get(conn).is_some_and(|row| row.phase.link().is_some()));
        }
        let keys = Query::decode(&asking.payload).ok().map(|query| Keys::of(&query));
        let says = |conn| says(conns, routing.as_deref(), conn, keys.as_ref());
        match pace::next(&asking.pace, results, asking.wanted, now, &neighbours, &says) {
            Step::Ask(asks, wait) => {
                let len = asking.payload.len() as u32;
                for &Ask { conn, ttl, reach } in &asks {
                    let before = asking.pace.asked_ttl(conn);
                    let link = conns.get(conn).and_then(|row| row.phase.link());
                    let reach = link.and_then(|link| said(link, before, ttl)).unwrap_or(reach);
                    let header = Header { guid, kind: Kind::QUERY, ttl, hops, len };
                    letters.put(conn, Priority::Query, &header, &asking.payload);
                    tally.sent(Kind::QUERY, 1);
                    if let Some(passages) = passages {
                        passages.sent(1, ttl);
                    }
                    match &mut search {
                        Some(search) if before == 0 => search.ask(reach),
                        Some(search) => search.reaches_further(reach),
                        None => {}
                    }
                }
                asking.pace.asks(&asks, results);
                asking.asked(asks.len());
                let asks_for_status = asking.asks_for_status();
                dynamic.set_due(&guid, now + wait);
                if let Some(leaf) = leaf.filter(|_| asks_for_status) {
                    self.ask_for_status(leaf.conn, guid);
                }
            }
            // A newcomer may still be asked what we want ourselves.
            Step::NobodyLeft if leaf.is_none() => dynamic.set_due(&guid, Time::NEVER),
            Step::NobodyLeft | Step::Done => {
                dynamic.end(&guid);
            }
        }
    }

    /// The neighbours to which a query may go, in the random order of that query: the same ones
    /// must not be asked first each time.
    fn askable(&mut self, guid: &Guid) -> Vec<Neighbour> {
        let Some(asking) = self.dynamic.get_mut(guid) else { return Vec::new() };
        let (hops, ttl_max) = (asking.hops, asking.ttl_max);
        let order = FixedState::with_seed(asking.order);
        let ours = u32::try_from(self.related(Relation::Peer)).unwrap_or(u32::MAX);
        // In a local network hosts seldom have as many neighbours as they would like to.
        let degree_max = if self.allows_local() { ours } else { u32::MAX };
        let mut all = Vec::with_capacity(self.flooded.len());
        for &conn in &self.flooded {
            let Some(link) = self.conns.get(conn).and_then(|row| row.phase.link()) else {
                continue;
            };
            if hops >= link.hops_limit {
                continue;
            }
            all.push(Neighbour {
                conn,
                degree: link.degree.map_or(ours, u32::from).min(degree_max),
                ttl_max: ttl_max.min(link.max_ttl),
                takes_again: link.ext_probes,
            });
        }
        all.sort_unstable_by_key(|neighbour| (order.hash_one(neighbour.conn.0), neighbour.conn));
        all
    }

    /// What a neighbour's table says to a query; nothing without a table.
    pub(super) fn table_says(&self, link: &Link, keys: Option<&Keys>) -> Option<bool> {
        self.tables()?.judge(link.number?, keys?)
    }

    /// Hits go through us to a neighbour: they count for its dynamic query, if it is a leaf's.
    pub(super) fn count_for_leaf(&mut self, to: ConnId, guid: Guid, results: u8) {
        if self.dynamic.routed(&guid, results) {
            self.ask_for_status(to, guid);
        }
    }

    fn ask_for_status(&mut self, leaf: ConnId, guid: Guid) {
        self.send_vendor_as(leaf, guid, &VendorMessage::QueryStatusRequest);
    }

    /// A leaf says how many hits it has kept; asked for or not.
    pub(super) fn on_query_status(&mut self, from: From, guid: Guid, hits: u16) -> Result<(), Why> {
        let Some(asking) = self.dynamic.get_mut(&guid) else { return Ok(()) };
        if asking.leaf.is_none_or(|leaf| leaf.conn != from.conn) {
            return Err(Why::NoRoute);
        }
        if hits == QUERY_STATUS_STOP {
            self.dynamic.end(&guid);
        } else {
            asking.kept(hits.into());
        }
        Ok(())
    }

    /// An ultrapeer of ours asks how many hits of a search we have kept. Each of those that we
    /// asked seeks a share of what we want, so it is told its share of what we have.
    pub(super) fn on_query_status_request(&mut self, from: From, guid: Guid) -> Result<(), Why> {
        if self.tier != Tier::Leaf {
            return Err(Why::UnknownVendorMessage);
        }
        let hits = match self.searches.by_guid(&guid) {
            Some((_, search)) => {
                let share = search.results / search.asked.max(1);
                u16::try_from(share).unwrap_or(u16::MAX).min(QUERY_STATUS_STOP - 1)
            }
            None => QUERY_STATUS_STOP,
        };
        self.send_vendor_as(from.conn, guid, &VendorMessage::QueryStatus { hits });
        Ok(())
    }

    /// A search of our own is over before its time: nobody need be asked any more, by us or by
    /// our ultrapeers.
    pub(super) fn want_no_more(&mut self, guid: Guid) {
        self.dynamic.end(&guid);
        if self.tier != Tier::Leaf {
            return;
        }
        let links = self.conns.iter().filter(|(_, row)| {
            let link = row.phase.link();
            link.is_some_and(|link| link.vendor_messages && link.relation == Relation::Ultrapeer)
        });
        for conn in links.map(|(conn, _)| conn).collect::<Vec<_>>() {
            let stop = VendorMessage::QueryStatus { hits: QUERY_STATUS_STOP };
            self.send_vendor_as(conn, guid, &stop);
        }
    }
}

/// What a neighbour's table says to a query; nothing without a table.
fn says(
    conns: &Table<Phase>,
    routing: Option<&Routing>,
    conn: ConnId,
    keys: Option<&Keys>,
) -> Option<bool> {
    let link = conns.get(conn)?.phase.link()?;
    routing?.tables.as_ref()?.judge(link.number?, keys?)
}

/// How many servents more a neighbour says are reached by asking it with this TTL, not the one
/// before.
fn said(link: &Link, before: u8, ttl: u8) -> Option<u64> {
    let outlook = link.outlook.as_ref()?;
    Some(outlook.nodes(ttl)?.saturating_sub(outlook.nodes(before).unwrap_or(0)))
}
