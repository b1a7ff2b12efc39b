//! Pongs read and written.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;

fn encoded(pong: &Pong) -> Vec<u8> {
    let mut out = Vec::new();
    pong.encode(&mut out);
    out
}

#[test]
fn fourteen_bytes_are_a_pong() {
    let bytes = [0xCA, 0x18, 10, 1, 2, 3, 5, 0, 0, 0, 0, 1, 0, 0];
    let pong = Pong::decode(&bytes).unwrap();
    assert_eq!(pong, Pong::new(SocketAddr::from(([10, 1, 2, 3], 6346)), 5, 256));
    assert_eq!(encoded(&pong), bytes);
    for len in 0..14 {
        assert_eq!(Pong::decode(&bytes[..len]), Err(Malformed::Truncated));
    }
}

#[test]
fn what_is_not_ggep_is_passed_over_and_broken_ggep_is_not() {
    let plain = encoded(&Pong::new(SocketAddr::from(([10, 1, 2, 3], 6346)), 5, 256));
    let with = |more: &[u8]| Pong::decode(&[&plain[..], more].concat());
    assert_eq!(with(b"hello"), Pong::decode(&plain));
    assert_eq!(with(b"\xC3\x83LOC\x42en"), Pong::decode(&plain));
    assert_eq!(with(b"\xC3\x83GUE\x42\x02"), Err(Malformed::BadGgep));
    assert_eq!(with(b"\xC3\x82UP\x42\x01\x02"), Err(Malformed::BadValue));
    assert_eq!(with(b"\xC3\x82VC\x43ABC"), Err(Malformed::BadValue));
    assert_eq!(with(b"\xC3\x82DU\x45\x01\x02\x03\x04\x05"), Err(Malformed::BadValue));
    assert_eq!(with(b"\xC3\x83IPP\x47\x01\x02\x03\x04\x05\x06\x07"), Err(Malformed::Truncated));
    assert_eq!(with(b"\xC3\x816\x44\x01\x02\x03\x04"), Err(Malformed::BadValue));
    assert_eq!(with(b"\xC3\x82IP\x44\x01\x02\x03\x04"), Err(Malformed::BadValue));
    assert_eq!(with(b"\xC3\x82QK\x43abc"), Err(Malformed::BadValue), "could be guessed");
    assert_eq!(with(b"\xC3\x85UDPHC\x43a b"), Err(Malformed::BadValue), "cannot be looked up");
}

#[test]
fn ipv6_stands_beside_ipv4_or_in_its_place() {
    let ip = Ipv6Addr::new(0x2001, 0xDB8, 0, 0, 0, 0, 0, 5);
    let only = Pong::new(SocketAddr::from((ip, 6346)), 0, 0);
    let mut bytes = encoded(&only);
    assert_eq!(bytes[2..6], [127, 0, 0, 0]);
    assert_eq!(Pong::decode(&bytes).unwrap().address, only.address);
    bytes[2..6].copy_from_slice(&[10, 1, 2, 3]);
    let both = Pong::decode(&bytes).unwrap();
    assert_eq!(both.address, SocketAddr::from((Ipv4Addr::new(10, 1, 2, 3), 6346)));
    assert_eq!((both.ipv6, only.ipv6), (Some(ip), None));
    assert_eq!(Pong::decode(&encoded(&both)), Ok(both));
}

#[test]
fn a_list_has_its_limit() {
    let host = SocketAddr::from(([10, 1, 2, 3], 6346));
    let mut pong = Pong { hosts: vec![host; 100], ..Pong::new(host, 0, 0) };
    assert_eq!(Pong::decode(&encoded(&pong)).as_ref(), Ok(&pong));
    pong.hosts.push(host);
    assert_eq!(Pong::decode(&encoded(&pong)), Err(Malformed::TooLarge));
}

#[test]
fn host_caches_stand_one_a_line() {
    let plain = encoded(&Pong::new(SocketAddr::from(([10, 1, 2, 3], 6346)), 5, 256));
    let mut bytes = plain.clone();
    let lines = format!("a.example:9999&b=c\n\nb.example{}", "\nc.example:1".repeat(30));
    Writer::new(&mut bytes, Nul::Allowed).put("PHC", lines.as_bytes());
    let pong = Pong::decode(&bytes).unwrap();
    assert_eq!(pong.host_caches.len(), HOST_CACHES_MAX);
    assert_eq!(pong.host_caches[..3], ["a.example:9999", "b.example", "c.example:1"]);
    let mut bytes = plain;
    Writer::new(&mut bytes, Nul::Allowed).put("UDPHC", b"");
    assert_eq!(Pong::decode(&bytes).unwrap().host_cache.as_deref(), Some(""));
}

fn address() -> impl Strategy<Value = SocketAddr> {
    let ip = any::<std::net::IpAddr>()
        .prop_filter("means no IPv4", |ip| *ip != std::net::IpAddr::from([127, 0, 0, 0]));
    (ip, any::<u16>()).prop_map(SocketAddr::from)
}

prop_compose! {
    fn pong()(
        address in address(), files: u32, kbytes: u32,
        free_slots in option::of(any::<(u8, u8)>()),
        uptime_s: Option<u32>,
        vendor in option::of(any::<([u8; 4], u8)>()),
        mut hosts in vec(address(), 0..20),
        ipv6: Option<Ipv6Addr>, your_address in option::of(address()), guess: Option<u8>,
        query_key in option::of(vec(any::<u8>(), 4..17)),
        host_cache in option::of("[a-z.]{0,20}"), host_caches in vec("[a-z.]{1,20}:[1-9]", 0..5),
    ) -> Pong {
        hosts.sort_by_key(SocketAddr::is_ipv6); // two lists on the wire, IPv4 first
        Pong {
            address, files, kbytes, uptime_s, hosts, your_address, guess, host_cache, host_caches,
            ipv6: ipv6.filter(|_| address.is_ipv4()),
            query_key: query_key.map(|key| Token::new(&key).unwrap()),
            free_slots: free_slots.map(|(leaves, ultrapeers)| FreeSlots { leaves, ultrapeers }),
            vendor: vendor.map(|(code, version)| Vendor { code, version }),
        }
    }
}

proptest! {
    #[test]
    fn a_pong_survives_the_wire(pong in pong()) {
        prop_assert_eq!(Pong::decode(&encoded(&pong)), Ok(pong));
    }

    #[test]
    fn any_bytes_are_answered(pong in pong(), at: prop::sample::Index, byte: u8, data: Vec<u8>) {
        let _ = Pong::decode(&data);
        let mut bytes = encoded(&pong);
        *at.get_mut(&mut bytes) = byte;
        let _ = Pong::decode(&bytes);
        let _ = Pong::decode(&bytes[..at.index(bytes.len())]);
    }
}
