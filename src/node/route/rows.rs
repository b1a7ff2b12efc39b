//! Which leaves have a slot: one row for each slot, so that a query looks at as many rows as it
//! has words and not at as many tables as there are leaves.

use crate::library::route_table::LOG2;

/// Counts up to 16 rows in bits.
const PLANES: usize = 5;

/// A set of link numbers, 64 to a word.
pub(crate) type Numbers = Vec<u64>;

/// Whether a number is in a set.
#[inline]
pub(crate) fn has(numbers: &[u64], number: u16) -> bool {
    numbers.get(usize::from(number) / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
}

/// Puts a number into a set or takes it out.
pub(crate) fn put(numbers: &mut Numbers, number: u16, is_in: bool) {
    let (at, bit) = (usize::from(number) / 64, 1 << (number % 64));
    if is_in && numbers.len() <= at {
        numbers.resize(at + 1, 0);
    }
    if let Some(word) = numbers.get_mut(at) {
        *word = if is_in { *word | bit } else { *word & !bit };
    }
}

/// The rows. Empty ones hold nothing but themselves.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    rows: Box<[Row]>,
    /// Words of a set of all numbers.
    words: usize,
    /// The rows of the query at hand, as sets.
    asked: Vec<u64>,
}

#[derive(Debug)]
enum Row {
    /// Ascending; shorter than the set of all numbers would be.
    List(Vec<u16>),
    Set(Numbers),
}

impl Rows {
    /// A table that has slot `slot` of 2^16 now, or has it no more.
    pub(crate) fn put(&mut self, slot: u32, number: u16, is_in: bool) {
        if self.rows.is_empty() {
            self.rows = (0..1_u32 << LOG2).map(|_| Row::List(Vec::new())).collect();
        }
        self.words = self.words.max(usize::from(number) / 64 + 1);
        let listed_max = self.words * 4;
        let Some(row) = self.rows.get_mut(slot as usize) else { return };
        match row {
            Row::Set(set) => put(set, number, is_in),
            Row::List(list) => match list.binary_search(&number) {
                Ok(at) if !is_in => drop(list.remove(at)),
                Err(at) if is_in && list.len() < listed_max => list.insert(at, number),
                Err(_) if is_in => {
                    let mut set = Numbers::new();
                    list.iter().for_each(|&number| put(&mut set, number, true));
                    put(&mut set, number, true);
                    *row = Row::Set(set);
                }
                _ => {}
            },
        }
    }

    /// Whether any table has the slot.
    pub(crate) fn any(&self, slot: u32) -> bool {
        match self.rows.get(slot as usize) {
            Some(Row::List(list)) => !list.is_empty(),
            Some(Row::Set(set)) => set.iter().any(|&word| word != 0),
            None => false,
        }
    }

    /// Adds to `hits` the numbers that have at least `needed` of these slots, 16 at most; a slot
    /// that is named twice counts twice.
    pub(crate) fn matches(&mut self, slots: &[u32], needed: usize, hits: &mut Numbers) {
        let missing = slots.iter().filter(|&&slot| !self.any(slot)).count();
        if needed == 0 || missing > slots.len().saturating_sub(needed) {
            return;
        }
        let words = self.words;
        if hits.len() < words {
            hits.resize(words, 0);
        }
        self.asked.clear();
        self.asked.resize(words * slots.len(), 0);
        for (slot, set) in slots.iter().zip(self.asked.chunks_exact_mut(words)) {
            match self.rows.get(*slot as usize) {
                Some(Row::Set(row)) => {
                    set.iter_mut().zip(row).for_each(|(word, &of_row)| *word = of_row);
                }
                Some(Row::List(list)) => {
                    for &number in list {
                        if let Some(word) = set.get_mut(usize::from(number) / 64) {
                            *word |= 1 << (number % 64);
                        }
                    }
                }
                None => {}
            }
        }
        for (at, hits) in hits.iter_mut().enumerate().take(words) {
            let column = self.asked.iter().skip(at).step_by(words).copied();
            *hits |= if needed == slots.len() {
                column.fold(u64::MAX, |all, word| all & word)
            } else {
                at_least(column, needed)
            };
        }
    }
}

/// The bits that are set in at least `needed` of these words: 64 counters side by side.
#[inline]
fn at_least(words: impl Iterator<Item = u64>, needed: usize) -> u64 {
    let mut count = [0_u64; PLANES];
    for mut carry in words {
        for plane in &mut count {
            (*plane, carry) = (*plane ^ carry, *plane & carry);
        }
    }
    // From the highest place on: greater so far, equal so far.
    let (mut greater, mut equal) = (0, u64::MAX);
    for (place, plane) in count.iter().enumerate().rev() {
        if needed >> place & 1 == 1 {
            equal &= plane;
        } else {
            greater |= equal & plane;
            equal &= !plane;
        }
    }
    greater | equal
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_say_what_counting_says(
            tables in prop::collection::vec(prop::collection::btree_set(0u32..12, 0..12), 1..400),
            gone in prop::collection::vec(any::<bool>(), 400),
            asked in prop::collection::vec(0u32..14, 1..=16),
            needed in 1usize..=16,
        ) {
            let mut rows = Rows::default();
            let tables: Vec<_> = (0_u16..).zip(&tables).collect();
            for &(number, table) in &tables {
                table.iter().for_each(|&slot| rows.put(slot, number, true));
            }
            for &(number, table) in tables.iter().filter(|(number, _)| gone[usize::from(*number)]) {
                table.iter().for_each(|&slot| rows.put(slot, number, false));
            }
            let needed = needed.min(asked.len());
            let mut hits = Numbers::new();
            rows.matches(&asked, needed, &mut hits);
            for &(number, table) in &tables {
                let count = asked.iter().filter(|slot| table.contains(slot)).count();
                let expected = !gone[usize::from(number)] && count >= needed;
                prop_assert_eq!(has(&hits, number), expected, "{}", number);
            }
            let stays = |slot| tables.iter().any(|(number, table)| {
                !gone[usize::from(*number)] && table.contains(&slot)
            });
            prop_assert!((0..14).all(|slot| rows.any(slot) == stays(slot)));
        }
    }
}
