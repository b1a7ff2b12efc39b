//! Addresses that strangers name: which may be connected to, and which are our own.

use std::net::{IpAddr, SocketAddr};

use crate::node::Config;

/// Whether we may connect to an address that a stranger named.
pub(super) fn may_dial(address: SocketAddr, config: &Config) -> bool {
    let ip = address.ip().to_canonical();
    let one_host = match ip {
        IpAddr::V4(v4) => v4.octets()[0] != 0 && v4.octets()[0] < 224,
        IpAddr::V6(v6) => !v6.is_unspecified() && !v6.is_multicast(),
    };
    address.port() != 0 && one_host && (config.local_addresses || !is_local(ip))
}

/// Whether limits by address make no sense for it: many servents of one person share it.
pub(super) fn is_ours(address: IpAddr, config: &Config) -> bool {
    let ip = address.to_canonical();
    ip.is_loopback() || config.local_addresses && is_local(ip)
}

fn is_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_cannot_send_us_into_our_own_network() {
        let public = Config::default();
        let local = Config { local_addresses: true, ..Config::default() };
        for (address, in_public, in_local) in [
            ("192.0.2.1:6346", true, true),
            ("[2001:db8::1]:6346", true, true),
            ("192.0.2.1:0", false, false),
            ("127.0.0.1:6346", false, true),
            ("10.1.2.3:80", false, true),
            ("[::ffff:192.168.0.1]:80", false, true),
            ("[fe80::1]:80", false, true),
            ("0.0.0.0:80", false, false),
            ("224.0.0.1:80", false, false),
            ("255.255.255.255:80", false, false),
            ("[ff02::1]:80", false, false),
        ] {
            let address = address.parse().unwrap();
            let allowed = (may_dial(address, &public), may_dial(address, &local));
            assert_eq!(allowed, (in_public, in_local), "{address}");
        }
    }

    #[test]
    fn a_local_network_is_ours_only_where_local_addresses_count() {
        let public = Config::default();
        let local = Config { local_addresses: true, ..Config::default() };
        for (address, in_public, in_local) in [
            ("127.0.0.1", true, true),
            ("::ffff:127.0.0.1", true, true),
            ("10.0.0.1", false, true),
            ("fe80::1", false, true),
            ("192.0.2.1", false, false),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(
                (is_ours(address, &public), is_ours(address, &local)),
                (in_public, in_local)
            );
        }
    }
}
