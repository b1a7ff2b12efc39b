//! How often one address may have something within a window; bounded in addresses, too.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::node::Time;

/// Counts by address within windows of fixed length.
#[derive(Clone, Debug)]
pub(crate) struct PerAddress {
    window: Duration,
    times_max: u16,
    addresses_max: usize,
    counted: BTreeMap<IpAddr, (Time, u16)>,
}

impl PerAddress {
    /// At most `times_max` for one address within `window`, for at most `addresses_max` addresses.
    pub(crate) fn new(window: Duration, times_max: u16, addresses_max: u32) -> PerAddress {
        let addresses_max = usize::try_from(addresses_max).unwrap_or(usize::MAX);
        PerAddress { window, times_max, addresses_max, counted: BTreeMap::new() }
    }

    /// `address` shall not have it again within a window that begins now.
    pub(crate) fn spend(&mut self, now: Time, address: IpAddr) {
        if let Some(counted) = self.counted.get_mut(&address) {
            *counted = (now, self.times_max);
        }
    }

    /// Whether `address` may have it once more now; counts it if so. When more addresses come
    /// than can be counted, newcomers have to wait: what cannot be counted cannot be limited.
    pub(crate) fn admit(&mut self, now: Time, address: IpAddr) -> bool {
        if let Some((since, times)) = self.counted.get_mut(&address) {
            if now.since(*since) >= self.window {
                (*since, *times) = (now, 0);
            }
            let admitted = *times < self.times_max;
            *times += u16::from(admitted);
            return admitted;
        }
        if self.counted.len() >= self.addresses_max {
            self.counted.retain(|_, (since, _)| now.since(*since) < self.window);
        }
        let admitted = self.counted.len() < self.addresses_max && self.times_max > 0;
        if admitted {
            self.counted.insert(address, (now, 1));
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn a_window_admits_so_many_and_the_next_one_again() {
        let mut rate = PerAddress::new(Duration::from_secs(30), 2, 10);
        let later = Time::ZERO + Duration::from_secs(30);
        let admitted = [Time::ZERO, Time::ZERO, Time::ZERO, later];
        assert_eq!(admitted.map(|now| rate.admit(now, address(1))), [true, true, false, true]);
        assert!(rate.admit(Time::ZERO, address(2)), "another address has a count of its own");
    }

    #[test]
    fn what_is_spent_comes_back_after_a_window() {
        let mut rate = PerAddress::new(Duration::from_secs(30), 9, 3);
        let at = |seconds| Time::ZERO + Duration::from_secs(seconds);
        assert!(rate.admit(at(0), address(1)));
        rate.spend(at(20), address(1));
        assert!(!rate.admit(at(49), address(1)) && rate.admit(at(50), address(1)));
    }

    #[test]
    fn a_full_table_makes_room_for_newcomers_only_when_a_window_is_over() {
        let mut rate = PerAddress::new(Duration::from_secs(30), 2, 3);
        assert!((1..=3).all(|last| rate.admit(Time::ZERO, address(last))));
        assert!(!rate.admit(Time::ZERO, address(4)));
        assert!(rate.admit(Time::ZERO + Duration::from_secs(31), address(4)));
        assert_eq!(rate.counted.len(), 1);
    }
}
