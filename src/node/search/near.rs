//! One-hop replication, for laboratories: what our neighbours share, so that we answer for them.
//!
//! Every neighbour tells what it shares when the link comes up, and again when that changes: as
//! hits to a query that nobody asked, whose GUID is its own servent GUID, with TTL 1. That costs
//! each link a hit descriptor for every ten files, once in each direction, and no query a message
//! more. (Lv and others, 2002, and Chawathe and others, 2003, keep such an index of their
//! neighbours' files.) What a neighbour does not share any more is forgotten with the link.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::answer::Us;
use crate::library::{Change, Entry, FileIndex, Library, Segment};
use crate::node::ConnId;
use crate::wire::QueryHit;

/// What a neighbour shares, and what hits say of it.
#[derive(Debug)]
pub(crate) struct Neighbour {
    /// Its address and GUID.
    pub(crate) us: Us,
    /// Its files.
    pub(crate) library: Library,
}

/// What all neighbours share.
#[derive(Debug, Default)]
pub(crate) struct Near {
    all: BTreeMap<ConnId, Neighbour>,
}

impl Near {
    /// A neighbour tells of files of its own. Of all neighbours together at most so many are kept;
    /// says whether these were.
    pub(crate) fn told(&mut self, conn: ConnId, hit: &QueryHit<'_>, files_max: u32) -> bool {
        let files: usize = self.all.values().map(|one| one.library.files()).sum();
        if files + hit.results.len() > files_max as usize {
            return false;
        }
        let entry = |record: &crate::wire::Record<'_>| Entry {
            index: FileIndex(record.index),
            name: record.name.to_owned(),
            folder: String::new(),
            size: record.size,
            sha1: record.sha1,
            modified_at_s: record.created_at_s.unwrap_or_default(),
        };
        let segment = Segment::new(hit.results.iter().map(entry).collect());
        let neighbour = self.all.entry(conn).or_insert_with(|| Neighbour {
            us: Us {
                servent: hit.servent,
                address: hit.address,
                ipv6: hit.ipv6,
                firewalled: hit.flags.push,
                push_proxies: hit.push_proxies.clone(),
                busy: false,
                binary_hashes: false,
                token: None,
            },
            library: Library::default(),
        });
        neighbour.library.apply(Change::Add(Arc::new(segment)));
        true
    }

    /// The link is gone.
    pub(crate) fn gone(&mut self, conn: ConnId) {
        self.all.remove(&conn);
    }

    /// All but the one from which a query came: it has answered for itself, or asked.
    pub(crate) fn others(&self, from: ConnId) -> impl Iterator<Item = &Neighbour> {
        self.all.iter().filter(move |(conn, _)| **conn != from).map(|(_, neighbour)| neighbour)
    }
}
