//! What a connection is at present: the states of its life, named by what they wait for.

use std::net::SocketAddr;

use super::conn::Conn;
use super::hosts::fetch::Fetch;
use super::link::Link;
use super::link::features::Features;
use super::link::handshake::Gathering;

/// The phase of one connection.
#[derive(Debug)]
pub(super) enum Phase {
    /// Accepted; its first bytes will say what it is.
    AwaitsFirstBytes(Vec<u8>),
    /// Ordered by us as a neighbour, not standing yet.
    AwaitsConnection,
    /// Ordered by us because a neighbour wants to know whether it can be connected to.
    ConnectsBack,
    /// They speak Gnutella; their first block is not complete.
    AwaitsGreeting(Gathering),
    /// We sent our first block; their answer is not complete.
    AwaitsAnswer(Gathering),
    /// We answered 200; their last block is not complete.
    AwaitsLastBlock(Box<Shaking>),
    /// A neighbour.
    Link(Link),
    /// An accepted connection that the transfers have taken over.
    Transfer,
    /// Ordered by us to ask a web cache for hosts, not standing yet.
    AwaitsWebCache,
    /// We asked a web cache; its answer is not complete.
    AwaitsHostList(Box<Fetch>),
    /// We ordered its close.
    Closing,
}

/// A handshake before its last block.
#[derive(Debug)]
pub(super) struct Shaking {
    /// The last block as it gathers.
    pub gathering: Gathering,
    /// What they said so far.
    pub features: Features,
    /// Whether we shall deflate.
    pub deflates: bool,
}

impl Conn<Phase> {
    /// Where the neighbour listens, if it is one and does: at the address that its connection comes
    /// from or goes to.
    pub(super) fn listens(&self) -> Option<SocketAddr> {
        let port = self.phase.link()?.listen_port?;
        Some(SocketAddr::new(self.peer().ip(), port))
    }

    /// See `Node::look_ahead`.
    pub(super) fn look_ahead(&self) -> u64 {
        let of_link = self.phase.link().map_or(0, Link::look_ahead);
        of_link ^ u64::from(self.outbox.waiting_bytes()) ^ self.outbox.carried().bytes
    }
}

impl Phase {
    /// The neighbour, if it is one.
    #[inline]
    pub(super) fn link(&self) -> Option<&Link> {
        match self {
            Phase::Link(link) => Some(link),
            _ => None,
        }
    }

    /// The neighbour, if it is one, to be changed.
    #[inline]
    pub(super) fn link_mut(&mut self) -> Option<&mut Link> {
        match self {
            Phase::Link(link) => Some(link),
            _ => None,
        }
    }

    /// Whether we ordered it as a neighbour and it is none yet.
    pub(super) fn is_dialling(&self) -> bool {
        matches!(self, Phase::AwaitsConnection | Phase::AwaitsAnswer(_))
    }
}

#[cfg(test)]
mod tests {
    use super::Phase;
    use crate::node::conn::Conn;

    #[test]
    fn a_neighbour_at_rest_is_small() {
        // 2 KB in all, the system's and the driver's share included.
        let row_bytes = std::mem::size_of::<Conn<Phase>>();
        assert!(row_bytes <= 216, "{row_bytes}");
    }
}
