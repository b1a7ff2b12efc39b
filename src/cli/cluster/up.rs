//! `filbert cluster up`: from words to a plan, and from the plan to a network that stands.

use std::io::IsTerminal;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use smol::future::FutureExt;

use super::topology;
use crate::cli::Outcome;
use crate::cli::args::Common;
use crate::cli::args::cluster::Up;
use crate::cli::render::{bold, dim, say};
use crate::cli::session::wish_to_leave;
use crate::cli::settings::Settings;
use crate::cli::units;
use crate::cluster::{self, Cluster, Plan, Planned, Progress, Seat};
use crate::sim::Dice;

/// Ultrapeers that a leaf hangs on.
const ULTRAPEERS_OF_A_LEAF: usize = 3;

/// How often is looked whether somebody else took the cluster down.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// Starts a cluster.
pub(super) async fn up(common: &Common, dir: &Path, words: &Up) -> Result<Outcome> {
    let plan = plan(words, &common.set)?;
    let program = std::env::current_exe().context("this program does not know where it is")?;
    let began = Instant::now();
    let bar = bar();
    let started = async {
        let tell = |progress| show(&bar, progress);
        Ok(Some(Cluster::up(dir, plan, &program, &tell).await?))
    };
    // One wish for the whole time: none may get lost between two.
    let mut wish = std::pin::pin!(wish_to_leave());
    let left = async { wish.as_mut().await.map(|()| None) };
    let cluster: Result<Option<Cluster>> = started.or(left).await;
    bar.finish_and_clear();
    let Some(cluster) = cluster? else {
        cluster::down(dir).await?;
        bail!("stopped before all servents were ready; nothing is left of them");
    };
    told(common.json, &cluster, began.elapsed(), words.foreground);
    if words.foreground {
        stay(cluster, wish).await?;
    }
    Ok(Outcome::Worked)
}

/// Stays until ctrl-C, or until somebody else takes the cluster down.
async fn stay(cluster: Cluster, wish: impl Future<Output = Result<()>>) -> Result<()> {
    eprintln!("Ctrl-C takes the cluster down.");
    let gone = async {
        while cluster.is_there() {
            smol::Timer::after(LOOK_INTERVAL).await;
        }
        Ok(())
    };
    wish.or(gone).await?;
    cluster.down().await?;
    Ok(())
}

fn told(json: bool, cluster: &Cluster, took: Duration, stays: bool) {
    let (nodes, links) = (cluster.nodes().len(), cluster.edges().len());
    if json {
        let ready = serde_json::json!({
            "dir": cluster.dir(), "nodes": nodes, "links": links, "ready_s": took.as_secs_f64(),
        });
        say!("{ready}");
        return;
    }
    say!(
        "{} and {} stand after {}, in {}.",
        bold(&units::count(nodes as u64, "servent", "servents")),
        units::count(links as u64, "link", "links"),
        units::duration(took),
        cluster.dir().display()
    );
    if stays {
        return;
    }
    say!("{}", dim("`filbert cluster status` shows them, `filbert cluster down` ends them."));
}

/// What is to stand.
fn plan(words: &Up, set: &[String]) -> Result<Plan> {
    let mut dice = Dice::new(words.seed).derive("cluster");
    let leaves = words.leaves.unwrap_or(0);
    let upper = match (words.nodes, leaves) {
        (Some(nodes), leaves) if leaves >= nodes => {
            bail!("{leaves} leaves of {nodes} servents leave no ultrapeer to hang on")
        }
        (nodes, leaves) => nodes.map(|nodes| nodes - leaves),
    };
    let topology = words.topology.as_deref().unwrap_or(topology::USUAL);
    let graph = topology::graph(topology, upper, &mut dice)?;
    let ultrapeers = graph.nodes();
    let all =
        ultrapeers.checked_add(leaves).ok_or_else(|| anyhow!("{leaves} leaves are too many"))?;
    let mut edges = graph.edges().to_vec();
    for leaf in ultrapeers..all {
        let mut above: Vec<u32> = (0..ultrapeers).collect();
        dice.shuffle(&mut above);
        edges.extend(above.into_iter().take(ULTRAPEERS_OF_A_LEAF).map(|up| (leaf, up)));
    }
    let shares: Vec<_> = words.share.iter().map(|folder| cluster::full_path(folder)).collect();
    let usual =
        |number: u32| Planned::usual(number, all, words.leaves.is_some(), number >= ultrapeers);
    // Those of a tier have the same settings.
    let upper = Settings::changed(&usual(0).config, set)?;
    let lower = Settings::changed(&usual(all - 1).config, set)?;
    let nodes = (0..all).map(|number| {
        let config = if number < ultrapeers { upper.clone() } else { lower.clone() };
        Planned { config, shares: shares.clone(), ..usual(number) }
    });
    let seat = match (words.in_process, words.netns) {
        (true, _) => Seat::InProcess,
        (false, true) => Seat::Namespaces,
        (false, false) => Seat::Processes,
    };
    Ok(Plan { nodes: nodes.collect(), edges, seat })
}

fn bar() -> ProgressBar {
    let target = match std::io::stderr().is_terminal() {
        true => ProgressDrawTarget::stderr_with_hz(10),
        false => ProgressDrawTarget::hidden(),
    };
    let bar = ProgressBar::with_draw_target(None, target);
    let style = ProgressStyle::with_template("{prefix} {wide_bar} {pos} of {len}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

fn show(bar: &ProgressBar, progress: Progress) {
    let (prefix, done, of) = match progress {
        Progress::Answering(done, of) => ("servents answer", done, of),
        Progress::Linked(done, of) => ("links stand", done, of),
    };
    bar.set_prefix(prefix);
    bar.set_length(of as u64);
    bar.set_position(done as u64);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(nodes: u32, leaves: Option<u32>) -> Up {
        Up { nodes: Some(nodes), topology: Some("ring".to_owned()), leaves, ..Up::default() }
    }

    #[test]
    fn leaves_hang_on_three_ultrapeers_and_come_last() {
        let plan = plan(&words(20, Some(14)), &[]).unwrap();
        assert_eq!(plan.nodes.len(), 20);
        assert_eq!(plan.edges.len(), 6 + 14 * 3);
        for (number, node) in (0..).zip(&plan.nodes) {
            assert_eq!(node.leaf, number >= 6);
            let above = plan.edges.iter().filter(|edge| edge.0 == number && edge.1 < 6);
            assert!(!node.leaf || above.count() == 3);
        }
        assert_eq!((&*plan.nodes[5].name, &*plan.nodes[6].name), ("ultrapeer-5", "leaf-6"));
    }

    #[test]
    fn settings_reach_every_node_and_mistakes_are_told() {
        let set = ["node.query_ttl_default=5".to_owned()];
        let planned = plan(&words(3, None), &set).unwrap();
        assert!(planned.nodes.iter().all(|node| node.config.query_ttl_default == 5));
        assert!(planned.nodes.iter().all(|node| !node.config.query_routing));
        assert!(plan(&words(3, None), &["node.query_tll_default=5".to_owned()]).is_err());
        assert!(plan(&words(3, Some(3)), &[]).is_err());
    }
}
