//! Building a world: adding nodes, starting and ending their processes, naming and walling them in.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::super::NodeId;
use super::super::dice::Dice;
use super::super::disk::{Disk, SharedFile};
use super::super::graph::Graph;
use super::super::latency::Latency;
use super::super::tape::Tape;
use super::{BEGINNING, Slot, World};
use crate::library::Change;
use crate::node::{Config, Input, Node, Rng, Time, WallTime};
use crate::wire::Guid;

/// So many at once, unless there are too many for that: a handshake takes kilobytes until it is
/// done, and a large world need not hold those of all its links at the same time.
const WAVE_MIN: u32 = 10_000;
/// So many waves, however large the world: the first links must not wait for the last ones so long
/// that they ask whether the other side still lives, or a world would never come to rest.
const WAVES_MAX: u32 = 50;
/// The next wave begins so much later.
const WAVE_EVERY: Duration = Duration::from_millis(100);

/// When the one with this number, of so many that are to begin, begins.
pub(in crate::sim) fn begins_after(number: u32, of: u32) -> Duration {
    WAVE_EVERY * (number / of.div_ceil(WAVES_MAX).max(WAVE_MIN))
}

impl World {
    /// Adds a node that shares these files. It listens on the port of `Config::listen` at an
    /// address of its own ([`World::address`]).
    pub fn add_node(&mut self, config: &Arc<Config>, shared: Vec<SharedFile>) -> NodeId {
        let id = self.fabric.net.add_host(config.listen);
        let disk = (!shared.is_empty()).then(|| Box::new(Disk::new(shared)));
        self.fabric.disks.push(disk);
        let guid = self.guid(&format!("guid {id}"));
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

    /// A servent GUID of a name.
    fn guid(&self, name: &str) -> Guid {
        let mut guid = Dice::derive(&self.dice, name).seed();
        guid.rotate_left(1);
        Guid::marked(guid[..16].try_into().unwrap_or_default())
    }

    /// Gives a dead node another servent GUID, as a new installation has.
    pub(in crate::sim) fn new_guid(&mut self, node: NodeId) {
        let life = self.slots[node.0 as usize].life;
        self.slots[node.0 as usize].guid = self.guid(&format!("guid {node} {life}"));
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
    /// stands: 10,000 at once, and as many more every tenth of a second; of more than half a
    /// million a fiftieth at once, so that all have begun within five seconds. Says after
    /// how long the last of them begin.
    pub fn mend(&mut self, graph: &Graph) -> Duration {
        let (mut ordered, all) = (0, graph.edges().len() as u32);
        for &(a, b) in graph.edges() {
            let (a, b) = (NodeId(a), NodeId(b));
            if self.is_alive(a) && self.is_alive(b) && !self.is_linked(a, b) {
                self.connect_after(begins_after(ordered, all), a, b);
                ordered += 1;
            }
        }
        begins_after(ordered.saturating_sub(1), all)
    }

    /// Starts the process of a node.
    pub(in crate::sim) fn boot(&mut self, id: NodeId) {
        self.fabric.net.boot(id);
        let now = self.now();
        let slot = &mut self.slots[id.0 as usize];
        let mut seeds = self.dice.derive(&format!("node {id} {}", slot.life));
        let seed = seeds.seed();
        slot.born = now;
        slot.wake_at = Time::NEVER;
        let skew_s = self.skews_s.get(&id).copied().unwrap_or(0);
        let skew_us = skew_s.saturating_mul(1_000_000);
        let started_at = WallTime(BEGINNING.at(now).0.saturating_add_signed(skew_us));
        slot.node = Some(Box::new(Node::new(
            Arc::clone(&slot.config),
            slot.guid,
            Rng::new(seed),
            started_at,
        )));
        if let Some(tape) = self.tapes.get_mut(&id) {
            let (config, guid) = (Arc::clone(&slot.config), slot.guid);
            *tape = Some(Tape { config, guid, seed, started_at, turns: Vec::new() });
        }
        let disk = self.fabric.disks[id.0 as usize].as_ref();
        let shared: Vec<_> = disk.into_iter().flat_map(|disk| disk.shared()).collect();
        for segment in shared {
            self.feed(id, Input::Library(Change::Add(segment)));
        }
    }

    /// Has a node share one more file from now on.
    pub fn share(&mut self, node: NodeId, file: SharedFile) {
        let segment = self.fabric.disk(node).share(file);
        if self.is_alive(node) {
            self.feed(node, Input::Library(Change::Add(segment)));
        }
    }

    /// Ends the process of a node.
    pub(in crate::sim) fn end_process(&mut self, id: NodeId, vanished: bool) {
        let slot = &mut self.slots[id.0 as usize];
        let Some(process) = slot.node.take() else { return };
        self.past.add(&process);
        slot.life += 1;
        slot.wake_at = Time::NEVER;
        self.stalled.remove(&id);
        self.fabric.ledger.process_ended(id);
        for end in self.fabric.net.kill(id, vanished) {
            self.fabric.ledger.forget_end(end);
        }
        if let Some(disk) = self.fabric.disks[id.0 as usize].as_mut() {
            disk.close_all();
        }
    }

    /// From now on everything that is sent is under way for so long.
    pub fn set_latency(&mut self, latency: Latency) {
        self.fabric.net.set_latency(latency);
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_begin_in_waves_and_all_within_five_seconds() {
        assert_eq!(begins_after(9_999, 400_000), Duration::ZERO);
        assert_eq!(begins_after(10_000, 400_000), WAVE_EVERY);
        assert_eq!(begins_after(399_999, 400_000), WAVE_EVERY * 39);
        for of in [1, 500_000, 500_001, 2_000_000, u32::MAX] {
            assert!(begins_after(of - 1, of) < Duration::from_secs(5), "{of}");
        }
    }
}
