//! Whether bytes flow: one who lets them drip must not hold a slot or a download for ever.

use std::time::Duration;

use crate::node::Time;

/// Bytes since the beginning of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flow {
    since: Time,
    bytes: u64,
}

impl Flow {
    pub(super) fn new(now: Time) -> Flow {
        Flow { since: now, bytes: 0 }
    }

    pub(super) fn add(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// When it is to be looked at again.
    pub(super) fn deadline(&self, window_s: u16) -> Time {
        self.since + Duration::from_secs(window_s.into())
    }

    /// At the deadline: whether at least so many bytes flowed. Then a new window may begin.
    pub(super) fn flowed(&self, bytes_min: u32) -> bool {
        self.bytes >= u64::from(bytes_min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dripping_is_not_flowing() {
        let mut flow = Flow::new(Time::ZERO);
        flow.add(100);
        let end = flow.deadline(60);
        assert_eq!(end, Time::ZERO + Duration::from_secs(60));
        assert!(flow.flowed(100));
        assert!(!flow.flowed(101));
    }
}
