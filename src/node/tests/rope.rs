//! Nodes on a rope: a tiny world in which bytes go from node to node in pieces of any size.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::library::{Change, Entry, FileIndex, Segment};
use crate::node::io::{CloseCause, DiskOrder, DiskReport, SearchId, SearchQuery};
use crate::node::{
    Action, Command, Config, ConnId, Event, Input, Node, Rng, Time, View, WallTime, Why,
};

/// How bytes are cut on their way.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Cut {
    /// As they were sent.
    Whole,
    /// Each byte for itself.
    Bytes,
    /// All that waits at once.
    Joined,
}

#[derive(Debug)]
enum OnRope {
    Bytes(Vec<u8>),
    /// The other side closed.
    End,
}

/// One end of a connection.
pub(super) type End = (usize, ConnId);

/// A few nodes, or scripted peers in place of some, and the connections between them.
pub(super) struct World {
    pub(super) nodes: Vec<Node>,
    pub(super) events: Vec<Vec<Event>>,
    pub(super) now: Time,
    pub(super) cut: Cut,
    peers: BTreeMap<End, End>,
    rope: BTreeMap<End, VecDeque<OnRope>>,
    accepted: u64,
    /// What scripted peers received, by their end.
    pub(super) heard: BTreeMap<End, Vec<u8>>,
    pub(super) ended: Vec<End>,
    /// Datagrams to addresses where no node is.
    pub(super) posted: Vec<(SocketAddr, Vec<u8>)>,
    /// Datagrams under way between nodes: from whom, to whom.
    under_way: VecDeque<(usize, usize, Vec<u8>)>,
    /// What the gateway was asked for.
    pub(super) mappings: Vec<Action>,
    /// Where a scripted peer can be connected to.
    listening: Option<SocketAddr>,
    /// Whom nodes connected to in vain.
    pub(super) dialled: Vec<SocketAddr>,
    /// Scripted peers that do not read: nothing sent to them is ever `Sent`.
    pub(super) deaf: BTreeSet<End>,
}

/// Scripted peers have no node: their number.
pub(super) const SCRIPT: usize = usize::MAX;

pub(super) fn address(node: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, node as u8 + 1], 6346))
}

pub(super) fn config() -> Config {
    Config { local_addresses: true, auto_connect: false, ..Config::flat() }
}

impl World {
    pub(super) fn new(count: usize, config: &Config) -> World {
        World::mixed(&vec![config.clone(); count])
    }

    /// Nodes of different configurations.
    pub(super) fn mixed(configs: &[Config]) -> World {
        let count = configs.len();
        let nodes = configs.iter().enumerate().map(|(number, config)| {
            let config = Config { listen: address(number), ..config.clone() };
            let mut rng = Rng::from_u64(number as u64 + 1);
            let guid = rng.guid();
            Node::new(Arc::new(config), guid, rng, WallTime(1_700_000_000_000_000))
        });
        World {
            nodes: nodes.collect(),
            events: (0..count).map(|_| Vec::new()).collect(),
            now: Time::ZERO,
            cut: Cut::Whole,
            peers: BTreeMap::new(),
            rope: BTreeMap::new(),
            accepted: 0,
            heard: BTreeMap::new(),
            ended: Vec::new(),
            posted: Vec::new(),
            under_way: VecDeque::new(),
            mappings: Vec::new(),
            listening: None,
            dialled: Vec::new(),
            deaf: BTreeSet::new(),
        }
    }

    /// Gives an input and performs what follows from it.
    pub(super) fn give(&mut self, node: usize, input: Input<'_>) {
        let actions: Vec<Action> = self.nodes[node].handle(self.now, input).collect();
        for action in actions {
            self.perform(node, action);
        }
    }

    fn perform(&mut self, node: usize, action: Action) {
        match action {
            Action::Connect { conn, to } => self.connect(node, conn, to),
            Action::Send { conn, chunk } => {
                let len = chunk.len() as u32;
                if let Some(&far) = self.peers.get(&(node, conn)) {
                    self.rope
                        .entry(far)
                        .or_default()
                        .push_back(OnRope::Bytes(chunk.bytes().to_vec()));
                    if !self.deaf.contains(&far) {
                        self.give(node, Input::Sent { conn, len });
                    }
                }
            }
            Action::Close { conn, .. } => {
                if let Some(far) = self.peers.remove(&(node, conn)) {
                    self.rope.entry(far).or_default().push_back(OnRope::End);
                }
                self.rope.remove(&(node, conn));
                self.give(node, Input::Closed { conn, cause: CloseCause::Ordered });
            }
            Action::Emit(event) => self.events[node].push(event),
            Action::SendDatagram { to, data } => {
                let data = data.bytes().to_vec();
                match (0..self.nodes.len()).find(|&far| address(far) == to) {
                    Some(far) => self.under_way.push_back((node, far, data)),
                    None => self.posted.push((to, data)),
                }
            }
            Action::Disk(DiskOrder::Open { download, .. }) => {
                let report = DiskReport::Opened { download, have: Vec::new() };
                self.give(node, Input::Disk(report));
            }
            Action::MapPort | Action::UnmapPort => self.mappings.push(action),
            other => panic!("node {node} wants {other:?}"),
        }
    }

    fn connect(&mut self, node: usize, conn: ConnId, to: SocketAddr) {
        if self.listening == Some(to) {
            self.accepted += 1;
            let near = (SCRIPT, ConnId::ordered(self.accepted));
            self.peers.insert((node, conn), near);
            self.peers.insert(near, (node, conn));
            let local = SocketAddr::new(address(node).ip(), 40_000);
            return self.give(node, Input::Connected { conn, local });
        }
        let Some(far) = (0..self.nodes.len()).find(|&far| address(far) == to) else {
            self.dialled.push(to);
            return self.give(node, Input::Closed { conn, cause: CloseCause::Unreachable });
        };
        self.accepted += 1;
        let theirs = ConnId::accepted(self.accepted);
        self.peers.insert((node, conn), (far, theirs));
        self.peers.insert((far, theirs), (node, conn));
        let peer = SocketAddr::new(address(node).ip(), 40_000 + self.accepted as u16);
        self.give(far, Input::Accepted { conn: theirs, peer, local: to });
        self.give(node, Input::Connected { conn, local: peer });
    }

    /// The address of one node connects to another, and says nothing.
    pub(super) fn connect_raw(&mut self, from: usize, to: usize) {
        self.accepted += 1;
        let conn = ConnId::accepted(self.accepted);
        let peer = SocketAddr::new(address(from).ip(), 40_000 + self.accepted as u16);
        self.give(to, Input::Accepted { conn, peer, local: address(to) });
    }

    /// Bytes go until none are left on the way, in turns.
    pub(super) fn settle(&mut self) {
        loop {
            let mut idle = true;
            let ends: Vec<End> = self.rope.keys().copied().collect();
            for end in ends {
                idle &= !self.deliver(end);
            }
            while let Some((from, to, data)) = self.under_way.pop_front() {
                idle = false;
                self.give(to, Input::Datagram { from: address(from), data: &data });
            }
            for node in 0..self.nodes.len() {
                self.give(node, Input::TurnOver);
            }
            if idle && self.rope.values().all(VecDeque::is_empty) {
                return;
            }
        }
    }

    fn deliver(&mut self, end: End) -> bool {
        let Some(waiting) = self.rope.get_mut(&end) else { return false };
        let Some(first) = waiting.pop_front() else { return false };
        let mut bytes = match first {
            OnRope::Bytes(bytes) => bytes,
            OnRope::End => {
                self.peers.remove(&end);
                self.ended.push(end);
                if end.0 != SCRIPT {
                    self.give(end.0, Input::Closed { conn: end.1, cause: CloseCause::PeerClosed });
                }
                return true;
            }
        };
        while self.cut == Cut::Joined
            && let Some(OnRope::Bytes(_)) = waiting.front()
            && let Some(OnRope::Bytes(more)) = waiting.pop_front()
        {
            bytes.extend(more);
        }
        let size = if self.cut == Cut::Bytes { 1 } else { 65_536 };
        for data in bytes.chunks(size) {
            if end.0 == SCRIPT {
                self.heard.entry(end).or_default().extend_from_slice(data);
            } else if self.peers.contains_key(&end) {
                self.give(end.0, Input::Received { conn: end.1, data });
            }
        }
        true
    }

    /// Time passes; deadlines are kept.
    pub(super) fn pass(&mut self, seconds: u64) {
        let until = self.now + Duration::from_secs(seconds);
        loop {
            let next = (0..self.nodes.len())
                .filter_map(|node| Some((self.nodes[node].deadline()?, node)))
                .min()
                .filter(|&(at, _)| at <= until);
            let Some((at, node)) = next else { break };
            self.now = self.now.max(at);
            self.give(node, Input::Wake);
            self.settle();
        }
        self.now = until;
    }

    pub(super) fn link(&mut self, from: usize, to: usize) {
        let host = address(to).ip().to_string();
        self.give(from, Input::Command(Command::Connect { host, port: 6346 }));
        self.settle();
    }

    /// A scripted peer connects to a node and says this.
    pub(super) fn script(&mut self, node: usize, says: &[u8]) -> End {
        self.accepted += 1;
        let (theirs, ours) = (ConnId::accepted(self.accepted), ConnId::ordered(self.accepted));
        let (near, far) = ((SCRIPT, ours), (node, theirs));
        self.peers.insert(near, far);
        self.peers.insert(far, near);
        let peer = SocketAddr::from(([11, 0, 0, self.accepted as u8], 30_000));
        self.give(node, Input::Accepted { conn: theirs, peer, local: address(node) });
        self.say(near, says);
        near
    }

    /// A node connects to a scripted peer, which answers this.
    pub(super) fn script_answers(&mut self, node: usize, says: &[u8]) -> End {
        let to = SocketAddr::from(([11, 0, 0, self.accepted as u8 + 1], 6346));
        self.listening = Some(to);
        let host = to.ip().to_string();
        self.give(node, Input::Command(Command::Connect { host, port: to.port() }));
        let near = (SCRIPT, ConnId::ordered(self.accepted));
        self.say(near, says);
        near
    }

    /// A scripted peer says more.
    pub(super) fn say(&mut self, near: End, says: &[u8]) {
        if let Some(&far) = self.peers.get(&near)
            && !says.is_empty()
        {
            self.rope.entry(far).or_default().push_back(OnRope::Bytes(says.to_vec()));
        }
        self.settle();
    }

    /// The node's name for the connection of a scripted peer.
    pub(super) fn far(&self, near: End) -> ConnId {
        self.peers[&near].1
    }

    /// What a scripted peer has heard since it was last asked.
    pub(super) fn heard(&mut self, near: End) -> Vec<u8> {
        self.heard.remove(&near).unwrap_or_default()
    }

    pub(super) fn view(&self, node: usize) -> View {
        self.nodes[node].view()
    }

    pub(super) fn count(&self, node: usize, why: Why) -> u64 {
        self.view(node).count(why)
    }

    pub(super) fn share(&mut self, node: usize, names: &[&str]) {
        let entries = names.iter().enumerate().map(|(at, name)| Entry {
            index: FileIndex(at as u32 + 1),
            name: (*name).to_owned(),
            folder: String::new(),
            size: 1_000 * (at as u64 + 1),
            sha1: Some(crate::wire::Sha1([node as u8 * 16 + at as u8; 20])),
            modified_at_s: 1_000 + at as u64,
        });
        let segment = Arc::new(Segment::new(entries.collect()));
        self.give(node, Input::Library(Change::Add(segment)));
    }

    pub(super) fn search(&mut self, node: usize, id: u64, text: &str, ttl: u8) {
        let query = SearchQuery { text: text.to_owned(), ttl: Some(ttl), ..SearchQuery::default() };
        self.search_for(node, id, query);
    }

    pub(super) fn search_for(&mut self, node: usize, id: u64, query: SearchQuery) {
        self.give(node, Input::Command(Command::Search { search: SearchId(id), query }));
        self.settle();
    }

    /// Names found by a search, in the order of arrival, with the hops of their hits.
    pub(super) fn found(&self, node: usize, id: u64) -> Vec<(String, u8)> {
        let of = |event: &Event| match event {
            Event::Found { search, hits } if search.0 == id => {
                hits.iter().map(|hit| (hit.name.clone(), hit.hops)).collect()
            }
            _ => Vec::new(),
        };
        self.events[node].iter().flat_map(of).collect()
    }
}
