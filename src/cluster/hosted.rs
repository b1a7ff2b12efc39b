//! Nodes in one process, seen from outside: the host is started when the first of them is, and
//! told what to do with each.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::control::{Answer, Order, tell};
use super::process::{HOST, Running, Start};
use super::{Cluster, ClusterError, Life, Seat};

/// How often is looked whether the host listens.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);
/// It listens within this.
const LISTENS_WITHIN: Duration = Duration::from_secs(20);

impl Cluster {
    /// Whether all nodes are in one process.
    pub(super) fn is_hosted(&self) -> bool {
        self.seat() == Seat::InProcess
    }

    /// The host's process, if it runs.
    fn host(&self) -> Result<Option<Running>, ClusterError> {
        Ok(Running::all(self.dir())?.into_iter().find(|process| process.seat == HOST))
    }

    /// What every node in the host is doing.
    pub(super) fn hosted_lives(&self) -> Result<Vec<Life>, ClusterError> {
        let mut lives = vec![Life::Down; self.nodes().len()];
        let Some(host) = self.host()? else { return Ok(lives) };
        let pid = host.pid();
        let answer = tell(self.dir(), &Order::Lives).map_err(ClusterError::Host)?;
        if let Answer::Lives(running) = answer {
            for (number, still) in running {
                if let Some(life) = lives.get_mut(number as usize) {
                    *life = if still { Life::Vanished { pid } } else { Life::Running { pid } };
                }
            }
        }
        Ok(lives)
    }

    /// Tells the host; without one no node runs, and there is nobody to tell.
    pub(super) async fn order(&self, order: Order) -> Result<(), ClusterError> {
        if self.host()?.is_none() {
            return Ok(());
        }
        let directory = self.dir().to_owned();
        match smol::unblock(move || tell(&directory, &order)).await.map_err(ClusterError::Host)? {
            Answer::Failed(node, said) => {
                let name = self.node(node)?.name.clone();
                Err(ClusterError::NoStart { name, said })
            }
            Answer::Done | Answer::Lives(_) => Ok(()),
        }
    }

    /// Starts nodes in the host, and the host first if need be.
    pub(super) async fn spawn_hosted(&self, nodes: &[u32]) -> Result<(), ClusterError> {
        for &node in nodes {
            self.directory.furnish(self.node(node)?)?;
        }
        if self.host()?.is_none() {
            let words: Vec<PathBuf> =
                vec!["cluster".into(), "host".into(), "--dir".into(), self.dir().to_owned()];
            let start = Start {
                before: Vec::new(),
                program: &self.stored.program,
                words,
                directory: self.dir(),
                seat: HOST,
                log: self.directory.log(HOST),
            };
            let child = start.spawn()?;
            self.children().push((HOST.to_owned(), child));
        }
        let began = Instant::now();
        loop {
            // Which is the shortest order.
            let directory = self.dir().to_owned();
            match smol::unblock(move || tell(&directory, &Order::Lives)).await {
                Ok(_) => break,
                Err(error) if began.elapsed() > LISTENS_WITHIN => {
                    return Err(ClusterError::Host(error));
                }
                Err(_) => self.nobody_ended()?,
            }
            smol::Timer::after(LOOK_INTERVAL).await;
        }
        self.order(Order::Start(nodes.to_vec())).await
    }
}
