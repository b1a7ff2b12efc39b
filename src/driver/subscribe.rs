//! Events for whoever wants them: nobody who is slow holds the node up. He loses the oldest, and
//! is told how many.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use smol::stream::Stream;

use crate::node::Event;

/// Events kept for one subscriber that does not take them.
const EVENTS_KEPT_MAX: usize = 4_096;

/// What a subscriber hears.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// Something happened.
    Event(Arc<Event>),
    /// So many events before the next one were dropped, because they were not taken in time.
    Missed(u64),
}

/// The events of a driver from the subscription on; ends when the driver has stopped.
#[derive(Debug)]
pub struct Subscription(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    events: VecDeque<Arc<Event>>,
    missed: u64,
    reader: Option<Waker>,
    over: bool,
}

impl Subscription {
    /// What was heard already, without waiting.
    pub fn try_next(&mut self) -> Option<Heard> {
        locked(&self.0).take()
    }
}

impl Kept {
    fn take(&mut self) -> Option<Heard> {
        match std::mem::take(&mut self.missed) {
            0 => self.events.pop_front().map(Heard::Event),
            missed => Some(Heard::Missed(missed)),
        }
    }
}

impl Stream for Subscription {
    type Item = Heard;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Heard>> {
        let mut kept = locked(&self.0);
        match kept.take() {
            Some(heard) => Poll::Ready(Some(heard)),
            None if kept.over => Poll::Ready(None),
            None => {
                kept.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// All who want to hear of events.
#[derive(Debug)]
pub(super) struct Subscribers(Mutex<Option<Vec<Weak<Mutex<Kept>>>>>);

impl Subscribers {
    /// Nobody yet, but the driver runs.
    pub(super) fn open() -> Subscribers {
        Subscribers(Mutex::new(Some(Vec::new())))
    }

    /// One more; hears nothing if the driver has stopped.
    pub(super) fn subscribe(&self) -> Subscription {
        let kept: Arc<Mutex<Kept>> = Arc::default();
        match &mut *locked(&self.0) {
            Some(all) => all.push(Arc::downgrade(&kept)),
            None => locked(&kept).over = true,
        }
        Subscription(kept)
    }

    /// Tells everybody.
    pub(super) fn tell(&self, event: Event) {
        let event = Arc::new(event);
        self.each(|kept| {
            if kept.events.len() == EVENTS_KEPT_MAX {
                kept.events.pop_front();
                kept.missed += 1;
            }
            kept.events.push_back(Arc::clone(&event));
        });
    }

    /// Nothing more will be told.
    pub(super) fn close(&self) {
        self.each(|kept| kept.over = true);
        locked(&self.0).take();
    }

    fn each(&self, mut change: impl FnMut(&mut Kept)) {
        let Some(all) = &mut *locked(&self.0) else { return };
        all.retain(|one| {
            let Some(one) = one.upgrade() else { return false };
            let mut kept = locked(&one);
            change(&mut kept);
            if let Some(reader) = kept.reader.take() {
                reader.wake();
            }
            true
        });
    }
}

/// No code that holds one of these locks can panic halfway, so a poisoned one is whole.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use smol::stream::StreamExt;

    use super::*;

    #[test]
    fn a_slow_subscriber_loses_the_oldest_and_is_told() {
        let all = Subscribers::open();
        let mut slow = all.subscribe();
        for _ in 0..EVENTS_KEPT_MAX + 3 {
            all.tell(Event::Stopped);
        }
        all.close();
        assert_eq!(smol::block_on(slow.next()), Some(Heard::Missed(3)));
        let rest = smol::block_on(slow.fold(0, |n, heard| {
            assert_eq!(heard, Heard::Event(Arc::new(Event::Stopped)));
            n + 1
        }));
        assert_eq!(rest, EVENTS_KEPT_MAX);
        assert_eq!(smol::block_on(all.subscribe().next()), None, "after the end nobody waits");
    }
}
