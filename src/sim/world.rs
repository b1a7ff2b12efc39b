//! The world: nodes on the simulated network, and the loop that drives them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::NodeId;
use super::check::{self, Failure, Violation};
use super::dice::Dice;
use super::disk::{Disk, SharedFile};
use super::event::{Datagram, EndRef, Event as Happening, Process};
use super::graph::Graph;
use super::measure::{Ledger, Load, Record};
use super::net::{Arrival, Net, NetConfig, Read, State};
use super::perform::{Actor, Fabric};
use super::trace::Trace;
use crate::library::{Change, Segment};
use crate::node::io::{CloseCause, SearchId, SearchQuery};
use crate::node::view::View;
use crate::node::{Command, Config, Event, Input, Node, Rng, Time, WallTime};
use crate::wire::Guid;

/// When every world begins: in November 2023.
pub(super) const BEGINNING: WallTime = WallTime(1_700_000_000_000_000);
/// How often a node may want to be woken at once before it is said never to sleep.
const SPINS_MAX: u32 = 1_000;
/// How many events of the nodes involved a failure report shows.
const HISTORY_SHOWN: usize = 40;
/// One turn in so many is followed by a look at the tables of its node: a picture is dear.
const TURNS_PER_LOOK: u64 = 512;
/// A world that is not at rest after so long will not come to rest.
const SETTLE_MAX: Duration = Duration::from_secs(600);

/// What a world is like.
#[derive(Clone, Debug)]
pub struct WorldConfig {
    /// The network.
    pub net: NetConfig,
    /// Queries that are followed at once; older ones are forgotten.
    pub queries_max: usize,
    /// Events kept for failure reports.
    pub history_max: usize,
    /// Whether what the nodes say is kept until [`World::events`] takes it.
    pub keep_events: bool,
    /// How long a disk takes to answer.
    pub disk_delay: Duration,
}

impl Default for WorldConfig {
    fn default() -> Self {
        WorldConfig {
            net: NetConfig::default(),
            queries_max: 256,
            history_max: 4_096,
            keep_events: true,
            disk_delay: Duration::from_millis(2),
        }
    }
}

/// A node and what the world knows of it.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) config: Arc<Config>,
    guid: Guid,
    /// `None` while it is dead.
    pub(super) node: Option<Box<Node>>,
    /// When its process began.
    born: Time,
    /// How many processes there have been before.
    life: u32,
    /// When the world wakes it; `Time::NEVER` if not.
    wake_at: Time,
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
    /// Reused from turn to turn.
    credits: Vec<(EndRef, u32)>,
    turns: u64,
    searches: u64,
}

/// How a run can end: well, or with a broken rule.
pub type Outcome<T> = Result<T, Box<Failure>>;

impl World {
    /// An empty world.
    pub fn new(seed: u64, config: WorldConfig) -> World {
        let dice = Dice::new(seed);
        World {
            seed,
            fabric: Fabric {
                net: Net::new(config.net, dice.derive("net")),
                ledger: Ledger::new(config.queries_max),
                trace: Trace::new(seed, config.history_max),
                disks: Vec::new(),
                loads: Vec::new(),
                said: Default::default(),
                keeps_events: config.keep_events,
                names: Default::default(),
                reading: None,
                disk_delay: config.disk_delay,
                violation: None,
            },
            dice: dice.derive("world"),
            slots: Vec::new(),
            in_turn: Vec::new(),
            credits: Vec::new(),
            turns: 0,
            searches: 0,
        }
    }

    // Building.

    /// Adds a node that shares these files. It listens on the port of `Config::listen` at an
    /// address of its own ([`World::address`]).
    pub fn add_node(&mut self, config: &Arc<Config>, shared: Vec<SharedFile>) -> NodeId {
        let id = self.fabric.net.add_host(config.listen);
        let disk = (!shared.is_empty()).then(|| Box::new(Disk::new(shared)));
        self.fabric.disks.push(disk);
        self.fabric.loads.push(Load::default());
        let mut guid = Dice::derive(&self.dice, &format!("guid {id}")).seed();
        guid.rotate_left(1);
        let guid = Guid::marked(guid[..16].try_into().unwrap_or_default());
        self.slots.push(Slot {
            config: Arc::clone(config),
            guid,
            node: None,
            born: Time::ZERO,
            life: 0,
            wake_at: Time::NEVER,
            spins: 0,
            in_turn: false,
        });
        self.boot(id);
        id
    }

    /// Adds a node for every node of the graph; `shared` says what it shares. Their neighbours are
    /// those of the graph: [`World::mend`] connects them, [`World::settle`] lets it happen.
    pub fn add_nodes(
        &mut self,
        graph: &Graph,
        config: &Arc<Config>,
        mut shared: impl FnMut(NodeId) -> Vec<SharedFile>,
    ) {
        let first = self.slots.len() as u32;
        for number in 0..graph.nodes() {
            let files = shared(NodeId(first + number));
            self.add_node(config, files);
        }
        self.mend(graph);
    }

    /// Has the lower node of every edge connect to the other, where both live and no connection
    /// stands.
    pub fn mend(&mut self, graph: &Graph) {
        for &(a, b) in graph.edges() {
            let (a, b) = (NodeId(a), NodeId(b));
            if self.is_alive(a) && self.is_alive(b) && !self.is_linked(a, b) {
                self.connect(a, b);
            }
        }
    }

    /// Starts the process of a node.
    pub(super) fn boot(&mut self, id: NodeId) {
        self.fabric.net.boot(id);
        let now = self.now();
        let slot = &mut self.slots[id.0 as usize];
        let mut seeds = self.dice.derive(&format!("node {id} {}", slot.life));
        let rng = Rng::new(seeds.seed());
        slot.born = now;
        slot.wake_at = Time::NEVER;
        slot.node =
            Some(Box::new(Node::new(Arc::clone(&slot.config), slot.guid, rng, BEGINNING.at(now))));
        let shared =
            self.fabric.disks[id.0 as usize].as_ref().map_or(&[][..], |disk| disk.shared());
        if !shared.is_empty() {
            let entries = shared.iter().map(|shared| shared.entry.clone()).collect();
            let segment = Arc::new(Segment::new(entries));
            self.feed(id, Input::Library(Change::Add(segment)));
        }
    }

    /// Ends the process of a node.
    pub(super) fn end_process(&mut self, id: NodeId, vanished: bool) {
        let slot = &mut self.slots[id.0 as usize];
        if slot.node.take().is_none() {
            return;
        }
        slot.life += 1;
        slot.wake_at = Time::NEVER;
        for end in self.fabric.net.kill(id, vanished) {
            self.fabric.ledger.forget_end(end);
        }
        if let Some(disk) = self.fabric.disks[id.0 as usize].as_mut() {
            disk.close_all();
        }
    }

    /// Gives a host name an address.
    pub fn name(&mut self, host: &str, addresses: Vec<IpAddr>) {
        self.fabric.names.insert(host.to_owned(), addresses);
    }

    /// Whether connections and datagrams from outside reach the node: `false` is a firewall.
    pub fn set_reachable(&mut self, node: NodeId, reachable: bool) {
        self.fabric.net.hosts[node.0 as usize].reachable = reachable;
    }

    /// Puts a gateway before the node that keeps strangers out until it is asked to let them in.
    pub fn set_gateway(&mut self, node: NodeId) {
        let host = &mut self.fabric.net.hosts[node.0 as usize];
        (host.reachable, host.gateway) = (false, true);
    }

    // Commanding.

    /// Gives a node a command, now.
    pub fn command(&mut self, node: NodeId, command: Command) {
        self.fabric.net.after(Duration::ZERO, Happening::Command(node, Box::new(command)));
    }

    /// Has `a` connect to `b`.
    pub fn connect(&mut self, a: NodeId, b: NodeId) {
        let to = self.address(b);
        self.command(a, Command::Connect { host: to.ip().to_string(), port: to.port() });
    }

    /// Has a node search for words, with this TTL.
    pub fn search(&mut self, node: NodeId, text: &str, ttl: u8) -> SearchId {
        let query = SearchQuery { text: text.to_owned(), ttl: Some(ttl), ..Default::default() };
        self.searches += 1;
        let search = SearchId(self.searches);
        self.command(node, Command::Search { search, query });
        search
    }

    // Running.

    /// Lets so much time pass.
    pub fn run_for(&mut self, time: Duration) -> Outcome<()> {
        let limit = self.now() + time;
        while self.step(limit)? {}
        self.fabric.net.now = limit;
        Ok(())
    }

    /// Runs until it is so, at most for this long. Says whether it came to be so.
    pub fn run_until(
        &mut self,
        at_most: Duration,
        mut is_so: impl FnMut(&World) -> bool,
    ) -> Outcome<bool> {
        let limit = self.now() + at_most;
        loop {
            if is_so(self) {
                return Ok(true);
            }
            if !self.step(limit)? {
                self.fabric.net.now = limit;
                return Ok(false);
            }
        }
    }

    /// Runs until nothing is under way and only deadlines are awaited.
    pub fn settle(&mut self) -> Outcome<()> {
        self.run_until(SETTLE_MAX, |world| {
            world.fabric.net.queue.len() <= world.fabric.net.background
        })?;
        self.fabric.net.queue.shrink();
        Ok(())
    }

    /// Lets everything happen that happens in the next instant, if that is not after `limit`.
    fn step(&mut self, limit: Time) -> Outcome<bool> {
        self.verdict()?;
        let Some(now) = self.fabric.net.queue.advance(limit) else { return Ok(false) };
        self.fabric.net.now = now.max(self.fabric.net.now);
        loop {
            while let Some(event) = self.fabric.net.queue.pop_same_instant() {
                self.happen(event);
                self.verdict()?;
            }
            if self.in_turn.is_empty() {
                return Ok(true);
            }
            self.end_turns();
            self.verdict()?;
        }
    }

    /// Whether all is well so far.
    fn verdict(&self) -> Outcome<()> {
        let Some(violation) = &self.fabric.violation else { return Ok(()) };
        Err(Box::new(Failure {
            seed: self.seed,
            step: self.fabric.trace.steps(),
            at: self.now(),
            history: self.fabric.trace.last_of(&violation.nodes(), HISTORY_SHOWN),
            violation: violation.clone(),
        }))
    }

    /// The turns of this instant are over: floods leave, credit comes back.
    fn end_turns(&mut self) {
        let mut turns = std::mem::take(&mut self.in_turn);
        for &id in &turns {
            self.slots[id.0 as usize].in_turn = false;
            self.hand(id, Input::TurnOver);
        }
        let mut credits = std::mem::take(&mut self.credits);
        loop {
            self.fabric.net.take_credits(&mut credits);
            if credits.is_empty() {
                break;
            }
            for (end, len) in credits.drain(..) {
                self.sent(end, len);
            }
        }
        self.credits = credits;
        for id in turns.drain(..) {
            self.set_alarm(id);
            self.turns += 1;
            if self.turns.is_multiple_of(TURNS_PER_LOOK) {
                self.look_at_tables(id);
            }
        }
        if self.in_turn.is_empty() {
            self.in_turn = turns;
        }
    }

    fn look_at_tables(&mut self, id: NodeId) {
        let slot = &self.slots[id.0 as usize];
        let Some(view) = slot.node.as_ref().map(|node| node.view()) else { return };
        if let Err(wrong) = check::tables(id, &view, &slot.config) {
            self.fabric.violated(wrong);
        }
    }

    fn set_alarm(&mut self, id: NodeId) {
        let slot = &mut self.slots[id.0 as usize];
        let Some(deadline) = slot.node.as_ref().and_then(|node| node.deadline()) else { return };
        let at = Time::from_micros(slot.born.as_micros().saturating_add(deadline.as_micros()));
        // One microsecond at least, so that time goes on whatever the node wants.
        let at = at.max(self.fabric.net.now + Duration::from_micros(1));
        if at < slot.wake_at {
            slot.wake_at = at;
            self.fabric.net.background += 1;
            self.fabric.net.queue.push(at, Happening::Wake(id));
        }
    }

    fn wake(&mut self, id: NodeId) {
        let now = self.fabric.net.now;
        let slot = &mut self.slots[id.0 as usize];
        if slot.wake_at != now {
            return; // An earlier alarm took its place.
        }
        slot.wake_at = Time::NEVER;
        let Some(deadline) = slot.node.as_ref().and_then(|node| node.deadline()) else { return };
        if deadline.as_micros() > now.as_micros() - slot.born.as_micros() {
            slot.spins = 0;
            return self.set_alarm(id);
        }
        slot.spins = if deadline.as_micros() + 1 < now.as_micros() - slot.born.as_micros() {
            slot.spins + 1
        } else {
            0
        };
        let times = slot.spins;
        if times > SPINS_MAX {
            self.fabric.violated(Violation::NeverSleeps { node: id, times });
        }
        self.feed(id, Input::Wake);
    }

    /// Gives a node an input, and remembers that its turn is to be ended.
    fn feed(&mut self, id: NodeId, input: Input<'_>) {
        let slot = &mut self.slots[id.0 as usize];
        if !std::mem::replace(&mut slot.in_turn, true) {
            self.in_turn.push(id);
        }
        self.hand(id, input);
    }

    /// Gives a node an input and performs what it wants. Says whether it wanted anything.
    fn hand(&mut self, id: NodeId, input: Input<'_>) -> bool {
        let slot = &mut self.slots[id.0 as usize];
        let Some(node) = slot.node.as_mut() else { return false };
        let fabric = &mut self.fabric;
        fabric.trace.input(fabric.net.now, id, &input);
        let age = Time::from_micros(fabric.net.now.as_micros() - slot.born.as_micros());
        let process = Process { node: id, life: slot.life };
        let actor = Actor { process, config: &slot.config };
        let mut acted = false;
        for action in node.handle(age, input) {
            acted = true;
            fabric.perform(actor, action);
        }
        acted
    }

    // What happens.

    fn happen(&mut self, event: Happening) {
        match event {
            Happening::Wake(id) => {
                self.fabric.net.background -= 1;
                self.wake(id);
            }
            Happening::Command(id, command) => {
                if let Command::Search { search, .. } = *command {
                    self.fabric.ledger.search_ordered(id, search);
                }
                self.feed(id, Input::Command(*command));
            }
            Happening::Syn(from, to) => self.syn(from, *to),
            Happening::Connected(end) => self.connected(end),
            Happening::Arrive(end, chunk) => self.arrive(end, chunk),
            Happening::Read(end) => {
                if self.fabric.net.end(end).is_some() {
                    self.fabric.net.read_now(end.slot);
                    self.read(end);
                }
            }
            Happening::Pump(end) => self.pump(end),
            Happening::Fin(end, cause) => {
                if self.fabric.net.end(end).is_some() && self.fabric.net.fin(end.slot, cause) {
                    self.closed(end, cause);
                }
            }
            Happening::Closed(end, cause) => self.closed(end, cause),
            Happening::LingerEnds(end) => {
                self.fabric.net.background -= 1;
                if self.fabric.net.end(end).is_some() {
                    self.fabric.net.break_off(end.slot, true);
                }
            }
            Happening::Datagram(datagram) => {
                let Datagram { from, to, data } = *datagram;
                self.feed(to, Input::Datagram { from, data: data.bytes() });
            }
            Happening::Resolved(process, lookup, host) => {
                let addresses = match host.parse() {
                    Ok(address) => vec![address],
                    Err(_) => self.fabric.names.get(&*host).cloned().unwrap_or_default(),
                };
                if self.runs(process) {
                    self.feed(process.node, Input::Resolved { lookup, addresses });
                }
            }
            Happening::Mapped(process, answer) => {
                if self.runs(process) {
                    self.feed(process.node, Input::PortMapped(answer));
                }
            }
            Happening::Disk(process, report) => {
                if self.runs(process) {
                    self.feed(process.node, Input::Disk(*report));
                }
            }
            Happening::Fault(fault) => self.befall(*fault),
        }
    }

    fn runs(&self, process: Process) -> bool {
        self.slots[process.node.0 as usize].life == process.life
    }

    fn syn(&mut self, from: EndRef, to: SocketAddr) {
        let Some(caller) = self.fabric.net.end(from).map(|end| end.node) else { return };
        let timeout_s = self.slots[caller.0 as usize].config.connect_timeout_s;
        let timeout = Duration::from_secs(u64::from(timeout_s));
        let Some(accepted) = self.fabric.net.syn(from, to, timeout) else { return };
        let (id, conn) = {
            let end = self.fabric.net.end_at(accepted);
            (end.node, end.conn)
        };
        let calling = self.fabric.net.end_at(from.slot).conn;
        let peer = self.fabric.net.local(caller, calling);
        let local = self.fabric.net.address(id);
        self.feed(id, Input::Accepted { conn, peer, local });
    }

    fn connected(&mut self, end: EndRef) {
        let Some(held) = self.fabric.net.end(end) else { return };
        if held.state != State::Connecting {
            return;
        }
        let (id, conn) = (held.node, held.conn);
        self.fabric.net.end_at(end.slot).state = State::Open;
        let local = self.fabric.net.local(id, conn);
        self.feed(id, Input::Connected { conn, local });
    }

    fn arrive(&mut self, end: EndRef, chunk: crate::node::Chunk) {
        if self.fabric.net.end(end).is_none() {
            return;
        }
        match self.fabric.net.arrive(end.slot, chunk) {
            Arrival::Received(chunk) => {
                self.received(end, chunk);
                self.read(end);
            }
            Arrival::Read => self.read(end),
            Arrival::Lies => {}
        }
    }

    fn received(&mut self, end: EndRef, chunk: crate::node::Chunk) {
        let held = self.fabric.net.end_at(end.slot);
        let (id, conn) = (held.node, held.conn);
        self.fabric.reading = Some((end.slot, chunk.clone()));
        self.feed(id, Input::Received { conn, data: chunk.bytes() });
        self.fabric.reading = None;
    }

    /// Hands over or stores all that has arrived.
    fn read(&mut self, end: EndRef) {
        while self.fabric.net.end(end).is_some() && self.fabric.violation.is_none() {
            match self.fabric.net.next_read(end.slot) {
                Read::Nothing => break,
                Read::Received(chunk) => self.received(end, chunk),
                Read::Store(stored, bytes) => {
                    let held = self.fabric.net.end_at(end.slot);
                    let (id, conn) = (held.node, held.conn);
                    let process = Process { node: id, life: self.slots[id.0 as usize].life };
                    self.fabric.store(process, &stored, &bytes);
                    self.feed(id, Input::Carried { conn, len: bytes.len() as u64 });
                }
                Read::Closed(cause) => self.closed(end, cause),
            }
        }
    }

    fn pump(&mut self, end: EndRef) {
        if self.fabric.net.end(end).is_none() {
            return;
        }
        let left = self.fabric.net.pump(end.slot);
        let held = self.fabric.net.end_at(end.slot);
        let (id, conn) = (held.node, held.conn);
        if left.carried > 0 {
            self.feed(id, Input::Carried { conn, len: left.carried });
        }
        if left.sent > 0 {
            self.sent(end, left.sent);
        }
    }

    /// Gives credit.
    fn sent(&mut self, end: EndRef, len: u32) {
        if self.fabric.net.end(end).is_none() {
            return;
        }
        let held = self.fabric.net.end_at(end.slot);
        let (node, conn, outstanding) = (held.node, held.conn, held.outstanding);
        match outstanding.checked_sub(len) {
            Some(left) => held.outstanding = left,
            None => {
                let wrong = Violation::CreditTooHigh { node, conn, credit: len, outstanding };
                self.fabric.violated(wrong);
            }
        }
        if self.hand(node, Input::Sent { conn, len }) {
            let slot = &mut self.slots[node.0 as usize];
            if !std::mem::replace(&mut slot.in_turn, true) {
                self.in_turn.push(node);
            }
        }
    }

    fn closed(&mut self, end: EndRef, cause: CloseCause) {
        let Some(held) = self.fabric.net.end(end) else { return };
        let (id, conn) = (held.node, held.conn);
        self.fabric.net.forget(end.slot);
        self.fabric.ledger.forget_end(end.slot);
        self.feed(id, Input::Closed { conn, cause });
    }

    // Looking.

    /// The time of the world; nodes count from their own beginning.
    pub fn now(&self) -> Time {
        self.fabric.net.now
    }

    /// How many nodes there are, dead ones included.
    pub fn nodes(&self) -> u32 {
        self.slots.len() as u32
    }

    /// Whether the node's process runs.
    pub fn is_alive(&self, node: NodeId) -> bool {
        self.slots[node.0 as usize].node.is_some()
    }

    /// Where a node can be connected to.
    pub fn address(&self, node: NodeId) -> SocketAddr {
        self.fabric.net.address(node)
    }

    /// The servent GUID of a node.
    pub fn servent(&self, node: NodeId) -> Guid {
        self.slots[node.0 as usize].guid
    }

    /// Whether a connection between the two stands.
    pub fn is_linked(&self, a: NodeId, b: NodeId) -> bool {
        self.fabric.net.linked(a, b)
    }

    /// A picture of a node; `None` while it is dead.
    pub fn view(&self, node: NodeId) -> Option<View> {
        self.slots[node.0 as usize].node.as_ref().map(|node| node.view())
    }

    /// The node's disk.
    pub fn disk(&mut self, node: NodeId) -> &mut Disk {
        self.fabric.disk(node)
    }

    /// Takes what a node has said since the last time, and when.
    pub fn events(&mut self, node: NodeId) -> Vec<(Time, Event)> {
        self.fabric.said.remove(&node).unwrap_or_default()
    }

    /// What a node has said and nobody has taken.
    pub fn said(&self, node: NodeId) -> &[(Time, Event)] {
        self.fabric.said.get(&node).map_or(&[], Vec::as_slice)
    }

    /// What is known of the query with this GUID.
    pub fn measure(&self, query: Guid) -> Option<&Record> {
        self.fabric.ledger.by_guid(query)
    }

    /// What is known of the query of this search.
    pub fn measure_search(&self, node: NodeId, search: SearchId) -> Option<&Record> {
        self.fabric.ledger.by_search(node, search).map(|(_, record)| record)
    }

    /// What a node had to do so far.
    pub fn load(&self, node: NodeId) -> Load {
        self.fabric.loads[node.0 as usize]
    }

    /// Descriptors sent by anybody so far.
    pub fn messages(&self) -> u64 {
        self.fabric.ledger.messages
    }

    /// The hash of everything that happened: the same for the same seed and the same commands.
    pub fn trace_hash(&self) -> u64 {
        self.fabric.trace.hash()
    }

    /// How many inputs have been given.
    pub fn steps(&self) -> u64 {
        self.fabric.trace.steps()
    }
}
