//! How a download's bytes are fetched: which source is tried, what it is asked for, where its
//! answers go, and when another takes over.

use std::net::IpAddr;
use std::ops::Range;

use super::{Download, by_conn};
use crate::node::io::Source as Place;
use crate::node::transfer::answer::{Asked, Verdict, judge};
use crate::node::transfer::flow::Flow;
use crate::node::transfer::inbox::Taken;
use crate::node::transfer::source::{Source, State};
use crate::node::transfer::turn::{ALTERNATES_TOLD_MAX, Purpose, Turn};
use crate::node::{Config, ConnId, Why};
use crate::wire::http::{RangeSpec, Request, Response, Target};
use crate::wire::{Giv, Sha1, addresses, names};

impl Download {
    /// A connection to a source stands.
    pub(in crate::node::transfer) fn connected(&mut self, conn: ConnId, turn: &mut Turn<'_>) {
        match by_conn(&mut self.sources, conn) {
            Some(source) if matches!(source.state, State::AskingProxy { .. }) => {
                source.ask_proxy(turn);
            }
            _ => self.ask(conn, turn),
        }
        self.go_on(turn);
    }

    /// A source that we asked to push has connected; says whether it is one of ours. Its index
    /// says nothing: many write any.
    pub(in crate::node::transfer) fn given(
        &mut self,
        giv: &Giv,
        conn: ConnId,
        turn: &mut Turn<'_>,
    ) -> bool {
        let Some(source) = self.sources.iter_mut().find(|source| source.awaits(giv)) else {
            return false;
        };
        if let Some(asking) = source.conn() {
            self.leaving.insert(asking, (source.place.address, 0..0));
            turn.close(asking, false);
        }
        source.state = State::Connecting(conn);
        turn.dedicate(conn, Purpose::Fetch(self.id));
        self.connected(conn, turn);
        true
    }

    /// Bytes from a source: those of a head, up to where the body begins.
    pub(in crate::node::transfer) fn received(
        &mut self,
        conn: ConnId,
        data: &[u8],
        turn: &mut Turn<'_>,
    ) {
        let Some(source) = by_conn(&mut self.sources, conn) else { return };
        let asked = match &source.state {
            State::AskingProxy { .. } => return self.proxy_said(conn, data, turn),
            State::Requesting { asked, .. } => asked,
            State::Transferring { rest, ordered, .. } if rest.start == *ordered => {
                return self.store(conn, 0, turn);
            }
            // Nothing may come before we asked.
            _ => return self.fail(conn, Why::BadResponse, turn),
        };
        let asked = Asked { range: asked.clone(), size: self.size, sha1: self.sha1 };
        match source.inbox.take(data) {
            Taken::Incomplete => {}
            Taken::TooLarge => self.fail(conn, Why::BadResponse, turn),
            Taken::Complete { head, used } => {
                let Ok(response) = Response::parse(&head) else {
                    return self.fail(conn, Why::BadResponse, turn);
                };
                source.learn_push_proxies(&response.headers, turn);
                let body_at = u32::try_from(used).unwrap_or(u32::MAX);
                self.obey(conn, judge(&response, &asked), body_at, turn);
                self.hear_of_others(&response, turn);
            }
        }
    }

    /// Other places that a source names: sources like those that strangers' hits name.
    fn hear_of_others(&mut self, response: &Response, turn: &mut Turn<'_>) {
        if self.sha1.is_none() || self.ended() {
            return;
        }
        let named = addresses::list(response.headers.list(names::X_ALT), ALTERNATES_TOLD_MAX);
        if !named.is_empty() {
            self.add_sources(named.into_iter().map(Place::at).collect(), turn);
        }
    }

    /// What a source is told of others: those that have proved to have the content, and those that
    /// do not have what they were said to have.
    fn tell_of_others(&self, request: Request, to: IpAddr, turn: &Turn<'_>) -> Request {
        let Some(sha1) = self.sha1 else { return request };
        let good = turn.alternates(&sha1, turn.config.families(), to);
        let useless = |source: &&Source| {
            !source.usable() && matches!(source.trouble, Some(Why::NoSuchFile | Why::OtherFile))
        };
        let useless = self.sources.iter().filter(useless).map(|source| source.place.address);
        let bad: Vec<_> = useless.take(ALTERNATES_TOLD_MAX).collect();
        [(names::X_ALT, good), (names::X_NALT, bad)].into_iter().fold(request, |request, line| {
            let (name, places) = line;
            if places.is_empty() { request } else { request.with(name, addresses::write(&places)) }
        })
    }

    /// Bytes from a push proxy: the code of its answer is all that matters.
    fn proxy_said(&mut self, conn: ConnId, data: &[u8], turn: &mut Turn<'_>) {
        let Some(source) = by_conn(&mut self.sources, conn) else { return };
        let code = match source.inbox.take(data) {
            Taken::Incomplete => return,
            Taken::TooLarge => None,
            Taken::Complete { head, .. } => Response::parse(&head).ok().map(|answer| answer.code),
        };
        let id = self.id;
        self.release(conn, |source, turn| source.proxy_answered(code, id, turn), turn);
        self.go_on(turn);
    }

    /// Body bytes from a source are on the disk; says whether deadlines may have changed.
    pub(in crate::node::transfer) fn carried(
        &mut self,
        conn: ConnId,
        len: u64,
        turn: &mut Turn<'_>,
    ) -> bool {
        if let Some((giver, rest)) = self.leaving.get_mut(&conn) {
            let came = take(rest, len);
            self.ranges.stored(conn, &came);
            self.givers.insert(*giver);
            return false;
        }
        let Some(source) = by_conn(&mut self.sources, conn) else { return false };
        let State::Transferring { rest, ordered, flow, keep_alive, .. } = &mut source.state else {
            return false;
        };
        let came = take(rest, len);
        let (over, border, keep_alive) = (rest.is_empty(), rest.start == *ordered, *keep_alive);
        flow.add(came.end - came.start);
        source.came += came.end - came.start;
        source.reached |= !conn.is_accepted();
        self.givers.insert(source.place.address);
        self.ranges.stored(conn, &came);
        if over && keep_alive {
            self.ask(conn, turn);
        } else if over || (border && self.ranges.still_asked(conn, came.end).is_empty()) {
            // Its answer is over, or a faster one has taken over what would follow.
            self.release(conn, |source, turn| source.released(turn), turn);
        } else {
            return self.say_progress(turn);
        }
        self.go_on(turn);
        true
    }

    /// Bytes that one request may ask for: all there is for a single source; of several each gets
    /// the smaller parts the less is left, so that they end together.
    fn share(&self, config: &Config) -> u64 {
        let usable = self.sources.iter().filter(|source| source.usable()).count() as u64;
        if usable <= 1 || self.one_by_one || self.size.is_none() {
            return u64::MAX;
        }
        let most = config.request_bytes_max.max(config.share_bytes_min);
        (self.ranges.missing() / (2 * usable)).clamp(config.share_bytes_min, most)
    }

    /// Tries sources that are ready, the least suspicious first, as long as there is work.
    pub(super) fn start_sources(&mut self, turn: &mut Turn<'_>) {
        let half_min = turn.config.share_bytes_min;
        let work = self.ranges.missing() > 0 || self.worth_stealing(turn.config).is_some();
        let left = self.size.map_or(0, |size| size - self.ranges.have());
        let useful = usize::try_from(left / half_min.max(1)).unwrap_or(usize::MAX).max(2);
        let most = usize::from(turn.config.active_sources_per_download_max).min(useful);
        let most = if self.one_by_one || self.size.is_none() { 1 } else { most };
        let mut active = self.active();
        while work && active < most {
            let ready = self.sources.iter_mut().filter(|source| source.ready(turn.now));
            let Some(source) = ready.min_by_key(|source| source.suspicion) else { return };
            source.start(self.id, turn);
            active += 1;
        }
    }

    /// Asks for the next bytes on a connection that is free, or closes it.
    pub(super) fn ask(&mut self, conn: ConnId, turn: &mut Turn<'_>) {
        let share = self.share(turn.config);
        let Some(source) = by_conn(&mut self.sources, conn) else { return };
        let target = target(&source.place, self.sha1);
        let range = self.ranges.ask(conn, share).or_else(|| {
            let stolen = self.worth_stealing(turn.config)?;
            self.ranges.steal(conn, stolen.clone());
            Some(stolen)
        });
        let (Some(range), Some(target)) = (range, target) else {
            return self.release(conn, |source, turn| source.released(turn), turn);
        };
        let Some(source) = by_conn(&mut self.sources, conn) else { return };
        let spec = match self.size {
            Some(_) => RangeSpec::of(&range).unwrap_or(RangeSpec::From(range.start)),
            None => RangeSpec::From(range.start),
        };
        let request = Request::get(target, source.place.address, &turn.config.user_agent)
            .with(names::RANGE, spec)
            .with(names::CONNECTION, "Keep-Alive");
        let request = match turn.config.families().feature() {
            Some(feature) => request.with(names::X_FEATURES, feature),
            None => request,
        };
        let until = turn.in_s(turn.config.stalled_source_s);
        source.state = State::Requesting { conn, asked: range, until };
        let to = source.place.address.ip();
        let request = self.tell_of_others(request, to, turn);
        turn.out.send(conn, &request.to_bytes());
    }

    /// What a free source may take over from one that is asked already.
    fn worth_stealing(&self, config: &Config) -> Option<Range<u64>> {
        if self.one_by_one || self.size.is_none() {
            return None;
        }
        let fixed = |conn| {
            let source = self.sources.iter().find(|source| source.conn() == Some(conn));
            // What was asked of one that is leaving will be missing when it is gone.
            source.map_or(u64::MAX, |source| source.ordered().end)
        };
        self.ranges.worth_stealing(config.share_bytes_min, fixed)
    }

    fn obey(&mut self, conn: ConnId, verdict: Verdict, body_at: u32, turn: &mut Turn<'_>) {
        match verdict {
            Verdict::Body { range, size, keep_alive } => {
                self.learn_size(size);
                return self.take_body(conn, range, keep_alive, body_at, turn);
            }
            Verdict::Size(size) => {
                self.learn_size(size);
                self.release(conn, |source, turn| source.released(turn), turn);
            }
            Verdict::Busy(retry_after_s) => {
                let busy = Why::NoUploadSlot;
                self.release(conn, |s, turn| s.put_off(busy, retry_after_s, turn), turn);
            }
            Verdict::Useless(why) => {
                let useless = by_conn(&mut self.sources, conn).map(|source| source.place.address);
                if let Some((sha1, address)) = self.sha1.zip(useless) {
                    turn.mesh.disprove(&sha1, address);
                }
                self.release(conn, |source, turn| source.give_up(why, turn), turn);
            }
            Verdict::Failed(why) => {
                self.release(conn, |source, turn| source.failed(why, turn), turn);
            }
        }
        self.go_on(turn);
    }

    fn learn_size(&mut self, size: u64) {
        if self.size.is_none() {
            self.size = Some(size);
            self.ranges.set_size(size);
        }
    }

    fn take_body(
        &mut self,
        conn: ConnId,
        range: Range<u64>,
        keep_alive: bool,
        body_at: u32,
        turn: &mut Turn<'_>,
    ) {
        let Some(source) = by_conn(&mut self.sources, conn) else { return };
        // Meanwhile others may have taken over a part; a whole file may bring more than asked.
        let end = self.ranges.extend(conn, range.start, range.end);
        let rest = range.start..end;
        let ordered = rest.start;
        self.ranges.narrow(conn, &rest);
        let torn = self.ranges.count() > turn.config.pieces_per_download_max as usize;
        if torn {
            return self.fail(conn, Why::TableFull, turn);
        }
        if rest.is_empty() {
            self.release(conn, |source, turn| source.released(turn), turn);
        } else {
            let keep_alive = keep_alive && end == range.end;
            let flow = Flow::new(turn.now);
            source.trouble = None;
            source.state = State::Transferring { conn, rest, ordered, flow, keep_alive };
            self.store(conn, body_at, turn);
        }
        self.go_on(turn);
    }

    /// Orders that what comes next goes to the disk: the more, the more came before, as what is
    /// ordered cannot be given to a faster source any more.
    fn store(&mut self, conn: ConnId, body_at: u32, turn: &mut Turn<'_>) {
        let Some(source) = by_conn(&mut self.sources, conn) else { return };
        let State::Transferring { rest, ordered, .. } = &mut source.state else { return };
        let awaited = self.ranges.still_asked(conn, rest.start);
        let least = turn.config.store_bytes_min.max(1);
        let len = source.came.clamp(least, turn.config.store_bytes_max.max(least));
        *ordered = rest.end.min(awaited.end).min(rest.start.saturating_add(len));
        let range = rest.start..*ordered;
        if range.is_empty() {
            // Somebody took over all that would follow.
            return self.release(conn, |source, turn| source.released(turn), turn);
        }
        turn.store(conn, self.id, range, body_at);
    }

    /// Closes a source's connection; `then` says how it stands. What it was asked for is missing
    /// again when the connection is gone.
    pub(super) fn release(
        &mut self,
        conn: ConnId,
        then: impl FnOnce(&mut Source, &mut Turn<'_>),
        turn: &mut Turn<'_>,
    ) {
        if let Some(source) = by_conn(&mut self.sources, conn) {
            self.leaving.insert(conn, (source.place.address, source.ordered()));
            turn.close(conn, false);
            then(source, turn);
        }
    }

    pub(super) fn fail(&mut self, conn: ConnId, why: Why, turn: &mut Turn<'_>) {
        self.release(conn, |source, turn| source.failed(why, turn), turn);
        self.go_on(turn);
    }

    /// Nobody is needed now: connections are closed, pushes not awaited.
    pub(super) fn leave_sources(&mut self, turn: &mut Turn<'_>) {
        for source in &mut self.sources {
            if let Some(conn) = source.conn() {
                self.leaving.insert(conn, (source.place.address, source.ordered()));
                turn.close(conn, false);
            }
            if source.active() {
                source.state = State::Ready;
            }
        }
    }
}

/// Takes at most `len` from the front of `rest`.
fn take(rest: &mut Range<u64>, len: u64) -> Range<u64> {
    let taken = rest.start..rest.start.saturating_add(len).min(rest.end);
    rest.start = taken.end;
    taken
}

/// What to ask the source for: by hash where it is known (some refuse everything else).
fn target(place: &Place, sha1: Option<Sha1>) -> Option<Target> {
    let by_name = || Some(Target::Get { index: place.index?, name: place.name.clone() });
    sha1.map(Target::Urn).or_else(by_name)
}
