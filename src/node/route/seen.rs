//! The query-ID cache: which queries we have seen, and the way back for their hits
//! (protocol.md section 3).

use crate::node::config::Forward;
use crate::node::recent::Recent;
use crate::node::{ConnId, Rng};
use crate::wire::Guid;

/// Where a query came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    from: ConnId,
    ttl_highest: u8,
}

/// Queries of our own "come" from a connection that never exists.
const OURS: ConnId = ConnId(0);

/// What the cache says to a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Never seen: answer it and pass it on.
    Fresh,
    /// Seen, but never with so high a TTL: pass it on again, do not answer again.
    Higher,
    /// Seen.
    Duplicate,
    /// We asked this ourselves.
    Own,
}

/// The way back of a hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Back {
    /// To us.
    Own,
    /// To this connection, if it still stands.
    To(ConnId),
}

/// The query-ID cache.
#[derive(Debug)]
pub(crate) struct Seen {
    ways: Recent<Guid, Way>,
}

impl Seen {
    /// An empty cache of at most `max` GUIDs.
    pub(crate) fn new(max: u32, rng: &mut Rng) -> Seen {
        Seen { ways: Recent::new(max, rng) }
    }

    /// Takes note of a query that came with this TTL. The way back stays that of the first copy.
    #[inline]
    pub(crate) fn admit(
        &mut self,
        guid: Guid,
        from: ConnId,
        ttl: u8,
        forward: Forward,
    ) -> Admission {
        let mut fresh = false;
        let way = self.ways.get_or_insert(guid, || {
            fresh = true;
            Way { from, ttl_highest: ttl }
        });
        if fresh {
            Admission::Fresh
        } else if way.from == OURS {
            Admission::Own
        } else if ttl > way.ttl_highest {
            way.ttl_highest = ttl;
            match forward {
                Forward::HigherTtl => Admission::Higher,
                Forward::FirstCopy => Admission::Duplicate,
            }
        } else {
            Admission::Duplicate
        }
    }

    /// Whether a query with this TTL would be passed on.
    pub(crate) fn is_news(&mut self, guid: &Guid, ttl: u8) -> bool {
        let way = self.ways.peek_mut(guid);
        way.is_none_or(|way| way.from != OURS && ttl > way.ttl_highest)
    }

    /// Whether no query with this GUID is known.
    pub(crate) fn is_unknown(&mut self, guid: &Guid) -> bool {
        self.ways.peek_mut(guid).is_none()
    }

    /// A known query is not passed on again, with whatever TTL it comes.
    pub(crate) fn goes_no_further(&mut self, guid: &Guid) {
        if let Some(way) = self.ways.peek_mut(guid) {
            way.ttl_highest = u8::MAX;
        }
    }

    /// Takes note of a query of our own.
    pub(crate) fn ours(&mut self, guid: Guid) {
        self.ways.put(guid, Way { from: OURS, ttl_highest: u8::MAX });
    }

    /// The way back for a hit; a query that gets hits is kept for longer.
    pub(crate) fn back(&mut self, guid: &Guid) -> Option<Back> {
        self.ways.get(guid).map(|way| match way.from {
            OURS => Back::Own,
            conn => Back::To(conn),
        })
    }

    /// How many GUIDs are known.
    pub(crate) fn len(&self) -> usize {
        self.ways.len()
    }

    /// How many can be.
    pub(crate) fn max(&self) -> usize {
        self.ways.max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_higher_ttl_is_passed_on_again_and_the_way_back_stays() {
        let mut seen = Seen::new(2, &mut Rng::from_u64(1));
        let (guid, first, second) = (Guid([1; 16]), ConnId(1), ConnId(3));
        let mut admit = |from, ttl| seen.admit(guid, from, ttl, Forward::HigherTtl);
        assert_eq!(admit(first, 3), Admission::Fresh);
        assert_eq!(admit(second, 3), Admission::Duplicate);
        assert_eq!(admit(second, 4), Admission::Higher);
        assert_eq!(admit(first, 4), Admission::Duplicate);
        assert_eq!(seen.admit(guid, first, 5, Forward::FirstCopy), Admission::Duplicate);
        assert_eq!(seen.back(&guid), Some(Back::To(first)));
    }

    #[test]
    fn forgets_what_was_not_used_for_longest() {
        let mut seen = Seen::new(2, &mut Rng::from_u64(1));
        let [a, b, c] = [1, 2, 3].map(|byte| Guid([byte; 16]));
        seen.ours(a);
        seen.admit(b, ConnId(1), 1, Forward::HigherTtl);
        assert_eq!(seen.back(&a), Some(Back::Own));
        seen.admit(c, ConnId(1), 1, Forward::HigherTtl);
        assert_eq!((seen.back(&b), seen.len()), (None, 2));
        assert_eq!(seen.admit(a, ConnId(1), 9, Forward::HigherTtl), Admission::Own);
    }
}
