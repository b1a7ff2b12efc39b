//! What is done with single servents of a cluster: ask them, end them, start them, link them.

use std::path::Path;

use anyhow::Result;
use serde_json::json;

use crate::cli::Outcome;
use crate::cli::args::cluster::{Get, Nodes, Pair, Search, Share};
use crate::cli::render::say;
use crate::cli::units;
use crate::cli::{get as fetch, search as ask};
use crate::cluster::{Cluster, ClusterError};

/// Names that are told at most.
const NAMED_MAX: usize = 8;

/// Has a servent search.
pub(super) async fn search(json: bool, dir: &Path, words: &Search) -> Result<Outcome> {
    let cluster = Cluster::open(dir)?;
    let node = cluster.choose_one(&words.node)?;
    let get = format!("filbert cluster get {}", cluster.node(node)?.name);
    let client = cluster.client(node)?;
    for host in &words.search.connect {
        client.connect(host).await?;
    }
    ask::ask(&client, json, &words.search, &get).await
}

/// Has a servent download.
pub(super) async fn get(json: bool, dir: &Path, words: &Get) -> Result<Outcome> {
    let cluster = Cluster::open(dir)?;
    let client = cluster.client(cluster.choose_one(&words.node)?)?;
    for host in &words.get.connect {
        client.connect(host).await?;
    }
    fetch::fetch(&client, json, &words.get, "not waited for; the servent goes on with it").await
}

/// Has servents share a folder.
pub(super) async fn share(json: bool, dir: &Path, words: &Share) -> Result<Outcome> {
    let mut cluster = Cluster::open(dir)?;
    let nodes = cluster.choose(&words.nodes)?;
    cluster.share(&nodes, &words.folder).await?;
    let mut files = 0;
    for &node in &nodes {
        files += cluster.client(node)?.shares().await?.files;
    }
    if json {
        say!("{}", json!({ "nodes": names(&cluster, &nodes), "files": files }));
    } else {
        let files = units::count(files, "file", "files");
        say!("{} {} {files} now.", told(&cluster, &nodes), verb(&nodes, "shares", "share"));
    }
    Ok(Outcome::Worked)
}

/// Kills servents.
pub(super) async fn kill(json: bool, dir: &Path, words: &Nodes) -> Result<Outcome> {
    let (cluster, nodes) = chosen(dir, words)?;
    cluster.kill(&nodes).await?;
    done(json, &cluster, &nodes, "killed")
}

/// Ends servents.
pub(super) async fn stop(json: bool, dir: &Path, words: &Nodes) -> Result<Outcome> {
    let (cluster, nodes) = chosen(dir, words)?;
    cluster.stop(&nodes).await?;
    done(json, &cluster, &nodes, "stopped")
}

/// Makes servents stand still.
pub(super) fn vanish(json: bool, dir: &Path, words: &Nodes) -> Result<Outcome> {
    let (cluster, nodes) = chosen(dir, words)?;
    cluster.vanish(&nodes)?;
    done(json, &cluster, &nodes, "standing still")
}

/// Starts servents.
pub(super) async fn start(json: bool, dir: &Path, words: &Nodes) -> Result<Outcome> {
    let (cluster, nodes) = chosen(dir, words)?;
    cluster.start(&nodes).await?;
    done(json, &cluster, &nodes, "running")
}

/// Connects two servents.
pub(super) async fn link(json: bool, dir: &Path, words: &Pair) -> Result<Outcome> {
    let mut cluster = Cluster::open(dir)?;
    let (one, other) = pair(&cluster, words)?;
    cluster.link(one, other).await?;
    said(json, &cluster, [one, other], "are neighbours.");
    Ok(Outcome::Worked)
}

/// Parts two servents.
pub(super) async fn unlink(json: bool, dir: &Path, words: &Pair) -> Result<Outcome> {
    let mut cluster = Cluster::open(dir)?;
    let (one, other) = pair(&cluster, words)?;
    if cluster.unlink(one, other).await? {
        said(json, &cluster, [one, other], "are no neighbours any more.");
        return Ok(Outcome::Worked);
    }
    said(json, &cluster, [one, other], "were no neighbours.");
    Ok(Outcome::NothingFound)
}

fn pair(cluster: &Cluster, words: &Pair) -> Result<(u32, u32), ClusterError> {
    Ok((cluster.choose_one(&words.one)?, cluster.choose_one(&words.other)?))
}

fn said(json: bool, cluster: &Cluster, pair: [u32; 2], what: &str) {
    let pair = names(cluster, &pair);
    if json {
        say!("{}", json!({ "nodes": pair, "links": cluster.edges().len() }));
    } else {
        say!("{} {what}", pair.join(" and "));
    }
}

fn chosen(dir: &Path, words: &Nodes) -> Result<(Cluster, Vec<u32>)> {
    let cluster = Cluster::open(dir)?;
    let nodes = cluster.choose(&words.nodes.join(","))?;
    Ok((cluster, nodes))
}

fn done(json: bool, cluster: &Cluster, nodes: &[u32], how: &str) -> Result<Outcome> {
    if json {
        say!("{}", json!({ "nodes": names(cluster, nodes) }));
    } else {
        say!("{} {} {how}.", told(cluster, nodes), verb(nodes, "is", "are"));
    }
    Ok(Outcome::Worked)
}

fn verb<'w>(nodes: &[u32], one: &'w str, many: &'w str) -> &'w str {
    if nodes.len() == 1 { one } else { many }
}

fn names(cluster: &Cluster, nodes: &[u32]) -> Vec<String> {
    nodes.iter().filter_map(|&node| Some(cluster.node(node).ok()?.name.clone())).collect()
}

/// Some names, and how many more there are.
fn told(cluster: &Cluster, nodes: &[u32]) -> String {
    let named = names(cluster, &nodes[..nodes.len().min(NAMED_MAX)]);
    match nodes.len().saturating_sub(NAMED_MAX) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}
