//! What goes into a node.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{Command, ConnId, DownloadId, LookupId};
use crate::library;
use crate::wire::Sha1;

/// What goes into a node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Input<'a> {
    /// The deadline came, or the caller just wants to look.
    Wake,
    /// Nothing more is ready: floods admitted since the last one leave now.
    TurnOver,
    /// What a person or a program wants.
    Command(Command),
    /// What we share has changed.
    Library(library::Change),
    /// Somebody connected to us.
    Accepted {
        /// Its name, `ConnId::accepted(n)`.
        conn: ConnId,
        /// Who.
        peer: SocketAddr,
        /// Our own address on that connection.
        local: SocketAddr,
    },
    /// A connection that [`Action::Connect`](super::Action::Connect) ordered stands.
    Connected {
        /// Which.
        conn: ConnId,
        /// Our own address on that connection.
        local: SocketAddr,
    },
    /// Bytes came. Never given while a [`Action::StoreInto`](super::Action::StoreInto) on this
    /// connection is incomplete.
    Received {
        /// Where.
        conn: ConnId,
        /// At least one byte, at most 64 KiB.
        #[serde(borrow)]
        data: &'a [u8],
    },
    /// So many bytes of the chunks of [`Action::Send`](super::Action::Send) have been handed to the system: credit.
    Sent {
        /// Where.
        conn: ConnId,
        /// How many bytes since the last report.
        len: u32,
    },
    /// So many bytes of a file body went by (either direction) since the last report.
    Carried {
        /// Where.
        conn: ConnId,
        /// How many bytes since the last report.
        len: u64,
    },
    /// The connection is gone or never came to stand. Also answers every
    /// [`Action::Close`](super::Action::Close); the
    /// name is not used again.
    Closed {
        /// Which.
        conn: ConnId,
        /// What happened.
        cause: CloseCause,
    },
    /// A UDP datagram came.
    Datagram {
        /// From whom.
        from: SocketAddr,
        /// All of it.
        #[serde(borrow)]
        data: &'a [u8],
    },
    /// A host name was looked up; no address: there is none.
    Resolved {
        /// Which look-up.
        lookup: LookupId,
        /// Its addresses.
        addresses: Vec<IpAddr>,
    },
    /// The disk answered.
    Disk(DiskReport),
    /// The gateway of our network answered [`Action::MapPort`](super::Action::MapPort).
    PortMapped(Result<Mapped, MappingFailure>),
}

/// Why a connection is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CloseCause {
    /// We ordered it.
    Ordered,
    /// The other side closed it in order.
    PeerClosed,
    /// The other side or the network broke it.
    Reset,
    /// It never came to stand: refused or unreachable.
    Unreachable,
    /// It never came to stand in time.
    TimedOut,
    /// A file of ours could not be read for [`Action::SendFile`](super::Action::SendFile).
    FileUnreadable,
    /// This machine has no file descriptors or ports left.
    Exhausted,
}

/// A port of the gateway of our network that leads to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapped {
    /// Where others reach us by it. The address may be of a local network still, if there is one
    /// more gateway behind the first.
    pub external: SocketAddr,
    /// How long it does so if it is not asked again.
    pub lifetime_s: u32,
    /// How it was asked.
    pub method: MappingMethod,
}

/// How a gateway is asked to map a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MappingMethod {
    /// NAT-PMP (RFC 6886).
    NatPmp,
    /// UPnP Internet Gateway Device.
    Upnp,
}

/// Why a gateway does not map our port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MappingFailure {
    /// No gateway answered, neither by NAT-PMP nor by UPnP.
    NoAnswer,
    /// The gateway does not want to.
    Refused,
}

/// What the disk answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DiskReport {
    /// The partial file is open.
    Opened {
        /// Whose.
        download: DownloadId,
        /// The bytes it holds from earlier runs, in order, not overlapping.
        have: Vec<Range<u64>>,
    },
    /// The partial file was hashed.
    Hashed {
        /// Whose.
        download: DownloadId,
        /// Its SHA-1.
        sha1: Sha1,
    },
    /// The finished file has its name.
    Published {
        /// Whose.
        download: DownloadId,
        /// Where it lies, for people.
        path: String,
    },
    /// Something could not be done. The node stops the download and says why.
    Failed {
        /// Whose.
        download: DownloadId,
        /// What is wrong.
        failure: DiskFailure,
    },
}

/// What can be wrong with our disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiskFailure {
    /// No room left.
    Full,
    /// Not allowed.
    Denied,
    /// The folder or file is gone.
    Missing,
    /// The device reports an error.
    Io,
}
