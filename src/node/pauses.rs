//! Addresses that strangers have us connect to and that answer nothing are left alone, each time
//! twice as long; bounded in addresses, too.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::node::Time;

/// After so many doublings a pause grows no more.
const DOUBLINGS_MAX: u8 = 5;

/// Which addresses are left alone until when.
#[derive(Clone, Debug)]
pub(crate) struct Pauses {
    first: Duration,
    addresses_max: usize,
    paused: BTreeMap<IpAddr, Pause>,
}

#[derive(Clone, Debug)]
struct Pause {
    doublings: u8,
    until: Time,
}

impl Pauses {
    /// The first pause of an address takes so long; so many addresses are remembered.
    pub(crate) fn new(first: Duration, addresses_max: u32) -> Pauses {
        let addresses_max = usize::try_from(addresses_max.max(1)).unwrap_or(usize::MAX);
        Pauses { first, addresses_max, paused: BTreeMap::new() }
    }

    /// Whether `address` may be tried now. One that failed before is taken to fail again until it
    /// answers, so that it is tried once and not by several at the same time.
    pub(crate) fn admit(&mut self, now: Time, address: IpAddr) -> bool {
        let Some(pause) = self.paused.get_mut(&address) else { return true };
        let over = now >= pause.until;
        if over {
            pause.doublings = (pause.doublings + 1).min(DOUBLINGS_MAX);
            pause.until = now + self.first * (1 << pause.doublings);
        }
        over
    }

    /// It did not answer. When too many are remembered the one goes whose pause ends first.
    pub(crate) fn failed(&mut self, now: Time, address: IpAddr) {
        if self.paused.contains_key(&address) {
            return;
        }
        if self.paused.len() >= self.addresses_max {
            let first = self.paused.iter().min_by_key(|(_, pause)| pause.until);
            if let Some(first) = first.map(|(&address, _)| address) {
                self.paused.remove(&first);
            }
        }
        self.paused.insert(address, Pause { doublings: 0, until: now + self.first });
    }

    /// It answered.
    pub(crate) fn answered(&mut self, address: IpAddr) {
        self.paused.remove(&address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn at(seconds: u64) -> Time {
        Time::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn each_pause_is_twice_the_one_before_until_it_answers() {
        let mut pauses = Pauses::new(Duration::from_secs(10), 8);
        assert!(pauses.admit(at(0), address(1)) && pauses.admit(at(0), address(1)));
        pauses.failed(at(1), address(1));
        pauses.failed(at(2), address(1));
        let mut tried = Vec::new();
        for second in 2..=1_000 {
            if pauses.admit(at(second), address(1)) {
                tried.push(second);
                pauses.failed(at(second), address(1));
            }
        }
        assert_eq!(tried, [11, 31, 71, 151, 311, 631, 951]);
        assert!(pauses.admit(at(1_000), address(2)), "another address");
        pauses.answered(address(1));
        assert!(pauses.admit(at(1_000), address(1)));
    }

    #[test]
    fn when_too_many_failed_the_pause_that_ends_first_is_forgotten() {
        let mut pauses = Pauses::new(Duration::from_secs(10), 2);
        for last in 1..=3 {
            pauses.failed(at(last.into()), address(last));
        }
        assert_eq!(pauses.paused.len(), 2);
        let admitted = [1, 2, 3].map(|last| pauses.admit(at(4), address(last)));
        assert_eq!(admitted, [true, false, false]);
    }
}
