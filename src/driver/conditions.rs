//! What the links of a servent in a laboratory are like: latency, rate, loss, silence, firewall.
//!
//! A cluster of servents on one machine has links without any length. [`Conditions`] gives them
//! one, in the words and with the meaning of the simulator. They are kept at the receiving side:
//! what the system has for us waits in a bounded queue until it would have arrived, and when that
//! is full the socket is not read, so that TCP holds the sender back. Without conditions there is
//! no queue and nothing is asked.

pub(super) mod gate;
pub(super) mod lane;
pub(super) mod reading;
pub(super) mod shaping;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::handle::Stopped;
use super::network::Network;

/// Entries of each list at most: a cluster of a thousand nodes, each by its own address, twice.
pub const ENTRIES_MAX: usize = 2_000;

/// No link is longer: a minute is more than the handshake of any servent waits.
pub const LATENCY_US_MAX: u64 = 60_000_000;

/// What the links of a servent in a laboratory are like. By default nothing is in the way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Conditions {
    /// One-way latency, in microseconds, of what comes from anywhere that `latencies` does not
    /// name. The way back is taken to be as long: a connection that we order stands after twice
    /// as much.
    pub latency_us: u64,
    /// The same from certain networks; the longest prefix counts.
    pub latencies: Vec<Latency>,
    /// Bytes a second that one direction of each connection carries; without it as many as can.
    pub rate_bytes_s: Option<u32>,
    /// Bytes a second that all connections carry together in one direction.
    pub node_rate_bytes_s: Option<u32>,
    /// Probability, from 0 to 1, that a datagram for us is lost.
    pub datagram_loss: f64,
    /// Networks from which nothing comes in and to which nothing goes out, without anybody being
    /// told: orders to connect hang until they time out. When it ends, bytes that were held up
    /// follow, unless the connection was given up meanwhile.
    pub silent: Vec<Network>,
    /// A firewall: nobody can connect to us (who tries gets no answer), and datagrams come only
    /// from hosts that we sent one to within the last minute. Connections that stand stay.
    pub firewalled: bool,
}

/// How far a network is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// From where.
    pub network: Network,
    /// One-way latency, in microseconds.
    pub latency_us: u64,
}

/// Why conditions are not set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConditionsError {
    /// Links are only shaped in laboratories.
    #[error(
        "the links of a servent are shaped in laboratories only, and this one listens on {listen}; \
         let it listen on a loopback address, or on a private one with local_addresses = true"
    )]
    NoLaboratory {
        /// Where it listens.
        listen: SocketAddr,
    },
    /// A value that is none.
    #[error("{0}")]
    Senseless(&'static str),
    /// The servent has stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl Conditions {
    /// Whether nothing is in the way of anything.
    pub fn is_nothing(&self) -> bool {
        *self == Conditions::default()
    }

    /// Says what is wrong with them, if something is.
    pub fn check(&self) -> Result<(), ConditionsError> {
        let rates = [self.rate_bytes_s, self.node_rate_bytes_s];
        let mut latencies = self.latencies.iter().map(|entry| entry.latency_us);
        let wrong = if self.latencies.len() > ENTRIES_MAX || self.silent.len() > ENTRIES_MAX {
            "a list of networks holds at most 2000; name blocks of addresses (ADDRESS/BITS)"
        } else if self.latency_us > LATENCY_US_MAX || latencies.any(|us| us > LATENCY_US_MAX) {
            "a latency is at most 60000000 microseconds (a minute)"
        } else if rates.contains(&Some(0)) {
            "a rate is at least 1 byte a second; leave it out for no limit, and name silent \
             networks for no bytes at all"
        } else if !(0.0..=1.0).contains(&self.datagram_loss) {
            "datagram_loss is a probability: from 0 to 1"
        } else {
            return Ok(());
        };
        Err(ConditionsError::Senseless(wrong))
    }
}

/// Whether a servent that listens there is in a laboratory: others could only reach it from this
/// machine, or it was told that it is among local addresses.
pub(super) fn is_laboratory(listen: IpAddr, local_addresses: bool) -> bool {
    let is_private = match listen {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
    };
    listen.is_loopback() || (is_private && local_addresses)
}
