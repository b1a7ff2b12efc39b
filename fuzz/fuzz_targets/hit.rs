//! Any bytes as a query hit: written again it means the same, up to what is never written.
#![no_main]

use filbert::wire::QueryHit;
use filbert::wire::hit::{distribute, servent_guid};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let guid = servent_guid(data);
    let Ok(mut hit) = QueryHit::decode(data) else { return };
    assert_eq!(guid, Some(hit.servent));
    // Ten alternates are written, and IPv4 before IPv6; without its maker a hit says nothing more.
    for result in &mut hit.results {
        result.alternates.truncate(10);
        result.alternates.sort_by_key(|address| address.is_ipv6());
    }
    hit.push_proxies.sort_by_key(|address| address.is_ipv6());
    let mut again = Vec::new();
    hit.encode(&mut again);
    assert_eq!(QueryHit::decode(&again).as_ref(), Ok(&hit));
    let results = hit.results.len();
    let sets = distribute(hit.results, 10, 4_096);
    assert_eq!(sets.iter().map(Vec::len).sum::<usize>(), results);
});
