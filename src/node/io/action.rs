//! What comes out of a node.

use std::net::SocketAddr;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{Chunk, ConnId, DownloadId, DownloadRequest, Event, LookupId};
use crate::library::FileIndex;

/// What comes out of a node, to be performed in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Action {
    /// Open a TCP connection; answered by `Connected` or `Closed`.
    Connect {
        /// Its name, `ConnId::ordered(n)`.
        conn: ConnId,
        /// Whom to.
        to: SocketAddr,
    },
    /// Look a host name up; answered by `Resolved`.
    Resolve {
        /// Its name.
        lookup: LookupId,
        /// The host name, without a port.
        host: String,
    },
    /// Write these bytes; answered by `Sent` as they go.
    Send {
        /// Where.
        conn: ConnId,
        /// What.
        chunk: Chunk,
    },
    /// After everything sent before on this connection: bytes of a shared file. Answered by
    /// `Carried`; a file that cannot be read closes the connection (`FileUnreadable`).
    SendFile {
        /// Where.
        conn: ConnId,
        /// Which file.
        file: FileIndex,
        /// Which of its bytes.
        range: Range<u64>,
    },
    /// What arrives now on this connection is file content: beginning at byte `body_at` of the
    /// `Received` that is being handled, `range.end - range.start` bytes of it go to offset
    /// `range.start` of the download's partial file. Answered by `Carried` as they are stored;
    /// what arrives beyond the range comes as `Received` again.
    StoreInto {
        /// Where.
        conn: ConnId,
        /// Whose partial file.
        download: DownloadId,
        /// Which of its bytes.
        range: Range<u64>,
        /// Where in the current `Received` data the body begins (its length if all is still to come).
        body_at: u32,
    },
    /// Read nothing more from this connection until `Resume`.
    Pause {
        /// Which.
        conn: ConnId,
    },
    /// Read from this connection again.
    Resume {
        /// Which.
        conn: ConnId,
    },
    /// Close: after what was sent has gone out (`flush`, within `Config::linger_s`), or at once.
    /// Answered by `Closed`. No input for the connection comes in between but `Sent` and `Carried`.
    /// A second one, without `flush`, may cut a flushing one short: room is needed.
    Close {
        /// Which.
        conn: ConnId,
        /// Whether what was sent before still goes out.
        flush: bool,
    },
    /// Send a UDP datagram; it may get lost without a word.
    SendDatagram {
        /// Whom to.
        to: SocketAddr,
        /// All of it.
        data: Chunk,
    },
    /// Something to do with a partial file; answered by `Input::Disk`.
    Disk(DiskOrder),
    /// Something a person or a program may want to know.
    Emit(Event),
    /// Ask the gateway of our network to lead one of its ports to the one we listen on, TCP and
    /// UDP, or to go on with it; answered by `PortMapped`.
    MapPort,
    /// It shall no longer do so. Not answered.
    UnmapPort,
}

/// What the disk is asked to do with a download's partial file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DiskOrder {
    /// Open or create the partial file; answered by `Opened` with what it holds from earlier runs.
    Open {
        /// Whose.
        download: DownloadId,
        /// What it is, so that it can be told again after a restart.
        request: DownloadRequest,
    },
    /// Hash the whole partial file, which has so many bytes: what an earlier belief in a larger
    /// size left behind them is cut off. Nothing is being stored there. Answered by `Hashed`.
    Hash {
        /// Whose.
        download: DownloadId,
        /// Its bytes.
        size: u64,
    },
    /// Give the finished file its name in the download folder, never over another; answered by
    /// `Published`.
    Publish {
        /// Whose.
        download: DownloadId,
        /// The wanted name; already safe, a number is added if it is taken.
        name: String,
    },
    /// Forget these bytes of the partial file: they were wrong.
    Forget {
        /// Whose.
        download: DownloadId,
        /// Which bytes.
        range: Range<u64>,
    },
    /// Remove the partial file and what is known of it.
    Discard {
        /// Whose.
        download: DownloadId,
    },
}
