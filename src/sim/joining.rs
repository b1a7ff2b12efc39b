//! How a node finds the others: by hosts that it knows, by a host cache, or because it is told;
//! and worlds that emerge from nodes that come one after the other.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::event::Event as Happening;
use super::world::{BEGINNING, Outcome, World};
use super::{Dice, NodeId, SharedFile};
use crate::node::io::{HostRecord, HostSource};
use crate::node::{Command, Config, Tier};

/// The name of the host cache of a world; it is the first node that lives.
const HOST_CACHE: &str = "cache.world";
/// How often a node is drawn for each that is wanted, before fewer have to do.
const DRAWS_MAX: u32 = 20;

/// How a node that comes finds the others.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Joining {
    /// It knows the addresses of so many that live, chosen at random: ultrapeers if there are any.
    Hosts {
        /// So many.
        hosts_known: u32,
    },
    /// It asks a UDP host cache: the first node of the world that lives.
    HostCache,
    /// It is told to connect to so many random ones.
    Links {
        /// So many.
        links: u32,
    },
}

impl Default for Joining {
    fn default() -> Self {
        Joining::Hosts { hosts_known: 10 }
    }
}

/// A network that nobody designs: nodes come one after the other and bootstrap by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Emergence {
    /// So many come.
    pub nodes: u32,
    /// How each finds those before it.
    #[serde(default)]
    pub joining: Joining,
    /// Within this time, at equal intervals; 0: all at once.
    pub within_s: f64,
}

impl World {
    /// Lets a network emerge: adds nodes one by one, as time passes. `node` says how each is
    /// configured and what it shares. They go on looking for neighbours afterwards: give them time.
    pub fn emerge(
        &mut self,
        emergence: &Emergence,
        mut node: impl FnMut(NodeId) -> (Arc<Config>, Vec<SharedFile>),
    ) -> Outcome<()> {
        let mut dice = self.dice.derive("emergence");
        let pause = emergence.within_s.max(0.0) / f64::from(emergence.nodes.max(1));
        for _ in 0..emergence.nodes {
            let (config, shared) = node(NodeId(self.nodes()));
            let id = self.add_node(&config, shared);
            self.join(id, &emergence.joining, &mut dice);
            self.run_for(Duration::from_secs_f64(pause))?;
        }
        Ok(())
    }

    /// Tells a node where to look for others.
    pub fn join(&mut self, node: NodeId, joining: &Joining, dice: &mut Dice) {
        match *joining {
            Joining::Hosts { hosts_known } => {
                let hosts = self.some_hosts(hosts_known, node, dice);
                self.remember(node, &hosts);
            }
            Joining::HostCache => {
                let living = (0..self.nodes()).map(NodeId).find(|&other| self.is_alive(other));
                let Some(cache) = living.filter(|&cache| cache != node) else { return };
                let address = self.address(cache);
                self.name(HOST_CACHE, vec![address.ip()]);
                let source = HostSource::Uhc { host: HOST_CACHE.to_owned(), port: address.port() };
                self.command(node, Command::Bootstrap(vec![source]));
            }
            Joining::Links { links } => {
                for other in self.some_hosts(links, node, dice) {
                    self.connect(node, other);
                }
            }
        }
    }

    /// Has a node know these as hosts that it was connected to.
    pub fn remember(&mut self, node: NodeId, hosts: &[NodeId]) {
        self.remember_after(Duration::ZERO, node, hosts);
    }

    pub(super) fn remember_after(&mut self, delay: Duration, node: NodeId, hosts: &[NodeId]) {
        let last_success_s = BEGINNING.at(self.now()).as_secs();
        let record =
            |&host: &NodeId| HostRecord { last_success_s, ..HostRecord::new(self.address(host)) };
        let records = hosts.iter().map(record).collect();
        let command = Happening::Command(node, Box::new(Command::Remember(records)));
        self.fabric.net.after(delay, command);
    }

    /// Different nodes that live, ultrapeers if there are any, as many as wanted unless there are
    /// hardly that many.
    pub(super) fn some_hosts(&self, wanted: u32, but: NodeId, dice: &mut Dice) -> Vec<NodeId> {
        let mut chosen: Vec<NodeId> = Vec::with_capacity(wanted as usize);
        for only_ultrapeers in [true, false] {
            for _ in 0..wanted.saturating_mul(DRAWS_MAX) {
                let node = NodeId(dice.below(self.nodes().into()) as u32);
                let fits = |tier| tier == Tier::Ultrapeer || !only_ultrapeers;
                if chosen.len() < wanted as usize
                    && node != but
                    && self.tier(node).is_some_and(fits)
                    && !chosen.contains(&node)
                {
                    chosen.push(node);
                }
            }
            if !chosen.is_empty() {
                break;
            }
        }
        chosen
    }
}
