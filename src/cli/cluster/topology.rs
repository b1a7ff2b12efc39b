//! Who is whose neighbour, by the words of the command line.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};

use crate::scenario::file::nearest;
use crate::sim::{Dice, Graph, Topology, edge_list};

/// The kinds, and what follows the colon.
const KINDS: &[&str] = &[
    "ring",
    "line",
    "star",
    "mesh",
    "tree",
    "grid",
    "random",
    "random-regular",
    "erdos-renyi",
    "barabasi-albert",
    "watts-strogatz",
    "edge-list",
];

/// The kind if nothing is said: four neighbours each, or everybody's if there are too few.
pub(super) const USUAL: &str = "random";
/// Nodes if nothing is said.
const NODES: u32 = 10;
/// Part of the links of a small world that are moved.
const REWIRED: f64 = 0.1;

/// The graph of a kind (`random:4`) with so many nodes, in one piece.
pub(super) fn graph(text: &str, nodes: Option<u32>, dice: &mut Dice) -> Result<Graph> {
    let (kind, parameter) = match text.split_once(':') {
        Some((kind, parameter)) => (kind.trim(), Some(parameter.trim())),
        None => (text.trim(), None),
    };
    if kind == "edge-list" {
        let graph = edges(parameter.ok_or_else(|| anyhow!("write it as edge-list:FILE"))?)?;
        return match nodes {
            Some(nodes) if nodes != graph.nodes() => {
                bail!("the edge list has {} nodes, not {nodes}; leave out -n", graph.nodes())
            }
            _ => Ok(graph),
        };
    }
    let nodes = nodes.unwrap_or(NODES);
    let number = |usual: u32| -> Result<u32> {
        parameter.map_or(Ok(usual), |text| {
            let number = text.parse().ok().filter(|&number| number > 0);
            number.ok_or_else(|| anyhow!("topology {kind}:{text}: {text} should be a whole number"))
        })
    };
    let topology = match kind {
        "ring" => Topology::Ring { nodes },
        "line" => Topology::Line { nodes },
        "star" => Topology::Star { nodes },
        "mesh" | "clique" => Topology::Clique { nodes },
        "tree" => {
            let children = number(2)?;
            return Ok(Graph::new(nodes, (1..nodes).map(|child| ((child - 1) / children, child))));
        }
        "grid" => {
            let columns = f64::from(nodes).sqrt().ceil().max(1.0) as u32;
            let whole = Topology::Grid { rows: nodes.div_ceil(columns), columns };
            // The last row may not be full.
            return Ok(Graph::new(nodes, whole.graph(dice).edges().iter().copied()));
        }
        "random" | "random-regular" => regular(nodes, number(4)?, parameter.is_some())?,
        "erdos-renyi" => Topology::ErdosRenyi { nodes, mean_degree: f64::from(number(4)?) },
        "barabasi-albert" => Topology::BarabasiAlbert { nodes, links: number(2)? },
        "watts-strogatz" => Topology::WattsStrogatz { nodes, degree: number(4)?, rewired: REWIRED },
        _ => bail!("there is no topology {kind}{}", nearest(kind, KINDS.iter().copied())),
    };
    Ok(topology.graph(dice).join_components(dice))
}

/// The same number of neighbours for each; without one that was asked for, what a few nodes allow.
fn regular(nodes: u32, degree: u32, asked: bool) -> Result<Topology> {
    if degree < nodes && (u64::from(nodes) * u64::from(degree)).is_multiple_of(2) {
        return Ok(Topology::RandomRegular { nodes, degree });
    }
    if !asked {
        return Ok(Topology::Clique { nodes });
    }
    bail!(
        "no graph of {nodes} nodes has {degree} neighbours each: the degree must be below the \
         number of nodes, and one of the two even"
    )
}

fn edges(file: &str) -> Result<Graph> {
    let text = std::fs::read_to_string(Path::new(file))
        .with_context(|| format!("the edge list {file} cannot be read"))?;
    let list = edge_list::parse(&text).map_err(|error| anyhow!("{file}: {error}"))?;
    Ok(list.graph)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(text: &str, nodes: u32) -> Graph {
        graph(text, Some(nodes), &mut Dice::new(1)).unwrap()
    }

    #[test]
    fn every_kind_has_the_nodes_that_were_asked_for_in_one_piece() {
        for kind in KINDS.iter().filter(|&&kind| kind != "edge-list") {
            for nodes in [2, 3, 7, 12] {
                let graph = drawn(kind, nodes);
                assert_eq!(graph.nodes(), nodes, "{kind}");
                assert!(graph.is_connected(), "{kind} of {nodes}");
            }
        }
        assert_eq!(drawn("tree:3", 13).edges().len(), 12);
        assert_eq!(drawn("random:3", 8).edges().len(), 12);
    }

    #[test]
    fn mistakes_say_what_would_be_right() {
        let mistake = |text: &str| graph(text, Some(5), &mut Dice::new(1)).unwrap_err().to_string();
        assert!(mistake("rign").contains("ring"), "{}", mistake("rign"));
        assert!(mistake("random:3").contains("even"));
        assert!(mistake("random:many").contains("whole number"));
        assert!(mistake("edge-list:/no/such/file").contains("/no/such/file"));
    }
}
