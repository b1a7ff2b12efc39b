//! The switchboard of strategies: how a search of ours asks the network, and how queries go on in
//! the worlds of laboratories.
//!
//! Floods and dynamic queries are of the public network. An expanding ring concerns only who asks.
//! With k random neighbours and with random walks (`on_walk`) every node has its part:
//! `Config::strategy` tells it.

use super::config::Strategy;
use super::conn::outbox::Priority;
use super::io::Event;
use super::link::Link;
use super::on_command::{header_of, reach};
use super::search::ring::{self, Ring};
use super::search::{Asker, pace};
use super::{Config, ConnId, Node, Relation, Tier, Time};
use crate::library::route_table::Keys;
use crate::wire::{Header, Kind, Query};

impl Node {
    /// Whether a search may ask so in the network that we are in.
    pub(super) fn may_ask_by(&self, strategy: Strategy) -> bool {
        let config = &self.config;
        let has_home = || self.walkers_home().is_some();
        (!matches!(strategy, Strategy::Walkers { .. }) || has_home())
            && (!strategy.is_for_laboratories() || config.local_addresses)
            && strategy.gets_along_with(self.relays_by())
    }

    /// How we pass on queries: on the public network as everybody there.
    #[inline]
    pub(super) fn relays_by(&self) -> Strategy {
        let Config { strategy, local_addresses, .. } = &*self.config;
        if *local_addresses { *strategy } else { Strategy::Flood }
    }

    /// A search that has begun asks.
    pub(super) fn ask_by(&mut self, now: Time, asker: Asker, strategy: Strategy) {
        match strategy {
            // A leaf's ultrapeers query dynamically for it.
            Strategy::Dynamic if self.tier == Tier::Ultrapeer => self.begin_dynamic(now, asker),
            Strategy::Dynamic | Strategy::Flood => self.ask_everybody(now, asker),
            Strategy::ExpandingRing => self.begin_ring(now, asker),
            Strategy::RandomNeighbours { .. } => self.ask_some(now, asker),
            Strategy::Walkers { walkers } => self.begin_walk(now, asker, walkers),
        }
    }

    /// A flood: every neighbour is asked, those that come later, too.
    fn ask_everybody(&mut self, now: Time, asker: Asker) {
        let neighbours = self.neighbours();
        let Some(search) = self.searches.get_mut(asker) else { return };
        search.asks_newcomers = true;
        for (_, row) in self.conns.iter() {
            if let Some(link) = row.phase.link() {
                search.ask(reach(link, neighbours, search.ttl));
            }
        }
        self.flood_search(now, asker);
    }

    fn flood_search(&mut self, now: Time, asker: Asker) {
        let Some(search) = self.searches.get_mut(asker) else { return };
        if let (Some(header), Some(payload)) = (header_of(search), search.payload.clone())
            && let Ok(query) = Query::decode(&payload)
        {
            // Nobody is connection 0: the query is for every link.
            self.flood(now, ConnId(0), &header, &payload, &query, true);
            self.note_asked(now, &header);
        }
    }

    // An expanding ring.

    fn begin_ring(&mut self, now: Time, asker: Asker) {
        let neighbours = self.neighbours();
        let Some(search) = self.searches.get_mut(asker) else { return };
        search.ring = Some(Ring::new(search.ttl));
        for (_, row) in self.conns.iter() {
            if let Some(link) = row.phase.link() {
                search.ask(reach(link, neighbours, 1));
            }
        }
        self.widen(now, asker);
    }

    /// Rings whose hits were awaited for long enough ask farther, if there is not enough.
    pub(super) fn widen_rings(&mut self, now: Time) {
        while let Some(asker) = self.searches.take_ring_due(now) {
            self.widen(now, asker);
        }
    }

    /// The next flood of a ring, fresh and one link farther than the one before.
    fn widen(&mut self, now: Time, asker: Asker) {
        let neighbours = u32::try_from(self.neighbours()).unwrap_or(u32::MAX);
        let Some(search) = self.searches.get_mut(asker) else { return };
        let (results, enough) = (search.results, search.enough());
        let Some(ring) = &mut search.ring else { return };
        let Some((ttl, wait)) = ring::next(ring, results, enough) else { return };
        (ring.ttl, ring.due) = (ttl, now + wait);
        search.ttl = ttl;
        if ttl > 1 {
            let farther = pace::hosts(neighbours, ttl) - pace::hosts(neighbours, ttl - 1);
            search.reaches_further(farther.saturating_mul(neighbours.into()));
            let fresh = self.rng.guid();
            let guid = if search.out_of_band {
                fresh.with_reply_to(search.guid.reply_to())
            } else {
                fresh
            };
            self.searches.asks_as(asker, guid);
            self.seen.ours(guid);
            if let Asker::User(search) = asker {
                self.out.emit(Event::AsksAnew { search, query: guid });
            }
        }
        self.flood_search(now, asker);
    }

    // Random neighbours.

    fn ask_some(&mut self, now: Time, asker: Asker) {
        let neighbours = self.neighbours();
        let Some(search) = self.searches.get_mut(asker) else { return };
        let (Some(header), Some(payload)) = (header_of(search), search.payload.clone()) else {
            return;
        };
        let Ok(query) = Query::decode(&payload) else { return };
        let asked = self.pass_to_some(now, ConnId(0), &header, &payload, &query, true);
        self.note_asked(now, &header);
        let Some(search) = self.searches.get_mut(asker) else { return };
        for conn in asked {
            if let Some(link) = self.conns.get(conn).and_then(|row| row.phase.link()) {
                search.ask(reach(link, neighbours, search.ttl));
            }
        }
    }

    /// Passes a query on, to leaves as far as their tables may match, and to some ultrapeers as
    /// long as its TTL lasts; says to which.
    pub(super) fn pass_to_some(
        &mut self,
        now: Time,
        source: ConnId,
        header: &Header,
        payload: &[u8],
        query: &Query<'_>,
        leaves: bool,
    ) -> Vec<ConnId> {
        let Strategy::RandomNeighbours { k } = self.relays_by() else { return Vec::new() };
        if leaves {
            self.flood(now, source, &Header { ttl: 0, ..*header }, payload, query, true);
        }
        if header.ttl == 0 {
            return Vec::new();
        }
        let keys = (header.ttl == 1).then(|| Keys::of(query));
        let mut chosen = self.onward_links(header.hops, keys.as_ref());
        chosen.retain(|conn| *conn != source);
        self.dynamic.draw(&mut chosen, k.into(), &self.rng);
        for &conn in &chosen {
            self.letters.put(conn, Priority::Query, header, payload);
        }
        self.tally.sent(Kind::QUERY, chosen.len() as u64);
        self.note_sent(chosen.len(), header.ttl);
        chosen
    }

    /// The links over which a query with these hops may go on to others than leaves; with keys, as
    /// on its last hop, not to those whose tables say that it is for nobody there.
    pub(super) fn onward_links(&self, hops: u8, keys: Option<&Keys>) -> Vec<ConnId> {
        let goes_on = |link: &Link| {
            link.relation != Relation::Leaf
                && hops < link.hops_limit
                && self.table_says(link, keys) != Some(false)
        };
        let links = self.conns.iter().filter(|(_, row)| row.phase.link().is_some_and(goes_on));
        links.map(|(conn, _)| conn).collect()
    }
}
