//! What is known of those who speak to us by UDP, where anybody can write anybody's address on an
//! envelope (protocol.md section 16).
//!
//! [`standing`] holds how much each address may be sent before it has proved that it is whose it
//! says; [`pings`] holds the pings that await a pong; [`keys`] makes the keys of GUESS queries;
//! [`offers`] and [`requests`] are the two sides of hits out of band.

pub(crate) mod keys;
pub(crate) mod offers;
pub(crate) mod pings;
pub(crate) mod requests;
pub(crate) mod standing;

use std::net::SocketAddr;

use super::why::Counts;
use super::{Config, Rng, Time, Why};
use keys::Keys;
use offers::Offers;
use pings::Pings;
use requests::Requests;
use standing::Standings;

/// All that the node knows of datagrams. A node that never saw one holds nothing.
#[derive(Debug, Default)]
pub(crate) struct Datagrams {
    desk: Option<Box<Desk>>,
}

/// The tables, once there is something to put into them.
#[derive(Debug)]
pub(crate) struct Desk {
    /// What each address may be sent.
    pub(crate) standings: Standings,
    /// The pings that await a pong.
    pub(crate) pings: Pings,
    /// The keys of GUESS queries.
    pub(crate) keys: Keys,
    /// Our hits that others may fetch.
    pub(crate) offers: Offers,
    /// Others' hits that we fetch.
    pub(crate) requests: Requests,
    /// What came, went and was dropped.
    pub(crate) traffic: Traffic,
}

/// How many datagrams came and went.
#[derive(Clone, Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) received: u64,
    pub(crate) received_bytes: u64,
    pub(crate) sent: u64,
    pub(crate) sent_bytes: u64,
    /// What was dropped, also counted in those of the node.
    pub(crate) dropped: Counts,
}

impl Datagrams {
    /// The tables. `root` is the node's stream.
    pub(crate) fn desk(&mut self, config: &Config, root: &Rng) -> &mut Desk {
        self.desk.get_or_insert_with(|| {
            let rng = &mut root.derive("datagrams");
            Box::new(Desk {
                standings: Standings::new(config, rng),
                pings: Pings::new(config, rng),
                keys: Keys::new(rng),
                offers: Offers::default(),
                requests: Requests::new(config, rng),
                traffic: Traffic::default(),
            })
        })
    }

    /// The tables, if there are any.
    pub(crate) fn look(&self) -> Option<&Desk> {
        self.desk.as_deref()
    }

    /// When something is due.
    pub(crate) fn deadline(&self) -> Time {
        self.desk.as_ref().map_or(Time::NEVER, |desk| desk.offers.deadline())
    }

    /// Something was dropped that came or was to go as a datagram.
    pub(crate) fn dropped(&mut self, why: Why, config: &Config, root: &Rng) {
        self.desk(config, root).traffic.dropped.add(why);
    }
}

/// Whom an address stands for: all ports of one IP address are one host, except on loopback, where
/// each port is a servent of its own.
pub(crate) fn host_of(address: SocketAddr) -> SocketAddr {
    let ip = address.ip().to_canonical();
    SocketAddr::new(ip, if ip.is_loopback() { address.port() } else { 0 })
}
