//! What one node was told and what it answered, kept so that it can be run again alone: by a
//! recording in the form of `filbert run --record`, which `filbert replay` reads.
//!
//! A world that fails tells which nodes were involved; the same world once more, with
//! [`super::WorldConfig::taped`] naming them, has their tapes ([`super::World::tape`]).

use std::net::SocketAddr;
use std::sync::Arc;

use crate::node::{Action, Config, ConnId, Input, Time, WallTime};
use crate::wire::Guid;

/// The life of one process of a node, from its start on.
#[derive(Clone, Debug)]
pub struct Tape {
    /// How the node behaves.
    pub config: Arc<Config>,
    /// Its name.
    pub guid: Guid,
    /// Its randomness.
    pub seed: [u8; 32],
    /// When it began, by its own wall clock.
    pub started_at: WallTime,
    /// All that it was told, in order.
    pub turns: Vec<Turn>,
}

/// One input and what came of it.
#[derive(Clone, Debug)]
pub struct Turn {
    /// The node's time.
    pub at: Time,
    told: Told,
    /// What it wanted done.
    pub actions: Vec<Action>,
}

/// An input that owns its bytes.
#[derive(Clone, Debug)]
enum Told {
    Received(ConnId, Vec<u8>),
    Datagram(SocketAddr, Vec<u8>),
    Other(Input<'static>),
}

impl Turn {
    pub(super) fn new(at: Time, input: &Input<'_>) -> Turn {
        let told = match input.clone() {
            Input::Received { conn, data } => Told::Received(conn, data.to_vec()),
            Input::Datagram { from, data } => Told::Datagram(from, data.to_vec()),
            Input::Wake => Told::Other(Input::Wake),
            Input::TurnOver => Told::Other(Input::TurnOver),
            Input::Command(command) => Told::Other(Input::Command(command)),
            Input::Library(change) => Told::Other(Input::Library(change)),
            Input::Accepted { conn, peer, local } => {
                Told::Other(Input::Accepted { conn, peer, local })
            }
            Input::Connected { conn, local } => Told::Other(Input::Connected { conn, local }),
            Input::Sent { conn, len } => Told::Other(Input::Sent { conn, len }),
            Input::Carried { conn, len } => Told::Other(Input::Carried { conn, len }),
            Input::Closed { conn, cause } => Told::Other(Input::Closed { conn, cause }),
            Input::Resolved { lookup, addresses } => {
                Told::Other(Input::Resolved { lookup, addresses })
            }
            Input::Disk(report) => Told::Other(Input::Disk(report)),
            Input::PortMapped(answer) => Told::Other(Input::PortMapped(answer)),
        };
        Turn { at, told, actions: Vec::new() }
    }

    /// What the node was told.
    pub fn input(&self) -> Input<'_> {
        match &self.told {
            Told::Received(conn, data) => Input::Received { conn: *conn, data },
            Told::Datagram(from, data) => Input::Datagram { from: *from, data },
            Told::Other(input) => input.clone(),
        }
    }
}
