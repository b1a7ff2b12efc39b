//! What became of each copy of a query or hit here, for who follows one on its way through a
//! network: a ring of entries, off unless `Config::passages_max` says how many are kept.
//!
//! An entry is made when a copy has been dealt with. Whoever passes it on or answers it meanwhile
//! says so (`sent`, `answered`), and the entry takes that in.

use std::collections::VecDeque;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{Time, WallTime, Why};
use crate::wire::Guid;

/// A copy of a query or hit, and what became of it here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// When.
    pub at: Time,
    /// The query's GUID, which its hits carry, too.
    pub guid: Guid,
    /// Who sent it: where that neighbour listens if it said so, else its address on the link.
    /// Nobody: it began here, or was held here.
    pub from: Option<SocketAddr>,
    /// TTL as it came; of what began here the highest with which it left.
    pub ttl: u8,
    /// Hops as it came.
    pub hops: u8,
    /// Bytes, header included.
    pub bytes: u32,
    /// What it was to us.
    pub fate: Fate,
    /// Neighbours to whom it was given on its way. Their queues may be full, or they gone, before
    /// it leaves: what they took note of says what arrived.
    pub links: u32,
    /// A query: files with which it was answered. A hit: files that it names.
    pub results: u32,
    /// The servent that made the hit.
    pub servent: Option<Guid>,
    /// Why it was dropped, or went no further than to our leaves.
    pub why: Option<Why>,
}

/// What a copy was to the node that it came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// A query that was asked here.
    Asked,
    /// A query that was asked here before, or is held here (a leaf's that we ask for it, a walker
    /// that rested), went to further neighbours.
    WentOn,
    /// The first copy of a query.
    First,
    /// A copy of a known query with a higher TTL than any before: passed on again, not answered
    /// again.
    HigherTtl,
    /// A walker that has been here before.
    Walked,
    /// A copy of a query that is known or our own.
    Duplicate,
    /// A hit on its way to who asked.
    PassedBack,
    /// A hit for a search of ours.
    CameHome,
    /// A hit whose way back is not known or not there any more.
    NoWayBack,
    /// Dropped for the reason that stands beside.
    Dropped,
}

impl Fate {
    /// Whether it came from somebody: what began here did not.
    pub fn arrived(self) -> bool {
        !matches!(self, Fate::Asked | Fate::WentOn)
    }
}

/// What is kept of the passages of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassagesView {
    /// When the node began, from where [`Passage::at`] counts.
    pub began: WallTime,
    /// How many are kept at most; 0: none, note is not taken.
    pub max: u32,
    /// Passages that made room for newer ones, of any query.
    pub overwritten: u64,
    /// When the oldest that is kept came, whatever its query.
    pub since: Option<Time>,
    /// Those that were wanted, oldest first.
    pub passages: Vec<Passage>,
}

/// The last passages.
#[derive(Debug)]
pub(super) struct Passages {
    ring: VecDeque<Passage>,
    max: u32,
    overwritten: u64,
    /// Of the copy at hand: neighbours to whom it was given, and the highest TTL with which.
    links: u32,
    ttl: u8,
    /// Of the copy at hand: files with which it was answered.
    results: u32,
}

impl Passages {
    /// At most `max` of them; none if that is 0, so that nothing need be noted.
    pub(super) fn new(max: u32) -> Option<Box<Passages>> {
        let ring = VecDeque::new();
        let none = Passages { ring, max, overwritten: 0, links: 0, ttl: 0, results: 0 };
        (max > 0).then(|| Box::new(none))
    }

    /// The copy at hand was given to so many neighbours with this TTL.
    pub(super) fn sent(&mut self, links: usize, ttl: u8) {
        if links > 0 {
            self.links = self.links.saturating_add(u32::try_from(links).unwrap_or(u32::MAX));
            self.ttl = self.ttl.max(ttl);
        }
    }

    /// The copy at hand was answered with so many files.
    pub(super) fn answered(&mut self, results: usize) {
        self.results = self.results.saturating_add(u32::try_from(results).unwrap_or(u32::MAX));
    }

    /// Whether the copy at hand was given to anybody.
    pub(super) fn any_sent(&self) -> bool {
        self.links > 0
    }

    /// The copy at hand has been dealt with.
    pub(super) fn close(&mut self, passage: Passage) {
        let (links, ttl) = (std::mem::take(&mut self.links), std::mem::take(&mut self.ttl));
        let results = std::mem::take(&mut self.results);
        let began_here = !passage.fate.arrived() && links > 0;
        let closed = Passage {
            links,
            results: passage.results.saturating_add(results),
            ttl: if began_here { ttl } else { passage.ttl },
            ..passage
        };
        if self.ring.len() >= self.max as usize {
            self.ring.pop_front();
            self.overwritten += 1;
        }
        self.ring.push_back(closed);
    }

    /// Those of one query, or all.
    pub(super) fn view(&self, began: WallTime, query: Option<Guid>) -> PassagesView {
        let wanted = |passage: &&Passage| query.is_none_or(|query| passage.guid == query);
        PassagesView {
            began,
            max: self.max,
            overwritten: self.overwritten,
            since: self.ring.front().map(|oldest| oldest.at),
            passages: self.ring.iter().filter(wanted).copied().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passage(guid: u8, fate: Fate) -> Passage {
        Passage {
            at: Time::ZERO,
            guid: Guid([guid; 16]),
            from: None,
            ttl: 7,
            hops: 0,
            bytes: 48,
            fate,
            links: 0,
            results: 0,
            servent: None,
            why: None,
        }
    }

    #[test]
    fn the_oldest_make_room_and_are_counted() {
        assert!(Passages::new(0).is_none());
        let mut passages = Passages::new(2).unwrap();
        for guid in 1..=3 {
            passages.close(passage(guid, Fate::First));
        }
        let view = passages.view(WallTime(9), None);
        assert_eq!((view.began, view.max, view.overwritten), (WallTime(9), 2, 1));
        assert_eq!(view.passages, [passage(2, Fate::First), passage(3, Fate::First)]);
        let of_one = passages.view(WallTime(9), Some(Guid([3; 16])));
        assert_eq!(of_one.passages, [passage(3, Fate::First)]);
    }

    #[test]
    fn what_was_said_of_the_copy_at_hand_goes_into_its_entry_alone() {
        let mut passages = Passages::new(9).unwrap();
        passages.sent(2, 3);
        passages.sent(0, 9);
        passages.sent(1, 4);
        passages.answered(5);
        assert!(passages.any_sent());
        passages.close(passage(1, Fate::Asked));
        assert!(!passages.any_sent());
        passages.close(passage(2, Fate::Asked));
        passages.sent(1, 4);
        passages.close(passage(3, Fate::First));
        let all = passages.view(WallTime(0), None).passages;
        let said = all.iter().map(|one| (one.links, one.ttl, one.results));
        assert_eq!(Vec::from_iter(said), [(3, 4, 5), (0, 7, 0), (1, 7, 0)]);
    }
}
