//! The bounded table of the node where only age matters: at its limit the oldest entry makes room.
//!
//! Entries lie in a ring in the order in which they came, and an index of tags says where: a new
//! entry touches two places of memory and allocates nothing of its own, where a list by recency
//! touches five. Few entries are looked through one by one, so that the table of a node which hears
//! little has no index. The hash is seeded from the node's own randomness: strangers choose the
//! keys.

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;

use super::Rng;
use super::size::block;

/// So many entries are looked through one by one.
const FEW_MAX: usize = 8;
/// Places of the first index.
const INDEX_MIN: usize = 32;

/// A table of at most `max` entries that forgets what came first.
pub(super) struct Aged<K, V> {
    entries: VecDeque<(K, V)>,
    /// The number of the oldest entry; they are numbered as they come, and begin anew after 2^32.
    first: u32,
    /// By open addressing with linear probing, a power of two of places; empty while few.
    index: Vec<Place>,
    max: u32,
    hasher: FixedState,
}

/// A place of the index.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// The upper half of the hash of the key, its lowest bit set; 0: nothing is here.
    tag: u32,
    /// The number of the entry.
    number: u32,
}

impl<K: Hash + Eq, V> Aged<K, V> {
    /// An empty table; a `max` of 0 counts as 1.
    pub(super) fn new(max: u32, rng: &mut Rng) -> Self {
        let hasher = FixedState::with_seed(rng.u64());
        Self { entries: VecDeque::new(), first: 0, index: Vec::new(), max: max.max(1), hasher }
    }

    #[inline]
    fn tag(&self, key: &K) -> u32 {
        (self.hasher.hash_one(key) >> 32) as u32 | 1
    }

    /// Where in the index a tag belongs. Its lowest bit says nothing.
    #[inline]
    fn home(&self, tag: u32) -> usize {
        (tag >> 1) as usize & (self.index.len() - 1)
    }

    /// Where in the ring the entry of a key is.
    #[inline]
    fn find(&self, key: &K) -> Option<usize> {
        if self.index.is_empty() {
            return self.entries.iter().rposition(|(other, _)| other == key);
        }
        let tag = self.tag(key);
        let mut at = self.home(tag);
        loop {
            let place = self.index[at];
            if place.tag == 0 {
                return None;
            }
            let in_ring = place.number.wrapping_sub(self.first) as usize;
            if place.tag == tag && self.entries.get(in_ring).is_some_and(|(other, _)| other == key)
            {
                return Some(in_ring);
            }
            at = (at + 1) & (self.index.len() - 1);
        }
    }

    /// The value of `key`.
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(self.find(key)?).map(|(_, value)| value)
    }

    /// The value of `key`, to be changed.
    #[inline]
    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let at = self.find(key)?;
        self.entries.get_mut(at).map(|(_, value)| value)
    }

    /// Puts in a key that is not there, as the newest. Call [`Aged::pop_oldest`] before if the
    /// table is full.
    #[inline]
    pub(super) fn push(&mut self, key: K, value: V) {
        let tag = self.tag(&key);
        self.entries.push_back((key, value));
        if self.index.is_empty() && self.entries.len() <= FEW_MAX {
            return;
        }
        // A third of the places stays empty, so that few are looked at.
        if self.entries.len() * 3 > self.index.len() * 2 {
            return self.grow(tag);
        }
        self.place_newest(tag);
    }

    #[inline]
    fn place(&mut self, place: Place) {
        let mut at = self.home(place.tag);
        while self.index[at].tag != 0 {
            at = (at + 1) & (self.index.len() - 1);
        }
        self.index[at] = place;
    }

    /// Makes the index larger. `newest` is the tag of the newest entry, which is not in it yet.
    #[cold]
    fn grow(&mut self, newest: u32) {
        let larger = vec![Place::default(); (self.index.len() * 2).max(INDEX_MIN)];
        let before = std::mem::replace(&mut self.index, larger);
        if before.is_empty() {
            for at in 0..self.entries.len().saturating_sub(1) {
                let tag = self.tag(&self.entries[at].0);
                let number = self.first.wrapping_add(at as u32);
                self.place(Place { tag, number });
            }
        }
        for place in before.into_iter().filter(|place| place.tag != 0) {
            self.place(place);
        }
        self.place_newest(newest);
    }

    #[inline]
    fn place_newest(&mut self, tag: u32) {
        let number = self.first.wrapping_add(self.entries.len() as u32 - 1);
        self.place(Place { tag, number });
    }

    /// Takes the oldest entry out.
    pub(super) fn pop_oldest(&mut self) -> Option<(K, V)> {
        let (key, value) = self.entries.pop_front()?;
        let number = self.first;
        self.first = number.wrapping_add(1);
        if !self.index.is_empty() {
            let mut at = self.home(self.tag(&key));
            while self.index[at].number != number || self.index[at].tag == 0 {
                at = (at + 1) & (self.index.len() - 1);
            }
            self.vacate(at);
        }
        Some((key, value))
    }

    /// Empties a place. Those behind it that belong before it move up, so that no search ends too
    /// early.
    fn vacate(&mut self, mut hole: usize) {
        let mask = self.index.len() - 1;
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let place = self.index[at];
            if place.tag == 0 {
                break;
            }
            let from_home = at.wrapping_sub(self.home(place.tag)) & mask;
            if from_home >= at.wrapping_sub(hole) & mask {
                self.index[hole] = place;
                hole = at;
            }
        }
        self.index[hole] = Place::default();
    }

    /// Bytes that it takes beside itself.
    pub(super) fn heap_bytes(&self) -> usize {
        block(self.entries.capacity() * size_of::<(K, V)>())
            + block(self.index.capacity() * size_of::<Place>())
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many there can be.
    pub(super) fn max(&self) -> usize {
        self.max as usize
    }

    /// Whether something has to make room for a new key.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= self.max as usize
    }

    /// Reads where a search for `key` begins and returns it, for [`Aged::look_ahead_at`].
    #[inline]
    pub(super) fn look_ahead(&self, key: &K) -> u32 {
        if self.index.is_empty() {
            return self.first;
        }
        self.index[self.home(self.tag(key))].number
    }

    /// Reads the entry of this number, if there is one, and the newest.
    #[inline]
    pub(super) fn look_ahead_at(&self, number: u32) -> impl Iterator<Item = &(K, V)> {
        let at = number.wrapping_sub(self.first) as usize;
        self.entries.get(at).into_iter().chain(self.entries.back())
    }
}

impl<K, V> std::fmt::Debug for Aged<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Aged({} of {})", self.entries.len(), self.max)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop, prop_assert_eq, proptest};

    use super::*;

    proptest! {
        /// As a list does that is looked through, over many rounds of the ring and of its numbers.
        #[test]
        fn holds_what_came_last(
            max in 1_u32..40,
            first in prop::sample::select(vec![0, u32::MAX - 20]),
            keys in prop::collection::vec(0_u8..60, 0..400),
        ) {
            let mut aged = Aged { first, ..Aged::new(max, &mut Rng::from_u64(1)) };
            let mut expected: Vec<(u8, usize)> = Vec::new();
            for (value, key) in keys.into_iter().enumerate() {
                if let Some(held) = aged.get_mut(&key) {
                    *held = value;
                    let known = expected.iter_mut().find(|(other, _)| *other == key);
                    known.expect("known").1 = value;
                } else {
                    if aged.is_full() {
                        prop_assert_eq!(aged.pop_oldest(), Some(expected.remove(0)));
                    }
                    aged.push(key, value);
                    expected.push((key, value));
                }
                prop_assert_eq!((aged.len(), aged.max()), (expected.len(), max as usize));
                for key in 0..60 {
                    let known = expected.iter().find(|(other, _)| *other == key);
                    prop_assert_eq!(aged.get(&key), known.map(|(_, value)| value));
                }
            }
        }
    }

    #[test]
    fn keys_of_one_home_find_each_other() {
        /// All hashes are alike.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        struct Same(u32);
        impl Hash for Same {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                state.write_u8(0);
            }
        }
        let mut aged = Aged::new(20, &mut Rng::from_u64(1));
        for round in 0..50 {
            if aged.is_full() {
                assert_eq!(aged.pop_oldest(), Some((Same(round - 20), round - 20)));
            }
            aged.push(Same(round), round);
            for key in 0..50 {
                let held = (round.saturating_sub(19)..=round).contains(&key).then_some(key);
                assert_eq!(aged.get(&Same(key)), held.as_ref());
            }
        }
    }
}
