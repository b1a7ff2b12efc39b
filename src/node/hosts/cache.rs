//! Hosts that we could connect to, with what we know of them.

use std::net::SocketAddr;
use std::time::Duration;

use crate::node::io::HostRecord;
use crate::node::recent::Recent;
use crate::node::{Config, Rng, Time, WallTime};

/// What is known of a host.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    last_success_s: u64,
    failures: u8,
    retry_at: Time,
}

/// The hosts; at the limit the one goes that was not heard of for longest, but those with which
/// we had a handshake do not go for those of which we were only told.
#[derive(Debug)]
pub(crate) struct Hosts {
    known: Recent<SocketAddr, Known>,
    rng: Rng,
}

impl Hosts {
    /// No hosts, at most `max`.
    pub(crate) fn new(max: u32, mut rng: Rng) -> Hosts {
        Hosts { known: Recent::new(max, &mut rng), rng }
    }

    /// Somebody spoke of this host. Says whether it is new to us. At most `same_ip_max` hosts of
    /// one IP address are learnt: else whoever names a third with ten thousand ports would have
    /// us knock at each.
    pub(crate) fn learn(&mut self, address: SocketAddr, same_ip_max: usize) -> bool {
        if self.known.contains(&address) {
            return false;
        }
        let same_ip = self.known.iter().filter(|(known, _)| known.ip() == address.ip());
        if same_ip.count() >= same_ip_max {
            return false;
        }
        let proven = |known: &Known| known.last_success_s > 0 && known.failures == 0;
        if self.known.is_full() && self.known.oldest().is_some_and(|(_, known)| proven(known)) {
            return false;
        }
        self.known.put(address, Known::default());
        true
    }

    /// A host remembered from an earlier run.
    pub(crate) fn remember(&mut self, record: &HostRecord) {
        let known = Known {
            last_success_s: record.last_success_s,
            failures: record.failures,
            retry_at: Time::ZERO,
        };
        self.known.put(record.address, known);
    }

    /// We had a handshake with it.
    pub(crate) fn succeeded(&mut self, address: SocketAddr, wall: WallTime) {
        let known = self.known.get_or_insert(address, Known::default);
        known.last_success_s = wall.as_secs();
        known.failures = 0;
    }

    /// It could not be connected: each failure in a row doubles the wait.
    pub(crate) fn failed(&mut self, address: SocketAddr, now: Time, config: &Config) {
        if let Some(known) = self.known.peek_mut(&address) {
            let doubled = u64::from(config.retry_host_s) << known.failures.min(6);
            known.failures = known.failures.saturating_add(1);
            known.retry_at = now + Duration::from_secs(doubled);
        }
    }

    /// It had no room, or it left: not again before this long.
    pub(crate) fn rest(&mut self, address: SocketAddr, until: Time) {
        if let Some(known) = self.known.peek_mut(&address) {
            known.retry_at = known.retry_at.max(until);
        }
    }

    /// Up to `max` hosts to dial now, in random order, proven ones first.
    pub(crate) fn candidates(
        &mut self,
        max: usize,
        now: Time,
        mut fits: impl FnMut(SocketAddr) -> bool,
    ) -> Vec<SocketAddr> {
        let mut ready: Vec<(bool, u8, SocketAddr)> = self
            .known
            .iter()
            .filter(|(address, known)| known.retry_at <= now && fits(**address))
            .map(|(&address, known)| (known.last_success_s == 0, known.failures, address))
            .collect();
        self.rng.shuffle(&mut ready);
        ready.sort_by_key(|&(unproven, failures, _)| (failures, unproven));
        ready.into_iter().take(max).map(|(_, _, address)| address).collect()
    }

    /// When the next host may be dialled again.
    pub(crate) fn next_retry(&self, now: Time) -> Time {
        let later = self.known.iter().map(|(_, known)| known.retry_at).filter(|&at| at > now);
        later.min().unwrap_or(Time::NEVER)
    }

    /// Hosts worth telling others, proven ones only, most recent first.
    pub(crate) fn proven(&self) -> impl Iterator<Item = SocketAddr> {
        self.known
            .iter()
            .filter(|(_, known)| known.last_success_s > 0 && known.failures == 0)
            .map(|(&address, _)| address)
    }

    /// Everything, for the next run, most recent first.
    pub(crate) fn records(&self) -> Vec<HostRecord> {
        let record = |(&address, known): (&SocketAddr, &Known)| HostRecord {
            address,
            last_success_s: known.last_success_s,
            failures: known.failures,
        };
        self.known.iter().map(record).collect()
    }

    /// Whether one of them is such.
    pub(crate) fn any(&self, is_such: impl Fn(SocketAddr) -> bool) -> bool {
        self.known.iter().any(|(&address, _)| is_such(address))
    }

    /// How many are known.
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(port: u16) -> SocketAddr {
        SocketAddr::from(([1, 2, 3, 4], port))
    }

    #[test]
    fn failures_wait_longer_and_longer_and_proven_hosts_come_first() {
        let config = Config { retry_host_s: 10, ..Config::default() };
        let at = |seconds| Time::ZERO + Duration::from_secs(seconds);
        let mut hosts = Hosts::new(10, Rng::from_u64(1));
        assert!(hosts.learn(host(1), 9) && hosts.learn(host(2), 9) && !hosts.learn(host(1), 9));
        hosts.succeeded(host(3), WallTime(5_000_000));
        assert_eq!(hosts.candidates(1, at(0), |_| true), [host(3)]);
        assert_eq!(hosts.candidates(9, at(0), |address| address == host(2)), [host(2)]);
        hosts.failed(host(3), at(0), &config);
        hosts.failed(host(3), at(10), &config);
        assert_eq!(hosts.next_retry(at(10)), at(30));
        assert_eq!(hosts.candidates(9, at(29), |_| true).len(), 2);
        assert_eq!(hosts.candidates(9, at(30), |_| true).last(), Some(&host(3)));
    }

    #[test]
    fn hearsay_does_not_push_out_what_is_proven() {
        let mut hosts = Hosts::new(2, Rng::from_u64(1));
        hosts.succeeded(host(1), WallTime(1_000_000));
        hosts.learn(host(2), 9);
        assert!(!hosts.learn(host(3), 9));
        assert_eq!(hosts.proven().collect::<Vec<_>>(), [host(1)]);
        hosts.succeeded(host(4), WallTime(1_000_000));
        assert_eq!(hosts.len(), 2);
    }
    #[test]
    fn one_address_has_few_ports() {
        let mut hosts = Hosts::new(100, Rng::from_u64(1));
        let learnt = (1..=50).filter(|&port| hosts.learn(host(port), 2)).count();
        assert_eq!((learnt, hosts.len()), (2, 2));
        assert!(hosts.learn(SocketAddr::from(([1, 2, 3, 5], 1)), 2));
    }
}
