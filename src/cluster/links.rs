//! Links come and go.

use std::time::{Duration, Instant};

use super::directory::Stored;
use super::{Cluster, ClusterError, plan};

/// A link stands, or is gone, within this.
const WITHIN: Duration = Duration::from_secs(20);
/// How often is looked.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

impl Cluster {
    /// Makes `a` connect to `b`, and waits until both say that the link stands.
    ///
    /// # Errors
    /// One does not run, or they do not come together.
    pub async fn link(&mut self, a: u32, b: u32) -> Result<(), ClusterError> {
        self.change(|stored, _| {
            plan::check_edge(a, b, stored.nodes.len())?;
            if !stored.edges.iter().any(|&edge| edge == (a, b) || edge == (b, a)) {
                stored.edges.push((a, b));
            }
            Ok(())
        })?;
        let missing = self.not_standing(&[(a, b)]).await?;
        self.connect(&missing).await?;
        self.linked(&missing, Instant::now(), WITHIN, &|_| {}).await
    }

    /// Makes `a` part from `b` with a Bye, and waits until both say that the link is gone. Returns
    /// whether there was one.
    ///
    /// # Errors
    /// One does not run, or they do not part.
    pub async fn unlink(&mut self, a: u32, b: u32) -> Result<bool, ClusterError> {
        self.change(|stored, _| {
            plan::check_edge(a, b, stored.nodes.len())?;
            stored.edges.retain(|&edge| edge != (a, b) && edge != (b, a));
            Ok(())
        })?;
        let began = Instant::now();
        let mut stood = false;
        loop {
            let mut stands = false;
            for (here, there) in [(a, b), (b, a)] {
                let ip = self.node(there)?.config.listen.ip();
                let client = self.client(here)?;
                let peers = client.peers().await.map_err(|error| self.call_failed(here, error))?;
                for peer in peers.iter().filter(|peer| peer.address.ip() == ip) {
                    stands = true;
                    // The first to know parts; the other hears of it.
                    if !stood {
                        stood = true;
                        let parted = client.disconnect(&peer.address.to_string()).await;
                        parted.map_err(|error| self.call_failed(here, error))?;
                    }
                }
            }
            if !stands {
                return Ok(stood);
            }
            if began.elapsed() > WITHIN {
                let (a, b) = (&self.node(a)?.name, &self.node(b)?.name);
                let missing = format!("the link of {a} and {b} still stands");
                return Err(ClusterError::NotReady { waited_s: WITHIN.as_secs(), missing });
            }
            smol::Timer::after(LOOK_INTERVAL).await;
        }
    }

    /// Changes the plan on disk, as it is there now.
    pub(super) fn change(
        &mut self,
        change: impl FnOnce(&mut Stored, &std::path::Path) -> Result<(), ClusterError>,
    ) -> Result<(), ClusterError> {
        let _lock = self.directory.lock_in_turn()?;
        let mut stored = self.directory.read()?;
        change(&mut stored, self.directory.path())?;
        self.directory.write(&stored)?;
        self.stored = stored;
        Ok(())
    }
}
