//! Graphs from text: edge lists as the SNAP collection publishes them.
//!
//! Lines that begin with `#` are comments; every other line names the two ends of an edge, by
//! numbers that need not be dense. Directed and repeated edges are taken as one undirected edge,
//! loops are left out; a node that only a loop names stays, without neighbours.

use std::collections::BTreeMap;

use thiserror::Error;

use super::graph::Graph;

/// A line of an edge list that names no edge.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line} of the edge list is not two node numbers: {text:?}")]
pub struct NotAnEdge {
    /// Which, counted from 1.
    pub line: usize,
    /// What stands there, cut short.
    pub text: String,
}

/// A graph that was read, and what its nodes were called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdgeList {
    /// The graph; its nodes are numbered in ascending order of their names.
    pub graph: Graph,
    /// The names of the nodes.
    pub names: Vec<u64>,
}

/// Reads an edge list.
pub fn parse(text: &str) -> Result<EdgeList, NotAnEdge> {
    let mut named = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut numbers = line.split_whitespace().map(str::parse::<u64>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(a)), Some(Ok(b))) => named.push((a, b)),
            _ => {
                let text = line.chars().take(60).collect();
                return Err(NotAnEdge { line: at + 1, text });
            }
        }
    }
    let mut names: Vec<u64> = named.iter().flat_map(|&(a, b)| [a, b]).collect();
    names.sort_unstable();
    names.dedup();
    let numbers: BTreeMap<u64, u32> = names.iter().copied().zip(0..).collect();
    let edges = named.iter().filter_map(|(a, b)| Some((*numbers.get(a)?, *numbers.get(b)?)));
    Ok(EdgeList { graph: Graph::new(numbers.len() as u32, edges), names })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loops_doubles_and_directions_leave_one_undirected_graph() {
        let text = "# Directed graph\n# FromNodeId\tToNodeId\n7\t900\n900\t7\n7 7\r\n\n3 900\n7\t900\n12 12\n";
        let list = parse(text).expect("a list");
        assert_eq!(list.names, [3, 7, 12, 900]);
        assert_eq!((list.graph.nodes(), list.graph.edges()), (4, &[(0, 3), (1, 3)][..]));
        assert_eq!(list.graph.distances(0), [Some(0), Some(2), None, Some(1)]);
    }

    #[test]
    fn a_line_without_two_numbers_is_said() {
        for (text, line) in [("1 2\n3\n", 2), ("a b", 1), ("1 2\n\n# x\n4 -5", 4)] {
            let wrong = parse(text).expect_err("not a list");
            assert_eq!(wrong.line, line);
        }
    }
}
