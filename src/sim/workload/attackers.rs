//! Who does harm, and how much; what it does is the business of byzantine nodes.

use serde::{Deserialize, Serialize};

use super::{Unfit, amount, share};
use crate::sim::{Dice, NodeId};

/// Nodes that flood queries: 0.5 % of 20,000 peers that sent 20,000 queries a minute each made ten
/// times the traffic and up to 89.7 % of the searches fail (Liu et al. 2007).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Attackers {
    /// Their share of the nodes.
    pub nodes_share: f64,
    /// Queries that each sends in a minute.
    pub queries_per_minute: f64,
    /// When they begin.
    pub after_s: f64,
    /// How long they go on; to the end if not given.
    pub lasting_s: Option<f64>,
}

impl Default for Attackers {
    fn default() -> Self {
        let (nodes_share, queries_per_minute) = (0.005, 20_000.0);
        Attackers { nodes_share, queries_per_minute, after_s: 0.0, lasting_s: None }
    }
}

impl Attackers {
    /// Whether its values make sense.
    pub fn check(&self) -> Result<(), Unfit> {
        share("nodes-share", self.nodes_share)?;
        amount("queries-per-minute", self.queries_per_minute)?;
        amount("after-s", self.after_s)?;
        amount("lasting-s", self.lasting_s.unwrap_or(0.0))
    }

    /// Which of so many nodes they are, in order: one at least unless their share is 0.
    pub fn nodes(&self, nodes: u32, dice: &Dice) -> Vec<NodeId> {
        let mut order: Vec<u32> = (0..nodes).collect();
        dice.derive("attackers").shuffle(&mut order);
        let count = (f64::from(nodes) * self.nodes_share).ceil() as usize;
        order.truncate(count);
        order.sort_unstable();
        order.into_iter().map(NodeId).collect()
    }
}
