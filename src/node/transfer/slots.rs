//! May this upload start? Facts in, verdict out.

use std::net::IpAddr;

use super::reach;
use crate::node::{Config, Why};

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
    let free_there = facts.uploading_there < there_max || reach::is_ours(facts.address, config);
    (!free || !free_there).then_some(Why::NoUploadSlot)
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
}
