//! How much an address may be sent (protocol.md section 16): as QUIC does, never more than a few
//! times what came from it, until it has proved that it is whose it says. Else whoever writes a
//! third's address on small questions would have us shout at the third.

use std::net::SocketAddr;
use std::time::Duration;

use super::host_of;
use crate::node::recent::Recent;
use crate::node::{Config, Rng, Time};

/// What is known of a host that has proved nothing.
#[derive(Clone, Copy, Debug, Default)]
struct Standing {
    received_bytes: u64,
    sent_bytes: u64,
    /// What it was sent beyond that without having asked, since `unasked_since`.
    unasked_bytes: u32,
    unasked_since: Time,
    /// When it was last given hosts; `None` if never.
    hosts_given_at: Option<Time>,
}

/// All hosts that sent us something or were sent something. At the limit the one goes that was not
/// heard of for longest, with what it may be sent.
#[derive(Debug)]
pub(crate) struct Standings {
    unproven: Recent<SocketAddr, Standing>,
    /// Until when a host counts as proven. A table of its own: forged addresses must not push out
    /// true ones.
    proven: Recent<SocketAddr, Time>,
    /// Datagrams to those who had not asked, since `unasked_since`.
    unasked: u32,
    unasked_since: Time,
}

impl Standings {
    /// Nobody is known.
    pub(crate) fn new(config: &Config, rng: &mut Rng) -> Standings {
        let max = config.datagram_hosts_max;
        Standings {
            unproven: Recent::new(max, rng),
            proven: Recent::new(max, rng),
            unasked: 0,
            unasked_since: Time::ZERO,
        }
    }

    /// So many bytes came.
    pub(crate) fn came(&mut self, from: SocketAddr, bytes: usize) {
        let standing = self.unproven.get_or_insert(host_of(from), Standing::default);
        standing.received_bytes += bytes as u64;
    }

    /// The host has shown that it is where it says.
    pub(crate) fn prove(&mut self, at: SocketAddr, now: Time, config: &Config) {
        let lifetime = Duration::from_secs(config.proof_lifetime_s.into());
        self.proven.put(host_of(at), now + lifetime);
    }

    /// Whether it has.
    pub(crate) fn is_proven(&mut self, at: SocketAddr, now: Time) -> bool {
        self.proven.get(&host_of(at)).is_some_and(|&until| now < until)
    }

    /// Bytes that it may be sent now as an answer.
    pub(crate) fn credit(&mut self, to: SocketAddr, now: Time, config: &Config) -> usize {
        if self.is_proven(to, now) {
            return usize::MAX;
        }
        let Some(standing) = self.unproven.get(&host_of(to)) else { return 0 };
        let allowed = standing.received_bytes * u64::from(config.amplification_max);
        usize::try_from(allowed.saturating_sub(standing.sent_bytes)).unwrap_or(usize::MAX)
    }

    /// Takes so many bytes of an answer off its credit; false if there are not so many.
    pub(crate) fn answer(
        &mut self,
        to: SocketAddr,
        bytes: usize,
        now: Time,
        config: &Config,
    ) -> bool {
        let fits = bytes <= self.credit(to, now, config);
        if fits && let Some(standing) = self.unproven.peek_mut(&host_of(to)) {
            standing.sent_bytes += bytes as u64;
        }
        fits
    }

    /// Bytes that it shall be sent although it has not asked: a first word. Few, to one host and to
    /// all, as nothing says that anybody is there who wants them; false if they are too many.
    pub(crate) fn approach(
        &mut self,
        to: SocketAddr,
        bytes: usize,
        now: Time,
        config: &Config,
    ) -> bool {
        if self.is_proven(to, now) {
            return true;
        }
        let window = Duration::from_secs(config.unasked_window_s.into());
        if now >= self.unasked_since + window {
            (self.unasked, self.unasked_since) = (0, now);
        }
        let standing = self.unproven.get_or_insert(host_of(to), Standing::default);
        if now >= standing.unasked_since + window {
            (standing.unasked_bytes, standing.unasked_since) = (0, now);
        }
        let sum = u32::try_from(bytes).unwrap_or(u32::MAX).saturating_add(standing.unasked_bytes);
        let fits =
            sum <= config.unasked_bytes_max.into() && self.unasked < config.unasked_max.into();
        if fits {
            standing.unasked_bytes = sum;
            self.unasked += 1;
        }
        fits
    }

    /// Whether it may be given hosts now, and takes note of it.
    pub(crate) fn may_have_hosts(&mut self, at: SocketAddr, now: Time, config: &Config) -> bool {
        let pause = Duration::from_secs(config.host_cache_pause_s.into());
        let standing = self.unproven.get_or_insert(host_of(at), Standing::default);
        let may = standing.hosts_given_at.is_none_or(|at| now >= at + pause);
        if may {
            standing.hosts_given_at = Some(now);
        }
        may
    }

    /// Hosts in the tables: those that have proved nothing, and those that have.
    pub(crate) fn len(&self) -> (usize, usize) {
        (self.unproven.len(), self.proven.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::{prop_assert, prop_oneof, proptest, strategy::Strategy};

    use super::*;

    fn host(number: u8) -> SocketAddr {
        SocketAddr::from(([9, 9, 9, number], 6346))
    }

    fn at(seconds: u64) -> Time {
        Time::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn a_proof_lifts_the_limit_for_all_ports_of_a_host_and_for_a_while() {
        let config = Config { proof_lifetime_s: 60, ..Config::default() };
        let mut standings = Standings::new(&config, &mut Rng::from_u64(1));
        let other_port = SocketAddr::new(host(1).ip(), 7);
        standings.came(host(1), 100);
        assert_eq!(standings.credit(other_port, at(0), &config), 300);
        assert!(!standings.answer(other_port, 301, at(0), &config));
        assert!(standings.answer(other_port, 300, at(0), &config));
        standings.prove(host(1), at(1), &config);
        assert!(standings.answer(other_port, 1_000_000, at(60), &config));
        assert_eq!(standings.credit(host(1), at(61), &config), 0);
        assert_eq!(standings.credit(host(2), at(61), &config), 0);
        let loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
        standings.prove(loopback(1), at(1), &config);
        assert!(
            standings.is_proven(loopback(1), at(2)) && !standings.is_proven(loopback(2), at(2))
        );
    }

    #[test]
    fn those_who_have_not_asked_get_few_words() {
        let config = Config { unasked_bytes_max: 100, unasked_max: 5, ..Config::default() };
        let window = u64::from(config.unasked_window_s);
        let mut standings = Standings::new(&config, &mut Rng::from_u64(1));
        let sent = |standings: &mut Standings, to, now| {
            (0..100).filter(|_| standings.approach(to, 33, now, &config)).count()
        };
        assert_eq!(sent(&mut standings, host(1), at(100)), 3);
        assert_eq!(sent(&mut standings, host(2), at(100)), 2, "to all together");
        assert_eq!(sent(&mut standings, host(1), at(99 + window)), 0);
        assert_eq!(sent(&mut standings, host(1), at(100 + window)), 3);
        standings.prove(host(1), at(100 + window), &config);
        assert_eq!(sent(&mut standings, host(1), at(100 + window)), 100);
    }

    #[test]
    fn hosts_are_given_once_in_a_while() {
        let config = Config::default();
        let pause = u64::from(config.host_cache_pause_s);
        let mut standings = Standings::new(&config, &mut Rng::from_u64(1));
        assert!(standings.may_have_hosts(host(1), at(0), &config));
        assert!(!standings.may_have_hosts(host(1), at(pause - 1), &config));
        assert!(standings.may_have_hosts(host(2), at(1), &config));
        assert!(standings.may_have_hosts(host(1), at(pause), &config));
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Came(u8, u16),
        Answer(u8, u16),
    }

    fn step() -> impl Strategy<Value = Step> {
        let pair = || (0..20u8, 0..2_000u16);
        prop_oneof![
            pair().prop_map(|(host, bytes)| Step::Came(host, bytes)),
            pair().prop_map(|(host, bytes)| Step::Answer(host, bytes)),
        ]
    }

    proptest! {
        /// Also when hosts are forgotten and come again: there is room for eight of twenty.
        #[test]
        fn nobody_unproven_is_sent_more_than_three_times_its_bytes(
            steps in vec(step(), 0..400),
        ) {
            let config = Config { datagram_hosts_max: 8, ..Config::default() };
            let mut standings = Standings::new(&config, &mut Rng::from_u64(1));
            let (mut received, mut sent) = ([0u64; 20], [0u64; 20]);
            for step in steps {
                match step {
                    Step::Came(number, bytes) => {
                        standings.came(host(number), bytes.into());
                        received[usize::from(number)] += u64::from(bytes);
                    }
                    Step::Answer(number, bytes) => {
                        if standings.answer(host(number), bytes.into(), at(1), &config) {
                            sent[usize::from(number)] += u64::from(bytes);
                        }
                    }
                }
                prop_assert!(standings.len().0 <= 8);
                for (received, sent) in received.iter().zip(&sent) {
                    prop_assert!(*sent <= 3 * received);
                }
            }
        }
    }
}
