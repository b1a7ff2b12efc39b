//! `filbert cluster partition`, `heal`, `delay`, `firewall`: what lies between the servents.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::json;

use crate::cli::Outcome;
use crate::cli::args::cluster::{Delay, Firewall, Partition};
use crate::cli::render::say;
use crate::cli::units;
use crate::cluster::Cluster;

/// Names that are told at most.
const NAMED_MAX: usize = 8;

/// Lets nothing through between two groups of servents.
pub(super) async fn partition(json: bool, dir: &Path, words: &Partition) -> Result<Outcome> {
    let mut cluster = Cluster::open(dir)?;
    let one = cluster.choose(&words.one)?;
    let other = match &words.other {
        Some(other) => cluster.choose(other)?,
        None => {
            let all = 0..cluster.nodes().len() as u32;
            all.filter(|number| !one.contains(number)).collect()
        }
    };
    if other.is_empty() {
        bail!("{} are all there are: from whom are they to be parted?", words.one);
    }
    let parts = [&one, &other].map(|side| links_inside(&cluster, side));
    let across = links_across(&cluster, &one, &other);
    cluster.partition(&one, &other).await?;
    if json {
        let sides = [names(&cluster, &one), names(&cluster, &other)];
        say!("{}", json!({ "sides": sides, "links_cut": across }));
        return Ok(Outcome::Worked);
    }
    say!("Nothing gets through any more between");
    for (side, links) in [&one, &other].into_iter().zip(parts) {
        let links = units::count(links as u64, "link", "links");
        say!("  {} ({links} among them)", told(&cluster, side));
    }
    say!(
        "{} cut; nobody is told. A link that stays cut is given up after a minute or so.",
        match across {
            1 => "1 link is".to_owned(),
            links => format!("{} links are", units::number(links as u64)),
        }
    );
    Ok(Outcome::Worked)
}

/// Lets everything through again.
pub(super) async fn heal(json: bool, dir: &Path) -> Result<Outcome> {
    let mut cluster = Cluster::open(dir)?;
    let healed = cluster.heal().await?;
    if json {
        say!("{}", serde_json::to_string(&healed)?);
    } else if healed.nodes == 0 && healed.links_made_again == 0 {
        say!("Nothing was cut, and every link stands.");
    } else {
        say!("Everything gets through again between all servents, and every link stands.");
        match healed.links_made_again {
            0 => {}
            1 => say!("1 link had died and was made again."),
            links => say!("{} links had died and were made again.", units::number(links as u64)),
        }
    }
    Ok(Outcome::Worked)
}

/// Makes what the servents send each other take a while.
pub(super) async fn delay(json: bool, dir: &Path, words: &Delay) -> Result<Outcome> {
    let latency = latency(&words.latency)?;
    let mut cluster = Cluster::open(dir)?;
    let all: Vec<u32> = (0..cluster.nodes().len() as u32).collect();
    let between = match (&words.one, &words.other) {
        (None, _) => {
            cluster.delay_all(&all, latency).await?;
            "any two servents".to_owned()
        }
        (Some(one), other) => {
            let one = cluster.choose(one)?;
            let other = match other {
                Some(other) => cluster.choose(other)?,
                None => all.into_iter().filter(|number| !one.contains(number)).collect(),
            };
            cluster.delay(&one, &other, latency).await?;
            format!("{} and {}", told(&cluster, &one), told(&cluster, &other))
        }
    };
    if json {
        say!("{}", json!({ "latency_us": latency.as_micros() as u64 }));
    } else if latency.is_zero() {
        say!("The way between {between} takes no time.");
    } else {
        say!("The way between {between} takes {} in each direction.", units::duration(latency));
        if cluster.lacks_netem() {
            say!("This system's kernel has no netem: the servents themselves keep to it.");
        }
    }
    Ok(Outcome::Worked)
}

/// Puts servents behind firewalls, or takes these away.
pub(super) async fn firewall(json: bool, dir: &Path, words: &Firewall) -> Result<Outcome> {
    let mut cluster = Cluster::open(dir)?;
    let nodes = cluster.choose(&words.nodes)?;
    cluster.firewall(&nodes, !words.off).await?;
    if json {
        say!("{}", json!({ "nodes": names(&cluster, &nodes), "firewalled": !words.off }));
    } else if words.off {
        say!("Anybody can connect to {}.", told(&cluster, &nodes));
    } else {
        say!("Nobody can connect to {} any more; links that stand stay.", told(&cluster, &nodes));
    }
    Ok(Outcome::Worked)
}

/// A latency as people write it: `50ms`, `1.5s`, `200us`, `0`.
fn latency(text: &str) -> Result<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_alphabetic() || c == 'µ');
    let us_each = match &text[digits.len()..] {
        "us" | "µs" => 1.0,
        "ms" => 1e3,
        "s" => 1e6,
        "" if digits == "0" => 0.0,
        _ => bail!("{text} is no latency: write 50ms, 1.5s or 200us"),
    };
    match digits.parse::<f64>() {
        Ok(number) if (0.0..=60e6).contains(&(number * us_each)) => {
            Ok(Duration::from_micros((number * us_each).round() as u64))
        }
        Ok(_) => bail!("{text} is no latency: from 0 to a minute"),
        Err(_) => bail!("{text} is no latency: write 50ms, 1.5s or 200us"),
    }
}

fn names(cluster: &Cluster, nodes: &[u32]) -> Vec<String> {
    nodes.iter().filter_map(|&number| Some(cluster.node(number).ok()?.name.clone())).collect()
}

/// `node-0, node-1 and 3 more`.
fn told(cluster: &Cluster, nodes: &[u32]) -> String {
    let mut names = names(cluster, nodes);
    let more = names.len().saturating_sub(NAMED_MAX);
    if more > 1 {
        names.truncate(NAMED_MAX);
        return format!("{} and {more} more", names.join(", "));
    }
    match names.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        Some((only, _)) => only.clone(),
        None => "nobody".to_owned(),
    }
}

fn links_across(cluster: &Cluster, one: &[u32], other: &[u32]) -> usize {
    let crosses = |&&(a, b): &&(u32, u32)| {
        (one.contains(&a) && other.contains(&b)) || (one.contains(&b) && other.contains(&a))
    };
    cluster.edges().iter().filter(crosses).count()
}

fn links_inside(cluster: &Cluster, side: &[u32]) -> usize {
    cluster.edges().iter().filter(|(a, b)| side.contains(a) && side.contains(b)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_read_as_people_write_them() {
        for (text, us) in [("50ms", 50_000), ("1.5s", 1_500_000), ("200us", 200), ("0", 0)] {
            assert_eq!(latency(text).unwrap().as_micros(), us, "{text}");
        }
        for text in ["50", "ms", "-1ms", "1h", "", "61s", "NaNms"] {
            assert!(latency(text).is_err(), "{text}");
        }
    }
}
