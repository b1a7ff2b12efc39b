//! Every kind of descriptor through one door; Ping, Bye and vendor messages in detail.

use proptest::prelude::*;

use super::*;

#[test]
fn pings_say_whether_they_want_hosts() {
    assert!(!Ping::PLAIN.wants_cached_pongs());
    assert!(Ping::FOR_HOSTS.wants_cached_pongs());
    assert!(Ping::decode(b"\xC3\x83SCP\x41\x03").wants_cached_pongs());
    assert!(Ping::decode(b"\xC3\x83SCP\x40").wants_cached_pongs());
    assert!(!Ping::decode(b"\xC3\x82IP\x40").wants_cached_pongs());
    assert!(!Ping::decode(b"\xC3\x83SCP\x4Fgarbage").wants_cached_pongs());
    assert!(!Ping::decode(b"garbage SCP").wants_cached_pongs());
}

#[test]
fn the_first_line_of_a_bye_is_its_text() {
    let cases: [(&[u8], &str); 5] = [
        (b"\xC8\0bye\0", "bye"),
        (b"\xC8\0bye", "bye"),
        (b"\xC8\0", ""),
        (b"\xC8\0Leaf node relayed Query\r\n\r\n\r\n\0", "Leaf node relayed Query"),
        (b"\xC8\0b\xFFe\r\nServer: x", "b\u{FFFD}e"),
    ];
    for (payload, text) in cases {
        let bye = Bye::decode(payload).unwrap();
        assert_eq!((bye.code, &*bye.text), (Bye::SHUTDOWN, text));
    }
    assert_eq!(Bye::decode(b"\xC8"), Err(Malformed::Truncated));
    let mut out = Vec::new();
    Bye { code: 502, text: "full\r\nX: y\0".into() }.encode(&mut out);
    assert_eq!(out, b"\xF6\x01full\0");
}

#[test]
fn unknown_kinds_are_carried() {
    for kind in [Kind::HSEP, Kind::STANDARD_VENDOR, Kind(0x77)] {
        let message = Message::decode(kind, b"as it came").unwrap();
        assert_eq!(message, Message::Other { kind, payload: b"as it came" });
    }
}

proptest! {
    /// Whatever the bytes: no panic, and what was read can be written and read again.
    #[test]
    fn any_bytes_are_answered(
        kind in prop_oneof![
            prop::sample::select(vec![0x00u8, 0x01, 0x02, 0x30, 0x31, 0x40, 0x80, 0x81]), any::<u8>(),
        ],
        payload: Vec<u8>,
    ) {
        let Ok(message) = Message::decode(Kind(kind), &payload) else { return Ok(()) };
        prop_assert_eq!(message.kind(), Kind(kind));
        let mut out = Vec::new();
        message.encode(&mut out);
        prop_assert!(Message::decode(Kind(kind), &out).is_ok());
        // These keep every byte.
        if matches!(message, Message::Ping(_) | Message::Query(_) | Message::Qrp(_) | Message::Other { .. }) {
            prop_assert_eq!(out, payload);
        }
    }
}
