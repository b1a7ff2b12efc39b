//! The query-ID cache: which queries we have seen, and the way back for their hits
//! (protocol.md section 3).

use crate::node::aged::Aged;
use crate::node::config::Forward;
use crate::node::{ConnId, Rng};
use crate::wire::Guid;

/// Where a query came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Way {
    from: ConnId,
    ttl_highest: u8,
    /// Whether hits came since it was the newest: then more may come.
    used: bool,
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

/// The query-ID cache. At its limit the oldest query makes room, unless it got hits: then it stays
/// for another round.
#[derive(Debug)]
pub(crate) struct Seen {
    ways: Aged<Guid, Way>,
}

impl Seen {
    /// An empty cache of at most `max` GUIDs.
    pub(crate) fn new(max: u32, rng: &mut Rng) -> Seen {
        Seen { ways: Aged::new(max, rng) }
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
        let Some(way) = self.ways.get_mut(&guid) else {
            self.learn(guid, Way { from, ttl_highest: ttl, used: false });
            return Admission::Fresh;
        };
        if way.from == OURS {
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

    #[inline]
    fn learn(&mut self, guid: Guid, way: Way) {
        // In the worst case everything gets its other round, and then the oldest goes.
        while self.ways.is_full()
            && let Some((guid, oldest)) = self.ways.pop_oldest()
            && oldest.used
        {
            self.ways.push(guid, Way { used: false, ..oldest });
        }
        self.ways.push(guid, way);
    }

    /// Whether a query with this TTL would be passed on.
    pub(crate) fn is_news(&self, guid: &Guid, ttl: u8) -> bool {
        let way = self.ways.get(guid);
        way.is_none_or(|way| way.from != OURS && ttl > way.ttl_highest)
    }

    /// Whether no query with this GUID is known.
    pub(crate) fn is_unknown(&self, guid: &Guid) -> bool {
        self.ways.get(guid).is_none()
    }

    /// Whether we asked the query with this GUID ourselves.
    pub(crate) fn is_ours(&self, guid: &Guid) -> bool {
        self.ways.get(guid).is_some_and(|way| way.from == OURS)
    }

    /// A known query is not passed on again, with whatever TTL it comes.
    pub(crate) fn goes_no_further(&mut self, guid: &Guid) {
        if let Some(way) = self.ways.get_mut(guid) {
            way.ttl_highest = u8::MAX;
        }
    }

    /// Takes note of a query of our own.
    pub(crate) fn ours(&mut self, guid: Guid) {
        let way = Way { from: OURS, ttl_highest: u8::MAX, used: false };
        match self.ways.get_mut(&guid) {
            Some(known) => *known = way,
            None => self.learn(guid, way),
        }
    }

    /// The way back for a hit; a query that gets hits is kept for longer.
    pub(crate) fn back(&mut self, guid: &Guid) -> Option<Back> {
        let way = self.ways.get_mut(guid)?;
        way.used = true;
        Some(match way.from {
            OURS => Back::Own,
            conn => Back::To(conn),
        })
    }

    /// See `Node::look_ahead`.
    #[inline]
    pub(crate) fn look_ahead(&self, guid: &Guid) -> u32 {
        self.ways.look_ahead(guid)
    }

    /// See `Node::look_ahead_at`.
    #[inline]
    pub(crate) fn look_ahead_at(&self, number: u32) -> u64 {
        let entries = self.ways.look_ahead_at(number);
        entries.fold(0, |all, (guid, way)| all ^ u64::from(guid.0[0] ^ way.ttl_highest))
    }

    /// Bytes that it takes beside itself.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.ways.heap_bytes()
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
    fn forgets_the_oldest_that_got_no_hits() {
        let mut seen = Seen::new(2, &mut Rng::from_u64(1));
        let [a, b, c, d] = [1, 2, 3, 4].map(|byte| Guid([byte; 16]));
        let fresh = |seen: &mut Seen, guid| {
            let admission = seen.admit(guid, ConnId(1), 1, Forward::HigherTtl);
            assert_eq!((admission, seen.len() <= 2), (Admission::Fresh, true));
        };
        seen.ours(a);
        fresh(&mut seen, b);
        assert_eq!(seen.back(&a), Some(Back::Own));
        fresh(&mut seen, c);
        assert_eq!(seen.back(&b), None);
        assert_eq!(seen.admit(a, ConnId(1), 9, Forward::HigherTtl), Admission::Own);
        // One more round, not two.
        fresh(&mut seen, d);
        assert_eq!(seen.back(&a), None);
        // All got hits: the oldest goes.
        assert!(seen.back(&c).is_some() && seen.back(&d).is_some());
        fresh(&mut seen, b);
        assert_eq!((seen.back(&c), seen.len()), (None, 2));
    }
}
