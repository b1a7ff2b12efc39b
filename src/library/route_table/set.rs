//! A set of slots: as small as what is in it. What is in it may be shared with equal sets; a change
//! makes a copy.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::Keys;
use crate::wire::qrp::gather::Change;
use crate::wire::qrp::slot;

/// Slots up to a 32nd part of the table are a list: four bytes each, as much as a bit for every
/// slot of the table.
const FEW_PER: u32 = 32;

/// The slots of a table that are set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotSet {
    log2: u8,
    held: Held,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Held {
    /// Ascending.
    Few(Arc<[u32]>),
    Many {
        bits: Arc<[u64]>,
        count: u32,
    },
    All,
}

impl SlotSet {
    /// A table of 2^`log2` slots without any; at most 2^31.
    pub fn empty(log2: u8) -> SlotSet {
        SlotSet { log2: log2.min(31), held: Held::Few(Arc::default()) }
    }

    /// A table of 2^`log2` slots with these.
    pub fn with(log2: u8, slots: impl Iterator<Item = u32>) -> SlotSet {
        let mut set = SlotSet::empty(log2);
        let mut bits = vec![0_u64; set.words()];
        for slot in slots {
            if let Some(word) = bits.get_mut(slot as usize / 64) {
                *word |= 1 << (slot % 64);
            }
        }
        set.hold(bits);
        set
    }

    /// 2^so many slots has the table.
    pub fn log2(&self) -> u8 {
        self.log2
    }

    /// How many slots the table has.
    pub fn slots(&self) -> u32 {
        1 << self.log2
    }

    /// How many of them are set.
    pub fn count(&self) -> u32 {
        match &self.held {
            Held::Few(slots) => slots.len() as u32,
            Held::Many { count, .. } => *count,
            Held::All => self.slots(),
        }
    }

    /// The part of its slots that are set, in percent.
    pub fn fill_percent(&self) -> u32 {
        (u64::from(self.count()) * 100 / u64::from(self.slots())) as u32
    }

    /// Bytes that it holds beside itself.
    pub fn heap_bytes(&self) -> usize {
        match &self.held {
            Held::Few(slots) => slots.len() * 4,
            Held::Many { bits, .. } => bits.len() * 8,
            Held::All => 0,
        }
    }

    /// Whether a slot is set.
    #[inline]
    pub fn contains(&self, slot: u32) -> bool {
        match &self.held {
            Held::Few(slots) => is_listed(slots, slot, self.log2),
            Held::Many { bits, .. } => {
                bits.get(slot as usize / 64).is_some_and(|word| word >> (slot % 64) & 1 == 1)
            }
            Held::All => slot < self.slots(),
        }
    }

    /// Whether one of `count` slots from `first` on is set.
    pub fn contains_any(&self, first: u32, count: u32) -> bool {
        match &self.held {
            Held::Few(slots) => {
                let at = slots.partition_point(|&slot| slot < first);
                slots.get(at).is_some_and(|&slot| slot < first.saturating_add(count))
            }
            Held::Many { .. } | Held::All => {
                (first..first.saturating_add(count)).any(|slot| self.contains(slot))
            }
        }
    }

    /// Whether a query may match, by the routing rule ([`Keys::needed`]).
    #[inline]
    pub fn may_match(&self, keys: &Keys) -> bool {
        let hits = keys.hashes().iter().filter(|&&hash| self.contains(slot(hash, self.log2)));
        hits.count() >= keys.needed()
    }

    /// The slots that are set, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        let (few, bits, all): (&[u32], &[u64], u32) = match &self.held {
            Held::Few(slots) => (slots, &[], 0),
            Held::Many { bits, .. } => (&[], bits, 0),
            Held::All => (&[], &[], self.slots()),
        };
        let of_bits =
            (0_u32..).zip(bits).flat_map(|(at, &word)| ones(word).map(move |bit| at * 64 + bit));
        few.iter().copied().chain(of_bits).chain(0..all)
    }

    /// Changes slots, which ascend; tells each that did change and whether it is set now.
    pub fn apply(
        &mut self,
        changes: impl Iterator<Item = (u32, Change)>,
        mut changed: impl FnMut(u32, bool),
    ) {
        let slots = self.slots();
        let mut changes = changes.take_while(|&(slot, _)| slot < slots);
        let mut bits = match std::mem::replace(&mut self.held, Held::Few(Arc::default())) {
            Held::Many { bits, .. } => bits.to_vec(),
            Held::All => all(slots),
            Held::Few(few) => {
                // Without a bit for each slot in between: there may be thousands of such tables,
                // and holes between them would be memory lost.
                let few_max = (slots / FEW_PER) as usize;
                match merge(&few, &mut changes, few_max, &mut changed) {
                    Ok(few) => {
                        self.held = Held::Few(few.into());
                        return self.fill_up();
                    }
                    Err(many) => bits_of(&many, slots),
                }
            }
        };
        for (slot, change) in changes {
            let Some(word) = bits.get_mut(slot as usize / 64) else { continue };
            let bit = 1 << (slot % 64);
            let was = *word & bit != 0;
            let is = after(change, was);
            if was != is {
                *word ^= bit;
                changed(slot, is);
            }
        }
        self.hold(bits);
    }

    /// The slots that differ from an earlier table of the same size, ascending, and whether they
    /// are set now.
    pub fn changes_since(&self, before: &SlotSet) -> Vec<(u32, bool)> {
        let (mut now, mut then) = (self.iter().peekable(), before.iter().peekable());
        let mut changes = Vec::new();
        loop {
            match (now.peek(), then.peek()) {
                (Some(new), Some(old)) if new == old => {
                    now.next();
                    then.next();
                }
                (Some(&new), old) if old.is_none_or(|&old| new < old) => {
                    changes.push((new, true));
                    now.next();
                }
                (_, Some(&old)) => {
                    changes.push((old, false));
                    then.next();
                }
                _ => return changes,
            }
        }
    }

    /// Whether what is in it is in another set, too.
    fn is_shared(&self) -> bool {
        match &self.held {
            Held::Few(slots) => Arc::strong_count(slots) > 1,
            Held::Many { bits, .. } => Arc::strong_count(bits) > 1,
            Held::All => false,
        }
    }

    fn words(&self) -> usize {
        (self.slots() as usize).div_ceil(64)
    }

    /// A list of all slots (of a tiny table) is no list.
    fn fill_up(&mut self) {
        if self.count() == self.slots() {
            self.held = Held::All;
        }
    }

    /// Takes the form that is smallest.
    fn hold(&mut self, bits: Vec<u64>) {
        let count: u32 = bits.iter().map(|word| word.count_ones()).sum();
        self.held = if count == self.slots() {
            Held::All
        } else if count <= self.slots() / FEW_PER {
            let mut few = Vec::with_capacity(count as usize);
            few.extend(
                (0_u32..)
                    .zip(&bits)
                    .flat_map(|(at, &word)| ones(word).map(move |bit| at * 64 + bit)),
            );
            Held::Few(few.into())
        } else {
            Held::Many { bits: bits.into(), count }
        };
    }
}

/// Whether an ascending list of slots of a table of 2^`log2` holds this one.
///
/// Slots are hashes, spread evenly: where one would stand is known about, and a look around there
/// touches one or two lines of memory where halving the list touches five. A list that somebody has
/// made up for the purpose is halved after all.
#[inline]
fn is_listed(slots: &[u32], slot: u32, log2: u8) -> bool {
    const STEPS_MAX: usize = 32;
    let len = slots.len();
    let about = ((slot as usize * len) >> log2).min(len.saturating_sub(1));
    let (before, from) = slots.split_at(about);
    match from.first() {
        None => false,
        Some(&there) if there == slot => true,
        Some(&there) if there < slot => {
            let mut rest = from.iter().take(STEPS_MAX).skip_while(|&&other| other < slot);
            match rest.next() {
                Some(&other) => other == slot,
                None => from.binary_search(&slot).is_ok(),
            }
        }
        Some(_) => {
            let mut rest = before.iter().rev().take(STEPS_MAX).skip_while(|&&other| other > slot);
            match rest.next() {
                Some(&other) => other == slot,
                None => before.binary_search(&slot).is_ok(),
            }
        }
    }
}

/// Whether a slot is set after a change.
fn after(change: Change, was: bool) -> bool {
    match change {
        Change::Set => true,
        Change::Clear => false,
        Change::Flip => !was,
    }
}

/// A list of slots after changes, both ascending; or, once it is longer than `few_max`, so much of
/// it as was changed by then, and what follows in the old list.
fn merge(
    few: &[u32],
    changes: &mut impl Iterator<Item = (u32, Change)>,
    few_max: usize,
    changed: &mut impl FnMut(u32, bool),
) -> Result<Vec<u32>, Vec<u32>> {
    let mut merged = Vec::with_capacity(few.len());
    let mut rest = few.iter().copied().peekable();
    for (slot, change) in changes {
        while let Some(before) = rest.next_if(|&before| before < slot) {
            merged.push(before);
        }
        let was = rest.next_if_eq(&slot).is_some();
        let is = after(change, was);
        if is {
            merged.push(slot);
        }
        if was != is {
            changed(slot, is);
        }
        if merged.len() > few_max {
            merged.extend(rest);
            return Err(merged);
        }
    }
    merged.extend(rest);
    if merged.len() > few_max { Err(merged) } else { Ok(merged) }
}

/// Sets of many nodes of one world, so that equal ones lie in memory once: a table is told to all
/// neighbours.
#[derive(Debug, Default)]
pub struct Pool {
    known: BTreeMap<u64, SlotSet>,
    /// So many may be known before those are let go that nobody has any more.
    known_max: usize,
}

impl Pool {
    /// The set becomes one with an equal one, if there is any; else it is there for others.
    pub fn share(&mut self, set: &mut SlotSet) {
        let hash = match &set.held {
            Held::Few(slots) if !slots.is_empty() => hash_of(set.log2, slots),
            Held::Many { bits, .. } => hash_of(set.log2, bits),
            Held::Few(_) | Held::All => return,
        };
        match self.known.get(&hash) {
            Some(known) if known == set => *set = known.clone(),
            // Of two that only have a hash in common one stays alone.
            Some(_) => {}
            None => {
                if self.known.len() >= self.known_max {
                    self.known.retain(|_, set| set.is_shared());
                    self.known_max = (2 * self.known.len()).max(POOL_MIN);
                }
                self.known.insert(hash, set.clone());
            }
        }
    }

    /// How many different ones there are.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

/// Below so many different sets nobody looks which of them are of no use any more.
const POOL_MIN: usize = 1_024;

fn hash_of(log2: u8, held: &(impl Hash + ?Sized)) -> u64 {
    FixedState::with_seed(log2.into()).hash_one(held)
}

fn all(slots: u32) -> Vec<u64> {
    let mut bits = vec![u64::MAX; (slots as usize).div_ceil(64)];
    if let (Some(last), 1..) = (bits.last_mut(), slots % 64) {
        *last = (1 << (slots % 64)) - 1;
    }
    bits
}

fn bits_of(list: &[u32], slots: u32) -> Vec<u64> {
    let mut bits = vec![0_u64; (slots as usize).div_ceil(64)];
    for &slot in list {
        if let Some(word) = bits.get_mut(slot as usize / 64) {
            *word |= 1 << (slot % 64);
        }
    }
    bits
}

/// The numbers of the bits that are set, ascending.
#[inline]
pub(crate) fn ones(mut word: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let bit = (word != 0).then(|| word.trailing_zeros())?;
        word &= word - 1;
        Some(bit)
    })
}
