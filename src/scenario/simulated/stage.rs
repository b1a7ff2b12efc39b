//! The stage: the world, what is known of it beside the nodes themselves, and who is meant.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::ask::Asked;
use super::{Check, Configs};
use crate::library::words;
use crate::node::{Config, Time};
use crate::scenario::file::{Nodes, Scenario};
use crate::scenario::report::{Download, Flood, Moment, Query, Sample};
use crate::sim::workload::{Holdings, Plan};
use crate::sim::{Dice, Graph, NodeId, SharedFile, World};

/// A world that is being played.
pub(super) struct Stage<'s> {
    pub(super) scenario: &'s Scenario,
    pub(super) seed: u64,
    pub(super) world: World,
    pub(super) dice: Dice,
    pub(super) configs: Configs,
    /// The graph whose links are to stand; none where nodes find each other.
    pub(super) graph: Option<Arc<Graph>>,
    /// Which nodes began as leaves.
    pub(super) leaves: Vec<bool>,
    pub(super) groups: BTreeMap<String, Vec<NodeId>>,
    pub(super) holdings: Option<Holdings>,
    pub(super) named: Vec<Named>,
    /// When the play began.
    pub(super) began: Time,
    pub(super) plan: Plan,
    /// Searches, in order: those whose row is not written yet, and the rows.
    pub(super) asked: Vec<Asked>,
    pub(super) rows: Vec<Option<Query>>,
    /// Searches that are followed at once: what the world knows of more may be forgotten.
    pub(super) followed_max: usize,
    pub(super) fetches: Vec<Fetch>,
    pub(super) timeline: Vec<Moment>,
    pub(super) samples: Vec<Sample>,
    pub(super) sample_every: Duration,
    pub(super) checks: Vec<Check>,
    /// Descriptors and bytes that each node had sent, and all had, when the play began.
    pub(super) before: Vec<(u64, u64)>,
    pub(super) messages_before: u64,
    pub(super) messages_sampled: u64,
    pub(super) draw: bool,
    pub(super) flood: Option<Flood>,
    /// How long the play will be, as far as is known.
    pub(super) expected_end: Duration,
}

/// A file that the scenario names, and who has it.
pub(super) struct Named {
    pub(super) file: SharedFile,
    pub(super) words: Vec<String>,
    pub(super) holders: Vec<NodeId>,
}

/// A download that was ordered.
pub(super) struct Fetch {
    pub(super) row: Download,
    pub(super) content: Option<u64>,
    pub(super) corpus_file: Option<u32>,
}

/// Which nodes of those that are named are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Alive,
    Dead,
    All,
}

/// The words of a text as searches compare them.
pub(super) fn words_of(text: &str) -> Vec<String> {
    let lower = |word: words::Word<'_>| String::from_utf8_lossy(word.bytes).to_ascii_lowercase();
    words::of(&words::fold(text)).map(lower).collect()
}

impl Stage<'_> {
    /// The time since the play began.
    pub(super) fn now(&self) -> Duration {
        self.world.now().since(self.began)
    }

    pub(super) fn now_us(&self) -> u64 {
        micros(self.now())
    }

    /// The nodes that a phrase means, in order.
    pub(super) fn choose(&mut self, nodes: &Nodes, which: Which) -> Vec<NodeId> {
        self.choose_among(nodes, self.world.nodes(), which)
    }

    /// The same in a network of so many nodes, which need not stand yet if all are meant.
    pub(super) fn choose_among(&mut self, nodes: &Nodes, all: u32, which: Which) -> Vec<NodeId> {
        let mut chosen: Vec<NodeId> = match nodes {
            Nodes::All => (0..all).map(NodeId).collect(),
            Nodes::Ultrapeers | Nodes::Leaves => {
                let leaf = *nodes == Nodes::Leaves;
                let is_meant = |node: &NodeId| self.is_leaf(*node) == leaf;
                (0..all).map(NodeId).filter(is_meant).collect()
            }
            Nodes::Group(name) => self.groups.get(name).cloned().unwrap_or_default(),
            Nodes::One(node) => (*node..node + 1).map(NodeId).collect(),
            Nodes::Range(first, last) => (*first..=*last).map(NodeId).collect(),
            Nodes::Any(list) => {
                let mut together: Vec<NodeId> =
                    list.iter().flat_map(|nodes| self.choose_among(nodes, all, which)).collect();
                together.sort_unstable();
                together.dedup();
                together
            }
            Nodes::Some(count, of) => {
                let of = self.choose_among(of, all, which);
                self.some(of, *count as usize)
            }
            Nodes::Part(part, of) => {
                let of = self.choose_among(of, all, which);
                let count = (of.len() as f64 * part).round() as usize;
                self.some(of, count)
            }
        };
        chosen.retain(|&node| {
            node.0 < all
                && match which {
                    Which::Alive => self.world.is_alive(node),
                    Which::Dead => !self.world.is_alive(node),
                    Which::All => true,
                }
        });
        chosen
    }

    fn some(&mut self, mut of: Vec<NodeId>, count: usize) -> Vec<NodeId> {
        self.dice.shuffle(&mut of);
        of.truncate(count);
        of.sort_unstable();
        of
    }

    pub(super) fn is_leaf(&self, node: NodeId) -> bool {
        self.leaves.get(node.0 as usize).copied().unwrap_or(false)
    }

    /// The configuration of a node in these groups.
    pub(super) fn config(&mut self, leaf: bool, groups: &[usize]) -> Arc<Config> {
        if let Some((.., config)) =
            self.configs.iter().find(|(is_leaf, known, _)| *is_leaf == leaf && known == groups)
        {
            return Arc::clone(config);
        }
        let mut config = self.scenario.config(leaf);
        for &group in groups {
            let changed = self.scenario.groups[group].settings.apply(config.clone());
            config = changed.unwrap_or(config);
        }
        let config = Arc::new(config);
        self.configs.push((leaf, groups.to_vec(), Arc::clone(&config)));
        config
    }

    /// Whoever lives and shares a match, in order.
    pub(super) fn truth(&self, text: &str) -> Vec<NodeId> {
        let wanted = words_of(text);
        let mut nodes: Vec<NodeId> =
            self.holdings.as_ref().map(|holdings| holdings.truth(text)).unwrap_or_default();
        for named in &self.named {
            if wanted.iter().all(|word| named.words.contains(word)) {
                nodes.extend(&named.holders);
            }
        }
        nodes.sort_unstable();
        nodes.dedup();
        nodes.retain(|&node| node.0 < self.world.nodes() && self.world.is_alive(node));
        nodes
    }

    /// Writes down that something happened now.
    pub(super) fn happened(&mut self, what: impl Into<String>) {
        let at_us = self.now_us();
        self.timeline.push(Moment { at_us, what: what.into() });
    }
}

pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
