//! Under which address others can reach us.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::Config;
use super::filter;
use crate::wire::Families;

/// What we know of our own address.
#[derive(Debug, Default)]
pub(super) struct OwnAddress {
    /// Our side of the last connection.
    local: Option<IpAddr>,
    /// What a neighbour saw us as, and who that was.
    claimed: Option<(IpAddr, IpAddr)>,
    /// What two neighbours that do not share a network saw us as.
    confirmed: Option<IpAddr>,
    /// What most nodes do not have.
    more: Option<Box<More>>,
}

#[derive(Debug, Default)]
struct More {
    /// Our side of the last connection over IPv6.
    ipv6: Option<Ipv6Addr>,
    /// From where the gateway of our network leads to us.
    mapped: Option<SocketAddr>,
}

impl OwnAddress {
    /// A connection stands; this is our side of it.
    pub(super) fn saw_local(&mut self, local: IpAddr) {
        let local = local.to_canonical();
        if let IpAddr::V6(ip) = local {
            self.more.get_or_insert_default().ipv6 = Some(ip);
        }
        // With both, IPv4 is what we are known by.
        let keeps_ipv4 = local.is_ipv6() && self.local.is_some_and(|before| before.is_ipv4());
        if !local.is_unspecified() && !keeps_ipv4 {
            self.local = Some(local);
        }
    }

    /// A neighbour that we connected to says that it sees us as this. One alone is not believed:
    /// it could send others' downloads anywhere.
    pub(super) fn saw_remote(&mut self, claimed: IpAddr, by: IpAddr, local_allowed: bool) {
        if !local_allowed && !filter::is_routable(claimed) {
            return;
        }
        let independent = |one: IpAddr| if local_allowed { one != by } else { !near(one, by) };
        if self.claimed.is_some_and(|(before, one)| before == claimed && independent(one)) {
            self.confirmed = Some(claimed);
        }
        self.claimed = Some((claimed, by));
    }

    /// The gateway leads to us from there, or from nowhere any more.
    pub(super) fn mapped(&mut self, external: Option<SocketAddr>) {
        if external.is_some() || self.more.is_some() {
            self.more.get_or_insert_default().mapped = external;
        }
    }

    /// From where the gateway of our network leads to us.
    fn external(&self) -> Option<SocketAddr> {
        self.more.as_ref()?.mapped
    }

    /// Our IPv6 address if we have one beside an IPv4 one and listen at both.
    pub(super) fn ipv6_beside(&self, config: &Config) -> Option<Ipv6Addr> {
        let both = config.families() == Families::Both && self.public(config).is_ipv4();
        self.more.as_ref().and_then(|more| more.ipv6).filter(|ip| both && !ip.is_unspecified())
    }

    /// Whether our side of connections has an address of the public network itself.
    pub(super) fn local_is_public(&self) -> bool {
        self.local.is_some_and(filter::is_routable)
    }

    /// The address for hits, pongs and pushes. One of a local network counts only as long as none
    /// of the public network is known.
    pub(super) fn public(&self, config: &Config) -> SocketAddr {
        let configured = Some(config.listen.ip()).filter(|ip| !ip.is_unspecified());
        let mapped = self.external().map(|external| external.ip());
        let known = [configured, mapped, self.confirmed, self.local];
        let public = known.into_iter().flatten().find(|ip| filter::is_routable(*ip));
        let ip = public.or(configured).or(self.confirmed).or(self.local);
        let port = self.external().map_or(config.listen.port(), |external| external.port());
        SocketAddr::new(ip.unwrap_or(config.listen.ip()), port)
    }

    /// The address for a handshake with `peer` on a connection whose our side is `local`: the
    /// other side believes it only if it is where the connection comes from. None if we do not
    /// listen.
    pub(super) fn on_connection(
        &self,
        local: IpAddr,
        peer: IpAddr,
        config: &Config,
    ) -> Option<SocketAddr> {
        if let Some(external) = self.external().filter(|_| filter::is_routable(peer.to_canonical()))
        {
            return Some(external);
        }
        let configured = Some(config.listen.ip()).filter(|ip| !ip.is_unspecified());
        let address = SocketAddr::new(configured.unwrap_or(local), config.listen.port());
        (address.port() != 0 && !address.ip().is_unspecified()).then_some(address)
    }
}

/// Whether two addresses are likely to be one party's: an IPv4 /16, an IPv6 /32.
fn near(one: IpAddr, other: IpAddr) -> bool {
    match (one.to_canonical(), other.to_canonical()) {
        (IpAddr::V4(one), IpAddr::V4(other)) => one.octets()[..2] == other.octets()[..2],
        (IpAddr::V6(one), IpAddr::V6(other)) => one.octets()[..4] == other.octets()[..4],
        _ => false,
    }
}

/// Whether our neighbours are of the public network or of a local one.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    local: u32,
    public: u32,
}

impl Surroundings {
    /// A neighbour has come.
    pub(super) fn came(&mut self, peer: IpAddr) {
        *self.of(peer) += 1;
    }

    /// A neighbour has left.
    pub(super) fn left(&mut self, peer: IpAddr) {
        let count = self.of(peer);
        *count = count.saturating_sub(1);
    }

    /// Whether all neighbours are of a local network, and there is one.
    pub(super) fn is_local(&self) -> bool {
        self.local > 0 && self.public == 0
    }

    fn of(&mut self, peer: IpAddr) -> &mut u32 {
        if filter::is_routable(peer.to_canonical()) { &mut self.public } else { &mut self.local }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_witness_is_not_enough() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let config = Config::default();
        let mut own = OwnAddress::default();
        own.saw_local(ip("10.0.0.5"));
        assert_eq!(own.public(&config), "10.0.0.5:6346".parse().unwrap());
        own.saw_remote(ip("8.8.8.8"), ip("1.1.1.1"), false);
        own.saw_remote(ip("8.8.8.8"), ip("1.1.1.1"), false);
        own.saw_remote(ip("8.8.8.8"), ip("1.1.2.2"), false);
        assert_eq!(own.public(&config).ip(), ip("10.0.0.5"), "one network is one witness");
        own.saw_remote(ip("8.8.8.8"), ip("2.2.2.2"), false);
        assert_eq!(own.public(&config).ip(), ip("8.8.8.8"));
        let at_home = Config { listen: "10.0.0.5:6346".parse().unwrap(), ..config.clone() };
        assert_eq!(own.public(&at_home), "8.8.8.8:6346".parse().unwrap());
        own.mapped(Some("8.8.4.4:7000".parse().unwrap()));
        assert_eq!(own.public(&at_home), "8.8.4.4:7000".parse().unwrap());
        let listen = |peer| own.on_connection(ip("10.0.0.5"), ip(peer), &config).unwrap();
        assert_eq!(listen("9.9.9.9").port(), 7000);
        assert_eq!(listen("10.0.0.6").port(), 6346, "at home the gateway is not between");
        own.mapped(None);
        let config = Config { listen: "9.9.9.9:1".parse().unwrap(), ..config };
        assert_eq!(own.public(&config), "9.9.9.9:1".parse().unwrap());
    }

    #[test]
    fn with_both_families_ipv4_comes_first_and_ipv6_stands_beside_it() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let config = Config { listen: "[::]:6346".parse().unwrap(), ..Config::default() };
        let mut own = OwnAddress::default();
        own.saw_local(ip("2001:db8::5"));
        assert_eq!(own.public(&config), "[2001:db8::5]:6346".parse().unwrap());
        assert_eq!(own.ipv6_beside(&config), None);
        own.saw_local(ip("::ffff:10.0.0.5"));
        own.saw_local(ip("2001:db8::5"));
        assert_eq!(own.public(&config), "10.0.0.5:6346".parse().unwrap());
        assert_eq!(own.ipv6_beside(&config), Some("2001:db8::5".parse().unwrap()));
        assert_eq!(own.ipv6_beside(&Config::default()), None, "nobody listens there");
    }

    #[test]
    fn one_public_neighbour_makes_the_surroundings_public() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let mut around = Surroundings::default();
        assert!(!around.is_local(), "nobody is there");
        around.came(ip("192.168.1.2"));
        around.came(ip("::ffff:127.0.0.1"));
        assert!(around.is_local());
        around.came(ip("8.8.8.8"));
        assert!(!around.is_local());
        around.left(ip("8.8.8.8"));
        assert!(around.is_local());
    }
}
