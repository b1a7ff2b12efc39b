//! Which addresses may be learnt and dialled: strangers write them into packets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

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

fn is_routable_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !(a == 0
        || a >= 240
        || ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_documentation()
        || (a == 100 && b & 0xC0 == 64)
        || (a == 198 && b & 0xFE == 18)
        || (a == 192 && b == 0 && c == 0))
}

fn is_routable_v6(ip: Ipv6Addr) -> bool {
    // Only 2000::/3 is given out; 2001:db8::/32 is for documents.
    let [first, second, ..] = ip.segments();
    first & 0xE000 == 0x2000 && !(first == 0x2001 && second == 0x0DB8)
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
#[derive(Debug, Default)]
pub(crate) struct Blocked {
    networks: Vec<(IpAddr, u8)>,
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
            self.networks.push(entry);
        }
        fits
    }

    /// Takes a network off the list; says whether it was there.
    pub(crate) fn remove(&mut self, network: IpAddr, prefix_len: u8) -> bool {
        let before = self.networks.len();
        self.networks.retain(|entry| *entry != (network.to_canonical(), prefix_len));
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
