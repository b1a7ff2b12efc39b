//! `[network]`: who is there, and who is whose neighbour at first. `[[group]]`: nodes that differ.

use std::sync::Arc;
use std::time::Duration;

use super::document::Mistake;
use super::nodes::Nodes;
use super::section::{Read, Section, one_of};
use super::settings::Settings;
use crate::sim::{Graph, Joining, Topology, edge_list};

/// The network at the beginning.
#[derive(Clone, Debug, PartialEq)]
pub enum Network {
    /// A graph that the seed gives; links stand where it says and nowhere else.
    Graph {
        /// Its kind and size.
        topology: Topology,
        /// Whether parts that cannot reach each other are linked, one link each.
        joined: bool,
    },
    /// A graph from a file.
    EdgeList {
        /// The file, as it is named.
        file: String,
        /// What it holds.
        graph: Arc<Graph>,
    },
    /// Ultrapeers and leaves that know some addresses and find each other.
    TwoTier {
        /// How many ultrapeers.
        ultrapeers: u32,
        /// How many leaves.
        leaves: u32,
        /// Addresses of ultrapeers that each node knows at first.
        known: u32,
    },
    /// Nodes that come one after the other, bootstrap by themselves and find each other.
    Emergent {
        /// How many.
        nodes: u32,
        /// How each finds those before it.
        joining: Joining,
        /// Within which time they come, at equal intervals.
        within: Duration,
    },
}

/// Nodes of a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Their name.
    pub name: String,
    /// Who they are.
    pub nodes: Nodes,
    /// Settings that differ from those of `[node]`.
    pub settings: Settings,
    /// Whether a firewall keeps connections from outside away from them.
    pub firewalled: bool,
    /// Whether they are behind a gateway that lets strangers in when they ask it to.
    pub nat: bool,
    /// Whether they share nothing.
    pub free_riders: bool,
}

impl Network {
    /// How many nodes there are at first.
    pub fn nodes(&self) -> u32 {
        match self {
            Network::Graph { topology, .. } => nodes_of(topology),
            Network::EdgeList { graph, .. } => graph.nodes(),
            Network::TwoTier { ultrapeers, leaves, .. } => ultrapeers.saturating_add(*leaves),
            Network::Emergent { nodes, .. } => *nodes,
        }
    }

    /// Whether nodes look for neighbours by themselves.
    pub fn finds_itself(&self) -> bool {
        matches!(self, Network::TwoTier { .. } | Network::Emergent { .. })
    }

    /// In a few words.
    pub fn describe(&self) -> String {
        match self {
            Network::Graph { topology, .. } => {
                format!("{} nodes, {}", nodes_of(topology), kind_of(topology))
            }
            Network::EdgeList { file, graph } => format!("{} nodes, {file}", graph.nodes()),
            Network::Emergent { nodes, .. } => format!("{nodes} nodes that find each other"),
            Network::TwoTier { ultrapeers, leaves, .. } => {
                format!("{ultrapeers} ultrapeers and {leaves} leaves")
            }
        }
    }
}

fn kind_of(topology: &Topology) -> &'static str {
    match topology {
        Topology::Ring { .. } => "a ring",
        Topology::Line { .. } => "a line",
        Topology::Star { .. } => "a star",
        Topology::Tree { .. } => "a tree",
        Topology::Clique { .. } => "a full mesh",
        Topology::Grid { .. } => "a grid",
        Topology::RandomRegular { .. } => "a random regular graph",
        Topology::ErdosRenyi { .. } => "a random graph (Erdos and Renyi)",
        Topology::BarabasiAlbert { .. } => "a graph with hubs (Barabasi and Albert)",
        Topology::WattsStrogatz { .. } => "a small world (Watts and Strogatz)",
    }
}

fn nodes_of(topology: &Topology) -> u32 {
    match *topology {
        Topology::Ring { nodes }
        | Topology::Line { nodes }
        | Topology::Star { nodes }
        | Topology::Clique { nodes }
        | Topology::RandomRegular { nodes, .. }
        | Topology::ErdosRenyi { nodes, .. }
        | Topology::BarabasiAlbert { nodes, .. }
        | Topology::WattsStrogatz { nodes, .. } => nodes,
        Topology::Grid { rows, columns } => rows.saturating_mul(columns),
        Topology::Tree { degree, depth } => {
            let (mut all, mut ring) = (1_u32, degree);
            for _ in 0..depth {
                all = all.saturating_add(ring);
                ring = ring.saturating_mul(degree.saturating_sub(1));
                if all > NODES_MAX {
                    break;
                }
            }
            all
        }
    }
}

/// Addresses that each node knows at first, if nothing is said.
const KNOWN: u32 = 10;
/// Links that a node is told to make as it comes, if nothing is said.
const LINKS: u32 = 4;
/// Within which time the nodes of a network come that emerges, if nothing is said.
const WITHIN: Duration = Duration::from_secs(60);
/// At most so many nodes: their addresses are 10.x.y.z.
const NODES_MAX: u32 = 16_000_000;
/// At most so many links, each of which takes about a kilobyte of memory.
const LINKS_MAX: f64 = 20e6;

const KINDS: &[(&str, &[&str])] = &[
    ("ring", &["nodes"]),
    ("line", &["nodes"]),
    ("star", &["nodes"]),
    ("tree", &["degree", "depth"]),
    ("mesh", &["nodes"]),
    ("grid", &["rows", "columns"]),
    ("random-regular", &["nodes", "degree"]),
    ("erdos-renyi", &["nodes", "mean-degree"]),
    ("barabasi-albert", &["nodes", "links"]),
    ("watts-strogatz", &["nodes", "degree", "rewired"]),
    ("edge-list", &["file"]),
    ("two-tier", &["ultrapeers", "leaves", "nodes", "known"]),
    ("none", &["nodes", "by", "known", "within"]),
];

/// The keys of `[network]`.
pub(super) const KEYS: &[&str] = &[
    "topology",
    "nodes",
    "degree",
    "depth",
    "rows",
    "columns",
    "mean-degree",
    "links",
    "rewired",
    "file",
    "ultrapeers",
    "leaves",
    "known",
    "by",
    "within",
    "joined",
];

/// Reads `[network]`; `load` gets the text of an edge list. If the topology is `varied`, there may be
/// keys that this one has no use for.
pub(super) fn read(
    section: &Section<'_>,
    load: &dyn Fn(&str) -> Result<String, String>,
    varied: bool,
) -> Read<Network> {
    let word = section.need("topology", section.text("topology")?)?;
    let kinds: Vec<(&str, usize)> =
        KINDS.iter().zip(0..).map(|((name, _), at)| (*name, at)).collect();
    let at =
        one_of(&word, "topology", &kinds).map_err(|wrong| section.mistake("topology", wrong))?;
    let (kind, keys) = KINDS[at];
    for (key, place, _) in section.entries() {
        let key = key.replace('_', "-");
        if !varied
            && !keys.contains(&key.as_str())
            && !matches!(key.as_str(), "topology" | "joined")
        {
            let message = format!("topology {kind} has no {key}; it has {}", keys.join(", "));
            return Err(section.document.mistake(place, &format!("network.{key}"), message));
        }
    }
    let number = |key: &str| -> Read<u32> { section.need(key, section.count(key)?) };
    let topology = match kind {
        "ring" => Topology::Ring { nodes: number("nodes")? },
        "line" => Topology::Line { nodes: number("nodes")? },
        "star" => Topology::Star { nodes: number("nodes")? },
        "tree" => tree(section, number("degree")?, number("depth")?)?,
        "mesh" => Topology::Clique { nodes: number("nodes")? },
        "grid" => Topology::Grid { rows: number("rows")?, columns: number("columns")? },
        "random-regular" => regular(section, number("nodes")?, number("degree")?)?,
        "erdos-renyi" => random(section, number("nodes")?)?,
        "barabasi-albert" => hubs(section, number("nodes")?, number("links")?)?,
        "watts-strogatz" => small_world(section, number("nodes")?, number("degree")?)?,
        "edge-list" => return edges(section, load),
        "two-tier" => return fits(section, two_tier(section)?),
        _ => return fits(section, emergent(section)?),
    };
    let joined = section.truth("joined")?.unwrap_or(true);
    fits(section, Network::Graph { topology, joined })
}

fn fits(section: &Section<'_>, network: Network) -> Read<Network> {
    let nodes = network.nodes();
    match nodes {
        0 => Err(section.mistake("topology", "this network has no nodes")),
        1..=NODES_MAX => {
            let links = match &network {
                Network::Graph { topology, .. } => links_of(topology),
                _ => 0.0,
            };
            match links <= LINKS_MAX {
                true => Ok(network),
                false => {
                    let message = format!("{links:.0} links are too many; {LINKS_MAX} at most");
                    Err(section.mistake("topology", message))
                }
            }
        }
        _ => Err(section.mistake("topology", format!("a network has {NODES_MAX} nodes at most"))),
    }
}

/// How many links there will be, about.
fn links_of(topology: &Topology) -> f64 {
    let nodes = f64::from(nodes_of(topology));
    match *topology {
        Topology::Clique { .. } => nodes * (nodes - 1.0) / 2.0,
        Topology::RandomRegular { degree, .. } | Topology::WattsStrogatz { degree, .. } => {
            nodes * f64::from(degree) / 2.0
        }
        Topology::ErdosRenyi { mean_degree, .. } => nodes * mean_degree / 2.0,
        Topology::BarabasiAlbert { links, .. } => nodes * f64::from(links),
        Topology::Grid { .. } => 2.0 * nodes,
        Topology::Ring { .. }
        | Topology::Line { .. }
        | Topology::Star { .. }
        | Topology::Tree { .. } => nodes,
    }
}

fn tree(section: &Section<'_>, degree: u32, depth: u32) -> Read<Topology> {
    match degree {
        0 | 1 => Err(section.mistake("degree", "a tree branches: its degree is 2 at least")),
        _ => Ok(Topology::Tree { degree, depth }),
    }
}

fn random(section: &Section<'_>, nodes: u32) -> Read<Topology> {
    let mean_degree = section.need("mean-degree", section.number("mean-degree")?)?;
    let most = nodes.saturating_sub(1);
    if mean_degree > f64::from(most) {
        let message = format!("a node has {most} others to link to, not {mean_degree}");
        return Err(section.mistake("mean-degree", message));
    }
    Ok(Topology::ErdosRenyi { nodes, mean_degree })
}

fn hubs(section: &Section<'_>, nodes: u32, links: u32) -> Read<Topology> {
    if links == 0 || (links >= nodes && nodes > 1) {
        let most = nodes.saturating_sub(1);
        let message =
            format!("each newcomer links to so many of those before it: 1 to {most}, not {links}");
        return Err(section.mistake("links", message));
    }
    Ok(Topology::BarabasiAlbert { nodes, links })
}

fn small_world(section: &Section<'_>, nodes: u32, degree: u32) -> Read<Topology> {
    if !degree.is_multiple_of(2) || degree >= nodes {
        let message = format!(
            "each node begins with half its neighbours on either side: the degree must be even, and below the {nodes} nodes"
        );
        return Err(section.mistake("degree", message));
    }
    let rewired = section.need("rewired", section.part("rewired")?)?;
    Ok(Topology::WattsStrogatz { nodes, degree, rewired })
}

fn regular(section: &Section<'_>, nodes: u32, degree: u32) -> Read<Topology> {
    if degree >= nodes || !(u64::from(nodes) * u64::from(degree)).is_multiple_of(2) {
        let message = format!(
            "no graph of {nodes} nodes has {degree} neighbours each: nodes * degree must be even, and the degree below the number of nodes"
        );
        return Err(section.mistake("degree", message));
    }
    Ok(Topology::RandomRegular { nodes, degree })
}

/// Nodes that come one after the other: how they find the others, and within which time they come.
fn emergent(section: &Section<'_>) -> Read<Network> {
    const WAYS: &[(&str, u8)] = &[("hosts", 0), ("host-cache", 1), ("links", 2)];
    let nodes = section.need("nodes", section.count("nodes")?)?;
    let by = section.text("by")?.unwrap_or_else(|| "hosts".to_owned());
    let way =
        one_of(&by, "way to find others", WAYS).map_err(|wrong| section.mistake("by", wrong))?;
    let known: Option<u32> = section.count("known")?;
    if let (1, Some(_)) = (way, known) {
        let message = "who asks a host cache knows nobody: leave known out, or take by = \"hosts\"";
        return Err(section.mistake("known", message));
    }
    let joining = match way {
        0 => Joining::Hosts { hosts_known: known.unwrap_or(KNOWN) },
        1 => Joining::HostCache,
        _ => Joining::Links { links: known.unwrap_or(LINKS) },
    };
    Ok(Network::Emergent { nodes, joining, within: section.time("within")?.unwrap_or(WITHIN) })
}

/// So many ultrapeers and leaves, or so many nodes of which a part are ultrapeers.
fn two_tier(section: &Section<'_>) -> Read<Network> {
    let known = section.count("known")?.unwrap_or(KNOWN);
    let (ultrapeers, leaves) = match section.count::<u32>("nodes")? {
        None => (
            section.need("ultrapeers", section.count("ultrapeers")?)?,
            section.need("leaves", section.count("leaves")?)?,
        ),
        Some(nodes) => {
            let part = section.need("ultrapeers", section.part("ultrapeers")?)?;
            let ultrapeers = (f64::from(nodes) * part).round().max(1.0) as u32;
            (ultrapeers, nodes.saturating_sub(ultrapeers))
        }
    };
    if ultrapeers == 0 && leaves > 0 {
        return Err(section.mistake("ultrapeers", "leaves need an ultrapeer to hang on"));
    }
    Ok(Network::TwoTier { ultrapeers, leaves, known })
}

fn edges(section: &Section<'_>, load: &dyn Fn(&str) -> Result<String, String>) -> Read<Network> {
    let file = section.need("file", section.text("file")?)?;
    let wrong = |message: String| section.mistake("file", message);
    let text = load(&file).map_err(wrong)?;
    let list = edge_list::parse(&text).map_err(|error| wrong(format!("{file}: {error}")))?;
    fits(section, Network::EdgeList { file, graph: Arc::new(list.graph) })
}

/// The keys of a `[[group]]`.
pub(super) const GROUP_KEYS: &[&str] =
    &["name", "nodes", "node", "firewalled", "nat", "free-riders"];

/// Reads a `[[group]]`.
pub(super) fn read_group(section: &Section<'_>) -> Read<Group> {
    let name = section.need("name", section.text("name")?)?;
    let nodes = section.need("nodes", nodes(section, "nodes")?)?;
    let settings = match section.item("node") {
        Some(item) => Settings::read(&Section::of(section.document, "group.node", item, &[])?)?,
        None => Settings::default(),
    };
    Ok(Group {
        name,
        nodes,
        settings,
        firewalled: section.truth("firewalled")?.unwrap_or(false),
        nat: section.truth("nat")?.unwrap_or(false),
        free_riders: section.truth("free-riders")?.unwrap_or(false),
    })
}

/// Reads a key that names nodes.
pub(super) fn nodes(section: &Section<'_>, key: &str) -> Read<Option<Nodes>> {
    let mut each = Vec::new();
    for (text, place) in section.texts(key)? {
        let read: Result<Nodes, Mistake> =
            Nodes::read(&text).map_err(|wrong| section.document.mistake(&place, key, wrong));
        each.push(read?);
    }
    Ok(match each.len() {
        0 => None,
        1 => each.pop(),
        _ => Some(Nodes::Any(each)),
    })
}
