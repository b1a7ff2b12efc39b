//! May this upload start? Facts in, verdict out.

use std::net::IpAddr;

use crate::node::{Config, Why, filter};

/// What the verdict depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    /// Uploads under way.
    pub(super) uploading: usize,
    /// Uploads under way to the address that asks.
    pub(super) uploading_there: usize,
    /// Who asks.
    pub(super) address: IpAddr,
}

/// `None`: it may start now; otherwise the reason to answer 503 with.
pub(super) fn refusal(facts: Facts, config: &Config) -> Option<Why> {
    let free = facts.uploading < usize::from(config.upload_slots);
    let there_max = usize::from(config.uploads_per_address_max);
    let free_there = facts.uploading_there < there_max || is_ours(facts.address, config);
    (!free || !free_there).then_some(Why::NoUploadSlot)
}

/// Whether limits by address make no sense for it: many servents of one person share it.
pub(super) fn is_ours(address: IpAddr, config: &Config) -> bool {
    let ip = address.to_canonical();
    ip.is_loopback() || config.local_addresses && !filter::is_routable(ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(uploading: usize, uploading_there: usize, address: &str) -> Option<Why> {
        let facts = Facts { uploading, uploading_there, address: address.parse().unwrap() };
        let config = Config { upload_slots: 4, uploads_per_address_max: 2, ..Config::default() };
        refusal(facts, &config)
    }

    #[test]
    fn slots_are_for_all_and_few_for_one_address() {
        assert_eq!(verdict(3, 1, "192.0.2.1"), None);
        assert_eq!(verdict(4, 0, "192.0.2.1"), Some(Why::NoUploadSlot));
        assert_eq!(verdict(2, 2, "192.0.2.1"), Some(Why::NoUploadSlot));
        assert_eq!(verdict(2, 2, "10.0.0.1"), Some(Why::NoUploadSlot));
        assert_eq!(verdict(3, 3, "127.0.0.1"), None);
        assert_eq!(verdict(3, 3, "::ffff:127.0.0.1"), None);
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
            ("8.8.8.8", false, false),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(
                (is_ours(address, &public), is_ours(address, &local)),
                (in_public, in_local)
            );
        }
    }
}
