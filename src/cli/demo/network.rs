//! The network of the demonstration: real servents on loopback in a random topology.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use smol::Executor;

use super::files::Files;
use crate::api::Client;
use crate::cli::render::{bold, dim};
use crate::cli::session::Own;
use crate::cli::units;
use crate::servent::{Config, Options};
use crate::sim::{Dice, Graph, Topology};

/// Servents of the demonstration.
const SERVENTS: u32 = 12;
/// Neighbours of each.
const DEGREE: u32 = 3;
/// Servents that share.
const SHARERS: usize = 4;
/// All handshakes and hashes must be done by then.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// How often the servents are asked while waiting.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// Twelve servents, who is whose neighbour, and who shares.
pub(super) struct Network {
    servents: Vec<Own>,
    home: PathBuf,
    graph: Graph,
    searcher: usize,
    sharers: Vec<usize>,
    ready_in: Duration,
}

impl Network {
    /// Starts the servents, deals the files out, connects the neighbours and waits until all is
    /// ready. No sharer is the searcher's neighbour.
    pub(super) async fn start(
        executor: &Arc<Executor<'static>>,
        files: &Files,
        home: &Path,
        dice: &mut Dice,
    ) -> Result<Network> {
        let begin = Instant::now();
        let topology = Topology::RandomRegular { nodes: SERVENTS, degree: DEGREE };
        let graph = topology.graph(dice).join_components(dice);
        let (searcher, sharers) = cast(&graph, dice)?;
        let mut servents = Vec::new();
        for node in 0..SERVENTS as usize {
            let mut options =
                options(executor, &home.join(format!("servent-{node}")), &graph, node);
            if node == searcher {
                options.download_dir = Some(home.join("downloads"));
            }
            if let Some(part) = sharers.iter().position(|&sharer| sharer == node) {
                let folder = home.join(format!("shared-{node}"));
                // Neighbouring hands hold the same files, so that a hit has several sources.
                files.deal(part / 2, SHARERS / 2, &folder)?;
                options.shares.push(folder);
            }
            servents.push(Own::start(options, SocketAddr::from(([127, 0, 0, 1], 0))).await?);
        }
        let mut network = Network {
            servents,
            home: home.to_owned(),
            graph,
            searcher,
            sharers,
            ready_in: Duration::ZERO,
        };
        network.connect().await?;
        network.ready_in = begin.elapsed();
        Ok(network)
    }

    /// The servent that searches.
    pub(super) fn searcher(&self) -> Client {
        self.servents[self.searcher].client()
    }

    /// Where the shared copies of the files lie.
    pub(super) fn shared_folders(&self) -> impl Iterator<Item = PathBuf> + '_ {
        self.sharers.iter().map(|node| self.home.join(format!("shared-{node}")))
    }

    /// What was built, for a reader who sees it for the first time.
    pub(super) fn describe(&self, files: &Files) -> String {
        let far = self.distances();
        let sharers: Vec<String> =
            self.sharers.iter().map(|&node| format!("{node} ({} hops away)", far[node])).collect();
        format!(
            "{} servents run on loopback, each with {DEGREE} neighbours at random; {} links, ready \
             in {}.\nServent {} searches. Nobody next to it shares anything; these do: {}.\n\
             They share {} from {}.",
            bold(&SERVENTS.to_string()),
            self.graph.edges().len(),
            units::duration(self.ready_in),
            self.searcher,
            sharers.join(", "),
            units::count(files.files.len() as u64, "file", "files"),
            files.from.display()
        )
    }

    /// What a person may type while the network is left running.
    pub(super) fn how_to_play(&self) -> String {
        let data = self.home.join(format!("servent-{}", self.searcher));
        format!(
            "\nThe network keeps running. In another terminal, for example:\n\
             \x20 export FILBERT_DATA_DIR={}\n\
             \x20 filbert search WORDS\n  filbert get 1\n  filbert peers\n  filbert status\n\
             {}",
            data.display(),
            dim("Ctrl-C here stops all of it.")
        )
    }

    /// How many links each servent is away from the searcher.
    pub(super) fn distances(&self) -> Vec<u32> {
        let far = self.graph.distances(self.searcher as u32);
        far.into_iter().map(|distance| distance.unwrap_or(u32::MAX)).collect()
    }

    /// Clients for all servents, in their order.
    pub(super) fn clients(&self) -> impl Iterator<Item = Client> + '_ {
        self.servents.iter().map(Own::client)
    }

    /// Says goodbye everywhere and removes what the servents had on disk; downloads stay.
    pub(super) async fn stop(self) {
        for servent in self.servents {
            servent.stop().await;
        }
        for entry in fs::read_dir(&self.home).into_iter().flatten().filter_map(Result::ok) {
            if entry.file_name() != "downloads" {
                // What cannot be removed is left to the system, which clears this folder.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        // Only if nothing was downloaded.
        let _ = fs::remove_dir(self.home.join("downloads"));
        let _ = fs::remove_dir(&self.home);
    }

    async fn connect(&self) -> Result<()> {
        let mut addresses = Vec::new();
        for client in self.clients() {
            addresses.push(client.status().await?.listen);
        }
        for &(a, b) in self.graph.edges() {
            let to = addresses[b as usize].to_string();
            self.servents[a as usize].client().connect(&to).await?;
        }
        let begin = Instant::now();
        for (node, client) in self.clients().enumerate() {
            let wanted = self.graph.neighbours(node as u32).len();
            loop {
                let status = client.status().await?;
                if status.neighbours as usize >= wanted && status.hashing.is_none() {
                    break;
                }
                if begin.elapsed() > READY_WITHIN {
                    bail!("servent {node} has {} of {wanted} neighbours", status.neighbours);
                }
                smol::Timer::after(LOOK_INTERVAL).await;
            }
        }
        Ok(())
    }
}

/// Who searches and who shares: sharers are not the searcher's neighbours.
fn cast(graph: &Graph, dice: &mut Dice) -> Result<(usize, Vec<usize>)> {
    let searcher = dice.below(u64::from(graph.nodes())) as u32;
    let near: BTreeSet<u32> = graph.ball(searcher, 1);
    let mut far: Vec<usize> = (0..graph.nodes())
        .filter(|node| *node != searcher && !near.contains(node))
        .map(|n| n as usize)
        .collect();
    dice.shuffle(&mut far);
    far.truncate(SHARERS);
    if far.len() < SHARERS {
        return Err(anyhow!("the random topology leaves no room for sharers; try another --seed"));
    }
    Ok((searcher as usize, far))
}

fn options(
    executor: &Arc<Executor<'static>>,
    data_dir: &Path,
    graph: &Graph,
    node: usize,
) -> Options {
    Options {
        data_dir: Some(data_dir.to_owned()),
        executor: Some(Arc::clone(executor)),
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        config: Config {
            local_addresses: true,
            auto_connect: false,
            neighbours_wanted: graph.neighbours(node as u32).len() as u16,
            ..Config::default()
        },
        ..Options::default()
    }
}
