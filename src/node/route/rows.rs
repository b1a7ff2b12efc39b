//! Which leaves have a slot: one row for each slot, so that a query looks at as many rows as it
//! has words and not at as many tables as there are leaves.
//!
//! While the leaves share little, the rows lie in one sorted list and cost what is in them; where
//! they share much, each row has a place of its own, and the places alone take two megabytes.

use crate::library::route_table::LOG2;
use crate::node::size::block;

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

/// So many slots of leaves are one list: 128 KB, as much as a core has at hand.
const LISTED_MAX: usize = 32_768;

/// The rows.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    held: Held,
    /// Words of a set of all numbers.
    words: usize,
    /// The rows of the query at hand, as sets.
    asked: Vec<u64>,
}

#[derive(Debug)]
enum Held {
    /// Slot and number of each, ascending.
    Listed(Vec<(u16, u16)>),
    /// A row for each slot.
    Every(Box<[Row]>),
}

impl Default for Held {
    fn default() -> Held {
        Held::Listed(Vec::new())
    }
}

#[derive(Debug)]
enum Row {
    /// Ascending; shorter than the set of all numbers would be.
    List(Vec<u16>),
    Set(Numbers),
}

impl Row {
    fn put(&mut self, number: u16, is_in: bool, listed_max: usize) {
        match self {
            Row::Set(set) => put(set, number, is_in),
            Row::List(list) => match list.binary_search(&number) {
                Ok(at) if !is_in => drop(list.remove(at)),
                Err(at) if is_in && list.len() < listed_max => list.insert(at, number),
                Err(_) if is_in => {
                    let mut set = Numbers::new();
                    list.iter().for_each(|&number| put(&mut set, number, true));
                    put(&mut set, number, true);
                    *self = Row::Set(set);
                }
                _ => {}
            },
        }
    }
}

impl Rows {
    /// A table that has these slots of 2^16 now, or has them no more; they ascend.
    pub(crate) fn put(&mut self, number: u16, changes: impl Iterator<Item = (u32, bool)>) {
        self.words = self.words.max(usize::from(number) / 64 + 1);
        let listed_max = self.words * 4;
        match &mut self.held {
            Held::Every(rows) => {
                for (slot, is_in) in changes {
                    if let Some(row) = rows.get_mut(slot as usize) {
                        row.put(number, is_in, listed_max);
                    }
                }
            }
            Held::Listed(list) => {
                let merged = merge(list, number, changes);
                if merged.len() <= LISTED_MAX {
                    *list = merged;
                    return;
                }
                let mut rows: Box<[Row]> =
                    (0..1_u32 << LOG2).map(|_| Row::List(Vec::new())).collect();
                for (slot, number) in merged {
                    if let Some(row) = rows.get_mut(usize::from(slot)) {
                        row.put(number, true, listed_max);
                    }
                }
                self.held = Held::Every(rows);
            }
        }
    }

    /// Bytes that they take beside themselves.
    pub(crate) fn heap_bytes(&self) -> usize {
        block(match &self.held {
            Held::Listed(list) => list.capacity() * size_of::<(u16, u16)>(),
            Held::Every(rows) => {
                let of = |row: &Row| match row {
                    Row::List(list) => block(list.capacity() * size_of::<u16>()),
                    Row::Set(set) => block(set.capacity() * size_of::<u64>()),
                };
                size_of_val(&**rows) + rows.iter().map(of).sum::<usize>()
            }
        })
    }

    /// Whether any table has the slot.
    pub(crate) fn any(&self, slot: u32) -> bool {
        match &self.held {
            Held::Listed(list) => !listed(list, slot).is_empty(),
            Held::Every(rows) => match rows.get(slot as usize) {
                Some(Row::List(list)) => !list.is_empty(),
                Some(Row::Set(set)) => set.iter().any(|&word| word != 0),
                None => false,
            },
        }
    }

    /// The slots that any table has, ascending.
    pub(crate) fn slots(&self) -> impl Iterator<Item = u32> + '_ {
        let (list, every) = match &self.held {
            Held::Listed(list) => (list.as_slice(), 0..0),
            Held::Every(_) => (&[][..], 0..1_u32 << LOG2),
        };
        let listed = list.chunk_by(|a, b| a.0 == b.0);
        let listed = listed.filter_map(|row| Some(row.first()?.0.into()));
        listed.chain(every.filter(|&slot| self.any(slot)))
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
            let mut add = |number: u16| {
                if let Some(word) = set.get_mut(usize::from(number) / 64) {
                    *word |= 1 << (number % 64);
                }
            };
            match &self.held {
                Held::Listed(list) => {
                    listed(list, *slot).iter().for_each(|&(_, number)| add(number));
                }
                Held::Every(rows) => match rows.get(*slot as usize) {
                    Some(Row::Set(row)) => {
                        set.iter_mut().zip(row).for_each(|(word, &of_row)| *word = of_row);
                    }
                    Some(Row::List(list)) => list.iter().for_each(|&number| add(number)),
                    None => {}
                },
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

/// The part of a list that is the row of this slot.
#[inline]
fn listed(list: &[(u16, u16)], slot: u32) -> &[(u16, u16)] {
    let from = list.partition_point(|&(other, _)| u32::from(other) < slot);
    let rest = list.get(from..).unwrap_or_default();
    let len = rest.iter().take_while(|&&(other, _)| u32::from(other) == slot).count();
    rest.get(..len).unwrap_or_default()
}

/// A list after changes of one number's slots, which ascend.
fn merge(
    list: &[(u16, u16)],
    number: u16,
    changes: impl Iterator<Item = (u32, bool)>,
) -> Vec<(u16, u16)> {
    let mut merged = Vec::with_capacity(list.len() + changes.size_hint().0);
    let mut rest = list;
    for (slot, is_in) in changes {
        let Ok(slot) = u16::try_from(slot) else { break };
        let before = rest.partition_point(|&entry| entry < (slot, number));
        let (done, others) = rest.split_at(before);
        merged.extend_from_slice(done);
        rest = match others.split_first() {
            Some((&entry, others)) if entry == (slot, number) => others,
            _ => others,
        };
        // Of a larger table several slots are one here: they may come one after the other.
        let is_there = merged.last() == Some(&(slot, number));
        if is_in && !is_there {
            merged.push((slot, number));
        } else if !is_in && is_there {
            merged.pop();
        }
    }
    merged.extend_from_slice(rest);
    merged
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
            is_every in any::<bool>(),
        ) {
            let mut rows = Rows::default();
            if is_every {
                // What takes the rows beyond a list, and goes again.
                rows.put(400, (0..LISTED_MAX as u32 + 1).map(|slot| (slot, true)));
                rows.put(400, (0..LISTED_MAX as u32 + 1).map(|slot| (slot, false)));
            }
            prop_assert_eq!(matches!(rows.held, Held::Every(_)), is_every);
            let tables: Vec<_> = (0_u16..).zip(&tables).collect();
            for &(number, table) in &tables {
                rows.put(number, table.iter().map(|&slot| (slot, true)));
            }
            for &(number, table) in tables.iter().filter(|(number, _)| gone[usize::from(*number)]) {
                rows.put(number, table.iter().map(|&slot| (slot, false)));
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
            let staying: Vec<u32> = (0..14).filter(|&slot| stays(slot)).collect();
            prop_assert_eq!(rows.slots().collect::<Vec<_>>(), staying);
        }
    }
}
