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
fn what_gtk_gnutella_asks_for() {
    // "What's new" for audio as it writes it: a name for its own use, then WH and I6 beside M.
    let query =
        Query::decode(b"\xC0\0WhatIsNewXOXO\0\xC3\x02SO\x40\x01M\x41\x04\x02WH\x41\x01\x82I6\x40");
    let wants = query.unwrap().wants();
    let expected = QueryWants {
        whats_new: true,
        media: Some(Media::AUDIO),
        secure: true,
        families: Families::Both,
        ..QueryWants::default()
    };
    assert_eq!(wants, expected);
    let only = Query::decode(b"\x80\0a b\0\xC3\x82I6\x41\x01").unwrap().wants();
    assert_eq!(only.families, Families::Ipv6);
}

#[test]
fn values_that_cannot_be_do_not_count() {
    let wants = |area: &[u8]| Query::decode(&[b"\x80\0\0", area].concat()).unwrap().wants();
    for area in [
        &b"urn:sha1:\x1Chello"[..],
        b"\xC3\x82WH\x41\x02",
        b"\xC3\x82WH\x49123456789",
        b"\xC3\x81M\x45\x01\x01\x01\x01\x01",
        b"\xC3\x816\x44\x01\x02\x03\x04",
        b"\xC3\x82QK\x40",
        b"\xC3\xA2WH\x42xx",
        b"\xC3\x82NP",
    ] {
        assert_eq!(wants(area), QueryWants::default(), "{area:?}");
    }
    // The text before it and the block after a strange one are read all the same.
    assert!(wants(b"urn:sha1:\x1C\xC3\x01?\x41!\x82WH\x41\x01").whats_new);
}

#[test]
fn a_mask_without_a_known_kind_filters_nothing() {
    assert_eq!(Media(0).known(), None);
    assert_eq!(Media(0x103).known(), None);
    assert_eq!(Media(0x108).known(), Some(Media::VIDEO));
    assert!(Media::PROGRAM.meets(Media::UNIX) && !Media::AUDIO.meets(Media::VIDEO));
    assert_eq!(Media::WINDOWS | Media::UNIX, Media::PROGRAM);
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
        let wants = QueryWants::default();
        let bytes = encoded(&QueryOut { flags, text: &text, sha1s: &hashes, wants });
        let query = Query::decode(&bytes).unwrap();
        prop_assert_eq!(query.flags, flags | QueryFlags::VALID);
        prop_assert_eq!(query.text, &text);
        prop_assert_eq!(query.sha1s().collect::<Result<Vec<_>, _>>(), Ok(hashes));
        let mut again = Vec::new();
        query.encode(&mut again);
        prop_assert_eq!(again, bytes);
    }

    #[test]
    fn wishes_survive_the_wire(
        flags in any::<[bool; 5]>(),
        media: Option<u32>,
        families in prop::sample::select(vec![Families::Ipv4, Families::Both, Families::Ipv6]),
        reply_to: Option<[u8; 16]>,
        query_key in prop::option::of(vec(any::<u8>(), 1..17)),
        hosts: Option<u8>,
        hash: Option<[u8; 20]>,
    ) {
        let [whats_new, secure, no_proxy, partial, deflate] = flags;
        let wants = QueryWants {
            whats_new, secure, no_proxy, partial, deflate, families,
            media: media.map(Media),
            reply_to: reply_to.map(Ipv6Addr::from),
            query_key: query_key.map(|key| Token::new(&key).unwrap()),
            hosts: hosts.map(HostsWanted),
        };
        let hashes: Vec<_> = hash.into_iter().map(Sha1).collect();
        let bytes = encoded(&QueryOut { text: "a", sha1s: &hashes, wants, ..QueryOut::default() });
        let query = Query::decode(&bytes).unwrap();
        prop_assert_eq!(query.wants(), wants);
        prop_assert_eq!(query.sha1s().collect::<Result<Vec<_>, _>>(), Ok(hashes));
    }

    #[test]
    fn any_bytes_are_answered(data: Vec<u8>) {
        if let Ok(query) = Query::decode(&data) {
            let _ = (query.sha1s().count(), query.wants());
            let mut again = Vec::new();
            query.encode(&mut again);
            prop_assert_eq!(again, data, "a query is written as it came");
        }
    }
}
