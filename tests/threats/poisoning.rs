//! Attacks on what the node knows of others: addresses that are not worth dialling (row 9).

use std::net::{IpAddr, SocketAddr};

use filbert::node::io::{HostRecord, HostSource};
use filbert::node::{Command, Config, ConnId, Input};
use filbert::wire::pong::FreeSlots;
use filbert::wire::{Headers, Kind, Pong};

use crate::victim::{Victim, config, descriptor};

/// Addresses that the attackers tell of.
const LIES: u32 = 10_000;

/// Honest hosts.
const HONEST: u32 = 100;

/// A host in one of the public networks of 16 bits from 20.0 on.
fn host(network: u32, number: u32) -> SocketAddr {
    let ip = (20 << 24) + (network << 16) + number;
    SocketAddr::new(IpAddr::from(ip.to_be_bytes()), 6346)
}

/// Honest hosts are all over the network.
fn honest(number: u32) -> SocketAddr {
    host(number * 7, 1)
}

fn is_honest(address: SocketAddr) -> bool {
    (0..HONEST).any(|number| honest(number) == address)
}

/// A node that wants more neighbours than it has; nobody answers to whom it connects.
fn looking() -> Victim {
    let config = Config { auto_connect: true, neighbours_wanted: 100, ..config() };
    let mut victim = Victim::new(config);
    victim.refuses = false;
    victim
}

/// Neighbours that tell of hosts, all at the same moment and in this order.
fn tell(victim: &mut Victim, tellers: &[Teller]) {
    let conns: Vec<ConnId> =
        tellers.iter().map(|teller| victim.neighbour(teller.at, Headers::new())).collect();
    // By then all have been asked.
    victim.pass(u64::from(config().alive_ping_s));
    for (&conn, teller) in conns.iter().zip(tellers) {
        let asked = victim.heard(conn, Kind::PING).last().expect("it is asked for hosts").guid;
        for some in teller.of.chunks(11) {
            let mut pong = Pong::new(some[0], 9, 9);
            if teller.praises {
                pong.free_slots = Some(FreeSlots { leaves: 255, ultrapeers: 255 });
                pong.uptime_s = Some(86_400);
            }
            pong.hosts = some[1..].to_vec();
            let mut payload = Vec::new();
            pong.encode(&mut payload);
            victim.say(conn, &descriptor(asked, Kind::PONG, 1, 0, &payload));
        }
    }
}

/// A neighbour and the hosts that it tells of.
struct Teller {
    at: SocketAddr,
    of: Vec<SocketAddr>,
    /// In the best words.
    praises: bool,
}

/// Attackers at these addresses tell of ten thousand hosts.
fn liars(at: Vec<SocketAddr>, lie: impl Fn(u32) -> SocketAddr) -> Vec<Teller> {
    let each = LIES / at.len() as u32;
    let teller = |(number, at): (u32, SocketAddr)| {
        let of = (number * each..(number + 1) * each).map(&lie).collect();
        Teller { at, of, praises: true }
    };
    (0..).zip(at).map(teller).collect()
}

/// Ten honest neighbours tell of ten honest hosts each.
fn honest_ones() -> Vec<Teller> {
    let teller = |number: u32| {
        let of = (0..10).map(|n| honest(number * 10 + n)).collect();
        Teller { at: host(1 + number * 9, 77), of, praises: false }
    };
    (0..10).map(teller).collect()
}

/// How many of the next hundred that are dialled are honest.
fn honest_of_next_hundred(victim: &mut Victim) -> usize {
    let from = victim.dialled.len();
    // Dialling in vain becomes slow.
    for _ in 0..100_000 {
        if victim.dialled.len() >= from + 100 {
            break;
        }
        victim.pass(1);
    }
    let next = victim.dialled[from..].iter().take(100);
    next.filter(|&&address| is_honest(address)).count()
}

/// How many of the next hundred are honest when all have told what they tell.
fn honest_among(liars: Vec<Teller>) -> usize {
    let mut victim = looking();
    let all: Vec<Teller> = liars.into_iter().chain(honest_ones()).collect();
    tell(&mut victim, &all);
    honest_of_next_hundred(&mut victim)
}

#[test]
fn row_09_hosts_that_answered_before_are_dialled_before_ten_thousand_lies() {
    let mut victim = looking();
    tell(&mut victim, &liars(vec![host(700, 1)], |n| host(800 + n % 1_000, n)));
    let record =
        |n: u32| HostRecord { last_success_s: 1_699_000_000, ..HostRecord::new(honest(n)) };
    victim.give(Input::Command(Command::Remember((0..HONEST).map(record).collect())));
    let honest = honest_of_next_hundred(&mut victim);
    assert!(honest >= 95, "{honest} of 100");
}

#[test]
fn row_09_one_liar_does_not_crowd_out_what_others_tell() {
    let honest = honest_among(liars(vec![host(700, 1)], |n| host(800 + n % 1_000, n)));
    assert!(honest >= 75, "{honest} of 100");
}

#[test]
fn row_09_many_liars_of_one_network_count_as_one() {
    let at = (1..=10).map(|n| host(700, n)).collect();
    let honest = honest_among(liars(at, |n| host(800 + n % 1_000, n)));
    assert!(honest >= 75, "{honest} of 100");
}

#[test]
fn row_09_a_network_full_of_attackers_has_few_places_whoever_tells() {
    let at = (1..=10).map(|n| host(700 + n, 1)).collect();
    let honest = honest_among(liars(at, |n| host(800, n)));
    assert!(honest >= 75, "{honest} of 100");
}

#[test]
fn row_09_a_web_cache_full_of_junk_brings_nobody_and_is_left_alone() {
    let mut victim = looking();
    let cache = SocketAddr::from(([20, 9, 9, 9], 80));
    let url = "http://20.9.9.9/".parse().expect("a URL");
    victim.give(Input::Command(Command::Bootstrap(vec![HostSource::WebCache(url)])));
    victim.give(Input::TurnOver);
    let junk: String =
        (0..LIES).map(|n| format!("H|10.0.{}.{}:80|1\n", n / 256, n % 256)).collect();
    let answer = format!("HTTP/1.0 200 OK\r\n\r\n{}", &junk[..60_000]);
    let mut asked = 0;
    // A day.
    for _ in 0..24 * 60 {
        for (number, &to) in (1..).zip(&victim.dialled.clone()) {
            let conn = ConnId::ordered(number);
            if to == cache && number > asked {
                asked = number;
                victim.give(Input::Connected { conn, local: config().listen });
                victim.say(conn, answer.as_bytes());
                let cause = filbert::node::io::CloseCause::PeerClosed;
                victim.give(Input::Closed { conn, cause });
                victim.give(Input::TurnOver);
            }
        }
        victim.pass(60);
    }
    assert!(victim.dialled.iter().all(|&to| to == cache));
    // After 1, 2, 4, 8 and 16 hours: each failure doubles the wait.
    assert!((4..=5).contains(&victim.dialled.len()), "{}", victim.dialled.len());
    assert_eq!(victim.view().hosts_known, 0);
}
