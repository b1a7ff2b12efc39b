//! What can happen in a world, as it waits in the queue.

use std::net::SocketAddr;

use super::NodeId;
use super::faults::Fault;
use crate::node::io::{CloseCause, DiskReport, LookupId, Mapped, MappingFailure};
use crate::node::{Chunk, Command};

/// One end of a connection, by its slot and by which life of the slot it is: a connection that is
/// gone is told from the one that took its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EndRef {
    pub(super) slot: u32,
    pub(super) life: u32,
}

/// A process of a node: a restarted one must not hear what its predecessor asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) node: NodeId,
    pub(super) life: u32,
}

/// A datagram under way.
#[derive(Debug)]
pub(super) struct Datagram {
    pub(super) from: SocketAddr,
    pub(super) to: NodeId,
    pub(super) data: Chunk,
}

/// What happens at some instant. Millions may wait: what is rare or large is boxed.
#[derive(Debug)]
pub(super) enum Event {
    /// The deadline of a node comes.
    Wake(NodeId),
    /// Somebody gives a command.
    Command(NodeId, Box<Command>),
    /// A connection attempt arrives.
    Syn(EndRef, Box<SocketAddr>),
    /// A connection attempt has been accepted, and the one who ordered it hears of it.
    Connected(EndRef),
    /// The node of this end is told that it has accepted a connection from there.
    Accepted(EndRef, Box<SocketAddr>),
    /// Bytes arrive at this end.
    Arrive(EndRef, Chunk),
    /// Bytes that have arrived at this end may be read now.
    Read(EndRef),
    /// A slow disk has stored bytes that arrived at this end, and more may be read.
    Written(EndRef, u32),
    /// More bytes can leave this end.
    Pump(EndRef),
    /// The other side's end of the stream, or its breaking, arrives at this end.
    Fin(EndRef, CloseCause),
    /// The node of this end is told that the connection is gone.
    Closed(EndRef, CloseCause),
    /// A flushing close has taken too long.
    LingerEnds(EndRef),
    /// A datagram arrives.
    Datagram(Box<Datagram>),
    /// A name was looked up.
    Resolved(Process, LookupId, Box<str>),
    /// The gateway of a node's network answers.
    Mapped(Process, Box<Result<Mapped, MappingFailure>>),
    /// The disk answers.
    Disk(Process, Box<DiskReport>),
    /// A process that heard nothing for a while wakes up.
    StallEnds(Process),
    /// A liar does what it does unasked.
    Lie(NodeId),
    /// Something breaks, or is mended.
    Fault(Box<Fault>),
}
