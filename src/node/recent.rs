//! The bounded table of the node: at its limit the least recently used entry makes room.
//!
//! It has two back ends. A few entries are a list, the most recent last, looked through one by one:
//! an empty table allocates nothing and one of four entries little more than these, so that a
//! million simulated nodes can hold several. More are a hash table with a list through it. Its
//! hasher is seeded from the node's own randomness: strangers choose the keys. Iteration goes by
//! recency, never by hash.

use std::hash::{BuildHasher, Hash};
use std::num::NonZeroUsize;

use foldhash::fast::FixedState;
use lru::LruCache;

use super::Rng;
use super::size::block;

/// So many entries are looked through one by one, unless [`Recent::few_up_to`] says otherwise.
const FEW_MAX: u32 = 16;

/// A table of at most `max` entries that forgets what was not used for longest.
pub(super) struct Recent<K, V> {
    max: u32,
    /// So many entries are a list.
    few_max: u32,
    seed: u64,
    held: Held<K, V>,
}

enum Held<K, V> {
    /// The most recent last; it grows by one, as most have few for ever.
    Few(Vec<(K, V)>),
    Many(Box<LruCache<K, V, Hasher>>),
}

/// foldhash under a seed of our own.
#[derive(Clone)]
struct Hasher(FixedState);

impl BuildHasher for Hasher {
    type Hasher = <FixedState as BuildHasher>::Hasher;

    #[inline(always)]
    fn build_hasher(&self) -> Self::Hasher {
        self.0.build_hasher()
    }
}

impl<K: Hash + Eq, V> Recent<K, V> {
    /// An empty table; a `max` of 0 counts as 1.
    pub(super) fn new(max: u32, rng: &mut Rng) -> Self {
        let held = Held::Few(Vec::new());
        Self { max: max.max(1), few_max: FEW_MAX, seed: rng.u64(), held }
    }

    /// So many entries are looked through one by one: more than usual, for a table whose entries
    /// are small and mostly looked at all together.
    pub(super) fn few_up_to(self, few_max: u32) -> Self {
        Self { few_max, ..self }
    }

    /// The value of `key`, made by `fresh` if there is none; it is the most recent one then.
    #[inline]
    pub(super) fn get_or_insert(&mut self, key: K, fresh: impl FnOnce() -> V) -> &mut V {
        match self.room_for(&key) {
            Held::Many(many) => many.get_or_insert_mut(key, fresh),
            Held::Few(few) => {
                let entry = take(few, &key).unwrap_or_else(|| (key, fresh()));
                few.reserve_exact(1);
                &mut few.push_mut(entry).1
            }
        }
    }

    /// Sets the value of `key`; it is the most recent one then.
    pub(super) fn put(&mut self, key: K, value: V) -> Option<V> {
        match self.room_for(&key) {
            Held::Many(many) => many.put(key, value),
            Held::Few(few) => {
                let before = take(few, &key).map(|(_, before)| before);
                few.reserve_exact(1);
                few.push((key, value));
                before
            }
        }
    }

    /// Where `key` is, or will be: with room for it if it is new.
    #[inline]
    fn room_for(&mut self, key: &K) -> &mut Held<K, V> {
        if let Held::Few(few) = &mut self.held
            && few.len() >= self.few_max.min(self.max) as usize
            && !few.iter().any(|(other, _)| other == key)
        {
            if few.len() >= self.max as usize {
                few.remove(0);
            } else {
                self.held = Held::Many(many(self.max, self.seed, std::mem::take(few)));
            }
        }
        &mut self.held
    }

    /// The value of `key`, which becomes the most recent one.
    pub(super) fn get(&mut self, key: &K) -> Option<&V> {
        match &mut self.held {
            Held::Many(many) => many.get(key),
            Held::Few(few) => {
                let entry = take(few, key)?;
                Some(&few.push_mut(entry).1)
            }
        }
    }

    /// The value of `key`, to be changed; its recency stays.
    pub(super) fn peek_mut(&mut self, key: &K) -> Option<&mut V> {
        match &mut self.held {
            Held::Many(many) => many.peek_mut(key),
            Held::Few(few) => {
                few.iter_mut().find(|(other, _)| other == key).map(|entry| &mut entry.1)
            }
        }
    }

    /// Forgets a value; says whether there was one.
    pub(super) fn remove(&mut self, key: &K) -> bool {
        match &mut self.held {
            Held::Many(many) => many.pop(key).is_some(),
            Held::Few(few) => take(few, key).is_some(),
        }
    }

    /// Everything, most recent first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let (few, many) = match &self.held {
            Held::Few(few) => (Some(few), None),
            Held::Many(many) => (None, Some(many)),
        };
        let few = few.into_iter().flat_map(|few| few.iter().rev()).map(|(key, value)| (key, value));
        few.chain(many.into_iter().flat_map(|many| many.iter()))
    }

    /// Bytes that it takes beside itself; not what its entries hold.
    pub(super) fn heap_bytes(&self) -> usize {
        match &self.held {
            Held::Few(few) => block(few.capacity() * size_of::<(K, V)>()),
            // An entry with the two links of its list, and its place in the hash table.
            Held::Many(many) => {
                many.len() * (block(size_of::<(K, V)>() + 16) + 2 * size_of::<(usize, usize)>())
            }
        }
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        match &self.held {
            Held::Few(few) => few.len(),
            Held::Many(many) => many.len(),
        }
    }

    /// How many there can be.
    pub(super) fn max(&self) -> usize {
        self.max as usize
    }

    /// Whether the next new key pushes an old one out.
    pub(super) fn is_full(&self) -> bool {
        self.len() >= self.max()
    }
}

/// Takes an entry out of a list.
#[inline]
fn take<K: Eq, V>(few: &mut Vec<(K, V)>, key: &K) -> Option<(K, V)> {
    let at = few.iter().rposition(|(other, _)| other == key)?;
    Some(few.remove(at))
}

/// The entries of a list that has grown too long.
#[cold]
fn many<K: Hash + Eq, V>(max: u32, seed: u64, few: Vec<(K, V)>) -> Box<LruCache<K, V, Hasher>> {
    let mut many = LruCache::unbounded_with_hasher(Hasher(FixedState::with_seed(seed)));
    // Resizing an unbounded cache keeps it sparse: it grows with what it holds.
    many.resize(NonZeroUsize::new(max as usize).unwrap_or(NonZeroUsize::MIN));
    for (key, value) in few {
        many.put(key, value);
    }
    Box::new(many)
}

impl<K: Hash + Eq, V> std::fmt::Debug for Recent<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Recent({} of {})", self.len(), self.max())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// As a list does that is always looked through, whichever back end is at work.
        #[test]
        fn forgets_what_was_not_used_for_longest(
            max in 1_u32..20,
            few_max in 1_u32..20,
            steps in prop::collection::vec((0_u8..5, 0_u8..24), 0..200),
        ) {
            let mut recent = Recent::new(max, &mut super::Rng::from_u64(1)).few_up_to(few_max);
            // The most recent first.
            let mut expected: Vec<(u8, usize)> = Vec::new();
            for (value, (what, key)) in steps.into_iter().enumerate() {
                let at = expected.iter().position(|&(other, _)| other == key);
                let known = at.map(|at| expected[at].1);
                match what {
                    0 => {
                        prop_assert_eq!(recent.put(key, value), known);
                        expected.retain(|&(other, _)| other != key);
                        expected.insert(0, (key, value));
                    }
                    1 => {
                        let value = known.unwrap_or(value);
                        prop_assert_eq!(*recent.get_or_insert(key, || value), value);
                        expected.retain(|&(other, _)| other != key);
                        expected.insert(0, (key, value));
                    }
                    2 => {
                        prop_assert_eq!(recent.get(&key).copied(), known);
                        if let Some(at) = at {
                            expected[..=at].rotate_right(1);
                        }
                    }
                    3 => prop_assert_eq!(recent.peek_mut(&key).copied(), known),
                    _ => {
                        prop_assert_eq!(recent.remove(&key), at.is_some());
                        expected.retain(|&(other, _)| other != key);
                    }
                }
                expected.truncate(max as usize);
                let held: Vec<_> = recent.iter().map(|(&key, &value)| (key, value)).collect();
                prop_assert_eq!(&held, &expected);
                prop_assert_eq!((recent.len(), recent.max()), (expected.len(), max as usize));
                prop_assert_eq!(recent.is_full(), expected.len() == max as usize);
            }
        }
    }
}
