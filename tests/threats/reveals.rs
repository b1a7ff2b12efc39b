//! What we reveal (row 24): everything that a fresh servent says to neighbours, to strangers by TCP
//! and UDP, to a crawler and to a web cache, held against `reveals.txt`. Whoever has it say more has
//! to add that there, and to think of who is told.

use std::fmt::Write;
use std::net::SocketAddr;

use filbert::node::io::{HostSource, SearchId, SearchQuery};
use filbert::node::{Action, Command, Config, ConnId, Input, Role};
use filbert::wire::ggep::Blocks;
use filbert::wire::handshake::Block;
use filbert::wire::{Guid, HEADER_LEN, Header, Headers, Kind, Message, Push, VendorMessage, names};

use crate::victim::{Victim, config, descriptor, guid, query, stranger};

const SONG: &str = "a song of mine.ogg";
const LETTERS: &str = "secret letters.txt";

/// A servent as it is by default, which shares two files.
fn fresh(role: Role) -> Victim {
    let listen = config().listen;
    let limits = Config { listen, role, subnet_share_percent: 100, ..Config::default() };
    let mut victim = Victim::new(Config { auto_connect: false, compress_links: false, ..limits });
    victim.refuses = false;
    victim.share(&[SONG, LETTERS]);
    victim
}

fn hello(tier: &str) -> Headers {
    Headers::new()
        .with(names::X_ULTRAPEER, tier)
        .with(names::VENDOR_MESSAGE, "0.2")
        .with(names::X_FEATURES, "HSEP/0.2")
        .with(names::X_QUERY_ROUTING, "0.1")
        .with(names::X_ULTRAPEER_QUERY_ROUTING, "0.1")
        .with(names::BYE_PACKET, "0.1")
}

/// All heads and descriptors that went out on a connection, one a line.
fn told(victim: &mut Victim, conn: ConnId) -> String {
    victim.give(Input::TurnOver);
    let servent = victim.view().servent;
    let sent = victim.sent.remove(&conn).unwrap_or_default();
    let (mut rest, mut lines) = (&sent[..], String::new());
    while ["GNUTELLA", "HTTP", "GET ", "GIV "].iter().any(|word| rest.starts_with(word.as_bytes()))
    {
        let end = if rest.starts_with(b"GIV ") { &b"\n\n"[..] } else { b"\r\n\r\n" };
        let at = rest.windows(end.len()).position(|at| at == end).expect("a whole head");
        let head = std::str::from_utf8(&rest[..at]).expect("a head is text");
        head.lines().for_each(|line| writeln!(lines, "{line}").unwrap());
        rest = &rest[at + end.len()..];
    }
    descriptors(rest, &servent, &mut lines);
    let (lower, upper) = (hex(&servent), hex(&servent).to_uppercase());
    lines.replace(&lower, "SERVENT").replace(&upper, "SERVENT")
}

fn hex(guid: &Guid) -> String {
    guid.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn descriptors(mut rest: &[u8], servent: &Guid, lines: &mut String) {
    while let Some((header, after)) = rest.split_first_chunk::<HEADER_LEN>() {
        let header = Header::decode(header);
        let (payload, next) = after.split_at(header.len as usize);
        assert_ne!(header.guid, *servent, "a descriptor says whose it is");
        let what = meaning(&header, payload);
        let Header { kind, ttl, hops, .. } = header;
        writeln!(lines, "{:#04x} ttl {ttl} hops {hops}: {what}", kind.0).unwrap();
        rest = next;
    }
    assert!(rest.is_empty(), "{rest:?}");
}

/// A descriptor's payload, byte by byte where it is not named.
fn meaning(header: &Header, payload: &[u8]) -> String {
    match Message::decode(header.kind, payload).expect("we write what we read") {
        Message::Vendor(VendorMessage::MessagesSupported(kinds)) => {
            let name = |kind: filbert::wire::VendorKind| {
                let vendor = String::from_utf8_lossy(&kind.vendor).into_owned();
                format!("{vendor}/{}v{}", kind.selector, kind.version)
            };
            format!("messages supported {}", kinds.iter().map(name).collect::<Vec<_>>().join(" "))
        }
        Message::Vendor(VendorMessage::Features(features)) => {
            let name = |(name, version): ([u8; 4], u16)| {
                format!("{}/{version}", String::from_utf8_lossy(&name))
            };
            format!("features {}", features.iter().map(name).collect::<Vec<_>>().join(" "))
        }
        Message::Ping(ping) => blocks(ping.extensions),
        Message::Pong(_) => format!("{:02x?} {}", &payload[..14], blocks(&payload[14..])),
        Message::QueryHit(hit) => {
            let mut said = format!("{} {:?} {:?}", hit.address, hit.vendor, hit.flags);
            for record in &hit.results {
                write!(said, " | {} {} {:?}", record.index, record.size, record.name).unwrap();
                write!(said, " {:?} {:?}", record.alternates, record.created_at_s).unwrap();
            }
            said
        }
        // Hashes of our words, and of our leaves'.
        Message::Qrp(_) if payload[0] == 1 => "patch".to_owned(),
        _ => payload.escape_ascii().to_string(),
    }
}

/// The extensions of a ping or pong.
fn blocks(area: &[u8]) -> String {
    let Ok(blocks) = Blocks::new(area) else { return format!("{area:02x?}") };
    let text = |block: filbert::wire::ggep::Block<'_>| {
        format!("{}={:02x?}", block.id.escape_ascii(), block.data(1_000).unwrap())
    };
    blocks.map(|block| text(block.unwrap())).collect::<Vec<_>>().join(" ")
}

/// What went out by UDP to this host.
fn posted(victim: &mut Victim, host: SocketAddr) -> String {
    let (mut lines, servent) = (String::new(), victim.view().servent);
    for action in std::mem::take(&mut victim.others) {
        if let Action::SendDatagram { to, data } = action {
            assert_eq!(to, host);
            descriptors(data.bytes(), &servent, &mut lines);
        }
    }
    lines
}

/// Somebody connects and says this.
fn visits(victim: &mut Victim, number: u32, says: &[u8]) -> String {
    let conn = victim.accept(stranger(number));
    victim.say(conn, says);
    told(victim, conn)
}

fn links(victim: &mut Victim) -> Vec<(&'static str, String)> {
    let mut said = Vec::new();
    let last = Block::response(200, "OK", Headers::new()).to_bytes();
    let peer = victim.accept(stranger(1));
    victim.say(peer, &[Block::request(hello("True")).to_bytes(), last.clone()].concat());
    said.push(("an ultrapeer that comes", told(victim, peer)));
    let leaf = victim.accept(stranger(2));
    victim.say(leaf, &[Block::request(hello("False")).to_bytes(), last].concat());
    said.push(("a leaf that comes", told(victim, leaf)));
    let mut says = |what, bytes: Vec<u8>| {
        victim.say(peer, &bytes);
        said.push((what, told(victim, peer)));
    };
    says("asked whether it is alive", descriptor(guid(1), Kind::PING, 1, 0, b""));
    says("asked for hosts", descriptor(guid(2), Kind::PING, 3, 0, b"\xC3\x83SCP\x41\x01"));
    says("asked for a song", descriptor(guid(3), Kind::QUERY, 3, 1, &query("song mine")));
    says("asked for all", descriptor(guid(4), Kind::QUERY, 1, 0, &query("    ")));
    let query = SearchQuery { text: "wanted".to_owned(), ..SearchQuery::default() };
    victim.give(Input::Command(Command::Search { search: SearchId(1), query }));
    victim.pass(1);
    said.push(("a leaf while the user searches", told(victim, leaf)));
    victim.pass(3);
    said.push(("an ultrapeer while the user searches", told(victim, peer)));
    let crawler = Headers::new().with("Crawler", "0.1").with(names::X_ULTRAPEER, "False");
    said.push(("a crawler", visits(victim, 3, &Block::request(crawler).to_bytes())));
    let servent = victim.view().servent;
    let mut push = Vec::new();
    Push { servent, index: 1, address: stranger(4), extensions: &[] }.encode(&mut push);
    victim.say(peer, &descriptor(guid(5), Kind::PUSH, 3, 1, &push));
    let (conn, _) = victim.ordered.pop().expect("it connects out");
    victim.give(Input::Connected { conn, local: config().listen });
    said.push(("one that has it push", told(victim, conn)));
    victim.give(Input::Command(Command::Shutdown));
    said.push(("a neighbour when it ends", told(victim, peer)));
    said
}

fn strangers(victim: &mut Victim) -> Vec<(&'static str, String)> {
    let mut said = Vec::new();
    said.push(("one that speaks no Gnutella", visits(victim, 10, b"SSH-2.0-x\r\n\r\n")));
    let get = |path: &str| format!("HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes();
    said.push(("who asks for a file there is not", visits(victim, 11, &get("/get/9/x"))));
    said.push((
        "who asks for a file there is",
        visits(victim, 12, &get("/get/1/a%20song%20of%20mine.ogg")),
    ));
    said.push(("who asks for the root as a browser", visits(victim, 13, &get("/"))));
    for (what, number, payload) in [
        ("a host that pings by UDP", 20, &b""[..]),
        ("a host that asks by UDP for hosts", 21, b"\xC3\x83SCP\x41\x01"),
    ] {
        let from = stranger(number);
        let data = descriptor(guid(number.into()), Kind::PING, 1, 0, payload);
        victim.give(Input::Datagram { from, data: &data });
        said.push((what, posted(victim, from)));
    }
    said
}

/// What it says when it connects to somebody: the first words, and those after the answer.
fn dials(role: Role) -> String {
    let mut victim = fresh(role);
    victim.give(Input::Command(Command::Connect { host: "48.0.0.9".to_owned(), port: 6346 }));
    let (conn, _) = victim.ordered.pop().expect("it connects");
    victim.give(Input::Connected { conn, local: config().listen });
    victim.say(conn, &Block::response(200, "OK", hello("True")).to_bytes());
    told(&mut victim, conn)
}

/// What a web cache is told by one that looks for hosts.
fn asks_web_cache() -> String {
    let listen = config().listen;
    let mut victim = Victim::new(Config { auto_connect: true, listen, ..Config::default() });
    victim.refuses = false;
    let url = "http://20.9.9.9/cache".parse().unwrap();
    victim.give(Input::Command(Command::Bootstrap(vec![HostSource::WebCache(url)])));
    victim.give(Input::TurnOver);
    let (conn, _) = victim.ordered.pop().expect("it asks");
    victim.give(Input::Connected { conn, local: listen });
    told(&mut victim, conn)
}

#[test]
fn row_24_a_fresh_servent_reveals_this_and_nothing_more() {
    let mut all = links(&mut fresh(Role::Ultrapeer));
    all.extend(strangers(&mut fresh(Role::Ultrapeer)));
    all.push(("whom it dials as an ultrapeer", dials(Role::Ultrapeer)));
    all.push(("whom it dials as a leaf", dials(Role::Leaf)));
    all.push(("a web cache", asks_web_cache()));
    let mut text = String::new();
    for (who, what) in &all {
        writeln!(text, "== {who}\n{what}").unwrap();
    }
    let expected = include_str!("reveals.txt");
    assert!(text == expected, "this is not what reveals.txt says:\n{text}");
    // What is shared is named to whom asks for it by its words and to nobody else.
    assert!(text.contains(SONG) && !text.contains(LETTERS));
}
