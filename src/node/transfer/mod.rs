//! Files in and out: decisions, never bytes of bodies (protocol.md sections 7, 12 and 13).
//!
//! [`Transfers`] is the table of transfer connections. Each has one purpose, and every input for
//! it goes to the part that serves that purpose: `upload` (requests in; `slots` says who may,
//! `shelf` shows all to one who browses), `push` (connections that we were asked to open),
//! `download` (with its `ranges` and its `source`s, whose answers `answer` judges) and `browse`.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use self::browse::Browses;
use self::download::Download;
use self::mesh::Mesh;
use self::proxied::Proxied;
use self::push::Pushes;
use self::turn::{Desk, Purpose};
use self::upload::Uploads;
use super::filter::Blocked;
use super::io::{
    CloseCause, DiskReport, DownloadId, DownloadRequest, DownloadState, Event, Out, Progress,
    SearchId, Source,
};
use super::pauses::Pauses;
use super::rate::PerAddress;
use super::{Config, ConnId, Rng, Time, Why, filter};
use crate::library::Library;
use crate::wire::{Families, Giv, Guid, Push, Sha1};

mod answer;
mod browse;
mod download;
mod flow;
mod inbox;
mod mesh;
mod proxied;
mod push;
mod ranges;
mod shelf;
mod slots;
mod source;
#[cfg(test)]
mod tests;
mod turn;
mod upload;
mod view;

pub use turn::{Us, Wish};
pub use view::{DownloadView, SourceState, SourceView, TransfersView, UploadView};

/// Alternate locations of one result; above 16 a hit is taken for spam.
const ALTERNATES_PER_HIT_MAX: usize = 10;

/// Window of `Config::proxy_asks_per_address_max`.
const PROXY_ASKS_WINDOW: Duration = Duration::from_secs(3_600);

/// All transfers of a node.
#[derive(Debug)]
pub struct Transfers {
    desk: Desk,
    uploads: Uploads,
    pushes: Pushes,
    browses: Browses,
    downloads: BTreeMap<DownloadId, Download>,
    /// Nothing is due before; may be earlier than what is due, never later.
    next_at: Time,
}

impl Transfers {
    /// No transfers; `guid` is our servent GUID.
    pub fn new(config: Arc<Config>, guid: Guid, rng: Rng) -> Transfers {
        let (uploads, pushes) = (Uploads::new(&config), Pushes::new(&config));
        let local_allowed = config.local_addresses;
        let (conns, wishes) = (BTreeMap::new(), Vec::new());
        let us = Us { address: config.listen, firewalled: false, push_proxies: Vec::new() };
        let proxied = Proxied::new(&config);
        let (asks, addresses) = (config.proxy_asks_per_address_max, config.counted_addresses_max);
        let desk = Desk {
            local_allowed,
            blocked: Blocked::default(),
            guid,
            rng,
            conns,
            wishes,
            mesh: Mesh::default(),
            us,
            proxied,
            proxy_asks: PerAddress::new(PROXY_ASKS_WINDOW, asks, addresses),
            pushed_in_vain: Pauses::new(Duration::from_secs(config.push_pause_s.into()), addresses),
            config,
        };
        Transfers {
            desk,
            uploads,
            pushes,
            browses: Browses::default(),
            downloads: BTreeMap::new(),
            next_at: Time::NEVER,
        }
    }

    /// An accepted connection turned out to be HTTP or GIV; its first bytes follow in `received`.
    pub fn adopt(&mut self, now: Time, conn: ConnId, peer: SocketAddr, out: &mut Out) {
        let mut turn = self.desk.turn(now, out);
        turn.dedicate(conn, Purpose::Serve);
        self.uploads.begin(conn, peer, &turn);
        self.recompute();
    }

    /// Whether inputs for this connection are for us. Until `closed` has come it is.
    pub fn owns(&self, conn: ConnId) -> bool {
        self.desk.conns.contains_key(&conn)
    }

    /// How many connections we ordered; those that we closed count until `closed` has come.
    /// Accepted ones are in the node's own table.
    pub fn ordered_connections(&self) -> usize {
        self.desk.conns.keys().filter(|conn| !conn.is_accepted()).count()
    }

    /// The oldest connection that may be closed for a newcomer: accepted, and neither file nor
    /// shelf is being sent on it.
    pub fn oldest_idle(&self) -> Option<ConnId> {
        self.uploads.oldest_idle()
    }

    /// Closes a connection of a client.
    pub fn dismiss(&mut self, now: Time, conn: ConnId, out: &mut Out) {
        self.uploads.close(conn, false, &mut self.desk.turn(now, out));
        self.recompute();
    }

    /// Who else has a content, for a hit to somebody who can use these addresses.
    pub fn alternates(&self, now: Time, sha1: &Sha1, families: Families) -> Vec<SocketAddr> {
        let desk = &self.desk;
        let all = desk.mesh.of(now, sha1, families, usize::MAX, &desk.config);
        all.filter(|address| filter::is_usable(*address, desk.local_allowed))
            .take(ALTERNATES_PER_HIT_MAX)
            .collect()
    }

    /// Whether all upload slots are taken: our hits say so.
    pub fn is_busy(&self) -> bool {
        self.uploads.views().count() >= usize::from(self.desk.config.upload_slots)
    }

    /// `Input::Connected` for a connection of ours.
    pub fn connected(&mut self, now: Time, conn: ConnId, out: &mut Out) {
        let purpose = self.purpose(conn);
        let mut turn = self.desk.turn(now, out);
        match purpose {
            Some(Purpose::Fetch(id)) => {
                if let Some(download) = self.downloads.get_mut(&id) {
                    download.connected(conn, &mut turn);
                }
            }
            Some(Purpose::Browse) => self.browses.connected(conn, &mut turn),
            Some(Purpose::Give) => {
                if let Some(peer) = self.pushes.connected(conn, &mut turn) {
                    turn.dedicate(conn, Purpose::Serve);
                    self.uploads.begin_given(conn, peer, &turn);
                }
            }
            Some(Purpose::Serve | Purpose::Leave(_) | Purpose::Close) | None => {}
        }
        self.recompute();
    }

    /// `Input::Received` for a connection of ours.
    pub fn received(
        &mut self,
        now: Time,
        conn: ConnId,
        data: &[u8],
        library: &Library,
        out: &mut Out,
    ) {
        let purpose = self.purpose(conn);
        let mut turn = self.desk.turn(now, out);
        match purpose {
            Some(Purpose::Serve) => {
                if let Some(giv) = self.uploads.received(conn, data, library, &mut turn) {
                    self.given(now, conn, &giv, out);
                }
            }
            Some(Purpose::Fetch(id)) => {
                if let Some(download) = self.downloads.get_mut(&id) {
                    download.received(conn, data, &mut turn);
                }
            }
            Some(Purpose::Browse) => self.browses.received(conn, data, &mut turn),
            Some(Purpose::Give | Purpose::Leave(_) | Purpose::Close) | None => {}
        }
        self.recompute();
    }

    /// `Input::Sent` for a connection of ours.
    pub fn sent(&mut self, now: Time, conn: ConnId, len: u32, library: &Library, out: &mut Out) {
        if self.purpose(conn) == Some(Purpose::Serve) {
            self.uploads.sent(conn, len, library, &mut self.desk.turn(now, out));
            self.recompute();
        }
    }

    /// `Input::Carried` for a connection of ours.
    pub fn carried(&mut self, now: Time, conn: ConnId, len: u64, library: &Library, out: &mut Out) {
        let purpose = self.purpose(conn);
        let mut turn = self.desk.turn(now, out);
        let changed = match purpose {
            Some(Purpose::Serve) => self.uploads.carried(conn, len, library, &mut turn),
            Some(Purpose::Fetch(id) | Purpose::Leave(id)) => {
                let download = self.downloads.get_mut(&id);
                download.is_some_and(|download| download.carried(conn, len, &mut turn))
            }
            _ => false,
        };
        if changed {
            self.recompute();
        }
    }

    /// `Input::Closed` for a connection of ours.
    pub fn closed(&mut self, now: Time, conn: ConnId, cause: CloseCause, out: &mut Out) {
        let purpose = self.desk.conns.remove(&conn);
        let mut turn = self.desk.turn(now, out);
        match purpose {
            Some(Purpose::Serve) => {
                self.uploads.end(conn, &mut turn);
                if cause == CloseCause::FileUnreadable {
                    turn.out.count(Why::DiskFailed);
                }
            }
            Some(Purpose::Give) => self.pushes.failed(conn, &mut turn),
            Some(Purpose::Fetch(id) | Purpose::Leave(id)) => {
                if let Some(download) = self.downloads.get_mut(&id) {
                    download.closed(conn, cause, &mut turn);
                }
            }
            Some(Purpose::Browse) => self.browses.closed(conn, cause, &mut turn),
            Some(Purpose::Close) | None => {}
        }
        self.recompute();
    }

    /// `Input::Disk`.
    pub fn disk(&mut self, now: Time, report: DiskReport, out: &mut Out) {
        let (DiskReport::Opened { download: id, .. }
        | DiskReport::Hashed { download: id, .. }
        | DiskReport::Published { download: id, .. }
        | DiskReport::Failed { download: id, .. }) = report;
        let mut turn = self.desk.turn(now, out);
        if let Some(download) = self.downloads.get_mut(&id) {
            match report {
                DiskReport::Opened { have, .. } => download.opened(have, &mut turn),
                DiskReport::Hashed { sha1, .. } => download.hashed(sha1, &mut turn),
                DiskReport::Published { path, .. } => download.published(path, &mut turn),
                DiskReport::Failed { failure, .. } => download.disk_failed(failure, &mut turn),
            }
        }
        self.recompute();
    }

    /// Does what is due.
    pub fn wake(&mut self, now: Time, out: &mut Out) {
        if self.next_at > now {
            return;
        }
        let mut turn = self.desk.turn(now, out);
        self.uploads.wake(&mut turn);
        self.browses.wake(&mut turn);
        for download in self.downloads.values_mut() {
            if download.deadline(turn.config) <= now {
                download.wake(&mut turn);
            }
        }
        self.recompute();
    }

    /// When `wake` is to be called.
    pub fn deadline(&self) -> Option<Time> {
        super::io::earliest([self.next_at])
    }

    /// `Command::Download`. A download that is under way already gets the sources added; one
    /// that has ended begins anew.
    pub fn download(&mut self, now: Time, id: DownloadId, request: DownloadRequest, out: &mut Out) {
        if self.downloads.get(&id).is_some_and(|known| !known.ended()) {
            return self.add_sources(now, id, request.sources, out);
        }
        self.downloads.remove(&id);
        if self.downloads.len() >= usize::from(self.desk.config.downloads_max) {
            let ended = self.downloads.iter().find(|(_, download)| download.ended());
            let Some(ended) = ended.map(|(&ended, _)| ended) else {
                out.count(Why::TableFull);
                let progress = Progress {
                    state: DownloadState::Failed,
                    have: 0,
                    size: request.size,
                    active_sources: 0,
                    known_sources: 0,
                    path: None,
                    trouble: Some(Why::TableFull),
                };
                return out.emit(Event::Download { download: id, progress });
            };
            self.downloads.remove(&ended);
        }
        let download = Download::new(id, request, &mut self.desk.turn(now, out));
        self.downloads.insert(id, download);
        self.recompute();
    }

    /// `Command::AddSources`, and what a search for `Wish::FindSources` has found.
    pub fn add_sources(&mut self, now: Time, id: DownloadId, sources: Vec<Source>, out: &mut Out) {
        if let Some(download) = self.downloads.get_mut(&id).filter(|known| !known.ended()) {
            download.add_sources(sources, &mut self.desk.turn(now, out));
            self.recompute();
        }
    }

    /// `Command::CancelDownload`.
    pub fn cancel(&mut self, now: Time, id: DownloadId, out: &mut Out) {
        if let Some(download) = self.downloads.get_mut(&id) {
            download.cancel(&mut self.desk.turn(now, out));
            self.recompute();
        }
    }

    /// `Command::Browse`; answered by wishes.
    pub fn browse(&mut self, now: Time, search: SearchId, host: SocketAddr, out: &mut Out) {
        self.browses.begin(search, host, &mut self.desk.turn(now, out));
        self.recompute();
    }

    /// `Command::StopSearch`, if it was a browse.
    pub fn stop_browse(&mut self, now: Time, search: SearchId, out: &mut Out) {
        self.browses.stop(search, &mut self.desk.turn(now, out));
        self.recompute();
    }

    /// Whether addresses of local networks may be dialled from now on, if strangers name them.
    pub fn allow_local(&mut self, allowed: bool) {
        self.desk.local_allowed = allowed;
    }

    /// From now on these addresses are blocked, and no others: nothing goes to them or comes from
    /// them any more.
    pub(crate) fn shun(&mut self, now: Time, blocked: &Blocked, out: &mut Out) {
        self.desk.blocked = blocked.clone();
        let mut turn = self.desk.turn(now, out);
        self.uploads.shun(&mut turn);
        for download in self.downloads.values_mut() {
            download.shun(&mut turn);
        }
        self.recompute();
    }

    /// A Push for us arrived.
    pub fn on_push(&mut self, now: Time, push: &Push<'_>, out: &mut Out) {
        self.pushes.obey(push, &mut self.desk.turn(now, out));
    }

    /// What others are to know of us from now on.
    pub fn know(&mut self, us: Us) {
        self.desk.us = us;
    }

    /// What others are told of us at present.
    pub fn known(&self) -> &Us {
        &self.desk.us
    }

    /// The servent at the other end of a link asks us to be its push proxy; whether we are.
    pub fn push_proxy_for(&mut self, servent: Guid, link: ConnId) -> bool {
        self.desk.proxied.agree(servent, link, &self.desk.config)
    }

    /// The link is gone, or nobody there needs a push proxy any more.
    pub fn no_push_proxy_on(&mut self, link: ConnId) {
        self.desk.proxied.end(link);
    }

    /// The link to a servent whose push proxy we are.
    pub fn push_proxied_way(&self, servent: &Guid) -> Option<ConnId> {
        self.desk.proxied.way(servent)
    }

    /// For how many servents we are a push proxy.
    pub fn push_proxied(&self) -> u32 {
        u32::try_from(self.desk.proxied.len()).unwrap_or(u32::MAX)
    }

    /// Somebody at this address asks us by UDP to hand this push over: by which link.
    pub fn hand_push(&mut self, now: Time, push: &Push<'_>, asker: IpAddr) -> Result<ConnId, Why> {
        self.desk.proxied.hand(now, &push.servent, asker, push.address)
    }

    /// Closes every connection and forgets every download; partial files stay.
    pub fn shutdown(&mut self, now: Time, out: &mut Out) {
        let config = Arc::clone(&self.desk.config);
        let conns: Vec<ConnId> = self.desk.conns.keys().copied().collect();
        let mut turn = self.desk.turn(now, out);
        conns.into_iter().for_each(|conn| turn.close(conn, false));
        self.uploads = Uploads::new(&config);
        self.pushes = Pushes::new(&config);
        self.browses = Browses::default();
        self.downloads.clear();
        self.recompute();
    }

    /// What the rest of the node is to do; look after every call.
    pub fn wishes(&mut self) -> std::vec::Drain<'_, Wish> {
        self.desk.wishes.drain(..)
    }

    /// A picture of all transfers.
    pub fn view(&self) -> TransfersView {
        TransfersView {
            uploads: self.uploads.views().collect(),
            downloads: self.downloads.values().map(Download::view).collect(),
            alternates: self.desk.mesh.len() as u64,
        }
    }

    fn purpose(&self, conn: ConnId) -> Option<Purpose> {
        self.desk.conns.get(&conn).copied()
    }

    /// The first download that awaits this GIV takes the connection.
    fn given(&mut self, now: Time, conn: ConnId, giv: &Giv, out: &mut Out) {
        let mut turn = self.desk.turn(now, out);
        if !self.downloads.values_mut().any(|download| download.given(giv, conn, &mut turn)) {
            turn.out.count(Why::UnexpectedGiv);
            turn.close(conn, false);
        }
    }

    fn recompute(&mut self) {
        let config = &self.desk.config;
        let downloads = self.downloads.values().map(|download| download.deadline(config));
        let others = [self.uploads.deadline(config), self.browses.deadline(config)];
        self.next_at = downloads.chain(others).min().unwrap_or(Time::NEVER);
    }
}
