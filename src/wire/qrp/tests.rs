//! The published vectors of the specification's appendices, and the rules of sequences.

use flate2::Compression;
use flate2::write::ZlibEncoder;
use proptest::prelude::*;
use std::io::Write as _;

use super::gather::{Change, Gathered, Gatherer, Room, Wrong};
use super::*;

#[test]
fn the_hash_is_that_of_appendix_a() {
    let vectors = [
        ("", 13, 0),
        ("eb", 13, 6791),
        ("ebc", 13, 7082),
        ("ebck", 13, 6698),
        ("ebckl", 13, 3179),
        ("ebcklm", 13, 3235),
        ("ebcklme", 13, 6438),
        ("ebcklmen", 13, 1062),
        ("ebcklmenq", 13, 3527),
        ("", 16, 0),
        ("n", 16, 65003),
        ("nd", 16, 54193),
        ("ndf", 16, 4953),
        ("ndfl", 16, 58201),
        ("ndfla", 16, 34830),
        ("ndflal", 16, 36910),
        ("ndflale", 16, 34586),
        ("ndflalem", 16, 37658),
        ("ndflaleme", 16, 45559),
        ("ol2j34lj", 10, 318),
        ("asdfas23", 10, 503),
        ("9um3o34fd", 10, 758),
        ("a234d", 10, 281),
        ("a3f", 10, 767),
        ("3nja9", 10, 581),
        ("2459345938032343", 10, 146),
        ("7777a88a8a8a8", 10, 342),
        ("asdfjklkj3k", 10, 861),
        ("adfk32l", 10, 1011),
        ("zzzzzzzzzzz", 10, 944),
        ("3NJA9", 10, 581),
        ("3nJa9", 10, 581),
        ("test", 3, 2),
        ("qrp", 3, 7),
    ];
    for (word, log2, expected) in vectors {
        assert_eq!(slot(hash(word.as_bytes()), log2), expected, "{word}");
    }
    assert_eq!((slot(u32::MAX, 0), slot(7, 32), slot(7, 200)), (0, 7, 7));
}

/// A descriptor as appendix B prints it: hexadecimal digits, the header's end marked.
fn payload(dump: &str) -> Vec<u8> {
    let (header, payload) = dump.split_once('|').unwrap();
    let bytes = |text: &str| -> Vec<u8> {
        text.split_whitespace().map(|hex| u8::from_str_radix(hex, 16).unwrap()).collect()
    };
    let (header, payload) = (bytes(header), bytes(payload));
    assert_eq!((header.len(), header[16..19].to_vec()), (23, vec![0x30, 1, 0]));
    assert_eq!(usize::from(header[19]), payload.len());
    let update = Update::decode(&payload).unwrap();
    let mut again = Vec::new();
    update.encode(&mut again);
    assert_eq!(again, payload);
    payload
}

type Slots = Vec<(u32, Change)>;

/// What a message led to: the slots of a whole patch.
fn take(gatherer: &mut Gatherer, update: &Update<'_>) -> Result<Option<Slots>, Wrong> {
    let mut room = Room::default();
    Ok(match gatherer.take(update, &mut room)? {
        Gathered::Changes(changes) => Some(changes.iter().collect()),
        Gathered::Part | Gathered::Reset { .. } => None,
    })
}

/// The example's reset, and the three sequences of patches.
type Example = (&'static str, [&'static [&'static str]; 3]);

const APPENDIX_B: [Example; 5] = [
    (
        "85 d9 76 4d bf 2 1d 9a ff 72 e7 21 c3 40 dd 0 30 1 0 6 0 0 0 | 0 8 0 0 0 7",
        [
            &[
                "a9 ab 9b 14 c1 1e 52 aa ff b4 b4 41 75 6d 29 0 30 1 0 d 0 0 0 | 1 1 1 0 8 0 0 fa 0 0 0 0 0",
            ],
            &[
                "d6 c4 b4 21 36 d0 ae 94 ff 56 7 e9 58 dd 72 0 30 1 0 d 0 0 0 | 1 1 1 0 8 0 0 0 0 0 0 fa 0",
            ],
            &[
                "3a e4 59 89 ae 3b 67 8a ff 96 95 66 e8 b2 b9 0 30 1 0 d 0 0 0 | 1 1 1 0 8 0 0 6 0 0 0 0 0",
            ],
        ],
    ),
    (
        "3f 7c 5a 8c 14 8a 38 22 ff bf 3b 76 5e 86 c6 0 30 1 0 6 0 0 0 | 0 8 0 0 0 7",
        [
            &["50 4a bb d7 c0 ea 68 68 ff ef 55 65 31 2f 39 0 30 1 0 9 0 0 0 | 1 1 1 0 4 0 a0 0 0"],
            &["5d 34 5b 67 f3 60 e 9c ff bc 26 79 5a 31 d2 0 30 1 0 9 0 0 0 | 1 1 1 0 4 0 0 0 a0"],
            &["f4 26 fa 2d b6 cc 23 7f ff ab 87 ef 6f 3a 93 0 30 1 0 9 0 0 0 | 1 1 1 0 4 0 60 0 0"],
        ],
    ),
    (
        "7e a1 67 2f 86 3b 9 8b ff a2 cd 26 88 4d 84 0 30 1 0 6 0 0 0 | 0 8 0 0 0 7",
        [
            &[
                "a0 71 1 1f b1 e7 9e 63 ff f0 8a 60 c0 5a c 0 30 1 0 7 0 0 0 | 1 1 2 0 4 0 a0",
                "d 1b e6 71 eb 26 9c f ff 10 60 7f 31 72 41 0 30 1 0 7 0 0 0 | 1 2 2 0 4 0 0",
            ],
            &[
                "c7 ed 3d ca 3e ab 1d 5e ff e8 d6 5 1b 71 f6 0 30 1 0 7 0 0 0 | 1 1 2 0 4 0 0",
                "10 28 ad 5c fb 37 ba 4e ff 6b 38 a0 e2 1d d4 0 30 1 0 7 0 0 0 | 1 2 2 0 4 0 a0",
            ],
            &[
                "40 11 74 1d ff 85 b8 b3 ff 95 58 0 ee 6f de 0 30 1 0 7 0 0 0 | 1 1 2 0 4 0 60",
                "d8 6d f5 d1 38 a8 8 cf ff 20 c9 eb d2 f1 2b 0 30 1 0 7 0 0 0 | 1 2 2 0 4 0 0",
            ],
        ],
    ),
    (
        "71 9f 38 68 49 c0 96 45 ff 23 ae 12 2 cd b3 0 30 1 0 6 0 0 0 | 0 8 0 0 0 7",
        [
            &[
                "f1 a9 21 cf 47 75 9f 50 ff 8 f1 f3 57 d9 c3 0 30 1 0 11 0 0 0 | 1 1 1 1 4 78 9c 63 58 c0 c0 0 0 1 e4 0 a1",
            ],
            &[
                "fe 8 b5 ed a fb e7 88 ff d8 4d 6 af b 11 0 30 1 0 11 0 0 0 | 1 1 1 1 4 78 9c 63 60 60 58 0 0 0 a4 0 a1",
            ],
            &[
                "5a 23 fc 3d 27 d0 b1 17 ff b 92 c6 a2 af 1f 0 30 1 0 11 0 0 0 | 1 1 1 1 4 78 9c 63 48 60 60 0 0 1 24 0 61",
            ],
        ],
    ),
    (
        "2a c8 2f 10 90 1c a7 1e ff 14 6c 12 71 9f b7 0 30 1 0 6 0 0 0 | 0 8 0 0 0 7",
        [
            &[
                "1f 6c dc 54 ac 1f 42 cc ff 31 99 15 a0 e0 36 0 30 1 0 f 0 0 0 | 1 1 2 1 4 78 9c 63 58 c0 c0 0 0 1 e4",
                "c1 c0 1a 79 2e 32 6e 54 ff e7 8d 21 de 4 3c 0 30 1 0 7 0 0 0 | 1 2 2 1 4 0 a1",
            ],
            &[
                "63 79 60 3 36 4f dd 86 ff a1 84 c4 dd d6 c7 0 30 1 0 f 0 0 0 | 1 1 2 1 4 78 9c 63 60 60 58 0 0 0 a4",
                "6d 93 7 a0 73 14 1b 69 ff 62 66 ba 56 47 10 0 30 1 0 7 0 0 0 | 1 2 2 1 4 0 a1",
            ],
            &[
                "70 da 77 93 a2 f6 53 39 ff 5f e7 fa 2c 1f c2 0 30 1 0 f 0 0 0 | 1 1 2 1 4 78 9c 63 48 60 60 0 0 1 24",
                "7a 19 5c b6 54 ba bc ec ff 4e 3d c5 d1 2f a9 0 30 1 0 7 0 0 0 | 1 2 2 1 4 0 61",
            ],
        ],
    ),
];

#[test]
fn the_dumps_of_appendix_b_are_read() {
    for (at, (reset, sequences)) in APPENDIX_B.iter().enumerate() {
        let mut gatherer = Gatherer::default();
        let reset = payload(reset);
        let update = Update::decode(&reset).unwrap();
        assert_eq!(update, Update::Reset { slots: 8, infinity: 7 });
        let mut room = Room::default();
        assert_eq!(gatherer.take(&update, &mut room), Ok(Gathered::Reset { log2: 3 }));
        // The text says that "qrp" hashes to 7, as it does; the dumps all set slot 6.
        let printed = [(2, Change::Set), (6, Change::Set), (2, Change::Clear)];
        for (sequence, expected) in sequences.iter().zip(printed) {
            let mut last = None;
            for dump in *sequence {
                assert_eq!(last, None);
                let payload = payload(dump);
                last = take(&mut gatherer, &Update::decode(&payload).unwrap()).unwrap();
            }
            assert_eq!(last, Some(vec![expected]), "example {}", at + 1);
        }
    }
}

fn reset(slots: u32, infinity: u8) -> Update<'static> {
    Update::Reset { slots, infinity }
}

fn part(number: u8, count: u8, entry_bits: u8, data: &[u8]) -> Update<'_> {
    Update::Patch(Patch { number, count, compressor: 0, entry_bits, data })
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn after_reset(update: &Update<'_>) -> Result<Option<Slots>, Wrong> {
    let mut gatherer = Gatherer::default();
    take(&mut gatherer, &reset(16, 7)).unwrap();
    take(&mut gatherer, update)
}

#[test]
fn entries_of_every_width_mean_the_same() {
    let one = [0b0010_0000, 0b0000_0001];
    let two = [0b0000_1100, 0, 0, 0b0000_0011];
    let four = [0, 0xA0, 0, 0, 0, 0, 0, 0x0F];
    let eight = [0, 0, 0xFA, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF];
    let data: [(u8, &[u8]); 4] = [(1, &one), (2, &two), (4, &four), (8, &eight)];
    for (bits, data) in data {
        let meant = if bits == 1 { Change::Flip } else { Change::Set };
        let changes = after_reset(&part(1, 1, bits, data)).unwrap().unwrap();
        assert_eq!(changes, [(2, meant), (15, meant)], "{bits} bits");
    }
    let clears = after_reset(&part(1, 1, 2, &[0b0001_0000, 0, 0, 0])).unwrap().unwrap();
    assert_eq!(clears, [(1, Change::Clear)]);
}

#[test]
fn every_rule_of_sequences_is_held() {
    let mut none = Gatherer::default();
    assert_eq!(take(&mut none, &part(1, 1, 4, &[0; 8])), Err(Wrong::NoReset));
    for slots in [0, 3, 65_535, SLOTS_MAX * 2, u32::MAX] {
        assert_eq!(take(&mut none, &reset(slots, 7)), Err(Wrong::BadLength));
    }
    assert_eq!(take(&mut none, &reset(8, 0)), Err(Wrong::BadInfinity));
    for (wrong, update) in [
        (Wrong::WrongNumber, part(2, 2, 4, &[0; 8])),
        (Wrong::WrongNumber, part(0, 2, 4, &[0; 8])),
        (Wrong::WrongNumber, part(1, 0, 4, &[0; 8])),
        (Wrong::BadEntryBits, part(1, 1, 3, &[0; 6])),
        (Wrong::BadEntryBits, part(1, 1, 0, &[0; 6])),
        (Wrong::NoData, part(1, 1, 4, &[])),
        (Wrong::TooShort, part(1, 1, 4, &[0; 7])),
        (Wrong::TooLong, part(1, 1, 4, &[0; 9])),
    ] {
        assert_eq!(after_reset(&update), Err(wrong), "{update:?}");
    }
    let compressed = |compressor, data: &[u8]| {
        let patch = Patch { number: 1, count: 1, compressor, entry_bits: 4, data };
        after_reset(&Update::Patch(patch))
    };
    assert_eq!(compressed(2, &[0; 8]), Err(Wrong::BadCompressor));
    assert_eq!(compressed(1, b"no zlib"), Err(Wrong::BadDeflate));
    assert_eq!(compressed(1, &zlib(&[0; 7])), Err(Wrong::TooShort));
    assert_eq!(compressed(1, &zlib(&[0; 9])), Err(Wrong::TooLong));
    assert!(compressed(1, &zlib(&[0; 8])).is_ok());

    let first = part(1, 3, 4, &[0; 2]);
    for (wrong, second) in [
        (Wrong::WrongNumber, part(1, 3, 4, &[0; 2])),
        (Wrong::WrongNumber, part(3, 3, 4, &[0; 2])),
        (Wrong::Changed, part(2, 2, 4, &[0; 6])),
        (Wrong::Changed, part(2, 3, 8, &[0; 6])),
        (Wrong::NoData, part(2, 3, 4, &[])),
        (Wrong::TooLong, part(2, 3, 4, &[0; 7])),
    ] {
        let mut gatherer = Gatherer::default();
        take(&mut gatherer, &reset(16, 1)).unwrap();
        assert_eq!(take(&mut gatherer, &first), Ok(None));
        assert!(gatherer.held_bytes() >= 2);
        assert_eq!(take(&mut gatherer, &second), Err(wrong), "{second:?}");
    }
    // A reset begins anew at any time.
    let mut gatherer = Gatherer::default();
    take(&mut gatherer, &reset(16, 1)).unwrap();
    take(&mut gatherer, &first).unwrap();
    take(&mut gatherer, &reset(4, 1)).unwrap();
    assert_eq!(gatherer.held_bytes(), 0);
    assert!(take(&mut gatherer, &part(1, 1, 8, &[0; 4])).is_ok());
}

#[test]
fn threat_4_a_deflate_bomb_costs_no_more_than_the_table() {
    let bomb = zlib(&vec![0; 64 << 20]);
    assert!(bomb.len() < 80_000);
    let mut gatherer = Gatherer::default();
    take(&mut gatherer, &reset(65_536, 7)).unwrap();
    let count = bomb.chunks(1_024).count() as u8;
    for (number, data) in (1..).zip(bomb.chunks(1_024)) {
        let patch = Patch { number, count, compressor: 1, entry_bits: 4, data };
        match take(&mut gatherer, &Update::Patch(patch)) {
            Ok(None) => assert!(gatherer.held_bytes() <= 2 * 34_000),
            other => {
                assert_eq!(other, Err(Wrong::TooLong));
                return;
            }
        }
    }
    panic!("taken");
}

/// Nothing is the same in every table of one size, and is written and read once; that must not show
/// in what comes after it.
#[test]
fn one_room_does_for_tables_with_nothing_and_with_something() {
    let (mut writing, mut reading) = (write::Room::default(), Room::default());
    for (log2, slots) in
        [(16, vec![]), (16, vec![]), (12, vec![]), (16, vec![7, 9]), (16, vec![]), (12, vec![1])]
    {
        let mut gatherer = Gatherer::default();
        gatherer.take(&Update::decode(&write::reset(log2)).unwrap(), &mut reading).unwrap();
        let payloads = writing.patch(log2, slots.iter().map(|&slot| (slot, true)));
        assert_eq!(payloads, write::patch(log2, slots.iter().map(|&slot| (slot, true))));
        let [payload] = &payloads[..] else { panic!("one message") };
        let got = gatherer.take(&Update::decode(payload).unwrap(), &mut reading);
        let Ok(Gathered::Changes(changes)) = got else { panic!("{got:?}") };
        let read: Vec<u32> = changes.iter().map(|(slot, _)| slot).collect();
        assert_eq!(read, slots, "2^{log2} slots");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        log2 in 1u8..=17,
        changed in prop::collection::btree_map(0u32..1 << 17, any::<bool>(), 0..2_000),
    ) {
        let inside = |(slot, appears): (&u32, &bool)| (*slot < 1 << log2).then_some((*slot, *appears));
        let meant: Vec<(u32, bool)> = changed.iter().filter_map(inside).collect();
        let mut gatherer = Gatherer::default();
        let reset = write::reset(log2);
        let got = take(&mut gatherer, &Update::decode(&reset).unwrap());
        prop_assert_eq!(got, Ok(None));
        let payloads = write::patch(log2, meant.iter().copied());
        let mut last = None;
        for payload in &payloads {
            prop_assert!(payload.len() <= 1_024);
            prop_assert_eq!(&last, &None);
            last = take(&mut gatherer, &Update::decode(payload).unwrap()).unwrap();
        }
        let read: Vec<(u32, bool)> =
            last.into_iter().flatten().map(|(slot, change)| (slot, change == Change::Set)).collect();
        prop_assert_eq!(read, meant);
    }

    #[test]
    fn any_messages_are_answered(
        slots in 0u32..64,
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..8),
    ) {
        let mut gatherer = Gatherer::default();
        let _ = take(&mut gatherer, &reset(slots, 7));
        for message in &messages {
            if let Ok(update) = Update::decode(message) {
                let mut again = Vec::new();
                update.encode(&mut again);
                prop_assert_eq!(&again, message);
                if let Ok(Some(changes)) = take(&mut gatherer, &update) {
                    prop_assert!(changes.iter().all(|&(slot, _)| slot < SLOTS_MAX));
                }
            }
        }
    }
}
