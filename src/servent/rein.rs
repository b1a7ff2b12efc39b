//! What holds a servent from outside: it can be made to stand still, or to end at once.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// How a servent is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Hold {
    /// It goes on.
    #[default]
    None,
    /// It does nothing until it is let go.
    Still,
    /// It is over.
    Killed,
}

/// Holds the life of a servent.
#[derive(Debug, Default)]
pub(super) struct Rein(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    hold: Hold,
    /// Who lives under this rein.
    waker: Option<Waker>,
}

impl Rein {
    /// Holds it so from now on. Who was killed stays so.
    pub(super) fn hold(&self, hold: Hold) {
        let mut held = self.lock();
        if held.hold != Hold::Killed {
            held.hold = hold;
        }
        let waker = held.waker.take();
        drop(held);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Lives a life to its end, or until it is killed; then it is dropped where it stands.
    pub(super) async fn lead(&self, life: impl Future<Output = ()>) {
        let mut life = pin!(life);
        poll_fn(|cx| {
            let mut held = self.lock();
            if !held.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                held.waker = Some(cx.waker().clone());
            }
            let hold = held.hold;
            drop(held);
            match hold {
                Hold::None => life.as_mut().poll(cx),
                Hold::Still => Poll::Pending,
                Hold::Killed => Poll::Ready(()),
            }
        })
        .await;
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
