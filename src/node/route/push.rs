//! The way of pushes: by servent GUID, along the way its hits came (protocol.md section 7).

use std::time::Duration;

use crate::node::recent::Recent;
use crate::node::{ConnId, Rng, Time};
use crate::wire::Guid;

/// So long after its last hit a servent's way is not given to another connection that claims the
/// same GUID: whoever sees a hit can copy the GUID in it.
const KEPT: Duration = Duration::from_secs(300);

/// Which connection leads to a servent.
#[derive(Debug)]
pub(crate) struct Pushes {
    ways: Recent<Guid, Way>,
}

#[derive(Debug)]
struct Way {
    to: ConnId,
    /// When its last hit came.
    heard: Time,
}

impl Pushes {
    /// An empty table of at most `max` servents.
    pub(crate) fn new(max: u32, rng: &mut Rng) -> Pushes {
        Pushes { ways: Recent::new(max, rng) }
    }

    /// A hit of this servent came from this connection; `stands` says whether one still does.
    pub(crate) fn learn(
        &mut self,
        servent: Guid,
        from: ConnId,
        now: Time,
        stands: impl FnOnce(ConnId) -> bool,
    ) {
        let way = self.ways.get_or_insert(servent, || Way { to: from, heard: now });
        if way.to == from || now >= way.heard + KEPT || !stands(way.to) {
            *way = Way { to: from, heard: now };
        }
    }

    /// The connection by which the servent may be reached.
    pub(crate) fn way(&mut self, servent: &Guid) -> Option<ConnId> {
        self.ways.get(servent).map(|way| way.to)
    }

    /// How many servents are known.
    pub(crate) fn len(&self) -> usize {
        self.ways.len()
    }
}
