//! Our own pings by UDP: a pong counts only if it carries the GUID of one and comes from where that
//! one went. Nobody else can know it, so it proves the address, too (protocol.md section 16).

use std::net::SocketAddr;
use std::time::Duration;

use super::host_of;
use crate::node::recent::Recent;
use crate::node::{Config, Rng, Time};
use crate::wire::Guid;

/// What a ping is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Hosts to connect to.
    Hosts,
    /// That somebody is there, and is whose the address is.
    Proof,
}

/// A ping that awaits its pong.
#[derive(Clone, Copy, Debug)]
struct Pinged {
    host: SocketAddr,
    purpose: Purpose,
    until: Time,
}

/// All of them; at the limit the oldest goes.
#[derive(Debug)]
pub(crate) struct Pings {
    awaited: Recent<Guid, Pinged>,
}

impl Pings {
    /// None yet.
    pub(crate) fn new(config: &Config, rng: &mut Rng) -> Pings {
        Pings { awaited: Recent::new(config.datagram_pings_max.into(), rng) }
    }

    /// One was sent.
    pub(crate) fn sent(
        &mut self,
        guid: Guid,
        to: SocketAddr,
        purpose: Purpose,
        now: Time,
        config: &Config,
    ) {
        let until = now + Duration::from_secs(config.datagram_ping_timeout_s.into());
        self.awaited.put(guid, Pinged { host: host_of(to), purpose, until });
    }

    /// What the ping with this GUID was for, if it went where the pong comes from and not long ago.
    pub(crate) fn answered(&mut self, guid: &Guid, from: SocketAddr, now: Time) -> Option<Purpose> {
        let pinged = self.awaited.get(guid)?;
        (pinged.host == host_of(from) && now < pinged.until).then_some(pinged.purpose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pong_counts_in_time_and_from_where_the_ping_went() {
        let config = Config { datagram_pings_max: 2, ..Config::default() };
        let mut pings = Pings::new(&config, &mut Rng::from_u64(1));
        let at = |seconds| Time::ZERO + Duration::from_secs(seconds);
        let host = |number| SocketAddr::from(([9, 9, 9, number], 6346));
        let guid = |number| Guid([number; 16]);
        for number in 1..=3 {
            pings.sent(guid(number), host(number), Purpose::Hosts, at(0), &config);
        }
        assert_eq!(pings.answered(&guid(1), host(1), at(1)), None, "it made room");
        assert_eq!(pings.answered(&guid(2), host(3), at(1)), None);
        assert_eq!(pings.answered(&guid(2), host(2), at(1)), Some(Purpose::Hosts));
        let late = at(config.datagram_ping_timeout_s.into());
        assert_eq!(pings.answered(&guid(2), host(2), late), None);
    }
}
