//! What must never happen, whatever the network does; looked for at every step.

use std::fmt;

use thiserror::Error;

use super::NodeId;
use super::measure::{Passing, Record};
use crate::node::config::{Config, Forward, Strategy};
use crate::node::io::DownloadId;
use crate::node::view::{Neighbour, View};
use crate::node::{ConnId, Time};
use crate::node::{Relation, Role};
use crate::wire::{Guid, Header, Kind};

/// A rule that a node broke.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Violation {
    /// A query went over one link twice, the second time without a higher TTL.
    #[error("{from} sent query {guid} to {to} again, with TTL {ttl} after TTL {before}")]
    QueryAgain {
        /// Who.
        from: NodeId,
        /// To whom.
        to: NodeId,
        /// Which query.
        guid: Guid,
        /// The TTL this time.
        ttl: u8,
        /// The highest TTL before.
        before: u8,
    },
    /// A query without any TTL left, or with more TTL + hops than its origin gave it, or one that
    /// pretends to be at its origin.
    #[error(
        "{from} sent query {guid} of {origin} with TTL {ttl} and hops {hops}; it began with {began}"
    )]
    LifetimeGrew {
        /// Who.
        from: NodeId,
        /// Which query.
        guid: Guid,
        /// Whose it is.
        origin: NodeId,
        /// Its TTL.
        ttl: u8,
        /// Its hops.
        hops: u8,
        /// TTL + hops at the origin.
        began: u8,
    },
    /// A query was passed on by a node that it never reached.
    #[error("{from} passed on query {guid}, which never reached it")]
    QueryFromNowhere {
        /// Who.
        from: NodeId,
        /// Which query.
        guid: Guid,
    },
    /// A node whose role is that of a leaf passed something on.
    #[error("{from}, a leaf, passed on {kind:?} {guid}")]
    LeafRelayed {
        /// Who.
        from: NodeId,
        /// What.
        kind: Kind,
        /// Which.
        guid: Guid,
    },
    /// A hit went where its query did not come from.
    #[error("{from} sent a hit for {guid} to {to}, from which the query did not come")]
    HitOffPath {
        /// Who.
        from: NodeId,
        /// To whom.
        to: NodeId,
        /// Which query.
        guid: Guid,
    },
    /// An action for a connection that is closed, closing, or never was.
    #[error("{node} acts on {conn:?} ({action}), which is not open")]
    NotOpen {
        /// Who.
        node: NodeId,
        /// Which connection.
        conn: ConnId,
        /// What it wanted.
        action: &'static str,
    },
    /// The name of a connection was used again, or is not one that a node may give.
    #[error("{node} ordered {conn:?} after {last:?}")]
    NameReused {
        /// Who.
        node: NodeId,
        /// The name.
        conn: ConnId,
        /// The last one it gave.
        last: ConnId,
    },
    /// More bytes handed over than the window allows.
    #[error("{node} sends on {conn:?} with {outstanding} bytes outstanding, above its window")]
    AboveWindow {
        /// Who.
        node: NodeId,
        /// Where.
        conn: ConnId,
        /// Bytes sent and not yet credited.
        outstanding: u32,
    },
    /// More bytes credited than were sent: the world itself is wrong.
    #[error("{node} would be credited {credit} bytes of {outstanding} on {conn:?}")]
    CreditTooHigh {
        /// Who.
        node: NodeId,
        /// Where.
        conn: ConnId,
        /// Bytes credited.
        credit: u32,
        /// Bytes sent and not yet credited.
        outstanding: u32,
    },
    /// A byte of a download was ordered twice at once, or again when it was stored.
    #[error("{node} fetches bytes {start}..{end} of {download:?}, some of which it has or fetches")]
    BytesTwice {
        /// Who.
        node: NodeId,
        /// Of what.
        download: DownloadId,
        /// The first byte.
        start: u64,
        /// The byte after the last.
        end: u64,
    },
    /// A node that wants to be woken at once, again and again.
    #[error("{node} wants to be woken at a time that has passed, {times} times in a row")]
    NeverSleeps {
        /// Who.
        node: NodeId,
        /// How often.
        times: u32,
    },
    /// A table of a node holds more than its limit.
    #[error("{node}: {table} holds {len}, at most {max} allowed")]
    TableAboveLimit {
        /// Who.
        node: NodeId,
        /// Which table.
        table: &'static str,
        /// What it holds.
        len: u64,
        /// What it may hold.
        max: u64,
    },
}

impl Violation {
    /// The nodes involved.
    pub fn nodes(&self) -> Vec<NodeId> {
        match *self {
            Violation::QueryAgain { from, to, .. } | Violation::HitOffPath { from, to, .. } => {
                vec![from, to]
            }
            Violation::LifetimeGrew { from, origin, .. } => vec![from, origin],
            Violation::QueryFromNowhere { from, .. } | Violation::LeafRelayed { from, .. } => {
                vec![from]
            }
            Violation::NotOpen { node, .. }
            | Violation::NameReused { node, .. }
            | Violation::AboveWindow { node, .. }
            | Violation::CreditTooHigh { node, .. }
            | Violation::BytesTwice { node, .. }
            | Violation::NeverSleeps { node, .. }
            | Violation::TableAboveLimit { node, .. } => vec![node],
        }
    }
}

/// A world that went wrong, with what it takes to look at it again.
#[derive(Clone, Error)]
#[error("seed {seed}, step {step}, {at:?}: {violation}\n  {}", history.join("\n  "))]
pub struct Failure {
    /// The seed of the world.
    pub seed: u64,
    /// How many inputs had been given.
    pub step: u64,
    /// When.
    pub at: Time,
    /// What is wrong.
    pub violation: Violation,
    /// The last events of the nodes involved.
    pub history: Vec<String>,
}

impl Failure {
    /// The nodes involved: their tapes ([`super::WorldConfig::taped`]) are worth a look.
    pub fn nodes(&self) -> Vec<NodeId> {
        self.violation.nodes()
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A descriptor is about to go over a link: all that a leaf sends is its own.
pub(super) fn relayed(from: NodeId, role: Role, header: &Header) -> Result<(), Violation> {
    if role == Role::Leaf && header.hops > 0 {
        return Err(Violation::LeafRelayed { from, kind: header.kind, guid: header.guid });
    }
    Ok(())
}

/// A query is about to go over a link.
pub(super) fn query(
    record: &Record,
    passing: &Passing<'_>,
    forward: Forward,
) -> Result<(), Violation> {
    let &Passing { header, from, to, end, .. } = passing;
    let guid = header.guid;
    if passing.walks {
        return walker(record, passing);
    }
    let before = record.sent_ttl(end);
    if before > 0 && (forward == Forward::FirstCopy || header.ttl <= before) {
        return Err(Violation::QueryAgain { from, to, guid, ttl: header.ttl, before });
    }
    let at_origin = from == record.origin && !record.origin_gone;
    let lifetime = u16::from(header.ttl) + u16::from(header.hops);
    // An ultrapeer's leaves get it whatever the TTL, and no TTL is ever 0: one more there.
    let is_for_leaf = header.ttl == 1 && header.hops == record.ttl;
    let grew = lifetime > u16::from(record.ttl) && !is_for_leaf;
    // Only the origin sends it with no hop behind it; it may ask again, further than before.
    if header.ttl == 0 || at_origin != (header.hops == 0) || (grew && !at_origin) {
        return Err(Violation::LifetimeGrew {
            from,
            guid,
            origin: record.origin,
            ttl: header.ttl,
            hops: header.hops,
            began: record.ttl,
        });
    }
    if !at_origin && record.distance(from) == 0 {
        return Err(Violation::QueryFromNowhere { from, guid });
    }
    Ok(())
}

/// A walker is about to make a step. It may go where it was before; its TTL counts the steps to its
/// next check.
fn walker(record: &Record, passing: &Passing<'_>) -> Result<(), Violation> {
    let &Passing { header, from, .. } = passing;
    let Header { guid, ttl, hops, .. } = *header;
    let at_origin = from == record.origin;
    if ttl == 0 || ttl > Strategy::STEPS_PER_CHECK || (hops == 0 && !at_origin) {
        let (origin, began) = (record.origin, record.ttl);
        return Err(Violation::LifetimeGrew { from, guid, origin, ttl, hops, began });
    }
    if !at_origin && record.distance(from) == 0 {
        return Err(Violation::QueryFromNowhere { from, guid });
    }
    Ok(())
}

/// A hit is about to go over a link: only where its query came from.
pub(super) fn hit(record: &Record, passing: &Passing<'_>) -> Result<(), Violation> {
    let &Passing { header, from, to, peer_end, .. } = passing;
    if record.sent_ttl(peer_end) == 0 {
        return Err(Violation::HitOffPath { from, to, guid: header.guid });
    }
    Ok(())
}

/// Bytes that may wait for one neighbour, in its queue or handed over: the last piece that fits
/// into the window is as large as what a turn gathers before it is handed out.
fn waiting_bytes_max(config: &Config) -> u64 {
    let piece = u64::from(config.send_window_bytes) + u64::from(config.hit_bytes_max);
    u64::from(config.send_queue_bytes_max) + u64::from(config.send_window_bytes) + piece
}

/// A picture of a node was taken: no table may hold more than its limit.
pub(super) fn tables(node: NodeId, view: &View, config: &Config) -> Result<(), Violation> {
    let count = |len: usize| len as u64;
    let incoming = |relation| {
        let came = |link: &&Neighbour| link.incoming && link.relation == relation;
        count(view.neighbours.iter().filter(came).count())
    };
    let queued = view.neighbours.iter().map(|neighbour| neighbour.queued_bytes).max();
    for (table, len, max) in [
        ("connections", view.connections.into(), config.connections_max.into()),
        ("ultrapeers that came", incoming(Relation::Peer), config.neighbours_max.into()),
        ("leaves", incoming(Relation::Leaf), config.leaves_max.into()),
        ("ultrapeers of a leaf", incoming(Relation::Ultrapeer), config.ultrapeers_wanted.into()),
        ("query-ID cache", view.seen_queries.into(), config.seen_queries_max.into()),
        ("push routes", view.push_routes.into(), config.push_routes_max.into()),
        ("hosts", view.hosts_known.into(), config.hosts_max.into()),
        ("searches", count(view.searches.len()), config.searches_max.into()),
        ("hosts by UDP", view.datagrams.hosts.into(), config.datagram_hosts_max.into()),
        ("offers of hits", view.datagrams.offers.into(), config.offers_max.into()),
        ("requests for hits", view.datagrams.requests.into(), config.requests_max.into()),
        ("proven hosts", view.datagrams.hosts_proven.into(), config.datagram_hosts_max.into()),
        (
            "alternate locations",
            view.transfers.alternates,
            u64::from(config.alternate_files_max) * u64::from(config.alternates_per_file_max),
        ),
        ("send queue", queued.unwrap_or(0), waiting_bytes_max(config)),
    ] {
        if len > max {
            return Err(Violation::TableAboveLimit { node, table, len, max });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::measure::Ledger;

    const GUID: Guid = Guid([7; 16]);

    /// Ends 2n and 2n+1 are the two sides of link n.
    fn pass(
        ledger: &mut Ledger,
        kind: Kind,
        (from, to, end): (u32, u32, u32),
        (ttl, hops): (u8, u8),
        forward: Forward,
    ) -> Result<(), Violation> {
        let header = Header { guid: GUID, kind, ttl, hops, len: 5 };
        let (from, to) = (NodeId(from), NodeId(to));
        let passing = Passing {
            header: &header,
            at: Time::ZERO,
            from,
            to,
            end,
            peer_end: end ^ 1,
            walks: false,
        };
        ledger.passes(&passing, forward)
    }

    /// Node 0 asked node 1 over link 0 with TTL 3.
    fn asked() -> Ledger {
        let mut ledger = Ledger::new(10);
        assert_eq!(pass(&mut ledger, Kind::QUERY, (0, 1, 0), (3, 0), Forward::HigherTtl), Ok(()));
        ledger
    }

    #[test]
    fn a_leaf_sends_its_own_and_nothing_else() {
        let header = |hops| Header { guid: GUID, kind: Kind::PONG, ttl: 1, hops, len: 0 };
        let relayed = |role, hops| relayed(NodeId(1), role, &header(hops));
        assert_eq!((relayed(Role::Leaf, 0), relayed(Role::Ultrapeer, 1)), (Ok(()), Ok(())));
        assert!(matches!(relayed(Role::Leaf, 1), Err(Violation::LeafRelayed { .. })));
    }

    #[test]
    fn a_query_goes_over_a_link_again_only_with_a_higher_ttl() {
        let mut ledger = asked();
        let mut relay =
            |ttl, hops, forward| pass(&mut ledger, Kind::QUERY, (1, 2, 2), (ttl, hops), forward);
        assert_eq!(relay(1, 2, Forward::HigherTtl), Ok(()));
        assert_eq!(relay(2, 1, Forward::HigherTtl), Ok(()));
        let again = relay(2, 1, Forward::HigherTtl);
        assert!(matches!(again, Err(Violation::QueryAgain { ttl: 2, before: 2, .. })), "{again:?}");
        assert!(matches!(relay(3, 0, Forward::FirstCopy), Err(Violation::QueryAgain { .. })));
        let record = ledger.by_guid(GUID).expect("recorded");
        assert_eq!((record.messages, record.duplicates(), record.bytes), (3, 1, 84));
        assert_eq!(record.reached_by_hop(), [1, 1]);
    }

    #[test]
    fn ttl_and_hops_never_grow_and_hops_never_vanish() {
        for (ttl, hops) in [(3, 1), (0, 3), (3, 0), (2, 2), (1, 4)] {
            let mut ledger = asked();
            let wrong = pass(&mut ledger, Kind::QUERY, (1, 2, 2), (ttl, hops), Forward::HigherTtl);
            assert!(matches!(wrong, Err(Violation::LifetimeGrew { .. })), "{ttl}, {hops}");
        }
        let mut ledger = asked();
        let to_leaf = pass(&mut ledger, Kind::QUERY, (1, 2, 2), (1, 3), Forward::HigherTtl);
        assert_eq!(to_leaf, Ok(()));
        let mut ledger = asked();
        let nowhere = pass(&mut ledger, Kind::QUERY, (5, 6, 8), (1, 2), Forward::HigherTtl);
        assert!(matches!(nowhere, Err(Violation::QueryFromNowhere { .. })));
    }

    #[test]
    fn hits_go_only_where_the_query_came_from() {
        let mut ledger = asked();
        assert_eq!(
            pass(&mut ledger, Kind::QUERY_HIT, (1, 0, 1), (4, 0), Forward::HigherTtl),
            Ok(())
        );
        let record = ledger.by_guid(GUID).expect("recorded");
        assert_eq!((record.answers(), record.hits_home), (vec![NodeId(1)], 1));
        let off = pass(&mut ledger, Kind::QUERY_HIT, (1, 2, 2), (4, 0), Forward::HigherTtl);
        assert!(matches!(off, Err(Violation::HitOffPath { .. })));
        ledger.forget_end(0);
        let closed = pass(&mut ledger, Kind::QUERY_HIT, (1, 0, 1), (4, 0), Forward::HigherTtl);
        assert!(matches!(closed, Err(Violation::HitOffPath { .. })));
    }

    #[test]
    fn a_search_finds_its_record_and_old_records_go() {
        let mut ledger = Ledger::new(1);
        ledger.search_ordered(NodeId(0), SearchId(9), Time::ZERO);
        let query = |ledger: &mut Ledger, guid| {
            let header = Header { guid, kind: Kind::QUERY, ttl: 3, hops: 0, len: 5 };
            let (from, to) = (NodeId(0), NodeId(1));
            let at = Time::from_micros(5);
            let passing =
                Passing { header: &header, at, from, to, end: 0, peer_end: 1, walks: false };
            ledger.passes(&passing, Forward::HigherTtl)
        };
        assert_eq!(query(&mut ledger, GUID), Ok(()));
        let found_at = [NodeId(1), NodeId(4)].into_iter();
        ledger.found((NodeId(0), SearchId(9)), 2, found_at, Time::from_micros(30));
        let (guid, record) = ledger.by_search(NodeId(0), SearchId(9)).expect("recorded");
        assert_eq!((guid, record.results), (GUID, 2));
        assert_eq!(record.first_found_after(), Some(std::time::Duration::from_micros(25)));
        assert_eq!(query(&mut ledger, Guid([8; 16])), Ok(()));
        assert!(
            ledger.by_guid(GUID).is_none() && ledger.by_search(NodeId(0), SearchId(9)).is_none()
        );
        // Its origin sends it to a new neighbour, too: that begins nothing.
        assert_eq!(query(&mut ledger, GUID), Ok(()));
        assert!(ledger.by_guid(GUID).is_none());
    }

    use crate::node::io::SearchId;
}
