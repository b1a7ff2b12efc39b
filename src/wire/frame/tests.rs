//! Frames cut, refused and written.

use proptest::prelude::*;

use super::*;

const LIMITS: SizeLimits = SizeLimits {
    query_bytes_max: 1_024,
    hit_bytes_max: 65_536,
    other_bytes_max: 40_960,
    length_flags: false,
};

fn frame(kind: Kind, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out, Guid([7; 16]), kind, 4, 1, payload);
    out
}

#[test]
fn frames_follow_each_other() {
    let mut data = frame(Kind::PING, b"");
    data.extend(frame(Kind::QUERY, b"\x80\0abc\0"));
    data.extend(b"tail");
    let Next::Whole { header, payload, rest, .. } = next(&data, &LIMITS) else { panic!() };
    assert_eq!((header.kind, payload), (Kind::PING, &b""[..]));
    let Next::Whole { header, payload, frame, rest } = next(rest, &LIMITS) else { panic!() };
    assert_eq!((header.kind, header.ttl, header.hops), (Kind::QUERY, 4, 1));
    assert_eq!(payload, b"\x80\0abc\0");
    assert_eq!(frame, &data[HEADER_LEN..data.len() - 4]);
    assert_eq!(rest, b"tail");
    assert_eq!(next(rest, &LIMITS), Next::Partial { need: HEADER_LEN - 4 });
}

#[test]
fn each_kind_has_its_limit() {
    for (kind, max) in [(Kind::QUERY, 1_024), (Kind::QUERY_HIT, 65_536), (Kind::PING, 40_960)] {
        let data = frame(kind, &vec![0; max]);
        assert!(matches!(next(&data, &LIMITS), Next::Whole { .. }), "{kind:?} {max}");
        let data = frame(kind, &vec![0; max + 1]);
        // Known from the header alone.
        assert!(matches!(next(&data[..HEADER_LEN], &LIMITS), Next::TooLarge { .. }), "{kind:?}");
    }
}

#[test]
fn the_top_half_of_the_length_is_flags_only_where_agreed() {
    let mut data = frame(Kind::QUERY, b"\x80\0abc\0");
    data[LEN_AT + 3] = 0x80;
    assert!(matches!(next(&data, &LIMITS), Next::TooLarge { .. }));
    let agreed = SizeLimits { length_flags: true, ..LIMITS };
    let Next::Whole { header, payload, .. } = next(&data, &agreed) else { panic!() };
    assert_eq!(header.len, 0x8000_0006);
    assert_eq!(payload.len(), 6);
}

#[test]
fn ttl_and_hops_are_rewritten_in_place() {
    let mut data = frame(Kind::QUERY, b"abc");
    set_ttl_and_hops(&mut data, 3, 2);
    let Next::Whole { header, payload, .. } = next(&data, &LIMITS) else { panic!() };
    assert_eq!((header.kind, header.ttl, header.hops, payload), (Kind::QUERY, 3, 2, &b"abc"[..]));
    set_ttl_and_hops(&mut data[..22], 9, 9);
    assert_eq!((data[TTL_AT], data[HOPS_AT]), (3, 2));
}

proptest! {
    #[test]
    fn any_bytes_are_answered(data: Vec<u8>, length_flags: bool) {
        match next(&data, &SizeLimits { length_flags, ..LIMITS }) {
            Next::Whole { payload, frame, rest, .. } => {
                prop_assert_eq!(frame.len(), HEADER_LEN + payload.len());
                prop_assert_eq!(frame.len() + rest.len(), data.len());
            }
            Next::Partial { need } => prop_assert!((1..=65_536).contains(&need)),
            Next::TooLarge { header } => prop_assert!(data.len() >= HEADER_LEN && header.len > 1_024),
        }
    }

    #[test]
    fn a_frame_is_whole_exactly_when_all_of_it_is_there(
        guid: [u8; 16], kind: u8, ttl: u8, hops: u8,
        payload in proptest::collection::vec(any::<u8>(), 0..300),
        cut in 0..400usize,
    ) {
        let mut data = Vec::new();
        write(&mut data, Guid(guid), Kind(kind), ttl, hops, &payload);
        let cut = cut.min(data.len());
        match next(&data[..cut], &LIMITS) {
            Next::Whole { header, payload: read, .. } => {
                prop_assert_eq!(cut, data.len());
                prop_assert_eq!(read, &payload[..]);
                let len = payload.len() as u32;
                let kind = Kind(kind);
                prop_assert_eq!(header, Header { guid: Guid(guid), kind, ttl, hops, len });
            }
            Next::Partial { need } => {
                prop_assert!(cut + need <= data.len());
                prop_assert!(cut + need == data.len() || cut + need == HEADER_LEN);
            }
            Next::TooLarge { .. } => prop_assert!(false),
        }
    }

    /// bincode as an independent codec of the same 23 bytes.
    #[test]
    fn the_header_agrees_with_another_codec(guid: [u8; 16], kind: u8, ttl: u8, hops: u8, len: u32) {
        let ours = Header { guid: Guid(guid), kind: Kind(kind), ttl, hops, len };
        let plain = bincode::config::standard().with_little_endian().with_fixed_int_encoding();
        let theirs = bincode::serde::encode_to_vec(ours, plain).unwrap();
        prop_assert_eq!(&theirs[..], &ours.encode()[..]);
        let (read, used): (Header, usize) =
            bincode::serde::decode_from_slice(&ours.encode(), plain).unwrap();
        prop_assert_eq!((read, used), (Header::decode(&ours.encode()), HEADER_LEN));
    }
}
