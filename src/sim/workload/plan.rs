//! What is to happen when: streams of deeds, merged by time.

use std::fmt;
use std::iter::Peekable;
use std::time::Duration;

use super::{Asker, Question};
use crate::sim::{Fault, NodeId};

/// Something that the driver of a world has happen.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// Somebody asks.
    Ask {
        /// What.
        question: Question,
        /// Who.
        asker: Asker,
    },
    /// Somebody without a copy asks for a file, fetches it and shares it.
    Want {
        /// What is asked.
        question: Question,
        /// Which file.
        file: u32,
    },
    /// A node leaves.
    Leave {
        /// Which.
        node: NodeId,
        /// Whether it vanishes without a word.
        crashes: bool,
    },
    /// A node that left returns with its disk.
    Return {
        /// Which.
        node: NodeId,
    },
    /// A node comes for the first time.
    Come {
        /// The number it will have: one more than the last one's.
        node: NodeId,
    },
    /// Something breaks or mends.
    Befall(Fault),
}

/// A deed and its time.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// How long after the beginning of the plan.
    pub after: Duration,
    /// What.
    pub deed: Deed,
}

/// Streams of deeds as one, by time; of those at one time the stream that was added first goes
/// first. Holds no more than the next deed of each.
#[derive(Default)]
pub struct Plan {
    streams: Vec<Peekable<Box<dyn Iterator<Item = Planned>>>>,
}

impl Plan {
    /// A plan without deeds.
    pub fn new() -> Plan {
        Plan::default()
    }

    /// The same with these, which are in order of time.
    #[must_use]
    pub fn with(mut self, deeds: impl IntoIterator<Item = Planned> + 'static) -> Plan {
        let deeds: Box<dyn Iterator<Item = Planned>> = Box::new(deeds.into_iter());
        self.streams.push(deeds.peekable());
        self
    }

    /// When the next deed is due.
    pub fn next_after(&mut self) -> Option<Duration> {
        self.streams.iter_mut().filter_map(|stream| Some(stream.peek()?.after)).min()
    }
}

impl Iterator for Plan {
    type Item = Planned;

    fn next(&mut self) -> Option<Planned> {
        let next = self.next_after()?;
        let due = |stream: &mut Peekable<_>| stream.next_if(|deed: &Planned| deed.after == next);
        self.streams.iter_mut().find_map(due)
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan").field("streams", &self.streams.len()).finish()
    }
}
