//! Any bytes as a query: written as it came, its extensions walked to their end.
#![no_main]

use filbert::wire::{Query, QueryOut};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(query) = Query::decode(data) else { return };
    assert!(query.sha1s().count() <= data.len() + 1);
    let wants = query.wants();
    let out = QueryOut { text: query.text, wants, ..QueryOut::default() };
    let mut ours = Vec::new();
    filbert::wire::query::encode(&out, &mut ours);
    assert_eq!(Query::decode(&ours).expect("what we write can be read").wants(), wants);
    assert!(query.extensions().count() <= data.len() + 1);
    let mut again = Vec::new();
    query.encode(&mut again);
    assert_eq!(again, data);
});
