//! What every part of the transfers may do while it handles one input.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::mesh::Mesh;
use super::proxied::Proxied;
use crate::node::filter::Blocked;
use crate::node::io::{Action, DownloadId, Out, SearchEnd, SearchId};
use crate::node::pauses::Pauses;
use crate::node::rate::PerAddress;
use crate::node::{Config, ConnId, Rng, Time, filter};
use crate::wire::{Families, Guid, Sha1};

/// Alternate locations in one header line (LimeWire's limit).
pub(super) const ALTERNATES_TOLD_MAX: usize = 11;

/// What the transfers want of the rest of the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Ask this servent by a Push to connect to us and give us this file.
    SendPush {
        /// Whom.
        servent: Guid,
        /// The number it gives the file.
        index: u32,
        /// The push proxies that get it by UDP; if none, it goes the way the servent's hits came.
        proxies: Vec<SocketAddr>,
    },
    /// Hand a push to a neighbour whose push proxy we are.
    HandPush {
        /// By which link.
        link: ConnId,
        /// Whom.
        servent: Guid,
        /// The number it gives the file; 0 if none is named.
        index: u32,
        /// Whom it shall connect to.
        address: SocketAddr,
    },
    /// Ask the network who has this content.
    FindSources {
        /// For which download; answer by `add_sources`.
        download: DownloadId,
        /// The content.
        sha1: Sha1,
    },
    /// A query hit's payload from a host that is being browsed.
    BrowseHit {
        /// Whose.
        search: SearchId,
        /// The host.
        from: SocketAddr,
        /// The payload of the descriptor, undecoded.
        payload: Vec<u8>,
    },
    /// The host has shown all, or nothing.
    BrowseEnded {
        /// Whose.
        search: SearchId,
        /// `Enough`: it has shown all.
        end: SearchEnd,
    },
}

/// What a connection of ours is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// We answer requests on it (or it turns out to be a GIV).
    Serve,
    /// We were asked by a Push to open it; then we answer requests on it.
    Give,
    /// We fetch parts of this download on it.
    Fetch(DownloadId),
    /// We browse the host.
    Browse,
    /// We have closed it and await the end: until then bytes for the download may be stored.
    Leave(DownloadId),
    /// We have closed it and await the end.
    Close,
}

/// What lasts from turn to turn and all parts share.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) config: Arc<Config>,
    /// Whether addresses of local networks may be dialled.
    pub(super) local_allowed: bool,
    /// Whom the user does not want to talk to.
    pub(super) blocked: Blocked,
    pub(super) guid: Guid,
    pub(super) rng: Rng,
    pub(super) conns: BTreeMap<ConnId, Purpose>,
    pub(super) wishes: Vec<Wish>,
    /// Who has proved to have what.
    pub(super) mesh: Mesh,
    pub(super) us: Us,
    pub(super) proxied: Proxied,
    /// What we asked of others' push proxies.
    pub(super) proxy_asks: PerAddress,
    /// Where pushes led and nobody asked for anything.
    pub(super) pushed_in_vain: Pauses,
}

/// What others are to know of us, and what we can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Us {
    /// Where we can be connected to.
    pub address: SocketAddr,
    /// Whether we cannot.
    pub firewalled: bool,
    /// Then these hand us pushes.
    pub push_proxies: Vec<SocketAddr>,
}

impl Desk {
    pub(super) fn turn<'a>(&'a mut self, now: Time, out: &'a mut Out) -> Turn<'a> {
        Turn {
            now,
            config: &self.config,
            local_allowed: self.local_allowed,
            blocked: &self.blocked,
            guid: self.guid,
            rng: &mut self.rng,
            conns: &mut self.conns,
            wishes: &mut self.wishes,
            mesh: &mut self.mesh,
            us: &self.us,
            proxied: &mut self.proxied,
            proxy_asks: &mut self.proxy_asks,
            pushed_in_vain: &mut self.pushed_in_vain,
            out,
        }
    }
}

/// One input being handled.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    pub(super) now: Time,
    pub(super) config: &'a Config,
    pub(super) local_allowed: bool,
    blocked: &'a Blocked,
    pub(super) guid: Guid,
    pub(super) rng: &'a mut Rng,
    conns: &'a mut BTreeMap<ConnId, Purpose>,
    pub(super) wishes: &'a mut Vec<Wish>,
    pub(super) mesh: &'a mut Mesh,
    pub(super) us: &'a Us,
    pub(super) proxied: &'a mut Proxied,
    pub(super) proxy_asks: &'a mut PerAddress,
    pub(super) pushed_in_vain: &'a mut Pauses,
    pub(super) out: &'a mut Out,
}

impl Turn<'_> {
    /// Who else has a content, for the header line of a request or an answer to somebody at `to`
    /// who can use these addresses.
    pub(super) fn alternates(
        &self,
        sha1: &Sha1,
        families: Families,
        to: IpAddr,
    ) -> Vec<SocketAddr> {
        self.mesh
            .of(self.now, sha1, families, usize::MAX, self.config)
            .filter(|address| address.ip() != to && filter::is_usable(*address, self.local_allowed))
            .take(ALTERNATES_TOLD_MAX)
            .collect()
    }

    /// Whether an address that somebody names may be dialled.
    pub(super) fn may_dial(&self, address: SocketAddr) -> bool {
        filter::is_usable(address, self.local_allowed) && !self.is_blocked(address.ip())
    }

    /// Whether the user does not want to talk to it.
    pub(super) fn is_blocked(&self, ip: IpAddr) -> bool {
        self.blocked.contains(ip)
    }

    /// Whether this push proxy may be asked for something now; counts it if so.
    pub(super) fn may_ask(&mut self, proxy: &SocketAddr) -> bool {
        !self.is_blocked(proxy.ip()) && self.proxy_asks.admit(self.now, proxy.ip())
    }

    /// Orders a connection.
    pub(super) fn connect(&mut self, to: SocketAddr, purpose: Purpose) -> ConnId {
        let conn = self.out.connect(to);
        self.conns.insert(conn, purpose);
        conn
    }

    /// From now on `conn` is for this.
    pub(super) fn dedicate(&mut self, conn: ConnId, purpose: Purpose) {
        self.conns.insert(conn, purpose);
    }

    /// Closes.
    pub(super) fn close(&mut self, conn: ConnId, flush: bool) {
        let purpose = match self.conns.get(&conn) {
            None | Some(Purpose::Close | Purpose::Leave(_)) => return,
            Some(Purpose::Fetch(download)) => Purpose::Leave(*download),
            Some(_) => Purpose::Close,
        };
        self.conns.insert(conn, purpose);
        self.out.close(conn, flush);
    }

    /// The body begins at byte `body_at` of the data being handled.
    pub(super) fn store(&mut self, conn: ConnId, to: DownloadId, range: Range<u64>, body_at: u32) {
        self.out.actions.push(Action::StoreInto { conn, download: to, range, body_at });
    }

    /// So many seconds from now.
    pub(super) fn in_s(&self, seconds: impl Into<u64>) -> Time {
        self.now + Duration::from_secs(seconds.into())
    }
}
