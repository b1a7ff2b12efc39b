//! A world of two tiers: ultrapeers and leaves that know a few addresses and find each other by
//! their own slot policy.

use std::sync::Arc;

use super::world::{BEGINNING, World};
use super::{NodeId, SharedFile};
use crate::node::io::HostRecord;
use crate::node::{Command, Config, Role};

/// How many of each tier, and how they begin.
#[derive(Clone, Copy, Debug)]
pub struct TwoTiers {
    /// Nodes that are ultrapeers.
    pub ultrapeers: u32,
    /// Nodes that are leaves.
    pub leaves: u32,
    /// Ultrapeers, chosen at random, whose addresses each node knows at first.
    pub hosts_known: u32,
}

/// The nodes of a two-tier world.
#[derive(Clone, Debug)]
pub struct Population {
    /// Those that pass queries on.
    pub ultrapeers: Vec<NodeId>,
    /// Those that hang on them.
    pub leaves: Vec<NodeId>,
}

impl World {
    /// Adds nodes of both tiers, the ultrapeers first; `shared` says what each shares. They look
    /// for neighbours by themselves: give them time.
    pub fn add_two_tiers(
        &mut self,
        tiers: &TwoTiers,
        config: &Config,
        mut shared: impl FnMut(NodeId) -> Vec<SharedFile>,
    ) -> Population {
        let mut add = |role, count: u32| -> Vec<NodeId> {
            let config = Arc::new(Config { role, auto_connect: true, ..config.clone() });
            let mut node = || {
                let id = NodeId(self.nodes());
                self.add_node(&config, shared(id))
            };
            (0..count).map(|_| node()).collect()
        };
        let ultrapeers = add(Role::Ultrapeer, tiers.ultrapeers);
        let leaves = add(Role::Leaf, tiers.leaves);
        let mut dice = self.dice.derive("two tiers");
        let mut known = ultrapeers.clone();
        for &node in ultrapeers.iter().chain(&leaves) {
            dice.shuffle(&mut known);
            let others = known.iter().filter(|&&other| other != node);
            let records = others.take(tiers.hosts_known as usize).map(|&other| HostRecord {
                last_success_s: BEGINNING.as_secs(),
                ..HostRecord::new(self.address(other))
            });
            let records = records.collect();
            self.command(node, Command::Remember(records));
        }
        Population { ultrapeers, leaves }
    }
}
