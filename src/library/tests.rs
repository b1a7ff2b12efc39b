use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn entry(index: u32, folder: &str, name: &str) -> Entry {
    Entry {
        index: FileIndex(index),
        name: name.to_owned(),
        folder: folder.to_owned(),
        size: u64::from(index) * 10,
        sha1: index.is_multiple_of(2).then_some(Sha1([index as u8 % 16; 20])),
        modified_at_s: u64::from(index * 7 % 13),
    }
}

fn add(entries: &[Entry]) -> Change {
    Change::Add(Arc::new(Segment::new(entries.to_vec())))
}

fn found(library: &Library, text: &str) -> Vec<u32> {
    let mut found = Vec::new();
    library.matches(text, usize::MAX, &mut found);
    let mut found: Vec<u32> = found.into_iter().map(|index| index.0).collect();
    found.sort_unstable();
    found
}

#[test]
fn kinds_are_told_apart_in_matches_and_among_the_newest() {
    for crowd in [Vec::new(), crowd()] {
        let mut library = Library::default();
        let names = ["blue.mp3", "blue.txt", "blue.ogg", "blue", "blue.mp4"];
        let files = (2000..).zip(names).map(|(index, name)| Entry {
            modified_at_s: u64::from(index),
            ..entry(index, "", name)
        });
        library.apply(add(&crowd.into_iter().chain(files).collect::<Vec<_>>()));
        let of = |kinds, max| {
            let (mut matching, mut newest) = (Vec::new(), Vec::new());
            library.matches_of("blue", kinds, max, &mut matching);
            library.newest(kinds, max, &mut newest);
            newest.sort_unstable();
            assert_eq!(matching, newest);
            matching.into_iter().map(|index| index.0 - 2000).collect::<Vec<_>>()
        };
        assert_eq!(of(Some(Media::AUDIO), 9), [0, 2, 4]);
        assert_eq!(of(Some(Media::VIDEO), 9), [4]);
        assert_eq!(of(Some(Media::DOCUMENT | Media::VIDEO), 9), [1, 4]);
        assert_eq!(of(None, 5), [0, 1, 2, 3, 4]);
    }
}

/// A query for common words and a rare kind is no way to have us look at everything.
#[test]
fn a_rare_kind_among_common_words_is_not_looked_for_without_end() {
    let mut library = Library::default();
    let common = |index| entry(index, "", &format!("common {index}.txt"));
    let mut files: Vec<Entry> = (1..=LOOKS_MAX as u32 + 10).map(common).collect();
    files[10].name = "common.mp3".to_owned();
    files[LOOKS_MAX + 5].name = "common.mp3".to_owned();
    library.apply(add(&files));
    let mut found = Vec::new();
    library.matches_of("common", Some(Media::AUDIO), 9, &mut found);
    assert_eq!(found, [FileIndex(11)]);
}

/// Enough files for an index, none of which has a word of these tests.
fn crowd() -> Vec<Entry> {
    (1000..1100).map(|index| entry(index, "crowd", &format!("filler {index}.bin"))).collect()
}

#[test]
fn all_words_must_match_as_whole_words() {
    for crowd in [Vec::new(), crowd()] {
        let mut library = Library::default();
        let mut entries = crowd;
        entries.push(entry(1, "Music/Björk", "01 - Jóga (live).mp3"));
        entries.push(entry(2, "", "joga for beginners.PDF"));
        library.apply(add(entries.as_slice()));
        for (text, files) in [
            ("joga", &[1, 2][..]),
            ("JÓGA", &[1, 2]),
            ("live jo\u{301}ga", &[1]),
            ("bjork joga", &[1]),
            ("music 01 mp3 joga bjork live", &[1]),
            ("jog", &[]),
            ("joga yoga", &[]),
            ("joga x", &[1, 2]),
            ("x", &[]),
            ("", &[]),
            ("()", &[]),
            (
                "joga joga, joga! joga. joga; joga: joga? joga joga joga joga joga joga joga joga joga live",
                &[1],
            ),
            (
                "joga joga joga joga joga joga joga joga joga joga joga joga joga joga joga joga joga no",
                &[],
            ),
        ] {
            assert_eq!(found(&library, text), files, "{text}");
        }
    }
}

#[test]
fn finds_no_more_than_asked_for() {
    let mut library = Library::default();
    library.apply(add(&crowd()));
    library.apply(add(&[entry(1, "crowd", "one")]));
    let mut found = vec![FileIndex(7)];
    library.matches("crowd", 5, &mut found);
    assert_eq!(found.len(), 6);
    library.matches("crowd", 0, &mut found);
    assert_eq!(found.len(), 6);
    library.matches("one crowd", 5, &mut found);
    assert_eq!(found.last(), Some(&FileIndex(1)));
}

#[test]
fn an_entry_is_replaced_by_its_number() {
    let mut library = Library::default();
    library.apply(add(&crowd()));
    let mut renamed = entry(1004, "", "renamed");
    renamed.sha1 = Some(Sha1([9; 20]));
    library.apply(add(&[renamed.clone(), entry(1004, "", "but this comes last"), renamed.clone()]));
    assert_eq!(library.files(), 100);
    assert_eq!(library.by_index(FileIndex(1004)), Some(&renamed));
    assert_eq!(library.by_sha1(&Sha1([9; 20])), Some(&renamed));
    assert_eq!(library.by_name(FileIndex(1004), "renamed"), Some(&renamed));
    assert_eq!(library.by_name(FileIndex(1004), "Renamed"), None);
    assert_eq!(found(&library, "filler 1004"), [0; 0]);
    assert_eq!(found(&library, "renamed"), [1004]);
}

#[test]
fn files_that_come_one_by_one_end_up_in_few_segments() {
    let mut library = Library::default();
    for index in 0..1000 {
        library.apply(add(&[entry(index, "", &format!("file {index}"))]));
    }
    assert_eq!(library.files(), 1000);
    assert!(library.held.len() < 20, "{} segments", library.held.len());
    library.apply(add(library.entries().cloned().collect::<Vec<_>>().as_slice()));
    assert_eq!(library.held.len(), 1);
    library.apply(Change::Remove((0..1000).map(FileIndex).collect()));
    assert_eq!((library.held.len(), library.files(), library.bytes()), (0, 0, 0));
}

#[test]
fn an_empty_library_is_small() {
    assert!(size_of::<Library>() <= 48);
    assert_eq!(found(&Library::default(), "anything"), [0; 0]);
}

/// The library by its definition.
#[derive(Default)]
struct Naive(BTreeMap<u32, Entry>);

impl Naive {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Add(segment) => {
                self.0.extend(segment.entries().iter().map(|entry| (entry.index.0, entry.clone())));
            }
            Change::Remove(indexes) => indexes.iter().for_each(|index| {
                self.0.remove(&index.0);
            }),
        }
    }

    fn matches(&self, text: &str) -> Vec<u32> {
        let words = |text: &str| {
            let folded = words::fold(text).to_ascii_lowercase();
            let words = folded.split(|letter: char| letter.is_ascii() && !letter.is_alphanumeric());
            words.filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>()
        };
        let mut wanted = words(text);
        if wanted.iter().any(|word| word.len() >= words::WORD_BYTES_MIN) {
            wanted.retain(|word| word.len() >= words::WORD_BYTES_MIN);
        }
        let matches = |entry: &&Entry| {
            let has = words(&format!("{}/{}", entry.folder, entry.name));
            !wanted.is_empty() && wanted.iter().all(|word| has.contains(word))
        };
        self.0.values().filter(matches).map(|entry| entry.index.0).collect()
    }
}

fn some_text() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "a",
        "B",
        "é",
        "ab",
        "AB",
        "äb",
        "song",
        "Song",
        "SÓNG",
        "straße",
        "strasse",
        "日本",
        "mp3",
        "longer-than-eight",
        "longerthaneight",
        "LONGERTHANEIGHT",
    ]);
    prop::collection::vec(word, 0..6).prop_map(|words| words.join(" "))
}

fn some_change() -> impl Strategy<Value = Change> {
    let some_entry = || {
        (0..60_u32, some_text(), some_text())
            .prop_map(|(index, folder, name)| entry(index, &folder, &name))
    };
    prop_oneof![
        prop::collection::vec(some_entry(), 0..4)
            .prop_map(|entries: Vec<Entry>| add(entries.as_slice())),
        prop::collection::vec(some_entry(), 0..40)
            .prop_map(|entries: Vec<Entry>| add(entries.as_slice())),
        prop::collection::vec((0..60_u32).prop_map(FileIndex), 0..20).prop_map(Change::Remove),
    ]
}

proptest! {
    #[test]
    fn the_index_finds_what_a_scan_finds(
        changes in prop::collection::vec(some_change(), 0..8),
        texts in prop::collection::vec(some_text(), 1..8),
        from in 0..60_u32,
    ) {
        let (mut library, mut naive) = (Library::default(), Naive::default());
        for change in changes {
            naive.apply(&change);
            library.apply(change);
        }
        for text in texts {
            prop_assert_eq!(found(&library, &text), naive.matches(&text), "{}", text);
        }
        let mut newest: Vec<&Entry> = naive.0.values().collect();
        newest.sort_by_key(|entry| std::cmp::Reverse((entry.modified_at_s, entry.index)));
        let mut told = Vec::new();
        library.newest(None, 5, &mut told);
        prop_assert!(told.iter().eq(newest.iter().take(5).map(|entry| &entry.index)));
        prop_assert_eq!(library.files(), naive.0.len());
        prop_assert_eq!(library.bytes(), naive.0.values().map(|entry| entry.size).sum::<u64>());
        prop_assert!(library.entries().eq(naive.0.values()));
        prop_assert!(library.entries_from(FileIndex(from)).eq(naive.0.range(from..).map(|(_, e)| e)));
        for index in 0..60 {
            prop_assert_eq!(library.by_index(FileIndex(index)), naive.0.get(&index));
        }
        for byte in 0..16 {
            let sha1 = Sha1([byte; 20]);
            let has = |entry: &Entry| entry.sha1 == Some(sha1);
            prop_assert_eq!(library.by_sha1(&sha1).is_some(), naive.0.values().any(has));
            prop_assert!(library.by_sha1(&sha1).is_none_or(has));
        }
    }

    #[test]
    fn a_segment_travels_as_its_entries(texts in prop::collection::vec(some_text(), 0..20)) {
        let entries: Vec<Entry> =
            (0..).zip(&texts).map(|(index, text)| entry(index, "", text)).collect();
        let segment = Segment::new(entries.clone());
        let limits = bincode::config::standard();
        let bytes = bincode::serde::encode_to_vec(&segment, limits).unwrap();
        prop_assert_eq!(&bytes, &bincode::serde::encode_to_vec(&entries, limits).unwrap());
        let (read, _): (Segment, _) = bincode::serde::decode_from_slice(&bytes, limits).unwrap();
        prop_assert_eq!(read, segment);
    }
}
