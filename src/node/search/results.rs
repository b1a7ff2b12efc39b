//! What is done with hits for our own searches: filters, duplicates, and their form for the user.

use std::net::SocketAddr;

use super::{Search, has_word, suspicion};
use crate::library::FileKind;
use crate::library::media::kinds_of;
use crate::node::Time;
use crate::node::io::{Hit, SearchQuery, Source};
use crate::wire::{QueryHit, Record};

/// Push proxies of one servent that are kept: it needs one that is alive.
const PUSH_PROXIES_MAX: usize = 4;

/// Alternates of one result that are kept; above 16 a hit would be taken for spam.
const ALTERNATES_MAX: usize = 16;

/// Which results are wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    size_min: u64,
    size_max: Option<u64>,
    extensions: Box<[String]>,
    without: Box<[String]>,
    kind: Option<FileKind>,
}

impl Filter {
    /// That of a search.
    pub(crate) fn new(query: &SearchQuery) -> Filter {
        Filter {
            size_min: query.size_min.unwrap_or(0),
            size_max: query.size_max,
            extensions: query.extensions.as_slice().into(),
            without: query.without.as_slice().into(),
            kind: query.kind,
        }
    }

    fn lets_through(&self, record: &Record<'_>) -> bool {
        let extension = record.name.rsplit_once('.').map_or("", |(_, extension)| extension);
        let is = |wanted: &String| {
            wanted.trim_start_matches('.').to_lowercase() == extension.to_lowercase()
        };
        record.size >= self.size_min
            && self.size_max.is_none_or(|max| record.size <= max)
            && (self.extensions.is_empty() || self.extensions.iter().any(is))
            && self.kind.is_none_or(|kind| kind.media().meets(kinds_of(record.name)))
            && (self.without.is_empty() || !has_word(record.name, &self.without))
    }
}

/// The results of a hit that the search has not seen and wants, at most as many as it has room
/// for. `usable` says whether an address may be dialled: a servent without one must push.
pub(crate) fn of(
    hit: &QueryHit<'_>,
    hops: u8,
    search: &mut Search,
    now: Time,
    usable: impl Fn(SocketAddr) -> bool,
) -> Vec<Hit> {
    let mut found = Vec::new();
    let firewalled = hit.flags.push == Some(true) || !usable(hit.address);
    let vendor = hit.vendor.unwrap_or_default();
    // Where else the servent itself may be reached.
    let beside = hit.ipv6.map(|ip| SocketAddr::from((ip, hit.address.port())));
    let marks = suspicion::marks(&search.text, &hit.results);
    for (record, suspicious) in hit.results.iter().zip(marks) {
        if found.len() >= search.room() {
            break;
        }
        if !search.filter.lets_through(record) || !search.is_new(hit.servent, record.index) {
            continue;
        }
        found.push(Hit {
            name: record.name.to_owned(),
            size: record.size,
            sha1: record.sha1,
            source: Source {
                address: hit.address,
                servent: Some(hit.servent),
                index: Some(record.index),
                name: Some(record.name.to_owned()),
                firewalled,
                push_proxies: hit
                    .push_proxies
                    .iter()
                    .copied()
                    .filter(|at| usable(*at))
                    .take(PUSH_PROXIES_MAX)
                    .collect(),
            },
            alternates: beside
                .into_iter()
                .chain(record.alternates.iter().copied())
                .filter(|at| usable(*at))
                .take(ALTERNATES_MAX)
                .collect(),
            created_at_s: record.created_at_s,
            suspicious,
            busy: hit.flags.busy == Some(true),
            speed_kbit_s: hit.speed_kbit_s,
            vendor: String::from_utf8_lossy(&vendor).trim_end_matches('\0').to_owned(),
            hops,
            after_us: u64::try_from(now.since(search.began).as_micros()).unwrap_or(u64::MAX),
        });
    }
    found
}
