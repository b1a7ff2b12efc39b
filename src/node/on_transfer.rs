//! The switchboard of transfers: connections that are theirs, and what they wish of the rest.

use std::net::SocketAddr;
use std::sync::Arc;

use super::conn::outbox::Priority;
use super::io::{
    DownloadId, DownloadRequest, Event, Hit, Out, SearchEnd, SearchId, SearchQuery, Source,
};
use super::phase::Phase;
use super::search::{Asker, NotBegun, results};
use super::transfer::{Transfers, Wish};
use super::{ConnId, Node, Time, Why};
use crate::library::Library;
use crate::wire::{Guid, Header, Kind, Push, QueryHit};

impl Node {
    /// The transfers, made if there were none so far, and what they work with.
    pub(super) fn transfers(&mut self) -> (&mut Transfers, &Library, &mut Out) {
        let all = match self.transfers.take() {
            Some(all) => all,
            None => {
                let (config, rng) = (Arc::clone(&self.config), self.rng.derive("transfers"));
                let mut all = Transfers::new(config, self.guid, rng);
                all.allow_local(self.allows_local());
                all.know(self.as_others_know_us());
                // Nothing is under way that could end by it.
                all.shun(Time::ZERO, &self.blocked, &mut self.out);
                Box::new(all)
            }
        };
        let Node { transfers, library, out, .. } = self;
        (transfers.insert(all), library, out)
    }

    /// Whether all upload slots are taken: our hits say so.
    pub(super) fn is_busy(&self) -> bool {
        let none = self.config.upload_slots == 0;
        self.transfers.as_ref().map_or(none, |all| all.is_busy())
    }

    /// An accepted connection turned out to be HTTP or GIV. `before`: bytes of earlier inputs.
    pub(super) fn adopt(&mut self, now: Time, conn: ConnId, before: &[u8], data: &[u8]) {
        let Some(row) = self.conns.get_mut(conn) else { return };
        row.phase = Phase::Transfer;
        let peer = row.peer();
        self.opened(conn);
        self.conns.set_timer(conn, Time::NEVER);
        let (transfers, _, out) = self.transfers();
        transfers.adopt(now, conn, peer, out);
        // Positions of bodies count from the data of the current input: it goes by itself.
        if !before.is_empty() {
            self.transfer_received(now, conn, before);
        }
        self.transfer_received(now, conn, data);
    }

    pub(super) fn transfer_received(&mut self, now: Time, conn: ConnId, data: &[u8]) {
        let Some(transfers) = &mut self.transfers else { return };
        transfers.received(now, conn, data, &self.library, &mut self.out);
        self.grant_wishes(now);
    }

    pub(super) fn on_carried(&mut self, now: Time, conn: ConnId, len: u64) {
        let Some(transfers) = &mut self.transfers else { return };
        transfers.carried(now, conn, len, &self.library, &mut self.out);
        self.grant_wishes(now);
    }

    /// Does what the transfers want of the rest of the node.
    pub(super) fn grant_wishes(&mut self, now: Time) {
        loop {
            let Some(transfers) = &mut self.transfers else { return };
            let wishes: Vec<Wish> = transfers.wishes().collect();
            if wishes.is_empty() {
                return;
            }
            for wish in wishes {
                match wish {
                    Wish::SendPush { servent, index, proxies } => {
                        self.send_push(now, servent, index, &proxies);
                    }
                    Wish::HandPush { link, servent, index, address } => {
                        self.hand_push(link, &Push { servent, index, address, extensions: &[] });
                    }
                    Wish::FindSources { download, sha1 } => {
                        let query = SearchQuery { sha1: Some(sha1), ..SearchQuery::default() };
                        self.begin_search(now, Asker::Download(download), &query);
                    }
                    Wish::BrowseHit { search, from, payload } => {
                        self.on_browse_hit(now, search, from, &payload);
                    }
                    Wish::BrowseEnded { search, end } => {
                        if self.searches.end(Asker::User(search)).is_some() {
                            self.end_search(Asker::User(search), end);
                        }
                    }
                }
            }
        }
    }

    /// Asks a servent to open a connection to us: by its push proxies, if there are any, or else
    /// along the way its hits came.
    fn send_push(&mut self, now: Time, servent: Guid, index: u32, proxies: &[SocketAddr]) {
        let address = self.address.public(&self.config);
        let mut payload = Vec::new();
        Push { servent, index, address, extensions: &[] }.encode(&mut payload);
        let len = payload.len() as u32;
        if !proxies.is_empty() {
            let header = Header { guid: self.rng.guid(), kind: Kind::PUSH, ttl: 1, hops: 0, len };
            for &proxy in proxies {
                self.send_unasked(now, proxy, &header, &payload);
            }
            return;
        }
        let Some(way) = self.pushes.way(&servent) else {
            return self.out.count(Why::NoPushRoute);
        };
        if !self.is_link(way) {
            return self.out.count(Why::RouteLost);
        }
        let ttl = self.config.ttl_and_hops_max.max(1);
        let header = Header { guid: self.rng.guid(), kind: Kind::PUSH, ttl, hops: 0, len };
        self.letters.put(way, Priority::Push, &header, &payload);
        self.tally.sent(Kind::PUSH, 1);
    }

    /// Asks one host for all that it shares.
    pub(super) fn on_browse(&mut self, now: Time, id: SearchId, host: SocketAddr) {
        if self.blocked.contains(host.ip()) {
            self.out.count(Why::Blocked);
            return self.end_search(Asker::User(id), SearchEnd::Unreachable);
        }
        let guid = self.rng.guid();
        match self.searches.begin_browse(id, guid, now, &self.config) {
            Ok(_) => {
                let (transfers, _, out) = self.transfers();
                transfers.browse(now, id, host, out);
                self.grant_wishes(now);
            }
            Err(NotBegun::Ends(end)) => self.end_search(Asker::User(id), end),
            Err(NotBegun::TooMany) => {
                self.out.count(Why::TableFull);
                self.end_search(Asker::User(id), SearchEnd::TooMany);
            }
        }
    }

    fn on_browse_hit(&mut self, now: Time, id: SearchId, from: SocketAddr, payload: &[u8]) {
        let Ok(mut hit) = QueryHit::decode(payload) else {
            return self.out.count(Why::Malformed);
        };
        // We have just been there; what it thinks of its own address may be wrong.
        hit.address = from;
        self.take_results(now, Asker::User(id), &hit, 1, Some(from));
    }

    /// A hit for a search of our own: what is new and wanted of it goes to whoever asked. The user
    /// may have named the host; then any address will do.
    pub(super) fn take_results(
        &mut self,
        now: Time,
        asker: Asker,
        hit: &QueryHit<'_>,
        hops: u8,
        named: Option<SocketAddr>,
    ) {
        let local = self.allows_local();
        let Node { searches, blocked, .. } = self;
        let Some(search) = searches.get_mut(asker) else { return };
        let usable = |address: SocketAddr| {
            super::filter::is_usable(address, local || named == Some(address))
                && !blocked.contains(address.ip())
        };
        // Whoever says that it can be connected to where nobody can be is no servent of this network.
        let no_such_place = !super::filter::is_usable(hit.address, local || named.is_some());
        if no_such_place && hit.flags.push != Some(true) {
            return self.out.count(Why::BadAddress);
        }
        let hits = results::of(hit, hops, search, now, usable);
        if hits.is_empty() {
            return;
        }
        let enough = search.found(hits.len(), now);
        let guid = search.guid;
        match asker {
            Asker::User(search) => {
                self.out.emit(Event::Found { search, hits });
                if enough {
                    self.searches.end(asker);
                    self.want_no_more(guid);
                    self.end_search(asker, SearchEnd::Enough);
                }
            }
            Asker::Download(download) => {
                if enough {
                    self.searches.end(asker);
                    self.want_no_more(guid);
                }
                self.add_found_sources(now, download, hits);
            }
        }
    }

    fn add_found_sources(&mut self, now: Time, download: DownloadId, hits: Vec<Hit>) {
        let (mut sources, mut said) = (Vec::new(), Vec::new());
        for hit in hits {
            sources.push(hit.source);
            said.extend(hit.alternates.into_iter().map(Source::at));
        }
        // Those who answered themselves come first.
        sources.append(&mut said);
        self.add_sources(now, download, sources);
    }

    pub(super) fn add_sources(&mut self, now: Time, download: DownloadId, sources: Vec<Source>) {
        let sources = self.unblocked(sources);
        let Some(transfers) = &mut self.transfers else { return };
        transfers.add_sources(now, download, sources, &mut self.out);
        self.grant_wishes(now);
    }

    pub(super) fn on_download(
        &mut self,
        now: Time,
        download: DownloadId,
        mut request: DownloadRequest,
    ) {
        request.sources = self.unblocked(request.sources);
        self.know_ourselves();
        let (transfers, _, out) = self.transfers();
        transfers.download(now, download, request, out);
        self.grant_wishes(now);
    }

    /// The sources that are not on the block list.
    fn unblocked(&mut self, mut sources: Vec<Source>) -> Vec<Source> {
        let before = sources.len();
        sources.retain(|source| !self.blocked.contains(source.address.ip()));
        for source in &mut sources {
            source.push_proxies.retain(|at| !self.blocked.contains(at.ip()));
        }
        self.out.counts.add_many(Why::Blocked, (before - sources.len()) as u64);
        sources
    }
}
