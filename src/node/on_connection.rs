//! The switchboard of connections: how they begin, shake hands, become neighbours and end
//! (protocol.md section 2).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::conn::outbox::{Piece, Priority};
use super::conn::sniff::{self, Sort};
use super::hosts::cache::Hearsay;
use super::io::LookupId;
use super::link::features::{Features, Ours};
use super::link::handshake::{self, Facts, Gathered, Gathering, Neighbours, Verdict};
use super::link::stream::ZLIB_OPENING;
use super::link::{Link, bye_code, quoted};
use super::phase::{Phase, Shaking};
use super::tier::{Reason, Relation, Tier};
use super::{Chunk, ConnId, Event, Node, Time, Why};
use crate::wire::handshake::Block;
use crate::wire::{Bye, Guid, Kind, frame};

impl Node {
    /// Somebody connected to us.
    pub(super) fn on_accepted(
        &mut self,
        now: Time,
        conn: ConnId,
        peer: SocketAddr,
        local: SocketAddr,
    ) {
        if let Err(why) = self.admit_connection(now, peer) {
            self.out.count(why);
            self.out.close(conn, false);
            return;
        }
        self.address.saw_local(local.ip());
        self.came_in(now, peer.ip());
        self.conns.insert(conn, peer, local.ip(), Phase::AwaitsFirstBytes(Vec::new()));
        self.opening.change(|opening| opening.insert(conn));
        let patience = Duration::from_secs(self.config.handshake_timeout_s.into());
        self.conns.set_timer(conn, now + patience);
    }

    /// Whether there is room for one more; if need be one makes some of which little is lost: that
    /// has not shown what it is, is between two requests, or is only being flushed. The oldest of
    /// all these: newcomers come in crowds, and a good peer must not go for the next of the crowd.
    fn admit_connection(&mut self, now: Time, peer: SocketAddr) -> Result<(), Why> {
        if self.stopping {
            return Err(Why::Shutdown);
        }
        if self.blocked.contains(peer.ip()) {
            return Err(Why::Blocked);
        }
        let of_address = self.conns.count_of(peer.ip());
        let limit = u32::from(self.config.connections_per_address_max);
        if of_address >= limit && !peer.ip().to_canonical().is_loopback() {
            return Err(Why::TooManyConnections);
        }
        let opening = self.opening.first().copied();
        let victim = if self.connections() >= self.config.connections_max as usize {
            let idle = self.transfers.as_ref().and_then(|all| all.oldest_idle());
            let others = [idle, self.out.oldest_lingering()];
            others.into_iter().flatten().chain(opening).min()
        } else if self.opening.len() >= self.config.unknown_connections_max as usize {
            opening
        } else {
            return Ok(());
        };
        let victim = victim.ok_or(Why::TooManyConnections)?;
        if self.out.hurry(victim) {
            return Ok(());
        }
        if let Some(transfers) = self.transfers.as_mut().filter(|all| all.owns(victim)) {
            self.out.count(Why::TooManyConnections);
            transfers.dismiss(now, victim, &mut self.out);
        } else {
            self.close(now, victim, Why::TooManyConnections, None);
            // What it was still to hear does not make a newcomer wait.
            self.out.hurry(victim);
        }
        Ok(())
    }

    /// The first bytes of an accepted connection.
    pub(super) fn on_first_bytes(&mut self, now: Time, conn: ConnId, data: &[u8]) {
        let Some(row) = self.conns.get_mut(conn) else { return };
        let Phase::AwaitsFirstBytes(bytes) = &mut row.phase else { return };
        let before = bytes.len();
        bytes.extend_from_slice(data);
        match sniff::sort(bytes) {
            Sort::Undecided => {}
            Sort::ConnectBack => self.close_quietly(conn, false),
            Sort::Unknown => self.close(now, conn, Why::UnknownProtocol, None),
            Sort::Tls => self.on_tls(now, conn),
            Sort::Gnutella => {
                let bytes = std::mem::take(bytes);
                row.phase = Phase::AwaitsGreeting(Gathering::new(&self.config));
                self.on_handshake_bytes(now, conn, &bytes);
            }
            Sort::Transfer => {
                let bytes = std::mem::take(bytes);
                self.adopt(now, conn, bytes.get(..before).unwrap_or_default(), data);
            }
        }
    }

    /// We do not speak TLS; but a neighbour that we asked to connect back has come.
    fn on_tls(&mut self, now: Time, conn: ConnId) {
        if self.was_asked_to_come(conn) {
            self.close_quietly(conn, false);
        } else {
            self.close(now, conn, Why::UnknownProtocol, None);
        }
    }

    /// Opens a connection to become neighbours.
    pub(super) fn dial(&mut self, now: Time, to: SocketAddr) {
        let conn = self.out.connect(to);
        let local = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        self.conns.insert(conn, to, local, Phase::AwaitsConnection);
        let patience = Duration::from_secs(self.config.connect_timeout_s.into());
        self.conns.set_timer(conn, now + patience);
    }

    /// A host name of `Command::Connect`, or that of a source of hosts, was looked up.
    pub(super) fn on_resolved(&mut self, now: Time, lookup: LookupId, addresses: &[IpAddr]) {
        let Some((host, port)) = self.lookups.change(|all| all.remove(&lookup)) else {
            return self.on_source_found(now, lookup, addresses);
        };
        match addresses.first() {
            Some(&ip) => self.connect_to(now, SocketAddr::new(ip.to_canonical(), port)),
            None => {
                self.out.count(Why::NoSuchName);
                self.refuse(Why::NoSuchName, format!("connect {host}:{port}"));
            }
        }
    }

    /// A connection that we ordered as a neighbour stands: we greet.
    pub(super) fn on_connected(&mut self, now: Time, conn: ConnId, local: SocketAddr) {
        let Some(row) = self.conns.get_mut(conn) else {
            self.address.saw_local(local.ip());
            self.know_ourselves();
            let Some(transfers) = &mut self.transfers else { return };
            transfers.connected(now, conn, &mut self.out);
            return self.grant_wishes(now);
        };
        row.local = Some(Box::new(local.ip()));
        match row.phase {
            Phase::AwaitsConnection => {}
            Phase::AwaitsWebCache => return self.on_web_cache(now, conn),
            Phase::ConnectsBack => return self.connected_back(conn),
            _ => return,
        }
        row.phase = Phase::AwaitsAnswer(Gathering::new(&self.config));
        self.address.saw_local(local.ip());
        if let Some(ours) = self.ours(conn) {
            let greeting = handshake::greeting(&ours);
            self.send_control(conn, &greeting, 0);
        }
        let patience = Duration::from_secs(self.config.handshake_timeout_s.into());
        self.conns.set_timer(conn, now + patience);
    }

    fn ours(&self, conn: ConnId) -> Option<Ours<'_>> {
        let row = self.conns.get(conn)?;
        let local = row.local.as_deref().copied()?;
        let listen = self.address.on_connection(local, row.peer().ip(), &self.config);
        Some(Ours {
            config: &self.config,
            servent: self.guid,
            listen,
            peer: row.peer(),
            tier: self.tier,
            ultrapeer_needed: self.needs_ultrapeers(),
        })
    }

    /// More bytes of a handshake.
    pub(super) fn on_handshake_bytes(&mut self, now: Time, conn: ConnId, data: &[u8]) {
        let Some(row) = self.conns.get_mut(conn) else { return };
        let gathering = match &mut row.phase {
            Phase::AwaitsGreeting(gathering) | Phase::AwaitsAnswer(gathering) => gathering,
            Phase::AwaitsLastBlock(shaking) => &mut shaking.gathering,
            _ => return,
        };
        match gathering.add(data) {
            Gathered::Incomplete => {}
            Gathered::Bad(why) => self.close(now, conn, why, None),
            Gathered::Block(block, rest) => self.on_block(now, conn, block, &rest),
        }
    }

    /// A block is complete.
    fn on_block(&mut self, now: Time, conn: ConnId, block: Block, rest: &[u8]) {
        let Some(row) = self.conns.get_mut(conn) else { return };
        let theirs = Features::read(block.headers(), row.peer(), &self.config);
        if matches!(row.phase, Phase::AwaitsAnswer(_)) {
            // Only those whom we asked may tell us where to go.
            let peer = row.peer();
            let says = Hearsay { ultrapeer: Some(true), ..self.hearsay(peer.ip()) };
            let found = self.learn_all(now, &theirs.tries, says);
            self.source_names(peer, found);
        }
        let Some(row) = self.conns.get_mut(conn) else { return };
        match (&mut row.phase, block) {
            (Phase::AwaitsGreeting(_), Block::Request { version, .. }) => {
                let listen = theirs.listen;
                let verdict = self.judge(now, conn, &theirs, listen, true, |facts| {
                    handshake::on_greeting(version, &theirs, facts)
                });
                let Some((bytes, deflates, _)) = self.say(now, conn, verdict) else { return };
                let gathering = Gathering::new(&self.config);
                let shaking = Shaking { gathering, features: theirs, deflates };
                if let Some(row) = self.conns.get_mut(conn) {
                    row.phase = Phase::AwaitsLastBlock(Box::new(shaking));
                }
                self.send_control(conn, &bytes, 0);
                if !rest.is_empty() {
                    self.on_handshake_bytes(now, conn, rest);
                }
            }
            (Phase::AwaitsAnswer(_), Block::Response { code: 200, .. }) => {
                let listen = Some(row.peer());
                let verdict = self.judge(now, conn, &theirs, listen, false, |facts| {
                    handshake::on_answer(&theirs, facts)
                });
                let Some((bytes, deflates, relation)) = self.say(now, conn, verdict) else {
                    return;
                };
                self.send_control(conn, &bytes, 0);
                if relation == Relation::Ultrapeer && self.tier == Tier::Ultrapeer {
                    self.tier_why = Reason::Guided;
                    self.switch_tier(now, Tier::Leaf, Some(conn));
                }
                let seen_as = theirs.remote_ip;
                let theirs = Features { listen, ..theirs };
                let link = Link::new(theirs, relation, false, deflates, now, &self.config);
                self.link_up(now, conn, link, seen_as, rest);
            }
            (Phase::AwaitsLastBlock(shaking), Block::Response { code: 200, .. }) => {
                let mut features = std::mem::take(&mut shaking.features);
                let (deflates, peer) = (shaking.deflates, row.peer().ip());
                features.update(theirs);
                // It may have taken our advice and become a leaf.
                let relation = Relation::between(self.tier, features.ultrapeer);
                if self.is_connected_already(conn, &features, features.listen, false) {
                    return self.close(now, conn, Why::AlreadyConnected, None);
                }
                let Some(relation) = relation else {
                    return self.close(now, conn, Why::TwoLeaves, None);
                };
                match self.slot(now, relation, true, peer) {
                    Ok(Some(gives_way)) => self.close(now, gives_way, Why::GaveWay, None),
                    Ok(None) => {}
                    Err(why) => return self.close(now, conn, why, None),
                }
                let link = Link::new(features, relation, true, deflates, now, &self.config);
                self.link_up(now, conn, link, None, rest);
            }
            (
                Phase::AwaitsAnswer(_) | Phase::AwaitsLastBlock(_),
                Block::Response { code, reason, .. },
            ) => self.close(now, conn, Why::Refused, Some(quoted(code, &reason))),
            _ => self.close(now, conn, Why::BadHandshake, None),
        }
    }

    /// Lets a pure function of the handshake decide, with all that it needs to know.
    fn judge(
        &self,
        now: Time,
        conn: ConnId,
        theirs: &Features,
        listen: Option<SocketAddr>,
        incoming: bool,
        decide: impl FnOnce(&Facts<'_>) -> Verdict,
    ) -> Option<Verdict> {
        let max = self.config.try_addresses_max;
        let tries = self.hosts_to_name(max, |host| theirs.families.take(&host));
        let neighbours =
            if theirs.crawler { self.listening_neighbours() } else { Neighbours::default() };
        let peer = self.conns.get(conn)?.peer().ip();
        let room = match Relation::between(self.tier, theirs.ultrapeer) {
            Some(relation) => self.slot(now, relation, incoming, peer).map(|_| ()),
            None => Ok(()),
        };
        Some(decide(&Facts {
            ours: self.ours(conn)?,
            stopping: self.stopping,
            connected_already: self.is_connected_already(conn, theirs, listen, incoming),
            room,
            may_step_down: self.may_step_down(),
            neighbours: &neighbours,
            tries: &tries,
        }))
    }

    /// Obeys a verdict: refuses and closes, or gives what is to be sent, whether we deflate, and
    /// what the other side will be to us.
    fn say(
        &mut self,
        now: Time,
        conn: ConnId,
        verdict: Option<Verdict>,
    ) -> Option<(Vec<u8>, bool, Relation)> {
        match verdict? {
            Verdict::Accept { bytes, deflates, relation } => Some((bytes, deflates, relation)),
            Verdict::Refuse { bytes, why } => {
                self.send_control(conn, &bytes, 0);
                self.close(now, conn, why, None);
                None
            }
        }
    }

    /// Whether the other side is ourselves or a neighbour already. When two servents connect to
    /// each other at the same time, the connection stays that the lower GUID opened.
    fn is_connected_already(
        &self,
        conn: ConnId,
        theirs: &Features,
        listen: Option<SocketAddr>,
        incoming: bool,
    ) -> bool {
        if theirs.servent == Some(self.guid) {
            return true;
        }
        let same = |servent: Option<Guid>, address: Option<SocketAddr>| {
            (servent.is_some() && servent == theirs.servent)
                || (address.is_some() && address == listen)
        };
        self.conns.iter().filter(|(other, _)| *other != conn).any(|(_, row)| match &row.phase {
            Phase::Link(link) => same(link.servent, row.listens()),
            Phase::AwaitsLastBlock(shaking) => {
                same(shaking.features.servent, shaking.features.listen)
            }
            Phase::AwaitsAnswer(_) | Phase::AwaitsConnection => {
                incoming
                    && listen == Some(row.peer())
                    && theirs.servent.is_some_and(|servent| self.guid < servent)
            }
            _ => false,
        })
    }

    /// The handshake is complete. `seen_as` is from where the other side sees us, if we connected.
    fn link_up(
        &mut self,
        now: Time,
        conn: ConnId,
        link: Link,
        seen_as: Option<IpAddr>,
        rest: &[u8],
    ) {
        // What was admitted before is not for the newcomer: own queries are given to it below.
        self.hand_out_flood();
        let local_allowed = self.allows_local();
        let Some(row) = self.conns.get_mut(conn) else { return };
        let peer = row.peer();
        if let Some(seen_as) = seen_as {
            self.address.saw_remote(seen_as, peer.ip(), local_allowed);
        }
        let (incoming, deflates, relation) = (link.incoming, link.deflates, link.relation);
        let patience = link.patience(&self.config);
        let user_agent = link.user_agent(&self.config).to_owned();
        row.phase = Phase::Link(link);
        row.local = None;
        let listen = row.listens();
        self.census.came(relation);
        self.surroundings.came(peer.ip());
        self.allow_local();
        self.opened(conn);
        if deflates {
            self.send_control(conn, &ZLIB_OPENING, 0);
        }
        match listen {
            // Leaves are nobody to hang on. That one listens there is proven only if we connected.
            Some(_) if relation == Relation::Leaf && incoming => {}
            Some(listen) if incoming => {
                let says = Hearsay { ultrapeer: Some(true), ..self.hearsay(peer.ip()) };
                self.learn_all(now, &[listen], says);
            }
            Some(listen) => {
                let is_ultrapeer = relation != Relation::Leaf;
                self.hosts.succeeded(listen, is_ultrapeer, self.started_at.at(now));
                self.source_dialled(now, listen, None);
            }
            None => {}
        }
        if !incoming {
            self.pace.won();
        }
        self.review_tier_soon(now);
        self.fill_at = self.fill_at.min(now);
        self.horizon_awaited(now);
        self.reach_may_ask(now);
        self.out.emit(Event::LinkUp { peer, user_agent, incoming });
        self.conns.set_timer(conn, now + patience);
        self.ping_for_hosts(conn);
        self.introduce_ourselves(conn);
        self.route_link_up(now, conn);
        self.tell_shares(conn);
        self.ask_newcomer(now, conn);
        if !rest.is_empty()
            && let Some(at) = self.conns.position(conn)
        {
            self.on_link_bytes(now, conn, at, rest);
        }
    }

    /// Ends a connection, with a Bye if it is a neighbour that understands one.
    pub(super) fn close(&mut self, now: Time, conn: ConnId, why: Why, said: Option<String>) {
        self.stirred = true;
        let Some(row) = self.conns.get_mut(conn) else { return };
        if matches!(row.phase, Phase::Closing | Phase::Transfer) {
            return;
        }
        let by_us = !matches!(why, Why::Bye | Why::ClosedByPeer);
        let bye = row.phase.link().filter(|link| link.understands_bye && by_us);
        if let Some(deflates) = bye.map(|link| link.deflates) {
            let mut bytes = Vec::new();
            let bye = Bye { code: bye_code(why), text: why.text().into() };
            frame::write_with(&mut bytes, self.rng.guid(), Kind::BYE, 1, 0, |out| bye.encode(out));
            if deflates {
                let clear = std::mem::take(&mut bytes);
                self.deflater.append(&clear, &mut bytes);
            }
            self.send_control(conn, &bytes, 1);
        }
        self.ended(now, conn, why, said);
        if let Some(row) = self.conns.get_mut(conn) {
            row.outbox.flush(conn, &mut self.out);
            let flush = row.outbox.waiting_bytes() > 0;
            self.conns.set_timer(conn, Time::NEVER);
            self.out.close(conn, flush);
        }
    }

    /// A connection is gone, ordered or not.
    pub(super) fn gone(&mut self, now: Time, conn: ConnId, why: Why) {
        self.ended(now, conn, why, None);
        self.reach_conn_gone(conn);
        self.conns.remove(conn);
        self.say_if_stopped();
    }

    /// After `Command::Shutdown`: the last connection is gone.
    pub(super) fn say_if_stopped(&mut self) {
        if self.stopping && !self.stopped && self.connections() == 0 {
            self.stopped = true;
            self.out.emit(Event::Stopped);
        }
    }

    /// What ends with a connection; once for each.
    fn ended(&mut self, now: Time, conn: ConnId, why: Why, said: Option<String>) {
        self.opened(conn);
        let Some(row) = self.conns.get_mut(conn) else { return };
        let (peer, listen) = (row.peer(), row.listens());
        let rest = now + Duration::from_secs(self.config.retry_host_s.into());
        match std::mem::replace(&mut row.phase, Phase::Closing) {
            Phase::Closing | Phase::Transfer => return,
            Phase::Link(link) => {
                self.census.left(link.relation);
                self.route_link_down(conn, &link);
                if let Some(near) = &mut self.near {
                    near.gone(conn);
                }
                if let Some(listen) = listen {
                    self.hosts.stayed(listen, now.since(link.since));
                }
                // Whom we left for our own reasons is as good a neighbour as before.
                if let Some(listen) = listen
                    && why != Why::RoleSwitched
                {
                    self.hosts.rest(listen, rest);
                }
                self.dynamic.end_of_leaf(conn);
                self.surroundings.left(peer.ip());
                if link.relation == Relation::wanted_by(self.tier) {
                    self.replace_at_leisure(now);
                }
                self.horizon_changed(now);
                self.allow_local();
                self.reach_link_down(now, conn, peer.ip());
                self.out.emit(Event::LinkDown { peer, why, said });
            }
            phase if phase.is_dialling() => {
                match why {
                    Why::ConnectFailed | Why::TooSlow | Why::ClosedByPeer => {
                        self.hosts.failed(peer, now, &self.config);
                    }
                    Why::RoleSwitched => {}
                    _ => self.hosts.rest(peer, rest),
                }
                self.out.emit(Event::LinkDown { peer, why, said });
                self.source_dialled(now, peer, Some(why));
            }
            Phase::AwaitsWebCache | Phase::AwaitsHostList(_) => {
                self.web_cache_failed(now, conn, why)
            }
            _ => {}
        }
        self.out.count(why);
        self.review_tier_soon(now);
        self.fill_at = self.fill_at.min(now);
    }

    /// The transfers are told whether local addresses may be dialled.
    fn allow_local(&mut self) {
        let allows = self.allows_local();
        if let Some(transfers) = &mut self.transfers {
            transfers.allow_local(allows);
        }
    }

    /// Sends what a connection cannot do without.
    pub(super) fn send_control(&mut self, conn: ConnId, bytes: &[u8], messages: u32) {
        if let Some(row) = self.conns.get_mut(conn) {
            let chunk = Chunk::copy_of(bytes);
            let piece = Piece { chunk, priority: Priority::Control, messages };
            row.outbox.put(conn, piece, &self.config, &mut self.out);
        }
    }
}
