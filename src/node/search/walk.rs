//! Random walks: k copies of a query, each of which goes one step at a time to one neighbour.
//!
//! No byte on the wire says "walker": that queries walk is configuration of every node of a
//! laboratory. A walker is a query descriptor whose fields mean this:
//!
//! - Its TTL is the number of steps to its next check, [`STEPS_PER_CHECK`] at first. It is not used
//!   up: whoever holds the walker when it is spent asks the origin, and the origin's "go on" gives
//!   it anew. "Stop" ends the walker.
//! - Its hops are the steps behind it, up to 254.
//! - Its GUID names the origin's address, as that of any query does whose answers go by UDP, so a
//!   check is a datagram there and one back (Query Status Request and Query Status, the words with
//!   which an ultrapeer asks its leaf the same). They are the control messages of Lv, Cao, Cohen, Li
//!   and Shenker (2002), who call them cheap beside the walk: measures of queries do not count them.
//! - A node that finds something tells the origin at once by such a datagram, beside its hits, which
//!   go back along the walk. So with equal latencies all walkers stop at the first multiple of four
//!   steps after any hit, as the definition wants; with others a few stop later.
//!
//! The query-ID cache says which visit of a node is the first: only that is answered and learns the
//! way back for hits. It forbids no revisit. A walker never steps straight back where there is
//! another way. A walker whose check is lost, or whose origin takes no datagrams of strangers,
//! rests where it is until others push it out.

use std::collections::VecDeque;
use std::net::SocketAddr;

use crate::node::config::Strategy;
use crate::node::{ConnId, Why};
use crate::wire::{Guid, Header};

/// Steps between two checks.
pub(crate) const STEPS_PER_CHECK: u8 = Strategy::STEPS_PER_CHECK;

/// Hops of a walker count no further: with more nobody would take it, whatever hops he takes
/// (protocol.md section 18).
const HOPS_MAX: u8 = 254;

/// Whether such a walker may come in at all.
pub(crate) fn admit(header: &Header) -> Result<(), Why> {
    match header.ttl {
        0 => Err(Why::TtlZero),
        1..=STEPS_PER_CHECK => Ok(()),
        _ => Err(Why::TtlTooHigh),
    }
}

/// The header of the next step; none if the origin has to be asked first.
pub(crate) fn onward(header: &Header) -> Option<Header> {
    (header.ttl > 1).then(|| Header { ttl: header.ttl - 1, ..after_check(header) })
}

/// The header of the next step after a check.
pub(crate) fn after_check(header: &Header) -> Header {
    let hops = header.hops.saturating_add(1).min(HOPS_MAX);
    Header { ttl: STEPS_PER_CHECK, hops, ..*header }
}

/// Leaves of the ways those that do not lead straight back, if there are any.
pub(crate) fn not_back(ways: &mut Vec<ConnId>, from: ConnId) {
    if ways.iter().any(|&way| way != from) {
        ways.retain(|&way| way != from);
    }
}

/// A walker whose check is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resting {
    /// The link over which it came.
    pub(crate) from: ConnId,
    /// Its header as it came.
    pub(crate) header: Header,
    /// The query.
    pub(crate) payload: Box<[u8]>,
}

/// What a node knows of walks.
#[derive(Debug, Default)]
pub(crate) struct Walks {
    resting: VecDeque<Resting>,
    asking: Vec<(SocketAddr, Guid)>,
}

impl Walks {
    /// A walker rests until the origin has spoken; says whether another had to give way.
    pub(crate) fn rest(&mut self, walker: Resting, max: u16) -> bool {
        let full = self.resting.len() >= usize::from(max);
        if full {
            self.resting.pop_front();
        }
        self.resting.push_back(walker);
        full
    }

    /// Takes the walkers of this query.
    pub(crate) fn wake(&mut self, guid: &Guid) -> Vec<Resting> {
        let (woken, resting) =
            self.resting.drain(..).partition(|walker| walker.header.guid == *guid);
        self.resting = resting;
        Vec::from(woken)
    }

    /// Somebody asks whether walkers of this query shall go on. It is answered at the end of the
    /// turn, when all that was found at the same time is known; says whether there was room.
    pub(crate) fn asked(&mut self, from: SocketAddr, guid: Guid, max: u16) -> bool {
        let has_room = self.asking.len() < usize::from(max);
        if has_room {
            self.asking.push((from, guid));
        }
        has_room
    }

    /// Whether somebody awaits an answer.
    pub(crate) fn is_asked(&self) -> bool {
        !self.asking.is_empty()
    }

    /// Takes those who asked.
    pub(crate) fn take_asking(&mut self) -> Vec<(SocketAddr, Guid)> {
        std::mem::take(&mut self.asking)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Kind;

    fn header(ttl: u8, hops: u8) -> Header {
        Header { guid: Guid([7; 16]), kind: Kind::QUERY, ttl, hops, len: 0 }
    }

    #[test]
    fn every_fourth_step_is_followed_by_a_check_and_no_step_uses_a_walk_up() {
        let (mut at, mut checks) = (header(STEPS_PER_CHECK, 0), Vec::new());
        for step in 1..=600_u32 {
            assert_eq!(admit(&at), Ok(()));
            at = onward(&at).unwrap_or_else(|| {
                checks.push(step);
                after_check(&at)
            });
            assert_eq!(u32::from(at.hops), step.min(254));
        }
        assert!(checks.iter().all(|step| step % 4 == 0) && checks.len() == 150);
        assert_eq!(admit(&header(0, 3)), Err(Why::TtlZero));
        assert_eq!(admit(&header(5, 3)), Err(Why::TtlTooHigh));
    }

    #[test]
    fn it_steps_straight_back_only_where_nothing_else_is_left() {
        let ways = |ways: &[u64], from| {
            let mut ways: Vec<ConnId> = ways.iter().copied().map(ConnId).collect();
            not_back(&mut ways, ConnId(from));
            ways.into_iter().map(|way| way.0).collect::<Vec<_>>()
        };
        assert_eq!(ways(&[1, 2, 3], 2), [1, 3]);
        assert_eq!(ways(&[1, 3], 2), [1, 3]);
        assert_eq!(ways(&[2], 2), [2]);
        assert!(ways(&[], 2).is_empty());
    }

    #[test]
    fn the_oldest_gives_way_and_all_walkers_of_a_query_wake_together() {
        let mut walks = Walks::default();
        let walker = |query: u8, from| Resting {
            from: ConnId(from),
            header: Header { guid: Guid([query; 16]), ..header(1, 3) },
            payload: Box::default(),
        };
        let full: Vec<bool> =
            [(1, 1), (2, 2), (1, 3), (1, 4)].map(|(q, from)| walks.rest(walker(q, from), 3)).into();
        assert_eq!(full, [false, false, false, true]);
        assert_eq!(walks.wake(&Guid([1; 16])), [walker(1, 3), walker(1, 4)]);
        assert_eq!((walks.wake(&Guid([1; 16])), walks.resting.len()), (vec![], 1));
    }
}
