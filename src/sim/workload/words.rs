//! Words that nobody has to write: each number is one, and no two numbers are the same.

const CONSONANTS: &[u8; 14] = b"bdfgklmnprstvz";
const VOWELS: &[u8; 5] = b"aeiou";
const SYLLABLES: u32 = 70;
/// Numbers below this are words of two syllables.
const SHORT: u32 = SYLLABLES * SYLLABLES;
/// Has no common factor with `SHORT`: neighbours in popularity do not look alike.
const STRIDE: u32 = 2_011;

/// The word of this number: syllables of a consonant and a vowel, two at least.
pub(super) fn word(number: u32) -> String {
    let mut left = if number < SHORT { number * STRIDE % SHORT } else { number };
    let mut syllables = Vec::new();
    while left > 0 || syllables.len() < 2 {
        syllables.push(left % SYLLABLES);
        left /= SYLLABLES;
    }
    let letters = syllables.iter().rev().flat_map(|&syllable| {
        let (consonant, vowel) = (syllable / 5, syllable % 5);
        [CONSONANTS[consonant as usize], VOWELS[vowel as usize]]
    });
    letters.map(char::from).collect()
}

/// A word that [`word`] never gives: its last letter is a consonant.
pub(super) fn unheard_of(number: u32) -> String {
    word(number) + "x"
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_number_is_a_word_of_its_own() {
        let words: BTreeSet<String> = (0..20_000).map(word).collect();
        assert_eq!(words.len(), 20_000);
        assert!(words.iter().all(|word| word.len() >= 4));
        assert!((0..5_000).all(|number| !words.contains(&unheard_of(number))));
    }
}
