//! The flood of one query as a drawing.

use std::collections::BTreeMap;

use super::ask::Asked;
use super::{Outcome, Play, Stage, micros};
use crate::scenario::report::{Copy, FLOOD_NODES_MAX, Flood, FloodNode, Hop};
use crate::sim::NodeId;

/// In larger networks looking at all links would take too long.
const NETWORK_MAX: u32 = 200_000;

impl<S: Stage> Play<'_, S> {
    /// The drawing of a search.
    pub(super) fn drawing(&mut self, asked: &Asked) -> Outcome<Option<Flood>> {
        if self.stage.nodes() > NETWORK_MAX {
            return Ok(None);
        }
        let Some(spread) = self.stage.spread(asked.node, asked.search)? else { return Ok(None) };
        let answered = self.stage.record(asked.node, asked.search)?.found_at;
        let overlay = self.stage.overlay()?;
        let hop = |node: NodeId| match node {
            _ if node == asked.node => Some(0),
            node => spread.hops.get(&node).copied(),
        };
        let mut nodes = overlay.nodes.clone();
        nodes.sort_by_key(|&node| (hop(node).unwrap_or(u32::MAX), node));
        let left_out = nodes.len().saturating_sub(FLOOD_NODES_MAX) as u64;
        nodes.truncate(FLOOD_NODES_MAX);
        let places: BTreeMap<NodeId, u32> = nodes.iter().copied().zip(0..).collect();
        let place =
            |at: u32| overlay.nodes.get(at as usize).and_then(|node| places.get(node)).copied();
        let edges = overlay.graph.edges().iter().filter_map(|&(a, b)| {
            let (a, b) = (place(a)?, place(b)?);
            Some((a.min(b), a.max(b)))
        });
        let drawn = |&node: &NodeId| FloodNode {
            node: node.0,
            hop: hop(node),
            answered: answered.binary_search(&node).is_ok(),
            leaf: overlay.place(node).is_some_and(|at| !overlay.ultrapeers[at as usize]),
        };
        let mut edges: Vec<(u32, u32)> = edges.collect();
        edges.sort_unstable();
        let copies = spread.copies.iter().filter_map(|copy| {
            Some(Copy {
                from: *places.get(&copy.from)?,
                to: *places.get(&copy.to)?,
                at_us: micros(copy.after),
                hop: copy.hop,
                duplicate: copy.again,
            })
        });
        let copies = copies.collect();
        let nodes = nodes.iter().map(drawn).collect();
        // Of many copies only the first are known: then those that are drawn count.
        let sent = self.rows[asked.place].as_ref().map_or(0, |row| row.messages);
        let all = spread.copies.iter().map(|copy| (copy.hop, copy.again));
        let hops = match spread.copies.len() as u64 == sent {
            true => Hop::count(all, spread.hops.values().copied()),
            false => Vec::new(),
        };
        Ok(Some(Flood { query: asked.place, nodes, edges, copies, left_out, hops }))
    }
}
