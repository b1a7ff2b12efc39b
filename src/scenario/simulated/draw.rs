//! The flood of one query, as a small graph that can be drawn.

use std::collections::BTreeMap;

use super::ask::Asked;
use super::stage::Stage;
use crate::scenario::report::{Copy, FLOOD_NODES_MAX, Flood, FloodNode};
use crate::sim::NodeId;

/// In larger networks looking at all links would take too long.
const NETWORK_MAX: u32 = 200_000;

impl Stage<'_> {
    /// The drawing of a search.
    pub(super) fn drawing(&self, asked: &Asked) -> Option<Flood> {
        if self.world.nodes() > NETWORK_MAX {
            return None;
        }
        let record = self.world.measure_search(asked.node, asked.search)?;
        let answered = self.world.search_record(asked.node, asked.search).found_at;
        let overlay = self.world.overlay();
        let hop = |node: NodeId| match record.links_to(node) {
            _ if node == asked.node => Some(0),
            hop => hop.map(u32::from),
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
        let copies = record.copies.iter().flatten().filter_map(|copy| {
            Some(Copy {
                from: *places.get(&copy.from)?,
                to: *places.get(&copy.to)?,
                at_us: u64::try_from(copy.at.since(record.began).as_micros()).ok()?,
                hop: copy.hop.into(),
                duplicate: copy.again,
            })
        });
        let copies = copies.collect();
        let nodes = nodes.iter().map(drawn).collect();
        Some(Flood { query: asked.place, nodes, edges, copies, left_out })
    }
}
