//! What a cluster is to be: nodes, links, and where the nodes run.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::ClusterError;
use crate::node::Config;
use crate::node::config::Role;

/// Nodes in one cluster at most: each has an address 127.x.y.z of its own.
const NODES_MAX: usize = 64_000;

/// A network that is to stand.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Its nodes; the place in this list is a node's number. Ultrapeers come first.
    pub nodes: Vec<Planned>,
    /// Who is whose neighbour, by numbers. The first of each pair connects.
    pub edges: Vec<(u32, u32)>,
    /// Where the nodes run.
    pub seat: Seat,
}

/// A node that is to stand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// Its name, which is the name of its folder, too: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// Whether it is a leaf, for those who choose nodes by their tier.
    pub leaf: bool,
    /// How it behaves. In a cluster that stands, `listen` is where it really listens.
    #[serde(with = "differing")]
    pub config: Config,
    /// Folders that it shares.
    pub shares: Vec<PathBuf>,
    /// Whether it cannot be connected to.
    pub firewalled: bool,
}

/// Where the nodes of a cluster run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seat {
    /// A process for each.
    #[default]
    Processes,
    /// All in one process, on one thread.
    InProcess,
    /// A process in a network namespace of its own for each.
    Namespaces,
}

impl Plan {
    /// Finds what cannot stand.
    pub(super) fn check(&self) -> Result<(), ClusterError> {
        let wrong = |what: String| Err(ClusterError::Plan(what));
        if self.nodes.is_empty() {
            return wrong("a cluster needs one node at least".to_owned());
        }
        if self.nodes.len() > NODES_MAX {
            let nodes = self.nodes.len();
            return wrong(format!("{nodes} nodes are too many; {NODES_MAX} at most"));
        }
        let mut names = BTreeSet::new();
        for node in &self.nodes {
            node.check()?;
            if !names.insert(&node.name) {
                return wrong(format!("two nodes have the name {}", node.name));
            }
        }
        for &(a, b) in &self.edges {
            check_edge(a, b, self.nodes.len())?;
        }
        Ok(())
    }
}

/// An edge must join two nodes that are there.
pub(super) fn check_edge(a: u32, b: u32, nodes: usize) -> Result<(), ClusterError> {
    match a.max(b) {
        _ if a == b => Err(ClusterError::Plan(format!("node {a} cannot be its own neighbour"))),
        number if number as usize >= nodes => Err(ClusterError::NoSuchNumber { number, nodes }),
        _ => Ok(()),
    }
}

impl Planned {
    /// A node of a network where links stand where the plan says and nowhere else, and which asks
    /// nobody outside of it: in a flat network without limits of the network's shape
    /// ([`Config::flat`]), or one of the public network's two tiers.
    pub fn usual(number: u32, nodes: u32, tiers: bool, leaf: bool) -> Planned {
        let common = Config {
            auto_connect: false,
            local_addresses: true,
            compress_links: false,
            ..if tiers { Config::default() } else { Config::flat() }
        };
        let (word, config) = match (tiers, leaf) {
            (true, true) => ("leaf", Config { role: Role::Leaf, ..common }),
            (true, false) => ("ultrapeer", Config { role: Role::Ultrapeer, ..common }),
            (false, _) => ("node", Config { ttl_and_hops_max: u8::MAX, ..common }),
        };
        let config = Config {
            neighbours_max: u16::MAX,
            leaves_max: u16::MAX,
            connections_max: config.connections_max.max(nodes.saturating_mul(2)),
            unknown_connections_max: config.unknown_connections_max.max(nodes),
            searches_max: u16::MAX,
            // For those who follow a query.
            passages_max: 4_096,
            ..config
        };
        let name = format!("{word}-{number}");
        Planned { name, leaf, config, shares: Vec::new(), firewalled: false }
    }

    /// Finds what cannot stand.
    pub(super) fn check(&self) -> Result<(), ClusterError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let name = &self.name;
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !name.chars().all(plain) {
            return Err(ClusterError::Plan(format!(
                "{name:?} cannot be the name of a node: it begins with a letter, and letters, \
                 digits, - _ and . follow"
            )));
        }
        match self.shares.iter().find(|folder| !folder.is_dir()) {
            Some(folder) => {
                Err(ClusterError::NoFolder { name: name.clone(), folder: folder.clone() })
            }
            None => Ok(()),
        }
    }
}

/// The default of every key.
static USUAL: LazyLock<toml::Table> =
    LazyLock::new(|| toml::Table::try_from(Config::default()).unwrap_or_default());

/// The keys of a configuration that differ from the default, so that its file can be read by
/// people.
pub(super) fn differences(config: &Config) -> Result<toml::Table, toml::ser::Error> {
    let mut table = toml::Table::try_from(config)?;
    table.retain(|key, value| USUAL.get(key) != Some(value));
    Ok(table)
}

mod differing {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};

    use crate::node::Config;

    pub(super) fn serialize<S: Serializer>(config: &Config, to: S) -> Result<S::Ok, S::Error> {
        super::differences(config).map_err(ser::Error::custom)?.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Config, D::Error> {
        Config::deserialize(from)
    }
}
