//! An expanding ring: fresh floods, each one link farther than the one before, until there is
//! enough. Facts in, verdict out.
//!
//! A flood that fell short costs as much again within the next one; what is found near costs little.
//! Every flood has a GUID of its own, or the nodes that know the query would not pass it on.

use std::time::Duration;

use super::pace::HOP_MS;
use crate::node::Time;

/// How far an expanding ring has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ring {
    /// The TTL of the last flood; 0 before the first.
    pub(crate) ttl: u8,
    /// The TTL at which it ends.
    pub(crate) ttl_max: u8,
    /// When to look whether there is enough; `Time::NEVER` if it is over.
    pub(crate) due: Time,
}

impl Ring {
    /// One that has not begun.
    pub(crate) fn new(ttl_max: u8) -> Ring {
        Ring { ttl: 0, ttl_max, due: Time::NEVER }
    }
}

/// The TTL of the next flood, and how long its hits are awaited; none if there is to be no more.
pub(crate) fn next(ring: &Ring, results: u32, wanted: u32) -> Option<(u8, Duration)> {
    let ttl = ring.ttl.saturating_add(1);
    let goes_on = results < wanted && ring.ttl < ring.ttl_max;
    goes_on.then(|| (ttl, Duration::from_millis(u64::from(HOP_MS) * u64::from(ttl))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_link_by_link_until_there_is_enough_or_it_is_as_wide_as_it_may_be() {
        let mut ring = Ring::new(3);
        let mut ttls = Vec::new();
        while let Some((ttl, wait)) = next(&ring, 4, 5) {
            assert_eq!(wait, Duration::from_millis(2_400) * u32::from(ttl));
            ring.ttl = ttl;
            ttls.push(ttl);
        }
        assert_eq!(ttls, [1, 2, 3]);
        assert_eq!(next(&Ring::new(3), 5, 5), None);
        assert_eq!(next(&Ring { ttl: 255, ..Ring::new(255) }, 0, 1), None);
    }
}
