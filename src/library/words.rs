//! Words: how names and queries are cut and folded, so that the same word is the same bytes.
//!
//! A word is a run of letters and digits. Case and accents do not count: text is decomposed
//! (NFKD), its accents are dropped, its case folded, and what is left recomposed (NFC), which is
//! also what other servents hash into their query routing tables (protocol.md section 5). Marks
//! that make another letter rather than an accented one (kana voicing, nukta, virama, the vowel
//! signs of Indic scripts) stay.

use std::borrow::Cow;
use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{canonical_combining_class, is_combining_mark};

/// Shorter words of a query (in bytes, folded) are ignored unless it has no others.
pub const WORD_BYTES_MIN: usize = 2;

/// Names are hashed with this seed: only the place in a table follows from it, never an order.
const SEED: FixedState = FixedState::with_seed(0x6669_6c62_6572_7431);

/// Folds text; ASCII needs no folding (its case is ignored when words are compared) and costs no
/// allocation. Folding twice changes nothing.
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() { Cow::Borrowed(text) } else { Cow::Owned(fold_unicode(text)) }
}

fn fold_unicode(text: &str) -> String {
    let letters = text.nfkd().filter(|&letter| !is_accent(letter));
    // Down, up and down again is case folding: every sharp s becomes ss, both small sigmas one.
    let lower = (letters.flat_map(char::to_lowercase).flat_map(char::to_uppercase))
        .flat_map(char::to_lowercase);
    // Case mapping can bring accents back (a dotted capital I), and new decompositions.
    let plain: String = lower.nfkd().filter(|&letter| !is_accent(letter)).collect();
    plain
        .nfc()
        .map(
            |letter| {
                if letter.is_alphanumeric() || is_combining_mark(letter) { letter } else { ' ' }
            },
        )
        .collect()
}

/// Whether a combining mark is an accent on a letter and not a part of it.
fn is_accent(letter: char) -> bool {
    // Classes 7 to 9: nukta, kana voicing, virama. Class 0: vowel signs.
    !matches!(canonical_combining_class(letter), 0 | 7..=9)
}

/// A word of folded text; two words are equal if they differ only in ASCII case.
#[derive(Clone, Copy, Debug)]
pub struct Word<'t> {
    /// Its bytes, ASCII in whatever case the text had.
    pub bytes: &'t [u8],
    /// Its hash, the same for either case.
    pub hash: u64,
}

impl PartialEq for Word<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.bytes.eq_ignore_ascii_case(other.bytes)
    }
}

/// The words of folded text, in order.
#[derive(Clone, Debug)]
pub struct Words<'t> {
    rest: &'t [u8],
    bytes_min: usize,
}

/// All words of text that [`fold`] gave.
pub fn of(folded: &str) -> Words<'_> {
    Words { rest: folded.as_bytes(), bytes_min: 1 }
}

/// The words by which text that [`fold`] gave is searched: those of at least
/// [`WORD_BYTES_MIN`] bytes, or all if there is none.
pub fn searchable(folded: &str) -> Words<'_> {
    let long = Words { rest: folded.as_bytes(), bytes_min: WORD_BYTES_MIN };
    if long.clone().next().is_some() { long } else { of(folded) }
}

impl<'t> Iterator for Words<'t> {
    type Item = Word<'t>;

    #[inline]
    fn next(&mut self) -> Option<Word<'t>> {
        loop {
            let begin = self.rest.iter().position(|&byte| is_word_byte(byte))?;
            let (_, word_on) = self.rest.split_at(begin);
            let mut hasher = SEED.build_hasher();
            let (mut eight, mut len) = (0_u64, 0);
            for &byte in word_on {
                if !is_word_byte(byte) {
                    break;
                }
                // In ASCII letters and digits bit 5 is nothing but the case.
                eight = eight << 8 | u64::from(byte | 0x20);
                len += 1;
                if len % 8 == 0 {
                    hasher.write_u64(std::mem::take(&mut eight));
                }
            }
            hasher.write_u64(eight);
            let (bytes, rest) = word_on.split_at(len);
            self.rest = rest;
            if len >= self.bytes_min {
                return Some(Word { bytes, hash: hasher.finish() });
            }
        }
    }
}

/// Whether a byte of folded text belongs to a word: folding left of other alphabets only letters,
/// digits and spaces.
#[inline]
fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> Vec<String> {
        let folded = fold(text);
        of(&folded).map(|word| String::from_utf8_lossy(word.bytes).to_ascii_lowercase()).collect()
    }

    #[test]
    fn cuts_at_everything_but_letters_and_digits() {
        assert_eq!(words("01 - The_Song (live).MP3"), ["01", "the", "song", "live", "mp3"]);
        assert_eq!(words("«Ärger»—heute"), ["arger", "heute"]);
        assert_eq!(words(" .-'\u{0}\u{a0}\u{3000} "), [""; 0]);
    }

    #[test]
    fn folds_case_accents_and_compatible_forms() {
        for (text, folded) in [
            ("Café", "cafe"),
            ("Cafe\u{301}", "cafe"),
            ("STRASSE", "strasse"),
            ("Straße", "strasse"),
            ("ΟΔΟΣ", "οδοσ"),
            ("οδός", "οδοσ"),
            ("İstanbul", "istanbul"),
            ("ﬁlm", "film"),
            ("ＡＢＣ１", "abc1"),
            ("Ёлка", "елка"),
            ("한국", "한국"),
            ("がか", "がか"),
            ("हिन्दी", "हिन्दी"),
        ] {
            assert_eq!(words(text), [folded], "{text}");
        }
    }

    #[test]
    fn short_words_count_only_when_alone() {
        let searched = |text| {
            let folded = fold(text);
            searchable(&folded).map(|word| word.bytes.len()).collect::<Vec<_>>()
        };
        assert_eq!(searched("a song by x"), [4, 2]);
        assert_eq!(searched("a x"), [1, 1]);
        assert_eq!(searched("日"), [3]);
        assert_eq!(searched("- -"), [0; 0]);
    }

    #[test]
    fn every_letter_folds_to_what_folds_to_itself() {
        let mut encoded = [0; 4];
        for letter in '\u{80}'..=char::MAX {
            let once = fold(letter.encode_utf8(&mut encoded)).into_owned();
            assert_eq!(fold(&once), once, "{letter:?}");
        }
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in any::<String>()) {
            let once = fold(&text).into_owned();
            prop_assert_eq!(fold(&once), once.as_str());
        }

        #[test]
        fn case_does_not_count_for_the_hash(text in "[a-zA-Z0-9]{1,40}") {
            let upper = text.to_ascii_uppercase();
            prop_assert_eq!(of(&text).next(), of(&upper).next());
        }

        #[test]
        fn other_words_have_other_hashes(one in "[a-z0-9]{1,20}", two in "[a-z0-9]{1,20}") {
            let (first, second) = (of(&one).next().unwrap(), of(&two).next().unwrap());
            prop_assert_eq!(first.hash == second.hash, one == two);
        }
    }
}
