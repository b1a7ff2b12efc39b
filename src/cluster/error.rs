//! What can be wrong with a cluster: one sentence each, that says what to do.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::api::ClientError;

/// Why something could not be done with a cluster.
#[derive(Debug, Error)]
pub enum ClusterError {
    /// There is one already.
    #[error(
        "a cluster stands in {} already: take it down with `filbert cluster down`, or choose \
         another folder with --dir",
        .0.display()
    )]
    Stands(PathBuf),
    /// The folder is used for something else.
    #[error("{} is not empty, and no cluster: choose another folder with --dir", .0.display())]
    NotACluster(PathBuf),
    /// There is none.
    #[error("no cluster stands in {}; start one with `filbert cluster up`", .0.display())]
    NoCluster(PathBuf),
    /// Another program is just changing it.
    #[error(
        "another program is starting or changing the cluster in {}: wait for it, or stop it with \
         ctrl-C",
        .0.display()
    )]
    Busy(PathBuf),
    /// The plan cannot be understood.
    #[error("{} is not the plan of a cluster of this version: {what}", .path.display())]
    Unreadable {
        /// Its file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A plan that cannot stand.
    #[error("{0}")]
    Plan(String),
    /// A folder to share that is none.
    #[error("there is no folder {} for {name} to share", .folder.display())]
    NoFolder {
        /// Whose.
        name: String,
        /// Which.
        folder: PathBuf,
    },
    /// No node has this number.
    #[error("there is no node {number}: the cluster has {nodes} nodes, 0 to {}", .nodes - 1)]
    NoSuchNumber {
        /// The number.
        number: u32,
        /// How many there are.
        nodes: usize,
    },
    /// The system does not give enough open files.
    #[error(
        "{nodes} nodes like these need {needed} open files in a process, and this system gives          {limit}: raise it with `ulimit -Hn {needed}` as root (or `nofile` in          /etc/security/limits.conf), or take fewer nodes"
    )]
    TooFewFiles {
        /// How many nodes.
        nodes: usize,
        /// What they need.
        needed: u64,
        /// What there is.
        limit: u64,
    },
    /// A file or folder refuses.
    #[error("{}: {error}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The program cannot be started.
    #[error("{} cannot be started: {error}", .program.display())]
    Program {
        /// Which.
        program: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A process cannot be looked at or told anything.
    #[error("a process of the cluster: {0}")]
    Process(io::Error),
    /// A node ended instead of starting.
    #[error("{name} ended while it was starting; the last line of its log: {said}")]
    Ended {
        /// Who.
        name: String,
        /// The last line of its log.
        said: String,
    },
    /// Not everything stands.
    #[error("after {waited_s} s {missing}")]
    NotReady {
        /// How long it was waited.
        waited_s: u64,
        /// Who or what is missing.
        missing: String,
    },
    /// A node that does not run.
    #[error("{0} is not running; start it with `filbert cluster start {0}`")]
    NotRunning(String),
    /// A node that does not answer as it should.
    #[error("{name}: {error}")]
    Call {
        /// Who.
        name: String,
        /// What it said.
        error: ClientError,
    },
    /// A node of the host does not start.
    #[error("{name} does not start: {said}")]
    NoStart {
        /// Who.
        name: String,
        /// What stands in the way.
        said: String,
    },
    /// The host of all nodes in one process does not answer.
    #[error("the process of all nodes does not answer: {0}")]
    Host(io::Error),
    /// A process does not end.
    #[error("process {pid} has not ended within {waited_s} s")]
    Stays {
        /// Which.
        pid: u32,
        /// How long it was waited.
        waited_s: u64,
    },
}

impl ClusterError {
    /// What a call to this node says.
    pub(super) fn of_call(name: &str, error: ClientError) -> ClusterError {
        match error {
            ClientError::NotRunning { .. } | ClientError::Unreachable { .. } => {
                ClusterError::NotRunning(name.to_owned())
            }
            error => ClusterError::Call { name: name.to_owned(), error },
        }
    }

    /// What a file or folder says.
    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> ClusterError + use<> {
        let path = path.to_owned();
        move |error| ClusterError::File { path, error }
    }
}
