//! The switchboard of reachability: strangers who come in, neighbours asked to connect back, the
//! gateway, and push proxies, ours and we for others (protocol.md section 22).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::conn::outbox::Priority;
use super::io::{Mapped, MappingFailure};
use super::phase::Phase;
use super::reach::{Because, DoorView, MappingFacts, Openness, Reach, ReachView, proxies_to_ask};
use super::tier::{Relation, Tier};
use super::transfer::Us;
use super::{Action, ConnId, Node, Time, Why, filter};
use crate::wire::vendor::{self, VendorKind, VendorMessage};
use crate::wire::{Guid, Header, Kind, Ping, Push};

/// What a servent says that connects back because it was asked to: nothing more follows.
const CONNECTED_BACK: &[u8] = b"\n\n";

/// One that connected to us tests its UDP first.
const THEIRS_FIRST: Duration = Duration::from_secs(60);

/// A neighbour that may be asked to come in.
struct Tester {
    conn: ConnId,
    ip: IpAddr,
    by_tcp: bool,
    by_udp: bool,
    /// Whether the ping's GUID has to be named.
    names_guid: bool,
}

impl Node {
    /// Whether strangers can connect to us.
    pub(super) fn tcp_openness(&self) -> Openness {
        let tested =
            || self.reach.as_deref().map_or(Openness::Unknown, |reach| reach.tcp.openness());
        self.untested_door().map_or_else(tested, |door| door.openness)
    }

    /// Whether datagrams of strangers come in.
    pub(super) fn udp_openness(&self) -> Openness {
        let tested =
            || self.reach.as_deref().map_or(Openness::Unknown, |reach| reach.udp.openness());
        self.untested_door().map_or_else(tested, |door| door.openness)
    }

    /// Whether we know that we cannot be connected to.
    pub(super) fn is_firewalled(&self) -> bool {
        self.tcp_openness() == Openness::Closed
    }

    /// Whether we cannot be connected to, if we know.
    pub(super) fn is_firewalled_if_known(&self) -> Option<bool> {
        match self.tcp_openness() {
            Openness::Unknown => None,
            openness => Some(openness == Openness::Closed),
        }
    }

    /// For people.
    pub(super) fn reach_view(&self) -> ReachView {
        let proxied = self.transfers.as_ref().map_or(0, |all| all.push_proxied());
        match self.reach.as_deref() {
            Some(reach) => reach.view(self.untested_door(), proxied),
            None => Reach::new(&self.config).view(self.untested_door(), proxied),
        }
    }

    /// What is known without a test.
    fn untested_door(&self) -> Option<DoorView> {
        let (openness, because) = if self.config.listen.port() == 0 {
            (Openness::Closed, Because::NotListening)
        } else if self.config.local_is_open && self.allows_local() {
            (Openness::Open, Because::LocalNetwork)
        } else {
            return None;
        };
        Some(DoorView { openness, because, since_us: 0 })
    }

    fn reach_mut(&mut self) -> &mut Reach {
        self.reach.get_or_insert_with(|| Box::new(Reach::new(&self.config)))
    }

    /// Whether one who comes from there proves anything: what comes from our own household did
    /// not cross the border.
    fn crosses_the_border(&self, ip: IpAddr) -> bool {
        let own = self.address.public(&self.config).ip();
        (!self.config.local_is_open || filter::is_routable(ip.to_canonical())) && ip != own
    }

    /// Somebody connected to us; it is not in the table yet. One that we are connected to anyway
    /// proves something only if we asked it to come.
    pub(super) fn came_in(&mut self, now: Time, from: IpAddr) {
        if self.untested_door().is_some() || !self.crosses_the_border(from) {
            return;
        }
        let known = self.conns.count_of(from) > 0;
        let before = self.tcp_openness();
        let reach = self.reach_mut();
        if known && !reach.tcp.awaits(from) {
            return;
        }
        reach.tcp.came(now, from);
        if before != Openness::Open {
            self.tcp_opened();
        }
    }

    /// Whether a connection may be that of a neighbour that we asked to come.
    pub(super) fn was_asked_to_come(&self, conn: ConnId) -> bool {
        let from = self.conns.get(conn).map(|row| row.peer().ip());
        let reach = self.reach.as_deref();
        from.is_some_and(|from| reach.is_some_and(|reach| reach.tcp.has_asked(from)))
    }

    /// A datagram came; from one that we have not written to, it proves that we can be reached.
    pub(super) fn datagram_came(&mut self, now: Time, from: IpAddr) {
        if self.untested_door().is_some() || !self.crosses_the_border(from) {
            return;
        }
        let reach = self.reach_mut();
        if reach.holes.lead_to(now, from) {
            // If we asked it to come, that was in vain, but it did what we asked for.
            reach.udp.left(from);
        } else {
            reach.udp.came(now, from);
        }
    }

    /// A datagram goes out: a firewall may let answers to it in.
    pub(super) fn datagram_goes(&mut self, now: Time, to: IpAddr) {
        if self.untested_door().is_none() {
            let addresses_max = self.config.counted_addresses_max;
            self.reach_mut().holes.sent(now, to, addresses_max);
        }
    }

    /// A neighbour has come, or has said what it understands: it may be asked for what concerns
    /// our being reached.
    pub(super) fn reach_may_ask(&mut self, now: Time) {
        let concerns = self.untested_door().is_none_or(|door| door.openness == Openness::Closed);
        if concerns {
            self.reach_mut().look_at = now;
        }
    }

    /// A neighbour has left.
    pub(super) fn reach_link_down(&mut self, now: Time, conn: ConnId, peer: IpAddr) {
        if let Some(transfers) = &mut self.transfers {
            transfers.no_push_proxy_on(conn);
        }
        if let Some(reach) = self.reach.as_deref_mut() {
            reach.tcp.left(peer);
            reach.udp.left(peer);
            reach.proxies.left(conn);
            reach.look_at = reach.look_at.min(now);
            self.know_ourselves();
        }
    }

    /// When to look again.
    pub(super) fn reach_deadline(&self) -> Time {
        self.reach.as_deref().map_or(Time::NEVER, |reach| reach.look_at)
    }

    /// Does what is due about our being reached.
    pub(super) fn look_after_reach(&mut self, now: Time) {
        if self.reach_deadline() > now {
            return;
        }
        let mut next = Time::NEVER;
        if !self.stopping {
            self.connect_back(now);
            if self.untested_door().is_none() {
                next = self.ask_gateway(now).min(self.ask_to_come(now));
            }
            self.ask_for_push_proxies();
        }
        self.reach_mut().look_at = next;
    }

    // The self-test.

    /// Neighbours on the other side of the border that connect back if asked for it; with what they
    /// understand.
    fn testers(&self, now: Time) -> Vec<Tester> {
        let fits = |(conn, row): (ConnId, &super::conn::Conn<Phase>)| {
            let link = row.phase.link()?;
            let understands = link.understands;
            // Both would test each other at once, and each spoil the test of the other.
            let ours_first = !link.incoming || now >= link.since + THEIRS_FIRST;
            let (tcp, udp) = (vendor::TCP_CONNECT_BACK, vendor::UDP_CONNECT_BACK);
            let any_udp = VendorKind { version: 1, ..udp };
            let tester = Tester {
                conn,
                ip: row.peer().ip(),
                by_tcp: understands.contains(tcp),
                by_udp: understands.contains(any_udp) && ours_first,
                names_guid: !understands.contains(udp),
            };
            (self.crosses_the_border(tester.ip) && (tester.by_tcp || tester.by_udp))
                .then_some(tester)
        };
        self.conns.iter().filter_map(fits).collect()
    }

    /// Asks neighbours to come in, where that is wanted; when to look again.
    fn ask_to_come(&mut self, now: Time) -> Time {
        let (testers, port) = (self.testers(now), self.address.public(&self.config).port());
        let before = self.tcp_openness();
        let Node { reach, config, .. } = self;
        let Some(reach) = reach.as_deref_mut() else { return Time::NEVER };
        let tcp: Vec<IpAddr> = testers.iter().filter(|of| of.by_tcp).map(|of| of.ip).collect();
        // Those whom we wrote to by UDP come in through a hole.
        let written = |of: &&Tester| reach.holes.lead_to(now, of.ip);
        let udp = testers.iter().filter(|of| of.by_udp && !written(of)).map(|of| of.ip);
        let udp: Vec<IpAddr> = udp.collect();
        let (tcp, tcp_next) = reach.tcp.test(now, &tcp, config);
        let (udp, udp_next) = reach.udp.test(now, &udp, config);
        let of = |ip: &IpAddr| testers.iter().find(|of| of.ip == *ip);
        for tester in tcp.iter().filter_map(of) {
            self.send_vendor(tester.conn, &VendorMessage::TcpConnectBack { port });
        }
        for tester in udp.iter().filter_map(of) {
            let guid = tester.names_guid.then(|| self.rng.guid());
            self.send_vendor(tester.conn, &VendorMessage::UdpConnectBack { port, guid });
        }
        if before != self.tcp_openness() {
            self.know_ourselves();
        }
        let known =
            self.reach.as_deref().is_some_and(|reach| reach.udp.openness() != Openness::Unknown);
        // Somebody may become fit to test us meanwhile.
        let again = if known { Time::NEVER } else { now + THEIRS_FIRST };
        tcp_next.min(udp_next).min(again)
    }

    /// A neighbour asks to be connected to: at its own address, and nowhere else.
    pub(super) fn on_tcp_connect_back(
        &mut self,
        now: Time,
        from: ConnId,
        port: u16,
    ) -> Result<(), Why> {
        let to = self.back_to(from, port)?;
        if self.connections() >= self.config.connections_max as usize {
            return Err(Why::TooManyConnections);
        }
        let config = Arc::clone(&self.config);
        let reach = self.reach_mut();
        if !reach.favours.admit_tcp(now, to, &config) {
            return Err(Why::Throttled);
        }
        reach.look_at = reach.look_at.min(now);
        Ok(())
    }

    /// Connects back to one who asked for it. Not while its descriptor is being handled: the table
    /// of connections stays as it is meanwhile.
    fn connect_back(&mut self, now: Time) {
        let Some(to) = self.reach_mut().favours.take_wanted() else { return };
        let conn = self.out.connect(to);
        self.reach_mut().favours.opened(conn);
        let local = IpAddr::from([0, 0, 0, 0]);
        self.conns.insert(conn, to, local, Phase::ConnectsBack);
        let patience = Duration::from_secs(self.config.connect_timeout_s.into());
        self.conns.set_timer(conn, now + patience);
    }

    /// The connection back stands: that is all that was wanted.
    pub(super) fn connected_back(&mut self, conn: ConnId) {
        self.out.send(conn, CONNECTED_BACK);
        self.close_quietly(conn, true);
    }

    /// Closes a connection of which nothing is to be said or counted.
    pub(super) fn close_quietly(&mut self, conn: ConnId, flush: bool) {
        let Some(row) = self.conns.get_mut(conn) else { return };
        row.phase = Phase::Closing;
        self.opened(conn);
        self.conns.set_timer(conn, Time::NEVER);
        self.out.close(conn, flush);
    }

    /// A connection is gone.
    pub(super) fn reach_conn_gone(&mut self, conn: ConnId) {
        if let Some(reach) = self.reach.as_deref_mut()
            && reach.favours.done(conn)
        {
            reach.look_at = Time::ZERO;
        }
    }

    /// A neighbour asks for a ping by UDP: at its own address, and nowhere else.
    pub(super) fn on_udp_connect_back(
        &mut self,
        now: Time,
        from: ConnId,
        port: u16,
        guid: Guid,
    ) -> Result<(), Why> {
        let to = self.back_to(from, port)?;
        let config = Arc::clone(&self.config);
        if !self.reach_mut().favours.admit_udp(now, to.ip(), &config) {
            return Err(Why::Throttled);
        }
        let header = Header { guid, kind: Kind::PING, ttl: 1, hops: 0, len: 0 };
        let went = self.send_datagram(now, to, &header, Ping::PLAIN.extensions);
        went.then_some(()).ok_or(Why::Throttled)
    }

    fn back_to(&self, from: ConnId, port: u16) -> Result<SocketAddr, Why> {
        let peer = self.conns.get(from).ok_or(Why::NotConnected)?.peer();
        let to = SocketAddr::new(peer.ip(), port);
        filter::is_usable(to, self.allows_local()).then_some(to).ok_or(Why::BadAddress)
    }

    // The gateway.

    /// Asks the gateway for our port, if that is due; when to look again.
    fn ask_gateway(&mut self, now: Time) -> Time {
        let facts = MappingFacts {
            public: self.neighbours() > 0,
            own_is_public: self.address.local_is_public(),
            stopping: self.stopping,
        };
        let Node { reach, config, out, .. } = self;
        let Some(reach) = reach.as_deref_mut() else { return Time::NEVER };
        if reach.mapping.is_due(now, &facts, config) {
            reach.mapping.asked();
            out.actions.push(Action::MapPort);
        }
        match reach.mapping.due_at() {
            // Not wanted now; a neighbour that comes may change that.
            at if at <= now => Time::NEVER,
            at => at,
        }
    }

    /// The gateway answered.
    pub(super) fn on_port_mapped(&mut self, now: Time, answer: Result<Mapped, MappingFailure>) {
        if self.stopping {
            if answer.is_ok() {
                self.out.actions.push(Action::UnmapPort);
            }
            return;
        }
        let reach = self.reach_mut();
        let changed = reach.mapping.answered(now, answer);
        let external = reach.mapping.external();
        if changed {
            reach.tcp.forget(now);
            reach.udp.forget(now);
            self.address.mapped(external);
        }
        self.reach_mut().look_at = now;
    }

    /// We are leaving: the gateway need not lead anybody to us any more.
    pub(super) fn unmap_port(&mut self) {
        if self.reach.as_deref().is_some_and(|reach| reach.mapping.external().is_some()) {
            self.out.actions.push(Action::UnmapPort);
        }
    }

    // Push proxies for us.

    /// Asks ultrapeers to hand us pushes while we cannot be connected to.
    fn ask_for_push_proxies(&mut self) {
        if !self.is_firewalled() {
            return;
        }
        let fits = |(conn, row): (ConnId, &super::conn::Conn<Phase>)| {
            let link = row.phase.link()?;
            let agrees = link.understands.contains(vendor::PUSH_PROXY_REQUEST);
            (agrees && link.relation != Relation::Leaf).then_some(conn)
        };
        let neighbours: Vec<ConnId> = self.conns.iter().filter_map(fits).collect();
        let wanted = usize::from(self.config.push_proxies_wanted);
        let proxies = &mut self.reach_mut().proxies;
        let chosen = proxies_to_ask(proxies, &neighbours, wanted);
        chosen.iter().for_each(|&conn| proxies.asked(conn));
        let servent = self.guid;
        for conn in chosen {
            let request = VendorMessage::PushProxyRequest { version: 2 };
            self.send_vendor_as(conn, servent, &request);
        }
    }

    /// A neighbour says that it is our push proxy. It may say so only of itself: our hits would
    /// send all downloaders to a third.
    pub(super) fn on_push_proxy_ack(
        &mut self,
        from: ConnId,
        guid: Guid,
        ip: Option<IpAddr>,
        port: u16,
    ) -> Result<(), Why> {
        let peer = self.conns.get(from).ok_or(Why::NotConnected)?.peer().ip().to_canonical();
        let address = SocketAddr::new(ip.unwrap_or(peer), port);
        if guid != self.guid || address.ip() != peer || port == 0 {
            return Err(Why::BadAddress);
        }
        if !self.reach_mut().proxies.agreed(from, address) {
            return Err(Why::NoRoute);
        }
        self.know_ourselves();
        Ok(())
    }

    /// We can be connected to after all: nobody need hand us pushes.
    fn tcp_opened(&mut self) {
        for conn in self.reach_mut().proxies.dismiss() {
            self.send_vendor(conn, &VendorMessage::PushProxyCancel);
        }
        self.know_ourselves();
    }

    /// The transfers are told how we stand: before they ask others to connect to us, and when it
    /// changes.
    pub(super) fn know_ourselves(&mut self) {
        if self.transfers.is_some() {
            let us = self.as_others_know_us();
            let (transfers, ..) = self.transfers();
            if *transfers.known() != us {
                transfers.know(us);
            }
        }
    }

    /// How we stand, as others are told.
    pub(super) fn as_others_know_us(&self) -> Us {
        Us {
            address: self.address.public(&self.config),
            firewalled: self.is_firewalled(),
            push_proxies: self.push_proxies(),
        }
    }

    /// Who hands us pushes: for our hits.
    pub(super) fn push_proxies(&self) -> Vec<SocketAddr> {
        match self.reach.as_deref() {
            Some(reach) if self.is_firewalled() => reach.proxies.addresses().collect(),
            _ => Vec::new(),
        }
    }

    // We as a push proxy.

    /// A neighbour asks us to hand it pushes for this servent.
    pub(super) fn on_push_proxy_request(&mut self, from: ConnId, servent: Guid) -> Result<(), Why> {
        let address = self.address.public(&self.config);
        let IpAddr::V4(ip) = address.ip() else { return Err(Why::NoPushProxy) };
        let row = self.conns.get(from).ok_or(Why::NotConnected)?;
        let said = row.phase.link().and_then(|link| link.servent);
        let fits = self.tier == Tier::Ultrapeer && !self.is_firewalled();
        let honest = said.is_none_or(|said| said == servent) && servent != self.guid;
        if !fits || !honest || !self.transfers().0.push_proxy_for(servent, from) {
            return Err(Why::NoPushProxy);
        }
        let ack = VendorMessage::PushProxyAck { ip: Some(ip), port: address.port() };
        self.send_vendor_as(from, servent, &ack);
        Ok(())
    }

    /// It does not need us for that any more.
    pub(super) fn on_push_proxy_cancel(&mut self, from: ConnId) {
        if let Some(transfers) = &mut self.transfers {
            transfers.no_push_proxy_on(from);
        }
    }

    /// Hands a push to a neighbour for which we are a push proxy.
    pub(super) fn hand_push(&mut self, to: ConnId, push: &Push<'_>) {
        let mut payload = Vec::new();
        push.encode(&mut payload);
        let len = payload.len() as u32;
        let header = Header { guid: self.rng.guid(), kind: Kind::PUSH, ttl: 1, hops: 0, len };
        self.letters.put(to, Priority::Push, &header, &payload);
        self.tally.sent(Kind::PUSH, 1);
    }
}
