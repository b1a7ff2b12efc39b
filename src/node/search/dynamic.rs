//! The dynamic queries under way, our own and those of our leaves (protocol.md section 19).

use std::collections::{BTreeMap, BTreeSet};

use super::pace::Pace;
use crate::node::rng::Later;
use crate::node::{ConnId, Rng, Time};
use crate::wire::Guid;

/// A leaf that guides its query is asked after so many hits more how many it has kept (the
/// practice of living ultrapeers).
const STATUS_HITS: u32 = 20;
/// It is asked after so many questions, too.
const STATUS_ASKS: u32 = 3;

/// The leaf for which a query runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ForLeaf {
    /// Its connection.
    pub conn: ConnId,
    /// Whether it will say how many hits it has kept.
    pub guides: bool,
}

/// A dynamic query.
#[derive(Debug)]
pub(crate) struct Asking {
    /// For which leaf; none if it is our own.
    pub leaf: Option<ForLeaf>,
    /// The payload of the query.
    pub payload: Box<[u8]>,
    /// By this the neighbours stand in an order of its own.
    pub order: u64,
    /// The hops with which it leaves us.
    pub hops: u8,
    /// Its TTL at most, whatever the neighbours take.
    pub ttl_max: u8,
    /// Results after which it goes to nobody more.
    pub wanted: u32,
    /// What it has done so far.
    pub pace: Pace,
    /// Results that went through us to the leaf.
    routed: u32,
    /// What the leaf said it has kept, and how many results it had been sent by then.
    kept: Option<(u32, u32)>,
    /// Results and questions since the leaf was last asked.
    since_status: (u32, u32),
    due: Time,
}

impl Asking {
    /// A query that nobody has got.
    pub(crate) fn new(
        leaf: Option<ForLeaf>,
        payload: Box<[u8]>,
        ttl_max: u8,
        wanted: u32,
        now: Time,
    ) -> Asking {
        Asking {
            hops: leaf.is_some().into(),
            order: 0,
            leaf,
            payload,
            ttl_max,
            wanted,
            pace: Pace::new(now),
            routed: 0,
            kept: None,
            since_status: (0, 0),
            due: Time::NEVER,
        }
    }

    /// The results that count for a leaf: those it has kept, as far as it said so, and those that
    /// it was sent since.
    pub(crate) fn results(&self) -> u32 {
        let (kept, before) = self.kept.unwrap_or_default();
        kept.saturating_add(self.routed.saturating_sub(before))
    }

    /// So many links got it.
    pub(crate) fn asked(&mut self, links: usize) {
        self.since_status.1 += links as u32;
    }

    /// Whether the leaf is to be asked now how many hits it has kept; then it counts as asked.
    pub(crate) fn asks_for_status(&mut self) -> bool {
        let (hits, links) = self.since_status;
        let guides = self.leaf.is_some_and(|leaf| leaf.guides);
        let it_is_time = hits >= STATUS_HITS || (hits > 0 && links >= STATUS_ASKS);
        if guides && it_is_time {
            self.since_status = (0, 0);
        }
        guides && it_is_time
    }

    /// The leaf says that it has kept so many.
    pub(crate) fn kept(&mut self, hits: u32) {
        self.kept = Some((hits, self.routed));
    }
}

/// All dynamic queries under way.
#[derive(Debug, Default)]
pub(crate) struct Dynamic {
    order: Later,
    /// None before the first.
    running: Option<Box<Running>>,
}

#[derive(Debug, Default)]
struct Running {
    all: BTreeMap<Guid, Box<Asking>>,
    due: BTreeSet<(Time, Guid)>,
    for_leaves: usize,
}

impl Dynamic {
    /// Leaves so many of the neighbours, drawn at random. `root` is the node's stream.
    pub(crate) fn draw<T>(&mut self, neighbours: &mut Vec<T>, count: usize, root: &Rng) {
        let order = self.order.of(root, "dynamic");
        for at in 0..count.min(neighbours.len()) {
            let other = order.below((neighbours.len() - at) as u64) as usize;
            neighbours.swap(at, at + other);
        }
        neighbours.truncate(count);
    }

    /// A query more. It is due at once. One draw decides in which order the neighbours are asked:
    /// the same ones must not be first each time. `root` is the node's stream.
    pub(crate) fn begin(&mut self, guid: Guid, mut asking: Asking, root: &Rng) {
        self.end(&guid);
        asking.order = self.order.of(root, "dynamic").u64();
        let running = self.running.get_or_insert_default();
        running.for_leaves += usize::from(asking.leaf.is_some());
        running.all.insert(guid, Box::new(asking));
    }

    /// Forgets a query.
    pub(crate) fn end(&mut self, guid: &Guid) -> Option<Box<Asking>> {
        let running = self.running.as_mut()?;
        let asking = running.all.remove(guid)?;
        running.for_leaves -= usize::from(asking.leaf.is_some());
        running.due.remove(&(asking.due, *guid));
        Some(asking)
    }

    /// Forgets the queries of a leaf that has left.
    pub(crate) fn end_of_leaf(&mut self, conn: ConnId) {
        if self.for_leaves() > 0 {
            for guid in self.of_leaf(conn).collect::<Vec<_>>() {
                self.end(&guid);
            }
        }
    }

    fn for_leaves(&self) -> usize {
        self.running.as_ref().map_or(0, |running| running.for_leaves)
    }

    fn all(&self) -> impl Iterator<Item = (&Guid, &Asking)> {
        let all = self.running.iter().flat_map(|running| &running.all);
        all.map(|(guid, asking)| (guid, &**asking))
    }

    fn of_leaf(&self, conn: ConnId) -> impl Iterator<Item = Guid> {
        let is_its = move |asking: &Asking| asking.leaf.is_some_and(|leaf| leaf.conn == conn);
        self.all().filter(move |(_, asking)| is_its(asking)).map(|(guid, _)| *guid)
    }

    /// How many run for this leaf, and for all leaves.
    pub(crate) fn counts(&self, conn: ConnId) -> (usize, usize) {
        let for_leaves = self.for_leaves();
        let own = if for_leaves > 0 { self.of_leaf(conn).count() } else { 0 };
        (own, for_leaves)
    }

    /// The query with this GUID.
    pub(crate) fn get_mut(&mut self, guid: &Guid) -> Option<&mut Asking> {
        self.running.as_mut()?.all.get_mut(guid).map(|asking| &mut **asking)
    }

    /// Our own queries.
    pub(crate) fn own(&self) -> impl Iterator<Item = Guid> {
        self.all().filter(|(_, asking)| asking.leaf.is_none()).map(|(guid, _)| *guid)
    }

    /// Whether a query has done all that it could with the neighbours there were.
    pub(crate) fn rests(&self, guid: &Guid) -> bool {
        let asking = self.running.as_ref().and_then(|running| running.all.get(guid));
        asking.is_some_and(|asking| asking.due == Time::NEVER)
    }

    /// When a query is to be looked at again; `Time::NEVER` if not.
    pub(crate) fn set_due(&mut self, guid: &Guid, due: Time) {
        let Some(running) = &mut self.running else { return };
        let Some(asking) = running.all.get_mut(guid) else { return };
        running.due.remove(&(asking.due, *guid));
        asking.due = due;
        if due < Time::NEVER {
            running.due.insert((due, *guid));
        }
    }

    /// When the next one is due.
    pub(crate) fn deadline(&self) -> Time {
        self.first_due().map_or(Time::NEVER, |(due, _)| due)
    }

    fn first_due(&self) -> Option<(Time, Guid)> {
        self.running.as_ref()?.due.first().copied()
    }

    /// Takes one that is due.
    pub(crate) fn take_due(&mut self, now: Time) -> Option<Guid> {
        let (_, guid) = self.first_due().filter(|&(due, _)| due <= now)?;
        self.set_due(&guid, Time::NEVER);
        Some(guid)
    }

    /// So many results pass through us; says whether the leaf that gets them is to be asked how
    /// many it has kept.
    pub(crate) fn routed(&mut self, guid: &Guid, results: u8) -> bool {
        if self.for_leaves() == 0 {
            return false;
        }
        let Some(asking) = self.get_mut(guid) else { return false };
        asking.routed = asking.routed.saturating_add(results.into());
        asking.since_status.0 = asking.since_status.0.saturating_add(results.into());
        asking.asks_for_status()
    }
}
