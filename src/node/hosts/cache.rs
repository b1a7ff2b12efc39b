//! Hosts that we could connect to, with what we know of them (protocol.md section 23).
//!
//! Anybody can name any address. So hearsay never displaces a host that we had a handshake with,
//! no network and nobody who tells of hosts has more than a share of the table, and the dialling
//! goes by score, from network to network.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::node::filter;
use crate::node::io::HostRecord;
use crate::node::recent::Recent;
use crate::node::rng::Later;
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

const HOUR_S: u64 = 3_600;
const DAY_S: u64 = 24 * HOUR_S;

/// A network as whoever gets many addresses gets them: 16 bits of IPv4, 32 of IPv6. None for
/// addresses without a meaning on the public network: our own network is small anyway.
type Network = Option<(bool, u32)>;

/// What is known of a host.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    last_success_s: u64,
    /// When somebody last spoke of it, seconds since 1970.
    heard_s: u64,
    /// The network of who first spoke of it.
    teller: Network,
    /// How long it is up, or our links with it were, on average.
    uptime_s: u32,
    successes: u16,
    /// In a row.
    failures: u8,
    /// Whether it is an ultrapeer, if it or somebody said so.
    ultrapeer: Option<bool>,
    /// Whether it had free slots when it was heard of.
    free_slots: bool,
    retry_at: Time,
}

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

/// The hosts; at the limit the one goes that was not heard of for longest, but those with which
/// we had a handshake do not go for those of which we were only told.
#[derive(Debug)]
pub(crate) struct Hosts {
    known: Recent<SocketAddr, Known>,
    /// Networks and tellers of the last hosts that were dialled without ever having answered.
    dialled: VecDeque<(Network, Network)>,
    rng: Later,
}

impl Hosts {
    /// No hosts, at most `max`.
    pub(crate) fn new(max: u32, rng: &mut Rng) -> Hosts {
        Hosts { known: Recent::new(max, rng), dialled: VecDeque::new(), rng: Later::default() }
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
        if let Some(known) = self.known.peek_mut(&address) {
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
            same_ip += usize::from(other.ip() == address.ip());
            same_network += usize::from(network_of(other.ip()) == network);
            same_teller += usize::from(known.teller == teller && !known.is_proven());
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
        let mut known = Known { teller, ..Known::default() };
        known.hears(says, wall);
        self.known.put(address, known);
        true
    }

    /// The unproven host goes that was not heard of for longest; of one teller, if he has more than
    /// his share. Says whether there was one.
    fn make_room(&mut self, of_teller: Option<Network>) -> bool {
        let may_go =
            |known: &Known| !known.is_proven() && of_teller.is_none_or(|of| known.teller == of);
        // The oldest are last; of those heard in the same second the least recent goes.
        let all = self.known.iter().filter(|(_, known)| may_go(known));
        let oldest = all.reduce(|a, b| if b.1.heard_s <= a.1.heard_s { b } else { a });
        let Some(oldest) = oldest.map(|(&address, _)| address) else { return false };
        self.known.remove(&oldest)
    }

    /// A host remembered from an earlier run; not if that was so long ago that it is probably gone.
    pub(crate) fn remember(&mut self, record: &HostRecord, wall: WallTime, config: &Config) {
        if is_expired(record, wall, config) {
            return;
        }
        let known = Known {
            last_success_s: record.last_success_s,
            heard_s: record.heard_s,
            uptime_s: record.uptime_s,
            successes: record.successes,
            failures: record.failures,
            ultrapeer: record.ultrapeer,
            ..Known::default()
        };
        self.known.put(record.address, known);
    }

    /// We had a handshake with it; `ultrapeer`: whether it said that it is one.
    pub(crate) fn succeeded(&mut self, address: SocketAddr, ultrapeer: bool, wall: WallTime) {
        let known = self.known.get_or_insert(address, Known::default);
        known.last_success_s = wall.as_secs();
        known.heard_s = wall.as_secs();
        known.successes = known.successes.saturating_add(1);
        known.failures = 0;
        known.ultrapeer = Some(ultrapeer);
    }

    /// A link with it has ended after this long.
    pub(crate) fn stayed(&mut self, address: SocketAddr, how_long: Duration) {
        if let Some(known) = self.known.peek_mut(&address) {
            let stay_s = u32::try_from(how_long.as_secs()).unwrap_or(u32::MAX);
            known.uptime_s = match known.uptime_s {
                0 => stay_s,
                before => before - before / 4 + stay_s / 4,
            };
        }
    }

    /// It could not be connected: each failure in a row doubles the wait; after some it is
    /// forgotten.
    pub(crate) fn failed(&mut self, address: SocketAddr, now: Time, config: &Config) {
        let Some(known) = self.known.peek_mut(&address) else { return };
        let doubled = u64::from(config.retry_host_s) << known.failures.min(6);
        known.failures = known.failures.saturating_add(1);
        known.free_slots = false;
        known.retry_at = now + Duration::from_secs(doubled);
        let max = if known.last_success_s > 0 { FAILURES_MAX.1 } else { FAILURES_MAX.0 };
        if known.failures >= max {
            self.known.remove(&address);
        }
    }

    /// It had no room, or it left: not again before this long.
    pub(crate) fn rest(&mut self, address: SocketAddr, until: Time) {
        if let Some(known) = self.known.peek_mut(&address) {
            known.retry_at = known.retry_at.max(until);
            known.free_slots = false;
        }
    }

    /// How many hosts could be dialled now.
    pub(crate) fn ready(&self, now: Time, fits: impl Fn(SocketAddr) -> bool) -> usize {
        let ready = |&(address, known): &(&SocketAddr, &Known)| {
            known.retry_at <= now && known.may_be_dialled() && fits(*address)
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
            .filter(|(address, known)| {
                known.retry_at <= now && known.may_be_dialled() && fits(**address)
            })
            .map(|(&address, known)| Candidate {
                address,
                score: known.score(wall.as_secs()),
                network: network_of(address.ip()),
                teller: known.teller,
                is_proven: known.is_proven(),
            })
            .collect();
        let rng = self.rng.of(root, "candidates");
        for candidate in &mut ready {
            candidate.score += rng.below(JITTER_POINTS) as i32;
            let near = taken.iter().filter(|host| candidate.is_of(network_of(host.ip()))).count();
            candidate.score -= SAME_NETWORK_POINTS.saturating_mul(near as i32);
            candidate.score -= self.dialled.iter().map(|&of| candidate.resembles(of)).sum::<i32>();
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
                self.dialled.truncate(DIALLED_MAX - 1);
                self.dialled.push_front((best.network, best.teller));
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
            .map(|(&address, _)| address)
    }

    /// Everything, for the next run, most recent first.
    pub(crate) fn records(&self) -> Vec<HostRecord> {
        let record = |(&address, known): (&SocketAddr, &Known)| HostRecord {
            address,
            last_success_s: known.last_success_s,
            failures: known.failures,
            heard_s: known.heard_s,
            successes: known.successes,
            uptime_s: known.uptime_s,
            ultrapeer: known.ultrapeer,
        };
        self.known.iter().map(record).collect()
    }

    /// Whether one of them is such.
    pub(crate) fn any(&self, is_such: impl Fn(SocketAddr) -> bool) -> bool {
        self.known.iter().any(|(&address, _)| is_such(address))
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

impl Known {
    fn hears(&mut self, says: Hearsay, wall: WallTime) {
        self.heard_s = wall.as_secs();
        if says.ultrapeer.is_some() {
            self.ultrapeer = says.ultrapeer;
        }
        self.free_slots = says.free_slots;
        if let (0, Some(uptime_s)) = (self.successes, says.uptime_s) {
            self.uptime_s = uptime_s;
        }
    }

    fn is_proven(&self) -> bool {
        self.last_success_s > 0 && self.failures == 0
    }

    /// Leaves take no connections.
    fn may_be_dialled(&self) -> bool {
        self.ultrapeer != Some(false)
    }

    /// What speaks for dialling it. What strangers say is worth less than one handshake of ours.
    fn score(&self, now_s: u64) -> i32 {
        let since = |at_s: u64| now_s.saturating_sub(at_s);
        let success = match since(self.last_success_s) {
            _ if self.last_success_s == 0 => 0,
            age if age <= DAY_S => 60,
            age if age <= 7 * DAY_S => 50,
            _ => 40,
        };
        let heard = match since(self.heard_s) {
            age if age <= HOUR_S => 6,
            age if age <= DAY_S => 3,
            _ => 0,
        };
        let hours = i32::try_from(u64::from(self.uptime_s) / HOUR_S).unwrap_or(i32::MAX).min(6);
        let stays = if self.successes > 0 { 2 * hours } else { hours };
        let often = i32::from(self.successes.min(8));
        let hearsay = 4 * i32::from(self.ultrapeer == Some(true)) + 4 * i32::from(self.free_slots);
        success + often + stays + heard + hearsay - 25 * i32::from(self.failures)
    }
}

fn network_of(ip: IpAddr) -> Network {
    let ip = ip.to_canonical();
    let network = match ip {
        IpAddr::V4(ip) => (false, ip.to_bits() >> 16),
        IpAddr::V6(ip) => (true, (ip.to_bits() >> 96) as u32),
    };
    filter::is_routable(ip).then_some(network)
}

#[cfg(test)]
mod tests;
