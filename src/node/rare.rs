//! A collection that most nodes never put anything into: while it is empty it is one word, and
//! holds no memory beside it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::ops::Deref;

/// What can be empty.
pub(super) trait Empty: Default + 'static {
    /// An empty one, for all to look at.
    const EMPTY: &'static Self;

    /// Whether it is.
    fn is_empty(&self) -> bool;
}

/// One that seldom holds anything. It is looked at like any other.
pub(super) struct Rare<T>(Option<Box<T>>);

impl<T: Empty> Rare<T> {
    /// Changes it; if it is empty then, its memory is given back.
    pub(super) fn change<R>(&mut self, change: impl FnOnce(&mut T) -> R) -> R {
        let held = self.0.get_or_insert_default();
        let changed = change(held);
        if held.is_empty() {
            self.0 = None;
        }
        changed
    }

    /// What it holds, if anything.
    pub(super) fn get_mut(&mut self) -> Option<&mut T> {
        self.0.as_deref_mut()
    }
}

impl<T> Default for Rare<T> {
    fn default() -> Self {
        Rare(None)
    }
}

impl<T: Clone> Clone for Rare<T> {
    fn clone(&self) -> Self {
        Rare(self.0.clone())
    }
}

impl<T: Empty> Deref for Rare<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or(T::EMPTY)
    }
}

impl<T: Empty + fmt::Debug> fmt::Debug for Rare<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: 'static> Empty for Vec<T> {
    const EMPTY: &'static Self = &Vec::new();

    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

impl<T: 'static> Empty for VecDeque<T> {
    const EMPTY: &'static Self = &VecDeque::new();

    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

impl<T: 'static> Empty for BTreeSet<T> {
    const EMPTY: &'static Self = &BTreeSet::new();

    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

impl<K: 'static, V: 'static> Empty for BTreeMap<K, V> {
    const EMPTY: &'static Self = &BTreeMap::new();

    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::Rare;

    #[test]
    fn holds_memory_only_while_it_holds_something() {
        let mut rare = Rare::<Vec<u8>>::default();
        assert!(rare.is_empty() && rare.get_mut().is_none());
        rare.change(|all| all.push(7));
        assert_eq!(rare[..], [7]);
        assert!(rare.get_mut().is_some());
        assert_eq!(rare.change(Vec::pop), Some(7));
        assert!(rare.is_empty() && rare.get_mut().is_none());
        assert_eq!(size_of::<Rare<Vec<u8>>>(), size_of::<usize>());
    }
}
