//! Those who ask us to connect back to them, so that they learn whether they can be reached.
//!
//! Only ever to the address that the question came from: nobody can send us to a third. And
//! seldom, or we would be a port scanner in somebody's hands.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::node::rate::PerAddress;
use crate::node::{Config, ConnId, Time};

/// Window of `Config::favours_per_address_max`.
const ADDRESS_WINDOW: Duration = Duration::from_secs(3_600);

/// Window of `Config::favours_per_minute_max`.
const MINUTE: Duration = Duration::from_secs(60);

/// What was done for whom of late. The two ways are counted apart: a servent tests both.
#[derive(Debug)]
pub(crate) struct Favours {
    /// Whom to connect back to, in the order of asking. Whoever was not served would take that
    /// for a shut door; and those who ask at the same moment do so again and again.
    wanted: VecDeque<SocketAddr>,
    /// The connection back that is being opened: one at a time.
    opening: Option<ConnId>,
    tcp: Counts,
    udp: Counts,
}

#[derive(Debug)]
struct Counts {
    by_address: PerAddress,
    minute_began: Time,
    in_minute: u16,
}

impl Favours {
    /// None yet.
    pub(crate) fn new(config: &Config) -> Favours {
        Favours {
            wanted: VecDeque::new(),
            opening: None,
            tcp: Counts::new(config),
            udp: Counts::new(config),
        }
    }

    /// Whether to connect back to this address; counts it if so, and takes note of it.
    pub(crate) fn admit_tcp(&mut self, now: Time, to: SocketAddr, config: &Config) -> bool {
        let room = self.wanted.len() < usize::from(config.favours_per_minute_max);
        let admitted = room && self.tcp.admit(now, to.ip(), config);
        if admitted {
            self.wanted.push_back(to);
        }
        admitted
    }

    /// Whom to connect back to now, one at a time; `opened` follows.
    pub(crate) fn take_wanted(&mut self) -> Option<SocketAddr> {
        if self.opening.is_some() { None } else { self.wanted.pop_front() }
    }

    /// Whether to send a ping by UDP to this address now; counts it if so.
    pub(crate) fn admit_udp(&mut self, now: Time, to: IpAddr, config: &Config) -> bool {
        self.udp.admit(now, to, config)
    }

    /// The connection is being opened.
    pub(crate) fn opened(&mut self, conn: ConnId) {
        self.opening = Some(conn);
    }

    /// A connection is gone. Says whether it was one back, and somebody waits for the next.
    pub(crate) fn done(&mut self, conn: ConnId) -> bool {
        let done = self.opening == Some(conn);
        if done {
            self.opening = None;
        }
        done && !self.wanted.is_empty()
    }
}

impl Counts {
    fn new(config: &Config) -> Counts {
        let (times, addresses) = (config.favours_per_address_max, config.counted_addresses_max);
        Counts {
            by_address: PerAddress::new(ADDRESS_WINDOW, times, addresses),
            minute_began: Time::ZERO,
            in_minute: 0,
        }
    }

    fn admit(&mut self, now: Time, to: IpAddr, config: &Config) -> bool {
        if now.since(self.minute_began) >= MINUTE {
            (self.minute_began, self.in_minute) = (now, 0);
        }
        let admitted =
            self.in_minute < config.favours_per_minute_max && self.by_address.admit(now, to);
        self.in_minute += u16::from(admitted);
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seldom_for_one_and_not_often_for_all() {
        let at = |s| Time::ZERO + Duration::from_secs(s);
        let ip = |last: u8| IpAddr::from([9, 9, 9, last]);
        let config =
            Config { favours_per_address_max: 2, favours_per_minute_max: 3, ..Config::default() };
        let mut favours = Favours::new(&config);
        let mut ask = |s, last| {
            let admitted = favours.admit_tcp(at(s), SocketAddr::new(ip(last), 80), &config);
            assert_eq!(favours.take_wanted().is_some(), admitted);
            admitted
        };
        assert_eq!([ask(0, 1), ask(0, 1), ask(0, 1)], [true, true, false]);
        assert_eq!([ask(1, 2), ask(1, 3), ask(60, 3)], [true, false, true]);
        assert_eq!([ask(3_599, 1), ask(3_600, 1)], [false, true]);
        assert!(favours.admit_udp(at(3_600), ip(1), &config), "counted apart");
    }

    #[test]
    fn those_who_ask_at_once_are_served_one_after_the_other() {
        let (config, now) = (Config { favours_per_minute_max: 2, ..Config::default() }, Time::ZERO);
        let host = |last: u8| SocketAddr::new([9, 9, 9, last].into(), 80);
        let mut favours = Favours::new(&config);
        let asked = [1, 2, 3].map(|last| favours.admit_tcp(now, host(last), &config));
        assert_eq!(asked, [true, true, false], "no more than in a minute");
        assert_eq!(favours.take_wanted(), Some(host(1)));
        favours.opened(ConnId::ordered(1));
        assert_eq!(favours.take_wanted(), None, "one at a time");
        assert!(!favours.done(ConnId::ordered(2)), "that is another one");
        assert!(favours.done(ConnId::ordered(1)), "somebody waits");
        assert_eq!(favours.take_wanted(), Some(host(2)));
        favours.opened(ConnId::ordered(3));
        assert!(!favours.done(ConnId::ordered(3)), "nobody waits");
    }
}
