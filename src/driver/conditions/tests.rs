//! Conditions: first the queues by a clock in hand, then whole servents on loopback. Nothing here
//! asks whether something was quick, only whether it came, in which order, and not too early.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use super::lane::{Arrival, WAITING_BYTES_MAX, Way};
use super::shaping::Shaping;
use super::*;
use crate::driver::tests::{
    Running, content, raw, raw_link, read_head, replays, request_for, wait_for,
};
use crate::node::io::DownloadState;
use crate::node::{Command, ConnId, Event};

/// Longer than anything takes that is not held up, on a machine that is not overloaded; a test
/// that waits for nothing to come waits so long.
const A_WHILE: Duration = Duration::from_millis(300);

fn network(text: &str) -> Network {
    text.parse().unwrap()
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn shaping(conditions: Conditions) -> Shaping {
    let mut shaping = Shaping::new();
    shaping.set(conditions);
    shaping
}

const CONN: ConnId = ConnId(2);

fn peer() -> SocketAddr {
    "127.1.2.3:6346".parse().unwrap()
}

fn bytes(text: &str) -> Arrival {
    Arrival::Bytes(text.as_bytes().to_vec())
}

#[test]
fn what_comes_arrives_after_the_latency_and_in_order() {
    let from = |text: &str, latency_ms: u64| Latency {
        network: network(text),
        latency_us: latency_ms * 1_000,
    };
    let mut shaping = shaping(Conditions {
        latency_us: 9_000_000,
        latencies: vec![
            from("127.1.0.0/16", 8_000),
            from("127.1.2.3", 100),
            from("127.0.0.0/8", 7),
        ],
        ..Conditions::default()
    });
    let begin = Instant::now();
    assert!(shaping.accept(CONN, peer(), peer(), begin));
    shaping.came(CONN, begin + ms(10), bytes("one"));
    shaping.came(CONN, begin + ms(20), bytes("two"));
    shaping.came(CONN, begin + ms(20), Arrival::End);
    assert!(!shaping.has_room(CONN), "nothing is read after the end");
    let mut arrived = |at| shaping.arrived(CONN, begin + ms(at)).map(|(arrival, _)| arrival);
    assert_eq!(arrived(99), None);
    assert_eq!(arrived(109), Some(Arrival::Accepted(peer(), peer())));
    assert_eq!((arrived(109), arrived(110)), (None, Some(bytes("one"))));
    assert_eq!((arrived(119), arrived(120)), (None, Some(bytes("two"))));
    assert_eq!((arrived(120), arrived(120)), (Some(Arrival::End), None));
}

#[test]
fn a_shorter_latency_overtakes_nothing_that_is_under_way() {
    let mut shaping = shaping(Conditions { latency_us: 50_000, ..Conditions::default() });
    let begin = Instant::now();
    shaping.open(CONN, peer().ip(), begin);
    shaping.came(CONN, begin, bytes("slow"));
    shaping.set(Conditions { latency_us: 1_000, ..Conditions::default() });
    shaping.came(CONN, begin, bytes("quick"));
    assert_eq!(shaping.arrived(CONN, begin + ms(49)), None);
    assert_eq!(shaping.next(), Some(begin + ms(50)));
    assert_eq!(shaping.arrived(CONN, begin + ms(50)), Some((bytes("slow"), false)));
    assert_eq!(shaping.arrived(CONN, begin + ms(50)), Some((bytes("quick"), false)));
    shaping.set(Conditions::default());
    assert!(shaping.is_over());
}

#[test]
fn the_queue_is_bounded_and_the_socket_is_read_again_when_it_has_room() {
    let mut shaping = shaping(Conditions { latency_us: 1_000, ..Conditions::default() });
    let begin = Instant::now();
    shaping.open(CONN, peer().ip(), begin);
    let mut pieces = 0;
    while shaping.has_room(CONN) {
        shaping.came(CONN, begin, bytes("a"));
        pieces += 1;
    }
    assert!(pieces > 100 && pieces < WAITING_BYTES_MAX / 64 + 1, "also what small ones cost");
    assert_eq!(shaping.arrived(CONN, begin + ms(1)), Some((bytes("a"), true)));
    assert!(shaping.has_room(CONN));
    assert_eq!(shaping.arrived(CONN, begin + ms(1)), Some((bytes("a"), false)));
}

#[test]
fn a_rate_is_shared_by_turns() {
    let rate = Some(20_000);
    let mut shaping = shaping(Conditions { node_rate_bytes_s: rate, ..Conditions::default() });
    let begin = Instant::now();
    let all = [1, 2, 3].map(|n| ConnId(2 * n));
    all.iter().for_each(|&id| shaping.open(id, peer().ip(), begin));
    let (mut now, mut order) = (begin, Vec::new());
    let mut waiting: Vec<ConnId> = all.to_vec();
    for _ in 0..9 {
        // Everybody always has more.
        for id in std::mem::take(&mut waiting) {
            let portion = shaping.portion(id, now, Way::In);
            if portion > 0 {
                assert_eq!(portion, 1_000, "a twentieth of a second");
                shaping.charge(id, now, Way::In, portion);
                order.push(id);
            }
        }
        assert_eq!(order.last().map(|&id| shaping.portion(id, now, Way::In)), Some(0));
        now = shaping.next().unwrap();
        waiting.extend(std::iter::from_fn(|| shaping.rang(now)));
    }
    assert_eq!(order, [all, all, all].concat());
    assert_eq!(now - begin, ms(450));
    assert!(shaping.portion(all[0], begin, Way::Out) > 0, "the other direction has its own");
}

#[test]
fn datagrams_are_lost_late_or_kept_out() {
    let from = peer();
    let begin = Instant::now();
    let mut open = shaping(Conditions { datagram_loss: 1.0, ..Conditions::default() });
    assert!((0..100).all(|_| !open.datagram_came(from, b"x", begin)));
    open.set(Conditions { datagram_loss: 0.5, ..Conditions::default() });
    let came = (0..1_000).filter(|_| open.datagram_came(from, b"x", begin)).count();
    assert!((400..600).contains(&came), "{came}");
    assert_eq!(open.datagram_arrived(begin + ms(60_000)), None);

    let mut late = shaping(Conditions { latency_us: 2_000, ..Conditions::default() });
    let flood = (0..20_000).filter(|_| !late.datagram_came(from, &[7; 100], begin)).count();
    assert_eq!((flood, late.datagram_arrived(begin + ms(1))), (20_000, None));
    let arrived = std::iter::from_fn(|| late.datagram_arrived(begin + ms(2))).count();
    assert!((1_000..10_000).contains(&arrived), "under way are so many at most: {arrived}");

    let mut walled = shaping(Conditions { firewalled: true, ..Conditions::default() });
    assert!(!walled.datagram_came(from, b"x", begin));
    assert!(!walled.accept(CONN, from, from, begin));
    assert!(walled.may_leave(from.ip(), begin));
    assert!(walled.datagram_came(from, b"x", begin + ms(59_999)));
    assert!(!walled.datagram_came(from, b"x", begin + ms(60_000)), "the hole has closed");

    let silent = vec![network("127.1.0.0/16")];
    let mut silent = shaping(Conditions { silent, ..Conditions::default() });
    assert!(!silent.datagram_came(from, b"x", begin) && !silent.may_leave(from.ip(), begin));
    assert!(silent.may_leave("127.2.0.0".parse().unwrap(), begin));
}

#[cfg(feature = "api")]
#[test]
fn conditions_are_read_with_their_units() {
    let text = r#"{"latency_us": 20000, "latencies": [{"network": "127.1.0.0/16", "latency_us": 5}],
        "silent": ["127.0.0.9"], "datagram_loss": 0.25}"#;
    let conditions: Conditions = serde_json::from_str(text).unwrap();
    assert_eq!(conditions.latencies[0].network, network("127.1.0.0/16"));
    assert_eq!(conditions.check(), Ok(()));
    let again = serde_json::to_string(&conditions).unwrap();
    assert_eq!(serde_json::from_str::<Conditions>(&again).unwrap(), conditions);
    assert!(serde_json::from_str::<Conditions>(r#"{"latency_ms": 1}"#).is_err());
}

#[test]
fn senseless_conditions_and_those_outside_of_laboratories_are_refused() {
    for wrong in [
        Conditions { latency_us: 60_000_001, ..Conditions::default() },
        Conditions { rate_bytes_s: Some(0), ..Conditions::default() },
        Conditions { datagram_loss: f64::NAN, ..Conditions::default() },
        Conditions { silent: vec![network("::1"); 2_001], ..Conditions::default() },
    ] {
        assert!(matches!(wrong.check(), Err(ConditionsError::Senseless(_))), "{wrong:?}");
    }
    let is = |listen: &str, local| is_laboratory(listen.parse().unwrap(), local);
    assert!(is("127.9.9.9", false) && is("::1", false) && is("10.1.1.1", true));
    assert!(!is("10.1.1.1", false) && !is("0.0.0.0", true) && !is("192.0.2.1", true));
}

// Whole servents.

impl Running {
    fn set(&self, conditions: Conditions) {
        smol::block_on(self.handle.set_conditions(conditions)).unwrap();
    }
}

fn everybody_silent() -> Conditions {
    Conditions { silent: vec![network("127.0.0.0/8")], ..Conditions::default() }
}

/// A Ping that only its receiver answers.
fn ping(number: u8) -> Vec<u8> {
    let mut ping = vec![number; 16];
    ping.extend_from_slice(&[0, 1, 0, 0, 0, 0, 0]);
    ping
}

fn hears_nothing(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(A_WHILE)).unwrap();
    let error = stream.read(&mut [0; 1]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    stream.set_read_timeout(Some(ms(30_000))).unwrap();
}

/// Reads until the pong with this GUID has come.
fn read_pong(stream: &mut TcpStream, number: u8) {
    let mut head = [0; 23];
    loop {
        stream.read_exact(&mut head).unwrap();
        let len = u32::from_le_bytes([head[19], head[20], head[21], head[22]]);
        stream.read_exact(&mut vec![0; len as usize]).unwrap();
        if head[..16] == [number; 16] && head[16] == 1 {
            return;
        }
    }
}

fn answers_datagrams(servent: &Running) -> bool {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(A_WHILE)).unwrap();
    socket.send_to(&ping(9), servent.handle.listen()).unwrap();
    socket.recv_from(&mut [0; 1_024]).is_ok()
}

#[test]
fn an_answer_takes_as_long_as_the_link_is() {
    let servent = Running::start(&[]);
    servent.set(Conditions { latency_us: 150_000, ..Conditions::default() });
    let begin = Instant::now();
    let mut link = raw_link(servent.handle.listen());
    let greeted = Instant::now();
    assert!(greeted - begin >= ms(150), "the greeting arrived too early");
    for number in 1..4 {
        link.write_all(&ping(number)).unwrap();
    }
    (1..4).for_each(|number| read_pong(&mut link, number));
    assert!(greeted.elapsed() >= ms(150), "a ping arrived too early");
    servent.set(Conditions::default());
    link.write_all(&ping(4)).unwrap();
    read_pong(&mut link, 4);
    replays(&servent.stop().path().join("record"));
}

#[test]
fn a_file_comes_at_the_rate_of_the_link_and_whole() {
    let bytes = content(300_000);
    let sharer = Running::start(&[("slow.bin", &bytes)]);
    let searcher = Running::start(&[]);
    sharer.shares_hashed(1);
    searcher.connect(&sharer);
    let hit = searcher.search("slow");
    let rated =
        Conditions { rate_bytes_s: Some(400_000), latency_us: 20_000, ..Conditions::default() };
    searcher.set(rated);
    let begin = Instant::now();
    let done = searcher.download(request_for(&hit));
    assert_eq!(done.state, DownloadState::Done);
    assert!(begin.elapsed() >= ms(500), "300 kB took {:?}", begin.elapsed());
    // And at that of the other side.
    searcher.set(Conditions::default());
    let upload = Conditions { node_rate_bytes_s: Some(400_000), ..Conditions::default() };
    sharer.set(upload);
    let begin = Instant::now();
    let mut stream = raw(sharer.handle.listen());
    write!(stream, "GET /get/1/slow.bin HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 200"));
    let mut got = vec![0; bytes.len()];
    stream.read_exact(&mut got).unwrap();
    assert!(got == bytes && begin.elapsed() >= ms(500), "{:?}", begin.elapsed());
    for servent in [searcher, sharer] {
        replays(&servent.stop().path().join("record"));
    }
}

#[test]
fn nothing_gets_through_to_a_silent_network_and_all_follows_when_it_ends() {
    let servent = Running::start(&[]);
    let mut link = raw_link(servent.handle.listen());
    link.write_all(&ping(1)).unwrap();
    read_pong(&mut link, 1);
    assert!(answers_datagrams(&servent));

    servent.set(everybody_silent());
    link.write_all(&ping(2)).unwrap();
    hears_nothing(&mut link);
    assert!(!answers_datagrams(&servent));
    #[cfg(target_os = "linux")]
    {
        let error = TcpStream::connect_timeout(&servent.handle.listen(), A_WHILE).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    }

    servent.set(Conditions::default());
    read_pong(&mut link, 2);
    drop(raw_link(servent.handle.listen()));
    assert!(answers_datagrams(&servent));
    replays(&servent.stop().path().join("record"));
}

#[test]
fn a_connection_to_a_silent_host_hangs_until_it_times_out_or_is_let_through() {
    let servent = Running::start_with(&[], |setup| setup.config.connect_timeout_s = 2);
    let other = Running::start(&[]);
    let at = other.handle.listen();
    let connect = || servent.tell(Command::Connect { host: at.ip().to_string(), port: at.port() });
    let mut events = servent.handle.events();
    servent.set(everybody_silent());
    let begin = Instant::now();
    connect();
    wait_for(&mut events, |event| matches!(event, Event::LinkDown { .. }).then_some(()));
    assert!(begin.elapsed() >= ms(2_000), "{:?}", begin.elapsed());
    assert!(smol::block_on(other.handle.view()).unwrap().neighbours.is_empty());
    connect();
    servent.set(Conditions::default());
    wait_for(&mut events, |event| matches!(event, Event::LinkUp { .. }).then_some(()));
    servent.stop();
    other.stop();
}

#[test]
fn behind_a_firewall_one_can_only_call_out() {
    let servent = Running::start(&[]);
    let other = Running::start(&[]);
    let mut link = raw_link(servent.handle.listen());
    servent.set(Conditions { firewalled: true, ..Conditions::default() });
    #[cfg(target_os = "linux")]
    {
        let error = TcpStream::connect_timeout(&servent.handle.listen(), A_WHILE).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    }
    assert!(!answers_datagrams(&servent));
    link.write_all(&ping(1)).unwrap();
    read_pong(&mut link, 1);
    servent.connect(&other);
    servent.stop();
    other.stop();
}

#[test]
fn a_servent_of_the_public_network_keeps_its_links() {
    let servent = Running::start_with(&[], |setup| {
        setup.config.listen = "0.0.0.0:0".parse().unwrap();
    });
    let refused = smol::block_on(servent.handle.set_conditions(Conditions::default()));
    let listen = servent.handle.listen();
    assert_eq!(refused, Err(ConditionsError::NoLaboratory { listen }));
    servent.stop();
}
