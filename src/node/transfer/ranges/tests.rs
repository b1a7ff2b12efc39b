//! Ranges against a naive bitmap: the same verbs, byte by byte.

use std::ops::Range;

use proptest::prelude::*;

use super::{Piece, Ranges};
use crate::node::ConnId;

const SIZE: u64 = 60;

#[derive(Clone, Debug)]
enum Verb {
    Restore(Range<u64>),
    Ask(u64, u64),
    Steal(u64, u64, u64),
    Extend(u64, Range<u64>),
    Narrow(u64, Range<u64>),
    GiveBack(u64),
    Stored(u64, Range<u64>),
    SetSize(u64),
}

fn range() -> impl Strategy<Value = Range<u64>> {
    (0..SIZE, 0..SIZE + 9).prop_map(|(a, b)| a.min(b)..a.max(b))
}

fn verb() -> impl Strategy<Value = Verb> {
    prop_oneof![
        1 => range().prop_map(Verb::Restore),
        6 => (0..4u64, 1..40u64).prop_map(|(conn, max)| Verb::Ask(conn, max)),
        3 => (0..4u64, 1..6u64, 0..SIZE).prop_map(|(conn, min, fix)| Verb::Steal(conn, min, fix)),
        2 => (0..4u64, range()).prop_map(|(conn, range)| Verb::Extend(conn, range)),
        2 => (0..4u64, range()).prop_map(|(conn, range)| Verb::Narrow(conn, range)),
        1 => (0..4u64).prop_map(Verb::GiveBack),
        6 => (0..4u64, range()).prop_map(|(conn, range)| Verb::Stored(conn, range)),
        1 => (SIZE / 2..SIZE).prop_map(Verb::SetSize),
    ]
}

/// Every byte by itself.
struct Bitmap(Vec<Piece>);

impl Bitmap {
    fn each(&mut self, range: &Range<u64>, from: impl Fn(Piece) -> bool, to: Piece) {
        for at in range.clone() {
            if let Some(byte) = self.0.get_mut(at as usize)
                && from(*byte)
            {
                *byte = to;
            }
        }
    }

    fn runs(&self) -> Vec<(Range<u64>, Piece)> {
        let mut runs: Vec<(Range<u64>, Piece)> = Vec::new();
        for (at, &byte) in self.0.iter().enumerate() {
            let at = at as u64;
            match runs.last_mut() {
                Some((range, piece)) if *piece == byte => range.end = at + 1,
                _ => runs.push((at..at + 1, byte)),
            }
        }
        runs
    }

    fn longest(&self, which: impl Fn(Piece) -> bool) -> Option<u64> {
        self.runs().iter().filter(|(_, p)| which(*p)).map(|(r, _)| r.end - r.start).max()
    }
}

fn apply(ranges: &mut Ranges, bitmap: &mut Bitmap, verb: Verb) {
    match verb {
        Verb::Restore(range) => {
            ranges.restore(range.clone());
            bitmap.each(&range, |_| true, Piece::Have);
        }
        Verb::Ask(conn, max) => {
            let conn = ConnId(conn);
            let longest = bitmap.longest(|p| p == Piece::Missing);
            let asked = ranges.ask(conn, max);
            assert_eq!(asked.as_ref().map(|r| r.end - r.start), longest.map(|l| l.min(max)));
            if let Some(range) = asked {
                assert!(range.clone().all(|at| bitmap.0[at as usize] == Piece::Missing));
                bitmap.each(&range, |_| true, Piece::Asked(conn));
            }
        }
        Verb::Steal(conn, min, fixed) => {
            // Those with even numbers keep what lies before `fixed`.
            let fixed = |conn: ConnId| if conn.0.is_multiple_of(2) { fixed } else { 0 };
            let free = |(range, piece): &(Range<u64>, Piece)| match piece {
                Piece::Asked(conn) => range.end.saturating_sub(range.start.max(fixed(*conn))),
                _ => 0,
            };
            let longest = bitmap.runs().iter().map(free).max().unwrap_or(0);
            let stolen = ranges.worth_stealing(min, fixed);
            assert_eq!(stolen.is_some(), longest / 2 >= min);
            if let Some(range) = stolen {
                assert_eq!(range.end - range.start, longest - longest / 2);
                let may_go = |at: u64| match bitmap.0[at as usize] {
                    Piece::Asked(conn) => at >= fixed(conn),
                    _ => false,
                };
                assert!(range.clone().all(may_go));
                ranges.steal(ConnId(conn), range.clone());
                bitmap.each(&range, |_| true, Piece::Asked(ConnId(conn)));
            }
        }
        Verb::Extend(conn, range) => {
            let conn = ConnId(conn);
            let free = |p| p == Piece::Missing || p == Piece::Asked(conn);
            let taken =
                range.clone().take_while(|&at| bitmap.0.get(at as usize).is_some_and(|&p| free(p)));
            let end = taken.last().map_or(range.start, |last| last + 1);
            assert_eq!(ranges.extend(conn, range.start, range.end), end);
            bitmap.each(&(range.start..end), |_| true, Piece::Asked(conn));
        }
        Verb::Narrow(conn, keep) => {
            let conn = ConnId(conn);
            ranges.narrow(conn, &keep);
            let mine = |p| p == Piece::Asked(conn);
            bitmap.each(&(0..keep.start), mine, Piece::Missing);
            bitmap.each(&(keep.end..SIZE), mine, Piece::Missing);
        }
        Verb::GiveBack(conn) => {
            ranges.give_back(ConnId(conn));
            bitmap.each(&(0..SIZE), |p| p == Piece::Asked(ConnId(conn)), Piece::Missing);
        }
        Verb::Stored(conn, range) => {
            let mine = |p| p == Piece::Asked(ConnId(conn));
            let inside = range.start as usize..(range.end as usize).min(bitmap.0.len());
            let expected =
                bitmap.0.get(inside).map_or(0, |b| b.iter().filter(|p| mine(**p)).count());
            assert_eq!(ranges.stored(ConnId(conn), &range), expected as u64);
            bitmap.each(&range, mine, Piece::Have);
        }
        Verb::SetSize(size) => {
            ranges.set_size(size);
            bitmap.0.truncate(size as usize);
        }
    }
}

proptest! {
    #[test]
    fn agrees_with_a_bitmap(verbs in proptest::collection::vec(verb(), 0..80)) {
        let mut ranges = Ranges::new(Some(SIZE));
        let mut bitmap = Bitmap(vec![Piece::Missing; SIZE as usize]);
        for verb in verbs {
            apply(&mut ranges, &mut bitmap, verb);
            let pieces: Vec<_> = ranges.pieces().collect();
            // Equal runs: no gap, no overlap, no empty piece, no two neighbours alike.
            prop_assert_eq!(&pieces, &bitmap.runs());
            let count = |which| bitmap.0.iter().filter(|p| **p == which).count() as u64;
            prop_assert_eq!(ranges.have(), count(Piece::Have));
            prop_assert_eq!(ranges.missing(), count(Piece::Missing));
            prop_assert_eq!(ranges.complete(), bitmap.0.iter().all(|p| *p == Piece::Have));
            prop_assert_eq!(ranges.count(), pieces.len());
        }
    }
}

#[test]
fn an_empty_file_is_complete() {
    assert!(Ranges::new(Some(0)).complete());
    assert_eq!(Ranges::new(Some(0)).ask(ConnId(0), 9), None);
}

#[test]
fn an_unknown_size_is_asked_for_to_the_end_and_learnt() {
    let mut ranges = Ranges::new(None);
    ranges.restore(0..10);
    assert_eq!(ranges.ask(ConnId(2), u64::MAX), Some(10..u64::MAX));
    ranges.set_size(30);
    assert_eq!(ranges.stored(ConnId(2), &(10..30)), 20);
    assert!(ranges.complete());
}

#[test]
fn a_stolen_tail_is_not_awaited_from_the_slow_one() {
    let mut ranges = Ranges::new(Some(100));
    assert_eq!(ranges.ask(ConnId(2), 100), Some(0..100));
    assert_eq!(ranges.stored(ConnId(2), &(0..20)), 20);
    assert_eq!(ranges.worth_stealing(41, |_| 0), None);
    assert_eq!(ranges.worth_stealing(10, |_| 40), Some(70..100));
    assert_eq!(ranges.worth_stealing(10, |_| 90), None);
    ranges.steal(ConnId(4), 60..100);
    assert_eq!(ranges.still_asked(ConnId(2), 59), 59..60);
    assert_eq!(ranges.still_asked(ConnId(2), 60), 60..60);
    assert_eq!(ranges.stored(ConnId(2), &(20..70)), 40);
}
