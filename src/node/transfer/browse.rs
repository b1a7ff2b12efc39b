//! Browsing others: ask a host for all it shares, take the hits out of the answer as they come
//! (protocol.md section 13). What we show ourselves is in `shelf`.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use flate2::{Decompress, FlushDecompress};

use super::flow::Flow;
use super::inbox::{Inbox, Taken};
use super::turn::{Purpose, Turn, Wish};
use crate::node::io::{CloseCause, SearchEnd, SearchId};
use crate::node::{Config, ConnId, Time, Why};
use crate::wire::chunked::{Chunked, Piece};
use crate::wire::frame::{Next, SizeLimits};
use crate::wire::http::{Body, GNUTELLA_PACKETS, Method, Request, Response};
use crate::wire::{Kind, Malformed, frame, names};

/// Inflated bytes that are looked at before more is inflated.
const INFLATE_BYTES: usize = 16_384;

/// Inflated bytes for one deflated byte at most, beside a first allowance: hits come to about ten.
const INFLATE_RATIO_MAX: u64 = 64;

/// Inflated bytes that may be ahead of the ratio.
const INFLATE_AHEAD_BYTES: u64 = 65_536;

/// The hosts that are being browsed.
#[derive(Debug, Default)]
pub(super) struct Browses {
    conns: BTreeMap<ConnId, Browse>,
}

#[derive(Debug)]
struct Browse {
    search: SearchId,
    host: SocketAddr,
    inbox: Inbox,
    /// How the body is read, once its head is here.
    body: Option<Reader>,
    flow: Flow,
}

impl Browses {
    /// Connects to the host.
    pub(super) fn begin(&mut self, search: SearchId, host: SocketAddr, turn: &mut Turn<'_>) {
        if self.conns.len() >= usize::from(turn.config.browses_max) {
            turn.out.count(Why::TableFull);
            return turn.wishes.push(Wish::BrowseEnded { search, end: SearchEnd::TooMany });
        }
        let conn = turn.connect(host, Purpose::Browse);
        let (inbox, flow) = (Inbox::new(turn.config), Flow::new(turn.now));
        self.conns.insert(conn, Browse { search, host, inbox, body: None, flow });
    }

    /// The connection stands: asks.
    pub(super) fn connected(&mut self, conn: ConnId, turn: &mut Turn<'_>) {
        if let Some(browse) = self.conns.get_mut(&conn) {
            let request = Request::browse(browse.host, &turn.config.user_agent)
                .with(names::CONNECTION, "close");
            turn.out.send(conn, &request.to_bytes());
            browse.flow = Flow::new(turn.now);
        }
    }

    /// Bytes of the answer.
    pub(super) fn received(&mut self, conn: ConnId, data: &[u8], turn: &mut Turn<'_>) {
        let Some(browse) = self.conns.get_mut(&conn) else { return };
        browse.flow.add(data.len() as u64);
        match browse.read(data, turn) {
            Ok(false) => {}
            Ok(true) => self.end(conn, SearchEnd::Enough, turn),
            Err(why) => {
                turn.out.count(why);
                self.end(conn, SearchEnd::Unreachable, turn);
            }
        }
    }

    /// The connection is gone; that ends a body without any other end.
    pub(super) fn closed(&mut self, conn: ConnId, cause: CloseCause, turn: &mut Turn<'_>) {
        let Some(browse) = self.conns.remove(&conn) else { return };
        let whole = browse.body.as_ref().is_some_and(Reader::ends_with_connection);
        let end = if whole && cause == CloseCause::PeerClosed {
            SearchEnd::Enough
        } else {
            let stood = !matches!(cause, CloseCause::Unreachable | CloseCause::TimedOut);
            turn.out.count(if stood { Why::ClosedByPeer } else { Why::ConnectFailed });
            SearchEnd::Unreachable
        };
        turn.wishes.push(Wish::BrowseEnded { search: browse.search, end });
    }

    /// Leaves hosts that do not go on.
    pub(super) fn wake(&mut self, turn: &mut Turn<'_>) {
        let config = turn.config;
        let mut late = Vec::new();
        for (&conn, browse) in &mut self.conns {
            if browse.flow.deadline(config.stalled_source_s) > turn.now {
                continue;
            }
            if browse.flow.flowed(config.stalled_bytes) {
                browse.flow = Flow::new(turn.now);
            } else {
                late.push(conn);
            }
        }
        for conn in late {
            turn.out.count(Why::TooSlow);
            self.end(conn, SearchEnd::TimedOut, turn);
        }
    }

    pub(super) fn deadline(&self, config: &Config) -> Time {
        let deadlines = self.conns.values().map(|b| b.flow.deadline(config.stalled_source_s));
        deadlines.min().unwrap_or(Time::NEVER)
    }

    /// The answer is not wanted any more.
    pub(super) fn stop(&mut self, search: SearchId, turn: &mut Turn<'_>) {
        let conn = self.conns.iter().find(|(_, browse)| browse.search == search);
        if let Some(conn) = conn.map(|(&conn, _)| conn) {
            self.end(conn, SearchEnd::Stopped, turn);
        }
    }

    fn end(&mut self, conn: ConnId, end: SearchEnd, turn: &mut Turn<'_>) {
        if let Some(browse) = self.conns.remove(&conn) {
            turn.close(conn, false);
            turn.wishes.push(Wish::BrowseEnded { search: browse.search, end });
        }
    }
}

impl Browse {
    /// Whether the body is complete now.
    fn read(&mut self, data: &[u8], turn: &mut Turn<'_>) -> Result<bool, Why> {
        let mut data = data;
        if self.body.is_none() {
            match self.inbox.take(data) {
                Taken::Incomplete => return Ok(false),
                Taken::TooLarge => return Err(Why::BadResponse),
                Taken::Complete { head, used } => {
                    self.body = Some(Reader::new(&head, turn.config)?);
                    data = data.get(used..).unwrap_or_default();
                }
            }
        }
        let (search, from) = (self.search, self.host);
        let Some(body) = &mut self.body else { return Ok(false) };
        let wishes = &mut *turn.wishes;
        let ended = body.read(data, &mut |payload| {
            wishes.push(Wish::BrowseHit { search, from, payload: payload.to_vec() });
        });
        ended.map_err(|error| match error {
            Malformed::BadDeflate => Why::BadDeflate,
            Malformed::TooLarge => Why::TooLarge,
            _ => Why::BadResponse,
        })
    }
}

/// Takes a body apart: chunks, deflate, descriptors.
#[derive(Debug)]
struct Reader {
    framing: Framing,
    inflate: Option<Decompress>,
    limits: SizeLimits,
    /// The beginning of a descriptor whose end has not come yet.
    partial: Vec<u8>,
    /// Inflated bytes that may still come.
    left: u64,
    /// How many of them now, by what has come deflated.
    earned: u64,
}

#[derive(Debug)]
enum Framing {
    Length(u64),
    Chunked(Chunked),
    UntilClose,
}

impl Reader {
    /// As the head says; an answer that shows nothing is an error.
    fn new(head: &[u8], config: &Config) -> Result<Reader, Why> {
        let response = Response::parse(head).map_err(|_| Why::BadResponse)?;
        if response.code != 200 {
            return Err(Why::Refused);
        }
        let kind = response.headers.get(names::CONTENT_TYPE).unwrap_or_default();
        if !kind.trim().eq_ignore_ascii_case(GNUTELLA_PACKETS) {
            return Err(Why::BadResponse);
        }
        let framing = match response.body(Method::Get) {
            Body::Length(len) => Framing::Length(len),
            Body::Chunked => Framing::Chunked(Chunked::new(config.browse_bytes_max)),
            Body::UntilClose => Framing::UntilClose,
        };
        let inflate = match response.headers.get(names::CONTENT_ENCODING).map(str::trim) {
            None | Some("identity") => None,
            Some(encoding) if encoding.eq_ignore_ascii_case("deflate") => {
                Some(Decompress::new(true))
            }
            Some(_) => return Err(Why::BadResponse),
        };
        let limits = SizeLimits {
            query_bytes_max: config.query_bytes_max,
            hit_bytes_max: config.hit_bytes_max,
            other_bytes_max: config.other_bytes_max,
            length_flags: false,
        };
        Ok(Reader {
            framing,
            inflate,
            limits,
            partial: Vec::new(),
            left: config.browse_bytes_max,
            earned: INFLATE_AHEAD_BYTES,
        })
    }

    fn ends_with_connection(&self) -> bool {
        matches!(self.framing, Framing::UntilClose) && self.partial.is_empty()
    }

    /// Hands every hit to `hit`; says whether the body is complete.
    fn read(&mut self, mut data: &[u8], hit: &mut dyn FnMut(&[u8])) -> Result<bool, Malformed> {
        loop {
            let content = match &mut self.framing {
                Framing::UntilClose => std::mem::take(&mut data),
                Framing::Length(left) => {
                    let len = usize::try_from(*left).unwrap_or(usize::MAX).min(data.len());
                    let (content, rest) = data.split_at(len);
                    *left -= len as u64;
                    data = rest;
                    content
                }
                Framing::Chunked(chunked) => match chunked.next(&mut data)? {
                    Piece::Data(content) => content,
                    Piece::NeedMore => return Ok(false),
                    Piece::End => return Ok(true),
                },
            };
            self.content(content, hit)?;
            match self.framing {
                Framing::Length(0) => return Ok(true),
                _ if data.is_empty() => return Ok(false),
                _ => {}
            }
        }
    }

    fn content(&mut self, content: &[u8], hit: &mut dyn FnMut(&[u8])) -> Result<(), Malformed> {
        let Some(mut inflate) = self.inflate.take() else { return self.packets(content, hit) };
        let mut out = Vec::with_capacity(INFLATE_BYTES);
        let mut at = 0;
        self.earned = self.earned.saturating_add(content.len() as u64 * INFLATE_RATIO_MAX);
        loop {
            out.clear();
            let before = (inflate.total_in(), inflate.total_out());
            let rest = content.get(at..).unwrap_or_default();
            let status = inflate
                .decompress_vec(rest, &mut out, FlushDecompress::None)
                .map_err(|_| Malformed::BadDeflate)?;
            at += usize::try_from(inflate.total_in() - before.0).unwrap_or(usize::MAX);
            let bomb = Malformed::BadDeflate;
            self.earned = self.earned.checked_sub(out.len() as u64).ok_or(bomb)?;
            self.packets(&out, hit)?;
            let moved = (inflate.total_in(), inflate.total_out()) != before;
            let full = out.len() == out.capacity();
            if status == flate2::Status::StreamEnd || !moved || (at >= content.len() && !full) {
                break;
            }
        }
        self.earned = self.earned.min(INFLATE_AHEAD_BYTES);
        self.inflate = Some(inflate);
        Ok(())
    }

    fn packets(&mut self, bytes: &[u8], hit: &mut dyn FnMut(&[u8])) -> Result<(), Malformed> {
        self.left = self.left.checked_sub(bytes.len() as u64).ok_or(Malformed::TooLarge)?;
        let mut bytes = bytes;
        let mut partial = std::mem::take(&mut self.partial);
        let mut report = |kind, payload: &[u8]| {
            if kind == Kind::QUERY_HIT {
                hit(payload);
            }
        };
        while !partial.is_empty() {
            match frame::next(&partial, &self.limits) {
                Next::Whole { header, payload, .. } => {
                    // Exactly what it needed was added, so nothing follows the descriptor.
                    report(header.kind, payload);
                    partial.clear();
                }
                Next::Partial { .. } if bytes.is_empty() => break,
                Next::Partial { need } => {
                    let (more, rest) = bytes.split_at(need.min(bytes.len()));
                    partial.extend_from_slice(more);
                    bytes = rest;
                }
                Next::TooLarge { .. } => return Err(Malformed::TooLarge),
            }
        }
        loop {
            match frame::next(bytes, &self.limits) {
                Next::Whole { header, payload, rest, .. } => {
                    report(header.kind, payload);
                    bytes = rest;
                }
                Next::Partial { .. } => break,
                Next::TooLarge { .. } => return Err(Malformed::TooLarge),
            }
        }
        partial.extend_from_slice(bytes);
        self.partial = partial;
        Ok(())
    }
}
