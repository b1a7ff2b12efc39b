//! Pushes that we are asked for: we connect out, say GIV and then serve (protocol.md section 7).
//!
//! Whoever sends a Push chooses the address that we connect to, which need not be its own: the
//! limits here are what keeps us from being turned against a third.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::turn::{Purpose, Turn};
use crate::node::rate::PerAddress;
use crate::node::{Config, ConnId, Why, filter};
use crate::wire::{Giv, Push};

/// Window of `Config::pushes_per_address_max`.
const WINDOW: Duration = Duration::from_secs(30);

/// The connections that we open because of a Push.
#[derive(Debug)]
pub(super) struct Pushes {
    opening: BTreeMap<ConnId, (SocketAddr, u32)>,
    obeyed: PerAddress,
}

impl Pushes {
    pub(super) fn new(config: &Config) -> Pushes {
        let (times_max, addresses_max) =
            (config.pushes_per_address_max, config.counted_addresses_max);
        let obeyed = PerAddress::new(WINDOW, times_max, addresses_max);
        Pushes { opening: BTreeMap::new(), obeyed }
    }

    /// Connects out, if the push is for us and names an address that may be connected to once
    /// more. Its index is only handed back: who knows just a hash, or wants to browse, writes any
    /// (gtk-gnutella: 0xFFFFFFFF), and what is wanted is said on the connection.
    pub(super) fn obey(&mut self, push: &Push<'_>, turn: &mut Turn<'_>) {
        if push.servent != turn.guid
            || !filter::is_usable(push.address, turn.local_allowed)
            || self.opening.len() >= usize::from(turn.config.pushes_max)
            || !self.obeyed.admit(turn.now, push.address.ip())
            || !turn.pushed_in_vain.admit(turn.now, push.address.ip())
        {
            return turn.out.count(Why::BadPush);
        }
        let conn = turn.connect(push.address, Purpose::Give);
        self.opening.insert(conn, (push.address, push.index));
    }

    /// The connection stands: says GIV. Whom to, for the requests that follow.
    pub(super) fn connected(&mut self, conn: ConnId, turn: &mut Turn<'_>) -> Option<SocketAddr> {
        let (peer, index) = self.opening.remove(&conn)?;
        let giv = Giv { index, servent: turn.guid, name: "file".to_owned() };
        turn.out.send(conn, &giv.to_bytes());
        Some(peer)
    }

    /// It never came to stand.
    pub(super) fn failed(&mut self, conn: ConnId, turn: &mut Turn<'_>) {
        if let Some((address, _)) = self.opening.remove(&conn) {
            turn.pushed_in_vain.failed(turn.now, address.ip());
            turn.out.count(Why::ConnectFailed);
        }
    }
}
