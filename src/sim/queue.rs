//! What happens next: the queue of discrete events, in order of time and, at the same time, in
//! the order in which they were put in.
//!
//! A radix heap: time never runs backwards, so an event waits by the highest digit in which its
//! time differs from now, and moves to a lower digit only when time comes near. All events of one
//! instant are always in one bucket and move together in order, so ties need no sequence number;
//! every move is a sequential copy, which a binary heap of millions is not.
//!
//! A bucket is a row of chunks: it never copies itself to grow, and what one bucket has emptied the
//! next one fills. A world of a million nodes holds as much as its events take, not what each of
//! its buckets took at its busiest moment.

use std::collections::VecDeque;

use crate::node::Time;

/// Bits of a digit: an event 50 ms away moves three times.
const DIGIT_BITS: usize = 6;
/// Digits of a time.
const DIGITS: usize = 64usize.div_ceil(DIGIT_BITS);
/// Buckets of a digit: as many as a word has bits.
const RADIX: usize = 1 << DIGIT_BITS;

/// Events of a chunk. Not a power of two: chunks would begin at places that a core's cache takes
/// for one.
const CHUNK: usize = 100;
/// Empty chunks that are kept: what is beyond goes back to the system.
const SPARE_MAX: usize = 256;
/// An instant's list that has grown beyond this gives its room back when it is empty.
const DUE_KEPT: usize = 4_096;

/// Events by time; first in, first out within an instant.
#[derive(Debug)]
pub struct Queue<E> {
    /// Events of the instant `now`.
    due: VecDeque<E>,
    /// `later[d * RADIX + v]`: the highest digit in which the time differs from `now` is digit
    /// `d`, and its value there is `v`.
    later: Vec<Bucket<E>>,
    /// Bit `v` of `occupied[d]` is set while that bucket holds something.
    occupied: [u64; DIGITS],
    /// Chunks that are empty now: the last one used is still in the core's cache.
    spare: Vec<Chunk<E>>,
    now: u64,
    len: usize,
}

/// Events and their times.
type Chunk<E> = Vec<(u64, E)>;

/// The events of one bucket, in the order in which they came.
#[derive(Debug)]
struct Bucket<E> {
    /// Those that came last: the only chunk that is not full. Without room while there are none.
    last: Chunk<E>,
    full: Vec<Chunk<E>>,
}

impl<E> Default for Bucket<E> {
    fn default() -> Self {
        Bucket { last: Vec::new(), full: Vec::new() }
    }
}

impl<E> Bucket<E> {
    /// Room for one more.
    #[cold]
    fn grow(&mut self, spare: &mut Vec<Chunk<E>>) {
        let fresh = spare.pop().unwrap_or_else(|| Vec::with_capacity(CHUNK));
        let full = std::mem::replace(&mut self.last, fresh);
        if !full.is_empty() {
            self.full.push(full);
        }
    }

    fn iter(&self) -> impl Iterator<Item = &(u64, E)> {
        self.full.iter().chain([&self.last]).flatten()
    }
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Queue {
            due: VecDeque::new(),
            later: (0..DIGITS * RADIX).map(|_| Bucket::default()).collect(),
            occupied: [0; DIGITS],
            spare: Vec::new(),
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
            return self.due.push_back(event);
        }
        let digit = (63 - (at ^ self.now).leading_zeros() as usize) / DIGIT_BITS;
        let value = (at >> (digit * DIGIT_BITS)) as usize % RADIX;
        let bucket = &mut self.later[digit * RADIX + value];
        if bucket.last.len() == bucket.last.capacity() {
            bucket.grow(&mut self.spare);
        }
        bucket.last.push((at, event));
        self.occupied[digit] |= 1 << value;
    }

    /// The time of the next event.
    pub fn next_at(&self) -> Option<Time> {
        if !self.due.is_empty() {
            return Some(Time::from_micros(self.now));
        }
        let (digit, value) = self.lowest()?;
        let bucket = &self.later[digit * RADIX + value];
        bucket.iter().map(|&(at, _)| Time::from_micros(at)).min()
    }

    /// The lowest bucket in use, which holds the earliest event.
    fn lowest(&self) -> Option<(usize, usize)> {
        let digit = self.occupied.iter().position(|&buckets| buckets != 0)?;
        Some((digit, self.occupied[digit].trailing_zeros() as usize))
    }

    /// Takes the next event if it is of the instant that the last one was of.
    #[inline]
    pub fn pop_same_instant(&mut self) -> Option<E> {
        let event = self.due.pop_front()?;
        self.len -= 1;
        Some(event)
    }

    /// Goes on to the next instant that has events, if it is not later than `limit`, and says when
    /// it is. Nothing may be put in before a limit that was not reached. Its events come by [`Queue::pop_same_instant`]. `near` sees every event that was not
    /// put in at short notice once, when it is at most `RADIX` microseconds away.
    pub fn advance(&mut self, limit: Time, mut near: impl FnMut(&E)) -> Option<Time> {
        while self.due.is_empty() {
            let (digit, value) = self.lowest()?;
            let shift = digit * DIGIT_BITS;
            // The beginning of the bucket's time: no event is earlier.
            let at = ((self.now >> shift) & !(RADIX as u64 - 1) | value as u64) << shift;
            if at > limit.as_micros() {
                return None;
            }
            self.now = at;
            self.occupied[digit] &= !(1 << value);
            if self.due.capacity() > DUE_KEPT {
                self.due = VecDeque::new();
            }
            let Bucket { last, full } = std::mem::take(&mut self.later[digit * RADIX + value]);
            for mut chunk in full.into_iter().chain([last]) {
                if digit == 0 {
                    self.due.extend(chunk.drain(..).map(|(_, event)| event));
                } else {
                    for (at, event) in chunk.drain(..) {
                        if at - self.now < RADIX as u64 {
                            near(&event);
                        }
                        self.place(at, event);
                    }
                }
                if self.spare.len() < SPARE_MAX {
                    self.spare.push(chunk);
                }
            }
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
        let now = queue.advance(Time::from_micros(limit), |_| {})?;
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
        queue.push(Time::from_micros(499), 2);
        assert_eq!(queue.next_at(), Some(Time::from_micros(499)));
        assert_eq!(pop(&mut queue, 499), Some((499, 2)));
        assert_eq!(pop(&mut queue, 500), Some((500, 1)));
        assert!(queue.is_empty());
    }

    #[test]
    fn every_event_is_seen_once_when_it_is_near() {
        let mut queue = Queue::default();
        for at in [3, 100, 5_000, 5_010, 70_000_000, u64::MAX] {
            queue.push(Time::from_micros(at), at);
        }
        let mut seen = Vec::new();
        let near = |seen: &mut Vec<u64>, queue: &mut Queue<u64>| {
            queue.advance(Time::NEVER, |&at| seen.push(at)).expect("there is one").as_micros()
        };
        for at in [3, 100, 5_000, 5_010, 70_000_000, u64::MAX] {
            assert_eq!(near(&mut seen, &mut queue), at);
            assert_eq!(queue.pop_same_instant(), Some(at));
        }
        // The first was put in at short notice.
        assert_eq!(seen, [100, 5_000, 5_010, 70_000_000, u64::MAX]);
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
