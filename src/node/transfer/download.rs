//! A download's life: partial file opened, sources found, ranges fetched, all had, hashed and
//! published; or blamed and fetched anew.
//!
//! Every verb ends in `go_on`, which starts whatever can start now; so no event is missed and
//! nothing is started twice.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use super::answer::{Asked, Verdict, judge};
use super::flow::Flow;
use super::inbox::Taken;
use super::ranges::Ranges;
use super::reach;
use super::source::{Source, State};
use super::turn::{Purpose, Turn, Wish};
use super::view::DownloadView;
use crate::node::io::{
    Action, CloseCause, DiskFailure, DiskOrder, DownloadId, DownloadRequest, DownloadState, Event,
    Progress, Source as Place,
};
use crate::node::{Config, ConnId, Time, Why};
use crate::wire::filename::safe_name;
use crate::wire::http::{RangeSpec, Request, Response, Target};
use crate::wire::{Giv, Sha1, names};

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The partial file is being opened.
    Opening,
    /// Bytes are wanted.
    Fetching,
    /// All bytes are here; the disk hashes or publishes.
    Finishing,
    /// Nothing more will happen.
    Ended(DownloadState),
}

/// One download.
#[derive(Debug)]
pub(super) struct Download {
    id: DownloadId,
    name: String,
    sha1: Option<Sha1>,
    /// The size as it was ordered.
    ordered_size: Option<u64>,
    /// The size as it is known by now.
    size: Option<u64>,
    ranges: Ranges,
    sources: Vec<Source>,
    phase: Phase,
    /// Connections that we have closed and that are not gone yet: bytes may still be stored.
    leaving: BTreeSet<ConnId>,
    /// Who gave bytes since all was missing.
    givers: BTreeSet<SocketAddr>,
    /// Whether there are bytes of an earlier run, whose givers are not known.
    resumed: bool,
    /// After a wrong hash: one source at a time, so that the liar shows.
    one_by_one: bool,
    wrong_hashes: u8,
    /// When the network is asked again at the earliest.
    find_at: Time,
    said: Option<DownloadState>,
    said_at: Time,
    path: Option<String>,
    trouble: Option<Why>,
}

impl Download {
    /// Begins with opening the partial file.
    pub(super) fn new(id: DownloadId, request: DownloadRequest, turn: &mut Turn<'_>) -> Download {
        let mut download = Download {
            id,
            name: safe_name(&request.name),
            sha1: request.sha1,
            ordered_size: request.size,
            size: request.size,
            ranges: Ranges::new(request.size),
            sources: Vec::new(),
            phase: Phase::Opening,
            leaving: BTreeSet::new(),
            givers: BTreeSet::new(),
            resumed: false,
            one_by_one: false,
            wrong_hashes: 0,
            find_at: turn.now,
            said: None,
            said_at: turn.now,
            path: None,
            trouble: None,
        };
        let order = DiskOrder::Open { download: id, request: request.clone() };
        turn.out.actions.push(Action::Disk(order));
        download.add_sources(request.sources, turn);
        download
    }

    /// Whether nothing more will happen.
    pub(super) fn ended(&self) -> bool {
        matches!(self.phase, Phase::Ended(_))
    }

    /// The partial file is open and holds these bytes.
    pub(super) fn opened(&mut self, have: Vec<Range<u64>>, turn: &mut Turn<'_>) {
        if self.phase == Phase::Opening {
            self.resumed = !have.is_empty();
            have.into_iter().for_each(|range| self.ranges.restore(range));
            self.phase = Phase::Fetching;
            self.go_on(turn);
        }
    }

    /// More sources. Those that cannot be used or do not fit are passed over.
    pub(super) fn add_sources(&mut self, places: Vec<Place>, turn: &mut Turn<'_>) {
        for place in places {
            let by_name = place.index.is_some() && place.name.is_some();
            let by_push = place.servent.is_some() && place.index.is_some() && place.firewalled;
            if (self.sha1.is_none() && !by_name)
                || !(by_push || reach::may_dial(place.address, turn.config))
            {
                turn.out.count(Why::BadAddress);
            } else if let Some(known) = self.sources.iter_mut().find(|s| same(&s.place, &place)) {
                known.named_again(&place, turn);
            } else if self.room_for_source(turn.config) {
                self.sources.push(Source::new(place, turn.config));
            } else {
                turn.out.count(Why::TableFull);
            }
        }
        self.go_on(turn);
    }

    /// Gives up; the partial file is removed.
    pub(super) fn cancel(&mut self, turn: &mut Turn<'_>) {
        if !self.ended() {
            turn.out.actions.push(Action::Disk(DiskOrder::Discard { download: self.id }));
            self.end(DownloadState::Cancelled, turn);
        }
    }

    /// A connection to a source stands.
    pub(super) fn connected(&mut self, conn: ConnId, turn: &mut Turn<'_>) {
        self.ask(conn, turn);
        self.go_on(turn);
    }

    /// A source that we asked to push has connected; says whether it is one of ours.
    pub(super) fn given(&mut self, giv: &Giv, conn: ConnId, turn: &mut Turn<'_>) -> bool {
        let awaited = |source: &&mut Source| {
            matches!(source.state, State::AskedToPush { .. })
                && source.place.servent == Some(giv.servent)
                && source.place.index == Some(giv.index)
        };
        let Some(source) = self.sources.iter_mut().find(awaited) else { return false };
        source.state = State::Connecting(conn);
        turn.dedicate(conn, Purpose::Fetch(self.id));
        self.connected(conn, turn);
        true
    }

    /// Bytes from a source: those of a head, up to where the body begins.
    pub(super) fn received(&mut self, conn: ConnId, data: &[u8], turn: &mut Turn<'_>) {
        let Some(source) = by_conn(&mut self.sources, conn) else { return };
        let State::Requesting { asked, .. } = &source.state else {
            // A body is with the driver, and nothing may come before we asked.
            return self.fail(conn, Why::BadResponse, turn);
        };
        let asked = Asked { range: asked.clone(), size: self.size, sha1: self.sha1 };
        match source.inbox.take(data) {
            Taken::Incomplete => {}
            Taken::TooLarge => self.fail(conn, Why::BadResponse, turn),
            Taken::Complete { head, used } => {
                let verdict = Response::parse(&head)
                    .map_or(Verdict::Failed(Why::BadResponse), |response| judge(&response, &asked));
                let body_at = u32::try_from(used).unwrap_or(u32::MAX);
                self.obey(conn, verdict, body_at, turn);
            }
        }
    }

    /// Body bytes from a source are on the disk; says whether deadlines may have changed.
    pub(super) fn carried(&mut self, conn: ConnId, len: u64, turn: &mut Turn<'_>) -> bool {
        let Some(source) = by_conn(&mut self.sources, conn) else { return false };
        let State::Transferring { rest, flow, keep_alive, .. } = &mut source.state else {
            return false;
        };
        let came = rest.start..rest.start.saturating_add(len).min(rest.end);
        rest.start = came.end;
        flow.add(came.end - came.start);
        source.came += came.end - came.start;
        self.ranges.stored(conn, &came);
        self.givers.insert(source.place.address);
        if rest.is_empty() && *keep_alive {
            self.ask(conn, turn);
        } else if rest.is_empty() || !self.ranges.still_asked(conn, rest.start) {
            // Its answer is over, or a faster one has taken over what would follow.
            source.released(turn);
            self.leave(conn, turn);
        } else {
            self.say_progress(turn);
            return false;
        }
        self.go_on(turn);
        true
    }

    /// A connection to a source is gone.
    pub(super) fn closed(&mut self, conn: ConnId, cause: CloseCause, turn: &mut Turn<'_>) {
        self.leaving.remove(&conn);
        self.ranges.give_back(conn);
        if let Some(source) = by_conn(&mut self.sources, conn) {
            match (&source.state, cause) {
                (State::Connecting(_), CloseCause::Exhausted) => {
                    source.put_off(Why::TooManyConnections, None, turn)
                }
                (State::Connecting(_), _) => source.failed(Why::ConnectFailed, turn),
                // A kept-alive connection may end at any time between two answers.
                (State::Requesting { .. }, _) if source.came > 0 => source.released(turn),
                _ => source.failed(Why::ClosedByPeer, turn),
            }
        }
        self.go_on(turn);
    }

    /// The whole partial file has this hash.
    pub(super) fn hashed(&mut self, sha1: Sha1, turn: &mut Turn<'_>) {
        if self.phase != Phase::Finishing {
            return;
        }
        if self.sha1.is_some_and(|wanted| wanted != sha1) {
            return self.wrong(turn);
        }
        let order = DiskOrder::Publish { download: self.id, name: self.name.clone() };
        turn.out.actions.push(Action::Disk(order));
    }

    /// The finished file has its name.
    pub(super) fn published(&mut self, path: String, turn: &mut Turn<'_>) {
        if self.phase == Phase::Finishing {
            self.path = Some(path);
            self.trouble = None;
            let verified = self.sha1.is_some();
            let state = if verified { DownloadState::Done } else { DownloadState::DoneUnverified };
            self.end(state, turn);
        }
    }

    /// Our disk does not do its part.
    pub(super) fn disk_failed(&mut self, failure: DiskFailure, turn: &mut Turn<'_>) {
        if !self.ended() {
            let why = match failure {
                DiskFailure::Full => Why::DiskFull,
                DiskFailure::Denied => Why::DiskDenied,
                DiskFailure::Missing => Why::DiskMissing,
                DiskFailure::Io => Why::DiskFailed,
            };
            turn.out.count(why);
            self.trouble = Some(why);
            self.end(DownloadState::Failed, turn);
        }
    }

    /// Leaves sources that are over their time and tries those again whose time has come.
    pub(super) fn wake(&mut self, turn: &mut Turn<'_>) {
        for source in &mut self.sources {
            if source.deadline(turn.config) > turn.now {
                continue;
            }
            match &mut source.state {
                State::Waiting { .. } => source.state = State::Ready,
                State::AskedToPush { .. } => source.failed(Why::ConnectFailed, turn),
                State::Transferring { flow, .. } if flow.flowed(turn.config.stalled_bytes) => {
                    *flow = Flow::new(turn.now);
                }
                _ => {
                    if let Some(conn) = source.conn() {
                        self.leaving.insert(conn);
                        turn.close(conn, false);
                    }
                    source.failed(Why::TooSlow, turn);
                }
            }
        }
        self.go_on(turn);
    }

    pub(super) fn deadline(&self, config: &Config) -> Time {
        if self.ended() {
            return Time::NEVER;
        }
        let sources = self.sources.iter().map(|source| source.deadline(config));
        let find = if self.seeks() { self.find_at } else { Time::NEVER };
        sources.min().unwrap_or(Time::NEVER).min(find)
    }

    pub(super) fn view(&self) -> DownloadView {
        DownloadView {
            id: self.id,
            name: self.name.clone(),
            sha1: self.sha1,
            progress: self.progress(),
            sources: self.sources.iter().map(Source::view).collect(),
        }
    }

    /// Whether it can become nothing without more sources.
    fn room_for_source(&mut self, config: &Config) -> bool {
        if self.sources.len() < usize::from(config.sources_per_download_max) {
            return true;
        }
        // Those that were given up make room, but not those that lied: they would come again.
        let hopeless = |s: &Source| !s.usable() && s.trouble != Some(Why::WrongBytes);
        let hopeless = self.sources.iter().position(hopeless);
        hopeless.map(|at| self.sources.remove(at)).is_some()
    }

    fn active(&self) -> usize {
        self.sources.iter().filter(|source| source.active()).count()
    }

    /// Whether the network is to be asked for sources.
    fn seeks(&self) -> bool {
        let fetching = self.phase == Phase::Fetching && !self.ranges.complete();
        fetching && self.sha1.is_some() && self.active() == 0
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

    fn go_on(&mut self, turn: &mut Turn<'_>) {
        let complete = self.ranges.complete();
        if self.phase == Phase::Fetching && complete {
            self.leave_sources(turn);
            // Nobody may write any more: what is hashed is what is published.
            if self.leaving.is_empty() {
                self.phase = Phase::Finishing;
                turn.out.actions.push(Action::Disk(DiskOrder::Hash { download: self.id }));
            }
        }
        if self.phase == Phase::Fetching && !complete {
            self.start_sources(turn);
            let hopeless = !self.sources.iter().any(Source::usable);
            if hopeless && self.sha1.is_none() {
                self.trouble = self.sources.iter().rev().find_map(|source| source.trouble);
                return self.end(DownloadState::Failed, turn);
            }
            if let Some(sha1) = self.sha1.filter(|_| self.seeks() && self.find_at <= turn.now) {
                turn.wishes.push(Wish::FindSources { download: self.id, sha1 });
                self.find_at = turn.in_s(turn.config.find_sources_s);
            }
        }
        if self.said != Some(self.state()) {
            self.say(turn);
        }
    }

    /// Tries sources that are ready, the least suspicious first, as long as there is work.
    fn start_sources(&mut self, turn: &mut Turn<'_>) {
        let half_min = turn.config.share_bytes_min;
        let work = self.ranges.missing() > 0
            || (!self.one_by_one && self.ranges.largest_asked() / 2 >= half_min);
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
    fn ask(&mut self, conn: ConnId, turn: &mut Turn<'_>) {
        let share = self.share(turn.config);
        let Some(source) = by_conn(&mut self.sources, conn) else { return };
        let mut range = self.ranges.ask(conn, share);
        if range.is_none() && !self.one_by_one {
            range = self.ranges.steal(conn, turn.config.share_bytes_min);
        }
        let (Some(range), Some(target)) = (range, target(&source.place, self.sha1)) else {
            source.released(turn);
            return self.leave(conn, turn);
        };
        let spec = match self.size {
            Some(_) => RangeSpec::of(&range).unwrap_or(RangeSpec::From(range.start)),
            None => RangeSpec::From(range.start),
        };
        let request = Request::get(target, source.place.address, &turn.config.user_agent)
            .with(names::RANGE, spec)
            .with(names::CONNECTION, "Keep-Alive");
        turn.out.send(conn, &request.to_bytes());
        let until = turn.in_s(turn.config.stalled_source_s);
        source.state = State::Requesting { conn, asked: range, until };
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
        self.ranges.narrow(conn, &rest);
        let torn = self.ranges.count() > turn.config.pieces_per_download_max as usize;
        if torn {
            return self.fail(conn, Why::TableFull, turn);
        }
        if rest.is_empty() {
            self.release(conn, |source, turn| source.released(turn), turn);
        } else {
            turn.store(conn, self.id, rest.clone(), body_at);
            let keep_alive = keep_alive && end == range.end;
            source.trouble = None;
            source.state =
                State::Transferring { conn, rest, flow: Flow::new(turn.now), keep_alive };
        }
        self.go_on(turn);
    }

    /// Closes a source's connection; `then` says how it stands. What it was asked for is missing
    /// again when the connection is gone.
    fn release(
        &mut self,
        conn: ConnId,
        then: impl FnOnce(&mut Source, &mut Turn<'_>),
        turn: &mut Turn<'_>,
    ) {
        if let Some(source) = by_conn(&mut self.sources, conn) {
            then(source, turn);
            self.leave(conn, turn);
        }
    }

    fn leave(&mut self, conn: ConnId, turn: &mut Turn<'_>) {
        self.leaving.insert(conn);
        turn.close(conn, false);
    }

    fn fail(&mut self, conn: ConnId, why: Why, turn: &mut Turn<'_>) {
        self.release(conn, |source, turn| source.failed(why, turn), turn);
        self.go_on(turn);
    }

    /// Nobody is needed now: connections are closed, pushes not awaited.
    fn leave_sources(&mut self, turn: &mut Turn<'_>) {
        for source in &mut self.sources {
            if let Some(conn) = source.conn() {
                self.leaving.insert(conn);
                turn.close(conn, false);
            }
            if source.active() {
                source.state = State::Ready;
            }
        }
    }

    /// All bytes are here and they are not the file: all is fetched anew, one source at a time,
    /// those first that had no part in it. One that gave all of it by itself has lied.
    fn wrong(&mut self, turn: &mut Turn<'_>) {
        turn.out.count(Why::WrongBytes);
        self.trouble = Some(Why::WrongBytes);
        let alone = !self.resumed && self.givers.len() == 1;
        for source in &mut self.sources {
            if !self.givers.contains(&source.place.address) {
                continue;
            }
            source.suspicion = source.suspicion.saturating_add(1);
            if alone {
                source.convict(turn.now);
            }
        }
        let range = 0..self.size.unwrap_or(0);
        turn.out.actions.push(Action::Disk(DiskOrder::Forget { download: self.id, range }));
        if self.ordered_size.is_none() {
            // The size came from somebody who may have lied about it, too.
            self.size = None;
            self.sources.iter_mut().for_each(Source::acquit_of_other_size);
        }
        self.ranges = Ranges::new(self.size);
        self.givers.clear();
        self.resumed = false;
        self.one_by_one = true;
        self.wrong_hashes += 1;
        if self.wrong_hashes >= turn.config.wrong_hashes_max {
            return self.end(DownloadState::Failed, turn);
        }
        self.phase = Phase::Fetching;
        self.go_on(turn);
    }

    fn end(&mut self, state: DownloadState, turn: &mut Turn<'_>) {
        self.leave_sources(turn);
        self.phase = Phase::Ended(state);
        self.say(turn);
    }

    fn state(&self) -> DownloadState {
        match self.phase {
            Phase::Ended(state) => state,
            Phase::Finishing => DownloadState::Verifying,
            Phase::Fetching if self.ranges.complete() => DownloadState::Verifying,
            _ if self.sources.iter().any(Source::transferring) => DownloadState::Transferring,
            _ if self.sources.iter().any(Source::usable) => DownloadState::Waiting,
            _ => DownloadState::Searching,
        }
    }

    fn progress(&self) -> Progress {
        let count = |which: fn(&Source) -> bool| {
            u32::try_from(self.sources.iter().filter(|s| which(s)).count()).unwrap_or(u32::MAX)
        };
        let source_trouble = || self.sources.iter().rev().find_map(|source| source.trouble);
        Progress {
            state: self.state(),
            have: self.ranges.have(),
            size: self.size,
            active_sources: count(Source::transferring),
            known_sources: count(Source::usable),
            path: self.path.clone(),
            trouble: self.trouble.or_else(|| source_trouble().filter(|_| !self.ended())),
        }
    }

    fn say_progress(&mut self, turn: &mut Turn<'_>) {
        let pause = Duration::from_millis(turn.config.progress_interval_ms.into());
        if turn.now.since(self.said_at) >= pause {
            self.say(turn);
        }
    }

    fn say(&mut self, turn: &mut Turn<'_>) {
        let progress = self.progress();
        self.said = Some(progress.state);
        self.said_at = turn.now;
        turn.out.emit(Event::Download { download: self.id, progress });
    }
}

fn by_conn(sources: &mut [Source], conn: ConnId) -> Option<&mut Source> {
    sources.iter_mut().find(|source| source.conn() == Some(conn))
}

/// Whether both are the same servent.
fn same(one: &Place, other: &Place) -> bool {
    one.address == other.address && (one.servent == other.servent || !one.firewalled)
}

/// What to ask the source for: by hash where it is known (some refuse everything else).
fn target(place: &Place, sha1: Option<Sha1>) -> Option<Target> {
    let by_name = || Some(Target::Get { index: place.index?, name: place.name.clone() });
    sha1.map(Target::Urn).or_else(by_name)
}
