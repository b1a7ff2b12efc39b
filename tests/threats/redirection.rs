//! Attacks that would make the node connect to addresses that strangers name (rows 7 to 9).

use std::net::SocketAddr;

use filbert::node::io::{
    CloseCause, DiskReport, DownloadId, DownloadRequest, HostRecord, HostSource, Source,
};
use filbert::node::{Action, Command, Config, ConnId, Input, Why};
use filbert::wire::{Guid, Headers, HitFlags, Kind, Pong, Push, QueryHit, Record, Sha1, names};

use crate::victim::{Victim, config, descriptor, guid, stranger};

/// Connections that one address may see within an hour because strangers name it: a handful.
const HANDFUL: usize = 40;

/// Somebody who is not on the network at all, on port `number`.
fn bystander(number: u16) -> SocketAddr {
    SocketAddr::from(([198, 51, 200, 7], number))
}

fn pong(asked: Guid, address: SocketAddr, hosts: Vec<SocketAddr>) -> Vec<u8> {
    let mut pong = Pong::new(address, 1, 1);
    pong.hosts = hosts;
    let mut payload = Vec::new();
    pong.encode(&mut payload);
    descriptor(asked, Kind::PONG, 1, 0, &payload)
}

#[test]
fn row_07_forged_hits_do_not_turn_a_download_against_a_third() {
    let mut victim = Victim::new(config());
    let forger = victim.neighbour(stranger(1), Headers::new());
    let sha1 = Some(Sha1([4; 20]));
    let request = DownloadRequest { name: "file".into(), sha1, ..DownloadRequest::default() };
    let download = DownloadId(1);
    victim.give(Input::Command(Command::Download { download, request }));
    victim.give(Input::Disk(DiskReport::Opened { download, have: Vec::new() }));
    victim.give(Input::TurnOver);
    for round in 0..100 {
        let Some(asked) = victim.heard(forger, Kind::QUERY).last().map(|query| query.guid) else {
            panic!("nobody was asked")
        };
        for number in 0..100u16 {
            let record = Record {
                index: 1,
                size: 1_000,
                name: "file",
                sha1,
                alternates: vec![bystander(80)],
                created_at_s: None,
            };
            let mut hit = Vec::new();
            let number = round * 100 + number;
            QueryHit {
                vendor: Some(*b"TEST"),
                flags: HitFlags { push: Some(number % 2 == 0), ..HitFlags::default() },
                browse_host: true,
                push_proxies: vec![bystander(81)],
                ..QueryHit::new(bystander(1_000 + number), guid(u64::from(number)), vec![record])
            }
            .encode(&mut hit);
            victim.say(forger, &descriptor(asked, Kind::QUERY_HIT, 3, 0, &hit));
        }
        victim.pass(36);
        // It answers pings, so that it stays.
        victim.say(forger, &descriptor(guid(1), Kind::PING, 1, 0, &[]));
    }
    assert!(!victim.dialled.is_empty(), "{:?}", victim.view());
    assert!(victim.dialled.len() <= HANDFUL, "{} connections", victim.dialled.len());
}

#[test]
fn row_07_forged_pushes_do_not_turn_the_node_against_a_third() {
    let mut victim = Victim::new(config());
    victim.share(&["shared.txt"]);
    let forger = victim.neighbour(stranger(1), Headers::new());
    for number in 0..10_000u16 {
        let (servent, address) = (victim.view().servent, bystander(1 + number));
        let mut push = Vec::new();
        Push { servent, index: 1, address, extensions: &[] }.encode(&mut push);
        victim.say(forger, &descriptor(guid(number.into()), Kind::PUSH, 3, 1, &push));
    }
    assert_eq!(victim.dialled.len(), 1, "nobody was there");
    assert_eq!(victim.count(Why::BadPush), 9_999);
}

/// For an hour, whether the third refuses, takes the connection and is silent, or answers as a web
/// server does. Only one that asks for something in the end is connected to as often as is allowed.
#[test]
fn row_07_pushes_for_an_hour_do_not_turn_the_node_against_a_third() {
    let asks = &b"HEAD /get/1/shared.txt HTTP/1.1\r\nHost: x\r\n\r\n"[..];
    let is_web_server = &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..];
    for answer in [None, Some(&b""[..]), Some(is_web_server), Some(asks)] {
        let mut victim = Victim::new(config());
        victim.share(&["shared.txt"]);
        victim.refuses = answer.is_none();
        let forger = victim.neighbour(stranger(1), Headers::new());
        let servent = victim.view().servent;
        for number in 0..10_000u16 {
            let address = bystander(1 + number);
            let mut push = Vec::new();
            Push { servent, index: 1, address, extensions: &[] }.encode(&mut push);
            victim.say(forger, &descriptor(guid(number.into()), Kind::PUSH, 3, 1, &push));
            for (conn, _) in std::mem::take(&mut victim.ordered) {
                victim.give(Input::Connected { conn, local: config().listen });
                if let Some(data) = answer.filter(|answer| !answer.is_empty()) {
                    victim.give(Input::Received { conn, data });
                }
            }
            if number % 3 == 0 {
                victim.pass(1);
            }
        }
        assert!(victim.now.as_micros() > 3_300_000_000);
        let times = victim.dialled.len();
        if answer == Some(asks) {
            assert!(times > 500, "{times} connections to one that asks");
        } else {
            assert!((3..=8).contains(&times), "{times} connections, {answer:?}");
        }
    }
}

#[test]
fn row_07_push_proxies_hand_nobody_over_to_a_third() {
    let mut victim = Victim::new(config());
    let sharer = victim.neighbour(stranger(1), Headers::new());
    let servent = guid(5);
    victim.say(sharer, &descriptor(servent, Kind::VENDOR, 1, 0, b"LIME\x15\0\x01\0"));
    assert_eq!(victim.view().reach.push_proxy_for, 1);
    victim.sent.remove(&sharer);
    for number in 0..5_000u16 {
        let asker = stranger(100 + u32::from(number));
        // By HTTP, naming the third.
        let client = victim.accept(asker);
        let to = bystander(1 + number);
        let target = format!("/gnutella/push-proxy?guid={servent}");
        victim.say(client, format!("GET {target} HTTP/1.1\r\nX-Node: {to}\r\n\r\n").as_bytes());
        // By UDP: with an own address, and with the address of the third forged.
        let mut push = Vec::new();
        Push { servent, index: 1, address: to, extensions: &[] }.encode(&mut push);
        let push = descriptor(guid(number.into()), Kind::PUSH, 1, 0, &push);
        victim.give(Input::Datagram { from: asker, data: &push });
        victim.give(Input::Datagram { from: bystander(9), data: &push });
        victim.give(Input::TurnOver);
    }
    let handed = victim.heard(sharer, Kind::PUSH).len();
    assert_eq!(handed, usize::from(config().pushes_per_address_max), "forged ones alone, and few");
    assert_eq!(victim.dialled, []);
}

#[test]
fn row_07_push_proxies_that_hits_name_are_asked_a_few_times_at_most() {
    let mut victim = Victim::new(config());
    let sources = (0..10_000u32).map(|number| Source {
        servent: Some(guid(number.into())),
        index: Some(1),
        firewalled: true,
        push_proxies: (0..4).map(|port| bystander(1 + (number as u16) * 4 + port)).collect(),
        ..Source::at(stranger(number))
    });
    let sources: Vec<Source> = sources.collect();
    let sha1 = Some(Sha1([4; 20]));
    let download = DownloadId(1);
    let request = DownloadRequest { name: "file".into(), sha1, ..DownloadRequest::default() };
    victim.give(Input::Command(Command::Download { download, request }));
    victim.give(Input::Disk(DiskReport::Opened { download, have: Vec::new() }));
    for some in sources.chunks(100) {
        let sources = some.to_vec();
        victim.give(Input::Command(Command::AddSources { download, sources }));
        victim.pass(36);
    }
    let is_datagram = |action: &&Action| matches!(action, Action::SendDatagram { .. });
    let datagrams = victim.others.iter().filter(is_datagram).count();
    assert!(!victim.dialled.is_empty());
    assert!(victim.dialled.len() <= HANDFUL, "{} connections", victim.dialled.len());
    assert!(datagrams <= HANDFUL, "{datagrams} datagrams");
}

#[test]
fn row_07_connecting_back_goes_to_the_asker_and_seldom() {
    let mut victim = Victim::new(config());
    for number in 0..200u32 {
        let asker = victim.neighbour(stranger(number), Headers::new());
        for port in 1..50u16 {
            let [low, high] = port.to_le_bytes();
            let tcp = [b'B', b'E', b'A', b'R', 7, 0, 1, 0, low, high];
            let udp = [b'G', b'T', b'K', b'G', 7, 0, 2, 0, low, high];
            victim.say(asker, &descriptor(guid(1), Kind::VENDOR, 1, 0, &tcp));
            victim.say(asker, &descriptor(guid(1), Kind::VENDOR, 1, 0, &udp));
            victim.pass(0);
        }
        let own = |to: &SocketAddr| to.ip() == stranger(number).ip();
        assert!(victim.dialled.drain(..).all(|to| own(&to)));
        let datagrams = victim.others.drain(..).filter_map(|action| match action {
            Action::SendDatagram { to, .. } => Some(to),
            _ => None,
        });
        assert!(datagrams.into_iter().all(|to| own(&to)));
        victim.give(Input::Closed { conn: asker, cause: CloseCause::PeerClosed });
    }
    let (minute, address) = (config().favours_per_minute_max, config().favours_per_address_max);
    let refused = victim.count(Why::Throttled);
    let admitted = u64::from(minute) * 2;
    assert_eq!(refused, 200 * 49 * 2 - admitted, "{minute} a minute, {address} for one address");
}

#[test]
fn row_07_addresses_to_try_do_not_turn_the_node_against_a_third() {
    let mut victim = Victim::new(Config { auto_connect: true, ..config() });
    let forger = victim.neighbour(stranger(1), Headers::new());
    for round in 0..1_000u16 {
        // Whoever connects says where it listens, on a port of its choice.
        let listen = Headers::new().with(names::LISTEN_IP, bystander(1 + round));
        let teller = victim.neighbour(bystander(1), listen);
        victim.give(Input::Closed { conn: teller, cause: CloseCause::PeerClosed });
        // Pongs that answer our pings name whom they like.
        if let Some(ping) = victim.heard(forger, Kind::PING).last() {
            let guid = ping.guid;
            let hosts = (0..10).map(|n| bystander(30_000 + round * 10 + n)).collect();
            victim.say(forger, &pong(guid, bystander(20_000 + round), hosts));
        }
        victim.pass(3);
    }
    assert!(!victim.dialled.is_empty());
    assert!(victim.dialled.len() <= HANDFUL, "{} connections", victim.dialled.len());
}

#[test]
fn row_07_nobody_is_sent_into_the_local_network() {
    let mut victim = Victim::new(Config { auto_connect: true, ..config() });
    victim.share(&["shared.txt"]);
    let inside = ["127.0.0.1:80", "10.0.0.1:80", "192.168.1.1:22", "169.254.169.254:80"];
    let inside = inside.map(|address| address.parse::<SocketAddr>().unwrap());
    let forger = victim.neighbour(stranger(1), Headers::new());
    victim.pass(u64::from(config().alive_ping_s));
    let asked = victim.heard(forger, Kind::PING)[0].guid;
    victim.say(forger, &pong(asked, inside[0], inside.to_vec()));
    for address in inside {
        let mut push = Vec::new();
        Push { servent: victim.view().servent, index: 1, address, extensions: &[] }
            .encode(&mut push);
        victim.say(forger, &descriptor(guid(1), Kind::PUSH, 3, 1, &push));
    }
    victim.pass(100);
    assert_eq!(victim.dialled, []);
}

#[test]
fn row_09_hearsay_does_not_displace_hosts_that_answered_before() {
    let mut victim = Victim::new(config());
    let honest: Vec<SocketAddr> = (1..=100).map(|n| stranger(10_000 + n)).collect();
    let record = |&address: &SocketAddr| HostRecord {
        last_success_s: 1_699_000_000,
        ..HostRecord::new(address)
    };
    victim.give(Input::Command(Command::Remember(honest.iter().map(record).collect())));
    let forger = victim.neighbour(stranger(1), Headers::new());
    // Whoever connected to us is asked a quarter later than whom we connected to.
    victim.pass(u64::from(config().alive_ping_s) * 5 / 4);
    let asked = victim.heard(forger, Kind::PING)[0].guid;
    for round in 0..1_000 {
        let hosts = (0..10).map(|n| stranger(100_000 + round * 11 + n)).collect();
        victim.say(forger, &pong(asked, stranger(100_010 + round * 11), hosts));
    }
    // Those strangers are of one network, which has only so many places.
    let places = u32::from(config().hosts_per_network_max);
    assert_eq!(victim.view().hosts_known, 100 + places);
    let kept = victim.node.remembered();
    let kept = honest.iter().filter(|host| kept.iter().any(|record| record.address == **host));
    assert_eq!(kept.count(), 100);
}

#[test]
fn row_07_nobody_leads_the_node_to_an_address_on_its_block_list() {
    let mut victim = Victim::new(config());
    victim.share(&["shared.txt"]);
    let forger = victim.neighbour(stranger(1), Headers::new());
    let (network, prefix_len) = (bystander(1).ip(), 32);
    let source = |port| Source {
        address: bystander(port),
        servent: None,
        index: None,
        name: None,
        firewalled: false,
        push_proxies: Vec::new(),
    };
    // One source from before the block and one whose push proxy it is, one from after the block,
    // and a push.
    let by_proxy = Source {
        servent: Some(guid(8)),
        index: Some(1),
        firewalled: true,
        push_proxies: vec![bystander(4)],
        address: stranger(8),
        ..source(4)
    };
    let (download, sha1) = (DownloadId(1), Some(Sha1([4; 20])));
    let (name, size, sources) = ("file".to_owned(), Some(9), vec![source(1), by_proxy]);
    let request = DownloadRequest { name, size, sha1, sources };
    victim.give(Input::Command(Command::Download { download, request }));
    victim.give(Input::Command(Command::Block { network, prefix_len }));
    let sources = vec![source(2)];
    victim.give(Input::Command(Command::AddSources { download, sources }));
    victim.give(Input::Disk(DiskReport::Opened { download, have: Vec::new() }));
    let mut push = Vec::new();
    Push { servent: victim.view().servent, index: 1, address: bystander(3), extensions: &[] }
        .encode(&mut push);
    victim.say(forger, &descriptor(guid(1), Kind::PUSH, 3, 1, &push));
    victim.pass(100);
    let at_bystander = |to: &SocketAddr| to.ip() == bystander(4).ip();
    assert!(!victim.dialled.iter().any(at_bystander), "{:?}", victim.dialled);
    let posted =
        |action: &Action| matches!(action, Action::SendDatagram { to, .. } if at_bystander(to));
    assert!(!victim.others.iter().any(posted));
    assert_eq!((victim.count(Why::Blocked), victim.count(Why::BadPush)), (2, 1));
}

#[test]
fn row_07_a_web_cache_does_not_turn_the_node_against_a_third() {
    let mut victim = Victim::new(Config { auto_connect: true, ..config() });
    victim.refuses = false;
    let cache = SocketAddr::from(([20, 9, 9, 9], 80));
    let url = "http://20.9.9.9/".parse().unwrap();
    victim.give(Input::Command(Command::Bootstrap(vec![HostSource::WebCache(url)])));
    victim.give(Input::TurnOver);
    assert_eq!(victim.dialled, [cache]);
    let conn = ConnId::ordered(1);
    victim.give(Input::Connected { conn, local: config().listen });
    // Ten thousand: under its address, as caches there, and under names that lead there.
    let mut lines = Vec::new();
    for n in 0..3_333 {
        lines.push(format!("H|{}|1", bystander(1 + n)));
        lines.push(format!("U|http://{}/{n}|1", bystander(1 + n)));
        lines.push(format!("U|http://v{n}.example.net/|1"));
    }
    let body = lines.join("\n");
    let answer = format!("HTTP/1.0 200 OK\r\n\r\n{}", &body[..60_000]);
    assert!(!victim.say(conn, answer.as_bytes()));
    victim.give(Input::Closed { conn, cause: CloseCause::PeerClosed });
    victim.give(Input::TurnOver);
    for _ in 0..3_600 {
        for action in std::mem::take(&mut victim.others) {
            if let Action::Resolve { lookup, .. } = action {
                let addresses = vec![bystander(1).ip()];
                victim.give(Input::Resolved { lookup, addresses });
            }
        }
        victim.pass(1);
    }
    let at_bystander = victim.dialled.iter().filter(|to| to.ip() == bystander(1).ip()).count();
    assert!(at_bystander > 0 && at_bystander <= HANDFUL, "{at_bystander} connections");
}
