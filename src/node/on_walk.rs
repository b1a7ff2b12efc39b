//! The switchboard of random walks, for laboratories (see [`super::search::walk`] for how they work
//! without a byte of their own on the wire).

use std::net::{SocketAddr, SocketAddrV4};

use super::config::{Forward, Strategy};
use super::conn::outbox::Priority;
use super::on_command::header_of;
use super::on_message::From;
use super::on_oob::vendor;
use super::route::seen::Admission;
use super::search::walk::{self, Resting};
use super::search::{Asker, answer};
use super::{ConnId, Node, Tier, Time, Why};
use crate::wire::vendor::{QUERY_STATUS_STOP, VendorMessage};
use crate::wire::{Guid, Header, Kind, Query};

impl Node {
    /// Whether queries walk in the network that we are in.
    #[inline]
    pub(super) fn relays_walkers(&self) -> bool {
        matches!(self.relays_by(), Strategy::Walkers { .. })
    }

    /// Where walkers ask us: the address that the GUIDs of our searches name.
    pub(super) fn walkers_home(&self) -> Option<SocketAddrV4> {
        match self.address.public(&self.config) {
            SocketAddr::V4(address) if !address.ip().is_unspecified() => Some(address),
            _ => None,
        }
    }

    // The walk.

    /// The walkers of a search of ours set out.
    pub(super) fn begin_walk(&mut self, now: Time, asker: Asker, walkers: u16) {
        let Some(search) = self.searches.get_mut(asker) else { return };
        search.ttl = walk::STEPS_PER_CHECK;
        (0..walkers).for_each(|_| search.ask(1));
        let (Some(header), Some(payload)) = (header_of(search), search.payload.clone()) else {
            return;
        };
        if let Ok(query) = Query::decode(&payload) {
            // Our leaves, as far as their tables may match.
            self.flood(now, ConnId(0), &Header { ttl: 0, ..header }, &payload, &query, true);
        }
        for _ in 0..walkers {
            self.walk(ConnId(0), &header, &payload);
        }
        self.note_asked(now, &header);
    }

    /// A walker came.
    pub(super) fn on_walker(
        &mut self,
        now: Time,
        from: From,
        header: &Header,
        payload: &[u8],
    ) -> Result<(), Why> {
        walk::admit(header)?;
        let Header { guid, ttl, .. } = *header;
        let cost = self.fair.cost(ttl);
        let is_first = self.seen.is_unknown(&guid);
        if is_first && !self.fair.affords(cost, header.hops, &guid) {
            self.fair.refused(cost, header.hops);
            return Err(Why::TooManyQueries);
        }
        let query = Query::decode(payload).map_err(|_| Why::Malformed)?;
        answer::admit(&query)?;
        if self.seen.admit(guid, from.conn, ttl, Forward::FirstCopy) == Admission::Fresh {
            self.fair.charge(cost, header.hops);
            self.visit(now, from, header, payload, &query);
        }
        if self.tier == Tier::Leaf {
            return Err(Why::NotRelayed);
        }
        match walk::onward(header) {
            Some(onward) => self.walk(from.conn, &onward, payload),
            None => self.check_walker(now, from.conn, header, payload),
        }
        Ok(())
    }

    /// The first visit of a query: it is answered, and its origin told so.
    fn visit(&mut self, now: Time, from: From, header: &Header, payload: &[u8], query: &Query<'_>) {
        let files = self.answer_once(now, from, header, query);
        if files > 0 {
            let hits = files.min(usize::from(QUERY_STATUS_STOP - 1)) as u16;
            let home = header.guid.reply_to().into();
            self.say_of_walk(now, home, header.guid, &VendorMessage::QueryStatus { hits });
        }
        let hops = header.hops.saturating_add(1);
        self.flood(now, from.conn, &Header { ttl: 0, hops, ..*header }, payload, query, true);
    }

    /// One step of a walker that came over a link.
    fn walk(&mut self, from: ConnId, onward: &Header, payload: &[u8]) {
        let mut ways = self.onward_links(onward.hops, None);
        walk::not_back(&mut ways, from);
        self.dynamic.draw(&mut ways, 1, &self.rng);
        match ways[..] {
            [way] => {
                self.letters.put(way, Priority::Query, onward, payload);
                self.tally.sent(Kind::QUERY, 1);
                self.note_sent(1, onward.ttl);
            }
            _ => self.out.count(Why::RouteLost),
        }
    }

    // Checks.

    /// A walker rests here until its origin has said whether it shall go on.
    fn check_walker(&mut self, now: Time, from: ConnId, header: &Header, payload: &[u8]) {
        let walker = Resting { from, header: *header, payload: payload.into() };
        if self.walks.get_or_insert_default().rest(walker, self.config.walkers_resting_max) {
            self.out.count(Why::TableFull);
        }
        let home = header.guid.reply_to().into();
        self.say_of_walk(now, home, header.guid, &VendorMessage::QueryStatusRequest);
    }

    /// A datagram about walkers.
    pub(super) fn on_walk_datagram(
        &mut self,
        now: Time,
        from: SocketAddr,
        guid: Guid,
        said: &VendorMessage<'_>,
    ) -> Result<(), Why> {
        let home = SocketAddr::from(guid.reply_to());
        let is_ours = self.walkers_home().is_some_and(|ours| home == ours.into());
        match *said {
            VendorMessage::QueryStatusRequest if is_ours => {
                let max = self.config.walkers_resting_max;
                let has_room = self.walks.get_or_insert_default().asked(from, guid, max);
                if has_room { Ok(()) } else { Err(Why::TableFull) }
            }
            // The origin's word, which may be our own.
            VendorMessage::QueryStatus { hits } if from == home => {
                let walkers = self.walks.as_mut().map(|walks| walks.wake(&guid));
                for Resting { from, header, payload } in walkers.unwrap_or_default() {
                    if hits != QUERY_STATUS_STOP {
                        let onward = walk::after_check(&header);
                        self.walk(from, &onward, &payload);
                        self.note_went_on(now, &onward);
                    }
                }
                Ok(())
            }
            VendorMessage::QueryStatus { hits } => {
                let (_, search) = self.searches.by_guid(&guid).ok_or(Why::NoRoute)?;
                search.told = search.told.saturating_add(hits.into());
                Ok(())
            }
            _ => Err(Why::UnexpectedDatagram),
        }
    }

    /// Those who asked whether walkers shall go on are told.
    pub(super) fn answer_walkers(&mut self, now: Time) {
        let Some(walks) = self.walks.as_mut().filter(|walks| walks.is_asked()) else { return };
        for (to, guid) in walks.take_asking() {
            let lacks = self.searches.by_guid(&guid).and_then(|(_, search)| {
                let known = search.told.max(search.results);
                (known < search.enough()).then_some(known)
            });
            let hits = lacks.map_or(QUERY_STATUS_STOP, |known| known.min(0xFFFE) as u16);
            self.say_of_walk(now, to, guid, &VendorMessage::QueryStatus { hits });
        }
    }

    /// In a laboratory nobody writes others' addresses on datagrams: they need no proof, and no
    /// accounts are kept.
    fn say_of_walk(&mut self, now: Time, to: SocketAddr, guid: Guid, said: &VendorMessage<'_>) {
        let (header, payload) = vendor(guid, said);
        self.post(now, to, &header, &payload);
    }
}
