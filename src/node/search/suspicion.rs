//! Results that look made up to match any query (protocol.md section 6): a mark for the user, not a
//! reason to drop anything.
//!
//! Each rule asks for what an honest servent has no cause to send, even one that shares a file
//! whose name somebody typed word for word.

use std::collections::{BTreeMap, BTreeSet};

use crate::library::media::kinds_of;
use crate::library::words;
use crate::wire::{Media, Record, Sha1};

/// So many results of one hit with the same oddity are no accident.
const TOGETHER_MIN: usize = 3;
/// What gtk-gnutella and LimeWire write as the words of "what is new": no file is called so.
pub(crate) const WHATS_NEW_TEXT: &str = "WhatIsNewXOXO";
/// Endings of what runs as soon as it is opened.
const RUNS: [&str; 8] = ["exe", "com", "scr", "pif", "bat", "cmd", "vbs", "msi"];

/// A name as a list of folded words.
type Words = Vec<Vec<u8>>;

/// Which results of one hit are suspicious, for a search with these words.
pub(crate) fn marks(text: &str, results: &[Record<'_>]) -> Vec<bool> {
    let asked = words_of(text);
    let stems: Vec<Words> = results.iter().map(|record| words_of(stem(record.name))).collect();
    let echoes_all = echoes_whatever_is_asked(&asked, results, &stems);
    let mut names: BTreeMap<(u64, Option<Sha1>), BTreeSet<&Words>> = BTreeMap::new();
    for (record, stem) in results.iter().zip(&stems).filter(|(record, _)| is_program(record)) {
        names.entry((record.size, record.sha1)).or_default().insert(stem);
    }
    let many_names = |record: &Record<'_>| {
        let of = names.get(&(record.size, record.sha1));
        is_program(record) && of.is_some_and(|names| names.len() >= TOGETHER_MIN)
    };
    let mark = |(record, stem): (&Record<'_>, &Words)| {
        is_marker(record.name)
            || is_program_as_typed(text, record)
            || (echoes_all && *stem == asked)
            || many_names(record)
    };
    results.iter().zip(&stems).map(mark).collect()
}

/// An answer to the text of "what is new" itself.
fn is_marker(name: &str) -> bool {
    name.get(..WHATS_NEW_TEXT.len()).is_some_and(|head| head.eq_ignore_ascii_case(WHATS_NEW_TEXT))
}

/// A program that is called letter by letter what was typed, small letters and spaces included.
/// People do not name programs so.
fn is_program_as_typed(text: &str, record: &Record<'_>) -> bool {
    let typed = text.trim();
    let several_words = typed.split_whitespace().count() > 1;
    let is_small = typed.to_lowercase() == typed;
    several_words && is_small && stem(record.name) == typed && runs(record)
}

/// Whether a servent offers just what was asked for in at least three forms, as a program and as
/// music or a film among them. A song, its cover and its words are an honest three.
fn echoes_whatever_is_asked(asked: &Words, results: &[Record<'_>], stems: &[Words]) -> bool {
    let echoes = || results.iter().zip(stems).filter(|(_, stem)| *stem == asked).map(|(r, _)| r);
    let files: BTreeSet<_> = echoes().map(|record| (record.size, record.sha1)).collect();
    let heard = |record: &Record<'_>| kinds_of(record.name).meets(Media::AUDIO | Media::VIDEO);
    !asked.is_empty() && files.len() >= TOGETHER_MIN && echoes().any(runs) && echoes().any(heard)
}

/// Whether it is a program or archive whose many names would tell. Without a hash the size stands
/// for the content, which is good enough only for what runs: images of disks have one size.
fn is_program(record: &Record<'_>) -> bool {
    let named = record.sha1.is_some() && kinds_of(record.name).meets(Media::PROGRAM);
    named || runs(record)
}

fn runs(record: &Record<'_>) -> bool {
    let ending = record.name.rsplit_once('.').map_or("", |(_, ending)| ending);
    RUNS.iter().any(|known| known.eq_ignore_ascii_case(ending))
}

/// A name without its ending.
fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

fn words_of(text: &str) -> Words {
    let folded = words::fold(text);
    words::of(&folded).map(|word| word.bytes.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests;
