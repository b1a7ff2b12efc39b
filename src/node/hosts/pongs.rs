//! Cached pongs: a ping is answered from here instead of being flooded (protocol.md section 4).

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use crate::node::rare::Rare;
use crate::node::size::block;
use crate::node::{Config, ConnId, Time};

/// Cached pongs for each one that an answer may hold.
const CACHED_PER_ANSWERED: usize = 5;

/// A pong that a neighbour sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cached {
    /// Where the servent listens.
    pub address: SocketAddr,
    /// Files it shares.
    pub files: u32,
    /// KiB it shares.
    pub kbytes: u32,
    /// Links it has crossed, the one to us included.
    pub hops: u8,
    /// Which neighbour sent it.
    pub from: ConnId,
    /// When.
    pub at: Time,
}

/// The cached pongs, newest last.
#[derive(Debug, Default)]
pub(crate) struct Pongs {
    cached: Rare<VecDeque<Cached>>,
}

impl Pongs {
    /// Keeps a pong; an older one of the same servent goes, and the oldest if there is no room.
    pub(crate) fn keep(&mut self, pong: Cached, config: &Config) {
        let max = CACHED_PER_ANSWERED * usize::from(config.pongs_per_ping);
        self.cached.change(|cached| {
            cached.retain(|other| other.address != pong.address);
            while cached.len() >= max.max(1) {
                cached.pop_front();
            }
            cached.push_back(pong);
        });
    }

    /// Bytes that they take.
    pub(crate) fn heap_bytes(&self) -> usize {
        block(self.cached.capacity() * size_of::<Cached>())
    }

    /// What a ping from this neighbour is answered with, newest first: nothing that it sent
    /// itself, nothing old.
    pub(crate) fn for_neighbour(
        &self,
        to: ConnId,
        now: Time,
        config: &Config,
    ) -> impl Iterator<Item = &Cached> {
        let lifetime = Duration::from_secs(u64::from(config.pong_lifetime_s));
        self.cached
            .iter()
            .rev()
            .filter(move |pong| pong.from != to && now < pong.at + lifetime)
            .take(usize::from(config.pongs_per_ping))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_fresh_few_and_from_others() {
        let config = Config { pongs_per_ping: 2, pong_lifetime_s: 10, ..Config::default() };
        let at = |seconds| Time::ZERO + Duration::from_secs(seconds);
        let pong = |port, from, second| Cached {
            address: SocketAddr::from(([1, 2, 3, 4], port)),
            files: 0,
            kbytes: 0,
            hops: 1,
            from: ConnId(from),
            at: at(second),
        };
        let mut pongs = Pongs::default();
        for (port, from, second) in [(1, 1, 0), (2, 1, 5), (3, 3, 6), (1, 1, 7), (4, 1, 8)] {
            pongs.keep(pong(port, from, second), &config);
        }
        let ports = |to, second| {
            let answer = pongs.for_neighbour(ConnId(to), at(second), &config);
            answer.map(|pong| pong.address.port()).collect::<Vec<_>>()
        };
        assert_eq!(ports(5, 9), [4, 1]);
        assert_eq!(ports(1, 9), [3]);
        assert_eq!(ports(5, 17), [4]);
        for port in 0..100 {
            pongs.keep(pong(port, 1, 20), &config);
        }
        assert_eq!(pongs.cached.len(), 10);
    }
}
