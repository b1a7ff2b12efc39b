//! Percent-encoding in HTTP targets and magnets (protocol.md sections 9 and 12).

/// Decodes `%XX`. A `%` that two hexadecimal digits do not follow stands for itself, as old
/// servents do not encode it.
pub fn decode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        match escaped(rest) {
            Some((byte, beyond)) => {
                out.push(byte);
                rest = beyond;
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    out
}

/// Where the first `%` stands that two hexadecimal digits do not follow.
pub fn broken_escape_at(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    (0..bytes.len())
        .find(|&at| bytes.get(at) == Some(&b'%') && bytes.get(at..).and_then(escaped).is_none())
}

/// Encodes everything but letters, digits, `-._~` and the bytes of `keep`.
pub fn encode(text: &str, keep: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || keep.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for nibble in [byte >> 4, byte & 0xF] {
                out.extend(char::from_digit(u32::from(nibble), 16).map(|c| c.to_ascii_uppercase()));
            }
        }
    }
    out
}

fn escaped(text: &[u8]) -> Option<(u8, &[u8])> {
    let [b'%', high, low, beyond @ ..] = text else { return None };
    let nibble = |digit: u8| char::from(digit).to_digit(16);
    let byte = nibble(*high)? << 4 | nibble(*low)?;
    Some((u8::try_from(byte).ok()?, beyond))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_lone_percent_stands_for_itself() {
        assert_eq!(decode(b"100%25 of 50% %4"), b"100% of 50% %4");
        assert_eq!(decode(b"%e2%9C%93%00"), "✓\0".as_bytes());
        assert_eq!(broken_escape_at("a%20b%2"), Some(5));
        assert_eq!(broken_escape_at("a%20b%zz"), Some(5));
        assert_eq!(broken_escape_at("a%20%C3%A9"), None);
        assert_eq!(encode("a b/ü", b""), "a%20b%2F%C3%BC");
        assert_eq!(encode("urn:sha1:X", b":"), "urn:sha1:X");
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes(text in any::<String>()) {
            let encoded = encode(&text, b"/:");
            prop_assert_eq!(decode(encoded.as_bytes()), text.as_bytes());
            prop_assert_eq!(broken_escape_at(&encoded), None);
            prop_assert!(encoded.bytes().all(|b| b.is_ascii_graphic()));
        }

        #[test]
        fn any_bytes_decode(bytes in any::<Vec<u8>>()) {
            prop_assert!(decode(&bytes).len() <= bytes.len());
        }
    }
}
