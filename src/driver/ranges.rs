//! Which bytes of a partial file are stored: ranges in order that neither overlap nor touch.

use std::ops::Range;

/// A set of bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ranges(Vec<Range<u64>>);

impl Ranges {
    /// The set of these bytes, in whatever order.
    pub(super) fn new(ranges: impl IntoIterator<Item = Range<u64>>) -> Ranges {
        let mut set = Ranges::default();
        ranges.into_iter().for_each(|range| set.insert(range));
        set
    }

    pub(super) fn as_slice(&self) -> &[Range<u64>] {
        &self.0
    }

    pub(super) fn insert(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let begin = self.0.partition_point(|before| before.end < range.start);
        let end = self.0.partition_point(|before| before.start <= range.end);
        let touched = self.0.get(begin..end).unwrap_or_default();
        let first = touched.first().map_or(range.start, |first| first.start.min(range.start));
        let last = touched.last().map_or(range.end, |last| last.end.max(range.end));
        self.0.splice(begin..end, std::iter::once(first..last));
    }

    pub(super) fn remove(&mut self, range: &Range<u64>) {
        if range.is_empty() {
            return;
        }
        let outside = |held: &Range<u64>| {
            let before = held.start..held.end.min(range.start);
            let after = held.start.max(range.end)..held.end;
            [before, after].into_iter().filter(|part| !part.is_empty())
        };
        self.0 = self.0.iter().flat_map(outside).collect();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn is_the_set_of_its_bytes(
            steps in prop::collection::vec((any::<bool>(), 0..40_u64, 0..10_u64), 0..30),
        ) {
            let (mut ranges, mut bytes) = (Ranges::default(), BTreeSet::new());
            for (insert, start, len) in steps {
                let range = start..start + len;
                if insert {
                    bytes.extend(range.clone());
                    ranges.insert(range);
                } else {
                    bytes.retain(|byte| !range.contains(byte));
                    ranges.remove(&range);
                }
                prop_assert!(ranges.as_slice().iter().cloned().flatten().eq(bytes.iter().copied()));
                prop_assert!(ranges.as_slice().windows(2).all(|pair| pair[0].end < pair[1].start));
                prop_assert!(ranges.as_slice().iter().all(|range| !range.is_empty()));
                prop_assert_eq!(&Ranges::new(ranges.as_slice().iter().cloned().rev()), &ranges);
            }
        }
    }
}
