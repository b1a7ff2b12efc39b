//! The way of pushes: by servent GUID, along the way its hits came (protocol.md section 7).

use crate::node::recent::Recent;
use crate::node::{ConnId, Rng};
use crate::wire::Guid;

/// Which connection leads to a servent.
#[derive(Debug)]
pub(crate) struct Pushes {
    ways: Recent<Guid, ConnId>,
}

impl Pushes {
    /// An empty table of at most `max` servents.
    pub(crate) fn new(max: u32, rng: &mut Rng) -> Pushes {
        Pushes { ways: Recent::new(max, rng) }
    }

    /// A hit of this servent came from this connection.
    pub(crate) fn learn(&mut self, servent: Guid, from: ConnId) {
        self.ways.put(servent, from);
    }

    /// The connection by which the servent may be reached.
    pub(crate) fn way(&mut self, servent: &Guid) -> Option<ConnId> {
        self.ways.get(servent).copied()
    }

    /// How many servents are known.
    pub(crate) fn len(&self) -> usize {
        self.ways.len()
    }
}
