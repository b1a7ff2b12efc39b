//! How whoever is ready wakes the node's task and says who it is.
//!
//! smol's reactor wakes a [`Waker`]; a task that owns a thousand sockets must also know whose.
//! So each socket pulls a rope of its own, and all ropes ring one bell.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

use crate::node::ConnId;

/// Who rang.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// Somebody wants to connect.
    Listener,
    /// A datagram came.
    Udp,
    /// This connection can be read.
    Reader(ConnId),
    /// This connection can be written, or stands.
    Writer(ConnId),
    /// The file body of this connection went on.
    Body(ConnId),
}

/// The list of those who rang since the node's task last looked.
#[derive(Debug, Default)]
pub(super) struct Bell(Mutex<Rung>);

#[derive(Debug, Default)]
struct Rung {
    who: Vec<Who>,
    sleeper: Option<Waker>,
}

impl Bell {
    /// Adds `who` and wakes the node's task if it sleeps.
    pub(super) fn ring(&self, who: Who) {
        let mut rung = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rung.who.push(who);
        let sleeper = rung.sleeper.take();
        drop(rung);
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
    }

    /// Adds those who rang to `ready`; if it stays empty, the next one wakes `sleeper`.
    pub(super) fn listen(&self, ready: &mut Vec<Who>, sleeper: &Waker) {
        let mut rung = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ready.append(&mut rung.who);
        if ready.is_empty() {
            rung.sleeper = Some(sleeper.clone());
        }
    }

    /// A waker that rings for `who`.
    pub(super) fn rope(self: &Arc<Bell>, who: Who) -> Waker {
        Waker::from(Arc::new(Rope { who, bell: Arc::clone(self) }))
    }
}

struct Rope {
    who: Who,
    bell: Arc<Bell>,
}

impl Wake for Rope {
    fn wake(self: Arc<Rope>) {
        self.bell.ring(self.who);
    }

    fn wake_by_ref(self: &Arc<Rope>) {
        self.bell.ring(self.who);
    }
}
