//! What strangers can cost a node in memory, as the system sees it. Each attack has a process of
//! its own, so that what another one left behind hides nothing: without arguments this program
//! starts itself once for each, with one it is that attack.

#[path = "../threats/victim.rs"]
mod victim;

use std::fs;
use std::io::Write;
use std::process::{Command, ExitCode};

use filbert::node;
use filbert::node::io::{SearchId, SearchQuery};
use filbert::node::{ConnId, Input, Why};
use filbert::wire::http::{GNUTELLA_PACKETS, Response};
use filbert::wire::{Headers, Kind, Pong, QueryHit, Record, names};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use victim::{Victim, config, descriptor, guid, query, stranger};

const MIB: u64 = 1 << 20;

/// What an attack grew the process by, or nothing where the system does not say.
fn growth(attack: impl FnOnce()) -> Option<u64> {
    let reset = fs::write("/proc/self/clear_refs", "5").is_ok();
    let before = reset.then(|| status("VmRSS"));
    attack();
    Some(status("VmHWM").saturating_sub(before?))
}

/// A line of `/proc/self/status`, in bytes.
fn status(name: &str) -> u64 {
    let all = fs::read_to_string("/proc/self/status").expect("Linux says how we are");
    let line = all.lines().find_map(|line| line.strip_prefix(name)).expect("such a line");
    let kib = line.trim_start_matches(':').trim().trim_end_matches(" kB");
    kib.parse::<u64>().expect("a number") * 1_024
}

/// So many times the same bytes, deflated; they never lie in memory all at once.
fn deflated(bytes: &[u8], times: usize) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    for _ in 0..times {
        encoder.write_all(bytes).expect("memory takes all");
    }
    encoder.flush().expect("memory takes all");
    encoder.get_ref().clone()
}

/// What the attacker holds is made before the measuring begins.
type Attack = Box<dyn FnOnce(&mut Victim)>;

fn neighbours(victim: &mut Victim, last: &Headers) -> Vec<ConnId> {
    let count = u32::from(config().neighbours_max);
    (0..count).map(|number| victim.neighbour(stranger(number), last.clone())).collect()
}

/// 64 MiB of pings in 64 KiB, on every link.
fn row_04_deflate_bomb() -> Attack {
    let bomb = deflated(&descriptor(guid(1), Kind::PING, 1, 0, &[]), 3_000_000);
    Box::new(move |victim| {
        let deflates = Headers::new().with(names::CONTENT_ENCODING, "deflate");
        for bomber in neighbours(victim, &deflates) {
            assert!(victim.say(bomber, &bomb));
        }
        assert_eq!(victim.count(Why::BadDeflate), u64::from(config().neighbours_max));
    })
}

/// A host that is browsed answers with a bomb.
fn row_04_browse_bomb() -> Attack {
    let mut body = Response::new(200)
        .with(names::CONTENT_TYPE, GNUTELLA_PACKETS)
        .with(names::CONTENT_ENCODING, "deflate")
        .to_bytes();
    body.extend(deflated(&descriptor(guid(1), Kind::PING, 1, 0, &[]), 3_000_000));
    Box::new(move |victim| {
        victim.refuses = false;
        let (search, host) = (SearchId(1), stranger(1));
        victim.give(Input::Command(node::Command::Browse { search, host }));
        assert_eq!(victim.dialled, [host]);
        let conn = ConnId::ordered(1);
        victim.give(Input::Connected { conn, local: config().listen });
        assert!(victim.say(conn, &body));
        assert_eq!(victim.count(Why::BadDeflate), 1);
    })
}

/// Hits for our own search whose GGEP inflates a thousand times, and with as many results as fit.
fn row_21_ggep_bombs_in_hits() -> Attack {
    let bomb = deflated(&[0; 1_024], 3_000);
    let mut area = b"\xC3\xA2LF".to_vec();
    area.extend([0x80 | (bomb.len() >> 6) as u8, 0x40 | (bomb.len() & 0x3F) as u8]);
    area.extend(&bomb);
    Box::new(move |victim| {
        let forger = victim.neighbour(stranger(1), Headers::new());
        let wanted = SearchQuery { text: "file".to_owned(), ..SearchQuery::default() };
        let search = node::Command::Search { search: SearchId(1), query: wanted };
        victim.give(Input::Command(search));
        victim.give(Input::TurnOver);
        let asked = victim.heard(forger, Kind::QUERY)[0].guid;
        for number in 0..1_000u64 {
            let names: Vec<String> = (0..250).map(|n| format!("file {number} {n}")).collect();
            let record = |name| Record {
                alternates: vec![stranger(9); 10],
                ..Record::new(number as u32, 1, name)
            };
            let mut hit = Vec::new();
            let results = names.iter().map(|name| record(name)).collect();
            QueryHit {
                vendor: Some(*b"TEST"),
                browse_host: true,
                ..QueryHit::new(stranger(2), guid(number), results)
            }
            .encode(&mut hit);
            victim.say(forger, &descriptor(asked, Kind::QUERY_HIT, 3, 0, &hit));
            // One result whose size is a bomb.
            let bad = [&b"\x01\xCA\x18\x08\x08\x08\x08\x01\0\0\0"[..], &[1; 8], b"name\0", &area]
                .concat();
            let bad = [&bad[..], b"\0", &guid(number).0].concat();
            victim.say(forger, &descriptor(asked, Kind::QUERY_HIT, 3, 0, &bad));
            victim.events.clear();
        }
        assert_eq!(victim.count(Why::TooManyErrors), 1, "{:?}", victim.view().dropped);
    })
}

/// Heads that do not end, on as many connections as there may be.
fn row_17_endless_heads() -> Attack {
    Box::new(|victim| {
        let head = format!("GNUTELLA CONNECT/0.6\r\nA: {}", "b".repeat(16_000));
        for number in 0..5_000 {
            let conn = victim.accept(stranger(number / 16));
            victim.say(conn, head.as_bytes());
        }
    })
}

/// The same as HTTP.
fn row_17_endless_requests() -> Attack {
    Box::new(|victim| {
        let head = format!("GET / HTTP/1.1\r\nA: {}", "b".repeat(16_000));
        for number in 0..5_000 {
            let conn = victim.accept(stranger(number / 16));
            victim.say(conn, head.as_bytes());
        }
    })
}

/// A million queries with GUIDs that were never seen.
fn row_01_new_guids() -> Attack {
    Box::new(|victim| {
        let flooder = victim.neighbour(stranger(1), Headers::new());
        for turn in 0..1_000 {
            let of =
                |n: u64| descriptor(guid(turn * 1_000 + n), Kind::QUERY, 3, 1, &query("any words"));
            let says: Vec<u8> = (0..1_000).flat_map(of).collect();
            victim.say(flooder, &says);
        }
        assert_eq!(victim.view().seen_queries, config().seen_queries_max);
    })
}

/// A flood to neighbours who do not read.
fn row_01_deaf_neighbours() -> Attack {
    Box::new(|victim| {
        let all = neighbours(victim, &Headers::new());
        victim.deaf.extend(&all[1..]);
        for turn in 0..200 {
            let of =
                |n: u64| descriptor(guid(turn * 1_000 + n), Kind::QUERY, 3, 1, &query("any words"));
            let says: Vec<u8> = (0..1_000).flat_map(of).collect();
            victim.say(all[0], &says);
        }
        assert!(victim.count(Why::QueueFull) > 0);
    })
}

/// Queries that match all we share, as many as go into one `Received`.
fn row_01_queries_that_match_all() -> Attack {
    Box::new(|victim| {
        let names: Vec<String> = (0..500).map(|n| format!("common {n}.txt")).collect();
        victim.share(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let asker = victim.neighbour(stranger(1), Headers::new());
        victim.deaf.insert(asker);
        for turn in 0..10 {
            let of =
                |n: u64| descriptor(guid(turn * 2_000 + n), Kind::QUERY, 3, 1, &query("common"));
            let says: Vec<u8> = (0..2_000).flat_map(of).collect();
            victim.say(asker, &says);
        }
    })
}

/// The first half of the longest hit, from every neighbour.
fn row_03_halves_of_descriptors() -> Attack {
    Box::new(|victim| {
        let hit = descriptor(guid(1), Kind::QUERY_HIT, 3, 0, &vec![1; 65_536]);
        for conn in neighbours(victim, &Headers::new()) {
            assert!(!victim.say(conn, &hit[..65_000]));
        }
    })
}

/// Hundreds of thousands of addresses, from one neighbour after the other: none fills more than
/// its share of the table.
fn row_09_addresses() -> Attack {
    Box::new(|victim| {
        victim.keeps = true;
        let share = u32::from(config().hosts_per_teller_max);
        for teller in 0..4u32 {
            let forger = victim.neighbour(stranger(teller << 16), Headers::new());
            victim.pass(u64::from(config().alive_ping_s) * 5 / 4);
            let asked = victim.heard(forger, Kind::PING)[0].guid;
            for round in (teller * 5_000..).take(5_000) {
                let mut pong = Pong::new(stranger(200_000_000 + round), 1, 1);
                pong.hosts = (0..10).map(|n| stranger((round * 10 + n) * 997)).collect();
                let mut payload = Vec::new();
                pong.encode(&mut payload);
                victim.say(forger, &descriptor(asked, Kind::PONG, 1, 0, &payload));
            }
            let known = victim.view().hosts_known;
            assert!(known > teller * share && known <= (teller + 1) * share, "{known}");
        }
    })
}

/// Ten thousand slow openers for ten minutes.
fn row_19_slow_openers() -> Attack {
    Box::new(|victim| {
        for number in 0..10_000 {
            victim.accept(stranger(number / 16));
            if number % 1_000 == 0 {
                victim.pass(60);
            }
        }
    })
}

/// Its name, what it may cost in bytes, and how it is prepared.
type Listed = (&'static str, u64, fn() -> Attack);

/// Every attack.
fn attacks() -> [Listed; 11] {
    let limits = config();
    let links = u64::from(limits.neighbours_max);
    let queues = links * u64::from(limits.send_queue_bytes_max + 2 * limits.send_window_bytes);
    let heads = u64::from(limits.connections_max) * 2 * u64::from(limits.head_bytes_max);
    [
        ("row_01_deaf_neighbours", queues + 12 * MIB, row_01_deaf_neighbours),
        ("row_01_new_guids", 12 * MIB, row_01_new_guids),
        ("row_01_queries_that_match_all", 8 * MIB, row_01_queries_that_match_all),
        ("row_03_halves_of_descriptors", links * 2 * 65_536, row_03_halves_of_descriptors),
        ("row_04_browse_bomb", 2 * MIB, row_04_browse_bomb),
        ("row_04_deflate_bomb", 8 * MIB, row_04_deflate_bomb),
        ("row_09_addresses", 4 * MIB, row_09_addresses),
        ("row_17_endless_heads", heads, row_17_endless_heads),
        ("row_17_endless_requests", heads, row_17_endless_requests),
        ("row_19_slow_openers", 4 * MIB, row_19_slow_openers),
        ("row_21_ggep_bombs_in_hits", 6 * MIB, row_21_ggep_bombs_in_hits),
    ]
}

/// Is one attack: prints what it costs; fails if that is too much.
fn one(name: &str) -> ExitCode {
    let all = attacks();
    let Some((_, limit, attack)) = all.iter().find(|(other, ..)| *other == name) else {
        println!("{name}: no such attack");
        return ExitCode::FAILURE;
    };
    let attack = attack();
    let mut victim = Victim::new(config());
    victim.keeps = name.contains("ggep");
    let grown = growth(|| attack(&mut victim));
    let kib = grown.map_or("not measured".to_owned(), |grown| format!("{} KiB", grown / 1_024));
    println!("{name:32} {kib:>12} of {} KiB", limit / 1_024);
    ExitCode::from(u8::from(grown.is_some_and(|grown| grown > *limit)))
}

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    if let Some(name) = words.find(|word| word.starts_with("row_")) {
        return one(&name);
    }
    let program = std::env::current_exe().expect("this program has a path");
    let mut failed = false;
    for (name, ..) in attacks() {
        let status = Command::new(&program).arg(name).status().expect("it can be started again");
        failed |= !status.success();
    }
    ExitCode::from(u8::from(failed))
}
