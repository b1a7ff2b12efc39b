//! The switchboard of commands, and what we begin ourselves: searches and pings.

use std::net::{IpAddr, SocketAddr};

use super::config::Strategy;
use super::conn::outbox::Priority;
use super::datagram::pings::Purpose;
use super::filter;
use super::io::{Event, HostRecord, SearchEnd, SearchId, SearchQuery};
use super::link::Link;
use super::search::{Asker, Means, NotBegun, Search, pace};
use super::{Command, ConnId, Node, Tier, Time, Why};
use crate::wire::{Header, HostsWanted, Kind, Ping, PingWants};

impl Node {
    pub(super) fn on_command(&mut self, now: Time, command: Command) {
        match command {
            Command::Connect { host, port } => self.on_connect(now, host, port),
            Command::Disconnect { peer } => self.on_disconnect(now, peer),
            Command::Block { network, prefix_len } => {
                self.on_block_network(now, network, prefix_len)
            }
            Command::Unblock { network, prefix_len } => {
                if !self.blocked.remove(network, prefix_len) {
                    self.refuse(Why::NotConnected, format!("unblock {network}/{prefix_len}"));
                }
                if let Some(transfers) = &mut self.transfers {
                    transfers.shun(now, &self.blocked, &mut self.out);
                }
            }
            Command::Remember(records) => self.on_remember(now, &records),
            Command::Bootstrap(sources) => self.on_bootstrap(now, sources),
            Command::Search { search, query } => {
                self.begin_search(now, Asker::User(search), &query);
            }
            Command::StopSearch { search } => self.on_stop_search(now, search),
            Command::Shutdown => self.on_shutdown(now),
            Command::AskForHosts { host } => self.on_ask_for_hosts(now, host),
            Command::Browse { search, host } => self.on_browse(now, search, host),
            Command::Download { download, request } => self.on_download(now, download, request),
            Command::AddSources { download, sources } => self.add_sources(now, download, sources),
            Command::CancelDownload { download } => {
                if let Some(search) = self.searches.end(Asker::Download(download)) {
                    self.want_no_more(search.guid);
                }
                if let Some(transfers) = &mut self.transfers {
                    transfers.cancel(now, download, &mut self.out);
                }
                self.grant_wishes(now);
            }
        }
    }

    pub(super) fn refuse(&mut self, why: Why, command: String) {
        self.out.emit(Event::Refused { why, command });
    }

    fn on_connect(&mut self, now: Time, host: String, port: u16) {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if self.stopping || port == 0 {
            let why = if port == 0 { Why::BadAddress } else { Why::Shutdown };
            return self.refuse(why, format!("connect {host}:{port}"));
        }
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return self.connect_to(now, SocketAddr::new(ip.to_canonical(), port));
        }
        if self.lookups.len() >= usize::from(self.config.connecting_max) {
            return self.refuse(Why::TableFull, format!("connect {host}:{port}"));
        }
        let lookup = self.out.resolve(host.clone());
        self.lookups.change(|all| all.insert(lookup, (host, port)));
    }

    /// Dials a host that the user named.
    pub(super) fn connect_to(&mut self, now: Time, address: SocketAddr) {
        let same = |row: &super::conn::Conn<super::Phase>| {
            let dialled = row.phase.is_dialling() && row.peer() == address;
            dialled || row.listens() == Some(address)
        };
        let why = if self.stopping {
            Why::Shutdown
        } else if self.blocked.contains(address.ip()) {
            Why::Blocked
        } else if self.conns.iter().any(|(_, row)| same(row))
            || address == self.address.public(&self.config)
        {
            Why::AlreadyConnected
        } else {
            self.learn_named(now, address);
            self.review_tier_soon(now);
            return self.dial(now, address);
        };
        self.out.count(why);
        self.refuse(why, format!("connect {address}"));
    }

    /// Asks a host that the user named for hosts, by UDP.
    fn on_ask_for_hosts(&mut self, now: Time, host: SocketAddr) {
        let why = if self.stopping {
            Why::Shutdown
        } else if !filter::is_usable(host, true) || host == self.address.public(&self.config) {
            Why::BadAddress
        } else if self.blocked.contains(host.ip()) {
            Why::Blocked
        } else if self.udp_ping(now, host, Purpose::Hosts) {
            return;
        } else {
            Why::UnprovenAddress
        };
        self.refuse(why, format!("ask {host} for hosts"));
    }

    fn on_disconnect(&mut self, now: Time, peer: SocketAddr) {
        let found = self.conns.iter().find_map(|(conn, row)| {
            let is_it = row.peer() == peer || row.listens() == Some(peer);
            (row.phase.link().is_some() && is_it).then_some(conn)
        });
        match found {
            Some(conn) => self.close(now, conn, Why::UserRequest, None),
            None => self.refuse(Why::NotConnected, format!("disconnect {peer}")),
        }
    }

    fn on_block_network(&mut self, now: Time, network: IpAddr, prefix_len: u8) {
        if !self.blocked.add(network, prefix_len, self.config.blocks_max) {
            return self.refuse(Why::TableFull, format!("block {network}/{prefix_len}"));
        }
        let blocked = |peer: SocketAddr| self.blocked.contains(peer.ip());
        let closed: Vec<ConnId> = self
            .conns
            .iter()
            .filter(|(_, row)| blocked(row.peer()))
            .map(|(conn, _)| conn)
            .collect();
        for conn in closed {
            self.close(now, conn, Why::Blocked, None);
        }
        if let Some(transfers) = &mut self.transfers {
            transfers.shun(now, &self.blocked, &mut self.out);
        }
        self.grant_wishes(now);
    }

    fn on_remember(&mut self, now: Time, records: &[HostRecord]) {
        for record in records.iter().rev() {
            if filter::is_usable(record.address, true) {
                self.hosts.remember(record, self.started_at.at(now), &self.config);
            }
        }
        self.review_tier_soon(now);
        self.fill_at = self.fill_at.min(now);
    }

    /// Begins a search of our own: its query leaves at the end of the turn.
    pub(super) fn begin_search(&mut self, now: Time, asker: Asker, query: &SearchQuery) {
        let strategy = query.strategy.unwrap_or(self.config.strategy);
        if !self.may_ask_by(strategy) {
            return self.end_search(asker, SearchEnd::WrongStrategy);
        }
        let reply_to = self.oob_address();
        let guid = self.rng.guid();
        let walks = matches!(strategy, Strategy::Walkers { .. });
        let named = reply_to.or_else(|| self.walkers_home().filter(|_| walks));
        let guid = named.map_or(guid, |address| guid.with_reply_to(address));
        let means = Means {
            firewalled: self.is_firewalled(),
            out_of_band: reply_to.is_some(),
            guides: self.tier == Tier::Leaf,
        };
        let begun = self.searches.begin(asker, query, guid, means, now, &self.config);
        match begun {
            Ok(_) => {}
            Err(NotBegun::Ends(end)) => return self.end_search(asker, end),
            Err(NotBegun::TooMany) => {
                self.out.count(Why::TableFull);
                return self.end_search(asker, SearchEnd::TooMany);
            }
        }
        self.seen.ours(guid);
        let neighbours = self.neighbours();
        if neighbours == 0 && !self.may_get_neighbours() {
            self.searches.end(asker);
            return self.end_search(asker, SearchEnd::NoNeighbours);
        }
        if let Asker::User(search) = asker {
            self.out.emit(Event::Asks { search, query: guid });
        }
        // What is new is asked of all who are near.
        let strategy = if query.whats_new { Strategy::Flood } else { strategy };
        self.ask_by(now, asker, strategy);
    }

    /// Whether there will be somebody to ask soon.
    fn may_get_neighbours(&self) -> bool {
        let connecting = self.conns.iter().any(|(_, row)| {
            row.phase.is_dialling() || matches!(row.phase, super::Phase::AwaitsLastBlock(_))
        });
        let known = self.hosts.len() > 0 || self.awaits_hosts();
        connecting || !self.lookups.is_empty() || (self.config.auto_connect && known)
    }

    /// A new neighbour is asked what is being searched for.
    pub(super) fn ask_newcomer(&mut self, now: Time, conn: ConnId) {
        self.ask_newcomer_dynamically(now);
        let neighbours = self.neighbours();
        let Some(link) = self.conns.get(conn).and_then(|row| row.phase.link()) else { return };
        let mut went = Vec::new();
        for (_, search) in self.searches.iter_mut() {
            if !search.asks_newcomers {
                continue;
            }
            let Some(header) = header_of(search) else { continue };
            search.ask(reach(link, neighbours, search.ttl));
            if let Some(payload) = &search.payload {
                self.letters.put(conn, Priority::Query, &header, payload);
                self.tally.sent(Kind::QUERY, 1);
                went.push(header);
            }
        }
        for header in went {
            self.note_sent(1, header.ttl);
            self.note_went_on(now, &header);
        }
    }

    pub(super) fn end_search(&mut self, asker: Asker, end: SearchEnd) {
        if let Asker::User(search) = asker {
            self.out.emit(Event::SearchEnded { search, end });
        }
    }

    fn on_stop_search(&mut self, now: Time, id: SearchId) {
        let asker = Asker::User(id);
        match self.searches.end(asker) {
            Some(search) => {
                if search.payload.is_none() {
                    if let Some(transfers) = &mut self.transfers {
                        transfers.stop_browse(now, id, &mut self.out);
                    }
                } else {
                    self.want_no_more(search.guid);
                }
                self.end_search(asker, SearchEnd::Stopped);
            }
            None => self.refuse(Why::NotConnected, format!("stop search {}", id.0)),
        }
    }

    /// Asks a neighbour whether it is alive.
    pub(super) fn ping(&mut self, conn: ConnId, ttl: u8) {
        self.send_ping(conn, ttl, &Ping::PLAIN);
    }

    /// Asks a new neighbour for hosts.
    pub(super) fn ping_for_hosts(&mut self, conn: ConnId) {
        if self.config.auto_connect {
            let ttl = self.config.query_ttl_default.clamp(1, self.config.ttl_and_hops_max.max(1));
            let for_us = self.tier == Tier::Ultrapeer;
            let hosts = Some(HostsWanted::new(for_us, self.config.families()));
            let mut extensions = Vec::new();
            PingWants { hosts, ..PingWants::default() }.encode(&mut extensions);
            self.send_ping(conn, ttl, &Ping { extensions: &extensions });
        }
    }

    fn send_ping(&mut self, conn: ConnId, ttl: u8, ping: &Ping<'_>) {
        let guid = self.rng.guid();
        let Some(link) = self.conns.get_mut(conn).and_then(|row| row.phase.link_mut()) else {
            return;
        };
        link.health.pinged(guid);
        let len = ping.extensions.len() as u32;
        let header = Header { guid, kind: Kind::PING, ttl, hops: 0, len };
        self.letters.put(conn, Priority::Ping, &header, ping.extensions);
        self.tally.sent(Kind::PING, 1);
    }

    /// Says Bye to everybody.
    fn on_shutdown(&mut self, now: Time) {
        self.stopping = true;
        self.on_turn_over(now);
        self.unmap_port();
        if let Some(transfers) = &mut self.transfers {
            transfers.shutdown(now, &mut self.out);
        }
        let all: Vec<ConnId> = self.conns.iter().map(|(conn, _)| conn).collect();
        for conn in all {
            self.close(now, conn, Why::Shutdown, None);
        }
        self.say_if_stopped();
    }
}

/// The header of a search's query, as it leaves us.
pub(super) fn header_of(search: &Search) -> Option<Header> {
    let len = search.payload.as_ref()?.len() as u32;
    Some(Header { guid: search.guid, kind: Kind::QUERY, ttl: search.ttl, hops: 0, len })
}

/// A guess at how many servents a query reaches down one link: what the neighbour says (HSEP), or
/// as if every servent had as many neighbours as this one says or as we have, whichever is less.
/// Either way who is reached twice counts twice.
pub(super) fn reach(link: &Link, neighbours: usize, ttl: u8) -> u64 {
    if let Some(said) = link.outlook.as_ref().and_then(|outlook| outlook.nodes(ttl)) {
        return said;
    }
    let ours = u32::try_from(neighbours).unwrap_or(u32::MAX);
    pace::hosts(link.degree.map_or(ours, |said| ours.min(said.into())), ttl)
}
