//! What other threads and tasks have for the node's task. The queue is bounded: who posts waits.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use smol::channel::Sender;

use super::conditions::Conditions;
use crate::library::Change;
use crate::node::io::{DiskReport, LookupId, Mapped, MappingFailure};
use crate::node::passages::PassagesView;
use crate::node::{Command, View};
use crate::wire::Guid;

/// Posts that wait for the node's task at most.
pub(super) const POSTS_MAX: usize = 256;

/// One thing for the node's task to do.
#[derive(Debug)]
pub(super) enum Post {
    /// Somebody wants something.
    Command(Command),
    /// Somebody wants to know how things stand.
    View(Sender<Arc<View>>),
    /// Somebody wants to know what became of a query's copies, or of those of all.
    Passages(Option<Guid>, Sender<PassagesView>),
    /// The links are like that from now on; said when it is so.
    Conditions(Box<Conditions>, Sender<()>),
    /// Somebody wants the shared folders looked through.
    Rescan,
    /// One more folder is shared; said when it is being looked through.
    Share(PathBuf, Sender<()>),
    /// The shared folders were looked through, or files were hashed.
    Library(Change),
    /// A host name was looked up.
    Resolved {
        /// Which look-up.
        lookup: LookupId,
        /// Its addresses.
        addresses: Vec<IpAddr>,
    },
    /// The gateway answers.
    Mapped(Result<Mapped, MappingFailure>),
    /// The disk answers.
    Disk(DiskReport),
}
