//! Queries read and written.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn encoded(query: &QueryOut<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    encode(query, &mut out);
    out
}

#[test]
fn the_fields_stand_where_they_should() {
    let query = Query::decode(b"\xC0\x05blue moon\0urn:sha1:").unwrap();
    assert_eq!((query.text, query.extensions), ("blue moon", &b"urn:sha1:"[..]));
    assert!(query.flags.is_valid());
    assert!(query.flags.contains(QueryFlags::FIREWALLED | QueryFlags::VALID));
    assert!(!query.flags.contains(QueryFlags::WANTS_XML | QueryFlags::VALID));
    assert_eq!(query.sha1s().count(), 0, "a bare URN names no content");
    let bytes = encoded(&QueryOut { text: "a", ..QueryOut::default() });
    assert_eq!(bytes, b"\x80\0a\0");
}

#[test]
fn broken_queries_are_refused() {
    assert_eq!(Query::decode(b""), Err(Malformed::Truncated));
    assert_eq!(Query::decode(b"\x80"), Err(Malformed::Truncated));
    assert_eq!(Query::decode(b"\x80\0"), Err(Malformed::MissingNul));
    assert_eq!(Query::decode(b"\x80\0no end"), Err(Malformed::MissingNul));
    assert_eq!(Query::decode(b"\x80\0\xFF\0"), Err(Malformed::NotUtf8));
    // Not a living servent's, but a query: the node decides.
    assert!(!Query::decode(b"\0\0old\0").unwrap().flags.is_valid());
    let bad = Query::decode(b"\x80\0\0urn:sha1:no\x1Curn:sha1:neither").unwrap();
    assert_eq!(bad.sha1s().next(), Some(Err(Malformed::BadUrn)));
}

#[test]
fn a_nul_ends_the_text() {
    assert_eq!(encoded(&QueryOut { text: "a\0b", ..QueryOut::default() }), b"\x80\0a\0");
}

proptest! {
    #[test]
    fn a_query_survives_the_wire(
        flags: u16,
        text in "[^\0]{0,60}",
        hashes in vec(any::<[u8; 20]>(), 0..6),
    ) {
        let hashes: Vec<_> = hashes.into_iter().map(Sha1).collect();
        let flags = QueryFlags(flags);
        let bytes = encoded(&QueryOut { flags, text: &text, sha1s: &hashes });
        let query = Query::decode(&bytes).unwrap();
        prop_assert_eq!(query.flags, flags | QueryFlags::VALID);
        prop_assert_eq!(query.text, &text);
        prop_assert_eq!(query.sha1s().collect::<Result<Vec<_>, _>>(), Ok(hashes));
        let mut again = Vec::new();
        query.encode(&mut again);
        prop_assert_eq!(again, bytes);
    }

    #[test]
    fn any_bytes_are_answered(data: Vec<u8>) {
        if let Ok(query) = Query::decode(&data) {
            let _ = query.sha1s().count();
            let mut again = Vec::new();
            query.encode(&mut again);
            prop_assert_eq!(again, data, "a query is written as it came");
        }
    }
}
