//! Whether a neighbour still answers, and how often it broke the rules (protocol.md sections 4
//! and 15).

use std::time::Duration;

use crate::node::{Config, Relation, Time};
use crate::wire::Guid;

/// The health of one neighbour. What every descriptor changes stands first.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Health {
    /// When a descriptor last came from it.
    heard: Time,
    unanswered: u8,
    broken: u16,
    /// The random half of the GUID of our last ping to it, 0 before the first: pongs with another
    /// one were not asked for.
    ping: u64,
    /// When its pings may be answered again.
    pong_from: Time,
}

/// What is to be done about a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checkup {
    /// Nothing; look again then.
    Fine(Time),
    /// Ping it; look again then.
    Ping(Time),
    /// It is dead.
    Dead,
}

impl Health {
    /// A new neighbour.
    pub(crate) fn new(now: Time) -> Health {
        Health { heard: now, ping: 0, unanswered: 0, broken: 0, pong_from: Time::ZERO }
    }

    /// See `Node::look_ahead`.
    pub(crate) fn look_ahead(&self) -> u64 {
        self.heard.as_micros() ^ u64::from(self.unanswered)
    }

    /// A descriptor came from it.
    #[inline]
    pub(crate) fn heard(&mut self, now: Time) {
        self.heard = now;
        self.unanswered = 0;
    }

    /// It broke the rules; says whether that was once too often.
    pub(crate) fn broke_rules(&mut self, config: &Config) -> bool {
        self.broken = self.broken.saturating_add(1);
        self.broken >= config.broken_descriptors_max
    }

    /// Whether it has said nothing for so long that it is pinged.
    pub(crate) fn is_silent(&self, now: Time, patience: Duration) -> bool {
        now >= self.heard + patience
    }

    /// Its timer fired; `patience`: the silence after which it is pinged, `alone`: whether nobody
    /// else connects us to the network.
    pub(crate) fn check(
        &mut self,
        now: Time,
        patience: Duration,
        alone: bool,
        config: &Config,
    ) -> Checkup {
        if !self.is_silent(now, patience) {
            return Checkup::Fine(self.heard + patience);
        }
        if self.unanswered >= config.alive_pings_unanswered_max {
            return Checkup::Dead;
        }
        self.unanswered += 1;
        let again_s = if alone { config.alone_ping_again_s } else { config.alive_ping_again_s };
        Checkup::Ping(now + Duration::from_secs(u64::from(again_s.max(1))))
    }

    /// We pinged it with this GUID.
    pub(crate) fn pinged(&mut self, guid: Guid) {
        self.ping = half(&guid);
    }

    /// Whether a pong answers our last ping.
    pub(crate) fn asked_for(&self, pong: &Guid) -> bool {
        self.ping != 0 && half(pong) == self.ping
    }

    /// Whether a ping of it is answered now: not too soon after the last one.
    pub(crate) fn may_be_answered(&mut self, now: Time, config: &Config) -> bool {
        let may = now >= self.pong_from;
        if may {
            self.pong_from = now + Duration::from_secs(u64::from(config.ping_interval_s));
        }
        may
    }
}

/// What nobody can guess of a GUID.
fn half(guid: &Guid) -> u64 {
    u64::from_le_bytes(*guid.0.first_chunk().unwrap_or(&[0; 8]))
}

/// So much longer a leaf may be silent: it asks whether its ultrapeers live, who hear of it so.
const LEAF_FACTOR: u64 = 3;

/// Silence after which a neighbour is pinged. Both sides have heard each other at about the same
/// time, and the ping of one answers the question of the other: so the side that was connected to
/// waits a quarter longer.
pub(crate) fn patience(relation: Relation, incoming: bool, config: &Config) -> Duration {
    let alive_ms = 1_000 * u64::from(config.alive_ping_s.max(1));
    Duration::from_millis(match relation {
        Relation::Leaf => LEAF_FACTOR * alive_ms,
        Relation::Peer | Relation::Ultrapeer if incoming => alive_ms + alive_ms / 4,
        Relation::Peer | Relation::Ultrapeer => alive_ms,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_pinged_and_then_ended() {
        let config = Config {
            alive_ping_s: 10,
            alive_ping_again_s: 5,
            alone_ping_again_s: 2,
            alive_pings_unanswered_max: 2,
            ..Config::default()
        };
        let at = |seconds| Time::ZERO + Duration::from_secs(seconds);
        let mut health = Health::new(at(0));
        health.heard(at(5));
        let silence = patience(Relation::Peer, false, &config);
        let check = |health: &mut Health, second| health.check(at(second), silence, false, &config);
        assert_eq!(check(&mut health, 10), Checkup::Fine(at(15)));
        assert_eq!(check(&mut health, 15), Checkup::Ping(at(20)));
        health.heard(at(16));
        assert_eq!(check(&mut health, 20), Checkup::Fine(at(26)));
        assert_eq!(check(&mut health, 26), Checkup::Ping(at(31)));
        assert_eq!(
            health.check(at(31), silence, true, &config),
            Checkup::Ping(at(33)),
            "alone by now"
        );
        assert_eq!(health.check(at(33), silence, true, &config), Checkup::Dead);
    }

    #[test]
    fn leaves_and_those_who_were_connected_to_ask_later() {
        let config = Config { alive_ping_s: 20, ..Config::default() };
        let asked_after = |relation, incoming| patience(relation, incoming, &config).as_secs();
        for relation in [Relation::Peer, Relation::Ultrapeer] {
            assert_eq!([false, true].map(|incoming| asked_after(relation, incoming)), [20, 25]);
        }
        assert_eq!(asked_after(Relation::Leaf, true), 60);
    }

    #[test]
    fn pings_are_throttled_and_broken_rules_add_up() {
        let config = Config { ping_interval_s: 3, broken_descriptors_max: 2, ..Config::default() };
        let at = |seconds| Time::ZERO + Duration::from_secs(seconds);
        let mut health = Health::new(at(0));
        let answers = [0, 2, 3, 5, 7].map(|second| health.may_be_answered(at(second), &config));
        assert_eq!(answers, [true, false, true, false, true]);
        assert!(!health.broke_rules(&config));
        assert!(health.broke_rules(&config));
    }
}
