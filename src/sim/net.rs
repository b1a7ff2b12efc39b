//! The simulated network: hosts, TCP connections and datagrams.
//!
//! A connection has two ends, one at each node. Bytes stay in order; they may be cut and joined at
//! random, be held up by a slow or clogged link, or be lost with the whole connection. An idle end
//! holds no buffer.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::NodeId;
use super::dice::Dice;
use super::event::{Datagram, EndRef, Event};
use super::latency::Latency;
use super::measure::{Load, Record};
use super::queue::Queue;
use super::regions::Regions;
use crate::node::io::CloseCause;
use crate::node::{Chunk, ConnId, Time};

mod breaks;
mod stream;
#[cfg(test)]
mod tests;

pub(super) use stream::{Arrival, End, Read, State, Store};

/// How the network behaves.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct NetConfig {
    /// One-way latency of every link, drawn anew for everything sent.
    pub latency: Latency,
    /// Bytes a second that one direction of a connection carries; no limit if `None`.
    pub rate_bytes_s: Option<u32>,
    /// Bytes that the system takes from a node although they cannot leave yet, for each connection:
    /// the node has credit for them at once.
    pub send_buffer_bytes: u32,
    /// Bytes that wait at the far end of a connection for a node that does not read them. When
    /// there are as many, the near end keeps what follows; what is under way comes in addition.
    pub receive_buffer_bytes: u32,
    /// Whether the bytes of a stream are cut and joined at random (they stay in order).
    pub split: bool,
    /// Probability that a datagram is lost.
    pub datagram_loss: f64,
    /// Probability that a datagram arrives twice.
    pub datagram_duplicate: f64,
    /// Probability that a datagram makes a detour, so that later ones come before it.
    pub datagram_reorder: f64,
}

impl Default for NetConfig {
    fn default() -> Self {
        NetConfig {
            latency: Latency::default(),
            rate_bytes_s: None,
            send_buffer_bytes: 0,
            receive_buffer_bytes: 262_144,
            split: false,
            datagram_loss: 0.0,
            datagram_duplicate: 0.0,
            datagram_reorder: 0.0,
        }
    }
}

/// Connections of a node that are looked at ahead: all of a node in a flat world.
const ENDS_AHEAD: usize = 8;
/// How long a firewall lets answers to a datagram through.
const HOLE: Duration = Duration::from_secs(60);
/// How much longer than others a datagram takes that makes a detour, at most.
const DETOUR_US_MAX: u64 = 500_000;

/// A host has room for so many connections at a time: what it sends over them lies side by side.
const ENDS_AT_ONCE: u32 = 4;

/// A host as the network sees it. What sending asks of it stands first, side by side.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Host {
    /// Its connections by name.
    book: Vec<(ConnId, u32)>,
    load: Load,
    /// The next slot for an end that is its own; at a multiple of `ENDS_AT_ONCE` there is none.
    next_slot: u32,
    /// On which side of a partition it is.
    side: u32,
    /// In which region it lives.
    region: u16,
    /// Whether anything runs there.
    pub(super) up: bool,
    /// Whether it vanished without a word: nothing that is sent there is answered.
    pub(super) vanished: bool,
    /// Whether connections from outside come through.
    pub(super) reachable: bool,
    /// Whether a gateway stands before it that lets them through when it is asked to.
    pub(super) gateway: bool,
    /// Whom it sent datagrams to, and when: if it cannot be reached otherwise, their answers
    /// come through for a while.
    holes: Vec<(NodeId, Time)>,
    /// Where it listens; 0: nowhere.
    port: u16,
    /// Whether its address is one of IPv6.
    ipv6: bool,
    accepted: u64,
    last_ordered: ConnId,
}

#[derive(Debug)]
pub(super) struct Net {
    pub(super) now: Time,
    pub(super) queue: Queue<Event>,
    /// How many of the events are only deadlines: a world that waits for nothing else is at rest.
    pub(super) background: usize,
    config: NetConfig,
    /// Where the hosts live that are added from now on, and how far it is from region to region.
    pub(super) regions: Option<Arc<Regions>>,
    dice: Dice,
    pub(super) hosts: Vec<Host>,
    ends: Vec<End>,
    free: Vec<u32>,
    /// By end, the beginnings of heads and headers whose rest was not sent yet.
    begun: BTreeMap<u32, Vec<u8>>,
    /// Whether hosts may be on different sides of a partition.
    is_divided: bool,
    clogged: BTreeSet<(NodeId, NodeId)>,
    /// How long the disks of these nodes take for each thing asked of them.
    pub(super) slow_disks: BTreeMap<NodeId, Latency>,
    /// Ends with credit to be given when the turn of their node is over.
    creditors: Vec<EndRef>,
    /// The place in its node's book of the end that was found last.
    found_at: usize,
}

/// The address of a node: 10.x.y.z.
pub fn ip(node: NodeId) -> Ipv4Addr {
    Ipv4Addr::from_bits((10 << 24) | (node.0 + 1))
}

/// The IPv6 addresses of nodes that listen on IPv6: a local network's.
const IPV6_NETWORK: u128 = 0xFD << 120;

/// The IPv6 address of a node that listens on IPv6.
fn ipv6(node: NodeId) -> Ipv6Addr {
    Ipv6Addr::from_bits(IPV6_NETWORK | u128::from(node.0 + 1))
}

impl Net {
    pub(super) fn new(config: NetConfig, dice: Dice) -> Net {
        Net {
            now: Time::ZERO,
            queue: Queue::default(),
            background: 0,
            config,
            regions: None,
            dice,
            hosts: Vec::new(),
            ends: Vec::new(),
            free: Vec::new(),
            begun: BTreeMap::new(),
            is_divided: false,
            clogged: BTreeSet::new(),
            slow_disks: BTreeMap::new(),
            creditors: Vec::new(),
            found_at: 0,
        }
    }

    pub(super) fn set_config(&mut self, config: NetConfig) {
        self.config = config;
    }

    /// How long what leaves one node now is under way to another.
    pub(super) fn latency(&mut self, from: NodeId, to: NodeId) -> Duration {
        let drawn = self.config.latency.draw(&mut self.dice);
        match &self.regions {
            None => drawn,
            Some(regions) => {
                let us = regions.one_way_us(self.host(from).region, self.host(to).region);
                drawn + Duration::from_micros(us)
            }
        }
    }

    /// How long a question to something near a node (a name server, its gateway) is under way.
    pub(super) fn latency_nearby(&mut self) -> Duration {
        self.config.latency.draw(&mut self.dice)
    }

    /// How long a slow disk takes for the next thing; `None` if it is not slow.
    pub(super) fn disk_slowness(&mut self, node: NodeId) -> Option<Duration> {
        let slow = self.slow_disks.get(&node)?;
        Some(slow.draw(&mut self.dice))
    }

    pub(super) fn set_latency(&mut self, latency: Latency) {
        self.config.latency = latency;
    }

    pub(super) fn after(&mut self, delay: Duration, event: Event) {
        self.queue.push(self.now + delay, event);
    }

    /// Reads what sending a query takes on the connections of a node; see `world::ahead`.
    pub(super) fn look_ahead(&self, node: NodeId, record: Option<&Record>) -> u64 {
        let Some(host) = self.hosts.get(node.0 as usize) else { return 0 };
        let read = host.book.iter().take(ENDS_AHEAD).map(|&(_, slot)| {
            let end = &self.ends[slot as usize];
            let peer = self.ends.get(end.peer.slot as usize);
            let sent = record.map_or(0, |record| record.sent_ttl(slot));
            let distance = record.zip(peer).map_or(0, |(record, peer)| record.distance(peer.node));
            end.arrives.as_micros() ^ u64::from(sent ^ distance)
        });
        read.fold(0, |all, read| all ^ read)
    }

    // Hosts.

    /// A host that listens there: on IPv6 if the address is one, else on IPv4.
    pub(super) fn add_host(&mut self, listen: SocketAddr) -> NodeId {
        let node = NodeId(u32::try_from(self.hosts.len()).unwrap_or(u32::MAX));
        self.hosts.push(Host {
            up: true,
            vanished: false,
            reachable: true,
            gateway: false,
            holes: Vec::new(),
            port: listen.port(),
            ipv6: listen.is_ipv6(),
            side: 0,
            region: 0,
            accepted: 0,
            last_ordered: ConnId(0),
            book: Vec::new(),
            load: Load::default(),
            next_slot: 0,
        });
        if let Some(regions) = &self.regions {
            let mut dice = self.dice.derive(&format!("region {node}"));
            self.hosts[node.0 as usize].region = regions.of(node, &mut dice);
        }
        node
    }

    fn host(&self, node: NodeId) -> &Host {
        &self.hosts[node.0 as usize]
    }

    fn host_mut(&mut self, node: NodeId) -> &mut Host {
        &mut self.hosts[node.0 as usize]
    }

    /// Where a node can be connected to.
    pub(super) fn address(&self, node: NodeId) -> SocketAddr {
        SocketAddr::new(self.ip(node), self.host(node).port)
    }

    fn ip(&self, node: NodeId) -> IpAddr {
        if self.host(node).ipv6 { ipv6(node).into() } else { ip(node).into() }
    }

    /// The node of this address, whatever the port.
    pub(super) fn node_at(&self, address: IpAddr) -> Option<NodeId> {
        let number = match address {
            IpAddr::V4(v4) => v4.to_bits().checked_sub((10 << 24) + 1)?,
            IpAddr::V6(v6) => u32::try_from(v6.to_bits().checked_sub(IPV6_NETWORK + 1)?).ok()?,
        };
        let host = self.hosts.get(number as usize)?;
        (host.ipv6 == address.is_ipv6()).then_some(NodeId(number))
    }

    /// A new process has no connections and counts them from the beginning.
    pub(super) fn boot(&mut self, node: NodeId) {
        let host = self.host_mut(node);
        host.up = true;
        host.vanished = false;
        host.accepted = 0;
        host.last_ordered = ConnId(0);
    }

    /// The process is gone. Unless the whole host `vanished`, its system resets the connections.
    /// Returns the slots of its ends.
    pub(super) fn kill(&mut self, node: NodeId, vanished: bool) -> Vec<u32> {
        let host = self.host_mut(node);
        host.up = false;
        host.vanished = vanished;
        let slots: Vec<u32> = std::mem::take(&mut host.book).into_iter().map(|e| e.1).collect();
        for &slot in &slots {
            if vanished {
                self.orphan(slot);
            } else {
                self.send_fin(slot, CloseCause::Reset);
            }
            self.release(slot);
        }
        slots
    }

    /// Whether a connection between the two stands.
    pub(super) fn linked(&self, a: NodeId, b: NodeId) -> bool {
        self.host(a).book.iter().any(|&(_, slot)| {
            let end = &self.ends[slot as usize];
            let peer = self.end(end.peer);
            end.state == State::Open && peer.is_some_and(|peer| peer.node == b)
        })
    }

    // Ends.

    pub(super) fn end(&self, end: EndRef) -> Option<&End> {
        self.ends.get(end.slot as usize).filter(|held| held.life == end.life)
    }

    pub(super) fn end_at(&mut self, slot: u32) -> &mut End {
        &mut self.ends[slot as usize]
    }

    pub(super) fn name(&self, slot: u32) -> EndRef {
        EndRef { slot, life: self.ends[slot as usize].life }
    }

    /// The slot of a connection that is not closed.
    pub(super) fn find(&self, node: NodeId, conn: ConnId) -> Option<u32> {
        let book = &self.host(node).book;
        book.binary_search_by_key(&conn, |&(name, _)| name).ok().map(|at| book[at].1)
    }

    /// The same for one who asks for many: mostly it is the next one, as a node sends to its
    /// neighbours in the order of their names.
    pub(super) fn find_next(&mut self, node: NodeId, conn: ConnId) -> Option<u32> {
        let book = &self.host(node).book;
        let next = self.found_at + 1;
        let at = match book.get(next) {
            Some(&(name, _)) if name == conn => next,
            _ => book.binary_search_by_key(&conn, |&(name, _)| name).ok()?,
        };
        let slot = book[at].1;
        self.found_at = at;
        Some(slot)
    }

    fn new_end(&mut self, node: NodeId, conn: ConnId, peer: EndRef, state: State) -> u32 {
        let slot = self.free_slot(node);
        let life = self.ends[slot as usize].life;
        let arrives = self.now;
        self.ends[slot as usize] = End { node, life, conn, peer, arrives, state, ..End::free() };
        let book = &mut self.host_mut(node).book;
        let at = book.partition_point(|&(name, _)| name < conn);
        book.insert(at, (conn, slot));
        slot
    }

    /// A slot for an end of this node: one of its own, one that nobody has any more, or the first of
    /// new ones of its own.
    fn free_slot(&mut self, node: NodeId) -> u32 {
        let own = self.host(node).next_slot;
        if own.is_multiple_of(ENDS_AT_ONCE)
            && let Some(free) = self.free.pop()
        {
            return free;
        }
        let slot = if own.is_multiple_of(ENDS_AT_ONCE) { self.ends.len() as u32 } else { own };
        self.host_mut(node).next_slot = slot + 1;
        if slot as usize == self.ends.len() {
            self.ends.extend((0..ENDS_AT_ONCE).map(|_| End::free()));
        }
        slot
    }

    fn release(&mut self, slot: u32) {
        let end = &mut self.ends[slot as usize];
        let life = end.life.wrapping_add(1);
        if end.follower.is_amid() {
            self.begun.remove(&slot);
        }
        *end = End { life, ..End::free() };
        self.free.push(slot);
    }

    /// The beginning of what an end sends on with.
    pub(super) fn take_begun(&mut self, slot: u32) -> Vec<u8> {
        self.begun.remove(&slot).unwrap_or_default()
    }

    /// Keeps it until the end sends on.
    pub(super) fn keep_begun(&mut self, slot: u32, begun: Vec<u8>) {
        self.begun.insert(slot, begun);
    }

    /// What a node has sent so far.
    pub(super) fn load_of(&self, node: NodeId) -> Load {
        self.host(node).load
    }

    /// The same, to be added to.
    pub(super) fn load(&mut self, node: NodeId) -> &mut Load {
        &mut self.host_mut(node).load
    }

    /// The node has been told that the connection is gone.
    pub(super) fn forget(&mut self, slot: u32) {
        let End { node, conn, .. } = self.ends[slot as usize];
        self.host_mut(node).book.retain(|&(name, _)| name != conn);
        self.release(slot);
    }

    // Connecting.

    /// Whether the name is one that the node may give now.
    pub(super) fn name_is_new(&mut self, node: NodeId, conn: ConnId) -> Result<(), ConnId> {
        let last = self.host(node).last_ordered;
        if conn.is_accepted() || conn <= last {
            return Err(last);
        }
        self.host_mut(node).last_ordered = conn;
        Ok(())
    }

    pub(super) fn connect(&mut self, node: NodeId, conn: ConnId, to: SocketAddr) {
        let nobody = EndRef { slot: u32::MAX, life: 0 };
        let slot = self.new_end(node, conn, nobody, State::Connecting);
        // Who is not there is as far away as oneself.
        let delay = self.latency(node, self.node_at(to.ip()).unwrap_or(node));
        let end = self.name(slot);
        self.after(delay, Event::Syn(end, Box::new(to)));
    }

    /// An attempt arrives. If it is accepted, returns the end of the node that accepts.
    pub(super) fn syn(&mut self, from: EndRef, to: SocketAddr, timeout: Duration) -> Option<u32> {
        let caller = self.end(from)?.node;
        let target = self.node_at(to.ip());
        let silent = target.is_some_and(|target| {
            let host = self.host(target);
            host.vanished || !host.reachable || self.is_cut(caller, target)
        });
        if silent {
            self.after(timeout, Event::Closed(from, CloseCause::TimedOut));
            return None;
        }
        let delay = self.latency(target.unwrap_or(caller), caller);
        let listening = |&target: &NodeId| {
            let host = self.host(target);
            host.up && host.port != 0 && host.port == to.port()
        };
        let Some(target) = target.filter(listening) else {
            self.after(delay, Event::Closed(from, CloseCause::Unreachable));
            return None;
        };
        let host = self.host_mut(target);
        let conn = ConnId::accepted(host.accepted);
        host.accepted += 1;
        let slot = self.new_end(target, conn, from, State::Open);
        // Nothing that the accepting side sends arrives before the other knows it is connected.
        self.ends[slot as usize].arrives = self.now + delay;
        self.ends[from.slot as usize].peer = self.name(slot);
        self.after(delay, Event::Connected(from));
        Some(slot)
    }

    /// The address that a node connects from, by the name of the connection.
    pub(super) fn local(&self, node: NodeId, conn: ConnId) -> SocketAddr {
        if conn.is_accepted() {
            return self.address(node);
        }
        SocketAddr::new(self.ip(node), 49_152 + (conn.0 >> 1) as u16 % 16_384)
    }

    // Datagrams.

    pub(super) fn datagram(&mut self, from: NodeId, to: SocketAddr, data: &Chunk) {
        self.post(from, self.address(from), to, data);
    }

    /// A datagram that says it comes from `source`, whoever sent it.
    pub(super) fn post(&mut self, from: NodeId, source: SocketAddr, to: SocketAddr, data: &Chunk) {
        let Some(target) = self.node_at(to.ip()) else { return };
        let now = self.now;
        let sender = self.host_mut(from);
        if !sender.reachable {
            sender.holes.retain(|&(to, at)| to != target && now.since(at) < HOLE);
            sender.holes.push((target, now));
        }
        let host = self.host(target);
        let answers = |&(to, at): &(NodeId, Time)| to == from && now.since(at) < HOLE;
        let shut = !host.reachable && !host.holes.iter().any(answers);
        let lost = !host.up || shut || host.port != to.port();
        if lost || self.is_cut(from, target) {
            return;
        }
        let copies = 1 + u32::from(self.dice.chance(self.config.datagram_duplicate));
        for _ in 0..copies {
            if !self.dice.chance(self.config.datagram_loss) {
                let mut delay = self.latency(from, target);
                if self.dice.chance(self.config.datagram_reorder) {
                    delay += Duration::from_micros(self.dice.below(DETOUR_US_MAX));
                }
                let datagram = Datagram { from: source, to: target, data: data.clone() };
                self.after(delay, Event::Datagram(Box::new(datagram)));
            }
        }
    }
}
