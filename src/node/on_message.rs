//! The switchboard of descriptors: cut from a link's bytes, one function for each kind.

use super::config::Strategy;
use super::conn::outbox::Priority;
use super::hosts::pongs::Cached;
use super::hosts::slots;
use super::link::{Partial, quoted};
use super::on_bootstrap::{Speaker, is_ultrapeer};
use super::route::lifetime;
use super::route::seen::{Admission, Back};
use super::search::{answer, pace};
use super::{ConnId, Node, Relation, Tier, Time, Why};
use crate::wire::frame::{self, Next};
use crate::wire::hit::servent_guid;
use crate::wire::pong::{FreeSlots, Vendor};
use crate::wire::vendor::FILBERT;
use crate::wire::{
    Bye, Guid, HEADER_LEN, Header, Kind, Ping, Pong, Push, Query, QueryFlags, QueryHit, Sha1, Token,
};

/// Bytes of a pong without extensions, its header included.
const BARE_PONG_BYTES: u32 = 37;
/// Few pongs are longer.
const PONG_BYTES_USUAL: usize = 128;

/// Bytes that one step of inflation writes at most: one buffer for the whole node.
const INFLATED_STEP_BYTES: usize = 65_536;

/// Where a descriptor came from.
#[derive(Clone, Copy)]
pub(super) struct From {
    pub(super) conn: ConnId,
    /// Its place in the table, which no descriptor changes.
    pub(super) at: usize,
}

impl Node {
    /// Bytes of a neighbour.
    pub(super) fn on_link_bytes(&mut self, now: Time, conn: ConnId, at: usize, data: &[u8]) {
        let from = From { conn, at };
        let Some(link) = self.conns.at_mut(at).and_then(|row| row.phase.link_mut()) else { return };
        match link.inflater.take() {
            None => {
                self.on_frames(now, from, data);
            }
            Some(inflater) => self.on_deflated(now, from, inflater, data),
        }
    }

    fn on_deflated(
        &mut self,
        now: Time,
        from: From,
        mut inflater: Box<super::link::stream::Inflater>,
        mut data: &[u8],
    ) {
        let mut room = std::mem::take(&mut self.inflated);
        room.change(|space| space.resize(INFLATED_STEP_BYTES, 0));
        let space = room.get_mut().map_or(&mut [][..], |space| &mut space[..]);
        let mut inflated = 0;
        let bad = loop {
            let Ok((read, written)) = inflater.step(data, space, &mut self.window) else {
                break true;
            };
            inflated += written;
            if inflated > self.config.inflated_bytes_max as usize {
                break true;
            }
            data = &data[read..];
            let is_link = self.on_frames(now, from, &space[..written]);
            let stopped = data.is_empty() && written < space.len();
            if !is_link || stopped || (read, written) == (0, 0) {
                break false;
            }
        };
        self.inflated = room;
        match self.conns.at_mut(from.at).and_then(|row| row.phase.link_mut()) {
            Some(_) if bad => self.close(now, from.conn, Why::BadDeflate, None),
            Some(link) => link.inflater = Some(inflater),
            None => {}
        }
    }

    /// Clear bytes of a neighbour: descriptors, and perhaps the beginning of one. Says whether it
    /// is a neighbour still.
    fn on_frames(&mut self, now: Time, from: From, mut data: &[u8]) -> bool {
        let Some(link) = self.conns.at_mut(from.at).and_then(|row| row.phase.link_mut()) else {
            return false;
        };
        let mut partial = link.partial.take().unwrap_or_default().0;
        let mut count = 0;
        self.open_allowance(now, from);
        if !partial.is_empty() {
            loop {
                match frame::next(&partial, &self.size_limits) {
                    Next::Partial { need } => {
                        let Some((more, rest)) = data.split_at_checked(need) else { break };
                        partial.extend_from_slice(more);
                        data = rest;
                    }
                    Next::Whole { header, payload, .. } => {
                        count += 1;
                        self.on_descriptor(now, from, &header, payload);
                        partial.clear();
                        break;
                    }
                    Next::TooLarge { .. } => {
                        return self.too_large(now, from);
                    }
                }
            }
        }
        let mut is_link = true;
        while partial.is_empty() && is_link {
            match frame::next(data, &self.size_limits) {
                Next::Whole { header, payload, rest, .. } => {
                    count += 1;
                    is_link = self.on_descriptor(now, from, &header, payload);
                    data = rest;
                }
                Next::Partial { .. } => break,
                Next::TooLarge { .. } => return self.too_large(now, from),
            }
        }
        let allowance = self.fair.close();
        let Some(link) = self.conns.at_mut(from.at).and_then(|row| row.phase.link_mut()) else {
            return false;
        };
        link.allowance = allowance;
        if !data.is_empty() {
            partial.extend_from_slice(data);
        }
        if !partial.is_empty() {
            link.partial = Some(Box::new(Partial(partial)));
        }
        if count > 0 {
            link.messages_in += count;
            link.health.heard(now);
        }
        self.bound_the_turn();
        true
    }

    /// What this neighbour may bring of queries is at hand; every now and then it is reckoned anew
    /// for all of them.
    #[inline]
    fn open_allowance(&mut self, now: Time, from: From) {
        if self.fair.is_due(now, &self.config) {
            self.reckon_allowances(now);
        }
        if let Some(link) = self.conns.at_mut(from.at).and_then(|row| row.phase.link_mut()) {
            self.fair.open(now, std::mem::take(&mut link.allowance), link.relation);
        }
    }

    #[cold]
    fn reckon_allowances(&mut self, now: Time) {
        let mut brought = Vec::new();
        for (_, row) in self.conns.iter_mut() {
            if let Some(link) = row.phase.link_mut() {
                let of_link = link.allowance.take_brought();
                brought.extend((link.relation == Relation::Peer).then_some(of_link));
            }
        }
        let peers = u32::try_from(brought.len()).unwrap_or(u32::MAX);
        let hosts = |ttl| pace::hosts(peers, ttl);
        let Node { fair, rng, config, .. } = self;
        fair.renew(now, &brought, hosts, || rng.derive("fair").u64(), config);
    }

    fn too_large(&mut self, now: Time, from: From) -> bool {
        self.close(now, from.conn, Why::TooLarge, None);
        false
    }

    /// What was gathered in this turn must not grow without bound.
    pub(super) fn bound_the_turn(&mut self) {
        let bytes_max = self.config.send_window_bytes as usize;
        if self.run.as_ref().is_some_and(|run| run.len() >= bytes_max) {
            self.hand_out_flood();
        }
        if self.letters.len() >= bytes_max {
            self.hand_out_letters();
        }
    }

    /// One descriptor; says whether its sender is still a neighbour.
    #[inline]
    fn on_descriptor(&mut self, now: Time, from: From, header: &Header, payload: &[u8]) -> bool {
        self.tally.received(header.kind);
        self.stirred |= header.kind != Kind::QUERY;
        if header.hops > 0 && self.is_leaf(from.at) {
            // No leaf has a reason to, and each one more makes its ultrapeers a loop.
            self.close(now, from.conn, Why::LeafRelays, None);
            return false;
        }
        let done = match header.kind {
            Kind::QUERY | Kind::QUERY_HIT if self.passages.is_some() => {
                self.on_noted(now, from, header, payload)
            }
            Kind::QUERY => self.on_query(now, from, header, payload),
            Kind::QUERY_HIT => self.on_hit(now, from, header, payload),
            Kind::PING => self.on_ping(now, from, header, payload),
            Kind::PONG => self.on_pong(now, from, header, payload),
            Kind::PUSH => self.on_push(now, from, header, payload),
            Kind::BYE => return self.on_bye(now, from, header, payload),
            Kind::VENDOR | Kind::STANDARD_VENDOR => self.on_vendor(now, from, header, payload),
            Kind::QRP => return self.on_qrp(now, from, header, payload),
            Kind::HSEP => {
                lifetime::direct(header).and_then(|()| self.on_horizon(now, from.conn, payload))
            }
            _ => Err(Why::UnknownKind),
        };
        match done {
            Ok(()) => true,
            Err(why) => self.on_dropped(now, from, why),
        }
    }

    /// A descriptor was dropped; says whether its sender is still a neighbour.
    pub(super) fn on_dropped(&mut self, now: Time, from: From, why: Why) -> bool {
        self.out.count(why);
        let breaks_rules = matches!(why, Why::Malformed | Why::TtlZero | Why::NotForForwarding);
        let Some(link) = self.conns.at_mut(from.at).and_then(|row| row.phase.link_mut()) else {
            return false;
        };
        if breaks_rules && link.health.broke_rules(&self.config) {
            self.close(now, from.conn, Why::TooManyErrors, None);
            return false;
        }
        true
    }

    /// Answers a query that came for the first time: with what we share, and what neighbours told us
    /// that they share. Says with how many files.
    #[inline]
    pub(super) fn answer_once(
        &mut self,
        now: Time,
        from: From,
        header: &Header,
        query: &Query<'_>,
    ) -> usize {
        self.found.clear();
        answer::matches(query, &self.library, &self.config, &mut self.found);
        let own = self.found.len();
        if own > 0 {
            self.answer(now, from, header, query);
        }
        own + self.answer_for_neighbours(from, header, query)
    }

    /// A query: admitted on its header alone, then decoded, answered if fresh, and passed on.
    #[inline]
    pub(super) fn on_query(
        &mut self,
        now: Time,
        from: From,
        header: &Header,
        payload: &[u8],
    ) -> Result<(), Why> {
        if self.relays_walkers() {
            self.stirred = true;
            return self.on_walker(now, from, header, payload);
        }
        lifetime::admit(header, &self.config)?;
        let asks_for_leaf = header.hops == 0
            && self.config.strategy == Strategy::Dynamic
            && self.tier == Tier::Ultrapeer
            && self.is_leaf(from.at);
        // How far a leaf's query goes is ours to say: when it comes after the copy of another
        // ultrapeer, which asks for the leaf as well, it goes no farther than that copy.
        let ttl = if asks_for_leaf { 0 } else { header.ttl };
        let cost = self.fair.cost(header.ttl);
        if !self.fair.affords(cost, header.hops, &header.guid)
            && self.seen.is_news(&header.guid, ttl)
        {
            // It is not known by that: another neighbour may bring it.
            self.fair.refused(cost, header.hops);
            return Err(Why::TooManyQueries);
        }
        let forward = self.config.forward;
        let admission = self.seen.admit(header.guid, from.conn, ttl, forward);
        match admission {
            Admission::Fresh | Admission::Higher => self.fair.charge(cost, header.hops),
            Admission::Duplicate => return Err(Why::Duplicate),
            Admission::Own => return Err(Why::OwnQuery),
        }
        let query = Query::decode(payload).map_err(|_| Why::Malformed)?;
        if answer::asks_for_all(header, &query) && self.is_our_ultrapeer(from.at) {
            let max = usize::from(self.config.results_per_query_max);
            self.found.clear();
            self.found.extend(self.library.entries().take(max).map(|entry| entry.index));
            self.answer(now, from, header, &query);
            return Ok(());
        }
        answer::admit(&query)?;
        if admission == Admission::Fresh {
            self.answer_once(now, from, header, &query);
        }
        if self.tier == Tier::Leaf {
            return Err(Why::NotRelayed);
        }
        if asks_for_leaf {
            self.stirred = true;
            return self.begin_for_leaf(now, from, header, &query, payload);
        }
        let onward = lifetime::onward(header);
        // Leaves had the first copy already.
        let leaves = admission == Admission::Fresh;
        match self.relays_by() {
            Strategy::RandomNeighbours { .. } => {
                self.pass_to_some(now, from.conn, &onward, payload, &query, leaves);
            }
            _ => self.flood(now, from.conn, &onward, payload, &query, leaves),
        }
        match onward.ttl {
            0 => Err(Why::TtlSpent),
            _ => Ok(()),
        }
    }

    /// What our hits say of us, to one who reads contents in binary or not; with a token they go
    /// out of band.
    pub(super) fn us(&self, binary_hashes: bool, token: Option<Token>) -> answer::Us {
        answer::Us {
            servent: self.guid,
            address: self.address.public(&self.config),
            ipv6: self.address.ipv6_beside(&self.config),
            firewalled: self.is_firewalled_if_known(),
            push_proxies: self.push_proxies(),
            busy: self.is_busy(),
            binary_hashes,
            token,
        }
    }

    /// We have what a query asks for: hits go back on the same link, or out of band.
    #[cold]
    pub(super) fn answer(
        &mut self,
        now: Time,
        from: From,
        query_header: &Header,
        query: &Query<'_>,
    ) {
        self.stirred = true;
        let us = self.us(query.flags.contains(QueryFlags::GGEP_HASH), None);
        if answer::is_useless(query, &us) {
            return;
        }
        if self.offer_hits(now, query_header, query) {
            return self.note_answered(self.found.len());
        }
        let waiting = self.conns.at_mut(from.at).map_or(0, |row| row.outbox.waiting_bytes());
        if waiting >= self.config.send_queue_bytes_max {
            return self.out.count(Why::QueueFull);
        }
        let ttl = lifetime::hit_ttl(query_header);
        let families = answer::families(query);
        let Node { found, library, config, letters, tally, transfers, .. } = self;
        let alternates = |sha1: &Sha1| match &transfers {
            Some(transfers) => transfers.alternates(now, sha1, families),
            None => Vec::new(),
        };
        let bytes_max = answer::HIT_BYTES_MAX;
        answer::hits(found, library, &us, bytes_max, config, alternates, |payload| {
            let len = payload.len() as u32;
            let header = Header { kind: Kind::QUERY_HIT, ttl, hops: 0, len, ..*query_header };
            letters.put(from.conn, Priority::Hit, &header, payload);
            tally.sent(Kind::QUERY_HIT, 1);
        });
        self.note_answered(self.found.len());
        self.bound_the_turn();
    }

    /// A hit: back along the way its query came, or to the search that asked.
    pub(super) fn on_hit(
        &mut self,
        now: Time,
        from: From,
        header: &Header,
        payload: &[u8],
    ) -> Result<(), Why> {
        let routed = lifetime::routed(header, self.links_back_max())?;
        let servent = servent_guid(payload).ok_or(Why::Malformed)?;
        if servent == self.guid {
            return Err(Why::OwnHit);
        }
        if header.guid == servent && self.is_replicated() {
            self.learn_way(now, servent, from.conn);
            return self.on_shares_told(from.conn, payload);
        }
        match self.seen.back(&header.guid) {
            None => Err(Why::NoRoute),
            Some(Back::Own) => {
                let hit = QueryHit::decode(payload).map_err(|_| Why::Malformed)?;
                self.learn_way(now, servent, from.conn);
                let (asker, _) = self.searches.by_guid(&header.guid).ok_or(Why::NoRoute)?;
                self.take_results(now, asker, &hit, routed.hops, None);
                Ok(())
            }
            Some(Back::To(back)) if back == from.conn => Err(Why::NoRoute),
            Some(Back::To(_)) if self.tier == Tier::Leaf => Err(Why::NotRelayed),
            Some(Back::To(back)) => {
                if !self.is_link(back) {
                    return Err(Why::RouteLost);
                }
                self.learn_way(now, servent, from.conn);
                self.letters.put(back, Priority::Hit, &routed, payload);
                self.tally.sent(Kind::QUERY_HIT, 1);
                self.count_for_leaf(back, header.guid, payload.first().copied().unwrap_or(0));
                Ok(())
            }
        }
    }

    /// Links that a hit may have crossed: as many as a query; a walk is as long as it is.
    fn links_back_max(&self) -> u8 {
        if self.relays_walkers() { u8::MAX } else { self.config.ttl_and_hops_max }
    }

    /// Pushes for this servent go where its hits come from.
    fn learn_way(&mut self, now: Time, servent: Guid, from: ConnId) {
        let Node { pushes, conns, config, rng, .. } = self;
        let is_link = |conn| conns.get(conn).is_some_and(|row| row.phase.link().is_some());
        pushes.learn(servent, from, now, is_link, (config.push_routes_max, rng));
    }

    /// A ping: answered with our pong and cached ones, never flooded.
    fn on_ping(
        &mut self,
        now: Time,
        from: From,
        header: &Header,
        payload: &[u8],
    ) -> Result<(), Why> {
        lifetime::admit(header, &self.config)?;
        let asks_if_alive = header.ttl == 1 && header.hops == 0;
        let link = self.conns.at_mut(from.at).and_then(|row| row.phase.link_mut());
        let may_be_answered = asks_if_alive
            || link.is_some_and(|link| link.health.may_be_answered(now, &self.config));
        if !may_be_answered {
            return Err(Why::Throttled);
        }
        let own = self.own_pong(now, &Ping::decode(payload));
        // The whole answer has no more bytes than that many bare pongs.
        let mut room = u32::from(self.config.pongs_per_ping) * BARE_PONG_BYTES;
        // Whom nobody can connect to is of no use to others.
        if asks_if_alive || !self.is_firewalled() {
            room = room.saturating_sub(self.send_pong(from.conn, header, 0, &own));
        }
        if asks_if_alive || self.tier == Tier::Leaf {
            // What others said is not a leaf's to pass on: ultrapeers close it (Bye 414).
            return Ok(());
        }
        let cached: Vec<Cached> =
            self.pongs.for_neighbour(from.conn, now, &self.config).copied().collect();
        for pong in cached {
            if room < BARE_PONG_BYTES {
                break;
            }
            let payload = Pong::new(pong.address, pong.files, pong.kbytes);
            room = room.saturating_sub(self.send_pong(from.conn, header, pong.hops, &payload));
        }
        Ok(())
    }

    /// What we say of ourselves.
    pub(super) fn own_pong(&self, now: Time, ping: &Ping<'_>) -> Pong {
        let free = |relation| {
            let free = slots::slots(relation, &self.config).saturating_sub(self.related(relation));
            u8::try_from(free).unwrap_or(u8::MAX)
        };
        let kbytes = self.library.bytes() / 1024;
        let uptime_s = now.since(Time::ZERO).as_secs();
        let hosts = ping.wants().hosts.map_or(Vec::new(), |wanted| {
            let (max, families) = (self.config.try_addresses_max, wanted.families());
            self.hosts_to_name(max, |host| families.take(&host))
        });
        Pong {
            free_slots: (self.tier == Tier::Ultrapeer).then(|| FreeSlots {
                leaves: free(Relation::Leaf),
                ultrapeers: free(Relation::Peer),
            }),
            uptime_s: u32::try_from(uptime_s).ok(),
            vendor: Some(Vendor { code: FILBERT, version: 0x01 }),
            ipv6: self.address.ipv6_beside(&self.config),
            hosts,
            ..Pong::new(
                self.address.public(&self.config),
                u32::try_from(self.library.files()).unwrap_or(u32::MAX),
                u32::try_from(kbytes).unwrap_or(u32::MAX),
            )
        }
    }

    /// Sends a pong; says how many bytes.
    fn send_pong(&mut self, to: ConnId, ping: &Header, hops: u8, pong: &Pong) -> u32 {
        let mut payload = Vec::with_capacity(PONG_BYTES_USUAL);
        pong.encode(&mut payload);
        let ttl = ping.hops.saturating_add(1);
        let header =
            Header { guid: ping.guid, kind: Kind::PONG, ttl, hops, len: payload.len() as u32 };
        self.letters.put(to, Priority::Pong, &header, &payload);
        self.tally.sent(Kind::PONG, 1);
        HEADER_LEN as u32 + header.len
    }

    /// A pong: hosts for later. Only what we asked for counts.
    fn on_pong(
        &mut self,
        now: Time,
        from: From,
        header: &Header,
        payload: &[u8],
    ) -> Result<(), Why> {
        if header.ttl == 0 {
            return Err(Why::TtlZero);
        }
        let pong = Pong::decode(payload).map_err(|_| Why::Malformed)?;
        let link = self.conns.at_mut(from.at).and_then(|row| row.phase.link_mut());
        if !link.is_some_and(|link| link.health.asked_for(&header.guid)) {
            return Err(Why::NoRoute);
        }
        if self.is_leaf(from.at) {
            // That it is alive is all that is wanted: nobody can hang on it.
            return Ok(());
        }
        let teller = self.conns.at_mut(from.at).map(|row| row.peer().ip());
        let max = self.config.try_addresses_max;
        let (address, ultrapeer) = (pong.address, is_ultrapeer(&pong));
        let found = self.learn_from_pong(now, Speaker { teller, address, ultrapeer }, &pong, max);
        if found.fresh > 0 {
            self.pongs.brought_news();
        }
        if !self.is_usable(pong.address) {
            return Err(Why::BadAddress);
        }
        let cached = Cached {
            address: pong.address,
            files: pong.files,
            kbytes: pong.kbytes,
            hops: header.hops.saturating_add(1),
            from: from.conn,
            at: now,
        };
        if self.tier == Tier::Ultrapeer {
            // A leaf would pass it on to nobody.
            self.pongs.keep(cached, &self.config);
        }
        Ok(())
    }

    /// A push: for us, or on along the way its servent's hits came.
    fn on_push(
        &mut self,
        now: Time,
        from: From,
        header: &Header,
        payload: &[u8],
    ) -> Result<(), Why> {
        let routed = lifetime::routed(header, self.links_back_max())?;
        let push = Push::decode(payload).map_err(|_| Why::Malformed)?;
        if push.servent == self.guid {
            if self.blocked.contains(push.address.ip()) {
                return Err(Why::BadPush);
            }
            let (transfers, _, out) = self.transfers();
            transfers.on_push(now, &push, out);
            self.grant_wishes(now);
            return Ok(());
        }
        if self.tier == Tier::Leaf {
            return Err(Why::NotRelayed);
        }
        let proxied = self.transfers.as_ref().and_then(|all| all.push_proxied_way(&push.servent));
        let known = self.pushes.way(&push.servent);
        let lost = if known.is_some() { Why::RouteLost } else { Why::NoPushRoute };
        let way = known.filter(|&way| self.is_link(way)).or(proxied).ok_or(lost)?;
        if way == from.conn {
            return Err(Why::NoPushRoute);
        }
        self.letters.put(way, Priority::Push, &routed, payload);
        self.tally.sent(Kind::PUSH, 1);
        Ok(())
    }

    /// A Bye: the neighbour goes, and says why. Says whether it is still a neighbour.
    fn on_bye(&mut self, now: Time, from: From, header: &Header, payload: &[u8]) -> bool {
        if let Err(why) = lifetime::direct(header) {
            return self.on_dropped(now, from, why);
        }
        match Bye::decode(payload) {
            Ok(bye) => {
                let said = quoted(bye.code, &bye.text);
                self.close(now, from.conn, Why::Bye, Some(said));
                false
            }
            Err(_) => self.on_dropped(now, from, Why::Malformed),
        }
    }

    /// Whether the neighbour at this place is our leaf.
    fn is_leaf(&mut self, at: usize) -> bool {
        let link = self.conns.at_mut(at).and_then(|row| row.phase.link_mut());
        link.is_some_and(|link| link.relation == Relation::Leaf)
    }

    /// Whether the neighbour at this place is an ultrapeer whose leaf we are.
    fn is_our_ultrapeer(&mut self, at: usize) -> bool {
        let link = self.conns.at_mut(at).and_then(|row| row.phase.link_mut());
        link.is_some_and(|link| link.relation == Relation::Ultrapeer)
    }

    pub(super) fn is_link(&self, conn: ConnId) -> bool {
        self.conns.get(conn).is_some_and(|row| row.phase.link().is_some())
    }
}
