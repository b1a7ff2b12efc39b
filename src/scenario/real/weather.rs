//! What the links of the servents are like: the scenario's latencies, rates and losses, and what is
//! cut off, as conditions of each node.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use crate::api::types::{Conditions, Latency as Far, Network};
use crate::sim::{Dice, Latency, NetConfig, NodeId};

/// The links between all nodes.
#[derive(Debug)]
pub(super) struct Weather {
    links: NetConfig,
    dice: Dice,
    /// Behind a firewall.
    walled: BTreeSet<NodeId>,
    /// On the side of those that were cut off.
    apart: BTreeSet<NodeId>,
    /// Pairs between which nothing gets through, the lower number first.
    clogged: BTreeSet<(NodeId, NodeId)>,
}

impl Weather {
    /// As the scenario has it; the seed gives each pair of nodes its latency.
    pub(super) fn new(links: NetConfig, seed: u64, walled: BTreeSet<NodeId>) -> Weather {
        let dice = Dice::new(seed).derive("latencies");
        Weather { links, dice, walled, apart: BTreeSet::new(), clogged: BTreeSet::new() }
    }

    pub(super) fn set_latency(&mut self, latency: Latency) {
        self.links.latency = latency;
    }

    /// These reach each other, and the others each other, but nobody crosses over.
    pub(super) fn partition(&mut self, nodes: &[NodeId]) {
        self.apart = nodes.iter().copied().collect();
    }

    pub(super) fn clog(&mut self, a: NodeId, b: NodeId) {
        if a != b {
            self.clogged.insert((a.min(b), a.max(b)));
        }
    }

    pub(super) fn unclog(&mut self, a: NodeId, b: NodeId) {
        self.clogged.remove(&(a.min(b), a.max(b)));
    }

    pub(super) fn wall(&mut self, node: NodeId, walled: bool) {
        if walled {
            self.walled.insert(node)
        } else {
            self.walled.remove(&node)
        };
    }

    /// Everything gets through again.
    pub(super) fn heal(&mut self) {
        self.apart.clear();
        self.clogged.clear();
    }

    /// The latency between two nodes: always the same for the same pair, seed and distribution.
    fn latency(&self, a: NodeId, b: NodeId) -> Duration {
        let pair = format!("{} {}", a.min(b), a.max(b));
        self.links.latency.draw(&mut self.dice.derive(&pair))
    }

    /// The longest latency between nodes at these addresses.
    pub(super) fn longest(&self, nodes: u32) -> Duration {
        if let Latency::Constant { us } = self.links.latency {
            return Duration::from_micros(us);
        }
        let pairs = (0..nodes).flat_map(|a| (0..a).map(move |b| (NodeId(a), NodeId(b))));
        pairs.map(|(a, b)| self.latency(a, b)).max().unwrap_or_default()
    }

    /// What the links of one node are like, of all that are at these addresses.
    pub(super) fn of(&self, node: NodeId, addresses: &[IpAddr]) -> Conditions {
        let others = || (0..).map(NodeId).zip(addresses).filter(|(other, _)| *other != node);
        let network = |address: &IpAddr| Network::from(*address);
        let mut conditions = Conditions {
            rate_bytes_s: self.links.rate_bytes_s,
            datagram_loss: self.links.datagram_loss,
            firewalled: self.walled.contains(&node),
            ..Conditions::default()
        };
        let us = |latency: Duration| latency.as_micros() as u64;
        match self.links.latency {
            Latency::Constant { us } => conditions.latency_us = us,
            _ => {
                let far = |(other, address): (NodeId, &IpAddr)| Far {
                    network: network(address),
                    latency_us: us(self.latency(node, other)),
                };
                conditions.latencies = others().map(far).collect();
            }
        }
        let is_cut = |other: NodeId| {
            self.apart.contains(&node) != self.apart.contains(&other)
                || self.clogged.contains(&(node.min(other), node.max(other)))
        };
        let cut = others().filter(|(other, _)| is_cut(*other));
        conditions.silent = cut.map(|(_, address)| network(address)).collect();
        conditions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pair_has_its_latency_and_what_is_cut_off_is_silent_at_both_ends() {
        let links =
            NetConfig { latency: Latency::Exponential { mean_us: 50_000 }, ..NetConfig::default() };
        let mut weather = Weather::new(links, 7, BTreeSet::from([NodeId(2)]));
        let addresses: Vec<IpAddr> = (1..=4).map(|last| IpAddr::from([127, 9, 0, last])).collect();
        let of = |weather: &Weather, node: u32| weather.of(NodeId(node), &addresses);
        let far = |conditions: &Conditions, at: usize| conditions.latencies[at].latency_us;
        // 0 and 3 are as far from each other as 3 and 0, and not as 0 and 1.
        assert_eq!(far(&of(&weather, 0), 2), far(&of(&weather, 3), 0));
        assert_ne!(far(&of(&weather, 0), 2), far(&of(&weather, 0), 0));
        assert!(of(&weather, 2).firewalled && !of(&weather, 0).firewalled);
        let silent = |weather: &Weather, node: u32| {
            of(weather, node).silent.iter().map(|network| network.address).collect::<Vec<_>>()
        };
        weather.partition(&[NodeId(0), NodeId(1)]);
        assert_eq!(silent(&weather, 0), addresses[2..]);
        assert_eq!(silent(&weather, 3), addresses[..2]);
        weather.clog(NodeId(1), NodeId(0));
        assert_eq!(silent(&weather, 0).len(), 3);
        weather.heal();
        assert!(silent(&weather, 0).is_empty());
        weather.set_latency(Latency::Constant { us: 9 });
        assert_eq!((of(&weather, 0).latency_us, of(&weather, 0).latencies.len()), (9, 0));
    }
}
