//! What a query costs in the library: once for every query that is relayed.

use std::sync::Arc;

use divan::{Bencher, black_box};
use filbert::library::{Change, Entry, FileIndex, Library, Segment};
use filbert::node::Rng;

fn main() {
    divan::main();
}

const FILES: [u32; 4] = [5, 1_000, 10_000, 100_000];

/// Names of six words; a word's frequency falls with its number, as in language.
fn entries(files: u32) -> Vec<Entry> {
    let mut rng = Rng::from_u64(1);
    let mut word = move || {
        let rank = 20_000_f64.powf(rng.unit());
        format!("word{}", rank as u32)
    };
    (1..=files)
        .map(|index| Entry {
            index: FileIndex(index),
            name: format!("{} {}-{} {} ({}).mp3", word(), word(), word(), word(), word()),
            folder: "music".to_owned(),
            size: 5_000_000,
            sha1: None,
            modified_at_s: 1_700_000_000,
        })
        .collect()
}

fn library(files: u32) -> Library {
    let mut library = Library::default();
    library.apply(Change::Add(Arc::new(Segment::new(entries(files)))));
    library
}

fn ask(bencher: Bencher<'_, '_>, files: u32, text: &str) {
    let library = library(files);
    let mut found = Vec::with_capacity(64);
    bencher.bench_local(|| {
        found.clear();
        library.matches(black_box(text), 64, &mut found);
        found.len()
    });
}

/// Two words, neither known: most queries of a flood.
#[divan::bench(args = FILES)]
fn unknown_words(bencher: Bencher<'_, '_>, files: u32) {
    ask(bencher, files, "nobody shares");
}

/// Two words that many files have, and one that none has.
#[divan::bench(args = FILES)]
fn last_word_unknown(bencher: Bencher<'_, '_>, files: u32) {
    ask(bencher, files, "word1 music nothing");
}

/// Three rare words that are known but never together.
#[divan::bench(args = FILES)]
fn never_together(bencher: Bencher<'_, '_>, files: u32) {
    ask(bencher, files, "word9001 word9002 word9003");
}

/// Two frequent words: as many results as are wanted.
#[divan::bench(args = FILES)]
fn many_matches(bencher: Bencher<'_, '_>, files: u32) {
    ask(bencher, files, "word1 word2");
}

/// A frequent and a rare word.
#[divan::bench(args = FILES)]
fn few_matches(bencher: Bencher<'_, '_>, files: u32) {
    ask(bencher, files, "mp3 word5003");
}

/// Text of another alphabet has to be folded.
#[divan::bench(args = FILES)]
fn unknown_words_with_accents(bencher: Bencher<'_, '_>, files: u32) {
    ask(bencher, files, "Bj\u{f6}rk J\u{f3}ga");
}

/// Building the index of one segment.
#[divan::bench(args = FILES, sample_count = 10)]
fn build(bencher: Bencher<'_, '_>, files: u32) {
    bencher.with_inputs(|| entries(files)).bench_values(Segment::new);
}
