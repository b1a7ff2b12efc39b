//! Any bytes as a query: written as it came, its extensions walked to their end.
#![no_main]

use filbert::wire::Query;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(query) = Query::decode(data) else { return };
    assert!(query.sha1s().count() <= data.len() + 1);
    assert!(query.extensions().count() <= data.len() + 1);
    let mut again = Vec::new();
    query.encode(&mut again);
    assert_eq!(again, data);
});
