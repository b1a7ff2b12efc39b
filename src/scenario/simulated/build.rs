//! Builds the world: nodes with their settings and files, and the links between them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::stage::{Named, Stage, Which, words_of};
use crate::node::Time;
use crate::scenario::file::{File, Network, Scenario};
use crate::sim::workload::Plan;
use crate::sim::{Dice, Failure, Graph, NodeId, SharedFile, World, WorldConfig};

/// Memory for what is known of queries; each takes some bytes a node.
const LEDGER_BYTES: usize = 400 << 20;
/// An expanding ring asks with a query for each TTL.
const QUERIES_A_SEARCH: usize = 8;
/// Part of the whole work that building is taken to be.
const BUILDING: f64 = 0.1;
/// Addresses that a new node knows.
const KNOWN: u32 = 10;

impl<'s> Stage<'s> {
    /// The world as it is when the play begins.
    pub(super) fn build(
        scenario: &'s Scenario,
        seed: u64,
        draw: bool,
        progress: &mut dyn FnMut(f64),
    ) -> Result<Stage<'s>, Box<Failure>> {
        let nodes = scenario.network.nodes();
        let dice = Dice::new(seed).derive("scenario");
        let (graph, leaves) = links(&scenario.network, &dice);
        let queries_max = (LEDGER_BYTES / (nodes as usize * 12)).clamp(32, 65_536);
        let world = WorldConfig { net: scenario.links, queries_max, ..WorldConfig::default() };
        let mut stage = Stage {
            scenario,
            seed,
            world: World::new(seed, world),
            dice: dice.derive("choices"),
            configs: Vec::new(),
            graph,
            leaves,
            groups: BTreeMap::new(),
            holdings: None,
            named: Vec::new(),
            began: Time::ZERO,
            plan: Plan::new(),
            asked: Vec::new(),
            rows: Vec::new(),
            followed_max: queries_max / QUERIES_A_SEARCH,
            fetches: Vec::new(),
            timeline: Vec::new(),
            samples: Vec::new(),
            sample_every: Duration::MAX,
            checks: Vec::new(),
            before: Vec::new(),
            messages_before: 0,
            messages_sampled: 0,
            draw,
            flood: None,
            expected_end: Duration::ZERO,
        };
        stage.world.follow_copies(draw);
        stage.populate(&dice);
        progress(BUILDING / 2.0);
        stage.let_stand()?;
        progress(BUILDING);
        Ok(stage)
    }

    fn populate(&mut self, dice: &Dice) {
        let scenario = self.scenario;
        let nodes = scenario.network.nodes();
        let groups: Vec<Vec<NodeId>> = scenario
            .groups
            .iter()
            .map(|group| self.choose_among(&group.nodes, nodes, Which::All))
            .collect();
        for (group, members) in scenario.groups.iter().zip(&groups) {
            self.groups.insert(group.name.clone(), members.clone());
        }
        let churn = scenario.workload.churn.as_ref();
        let ever = churn.map_or(nodes, |churn| churn.nodes(nodes, scenario.lasts)).max(nodes);
        self.holdings = scenario.workload.corpus.as_ref().map(|corpus| corpus.place(ever, dice));
        for share in &scenario.shares {
            let holders = self.choose_among(&share.nodes, nodes, Which::All);
            for file in &share.files {
                self.name_file(file, &holders);
            }
        }
        for node in (0..nodes).map(NodeId) {
            let of: Vec<usize> = (0..)
                .zip(&groups)
                .filter(|(_, members)| members.binary_search(&node).is_ok())
                .map(|(at, _)| at)
                .collect();
            let leaf = self.is_leaf(node);
            let config = self.config(leaf, &of);
            let rides_free = of.iter().any(|&group| scenario.groups[group].free_riders);
            let files = if rides_free { Vec::new() } else { self.files_of(node) };
            self.world.add_node(&config, files);
            if of.iter().any(|&group| scenario.groups[group].firewalled) {
                self.world.set_reachable(node, false);
            }
        }
    }

    /// What a node shares at first.
    fn files_of(&self, node: NodeId) -> Vec<SharedFile> {
        let mut files =
            self.holdings.as_ref().map(|holdings| holdings.shared(node)).unwrap_or_default();
        let named = self.named.iter().filter(|named| named.holders.binary_search(&node).is_ok());
        files.extend(named.map(|named| named.file.clone()));
        files
    }

    /// Notes that these nodes have a file of a name; says which one it is.
    pub(super) fn name_file(&mut self, file: &File, holders: &[NodeId]) -> SharedFile {
        let known = self.named.iter_mut().find(|named| {
            named.file.entry.name == file.name && named.file.entry.size == file.size_bytes
        });
        if let Some(named) = known {
            named.holders.extend(holders);
            named.holders.sort_unstable();
            named.holders.dedup();
            return named.file.clone();
        }
        let corpus = self.scenario.workload.corpus.as_ref().map_or(0, |corpus| corpus.files);
        let index = corpus + 1 + self.named.len() as u32;
        let content = u64::from(index) | 1 << 40;
        let shared = SharedFile::new(index, &file.name, file.size_bytes, content);
        let (words, holders) = (words_of(&file.name), holders.to_vec());
        self.named.push(Named { file: shared.clone(), words, holders });
        shared
    }

    /// Connects everybody, or lets them find each other, and begins the play.
    fn let_stand(&mut self) -> Result<(), Box<Failure>> {
        match self.graph.clone() {
            Some(graph) => {
                self.world.mend(&graph);
                self.world.settle()?;
            }
            None => {
                for node in (0..self.world.nodes()).map(NodeId) {
                    self.introduce(node);
                }
                self.world.run_for(self.scenario.warm_up)?;
            }
        }
        self.begin();
        Ok(())
    }

    /// Tells a node some ultrapeers.
    pub(super) fn introduce(&mut self, node: NodeId) {
        let (ultrapeers, known) = match self.scenario.network {
            Network::TwoTier { ultrapeers, known, .. } => (ultrapeers, known),
            _ => (self.world.nodes(), KNOWN),
        };
        let mut others = Vec::new();
        for _ in 0..known * 4 {
            let other = NodeId(self.dice.below(u64::from(ultrapeers)) as u32);
            if other != node && !others.contains(&other) && self.world.is_alive(other) {
                others.push(other);
            }
            if others.len() >= known as usize {
                break;
            }
        }
        self.world.remember(node, &others);
    }

    /// A new node comes; `files` as of the corpus.
    pub(super) fn add_newcomer(&mut self) -> NodeId {
        let leaf = match self.scenario.network {
            // As many of each tier as before.
            Network::TwoTier { ultrapeers, leaves, .. } => {
                self.dice.below(u64::from(ultrapeers + leaves)) >= u64::from(ultrapeers)
            }
            _ => false,
        };
        let node = NodeId(self.world.nodes());
        let config = self.config(leaf, &[]);
        let files = self.files_of(node);
        self.leaves.resize(node.0 as usize, false);
        self.leaves.push(leaf);
        self.world.add_node(&config, files);
        self.before.push((0, 0));
        self.find_neighbours(node);
        node
    }

    /// Gives a node that has none neighbours: those of the graph, some others, or by its own means.
    pub(super) fn find_neighbours(&mut self, node: NodeId) {
        let Some(graph) = self.graph.clone() else { return self.introduce(node) };
        let near: Vec<NodeId> = if node.0 < graph.nodes() {
            graph.neighbours(node.0).iter().map(|&other| NodeId(other)).collect()
        } else {
            let degree = (2 * graph.edges().len()).div_ceil(graph.nodes().max(1) as usize);
            let mut others: Vec<NodeId> = (0..self.world.nodes()).map(NodeId).collect();
            others.retain(|&other| other != node && self.world.is_alive(other));
            self.dice.shuffle(&mut others);
            others.truncate(degree);
            others
        };
        for other in near {
            if self.world.is_alive(other) && !self.world.is_linked(node, other) {
                self.world.connect(node, other);
            }
        }
    }
}

/// The graph that is to stand, and which nodes are leaves.
fn links(network: &Network, dice: &Dice) -> (Option<Arc<Graph>>, Vec<bool>) {
    match network {
        Network::Graph { topology, joined } => {
            let mut dice = dice.derive("topology");
            let graph = topology.graph(&mut dice);
            let graph = if *joined { graph.join_components(&mut dice) } else { graph };
            (Some(Arc::new(graph)), Vec::new())
        }
        Network::EdgeList { graph, .. } => (Some(Arc::clone(graph)), Vec::new()),
        Network::TwoTier { ultrapeers, leaves, .. } => {
            let tiers = (0..ultrapeers + leaves).map(|node| node >= *ultrapeers);
            (None, tiers.collect())
        }
    }
}
