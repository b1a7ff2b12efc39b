//! Ultrapeers that one attacker owns (row 10): in one network they get no more than its share of the
//! slots, though they are many, come first and never give up.

use std::net::{IpAddr, SocketAddr};

use filbert::node::io::HostRecord;
use filbert::node::{Command, Config, Input, Role};
use filbert::wire::Headers;
use filbert::wire::handshake::Block;
use filbert::wire::names;

use crate::victim::{Victim, config};

/// 30 of 100.
const SYBILS: u8 = 30;

fn sybil(number: u8) -> SocketAddr {
    SocketAddr::new(IpAddr::from([66, 66, number, 1]), 6346)
}

/// One network each.
fn honest(number: u8) -> SocketAddr {
    SocketAddr::new(IpAddr::from([70, number, 1, 1]), 6346)
}

fn is_sybil(address: SocketAddr) -> bool {
    matches!(address.ip(), IpAddr::V4(ip) if ip.octets()[..2] == [66, 66])
}

fn ultrapeer() -> Headers {
    Headers::new().with(names::X_ULTRAPEER, "True")
}

/// Everybody whom the victim dials accepts it, and the Sybils dial it again and again. Says how
/// many of its neighbours are Sybils, and how many are not.
fn surrounded(role: Role) -> (usize, usize) {
    // Strangers answer no pings.
    let limits = Config { role, auto_connect: true, alive_ping_s: 1_000, ..Config::default() };
    let listen = config().listen;
    let mut victim = Victim::new(Config { listen, ..limits });
    victim.refuses = false;
    let everybody = (0..SYBILS).map(sybil).chain((0..100 - SYBILS).map(honest));
    let record = |address| HostRecord { last_success_s: 1_699_999_000, ..HostRecord::new(address) };
    let hello = [
        Block::request(ultrapeer()).to_bytes(),
        Block::response(200, "OK", Headers::new()).to_bytes(),
    ]
    .concat();
    for number in 0..SYBILS {
        let conn = victim.accept(sybil(number));
        victim.say(conn, &hello);
    }
    victim.give(Input::Command(Command::Remember(everybody.map(record).collect())));
    for second in 0..120 {
        victim.pass(1);
        let conn = victim.accept(sybil(second % SYBILS));
        victim.say(conn, &hello);
        for (conn, to) in std::mem::take(&mut victim.ordered) {
            victim.give(Input::Connected { conn, local: listen });
            let accepts = Block::response(200, "OK", ultrapeer()).to_bytes();
            assert!(!victim.say(conn, &accepts), "{to} was dialled and accepts");
        }
    }
    let peers: Vec<SocketAddr> = victim.view().neighbours.iter().map(|link| link.peer).collect();
    let sybils = peers.iter().filter(|&&peer| is_sybil(peer)).count();
    (sybils, peers.len() - sybils)
}

#[test]
fn row_10_sybils_of_one_network_get_their_share_of_an_ultrapeers_slots() {
    let Config { neighbours_max, neighbours_wanted, subnet_share_percent, .. } = Config::default();
    let share = usize::from(neighbours_max) * usize::from(subnet_share_percent) / 100;
    let (sybils, others) = surrounded(Role::Ultrapeer);
    assert_eq!(sybils, share);
    assert!(sybils + others >= usize::from(neighbours_wanted), "{others}");
}

#[test]
fn row_10_sybils_of_one_network_get_one_slot_of_a_leaf() {
    let wanted = usize::from(Config::default().ultrapeers_wanted);
    assert_eq!(surrounded(Role::Leaf), (1, wanted - 1));
}
