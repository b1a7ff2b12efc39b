//! The switchboard of hits out of band, by UDP from who has them to who asked, and not back along
//! the way of the query (protocol.md section 20); and of GUESS queries (section 16).

use std::collections::VecDeque;
use std::net::{SocketAddr, SocketAddrV4};

use super::datagram::offers::{Due, Found};
use super::datagram::pings::Purpose;
use super::reach::Openness;
use super::route::seen::Admission;
use super::search::answer;
use super::{ConnId, Node, Time, Why};
use crate::wire::vendor::VendorMessage;
use crate::wire::{
    Guid, Header, Kind, PingWants, Query, QueryFlags, QueryHit, QueryWants, Sha1, Token,
};

/// Links that a query has crossed before its hits are offered by UDP: a neighbour's own get theirs
/// over its link.
const LINKS_MIN: u8 = 2;

/// Where queries "come from" that came by UDP: a connection that never exists.
const NO_LINK: ConnId = ConnId(u64::MAX);

impl Node {
    /// Whether we know that strangers' datagrams reach us. In a local network hits go along the way
    /// of the query: there is nothing to spare, and they tell how far away they come from.
    fn is_open_to_datagrams(&self) -> bool {
        let config = &self.config;
        let is_public = super::filter::is_routable(self.address.public(config).ip());
        config.out_of_band
            && (is_public || !config.local_is_open)
            && self.udp_openness() == Openness::Open
    }

    /// Where hits for a query of ours may be offered by UDP: nowhere unless we know that they
    /// reach us, so that one behind a firewall loses nothing.
    pub(super) fn oob_address(&self) -> Option<SocketAddrV4> {
        let address = self.address.public(&self.config);
        let fits =
            self.is_open_to_datagrams() && super::filter::is_usable(address, self.allows_local());
        match address {
            SocketAddr::V4(address) if fits => Some(address),
            _ => None,
        }
    }

    // Hits of ours.

    /// Offers the files that were found to the asker, if it wants that and we can; says whether.
    /// If not they go back along the way of the query.
    pub(super) fn offer_hits(&mut self, now: Time, header: &Header, query: &Query<'_>) -> bool {
        let links = header.hops.saturating_add(1);
        if !query.flags.contains(QueryFlags::OUT_OF_BAND)
            || links < LINKS_MIN
            || !self.is_open_to_datagrams()
        {
            return false;
        }
        let Some(to) = self.offer_to(&header.guid, &query.wants()) else { return false };
        let binary_hashes = query.flags.contains(QueryFlags::GGEP_HASH);
        let found = Found { files: self.found.as_slice().into(), binary_hashes };
        let offers = &self.datagrams.desk(&self.config, &self.rng).offers;
        if !offers.has_room(&header.guid, to, &self.config)
            || !self.send_offer(now, header.guid, to, found.count())
        {
            return false;
        }
        let offers = &mut self.datagrams.desk(&self.config, &self.rng).offers;
        offers.made(header.guid, to, found, now, &self.config);
        true
    }

    /// To whom hits for a query may be offered: only with tokens, and to where anybody may write.
    fn offer_to(&self, guid: &Guid, wants: &QueryWants) -> Option<SocketAddr> {
        let ipv4 = guid.reply_to();
        let ipv6 = wants.reply_to.map(|ip| SocketAddr::new(ip.into(), ipv4.port()));
        let listen = self.config.listen;
        let any_family = listen.is_ipv6() && listen.ip().is_unspecified();
        let fits = |to: &SocketAddr| {
            self.is_usable(*to) && (any_family || to.is_ipv4() == listen.is_ipv4())
        };
        wants.secure.then(|| [Some(ipv4.into()), ipv6].into_iter().flatten().find(fits)).flatten()
    }

    fn send_offer(&mut self, now: Time, guid: Guid, to: SocketAddr, hits: u8) -> bool {
        let offer = VendorMessage::OobOffer { hits, unsolicited: true, secure: true };
        let (header, payload) = vendor(guid, &offer);
        self.send_unasked(now, to, &header, &payload)
    }

    /// Somebody wants hits that we offered.
    fn on_oob_request(
        &mut self,
        now: Time,
        from: SocketAddr,
        guid: Guid,
        hits: u8,
        ggep: Option<&[u8]>,
    ) -> Result<(), Why> {
        let token = Token::in_ggep(ggep.unwrap_or_default()).map_err(|_| Why::Malformed)?;
        let token = token.ok_or(Why::BadToken)?;
        let offers = &mut self.datagrams.desk(&self.config, &self.rng).offers;
        offers.requested(guid, from, hits, token, now)?;
        self.on_offers_due(now);
        Ok(())
    }

    /// Whatever is due about our offers.
    pub(super) fn on_offers_due(&mut self, now: Time) {
        while self.datagrams.deadline() <= now {
            let offers = &mut self.datagrams.desk(&self.config, &self.rng).offers;
            let Some((guid, due)) = offers.take_due(now, &self.config) else { return };
            match due {
                Due::Offer { to, hits } => drop(self.send_offer(now, guid, to, hits)),
                Due::Prove { to } if self.is_proven(now, to) => self.deliver(now, &guid),
                Due::Prove { to } => drop(self.udp_ping(now, to, Purpose::Proof)),
                Due::Send { to, payload } => {
                    let header = Header { guid, kind: Kind::QUERY_HIT, ttl: 1, hops: 0, len: 0 };
                    self.send_datagram(now, to, &header, &payload);
                }
                Due::Over(why) => self.drop_datagram(why),
            }
        }
    }

    /// Makes hits of what was asked for; they go one by one.
    fn deliver(&mut self, now: Time, guid: &Guid) {
        let offers = &mut self.datagrams.desk(&self.config, &self.rng).offers;
        let Some((to, found, token)) = offers.deliver(guid) else { return };
        let us = self.us(found.binary_hashes, Some(token));
        let payloads = self.payloads(&found, us);
        let offers = &mut self.datagrams.desk(&self.config, &self.rng).offers;
        offers.send(*guid, to, payloads, now);
    }

    fn payloads(&self, found: &Found, us: answer::Us) -> VecDeque<Box<[u8]>> {
        let mut payloads = VecDeque::new();
        let bytes_max = self.config.datagram_hit_bytes_max.into();
        // A datagram has no room to name others, too.
        let alone = |_: &Sha1| Vec::new();
        answer::hits(&found.files, &self.library, &us, bytes_max, &self.config, alone, |payload| {
            payloads.push_back(payload.into());
        });
        payloads
    }

    // Hits of others.

    /// A vendor message that came by UDP.
    pub(super) fn on_datagram_vendor(
        &mut self,
        now: Time,
        from: SocketAddr,
        header: &Header,
        payload: &[u8],
    ) -> Result<(), Why> {
        match VendorMessage::decode(payload).map_err(|_| Why::Malformed)? {
            VendorMessage::OobOffer { secure: false, .. } => Err(Why::InsecureOffer),
            VendorMessage::OobOffer { hits, .. } => self.on_oob_offer(now, from, header.guid, hits),
            VendorMessage::OobRequest { hits, ggep } => {
                self.on_oob_request(now, from, header.guid, hits, ggep)
            }
            said if self.relays_walkers() => self.on_walk_datagram(now, from, header.guid, &said),
            _ => Err(Why::UnexpectedDatagram),
        }
    }

    /// Somebody has hits for a query: if it is one of ours we ask for as many as we still take.
    fn on_oob_offer(
        &mut self,
        now: Time,
        from: SocketAddr,
        guid: Guid,
        hits: u8,
    ) -> Result<(), Why> {
        let (_, search) = self.searches.by_guid(&guid).ok_or(Why::NoRoute)?;
        if !search.out_of_band {
            return Err(Why::NoRoute);
        }
        let room = search.room();
        let requests = &mut self.datagrams.desk(&self.config, &self.rng).requests;
        let request = requests.offered(guid, from, hits, room, now, &self.config)?;
        if let Some((hits, token)) = request {
            let ggep = token.to_ggep();
            let (header, payload) =
                vendor(guid, &VendorMessage::OobRequest { hits, ggep: Some(&ggep) });
            self.send_datagram(now, from, &header, &payload);
        }
        Ok(())
    }

    /// Hits by UDP: only those that we asked for.
    pub(super) fn on_datagram_hit(
        &mut self,
        now: Time,
        from: SocketAddr,
        header: &Header,
        payload: &[u8],
    ) -> Result<(), Why> {
        let (asker, _) = self.searches.by_guid(&header.guid).ok_or(Why::NoRoute)?;
        let mut hit = QueryHit::decode(payload).map_err(|_| Why::Malformed)?;
        if hit.servent == self.guid {
            return Err(Why::OwnHit);
        }
        let desk = self.datagrams.desk(&self.config, &self.rng);
        let wanted = desk.requests.delivered(header.guid, from, hit.token, hit.results.len())?;
        // It has read what we sent there.
        desk.standings.prove(from, now, &self.config);
        hit.results.truncate(wanted);
        self.take_results(now, asker, &hit, header.hops.saturating_add(1), None);
        Ok(())
    }

    // GUESS.

    /// A query by UDP, for us alone: answered if it shows the key that we gave to its sender.
    pub(super) fn on_datagram_query(
        &mut self,
        now: Time,
        from: SocketAddr,
        header: &Header,
        payload: &[u8],
    ) -> Result<(), Why> {
        let query = Query::decode(payload).map_err(|_| Why::Malformed)?;
        answer::admit(&query)?;
        let wants = query.wants();
        let key = wants.query_key.ok_or(Why::BadToken)?;
        let desk = self.datagrams.desk(&self.config, &self.rng);
        if !desk.keys.is_valid(&key, from, now, &self.config) {
            return Err(Why::BadToken);
        }
        desk.standings.prove(from, now, &self.config);
        match self.seen.admit(header.guid, NO_LINK, header.ttl, self.config.forward) {
            Admission::Fresh => {}
            Admission::Higher | Admission::Duplicate => return Err(Why::Duplicate),
            Admission::Own => return Err(Why::OwnQuery),
        }
        let wants = PingWants { hosts: wants.hosts, ..PingWants::default() };
        self.pong_by_datagram(now, from, header, &wants);
        self.found.clear();
        answer::matches(&query, &self.library, &self.config, &mut self.found);
        let binary_hashes = query.flags.contains(QueryFlags::GGEP_HASH);
        let us = self.us(binary_hashes, None);
        if self.found.is_empty() || answer::is_useless(&query, &us) {
            return Ok(());
        }
        let offers = &self.datagrams.desk(&self.config, &self.rng).offers;
        if !offers.has_room(&header.guid, from, &self.config) {
            return Err(Why::TableFull);
        }
        let found = Found { files: self.found.as_slice().into(), binary_hashes };
        let payloads = self.payloads(&found, us);
        let offers = &mut self.datagrams.desk(&self.config, &self.rng).offers;
        offers.send(header.guid, from, payloads, now);
        self.note_answered(self.found.len());
        self.on_offers_due(now);
        Ok(())
    }
}

/// Header and payload of a vendor message about a query.
pub(super) fn vendor(guid: Guid, message: &VendorMessage<'_>) -> (Header, Vec<u8>) {
    let mut payload = Vec::new();
    message.encode(&mut payload);
    (Header { guid, kind: Kind::VENDOR, ttl: 1, hops: 0, len: 0 }, payload)
}
