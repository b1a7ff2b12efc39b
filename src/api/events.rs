//! Events to whoever listens, at whatever speed he reads.
//!
//! There is one log of the last events, and every reader has a place in it. Who falls behind its
//! beginning is told how much he missed; nobody is waited for, and a thousand slow readers cost no
//! more memory than one.

use std::collections::VecDeque;
use std::future::{self, Future};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use hyper::body::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE};
use smol::Timer;
use smol::stream::{self, Stream};

use super::types::Event;

/// Events that the log keeps. A client that reads at all stays within it.
const EVENTS_KEPT_MAX: usize = 1_024;
/// A silent stream says something after so long, so that both sides notice when the other is gone.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Wakes everybody who waits for a change.
#[derive(Debug, Default)]
pub(super) struct Bell(Mutex<Rings>);

#[derive(Debug, Default)]
struct Rings {
    count: u64,
    waiting: Vec<Waker>,
}

impl Bell {
    pub(super) fn ring(&self) {
        let waiting = {
            let mut rings = lock(&self.0);
            rings.count += 1;
            std::mem::take(&mut rings.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// How often it has rung. Read this, then look at what may have changed, then wait for more.
    pub(super) fn count(&self) -> u64 {
        lock(&self.0).count
    }

    /// Waits until it has rung more often than `count`.
    pub(super) async fn rings_after(&self, count: u64) {
        future::poll_fn(|cx| {
            let mut rings = lock(&self.0);
            if rings.count > count {
                return Poll::Ready(());
            }
            if !rings.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                rings.waiting.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }
}

/// The log of the last events, as they go out.
#[derive(Debug, Default)]
pub(super) struct Feed {
    log: Mutex<Log>,
    bell: Bell,
}

#[derive(Debug, Default)]
struct Log {
    /// The number of the first event that is kept.
    first: u64,
    kept: VecDeque<Bytes>,
    closed: bool,
}

impl Feed {
    /// Appends an event.
    pub(super) fn publish(&self, event: &Event) {
        {
            let mut log = lock(&self.log);
            if log.kept.len() == EVENTS_KEPT_MAX {
                log.kept.pop_front();
                log.first += 1;
            }
            log.kept.push_back(frame(event));
        }
        self.bell.ring();
    }

    /// The last event: the streams end after it. Whether it was not closed before.
    pub(super) fn close_with(&self, last: &Event) -> bool {
        if self.is_closed() {
            return false;
        }
        self.publish(last);
        lock(&self.log).closed = true;
        self.bell.ring();
        true
    }

    /// Whether the last event was published.
    pub(super) fn is_closed(&self) -> bool {
        lock(&self.log).closed
    }

    /// The events from now on, as a response.
    pub(super) fn response(feed: Arc<Feed>) -> Response {
        let place = {
            let log = lock(&feed.log);
            log.first + log.kept.len() as u64
        };
        respond(stream::unfold((feed, place), |(feed, place)| async move {
            let (bytes, place) = feed.after(place).await?;
            Some((bytes, (feed, place)))
        }))
    }

    /// What is kept from `place` on, in one piece, and the place behind it.
    async fn after(&self, place: u64) -> Option<(Bytes, u64)> {
        loop {
            let rings = self.bell.count();
            {
                let log = lock(&self.log);
                let next = log.first + log.kept.len() as u64;
                if place < next {
                    let mut bytes = Vec::new();
                    if let missed @ 1.. = log.first.saturating_sub(place) {
                        bytes.extend_from_slice(&frame(&Event::Missed { events: missed }));
                    }
                    let skipped = place.saturating_sub(log.first) as usize;
                    log.kept.iter().skip(skipped).for_each(|one| bytes.extend_from_slice(one));
                    return Some((bytes.into(), next));
                }
                if log.closed {
                    return None;
                }
            }
            self.bell.rings_after(rings).await;
        }
    }
}

/// An event as the bytes of a server-sent event.
pub(super) fn frame(event: &Event) -> Bytes {
    // The types of events serialise without fail: maps with text keys, finite numbers.
    let data = serde_json::to_string(event).unwrap_or_default();
    Bytes::from(format!("event: {}\ndata: {data}\n\n", event.name()))
}

/// A stream of framed events as a response that keeps itself alive.
pub(super) fn respond(events: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    let head = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-cache")];
    (head, Body::from_stream(KeptAlive::new(events))).into_response()
}

/// Comments between events that are far apart, and one at the beginning: a client then has the
/// head of the answer at once.
struct KeptAlive<S> {
    events: Pin<Box<S>>,
    tick: Timer,
    begun: bool,
}

impl<S: Stream<Item = Bytes>> KeptAlive<S> {
    fn new(events: S) -> KeptAlive<S> {
        KeptAlive { events: Box::pin(events), tick: Timer::after(KEEP_ALIVE), begun: false }
    }
}

impl<S: Stream<Item = Bytes>> Stream for KeptAlive<S> {
    type Item = Result<Bytes, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if !std::mem::replace(&mut self.begun, true) {
            return Poll::Ready(Some(Ok(Bytes::from_static(b": hello\n\n"))));
        }
        if let Poll::Ready(event) = self.events.as_mut().poll_next(cx) {
            self.tick.set_after(KEEP_ALIVE);
            return Poll::Ready(event.map(Ok));
        }
        if Pin::new(&mut self.tick).poll(cx).is_ready() {
            self.tick.set_after(KEEP_ALIVE);
            return Poll::Ready(Some(Ok(Bytes::from_static(b": still here\n\n"))));
        }
        Poll::Pending
    }
}

/// The value, also after a panic elsewhere: what these locks guard is whole at every moment.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::sse::Reader;

    fn read(bytes: &Bytes) -> Vec<Event> {
        let mut reader = Reader::default();
        reader.push(bytes).unwrap();
        std::iter::from_fn(|| reader.next()).map(|d| serde_json::from_slice(&d).unwrap()).collect()
    }

    fn numbered(events: u64) -> Event {
        Event::Missed { events }
    }

    #[test]
    fn who_falls_behind_is_told_how_much_he_missed() {
        let feed = Feed::default();
        let total = EVENTS_KEPT_MAX as u64 + 7;
        (0..total).for_each(|n| feed.publish(&numbered(n)));
        let (bytes, place) = smol::block_on(feed.after(3)).unwrap();
        let events = read(&bytes);
        assert_eq!(place, total);
        assert_eq!(events[0], Event::Missed { events: 4 });
        assert_eq!(events[1], numbered(7));
        assert_eq!(events.last(), Some(&numbered(total - 1)));
        assert_eq!(events.len(), EVENTS_KEPT_MAX + 1);
    }

    #[test]
    fn who_keeps_up_gets_everything_once_and_then_the_end() {
        let feed = Arc::new(Feed::default());
        let reader = std::thread::spawn({
            let feed = Arc::clone(&feed);
            move || {
                smol::block_on(async {
                    let (mut place, mut heard) = (0, Vec::new());
                    while let Some((bytes, next)) = feed.after(place).await {
                        heard.extend(read(&bytes));
                        place = next;
                    }
                    heard
                })
            }
        });
        let mut said: Vec<_> = (0..500).map(numbered).collect();
        said.iter().for_each(|event| feed.publish(event));
        assert!(feed.close_with(&Event::Stopping) && !feed.close_with(&Event::Stopping));
        said.push(Event::Stopping);
        assert_eq!(reader.join().unwrap(), said);
    }
}
