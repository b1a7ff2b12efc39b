//! How fast hosts are dialled: a few at once, then slower and slower while none becomes a
//! neighbour, so that many who lost the same ultrapeers do not run at the others together.

use std::time::Duration;

use crate::node::rng::Later;
use crate::node::{Config, Rng, Time};

/// After so many doublings the wait grows no more.
const DOUBLINGS_MAX: u32 = 8;

/// The pace of dialling.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    rng: Later,
    /// Dials since the last neighbour was won.
    in_vain: u32,
    /// When the next one may be, once the first few are used up.
    next: Time,
}

impl Pace {
    /// How many may be dialled now.
    pub(crate) fn allowance(&self, now: Time, config: &Config) -> usize {
        if now < self.next {
            return 0;
        }
        let left = u32::from(config.connecting_max).saturating_sub(self.in_vain);
        left.max(1) as usize
    }

    /// So many were dialled. `root` is the node's stream.
    pub(crate) fn dialled(&mut self, count: usize, now: Time, config: &Config, root: &Rng) {
        let at_once = u32::from(config.connecting_max.max(1));
        self.in_vain = self.in_vain.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
        if count > 0 && self.in_vain >= at_once {
            let doublings = ((self.in_vain - at_once) / at_once).min(DOUBLINGS_MAX);
            let wait_ms = u64::from(config.dial_interval_ms) << doublings;
            self.wait(now, wait_ms / 2, wait_ms * 3 / 2, root);
        }
    }

    /// When one may be dialled again.
    pub(crate) fn next(&self) -> Time {
        self.next
    }

    /// A neighbour was won: the next may be looked for at full pace.
    pub(crate) fn won(&mut self) {
        self.in_vain = 0;
    }

    /// Waits at least so long, at random.
    pub(crate) fn wait(&mut self, now: Time, at_least_ms: u64, at_most_ms: u64, root: &Rng) {
        let more_ms = self.rng.of(root, "pace").below(at_most_ms.saturating_sub(at_least_ms) + 1);
        self.next = self.next.max(now + Duration::from_millis(at_least_ms + more_ms));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_at_once_then_slower_and_slower() {
        let config = Config { connecting_max: 4, dial_interval_ms: 100, ..Config::default() };
        let (mut pace, root) = (Pace::default(), Rng::from_u64(1));
        assert_eq!(pace.allowance(Time::ZERO, &config), 4);
        pace.dialled(3, Time::ZERO, &config, &root);
        assert_eq!(pace.allowance(Time::ZERO, &config), 1);
        pace.dialled(1, Time::ZERO, &config, &root);
        assert_eq!(pace.allowance(Time::ZERO, &config), 0);
        let mut waits = Vec::new();
        let mut now = pace.next();
        for _ in 0..60 {
            assert_eq!(pace.allowance(now, &config), 1);
            pace.dialled(1, now, &config, &root);
            waits.push(pace.next().since(now).as_millis());
            now = pace.next();
        }
        assert!(waits[..4].iter().all(|wait| (50..=300).contains(wait)), "{waits:?}");
        assert!(waits[50..].iter().all(|wait| (12_800..=38_400).contains(wait)), "{waits:?}");
        pace.won();
        assert_eq!(pace.allowance(now, &config), 4, "somebody was found");
    }
}
