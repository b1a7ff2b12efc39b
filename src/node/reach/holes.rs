//! Whom we sent datagrams to: a firewall lets their datagrams in for a while, which proves nothing.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::node::Time;

/// How long a firewall may let answers in after a datagram went out.
const OPEN_FOR: Duration = Duration::from_secs(300);

/// The addresses that a firewall may let in.
#[derive(Debug, Default)]
pub(crate) struct Holes {
    last_sent: BTreeMap<IpAddr, Time>,
    /// Until then some are not known.
    blind_until: Time,
}

impl Holes {
    /// A datagram goes out.
    pub(crate) fn sent(&mut self, now: Time, to: IpAddr, addresses_max: u32) {
        if let Some(at) = self.last_sent.get_mut(&to) {
            *at = now;
            return;
        }
        if self.last_sent.len() >= addresses_max as usize {
            self.last_sent.retain(|_, at| now.since(*at) < OPEN_FOR);
        }
        if self.last_sent.len() >= addresses_max as usize {
            self.blind_until = now + OPEN_FOR;
        } else {
            self.last_sent.insert(to, now);
        }
    }

    /// Whether a datagram from there may be an answer. When it is not known, it may.
    pub(crate) fn lead_to(&self, now: Time, from: IpAddr) -> bool {
        let sent = self.last_sent.get(&from).is_some_and(|&at| now.since(at) < OPEN_FOR);
        sent || now < self.blind_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_written_to_may_answer_for_a_while() {
        let at = |s| Time::ZERO + Duration::from_secs(s);
        let ip = |last: u8| IpAddr::from([9, 9, 9, last]);
        let mut holes = Holes::default();
        holes.sent(at(0), ip(1), 2);
        assert!(holes.lead_to(at(299), ip(1)) && !holes.lead_to(at(299), ip(2)));
        assert!(!holes.lead_to(at(300), ip(1)));
        holes.sent(at(300), ip(2), 2);
        holes.sent(at(301), ip(3), 2);
        assert!(!holes.lead_to(at(302), ip(9)), "the oldest made room");
        // A third does not fit: from now on anybody may be the one that is not known.
        holes.sent(at(302), ip(4), 2);
        assert!(holes.lead_to(at(400), ip(9)) && !holes.lead_to(at(603), ip(9)));
    }
}
