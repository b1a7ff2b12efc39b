//! `filbert cluster logs` and `exec`: what servents said, and programs that speak to them.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use smol::future::FutureExt;

use crate::cli::Outcome;
use crate::cli::args::cluster::{Exec, Logs};
use crate::cli::render::say;
use crate::cli::session::wish_to_leave;
use crate::cluster::{Cluster, MARK};

/// How often is looked for new lines.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// Variables that settings come from begin so.
const SETTING: &str = "FILBERT_";
/// The exit status of a program that a signal ended is this and the signal's number, as in a shell.
const SIGNALLED: i32 = 128;

/// Prints what servents said.
pub(super) async fn logs(dir: &Path, words: &Logs) -> Result<Outcome> {
    let cluster = Cluster::open(dir)?;
    let nodes = cluster.choose(&words.nodes)?;
    let mut logs: Vec<Log> = Vec::new();
    for &node in &nodes {
        let path = cluster.log(node)?;
        // Nodes of one process have one.
        if logs.iter().all(|log| log.path != path) {
            logs.push(Log { name: cluster.node(node)?.name.clone(), path, read: 0 });
        }
    }
    let many = logs.len() > 1;
    for log in &mut logs {
        log.print(many)?;
    }
    if !words.follow {
        return Ok(Outcome::Worked);
    }
    let following = async {
        while cluster.is_there() {
            smol::Timer::after(LOOK_INTERVAL).await;
            for log in &mut logs {
                log.print(many)?;
            }
        }
        Ok(())
    };
    following.or(wish_to_leave()).await?;
    Ok(Outcome::Worked)
}

/// A log, and how much of it was printed.
struct Log {
    name: String,
    path: PathBuf,
    read: u64,
}

impl Log {
    /// Prints the whole lines that are new; of several logs, with the name before each.
    fn print(&mut self, with_name: bool) -> Result<()> {
        // One that was never started has said nothing.
        let Ok(mut file) = File::open(&self.path) else { return Ok(()) };
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(self.read))?;
        file.read_to_end(&mut bytes)?;
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        self.read += whole as u64;
        for line in String::from_utf8_lossy(&bytes[..whole]).lines() {
            match with_name {
                true => say!("{} | {line}", self.name),
                false => say!("{line}"),
            }
        }
        Ok(())
    }
}

/// Runs a program for servents, one after the other.
pub(super) fn exec(dir: &Path, words: &Exec) -> Result<Outcome> {
    let cluster = Cluster::open(dir)?;
    let Some((program, rest)) = words.command.split_first() else { return Ok(Outcome::Worked) };
    let mut first_bad = 0;
    for node in cluster.choose(&words.nodes)? {
        let folder = cluster.folder(node)?;
        // In its network namespace, if it has one.
        let mut whole = cluster.before(node);
        whole.push(program.clone());
        let mut command = Command::new(&whole[0]);
        command.args(&whole[1..]);
        for (name, _) in std::env::vars_os() {
            // What speaks of another servent would be taken for this one's.
            if name.as_encoded_bytes().starts_with(SETTING.as_bytes()) {
                command.env_remove(name);
            }
        }
        command
            .args(rest)
            .env(MARK, cluster.dir())
            .env("FILBERT_DATA_DIR", &folder)
            .env("FILBERT_CONFIG", folder.join("filbert.toml"))
            .env("FILBERT_NODE", &cluster.node(node)?.name);
        let status = command.status();
        let status =
            status.with_context(|| format!("{} cannot be run", program.to_string_lossy()))?;
        let signal = std::os::unix::process::ExitStatusExt::signal(&status);
        let code = status.code().unwrap_or(SIGNALLED + signal.unwrap_or(0));
        if first_bad == 0 {
            first_bad = code;
        }
    }
    Ok(Outcome::Status(u8::try_from(first_bad).unwrap_or(u8::MAX)))
}
