//! `filbert cluster`: real servents on this machine, by hand and by shell.

mod map;
mod nodes;
mod partition;
mod programs;
mod run;
mod status;
mod topology;
mod trace;
mod up;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;

use super::Outcome;
use super::args::Common;
use super::args::cluster::{self as args, ClusterCommand};
use super::render::say;
use super::settings;
use crate::cluster::{self, MARK};

/// Does what a command says.
pub(super) async fn cluster(common: &Common, words: &args::Cluster) -> Result<Outcome> {
    let (json, dir) = (common.json, dir(words)?);
    match &words.command {
        ClusterCommand::Up(words) => up::up(common, &dir, words).await,
        ClusterCommand::Status => status::status(json, &dir).await,
        ClusterCommand::Search(words) => nodes::search(json, &dir, words).await,
        ClusterCommand::Share(words) => nodes::share(json, &dir, words).await,
        ClusterCommand::Get(words) => nodes::get(json, &dir, words).await,
        ClusterCommand::Kill(words) => nodes::kill(json, &dir, words).await,
        ClusterCommand::Stop(words) => nodes::stop(json, &dir, words).await,
        ClusterCommand::Vanish(words) => nodes::vanish(json, &dir, words),
        ClusterCommand::Start(words) => nodes::start(json, &dir, words).await,
        ClusterCommand::Link(words) => nodes::link(json, &dir, words).await,
        ClusterCommand::Unlink(words) => nodes::unlink(json, &dir, words).await,
        ClusterCommand::Logs(words) => programs::logs(&dir, words).await,
        ClusterCommand::Exec(words) => programs::exec(&dir, words),
        ClusterCommand::Map(words) => map::map(json, &dir, words).await,
        ClusterCommand::Trace(words) => trace::trace(json, &dir, words).await,
        ClusterCommand::Partition(words) => partition::partition(json, &dir, words).await,
        ClusterCommand::Heal => partition::heal(json, &dir).await,
        ClusterCommand::Delay(words) => partition::delay(json, &dir, words).await,
        ClusterCommand::Firewall(words) => partition::firewall(json, &dir, words).await,
        ClusterCommand::Run(words) => run::run(json, &dir, words).await,
        ClusterCommand::Down => down(json, &dir).await,
        ClusterCommand::Host => host(&dir).await,
    }
}

/// Where the cluster lives.
fn dir(words: &args::Cluster) -> Result<PathBuf> {
    if let Some(dir) = &words.dir {
        return Ok(dir.clone());
    }
    match std::env::var_os(MARK).filter(|dir| !dir.is_empty()) {
        Some(dir) => Ok(dir.into()),
        None => Ok(settings::state_dir()?.join("cluster")),
    }
}

/// All nodes of a cluster in this process, until it is killed.
async fn host(dir: &std::path::Path) -> Result<Outcome> {
    let executor = Arc::new(smol::Executor::new());
    executor.run(cluster::host(dir, Arc::clone(&executor))).await?;
    Ok(Outcome::Worked)
}

async fn down(json: bool, dir: &std::path::Path) -> Result<Outcome> {
    let was = cluster::down(dir).await?;
    let dir = cluster::full_path(dir);
    if json {
        say!("{}", serde_json::json!({ "dir": dir, "was_there": was }));
    } else if was {
        say!("The cluster in {} is gone.", dir.display());
    } else {
        say!("There was no cluster in {}.", dir.display());
    }
    Ok(if was { Outcome::Worked } else { Outcome::NothingFound })
}
