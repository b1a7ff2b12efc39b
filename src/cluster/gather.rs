//! What all nodes say at once: who their neighbours are, and what they noted of a query.

use std::collections::BTreeSet;

use super::{Cluster, ClusterError, Life, alike};
use crate::api::types::{Passages, Peer};
use crate::node::Relation;
use crate::wire::Guid;

/// The network as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlay {
    /// Its nodes by their numbers, those that do not run, too.
    pub nodes: Vec<Seen>,
    /// The links that stand between them, the lower number first.
    pub links: Vec<(u32, u32)>,
    /// Links that their ends take to stand, and over which nothing gets through.
    pub cut: Vec<(u32, u32)>,
    /// Links of the plan that do not stand.
    pub absent: Vec<(u32, u32)>,
}

/// A node as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What it is doing.
    pub life: Life,
    /// Whether it is a leaf: by what its neighbours are to it, or else by the plan.
    pub leaf: bool,
    /// Whether it answers.
    pub answers: bool,
    /// Neighbours of it that are none of this cluster's.
    pub strangers: u32,
}

impl Cluster {
    /// Looks at every node: what it is doing, and who its neighbours are. A link counts as soon as
    /// one of its ends says that it stands.
    ///
    /// # Errors
    /// The processes cannot be looked at.
    pub async fn overlay(&self) -> Result<Overlay, ClusterError> {
        let lives = self.lives()?;
        let said = (0..).zip(&lives).map(|(number, life)| async move {
            match (life, self.client(number)) {
                // Who says nothing now says nothing: it may just be ending.
                (Life::Running { .. }, Ok(client)) => client.peers().await.ok(),
                _ => None,
            }
        });
        let said = alike::all(said).await;
        let mut links = BTreeSet::new();
        let mut nodes = Vec::new();
        for ((number, life), peers) in (0..).zip(lives).zip(said) {
            let leaf = self.node(number)?.leaf;
            let mut seen = Seen { life, leaf, answers: peers.is_some(), strangers: 0 };
            for peer in peers.iter().flatten() {
                match self.whose(peer) {
                    Some(other) => drop(links.insert((number.min(other), number.max(other)))),
                    None => seen.strangers += 1,
                }
                // Nobody but a leaf has ultrapeers above it.
                match peer.relation {
                    Relation::Ultrapeer => seen.leaf = true,
                    Relation::Peer | Relation::Leaf => seen.leaf = false,
                }
            }
            nodes.push(seen);
        }
        let absent = self.edges().iter().map(|&(a, b)| (a.min(b), a.max(b)));
        let absent: BTreeSet<(u32, u32)> = absent.filter(|link| !links.contains(link)).collect();
        let (cut, links) = links.into_iter().partition(|&(a, b)| self.is_cut(a, b));
        Ok(Overlay { nodes, links, cut, absent: absent.into_iter().collect() })
    }

    /// The node at the other end of a link: each has an address of its own.
    fn whose(&self, peer: &Peer) -> Option<u32> {
        let ip = peer.address.ip();
        let number = self.nodes().iter().position(|node| node.config.listen.ip() == ip)?;
        u32::try_from(number).ok()
    }

    /// What these nodes noted of the copies and hits of a query; those that do not answer are left
    /// out.
    pub async fn passages(&self, nodes: &[u32], query: Guid) -> Vec<(u32, Passages)> {
        let said = nodes.iter().map(|&number| async move {
            let client = self.client(number).ok()?;
            Some((number, client.passages(Some(query)).await.ok()?))
        });
        alike::all(said).await.into_iter().flatten().collect()
    }
}
