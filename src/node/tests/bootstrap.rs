//! A node that looks for its first hosts, and the sources that it asks, in script.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::node::config::Role;
use crate::node::io::{CloseCause, HostRecord, HostSource, LookupId, SourceState};
use crate::node::{
    Action, Command, Config, ConnId, Event, Input, Node, Rng, Time, View, WallTime, Why,
};
use crate::wire::handshake::Block;
use crate::wire::{HEADER_LEN, Header, Headers, Kind, Ping, Pong, frame, names};

const HOST: &str = "cache.example.net";

fn cache_address() -> SocketAddr {
    SocketAddr::from(([20, 1, 2, 3], 80))
}

fn public(number: u8) -> SocketAddr {
    SocketAddr::from(([30, number, 2, 3], 6346))
}

fn web_cache() -> HostSource {
    HostSource::WebCache(format!("http://{HOST}/gwc.php").parse().unwrap())
}

fn uhc() -> HostSource {
    HostSource::Uhc { host: cache_address().ip().to_string(), port: 80 }
}

/// One node; what it orders is kept for the test to answer.
struct Lone {
    node: Node,
    now: Time,
    dialled: Vec<(ConnId, SocketAddr)>,
    resolved: Vec<(LookupId, String)>,
    sent: BTreeMap<ConnId, Vec<u8>>,
    datagrams: Vec<(SocketAddr, Vec<u8>)>,
    events: Vec<Event>,
    closed: Vec<ConnId>,
}

impl Lone {
    fn new(config: Config) -> Lone {
        let listen = SocketAddr::from(([9, 9, 9, 9], 6346));
        let config = Config { listen, role: Role::Ultrapeer, ..config };
        let mut rng = Rng::from_u64(3);
        let guid = rng.guid();
        Lone {
            node: Node::new(Arc::new(config), guid, rng, WallTime(1_700_000_000_000_000)),
            now: Time::ZERO,
            dialled: Vec::new(),
            resolved: Vec::new(),
            sent: BTreeMap::new(),
            datagrams: Vec::new(),
            events: Vec::new(),
            closed: Vec::new(),
        }
    }

    fn asking(config: Config, sources: Vec<HostSource>) -> Lone {
        let mut lone = Lone::new(config);
        lone.give(Input::Command(Command::Bootstrap(sources)));
        lone
    }

    /// Gives an input and ends the turn.
    fn give(&mut self, input: Input<'_>) {
        for input in [input, Input::TurnOver] {
            let actions: Vec<Action> = self.node.handle(self.now, input).collect();
            for action in actions {
                self.perform(action);
            }
        }
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Connect { conn, to } => self.dialled.push((conn, to)),
            Action::Resolve { lookup, host } => self.resolved.push((lookup, host)),
            Action::Send { conn, chunk } => {
                self.sent.entry(conn).or_default().extend_from_slice(chunk.bytes());
                self.give(Input::Sent { conn, len: chunk.len() as u32 });
            }
            Action::SendDatagram { to, data } => self.datagrams.push((to, data.bytes().to_vec())),
            Action::Close { conn, .. } => {
                self.closed.push(conn);
                self.give(Input::Closed { conn, cause: CloseCause::Ordered });
            }
            Action::Emit(event) => self.events.push(event),
            other => panic!("{other:?}"),
        }
    }

    /// Time passes; every connection that is ordered meanwhile fails.
    fn pass(&mut self, seconds: u64) {
        let until = self.now + Duration::from_secs(seconds);
        while let Some(at) = self.node.deadline().filter(|&at| at <= until) {
            self.now = self.now.max(at);
            self.give(Input::Wake);
        }
        self.now = until;
    }

    /// The name that was asked for has this address.
    fn resolve(&mut self, addresses: Vec<IpAddr>) {
        let (lookup, host) = self.resolved.pop().expect("a name is looked up");
        assert_eq!(host, HOST);
        self.give(Input::Resolved { lookup, addresses });
    }

    /// The connection that was ordered to this address.
    fn connection(&mut self, to: SocketAddr) -> ConnId {
        let at = self.dialled.iter().position(|&(_, dialled)| dialled == to);
        self.dialled.remove(at.unwrap_or_else(|| panic!("{to} is not dialled"))).0
    }

    /// The web cache is reached; what it is asked.
    fn asked(&mut self) -> (ConnId, String) {
        let conn = self.connection(cache_address());
        let local = SocketAddr::from(([9, 9, 9, 9], 40_000));
        self.give(Input::Connected { conn, local });
        let request = String::from_utf8(self.sent.remove(&conn).unwrap()).unwrap();
        (conn, request.lines().next().unwrap().to_owned())
    }

    /// It is asked this and answers that, and closes.
    fn ask_and_answer(&mut self, asked: &str, answer: &str) {
        let (conn, line) = self.asked();
        assert!(line.contains(asked), "{line}");
        self.give(Input::Received { conn, data: answer.as_bytes() });
        if !self.closed.contains(&conn) {
            self.give(Input::Closed { conn, cause: CloseCause::PeerClosed });
        }
    }

    fn view(&self) -> View {
        self.node.view()
    }

    /// What became of the source that was asked last.
    fn outcome(&self) -> Option<(u32, Option<Why>)> {
        self.events.iter().rev().find_map(|event| match event {
            Event::SourceAsked { hosts, why, .. } => Some((*hosts, *why)),
            _ => None,
        })
    }
}

fn text(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[test]
fn a_web_cache_names_hosts_that_are_dialled() {
    let mut lone = Lone::asking(Config::default(), vec![web_cache()]);
    assert_eq!(lone.view().sources[0].state, SourceState::Asking);
    lone.resolve(vec![cache_address().ip()]);
    let hosts = format!("H|{}|9\nH|{}|9\nH|10.0.0.1:6346|1\n", public(1), public(2));
    lone.ask_and_answer("GET /gwc.php?get=1&net=gnutella&client=FILB&version=", &text(&hosts));
    assert_eq!(lone.outcome(), Some((2, None)));
    let mut dialled: Vec<SocketAddr> = lone.dialled.iter().map(|&(_, to)| to).collect();
    dialled.sort();
    assert_eq!(dialled, [public(1), public(2)]);
    let view = lone.view();
    assert_eq!((view.sources[0].state, view.sources[0].hosts), (SourceState::Answered, 2));
    assert_eq!(view.sources[0].next_us, 3_600_000_000);
    assert_eq!(view.connections, 2, "the connection to the cache is gone");
    // Not again within the hour, whatever happens.
    for (conn, _) in std::mem::take(&mut lone.dialled) {
        lone.give(Input::Closed { conn, cause: CloseCause::Unreachable });
    }
    lone.pass(3_590);
    assert!(lone.resolved.is_empty());
    lone.pass(20);
    assert_eq!(lone.resolved.len(), 1);
}

#[test]
fn a_web_cache_of_version_1_is_asked_in_its_words() {
    let mut lone = Lone::asking(Config::default(), vec![web_cache()]);
    lone.resolve(vec![cache_address().ip()]);
    lone.ask_and_answer("?get=1&", "HTTP/1.0 200 OK\r\n\r\nERROR: bad request\n");
    let hosts = format!("HTTP/1.0 200 OK\r\n\r\n{}\n{}\n", public(1), public(2));
    lone.ask_and_answer("?hostfile=1&client=FILB&version=", &hosts);
    let caches =
        "HTTP/1.0 200 OK\r\n\r\nhttp://other.example.net/\nhttp://router/\nhttp://10.0.0.1/\n";
    lone.ask_and_answer("?urlfile=1&client=FILB&version=", caches);
    assert_eq!(lone.outcome(), Some((2, None)));
    let sources: Vec<(String, bool)> =
        lone.view().sources.iter().map(|s| (s.source.to_string(), s.learnt)).collect();
    let other = "http://other.example.net/".to_owned();
    assert_eq!(sources, [(web_cache().to_string(), false), (other, true)]);
}

/// One answer of a web cache moves exactly one counter.
#[test]
fn a_web_cache_that_is_of_no_use_is_said_and_counted() {
    let cases = [
        ("HTTP/1.1 302 Found\r\nLocation: http://30.1.2.3/\r\n\r\n".to_owned(), Why::Redirected),
        ("HTTP/1.1 404 Not Found\r\n\r\n".to_owned(), Why::Refused),
        (text("I|WARNING|You came back too early"), Why::Refused),
        (text("H|127.0.0.1:6346|1\nH|192.168.1.1:80|2\n"), Why::BadAddress),
        ("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n".to_owned(), Why::TooLarge),
        ("SSH-2.0-here\r\n\r\n".to_owned(), Why::BadResponse),
        (String::new(), Why::ClosedByPeer),
    ];
    for (answer, why) in cases {
        let mut lone = Lone::asking(Config::default(), vec![web_cache()]);
        lone.resolve(vec![cache_address().ip()]);
        let (conn, _) = lone.asked();
        if !answer.is_empty() {
            lone.give(Input::Received { conn, data: answer.as_bytes() });
        } else {
            lone.give(Input::Closed { conn, cause: CloseCause::PeerClosed });
        }
        let counted: Vec<(Why, u64)> =
            lone.view().dropped.iter().map(|dropped| (dropped.why, dropped.count)).collect();
        assert_eq!(counted, [(why, 1)], "{answer}");
        assert_eq!(lone.outcome(), Some((0, Some(why))));
        let view = lone.view();
        assert_eq!(
            (view.sources[0].state, view.sources[0].trouble),
            (SourceState::Failed, Some(why))
        );
        assert_eq!((view.connections, view.hosts_known), (0, 0));
    }
    // One that does not answer at all.
    let mut lone = Lone::asking(Config::default(), vec![web_cache()]);
    lone.resolve(vec![cache_address().ip()]);
    lone.asked();
    lone.pass(20);
    assert_eq!(
        (lone.outcome(), lone.view().count(Why::TooSlow)),
        (Some((0, Some(Why::TooSlow))), 1)
    );
    assert_eq!(lone.view().connections, 0);
}

#[test]
fn a_page_for_people_is_no_host_list() {
    let mut lone = Lone::asking(Config::default(), vec![web_cache()]);
    lone.resolve(vec![cache_address().ip()]);
    let page = text("<html>\nThis domain is for sale: 9.9.9.9\n</html>");
    lone.ask_and_answer("?get=1&", &page);
    lone.ask_and_answer("?hostfile=1&", &page);
    assert_eq!(lone.outcome(), Some((0, Some(Why::BadResponse))));
    assert_eq!(lone.view().count(Why::BadResponse), 1);
}

#[test]
fn a_name_that_is_not_found_is_said() {
    let mut lone = Lone::asking(Config::default(), vec![web_cache()]);
    lone.resolve(Vec::new());
    assert_eq!(lone.outcome(), Some((0, Some(Why::NoSuchName))));
    assert_eq!(lone.view().count(Why::NoSuchName), 1);
    // So is one that the user wants to connect to.
    lone.give(Input::Command(Command::Connect { host: HOST.to_owned(), port: 7 }));
    lone.resolve(Vec::new());
    let refused = Event::Refused { why: Why::NoSuchName, command: format!("connect {HOST}:7") };
    assert_eq!((lone.events.last(), lone.view().count(Why::NoSuchName)), (Some(&refused), 2));
    // A resolver that never answers is not waited for.
    lone.pass(180);
    let (late, _) = lone.resolved.pop().unwrap();
    lone.pass(20);
    assert_eq!(lone.outcome(), Some((0, Some(Why::TooSlow))));
    lone.give(Input::Resolved { lookup: late, addresses: vec![cache_address().ip()] });
    assert!(lone.dialled.is_empty());
}

#[test]
fn only_the_user_leads_us_into_his_own_network() {
    let inside = "192.168.1.9".parse::<IpAddr>().unwrap();
    let mut lone = Lone::asking(Config::default(), vec![web_cache()]);
    lone.resolve(vec![inside]);
    assert_eq!(lone.dialled[0].1, SocketAddr::new(inside, 80));
    // A cache that another cache named.
    let mut lone = Lone::asking(Config::default(), vec![uhc()]);
    let mut pong = Pong::new(cache_address(), 0, 0);
    pong.host_caches = vec![format!("{HOST}:7"), "router:7".to_owned(), "10.1.1.1:7".to_owned()];
    lone.answer_ping(&pong);
    assert_eq!(lone.view().sources.len(), 2);
    while lone.resolved.is_empty() {
        lone.pass(1);
    }
    lone.resolve(vec![inside]);
    let to_inside = |(to, _): &(SocketAddr, Vec<u8>)| to.ip() == inside;
    assert!(!lone.datagrams.iter().any(to_inside));
    assert_eq!(lone.outcome(), Some((0, Some(Why::BadAddress))));
    assert_eq!(lone.view().sources.len(), 1, "it is forgotten");
}

impl Lone {
    /// The host cache answers the last ping that it got.
    fn answer_ping(&mut self, pong: &Pong) {
        let ping = self.datagrams.iter().rev().find(|(to, _)| *to == cache_address());
        let ping = &ping.expect("the host cache is pinged").1;
        let header = Header::decode(ping.first_chunk().unwrap());
        assert!(Ping::decode(&ping[HEADER_LEN..]).wants_cached_pongs());
        let mut payload = Vec::new();
        pong.encode(&mut payload);
        let mut data = Vec::new();
        frame::write(&mut data, header.guid, Kind::PONG, 1, 0, &payload);
        self.give(Input::Datagram { from: cache_address(), data: &data });
    }
}

#[test]
fn a_udp_host_cache_names_hosts_and_is_left_alone_then() {
    let mut lone = Lone::asking(Config::default(), vec![uhc()]);
    assert_eq!(lone.datagrams.len(), 1);
    let mut pong = Pong::new(cache_address(), 0, 0);
    pong.hosts = vec![public(1), public(2), "10.0.0.1:1".parse().unwrap()];
    lone.answer_ping(&pong);
    // Its own address is a host like others; what it said of itself does not make it a leaf.
    assert_eq!(lone.outcome(), Some((3, None)));
    assert_eq!(lone.view().hosts_known, 3);
    for (conn, _) in std::mem::take(&mut lone.dialled) {
        lone.give(Input::Closed { conn, cause: CloseCause::Unreachable });
    }
    lone.pass(179);
    assert_eq!(lone.datagrams.len(), 1);
    lone.pass(2);
    assert_eq!(lone.datagrams.len(), 2);
    lone.pass(20);
    assert_eq!(lone.outcome(), Some((0, Some(Why::TooSlow))));
}

#[test]
fn a_peer_that_has_no_room_names_others() {
    let peer = HostSource::Peer { host: cache_address().ip().to_string(), port: 80 };
    let mut lone = Lone::asking(Config::default(), vec![peer.clone()]);
    let conn = lone.connection(cache_address());
    lone.give(Input::Connected { conn, local: SocketAddr::from(([9, 9, 9, 9], 40_000)) });
    let tries =
        Headers::new().with(names::X_TRY_ULTRAPEERS, format!("{},{}", public(1), public(2)));
    let no = Block::response(503, "Full", tries).to_bytes();
    lone.give(Input::Received { conn, data: &no });
    assert_eq!(lone.outcome(), Some((2, None)));
    assert_eq!(lone.dialled.len(), 2);
    // One that is not there.
    let mut lone = Lone::asking(Config::default(), vec![peer]);
    let conn = lone.connection(cache_address());
    lone.give(Input::Closed { conn, cause: CloseCause::Unreachable });
    assert_eq!(lone.outcome(), Some((0, Some(Why::ConnectFailed))));
}

#[test]
fn saved_hosts_come_first_and_are_not_waited_for_for_ever() {
    let mut lone = Lone::new(Config { connecting_max: 1, ..Config::default() });
    let record = |number| HostRecord { heard_s: 1_700_000_000, ..HostRecord::new(public(number)) };
    let records: Vec<HostRecord> = (0..200).map(record).collect();
    lone.give(Input::Command(Command::Remember(records)));
    lone.give(Input::Command(Command::Bootstrap(vec![uhc()])));
    assert_eq!(lone.dialled.len(), 1);
    let patience = u64::from(Config::default().bootstrap_patience_s);
    lone.pass(patience - 1);
    assert!(lone.datagrams.is_empty());
    lone.pass(1);
    assert_eq!(lone.datagrams.len(), 1);
}

#[test]
fn one_that_does_not_look_for_neighbours_asks_nobody() {
    let config = Config { auto_connect: false, ..Config::default() };
    let mut lone = Lone::asking(config, vec![uhc(), web_cache()]);
    lone.pass(10_000);
    assert!(lone.datagrams.is_empty() && lone.resolved.is_empty() && lone.dialled.is_empty());
    assert_eq!(lone.view().sources.len(), 2);
}

#[test]
fn there_are_only_so_many_sources() {
    let all = (1..=40).map(|n| HostSource::Uhc { host: "20.1.2.3".to_owned(), port: n });
    let lone = Lone::asking(Config::default(), all.collect());
    let max = usize::from(Config::default().sources_max);
    assert_eq!(
        (lone.view().sources.len(), lone.view().count(Why::TableFull)),
        (max, 40 - max as u64)
    );
}

#[test]
fn a_node_that_stops_does_not_wait_for_a_web_cache() {
    let mut lone = Lone::asking(Config::default(), vec![web_cache()]);
    lone.resolve(vec![cache_address().ip()]);
    lone.asked();
    lone.give(Input::Command(Command::Shutdown));
    assert_eq!(lone.events.last(), Some(&Event::Stopped));
    assert_eq!(lone.node.deadline(), None);
}
