//! The switchboard of datagrams: one descriptor in each, one function for each kind
//! (protocol.md section 16).
//!
//! Whoever sends a datagram can write any address on it. So nothing is answered with more than a
//! few times its bytes until the address is proven: by our GUID in a pong to our ping, or by a link
//! from it.

use std::net::SocketAddr;

use super::datagram::pings::Purpose;
use super::datagram::standing::Standings;
use super::filter;
use super::tier::Tier;
use super::{Chunk, Config, Node, Time, Why};
use crate::wire::frame::{self, Next};
use crate::wire::ggep::{Nul, Writer};
use crate::wire::{Families, HEADER_LEN, Header, HostsWanted, Kind, Ping, PingWants, Pong, Push};

/// Bytes by which a ping for hosts is filled up, so that thirty of them may be in the answer.
const PADDING_BYTES: usize = 48;

impl Node {
    /// A datagram came.
    pub(super) fn on_datagram(&mut self, now: Time, from: SocketAddr, data: &[u8]) {
        let desk = self.datagrams.desk(&self.config, &self.rng);
        desk.traffic.received += 1;
        desk.traffic.received_bytes += data.len() as u64;
        if let Err(why) = self.take_datagram(now, from, data) {
            self.drop_datagram(why);
        }
    }

    pub(super) fn drop_datagram(&mut self, why: Why) {
        self.out.count(why);
        self.datagrams.dropped(why, &self.config, &self.rng);
    }

    fn take_datagram(&mut self, now: Time, from: SocketAddr, data: &[u8]) -> Result<(), Why> {
        if self.stopping {
            return Err(Why::Shutdown);
        }
        if !filter::is_usable(from, true) {
            return Err(Why::BadAddress);
        }
        if self.blocked.contains(from.ip()) {
            return Err(Why::Blocked);
        }
        self.datagram_came(now, from.ip());
        self.datagrams.desk(&self.config, &self.rng).standings.came(from, data.len());
        let (header, payload) = match frame::next(data, &self.size_limits) {
            Next::Whole { header, payload, rest: [], .. } => (header, payload),
            Next::Whole { .. } | Next::Partial { .. } => return Err(Why::Malformed),
            Next::TooLarge { .. } => return Err(Why::TooLarge),
        };
        match header.kind {
            Kind::PING => self.on_datagram_ping(now, from, &header, payload),
            Kind::PONG => self.on_datagram_pong(now, from, &header, payload),
            Kind::VENDOR => self.on_datagram_vendor(now, from, &header, payload),
            Kind::QUERY_HIT | Kind::QUERY => {
                self.noted(now, Some(from), &header, payload, |node| match header.kind {
                    Kind::QUERY => node.on_datagram_query(now, from, &header, payload),
                    _ => node.on_datagram_hit(now, from, &header, payload),
                })
            }
            Kind::PUSH => self.on_datagram_push(now, from, payload),
            _ => Err(Why::UnexpectedDatagram),
        }
    }

    /// Sends a descriptor as an answer, within what its receiver may be sent; says whether it went.
    pub(super) fn send_datagram(
        &mut self,
        now: Time,
        to: SocketAddr,
        header: &Header,
        payload: &[u8],
    ) -> bool {
        self.post_if(now, to, header, payload, Standings::answer)
    }

    /// Sends a descriptor to one who may not have asked for anything: a first word, of which
    /// nobody gets more than a few. Says whether it went.
    pub(super) fn send_unasked(
        &mut self,
        now: Time,
        to: SocketAddr,
        header: &Header,
        payload: &[u8],
    ) -> bool {
        self.post_if(now, to, header, payload, Standings::approach)
    }

    /// Sends a descriptor if the standing of its receiver allows it; says whether it went.
    fn post_if(
        &mut self,
        now: Time,
        to: SocketAddr,
        header: &Header,
        payload: &[u8],
        allows: fn(&mut Standings, SocketAddr, usize, Time, &Config) -> bool,
    ) -> bool {
        let bytes = HEADER_LEN + payload.len();
        self.prove_by_link(now, to);
        let desk = self.datagrams.desk(&self.config, &self.rng);
        if !allows(&mut desk.standings, to, bytes, now, &self.config) {
            self.drop_datagram(Why::UnprovenAddress);
            return false;
        }
        self.post(now, to, header, payload);
        true
    }

    pub(super) fn post(&mut self, now: Time, to: SocketAddr, header: &Header, payload: &[u8]) {
        let mut data = Vec::with_capacity(HEADER_LEN + payload.len());
        frame::write(&mut data, header.guid, header.kind, header.ttl, header.hops, payload);
        let traffic = &mut self.datagrams.desk(&self.config, &self.rng).traffic;
        traffic.sent += 1;
        traffic.sent_bytes += data.len() as u64;
        self.datagram_goes(now, to.ip());
        self.out.send_datagram(to, Chunk::copy_of(&data));
    }

    /// Whether an address has proved that it is whose it says: by an answer, or by a link.
    pub(super) fn is_proven(&mut self, now: Time, at: SocketAddr) -> bool {
        self.prove_by_link(now, at);
        self.datagrams.desk(&self.config, &self.rng).standings.is_proven(at, now)
    }

    /// A link has crossed the network both ways: who is at its other end is proven.
    fn prove_by_link(&mut self, now: Time, at: SocketAddr) {
        let standings = &mut self.datagrams.desk(&self.config, &self.rng).standings;
        if standings.is_proven(at, now) || self.conns.count_of(at.ip()) == 0 {
            return;
        }
        let same_host = |peer: SocketAddr| peer.ip().to_canonical() == at.ip().to_canonical();
        let mut links = self.conns.iter().filter(|(_, row)| row.phase.link().is_some());
        if links.any(|(_, row)| same_host(row.peer()) && !at.ip().is_loopback()) {
            standings.prove(at, now, &self.config);
        }
    }

    /// Pings a host by UDP; says whether the ping went. The pong to one that wants hosts teaches us
    /// those that it names; any pong proves the address.
    pub(super) fn udp_ping(&mut self, now: Time, to: SocketAddr, purpose: Purpose) -> bool {
        let guid = self.rng.guid();
        let payload = match purpose {
            Purpose::Hosts => ping_for_hosts(self.tier == Tier::Ultrapeer),
            Purpose::Proof => Vec::new(),
        };
        let header = Header { guid, kind: Kind::PING, ttl: 1, hops: 0, len: 0 };
        let went = match purpose {
            Purpose::Hosts => self.send_unasked(now, to, &header, &payload),
            // Whoever has to prove its address has asked for something.
            Purpose::Proof => self.send_datagram(now, to, &header, &payload),
        };
        if went {
            let desk = self.datagrams.desk(&self.config, &self.rng);
            desk.pings.sent(guid, to, purpose, now, &self.config);
        }
        went
    }

    /// A ping: our pong, with what it wants.
    fn on_datagram_ping(
        &mut self,
        now: Time,
        from: SocketAddr,
        header: &Header,
        payload: &[u8],
    ) -> Result<(), Why> {
        let wants = Ping::decode(payload).wants();
        let too_soon = wants.hosts.is_some_and(|_| {
            let standings = &mut self.datagrams.desk(&self.config, &self.rng).standings;
            !standings.may_have_hosts(from, now, &self.config)
        });
        let wants = PingWants { hosts: wants.hosts.filter(|_| !too_soon), ..wants };
        self.pong_by_datagram(now, from, header, &wants);
        if too_soon { Err(Why::Throttled) } else { Ok(()) }
    }

    /// Our pong, with what is wanted of it and fits into what may be sent there.
    pub(super) fn pong_by_datagram(
        &mut self,
        now: Time,
        to: SocketAddr,
        asked: &Header,
        wants: &PingWants,
    ) {
        self.prove_by_link(now, to);
        let desk = self.datagrams.desk(&self.config, &self.rng);
        let room = desk.standings.credit(to, now, &self.config);
        let query_key = desk.keys.of(to, now, &self.config).filter(|_| wants.query_key);
        let mut pong = self.own_pong(now, &Ping::PLAIN);
        pong.query_key = query_key;
        pong.your_address = wants.own_address.then_some(to);
        pong.host_cache = self.config.host_cache.then(String::new);
        if let Some(hosts) = wants.hosts {
            let families = hosts.families();
            let max = self.config.host_cache_hosts_max;
            pong.hosts = self.hosts_to_name(max, |host| host != to && families.take(&host));
        }
        let payload = fitting(pong, room.saturating_sub(HEADER_LEN));
        let header = Header { kind: Kind::PONG, ttl: 1, hops: 0, ..*asked };
        self.send_datagram(now, to, &header, &payload);
    }

    /// A pong to a ping of ours.
    fn on_datagram_pong(
        &mut self,
        now: Time,
        from: SocketAddr,
        header: &Header,
        payload: &[u8],
    ) -> Result<(), Why> {
        let desk = self.datagrams.desk(&self.config, &self.rng);
        let purpose = desk.pings.answered(&header.guid, from, now).ok_or(Why::NoRoute)?;
        desk.standings.prove(from, now, &self.config);
        let local_allowed = self.allows_local();
        let pong = Pong::decode(payload).map_err(|_| Why::Malformed)?;
        if let Some(seen_as) = pong.your_address {
            self.address.saw_remote(seen_as.ip().to_canonical(), from.ip(), local_allowed);
        }
        match purpose {
            Purpose::Hosts => self.on_hosts_by_udp(now, from, &pong),
            Purpose::Proof => {
                self.datagrams.desk(&self.config, &self.rng).offers.proven(from, now);
                self.on_offers_due(now);
            }
        }
        Ok(())
    }

    /// A push, straight from whoever wants the file.
    fn on_datagram_push(&mut self, now: Time, from: SocketAddr, payload: &[u8]) -> Result<(), Why> {
        let push = Push::decode(payload).map_err(|_| Why::Malformed)?;
        if push.servent != self.guid {
            let link = self.transfers().0.hand_push(now, &push, from.ip())?;
            self.hand_push(link, &push);
            return Ok(());
        }
        if self.blocked.contains(push.address.ip()) {
            return Err(Why::BadPush);
        }
        let (transfers, _, out) = self.transfers();
        transfers.on_push(now, &push, out);
        self.grant_wishes(now);
        Ok(())
    }
}

/// The payload of a ping for hosts: of ultrapeers for an ultrapeer or for a leaf.
fn ping_for_hosts(ultrapeers: bool) -> Vec<u8> {
    let mut payload = Vec::new();
    let mut blocks = Writer::new(&mut payload, Nul::Allowed);
    let HostsWanted(flags) = HostsWanted::new(ultrapeers, Families::Both);
    blocks.put("SCP", &[flags]);
    blocks.put("IP", &[]);
    blocks.put("PAD", &[0; PADDING_BYTES]);
    payload
}

/// The payload of a pong in at most so many bytes: first the hosts go that are too many, then what
/// it says of us, at last all but the bare pong.
fn fitting(mut pong: Pong, bytes_max: usize) -> Vec<u8> {
    let mut payload = Vec::new();
    loop {
        payload.clear();
        pong.encode(&mut payload);
        if payload.len() <= bytes_max {
            return payload;
        }
        let above = payload.len() - bytes_max;
        if pong.uptime_s.take().is_some() || pong.free_slots.take().is_some() {
            continue;
        }
        if !pong.hosts.is_empty() {
            let fewer = above.div_ceil(6);
            pong.hosts.truncate(pong.hosts.len().saturating_sub(fewer));
            continue;
        }
        if pong.vendor.take().is_none() {
            return payload;
        }
    }
}
