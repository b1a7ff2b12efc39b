//! The cast: who is there, how each is set up, who shares what, and who is meant by a phrase. It
//! follows from the scenario and the seed alone, so that it is the same in every theatre.

use std::sync::Arc;

use crate::library::words;
use crate::node::Config;
use crate::scenario::file::{File, Network, Nodes, Scenario};
use crate::sim::workload::Holdings;
use crate::sim::{Dice, Graph, NodeId, SharedFile};

/// Addresses that a new node knows.
const KNOWN: u32 = 10;

/// Who plays, and what is known of them beside what they tell themselves.
#[derive(Debug)]
pub struct Cast<'s> {
    /// What is played.
    pub scenario: &'s Scenario,
    /// With which seed.
    pub seed: u64,
    /// The graph whose links are to stand; none where nodes find each other.
    pub graph: Option<Arc<Graph>>,
    pub(super) dice: Dice,
    pub(super) holdings: Option<Holdings>,
    /// Which nodes began as leaves.
    leaves: Vec<bool>,
    /// The members of the scenario's groups, one list for each.
    groups: Vec<Vec<NodeId>>,
    named: Vec<Named>,
    configs: Configs,
}

/// A node, as it comes.
#[derive(Clone, Debug)]
pub struct Member {
    /// How it is set up.
    pub config: Arc<Config>,
    /// What it shares.
    pub files: Vec<SharedFile>,
    /// Whether it is a leaf.
    pub leaf: bool,
    /// Whether a firewall keeps connections from outside away from it.
    pub firewalled: bool,
    /// Whether that is a gateway which lets strangers in when the node asks it to.
    pub nat: bool,
}

/// The configurations of a network: one for each tier and combination of groups, shared by the
/// nodes that have it.
type Configs = Vec<(bool, Vec<usize>, Arc<Config>)>;

/// A file that the scenario names, and who has it.
#[derive(Debug)]
struct Named {
    file: SharedFile,
    words: Vec<String>,
    holders: Vec<NodeId>,
}

/// Whether a node is one of those among whom is chosen.
type May<'m> = &'m dyn Fn(NodeId) -> bool;

impl<'s> Cast<'s> {
    /// The cast of a scenario with a seed.
    pub fn new(scenario: &'s Scenario, seed: u64) -> Cast<'s> {
        let dice = Dice::new(seed).derive("scenario");
        let (graph, leaves) = links(&scenario.network, &dice);
        let mut cast = Cast {
            scenario,
            seed,
            graph,
            dice: dice.derive("choices"),
            holdings: None,
            leaves,
            groups: Vec::new(),
            named: Vec::new(),
            configs: Vec::new(),
        };
        let nodes = cast.nodes();
        cast.groups =
            scenario.groups.iter().map(|group| cast.choose_at_first(&group.nodes)).collect();
        let churn = scenario.workload.churn.as_ref();
        let ever = churn.map_or(nodes, |churn| churn.nodes(nodes, scenario.lasts)).max(nodes);
        let corpus = scenario.workload.corpus.as_ref();
        cast.holdings = corpus.map(|corpus| corpus.place(ever, &dice));
        for share in &scenario.shares {
            let holders = cast.choose_at_first(&share.nodes);
            for file in &share.files {
                cast.name_file(file, &holders);
            }
        }
        cast
    }

    /// How many nodes there are at first.
    pub fn nodes(&self) -> u32 {
        self.scenario.network.nodes()
    }

    /// A node of the beginning.
    pub fn member(&mut self, node: NodeId) -> Member {
        let of = self.groups_of(node);
        let leaf = self.is_leaf(node);
        let is = |what: fn(&crate::scenario::file::Group) -> bool| {
            of.iter().any(|&group| what(&self.scenario.groups[group]))
        };
        let rides_free = is(|group| group.free_riders);
        let (firewalled, nat) = (is(|group| group.firewalled), is(|group| group.nat));
        let files = if rides_free { Vec::new() } else { self.files_of(node) };
        Member { config: self.config(leaf, &of), files, leaf, firewalled, nat }
    }

    /// The next node that comes while the play goes on; its number is one more than the last one's.
    pub(super) fn newcomer(&mut self, node: NodeId) -> Member {
        let leaf = match self.scenario.network {
            // As many of each tier as before.
            Network::TwoTier { ultrapeers, leaves, .. } => {
                self.dice.below(u64::from(ultrapeers + leaves)) >= u64::from(ultrapeers)
            }
            _ => false,
        };
        self.leaves.resize(node.0 as usize, false);
        self.leaves.push(leaf);
        let config = self.config(leaf, &[]);
        Member { config, files: self.files_of(node), leaf, firewalled: false, nat: false }
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

    /// The file of a name, and its number if it is of the corpus.
    pub(super) fn file_of(&self, name: &str) -> Option<(SharedFile, Option<u32>)> {
        if let Some(named) = self.named.iter().find(|named| named.file.entry.name == name) {
            return Some((named.file.clone(), None));
        }
        let holdings = self.holdings.as_ref()?;
        let files = holdings.catalogue().matches(name);
        let file = files.into_iter().find(|&file| holdings.catalogue().name(file) == name)?;
        Some((holdings.shared_file(file), Some(file)))
    }

    /// Whoever shares a match, in order, dead or alive.
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
        nodes
    }

    /// The ultrapeers that a node is told of, of so many nodes that there are.
    pub fn acquaintances(&mut self, node: NodeId, nodes: u32, may: May<'_>) -> Vec<NodeId> {
        let (ultrapeers, known) = match self.scenario.network {
            Network::TwoTier { ultrapeers, known, .. } => (ultrapeers, known),
            _ => (nodes, KNOWN),
        };
        let mut others = Vec::new();
        for _ in 0..known * 4 {
            let other = NodeId(self.dice.below(u64::from(ultrapeers)) as u32);
            if other != node && !others.contains(&other) && may(other) {
                others.push(other);
            }
            if others.len() >= known as usize {
                break;
            }
        }
        others
    }

    /// The neighbours that a node is to have in a network whose links are given: those of the
    /// graph, or for one that came later some others. None if nodes find each other.
    pub(super) fn neighbours(
        &mut self,
        node: NodeId,
        nodes: u32,
        may: May<'_>,
    ) -> Option<Vec<NodeId>> {
        let graph = self.graph.clone()?;
        if node.0 < graph.nodes() {
            return Some(graph.neighbours(node.0).iter().map(|&other| NodeId(other)).collect());
        }
        let degree = (2 * graph.edges().len()).div_ceil(graph.nodes().max(1) as usize);
        let mut others: Vec<NodeId> = (0..nodes).map(NodeId).collect();
        others.retain(|&other| other != node && may(other));
        self.dice.shuffle(&mut others);
        others.truncate(degree);
        Some(others)
    }

    fn choose_at_first(&mut self, nodes: &Nodes) -> Vec<NodeId> {
        self.choose(nodes, self.nodes(), &|_| true)
    }

    /// The nodes that a phrase means, of so many that there are, in order.
    pub fn choose(&mut self, nodes: &Nodes, all: u32, may: May<'_>) -> Vec<NodeId> {
        let mut chosen: Vec<NodeId> = match nodes {
            Nodes::All => (0..all).map(NodeId).collect(),
            Nodes::Ultrapeers | Nodes::Leaves => {
                let leaf = *nodes == Nodes::Leaves;
                let is_meant = |node: &NodeId| self.is_leaf(*node) == leaf;
                (0..all).map(NodeId).filter(is_meant).collect()
            }
            Nodes::Group(name) => self.group(name).to_vec(),
            Nodes::One(node) => (*node..node + 1).map(NodeId).collect(),
            Nodes::Range(first, last) => (*first..=*last).map(NodeId).collect(),
            Nodes::Any(list) => {
                let mut together: Vec<NodeId> =
                    list.iter().flat_map(|nodes| self.choose(nodes, all, may)).collect();
                together.sort_unstable();
                together.dedup();
                together
            }
            Nodes::Some(count, of) => {
                let of = self.choose(of, all, may);
                self.some(of, *count as usize)
            }
            Nodes::Part(part, of) => {
                let of = self.choose(of, all, may);
                let count = (of.len() as f64 * part).round() as usize;
                self.some(of, count)
            }
        };
        chosen.retain(|&node| node.0 < all && may(node));
        chosen
    }

    fn some(&mut self, mut of: Vec<NodeId>, count: usize) -> Vec<NodeId> {
        self.dice.shuffle(&mut of);
        of.truncate(count);
        of.sort_unstable();
        of
    }

    fn group(&self, name: &str) -> &[NodeId] {
        let mut groups = self.scenario.groups.iter().zip(&self.groups);
        groups.find(|(group, _)| group.name == name).map_or(&[], |(_, members)| members)
    }

    fn groups_of(&self, node: NodeId) -> Vec<usize> {
        let is_in = |members: &&Vec<NodeId>| members.binary_search(&node).is_ok();
        (0..).zip(&self.groups).filter(|(_, of)| is_in(of)).map(|(at, _)| at).collect()
    }

    /// Whether there are leaves at first.
    pub fn has_leaves(&self) -> bool {
        self.leaves.contains(&true)
    }

    /// Whether a node began as a leaf.
    pub fn is_leaf(&self, node: NodeId) -> bool {
        self.leaves.get(node.0 as usize).copied().unwrap_or(false)
    }

    /// The configuration of a node.
    pub(super) fn config_of(&mut self, node: NodeId) -> Arc<Config> {
        let groups = self.groups_of(node);
        self.config(self.is_leaf(node), &groups)
    }

    fn config(&mut self, leaf: bool, groups: &[usize]) -> Arc<Config> {
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
}

/// The words of a text as searches compare them.
fn words_of(text: &str) -> Vec<String> {
    let lower = |word: words::Word<'_>| String::from_utf8_lossy(word.bytes).to_ascii_lowercase();
    words::of(&words::fold(text)).map(lower).collect()
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
        Network::Emergent { .. } => (None, Vec::new()),
    }
}
