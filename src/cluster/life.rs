//! Nodes come and go: started, stopped, killed, gone without a sound, new ones.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::alike::try_all;
use super::control::{Order, tell};
use super::directory::SETTINGS;
use super::process::{Running, Signal, Start};
use super::{Cluster, ClusterError, Planned, full_path, plan};
use crate::api::{ADDRESS_FILE, ClientError, TOKEN_FILE};

/// A killed process is gone within this.
pub(super) const KILLED_WITHIN: Duration = Duration::from_secs(10);
/// A process that says Bye and saves what it remembers is gone within this.
const STOPPED_WITHIN: Duration = Duration::from_secs(30);

/// What a node is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Life {
    /// It runs, in the process of this number.
    Running {
        /// The process.
        pid: u32,
    },
    /// It is there and does nothing, as after a broken line ([`Cluster::vanish`]).
    Vanished {
        /// The process.
        pid: u32,
    },
    /// It does not run.
    Down,
}

impl Cluster {
    /// What every node is doing, by number.
    ///
    /// # Errors
    /// The processes cannot be looked at.
    pub fn lives(&self) -> Result<Vec<Life>, ClusterError> {
        if self.is_hosted() {
            return self.hosted_lives();
        }
        let running = Running::all(self.dir())?;
        let life = |node: &Planned| match running.iter().find(|process| process.seat == node.name) {
            Some(process) if process.stands_still() => Life::Vanished { pid: process.pid() },
            Some(process) => Life::Running { pid: process.pid() },
            None => Life::Down,
        };
        Ok(self.nodes().iter().map(life).collect())
    }

    /// Kills nodes (SIGKILL): no Bye, nothing saved. Those that do not run stay so.
    ///
    /// # Errors
    /// A process that does not end.
    pub async fn kill(&self, nodes: &[u32]) -> Result<(), ClusterError> {
        if self.is_hosted() {
            return self.order(Order::Kill(nodes.to_vec())).await;
        }
        let processes = self.processes(nodes)?;
        for process in &processes {
            process.signal(Signal::KILL)?;
        }
        for process in &processes {
            process.gone(KILLED_WITHIN).await?;
        }
        self.bury();
        // Nobody was there to take them away.
        for folder in nodes.iter().filter_map(|&node| self.folder(node).ok()) {
            for name in [ADDRESS_FILE, TOKEN_FILE] {
                let _ = std::fs::remove_file(folder.join(name));
            }
        }
        Ok(())
    }

    /// Makes nodes stand still (SIGSTOP): their links stay half-open, as after a broken line.
    /// [`Cluster::start`] lets them go on.
    ///
    /// # Errors
    /// One does not run.
    pub fn vanish(&self, nodes: &[u32]) -> Result<(), ClusterError> {
        if self.is_hosted() {
            let order = Order::Vanish(nodes.to_vec());
            return tell(self.dir(), &order).map(drop).map_err(ClusterError::Host);
        }
        for &node in nodes {
            let processes = self.processes(&[node])?;
            let Some(process) = processes.first() else {
                return Err(ClusterError::NotRunning(self.node(node)?.name.clone()));
            };
            process.signal(Signal::STOP)?;
        }
        Ok(())
    }

    /// Ends nodes as their users would: they say Bye and save what they remember.
    ///
    /// # Errors
    /// A process that does not end.
    pub async fn stop(&self, nodes: &[u32]) -> Result<(), ClusterError> {
        if self.is_hosted() {
            return self.order(Order::Stop(nodes.to_vec())).await;
        }
        let processes = self.processes(nodes)?;
        for process in &processes {
            process.signal(Signal::TERM)?;
            // One that stands still hears nothing.
            process.signal(Signal::CONT)?;
        }
        for process in &processes {
            process.gone(STOPPED_WITHIN).await?;
        }
        self.bury();
        Ok(())
    }

    /// Starts nodes that do not run, lets go on those that stand still, and waits until their
    /// links to nodes that run stand again.
    ///
    /// # Errors
    /// A process that cannot be started, a link that does not come to stand.
    pub async fn start(&self, nodes: &[u32]) -> Result<(), ClusterError> {
        let (mut away, mut back) = (Vec::new(), Vec::new());
        for (node, life) in (0..).zip(self.lives()?) {
            match life {
                _ if !nodes.contains(&node) => {}
                Life::Down => away.push(node),
                Life::Vanished { .. } if self.is_hosted() => {
                    self.order(Order::GoOn(vec![node])).await?;
                }
                Life::Vanished { .. } => {
                    back.push(node);
                    for process in self.processes(&[node])? {
                        process.signal(Signal::CONT)?;
                    }
                }
                Life::Running { .. } => {}
            }
        }
        self.spawn(&away).await?;
        let lives = self.lives()?;
        let runs = |node: u32| matches!(lives.get(node as usize), Some(Life::Running { .. }));
        let links: Vec<(u32, u32)> = self
            .edges()
            .iter()
            .copied()
            .filter(|(a, b)| nodes.contains(a) || nodes.contains(b))
            .filter(|&(a, b)| runs(a) && runs(b) && self.can_stand(a, b))
            .collect();
        // What was changed while they stood still.
        self.shape_anew(&back).await?;
        self.stand(&away, &[], &|_| {}).await?;
        // Some may never have ended.
        let links = self.not_standing(&links).await?;
        self.stand(&[], &links, &|_| {}).await
    }

    /// Nodes share one more folder, also when they are started again; returns when it is hashed.
    ///
    /// # Errors
    /// There is no such folder, or a node does not run.
    pub async fn share(&mut self, nodes: &[u32], folder: &Path) -> Result<(), ClusterError> {
        let folder = full_path(folder);
        for &node in nodes {
            let name = self.node(node)?.name.clone();
            if !folder.is_dir() {
                return Err(ClusterError::NoFolder { name, folder });
            }
        }
        self.change(|stored, _| {
            for &node in nodes {
                let Some(node) = stored.nodes.get_mut(node as usize) else { continue };
                if !node.shares.contains(&folder) {
                    node.shares.push(folder.clone());
                }
            }
            Ok(())
        })?;
        let (cluster, folder) = (&*self, &folder);
        let told = nodes.iter().map(|&node| async move {
            let shared = cluster.client(node)?.share(folder).await;
            shared.map_err(|error| cluster.call_failed(node, error))
        });
        try_all(told).await?;
        self.hashed(nodes).await
    }

    /// A new node joins, as a neighbour of these; returns its number.
    ///
    /// # Errors
    /// It cannot be, or does not come to stand.
    pub async fn add(&mut self, node: Planned, neighbours: &[u32]) -> Result<u32, ClusterError> {
        node.check()?;
        let mut added = 0;
        self.change(|stored, directory| {
            if stored.nodes.iter().any(|known| known.name == node.name) {
                let wrong = format!("a node has the name {} already", node.name);
                return Err(ClusterError::Plan(wrong));
            }
            added = stored.nodes.len() as u32;
            stored.push(node, directory);
            for &other in neighbours {
                plan::check_edge(added, other, stored.nodes.len())?;
                stored.edges.push((added, other));
            }
            Ok(())
        })?;
        self.start(&[added]).await?;
        Ok(added)
    }

    /// Starts the processes of these nodes; whether they come to answer is seen later.
    pub(super) async fn spawn(&self, nodes: &[u32]) -> Result<(), ClusterError> {
        if self.is_hosted() {
            return self.spawn_hosted(nodes).await;
        }
        let namespaces = self.namespaces();
        if let Some(namespaces) = &namespaces {
            let listens = |&number: &u32| Ok((number, self.node(number)?.config.listen));
            namespaces.build(&nodes.iter().map(listens).collect::<Result<Vec<_>, _>>()?)?;
        }
        for &number in nodes {
            let node = self.node(number)?;
            self.directory.furnish(node)?;
            let folder = self.directory.node(&node.name);
            // Left by one that was killed; nobody must take it for the new one's.
            let _ = std::fs::remove_file(folder.join(ADDRESS_FILE));
            let mut words: Vec<PathBuf> = vec![
                "run".into(),
                "--data-dir".into(),
                folder.clone(),
                "--config".into(),
                folder.join(SETTINGS),
            ];
            if namespaces.is_some() {
                // Its loopback address could not be reached from here.
                let ip = node.config.listen.ip();
                words.extend(["--api".into(), format!("{ip}:0").into()]);
            }
            let start = Start {
                before: self.before(number),
                program: &self.stored.program,
                words,
                directory: self.dir(),
                seat: &node.name,
                log: self.directory.log(&node.name),
            };
            let child = start.spawn()?;
            self.children().push((node.name.clone(), child));
        }
        Ok(())
    }

    /// The processes of these nodes.
    fn processes(&self, nodes: &[u32]) -> Result<Vec<Running>, ClusterError> {
        let names: Vec<&str> = nodes
            .iter()
            .map(|&node| Ok(self.node(node)?.name.as_str()))
            .collect::<Result<_, ClusterError>>()?;
        let mut running = Running::all(self.dir())?;
        running.retain(|process| names.contains(&process.seat.as_str()));
        Ok(running)
    }

    /// What a call to this node says.
    pub(super) fn call_failed(&self, node: u32, error: ClientError) -> ClusterError {
        match self.node(node) {
            Ok(node) => ClusterError::of_call(&node.name, error),
            Err(error) => error,
        }
    }
}
