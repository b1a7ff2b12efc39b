//! `filbert cluster status`: every servent in one row.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use crate::cli::Outcome;
use crate::cli::render::{Side, Table, say};
use crate::cli::units;
use crate::cluster::{Cluster, Life};

/// One servent, as `--json` prints it.
#[derive(Serialize)]
struct Row<'a> {
    number: u32,
    name: &'a str,
    leaf: bool,
    listen: std::net::SocketAddr,
    folder: std::path::PathBuf,
    life: Life,
    /// Absent while it does not answer.
    neighbours: Option<u32>,
    shared_files: Option<u64>,
}

/// Shows every servent.
pub(super) async fn status(json: bool, dir: &Path) -> Result<Outcome> {
    let cluster = Cluster::open(dir)?;
    let lives = cluster.lives()?;
    let mut rows = Vec::new();
    for ((number, node), life) in (0..).zip(cluster.nodes()).zip(lives) {
        let status = match (life, cluster.client(number)) {
            (Life::Running { .. }, Ok(client)) => client.status().await.ok(),
            _ => None,
        };
        rows.push(Row {
            number,
            name: &node.name,
            leaf: node.leaf,
            listen: node.config.listen,
            folder: cluster.folder(number)?,
            life,
            neighbours: status.as_ref().map(|status| status.neighbours),
            shared_files: status.as_ref().map(|status| status.shared_files),
        });
    }
    if json {
        let all = serde_json::json!({
            "dir": cluster.dir(), "seat": cluster.seat(), "links": cluster.edges(), "nodes": rows,
        });
        say!("{all:#}");
        return Ok(Outcome::Worked);
    }
    let mut table = Table::new(&[
        ("node", Side::Left),
        ("listens on", Side::Left),
        ("state", Side::Left),
        ("neighbours", Side::Right),
        ("files", Side::Right),
    ]);
    let mut running = 0;
    for row in &rows {
        let state = match row.life {
            Life::Running { pid } => {
                running += 1;
                format!("process {pid}")
            }
            Life::Vanished { pid } => format!("vanished (process {pid} stands still)"),
            Life::Down => "down".to_owned(),
        };
        let known = |value: Option<u64>| value.map_or("-".to_owned(), units::number);
        table.row([
            row.name.to_owned(),
            row.listen.to_string(),
            state,
            known(row.neighbours.map(u64::from)),
            known(row.shared_files),
        ]);
    }
    table.print();
    say!("{running} of {} run, in {}.", rows.len(), cluster.dir().display());
    Ok(Outcome::Worked)
}
