//! Our answers to queries (protocol.md sections 5 and 6).

use std::net::{Ipv6Addr, SocketAddr};

use crate::library::words::WORD_BYTES_MIN;
use crate::library::{FileIndex, Library};
use crate::node::{Config, Why};
use crate::wire::vendor::FILBERT;
use crate::wire::{
    Families, Guid, Header, HitFlags, Media, Query, QueryFlags, QueryHit, Record, Sha1, Token, hit,
};

/// Bytes of one hit's results at most, so that no servent finds it too large.
pub(crate) const HIT_BYTES_MAX: usize = 16_384;

/// Whether a query may be handled and passed on. Ordered so that nearly all queries cost little.
#[inline]
pub(crate) fn admit(query: &Query<'_>) -> Result<(), Why> {
    if !query.flags.is_valid() {
        return Err(Why::QueryFlags);
    }
    if has_searchable_word(query.text) || !query.extensions.is_empty() {
        return Ok(());
    }
    Err(if query.text.trim().is_empty() { Why::QueryEmpty } else { Why::QueryTooShort })
}

/// Whether the text has a word that is long enough to be searched for.
#[inline]
pub(crate) fn has_searchable_word(text: &str) -> bool {
    let mut run = 0;
    // Letters beyond ASCII are single words in some scripts: one is enough.
    text.bytes().any(|byte| {
        run = if byte.is_ascii_alphanumeric() { run + 1 } else { 0 };
        run >= WORD_BYTES_MIN || byte >= 0x80
    })
}

/// Our files that match, at most as many as one query is answered with.
#[inline]
pub(crate) fn matches(
    query: &Query<'_>,
    library: &Library,
    config: &Config,
    found: &mut Vec<FileIndex>,
) {
    if library.files() == 0 {
        return;
    }
    let max = usize::from(config.results_per_query_max);
    if query.extensions.is_empty() {
        return library.matches(query.text, max, found);
    }
    let wants = query.wants();
    let kinds = wants.media.and_then(Media::known);
    if wants.whats_new {
        // Everybody answers these: one hit from each is enough.
        return library.newest(kinds, usize::from(config.results_per_hit_max), found);
    }
    let mut by_content = false;
    for sha1 in query.sha1s().map_while(Result::ok) {
        by_content = true;
        if let Some(entry) = library.by_sha1(&sha1)
            && found.len() < max
            && !found.contains(&entry.index)
        {
            found.push(entry.index);
        }
    }
    if !by_content {
        library.matches_of(query.text, kinds, max, found);
    }
}

/// Whether it is the question of an ultrapeer to its leaf for all that it shares: four spaces that
/// come from next door and go no further.
pub(crate) fn asks_for_all(header: &Header, query: &Query<'_>) -> bool {
    query.text == "    " && query.extensions.is_empty() && (header.ttl, header.hops) == (1, 0)
}

/// What our hits say of us.
#[derive(Clone, Debug)]
pub(crate) struct Us {
    /// Our servent GUID.
    pub servent: Guid,
    /// Where we listen.
    pub address: SocketAddr,
    /// Our IPv6 address beside an IPv4 one.
    pub ipv6: Option<Ipv6Addr>,
    /// Whether we cannot be connected to, if that is known.
    pub firewalled: Option<bool>,
    /// Then these hand us pushes.
    pub push_proxies: Vec<SocketAddr>,
    /// Whether all upload slots are taken.
    pub busy: bool,
    /// Whether the asker reads contents in binary.
    pub binary_hashes: bool,
    /// The token with which hits out of band go.
    pub token: Option<Token>,
}

/// The payloads of the hits that name these files, none of them with more than about `bytes_max`
/// bytes of results.
pub(crate) fn hits(
    found: &[FileIndex],
    library: &Library,
    us: &Us,
    bytes_max: usize,
    config: &Config,
    alternates: impl Fn(&Sha1) -> Vec<SocketAddr>,
    mut each: impl FnMut(&[u8]),
) {
    let records = found.iter().filter_map(|&index| {
        let entry = library.by_index(index)?;
        Some(Record {
            sha1: entry.sha1,
            alternates: entry.sha1.as_ref().map(&alternates).unwrap_or_default(),
            created_at_s: (entry.modified_at_s > 0).then_some(entry.modified_at_s),
            ..Record::new(entry.index.0, entry.size, &entry.name)
        })
    });
    let results_max = usize::from(config.results_per_hit_max);
    let bytes_max = bytes_max.min(config.hit_bytes_max as usize);
    let mut payload = Vec::new();
    for results in hit::distribute(records, results_max, bytes_max) {
        payload.clear();
        let flags = HitFlags { push: us.firewalled, busy: Some(us.busy), ..HitFlags::default() };
        QueryHit {
            vendor: Some(FILBERT),
            flags,
            browse_host: true,
            binary_hashes: us.binary_hashes,
            ipv6: us.ipv6,
            token: us.token,
            push_proxies: us.push_proxies.clone(),
            ..QueryHit::new(us.address, us.servent, results)
        }
        .encode(&mut payload);
        each(&payload);
    }
}

/// Which addresses are of use to the asker.
pub(crate) fn families(query: &Query<'_>) -> Families {
    if query.extensions.is_empty() { Families::Ipv4 } else { query.wants().families }
}

/// Whether answers are of no use to the asker: it cannot be connected to and neither can we, or we
/// are on different internets.
pub(crate) fn is_useless(query: &Query<'_>, us: &Us) -> bool {
    let families = families(query);
    let meets = families.take(&us.address) || (us.ipv6.is_some() && families != Families::Ipv4);
    !meets || (us.firewalled == Some(true) && query.flags.contains(QueryFlags::FIREWALLED))
}
