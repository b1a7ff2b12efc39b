//! Extension areas taken apart.

use proptest::prelude::*;

use super::*;
use crate::wire::ggep::{Nul, Writer};

const DIGITS: &str = "PL3ZHAF3MI65RU4JABKBG4EA35XTMCRV";

fn pieces(area: &[u8]) -> Vec<String> {
    let name = |piece| match piece {
        Ok(Extension::Text(text)) => String::from_utf8_lossy(text).into_owned(),
        Ok(Extension::Ggep(block)) => format!("[{}]", String::from_utf8_lossy(block.id)),
        Err(malformed) => format!("{malformed:?}"),
    };
    Extensions::new(area).map(name).collect()
}

#[test]
fn texts_and_blocks_follow_each_other() {
    assert_eq!(pieces(b""), [""; 0]);
    assert_eq!(pieces(b"\x1C\x1C\0"), [""; 0]);
    assert_eq!(pieces(b"urn:"), ["urn:"]);
    assert_eq!(pieces(b"\x1Ca\x1C\x1Cb\x1C"), ["a", "b"]);
    assert_eq!(pieces(b"urn:sha1:X\0"), ["urn:sha1:X"]);
    assert_eq!(pieces(b"a\x1C\xC3\x01A\x40\x82BC\x41x"), ["a", "[A]", "[BC]"]);
    // Two GGEP areas, with and without a separator, and text behind them.
    assert_eq!(pieces(b"\xC3\x81A\x40\xC3\x81B\x40\x1C\xC3\x81C\x40x"), ["[A]", "[B]", "[C]", "x"]);
    // 0x1C and NUL inside a block's data separate nothing.
    assert_eq!(pieces(b"\xC3\x81A\x43\x1C\0x\x1Cb"), ["[A]", "b"]);
    // The first error is the end.
    assert_eq!(pieces(b"a\x1C\xC3\x81A\x45xx\x1Cb"), ["a", "BadGgep"]);
    assert_eq!(pieces(b"\xC3"), ["BadGgep"]);
}

#[test]
fn hashes_are_found_in_all_their_forms() {
    let sha1: Sha1 = DIGITS.parse().unwrap();
    let other = Sha1([7; 20]);
    let mut area = format!("urn:\x1Curn:sha1:{DIGITS}\x1C<xml/>\x1C").into_bytes();
    let mut blocks = Writer::new(&mut area, Nul::Coded);
    blocks.put("H", &[&[1][..], &other.0].concat());
    blocks.put("M", &[4]);
    blocks.put("H", &[&[2][..], &sha1.0, &[0; 24]].concat());
    blocks.put("H", &[9, 1, 2, 3]);
    blocks.put("u", format!("sha1:{DIGITS}").as_bytes());
    let found: Result<Vec<_>, _> = sha1s(&area).collect();
    assert_eq!(found, Ok(vec![sha1, other, sha1, sha1]));
}

#[test]
fn bad_hashes_are_errors() {
    for data in [&[][..], &[1], &[1, 2, 3], &[1; 22], &[2; 44], &[2; 46]] {
        let mut area = Vec::new();
        Writer::new(&mut area, Nul::Coded).put("H", data);
        assert_eq!(sha1s(&area).next(), Some(Err(Malformed::BadUrn)), "{data:?}");
    }
    assert_eq!(sha1s(b"urn:sha1:short").next(), Some(Err(Malformed::BadUrn)));
    let mut area = Vec::new();
    Writer::new(&mut area, Nul::Coded).put("u", b"sha1:short");
    assert_eq!(sha1s(&area).next(), Some(Err(Malformed::BadUrn)));
    area.clear();
    Writer::new(&mut area, Nul::Coded).put("H", &[1; 100]);
    assert_eq!(sha1s(&area).next(), Some(Err(Malformed::TooLarge)));
}

proptest! {
    #[test]
    fn any_bytes_are_answered(area in proptest::collection::vec(
        prop_oneof![Just(0xC3), Just(0x1C), Just(0x81), Just(0x40), any::<u8>()], 0..200,
    )) {
        // Every piece takes at least a byte, so the walk is bounded by the area.
        prop_assert!(Extensions::new(&area).count() <= area.len() + 1);
        prop_assert!(sha1s(&area).count() <= area.len() + 1);
    }
}
