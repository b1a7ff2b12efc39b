//! Until it stands: all servents answer, all links stand, all that is shared is hashed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::process::Child;
use std::time::{Duration, Instant};

use super::alike::try_all;
use super::process::{HOST, last_line};
use super::{Cluster, ClusterError, Progress, Tell};
use crate::api::Client;

/// How often is looked at what is not there yet.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);
/// A link that does not stand is asked for again after this.
const AGAIN_AFTER: Duration = Duration::from_secs(3);
/// Everything stands within this, and a bit more for each node: many start at once on few cores.
const STANDS_WITHIN: Duration = Duration::from_secs(30);
/// See `STANDS_WITHIN`.
const MORE_A_NODE: Duration = Duration::from_millis(200);
/// Names in a message at most.
const NAMED_MAX: usize = 5;

impl Cluster {
    /// Waits until these nodes answer and these links stand.
    pub(super) async fn stand(
        &self,
        nodes: &[u32],
        edges: &[(u32, u32)],
        progress: Tell<'_>,
    ) -> Result<(), ClusterError> {
        let patience = STANDS_WITHIN + MORE_A_NODE * nodes.len() as u32;
        let began = Instant::now();
        self.answer(nodes, began, patience, progress).await?;
        self.shape(nodes).await?;
        // First, so that an ultrapeer hears at once of all that a leaf has.
        self.hashed(nodes).await?;
        let patience = began.elapsed() + patience;
        self.connect(edges).await?;
        self.linked(edges, began, patience, progress).await
    }

    /// Waits until these nodes have their interfaces.
    async fn answer(
        &self,
        nodes: &[u32],
        began: Instant,
        patience: Duration,
        progress: Tell<'_>,
    ) -> Result<(), ClusterError> {
        let mut silent: Vec<u32> = nodes.to_vec();
        loop {
            silent.retain(|&node| self.client(node).is_err());
            progress(Progress::Answering(nodes.len() - silent.len(), nodes.len()));
            if silent.is_empty() {
                return Ok(());
            }
            self.nobody_ended()?;
            if began.elapsed() > patience {
                let who = self.names(&silent);
                return Err(not_ready(began, format!("{who} not answering")));
            }
            smol::Timer::after(LOOK_INTERVAL).await;
        }
    }

    /// A process of ours that has ended although nobody wanted it to.
    pub(super) fn nobody_ended(&self) -> Result<(), ClusterError> {
        let mut children = self.children();
        let ended = |child: &mut Child| !matches!(child.try_wait(), Ok(None));
        let Some(at) = children.iter_mut().position(|(_, child)| ended(child)) else {
            return Ok(());
        };
        let (name, _) = children.swap_remove(at);
        let said = last_line(&self.directory.log(&name)).unwrap_or_else(|error| error.to_string());
        let name = if name == HOST { "the process of all nodes".to_owned() } else { name };
        Err(ClusterError::Ended { name, said })
    }

    /// Asks for links; whether they come to stand is seen later.
    pub(super) async fn connect(&self, edges: &[(u32, u32)]) -> Result<(), ClusterError> {
        let mut wishes: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        for &(from, to) in edges {
            // Behind a firewall one can only call out.
            let turned = self.is_firewalled(to) && !self.is_firewalled(from);
            let (from, to) = if turned { (to, from) } else { (from, to) };
            let to = self.node(to)?.config.listen.to_string();
            wishes.entry(from).or_default().push(to);
        }
        let asked = wishes.into_iter().map(|(from, hosts)| async move {
            let client = self.client(from)?;
            for host in hosts {
                client.connect(&host).await.map_err(|error| self.call_failed(from, error))?;
            }
            Ok(())
        });
        try_all(asked).await.map(drop)
    }

    /// Waits until both ends of these links say that they stand.
    pub(super) async fn linked(
        &self,
        edges: &[(u32, u32)],
        began: Instant,
        patience: Duration,
        progress: Tell<'_>,
    ) -> Result<(), ClusterError> {
        let mut missing = edges.to_vec();
        let mut asked_at = Instant::now();
        loop {
            missing = self.not_standing(&missing).await?;
            progress(Progress::Linked(edges.len() - missing.len(), edges.len()));
            if missing.is_empty() {
                return Ok(());
            }
            if began.elapsed() > patience {
                return Err(not_ready(began, self.links_missing(&missing, edges.len())));
            }
            if asked_at.elapsed() > AGAIN_AFTER {
                self.connect(&missing).await?;
                asked_at = Instant::now();
            }
            smol::Timer::after(LOOK_INTERVAL).await;
        }
    }

    /// Those of these links that do not stand at both ends.
    pub(super) async fn not_standing(
        &self,
        edges: &[(u32, u32)],
    ) -> Result<Vec<(u32, u32)>, ClusterError> {
        let ends: BTreeSet<u32> = edges.iter().flat_map(|&(a, b)| [a, b]).collect();
        let seen = ends.into_iter().map(|node| async move {
            let peers = self.client(node)?.peers().await;
            let peers = peers.map_err(|error| self.call_failed(node, error))?;
            // Every node connects from its own address.
            let ips: BTreeSet<IpAddr> = peers.iter().map(|peer| peer.address.ip()).collect();
            Ok((node, ips))
        });
        let seen: BTreeMap<u32, BTreeSet<IpAddr>> = try_all(seen).await?.into_iter().collect();
        let sees = |a: u32, b: u32| {
            let ip = self.nodes().get(b as usize).map(|node| node.config.listen.ip());
            ip.is_some_and(|ip| seen.get(&a).is_some_and(|ips| ips.contains(&ip)))
        };
        Ok(edges.iter().copied().filter(|&(a, b)| !(sees(a, b) && sees(b, a))).collect())
    }

    /// Waits until these nodes have hashed what they share, however long that takes: a great
    /// library is work, not a sign that something is wrong.
    pub(super) async fn hashed(&self, nodes: &[u32]) -> Result<(), ClusterError> {
        let shares = |node: &u32| self.node(*node).is_ok_and(|node| !node.shares.is_empty());
        let sharers: Vec<u32> = nodes.iter().copied().filter(shares).collect();
        let done = sharers.iter().map(|&node| async move {
            let client = self.client(node)?;
            self.library_ready(node, &client).await
        });
        try_all(done).await.map(drop)
    }

    /// Waits until a node has hashed what it shares.
    async fn library_ready(&self, node: u32, client: &Client) -> Result<(), ClusterError> {
        loop {
            let status = client.status().await.map_err(|error| self.call_failed(node, error))?;
            if status.hashing.is_none() {
                return Ok(());
            }
            smol::Timer::after(LOOK_INTERVAL).await;
        }
    }

    fn links_missing(&self, missing: &[(u32, u32)], of: usize) -> String {
        let name = |node: u32| self.node(node).map_or("?", |node| &node.name);
        let named: Vec<String> = missing
            .iter()
            .take(NAMED_MAX)
            .map(|&(a, b)| format!("{} to {}", name(a), name(b)))
            .collect();
        let more = if missing.len() > NAMED_MAX { ", ..." } else { "" };
        let links = if missing.len() == 1 { "link does" } else { "links do" };
        format!("{} of {of} {links} not stand: {}{more}", missing.len(), named.join(", "))
    }

    /// Some names, and whether it is one or many: `node-3 is`, `node-3, node-4 and 5 more are`.
    fn names(&self, nodes: &[u32]) -> String {
        let named: Vec<&str> = nodes
            .iter()
            .take(NAMED_MAX)
            .filter_map(|&node| self.node(node).ok().map(|node| node.name.as_str()))
            .collect();
        let more = match nodes.len().saturating_sub(NAMED_MAX) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let are = if nodes.len() == 1 { "is" } else { "are" };
        format!("{}{more} {are}", named.join(", "))
    }
}

fn not_ready(began: Instant, missing: String) -> ClusterError {
    ClusterError::NotReady { waited_s: began.elapsed().as_secs(), missing }
}
