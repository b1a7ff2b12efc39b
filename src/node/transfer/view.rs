//! How the transfers stand, as an owned picture for people and programs.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::node::Why;
use crate::node::io::{DownloadId, Progress};
use crate::wire::Sha1;

/// All transfers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TransfersView {
    /// Files that are being sent.
    pub uploads: Vec<UploadView>,
    /// Downloads, those that have ended included until their place is needed.
    pub downloads: Vec<DownloadView>,
    /// Places that have proved to have a content, which others are told of.
    #[serde(default)]
    pub alternates: u64,
}

/// A file, or a part of one, that is being sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadView {
    /// Who gets it.
    pub peer: SocketAddr,
    /// The file's name here.
    pub name: String,
    /// Bytes sent so far.
    pub sent: u64,
    /// Bytes of this request.
    pub of: u64,
    /// When it began, microseconds since the node did.
    pub since_us: u64,
}

/// A download.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DownloadView {
    /// Which.
    pub id: DownloadId,
    /// The name it shall have here.
    pub name: String,
    /// Its content.
    pub sha1: Option<Sha1>,
    /// How it stands.
    pub progress: Progress,
    /// Who has it.
    pub sources: Vec<SourceView>,
}

/// A source of a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceView {
    /// Where it is.
    pub address: SocketAddr,
    /// What it is doing.
    pub state: SourceState,
    /// What went wrong with it last.
    pub trouble: Option<Why>,
}

/// What a source is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceState {
    /// Nothing; it may be tried.
    Ready,
    /// Being connected to.
    Connecting,
    /// Asked to connect to us.
    AskedToPush,
    /// Asked for bytes.
    Requesting,
    /// Sending bytes.
    Transferring,
    /// To be tried again later.
    Waiting,
    /// Not to be tried again.
    GivenUp,
}
