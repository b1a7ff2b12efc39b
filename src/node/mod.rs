//! The servent's mind: inputs go in, actions come out, and nothing else happens.
//!
//! The whole boundary is in [`io`]. `on_input`, `on_connection`, `on_message`, `on_timer` and
//! `on_command` are the switchboard: all branching there, all work in the folders below, which do
//! not import each other. `turn` is what happens when a turn is over.

mod address;
mod aged;
pub mod config;
mod conn;
mod datagram;
mod fair;
mod filter;
mod hosts;
mod hsep;
pub mod io;
mod link;
mod on_bootstrap;
mod on_command;
mod on_connection;
mod on_datagram;
mod on_dynamic;
mod on_input;
mod on_message;
mod on_near;
mod on_oob;
mod on_passage;
mod on_reach;
mod on_routing;
mod on_strategy;
mod on_tier;
mod on_timer;
mod on_transfer;
mod on_vendor;
mod on_walk;
pub mod passages;
mod pauses;
mod phase;
mod place;
mod rare;
mod rate;
mod reach;
mod recent;
pub mod rng;
mod route;
mod search;
mod size;
#[cfg(test)]
mod tests;
pub mod tier;
pub mod time;
pub mod transfer;
mod turn;
pub mod view;
pub mod why;

pub use config::{Config, Role};
pub use io::{Action, Actions, Chunk, Command, ConnId, Event, Input};
pub use rng::Rng;
pub use tier::{Relation, Tier};
pub use time::{Time, WallTime};
pub use view::View;
pub use why::Why;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use crate::library::route_table::Pool;
use crate::library::{FileIndex, Library};
use crate::wire::Guid;
use crate::wire::frame::SizeLimits;
use address::{OwnAddress, Surroundings};
use conn::letters::Letters;
use conn::{Conn, Table};
use datagram::Datagrams;
use fair::Fair;
use filter::Blocked;
use hosts::cache::Hosts;
use hosts::pace::Pace;
use hosts::pongs::Pongs;
use io::{HostRecord, LookupId, Out};
use link::stream::{Deflater, Window};
use on_bootstrap::Bootstrap;
use on_routing::{Desk, Routing};
use passages::Passages;
use phase::Phase;
use rare::Rare;
use reach::Reach;
use route::flood::OpenRun;
use route::push::Pushes;
use route::seen::Seen;
use search::Searches;
use search::dynamic::Dynamic;
use search::near::Near;
use search::walk::Walks;
use tier::{Census, Line, Reason};
use transfer::Transfers;
use view::Tally;

/// Links that are looked at ahead: all of a node in a flat world.
const LINKS_AHEAD: usize = 8;

/// What the nodes of a world have together: room to work in, which is empty between one input and
/// the next or one turn and the next, and routing tables that are alike.
#[derive(Debug, Default)]
pub(crate) struct Room {
    run: Option<Box<OpenRun>>,
    actions: Vec<Action>,
    desk: Option<Box<Desk>>,
    tables: Pool,
}

/// A servent without hands: see [`io`] for how it is driven. What every query asks of it stands
/// first, side by side: in a world of many nodes reading it takes longer than all the rest.
#[derive(Debug)]
#[repr(C)]
pub struct Node {
    config: Arc<Config>,
    /// When something is due of its own accord, as it was reckoned at the end of the last turn.
    due: Time,
    /// The queries of this turn; none before the first.
    run: Option<Box<OpenRun>>,
    /// What became of queries and hits; none if note is not taken of them.
    passages: Option<Box<Passages>>,
    /// What we are at present.
    tier: Tier,
    stopping: bool,
    stopped: bool,
    /// Whether our ultrapeers were told that we are busy.
    said_busy: bool,
    /// Whether anything but queries passing by has happened since the last turn ended.
    stirred: bool,
    /// Why, and since when.
    tier_why: Reason,
    /// How many links deflate.
    deflating: u32,
    conns: Table<Phase>,
    seen: Seen,
    letters: Letters,
    size_limits: SizeLimits,
    fair: Fair,
    out: Out,
    /// The links that get every query that is passed on, in the order of their names: all but
    /// our leaves.
    flooded: Vec<ConnId>,
    tally: Tally,
    /// Query routing; none while no link has to do with it.
    routing: Option<Box<Routing>>,
    /// Room to work with tables; none before the first, nor while it is others' turn.
    desk: Option<Box<Desk>>,
    /// Random walks, in laboratories; none as long as none came by.
    walks: Option<Box<Walks>>,
    /// What neighbours share, with one-hop replication; none as long as none told us.
    near: Option<Box<Near>>,
    line: Line,
    library: Library,
    /// The files that match the query at hand.
    found: Vec<FileIndex>,
    /// Our servent GUID.
    guid: Guid,
    started_at: WallTime,
    tier_since: Time,
    /// When to think of it again.
    review_at: Time,
    /// GUIDs are drawn from it, and the streams of all parts are derived from it.
    rng: Rng,
    /// How many of them are neighbours, and which.
    census: Census,
    /// Accepted connections that are neither neighbour nor transfer yet: the lowest is the oldest.
    opening: Rare<BTreeSet<ConnId>>,
    address: OwnAddress,
    surroundings: Surroundings,
    lookups: Rare<BTreeMap<LookupId, (String, u16)>>,
    blocked: Blocked,
    hosts: Hosts,
    /// Where hosts are asked for; nothing if nowhere.
    bootstrap: Option<Box<Bootstrap>>,
    /// When to look next whether neighbours are missing.
    fill_at: Time,
    /// How fast hosts are dialled.
    pace: Pace,
    /// When the neighbours may be asked for hosts again.
    ask_for_hosts_at: Time,
    pongs: Pongs,
    /// When neighbours are to be told what lies behind us.
    horizon_at: Time,
    /// When that was done last.
    horizon_told_at: Time,
    /// When all neighbours were looked at last.
    horizon_round_at: Time,
    pushes: Pushes,
    searches: Searches,
    dynamic: Dynamic,
    /// Files in and out; none before the first.
    transfers: Option<Box<Transfers>>,
    datagrams: Datagrams,
    deflater: Deflater,
    /// Where the streams of links that have said little are inflated.
    window: Window,
    /// Room for what one step inflates; none until a compressed link needs it.
    inflated: Rare<Vec<u8>>,
    /// Whether others can reach us; none while there is nothing to know.
    reach: Option<Box<Reach>>,
}

impl Node {
    /// A node with an empty library and without neighbours. `guid` is its servent GUID.
    pub fn new(config: Arc<Config>, guid: Guid, rng: Rng, started_at: WallTime) -> Node {
        let size_limits = SizeLimits {
            query_bytes_max: config.query_bytes_max,
            hit_bytes_max: config.hit_bytes_max,
            other_bytes_max: config.other_bytes_max,
            length_flags: false,
        };
        Node {
            guid,
            started_at,
            tier: if config.role == Role::Leaf { Tier::Leaf } else { Tier::Ultrapeer },
            tier_why: if config.role == Role::Auto { Reason::Local } else { Reason::Configured },
            tier_since: Time::ZERO,
            review_at: Time::NEVER,
            line: Line::default(),
            stopping: false,
            stopped: false,
            said_busy: false,
            out: Out::default(),
            library: Library::default(),
            conns: Table::default(),
            census: Census::default(),
            opening: Rare::default(),
            address: OwnAddress::default(),
            surroundings: Surroundings::default(),
            lookups: Rare::default(),
            blocked: Blocked::default(),
            hosts: Hosts::new(config.hosts_max, &mut rng.derive("hosts")),
            bootstrap: None,
            fill_at: Time::NEVER,
            pace: Pace::default(),
            ask_for_hosts_at: Time::ZERO,
            pongs: Pongs::default(),
            horizon_at: Time::NEVER,
            horizon_told_at: Time::ZERO,
            horizon_round_at: Time::ZERO,
            size_limits,
            fair: Fair::default(),
            seen: Seen::new(config.seen_queries_max, &mut rng.derive("seen")),
            pushes: Pushes::default(),
            searches: Searches::default(),
            dynamic: Dynamic::default(),
            walks: None,
            near: None,
            transfers: None,
            datagrams: Datagrams::default(),
            flooded: Vec::new(),
            deflating: 0,
            routing: None,
            desk: None,
            run: None,
            letters: Letters::default(),
            deflater: Deflater::default(),
            window: Window::default(),
            inflated: Rare::default(),
            found: Vec::new(),
            tally: Tally::default(),
            passages: Passages::new(config.passages_max),
            reach: None,
            rng,
            stirred: true,
            due: Time::NEVER,
            config,
        }
    }

    /// Takes an input in; what it leads to is to be performed before the next input.
    pub fn handle(&mut self, now: Time, input: Input<'_>) -> Actions<'_> {
        self.on_input(now, input);
        Actions::new(&mut self.out.actions)
    }

    /// For worlds of many nodes: routing tables of neighbours that equal one that is in the room are
    /// that one from now on. Nothing else changes. To be called when a turn is over.
    pub(crate) fn share_tables(&mut self, room: &mut Room) {
        if let Some(routing) = &mut self.routing {
            routing.share(&mut room.tables);
        }
    }

    /// Works in this room from now on. A world lends one to whichever node is at work, so that those
    /// at rest hold none and the room is always near; a node alone has its own.
    pub(crate) fn enter(&mut self, room: &mut Room) {
        if self.run.is_none() {
            self.run = room.run.take();
        }
        std::mem::swap(&mut self.out.actions, &mut room.actions);
        let mut desk = room.desk.take().unwrap_or_default();
        desk.is_shared = true;
        self.desk = Some(desk);
    }

    /// For a node that has taken an input without a room: holds no room for actions of its own from
    /// now on, all of them performed.
    pub(crate) fn tidy(&mut self) {
        self.out.actions = Vec::new();
    }

    /// Gives the room back, all actions performed. What waits for the end of the turn stays here.
    pub(crate) fn leave(&mut self, room: &mut Room) {
        let run = self.run.take_if(|run| run.is_empty());
        room.run = room.run.take().or(run);
        std::mem::swap(&mut self.out.actions, &mut room.actions);
        room.desk = self.desk.take();
    }

    /// When `Input::Wake` is due at the latest; in the past if something waits for the end of the
    /// turn.
    pub fn deadline(&self) -> Option<Time> {
        let open = self.run.as_ref().is_some_and(|run| !run.is_empty());
        let is_asked = self.walks.as_ref().is_some_and(|walks| walks.is_asked());
        let waiting = open || !self.letters.is_empty() || is_asked;
        let due = match (waiting, self.stirred) {
            (true, _) => Time::ZERO,
            (false, true) => self.reckon_due(),
            (false, false) => self.due,
        };
        (due < Time::NEVER).then_some(due)
    }

    /// Whether the end of a turn would do anything now. `Input::TurnOver` may be left out if not:
    /// most of what comes to a node in a flood it has seen already.
    pub fn awaits_turn_over(&self, now: Time) -> bool {
        let open = self.run.as_ref().is_some_and(|run| !run.is_empty());
        self.stirred || open || !self.letters.is_empty() || now >= self.due
    }

    /// When something is due of its own accord. There are many places to look at: queries, of
    /// which millions pass by, change none of them.
    fn reckon_due(&self) -> Time {
        let searches = self.searches.deadline(&self.config).min(self.dynamic.deadline());
        let transfers = self.transfers.as_ref().and_then(|all| all.deadline());
        let transfers = transfers.unwrap_or(Time::NEVER);
        io::earliest([
            self.conns.next_timer(),
            self.fill_at,
            self.horizon_at,
            self.review_at,
            self.bootstrap_deadline(),
            self.routing_due(),
            self.reach_deadline(),
            searches,
            transfers,
            self.datagrams.deadline(),
        ])
        .unwrap_or(Time::NEVER)
    }

    /// Reads what a query with this GUID needs here, and changes nothing. A world of many nodes does
    /// this for several of them before the queries come, so that memory answers for all at once.
    /// What it returns is good for nothing but [`Node::look_ahead_at`].
    pub(crate) fn look_ahead(&self, guid: &Guid) -> (u64, u32) {
        let counted = self.tally.look_ahead() ^ self.out.counts.get(Why::TtlSpent);
        let gathered = self.letters.len() ^ self.out.actions.len();
        let limits = self.fair.cost(1) ^ self.size_limits.query_bytes_max;
        let flags = u64::from(self.tier == Tier::Leaf) ^ u64::from(self.routing.is_some());
        let due = self.due.as_micros() ^ self.conns.next_timer().as_micros();
        let seen = self.seen.look_ahead(guid);
        (counted ^ gathered as u64 ^ u64::from(limits) ^ flags ^ due, seen)
    }

    /// The same for what it needs of the link that it comes from, and of those it goes on to.
    /// `seen` is what [`Node::look_ahead`] said.
    pub(crate) fn look_ahead_at(&self, from: ConnId, goes_on: bool, seen: u32) -> u64 {
        let row = self.conns.get(from).map_or(0, Conn::look_ahead) ^ self.seen.look_ahead_at(seen);
        let others = self.flooded.iter().take(if goes_on { LINKS_AHEAD } else { 0 });
        let others = others.filter_map(|&conn| self.conns.get(conn)).map(Conn::look_ahead);
        others.fold(row, |all, read| all ^ read)
    }

    /// The hosts to give back by `Command::Remember` after a restart, most recent first.
    pub fn remembered(&self) -> Vec<HostRecord> {
        self.hosts.records()
    }

    /// Whether an address that a stranger named may be learnt and dialled.
    fn is_usable(&self, address: SocketAddr) -> bool {
        filter::is_usable(address, self.allows_local())
            && !self.blocked.contains(address.ip())
            && address != self.address.public(&self.config)
    }

    /// Whether addresses that mean nothing on the public network may be used: we are told so, or
    /// are in a local network. Nobody out there can then send us into our own network.
    fn allows_local(&self) -> bool {
        self.config.local_addresses || self.surroundings.is_local()
    }

    /// A connection is not being opened any more: it is something, or gone.
    fn opened(&mut self, conn: ConnId) {
        if self.opening.contains(&conn) {
            self.opening.change(|opening| opening.remove(&conn));
        }
    }

    /// How many connections of all kinds there are.
    fn connections(&self) -> usize {
        let ordered = self.transfers.as_ref().map_or(0, |all| all.ordered_connections());
        self.conns.len() + ordered
    }

    /// How many neighbours there are.
    fn neighbours(&self) -> usize {
        self.census.all()
    }
}
