//! One way in, TCP or UDP: whether strangers find it open, how we know, and whom to ask next.

use std::net::IpAddr;
use std::time::Duration;

use super::{Because, DoorView, Openness};
use crate::node::{Config, Time};

/// Hosts that came in by themselves and are told apart; more are not counted.
const HOSTS_MAX: usize = 8;

/// Neighbours asked of which we remember when; those asked longest ago are forgotten first.
const ASKED_MAX: usize = 64;

/// What is known of one way in.
#[derive(Debug)]
pub(crate) struct Door {
    openness: Openness,
    /// Since when it is so.
    since: Time,
    /// Who came in by themselves since.
    came: Vec<IpAddr>,
    /// When somebody last did.
    came_at: Time,
    /// Whom we asked, and until when the answer is awaited.
    tests: Vec<(IpAddr, Time)>,
    /// Tests in a row that nobody answered.
    failed: u32,
    /// Whom we asked lately, and when.
    asked: Vec<(IpAddr, Time)>,
}

/// What decides whom to ask.
#[derive(Clone, Copy, Debug)]
struct Facts {
    /// What is believed.
    pub openness: Openness,
    /// When somebody last came in by itself.
    pub came_at: Time,
    /// When we last asked somebody.
    pub asked_at: Option<Time>,
    /// Tests in a row that nobody answered.
    pub failed: u32,
    /// Tests that may still be answered.
    pub under_way: u32,
}

/// How many neighbours to ask now; if none, when to think about it again. What is believed for
/// long is tested anew, and one who cannot be asked twice is not: see [`Door::whom_to_ask`].
fn tests_wanted(now: Time, facts: &Facts, config: &Config) -> (u32, Time) {
    let enough = u32::from(config.reach_tests);
    let missing = enough.saturating_sub(facts.failed + facts.under_way);
    let seconds = |s: u32| Duration::from_secs(s.into());
    match facts.openness {
        Openness::Unknown => (missing, Time::NEVER),
        Openness::Open => {
            let stale_at = facts.came_at + seconds(config.reach_believed_s);
            if now >= stale_at { (missing, Time::NEVER) } else { (0, stale_at) }
        }
        Openness::Closed if missing > 0 => (missing, Time::NEVER),
        Openness::Closed => {
            let again_at = facts.asked_at.map_or(now, |at| at + seconds(config.reach_believed_s));
            if now >= again_at {
                (u32::from(facts.under_way == 0), Time::NEVER)
            } else {
                (0, again_at)
            }
        }
    }
}

impl Default for Door {
    fn default() -> Door {
        Door {
            openness: Openness::Unknown,
            since: Time::ZERO,
            came: Vec::new(),
            came_at: Time::ZERO,
            tests: Vec::new(),
            failed: 0,
            asked: Vec::new(),
        }
    }
}

impl Door {
    /// What is believed.
    pub(crate) fn openness(&self) -> Openness {
        self.openness
    }

    /// Somebody came in by itself: it is open.
    pub(crate) fn came(&mut self, now: Time, from: IpAddr) {
        if self.openness != Openness::Open {
            self.openness = Openness::Open;
            self.since = now;
            self.came.clear();
        }
        if self.came.len() < HOSTS_MAX && !self.came.contains(&from) {
            self.came.push(from);
        }
        self.came_at = now;
        self.failed = 0;
        self.tests.clear();
    }

    /// Whether this host was asked to come and may still do so.
    pub(crate) fn awaits(&self, ip: IpAddr) -> bool {
        self.tests.iter().any(|&(asked, _)| asked == ip)
    }

    /// Whether this host was asked lately, whatever became of it.
    pub(crate) fn has_asked(&self, ip: IpAddr) -> bool {
        self.asked.iter().any(|&(asked, _)| asked == ip)
    }

    /// Whom of these neighbours to ask now. None of them is asked twice within
    /// `Config::reach_ask_again_s`, whatever the need. The second value: when to look again.
    fn whom_to_ask(
        &self,
        now: Time,
        neighbours: &[IpAddr],
        config: &Config,
    ) -> (Vec<IpAddr>, Time) {
        let facts = Facts {
            openness: self.openness,
            came_at: self.came_at,
            asked_at: self.asked.iter().map(|&(_, at)| at).max(),
            failed: self.failed,
            under_way: u32::try_from(self.tests.len()).unwrap_or(u32::MAX),
        };
        let (wanted, again_at) = tests_wanted(now, &facts, config);
        let pause = Duration::from_secs(config.reach_ask_again_s.into());
        let rested = |ip: &IpAddr| {
            self.asked.iter().find(|(asked, _)| asked == ip).map(|&(_, at)| at + pause)
        };
        let mut chosen: Vec<IpAddr> = Vec::new();
        let mut next = again_at;
        for &ip in neighbours {
            if chosen.len() >= wanted as usize {
                break;
            }
            match rested(&ip) {
                Some(at) if at > now => next = next.min(at),
                _ if !chosen.contains(&ip) => chosen.push(ip),
                _ => {}
            }
        }
        (chosen, next)
    }

    /// This neighbour was asked.
    fn asked(&mut self, now: Time, ip: IpAddr, config: &Config) {
        self.asked.retain(|&(asked, _)| asked != ip);
        if self.asked.len() >= ASKED_MAX {
            self.asked.remove(0);
        }
        self.asked.push((ip, now));
        self.tests.push((ip, now + Duration::from_secs(config.reach_test_s.into())));
    }

    /// A neighbour has left: that it does not come any more says nothing.
    pub(crate) fn left(&mut self, ip: IpAddr) {
        self.tests.retain(|&(asked, _)| asked != ip);
    }

    /// Takes note of tests that are over and begins others with these neighbours, if any are
    /// wanted. Whom to ask now, and when to look again.
    pub(crate) fn test(
        &mut self,
        now: Time,
        neighbours: &[IpAddr],
        config: &Config,
    ) -> (Vec<IpAddr>, Time) {
        self.settle(now);
        let (mut chosen, mut next) = self.whom_to_ask(now, neighbours, config);
        if chosen.is_empty() && self.conclude(now) {
            (chosen, next) = self.whom_to_ask(now, neighbours, config);
        }
        chosen.iter().for_each(|&ip| self.asked(now, ip, config));
        let tests_end = self.tests.iter().map(|&(_, until)| until).min();
        (chosen, tests_end.map_or(next, |end| end.min(next)))
    }

    /// Counts the tests whose time is over.
    fn settle(&mut self, now: Time) {
        let before = self.tests.len();
        self.tests.retain(|&(_, until)| until > now);
        self.failed += u32::try_from(before - self.tests.len()).unwrap_or(u32::MAX);
    }

    /// Nobody else can be asked: if all tests failed, it is closed. Says whether that is news.
    fn conclude(&mut self, now: Time) -> bool {
        let silent = self.tests.is_empty() && self.failed > 0;
        let news = silent && self.openness != Openness::Closed;
        if news {
            self.openness = Openness::Closed;
            self.since = now;
            self.came.clear();
        }
        news
    }

    /// Something has changed between us and the network: what is known is worth nothing, and all
    /// may be asked again.
    pub(crate) fn forget(&mut self, now: Time) {
        *self = Door { since: now, ..Door::default() };
    }

    /// For people.
    pub(crate) fn view(&self) -> DoorView {
        let because = match self.openness {
            Openness::Open => Because::Came { hosts: count(self.came.len()) },
            Openness::Closed => Because::NoAnswer { tests: self.failed },
            Openness::Unknown if !self.tests.is_empty() => Because::Testing,
            Openness::Unknown => Because::NobodyToAsk,
        };
        DoorView { openness: self.openness, because, since_us: self.since.as_micros() }
    }
}

fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::ZERO + Duration::from_secs(seconds)
    }

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([9, 9, 9, last])
    }

    fn config() -> Config {
        Config {
            reach_tests: 3,
            reach_test_s: 30,
            reach_ask_again_s: 1_200,
            reach_believed_s: 3_600,
            ..Config::default()
        }
    }

    fn ask(door: &mut Door, second: u64, neighbours: &[IpAddr]) -> usize {
        door.test(at(second), neighbours, &config()).0.len()
    }

    #[test]
    fn three_neighbours_are_asked_and_their_silence_closes_the_door() {
        let mut door = Door::default();
        let neighbours = [ip(1), ip(1), ip(2), ip(3), ip(4)];
        assert_eq!(door.view().because, Because::NobodyToAsk);
        let asked = vec![ip(1), ip(2), ip(3)];
        assert_eq!(door.test(at(0), &neighbours, &config()), (asked, at(30)));
        assert_eq!(ask(&mut door, 29, &neighbours), 0);
        assert!(door.awaits(ip(3)) && !door.awaits(ip(4)));
        assert_eq!(door.view().because, Because::Testing);
        assert_eq!(door.test(at(30), &neighbours, &config()), (vec![], at(3_600)));
        assert_eq!(door.view().because, Because::NoAnswer { tests: 3 });
        assert_eq!(door.openness(), Openness::Closed);
        // Now and then one more is asked, and it may answer.
        assert_eq!(ask(&mut door, 3_599, &neighbours), 0);
        assert_eq!(ask(&mut door, 3_600, &neighbours), 1);
        door.came(at(3_605), ip(1));
        assert_eq!(door.view().because, Because::Came { hosts: 1 });
        assert_eq!(door.view().since_us, at(3_605).as_micros());
    }

    #[test]
    fn one_neighbour_alone_is_asked_but_not_often() {
        let mut door = Door::default();
        let asked: usize = (0..7_200).map(|second| ask(&mut door, second, &[ip(1)])).sum();
        assert_eq!((door.openness(), asked), (Openness::Closed, 4));
    }

    #[test]
    fn an_open_door_is_tested_when_nobody_comes_for_long() {
        let mut door = Door::default();
        door.came(at(10), ip(7));
        assert_eq!(door.test(at(20), &[ip(1)], &config()), (vec![], at(3_610)));
        assert_eq!(ask(&mut door, 3_610, &[ip(1)]), 1);
        door.left(ip(1));
        assert_eq!(ask(&mut door, 3_700, &[]), 0);
        assert_eq!(door.openness(), Openness::Open, "one who leaves says nothing");
        assert_eq!(ask(&mut door, 3_700, &[ip(2)]), 1);
        assert_eq!(ask(&mut door, 3_730, &[]), 0);
        assert_eq!(door.openness(), Openness::Closed);
        door.forget(at(3_731));
        assert_eq!(ask(&mut door, 3_731, &[ip(1), ip(2)]), 2);
    }
}
