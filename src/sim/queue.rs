//! What happens next: the queue of discrete events, in order of time and, at the same time, in
//! the order in which they were put in.
//!
//! A radix heap: time never runs backwards, so an event waits in the bucket of the highest bit in
//! which its time differs from now, and moves to a lower bucket only when time comes near. All
//! events of one instant are always in one bucket and move together in order, so ties need no
//! sequence number; every move is a sequential copy, which a binary heap of millions is not.

use std::collections::VecDeque;

use crate::node::Time;

const BUCKETS: usize = 64;

/// Events by time; first in, first out within an instant.
#[derive(Debug)]
pub struct Queue<E> {
    /// Events of the instant `now`.
    due: VecDeque<E>,
    /// `later[b]`: the highest bit in which the time differs from `now` is bit `b`.
    later: Vec<Vec<(u64, E)>>,
    /// Bit `b` is set while `later[b]` holds something.
    occupied: u64,
    now: u64,
    len: usize,
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Queue {
            due: VecDeque::new(),
            later: (0..BUCKETS).map(|_| Vec::new()).collect(),
            occupied: 0,
            now: 0,
            len: 0,
        }
    }
}

impl<E> Queue<E> {
    /// How many events wait.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing will ever happen.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts an event in. A time that has passed already counts as now.
    #[inline]
    pub fn push(&mut self, at: Time, event: E) {
        self.len += 1;
        self.place(at.as_micros(), event);
    }

    #[inline]
    fn place(&mut self, at: u64, event: E) {
        if at <= self.now {
            self.due.push_back(event);
        } else {
            let bucket = 63 - (at ^ self.now).leading_zeros() as usize;
            self.occupied |= 1 << bucket;
            self.later[bucket].push((at, event));
        }
    }

    /// The time of the next event.
    pub fn next_at(&self) -> Option<Time> {
        if !self.due.is_empty() {
            return Some(Time::from_micros(self.now));
        }
        self.lowest().map(|(_, at)| Time::from_micros(at))
    }

    /// The lowest bucket in use, and the earliest time in it.
    fn lowest(&self) -> Option<(usize, u64)> {
        if self.occupied == 0 {
            return None;
        }
        let bucket = self.occupied.trailing_zeros() as usize;
        self.later[bucket].iter().map(|&(at, _)| at).min().map(|at| (bucket, at))
    }

    /// Gives back the memory that the busiest moment needed.
    pub fn shrink(&mut self) {
        self.due.shrink_to_fit();
        self.later.iter_mut().for_each(Vec::shrink_to_fit);
    }

    /// Takes the next event if it is of the instant that the last one was of.
    #[inline]
    pub fn pop_same_instant(&mut self) -> Option<E> {
        let event = self.due.pop_front()?;
        self.len -= 1;
        Some(event)
    }

    /// Goes on to the next instant that has events, if it is not later than `limit`, and says when
    /// it is; its events come by [`Queue::pop_same_instant`].
    pub fn advance(&mut self, limit: Time) -> Option<Time> {
        if self.due.is_empty() {
            let (bucket, at) = self.lowest()?;
            if at > limit.as_micros() {
                return None;
            }
            self.now = at;
            self.occupied &= !(1 << bucket);
            let mut moving = std::mem::take(&mut self.later[bucket]);
            for (at, event) in moving.drain(..) {
                self.place(at, event);
            }
            // The bucket keeps its memory: it will fill again.
            self.later[bucket] = moving;
        }
        let now = Time::from_micros(self.now);
        (now <= limit).then_some(now)
    }
}

#[cfg(test)]
mod tests {
    use super::super::dice::Dice;
    use super::Queue;
    use crate::node::Time;

    fn pop(queue: &mut Queue<u64>, limit: u64) -> Option<(u64, u64)> {
        let now = queue.advance(Time::from_micros(limit))?;
        queue.pop_same_instant().map(|event| (now.as_micros(), event))
    }

    #[test]
    fn comes_out_by_time_then_by_order_of_entry_as_a_sorted_list_would() {
        let mut dice = Dice::new(3);
        let mut queue = Queue::default();
        let mut expected: Vec<(u64, u64)> = Vec::new();
        let (mut now, mut serial) = (0, 0);
        for _ in 0..20_000 {
            if dice.chance(0.55) {
                let span = 1 << dice.below(24);
                let at = now + dice.below(span);
                queue.push(Time::from_micros(at), serial);
                expected.push((at, serial));
                serial += 1;
            } else if let Some((at, event)) = pop(&mut queue, u64::MAX) {
                let first = *expected.iter().min().expect("the queue held one");
                assert_eq!((at, event), first);
                expected.retain(|&entry| entry != first);
                now = at;
            }
            assert_eq!(queue.len(), expected.len());
        }
    }

    #[test]
    fn does_not_go_beyond_the_limit() {
        let mut queue = Queue::default();
        queue.push(Time::from_micros(500), 1);
        assert_eq!(pop(&mut queue, 499), None);
        queue.push(Time::from_micros(300), 2);
        assert_eq!(queue.next_at(), Some(Time::from_micros(300)));
        assert_eq!(pop(&mut queue, 499), Some((300, 2)));
        assert_eq!(pop(&mut queue, 500), Some((500, 1)));
        assert!(queue.is_empty());
    }

    #[test]
    fn an_event_for_the_past_happens_now() {
        let mut queue = Queue::default();
        queue.push(Time::from_micros(10), 1);
        assert_eq!(pop(&mut queue, 10), Some((10, 1)));
        queue.push(Time::from_micros(3), 2);
        assert_eq!(pop(&mut queue, 10), Some((10, 2)));
    }
}
