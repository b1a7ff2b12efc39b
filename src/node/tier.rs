//! The two tiers of the network: what we are and why, and what a neighbour is to us (protocol.md
//! section 21). Facts in, verdict out.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::config::Role;
use super::{Config, Time};

/// What a servent is at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// Hangs on a few ultrapeers and passes nothing on.
    Leaf,
    /// Passes queries on and shields its leaves from those that they cannot answer.
    Ultrapeer,
}

/// What a neighbour is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// An ultrapeer like us.
    Peer,
    /// Our leaf.
    Leaf,
    /// Our ultrapeer: we are its leaf.
    Ultrapeer,
}

impl Relation {
    /// What the other side is to us; none if two leaves meet. One that does not say `X-Ultrapeer`
    /// is an old servent: an ultrapeer without leaves, and nothing for us to hang on.
    pub(super) fn between(ours: Tier, theirs_ultrapeer: Option<bool>) -> Option<Relation> {
        match (ours, theirs_ultrapeer) {
            (Tier::Ultrapeer, Some(true) | None) => Some(Relation::Peer),
            (Tier::Ultrapeer, Some(false)) => Some(Relation::Leaf),
            (Tier::Leaf, Some(true)) => Some(Relation::Ultrapeer),
            (Tier::Leaf, Some(false) | None) => None,
        }
    }

    /// The neighbours that one of this tier looks for.
    pub(super) fn wanted_by(tier: Tier) -> Relation {
        match tier {
            Tier::Leaf => Relation::Ultrapeer,
            Tier::Ultrapeer => Relation::Peer,
        }
    }
}

/// How many neighbours are what to us.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Census {
    peers: u32,
    leaves: u32,
    ultrapeers: u32,
}

impl Census {
    /// How many are this to us.
    pub(super) fn of(&self, relation: Relation) -> usize {
        let count = match relation {
            Relation::Peer => self.peers,
            Relation::Leaf => self.leaves,
            Relation::Ultrapeer => self.ultrapeers,
        };
        count as usize
    }

    /// How many there are.
    pub(super) fn all(&self) -> usize {
        (self.peers + self.leaves + self.ultrapeers) as usize
    }

    /// One has come.
    pub(super) fn came(&mut self, relation: Relation) {
        *self.count(relation) += 1;
    }

    /// One has left.
    pub(super) fn left(&mut self, relation: Relation) {
        let count = self.count(relation);
        *count = count.saturating_sub(1);
    }

    fn count(&mut self, relation: Relation) -> &mut u32 {
        match relation {
            Relation::Peer => &mut self.peers,
            Relation::Leaf => &mut self.leaves,
            Relation::Ultrapeer => &mut self.ultrapeers,
        }
    }
}

/// Why we are what we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// `Config::role` says so.
    Configured,
    /// Nobody else is there, or only a local network.
    Local,
    /// Not up for long enough to be relied on.
    New,
    /// Nobody is known to be able to connect to us from outside.
    NotReachable,
    /// Our line does not carry what an ultrapeer sends.
    TooSlow,
    /// An ultrapeer said that no more of its kind are needed.
    Guided,
    /// Reachable, fast enough, and up for long enough.
    Capable,
}

impl Reason {
    /// The reason in plain words.
    pub const fn text(self) -> &'static str {
        match self {
            Reason::Configured => "as the settings say",
            Reason::Local => "alone or in a local network",
            Reason::New => "not up for long enough to be an ultrapeer",
            Reason::NotReachable => "not known to be reachable from outside",
            Reason::TooSlow => "the line is too slow for an ultrapeer",
            Reason::Guided => "the network needs no more ultrapeers now",
            Reason::Capable => "reachable, fast enough, and up for long enough",
        }
    }
}

/// What the choice of a tier needs to know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    /// What we are.
    pub tier: Tier,
    /// Why.
    pub why: Reason,
    /// For how long.
    pub in_tier: Duration,
    /// How long we have been running.
    pub uptime: Duration,
    /// Whether we are part of the public network, or about to enter it.
    pub public: bool,
    /// Whether others can connect to us.
    pub reachable: bool,
    /// Whether our line was measured to be too slow for an ultrapeer.
    pub slow: bool,
    /// Our leaves.
    pub leaves: usize,
    /// The ultrapeers whose leaf we are.
    pub ultrapeers: usize,
}

/// What to be, and when to think of it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// What to be.
    pub tier: Tier,
    /// Why.
    pub why: Reason,
    /// After how long to look again, even if nothing happens; none: when something happens.
    pub again: Option<Duration>,
}

/// Chooses a tier. A switch costs every neighbour, so there is a pause after each.
pub(super) fn plan(facts: &Facts, config: &Config) -> Verdict {
    let (tier, why) = match config.role {
        Role::Leaf => (Tier::Leaf, Reason::Configured),
        Role::Ultrapeer => (Tier::Ultrapeer, Reason::Configured),
        Role::Auto if facts.public => in_public(facts, config),
        Role::Auto => in_private(facts, config),
    };
    let settled = config.role != Role::Auto || (!facts.public && tier == Tier::Ultrapeer);
    let again = (!settled).then(|| Duration::from_secs(config.tier_review_s.max(1).into()));
    Verdict { tier, why, again }
}

/// Alone and in local networks everybody is an ultrapeer, or a few servents could not become a
/// network; unless there are so many that one was told otherwise.
fn in_private(facts: &Facts, config: &Config) -> (Tier, Reason) {
    let lonely = Duration::from_secs(config.tier_review_s.into());
    match facts.tier {
        Tier::Leaf if facts.ultrapeers > 0 || facts.in_tier < lonely => (Tier::Leaf, facts.why),
        Tier::Leaf | Tier::Ultrapeer => (Tier::Ultrapeer, Reason::Local),
    }
}

fn in_public(facts: &Facts, config: &Config) -> (Tier, Reason) {
    let may_switch = facts.in_tier >= Duration::from_secs(config.tier_pause_s.into());
    let lacks = if facts.slow {
        Some(Reason::TooSlow)
    } else if !facts.reachable {
        Some(Reason::NotReachable)
    } else if facts.uptime < Duration::from_secs(config.ultrapeer_uptime_s.into()) {
        Some(Reason::New)
    } else {
        None
    };
    // From a local network into the public one: a newcomer on whom nobody relies yet.
    let newcomer = facts.why == Reason::Local && facts.leaves == 0;
    match (facts.tier, lacks) {
        (Tier::Leaf, Some(why)) => (Tier::Leaf, why),
        (Tier::Leaf, None) if !may_switch => (Tier::Leaf, facts.why),
        (Tier::Leaf | Tier::Ultrapeer, None) => (Tier::Ultrapeer, Reason::Capable),
        (Tier::Ultrapeer, Some(why)) if may_switch || newcomer => (Tier::Leaf, why),
        (Tier::Ultrapeer, Some(_)) => (Tier::Ultrapeer, facts.why),
    }
}

/// What we send, as a measure of our line: only what goes while neighbours wait for more says how
/// much it carries.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Line {
    /// Bytes sent so far.
    pub sent: u64,
    sent_before: u64,
    looked: Time,
    slow_in_row: u8,
}

/// One slow minute may be an accident.
const SLOW_IN_ROW: u8 = 2;

impl Line {
    /// Looks at the line; `waiting` says whether most neighbours wait for bytes. Says whether it is
    /// too slow for an ultrapeer.
    pub(super) fn look(&mut self, now: Time, waiting: bool, config: &Config) -> bool {
        let period = now.since(self.looked);
        if period >= Duration::from_secs(config.tier_review_s.max(1).into()) {
            let least = u128::from(config.ultrapeer_bytes_s_min) * period.as_millis() / 1_000;
            let slow = waiting && u128::from(self.sent - self.sent_before) < least;
            self.slow_in_row = if slow { self.slow_in_row.saturating_add(1) } else { 0 };
            (self.looked, self.sent_before) = (now, self.sent);
        }
        self.slow_in_row >= SLOW_IN_ROW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: Facts = Facts {
        tier: Tier::Leaf,
        why: Reason::New,
        in_tier: Duration::from_secs(7_200),
        uptime: Duration::from_secs(7_200),
        public: true,
        reachable: true,
        slow: false,
        leaves: 0,
        ultrapeers: 4,
    };

    fn chosen(facts: Facts) -> (Tier, Reason) {
        let verdict = plan(&facts, &Config::default());
        (verdict.tier, verdict.why)
    }

    #[test]
    fn a_leaf_rises_when_nothing_is_lacking() {
        let up = Facts { why: Reason::New, ..FACTS };
        assert_eq!(chosen(up), (Tier::Ultrapeer, Reason::Capable));
        for (facts, why) in [
            (Facts { uptime: Duration::from_secs(60), ..FACTS }, Reason::New),
            (Facts { reachable: false, ..FACTS }, Reason::NotReachable),
            (Facts { slow: true, ..FACTS }, Reason::TooSlow),
            (
                Facts { why: Reason::Guided, in_tier: Duration::from_secs(60), ..FACTS },
                Reason::Guided,
            ),
        ] {
            assert_eq!(chosen(facts), (Tier::Leaf, why), "{facts:?}");
        }
    }

    #[test]
    fn an_ultrapeer_falls_only_after_a_pause_and_its_reason_stays() {
        let facts = Facts { tier: Tier::Ultrapeer, why: Reason::Capable, leaves: 9, ..FACTS };
        assert_eq!(chosen(facts), (Tier::Ultrapeer, Reason::Capable));
        let slow = Facts { slow: true, ..facts };
        assert_eq!(chosen(slow), (Tier::Leaf, Reason::TooSlow));
        let soon = Facts { in_tier: Duration::from_secs(60), ..slow };
        assert_eq!(chosen(soon), (Tier::Ultrapeer, Reason::Capable));
    }

    #[test]
    fn alone_and_in_a_local_network_everybody_is_an_ultrapeer() {
        let start = Facts {
            tier: Tier::Ultrapeer,
            why: Reason::Local,
            in_tier: Duration::ZERO,
            uptime: Duration::ZERO,
            public: false,
            reachable: false,
            ultrapeers: 0,
            ..FACTS
        };
        assert_eq!(chosen(start), (Tier::Ultrapeer, Reason::Local));
        // The public network comes into view.
        assert_eq!(chosen(Facts { public: true, ..start }), (Tier::Leaf, Reason::NotReachable));
        let relied_on = Facts { public: true, leaves: 1, ..start };
        assert_eq!(chosen(relied_on), (Tier::Ultrapeer, Reason::Local));
        let guided = Facts { tier: Tier::Leaf, why: Reason::Guided, ultrapeers: 1, ..start };
        assert_eq!(chosen(guided), (Tier::Leaf, Reason::Guided));
        let left = Facts { ultrapeers: 0, in_tier: Duration::from_secs(600), ..guided };
        assert_eq!(chosen(left), (Tier::Ultrapeer, Reason::Local));
    }

    #[test]
    fn a_line_is_slow_when_little_goes_while_many_wait() {
        let config = Config { tier_review_s: 10, ultrapeer_bytes_s_min: 100, ..Config::default() };
        let at = |seconds| Time::ZERO + Duration::from_secs(seconds);
        let mut line = Line { sent: 500, ..Line::default() };
        assert!(!line.look(at(10), true, &config), "once");
        assert!(!line.look(at(15), true, &config), "too soon to say");
        assert!(line.look(at(20), true, &config), "twice");
        assert!(!line.look(at(30), false, &config), "nobody waits");
        for (second, sent) in [(40, 2_000), (50, 3_500)] {
            line.sent = sent;
            assert!(!line.look(at(second), true, &config), "enough goes");
        }
    }
}
