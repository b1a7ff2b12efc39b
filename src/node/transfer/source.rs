//! One source of a download: where it stands and when it is tried again.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use super::flow::Flow;
use super::inbox::Inbox;
use super::turn::{Purpose, Turn, Wish};
use super::view::{SourceState, SourceView};
use crate::node::io::{DownloadId, Source as Place};
use crate::node::{Config, ConnId, Time, Why};
use crate::wire::http::{Request, Target};
use crate::wire::{Giv, Guid, Headers, addresses, names};

/// Bytes on one connection after which earlier failures of a source are forgiven; less could be
/// a lure that keeps a useless source in use.
const FORGIVEN_AFTER_BYTES: u64 = 65_536;

/// Push proxies of one source that are asked: one that is alive will do.
pub(super) const PUSH_PROXIES_MAX: usize = 4;

/// Pause before a source that closed in order is connected to again.
const RECONNECT: Duration = Duration::from_secs(1);

/// Where a source stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// May be tried.
    Ready,
    /// The connection is being opened.
    Connecting(ConnId),
    /// One of its push proxies is being asked by HTTP to hand it a Push.
    AskingProxy {
        conn: ConnId,
        /// Whom we ask.
        proxy: SocketAddr,
        /// Then we give up waiting.
        until: Time,
    },
    /// Asked by a Push to connect to us.
    AskedToPush {
        /// Then we give up waiting.
        until: Time,
    },
    /// The request is out, the head of the answer is awaited.
    Requesting {
        conn: ConnId,
        /// What was asked for.
        asked: Range<u64>,
        /// Then we give up waiting.
        until: Time,
    },
    /// The body is arriving.
    Transferring {
        conn: ConnId,
        /// What is still to come of this answer.
        rest: Range<u64>,
        /// Up to here its bytes go to the disk without our looking; the next ones come to us.
        ordered: u64,
        flow: Flow,
        /// Whether another request may follow on this connection.
        keep_alive: bool,
    },
    /// Not to be tried before this.
    Waiting {
        /// When it may be tried again.
        until: Time,
    },
    /// Not to be tried again, unless somebody names it anew later.
    GivenUp {
        /// When we gave it up.
        at: Time,
    },
}

/// One source of a download.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// Where it is.
    pub(super) place: Place,
    pub(super) state: State,
    /// The head of its next answer, as far as it has come.
    pub(super) inbox: Inbox,
    /// What went wrong with it last.
    pub(super) trouble: Option<Why>,
    /// How often it had a part in a file with a wrong hash.
    pub(super) suspicion: u8,
    failures: u8,
    /// How often it was given up and named again.
    revived: u8,
    /// Whether the next attempt goes by a Push.
    by_push: bool,
    /// The ways of a Push that have been tried in this attempt.
    ways_tried: usize,
    /// Body bytes that came on the present connection.
    pub(super) came: u64,
    /// Whether bytes came over a connection that we opened: others can reach it, too.
    pub(super) reached: bool,
}

impl Source {
    pub(super) fn new(place: Place, config: &Config) -> Source {
        Source {
            by_push: place.firewalled,
            ways_tried: 0,
            place,
            state: State::Ready,
            inbox: Inbox::new(config),
            trouble: None,
            suspicion: 0,
            failures: 0,
            revived: 0,
            came: 0,
            reached: false,
        }
    }

    /// The connection it uses now.
    pub(super) fn conn(&self) -> Option<ConnId> {
        match &self.state {
            State::Connecting(conn)
            | State::AskingProxy { conn, .. }
            | State::Requesting { conn, .. }
            | State::Transferring { conn, .. } => Some(*conn),
            _ => None,
        }
    }

    /// The bytes that go to the disk without our looking.
    pub(super) fn ordered(&self) -> Range<u64> {
        match &self.state {
            State::Transferring { rest, ordered, .. } => rest.start..*ordered,
            _ => 0..0,
        }
    }

    /// Whether something is under way with it.
    pub(super) fn active(&self) -> bool {
        self.conn().is_some() || matches!(self.state, State::AskedToPush { .. })
    }

    /// Whether body bytes are arriving, moments between two answers included.
    pub(super) fn transferring(&self) -> bool {
        match self.state {
            State::Transferring { .. } => true,
            State::Requesting { .. } => self.came > 0,
            _ => false,
        }
    }

    /// Whether it may ever be of use.
    pub(super) fn usable(&self) -> bool {
        !matches!(self.state, State::GivenUp { .. })
    }

    /// Whether it may be tried now.
    pub(super) fn ready(&self, now: Time) -> bool {
        match self.state {
            State::Ready => true,
            State::Waiting { until } => until <= now,
            _ => false,
        }
    }

    /// Tries it: connects, or has it asked to connect to us.
    pub(super) fn start(&mut self, download: DownloadId, turn: &mut Turn<'_>) {
        self.inbox = Inbox::new(turn.config);
        self.came = 0;
        self.ways_tried = 0;
        if self.pushed_as().is_none() {
            let conn = turn.connect(self.place.address, Purpose::Fetch(download));
            self.state = State::Connecting(conn);
        } else if turn.us.firewalled {
            // It could not connect to us either.
            self.failed(Why::BothFirewalled, turn);
        } else {
            self.push_again(download, turn);
        }
    }

    /// Whom to push for which file, if it is to connect to us and not we to it.
    fn pushed_as(&self) -> Option<(Guid, u32)> {
        Some((self.place.servent?, self.place.index?)).filter(|_| self.by_push)
    }

    /// Asks it to connect to us by the next way that is left: datagrams to its push proxies, each
    /// of them by HTTP, and the way that its hits came. Without any it has failed.
    pub(super) fn push_again(&mut self, download: DownloadId, turn: &mut Turn<'_>) {
        let Some((servent, index)) = self.pushed_as() else {
            return self.failed(Why::ConnectFailed, turn);
        };
        let proxies = self.place.push_proxies.len();
        while self.ways_tried < proxies + 2 {
            let way = self.ways_tried;
            self.ways_tried += 1;
            if way == 0 {
                let known = self.place.push_proxies.iter().copied();
                let proxies: Vec<SocketAddr> = known.filter(|at| turn.may_ask(at)).collect();
                if !proxies.is_empty() {
                    turn.wishes.push(Wish::SendPush { servent, index, proxies });
                    let until = turn.in_s(turn.config.push_datagram_timeout_s);
                    self.state = State::AskedToPush { until };
                    return;
                }
            } else if let Some(&proxy) = self.place.push_proxies.get(way - 1) {
                if turn.may_ask(&proxy) {
                    let conn = turn.connect(proxy, Purpose::Fetch(download));
                    let until = turn.in_s(turn.config.push_timeout_s);
                    self.inbox = Inbox::new(turn.config);
                    self.state = State::AskingProxy { conn, proxy, until };
                    return;
                }
            } else {
                turn.wishes.push(Wish::SendPush { servent, index, proxies: Vec::new() });
                let until = turn.in_s(turn.config.push_timeout_s);
                self.state = State::AskedToPush { until };
                return;
            }
        }
        self.failed(Why::ConnectFailed, turn);
    }

    /// The connection to a push proxy stands: asks it.
    pub(super) fn ask_proxy(&self, turn: &mut Turn<'_>) {
        let (State::AskingProxy { conn, proxy, .. }, Some((servent, index))) =
            (&self.state, self.pushed_as())
        else {
            return;
        };
        let target = Target::PushProxy { servent: Some(servent), index };
        let request = Request::get(target, proxy, &turn.config.user_agent)
            .with(names::X_NODE, turn.us.address)
            .with(names::CONNECTION, "close");
        turn.out.send(*conn, &request.to_bytes());
    }

    /// A push proxy has answered, or will not. One that does not help is left alone for a while.
    pub(super) fn proxy_answered(
        &mut self,
        code: Option<u16>,
        download: DownloadId,
        turn: &mut Turn<'_>,
    ) {
        let State::AskingProxy { proxy, .. } = self.state else { return };
        if code == Some(202) {
            self.state = State::AskedToPush { until: turn.in_s(turn.config.push_timeout_s) };
            return;
        }
        turn.proxy_asks.spend(turn.now, proxy.ip());
        turn.out.count(Why::NoPushProxy);
        self.push_again(download, turn);
    }

    /// It names its push proxies of today.
    pub(super) fn learn_push_proxies(&mut self, headers: &Headers, turn: &Turn<'_>) {
        if headers.get(names::X_PUSH_PROXY).is_some() {
            let list = headers.list(names::X_PUSH_PROXY);
            self.place.push_proxies = addresses::list(list, PUSH_PROXIES_MAX);
            self.place.push_proxies.retain(|&at| turn.may_dial(at));
        }
    }

    /// Whether it was asked to connect to us, and this is it. The index says nothing: a push proxy
    /// that is not told which file writes 0.
    pub(super) fn awaits(&self, giv: &Giv) -> bool {
        let asked = matches!(self.state, State::AskedToPush { .. } | State::AskingProxy { .. });
        asked && self.place.servent == Some(giv.servent)
    }

    /// When something has to be done about it, if nothing happens before.
    pub(super) fn deadline(&self, config: &Config) -> Time {
        match self.state {
            State::AskedToPush { until }
            | State::AskingProxy { until, .. }
            | State::Requesting { until, .. }
            | State::Waiting { until } => until,
            State::Transferring { flow, .. } => flow.deadline(config.stalled_source_s),
            State::Ready | State::Connecting(_) | State::GivenUp { .. } => Time::NEVER,
        }
    }

    /// It did not serve. Tried again later, each time twice as late, until it failed too often in
    /// a row. One that could not be reached is asked to push, if it can be.
    pub(super) fn failed(&mut self, why: Why, turn: &mut Turn<'_>) {
        turn.out.count(why);
        self.trouble = Some(why);
        let unreachable = why == Why::ConnectFailed && !self.by_push;
        self.by_push = self.place.firewalled || unreachable;
        if unreachable && self.pushed_as().is_some() {
            self.state = State::Ready;
            return;
        }
        if self.came >= FORGIVEN_AFTER_BYTES {
            (self.failures, self.revived) = (0, 0);
        }
        self.came = 0;
        self.failures = self.failures.saturating_add(1);
        if self.failures >= turn.config.source_failures_max {
            self.state = State::GivenUp { at: turn.now };
            return;
        }
        let doubled = u64::from(turn.config.retry_source_s) << (self.failures - 1).min(6);
        let jitter_us = turn.rng.below(1_000_000);
        self.state =
            State::Waiting { until: turn.in_s(doubled) + Duration::from_micros(jitter_us) };
    }

    /// It is of no use any more.
    pub(super) fn give_up(&mut self, why: Why, turn: &mut Turn<'_>) {
        turn.out.count(why);
        self.trouble = Some(why);
        self.state = State::GivenUp { at: turn.now };
    }

    /// It has no slot for us now, or we none for it; it may say for how long to leave it alone.
    pub(super) fn put_off(&mut self, why: Why, for_s: Option<u32>, turn: &mut Turn<'_>) {
        self.trouble = Some(why);
        self.came = 0;
        let wanted_s = for_s.unwrap_or(turn.config.retry_source_s.into());
        self.state =
            State::Waiting { until: turn.in_s(wanted_s.clamp(1, turn.config.retry_after_max_s)) };
    }

    /// Its connection ended in good order: because it said so or because we had enough.
    pub(super) fn released(&mut self, turn: &Turn<'_>) {
        if self.came >= FORGIVEN_AFTER_BYTES {
            (self.failures, self.revived) = (0, 0);
        }
        self.came = 0;
        self.state = State::Waiting { until: turn.now + RECONNECT };
    }

    /// Somebody names it again, perhaps with more about it. A source that was given up some time
    /// ago has one more chance, each time twice as late, unless it lied: whoever names it may do so
    /// to have us knock there for ever.
    pub(super) fn named_again(&mut self, place: &Place, turn: &Turn<'_>) {
        self.place.servent = self.place.servent.or(place.servent);
        if self.place.index.is_none() {
            self.place.index = place.index;
            self.place.name.clone_from(&place.name);
        }
        if !place.push_proxies.is_empty() {
            self.place.push_proxies.clone_from(&place.push_proxies);
        }
        let pause_s = u64::from(turn.config.find_sources_s) << self.revived.min(6);
        if let State::GivenUp { at } = self.state
            && self.trouble != Some(Why::WrongBytes)
            && turn.now.since(at) >= Duration::from_secs(pause_s)
        {
            self.revived = self.revived.saturating_add(1);
            self.failures = turn.config.source_failures_max.saturating_sub(1);
            self.state = State::Ready;
        }
    }

    /// It gave a whole file by itself, and that had the wrong hash: it is never tried again.
    pub(super) fn convict(&mut self, now: Time) {
        self.trouble = Some(Why::WrongBytes);
        self.state = State::GivenUp { at: now };
    }

    /// The size that spoke against it was itself a stranger's word.
    pub(super) fn acquit_of_other_size(&mut self) {
        if self.trouble == Some(Why::OtherFile) && !self.usable() {
            self.state = State::Ready;
        }
    }

    pub(super) fn view(&self) -> SourceView {
        let state = match self.state {
            State::Ready => SourceState::Ready,
            State::Connecting(_) => SourceState::Connecting,
            State::AskedToPush { .. } | State::AskingProxy { .. } => SourceState::AskedToPush,
            State::Requesting { .. } => SourceState::Requesting,
            State::Transferring { .. } => SourceState::Transferring,
            State::Waiting { .. } => SourceState::Waiting,
            State::GivenUp { .. } => SourceState::GivenUp,
        };
        SourceView { address: self.place.address, state, trouble: self.trouble }
    }
}
