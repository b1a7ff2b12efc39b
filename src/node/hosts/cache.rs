//! Hosts that we could connect to, with what we know of them (protocol.md section 23).
//!
//! Anybody can name any address. So hearsay never displaces a host that we had a handshake with,
//! no network and nobody who tells of hosts has more than a share of the table, and the dialling
//! goes by score, from network to network.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::known::{Known, Network, network_of};
use crate::node::io::HostRecord;
use crate::node::place::Place;
use crate::node::recent::Recent;
use crate::node::rng::Later;
use crate::node::size::block;
use crate::node::{Config, Rng, Time, WallTime};

/// Failures in a row after which a host that never answered is forgotten, and one that did.
const FAILURES_MAX: (u8, u8) = (3, 12);

/// How much longer a host is remembered that we had a handshake with.
const PROVEN_EXPIRY_FACTOR: u64 = 30;

/// Points of chance in a score: not everybody dials the same hosts first.
const JITTER_POINTS: u64 = 12;

/// Dialled hosts that are remembered, so that the next ones are of other networks and tellers.
const DIALLED_MAX: usize = 16;

/// What a score loses for each host of the same network that we have or dialled lately, and for
/// each of those that the same teller named.
const SAME_NETWORK_POINTS: i32 = 20;
const SAME_TELLER_POINTS: i32 = 10;

/// So many hosts are looked through one by one.
const FEW_MAX: u32 = 128;

/// What is said of a host besides where it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hearsay {
    /// Who says it; none if the user does.
    pub teller: Option<IpAddr>,
    /// Whether it is an ultrapeer.
    pub ultrapeer: Option<bool>,
    /// Whether it has free slots for the like of us.
    pub free_slots: bool,
    /// How long it is up on average a day, seconds.
    pub uptime_s: Option<u32>,
}

/// Networks of hosts and of those who told of them, the last first. In a box, as those who are
/// content dial nobody.
#[derive(Debug, Default)]
struct Dialled(VecDeque<(Network, Network)>);

/// The hosts; at the limit the one goes that was not heard of for longest, but those with which
/// we had a handshake do not go for those of which we were only told.
#[derive(Debug)]
pub(crate) struct Hosts {
    known: Recent<Place, Known>,
    /// Networks and tellers of the last hosts that were dialled without ever having answered.
    dialled: Option<Box<Dialled>>,
    rng: Later,
}

impl Hosts {
    /// No hosts, at most `max`.
    pub(crate) fn new(max: u32, rng: &mut Rng) -> Hosts {
        let known = Recent::new(max, rng).few_up_to(FEW_MAX);
        Hosts { known, dialled: None, rng: Later::default() }
    }

    /// Somebody spoke of this host. Says whether it is new to us. Few hosts of one IP address are
    /// learnt (else whoever names a third with ten thousand ports would have us knock at each), no
    /// more than a share of one network, and no leaves: they take no connections.
    pub(crate) fn learn(
        &mut self,
        address: SocketAddr,
        says: Hearsay,
        wall: WallTime,
        config: &Config,
    ) -> bool {
        if let Some(known) = self.known.peek_mut(&address.into()) {
            known.hears(says, wall);
            return false;
        }
        if says.ultrapeer == Some(false) {
            return false;
        }
        let (network, teller) = (network_of(address.ip()), says.teller.and_then(network_of));
        let (mut same_ip, mut same_network, mut same_teller) = (0, 0, 0);
        // Of our own network and of what the user names everything is learnt.
        let from_stranger = says.teller.is_some() && network.is_some();
        let counted = if from_stranger || teller.is_some() { usize::MAX } else { 0 };
        for (other, known) in self.known.iter().take(counted) {
            let ip = other.address().ip();
            same_ip += usize::from(ip == address.ip());
            same_network += usize::from(network_of(ip) == network);
            same_teller += usize::from(known.teller() == teller && !known.is_proven());
        }
        if from_stranger
            && (same_ip >= usize::from(config.hosts_per_address_max)
                || same_network >= usize::from(config.hosts_per_network_max))
        {
            return false;
        }
        let gossips = teller.is_some() && same_teller >= usize::from(config.hosts_per_teller_max);
        if (gossips || self.known.is_full()) && !self.make_room(gossips.then_some(teller)) {
            return false;
        }
        let mut known = Known::told_by(teller);
        known.hears(says, wall);
        self.known.put(address.into(), known);
        true
    }

    /// The unproven host goes that was not heard of for longest; of one teller, if he has more than
    /// his share. Says whether there was one.
    fn make_room(&mut self, of_teller: Option<Network>) -> bool {
        let may_go =
            |known: &Known| !known.is_proven() && of_teller.is_none_or(|of| known.teller() == of);
        // The oldest are last; of those heard in the same second the least recent goes.
        let all = self.known.iter().filter(|(_, known)| may_go(known));
        let oldest = all.reduce(|a, b| if b.1.heard_s <= a.1.heard_s { b } else { a });
        let Some(oldest) = oldest.map(|(place, _)| place.clone()) else { return false };
        self.known.remove(&oldest)
    }

    /// A host remembered from an earlier run; not if that was so long ago that it is probably gone.
    pub(crate) fn remember(&mut self, record: &HostRecord, wall: WallTime, config: &Config) {
        if is_expired(record, wall, config) {
            return;
        }
        self.known.put(record.address.into(), Known::of_record(record));
    }

    /// We had a handshake with it; `ultrapeer`: whether it said that it is one.
    pub(crate) fn succeeded(&mut self, address: SocketAddr, ultrapeer: bool, wall: WallTime) {
        self.known.get_or_insert(address.into(), Known::default).succeeded(ultrapeer, wall);
    }

    /// A link with it has ended after this long.
    pub(crate) fn stayed(&mut self, address: SocketAddr, how_long: Duration) {
        if let Some(known) = self.known.peek_mut(&address.into()) {
            known.stayed(u32::try_from(how_long.as_secs()).unwrap_or(u32::MAX));
        }
    }

    /// It could not be connected: each failure in a row doubles the wait; after some it is
    /// forgotten.
    pub(crate) fn failed(&mut self, address: SocketAddr, now: Time, config: &Config) {
        let Some(known) = self.known.peek_mut(&address.into()) else { return };
        let doubled = u64::from(config.retry_host_s) << known.failures.min(6);
        known.failures = known.failures.saturating_add(1);
        known.free_slots = false;
        known.retry_at = now + Duration::from_secs(doubled);
        let max = if known.ever_answered() { FAILURES_MAX.1 } else { FAILURES_MAX.0 };
        if known.failures >= max {
            self.known.remove(&address.into());
        }
    }

    /// It had no room, or it left: not again before this long.
    pub(crate) fn rest(&mut self, address: SocketAddr, until: Time) {
        if let Some(known) = self.known.peek_mut(&address.into()) {
            known.retry_at = known.retry_at.max(until);
            known.free_slots = false;
        }
    }

    /// How many hosts could be dialled now.
    pub(crate) fn ready(&self, now: Time, fits: impl Fn(SocketAddr) -> bool) -> usize {
        let ready = |&(place, known): &(&Place, &Known)| {
            known.retry_at <= now && known.may_be_dialled() && fits(place.address())
        };
        self.known.iter().filter(ready).count()
    }

    /// Up to `max` hosts to dial now: by score with a little chance, and from as many networks and
    /// tellers as can be; those of `taken` count. `root` is the node's stream.
    pub(crate) fn candidates(
        &mut self,
        max: usize,
        now: Time,
        wall: WallTime,
        taken: &[SocketAddr],
        root: &Rng,
        mut fits: impl FnMut(SocketAddr) -> bool,
    ) -> Vec<SocketAddr> {
        let mut ready: Vec<Candidate> = self
            .known
            .iter()
            .filter(|(_, known)| known.retry_at <= now && known.may_be_dialled())
            .map(|(place, known)| (place.address(), known))
            .filter(|&(address, _)| fits(address))
            .map(|(address, known)| Candidate {
                address,
                score: known.score(wall.as_secs()),
                network: network_of(address.ip()),
                teller: known.teller(),
                is_proven: known.is_proven(),
            })
            .collect();
        let taken: Vec<Network> = taken.iter().map(|host| network_of(host.ip())).collect();
        let rng = self.rng.of(root, "candidates");
        for candidate in &mut ready {
            candidate.score += rng.below(JITTER_POINTS) as i32;
            let near = taken.iter().filter(|&&network| candidate.is_of(network)).count();
            candidate.score -= SAME_NETWORK_POINTS.saturating_mul(near as i32);
            candidate.score -= self
                .dialled
                .iter()
                .flat_map(|dialled| &dialled.0)
                .map(|&of| candidate.resembles(of))
                .sum::<i32>();
        }
        let mut chosen = Vec::with_capacity(max.min(ready.len()));
        while chosen.len() < max {
            let best = ready.iter().enumerate().max_by_key(|(_, candidate)| candidate.score);
            let Some((at, _)) = best else { break };
            let best = ready.swap_remove(at);
            for other in &mut ready {
                other.score -= other.resembles((best.network, best.teller));
            }
            if !best.is_proven && (best.network, best.teller) != (None, None) {
                let Dialled(dialled) = &mut **self.dialled.get_or_insert_default();
                dialled.truncate(DIALLED_MAX - 1);
                dialled.push_front((best.network, best.teller));
            }
            chosen.push(best.address);
        }
        chosen
    }

    /// When the next host may be dialled again.
    pub(crate) fn next_retry(&self, now: Time) -> Time {
        let dialled = self.known.iter().filter(|(_, known)| known.may_be_dialled());
        let later = dialled.map(|(_, known)| known.retry_at).filter(|&at| at > now);
        later.min().unwrap_or(Time::NEVER)
    }

    /// Hosts worth telling others: ultrapeers with which we had a handshake, most recent first.
    pub(crate) fn proven(&self) -> impl Iterator<Item = SocketAddr> {
        self.known
            .iter()
            .filter(|(_, known)| known.is_proven() && known.may_be_dialled())
            .map(|(place, _)| place.address())
    }

    /// Everything, for the next run, most recent first.
    pub(crate) fn records(&self) -> Vec<HostRecord> {
        self.known.iter().map(|(place, known)| known.record(place.address())).collect()
    }

    /// Whether one of them is such.
    pub(crate) fn any(&self, is_such: impl Fn(SocketAddr) -> bool) -> bool {
        self.known.iter().any(|(place, _)| is_such(place.address()))
    }

    /// Bytes that they take, beside the table itself.
    pub(crate) fn heap_bytes(&self) -> usize {
        let dialled = self
            .dialled
            .as_ref()
            .map_or(0, |all| all.0.capacity() * size_of::<(Network, Network)>());
        self.known.heap_bytes() + block(dialled)
    }

    /// How many are known.
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }
}

fn is_expired(record: &HostRecord, wall: WallTime, config: &Config) -> bool {
    let expiry_s = u64::from(config.host_expiry_s);
    let is_old = |at_s: u64, max_s: u64| wall.as_secs().saturating_sub(at_s) > max_s;
    is_old(record.heard_s, expiry_s)
        && is_old(record.last_success_s, expiry_s.saturating_mul(PROVEN_EXPIRY_FACTOR))
}

/// A host that could be dialled.
struct Candidate {
    address: SocketAddr,
    score: i32,
    network: Network,
    teller: Network,
    is_proven: bool,
}

impl Candidate {
    /// What the score loses beside a host of this network, named by this teller. Who has answered
    /// before stands for himself.
    fn resembles(&self, (network, teller): (Network, Network)) -> i32 {
        let same_teller = teller.is_some() && self.teller == teller;
        let points = SAME_NETWORK_POINTS * i32::from(self.is_of(network))
            + SAME_TELLER_POINTS * i32::from(same_teller);
        if self.is_proven { 0 } else { points }
    }

    fn is_of(&self, network: Network) -> bool {
        network.is_some() && self.network == network
    }
}

#[cfg(test)]
mod tests;
