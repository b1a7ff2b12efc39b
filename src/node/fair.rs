//! No neighbour's queries crowd out those of the others: what each may bring, measured by how far
//! its queries would go (protocol.md section 15).
//!
//! A query that is new to us is charged for the ultrapeers that it may reach from here. A neighbour
//! may always bring some; beyond that twice what the median neighbour does: in a busy network all
//! are busy, and one that claims to speak for many must not look like it.
//!
//! A neighbour that passes on what a flooder asks uses up what it may bring without any fault of
//! its own, evenly and to the last drop: nothing else would ever find room. So what it passes on
//! leaves a part to its own questions, and where little is left a query's GUID decides, so that
//! all that it passes on have the same chance. (It cannot be left to the neighbour to hold back:
//! it knows neither our limits nor what is new to us.) And of one that brings far more than it may
//! not all that it may is passed on, so that next to a flooder nobody is taken for one.

use std::time::Duration;

use crate::node::{Config, Time};
use crate::wire::Guid;

/// How long what neighbours bring is counted before it decides what they may.
const WINDOW: Duration = Duration::from_secs(10);
/// So many times the median neighbour may bring one that brings most: with one of two hundred
/// servents at it, twice the median keeps what an attack adds below half of what there was.
const TIMES_MEDIAN: u64 = 2;
/// Who brings so many times what it may strains the network: no honest relay does.
const TIMES_FAR_TOO_MUCH: u64 = 2;
/// All that strain get this part of what one neighbour may bring passed on, together: four such
/// nodes in a row or around one still leave room for others.
const PART_PASSED_ON: u32 = 4;
/// Costs are told apart up to this TTL.
const TTLS: usize = 8;

/// What one neighbour may still bring.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    left: u32,
    /// Up to when it has been filled.
    filled: Time,
    /// What it brought or wanted to bring in this window.
    brought: u32,
}

impl Default for Allowance {
    fn default() -> Self {
        Allowance { left: u32::MAX, filled: Time::ZERO, brought: 0 }
    }
}

/// What neighbours may bring at present.
#[derive(Debug)]
pub(crate) struct Fair {
    window_began: Time,
    /// By TTL; that of TTL 0 is not used.
    costs: [u32; TTLS],
    peers: Limit,
    leaves: Limit,
    /// That of the neighbour whose queries are at hand.
    at_hand: Allowance,
    at_hand_is_leaf: bool,
    at_hand_strains: bool,
    /// What is left to all together that strain.
    passed_on: Allowance,
    /// Who brought more in the last window strains.
    far_too_much: u64,
    /// So much may be left to it at most.
    at_hand_burst: u32,
    /// Nobody outside knows which GUIDs have a chance when there is little left.
    salt: u64,
}

#[derive(Clone, Copy, Debug)]
struct Limit {
    per_s: u32,
    burst: u32,
}

impl Default for Fair {
    fn default() -> Self {
        let none = Limit { per_s: u32::MAX, burst: u32::MAX };
        Fair {
            window_began: Time::ZERO,
            costs: [0; TTLS],
            peers: none,
            leaves: none,
            at_hand: Allowance::default(),
            at_hand_is_leaf: false,
            at_hand_strains: false,
            passed_on: Allowance::default(),
            far_too_much: u64::MAX,
            at_hand_burst: u32::MAX,
            salt: 0,
        }
    }
}

impl Fair {
    /// Whether what neighbours may bring is to be reckoned anew.
    #[inline]
    pub(crate) fn is_due(&self, now: Time, config: &Config) -> bool {
        let begun = self.costs[1] > 0;
        config.queries_per_minute_max > 0 && (!begun || now >= self.window_began + WINDOW)
    }

    /// A window is over: `brought` is what each ultrapeer among the neighbours brought in it, and
    /// `hosts` how many ultrapeers a query reaches from here by its TTL; `salt` is asked for once.
    pub(crate) fn renew(
        &mut self,
        now: Time,
        brought: &mut [u32],
        hosts: impl Fn(u8) -> u64,
        salt: impl FnOnce() -> u64,
        config: &Config,
    ) {
        if self.salt == 0 {
            self.salt = salt() | 1;
        }
        let ttl_full = usize::from(config.query_ttl_default).clamp(1, TTLS - 1);
        for (ttl, cost) in self.costs.iter_mut().enumerate() {
            let reach = hosts(ttl.clamp(1, ttl_full) as u8);
            *cost = u32::try_from(reach).unwrap_or(u32::MAX);
        }
        let full = u64::from(self.costs[ttl_full]);
        let limit = |per_minute: u16, burst: u16, at_least: u64| Limit {
            per_s: clamp((u64::from(per_minute) * full).div_ceil(60).max(at_least)),
            burst: clamp(u64::from(burst.max(1)) * full),
        };
        brought.sort_unstable();
        // Of an even number the lower middle: one of two must not count as usual.
        let median = brought.get(brought.len().saturating_sub(1) / 2).copied().unwrap_or(0);
        let window_us = now.since(self.window_began).as_micros().max(1) as u64;
        let usual_per_s = u64::from(median) * 1_000_000 / window_us.max(1_000_000);
        let may = TIMES_MEDIAN * usual_per_s;
        self.peers = limit(config.queries_per_minute_max, config.query_burst, may);
        self.leaves = limit(config.leaf_queries_per_minute_max, config.leaf_query_burst, 0);
        // A clock that leaps makes a window of any length.
        let may_in_window = u64::from(self.peers.per_s).saturating_mul(window_us.max(1_000_000));
        self.far_too_much = (may_in_window / 1_000_000).saturating_mul(TIMES_FAR_TOO_MUCH);
        self.window_began = now;
    }

    /// Whether one who brought that in the window that is over strains the network.
    pub(crate) fn is_far_too_much(&self, brought: u32) -> bool {
        u64::from(brought) > self.far_too_much
    }

    /// Queries of a neighbour are at hand: what it may bring has grown since the last ones.
    #[inline]
    pub(crate) fn open(&mut self, now: Time, allowance: Allowance, is_leaf: bool, strains: bool) {
        self.at_hand_is_leaf = is_leaf;
        self.at_hand_strains = strains;
        self.at_hand = allowance;
        let Limit { per_s, burst } = if is_leaf { self.leaves } else { self.peers };
        self.at_hand_burst = burst;
        if burst < u32::MAX {
            self.at_hand.fill(now, per_s, burst);
        }
    }

    /// No more of them are at hand.
    #[inline]
    pub(crate) fn close(&self) -> Allowance {
        self.at_hand
    }

    /// What a query with this TTL is charged.
    #[inline]
    pub(crate) fn cost(&self, ttl: u8) -> u32 {
        // A leaf's query goes as far as we take it.
        let ttl = if self.at_hand_is_leaf { TTLS - 1 } else { usize::from(ttl).min(TTLS - 1) };
        self.costs[ttl]
    }

    /// Whether the neighbour at hand may bring this: a query with these hops and this GUID.
    #[inline]
    pub(crate) fn affords(&self, cost: u32, hops: u8, guid: &Guid) -> bool {
        let left = self.at_hand.left;
        cost <= left && (hops == 0 || left >= self.at_hand_burst / 2 || self.is_lucky(guid))
    }

    /// Whether a query that is passed on gets through although less than half is left: always at
    /// half, never at a quarter.
    #[cold]
    fn is_lucky(&self, guid: &Guid) -> bool {
        let quarter = u64::from(self.at_hand_burst / 4).max(1);
        let above = u64::from(self.at_hand.left).saturating_sub(quarter);
        let halves = guid.0.split_at(8);
        let number =
            |bytes: &[u8]| bytes.iter().fold(0u64, |sum, &byte| sum << 8 | u64::from(byte));
        let mixed = (number(halves.0) ^ self.salt).wrapping_mul(0x9E37_79B9_7F4A_7C15)
            ^ number(halves.1).rotate_left(29);
        let lot = (mixed ^ self.salt.rotate_left(17)).wrapping_mul(0xD6E8_FEB8_6659_FD93) >> 48;
        above << 16 > lot * quarter
    }

    /// The neighbour at hand brings something new.
    #[inline]
    pub(crate) fn charge(&mut self, cost: u32) {
        self.at_hand.left -= cost.min(self.at_hand.left);
        self.at_hand.brought = self.at_hand.brought.saturating_add(cost);
    }

    /// Whether what the neighbour at hand was charged for goes on to others.
    #[inline]
    pub(crate) fn passes_on(&mut self, now: Time, cost: u32) -> bool {
        !self.at_hand_strains || self.strained_passes(now, cost)
    }

    #[cold]
    fn strained_passes(&mut self, now: Time, cost: u32) -> bool {
        let (Limit { per_s, burst }, cost) = (self.peers, cost.saturating_mul(PART_PASSED_ON));
        self.passed_on.fill(now, per_s, burst);
        let passes = cost <= self.passed_on.left;
        self.passed_on.left -= if passes { cost } else { 0 };
        passes
    }

    /// It would have, but may not.
    pub(crate) fn refused(&mut self, cost: u32) {
        self.at_hand.brought = self.at_hand.brought.saturating_add(cost);
    }
}

impl Allowance {
    fn fill(&mut self, now: Time, per_s: u32, burst: u32) {
        let per_s = u64::from(per_s.max(1));
        let passed_us = now.since(self.filled).as_micros() as u64;
        let more = passed_us.saturating_mul(per_s) / 1_000_000;
        if u64::from(self.left) + more >= u64::from(burst) {
            self.left = burst;
            self.filled = now;
        } else if more > 0 {
            self.left += more as u32;
            // What does not make a whole unit is not lost.
            self.filled = self.filled + Duration::from_micros(more * 1_000_000 / per_s);
        }
    }

    /// What the neighbour brought in this window so far.
    pub(crate) fn brought(&self) -> u32 {
        self.brought
    }

    /// What the neighbour brought in the window that is over.
    pub(crate) fn take_brought(&mut self) -> u32 {
        std::mem::take(&mut self.brought)
    }
}

fn clamp(units: u64) -> u32 {
    u32::try_from(units).unwrap_or(u32::MAX - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config {
            queries_per_minute_max: 60,
            query_burst: 10,
            leaf_queries_per_minute_max: 30,
            leaf_query_burst: 2,
            query_ttl_default: 3,
            ..Config::default()
        }
    }

    fn at(ms: u64) -> Time {
        Time::from_micros(ms * 1_000)
    }

    /// How many queries with this TTL one that is always at it gets through, second by second.
    fn brings(fair: &mut Fair, ttl: u8, is_leaf: bool, seconds: u64) -> Vec<u32> {
        let mut allowance = Allowance::default();
        let second = |second: u64| {
            let mut through = 0;
            for ms in 0..1_000 {
                fair.open(at(second * 1_000 + ms), allowance, is_leaf, false);
                let cost = fair.cost(ttl);
                if fair.affords(cost, 0, &Guid::default()) {
                    fair.charge(cost);
                    through += 1;
                } else {
                    fair.refused(cost);
                }
                allowance = fair.close();
            }
            through
        };
        (0..seconds).map(second).collect()
    }

    /// Degree 4: TTL 1 reaches 1, TTL 2 reaches 4, TTL 3 reaches 13.
    fn hosts(ttl: u8) -> u64 {
        [0, 1, 4, 13, 40][usize::from(ttl)]
    }

    fn salt() -> u64 {
        7
    }

    #[test]
    fn a_burst_and_then_so_many_a_second() {
        let mut fair = Fair::default();
        fair.renew(at(0), &mut [], hosts, salt, &config());
        assert_eq!(brings(&mut fair, 3, false, 4), [10, 1, 1, 1]);
        assert_eq!(brings(&mut fair, 9, false, 2), [10, 1]);
        // What goes less far costs less: 13 units a second.
        assert_eq!(brings(&mut fair, 1, false, 3), [142, 13, 13]);
        // A leaf's queries all cost the same.
        assert_eq!(brings(&mut fair, 1, true, 5), [2, 1, 0, 1, 0]);
    }

    #[test]
    fn where_all_are_busy_all_may_be() {
        let mut fair = Fair::default();
        fair.renew(at(0), &mut [], hosts, salt, &config());
        // Ten seconds in which most brought 20 queries a second: twice that is fine.
        fair.renew(at(10_000), &mut [100_000, 2_600, 2_600, 2_500, 2_700], hosts, salt, &config());
        assert_eq!(brings(&mut fair, 3, false, 2)[1], 40);
        // One among three that are quiet, and one of two.
        for mut brought in [vec![100_000, 0, 0, 0], vec![100_000, 0]] {
            fair.renew(at(20_000), &mut brought, hosts, salt, &config());
            assert_eq!(brings(&mut fair, 3, false, 2)[1], 1);
        }
    }

    #[test]
    fn without_a_limit_there_is_none() {
        let fair = Fair::default();
        let config = Config { queries_per_minute_max: 0, ..config() };
        assert!(!fair.is_due(at(1_000_000), &config));
        assert!(brings(&mut Fair::default(), 3, false, 1) == [1_000]);
        assert!(fair.affords(fair.cost(4), 3, &Guid::default()));
    }

    #[test]
    fn what_was_refused_counts_as_brought() {
        let mut fair = Fair::default();
        fair.renew(at(0), &mut [], hosts, salt, &config());
        fair.open(at(0), Allowance::default(), false, false);
        for _ in 0..20 {
            let cost = fair.cost(3);
            if fair.affords(cost, 0, &Guid::default()) {
                fair.charge(cost)
            } else {
                fair.refused(cost)
            }
        }
        let mut allowance = fair.close();
        assert_eq!((allowance.take_brought(), allowance.take_brought()), (260, 0));
    }

    /// A neighbour passes on as much as it may bring and a bit more, without a pause. What it asks
    /// itself gets through, and of what it passes on each has a chance.
    #[test]
    fn what_is_passed_on_leaves_room() {
        let mut fair = Fair::default();
        fair.renew(at(0), &mut [], hosts, salt, &Config { query_burst: 60, ..config() });
        let (mut allowance, mut number) = (Allowance::default(), 0u64);
        let mut bring = |ms: u64, hops: u8| {
            number += 1;
            let mut guid = Guid::default();
            guid.0[..8].copy_from_slice(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
            fair.open(at(ms), allowance, false, false);
            let cost = fair.cost(3);
            let may = fair.affords(cost, hops, &guid);
            if may {
                fair.charge(cost)
            } else {
                fair.refused(cost)
            }
            allowance = fair.close();
            may
        };
        let (mut flooded, mut own, mut of_others) = (0, 0, 0);
        for second in 0..600 {
            flooded += u32::from(bring(second * 1_000, 2));
            flooded += u32::from(bring(second * 1_000 + 400, 2));
            if second % 10 == 9 {
                own += u32::from(bring(second * 1_000 + 500, 0));
                of_others += u32::from(bring(second * 1_000 + 950, 1));
            }
        }
        assert_eq!(own, 60, "each of its own");
        assert!((15..45).contains(&of_others), "{of_others} of 60");
        assert!((480..560).contains(&flooded), "{flooded}");
    }

    #[test]
    fn of_those_who_strain_little_goes_on() {
        let mut fair = Fair::default();
        fair.renew(at(0), &mut [], hosts, salt, &config());
        // Thirteen units a second are allowed.
        fair.renew(at(10_000), &mut [0, 0, 300], hosts, salt, &config());
        assert_eq!([260, 261].map(|brought| fair.is_far_too_much(brought)), [false, true]);
        let mut passed = |strains| {
            (0..60)
                .filter(|second| {
                    fair.open(at(20_000 + second * 1_000), Allowance::default(), false, strains);
                    fair.passes_on(at(20_000 + second * 1_000), 13)
                })
                .count()
        };
        assert_eq!(passed(false), 60);
        assert!((15..=18).contains(&passed(true)));
    }
}
