//! The processes of a cluster: started apart from us, found by their environment, told by signals.
//!
//! No process number is ever written down: a number may be another's tomorrow, an environment not.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;
use std::{env, io};

use rustix::process::{Pid, PidfdFlags, pidfd_open, pidfd_send_signal};
use smol::Async;

pub(super) use rustix::process::Signal;

use super::ClusterError;

/// The variable that holds a cluster's directory.
pub const MARK: &str = "FILBERT_CLUSTER";
/// The variable that says who of the cluster a process is. Only processes that have both are the
/// cluster's own: a person may have the first in his shell.
pub const SEAT_MARK: &str = "FILBERT_CLUSTER_SEAT";
/// The seat of the host of all nodes; no node has this name.
pub(super) const HOST: &str = "@host";
/// Variables that settings come from begin so.
const SETTING: &str = "FILBERT_";

/// A process of a cluster, held so that no other can be meant.
#[derive(Debug)]
pub(super) struct Running {
    pid: Pid,
    handle: OwnedFd,
    /// Which node it is, or the host of all.
    pub(super) seat: String,
}

impl Running {
    /// All processes of the cluster in this directory.
    pub(super) fn all(directory: &Path) -> Result<Vec<Running>, ClusterError> {
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").map_err(ClusterError::Process)? {
            let name = entry.map_err(ClusterError::Process)?.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            if let Some(running) = Pid::from_raw(pid).and_then(|pid| Running::look(pid, directory))
            {
                found.push(running);
            }
        }
        Ok(found)
    }

    fn look(pid: Pid, directory: &Path) -> Option<Running> {
        seat_of(pid, directory)?;
        let handle = pidfd_open(pid, PidfdFlags::empty()).ok()?;
        // Only now it cannot be another's any more.
        let seat = seat_of(pid, directory)?;
        Some(Running { pid, handle, seat })
    }

    /// Its number.
    pub(super) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Whether it was made to stand still.
    pub(super) fn stands_still(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap_or_default();
        // The state follows the name, which may hold anything but ends with the last bracket.
        stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with(['T', 't']))
    }

    /// Sends a signal; that it is gone already is no error.
    pub(super) fn signal(&self, signal: Signal) -> Result<(), ClusterError> {
        match pidfd_send_signal(&self.handle, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(ClusterError::Process(error.into())),
        }
    }

    /// Waits until it has ended.
    pub(super) async fn gone(&self, within: Duration) -> Result<(), ClusterError> {
        let ended = async {
            let handle = self.handle.try_clone()?;
            Async::new_nonblocking(handle)?.readable().await?;
            Ok(true)
        };
        let too_long = async {
            smol::Timer::after(within).await;
            Ok(false)
        };
        match smol::future::or(ended, too_long).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(ClusterError::Stays { pid: self.pid(), waited_s: within.as_secs() }),
            Err(error) => Err(ClusterError::Process(error)),
        }
    }
}

/// Which seat of the cluster in `directory` a process has. One that has ended has no environment,
/// also before it is buried.
fn seat_of(pid: Pid, directory: &Path) -> Option<String> {
    let environment = fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero())).ok()?;
    let value = |name: &str| {
        let prefix = format!("{name}=");
        environment.split(|&byte| byte == 0).find_map(|pair| pair.strip_prefix(prefix.as_bytes()))
    };
    if value(MARK)? != directory.as_os_str().as_encoded_bytes() {
        return None;
    }
    Some(String::from_utf8_lossy(value(SEAT_MARK)?).into_owned())
}

/// How to start a process of a cluster.
#[derive(Debug)]
pub(super) struct Start<'a> {
    /// Words that bring it to its place.
    pub(super) before: Vec<OsString>,
    /// The program.
    pub(super) program: &'a Path,
    /// Its words.
    pub(super) words: Vec<PathBuf>,
    /// The cluster's directory.
    pub(super) directory: &'a Path,
    /// Who it is.
    pub(super) seat: &'a str,
    /// Where what it prints goes.
    pub(super) log: PathBuf,
}

impl Start<'_> {
    /// Starts it: apart from us, so that neither ctrl-C nor our end is its own.
    pub(super) fn spawn(&self) -> Result<Child, ClusterError> {
        let log = File::options().create(true).append(true).open(&self.log);
        let log = log.map_err(ClusterError::file(&self.log))?;
        let again = log.try_clone().map_err(ClusterError::file(&self.log))?;
        let mut whole = self.before.clone();
        whole.push(self.program.into());
        let mut command = Command::new(&whole[0]);
        command.args(&whole[1..]).args(&self.words).current_dir(self.directory).process_group(0);
        command.stdin(Stdio::null()).stdout(log).stderr(again);
        for (name, _) in env::vars_os() {
            // They would be taken for settings of the node's.
            if name.as_encoded_bytes().starts_with(SETTING.as_bytes()) {
                command.env_remove(name);
            }
        }
        command.env(MARK, self.directory).env(SEAT_MARK, self.seat);
        let mut child = command
            .spawn()
            .map_err(|error| ClusterError::Program { program: self.program.to_owned(), error })?;
        // It counts as started a moment before it has an environment, and nobody would find it.
        let environment = format!("/proc/{}/environ", child.id());
        while fs::read(&environment).is_ok_and(|bytes| bytes.is_empty())
            && matches!(child.try_wait(), Ok(None))
        {
            thread::yield_now();
        }
        Ok(child)
    }
}

/// The last line that a process printed.
pub(super) fn last_line(log: &Path) -> io::Result<String> {
    let text = String::from_utf8_lossy(&fs::read(log)?).into_owned();
    let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("(nothing)");
    Ok(last.trim_start_matches("filbert: ").to_owned())
}
