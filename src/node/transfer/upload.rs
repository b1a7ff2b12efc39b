//! Requests in: files and our shelf out (protocol.md sections 12 and 13).
//!
//! One request at a time: what a client sends before its answer is complete waits, up to the size
//! of a head. The next request is read when every byte of the last answer is gone, so that nothing
//! piles up for one who asks and does not read.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use super::flow::Flow;
use super::inbox::{Inbox, Taken};
use super::shelf::{Host, Shelf};
use super::slots::{self, Facts};
use super::turn::{ALTERNATES_TOLD_MAX, Turn, Wish};
use super::view::UploadView;
use crate::library::{Entry, FileIndex, Library};
use crate::node::io::Action;
use crate::node::rate::PerAddress;
use crate::node::{Config, ConnId, Time, Why};
use crate::wire::http::{GNUTELLA_PACKETS, Method, RangeSpec, Request, Response, Target};
use crate::wire::{Families, Giv, Guid, Malformed, addresses, names};

/// Every connection on which we answer.
#[derive(Debug)]
pub(super) struct Uploads {
    conns: BTreeMap<ConnId, Upload>,
    browsed: PerAddress,
}

#[derive(Debug)]
struct Upload {
    peer: SocketAddr,
    inbox: Inbox,
    /// What came before the present answer was complete.
    waiting: Vec<u8>,
    /// Whether we connected because somebody said that it wants to ask.
    given: bool,
    /// Whether a request has come already: then a GIV makes no sense any more.
    asked: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    /// A request is awaited.
    Idle { until: Time },
    /// An answer is on its way.
    Answering(Box<Answer>),
}

#[derive(Debug)]
struct Answer {
    /// Bytes of `Send` that are not reported `Sent` yet.
    unsent: u64,
    /// Bytes of `SendFile` that are not reported `Carried` yet.
    left: u64,
    /// What is sent, if it holds an upload slot.
    file: Option<Sending>,
    /// What is shown to one who browses.
    shelf: Option<Shelf>,
    keep_alive: bool,
    flow: Flow,
}

#[derive(Clone, Debug)]
struct Sending {
    name: String,
    range: Range<u64>,
    since: Time,
}

/// What is answered to a request.
struct Reply {
    response: Response,
    body: Option<(FileIndex, Sending)>,
    shelf: Option<Shelf>,
    keep_alive: bool,
}

impl Uploads {
    pub(super) fn new(config: &Config) -> Uploads {
        let window = Duration::from_secs(config.browse_window_s.into());
        let browsed =
            PerAddress::new(window, config.browses_per_address_max, config.counted_addresses_max);
        Uploads { conns: BTreeMap::new(), browsed }
    }

    /// On this connection requests may come now.
    pub(super) fn begin(&mut self, conn: ConnId, peer: SocketAddr, turn: &Turn<'_>) {
        self.await_requests(conn, peer, false, turn);
    }

    /// The same on one that we opened because of a push.
    pub(super) fn begin_given(&mut self, conn: ConnId, peer: SocketAddr, turn: &Turn<'_>) {
        self.await_requests(conn, peer, true, turn);
    }

    fn await_requests(&mut self, conn: ConnId, peer: SocketAddr, given: bool, turn: &Turn<'_>) {
        let until = turn.in_s(turn.config.handshake_timeout_s);
        let inbox = Inbox::new(turn.config);
        let state = State::Idle { until };
        let waiting = Vec::new();
        self.conns.insert(conn, Upload { peer, inbox, waiting, given, asked: false, state });
    }

    /// Leaves clients at blocked addresses.
    pub(super) fn shun(&mut self, turn: &mut Turn<'_>) {
        let shunned = self.conns.iter().filter(|(_, upload)| turn.is_blocked(upload.peer.ip()));
        for conn in shunned.map(|(&conn, _)| conn).collect::<Vec<_>>() {
            turn.out.count(Why::Blocked);
            self.close(conn, false, turn);
        }
    }

    /// The connection is gone, or not ours any more.
    pub(super) fn end(&mut self, conn: ConnId, turn: &mut Turn<'_>) {
        let gone = self.conns.remove(&conn).filter(|upload| upload.given && !upload.asked);
        if let Some(upload) = gone {
            turn.pushed_in_vain.failed(turn.now, upload.peer.ip());
        }
    }

    /// Bytes from a client. If they turn out to be a GIV, it is handed back, and the connection
    /// with it.
    pub(super) fn received(
        &mut self,
        conn: ConnId,
        data: &[u8],
        library: &Library,
        turn: &mut Turn<'_>,
    ) -> Option<Giv> {
        let upload = self.conns.get_mut(&conn)?;
        if let State::Answering(_) = upload.state {
            if upload.waiting.len() + data.len() > turn.config.head_bytes_max as usize {
                turn.out.count(Why::BadRequest);
                self.close(conn, false, turn);
            } else {
                upload.waiting.extend_from_slice(data);
            }
            return None;
        }
        if !upload.inbox.begun() && upload.asked {
            let until = turn.in_s(turn.config.handshake_timeout_s);
            upload.state = State::Idle { until };
        }
        match upload.inbox.take(data) {
            Taken::Incomplete => {}
            Taken::TooLarge => {
                turn.out.count(Why::BadRequest);
                self.reply(conn, Reply::code(431), turn);
            }
            Taken::Complete { head, used } => {
                let rest = data.get(used..).unwrap_or_default();
                if head.starts_with(b"GIV ") && !upload.asked && conn.is_accepted() {
                    return self.take_giv(conn, &head, rest, turn);
                }
                upload.waiting.extend_from_slice(rest);
                self.answer(conn, &head, library, turn);
            }
        }
        None
    }

    /// Bytes of heads, or of our shelf, have gone out.
    pub(super) fn sent(&mut self, conn: ConnId, len: u32, library: &Library, turn: &mut Turn<'_>) {
        if let Some(answer) = self.answer_mut(conn) {
            answer.unsent = answer.unsent.saturating_sub(len.into());
            answer.flow.add(len.into());
            self.go_on(conn, library, turn);
        }
    }

    /// Bytes of a file have gone out; says whether deadlines may have changed.
    pub(super) fn carried(
        &mut self,
        conn: ConnId,
        len: u64,
        library: &Library,
        turn: &mut Turn<'_>,
    ) -> bool {
        let Some(answer) = self.answer_mut(conn) else { return false };
        answer.left = answer.left.saturating_sub(len);
        answer.flow.add(len);
        let complete = answer.left == 0;
        if complete {
            self.go_on(conn, library, turn);
        }
        complete
    }

    /// Closes what is over its time.
    pub(super) fn wake(&mut self, turn: &mut Turn<'_>) {
        let mut late = Vec::new();
        for (&conn, upload) in &mut self.conns {
            if upload.deadline(turn.config) <= turn.now
                && let Some(why) = upload.lateness(turn)
            {
                late.push((conn, why));
            }
        }
        for (conn, why) in late {
            turn.out.count(why);
            self.close(conn, false, turn);
        }
    }

    pub(super) fn deadline(&self, config: &Config) -> Time {
        self.conns.values().map(|u| u.deadline(config)).min().unwrap_or(Time::NEVER)
    }

    pub(super) fn views(&self) -> impl Iterator<Item = UploadView> + '_ {
        self.conns.values().filter_map(|upload| {
            let State::Answering(answer) = &upload.state else { return None };
            let sending = answer.file.as_ref()?;
            let of = sending.range.end - sending.range.start;
            Some(UploadView {
                peer: upload.peer,
                name: sending.name.clone(),
                sent: of.saturating_sub(answer.left),
                of,
                since_us: sending.since.as_micros(),
            })
        })
    }

    fn answer_mut(&mut self, conn: ConnId) -> Option<&mut Answer> {
        match &mut self.conns.get_mut(&conn)?.state {
            State::Answering(answer) => Some(answer),
            State::Idle { .. } => None,
        }
    }

    fn answers(&self) -> impl Iterator<Item = (SocketAddr, &Answer)> + '_ {
        self.conns.values().filter_map(|upload| match &upload.state {
            State::Answering(answer) => Some((upload.peer, &**answer)),
            State::Idle { .. } => None,
        })
    }

    /// The oldest accepted connection on which nothing of worth is being sent.
    pub(super) fn oldest_idle(&self) -> Option<ConnId> {
        let idle = |upload: &Upload| match &upload.state {
            State::Idle { .. } => true,
            State::Answering(answer) => answer.file.is_none() && answer.shelf.is_none(),
        };
        let mut conns = self.conns.iter();
        conns.find(|(conn, upload)| conn.is_accepted() && idle(upload)).map(|(&conn, _)| conn)
    }

    pub(super) fn close(&mut self, conn: ConnId, flush: bool, turn: &mut Turn<'_>) {
        self.end(conn, turn);
        turn.close(conn, flush);
    }

    /// Bytes behind a GIV would be words of a client, and it is we who ask now.
    fn take_giv(
        &mut self,
        conn: ConnId,
        head: &[u8],
        rest: &[u8],
        turn: &mut Turn<'_>,
    ) -> Option<Giv> {
        match Giv::parse(head) {
            Ok(giv) if rest.is_empty() => {
                self.conns.remove(&conn);
                Some(giv)
            }
            _ => {
                turn.out.count(Why::UnexpectedGiv);
                self.close(conn, false, turn);
                None
            }
        }
    }

    fn answer(&mut self, conn: ConnId, head: &[u8], library: &Library, turn: &mut Turn<'_>) {
        let reply = match Request::parse(head) {
            Ok(request) => {
                self.has_asked(conn, turn);
                self.reply_to(conn, &request, library, turn)
            }
            Err(Malformed::BadValue) => Err((505, Why::BadRequest)),
            Err(_) => Err((400, Why::BadRequest)),
        };
        let reply = reply.unwrap_or_else(|(code, why)| {
            turn.out.count(why);
            Reply::code(code)
        });
        self.reply(conn, reply, turn);
        self.go_on(conn, library, turn);
    }

    /// A request came, whatever it asks for.
    fn has_asked(&mut self, conn: ConnId, turn: &mut Turn<'_>) {
        if let Some(upload) = self.conns.get_mut(&conn) {
            upload.asked = true;
            turn.pushed_in_vain.answered(upload.peer.ip());
        }
    }

    /// What to answer, or the code of a refusal that ends the connection.
    fn reply_to(
        &mut self,
        conn: ConnId,
        request: &Request,
        library: &Library,
        turn: &mut Turn<'_>,
    ) -> Result<Reply, (u16, Why)> {
        let peer = self.conns.get(&conn).ok_or((500, Why::BadRequest))?.peer;
        let entry = match &request.target {
            _ if request.method == Method::Other => return Err((501, Why::BadRequest)),
            Target::Browse => return self.show(peer, request, turn),
            Target::PushProxy { servent, index } => {
                return Ok(hand_push(peer, *servent, *index, request, turn));
            }
            Target::Urn(sha1) => library.by_sha1(sha1),
            Target::Get { index, name } => {
                name.as_deref().and_then(|name| library.by_name(FileIndex(*index), name))
            }
            Target::Other(_) => None,
        };
        let Some(entry) = entry else {
            turn.out.count(Why::NoSuchFile);
            return Ok(Reply::plain(Response::empty(404), request.keep_alive()));
        };
        let Some(range) = wanted(request, entry.size) else {
            turn.out.count(Why::BadRange);
            return Ok(Reply::plain(Response::unsatisfiable(entry.size), request.keep_alive()));
        };
        if request.method == Method::Get && self.refuses(peer, turn) {
            turn.out.count(Why::NoUploadSlot);
            return Ok(Reply::plain(Response::busy(turn.config.busy_retry_s.into()), false));
        }
        let mut reply = Reply::file(entry, range, request, turn.now);
        if let Some(sha1) = &entry.sha1 {
            let bad = addresses::list(request.headers.list(names::X_NALT), ALTERNATES_TOLD_MAX);
            turn.mesh.accuse(sha1, &bad, peer.ip());
            let others = turn.alternates(sha1, Families::of(&request.headers), peer.ip());
            if !others.is_empty() {
                reply.response = reply.response.with(names::X_ALT, addresses::write(&others));
            }
        }
        Ok(reply)
    }

    fn refuses(&self, peer: SocketAddr, turn: &Turn<'_>) -> bool {
        let files = || self.answers().filter(|(_, answer)| answer.file.is_some());
        let facts = Facts {
            uploading: files().count(),
            uploading_there: files().filter(|(there, _)| there.ip() == peer.ip()).count(),
            address: peer.ip(),
        };
        slots::refusal(facts, turn.config).is_some()
    }

    fn show(
        &mut self,
        peer: SocketAddr,
        request: &Request,
        turn: &mut Turn<'_>,
    ) -> Result<Reply, (u16, Why)> {
        if !request.accepts_packets() {
            return Err((406, Why::BadRequest));
        }
        let often = !self.browsed.admit(turn.now, peer.ip());
        if often && !slots::is_ours(peer.ip(), turn.config) {
            return Err((429, Why::Throttled));
        }
        let shown = self.answers().filter(|(_, answer)| answer.shelf.is_some()).count();
        if shown >= usize::from(turn.config.browses_max) {
            turn.out.count(Why::NoUploadSlot);
            return Ok(Reply::plain(Response::busy(turn.config.busy_retry_s.into()), false));
        }
        let chunked = request.version == crate::wire::http::Version::Http11;
        let shelf = Shelf::new(request, chunked);
        let mut response = Response::new(200).with(names::CONTENT_TYPE, GNUTELLA_PACKETS);
        if shelf.deflates() {
            response = response.with(names::CONTENT_ENCODING, "deflate");
        }
        if chunked {
            response = response.with(names::TRANSFER_ENCODING, "chunked");
        }
        let shelf = (request.method == Method::Get).then_some(shelf);
        let keep_alive = chunked && request.keep_alive();
        Ok(Reply { response, body: None, shelf, keep_alive })
    }

    fn reply(&mut self, conn: ConnId, reply: Reply, turn: &mut Turn<'_>) {
        let Some(upload) = self.conns.get_mut(&conn) else { return };
        let connection = if reply.keep_alive { "keep-alive" } else { "close" };
        let mut response = reply.response.with(names::SERVER, &turn.config.user_agent);
        if !turn.us.push_proxies.is_empty() {
            let proxies = addresses::write(&turn.us.push_proxies);
            response = response.with(names::X_PUSH_PROXY, proxies);
        }
        let head = response.with(names::CONNECTION, connection).to_bytes();
        turn.out.send(conn, &head);
        let mut answer = Answer {
            unsent: head.len() as u64,
            left: 0,
            file: None,
            shelf: reply.shelf,
            keep_alive: reply.keep_alive,
            flow: Flow::new(turn.now),
        };
        if let Some((file, sending)) = reply.body {
            answer.left = sending.range.end - sending.range.start;
            let range = sending.range.clone();
            turn.out.actions.push(Action::SendFile { conn, file, range });
            answer.file = Some(sending);
        }
        upload.state = State::Answering(Box::new(answer));
    }

    /// Goes on where credit or a complete answer allows it.
    fn go_on(&mut self, conn: ConnId, library: &Library, turn: &mut Turn<'_>) {
        let Some(answer) = self.answer_mut(conn) else { return };
        if let Some(shelf) = &mut answer.shelf {
            let host = Host { config: turn.config, guid: turn.guid, us: turn.us };
            while !shelf.done() && answer.unsent < turn.config.send_window_bytes.into() {
                let piece = shelf.piece(library, host, turn.rng);
                if !piece.is_empty() {
                    answer.unsent += piece.len() as u64;
                    turn.out.send(conn, &piece);
                }
            }
        }
        let shown = answer.shelf.as_ref().is_none_or(Shelf::done);
        if !answer.keep_alive && shown && answer.left == 0 {
            // The rest goes out while closing; nothing more is read.
            return self.close(conn, true, turn);
        }
        if shown && answer.left == 0 && answer.unsent == 0 {
            let until = turn.in_s(turn.config.keep_alive_s);
            let Some(upload) = self.conns.get_mut(&conn) else { return };
            upload.state = State::Idle { until };
            let waiting = std::mem::take(&mut upload.waiting);
            if !waiting.is_empty() {
                self.received(conn, &waiting, library, turn);
            }
        }
    }
}

impl Upload {
    fn deadline(&self, config: &Config) -> Time {
        match &self.state {
            State::Idle { until } => *until,
            State::Answering(answer) => answer.flow.deadline(config.stalled_upload_s),
        }
    }

    /// At the deadline: why it is to be closed, if so.
    fn lateness(&mut self, turn: &Turn<'_>) -> Option<Why> {
        match &mut self.state {
            State::Answering(answer) if answer.flow.flowed(turn.config.stalled_bytes) => {
                answer.flow = Flow::new(turn.now);
                None
            }
            State::Answering(_) => Some(Why::TooSlow),
            State::Idle { .. } if self.asked && !self.inbox.begun() => Some(Why::Idle),
            State::Idle { .. } => Some(Why::TooSlow),
        }
    }
}

impl Reply {
    fn plain(response: Response, keep_alive: bool) -> Reply {
        Reply { response, body: None, shelf: None, keep_alive }
    }

    /// Nothing but a code, and the connection ends.
    fn code(code: u16) -> Reply {
        Reply::plain(Response::empty(code), false)
    }

    fn file(entry: &Entry, range: Range<u64>, request: &Request, now: Time) -> Reply {
        let whole = request.range().is_none();
        let mut response = if whole {
            Response::whole(entry.size)
        } else {
            Response::part(range.clone(), entry.size)
        };
        response = response
            .with(names::CONTENT_TYPE, "application/octet-stream")
            .with(names::ACCEPT_RANGES, "bytes");
        if let Some(sha1) = entry.sha1 {
            response =
                response.with(names::X_GNUTELLA_CONTENT_URN, format_args!("urn:sha1:{sha1}"));
        }
        let sending = Sending { name: entry.name.clone(), range, since: now };
        let body = (request.method == Method::Get && !sending.range.is_empty())
            .then_some((entry.index, sending));
        Reply { response, body, shelf: None, keep_alive: request.keep_alive() }
    }
}

/// Somebody asks us to hand a push to one whose push proxy we are: the codes are those of the
/// specification.
fn hand_push(
    peer: SocketAddr,
    servent: Option<Guid>,
    index: u32,
    request: &Request,
    turn: &mut Turn<'_>,
) -> Reply {
    let address = request.headers.get(names::X_NODE).and_then(addresses::parse);
    let (Some(servent), Some(address)) = (servent, address) else {
        turn.out.count(Why::BadRequest);
        return Reply::code(400);
    };
    match turn.proxied.hand(turn.now, &servent, peer.ip(), address) {
        Ok(link) => {
            turn.wishes.push(Wish::HandPush { link, servent, index, address });
            Reply::code(202)
        }
        Err(why) => {
            turn.out.count(why);
            match why {
                Why::NoPushRoute => Reply::code(410),
                Why::Throttled => {
                    let later = Response::busy(turn.config.busy_retry_s.into());
                    Reply::plain(later, false)
                }
                _ => Reply::code(400),
            }
        }
    }
}

/// The bytes that the request wants of a file of this size; nothing: 416.
fn wanted(request: &Request, size: u64) -> Option<Range<u64>> {
    request.range().map_or(Some(0..size), |range: RangeSpec| range.resolve(size))
}
