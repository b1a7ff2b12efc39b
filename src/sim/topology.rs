//! Who is whose neighbour: kinds of graphs, by name and size, from a seed.

mod random;
mod shapes;

use serde::{Deserialize, Serialize};

use super::dice::Dice;
use super::graph::Graph;

/// A kind of graph, with its size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Topology {
    /// Every node has two neighbours, all in one circle.
    Ring {
        /// Nodes.
        nodes: u32,
    },
    /// A ring that is cut once.
    Line {
        /// Nodes.
        nodes: u32,
    },
    /// Node 0 is everybody's only neighbour.
    Star {
        /// Nodes, the centre included.
        nodes: u32,
    },
    /// Without cycles: every node but the outermost has `degree` neighbours.
    Tree {
        /// Neighbours of an inner node.
        degree: u32,
        /// Links from node 0, the root, to the outermost nodes.
        depth: u32,
    },
    /// Everybody is everybody's neighbour (a full mesh).
    #[serde(alias = "mesh")]
    Clique {
        /// Nodes.
        nodes: u32,
    },
    /// Rows and columns; neighbours are left, right, above and below.
    Grid {
        /// Rows.
        rows: u32,
        /// Columns.
        columns: u32,
    },
    /// Every node has `degree` neighbours, at random.
    RandomRegular {
        /// Nodes; `nodes * degree` must be even, and the degree below the number of nodes.
        nodes: u32,
        /// Neighbours of each.
        degree: u32,
    },
    /// So many links between random pairs that the mean degree is as told (Erdos and Renyi).
    ErdosRenyi {
        /// Nodes.
        nodes: u32,
        /// Mean number of neighbours.
        mean_degree: f64,
    },
    /// Nodes come one after the other and link to `links` earlier ones, to each the more likely
    /// the more neighbours it has (Barabasi and Albert): few hubs, many small nodes.
    BarabasiAlbert {
        /// Nodes.
        nodes: u32,
        /// Links that each newcomer brings; the first `links + 1` nodes are a clique.
        links: u32,
    },
    /// A ring where everybody knows the `degree / 2` next on both sides, and each link is moved to
    /// a random other end with a probability (Watts and Strogatz): a small world.
    WattsStrogatz {
        /// Nodes.
        nodes: u32,
        /// Neighbours of each before links are moved; an odd number counts as the even one below.
        degree: u32,
        /// The probability: 0 leaves the ring, 1 leaves nothing of it.
        rewired: f64,
    },
}

impl Topology {
    /// The graph that this seed gives. Random kinds may fall apart into several components; see
    /// [`Graph::join_components`].
    pub fn graph(&self, dice: &mut Dice) -> Graph {
        let (nodes, edges) = match *self {
            Topology::Ring { nodes } => (nodes, shapes::ring(nodes)),
            Topology::Line { nodes } => (nodes, (1..nodes).map(|b| (b - 1, b)).collect()),
            Topology::Star { nodes } => (nodes, (1..nodes).map(|b| (0, b)).collect()),
            Topology::Tree { degree, depth } => shapes::tree(degree, depth),
            Topology::Clique { nodes } => {
                (nodes, (0..nodes).flat_map(|b| (0..b).map(move |a| (a, b))).collect())
            }
            Topology::Grid { rows, columns } => (rows * columns, shapes::grid(rows, columns)),
            Topology::RandomRegular { nodes, degree } => {
                (nodes, random::regular(nodes, degree, dice))
            }
            Topology::ErdosRenyi { nodes, mean_degree } => {
                (nodes, random::erdos_renyi(nodes, mean_degree, dice))
            }
            Topology::BarabasiAlbert { nodes, links } => {
                (nodes, random::barabasi_albert(nodes, links, dice))
            }
            Topology::WattsStrogatz { nodes, degree, rewired } => {
                (nodes, random::watts_strogatz(nodes, degree, rewired, dice))
            }
        };
        Graph::new(nodes, edges)
    }
}

#[cfg(test)]
mod tests;
