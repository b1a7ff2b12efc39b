//! Cached pongs: a ping is answered from here instead of being flooded (protocol.md section 4).

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use crate::node::rare::Rare;
use crate::node::size::block;
use crate::node::{Config, ConnId, Time};

/// Cached pongs for each one that an answer may hold.
const CACHED_PER_ANSWERED: usize = 5;

/// How often the wait doubles before neighbours are asked for hosts again that knew none.
const DOUBLED_MAX: u8 = 3;

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
    /// With how many neighbours we last asked them all for hosts.
    neighbours: u16,
    /// How often in a row that was in vain.
    barren: u8,
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

    /// A pong named a host that we did not know.
    pub(crate) fn brought_news(&mut self) {
        self.barren = 0;
    }

    /// All neighbours, so many, are asked for hosts: how long until they may be asked again. Where
    /// nobody has any news that need not be soon: in a network with fewer hosts than we would like
    /// as neighbours it would go on for ever.
    pub(crate) fn asks_all(&mut self, neighbours: usize, config: &Config) -> Duration {
        self.neighbours = u16::try_from(neighbours).unwrap_or(u16::MAX);
        let doubled = self.barren.min(DOUBLED_MAX);
        self.barren = doubled + 1;
        Duration::from_secs(u64::from(config.alive_ping_s.max(1)) << doubled)
    }

    /// Whether some neighbour has left since all were asked in vain: then the others are asked
    /// without that patience.
    pub(crate) fn is_lonelier(&self, neighbours: usize) -> bool {
        self.barren > 1 && neighbours < usize::from(self.neighbours)
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
    fn who_asks_in_vain_asks_less_often() {
        let config = Config { alive_ping_s: 20, ..Config::default() };
        let mut pongs = Pongs::default();
        let waits = |pongs: &mut Pongs, times| {
            let wait = |_| pongs.asks_all(30, &config).as_secs();
            (0..times).map(wait).collect::<Vec<_>>()
        };
        assert_eq!(waits(&mut pongs, 8), [20, 40, 80, 160, 160, 160, 160, 160]);
        assert!(pongs.is_lonelier(29) && !pongs.is_lonelier(30));
        pongs.brought_news();
        assert!(!pongs.is_lonelier(29));
        assert_eq!(waits(&mut pongs, 2), [20, 40]);
    }

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
