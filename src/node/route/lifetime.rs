//! How far a descriptor may go: the rules of TTL and hops, as functions of the header alone
//! (protocol.md section 3).

use crate::node::{Config, Why};
use crate::wire::Header;

/// Whether a query or ping may come in at all.
#[inline]
pub(crate) fn admit(header: &Header, config: &Config) -> Result<(), Why> {
    if header.ttl == 0 {
        return Err(Why::TtlZero);
    }
    if u16::from(header.ttl) + u16::from(header.hops) > u16::from(config.ttl_and_hops_max) {
        return Err(Why::TtlTooHigh);
    }
    Ok(())
}

/// The header with which an admitted query goes on; with a TTL of 0 only to our leaves.
#[inline]
pub(crate) fn onward(header: &Header) -> Header {
    Header { ttl: header.ttl.saturating_sub(1), hops: header.hops.saturating_add(1), ..*header }
}

/// The header with which a hit or push goes on along its route. The route decides how far, not
/// the TTL, as long as the hops are not more than any query can have crossed.
pub(crate) fn routed(header: &Header, hops_max: u8) -> Result<Header, Why> {
    if header.ttl == 0 {
        return Err(Why::TtlZero);
    }
    if header.hops > hops_max {
        return Err(Why::TtlTooHigh);
    }
    Ok(Header { ttl: (header.ttl - 1).max(1), hops: header.hops.saturating_add(1), ..*header })
}

/// Whether a descriptor that is meant for the neighbour alone was sent as such.
pub(crate) fn direct(header: &Header) -> Result<(), Why> {
    if header.ttl == 1 && header.hops == 0 { Ok(()) } else { Err(Why::NotForForwarding) }
}

/// The TTL with which our hit goes back over as many links as the query came, and one to spare.
pub(crate) fn hit_ttl(query: &Header) -> u8 {
    query.hops.saturating_add(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Guid, Kind};

    fn header(ttl: u8, hops: u8) -> Header {
        Header { guid: Guid([7; 16]), kind: Kind::QUERY, ttl, hops, len: 9 }
    }

    #[test]
    fn no_ttl_and_hops_get_past_the_limit_or_grow() {
        let config = Config::default();
        for (ttl, hops) in (0..=255).flat_map(|ttl| (0..=255).map(move |hops| (ttl, hops))) {
            let header = header(ttl, hops);
            let sum = u16::from(ttl) + u16::from(hops);
            let fine = ttl > 0 && sum <= u16::from(config.ttl_and_hops_max);
            assert_eq!(admit(&header, &config).is_ok(), fine);
            if admit(&header, &config).is_ok() {
                let onward = onward(&header);
                assert_eq!((onward.ttl, onward.hops), (ttl - 1, hops + 1));
            }
            if let Ok(routed) = routed(&header, config.ttl_and_hops_max) {
                assert!(routed.ttl > 0 && routed.hops > hops);
            }
        }
    }
}
