//! The way of pushes: by servent GUID, along the way its hits came (protocol.md section 7).

use std::time::Duration;

use crate::node::recent::Recent;
use crate::node::size::block;
use crate::node::{ConnId, Rng, Time};
use crate::wire::Guid;

/// So long after its last hit a servent's way is not given to another connection that claims the
/// same GUID: whoever sees a hit can copy the GUID in it.
const KEPT: Duration = Duration::from_secs(300);

/// Which connection leads to a servent.
#[derive(Debug, Default)]
pub(crate) struct Pushes {
    /// None before the first hit.
    ways: Option<Box<Recent<Guid, Way>>>,
}

#[derive(Debug)]
struct Way {
    to: ConnId,
    /// When its last hit came.
    heard: Time,
}

impl Pushes {
    /// A hit of this servent came from this connection; `stands` says whether one still does.
    /// `max` servents are known at most, `root` is the node's stream.
    pub(crate) fn learn(
        &mut self,
        servent: Guid,
        from: ConnId,
        now: Time,
        stands: impl FnOnce(ConnId) -> bool,
        (max, root): (u32, &Rng),
    ) {
        let fresh = || Box::new(Recent::new(max, &mut root.derive("pushes")));
        let ways = self.ways.get_or_insert_with(fresh);
        let way = ways.get_or_insert(servent, || Way { to: from, heard: now });
        if way.to == from || now >= way.heard + KEPT || !stands(way.to) {
            *way = Way { to: from, heard: now };
        }
    }

    /// The connection by which the servent may be reached.
    pub(crate) fn way(&mut self, servent: &Guid) -> Option<ConnId> {
        self.ways.as_mut()?.get(servent).map(|way| way.to)
    }

    /// Bytes that it takes beside itself.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.ways.as_ref().map_or(0, |ways| block(size_of_val(&**ways)) + ways.heap_bytes())
    }

    /// How many servents are known.
    pub(crate) fn len(&self) -> usize {
        self.ways.as_ref().map_or(0, |ways| ways.len())
    }
}
