//! All that we share, shown to one who browses: query hits in pieces, never the whole library at
//! once (protocol.md section 13).

use flate2::{Compress, Compression, FlushCompress};

use super::turn::Us;
use crate::library::{Entry, FileIndex, Library};
use crate::node::{Config, Rng};
use crate::wire::hit::distribute;
use crate::wire::http::Request;
use crate::wire::{Guid, HitFlags, Kind, QueryHit, Record, chunked, frame, vendor};

/// Files taken from the library at a time: a few hits' worth.
const FILES_AT_ONCE: usize = 64;

/// Bytes of one hit, about; far below what any servent refuses.
const HIT_BYTES: usize = 4_096;

/// One showing. Holds where it stands, and a compressor if the other side reads deflate.
#[derive(Debug)]
pub(super) struct Shelf {
    /// Nothing is left to show.
    next: Option<FileIndex>,
    deflate: Option<Compress>,
    chunked: bool,
}

/// Who shows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Host<'a> {
    pub(super) config: &'a Config,
    pub(super) guid: Guid,
    pub(super) us: &'a Us,
}

impl Shelf {
    /// As the request wants it; the head of the answer must say the same.
    pub(super) fn new(request: &Request, chunked: bool) -> Shelf {
        let deflate = request.accepts_deflate().then(|| Compress::new(Compression::fast(), true));
        Shelf { next: Some(FileIndex(0)), deflate, chunked }
    }

    /// Whether the body is deflated.
    pub(super) fn deflates(&self) -> bool {
        self.deflate.is_some()
    }

    /// Whether all has been shown.
    pub(super) fn done(&self) -> bool {
        self.next.is_none()
    }

    /// The next piece of the body; may be empty while the compressor collects. The last one ends
    /// the body.
    pub(super) fn piece(&mut self, library: &Library, host: Host<'_>, rng: &mut Rng) -> Vec<u8> {
        let Some(from) = self.next else { return Vec::new() };
        let entries: Vec<&Entry> = library.entries_from(from).take(FILES_AT_ONCE).collect();
        let last = entries.last().filter(|_| entries.len() == FILES_AT_ONCE);
        self.next = last.and_then(|entry| entry.index.0.checked_add(1)).map(FileIndex);
        let mut hits = Vec::new();
        let results_max = usize::from(host.config.results_per_hit_max);
        for results in distribute(entries.into_iter().map(record), results_max, HIT_BYTES) {
            let hit = hit(results, host);
            frame::write_with(&mut hits, rng.guid(), Kind::QUERY_HIT, 1, 0, |out| hit.encode(out));
        }
        let content = match &mut self.deflate {
            Some(deflate) => deflated(deflate, &hits, self.next.is_none()),
            None => hits,
        };
        self.framed(content)
    }

    fn framed(&self, content: Vec<u8>) -> Vec<u8> {
        if !self.chunked {
            return content;
        }
        let mut out = Vec::with_capacity(content.len() + 16);
        chunked::write(&mut out, &content);
        if self.done() {
            out.extend_from_slice(chunked::END);
        }
        out
    }
}

fn record(entry: &Entry) -> Record<'_> {
    Record {
        sha1: entry.sha1,
        created_at_s: (entry.modified_at_s > 0).then_some(entry.modified_at_s),
        ..Record::new(entry.index.0, entry.size, &entry.name)
    }
}

fn hit<'a>(results: Vec<Record<'a>>, host: Host<'_>) -> QueryHit<'a> {
    QueryHit {
        vendor: Some(vendor::FILBERT),
        flags: HitFlags { push: Some(host.us.firewalled), ..HitFlags::default() },
        browse_host: true,
        push_proxies: host.us.push_proxies.clone(),
        ..QueryHit::new(host.us.address, host.guid, results)
    }
}

/// `input` through the compressor; with `finish` all that it still holds, too.
fn deflated(deflate: &mut Compress, input: &[u8], finish: bool) -> Vec<u8> {
    let flush = if finish { FlushCompress::Finish } else { FlushCompress::None };
    // What deflate can blow up is bounded; a little more room than that ends the loop below.
    let mut out = Vec::with_capacity(input.len() + input.len() / 8 + 1_024);
    let mut at = 0;
    loop {
        let before = (deflate.total_in(), deflate.total_out());
        let rest = input.get(at..).unwrap_or_default();
        let status = deflate.compress_vec(rest, &mut out, flush);
        at += usize::try_from(deflate.total_in() - before.0).unwrap_or(0);
        let moved = (deflate.total_in(), deflate.total_out()) != before;
        let ended = matches!(status, Ok(flate2::Status::StreamEnd) | Err(_));
        if ended || !moved || (!finish && at >= input.len()) {
            return out;
        }
        out.reserve(1_024);
    }
}
