//! Who has what: the copies on the nodes, and the truth about every question.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::catalogue::content;
use super::{Catalogue, Corpus, rounded};
use crate::sim::disk::SharedFile;
use crate::sim::{Dice, NodeId};

/// The copies of a corpus on the nodes of a world.
#[derive(Clone, Debug)]
pub struct Holdings {
    catalogue: Arc<Catalogue>,
    file_bytes: u64,
    by_file: Lists,
    by_node: Lists,
    top: Vec<NodeId>,
    /// Copies that came about later: file and node.
    given: BTreeSet<(u32, u32)>,
}

/// Lists of numbers, one after the other in one piece of memory.
#[derive(Clone, Debug, Default)]
struct Lists {
    /// List `n` is `items[first[n]..first[n + 1]]`.
    first: Vec<usize>,
    items: Vec<u32>,
}

impl Lists {
    fn get(&self, list: u32) -> &[u32] {
        let ends = self.first.get(list as usize).zip(self.first.get(list as usize + 1));
        ends.and_then(|(&from, &to)| self.items.get(from..to)).unwrap_or_default()
    }

    /// The same pairs, listed by the items: of so many different ones.
    fn turned(&self, items: u32) -> Lists {
        let mut first = vec![0; items as usize + 1];
        for &item in &self.items {
            first[item as usize + 1] += 1;
        }
        for item in 0..items as usize {
            first[item + 1] += first[item];
        }
        let (mut at, mut turned) = (first.clone(), vec![0; self.items.len()]);
        for list in 0..self.first.len().saturating_sub(1) as u32 {
            for &item in self.get(list) {
                turned[at[item as usize]] = list;
                at[item as usize] += 1;
            }
        }
        Lists { first, items: turned }
    }
}

impl Holdings {
    pub(super) fn new(
        corpus: &Corpus,
        catalogue: Arc<Catalogue>,
        nodes: u32,
        dice: &mut Dice,
    ) -> Holdings {
        let mut order: Vec<u32> = (0..nodes).collect();
        dice.shuffle(&mut order);
        let sharers = &order[..corpus.sharers(nodes) as usize];
        let top = (f64::from(nodes) * corpus.top_nodes_share).ceil() as usize;
        let top = top.min(sharers.len());
        let uneven = corpus.top_copies_share * sharers.len() as f64 > top as f64;
        let (top, others) = sharers.split_at(if uneven { top } else { 0 });
        let mut deal = sharers.iter().copied().cycle();
        let mut by_file = Lists { first: vec![0], items: Vec::new() };
        for expected in corpus.copies(nodes) {
            let copies = rounded(expected, dice).min(sharers.len() as u32);
            let at_top = f64::from(copies) * corpus.top_copies_share;
            let at_top = if top.is_empty() { 0.0 } else { at_top };
            // What one of the two groups cannot hold is the other's.
            let least = copies.saturating_sub(others.len() as u32);
            let at_top = rounded(at_top, dice).clamp(least, (top.len() as u32).max(least));
            let begin = by_file.items.len();
            if corpus.dealt {
                by_file.items.extend(deal.by_ref().take(copies as usize));
            } else {
                choose(top, at_top, dice, &mut by_file.items);
                choose(others, copies - at_top.min(copies), dice, &mut by_file.items);
            }
            by_file.items[begin..].sort_unstable();
            by_file.first.push(by_file.items.len());
        }
        let by_node = by_file.turned(nodes);
        let top = top.iter().copied().map(NodeId).collect();
        let given = BTreeSet::new();
        Holdings { catalogue, file_bytes: corpus.file_bytes, by_file, by_node, top, given }
    }

    /// The files.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// The nodes that give the lion's share, in no order; none if all who share, share as much.
    pub fn top(&self) -> &[NodeId] {
        &self.top
    }

    /// The nodes that had a copy of a file from the beginning, in order.
    pub fn holders(&self, file: u32) -> impl Iterator<Item = NodeId> {
        self.by_file.get(file).iter().copied().map(NodeId)
    }

    /// The files of a node, in order; none for nodes that came when all copies were placed.
    pub fn files(&self, node: NodeId) -> &[u32] {
        self.by_node.get(node.0)
    }

    /// Whether a node has a copy of a file.
    pub fn has(&self, node: NodeId, file: u32) -> bool {
        self.files(node).binary_search(&file).is_ok() || self.given.contains(&(file, node.0))
    }

    /// What a node shares, as a world takes it.
    pub fn shared(&self, node: NodeId) -> Vec<SharedFile> {
        self.files(node).iter().map(|&file| self.shared_file(file)).collect()
    }

    /// A file as a world takes it; its number there is one above that of the corpus.
    pub fn shared_file(&self, file: u32) -> SharedFile {
        let name = self.catalogue.name(file);
        let mut shared = SharedFile::unhashed(file + 1, name, self.file_bytes, content(file));
        shared.entry.sha1 = self.catalogue.sha1(file);
        shared
    }

    /// From now on this node has a copy, too: it has fetched one.
    pub fn give(&mut self, node: NodeId, file: u32) {
        if !self.has(node, file) {
            self.given.insert((file, node.0));
        }
    }

    /// The truth about a question: the nodes that share a match, in order, whether they live or
    /// not.
    pub fn truth(&self, text: &str) -> Vec<NodeId> {
        let mut nodes = Vec::new();
        for file in self.catalogue.matches(text) {
            nodes.extend(self.holders(file));
            let given = self.given.range((file, 0)..=(file, u32::MAX));
            nodes.extend(given.map(|&(_, node)| NodeId(node)));
        }
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }
}

/// Adds so many different ones of these, all equally likely.
fn choose(of: &[u32], count: u32, dice: &mut Dice, chosen: &mut Vec<u32>) {
    // Floyd's way: as many draws as are chosen.
    let (mut taken, last) = (BTreeSet::new(), of.len() as u32);
    for upto in last.saturating_sub(count)..last {
        let drawn = dice.below(u64::from(upto) + 1) as u32;
        let place = if taken.insert(drawn) { drawn } else { upto };
        taken.insert(place);
        chosen.extend(of.get(place as usize));
    }
}
