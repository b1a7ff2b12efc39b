//! Those for whom we are a push proxy: they cannot be connected to, so we hand them the pushes of
//! their downloaders (protocol.md section 22).
//!
//! A push names an address to connect to. Whoever asks us to hand one over names its own, or
//! nothing is handed over.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::node::rate::PerAddress;
use crate::node::{Config, ConnId, Time, Why};
use crate::wire::Guid;

/// Window of `Config::pushes_per_address_max`.
const WINDOW: Duration = Duration::from_secs(30);

/// Who asked us to hand it its pushes.
#[derive(Debug)]
pub(super) struct Proxied {
    servents: BTreeMap<Guid, ConnId>,
    handed: PerAddress,
}

impl Proxied {
    pub(super) fn new(config: &Config) -> Proxied {
        let (times, addresses) = (config.pushes_per_address_max, config.counted_addresses_max);
        Proxied { servents: BTreeMap::new(), handed: PerAddress::new(WINDOW, times, addresses) }
    }

    /// The servent at the other end of this link asks; says whether it is agreed. A GUID is its
    /// first claimant's while the link stands, and a link claims one.
    pub(super) fn agree(&mut self, servent: Guid, link: ConnId, config: &Config) -> bool {
        if let Some(&first) = self.servents.get(&servent) {
            return first == link;
        }
        let has_one = self.servents.values().any(|&other| other == link);
        let fits = !has_one && self.servents.len() < usize::from(config.push_proxied_max);
        if fits {
            self.servents.insert(servent, link);
        }
        fits
    }

    /// The link is gone, or its servent does not need us any more.
    pub(super) fn end(&mut self, link: ConnId) {
        self.servents.retain(|_, of| *of != link);
    }

    /// The link to a servent.
    pub(super) fn way(&self, servent: &Guid) -> Option<ConnId> {
        self.servents.get(servent).copied()
    }

    /// For how many servents.
    pub(super) fn len(&self) -> usize {
        self.servents.len()
    }

    /// Somebody at `asker` asks us to have the servent connect to `to`: by which link.
    pub(super) fn hand(
        &mut self,
        now: Time,
        servent: &Guid,
        asker: IpAddr,
        to: SocketAddr,
    ) -> Result<ConnId, Why> {
        let link = self.way(servent).ok_or(Why::NoPushRoute)?;
        if to.ip().to_canonical() != asker.to_canonical() || to.port() == 0 {
            return Err(Why::BadPush);
        }
        if self.handed.admit(now, asker) { Ok(link) } else { Err(Why::Throttled) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_is_its_first_claimants_and_a_link_claims_one() {
        let config = Config { push_proxied_max: 2, ..Config::default() };
        let (guid, link) = (|n| Guid([n; 16]), ConnId::accepted);
        let mut proxied = Proxied::new(&config);
        let claims = [(1, 1), (1, 1), (1, 2), (2, 1), (2, 2), (3, 3)];
        let agreed = claims.map(|(g, l)| proxied.agree(guid(g), link(l), &config));
        assert_eq!(agreed, [true, true, false, false, true, false]);
        proxied.end(link(1));
        assert!(proxied.agree(guid(1), link(3), &config));
        assert_eq!((proxied.way(&guid(1)), proxied.len()), (Some(link(3)), 2));
    }

    #[test]
    fn only_the_asker_itself_is_connected_to_and_not_often() {
        let config = Config { pushes_per_address_max: 2, ..Config::default() };
        let (servent, link) = (Guid([1; 16]), ConnId::accepted(1));
        let asker = IpAddr::from([8, 8, 8, 8]);
        let mut proxied = Proxied::new(&config);
        let hand = |proxied: &mut Proxied, to: &str| {
            proxied.hand(Time::ZERO, &servent, asker, to.parse().unwrap())
        };
        assert_eq!(hand(&mut proxied, "8.8.8.8:1"), Err(Why::NoPushRoute));
        assert!(proxied.agree(servent, link, &config));
        assert_eq!(hand(&mut proxied, "8.8.4.4:1"), Err(Why::BadPush));
        assert_eq!(hand(&mut proxied, "8.8.8.8:0"), Err(Why::BadPush));
        assert_eq!(hand(&mut proxied, "8.8.8.8:1"), Ok(link));
        assert_eq!(hand(&mut proxied, "[::ffff:8.8.8.8]:2"), Ok(link));
        assert_eq!(hand(&mut proxied, "8.8.8.8:3"), Err(Why::Throttled));
    }
}
