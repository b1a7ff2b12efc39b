//! Which source of hosts is asked next, and how each has done (protocol.md section 23).
//!
//! Hosts that are known come first: they cost nobody anything. Sources are asked only by a node
//! that is short of neighbours, one at a time; each is left alone for long after it was asked, and
//! twice as long after each failure in a row or answer without anything new.

use std::net::SocketAddr;
use std::ops::AddAssign;
use std::time::Duration;

use super::source::{HostSource, SourceState, SourceView};
use crate::node::{Config, Rng, Time, Why};
use crate::wire::gwebcache::CacheUrl;

/// Doublings of a wait at most: a UDP host cache is asked again after an hour and a half at the
/// latest, a web cache after a day.
const DOUBLINGS_MAX: u8 = 5;

/// A source whose name is not found has not been bothered: it is looked up again after this.
const LOOK_UP_AGAIN: Duration = Duration::from_secs(180);

/// Between two web caches, so that whoever names many does not have us run through them.
const BETWEEN_WEB_CACHES: Duration = Duration::from_secs(60);

/// How long a node must have run before it tells a web cache of itself, and between two tellings.
const ANNOUNCE_EVERY: Duration = Duration::from_secs(3_600);

/// What the next step depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Neighbours now.
    pub neighbours: usize,
    /// Neighbours that are wanted.
    pub wanted: usize,
    /// Hosts that can be dialled now or are being dialled.
    pub ready: usize,
    /// Whether the neighbours are of a local network: then it is that one that we are a member of.
    pub is_local: bool,
    /// Our address, if others can reach us there and are to know of it.
    pub announce: Option<SocketAddr>,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Ask this source.
    Ask(usize),
    /// Tell this web cache of ourselves.
    Announce(usize, SocketAddr),
    /// Nothing before.
    Wait(Time),
}

/// What a source has named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Yield {
    /// Hosts that can be dialled.
    pub usable: usize,
    /// Those among them that were not known before.
    pub fresh: usize,
    /// Addresses that nobody should dial.
    pub useless: usize,
}

impl AddAssign for Yield {
    fn add_assign(&mut self, other: Yield) {
        self.usable += other.usable;
        self.fresh += other.fresh;
        self.useless += other.useless;
    }
}

/// A source and its record.
#[derive(Debug)]
pub(crate) struct Source {
    /// Which.
    pub what: HostSource,
    /// Whether another source named it.
    pub learnt: bool,
    /// A web cache that speaks only version 1.
    pub is_v1: bool,
    asked_at: Option<Time>,
    answered_at: Option<Time>,
    hosts: u64,
    failures: u8,
    /// Answers in a row without any host that was new.
    fruitless: u8,
    trouble: Option<Why>,
    next_at: Time,
}

/// All sources of a node.
#[derive(Debug)]
pub(crate) struct Sources {
    list: Vec<Source>,
    /// Which one is being asked.
    asking: Option<usize>,
    /// Since when neighbours are short.
    short_since: Option<Time>,
    /// No web cache is asked before.
    web_caches_from: Time,
    announce_at: Time,
    rng: Rng,
}

impl Sources {
    /// No sources.
    pub(crate) fn new(rng: Rng) -> Sources {
        Sources {
            list: Vec::new(),
            asking: None,
            short_since: None,
            web_caches_from: Time::ZERO,
            announce_at: Time::ZERO + ANNOUNCE_EVERY,
            rng,
        }
    }

    /// Adds a source; false if there are too many. One that is known stays as it is.
    pub(crate) fn add(&mut self, what: HostSource, learnt: bool, config: &Config) -> bool {
        if self.list.iter().any(|source| source.what == what) {
            return true;
        }
        let mut max = usize::from(config.sources_max);
        if learnt {
            // Whoever names a third under many URLs has us ask there but once.
            let near = |source: &Source| source.learnt && source.what.host() == what.host();
            if self.list.iter().any(near) {
                return false;
            }
            // Places are left for those that the user may still name.
            max /= 2;
        }
        let fits = self.list.len() < max;
        if fits {
            // Not everybody asks the same one first.
            let at = self.rng.below(self.list.len() as u64 + 1) as usize;
            self.list.insert(at, Source::new(what, learnt));
            if let Some(asking) = self.asking.as_mut().filter(|asking| **asking >= at) {
                *asking += 1;
            }
        }
        fits
    }

    /// What is to be done now.
    pub(crate) fn next(&mut self, now: Time, facts: Facts, config: &Config) -> Step {
        // Half of those that are wanted are enough to find the others through them.
        let is_short = match facts.is_local {
            true => facts.neighbours == 0,
            false => facts.neighbours * 2 < facts.wanted,
        };
        if !is_short {
            self.short_since = None;
        } else if self.short_since.is_none() {
            self.short_since = Some(now);
        }
        if self.asking.is_some() {
            return Step::Wait(Time::NEVER);
        }
        let asking = self.short_since.map_or(Step::Wait(Time::NEVER), |since| {
            let from = ask_from(now, since, facts, config);
            if from > now { Step::Wait(from) } else { self.next_to_ask(now) }
        });
        match (asking, facts.announce) {
            (Step::Wait(until), Some(address)) => match self.next_to_tell(now) {
                Step::Ask(at) => Step::Announce(at, address),
                Step::Wait(later) => Step::Wait(until.min(later)),
                other => other,
            },
            (step, _) => step,
        }
    }

    /// The source that may be asked and has done best, or when one may be asked.
    fn next_to_ask(&self, now: Time) -> Step {
        let from = |source: &Source| match source.what {
            HostSource::WebCache(_) => source.next_at.max(self.web_caches_from),
            _ => source.next_at,
        };
        let ready = self.list.iter().enumerate().filter(|(_, source)| from(source) <= now);
        // Those that cost a single servent least first.
        let best = ready.min_by_key(|(_, source)| {
            let kind = match source.what {
                HostSource::Peer { .. } => 0,
                HostSource::Uhc { .. } => 1,
                HostSource::WebCache(_) => 2,
            };
            (kind, source.failures, source.learnt, source.fruitless, source.asked_at)
        });
        match best {
            Some((at, _)) => Step::Ask(at),
            None => Step::Wait(self.list.iter().map(from).min().unwrap_or(Time::NEVER)),
        }
    }

    /// The web cache that is to be told of us: one that works and was not told lately.
    fn next_to_tell(&self, now: Time) -> Step {
        let works = |source: &Source| {
            matches!(source.what, HostSource::WebCache(_))
                && source.answered_at.is_some()
                && source.failures == 0
        };
        let all = self.list.iter().enumerate().filter(|(_, source)| works(source));
        match all.min_by_key(|(_, source)| source.next_at) {
            None => Step::Wait(Time::NEVER),
            Some((at, source)) => {
                let from = source.next_at.max(self.announce_at).max(self.web_caches_from);
                if from <= now { Step::Ask(at) } else { Step::Wait(from) }
            }
        }
    }

    /// This step is being taken; says which source is being asked or told.
    pub(crate) fn asked(&mut self, step: Step, now: Time) -> Option<HostSource> {
        let at = match step {
            Step::Ask(at) => at,
            Step::Announce(at, _) => {
                self.announce_at = now + ANNOUNCE_EVERY;
                at
            }
            Step::Wait(_) => return None,
        };
        let source = self.list.get_mut(at)?;
        source.asked_at = Some(now);
        self.asking = Some(at);
        if matches!(source.what, HostSource::WebCache(_)) {
            self.web_caches_from = now + BETWEEN_WEB_CACHES;
        }
        Some(source.what.clone())
    }

    /// The web cache that is being told of us has taken it.
    pub(crate) fn told(&mut self, now: Time, config: &Config) {
        let source = self.asking.take().and_then(|at| self.list.get_mut(at));
        if let Some(source) = source {
            source.answered_at = Some(now);
            source.next_at = now + source.wait(0, config);
        }
    }

    /// The one that is being asked.
    pub(crate) fn current(&mut self) -> Option<&mut Source> {
        self.list.get_mut(self.asking?)
    }

    /// The one that is being asked has answered with this. One that names only addresses that
    /// nobody should dial has failed. Says which it was, and why it failed if it did.
    pub(crate) fn answered(
        &mut self,
        now: Time,
        found: Yield,
        config: &Config,
    ) -> Option<(HostSource, Option<Why>)> {
        if found.useless > 0 && found.usable == 0 {
            return Some((self.failed(now, Why::BadAddress, config)?, Some(Why::BadAddress)));
        }
        let source = self.list.get_mut(self.asking.take()?)?;
        source.answered_at = Some(now);
        source.failures = 0;
        source.trouble = None;
        source.hosts += found.usable as u64;
        source.fruitless = if found.fresh > 0 { 0 } else { source.fruitless.saturating_add(1) };
        source.next_at = now + source.wait(source.fruitless, config);
        Some((source.what.clone(), None))
    }

    /// The one that is being asked has failed; one that only another source had named is forgotten.
    pub(crate) fn failed(&mut self, now: Time, why: Why, config: &Config) -> Option<HostSource> {
        let at = self.asking.take()?;
        let source = self.list.get_mut(at)?;
        source.trouble = Some(why);
        source.failures = source.failures.saturating_add(1);
        source.next_at = match why {
            Why::NoSuchName => now + LOOK_UP_AGAIN,
            _ => now + source.wait(source.failures - 1, config),
        };
        let what = source.what.clone();
        if source.learnt {
            self.list.remove(at);
        }
        Some(what)
    }

    /// A web cache that answered lately, other than this one.
    pub(crate) fn working_cache(&self, other_than: &CacheUrl) -> Option<&CacheUrl> {
        self.list.iter().find_map(|source| match &source.what {
            HostSource::WebCache(url) if url != other_than && source.answered_at.is_some() => {
                (source.failures == 0).then_some(url)
            }
            _ => None,
        })
    }

    /// Whether one may still bring hosts: not all have failed when they were asked last.
    pub(crate) fn is_hopeful(&self) -> bool {
        self.list.iter().any(|source| source.failures == 0)
    }

    /// Whether other web caches are known than the one that is being asked.
    pub(crate) fn has_other_caches(&self) -> bool {
        let is_cache = |source: &Source| matches!(source.what, HostSource::WebCache(_));
        let mut others = self.list.iter().enumerate().filter(|&(at, _)| Some(at) != self.asking);
        others.any(|(_, source)| is_cache(source))
    }

    /// How all of them stand, those of the user first.
    pub(crate) fn views(&self, config: &Config) -> Vec<SourceView> {
        let us = |at: Option<Time>| at.map(Time::as_micros);
        let mut views: Vec<SourceView> = (self.list.iter().enumerate())
            .map(|(at, source)| SourceView {
                source: source.what.clone(),
                learnt: source.learnt,
                state: source.state(self.asking == Some(at), config),
                asked_us: us(source.asked_at),
                answered_us: us(source.answered_at),
                hosts: source.hosts,
                failures: source.failures,
                trouble: source.trouble,
                next_us: source.next_at.as_micros(),
            })
            .collect();
        views.sort_by(|a, b| (a.learnt, &a.source).cmp(&(b.learnt, &b.source)));
        views
    }
}

/// When a source may be asked, by how the node stands.
fn ask_from(now: Time, short_since: Time, facts: Facts, config: &Config) -> Time {
    let patience = Duration::from_secs(config.bootstrap_patience_s.into());
    match (facts.neighbours, facts.ready) {
        (0, 0) => now,
        // The hosts that are known are tried first, but not for ever.
        (0, _) => short_since + patience,
        // The neighbours are asked first.
        (_, 0) => short_since + 2 * patience,
        _ => Time::NEVER,
    }
}

impl Source {
    fn new(what: HostSource, learnt: bool) -> Source {
        Source {
            what,
            learnt,
            is_v1: false,
            asked_at: None,
            answered_at: None,
            hosts: 0,
            failures: 0,
            fruitless: 0,
            trouble: None,
            next_at: Time::ZERO,
        }
    }

    fn wait(&self, doublings: u8, config: &Config) -> Duration {
        let seconds = match self.what {
            HostSource::Peer { .. } => config.retry_host_s,
            HostSource::Uhc { .. } => config.host_cache_again_s.into(),
            HostSource::WebCache(_) => config.web_cache_again_s.into(),
        };
        Duration::from_secs(u64::from(seconds) << doublings.min(DOUBLINGS_MAX))
    }

    fn state(&self, is_asked: bool, config: &Config) -> SourceState {
        match (self.failures, self.asked_at) {
            _ if is_asked => SourceState::Asking,
            (_, None) => SourceState::Unasked,
            (0, _) => SourceState::Answered,
            (few, _) if few < config.source_attempts_max => SourceState::Failed,
            _ => SourceState::Dead,
        }
    }
}

#[cfg(test)]
mod tests;
