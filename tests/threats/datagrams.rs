//! Attacks by UDP, where anybody can write anybody's address on an envelope (rows 8 and 22).

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use filbert::node::io::HostRecord;
use filbert::node::{Action, Command, Config, Input, Why};
use filbert::wire::{HEADER_LEN, Header, Kind, Pong};

use crate::victim::{Victim, config, descriptor, guid, stranger};

const PING_FOR_HOSTS: &[u8] = b"\xC3\x83SCP\x41\x01";

/// What the node sent by UDP since it was last asked: to whom, and what.
fn posted(victim: &mut Victim) -> Vec<(SocketAddr, Vec<u8>)> {
    let mut posted = Vec::new();
    victim.others.retain(|action| match action {
        Action::SendDatagram { to, data } => {
            posted.push((*to, data.bytes().to_vec()));
            false
        }
        _ => true,
    });
    posted
}

/// A datagram that pretends to come from there.
fn forge(victim: &mut Victim, from: SocketAddr, data: &[u8]) {
    victim.give(Input::Datagram { from, data });
}

/// A node that knows hosts to tell.
fn well_connected() -> Victim {
    let mut victim = Victim::new(config());
    let record = |n: u32| HostRecord {
        address: stranger(1_000 + n),
        last_success_s: 1_600_000_000,
        failures: 0,
    };
    victim.give(Input::Command(Command::Remember((0..40u32).map(record).collect())));
    victim
}

#[test]
fn row_08_nobody_unproven_is_sent_more_than_three_times_its_bytes() {
    let mut victim = well_connected();
    let (mut came, mut went) = (BTreeMap::<IpAddr, usize>::new(), BTreeMap::new());
    for number in 0..2_000u32 {
        let from = stranger(number % 37);
        let payload = [&b""[..], PING_FOR_HOSTS, &[0; 300]][number as usize % 3];
        let kind = [Kind::PING, Kind::PING, Kind::PUSH, Kind::QUERY][number as usize % 4];
        let data = descriptor(guid(number.into()), kind, 1, 0, payload);
        *came.entry(from.ip()).or_default() += data.len();
        forge(&mut victim, from, &data);
        for (to, data) in posted(&mut victim) {
            *went.entry(to.ip()).or_insert(0) += data.len();
        }
        victim.pass(1);
    }
    assert_eq!(went.len(), 37);
    for (ip, went) in went {
        assert!(went <= 3 * came[&ip], "{went} bytes to {ip} for {}", came[&ip]);
    }
}

#[test]
fn row_08_hosts_are_given_once_a_minute_and_as_many_as_the_ping_is_worth() {
    let mut victim = well_connected();
    let asker = stranger(5);
    let ask = |victim: &mut Victim, payload: &[u8]| {
        let data = descriptor(guid(9), Kind::PING, 1, 0, payload);
        forge(victim, asker, &data);
        let posted = posted(victim);
        assert_eq!((posted.len(), posted[0].0), (1, asker));
        assert!(posted[0].1.len() <= 3 * data.len());
        let header = Header::decode(posted[0].1.first_chunk().unwrap());
        assert_eq!((header.guid, header.kind, header.ttl), (guid(9), Kind::PONG, 1));
        Pong::decode(&posted[0].1[HEADER_LEN..]).unwrap().hosts.len()
    };
    assert_eq!(ask(&mut victim, PING_FOR_HOSTS), 6);
    assert_eq!(ask(&mut victim, PING_FOR_HOSTS), 0);
    assert_eq!(victim.count(Why::Throttled), 1);
    victim.pass(config().host_cache_pause_s.into());
    let padded = [b"\xC3\x03SCP\x41\x01\x83PAD\x81\x40".as_slice(), &[0; 64]].concat();
    assert_eq!(ask(&mut victim, &padded), 30);
}

#[test]
fn row_08_our_own_ping_for_hosts_is_worth_thirty() {
    let mut asker = Victim::new(Config { listen: stranger(7), ..config() });
    let mut giver = well_connected();
    asker.give(Input::Command(Command::AskForHosts { host: config().listen }));
    let (to, ping) = posted(&mut asker).remove(0);
    assert_eq!(to, config().listen);
    forge(&mut giver, stranger(7), &ping);
    let (to, pong) = posted(&mut giver).remove(0);
    assert_eq!(to, stranger(7));
    // Who did not see the ping cannot answer it, and nobody else may.
    let mut forged = pong.clone();
    forged[0] ^= 1;
    forge(&mut asker, config().listen, &forged);
    forge(&mut asker, stranger(3), &pong);
    assert_eq!((asker.count(Why::NoRoute), asker.view().hosts_known), (2, 0));
    forge(&mut asker, config().listen, &pong);
    assert_eq!((asker.count(Why::NoRoute), asker.view().hosts_known), (2, 30));
    assert_eq!(asker.view().datagrams.hosts_proven, 1);
}
