//! `filbert cluster trace`: one search, followed through every servent of the cluster.

mod show;

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use smol::Timer;

use super::map::write;
use crate::api::types::{NewSearch, Search};
use crate::cli::Outcome;
use crate::cli::args::cluster::Trace as Words;
use crate::cluster::{Cluster, Life, Overlay};
use crate::scenario::follow::{self, Followed, Noted};
use crate::scenario::page::flood;
use crate::servent::{SearchEnd, Strategy};

/// Between two looks at all nodes.
const LOOK_INTERVAL: Duration = Duration::from_millis(150);
/// Copies that came nowhere for so long are lost.
const LOST_AFTER: Duration = Duration::from_secs(3);
/// A dynamic query goes on after this at the latest.
const DYNAMIC_PAUSE: Duration = Duration::from_secs(8);
/// A ring waits so long for each link that it is wide.
const RING_PAUSE: Duration = Duration::from_millis(2_500);

/// A search that was asked and followed.
struct Traced<'a> {
    cluster: &'a Cluster,
    text: &'a str,
    strategy: Strategy,
    search: Search,
    followed: Followed,
    /// Whether it must cost exactly 2E - N + 1.
    exact: bool,
    /// What was noted made room for newer things while it was followed.
    overwritten: bool,
}

/// Asks, waits until nothing more happens, and tells.
pub(super) async fn trace(json: bool, dir: &Path, words: &Words) -> Result<Outcome> {
    let cluster = Cluster::open(dir)?;
    let origin = cluster.choose_one(words.from.as_deref().unwrap_or("0"))?;
    let overlay = cluster.overlay().await?;
    let traced = follow_one(&cluster, &overlay, origin, words).await?;
    let title = format!("\u{201c}{}\u{201d}, asked at {}", words.text, traced.name(Some(origin)));
    if words.svg.is_some() || words.html.is_some() {
        let running = (0..).zip(&overlay.nodes).filter(|(_, seen)| seen.answers);
        let nodes: Vec<(u32, bool)> = running.map(|(node, seen)| (node, seen.leaf)).collect();
        let drawn = traced.followed.flood(&nodes, &overlay.links);
        let about = show::sums(&traced);
        if let Some(file) = &words.svg {
            write(file, &flood::svg(&title, &about, &drawn))?;
        }
        if let Some(file) = &words.html {
            write(file, &flood::page(&title, &about, &drawn, &show::tables(&traced)))?;
        }
    }
    match json {
        true => show::json(&traced)?,
        false => show::text(&traced, words),
    }
    let reached = traced.followed.totals.reached > 0;
    Ok(if reached { Outcome::Worked } else { Outcome::NothingFound })
}

async fn follow_one<'a>(
    cluster: &'a Cluster,
    overlay: &'a Overlay,
    origin: u32,
    words: &'a Words,
) -> Result<Traced<'a>> {
    let client = cluster.client(origin)?;
    let config = &cluster.node(origin)?.config;
    let most = config.ttl_and_hops_max;
    if let Some(ttl) = words.ttl.filter(|&ttl| ttl > most) {
        bail!(
            "a TTL of {ttl} is above what these nodes pass on, {most}: start the cluster with \
             --set node.ttl_and_hops_max={ttl}"
        );
    }
    let query = NewSearch { text: words.text.clone(), ttl: words.ttl, ..NewSearch::default() };
    let search = client.search(&query).await?;
    let running: Vec<u32> = (0..)
        .zip(&overlay.nodes)
        .filter(|(_, seen)| matches!(seen.life, Life::Running { .. }) && seen.answers)
        .map(|(number, _)| number)
        .collect();
    let bar = spinner();
    let strategy = config.strategy;
    let (mut quiet_since, mut seen) = (Instant::now(), 0);
    let began = Instant::now();
    let mut now = search;
    let (followed, overwritten) = loop {
        Timer::after(LOOK_INTERVAL).await;
        now = client.search_page(now.id, u64::MAX).await?.search;
        refused(&now)?;
        let (noted, known, overwritten) = noted(cluster, &running, &now).await?;
        let followed = follow::follow(origin, &now.queries, &noted, &overlay.links);
        let totals = &followed.totals;
        bar.set_message(format!(
            "{} nodes reached by {} copies, {} hits home",
            totals.reached, totals.copies, totals.hits_home
        ));
        bar.tick();
        if known != seen {
            (quiet_since, seen) = (Instant::now(), known);
        } else if quiet_since.elapsed() >= pause(strategy, &followed) && known > 0 {
            break (followed, overwritten);
        }
        if began.elapsed() >= Duration::from_secs(words.wait) {
            break (followed, overwritten);
        }
    };
    bar.finish_and_clear();
    // Whether it had ended before is all the same.
    let _ = client.stop_search(now.id).await;
    let configs = running.iter().filter_map(|&node| cluster.node(node).ok());
    let exact = follow::costs_full_flood(configs.map(|node| &node.config), None, followed.ttl);
    Ok(Traced { cluster, text: &words.text, strategy, search: now, followed, exact, overwritten })
}

/// How long nothing must happen for it to be over.
fn pause(strategy: Strategy, followed: &Followed) -> Duration {
    let found = followed.totals.results > 0;
    match strategy {
        Strategy::Flood | Strategy::RandomNeighbours { .. } if followed.is_settled() => {
            Duration::ZERO
        }
        Strategy::Flood | Strategy::RandomNeighbours { .. } | Strategy::Walkers { .. } => {
            LOST_AFTER
        }
        Strategy::ExpandingRing if found && followed.is_settled() => LOST_AFTER,
        Strategy::ExpandingRing => RING_PAUSE * (u32::from(followed.ttl) + 1),
        Strategy::Dynamic => DYNAMIC_PAUSE,
    }
}

/// A search that asked nobody says why.
fn refused(search: &Search) -> Result<()> {
    match search.ended {
        Some(SearchEnd::NoNeighbours) => bail!("that node has no neighbours to ask"),
        Some(SearchEnd::NothingToMatch) => bail!("nothing in these words can be searched for"),
        Some(SearchEnd::TooMany) => bail!("too many searches are under way at that node"),
        Some(SearchEnd::WrongStrategy) => bail!("that node may not ask by its strategy"),
        _ => Ok(()),
    }
}

/// What all nodes noted of the queries of a search; how many things that are; and whether older
/// ones made room.
async fn noted(
    cluster: &Cluster,
    running: &[u32],
    search: &Search,
) -> Result<(Vec<Noted>, usize, bool)> {
    let mut of: BTreeMap<u32, Noted> = BTreeMap::new();
    for &node in running {
        let listen = cluster.node(node)?.config.listen;
        of.insert(node, Noted { node, listen, passages: Vec::new() });
    }
    let (mut known, mut overwritten) = (0, false);
    for &query in &search.queries {
        for (node, mut said) in cluster.passages(running, query).await {
            if said.kept_max == 0 {
                bail!(
                    "{} takes no note of queries: start the cluster with \
                     --set node.passages_max=4096",
                    cluster.node(node)?.name
                );
            }
            known += said.passages.len();
            // What made room was older than all that is kept.
            let began_ms = said.kept_since_us.unwrap_or(0) / 1_000;
            overwritten |= said.overwritten > 0 && began_ms >= search.started_at_ms;
            if let Some(noted) = of.get_mut(&node) {
                noted.passages.append(&mut said.passages);
            }
        }
    }
    Ok((of.into_values().collect(), known, overwritten))
}

fn spinner() -> ProgressBar {
    let target = match std::io::stderr().is_terminal() {
        true => ProgressDrawTarget::stderr_with_hz(10),
        false => ProgressDrawTarget::hidden(),
    };
    let bar = ProgressBar::with_draw_target(None, target);
    bar.set_style(
        ProgressStyle::with_template("{spinner} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    bar
}

impl Traced<'_> {
    /// What a node is called.
    fn name(&self, node: Option<u32>) -> &str {
        let node = node.and_then(|node| self.cluster.node(node).ok());
        node.map_or("(unknown)", |node| &node.name)
    }
}
