//! The world: nodes on the simulated network, what it is made of and how it is commanded.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::NodeId;
use super::check::Failure;
use super::dice::Dice;
use super::event::{EndRef, Event as Happening};
use super::faults::Stalled;
use super::load::Past;
use super::measure::Ledger;
use super::net::{Net, NetConfig};
use super::perform::Fabric;
use super::regions::Regions;
use super::tape::Tape;
use super::trace::Trace;
use crate::node::io::{SearchId, SearchQuery};
use crate::node::{Command, Config, Node, Room, Time, WallTime};
use crate::wire::Guid;

mod ahead;
mod build;
pub(super) use build::begins_after;
mod happen;
mod look;
mod run;

/// When every world begins: in November 2023.
pub(super) const BEGINNING: WallTime = WallTime(1_700_000_000_000_000);

/// What a world is like.
#[derive(Clone, Debug)]
pub struct WorldConfig {
    /// The network.
    pub net: NetConfig,
    /// Where the nodes live, and how far it is from region to region, in addition to
    /// [`NetConfig::latency`]; nowhere if `None`.
    pub regions: Option<Arc<Regions>>,
    /// Queries that are followed at once; older ones are forgotten.
    pub queries_max: usize,
    /// Events kept for failure reports.
    pub history_max: usize,
    /// Whether what the nodes say is kept until [`World::events`] takes it.
    pub keep_events: bool,
    /// Nodes of which a tape is kept ([`World::tape`]).
    pub taped: Vec<NodeId>,
    /// How long a disk takes to answer.
    pub disk_delay: Duration,
}

impl Default for WorldConfig {
    fn default() -> Self {
        WorldConfig {
            net: NetConfig::default(),
            regions: None,
            queries_max: 256,
            history_max: 4_096,
            keep_events: true,
            taped: Vec::new(),
            disk_delay: Duration::from_millis(2),
        }
    }
}

/// A node and what the world knows of it: a line of memory.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Slot {
    pub(super) config: Arc<Config>,
    guid: Guid,
    /// `None` while it is dead.
    pub(super) node: Option<Box<Node>>,
    /// When its process began.
    born: Time,
    /// How many processes there have been before.
    pub(super) life: u32,
    /// When the world wakes it; `Time::NEVER` if not.
    pub(super) wake_at: Time,
    spins: u32,
    /// Whether it was given something in this instant.
    in_turn: bool,
}

/// A world of nodes under one seed.
#[derive(Debug)]
pub struct World {
    seed: u64,
    pub(super) dice: Dice,
    pub(super) slots: Vec<Slot>,
    pub(super) fabric: Fabric,
    /// The nodes whose turn is not over.
    in_turn: Vec<NodeId>,
    /// The nodes that hear nothing now, and what waits for them.
    pub(super) stalled: BTreeMap<NodeId, Stalled>,
    /// How far the wall clocks of nodes are off that start from now on.
    pub(super) skews_s: BTreeMap<NodeId, i64>,
    /// What is kept of the nodes of which something is kept.
    pub(super) tapes: BTreeMap<NodeId, Option<Tape>>,
    /// Where nodes work, one after the other, and what they have together.
    room: Room,
    /// Reused from instant to instant.
    near: Vec<ahead::Near>,
    credits: Vec<(EndRef, u32)>,
    turns: u64,
    searches: u64,
    /// What processes that are gone had counted.
    pub(super) past: Past,
}

/// How a run can end: well, or with a broken rule.
pub type Outcome<T> = Result<T, Box<Failure>>;

impl World {
    /// An empty world.
    pub fn new(seed: u64, config: WorldConfig) -> World {
        let dice = Dice::new(seed);
        let mut net = Net::new(config.net, dice.derive("net"));
        net.regions = config.regions;
        World {
            seed,
            fabric: Fabric {
                net,
                ledger: Ledger::new(config.queries_max),
                trace: Trace::new(seed, config.history_max),
                disks: Vec::new(),
                said: Default::default(),
                keeps_events: config.keep_events,
                names: Default::default(),
                disk_delay: config.disk_delay,
                liars: BTreeMap::new(),
                violation: None,
            },
            dice: dice.derive("world"),
            slots: Vec::new(),
            in_turn: Vec::new(),
            stalled: BTreeMap::new(),
            skews_s: BTreeMap::new(),
            room: Room::default(),
            near: Vec::new(),
            tapes: config.taped.into_iter().map(|node| (node, None)).collect(),
            credits: Vec::new(),
            turns: 0,
            searches: 0,
            past: Past::default(),
        }
    }

    /// The network behaves like this from now on; what is under way arrives as it would have.
    pub fn set_net(&mut self, net: NetConfig) {
        self.fabric.net.set_config(net);
    }

    /// Gives a node a command, now.
    pub fn command(&mut self, node: NodeId, command: Command) {
        self.fabric.net.after(Duration::ZERO, Happening::Command(node, Box::new(command)));
    }

    /// Has `a` connect to `b`.
    pub fn connect(&mut self, a: NodeId, b: NodeId) {
        self.connect_after(Duration::ZERO, a, b);
    }

    fn connect_after(&mut self, delay: Duration, a: NodeId, b: NodeId) {
        let to = self.address(b);
        let command = Command::Connect { host: to.ip().to_string(), port: to.port() };
        self.fabric.net.after(delay, Happening::Command(a, Box::new(command)));
    }

    /// Has a node search for words, with this TTL.
    pub fn search(&mut self, node: NodeId, text: &str, ttl: u8) -> SearchId {
        self.ask(node, SearchQuery { text: text.to_owned(), ttl: Some(ttl), ..Default::default() })
    }

    /// Has a node search.
    pub fn ask(&mut self, node: NodeId, query: SearchQuery) -> SearchId {
        self.searches += 1;
        let search = SearchId(self.searches);
        self.command(node, Command::Search { search, query });
        search
    }
}
