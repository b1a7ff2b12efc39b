//! Tables grow and shrink with what is shared, judge queries by the rule, and fill as computed.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::library::{Change, FileIndex, Library, Segment};
use crate::wire::qrp::gather::Change as SlotChange;
use crate::wire::query::{QueryFlags, QueryOut, encode};

fn entry(index: u32, name: &str) -> Entry {
    Entry {
        index: FileIndex(index),
        name: name.to_owned(),
        folder: String::new(),
        size: 1,
        sha1: None,
        modified_at_s: 0,
    }
}

fn slot_of(word: &str) -> u32 {
    slot(hash(word.as_bytes()), LOG2)
}

fn table(words: &[&str]) -> SlotSet {
    SlotSet::with(LOG2, words.iter().map(|word| slot_of(word)))
}

fn keys(text: &str, sha1s: &[Sha1]) -> Keys {
    let mut payload = Vec::new();
    encode(&QueryOut { text, sha1s, ..QueryOut::default() }, &mut payload);
    Keys::of(&Query::decode(&payload).unwrap())
}

#[test]
fn one_or_two_words_must_all_be_there_and_two_thirds_of_more() {
    let table = table(&["one", "two", "three", "four"]);
    for (text, matches) in [
        ("one", true),
        ("five", false),
        ("one FOUR", true),
        ("one five", false),
        ("one two five", true),
        ("one six five", false),
        ("one two three five", true),
        ("one two six five", false),
        ("one two three four six five", true),
        ("one two three seven six five", false),
        // Words of two letters are not judged, and without others nothing is.
        ("one by a", true),
        ("five by a", false),
        ("by a", true),
        ("...", true),
    ] {
        assert_eq!(table.may_match(&keys(text, &[])), matches, "{text}");
    }
    assert!(SlotSet::empty(LOG2).may_match(&keys("by", &[])));
    let long: String = (0..40).map(|at| format!("word{at} ")).collect();
    assert_eq!((keys(&long, &[]).hashes().len(), keys(&long, &[]).needed()), (16, 11));
}

#[test]
fn contents_are_judged_by_their_urn_alone() {
    // Base32 of repeated bytes repeats itself, and the hash adds such texts up to nothing.
    let sha1s =
        [5_u8, 6].map(|step| Sha1(std::array::from_fn(|at| step.wrapping_pow(at as u32 + 2))));
    let urn = |sha1: &Sha1| {
        let mut urn = Vec::new();
        sha1.write_urn(&mut urn);
        urn
    };
    assert!(urn(&sha1s[0]).starts_with(b"urn:sha1:"));
    let table = SlotSet::with(LOG2, [slot(hash(&urn(&sha1s[1])), LOG2)].into_iter());
    assert!(table.may_match(&keys("\\", &sha1s)), "one of both is enough");
    assert!(table.may_match(&keys("words that are not there", &sha1s)));
    assert!(!table.may_match(&keys("\\", &sha1s[..1])));
    let whats_new =
        Query { flags: QueryFlags::default(), text: "whatever", extensions: b"\xC3\x82WH\x41\x01" };
    assert_eq!(Keys::of(&whats_new).needed(), 0);
}

#[test]
fn what_is_shared_has_slots_by_its_words_and_its_content() {
    let file = Entry { sha1: Some(Sha1([1; 20])), ..entry(1, "Blue Moön - blue (01).OGG") };
    let mut library = Library::default();
    library.apply(Change::Add(Arc::new(Segment::new(vec![file]))));
    let table = library.routed().slots();
    for query in [keys("blue moon", &[]), keys("MOÖN ogg", &[]), keys("", &[Sha1([1; 20])])] {
        assert!(table.may_match(&query));
    }
    // A short word of ours is there for whoever judges by it.
    assert!(table.contains(slot_of("01")));
    assert_eq!(table.count(), 5);
    library.apply(Change::Remove(vec![FileIndex(1)]));
    assert_eq!(library.routed().slots(), SlotSet::empty(LOG2));
}

#[test]
fn fill_is_what_the_arithmetic_says() {
    for (words, expected) in
        [(1_000, 1.5), (5_000, 7.4), (12_000, 16.7), (30_000, 36.7), (100_000, 78.3)]
    {
        let entries = (0..words).map(|at| entry(at + 1, &spread(u64::from(at)))).collect();
        let mut library = Library::default();
        library.apply(Change::Add(Arc::new(Segment::new(entries))));
        let table = library.routed().slots();
        let fill = f64::from(table.count()) / f64::from(table.slots());
        let computed = 1.0 - (-f64::from(words) / 65_536.0).exp();
        assert!((computed * 100.0 - expected).abs() < 0.06, "{words}: {computed}");
        // Five standard deviations of what is left empty by chance.
        let spread_of = (computed * (1.0 - computed) / 65_536.0).sqrt();
        assert!((fill - computed).abs() < 5.0 * spread_of, "{words}: {fill}, not {computed}");
        // A query of w words that nobody has passes as often as fill to the power of w.
        for count in [1_u32, 2] {
            let asked = 20_000;
            let passes = (0..asked).filter(|&at| {
                let text: Vec<String> =
                    (0..count).map(|word| spread(1 << 40 | at << 2 | u64::from(word))).collect();
                table.may_match(&keys(&text.join(" "), &[]))
            });
            let rate = passes.count() as f64 / asked as f64;
            let expected = fill.powi(count as i32);
            // The hash spreads letters a little unevenly: what is often set is often asked for.
            let deviation = (expected * (1.0 - expected) / asked as f64).sqrt();
            assert!(
                (rate - expected).abs() < 5.0 * deviation + 0.1 * expected,
                "{words} words, {count} asked: {rate}, not {expected}"
            );
        }
    }
}

/// A word that no other number has, with letters as if by chance.
fn spread(number: u64) -> String {
    let mut mixed = (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ mixed >> 32).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    let letter =
        |at: u32| b"abcdefghijklmnopqrstuvwxyz0123456789"[mixed.rotate_left(at * 5) as usize % 36];
    (0..9 + mixed as u32 % 4).map(|at| char::from(letter(at))).collect()
}

proptest! {
    /// However files come and go, the table is that of what is left.
    #[test]
    fn the_table_follows_the_library(
        steps in prop::collection::vec(
            (prop::collection::vec((1u32..60, 0usize..40), 0..30), prop::collection::vec(1u32..60, 0..20)),
            1..8,
        ),
        asked_at in 0usize..8,
    ) {
        let words: Vec<String> = (0..40).map(|at| format!("word{at} common{} x", at % 3)).collect();
        let mut library = Library::default();
        for (at, (added, removed)) in steps.iter().enumerate() {
            if at == asked_at {
                library.routed();
            }
            let entries = added.iter().map(|&(index, word)| entry(index, &words[word])).collect();
            library.apply(Change::Add(Arc::new(Segment::new(entries))));
            library.apply(Change::Remove(removed.iter().copied().map(FileIndex).collect()));
        }
        let left: BTreeSet<u32> =
            library.entries().flat_map(slots_of).map(u32::from).collect();
        let table = library.routed().slots();
        prop_assert_eq!(table.iter().collect::<BTreeSet<u32>>(), left.clone());
        prop_assert!(left.iter().all(|&slot| library.routed().contains(slot as u16)));
    }

    /// Whatever form it has, a set is a set; its changes lead from one to the other.
    #[test]
    fn a_set_is_a_set(
        log2 in 0u8..=12,
        steps in prop::collection::vec(
            (prop::collection::btree_map(0u32..5_000, 0u8..3, 0..200), any::<Option<bool>>()),
            1..10,
        ),
    ) {
        let mut set = SlotSet::empty(log2);
        let mut model = BTreeSet::new();
        for (changes, all) in &steps {
            let every = |change| (0..set.slots()).map(|slot| (slot, change)).collect();
            let changes: Vec<(u32, SlotChange)> = match all {
                Some(true) => every(SlotChange::Set),
                Some(false) => every(SlotChange::Flip),
                None => changes.iter().map(|(&slot, &change)| {
                    (slot, [SlotChange::Set, SlotChange::Clear, SlotChange::Flip][usize::from(change)])
                }).collect(),
            };
            let before = set.clone();
            let mut told = Vec::new();
            set.apply(changes.iter().copied(), |slot, is| told.push((slot, is)));
            for &(slot, change) in changes.iter().filter(|(slot, _)| *slot < 1 << log2) {
                let is = match change {
                    SlotChange::Set => true,
                    SlotChange::Clear => false,
                    SlotChange::Flip => !model.contains(&slot),
                };
                if is { model.insert(slot); } else { model.remove(&slot); }
            }
            prop_assert_eq!(set.iter().collect::<BTreeSet<u32>>(), model.clone());
            prop_assert_eq!(set.count() as usize, model.len());
            prop_assert_eq!(&told, &set.changes_since(&before));
            prop_assert!((0..1 << log2).all(|slot| set.contains(slot) == model.contains(&slot)));
            prop_assert_eq!(
                set.contains_any(3, 7),
                model.range(3..10).next().is_some()
            );
            prop_assert_eq!(&SlotSet::with(log2, set.iter()), &set);
            prop_assert!(set.heap_bytes() <= (set.slots() as usize / 8).max(8));
        }
    }
}
