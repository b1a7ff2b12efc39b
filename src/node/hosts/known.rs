//! What is known of one host, and where it is, as small as it can be: a node remembers thousands of
//! them, and a million simulated nodes remember dozens each.

use std::net::{IpAddr, SocketAddr};

use super::cache::Hearsay;
use crate::node::filter;
use crate::node::io::HostRecord;
use crate::node::{Time, WallTime};

pub(super) const HOUR_S: u64 = 3_600;
pub(super) const DAY_S: u64 = 24 * HOUR_S;

/// A network as whoever gets many addresses gets them: 16 bits of IPv4, 32 of IPv6. None for
/// addresses without a meaning on the public network: our own network is small anyway.
pub(super) type Network = Option<(bool, u32)>;

/// The network of an address.
pub(super) fn network_of(ip: IpAddr) -> Network {
    let ip = ip.to_canonical();
    let network = match ip {
        IpAddr::V4(ip) => (false, ip.to_bits() >> 16),
        IpAddr::V6(ip) => (true, (ip.to_bits() >> 96) as u32),
    };
    filter::is_routable(ip).then_some(network)
}

/// What is known of a host. Seconds since 1970 in 32 bits last until 2106.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    pub(super) retry_at: Time,
    last_success_s: u32,
    /// When somebody last spoke of it.
    pub(super) heard_s: u32,
    /// The network of who first spoke of it: whether it is one of IPv6, if it is known.
    teller_is_v6: Option<bool>,
    teller_prefix: u32,
    /// How long it is up, or our links with it were, on average.
    uptime_s: u32,
    successes: u16,
    /// In a row.
    pub(super) failures: u8,
    /// Whether it is an ultrapeer, if it or somebody said so.
    ultrapeer: Option<bool>,
    /// Whether it had free slots when it was heard of.
    pub(super) free_slots: bool,
}

impl Known {
    /// A host of which somebody speaks for the first time.
    pub(super) fn told_by(teller: Network) -> Known {
        Known {
            teller_is_v6: teller.map(|(is_v6, _)| is_v6),
            teller_prefix: teller.map_or(0, |(_, prefix)| prefix),
            ..Known::default()
        }
    }

    /// A host of an earlier run.
    pub(super) fn of_record(record: &HostRecord) -> Known {
        Known {
            last_success_s: seconds(record.last_success_s),
            heard_s: seconds(record.heard_s),
            uptime_s: record.uptime_s,
            successes: record.successes,
            failures: record.failures,
            ultrapeer: record.ultrapeer,
            ..Known::default()
        }
    }

    /// For the next run.
    pub(super) fn record(&self, address: SocketAddr) -> HostRecord {
        HostRecord {
            address,
            last_success_s: self.last_success_s.into(),
            failures: self.failures,
            heard_s: self.heard_s.into(),
            successes: self.successes,
            uptime_s: self.uptime_s,
            ultrapeer: self.ultrapeer,
        }
    }

    /// The network of who first spoke of it.
    pub(super) fn teller(&self) -> Network {
        self.teller_is_v6.map(|is_v6| (is_v6, self.teller_prefix))
    }

    /// Somebody speaks of it.
    pub(super) fn hears(&mut self, says: Hearsay, wall: WallTime) {
        self.heard_s = seconds(wall.as_secs());
        if says.ultrapeer.is_some() {
            self.ultrapeer = says.ultrapeer;
        }
        self.free_slots = says.free_slots;
        if let (0, Some(uptime_s)) = (self.successes, says.uptime_s) {
            self.uptime_s = uptime_s;
        }
    }

    /// We had a handshake with it.
    pub(super) fn succeeded(&mut self, ultrapeer: bool, wall: WallTime) {
        self.last_success_s = seconds(wall.as_secs());
        self.heard_s = self.last_success_s;
        self.successes = self.successes.saturating_add(1);
        self.failures = 0;
        self.ultrapeer = Some(ultrapeer);
    }

    /// A link with it has ended after so many seconds.
    pub(super) fn stayed(&mut self, stay_s: u32) {
        self.uptime_s = match self.uptime_s {
            0 => stay_s,
            before => before - before / 4 + stay_s / 4,
        };
    }

    /// Whether we ever had a handshake with it.
    pub(super) fn ever_answered(&self) -> bool {
        self.last_success_s > 0
    }

    /// Whether it answered when we last tried.
    pub(super) fn is_proven(&self) -> bool {
        self.ever_answered() && self.failures == 0
    }

    /// Leaves take no connections.
    pub(super) fn may_be_dialled(&self) -> bool {
        self.ultrapeer != Some(false)
    }

    /// What speaks for dialling it. What strangers say is worth less than one handshake of ours.
    pub(super) fn score(&self, now_s: u64) -> i32 {
        let since = |at_s: u32| now_s.saturating_sub(at_s.into());
        let success = match since(self.last_success_s) {
            _ if self.last_success_s == 0 => 0,
            age if age <= DAY_S => 60,
            age if age <= 7 * DAY_S => 50,
            _ => 40,
        };
        let heard = match since(self.heard_s) {
            age if age <= HOUR_S => 6,
            age if age <= DAY_S => 3,
            _ => 0,
        };
        let hours = i32::try_from(u64::from(self.uptime_s) / HOUR_S).unwrap_or(i32::MAX).min(6);
        let stays = if self.successes > 0 { 2 * hours } else { hours };
        let often = i32::from(self.successes.min(8));
        let hearsay = 4 * i32::from(self.ultrapeer == Some(true)) + 4 * i32::from(self.free_slots);
        success + often + stays + heard + hearsay - 25 * i32::from(self.failures)
    }
}

fn seconds(of: u64) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::Known;
    use crate::node::place::Place;

    #[test]
    fn a_host_is_small() {
        assert!(std::mem::size_of::<(Place, Known)>() <= 48);
    }
}
