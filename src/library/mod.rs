//! What we share, as data: entries, the keyword index and the match.
//!
//! Knows no disk and no peer. The driver scans folders and hands changes in; the node asks for
//! matches.

pub mod entry;

pub use entry::{Entry, FileIndex};

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A change of what we share, made by the driver and handed to the node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// These files are shared now.
    Add(Arc<[Entry]>),
    /// These are not any more.
    Remove(Vec<FileIndex>),
}
