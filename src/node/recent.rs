//! The bounded table of the node: at its limit the least recently used entry makes room.
//!
//! An empty one costs two small allocations, so that a million simulated nodes can hold several.
//! Its hasher is seeded from the node's own randomness: strangers choose the keys. Iteration goes
//! by recency, never by hash.

use std::hash::{BuildHasher, Hash};
use std::num::NonZeroUsize;

use foldhash::fast::FixedState;
use lru::LruCache;

use super::Rng;

/// A table of at most `max` entries that forgets what was not used for longest.
pub(super) struct Recent<K, V> {
    entries: LruCache<K, V, Hasher>,
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
        let hasher = Hasher(FixedState::with_seed(rng.u64()));
        let mut entries = LruCache::unbounded_with_hasher(hasher);
        // Resizing an unbounded cache keeps it sparse: it grows with what it holds.
        entries.resize(NonZeroUsize::new(max as usize).unwrap_or(NonZeroUsize::MIN));
        Self { entries }
    }

    /// The value of `key`, made by `fresh` if there is none; it is the most recent one then.
    #[inline]
    pub(super) fn get_or_insert(&mut self, key: K, fresh: impl FnOnce() -> V) -> &mut V {
        self.entries.get_or_insert_mut(key, fresh)
    }

    /// Sets the value of `key`; it is the most recent one then.
    pub(super) fn put(&mut self, key: K, value: V) -> Option<V> {
        self.entries.put(key, value)
    }

    /// The value of `key`, which becomes the most recent one.
    pub(super) fn get(&mut self, key: &K) -> Option<&V> {
        self.entries.get(key)
    }

    /// The value of `key`, to be changed; its recency stays.
    pub(super) fn peek_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.peek_mut(key)
    }

    /// Forgets a value; says whether there was one.
    pub(super) fn remove(&mut self, key: &K) -> bool {
        self.entries.pop(key).is_some()
    }

    /// Everything, most recent first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter()
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many there can be.
    pub(super) fn max(&self) -> usize {
        self.entries.cap().get()
    }

    /// Whether the next new key pushes an old one out.
    pub(super) fn is_full(&self) -> bool {
        self.len() >= self.max()
    }
}

impl<K: Hash + Eq, V> std::fmt::Debug for Recent<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Recent({} of {})", self.len(), self.max())
    }
}
