//! URNs read and written.

use proptest::prelude::*;

use super::*;

const DIGITS: &str = "PL3ZHAF3MI65RU4JABKBG4EA35XTMCRV";
const TREE: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[test]
fn the_known_kinds_are_read_in_either_case() {
    let sha1: Sha1 = DIGITS.parse().unwrap();
    for text in [format!("urn:sha1:{DIGITS}"), format!("URN:Sha1:{}", DIGITS.to_lowercase())] {
        assert_eq!(Urn::parse(text.as_bytes()), Ok(Urn::Sha1(sha1)));
        assert_eq!(text.parse(), Ok(sha1));
    }
    let both = format!("urn:bitprint:{DIGITS}.{TREE}");
    assert_eq!(Urn::parse(both.as_bytes()), Ok(Urn::Bitprint { sha1, tree: [0; 24] }));
    for wanted in ["urn:", "urn:sha1:", "urn:bitprint:"] {
        assert_eq!(Urn::parse(wanted.as_bytes()), Ok(Urn::Wanted));
    }
    for other in ["", "ur", "urn:md5:abc", "<?xml?>", "sha1:AAAA"] {
        assert_eq!(Urn::parse(other.as_bytes()), Ok(Urn::Other));
    }
}

#[test]
fn bad_digits_are_refused() {
    let cases = [
        format!("urn:sha1:{}", &DIGITS[1..]),
        format!("urn:sha1:{DIGITS}A"),
        format!("urn:sha1:{}1", &DIGITS[1..]),
        format!("urn:bitprint:{DIGITS}"),
        format!("urn:bitprint:{DIGITS}."),
        format!("urn:bitprint:{DIGITS}-{TREE}"),
        // 39 digits are 195 bits, 3 more than 24 bytes: they must be zero.
        format!("urn:bitprint:{DIGITS}.{}B", &TREE[1..]),
    ];
    for text in cases {
        assert_eq!(Urn::parse(text.as_bytes()), Err(Malformed::BadUrn), "{text}");
    }
    assert!("".parse::<Sha1>().is_err());
    assert!("urn:sha1:".parse::<Sha1>().is_err());
}

proptest! {
    #[test]
    fn a_hash_survives_its_text(bytes: [u8; 20]) {
        let sha1 = Sha1(bytes);
        prop_assert_eq!(sha1.to_string().parse(), Ok(sha1));
        prop_assert_eq!(sha1.to_string(), BASE32_NOPAD.encode(&bytes));
        let mut urn = Vec::new();
        sha1.write_urn(&mut urn);
        prop_assert_eq!(Urn::parse(&urn), Ok(Urn::Sha1(sha1)));
    }

    #[test]
    fn any_bytes_are_answered(rest: Vec<u8>, prefix in "(urn:|urn:sha1:|urn:bitprint:)?") {
        let text = [prefix.as_bytes(), &rest].concat();
        let _ = Urn::parse(&text);
        let _ = String::from_utf8_lossy(&text).parse::<Sha1>();
    }
}
