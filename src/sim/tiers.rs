//! A world of two tiers: ultrapeers and leaves that know a few addresses and find each other by
//! their own slot policy.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::world::{World, begins_after};
use super::{Dice, NodeId, SharedFile};
use crate::node::{Config, Role};

/// How many of each tier, and how they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
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
    /// for neighbours by themselves, 10,000 at once and as many more every tenth of a second (of
    /// more than half a million a fiftieth): give them time.
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
        for (at, &node) in (0..).zip(ultrapeers.iter().chain(&leaves)) {
            let others = distinct(&ultrapeers, tiers.hosts_known, node, &mut dice);
            self.remember_after(begins_after(at, tiers.ultrapeers + tiers.leaves), node, &others);
        }
        Population { ultrapeers, leaves }
    }
}

/// So many different ones of these nodes, or all if there are fewer; never `but`.
fn distinct(of: &[NodeId], wanted: u32, but: NodeId, dice: &mut Dice) -> Vec<NodeId> {
    let wanted = wanted as usize;
    if wanted * 4 >= of.len() {
        let mut all: Vec<NodeId> = of.iter().copied().filter(|&node| node != but).collect();
        dice.shuffle(&mut all);
        all.truncate(wanted);
        return all;
    }
    let mut chosen = Vec::with_capacity(wanted);
    while chosen.len() < wanted {
        let drawn = dice.pick(of).copied().filter(|drawn| *drawn != but && !chosen.contains(drawn));
        chosen.extend(drawn);
    }
    chosen
}
