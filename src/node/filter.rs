//! Which addresses may be learnt and dialled: strangers write them into packets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::rare::Rare;

/// Whether an address can be that of a servent. Private, loopback and other unroutable ones only
/// if `local` is allowed.
pub(crate) fn is_usable(address: SocketAddr, local: bool) -> bool {
    let ip = address.ip().to_canonical();
    address.port() != 0
        && !ip.is_unspecified()
        && !ip.is_multicast()
        && (local || is_routable(ip))
        && ip != IpAddr::V4(Ipv4Addr::BROADCAST)
}

/// Whether an address has a meaning on the public network.
pub(crate) fn is_routable(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_routable_v4(ip),
        IpAddr::V6(ip) => is_routable_v6(ip),
    }
}

/// Blocks of IPv4 where no servent can be: those of IANA's registry of special purposes, also the
/// few that are routed but belong to one service each, and 224.0.0.0/3 (multicast, reserved,
/// broadcast).
const SPECIAL_V4: &[(Ipv4Addr, u8)] = &[
    // This network, private ones, carriers' own, loopback, link-local.
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    // Protocols, AS112, multicast tunnels, relays of 6to4.
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 31, 196, 0), 24),
    (Ipv4Addr::new(192, 52, 193, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 175, 48, 0), 24),
    // Documents and measurements.
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 3),
];

/// Blocks inside 2000::/3 where no servent can be, by the same registry for IPv6. All that is
/// outside is not given out.
const SPECIAL_V6: &[(Ipv6Addr, u8)] = &[
    // Protocols (Teredo, ORCHID, measurements among them), documents, 6to4, AS112.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xDB8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x2620, 0x4F, 0x8000, 0, 0, 0, 0, 0), 48),
    (Ipv6Addr::new(0x3FFF, 0, 0, 0, 0, 0, 0, 0), 20),
];

fn is_routable_v4(ip: Ipv4Addr) -> bool {
    let is_in = |&(block, len): &(Ipv4Addr, u8)| {
        same_prefix(block.to_bits().into(), ip.to_bits().into(), 32, len)
    };
    !SPECIAL_V4.iter().any(is_in)
}

fn is_routable_v6(ip: Ipv6Addr) -> bool {
    let is_in =
        |&(block, len): &(Ipv6Addr, u8)| same_prefix(block.to_bits(), ip.to_bits(), 128, len);
    ip.segments()[0] & 0xE000 == 0x2000 && !SPECIAL_V6.iter().any(is_in)
}

/// Whether two addresses are of one network, as whoever owns one owns it whole: the first 16 bits
/// of IPv4 and 32 of IPv6.
pub(crate) fn same_subnet(one: IpAddr, other: IpAddr) -> bool {
    match (one.to_canonical(), other.to_canonical()) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            same_prefix(one.to_bits().into(), other.to_bits().into(), 32, 16)
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => {
            same_prefix(one.to_bits(), other.to_bits(), 128, 32)
        }
        _ => false,
    }
}

/// The addresses that the user does not want to talk to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Blocked {
    networks: Rare<Vec<(IpAddr, u8)>>,
}

impl Blocked {
    /// Adds a network; false if the list is full. A prefix longer than the address is the address.
    pub(crate) fn add(&mut self, network: IpAddr, prefix_len: u8, max: u32) -> bool {
        let entry = (network.to_canonical(), prefix_len);
        if self.networks.contains(&entry) {
            return true;
        }
        let fits = self.networks.len() < max as usize;
        if fits {
            self.networks.change(|networks| networks.push(entry));
        }
        fits
    }

    /// Takes a network off the list; says whether it was there.
    pub(crate) fn remove(&mut self, network: IpAddr, prefix_len: u8) -> bool {
        let before = self.networks.len();
        let entry = (network.to_canonical(), prefix_len);
        self.networks.change(|networks| networks.retain(|other| *other != entry));
        self.networks.len() < before
    }

    /// Whether an address is in one of the networks.
    pub(crate) fn contains(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.networks.iter().any(|&(network, prefix_len)| match (network, ip) {
            (IpAddr::V4(network), IpAddr::V4(ip)) => {
                same_prefix(network.to_bits().into(), ip.to_bits().into(), 32, prefix_len)
            }
            (IpAddr::V6(network), IpAddr::V6(ip)) => {
                same_prefix(network.to_bits(), ip.to_bits(), 128, prefix_len)
            }
            _ => false,
        })
    }

    /// All networks, in the order in which they were added.
    pub(crate) fn networks(&self) -> &[(IpAddr, u8)] {
        &self.networks
    }
}

fn same_prefix(a: u128, b: u128, bits: u32, prefix_len: u8) -> bool {
    let ignored = bits.saturating_sub(u32::from(prefix_len));
    (a ^ b).checked_shr(ignored).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_with_a_port_are_usable() {
        for (address, public, local) in [
            ("8.8.8.8:6346", true, true),
            ("8.8.8.8:0", false, false),
            ("127.0.0.1:1", false, true),
            ("10.1.2.3:1", false, true),
            ("100.64.0.1:1", false, true),
            ("0.0.0.0:1", false, false),
            ("224.0.0.1:1", false, false),
            ("255.255.255.255:1", false, false),
            ("[::1]:1", false, true),
            ("[fe80::1]:1", false, true),
            ("[2606:4700::1]:1", true, true),
            ("[::ffff:127.0.0.1]:1", false, true),
        ] {
            let parsed: SocketAddr = address.parse().unwrap();
            assert_eq!(
                (is_usable(parsed, false), is_usable(parsed, true)),
                (public, local),
                "{address}"
            );
        }
    }

    #[test]
    fn special_blocks_end_where_they_end() {
        let routable = |text: &str| is_routable(text.parse().unwrap());
        for (inside, outside) in [
            ("0.255.255.255", "1.0.0.0"),
            ("10.255.255.255", "11.0.0.0"),
            ("100.127.255.255", "100.128.0.0"),
            ("100.64.0.0", "100.63.255.255"),
            ("127.255.255.255", "128.0.0.0"),
            ("169.254.0.0", "169.253.255.255"),
            ("172.31.255.255", "172.32.0.0"),
            ("172.16.0.0", "172.15.255.255"),
            ("192.0.0.255", "192.0.1.0"),
            ("192.0.2.0", "192.0.3.0"),
            ("192.31.196.1", "192.31.197.1"),
            ("192.52.193.1", "192.52.194.1"),
            ("192.88.99.1", "192.88.98.1"),
            ("192.168.0.0", "192.169.0.0"),
            ("192.175.48.1", "192.175.49.1"),
            ("198.19.255.255", "198.20.0.0"),
            ("198.51.100.255", "198.51.101.0"),
            ("203.0.113.0", "203.0.112.255"),
            ("224.0.0.0", "223.255.255.255"),
            ("240.0.0.1", "223.0.0.1"),
            ("2001:1ff:ffff::", "2001:200::"),
            ("2001:0:4136::1", "2000:ffff::1"),
            ("2001:db8:ffff::1", "2001:db9::1"),
            ("2002:a00:1::1", "2003::1"),
            ("2620:4f:8000::1", "2620:4f:8001::1"),
            ("3fff:fff::1", "3fff:1000::1"),
            ("64:ff9b::8.8.8.8", "2600::1"),
            ("100::1", "2a00::1"),
            ("5f00::1", "2400::1"),
            ("fc00::1", "2800::1"),
            ("fe80::1", "2c00::1"),
            ("ff02::1", "3ffe::1"),
            ("::", "2610::1"),
        ] {
            assert!(!routable(inside), "{inside}");
            assert!(routable(outside), "{outside}");
        }
    }

    #[test]
    fn blocks_networks_of_any_length() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let mut blocked = Blocked::default();
        assert!(blocked.add(ip("10.1.0.0"), 16, 3));
        assert!(blocked.add(ip("2001:db8::"), 32, 3));
        assert!(blocked.add(ip("1.2.3.4"), 32, 3));
        assert!(!blocked.add(ip("9.9.9.9"), 32, 3), "full");
        for (text, expected) in [
            ("10.1.255.1", true),
            ("10.2.0.1", false),
            ("1.2.3.4", true),
            ("1.2.3.5", false),
            ("2001:db8:ffff::", true),
            ("2001:db9::", false),
            ("::ffff:10.1.2.3", true),
        ] {
            assert_eq!(blocked.contains(ip(text)), expected, "{text}");
        }
        assert!(blocked.remove(ip("10.1.0.0"), 16) && !blocked.contains(ip("10.1.2.3")));
        assert!(blocked.add(ip("0.0.0.0"), 0, 9) && blocked.contains(ip("8.8.8.8")));
    }
}
