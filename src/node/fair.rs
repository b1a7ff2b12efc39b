//! No neighbour's queries crowd out those of the others: what each may bring, measured by how far
//! its queries would go (protocol.md section 15).
//!
//! A query that is new to us is charged for the ultrapeers that it may reach from here. A neighbour
//! may always bring some; beyond that twice what the median neighbour does: in a busy network all
//! are busy, and one that claims to speak for many must not look like it.
//!
//! Queries are counted apart by how many links they have come. A neighbour that passes on what a
//! flooder asks uses up what it may bring from so far without any fault of its own, and still has
//! all that it may ask itself. What a flooder asks is not usual among what neighbours ask, and
//! counts as something else once it was passed on: so it never makes room for more of itself. Whoever
//! says that its queries have come far makes them go less far.
//!
//! Where little is left, a query's GUID decides, so that all that came as far have the same chance:
//! else the cheap ones would take every drop. (It cannot be left to the neighbour to hold back: it
//! knows neither our limits nor what is new to us.)

use std::time::Duration;

use crate::node::size::block;
use crate::node::tier::Relation;
use crate::node::{Config, Time};
use crate::wire::Guid;

/// How long what neighbours bring is counted before it decides what they may.
const WINDOW: Duration = Duration::from_secs(10);
/// So many times the median neighbour may bring one that brings most: with one of two hundred
/// servents at it, twice the median keeps what an attack adds below half of what there was.
const TIMES_MEDIAN: u64 = 2;
/// What a query costs that goes `Config::query_ttl_default` far, whatever lies around us at present:
/// what is left to somebody is worth the same when a neighbour comes or leaves.
const FULL: u64 = 1 << 16;
/// Costs are told apart up to this TTL.
const TTLS: usize = 8;
/// Queries are told apart by their hops: 0, 1, 2, and 3 or more.
const CLASSES: usize = 4;

/// What one neighbour may still bring of queries with some number of hops.
#[derive(Clone, Copy, Debug)]
struct Share {
    left: u32,
    /// Up to when it has been filled.
    filled: Time,
    /// What it brought or wanted to bring in this window.
    brought: u32,
}

/// What one neighbour may still bring. It takes no room until a query comes.
#[derive(Debug, Default)]
pub(crate) struct Allowance(Option<Box<[Share; CLASSES]>>);

impl Allowance {
    /// See `Node::look_ahead`.
    pub(crate) fn look_ahead(&self) -> u64 {
        self.0.as_ref().map_or(0, |shares| shares.iter().fold(0, |all, s| all ^ u64::from(s.left)))
    }
}

/// What neighbours may bring at present.
#[derive(Debug)]
pub(crate) struct Fair {
    window_began: Time,
    /// By TTL; that of TTL 0 is not used. All are 0 while there is no limit.
    costs: [u32; TTLS],
    peers: [Limit; CLASSES],
    leaves: Limit,
    /// That of the neighbour whose queries are at hand.
    at_hand: Allowance,
    /// What it is to us.
    relation: Relation,
    /// When its queries came.
    now: Time,
    /// Nobody outside knows which GUIDs have a chance when there is little left.
    salt: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Limit {
    per_s: u32,
    burst: u32,
}

impl Default for Fair {
    fn default() -> Self {
        Fair {
            window_began: Time::ZERO,
            costs: [0; TTLS],
            peers: [Limit::default(); CLASSES],
            leaves: Limit::default(),
            at_hand: Allowance::default(),
            relation: Relation::Peer,
            now: Time::ZERO,
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
        brought: &[Brought],
        hosts: impl Fn(u8) -> u64,
        salt: impl FnOnce() -> u64,
        config: &Config,
    ) {
        if self.salt == 0 {
            self.salt = salt() | 1;
        }
        let ttl_full = config.query_ttl_default.clamp(1, TTLS as u8 - 1);
        let all = hosts(ttl_full).max(1);
        for (ttl, cost) in (0..).zip(&mut self.costs) {
            let part =
                u128::from(hosts(ttl.clamp(1, ttl_full))) * u128::from(FULL) / u128::from(all);
            *cost = part.max(1) as u32;
        }
        let limit = |per_minute: u16, burst: u16, at_least: u64| Limit {
            per_s: clamp((u64::from(per_minute) * FULL).div_ceil(60).max(at_least)),
            burst: clamp(u64::from(burst.max(1)) * FULL),
        };
        // A clock that leaps makes a window of any length.
        let window_us = now.since(self.window_began).as_micros().max(1_000_000) as u64;
        for (class, peers) in self.peers.iter_mut().enumerate() {
            let mut of_class: Vec<u32> = brought.iter().map(|brought| brought[class]).collect();
            of_class.sort_unstable();
            // Of an even number the lower middle: one of two must not count as usual.
            let median = of_class.get(of_class.len().saturating_sub(1) / 2).copied().unwrap_or(0);
            let may = TIMES_MEDIAN * u64::from(median) * 1_000_000 / window_us;
            *peers = limit(config.queries_per_minute_max, config.query_burst, may);
        }
        self.leaves = limit(config.leaf_queries_per_minute_max, config.leaf_query_burst, 0);
        self.window_began = now;
    }

    /// Queries of a neighbour are at hand.
    #[inline]
    pub(crate) fn open(&mut self, now: Time, allowance: Allowance, relation: Relation) {
        (self.now, self.at_hand, self.relation) = (now, allowance, relation);
    }

    /// No more of them are at hand.
    #[inline]
    pub(crate) fn close(&mut self) -> Allowance {
        std::mem::take(&mut self.at_hand)
    }

    /// What a query with this TTL is charged.
    #[inline]
    pub(crate) fn cost(&self, ttl: u8) -> u32 {
        // A leaf's query goes as far as we take it.
        let ttl = match self.relation {
            Relation::Leaf => TTLS - 1,
            _ => usize::from(ttl).min(TTLS - 1),
        };
        self.costs[ttl]
    }

    /// The share of queries with these hops and its limit; none if there is no limit.
    #[inline]
    fn share(&mut self, hops: u8) -> Option<(&mut Share, Limit)> {
        let class = usize::from(hops).min(CLASSES - 1);
        let limit = match self.relation {
            // What our ultrapeers send us goes nowhere from here.
            Relation::Ultrapeer => return None,
            _ if self.costs[1] == 0 => return None,
            Relation::Peer => self.peers[class],
            Relation::Leaf => self.leaves,
        };
        let full = Share { left: u32::MAX, filled: Time::ZERO, brought: 0 };
        let shares = self.at_hand.0.get_or_insert_with(|| Box::new([full; CLASSES]));
        Some((&mut shares[class], limit))
    }

    /// Whether the neighbour at hand may bring this: a query with these hops and this GUID.
    #[inline]
    pub(crate) fn affords(&mut self, cost: u32, hops: u8, guid: &Guid) -> bool {
        let (now, salt) = (self.now, self.salt);
        let Some((share, limit)) = self.share(hops) else { return true };
        share.fill(now, limit);
        let (left, burst) = (share.left, limit.burst);
        cost <= left && (hops == 0 || left >= burst / 2 || is_lucky(guid, left, burst, salt))
    }

    /// The neighbour at hand brings something new.
    #[inline]
    pub(crate) fn charge(&mut self, cost: u32, hops: u8) {
        if let Some((share, _)) = self.share(hops) {
            share.left -= cost.min(share.left);
            share.brought = share.brought.saturating_add(cost);
        }
    }

    /// It would have, but may not.
    pub(crate) fn refused(&mut self, cost: u32, hops: u8) {
        if let Some((share, _)) = self.share(hops) {
            share.brought = share.brought.saturating_add(cost);
        }
    }
}

/// Whether a query that is passed on gets through although less than half of a burst is left: always
/// at half, never at a quarter.
#[cold]
fn is_lucky(guid: &Guid, left: u32, burst: u32, salt: u64) -> bool {
    let quarter = u64::from(burst / 4).max(1);
    let above = u64::from(left).saturating_sub(quarter);
    let halves = guid.0.split_at(8);
    let number = |bytes: &[u8]| bytes.iter().fold(0u64, |sum, &byte| sum << 8 | u64::from(byte));
    let mixed = (number(halves.0) ^ salt).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        ^ number(halves.1).rotate_left(29);
    let lot = (mixed ^ salt.rotate_left(17)).wrapping_mul(0xD6E8_FEB8_6659_FD93) >> 48;
    above << 16 > lot * quarter
}

impl Share {
    fn fill(&mut self, now: Time, Limit { per_s, burst }: Limit) {
        let per_s = u64::from(per_s.max(1));
        let passed_us = now.since(self.filled).as_micros() as u64;
        let more = passed_us.saturating_mul(per_s) / 1_000_000;
        if u64::from(self.left) + more >= u64::from(burst) {
            self.left = burst;
            self.filled = now;
        } else if more > 0 {
            self.left += more as u32;
            // What does not make a whole unit is not lost.
            self.filled = self.filled + Duration::from_micros((more * 1_000_000).div_ceil(per_s));
        }
    }
}

/// What a neighbour brought or wanted to bring in a window, by hops.
pub(crate) type Brought = [u32; CLASSES];

impl Allowance {
    /// What the neighbour brought in the window that is over.
    pub(crate) fn take_brought(&mut self) -> Brought {
        let mut brought = [0; CLASSES];
        for (brought, share) in
            brought.iter_mut().zip(self.0.iter_mut().flat_map(|all| all.iter_mut()))
        {
            *brought = std::mem::take(&mut share.brought);
        }
        brought
    }

    /// Bytes that it takes beside itself.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |all| block(size_of_val(&**all)))
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
    fn brings(fair: &mut Fair, ttl: u8, relation: Relation, seconds: u64) -> Vec<u32> {
        let mut allowance = Allowance::default();
        let second = |second: u64| {
            let mut through = 0;
            for ms in 0..1_000 {
                fair.open(at(second * 1_000 + ms), std::mem::take(&mut allowance), relation);
                through += u32::from(bring(fair, ttl, 0, 0));
                allowance = fair.close();
            }
            through
        };
        (0..seconds).map(second).collect()
    }

    /// Whether one query with this TTL, these hops and a GUID of this number gets through.
    fn bring(fair: &mut Fair, ttl: u8, hops: u8, number: u64) -> bool {
        let mut guid = Guid::default();
        guid.0[..8].copy_from_slice(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
        let cost = fair.cost(ttl);
        let may = fair.affords(cost, hops, &guid);
        if may {
            fair.charge(cost, hops);
        } else {
            fair.refused(cost, hops);
        }
        may
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
        fair.renew(at(0), &[], hosts, salt, &config());
        assert_eq!(brings(&mut fair, 3, Relation::Peer, 4), [10, 1, 1, 1]);
        assert_eq!(brings(&mut fair, 9, Relation::Peer, 2), [10, 1]);
        // What goes less far costs less: 13 units a second.
        assert_eq!(brings(&mut fair, 1, Relation::Peer, 3), [142, 13, 13]);
        // A leaf's queries all cost the same; those of our ultrapeers go nowhere.
        assert_eq!(brings(&mut fair, 1, Relation::Leaf, 5), [2, 0, 1, 0, 1]);
        assert_eq!(brings(&mut fair, 3, Relation::Ultrapeer, 1), [1_000]);
    }

    #[test]
    fn where_all_are_busy_all_may_be() {
        let mut fair = Fair::default();
        fair.renew(at(0), &[], hosts, salt, &config());
        let own = |queries: &[u32]| -> Vec<Brought> {
            queries.iter().map(|&queries| [queries * FULL as u32, 0, 0, 0]).collect()
        };
        // Ten seconds in which most brought 20 queries a second: twice that is fine.
        let busy = own(&[10_000, 200, 200, 190, 210]);
        fair.renew(at(10_000), &busy, hosts, salt, &config());
        assert_eq!(brings(&mut fair, 3, Relation::Peer, 2)[1], 40);
        // One among three that are quiet, and one of two.
        for brought in [own(&[10_000, 0, 0, 0]), own(&[10_000, 0])] {
            fair.renew(at(20_000), &brought, hosts, salt, &config());
            assert_eq!(brings(&mut fair, 3, Relation::Peer, 2)[1], 1);
        }
        // That many pass on what they hear allows nobody to ask as much.
        let relays: Vec<Brought> = vec![[0, 13_000_000, 13_000_000, 13_000_000]; 5];
        fair.renew(at(30_000), &relays, hosts, salt, &config());
        assert_eq!(brings(&mut fair, 3, Relation::Peer, 2)[1], 1);
    }

    #[test]
    fn without_a_limit_there_is_none() {
        let mut fair = Fair::default();
        let config = Config { queries_per_minute_max: 0, ..config() };
        assert!(!fair.is_due(at(1_000_000), &config));
        assert!(brings(&mut fair, 3, Relation::Peer, 1) == [1_000]);
        fair.open(at(0), Allowance::default(), Relation::Peer);
        assert!(bring(&mut fair, 4, 3, 1));
        assert_eq!(fair.close().heap_bytes(), 0);
    }

    #[test]
    fn what_was_refused_counts_as_brought() {
        let mut fair = Fair::default();
        fair.renew(at(0), &[], hosts, salt, &config());
        fair.open(at(0), Allowance::default(), Relation::Peer);
        let through = (0..20).filter(|&number| bring(&mut fair, 3, 0, number)).count();
        bring(&mut fair, 1, 7, 1);
        let mut allowance = fair.close();
        assert_eq!(through, 10);
        assert_eq!(
            [(); 2].map(|()| allowance.take_brought()),
            [[20 * FULL as u32, 0, 0, FULL as u32 / 13], [0; CLASSES]]
        );
    }

    /// A neighbour passes on as much as it may bring and a bit more, without a pause. What has come
    /// fewer links gets through, and of what has come as many each has a chance.
    #[test]
    fn what_is_passed_on_leaves_room() {
        let mut fair = Fair::default();
        fair.renew(at(0), &[], hosts, salt, &Config { query_burst: 60, ..config() });
        let (mut allowance, mut number) = (Allowance::default(), 0u64);
        let mut bring = |ms: u64, hops: u8| {
            number += 1;
            fair.open(at(ms), std::mem::take(&mut allowance), Relation::Peer);
            let may = bring(&mut fair, 3, hops, number);
            allowance = fair.close();
            may
        };
        let (mut flooded, mut as_far) = (0, 0);
        for second in 0..600 {
            flooded += u32::from(bring(second * 1_000, 2));
            flooded += u32::from(bring(second * 1_000 + 400, 2));
            if second % 10 == 9 {
                assert!(bring(second * 1_000 + 500, 0) && bring(second * 1_000 + 600, 1));
                as_far += u32::from(bring(second * 1_000 + 950, 2));
            }
        }
        assert!((15..45).contains(&as_far), "{as_far} of 60");
        assert!((480..630).contains(&flooded), "{flooded}");
    }
}
