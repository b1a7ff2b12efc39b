//! Blocks read, written, refused and bounded.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// A block as bytes, without the checks of the writer.
fn raw_block(flags: u8, id: &[u8], data: &[u8]) -> Vec<u8> {
    let mut out = vec![MAGIC, flags | id.len() as u8];
    out.extend_from_slice(id);
    write_len(&mut out, data.len());
    out.extend_from_slice(data);
    out
}

fn one(area: &[u8]) -> Result<Block<'_>, Malformed> {
    let mut blocks = Blocks::new(area)?;
    blocks.next().unwrap()
}

#[test]
fn lengths_are_written_as_the_specification_has_them() {
    let cases: [(usize, &[u8]); 6] = [
        (0, &[0x40]),
        (63, &[0x7F]),
        (64, &[0x81, 0x40]),
        (4_095, &[0xBF, 0x7F]),
        (4_096, &[0x81, 0x80, 0x40]),
        (262_143, &[0xBF, 0xBF, 0x7F]),
    ];
    for (len, bytes) in cases {
        let mut out = Vec::new();
        write_len(&mut out, len);
        assert_eq!(out, bytes, "{len}");
        assert_eq!(read_len(&mut Cursor::new(bytes)), Ok(len));
    }
}

#[test]
fn bad_lengths_are_refused() {
    for bytes in [&[0x00][..], &[0xC0], &[0x81], &[0x81, 0x80, 0x80, 0x40], &[0x81, 0x00], &[]] {
        assert!(read_len(&mut Cursor::new(bytes)).is_err(), "{bytes:x?}");
    }
}

#[test]
fn bad_framing_is_refused() {
    let cases: [&[u8]; 7] = [
        b"\xC3",            // no block
        b"\xC3\x90A\x40",   // reserved bit
        b"\xC3\x80\x40",    // no identifier
        b"\xC3\x82A\0\x40", // NUL in the identifier
        b"\xC3\x81A\x42x",  // data ends early
        b"\xC3\x8FABC",     // identifier ends early
        b"\xC3\x01A\x40",   // the last flag never comes
    ];
    for area in cases {
        let mut blocks = Blocks::new(area).unwrap();
        assert!(blocks.by_ref().any(|block| block == Err(Malformed::BadGgep)), "{area:x?}");
        assert!(blocks.next().is_none(), "goes on after an error: {area:x?}");
    }
    assert!(Blocks::new(b"").is_err());
    assert!(Blocks::new(b"\x81A\x40").is_err());
}

#[test]
fn the_writer_refuses_what_cannot_be_framed() {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out, Nul::Allowed);
    assert!(!writer.put("", b"x"));
    assert!(!writer.put("SIXTEEN.LETTERS.", b"x"));
    assert!(!writer.put("A\0", b"x"));
    assert!(!writer.put("A", &vec![1; DATA_BYTES_MAX + 1]));
    assert!(out.is_empty(), "nothing put, nothing written");
    assert!(Writer::new(&mut out, Nul::Allowed).put("A", &vec![1; DATA_BYTES_MAX]));
    assert_eq!(one(&out).unwrap().data(DATA_BYTES_MAX).unwrap().len(), DATA_BYTES_MAX);
}

#[test]
fn what_follows_the_last_block_is_the_rest() {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out, Nul::Allowed);
    writer.put("A", b"1");
    writer.put("BC", b"");
    out.extend_from_slice(b"\x1Crest");
    let mut blocks = Blocks::new(&out).unwrap();
    let ids: Vec<_> = blocks.by_ref().map(|block| block.unwrap().id).collect();
    assert_eq!(ids, [&b"A"[..], b"BC"]);
    assert_eq!(blocks.rest(), b"\x1Crest");
}

#[test]
fn cobs_agrees_with_the_known_examples() {
    let long: Vec<u8> = (1..=254).collect();
    let longer: Vec<u8> = (1..=255).collect();
    let cases: [(&[u8], Vec<u8>); 7] = [
        (&[], vec![1]),
        (&[0], vec![1, 1]),
        (&[0, 0], vec![1, 1, 1]),
        (&[0x11, 0x22, 0, 0x33], vec![3, 0x11, 0x22, 2, 0x33]),
        (&[0x11, 0, 0, 0], vec![2, 0x11, 1, 1, 1]),
        (&long, [&[0xFF][..], &long].concat()),
        (&longer, [&[0xFF][..], &long, &[2, 0xFF]].concat()),
    ];
    for (plain, coded) in cases {
        assert_eq!(cobs_encode(plain), coded);
        assert_eq!(cobs_decode(&coded).unwrap(), plain);
    }
    for bad in [&[0][..], &[2], &[3, 1, 0], &[1, 0]] {
        assert_eq!(cobs_decode(bad), Err(Malformed::BadGgep), "{bad:?}");
    }
}

#[test]
fn deflated_data_is_inflated_up_to_the_ceiling() {
    let text = b"the same again, the same again, the same again".repeat(100);
    let deflated = deflate(&text);
    let area = raw_block(LAST | DEFLATED, b"X", &deflated);
    let block = one(&area).unwrap();
    assert_eq!(block.data(text.len()).unwrap(), &text[..]);
    assert_eq!(block.data(text.len() - 1), Err(Malformed::TooLarge));
    let coded = raw_block(LAST | DEFLATED | COBS, b"X", &cobs_encode(&deflated));
    assert_eq!(one(&coded).unwrap().data(text.len()).unwrap(), &text[..]);
    assert_eq!(inflate(&deflate(b""), 0).unwrap(), b"");
}

#[test]
fn broken_deflate_is_refused() {
    let deflated = deflate(b"hello hello hello");
    let (cut, mut longer, mut wrong) = (&deflated[..8], deflated.clone(), deflated.clone());
    longer.push(0);
    *wrong.last_mut().unwrap() ^= 1;
    for bad in [&b""[..], b"\0\0\0\0", cut, &longer, &wrong] {
        assert_eq!(inflate(bad, 1_000), Err(Malformed::BadDeflate), "{bad:x?}");
    }
}

#[test]
fn a_bomb_costs_no_more_than_the_ceiling() {
    // 64 KiB that would become 64 MiB.
    let bomb = deflate(&vec![0; 65_536 * 1_000]);
    assert!(bomb.len() < 70_000, "{}", bomb.len());
    let area = raw_block(LAST | DEFLATED, b"X", &bomb);
    assert_eq!(one(&area).unwrap().data(4_096), Err(Malformed::TooLarge));
    // Empty stored blocks for ever: no output, but the input ends.
    let empty_blocks = [&[0x78, 0x01][..], &[0, 0, 0, 0xFF, 0xFF].repeat(10_000)].concat();
    assert_eq!(inflate(&empty_blocks, 4_096), Err(Malformed::BadDeflate));
}

#[test]
fn numbers_have_no_high_zero_bytes() {
    for (value, bytes) in [(0, &b""[..]), (1, b"\x01"), (256, b"\0\x01"), (u64::MAX, &[0xFF; 8])] {
        let mut out = Vec::new();
        Writer::new(&mut out, Nul::Coded).put_number("N", value);
        let data = one(&out).unwrap().data(8).unwrap();
        assert_eq!((&*data, number(&data)), (bytes, Ok(value)));
    }
    assert_eq!(number(&[1; 9]), Err(Malformed::BadValue));
}

proptest! {
    #[test]
    fn any_bytes_are_answered(mut area: Vec<u8>) {
        area.insert(0, MAGIC);
        for block in Blocks::new(&area).unwrap() {
            let Ok(block) = block else { continue };
            prop_assert!((1..=15).contains(&block.id.len()));
            if let Ok(data) = block.data(100) {
                prop_assert!(data.len() <= 100);
            }
        }
    }

    #[test]
    fn blocks_come_back_as_they_were_put(
        blocks in vec(("[A-Za-z0-9_.]{1,15}", vec(0..3u8, 0..600)), 1..6),
        coded: bool,
    ) {
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out, if coded { Nul::Coded } else { Nul::Allowed });
        for (id, data) in &blocks {
            prop_assert!(writer.put(id, data));
        }
        prop_assert!(!coded || !out.contains(&0), "a NUL in an area that must have none");
        let mut reader = Blocks::new(&out).unwrap();
        for (id, data) in &blocks {
            let block = reader.next().unwrap().unwrap();
            prop_assert_eq!(block.id, id.as_bytes());
            prop_assert_eq!(&*block.data(600).unwrap(), &data[..]);
        }
        prop_assert!(reader.next().is_none());
        prop_assert!(reader.rest().is_empty());
    }

    #[test]
    fn cobs_is_undone(data: Vec<u8>) {
        let coded = cobs_encode(&data);
        prop_assert!(!coded.contains(&0));
        prop_assert_eq!(cobs_decode(&coded).unwrap(), data);
    }

    #[test]
    fn inflating_any_bytes_is_bounded(data: Vec<u8>, max in 0..10_000usize) {
        if let Ok(out) = inflate(&data, max) {
            prop_assert!(out.len() <= max);
        }
    }
}
