//! An owned picture of the node, for people, programs and sampled checks.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::datagram::Desk;
use super::io::{SearchId, SourceView};
pub use super::reach::{Because, DoorView, MappingView, Openness, ReachView};
use super::search::Asker;
use super::tier::Reason;
use super::transfer::TransfersView;
use super::why::Counts;
use super::{Node, Phase, Relation, Tier, Time, Why};
use crate::wire::hsep::Shared;
use crate::wire::{Guid, Kind};

/// How the node stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// Our servent GUID.
    pub servent: Guid,
    /// Where others can reach us, as far as we know.
    pub address: SocketAddr,
    /// What we are at present.
    pub tier: Tier,
    /// Why.
    pub tier_why: Reason,
    /// How many of the slots for neighbours are taken.
    pub slots: Slots,
    /// Whether we are shutting down.
    pub stopping: bool,
    /// The neighbours, oldest name first.
    pub neighbours: Vec<Neighbour>,
    /// Connections to future neighbours under way.
    pub connecting: u32,
    /// Connections of all kinds.
    pub connections: u32,
    /// Hosts we could connect to.
    pub hosts_known: u32,
    /// Who lies within 1, 2, ... hops of us, as neighbours say (HSEP); empty if none speaks of it.
    #[serde(default)]
    pub horizon: Vec<HorizonView>,
    /// Where hosts are asked for, and how each such source stands.
    pub sources: Vec<SourceView>,
    /// Networks that we do not talk to, with their prefix lengths.
    pub blocked: Vec<(IpAddr, u8)>,
    /// Searches under way.
    pub searches: Vec<SearchView>,
    /// Uploads and downloads.
    pub transfers: TransfersView,
    /// Files we share.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// GUIDs in the query-ID cache.
    pub seen_queries: u32,
    /// GUIDs that fit into it.
    pub seen_queries_max: u32,
    /// Slots that are set in the query routing table that we told our neighbours, of 65,536;
    /// nothing if none was told.
    pub told_slots: Option<u32>,
    /// Servents to which we know a way for pushes.
    pub push_routes: u32,
    /// Whether others can reach us.
    pub reach: ReachView,
    /// Descriptors by kind.
    pub messages: Vec<KindCount>,
    /// What was dropped, refused or closed, by reason.
    pub dropped: Vec<Dropped>,
    /// The most bytes that ever waited in the queue of one connection.
    #[serde(default)]
    pub queue_peak_bytes: u32,
    /// What came and went by UDP.
    pub datagrams: DatagramsView,
}

/// What lies within some hops of us: exact in a network without circles, more than there is in
/// one with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HorizonView {
    /// How far.
    pub hops: u8,
    /// Servents.
    pub nodes: u64,
    /// Their files.
    pub files: u64,
    /// Their files' bytes, in steps of 1,024.
    pub bytes: u64,
}

/// Neighbours by what they are to us, and how many there may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slots {
    /// Ultrapeers: peers of an ultrapeer, or those a leaf hangs on.
    pub ultrapeers: u32,
    /// How many of them we try to have.
    pub ultrapeers_wanted: u32,
    /// How many of them there may be.
    pub ultrapeers_max: u32,
    /// Our leaves.
    pub leaves: u32,
    /// How many of them there may be.
    pub leaves_max: u32,
}

/// A neighbour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbour {
    /// Its address on this connection.
    pub peer: SocketAddr,
    /// Where it listens, if it said so.
    pub listen: Option<SocketAddr>,
    /// What it calls itself. Text of a stranger: escape before showing.
    pub user_agent: String,
    /// What it is to us.
    pub relation: Relation,
    /// Whether it connected to us.
    pub incoming: bool,
    /// How many ultrapeers it says it connects to.
    pub degree: Option<u16>,
    /// Highest TTL with which it wants fresh queries.
    pub max_ttl: u8,
    /// Whether it speaks query routing between leaf and ultrapeer.
    pub query_routing: bool,
    /// Whether it speaks query routing between ultrapeers.
    pub last_hop_routing: bool,
    /// Whether it queries dynamically.
    pub dynamic_querying: bool,
    /// Whether it passes a query on that comes again with a higher TTL.
    pub ext_probes: bool,
    /// Whether it takes vendor messages.
    pub vendor_messages: bool,
    /// Since when it is a neighbour, microseconds since the node began.
    pub since_us: u64,
    /// Descriptors from it.
    pub messages_in: u64,
    /// Descriptors to it.
    pub messages_out: u64,
    /// Bytes from it, as they came.
    pub bytes_in: u64,
    /// Bytes to it, as they went.
    pub bytes_out: u64,
    /// Bytes that wait for it.
    pub queued_bytes: u64,
    /// Descriptors that its full queue did not take.
    pub dropped: u64,
    /// Whether what it sends is compressed.
    pub compressed_in: bool,
    /// Whether what it gets is compressed.
    pub compressed_out: bool,
    /// The part of its query routing table that is set, in percent, if it sent one.
    pub table_percent: Option<u8>,
}

/// A search under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchView {
    /// Which.
    pub search: SearchId,
    /// When it began, microseconds since the node did.
    pub began_us: u64,
    /// Results so far.
    pub results: u32,
    /// How far its query goes; 0 if a host is browsed.
    pub ttl: u8,
    /// Neighbours that were asked.
    pub asked: u32,
    /// How many servents were probably asked: as many as neighbours say lie behind them (HSEP), or
    /// as if every servent had as many neighbours as ours say or as we have, whichever is less. Who
    /// is reached twice counts twice.
    pub reach: u64,
}

/// Descriptors of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindCount {
    /// Which.
    pub kind: String,
    /// From neighbours.
    pub received: u64,
    /// To neighbours, each copy counted.
    pub sent: u64,
}

/// How often something was dropped, refused or closed for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// The reason.
    pub why: Why,
    /// The reason in plain words.
    pub text: String,
    /// How often.
    pub count: u64,
}

/// What came and went by UDP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatagramsView {
    /// Datagrams that came.
    pub received: u64,
    /// Their bytes.
    pub received_bytes: u64,
    /// Datagrams that went.
    pub sent: u64,
    /// Their bytes.
    pub sent_bytes: u64,
    /// What was dropped of those that came or were to go, by reason; counted in [`View::dropped`],
    /// too.
    pub dropped: Vec<Dropped>,
    /// Hosts that are accounted for.
    pub hosts: u32,
    /// Hosts that have proved their address.
    pub hosts_proven: u32,
    /// Queries whose hits we offer.
    pub offers: u32,
    /// Hosts of which we await hits, each with its query.
    pub requests: u32,
}

/// Descriptors by kind.
#[derive(Debug, Default)]
pub struct Tally {
    received: [u64; KINDS.len()],
    sent: [u64; KINDS.len()],
}

const KINDS: [&str; 7] = ["query", "query_hit", "ping", "pong", "push", "bye", "other"];

#[inline]
fn class(kind: Kind) -> usize {
    match kind {
        Kind::QUERY => 0,
        Kind::QUERY_HIT => 1,
        Kind::PING => 2,
        Kind::PONG => 3,
        Kind::PUSH => 4,
        Kind::BYE => 5,
        _ => 6,
    }
}

impl Tally {
    /// See `Node::look_ahead`.
    pub(super) fn look_ahead(&self) -> u64 {
        self.received[0] ^ self.sent[0]
    }

    /// One came.
    #[inline]
    pub(super) fn received(&mut self, kind: Kind) {
        self.received[class(kind)] += 1;
    }

    /// So many go.
    #[inline]
    pub(super) fn sent(&mut self, kind: Kind, count: u64) {
        self.sent[class(kind)] += count;
    }

    fn counts(&self) -> Vec<KindCount> {
        KINDS
            .iter()
            .zip(self.received.iter().zip(&self.sent))
            .map(|(kind, (&received, &sent))| KindCount {
                kind: (*kind).to_owned(),
                received,
                sent,
            })
            .collect()
    }
}

impl View {
    /// How often something was dropped, refused or closed for this reason.
    pub fn count(&self, why: Why) -> u64 {
        self.dropped.iter().find(|dropped| dropped.why == why).map_or(0, |dropped| dropped.count)
    }

    /// Descriptors of this kind that came, and copies that were sent.
    pub fn messages(&self, kind: Kind) -> (u64, u64) {
        self.messages.get(class(kind)).map_or((0, 0), |count| (count.received, count.sent))
    }
}

impl Node {
    /// An owned picture of the node.
    pub fn view(&self) -> View {
        let dialling = self.conns.iter().filter(|(_, row)| row.phase.is_dialling()).count();
        View {
            servent: self.guid,
            address: self.address.public(&self.config),
            tier: self.tier,
            tier_why: self.tier_why,
            slots: self.slots(),
            stopping: self.stopping,
            neighbours: self.neighbour_views(),
            connecting: count(dialling),
            connections: count(self.connections()),
            hosts_known: count(self.hosts.len()),
            horizon: self.horizon_view(),
            sources: self.source_views(),
            blocked: self.blocked.networks().to_vec(),
            searches: self.search_views(),
            transfers: self.transfers.as_ref().map(|all| all.view()).unwrap_or_default(),
            files: self.library.files() as u64,
            bytes: self.library.bytes(),
            seen_queries: count(self.seen.len()),
            seen_queries_max: count(self.seen.max()),
            told_slots: self.told_slots(),
            push_routes: count(self.pushes.len()),
            reach: self.reach_view(),
            messages: self.tally.counts(),
            dropped: dropped(&self.out.counts),
            queue_peak_bytes: self.out.queue_peak_bytes,
            datagrams: self.datagrams.look().map(datagrams).unwrap_or_default(),
        }
    }

    /// What the node is at present.
    pub fn tier(&self) -> Tier {
        self.tier
    }

    /// What it dropped, refused or closed, by reason.
    pub fn drops(&self) -> impl Iterator<Item = (Why, u64)> {
        self.out.counts.nonzero()
    }

    /// Its descriptors by kind.
    pub fn traffic(&self) -> Vec<KindCount> {
        self.tally.counts()
    }

    /// Its neighbours: their addresses on the links, and what they are to it. Costs far less than
    /// a whole picture.
    pub fn linked(&self) -> impl Iterator<Item = (SocketAddr, Relation)> {
        self.conns.iter().filter_map(|(_, row)| Some((row.peer(), row.phase.link()?.relation)))
    }

    fn horizon_view(&self) -> Vec<HorizonView> {
        let mut links = self.conns.iter().filter_map(|(_, row)| row.phase.link());
        if !links.any(|link| link.outlook.is_some()) {
            return Vec::new();
        }
        let view = |(hops, shared): (u8, &Shared)| HorizonView {
            hops,
            nodes: shared.nodes,
            files: shared.files,
            bytes: shared.kbytes.saturating_mul(1_024),
        };
        (1..).zip(&self.around()).map(view).collect()
    }

    fn neighbour_views(&self) -> Vec<Neighbour> {
        let view = |(_, row): (super::ConnId, &super::conn::Conn<Phase>)| {
            let link = row.phase.link()?;
            let carried = row.outbox.carried();
            Some(Neighbour {
                peer: row.peer(),
                listen: row.listens(),
                user_agent: link.user_agent(&self.config).to_owned(),
                relation: link.relation,
                incoming: link.incoming,
                degree: link.degree,
                max_ttl: link.max_ttl,
                query_routing: link.query_routing,
                last_hop_routing: link.last_hop_routing,
                dynamic_querying: link.dynamic_querying,
                ext_probes: link.ext_probes,
                vendor_messages: link.vendor_messages,
                since_us: link.since.as_micros(),
                messages_in: link.messages_in,
                messages_out: carried.messages,
                bytes_in: link.bytes_in,
                bytes_out: carried.bytes,
                queued_bytes: row.outbox.waiting_bytes().into(),
                dropped: carried.dropped,
                compressed_in: link.inflater.is_some(),
                compressed_out: link.deflates,
                table_percent: link.number.and_then(|number| self.table_percent(number)),
            })
        };
        self.conns.iter().filter_map(view).collect()
    }

    fn search_views(&self) -> Vec<SearchView> {
        let view = |(asker, search): (Asker, &super::search::Search)| match asker {
            Asker::User(id) => Some(SearchView {
                search: id,
                began_us: search.began.since(Time::ZERO).as_micros() as u64,
                results: search.results,
                ttl: search.ttl,
                asked: search.asked,
                reach: search.reach,
            }),
            Asker::Download(_) => None,
        };
        self.searches.iter().filter_map(view).collect()
    }
}

fn dropped(counts: &Counts) -> Vec<Dropped> {
    let dropped = |(why, count): (Why, u64)| Dropped { why, text: why.text().to_owned(), count };
    counts.nonzero().map(dropped).collect()
}

fn datagrams(desk: &Desk) -> DatagramsView {
    let (hosts, hosts_proven) = desk.standings.len();
    DatagramsView {
        received: desk.traffic.received,
        received_bytes: desk.traffic.received_bytes,
        sent: desk.traffic.sent,
        sent_bytes: desk.traffic.sent_bytes,
        dropped: dropped(&desk.traffic.dropped),
        hosts: count(hosts),
        hosts_proven: count(hosts_proven),
        offers: count(desk.offers.len()),
        requests: count(desk.requests.len()),
    }
}

/// A length for people and programs.
pub(super) fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
