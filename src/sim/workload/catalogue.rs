//! The files of a world by name: which of them a question matches.

use std::collections::{BTreeMap, BTreeSet};

use super::words::word;
use super::{Corpus, Zipf};
use crate::library::words;
use crate::sim::Dice;
use crate::sim::disk::content_sha1;
use crate::wire::Sha1;

/// How often a name that is there already is drawn again before it is taken twice.
const DRAWS_MAX: u32 = 100;

/// The files, numbered from 0 by falling popularity, and their words.
#[derive(Clone, Debug)]
pub struct Catalogue {
    names: Vec<String>,
    /// By word, folded: the files in whose names it stands, in order.
    files: BTreeMap<String, Vec<u32>>,
    popularity: Zipf,
    vocabulary: Zipf,
    /// Empty if the files have no hashes.
    hashes: Vec<Sha1>,
}

impl Catalogue {
    pub(super) fn new(corpus: &Corpus, dice: &mut Dice) -> Catalogue {
        let vocabulary = Zipf::new(corpus.vocabulary_words, corpus.word_exponent);
        let mut taken = BTreeSet::new();
        let mut names = Vec::with_capacity(corpus.files as usize);
        for _ in 0..corpus.files {
            let mut drawn = distinct_words(&vocabulary, corpus.name_words, dice);
            for _ in 0..DRAWS_MAX {
                if taken.insert(drawn.clone()) {
                    break;
                }
                drawn = distinct_words(&vocabulary, corpus.name_words, dice);
            }
            let words: Vec<String> = drawn.into_iter().map(word).collect();
            names.push(words.join(" ") + ".mp3");
        }
        let mut files: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for (file, name) in (0..).zip(&names) {
            for word in words_of(name) {
                let files = files.entry(word).or_default();
                if files.last() != Some(&file) {
                    files.push(file);
                }
            }
        }
        let hash = |file| content_sha1(content(file), corpus.file_bytes);
        let hashes = (0..corpus.files).filter(|_| corpus.hashed).map(hash).collect();
        Catalogue { names, files, popularity: corpus.popularity(), vocabulary, hashes }
    }

    /// The name of a file; empty if there is none of this number.
    pub fn name(&self, file: u32) -> &str {
        self.names.get(file as usize).map_or("", String::as_str)
    }

    /// The SHA-1 of a file, if the files have theirs.
    pub fn sha1(&self, file: u32) -> Option<Sha1> {
        self.hashes.get(file as usize).copied()
    }

    /// How popular the files are.
    pub fn popularity(&self) -> &Zipf {
        &self.popularity
    }

    /// How often the words are used.
    pub(super) fn vocabulary(&self) -> &Zipf {
        &self.vocabulary
    }

    /// The files that a question with this text matches, in order: those in whose names all words
    /// of it stand.
    pub fn matches(&self, text: &str) -> Vec<u32> {
        let folded = words::fold(text);
        let lists: Option<Vec<&Vec<u32>>> =
            words::searchable(&folded).map(|word| self.files.get(&lower(word.bytes))).collect();
        let Some(mut lists) = lists else { return Vec::new() };
        lists.sort_by_key(|files| files.len());
        let Some((rarest, others)) = lists.split_first() else { return Vec::new() };
        let in_all = |file: &&u32| others.iter().all(|files| files.binary_search(file).is_ok());
        rarest.iter().filter(in_all).copied().collect()
    }
}

/// The number that the bytes of a file follow from.
pub(super) fn content(file: u32) -> u64 {
    0xF11E_0000_0000 + u64::from(file)
}

/// Different words, as often as they are used, in the order drawn.
pub(super) fn distinct_words(vocabulary: &Zipf, count: u32, dice: &mut Dice) -> Vec<u32> {
    let count = count.min(vocabulary.items()) as usize;
    let mut drawn: Vec<u32> = Vec::with_capacity(count);
    while drawn.len() < count {
        let word = vocabulary.draw(dice);
        if !drawn.contains(&word) {
            drawn.push(word);
        }
    }
    drawn
}

/// The words of a name as questions find them.
pub(super) fn words_of(name: &str) -> Vec<String> {
    words::of(&words::fold(name)).map(|word| lower(word.bytes)).collect()
}

fn lower(word: &[u8]) -> String {
    String::from_utf8_lossy(word).to_ascii_lowercase()
}
