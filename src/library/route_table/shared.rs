//! The slots of our own files, counted: what one file brings and takes is a few steps.

use super::{LOG2, SlotSet};

/// From so many different slots on, a count for each slot of the table is the quicker form.
const LISTED_MAX: usize = 2_048;

/// How many of our files have each slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    counts: Counts,
    /// Counts the changes, so that a reader knows whether it has seen this table.
    version: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Counts {
    /// Slots with their counts, ascending; no count is 0.
    Listed(Vec<(u16, u32)>),
    Every(Box<[u32]>),
}

impl Default for Shared {
    fn default() -> Shared {
        Shared { counts: Counts::Listed(Vec::new()), version: 0 }
    }
}

impl Shared {
    /// Files with these slots are shared now; the slots ascend.
    pub(in crate::library) fn add(&mut self, slots: &[(u16, u32)]) {
        self.change(slots, u32::saturating_add);
    }

    /// They are not shared any more.
    pub(in crate::library) fn remove(&mut self, slots: &[(u16, u32)]) {
        self.change(slots, u32::saturating_sub);
    }

    /// Differs from an earlier one if something changed since.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Whether one of our files has the slot.
    pub fn contains(&self, slot: u16) -> bool {
        match &self.counts {
            Counts::Listed(list) => list.binary_search_by_key(&slot, |&(slot, _)| slot).is_ok(),
            Counts::Every(counts) => counts.get(usize::from(slot)).is_some_and(|&count| count > 0),
        }
    }

    /// The table.
    pub fn slots(&self) -> SlotSet {
        let (listed, every): (&[(u16, u32)], &[u32]) = match &self.counts {
            Counts::Listed(list) => (list, &[]),
            Counts::Every(counts) => (&[], counts),
        };
        let of_every = (0..).zip(every).filter(|&(_, &count)| count > 0).map(|(slot, _)| slot);
        SlotSet::with(LOG2, listed.iter().map(|&(slot, _)| slot.into()).chain(of_every))
    }

    fn change(&mut self, slots: &[(u16, u32)], by: impl Fn(u32, u32) -> u32) {
        if slots.is_empty() {
            return;
        }
        self.version += 1;
        let list = match &mut self.counts {
            Counts::Every(counts) => {
                for &(slot, more) in slots {
                    let count = &mut counts[usize::from(slot)];
                    *count = by(*count, more);
                }
                return;
            }
            Counts::Listed(list) => list,
        };
        let mut merged = Vec::with_capacity(list.len() + slots.len());
        let mut rest = slots.iter().copied().peekable();
        for &(slot, count) in list.iter() {
            while let Some((new, more)) = rest.next_if(|&(new, _)| new < slot) {
                merged.push((new, by(0, more)));
            }
            let more = rest.next_if(|&(new, _)| new == slot).map_or(0, |(_, more)| more);
            merged.push((slot, by(count, more)));
        }
        merged.extend(rest.map(|(new, more)| (new, by(0, more))));
        merged.retain(|&(_, count)| count > 0);
        self.counts = if merged.len() <= LISTED_MAX {
            Counts::Listed(merged)
        } else {
            let mut counts = vec![0; 1 << LOG2];
            for (slot, count) in merged {
                counts[usize::from(slot)] = count;
            }
            Counts::Every(counts.into())
        };
    }
}

/// Slots that may repeat, in any order, as ascending ones with their counts.
pub(in crate::library) fn counted(mut slots: Vec<u16>) -> Box<[(u16, u32)]> {
    slots.sort_unstable();
    let same = slots.chunk_by(|a, b| a == b);
    same.filter_map(|same| Some((*same.first()?, same.len() as u32))).collect()
}
