//! The end of a turn: what was gathered leaves, and missing neighbours are dialled.

use std::net::SocketAddr;
use std::time::Duration;

use super::conn::outbox::{Piece, Priority};
use super::hosts::slots;
use super::link::stream::Deflater;
use super::{Chunk, Node, Relation, Time};
use crate::wire::Kind;

/// Candidates that are looked at for each that may be dialled.
const SPARE: usize = 4;

impl Node {
    pub(super) fn on_turn_over(&mut self, now: Time) {
        if !self.stirred && now < self.due {
            debug_assert_eq!(self.due, self.reckon_due(), "queries that pass by make nothing due");
            self.hand_out_letters();
            return self.hand_out_flood();
        }
        self.say_whether_busy();
        self.tell_horizon(now);
        self.answer_walkers(now);
        self.hand_out_letters();
        self.hand_out_flood();
        if self.review_at <= now {
            self.review_tier(now);
        }
        let looks = self.fill_at <= now;
        if looks {
            self.fill_slots(now);
        }
        self.ask_sources(now, looks);
        self.stirred = false;
        self.due = self.reckon_due();
    }

    /// Every connection gets the letters of this turn.
    pub(super) fn hand_out_letters(&mut self) {
        if self.letters.is_empty() {
            return;
        }
        let Node { letters, conns, deflater, config, out, .. } = self;
        letters.hand_out(|conn, priority, messages, bytes| {
            let Some(row) = conns.get_mut(conn) else { return };
            let Some(link) = row.phase.link() else { return };
            let chunk = alone(bytes, link.deflates, deflater);
            row.outbox.put(conn, Piece { chunk, priority, messages }, config, out);
        });
    }

    /// Every neighbour gets the queries of this turn, but not its own.
    pub(super) fn hand_out_flood(&mut self) {
        let Some(mut run) = self.run.take_if(|run| !run.is_empty()) else { return };
        let Node { conns, flooded, deflating, routing, deflater, config, out, tally, .. } = self;
        let deflates = *deflating > 0;
        let mut deflate = |piece: &[u8], to: &mut Vec<u8>| deflater.append(piece, to);
        let sealed = run.seal(deflates.then_some(&mut deflate));
        let mut copies = 0;
        let mut limited = Vec::new();
        // First what is on its last hop: the same query may have come again in this turn with a
        // higher TTL and go to all, and over one link TTLs only grow.
        for number in sealed.aimed_at() {
            let conn = routing.as_ref().and_then(|all| all.tables.as_ref()?.conn(number));
            let Some((conn, row)) = conn.and_then(|conn| Some((conn, conns.get_mut(conn)?))) else {
                continue;
            };
            let Some(link) = row.phase.link() else { continue };
            sealed.aimed_pieces(number, link.deflates, |chunk, messages| {
                copies += u64::from(messages);
                let piece = Piece { chunk, priority: Priority::Query, messages };
                row.outbox.put(conn, piece, config, out);
            });
        }
        let mut next = 0;
        for &conn in flooded.iter() {
            let Some(row) = conns.next_mut(&mut next, conn) else { continue };
            let Some(link) = row.phase.link() else { continue };
            if link.hops_limit <= config.ttl_and_hops_max {
                let (bytes, messages) = sealed.fewer_hops(conn, link.hops_limit);
                if messages > 0 {
                    limited.push((conn, bytes, messages));
                }
                continue;
            }
            sealed.pieces(conn, link.deflates, |chunk, messages| {
                copies += u64::from(messages);
                let piece = Piece { chunk, priority: Priority::Query, messages };
                row.outbox.put(conn, piece, config, out);
            });
        }
        for (conn, bytes, messages) in limited {
            let Some(row) = conns.get_mut(conn) else { continue };
            let deflates = row.phase.link().is_some_and(|link| link.deflates);
            let chunk = alone(&bytes, deflates, deflater);
            copies += u64::from(messages);
            row.outbox.put(conn, Piece { chunk, priority: Priority::Query, messages }, config, out);
        }
        tally.sent(Kind::QUERY, copies);
        drop(sealed);
        self.run = Some(run);
    }

    /// Dials as many hosts as are missing.
    fn fill_slots(&mut self, now: Time) {
        self.fill_at = Time::NEVER;
        let (wanted, neighbours) = self.wanted();
        if neighbours >= wanted {
            return;
        }
        let connecting = self.conns.iter().filter(|(_, row)| row.phase.is_dialling()).count();
        let facts = slots::Dialling {
            relation: Relation::wanted_by(self.tier),
            wanted,
            neighbours,
            connecting,
            stopping: self.stopping,
        };
        let missing = slots::plan(facts, &self.config);
        if missing == 0 {
            return;
        }
        let allowed = missing.min(self.pace.allowance(now, &self.config));
        if allowed == 0 {
            self.fill_at = self.pace.next();
            return;
        }
        let mut taken = Vec::with_capacity(self.conns.len());
        for (_, row) in self.conns.iter() {
            taken.push(row.peer());
            taken.extend(row.listens());
        }
        taken.sort_unstable();
        let own = self.address.public(&self.config);
        let blocked = &self.blocked;
        let fits = |address: SocketAddr| {
            address != own
                && !blocked.contains(address.ip())
                && taken.binary_search(&address).is_err()
        };
        // More than are wanted: some may be of networks that have their share.
        let wall = self.started_at.at(now);
        let hosts = self.hosts.candidates(SPARE * allowed, now, wall, &taken, &self.rng, fits);
        let (mut dialled, mut passed_over) = (0, false);
        for host in hosts {
            if dialled == allowed {
                break;
            }
            if self.has_subnet_share(host.ip()) {
                passed_over = true;
            } else {
                self.dial(now, host);
                dialled += 1;
            }
        }
        self.pace.dialled(dialled, now, &self.config, &self.rng);
        if dialled == allowed && allowed < missing {
            self.fill_at = self.pace.next().max(now);
        }
        let all_dialled = dialled < allowed;
        if all_dialled {
            self.fill_at = self.hosts.next_retry(now).max(self.pace.next());
            self.ask_for_hosts(now);
        }
        if all_dialled && passed_over {
            // Others that were not looked at may be of other networks.
            let soon = now + Duration::from_secs(1);
            self.fill_at = self.fill_at.min(soon).max(self.pace.next());
        }
    }

    /// No host is left to dial: the neighbours may know some.
    fn ask_for_hosts(&mut self, now: Time) {
        let neighbours = self.neighbours();
        let lonelier = self.pongs.is_lonelier(neighbours);
        if lonelier {
            self.pongs.brought_news();
        }
        if lonelier || now >= self.ask_for_hosts_at {
            self.ask_for_hosts_at = now + self.pongs.asks_all(neighbours, &self.config);
            let links = self.conns.iter().filter(|(_, row)| row.phase.link().is_some());
            for conn in links.map(|(conn, _)| conn).collect::<Vec<_>>() {
                self.ping_for_hosts(conn);
            }
        }
        if neighbours > 0 {
            self.fill_at = self.fill_at.min(self.ask_for_hosts_at);
        }
    }
}

/// A piece for one link alone, deflated if the link deflates.
fn alone(bytes: &[u8], deflates: bool, deflater: &mut Deflater) -> Chunk {
    if !deflates {
        return Chunk::copy_of(bytes);
    }
    let mut deflated = Vec::new();
    deflater.append(bytes, &mut deflated);
    Chunk::copy_of(&deflated)
}
