//! The open run: all queries admitted in one turn, written once, shared by every link.
//!
//! A query is appended with its TTL and hops already changed. At the end of the turn the run is
//! sealed and every link gets the pieces that did not come from itself: mostly one. For links
//! that deflate, each source's segment is deflated once, as a piece that can be spliced into any
//! zlib stream (protocol.md section 11).
//!
//! Single links that get only what their routing tables ask for (leaves; ultrapeers on the last
//! hop) refer to the same bytes ([`Spans`]). Queries for nobody but them lie in a run beside. A
//! link that deflates gets its own as stored blocks, one a query, so that any of them can be left
//! out; only one that gets the whole run gets it deflated.

use std::ops::Range;
use std::sync::Arc;

use super::spans::Spans;
use super::tables::Number;
use crate::node::{Chunk, ConnId};
use crate::wire::{HEADER_LEN, Header};

/// A link refers to so many spans of a run; more are copied into a piece of its own.
const SPANS_SHARED_MAX: usize = 4;
/// Bytes before each stored block.
const BLOCK_HEAD_BYTES: u32 = 5;

/// Appends the deflated form of a piece to the vector.
pub(crate) type Deflate<'a> = &'a mut dyn FnMut(&[u8], &mut Vec<u8>);

/// Adjacent queries from the same connection.
#[derive(Clone, Copy, Debug)]
struct Segment {
    source: ConnId,
    /// Where it ends in the clear run; it begins where the one before ends.
    end: u32,
    /// Where it ends in the deflated run.
    end_deflated: u32,
    /// Queries up to its end.
    messages: u32,
}

/// Whom a query is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Every link that is flooded, but its source, and whom it is aimed at besides.
    Everybody,
    /// Only those whom it is aimed at.
    Aimed,
}

/// Where the queries of a run end, and which of them are aimed at whom.
#[derive(Debug, Default)]
struct Aims {
    ends: Vec<u32>,
    spans: Spans,
}

/// The queries of this turn.
#[derive(Debug, Default)]
pub(crate) struct OpenRun {
    bytes: Vec<u8>,
    aims: Aims,
    /// Queries for nobody but those at whom they are aimed.
    beside: Vec<u8>,
    aims_beside: Aims,
    deflated: Vec<u8>,
    segments: Vec<Segment>,
    /// Numbers of segments, sorted by source.
    by_source: Vec<u32>,
}

impl OpenRun {
    /// Appends a query that goes on to every link but `source`.
    #[inline]
    pub(crate) fn append(&mut self, source: ConnId, header: &Header, payload: &[u8]) {
        self.bytes.extend_from_slice(&header.encode());
        self.bytes.extend_from_slice(payload);
        let end = self.bytes.len() as u32;
        self.aims.ends.push(end);
        match self.segments.last_mut() {
            Some(last) if last.source == source => {
                last.end = end;
                last.messages += 1;
            }
            last => {
                let messages = last.map_or(0, |last| last.messages) + 1;
                self.segments.push(Segment { source, end, end_deflated: 0, messages });
            }
        }
    }

    /// Appends a query that goes on only to those at whom it will be aimed.
    #[inline]
    pub(crate) fn append_aimed(&mut self, header: &Header, payload: &[u8]) {
        self.beside.extend_from_slice(&header.encode());
        self.beside.extend_from_slice(payload);
        self.aims_beside.ends.push(self.beside.len() as u32);
    }

    /// The last query that was appended for this audience goes to this link, too.
    #[inline]
    pub(crate) fn aim(&mut self, audience: Audience, link: Number) {
        let aims = match audience {
            Audience::Everybody => &mut self.aims,
            Audience::Aimed => &mut self.aims_beside,
        };
        if let Some(last) = aims.ends.len().checked_sub(1) {
            aims.spans.add(link, last as u32);
        }
    }

    /// Bytes so far. The caller seals before they are more than 4 GiB: the limit is far below.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() + self.beside.len()
    }

    /// Whether nothing is to be sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.beside.is_empty()
    }

    /// Closes the run. With `deflate`, which appends the deflated form of a piece, it can be
    /// handed to links that deflate too. The run is open and empty again when `Sealed` is gone.
    pub(crate) fn seal(&mut self, deflate: Option<Deflate<'_>>) -> Sealed<'_> {
        let deflated = deflate.map(|deflate| {
            let mut start = 0;
            for segment in &mut self.segments {
                deflate(&self.bytes[start..segment.end as usize], &mut self.deflated);
                segment.end_deflated = self.deflated.len() as u32;
                start = segment.end as usize;
            }
            Arc::from(&self.deflated[..])
        });
        self.by_source.extend(0..self.segments.len() as u32);
        let segments = &self.segments;
        self.by_source.sort_unstable_by_key(|&at| (segments[at as usize].source, at));
        self.aims.spans.sort();
        self.aims_beside.spans.sort();
        let clear = Arc::from(&self.bytes[..]);
        let stored = |bytes: &[u8], aims: &Aims| {
            (deflated.is_some() && !aims.spans.is_empty()).then(|| stored(bytes, &aims.ends))
        };
        let aimed = Aimed { clear: Arc::clone(&clear), stored: stored(&self.bytes, &self.aims) };
        let beside = Aimed {
            clear: if self.beside.is_empty() {
                Arc::default()
            } else {
                Arc::from(&self.beside[..])
            },
            stored: stored(&self.beside, &self.aims_beside),
        };
        Sealed { clear, deflated, aimed, beside, open: self }
    }
}

/// Every query as a stored block of a zlib stream.
fn stored(bytes: &[u8], ends: &[u32]) -> Arc<[u8]> {
    let mut all = Vec::with_capacity(bytes.len() + BLOCK_HEAD_BYTES as usize * ends.len());
    let mut start = 0;
    for &end in ends {
        let query = &bytes[start..end as usize];
        let len = query.len() as u16;
        all.push(0);
        all.extend_from_slice(&len.to_le_bytes());
        all.extend_from_slice(&(!len).to_le_bytes());
        all.extend_from_slice(query);
        start = end as usize;
    }
    all.into()
}

/// The bytes to which single links refer.
#[derive(Debug)]
struct Aimed {
    clear: Arc<[u8]>,
    stored: Option<Arc<[u8]>>,
}

/// A run that is ready to be handed out.
#[derive(Debug)]
pub(crate) struct Sealed<'a> {
    clear: Arc<[u8]>,
    deflated: Option<Arc<[u8]>>,
    aimed: Aimed,
    beside: Aimed,
    open: &'a mut OpenRun,
}

impl Drop for Sealed<'_> {
    fn drop(&mut self) {
        self.open.bytes.clear();
        self.open.deflated.clear();
        self.open.segments.clear();
        self.open.by_source.clear();
        self.open.beside.clear();
        for aims in [&mut self.open.aims, &mut self.open.aims_beside] {
            aims.ends.clear();
            aims.spans.clear();
        }
    }
}

impl Sealed<'_> {
    /// The pieces for one link, each with its number of queries: all but what it sent itself.
    #[inline]
    pub(crate) fn pieces(&self, link: ConnId, deflates: bool, mut each: impl FnMut(Chunk, u32)) {
        let run = match &self.deflated {
            Some(deflated) if deflates => deflated,
            _ => &self.clear,
        };
        let segments = &self.open.segments;
        let end_of = |segment: &Segment| if deflates { segment.end_deflated } else { segment.end };
        let mut put = |bytes: Range<u32>, messages: u32| {
            if messages > 0 {
                each(Chunk::new(Arc::clone(run), bytes), messages);
            }
        };
        let (mut from, mut counted) = (0, 0);
        for own in self.own(link) {
            let before = own.checked_sub(1).map(|before| &segments[before]);
            let (start, messages) =
                before.map_or((0, 0), |before| (end_of(before), before.messages));
            put(from..start, messages - counted);
            (from, counted) = (end_of(&segments[own]), segments[own].messages);
        }
        if let Some(last) = segments.last() {
            put(from..end_of(last), last.messages - counted);
        }
    }

    /// The links at which queries are aimed.
    pub(crate) fn aimed_at(&self) -> impl Iterator<Item = Number> + '_ {
        let (first, beside) = (&self.open.aims.spans, &self.open.aims_beside.spans);
        let others = beside.links().iter().filter(|&&link| !first.has(link));
        first.links().iter().chain(others).copied()
    }

    /// The pieces that are aimed at a link, each with its number of queries.
    #[inline]
    pub(crate) fn aimed_pieces(
        &self,
        link: Number,
        deflates: bool,
        mut each: impl FnMut(Chunk, u32),
    ) {
        let whole = self.deflated.as_ref().filter(|_| deflates);
        for (aimed, aims, whole) in
            [(&self.aimed, &self.open.aims, whole), (&self.beside, &self.open.aims_beside, None)]
        {
            let spans = aims.spans.of(link);
            let all = aims.ends.len() as u32;
            let count: u32 = spans.clone().map(|span| span.end - span.start).sum();
            let (run, head_bytes) = match &aimed.stored {
                Some(stored) if deflates => (stored, BLOCK_HEAD_BYTES),
                _ => (&aimed.clear, 0),
            };
            // Where a query begins.
            let start = |query: u32| {
                let before = query.checked_sub(1).and_then(|before| aims.ends.get(before as usize));
                before.copied().unwrap_or(0) + query * head_bytes
            };
            match whole {
                Some(whole) if count == all && count > 0 => {
                    each(Chunk::new(Arc::clone(whole), 0..whole.len() as u32), count);
                }
                _ if spans.clone().nth(SPANS_SHARED_MAX).is_none() => {
                    for span in spans {
                        let bytes = start(span.start)..start(span.end);
                        each(Chunk::new(Arc::clone(run), bytes), span.end - span.start);
                    }
                }
                _ => {
                    let mut own = Vec::new();
                    for span in spans {
                        let bytes = start(span.start) as usize..start(span.end) as usize;
                        own.extend_from_slice(run.get(bytes).unwrap_or_default());
                    }
                    each(Chunk::copy_of(&own), count);
                }
            }
        }
    }

    /// The queries for a link that wants only those with fewer hops than this, copied to a buffer
    /// of their own, and how many they are. Copying is what this link pays for being asked less.
    pub(crate) fn fewer_hops(&self, link: ConnId, hops_limit: u8) -> (Vec<u8>, u32) {
        let (mut copied, mut messages, mut start) = (Vec::new(), 0, 0);
        for segment in &self.open.segments {
            let mut rest = &self.open.bytes[start..segment.end as usize];
            start = segment.end as usize;
            if segment.source == link || hops_limit == 0 {
                continue;
            }
            while let Some(header) = rest.first_chunk().map(Header::decode) {
                let len = (HEADER_LEN + header.len as usize).min(rest.len());
                let (query, others) = rest.split_at(len);
                rest = others;
                if header.hops < hops_limit {
                    copied.extend_from_slice(query);
                    messages += 1;
                }
            }
        }
        (copied, messages)
    }

    /// The numbers of the segments that this link sent, ascending.
    fn own(&self, link: ConnId) -> impl Iterator<Item = usize> {
        let (segments, by_source) = (&self.open.segments, &self.open.by_source);
        let source = |at: u32| segments[at as usize].source;
        let first = by_source.partition_point(|&at| source(at) < link);
        let own = move |at: &&u32| source(**at) == link;
        by_source[first..].iter().take_while(own).map(|&at| at as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Guid, Kind};

    fn run(sources: &[u64]) -> OpenRun {
        let mut run = OpenRun::default();
        for (at, &source) in sources.iter().enumerate() {
            let guid = Guid([at as u8; 16]);
            let header = Header { guid, kind: Kind::QUERY, ttl: 2, hops: 1, len: 1 };
            run.append(ConnId(source), &header, &[at as u8]);
        }
        run
    }

    fn got(sealed: &Sealed<'_>, link: u64, deflates: bool) -> (Vec<u8>, usize, u32) {
        let (mut bytes, mut pieces, mut messages) = (Vec::new(), 0, 0);
        sealed.pieces(ConnId(link), deflates, |chunk, count| {
            bytes.extend(chunk.bytes().iter().copied());
            pieces += 1;
            messages += count;
        });
        let step = if deflates { 1 } else { 24 };
        let last = bytes.chunks(step).filter_map(|frame| frame.last().copied()).collect();
        (last, pieces, messages)
    }

    #[test]
    fn a_link_gets_all_but_its_own_in_few_pieces() {
        let mut open = run(&[3, 3, 5, 3, 7, 0]);
        let sealed = open.seal(None);
        assert_eq!(got(&sealed, 9, false), (vec![0, 1, 2, 3, 4, 5], 1, 6));
        assert_eq!(got(&sealed, 3, false), (vec![2, 4, 5], 2, 3));
        assert_eq!(got(&sealed, 5, false), (vec![0, 1, 3, 4, 5], 2, 5));
        assert_eq!(got(&sealed, 7, false), (vec![0, 1, 2, 3, 5], 2, 5));
        drop(sealed);
        assert!(open.is_empty());
        let mut open = run(&[3]);
        assert_eq!(got(&open.seal(None), 3, false), (vec![], 0, 0));
    }

    #[test]
    fn queries_are_aimed_at_single_links() {
        let aimed = |sealed: &Sealed<'_>, link, deflates| {
            let (mut bytes, mut pieces, mut messages) = (Vec::new(), 0, 0);
            sealed.aimed_pieces(link, deflates, |chunk, count| {
                bytes.extend_from_slice(chunk.bytes());
                pieces += 1;
                messages += count;
            });
            (bytes, pieces, messages)
        };
        let header = Header { guid: Guid([9; 16]), kind: Kind::QUERY, ttl: 1, hops: 2, len: 1 };
        let mut open = OpenRun::default();
        for at in 0..12 {
            open.append(ConnId(3), &header, &[at]);
            open.aim(Audience::Everybody, 0);
            if at % 2 == 0 {
                open.aim(Audience::Everybody, 5);
            }
            if at / 4 == 1 {
                open.aim(Audience::Everybody, 6);
            }
        }
        open.append_aimed(&header, &[100]);
        open.aim(Audience::Aimed, 6);
        open.aim(Audience::Aimed, 7);
        let expected: [(Number, &[u8], usize); 5] = [
            (0, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], 1),
            (5, &[0, 2, 4, 6, 8, 10], 1),
            (6, &[4, 5, 6, 7, 100], 2),
            (7, &[100], 1),
            (8, &[], 0),
        ];
        let sealed = open.seal(None);
        for (link, meant, pieces_meant) in expected {
            let (bytes, pieces, messages) = aimed(&sealed, link, false);
            let lasts: Vec<u8> = bytes.chunks(24).filter_map(|one| one.last().copied()).collect();
            assert_eq!((&lasts[..], pieces, messages), (meant, pieces_meant, meant.len() as u32));
        }
        // Others get what is for everybody.
        assert_eq!(got(&sealed, 4, false).2, 12);
        assert_eq!(got(&sealed, 3, false).2, 0);
        assert_eq!(sealed.aimed_at().collect::<Vec<_>>(), [0, 5, 6, 7]);
        drop(sealed);
        assert!(open.is_empty());
        assert_eq!(aimed(&open.seal(None), 0, false), (vec![], 0, 0));

        // Deflated: blocks of their own, and the whole run as everybody gets it.
        for at in 0..3 {
            open.append(ConnId(3), &header, &[at]);
            open.aim(Audience::Everybody, 0);
            if at != 1 {
                open.aim(Audience::Everybody, 5);
            }
        }
        let mut deflate = |piece: &[u8], to: &mut Vec<u8>| to.extend_from_slice(&piece[..1]);
        let sealed = open.seal(Some(&mut deflate));
        assert_eq!(aimed(&sealed, 0, true), (vec![9], 1, 3));
        let (bytes, pieces, messages) = aimed(&sealed, 5, true);
        assert_eq!((bytes.len(), pieces, messages), (2 * 29, 2, 2));
        for (block, last) in bytes.chunks(29).zip([0, 2]) {
            assert_eq!((&block[..5], block.last()), (&[0, 24, 0, 0xE7, 0xFF][..], Some(&last)));
        }
        assert_eq!(aimed(&sealed, 5, false).0.len(), 2 * 24);
    }

    #[test]
    fn a_deflating_link_gets_the_same_queries() {
        let mut open = run(&[3, 3, 5]);
        // A "compressor" that keeps the last byte of each query.
        let mut deflate = |piece: &[u8], to: &mut Vec<u8>| {
            to.extend(piece.chunks(24).filter_map(|frame| frame.last().copied()));
        };
        let sealed = open.seal(Some(&mut deflate));
        assert_eq!(got(&sealed, 3, true), (vec![2], 1, 1));
        assert_eq!(got(&sealed, 5, true), (vec![0, 1], 1, 2));
        assert_eq!(got(&sealed, 9, true), (vec![0, 1, 2], 1, 3));
        assert_eq!(got(&sealed, 9, false), (vec![0, 1, 2], 1, 3));
    }
}
