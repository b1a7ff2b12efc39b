//! Attacks by UDP, where anybody can write anybody's address on an envelope (rows 8 and 22).

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};

use filbert::node::io::{HostRecord, SearchId, SearchQuery};
use filbert::node::{Action, Command, Config, ConnId, Event, Input, Why};
use filbert::wire::query::{self, QueryOut};
use filbert::wire::vendor::VendorMessage;
use filbert::wire::{
    Guid, HEADER_LEN, Header, Headers, Kind, Pong, QueryFlags, QueryHit, QueryWants, Record, Token,
};

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
        last_success_s: 1_699_000_000,
        ..HostRecord::new(stranger(1_000 + n))
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
    // Thirty, and the giver.
    assert_eq!((asker.count(Why::NoRoute), asker.view().hosts_known), (2, 31));
    assert_eq!(asker.view().datagrams.hosts_proven, 1);
}

/// The payload of a query that wants its hits by UDP.
fn query_out_of_band(text: &str) -> Vec<u8> {
    let wants = QueryWants { secure: true, ..QueryWants::default() };
    let mut payload = Vec::new();
    let flags = QueryFlags::OUT_OF_BAND;
    query::encode(&QueryOut { flags, text, sha1s: &[], wants }, &mut payload);
    payload
}

/// A vendor message about a query.
fn about(guid: Guid, message: &VendorMessage<'_>) -> Vec<u8> {
    let mut payload = Vec::new();
    message.encode(&mut payload);
    descriptor(guid, Kind::VENDOR, 1, 0, &payload)
}

/// A node that shares, knows that datagrams reach it, and has a neighbour.
fn open_victim() -> (Victim, ConnId) {
    let mut victim = Victim::new(Config { out_of_band: true, ..config() });
    victim.share(&["words of one", "words of two", "words of three"]);
    let forger = victim.neighbour(stranger(1), Headers::new());
    forge(&mut victim, stranger(9), &descriptor(guid(1), Kind::PING, 1, 0, &[]));
    posted(&mut victim);
    (victim, forger)
}

#[test]
fn row_07_queries_out_of_band_do_not_turn_the_node_against_a_third() {
    let (mut victim, forger) = open_victim();
    let target = Ipv4Addr::new(198, 51, 200, 7);
    let mut to_target = 0;
    for number in 0..10_000u64 {
        // Any port, and requests as if the target wanted what it is offered.
        let named = SocketAddrV4::new(target, 1 + number as u16);
        let guid = guid(number).with_reply_to(named);
        let ask = descriptor(guid, Kind::QUERY, 3, 1, &query_out_of_band("words"));
        victim.say(forger, &ask);
        let token = Token::new(b"anything").unwrap().to_ggep();
        let request = VendorMessage::OobRequest { hits: 255, ggep: Some(&token) };
        forge(&mut victim, named.into(), &about(guid, &request));
        for (to, data) in posted(&mut victim) {
            assert_eq!(to.ip(), target);
            assert_ne!(data[16], Kind::QUERY_HIT.0, "hits for one who has proved nothing");
            to_target += data.len();
        }
        if number % 100 == 0 {
            victim.pass(1);
        }
    }
    // Two minutes: some offers in each, and pings to those that seem to want them.
    assert!((1..1_500).contains(&to_target), "{to_target} bytes to the target");
    let along_the_way = victim.heard(forger, Kind::QUERY_HIT).len();
    assert!(along_the_way > 9_900, "{along_the_way} hits go where the queries came from");
}

#[test]
fn row_22_storms_of_offers_are_answered_with_little() {
    let (mut victim, peer) = open_victim();
    let search = SearchId(1);
    let text = "something".to_owned();
    let query = SearchQuery { text, ..SearchQuery::default() };
    victim.give(Input::Command(Command::Search { search, query }));
    victim.give(Input::TurnOver);
    let asked = victim.heard(peer, Kind::QUERY)[0].guid;
    let offer = VendorMessage::OobOffer { hits: 255, unsolicited: true, secure: true };
    let offer = about(asked, &offer);
    let mut answered = 0;
    for number in 0..100_000u32 {
        forge(&mut victim, stranger(100 + number % 5_000), &offer);
        for (_, data) in posted(&mut victim) {
            assert!(data.len() <= 3 * offer.len());
            answered += 1;
        }
    }
    let view = victim.view().datagrams;
    assert!(view.requests <= config().requests_max.into(), "{view:?}");
    assert!(view.hosts <= config().datagram_hosts_max, "{view:?}");
    assert!(answered <= 100_000);
    // One host alone, with a new query each time that it never answers.
    let mut answered = 0;
    for number in 0..100 {
        let query = SearchQuery { text: format!("other {number}"), ..SearchQuery::default() };
        let search = SearchId(2);
        victim.give(Input::Command(Command::Search { search, query }));
        victim.give(Input::TurnOver);
        let asked = victim.heard(peer, Kind::QUERY).last().unwrap().guid;
        let offer = VendorMessage::OobOffer { hits: 255, unsolicited: true, secure: true };
        forge(&mut victim, stranger(7), &about(asked, &offer));
        answered += posted(&mut victim).len();
    }
    assert_eq!(answered, usize::from(config().empty_offers_max));
    let ignored = 100 - u64::from(config().empty_offers_max);
    assert_eq!(victim.count(Why::EmptyOffers), ignored);
}

#[test]
fn row_22_forged_hits_are_not_shown() {
    let (mut victim, peer) = open_victim();
    let search = SearchId(1);
    let query = SearchQuery { text: "something".to_owned(), ..SearchQuery::default() };
    victim.give(Input::Command(Command::Search { search, query }));
    victim.give(Input::TurnOver);
    let asked = victim.heard(peer, Kind::QUERY)[0].guid;
    let offer = VendorMessage::OobOffer { hits: 9, unsolicited: true, secure: true };
    // The forger offers in a third's name, cannot read what the third is sent, and guesses.
    forge(&mut victim, stranger(5), &about(asked, &offer));
    for number in 0..10_000u64 {
        let record = Record::new(1, 9, "something");
        let token = Token::new(&number.to_le_bytes()).ok();
        let from = stranger(5);
        let mut hit = Vec::new();
        QueryHit { token, ..QueryHit::new(from, guid(number), vec![record]) }.encode(&mut hit);
        forge(&mut victim, from, &descriptor(asked, Kind::QUERY_HIT, 1, 0, &hit));
    }
    assert_eq!(victim.count(Why::BadToken), 10_000);
    assert!(!victim.events.iter().any(|event| matches!(event, Event::Found { .. })));
}
