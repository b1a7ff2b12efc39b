//! Hits read, written, refused and distributed.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::IpAddr;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::wire::vendor::FILBERT;

fn record(index: u32, name: &str) -> Record<'_> {
    let (sha1, created_at_s) = (Some(Sha1([index as u8; 20])), None);
    Record { index, size: 1_000, name, sha1, alternates: Vec::new(), created_at_s }
}

fn hit(results: Vec<Record<'_>>) -> QueryHit<'_> {
    QueryHit {
        address: SocketAddr::from(([10, 0, 0, 1], 6346)),
        speed_kbit_s: 1_000,
        results,
        vendor: Some(FILBERT),
        flags: HitFlags { push: Some(true), busy: Some(false), ..HitFlags::default() },
        browse_host: true,
        push_proxies: Vec::new(),
        token: None,
        ipv6: None,
        binary_hashes: false,
        servent: Guid::marked([9; 16]),
    }
}

fn encoded(hit: &QueryHit<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    hit.encode(&mut out);
    out
}

/// A hit with one result whose extension area is these bytes.
fn with_area(area: &[u8]) -> Vec<u8> {
    let plain = hit(vec![Record { sha1: None, ..record(1, "name") }]);
    let bytes = encoded(&plain);
    let at = FIXED_LEN + 8 + "name\0".len();
    [&bytes[..at], area, &bytes[at..]].concat()
}

#[test]
fn the_bytes_stand_where_they_should() {
    let bytes = encoded(&hit(vec![record(1, "a.txt")]));
    let mut expected =
        b"\x01\xCA\x18\x0A\0\0\x01\xE8\x03\0\0\x01\0\0\0\xE8\x03\0\0a.txt\0".to_vec();
    expected.extend_from_slice(b"urn:sha1:AEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIB\0");
    expected.extend_from_slice(b"FILB\x02\x25\x21\xC3\x82BH\x40");
    expected.extend_from_slice(&Guid::marked([9; 16]).0);
    assert_eq!(bytes, expected);
}

#[test]
fn push_is_the_flag_that_is_the_other_way_round() {
    for push in [None, Some(false), Some(true)] {
        let [first, second] = HitFlags { push, ..HitFlags::default() }.encode(false);
        assert_eq!(first & 1 != 0, push == Some(true));
        assert_eq!(second & 1 != 0, push.is_some());
        assert_eq!(HitFlags::decode(first, second).push, push);
    }
    // Busy and measured speed, as set and as meant.
    let flags = HitFlags::decode(0x3C, 0x31);
    assert_eq!(flags.measured_speed, Some(true));
    assert_eq!((flags.push, flags.busy, flags.uploaded), (Some(false), Some(false), Some(false)));
}

#[test]
fn inconsistent_hits_are_refused() {
    let good = encoded(&hit(vec![record(1, "one"), record(2, "two")]));
    assert!(QueryHit::decode(&good).is_ok());
    let with_byte = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        QueryHit::decode(&bytes).map(|hit| hit.results.len())
    };
    for count in [0, 1, 3, 255] {
        assert_eq!(with_byte(0, count), Err(Malformed::BadCount), "{count} of 2");
    }
    let name_at = FIXED_LEN + 8;
    assert_eq!(with_byte(name_at, 0xFF), Err(Malformed::NotUtf8));
    assert!(with_byte(name_at, 0).is_err(), "a result without a name");
    assert_eq!(with_byte(name_at + 4 + 12, b'!'), Err(Malformed::BadUrn));
    let blank = QueryHit { servent: Guid::ZERO, ..hit(vec![record(1, "one")]) };
    assert_eq!(QueryHit::decode(&encoded(&blank)), Err(Malformed::BadValue));
    assert_eq!(QueryHit::decode(&encoded(&hit(Vec::new()))), Err(Malformed::BadCount));
    assert_eq!(QueryHit::decode(&[1; 15]), Err(Malformed::Truncated));
}

#[test]
fn the_extensions_of_a_result_must_be_right() {
    assert!(QueryHit::decode(&with_area(b"urn:\x1Cmp3 128 kbps")).is_ok());
    // A NUL inside GGEP ends the area: the block is cut.
    assert!(QueryHit::decode(&with_area(b"\xC3\x82LF\x42\0\x01")).is_err());
    assert_eq!(QueryHit::decode(&with_area(b"\xC3\x82LF\x49123456789")), Err(Malformed::BadValue));
    assert_eq!(QueryHit::decode(&with_area(b"\xC3\x83ALT\x441234")), Err(Malformed::Truncated));
    let mut two = Vec::new();
    Sha1([1; 20]).write_urn(&mut two);
    two.push(SEPARATOR);
    Sha1([2; 20]).write_urn(&mut two);
    assert_eq!(QueryHit::decode(&with_area(&two)), Err(Malformed::BadUrn));
}

#[test]
fn a_bomb_in_a_result_costs_no_more_than_the_ceiling() {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![0; 65_536 * 1_000]).unwrap();
    let bomb = encoder.finish().unwrap();
    let mut area = Vec::new();
    Writer::new(&mut area, Nul::Coded).put("ALT", &bomb);
    // The writer cannot deflate: set the flag on what it wrote.
    area[1] |= 0x20;
    assert_eq!(QueryHit::decode(&with_area(&area)), Err(Malformed::TooLarge));
    // One that stays under the ceiling is stopped by the length of the list.
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&[7; 4_092]).unwrap();
    let mut area = Vec::new();
    Writer::new(&mut area, Nul::Coded).put("ALT", &encoder.finish().unwrap());
    area[1] |= 0x20;
    assert_eq!(QueryHit::decode(&with_area(&area)), Err(Malformed::TooLarge));
}

#[test]
fn trailers_of_other_makers_are_understood() {
    let plain = encoded(&QueryHit { vendor: None, ..hit(vec![record(1, "one")]) });
    let (body, guid) = plain.split_last_chunk::<16>().unwrap();
    let read = |trailer: &[u8]| {
        let bytes = [body, trailer, guid].concat();
        QueryHit::decode(&bytes).map(|hit| (hit.vendor, hit.flags, hit.browse_host))
    };
    let none = HitFlags::default();
    assert_eq!(read(b""), Ok((None, none, false)));
    assert_eq!(read(b"MNAP\0"), Ok((Some(*b"MNAP"), none, false)));
    assert_eq!(read(b"MNAP\x01\x04"), Ok((Some(*b"MNAP"), none, false)));
    // Open data with the size of XML, a byte before GGEP, XML behind it.
    let busy = HitFlags { busy: Some(true), ..none };
    assert_eq!(
        read(b"LIME\x04\x24\x24\x05\0\0\xC3\x82BH\x40<xml>"),
        Ok((Some(*b"LIME"), busy, true))
    );
    assert_eq!(read(b"LIME\x02\x20\x20"), Ok((Some(*b"LIME"), none, false)), "flag without GGEP");
    assert_eq!(read(b"LIME\x02\x20\0\xC3\x82BH"), Ok((Some(*b"LIME"), none, false)), "not flagged");
    assert_eq!(read(b"LIME\x02\x20\x20\xC3\x82BH"), Err(Malformed::BadGgep));
    assert_eq!(read(b"LIME\x05\x20"), Err(Malformed::BadCount), "open data ends early");
    assert_eq!(read(b"LIM"), Err(Malformed::BadCount));
}

#[test]
fn the_servent_guid_is_found_without_decoding() {
    let bytes = encoded(&hit(vec![record(1, "one")]));
    assert_eq!(servent_guid(&bytes), Some(Guid::marked([9; 16])));
    assert_eq!(servent_guid(&bytes[bytes.len() - 26..]), None, "too short");
    assert_eq!(servent_guid(&[&[0][..], &bytes[1..]].concat()), None, "no result");
    assert_eq!(servent_guid(&[1; 27]), Some(Guid([1; 16])));
    assert_eq!(servent_guid(&[&[1; 11][..], &[0; 16]].concat()), None, "blank");
}

#[test]
fn large_files_have_their_size_in_ggep() {
    for size in [0, LARGE_FROM - 1, LARGE_FROM, u64::from(u32::MAX), 1 << 40, u64::MAX] {
        let large = hit(vec![Record { size, ..record(1, "large") }]);
        let bytes = encoded(&large);
        let field = &bytes[FIXED_LEN + 4..FIXED_LEN + 8];
        assert_eq!(field == [0xFF; 4], size >= LARGE_FROM);
        assert_eq!(QueryHit::decode(&bytes).unwrap().results[0].size, size);
    }
}

#[test]
fn more_than_can_be_counted_is_not_written() {
    let names: Vec<String> = (1..=300).map(|n| format!("file {n}")).collect();
    let records = names.iter().zip(1..).map(|(name, index)| record(index, name)).collect();
    assert_eq!(QueryHit::decode(&encoded(&hit(records))).unwrap().results.len(), 255);
}

fn address() -> impl Strategy<Value = SocketAddr> {
    let ip = any::<IpAddr>().prop_filter("means no IPv4", |ip| *ip != IpAddr::from([127, 0, 0, 0]));
    (ip, any::<u16>()).prop_map(SocketAddr::from)
}

/// Addresses in the order of the wire: two lists, IPv4 first.
fn addresses(max: usize) -> impl Strategy<Value = Vec<SocketAddr>> {
    vec(address(), 0..=max).prop_map(|mut list| {
        list.sort_by_key(SocketAddr::is_ipv6);
        list
    })
}

type Parts = (u32, u64, String, Option<[u8; 20]>, Vec<SocketAddr>, Option<u64>);

fn parts() -> impl Strategy<Value = Parts> {
    (
        any::<u32>(),
        prop_oneof![any::<u64>(), any::<u32>().prop_map(u64::from)],
        "[^\0]{1,40}",
        any::<Option<[u8; 20]>>(),
        addresses(10),
        any::<Option<u64>>(),
    )
}

fn records(parts: &[Parts]) -> Vec<Record<'_>> {
    let mut records = Vec::new();
    for (index, size, name, sha1, alternates, created_at_s) in parts {
        let (index, size, created_at_s) = (*index, *size, *created_at_s);
        let (sha1, alternates) = (sha1.map(Sha1), alternates.clone());
        records.push(Record { index, size, name, sha1, alternates, created_at_s });
    }
    records
}

proptest! {
    #[test]
    fn a_hit_survives_the_wire(
        address in address(), speed_kbit_s: u32, parts in vec(parts(), 1..8),
        vendor in "[!-~]{4}", flags: [Option<bool>; 4], browse_host: bool,
        push_proxies in addresses(10), servent: [u8; 16],
        token in option::of(vec(any::<u8>(), 1..10)), ipv6: Option<Ipv6Addr>, binary_hashes: bool,
    ) {
        prop_assume!(servent != [0; 16]);
        let [push, busy, uploaded, measured_speed] = flags;
        let results = records(&parts);
        let hit = QueryHit {
            address, speed_kbit_s, browse_host, push_proxies,
            ipv6: ipv6.filter(|_| address.is_ipv4()),
            token: token.map(|token| Token::new(&token).unwrap()),
            binary_hashes: binary_hashes && results.iter().any(|record| record.sha1.is_some()),
            results,
            vendor: vendor.as_bytes().first_chunk().copied(),
            flags: HitFlags { push, busy, uploaded, measured_speed },
            servent: Guid(servent),
        };
        let bytes = encoded(&hit);
        prop_assert_eq!(servent_guid(&bytes), Some(hit.servent));
        prop_assert_eq!(QueryHit::decode(&bytes), Ok(hit));
    }

    #[test]
    fn any_bytes_are_answered(
        parts in vec(parts(), 1..4), at: prop::sample::Index, byte: u8, data: Vec<u8>,
    ) {
        let _ = (QueryHit::decode(&data), servent_guid(&data));
        let mut bytes = encoded(&hit(records(&parts)));
        let _ = QueryHit::decode(&bytes[..at.index(bytes.len())]);
        *at.get_mut(&mut bytes) = byte;
        let _ = QueryHit::decode(&bytes);
    }

    /// What receivers take for spam or refuse: an index or a content twice in one hit, too many
    /// alternates, too large a hit.
    #[test]
    fn distributed_hits_are_no_spam(
        files in vec((1..20u32, option::of(0..10u8), "[a-z]{1,60}"), 0..60),
        results_max in 0..20usize,
    ) {
        let some = SocketAddr::from(([10, 0, 0, 2], 6346));
        let results: Vec<_> = files.iter().map(|(index, sha1, name)| Record {
            sha1: sha1.map(|byte| Sha1([byte; 20])),
            alternates: vec![some; 20],
            ..record(*index, name)
        }).collect();
        let sets = distribute(results.clone(), results_max, 2_000);
        prop_assert_eq!(sets.iter().map(Vec::len).sum::<usize>(), results.len());
        for set in sets {
            prop_assert!(set.len() <= results_max.max(1));
            let bytes = encoded(&hit(set));
            prop_assert!(bytes.len() <= 2_000 + 100);
            let read = QueryHit::decode(&bytes).unwrap();
            let indexes: BTreeSet<_> = read.results.iter().map(|record| record.index).collect();
            prop_assert_eq!(indexes.len(), read.results.len());
            let hashes: Vec<_> = read.results.iter().filter_map(|record| record.sha1).collect();
            prop_assert_eq!(hashes.iter().collect::<BTreeSet<_>>().len(), hashes.len());
            prop_assert!(read.results.iter().all(|record| record.alternates.len() <= 10));
        }
    }
}
