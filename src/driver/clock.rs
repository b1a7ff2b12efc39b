//! The node's time from the machine's clocks: monotonic from start to end, wall time once.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::node::{Time, WallTime};

/// Tells the node's time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    began: Instant,
}

impl Clock {
    /// A clock that begins now.
    pub(super) fn start() -> Clock {
        Clock { began: Instant::now() }
    }

    /// Now, in the node's time.
    pub(super) fn now(&self) -> Time {
        let micros = self.began.elapsed().as_micros();
        Time::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// When `time` will be on the machine's clock; `None` if that is beyond what it can say.
    pub(super) fn instant(&self, time: Time) -> Option<Instant> {
        self.began.checked_add(Duration::from_micros(time.as_micros()))
    }
}

/// The wall time now.
pub(super) fn wall_time() -> WallTime {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    WallTime(u64::try_from(since_1970.as_micros()).unwrap_or(u64::MAX))
}
