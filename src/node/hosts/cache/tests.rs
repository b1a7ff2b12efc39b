use super::super::known::{DAY_S, HOUR_S};
use super::*;

const NOW: WallTime = WallTime(1_700_000_000_000_000);

fn host(port: u16) -> SocketAddr {
    SocketAddr::from(([1, 2, 3, 4], port))
}

/// A host in network `network`.
fn public(network: u16, number: u16) -> SocketAddr {
    let [a, b] = (0x1400 + network).to_be_bytes();
    let [c, d] = number.to_be_bytes();
    SocketAddr::from(([a, b, c, d], 6346))
}

fn told_by(network: u16) -> Hearsay {
    Hearsay { teller: Some(public(network, 1).ip()), ..Hearsay::default() }
}

fn root() -> Rng {
    Rng::from_u64(1)
}

fn hosts(max: u32) -> Hosts {
    Hosts::new(max, &mut root())
}

fn learn(hosts: &mut Hosts, address: SocketAddr, says: Hearsay) -> bool {
    hosts.learn(address, says, NOW, &Config::default())
}

fn at(seconds: u64) -> Time {
    Time::ZERO + Duration::from_secs(seconds)
}

#[test]
fn failures_wait_longer_and_longer_and_proven_hosts_come_first() {
    let config = Config { retry_host_s: 10, ..Config::default() };
    let mut hosts = hosts(10);
    let user = Hearsay::default();
    assert!(learn(&mut hosts, host(1), user) && learn(&mut hosts, host(2), user));
    assert!(!learn(&mut hosts, host(1), user));
    hosts.succeeded(host(3), true, NOW);
    assert_eq!(hosts.candidates(1, at(0), NOW, &[], &root(), |_| true), [host(3)]);
    assert_eq!(
        hosts.candidates(9, at(0), NOW, &[], &root(), |address| address == host(2)),
        [host(2)]
    );
    hosts.failed(host(3), at(0), &config);
    hosts.failed(host(3), at(10), &config);
    hosts.failed(host(3), at(30), &config);
    assert_eq!(hosts.next_retry(at(30)), at(70));
    assert_eq!(hosts.candidates(9, at(69), NOW, &[], &root(), |_| true).len(), 2);
    assert_eq!(hosts.candidates(9, at(70), NOW, &[], &root(), |_| true).last(), Some(&host(3)));
    assert_eq!(hosts.ready(at(69), |_| true), 2);
}

#[test]
fn hearsay_does_not_push_out_what_is_proven() {
    let mut hosts = hosts(2);
    hosts.succeeded(host(1), true, NOW);
    learn(&mut hosts, host(2), told_by(1));
    assert!(learn(&mut hosts, public(9, 3), told_by(1)), "one hearsay for another");
    assert_eq!((hosts.len(), hosts.proven().collect::<Vec<_>>()), (2, vec![host(1)]));
    hosts.succeeded(public(9, 3), true, NOW);
    assert!(!learn(&mut hosts, public(9, 4), told_by(1)));
}

#[test]
fn addresses_networks_and_tellers_have_no_more_than_their_share() {
    let config = Config::default();
    let mut hosts = hosts(2_000);
    let ports = (1..=50).filter(|&port| learn(&mut hosts, host(port), told_by(1))).count();
    assert_eq!(ports, usize::from(config.hosts_per_address_max));
    // One network, spoken of by many.
    let near = (0..1_000).filter(|&n| learn(&mut hosts, public(7, n), told_by(100 + n))).count();
    assert_eq!(near, usize::from(config.hosts_per_network_max));
    // Many networks, spoken of by one: his latest are kept.
    let before = hosts.len();
    for n in 0..1_000 {
        assert!(learn(&mut hosts, public(1_000 + n, n), told_by(2)));
    }
    assert_eq!(hosts.len() - before, usize::from(config.hosts_per_teller_max));
    assert!(hosts.known.iter().any(|(host, _)| host.address() == public(1_999, 999)));
    // The user, and a network of our own, are not bounded so.
    let own = |n: u16| SocketAddr::from(([10, 0, 0, 1], n));
    assert_eq!((1..=50).filter(|&n| learn(&mut hosts, own(n), told_by(2))).count(), 50);
    assert_eq!((60..90).filter(|&n| learn(&mut hosts, host(n), Hearsay::default())).count(), 30);
}

#[test]
fn leaves_are_not_dialled_nor_told_to_others() {
    let mut hosts = hosts(10);
    let says = |ultrapeer| Hearsay { ultrapeer: Some(ultrapeer), ..told_by(1) };
    assert!(!learn(&mut hosts, public(1, 1), says(false)));
    hosts.succeeded(public(2, 1), false, NOW);
    assert!(learn(&mut hosts, public(3, 1), says(true)));
    assert!(learn(&mut hosts, public(4, 1), says(true)));
    learn(&mut hosts, public(4, 1), says(false));
    assert_eq!(hosts.candidates(9, at(0), NOW, &[], &root(), |_| true), [public(3, 1)]);
    assert_eq!((hosts.ready(at(0), |_| true), hosts.proven().count()), (1, 0));
    // A leaf may become an ultrapeer.
    learn(&mut hosts, public(2, 1), says(true));
    assert_eq!(hosts.proven().count(), 1);
}

#[test]
fn what_others_say_is_worth_less_than_one_handshake() {
    let best =
        Hearsay { ultrapeer: Some(true), free_slots: true, uptime_s: Some(u32::MAX), ..told_by(1) };
    for seed in 0..20 {
        let mut hosts = Hosts::new(100, &mut root());
        for n in 0..50 {
            learn(&mut hosts, public(n, 1), best);
        }
        let old = NOW.as_secs() - 20 * DAY_S;
        let record = HostRecord { last_success_s: old, ..HostRecord::new(public(99, 1)) };
        hosts.remember(&record, NOW, &Config::default());
        assert_eq!(
            hosts.candidates(1, at(0), NOW, &[], &Rng::from_u64(seed), |_| true),
            [public(99, 1)]
        );
    }
}

#[test]
fn dialling_goes_from_network_to_network() {
    let mut hosts = hosts(100);
    for n in 0..30 {
        learn(&mut hosts, public(1, n), told_by(50));
    }
    for n in 2..6 {
        learn(&mut hosts, public(n, 1), told_by(50 + n));
    }
    // One after the other is no different from all at once.
    let mut one_by_one: Vec<Network> = (0..5)
        .flat_map(|_| hosts.candidates(1, at(0), NOW, &[], &root(), |_| true))
        .map(|host| network_of(host.ip()))
        .collect();
    one_by_one.sort();
    one_by_one.dedup();
    assert_eq!(one_by_one.len(), 5);
    let mut networks: Vec<Network> =
        (hosts.candidates(5, at(0), NOW, &[], &root(), |_| true).iter())
            .map(|host| network_of(host.ip()))
            .collect();
    networks.sort();
    networks.dedup();
    assert_eq!(networks.len(), 5);
    // Neighbours count.
    let taken = [public(1, 77)];
    let first = hosts.candidates(4, at(0), NOW, &taken, &root(), |_| true);
    assert!(first.iter().all(|host| network_of(host.ip()) != network_of(taken[0].ip())));
}

#[test]
fn hosts_that_stay_come_before_those_that_go() {
    let mut hosts = hosts(10);
    for n in 1..=2 {
        hosts.succeeded(public(n, 1), true, NOW);
    }
    hosts.stayed(public(1, 1), Duration::from_secs(60));
    hosts.stayed(public(2, 1), Duration::from_secs(8 * HOUR_S));
    let firsts = (0..20)
        .filter(|_| hosts.candidates(1, at(0), NOW, &[], &root(), |_| true) == [public(2, 1)]);
    assert!(firsts.count() >= 18);
}

#[test]
fn the_dead_and_the_old_are_forgotten() {
    let config = Config::default();
    let mut hosts = hosts(10);
    learn(&mut hosts, public(1, 1), told_by(9));
    hosts.succeeded(public(2, 1), true, NOW);
    for n in 0..FAILURES_MAX.1 {
        let left = usize::from(n < FAILURES_MAX.0) + 1;
        assert_eq!(hosts.len(), left, "{n}");
        hosts.failed(public(1, 1), at(0), &config);
        hosts.failed(public(2, 1), at(0), &config);
    }
    assert_eq!(hosts.len(), 0);
    learn(&mut hosts, public(1, 1), told_by(9));
    hosts.succeeded(public(2, 1), true, NOW);
    let days = |days: u64| WallTime(NOW.0 + days * DAY_S * 1_000_000);
    let left = |wall| {
        let mut next_run = Hosts::new(10, &mut root());
        hosts.records().iter().for_each(|record| next_run.remember(record, wall, &config));
        next_run.len()
    };
    assert_eq!((left(NOW), left(days(2)), left(days(29)), left(days(31))), (2, 1, 1, 0));
}
