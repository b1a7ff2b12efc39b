use proptest::prelude::*;

use super::*;

/// All content, what is left behind the end, and how it ended, fed in pieces of the given sizes.
fn decode(
    input: &[u8],
    bytes_max: u64,
    sizes: &[usize],
) -> (Vec<u8>, usize, Result<bool, Malformed>) {
    let mut body = Chunked::new(bytes_max);
    let (mut content, mut used) = (Vec::new(), 0);
    let mut sizes = sizes.iter().copied().chain(std::iter::repeat(usize::MAX));
    while used < input.len() && !body.is_done() {
        let len = sizes.next().unwrap_or(1).clamp(1, input.len() - used);
        let mut bytes = &input[used..used + len];
        loop {
            match body.next(&mut bytes) {
                Ok(Piece::Data(data)) => {
                    assert!(!data.is_empty());
                    content.extend_from_slice(data);
                }
                Ok(Piece::NeedMore) => {
                    assert!(bytes.is_empty());
                    break;
                }
                Ok(Piece::End) => break,
                Err(error) => {
                    assert_eq!(body.next(&mut &b"0\r\n\r\n"[..]), Err(error), "it stays refused");
                    return (content, 0, Err(error));
                }
            }
        }
        used += len - bytes.len();
    }
    (content, input.len() - used, Ok(body.is_done()))
}

#[test]
fn bodies() {
    for (input, content, left) in [
        (&b"0\r\n\r\n"[..], &b""[..], 0),
        (b"5\r\nhello\r\n0\r\n\r\nrest", b"hello", 4),
        (b"5\nhello\n0\n\nrest", b"hello", 4),
        (b"3;a=\"b c\";d\r\nabc\r\n00a\r\n0123456789\r\n000\r\n\r\n", b"abc0123456789", 0),
        (b"2  \r\nab\r\n0 ; x\r\nTrailer: 1\r\nB: 2\r\n\r\n", b"ab", 0),
        (b"A\r\n0123456789\r\n0\r\n\r\n", b"0123456789", 0),
        (b"2\r\n\r\n\r\n0\r\n\r\n", b"\r\n", 0),
    ] {
        let text = String::from_utf8_lossy(input);
        assert_eq!(decode(input, 100, &[]), (content.to_vec(), left, Ok(true)), "{text:?}");
        assert_eq!(decode(input, 100, &[1; 99]), (content.to_vec(), left, Ok(true)), "{text:?}");
    }
}

#[test]
fn broken_framing_is_refused() {
    for bad in [
        &b"\r\n"[..],
        b"g\r\n",
        b"-1\r\n",
        b"+1\r\n",
        b"0x5\r\nhello\r\n",
        b" 5\r\nhello\r\n",
        b"5 5\r\nhello\r\n",
        b"5\rhello\r\n",
        b"5\r\nhelloworld\r\n",
        b"5\r\nhello\r\r\n",
        b"5\r\nhello0\r\n\r\n",
        b"5;a\0\r\nhello\r\n",
        b"5;a\rb\r\nhello\r\n",
        b"0\r\n\rX",
        b"0\r\nA: \0\r\n\r\n",
    ] {
        let text = String::from_utf8_lossy(bad);
        assert_eq!(decode(bad, 100, &[]).2, Err(Malformed::BadHead), "{text:?}");
    }
}

#[test]
fn limits() {
    assert_eq!(decode(b"5\r\nhello\r\n0\r\n\r\n", 5, &[]).2, Ok(true));
    assert_eq!(decode(b"5\r\nhello\r\n1\r\n", 5, &[]).2, Err(Malformed::TooLarge));
    assert_eq!(decode(b"6\r\n", 5, &[]).2, Err(Malformed::TooLarge));
    assert_eq!(decode(b"ffffffffffffffff\r\n", u64::MAX, &[]).2, Ok(false));
    assert_eq!(decode(b"10000000000000000\r\n", u64::MAX, &[]).2, Err(Malformed::TooLarge));
    let long = |n: usize, text: &str| text.repeat(n).into_bytes();
    assert_eq!(decode(&long(300, "0"), 5, &[]).2, Err(Malformed::TooLarge));
    assert_eq!(
        decode(&[b"1;".to_vec(), long(300, "x")].concat(), 5, &[]).2,
        Err(Malformed::TooLarge)
    );
    let trailer = [b"0\r\n".to_vec(), long(5_000, "A: b\r\n")].concat();
    assert_eq!(decode(&trailer, 5, &[]).2, Err(Malformed::TooLarge));
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..6),
        after in prop::collection::vec(any::<u8>(), 0..9),
        sizes in prop::collection::vec(1..40_usize, 0..200),
    ) {
        let mut bytes = Vec::new();
        chunks.iter().for_each(|chunk| write(&mut bytes, chunk));
        bytes.extend_from_slice(END);
        bytes.extend_from_slice(&after);
        let (content, left, end) = decode(&bytes, 10_000, &sizes);
        prop_assert_eq!(content, chunks.concat());
        prop_assert_eq!(end, Ok(true));
        prop_assert!(left == after.len());
    }

    #[test]
    fn any_bytes_in_any_pieces(
        bytes in "([0-3a;: x]|\r\n|\r|\n){0,80}",
        sizes in prop::collection::vec(1..9_usize, 0..80),
    ) {
        let (whole, pieces) = (decode(bytes.as_bytes(), 50, &[]), decode(bytes.as_bytes(), 50, &sizes));
        prop_assert_eq!(whole, pieces);
    }

    #[test]
    fn any_bytes(bytes in any::<Vec<u8>>()) {
        let (content, ..) = decode(&bytes, 50, &[]);
        prop_assert!(content.len() <= 50);
    }
}
