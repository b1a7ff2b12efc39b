//! What the links between the nodes are like: cut and healed, long, behind a firewall.
//!
//! Each node keeps its own conditions (`PUT /api/v1/conditions`); the plan keeps them, too, so that
//! a node that is started again has what it had. What lies between two nodes is told to both.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::alike::try_all;
use super::namespaces::Namespaces;
use super::{Cluster, ClusterError, Life, Seat};
use crate::api::types::{Conditions, Latency, Network};

/// What [`Cluster::heal`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Healed {
    /// Nodes that something kept from others.
    pub nodes: usize,
    /// Links that had died meanwhile and were made again.
    pub links_made_again: usize,
}

impl Cluster {
    /// What the links of a node are like.
    ///
    /// # Errors
    /// There is no such node.
    pub fn conditions_of(&self, number: u32) -> Result<Conditions, ClusterError> {
        self.node(number)?;
        Ok(self.stored.conditions.get(&number).cloned().unwrap_or_default())
    }

    /// Where nodes have namespaces of their own.
    pub(super) fn namespaces(&self) -> Option<Namespaces> {
        (self.seat() == Seat::Namespaces).then(|| Namespaces::of(self.dir()))
    }

    /// The words to put before a command that is to run where a node does: its network namespace,
    /// if it has one.
    pub fn before(&self, number: u32) -> Vec<OsString> {
        self.namespaces().map(|namespaces| namespaces.enter(number)).unwrap_or_default()
    }

    /// Whether the nodes themselves keep to latencies although the system should: its kernel
    /// cannot.
    pub fn lacks_netem(&self) -> bool {
        self.namespaces().is_some_and(|namespaces| !namespaces.has_netem())
    }

    /// Makes the links of a node so. A node that does not run has them when it is started.
    ///
    /// # Errors
    /// There is no such node, or it refuses.
    pub async fn conditions(
        &mut self,
        number: u32,
        conditions: Conditions,
    ) -> Result<(), ClusterError> {
        self.node(number)?;
        self.reshape(&[number], |_, own| *own = conditions.clone()).await
    }

    /// Lets nothing get through between the nodes of `a` and those of `b`, and tells nobody.
    ///
    /// # Errors
    /// There is no such node, or one refuses.
    pub async fn partition(&mut self, a: &[u32], b: &[u32]) -> Result<(), ClusterError> {
        let (of_a, of_b) = (blocks_of(self.addresses(a)?), blocks_of(self.addresses(b)?));
        let (a, b) = (to_set(a), to_set(b));
        if let Some(&both) = a.intersection(&b).next() {
            let both = &self.node(both)?.name;
            return Err(ClusterError::Plan(format!(
                "{both} cannot be on both sides of a partition"
            )));
        }
        let all: Vec<u32> = a.union(&b).copied().collect();
        self.reshape(&all, |number, own| {
            let theirs = if a.contains(&number) { &of_b } else { &of_a };
            own.silent.retain(|block| !theirs.contains(block));
            own.silent.extend(theirs);
        })
        .await
    }

    /// Lets nothing get through between two nodes.
    ///
    /// # Errors
    /// There is no such node, or one refuses.
    pub async fn clog(&mut self, a: u32, b: u32) -> Result<(), ClusterError> {
        self.partition(&[a], &[b]).await
    }

    /// Everything gets through again between all nodes: what was held up follows, and links of the
    /// plan that were given up meanwhile are made again.
    ///
    /// # Errors
    /// A node refuses, or a link does not come to stand.
    pub async fn heal(&mut self) -> Result<Healed, ClusterError> {
        let cut = |(&number, own): (&u32, &Conditions)| (!own.silent.is_empty()).then_some(number);
        let parted: Vec<u32> = self.stored.conditions.iter().filter_map(cut).collect();
        self.reshape(&parted, |_, own| own.silent.clear()).await?;
        let links_made_again = self.relink().await?;
        Ok(Healed { nodes: parted.len(), links_made_again })
    }

    /// Makes all that comes to these nodes take so long, from wherever; with zero nothing takes
    /// any time.
    ///
    /// # Errors
    /// There is no such node, or one refuses.
    pub async fn delay_all(
        &mut self,
        nodes: &[u32],
        latency: Duration,
    ) -> Result<(), ClusterError> {
        let latency_us = micros(latency);
        self.reshape(nodes, |_, own| {
            own.latency_us = latency_us;
            own.latencies.clear();
        })
        .await
    }

    /// Makes all that goes between the nodes of `a` and those of `b` take so long, one way.
    ///
    /// # Errors
    /// There is no such node, or one refuses.
    pub async fn delay(
        &mut self,
        a: &[u32],
        b: &[u32],
        latency: Duration,
    ) -> Result<(), ClusterError> {
        let (of_a, of_b) = (self.addresses(a)?, self.addresses(b)?);
        let (a, b) = (to_set(a), to_set(b));
        let all: Vec<u32> = a.union(&b).copied().collect();
        let latency_us = micros(latency);
        self.reshape(&all, |number, own| {
            for (side, theirs) in [(&a, &of_b), (&b, &of_a)] {
                if side.contains(&number) {
                    let theirs: BTreeSet<Network> = theirs.iter().map(|&ip| ip.into()).collect();
                    own.latencies.retain(|entry| !theirs.contains(&entry.network));
                    own.latencies
                        .extend(theirs.into_iter().map(|network| Latency { network, latency_us }));
                }
            }
        })
        .await
    }

    /// Puts these nodes behind firewalls of their own, or takes the firewalls away. Links that
    /// stand stay.
    ///
    /// # Errors
    /// There is no such node, or one refuses.
    pub async fn firewall(&mut self, nodes: &[u32], firewalled: bool) -> Result<(), ClusterError> {
        self.reshape(nodes, |_, own| own.firewalled = firewalled).await
    }

    /// Tells these nodes, which have just been started and know of no conditions, theirs.
    pub(super) async fn shape(&self, nodes: &[u32]) -> Result<(), ClusterError> {
        let has_some = |number: &&u32| self.stored.conditions.contains_key(number);
        let shaped: Vec<u32> = nodes.iter().filter(has_some).copied().collect();
        self.shape_anew(&shaped).await
    }

    /// Tells these nodes theirs, whatever they know.
    pub(super) async fn shape_anew(&self, nodes: &[u32]) -> Result<(), ClusterError> {
        let told = nodes.iter().map(|&number| async move {
            let mut own = self.conditions_of(number)?;
            if let Some(namespaces) = self.namespaces() {
                own = smol::unblock(move || namespaces.shape(number, &own)).await?;
            }
            let told = self.client(number)?.set_conditions(&own).await;
            told.map(drop).map_err(|error| self.call_failed(number, error))
        });
        try_all(told).await.map(drop)
    }

    /// Whether a link of the two can come to stand: nothing cuts them off, and one can be
    /// connected to.
    pub(super) fn can_stand(&self, a: u32, b: u32) -> bool {
        let are_shut = self.is_firewalled(a) && self.is_firewalled(b);
        !(are_shut || self.is_cut(a, b))
    }

    /// Whether nothing gets through between the two.
    pub(super) fn is_cut(&self, a: u32, b: u32) -> bool {
        let cuts_off = |own: u32, other: u32| {
            let other = self.nodes().get(other as usize).map(|node| node.config.listen.ip());
            let silent = self.stored.conditions.get(&own).map(|own| &own.silent);
            other.zip(silent).is_some_and(|(ip, silent)| silent.iter().any(|n| n.contains(ip)))
        };
        cuts_off(a, b) || cuts_off(b, a)
    }

    /// Whether nobody can connect to this node.
    pub(super) fn is_firewalled(&self, number: u32) -> bool {
        self.stored.conditions.get(&number).is_some_and(|own| own.firewalled)
    }

    /// Changes the conditions of some nodes, in the plan and at those that run.
    async fn reshape(
        &mut self,
        nodes: &[u32],
        mut change: impl FnMut(u32, &mut Conditions),
    ) -> Result<(), ClusterError> {
        for &number in nodes {
            self.node(number)?;
        }
        let mut wrong = None;
        self.change(|stored, _| {
            for &number in nodes {
                let own = stored.conditions.entry(number).or_default();
                change(number, own);
                wrong = wrong.take().or_else(|| own.check().err());
            }
            stored.conditions.retain(|_, own| !own.is_nothing());
            match &wrong {
                Some(error) => Err(ClusterError::Plan(error.to_string())),
                None => Ok(()),
            }
        })?;
        let running = self.running()?;
        let told: Vec<u32> = nodes.iter().filter(|node| running.contains(node)).copied().collect();
        self.shape_anew(&told).await
    }

    /// Nodes that run.
    fn running(&self) -> Result<BTreeSet<u32>, ClusterError> {
        let lives = (0..).zip(self.lives()?);
        let runs = |(number, life)| matches!(life, Life::Running { .. }).then_some(number);
        Ok(lives.filter_map(runs).collect())
    }

    /// Makes the links of the plan again that do not stand although both nodes run; returns how
    /// many.
    async fn relink(&self) -> Result<usize, ClusterError> {
        let running = self.running()?;
        let both_run = |&(a, b): &(u32, u32)| running.contains(&a) && running.contains(&b);
        let edges = self.edges().iter().copied().filter(both_run);
        let edges: Vec<(u32, u32)> = edges.filter(|&(a, b)| self.can_stand(a, b)).collect();
        let missing = self.not_standing(&edges).await?;
        self.stand(&[], &missing, &|_| {}).await?;
        Ok(missing.len())
    }

    fn addresses(&self, nodes: &[u32]) -> Result<Vec<IpAddr>, ClusterError> {
        nodes.iter().map(|&number| Ok(self.node(number)?.config.listen.ip())).collect()
    }
}

fn to_set(nodes: &[u32]) -> BTreeSet<u32> {
    nodes.iter().copied().collect()
}

fn micros(latency: Duration) -> u64 {
    u64::try_from(latency.as_micros()).unwrap_or(u64::MAX)
}

/// Blocks that hold these addresses and no other, as few as that allows: conditions take a
/// limited number.
fn blocks_of(addresses: Vec<IpAddr>) -> Vec<Network> {
    let mut left: BTreeSet<IpAddr> = addresses.into_iter().collect();
    let mut blocks = Vec::new();
    while let Some(&first) = left.first() {
        let mut block = Network::from(first);
        let holds_only = |wider: &Network, left: &BTreeSet<IpAddr>| {
            let held = left.iter().take_while(|&&ip| wider.contains(ip)).count();
            wider.address == first && held == 1 << (32 - u32::from(wider.prefix_len))
        };
        while let Some(wider) = wider(block).filter(|wider| holds_only(wider, &left)) {
            block = wider;
        }
        left.retain(|&ip| !block.contains(ip));
        blocks.push(block);
    }
    blocks
}

/// Twice as large a block, not larger than the network of a cluster.
fn wider(block: Network) -> Option<Network> {
    const PREFIX_MIN: u8 = 16;
    let IpAddr::V4(v4) = block.address else { return None };
    let prefix_len = block.prefix_len.checked_sub(1).filter(|&len| len >= PREFIX_MIN)?;
    let mask = u32::MAX << (32 - u32::from(prefix_len));
    Some(Network { address: Ipv4Addr::from_bits(v4.to_bits() & mask).into(), prefix_len })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        Ipv4Addr::new(127, 9, 0, last).into()
    }

    #[test]
    fn blocks_hold_theirs_and_nobody_elses() {
        for (theirs, count) in [
            ((1..=100).collect::<Vec<u8>>(), 9),
            ((101..=200).collect(), 7),
            ((1..=200).step_by(2).collect(), 100),
            (vec![7], 1),
            (vec![], 0),
        ] {
            let blocks = blocks_of(theirs.iter().map(|&last| ip(last)).collect());
            for last in 0..=255 {
                let held = blocks.iter().any(|block| block.contains(ip(last)));
                assert_eq!(held, theirs.contains(&last), "{last}: {blocks:?}");
            }
            assert!(blocks.len() <= count, "{blocks:?}");
        }
    }
}
