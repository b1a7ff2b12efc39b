//! No neighbour's queries crowd out those of the others: what each may bring, measured by how far
//! its queries would go (protocol.md section 15).
//!
//! A query that is new to us is charged for the ultrapeers that it may reach from here. A neighbour
//! may always bring some; beyond that twice what the median neighbour does: in a busy network all
//! are busy, and one that claims to speak for many must not look like it.

use std::time::Duration;

use crate::node::{Config, Time};

/// How long what neighbours bring is counted before it decides what they may.
const WINDOW: Duration = Duration::from_secs(10);
/// So many times the median neighbour may bring one that brings most: with one of two hundred
/// servents at it, twice the median keeps what an attack adds below half of what there was.
const TIMES_MEDIAN: u64 = 2;
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
    /// `hosts` how many ultrapeers a query reaches from here by its TTL.
    pub(crate) fn renew(
        &mut self,
        now: Time,
        brought: &mut [u32],
        hosts: impl Fn(u8) -> u64,
        config: &Config,
    ) {
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
        self.window_began = now;
    }

    /// Queries of a neighbour are at hand: what it may bring has grown since the last ones.
    #[inline]
    pub(crate) fn open(&mut self, now: Time, allowance: Allowance, is_leaf: bool) {
        self.at_hand_is_leaf = is_leaf;
        self.at_hand = allowance;
        let Limit { per_s, burst } = if is_leaf { self.leaves } else { self.peers };
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

    /// Whether the neighbour at hand may bring this.
    #[inline]
    pub(crate) fn affords(&self, cost: u32) -> bool {
        cost <= self.at_hand.left
    }

    /// The neighbour at hand brings something new.
    #[inline]
    pub(crate) fn charge(&mut self, cost: u32) {
        self.at_hand.left -= cost.min(self.at_hand.left);
        self.at_hand.brought = self.at_hand.brought.saturating_add(cost);
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
                fair.open(at(second * 1_000 + ms), allowance, is_leaf);
                let cost = fair.cost(ttl);
                if fair.affords(cost) {
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

    #[test]
    fn a_burst_and_then_so_many_a_second() {
        let mut fair = Fair::default();
        fair.renew(at(0), &mut [], hosts, &config());
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
        fair.renew(at(0), &mut [], hosts, &config());
        // Ten seconds in which most brought 20 queries a second: twice that is fine.
        fair.renew(at(10_000), &mut [100_000, 2_600, 2_600, 2_500, 2_700], hosts, &config());
        assert_eq!(brings(&mut fair, 3, false, 2)[1], 40);
        // One among three that are quiet, and one of two.
        for mut brought in [vec![100_000, 0, 0, 0], vec![100_000, 0]] {
            fair.renew(at(20_000), &mut brought, hosts, &config());
            assert_eq!(brings(&mut fair, 3, false, 2)[1], 1);
        }
    }

    #[test]
    fn without_a_limit_there_is_none() {
        let fair = Fair::default();
        let config = Config { queries_per_minute_max: 0, ..config() };
        assert!(!fair.is_due(at(1_000_000), &config));
        assert!(brings(&mut Fair::default(), 3, false, 1) == [1_000]);
        assert!(fair.affords(fair.cost(4)));
    }

    #[test]
    fn what_was_refused_counts_as_brought() {
        let mut fair = Fair::default();
        fair.renew(at(0), &mut [], hosts, &config());
        fair.open(at(0), Allowance::default(), false);
        for _ in 0..20 {
            let cost = fair.cost(3);
            if fair.affords(cost) { fair.charge(cost) } else { fair.refused(cost) }
        }
        let mut allowance = fair.close();
        assert_eq!((allowance.take_brought(), allowance.take_brought()), (260, 0));
    }
}
