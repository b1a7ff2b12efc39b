//! The open run: all queries admitted in one turn, written once, shared by every link.
//!
//! A query is appended with its TTL and hops already changed. At the end of the turn the run is
//! sealed and every link gets the pieces that did not come from itself: mostly one. For links
//! that deflate, each source's segment is deflated once, as a piece that can be spliced into any
//! zlib stream (protocol.md section 11).

use std::ops::Range;
use std::sync::Arc;

use crate::node::{Chunk, ConnId};
use crate::wire::{HEADER_LEN, Header};

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

/// The queries of this turn.
#[derive(Debug, Default)]
pub(crate) struct OpenRun {
    bytes: Vec<u8>,
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

    /// Bytes so far. The caller seals before they are more than 4 GiB: the limit is far below.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing is to be sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.segments.is_empty()
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
        Sealed { clear: Arc::from(&self.bytes[..]), deflated, open: self }
    }
}

/// A run that is ready to be handed out.
#[derive(Debug)]
pub(crate) struct Sealed<'a> {
    clear: Arc<[u8]>,
    deflated: Option<Arc<[u8]>>,
    open: &'a mut OpenRun,
}

impl Drop for Sealed<'_> {
    fn drop(&mut self) {
        self.open.bytes.clear();
        self.open.deflated.clear();
        self.open.segments.clear();
        self.open.by_source.clear();
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
