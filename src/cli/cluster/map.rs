//! `filbert cluster map`: the network as it is.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};

use crate::cli::Outcome;
use crate::cli::args::cluster::Map as Words;
use crate::cli::render::{Side, Table, dim, say};
use crate::cli::units;
use crate::cluster::{Cluster, Life, Overlay, Seen};
use crate::scenario::page::map::{self, Map, MapNode, State};

/// So many neighbours of a node are named.
const NEIGHBOURS_MAX: usize = 12;

/// Looks at all nodes and tells who is connected to whom.
pub(super) async fn map(json: bool, dir: &Path, words: &Words) -> Result<Outcome> {
    let cluster = Cluster::open(dir)?;
    let overlay = cluster.overlay().await?;
    let sums = sums(&overlay);
    if words.svg.is_some() || words.html.is_some() {
        let drawn = drawn(&cluster, &overlay, &sums);
        if let Some(file) = &words.svg {
            write(file, &map::svg(&drawn))?;
        }
        if let Some(file) = &words.html {
            write(file, &map::page(&drawn))?;
        }
    }
    if json {
        say!("{:#}", as_json(&cluster, &overlay));
        return Ok(Outcome::Worked);
    }
    table(&cluster, &overlay, words.all);
    for line in sums {
        say!("{line}");
    }
    for (what, file) in [("drawing", &words.svg), ("page", &words.html)] {
        if let Some(file) = file {
            say!("The {what} is in {}.", file.display());
        }
    }
    Ok(Outcome::Worked)
}

/// Writes a file that was asked for.
pub(super) fn write(file: &Path, text: &str) -> Result<()> {
    std::fs::write(file, text).with_context(|| format!("{} cannot be written", file.display()))
}

fn table(cluster: &Cluster, overlay: &Overlay, all: bool) {
    let of = neighbours(overlay);
    let mut table = Table::new(&[
        ("node", Side::Left),
        ("is", Side::Left),
        ("links", Side::Right),
        ("neighbours", Side::Left),
    ]);
    let mut cut = false;
    for ((number, node), seen) in (0..).zip(cluster.nodes()).zip(&overlay.nodes) {
        let others = of.get(&number).map_or(&[][..], Vec::as_slice);
        let named = if all { others.len() } else { NEIGHBOURS_MAX };
        let names = others.iter().take(named).filter_map(|&other| cluster.node(other).ok());
        let mut names = Vec::from_iter(names.map(|node| node.name.clone())).join(", ");
        if others.len() > named {
            cut = true;
            names += &format!(", ... {} more", others.len() - named);
        }
        let links = others.len().to_string();
        table.row([node.name.clone(), said(seen).to_owned(), links, names]);
    }
    table.print();
    if cut {
        say!("{}", dim("--all names all neighbours."));
    }
}

fn said(seen: &Seen) -> &'static str {
    match (state(seen), seen.leaf) {
        (State::Down, _) => "down",
        (State::Still, _) => "standing still",
        (State::Runs, true) => "leaf",
        (State::Runs, false) => "ultrapeer",
    }
}

fn state(seen: &Seen) -> State {
    match seen.life {
        Life::Down => State::Down,
        Life::Running { .. } if seen.answers => State::Runs,
        Life::Running { .. } | Life::Vanished { .. } => State::Still,
    }
}

/// By node: its neighbours.
fn neighbours(overlay: &Overlay) -> BTreeMap<u32, Vec<u32>> {
    let mut of: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for &(a, b) in &overlay.links {
        of.entry(a).or_default().push(b);
        of.entry(b).or_default().push(a);
    }
    of.values_mut().for_each(|others| others.sort_unstable());
    of
}

/// The sizes of the parts of those that run which cannot reach each other, largest first.
fn parts(overlay: &Overlay) -> Vec<usize> {
    let of = neighbours(overlay);
    let runs =
        |node: u32| overlay.nodes.get(node as usize).is_some_and(|seen| state(seen) == State::Runs);
    let mut left: std::collections::BTreeSet<u32> =
        (0..overlay.nodes.len() as u32).filter(|&node| runs(node)).collect();
    let mut parts = Vec::new();
    while let Some(first) = left.pop_first() {
        let (mut size, mut next) = (1, vec![first]);
        while let Some(node) = next.pop() {
            for &other in of.get(&node).into_iter().flatten() {
                if left.remove(&other) {
                    size += 1;
                    next.push(other);
                }
            }
        }
        parts.push(size);
    }
    parts.sort_unstable_by(|a, b| b.cmp(a));
    parts
}

fn sums(overlay: &Overlay) -> Vec<String> {
    let of = |wanted: State, leaf: bool| {
        let is =
            |seen: &&Seen| state(seen) == wanted && (wanted != State::Runs || seen.leaf == leaf);
        overlay.nodes.iter().filter(is).count() as u64
    };
    let mut all = vec![units::count(of(State::Runs, false), "ultrapeer", "ultrapeers")];
    for (count, one, more) in [
        (of(State::Runs, true), "leaf", "leaves"),
        (of(State::Still, false), "standing still", "standing still"),
        (of(State::Down, false), "down", "down"),
    ] {
        if count > 0 {
            all.push(units::count(count, one, more));
        }
    }
    let mut lines = vec![format!(
        "{}; {}",
        all.join(", "),
        units::count(overlay.links.len() as u64, "link", "links")
    )];
    if !overlay.cut.is_empty() {
        let cut = overlay.cut.len() as u64;
        let are = if cut == 1 { "is" } else { "are" };
        lines.push(format!(
            "{} {are} cut: nothing gets through",
            units::count(cut, "link", "links")
        ));
    }
    if !overlay.absent.is_empty() {
        let absent = overlay.absent.len() as u64;
        lines.push(format!(
            "{} of the plan {} not stand",
            units::count(absent, "link", "links"),
            if absent == 1 { "does" } else { "do" }
        ));
    }
    let parts = parts(overlay);
    if parts.len() > 1 {
        let sizes: Vec<String> = parts.iter().map(usize::to_string).collect();
        lines.push(format!(
            "{} parts that cannot reach each other: {} nodes",
            parts.len(),
            sizes.join(", ")
        ));
    }
    lines
}

fn drawn(cluster: &Cluster, overlay: &Overlay, sums: &[String]) -> Map {
    let nodes = (0..).zip(cluster.nodes()).zip(&overlay.nodes);
    let nodes = nodes.map(|((number, node), seen)| MapNode {
        number,
        name: node.name.clone(),
        leaf: seen.leaf,
        state: state(seen),
    });
    Map {
        title: units::count(cluster.nodes().len() as u64, "servent", "servents"),
        about: sums.to_vec(),
        nodes: nodes.collect(),
        links: overlay.links.clone(),
        cut: overlay.cut.clone(),
        absent: overlay.absent.clone(),
    }
}

fn as_json(cluster: &Cluster, overlay: &Overlay) -> serde_json::Value {
    let of = neighbours(overlay);
    let nodes = (0..).zip(cluster.nodes()).zip(&overlay.nodes).map(|((number, node), seen)| {
        serde_json::json!({
            "number": number, "name": node.name, "role": if seen.leaf { "leaf" } else { "ultrapeer" },
            "life": seen.life, "answers": seen.answers, "listen": node.config.listen,
            "neighbours": of.get(&number).map_or(&[][..], Vec::as_slice),
            "strangers": seen.strangers,
        })
    });
    serde_json::json!({
        "nodes": nodes.collect::<Vec<_>>(), "links": overlay.links, "cut": overlay.cut,
        "absent": overlay.absent,
        "parts": parts(overlay),
    })
}
