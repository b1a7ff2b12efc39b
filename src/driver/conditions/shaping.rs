//! All connections and datagrams of a servent under conditions: what may go by when.
//!
//! Nothing here touches a socket. The loop asks before it reads and writes, hands over what came,
//! and takes what has arrived.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use smol::Async;

use super::Conditions;
use super::lane::{Arrival, Lane, Meter, Way, portion};
use crate::driver::entropy;
use crate::driver::network::Network;
use crate::node::{ConnId, Rng};

/// How long a firewall lets answers to a datagram through.
const HOLE: Duration = Duration::from_secs(60);

/// Hosts that a firewall remembers at most.
const HOLES_MAX: usize = 4_096;

/// Bytes of datagrams under way to us at most; more are lost, as in the system's own queue.
const DATAGRAMS_BYTES_MAX: usize = 1 << 20;

/// What a datagram under way costs beside its bytes.
const DATAGRAM_COST_BYTES: usize = 128;

/// Sockets of connections that ended while nothing got through, kept so that the other side does
/// not hear of it.
const KEPT_MAX: usize = 1_024;

/// Values by address.
#[derive(Debug)]
struct Table<T> {
    exact: BTreeMap<IpAddr, T>,
    /// The longest prefix first.
    blocks: Vec<(Network, T)>,
}

impl<T: Copy> Table<T> {
    fn new(entries: impl Iterator<Item = (Network, T)>) -> Table<T> {
        let (exact, mut blocks): (Vec<_>, Vec<_>) =
            entries.partition(|(network, _)| network.is_one());
        blocks.sort_by_key(|(network, _)| std::cmp::Reverse(network.prefix_len));
        let exact = exact.into_iter().map(|(network, value)| (network.address, value)).collect();
        Table { exact, blocks }
    }

    fn get(&self, address: IpAddr) -> Option<T> {
        let in_block = || self.blocks.iter().find(|(network, _)| network.contains(address));
        self.exact.get(&address).copied().or_else(|| in_block().map(|&(_, value)| value))
    }
}

/// The state of all links of a servent under conditions.
#[derive(Debug)]
pub(in crate::driver) struct Shaping {
    conditions: Conditions,
    latencies: Table<Duration>,
    silent: Table<()>,
    dice: Rng,
    lanes: HashMap<ConnId, Lane, foldhash::fast::RandomState>,
    /// Connections to be looked at again, in the order in which they asked for it.
    alarms: BTreeMap<(Instant, u64), ConnId>,
    asked: u64,
    datagrams: BTreeMap<(Instant, u64), (SocketAddr, Vec<u8>)>,
    datagrams_bytes: usize,
    /// Whom we sent datagrams to, and when, behind a firewall.
    holes: BTreeMap<IpAddr, Instant>,
    input: Meter,
    output: Meter,
    kept: Vec<(IpAddr, Arc<Async<std::net::TcpStream>>)>,
}

impl Shaping {
    pub(in crate::driver) fn new() -> Shaping {
        Shaping {
            conditions: Conditions::default(),
            latencies: Table::new(std::iter::empty()),
            silent: Table::new(std::iter::empty()),
            // Without randomness of the system the same datagrams are lost each time.
            dice: Rng::new(entropy::seed().unwrap_or_default()),
            lanes: HashMap::default(),
            alarms: BTreeMap::new(),
            asked: 0,
            datagrams: BTreeMap::new(),
            datagrams_bytes: 0,
            holes: BTreeMap::new(),
            input: Meter::default(),
            output: Meter::default(),
            kept: Vec::new(),
        }
    }

    /// These count from now on; what is under way arrives when it would have.
    pub(in crate::driver) fn set(&mut self, conditions: Conditions) {
        let far = |entry: &super::Latency| (entry.network, Duration::from_micros(entry.latency_us));
        self.latencies = Table::new(conditions.latencies.iter().map(far));
        self.silent = Table::new(conditions.silent.iter().map(|&network| (network, ())));
        self.conditions = conditions;
        let mut lanes = std::mem::take(&mut self.lanes);
        for lane in lanes.values_mut() {
            (lane.latency, lane.is_silent) = (self.latency(lane.peer), self.is_silent(lane.peer));
        }
        self.lanes = lanes;
        let silent = &self.silent;
        self.kept.retain(|&(peer, _)| silent.get(peer).is_some());
    }

    /// Whether there is nothing to be done any more, now or later.
    pub(in crate::driver) fn is_over(&self) -> bool {
        self.conditions.is_nothing()
            && self.datagrams.is_empty()
            && self.lanes.values().all(|lane| lane.next_due().is_none())
    }

    fn latency(&self, address: IpAddr) -> Duration {
        let all = Duration::from_micros(self.conditions.latency_us);
        self.latencies.get(address).unwrap_or(all)
    }

    fn is_silent(&self, address: IpAddr) -> bool {
        self.silent.get(address).is_some()
    }

    // Connections.

    /// A connection that is there already, or that is being ordered.
    pub(in crate::driver) fn open(&mut self, id: ConnId, peer: IpAddr, now: Instant) {
        let mut lane = Lane::new(peer, now);
        (lane.latency, lane.is_silent) = (self.latency(peer), self.is_silent(peer));
        lane.stands_at = now + 2 * lane.latency;
        self.lanes.insert(id, lane);
    }

    /// Whether somebody who connects is heard; others are to be closed upon. The node hears of him
    /// when his news has arrived.
    pub(in crate::driver) fn accept(
        &mut self,
        id: ConnId,
        peer: SocketAddr,
        local: SocketAddr,
        now: Instant,
    ) -> bool {
        if self.conditions.firewalled || self.is_silent(peer.ip()) {
            return false;
        }
        self.open(id, peer.ip(), now);
        if let Some(lane) = self.lanes.get_mut(&id) {
            lane.is_known = false;
            lane.came(now, Arrival::Accepted(peer, local));
        }
        true
    }

    /// The connection is over. Returns whether the node knows of it. If nothing gets through to
    /// the other side, that does not hear of its end, either.
    pub(in crate::driver) fn close(
        &mut self,
        id: ConnId,
        stream: Arc<Async<std::net::TcpStream>>,
    ) -> bool {
        let Some(lane) = self.lanes.remove(&id) else { return true };
        if let Some(alarm) = lane.alarm {
            self.alarms.remove(&alarm);
        }
        if lane.is_silent && self.kept.len() < KEPT_MAX {
            self.kept.push((lane.peer, stream));
        }
        lane.is_known
    }

    /// The connection came to nothing.
    pub(in crate::driver) fn forget(&mut self, id: ConnId) {
        self.lanes.remove(&id);
    }

    /// Whether nothing gets through on this connection.
    pub(in crate::driver) fn is_held(&self, id: ConnId) -> bool {
        self.lanes.get(&id).is_some_and(|lane| lane.is_silent)
    }

    /// Whether an ordered connection may stand by now; rings when it may.
    pub(in crate::driver) fn may_stand(&mut self, id: ConnId, now: Instant) -> bool {
        let Some(lane) = self.lanes.get(&id) else { return true };
        let (is_silent, stands_at) = (lane.is_silent, lane.stands_at);
        if !is_silent && stands_at > now {
            self.ring_at(id, stands_at);
        }
        !is_silent && stands_at <= now
    }

    /// How many bytes may go this way now (0: none); rings when some may.
    pub(in crate::driver) fn portion(&mut self, id: ConnId, now: Instant, way: Way) -> u64 {
        let Some(lane) = self.lanes.get(&id) else { return u64::MAX };
        if lane.is_silent {
            return 0;
        }
        let (own, all) = match way {
            Way::In => (&lane.input, &self.input),
            Way::Out => (&lane.output, &self.output),
        };
        if let Some(free_at) = own.busy_until(now).max(all.busy_until(now)) {
            self.ring_at(id, free_at);
            return 0;
        }
        let rates = [self.conditions.rate_bytes_s, self.conditions.node_rate_bytes_s];
        rates.map(portion).into_iter().min().unwrap_or(u64::MAX)
    }

    /// The same for the body of a download, of which something is there: it arrives later.
    pub(in crate::driver) fn portion_of_body(&mut self, id: ConnId, now: Instant) -> u64 {
        let Some(lane) = self.lanes.get_mut(&id) else { return u64::MAX };
        let due = *lane.body_due.get_or_insert(now + lane.latency);
        if due > now {
            self.ring_at(id, due);
            return 0;
        }
        let portion = self.portion(id, now, Way::In);
        if portion > 0
            && let Some(lane) = self.lanes.get_mut(&id)
        {
            lane.body_due = None;
        }
        portion
    }

    /// So many bytes went that way.
    pub(in crate::driver) fn charge(&mut self, id: ConnId, now: Instant, way: Way, bytes: u64) {
        let Some(lane) = self.lanes.get_mut(&id) else { return };
        let (own, all) = match way {
            Way::In => (&mut lane.input, &mut self.input),
            Way::Out => (&mut lane.output, &mut self.output),
        };
        own.charge(now, bytes, self.conditions.rate_bytes_s);
        all.charge(now, bytes, self.conditions.node_rate_bytes_s);
    }

    /// Whether the socket is to be read; if not, it is again when something has arrived.
    pub(in crate::driver) fn has_room(&mut self, id: ConnId) -> bool {
        let Some(lane) = self.lanes.get_mut(&id) else { return false };
        lane.is_full = !lane.has_room();
        !lane.is_full && !lane.has_ended
    }

    /// This came from the socket.
    pub(in crate::driver) fn came(&mut self, id: ConnId, now: Instant, arrival: Arrival) {
        if let Some(lane) = self.lanes.get_mut(&id) {
            lane.came(now, arrival);
        }
    }

    /// What has arrived, and whether the socket may be read again because of that; rings when
    /// something will have.
    pub(in crate::driver) fn arrived(
        &mut self,
        id: ConnId,
        now: Instant,
    ) -> Option<(Arrival, bool)> {
        let lane = self.lanes.get_mut(&id)?;
        if let Some(arrival) = lane.arrived(now) {
            let is_free_again = std::mem::take(&mut lane.is_full);
            return Some((arrival, is_free_again));
        }
        let due = lane.next_due()?;
        self.ring_at(id, due);
        None
    }

    /// The bytes of a connection that wait, for the body of a download.
    pub(in crate::driver) fn take_for_body(&mut self, id: ConnId) -> Vec<u8> {
        self.lanes.get_mut(&id).map(Lane::take_for_body).unwrap_or_default()
    }

    // Datagrams.

    /// Whether a datagram for this host leaves.
    pub(in crate::driver) fn may_leave(&mut self, to: IpAddr, now: Instant) -> bool {
        if self.conditions.firewalled {
            self.holes.insert(to, now);
            if self.holes.len() > HOLES_MAX {
                self.holes.retain(|_, &mut at| now.duration_since(at) < HOLE);
            }
            if self.holes.len() > HOLES_MAX {
                self.holes.pop_first();
            }
        }
        !self.is_silent(to)
    }

    /// A datagram came from the socket. Returns whether it arrives at once; otherwise it comes
    /// later, or never.
    pub(in crate::driver) fn datagram_came(
        &mut self,
        from: SocketAddr,
        data: &[u8],
        now: Instant,
    ) -> bool {
        let is_answer = |at: Option<&Instant>| at.is_some_and(|&at| now.duration_since(at) < HOLE);
        let is_lost = self.is_silent(from.ip())
            || (self.conditions.firewalled && !is_answer(self.holes.get(&from.ip())))
            || self.dice.unit() < self.conditions.datagram_loss;
        if is_lost {
            return false;
        }
        let latency = self.latency(from.ip());
        if latency.is_zero() {
            return true;
        }
        let cost = data.len() + DATAGRAM_COST_BYTES;
        if self.datagrams_bytes + cost <= DATAGRAMS_BYTES_MAX {
            self.datagrams_bytes += cost;
            self.asked += 1;
            self.datagrams.insert((now + latency, self.asked), (from, data.to_vec()));
        }
        false
    }

    /// A datagram that has arrived.
    pub(in crate::driver) fn datagram_arrived(
        &mut self,
        now: Instant,
    ) -> Option<(SocketAddr, Vec<u8>)> {
        let entry = self.datagrams.first_entry().filter(|entry| entry.key().0 <= now)?;
        let (from, data) = entry.remove();
        self.datagrams_bytes -= data.len() + DATAGRAM_COST_BYTES;
        Some((from, data))
    }

    // Time.

    fn ring_at(&mut self, id: ConnId, at: Instant) {
        let Some(lane) = self.lanes.get_mut(&id) else { return };
        if lane.alarm.is_some_and(|(before, _)| before <= at) {
            return;
        }
        self.asked += 1;
        let alarm = (at, self.asked);
        if let Some(before) = lane.alarm.replace(alarm) {
            self.alarms.remove(&before);
        }
        self.alarms.insert(alarm, id);
    }

    /// A connection that is to be looked at again now.
    pub(in crate::driver) fn rang(&mut self, now: Instant) -> Option<ConnId> {
        let entry = self.alarms.first_entry().filter(|entry| entry.key().0 <= now)?;
        let id = entry.remove();
        if let Some(lane) = self.lanes.get_mut(&id) {
            lane.alarm = None;
        }
        Some(id)
    }

    /// When there is something to do.
    pub(in crate::driver) fn next(&self) -> Option<Instant> {
        let alarm = self.alarms.first_key_value().map(|(&(at, _), _)| at);
        let datagram = self.datagrams.first_key_value().map(|(&(at, _), _)| at);
        alarm.into_iter().chain(datagram).min()
    }
}
