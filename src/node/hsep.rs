//! How far we see: what neighbours say lies behind them, and what we tell them lies behind us
//! (protocol.md section 18).
//!
//! Every neighbour gets its picture when it comes. What has changed is told to all at one time, at
//! most once in `Config::horizon_interval_s`: in a living network something changes all the time
//! somewhere within seven hops, and a look at all neighbours for each change would cost far more
//! than what is told. Nothing is done while nothing changes.

use std::hash::BuildHasher;
use std::time::Duration;

use foldhash::fast::FixedState;

use super::conn::outbox::Priority;
use super::size::block;
use super::{ConnId, Node, Relation, Tier, Time, Why};
use crate::wire::hsep::{HOPS_MAX, Horizon, Shared};
use crate::wire::{Header, Kind};

/// Changes are gathered for so long: one look at all neighbours for a crowd that comes at once.
const PAUSE: Duration = Duration::from_secs(1);

/// What we know of and told one neighbour that speaks HSEP.
#[derive(Debug)]
pub(super) struct Outlook {
    /// What it says lies on its side.
    theirs: Horizon,
    /// Whether it has said so.
    has_spoken: bool,
    /// What it was told last, as a number that differs for another picture, and when.
    told: Option<(u64, Time)>,
}

impl Default for Outlook {
    fn default() -> Outlook {
        // Until it speaks it is one servent that shares nothing.
        Outlook { theirs: Horizon::new(&[]), has_spoken: false, told: None }
    }
}

impl Outlook {
    /// Bytes that it takes.
    pub(super) fn heap_bytes(&self) -> usize {
        block(size_of::<Outlook>()) + block(self.theirs.heap_bytes())
    }

    /// How many servents a query with this TTL reaches down the link, if it said so.
    pub(super) fn nodes(&self, ttl: u8) -> Option<u64> {
        let hops = usize::from(ttl).checked_sub(1)?;
        self.has_spoken.then(|| self.theirs.within(hops).nodes)
    }
}

/// What lies within a number of hops.
type Around = [Shared; HOPS_MAX];

impl Node {
    /// Something that neighbours are told of may have changed.
    pub(super) fn horizon_changed(&mut self, now: Time) {
        if self.config.horizon_interval_s > 0 {
            self.horizon_at = self.horizon_at.min(now.max(self.next_horizon_round()));
        }
    }

    /// There is a neighbour that was told nothing.
    pub(super) fn horizon_awaited(&mut self, now: Time) {
        if self.config.horizon_interval_s > 0 {
            self.horizon_at = self.horizon_at.min(now.max(self.horizon_told_at + PAUSE));
        }
    }

    /// When all may be told what has changed.
    fn next_horizon_round(&self) -> Time {
        self.horizon_round_at + Duration::from_secs(self.config.horizon_interval_s.into())
    }

    /// A neighbour says what lies on its side.
    pub(super) fn on_horizon(
        &mut self,
        now: Time,
        from: ConnId,
        payload: &[u8],
    ) -> Result<(), Why> {
        let Some(link) = self.conns.get_mut(from).and_then(|row| row.phase.link_mut()) else {
            return Ok(());
        };
        let relation = link.relation;
        let Some(outlook) = &mut link.outlook else { return Err(Why::UnknownKind) };
        let theirs = Horizon::decode(payload).map_err(|_| Why::BadHorizon)?;
        // A leaf has nobody behind it.
        if relation == Relation::Leaf && !theirs.is_alone() {
            return Err(Why::BadHorizon);
        }
        outlook.has_spoken = true;
        if outlook.theirs != theirs {
            outlook.theirs = theirs;
            self.horizon_changed(now);
        }
        Ok(())
    }

    /// Tells newcomers what lies behind us, and if it is time every neighbour whose picture has
    /// changed.
    pub(super) fn tell_horizon(&mut self, now: Time) {
        if self.horizon_at > now {
            return;
        }
        self.horizon_told_at = now;
        let interval = Duration::from_secs(self.config.horizon_interval_s.into());
        let is_round = self.next_horizon_round() <= now;
        if is_round {
            self.horizon_round_at = now;
        }
        // Newcomers are news to the others.
        self.horizon_at = if is_round { Time::NEVER } else { self.next_horizon_round() };
        let (own, around) = (self.own_share(), self.around());
        let is_leaf = self.tier == Tier::Leaf;
        let guid = self.rng.guid();
        let mut payload = Vec::new();
        for (conn, row) in self.conns.iter_mut() {
            let Some(link) = row.phase.link_mut() else { continue };
            let Some(outlook) = &mut link.outlook else { continue };
            if outlook.told.is_some() && !is_round {
                continue;
            }
            let ours = if is_leaf {
                // A leaf passes nothing on between its ultrapeers.
                [own; HOPS_MAX]
            } else {
                behind_us(own, &around, &outlook.theirs)
            };
            let picture = FixedState::with_seed(0).hash_one(ours);
            if let Some((last, at)) = outlook.told {
                if last == picture {
                    continue;
                }
                if at + interval > now {
                    // It came a short while ago: in the next round.
                    self.horizon_at = now + interval;
                    continue;
                }
            }
            payload.clear();
            Horizon::new(&ours).encode(&mut payload);
            outlook.told = Some((picture, now));
            let len = payload.len() as u32;
            let header = Header { guid, kind: Kind::HSEP, ttl: 1, hops: 0, len };
            self.letters.put(conn, Priority::Pong, &header, &payload);
            self.tally.sent(Kind::HSEP, 1);
        }
    }

    /// What we share ourselves.
    fn own_share(&self) -> Shared {
        let files = self.library.files() as u64;
        Shared { nodes: 1, files, kbytes: self.library.bytes() / 1_024 }
    }

    /// What lies within 1, 2, ... hops of us. A neighbour that does not speak HSEP is one servent
    /// of which nothing is known.
    pub(super) fn around(&self) -> Around {
        let mut around = Around::default();
        let unknown = Shared { nodes: 1, ..Shared::default() };
        // What is the same at any distance, such as leaves.
        let mut everywhere = Shared::default();
        for link in self.conns.iter().filter_map(|(_, row)| row.phase.link()) {
            match &link.outlook {
                None => everywhere = everywhere.plus(unknown),
                Some(outlook) if outlook.theirs.is_alone() => {
                    everywhere = everywhere.plus(outlook.theirs.within(0));
                }
                Some(outlook) => {
                    for (hops, sum) in around.iter_mut().enumerate() {
                        *sum = sum.plus(outlook.theirs.within(hops));
                    }
                }
            }
        }
        around.map(|sum| sum.plus(everywhere))
    }
}

/// What a neighbour is told: we and, hop by hop, all that lies around us but not behind itself.
fn behind_us(own: Shared, around: &Around, theirs: &Horizon) -> Around {
    let mut within = [own; HOPS_MAX];
    for (hops, sum) in within.iter_mut().enumerate().skip(1) {
        let nearer = hops - 1;
        *sum = own.plus(around[nearer].minus(theirs.within(nearer)));
    }
    within
}
