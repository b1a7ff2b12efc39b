//! A download's life: partial file opened, sources found, ranges fetched, all had, hashed and
//! published; or blamed and fetched anew.
//!
//! Every verb ends in `go_on`, which starts whatever can start now; so no event is missed and
//! nothing is started twice. How bytes are fetched is in `fetch`, what is told of it in `progress`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use super::flow::Flow;
use super::ranges::Ranges;
use super::source::{PUSH_PROXIES_MAX, Source, State};
use super::turn::{Turn, Wish};
use crate::node::io::{
    Action, CloseCause, DiskFailure, DiskOrder, DownloadId, DownloadRequest, DownloadState,
    Source as Place,
};
use crate::node::{Config, ConnId, Time, Why, filter};
use crate::wire::Sha1;
use crate::wire::filename::safe_name;

mod fetch;
mod progress;

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
    /// Connections that we have closed and that are not gone yet, with whom they lead to and the
    /// bytes that may still be stored.
    leaving: BTreeMap<ConnId, (SocketAddr, Range<u64>)>,
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
    /// Whether bytes came since, so soon that nothing was said.
    unsaid: bool,
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
            leaving: BTreeMap::new(),
            givers: BTreeSet::new(),
            resumed: false,
            one_by_one: false,
            wrong_hashes: 0,
            find_at: turn.now,
            said: None,
            said_at: turn.now,
            unsaid: false,
            path: None,
            trouble: None,
        };
        let order = DiskOrder::Open { download: id, request: request.clone() };
        turn.out.actions.push(Action::Disk(order));
        // Whoever gave the order chose these, and means them even in a local network.
        let local_allowed = std::mem::replace(&mut turn.local_allowed, true);
        download.add_sources(request.sources, turn);
        turn.local_allowed = local_allowed;
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
        for mut place in places {
            place.push_proxies.retain(|&at| turn.may_dial(at));
            place.push_proxies.truncate(PUSH_PROXIES_MAX);
            let by_name = place.index.is_some() && place.name.is_some();
            let by_push = place.servent.is_some() && place.index.is_some() && place.firewalled;
            if (self.sha1.is_none() && !by_name) || !(by_push || turn.may_dial(place.address)) {
                turn.out.count(Why::BadAddress);
            } else if let Some(known) = self.sources.iter_mut().find(|s| same(&s.place, &place)) {
                known.named_again(&place, turn);
            } else if self.room_at(place.address.ip(), turn.config)
                && self.room_for_source(turn.config)
            {
                self.sources.push(Source::new(place, turn.config));
            } else {
                turn.out.count(Why::TableFull);
            }
        }
        self.go_on(turn);
    }

    /// Forgets sources at blocked addresses.
    pub(super) fn shun(&mut self, turn: &mut Turn<'_>) {
        let before = self.sources.len();
        for source in &self.sources {
            if let Some(conn) = source.conn().filter(|_| turn.is_blocked(source.place.address.ip()))
            {
                self.leaving.insert(conn, (source.place.address, source.ordered()));
                turn.close(conn, false);
            }
        }
        self.sources.retain(|source| !turn.is_blocked(source.place.address.ip()));
        if self.sources.len() < before && !self.ended() {
            turn.out.count(Why::Blocked);
            self.go_on(turn);
        }
    }

    /// Gives up; the partial file is removed.
    pub(super) fn cancel(&mut self, turn: &mut Turn<'_>) {
        if !self.ended() {
            turn.out.actions.push(Action::Disk(DiskOrder::Discard { download: self.id }));
            self.end(DownloadState::Cancelled, turn);
        }
    }

    /// A connection to a source is gone.
    pub(super) fn closed(&mut self, conn: ConnId, cause: CloseCause, turn: &mut Turn<'_>) {
        self.leaving.remove(&conn);
        self.ranges.give_back(conn);
        if let Some(source) = by_conn(&mut self.sources, conn) {
            match (&source.state, cause) {
                (State::AskingProxy { .. }, _) => source.proxy_answered(None, self.id, turn),
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
        if let Some(sha1) = self.sha1 {
            let proved = |s: &&Source| s.reached && self.givers.contains(&s.place.address);
            for source in self.sources.iter().filter(proved) {
                turn.mesh.prove(turn.now, sha1, source.place.address, turn.config);
            }
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
                State::AskedToPush { .. } => source.push_again(self.id, turn),
                State::AskingProxy { conn, .. } => {
                    self.leaving.insert(*conn, (source.place.address, 0..0));
                    turn.close(*conn, false);
                    source.proxy_answered(None, self.id, turn);
                }
                State::Transferring { flow, .. } if flow.flowed(turn.config.stalled_bytes) => {
                    *flow = Flow::new(turn.now);
                }
                _ => {
                    if let Some(conn) = source.conn() {
                        self.leaving.insert(conn, (source.place.address, source.ordered()));
                        turn.close(conn, false);
                    }
                    source.failed(Why::TooSlow, turn);
                }
            }
        }
        if self.unsaid {
            self.say_progress(turn);
        }
        self.go_on(turn);
    }

    pub(super) fn deadline(&self, config: &Config) -> Time {
        if self.ended() {
            return Time::NEVER;
        }
        let sources = self.sources.iter().map(|source| source.deadline(config));
        let find = if self.seeks() { self.find_at } else { Time::NEVER };
        let say = if self.unsaid { self.say_again_at(config) } else { Time::NEVER };
        sources.min().unwrap_or(Time::NEVER).min(find).min(say)
    }

    /// Whether one more source at this address may be tried: strangers name it, and a third must
    /// not see us at its door on port after port.
    fn room_at(&self, ip: IpAddr, config: &Config) -> bool {
        let there = self.sources.iter().filter(|source| source.place.address.ip() == ip);
        !filter::is_routable(ip.to_canonical())
            || there.count() < usize::from(config.sources_per_address_max)
    }

    /// Whether there is room for one more source; one of no use any more makes some.
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
        self.phase == Phase::Fetching && self.sha1.is_some() && self.active() == 0
    }

    fn go_on(&mut self, turn: &mut Turn<'_>) {
        if self.phase == Phase::Fetching && self.ranges.complete() {
            self.leave_sources(turn);
            // What was ordered from a connection stays asked for until it is stored or the
            // connection is gone, so nobody writes any more: what is hashed is what is published.
            self.phase = Phase::Finishing;
            let order = DiskOrder::Hash { download: self.id, size: self.ranges.have() };
            turn.out.actions.push(Action::Disk(order));
        }
        if self.phase == Phase::Fetching {
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
}

fn by_conn(sources: &mut [Source], conn: ConnId) -> Option<&mut Source> {
    sources.iter_mut().find(|source| source.conn() == Some(conn))
}

/// Whether both are the same servent.
fn same(one: &Place, other: &Place) -> bool {
    one.address == other.address && (one.servent == other.servent || !one.firewalled)
}
