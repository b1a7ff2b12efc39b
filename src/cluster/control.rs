//! What the host of all nodes in one process is told, and what it answers: one line of JSON each
//! way, over a socket in the cluster's directory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The host's socket in the cluster's directory.
pub(super) const SOCKET: &str = "host";
/// Starting a thousand nodes takes its time; a host that says nothing for so long is given up.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the host is to do with nodes, by their numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Order {
    /// Start them.
    Start(Vec<u32>),
    /// End them with a Bye.
    Stop(Vec<u32>),
    /// End them without.
    Kill(Vec<u32>),
    /// Make them stand still.
    Vanish(Vec<u32>),
    /// Let them go on.
    GoOn(Vec<u32>),
    /// Say who runs.
    Lives,
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Answer {
    /// It is so.
    Done,
    /// Who runs, and whether it stands still.
    Lives(Vec<(u32, bool)>),
    /// It is not: who, and why.
    Failed(u32, String),
}

/// Tells the host of the cluster in `directory`, and waits for its answer. Blocks.
pub(super) fn tell(directory: &Path, order: &Order) -> io::Result<Answer> {
    // By way of the folder's descriptor: the path of a socket may have 107 bytes and no more.
    let folder = File::open(directory)?;
    let path = format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd());
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_vec(order).map_err(io::Error::other)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    serde_json::from_str(&answer).map_err(io::Error::other)
}
