//! Which queries of a run single links get: adjacent ones are one span, so that a link that gets
//! all of them costs no more than one that gets one.

use std::ops::Range;

use super::tables::Number;

/// The spans of all links in one run. Holds nothing per query but where a span ends.
#[derive(Debug, Default)]
pub(crate) struct Spans {
    /// The last span of each link, by its number; empty for most.
    open: Vec<Range<u32>>,
    /// Spans that were left behind, in the order of their queries; by number once sorted.
    closed: Vec<(Number, Range<u32>)>,
    /// The links that have an open span.
    touched: Vec<Number>,
}

impl Spans {
    /// The link gets the query that has this number in the run; queries ascend.
    #[inline]
    pub(crate) fn add(&mut self, link: Number, query: u32) {
        let at = usize::from(link);
        if at >= self.open.len() {
            self.open.resize(at + 1, 0..0);
        }
        let Some(span) = self.open.get_mut(at) else { return };
        let is_open = span.start < span.end;
        if is_open && span.end == query {
            span.end += 1;
            return;
        }
        if is_open {
            self.closed.push((link, span.clone()));
        } else {
            self.touched.push(link);
        }
        *span = query..query + 1;
    }

    /// Whether no link gets anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.touched.is_empty()
    }

    /// The links that get something, in the order in which they first did.
    pub(crate) fn links(&self) -> &[Number] {
        &self.touched
    }

    /// Nothing is added any more: spans can be looked up.
    pub(crate) fn sort(&mut self) {
        // Stable: the spans of one link stay in order.
        self.closed.sort_by_key(|(link, _)| *link);
    }

    /// The spans of a link, ascending. Call [`Spans::sort`] before.
    pub(crate) fn of(&self, link: Number) -> impl Iterator<Item = Range<u32>> + Clone + '_ {
        let first = self.closed.partition_point(|(other, _)| *other < link);
        let closed = self.closed.get(first..).unwrap_or_default().iter();
        let own = closed.take_while(move |(other, _)| *other == link).map(|(_, span)| span.clone());
        own.chain(self.open(link).cloned())
    }

    /// Whether the link gets anything.
    pub(crate) fn has(&self, link: Number) -> bool {
        self.open(link).is_some()
    }

    fn open(&self, link: Number) -> Option<&Range<u32>> {
        self.open.get(usize::from(link)).filter(|span| span.start < span.end)
    }

    /// Forgets all spans.
    pub(crate) fn clear(&mut self) {
        for link in self.touched.drain(..) {
            if let Some(span) = self.open.get_mut(usize::from(link)) {
                *span = 0..0;
            }
        }
        self.closed.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adjacent_queries_are_one_span() {
        let mut spans = Spans::default();
        for (link, query) in [(3, 0), (3, 1), (700, 1), (3, 3), (700, 2), (3, 4), (3, 9)] {
            spans.add(link, query);
        }
        spans.sort();
        let of = |link| spans.of(link).collect::<Vec<_>>();
        assert_eq!(of(3), [0..2, 3..5, 9..10]);
        assert_eq!(of(700).first(), Some(&(1..3)));
        assert_eq!(of(4), []);
        assert_eq!(spans.links(), [3, 700]);
        spans.clear();
        spans.add(700, 0);
        assert_eq!(spans.of(3).count(), 0);
        assert_eq!((spans.links(), spans.of(700).next()), (&[700][..], Some(0..1)));
    }
}
