//! What a client gets that we did not write.

use super::rope::*;
use crate::node::{Config, ConnId, Why};

struct Client {
    rope: Rope,
    server: usize,
    client: usize,
    conn: ConnId,
}

impl Client {
    fn new(config: Config, files: &[(&str, &[u8])], seed: u64) -> Client {
        let mut rope = Rope::new(seed);
        let server = rope.servent(config, files);
        let client = rope.end(End::Mute(Vec::new()));
        let conn = rope.dial(client, server);
        Client { rope, server, client, conn }
    }

    fn say(&mut self, text: &str) -> String {
        self.rope.write(self.client, self.conn, text.as_bytes());
        self.rope.settle();
        String::from_utf8_lossy(&self.rope.heard(self.client)).into_owned()
    }

    fn ask(&mut self, line: &str) -> String {
        self.say(&format!("{line}\r\nHost: x\r\n\r\n"))
    }

    fn open(&self) -> bool {
        self.rope.is_open(self.client, self.conn)
    }

    fn count(&mut self, why: Why) -> u64 {
        self.rope.count(self.server, why)
    }
}

fn client(seed: u64) -> Client {
    Client::new(config(), &[("a b.txt", b"0123456789"), ("empty", b"")], seed)
}

fn code(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("nothing")
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

#[test]
fn by_name_and_by_hash_whole_and_in_parts() {
    let urn = format!("GET /uri-res/N2R?urn:sha1:{} HTTP/1.1", sha1_of(b"0123456789"));
    for seed in 0..4 {
        let mut client = client(seed);
        for (ask, code_wanted, body_wanted) in [
            ("GET /get/1/a%20b.txt HTTP/1.1", "200", "0123456789"),
            ("GET /get/1/a b.txt HTTP/1.1", "200", "0123456789"),
            (&urn, "200", "0123456789"),
            (&format!("{urn}\r\nRange: bytes=2-4"), "206", "234"),
            (&format!("{urn}\r\nRange: bytes=7-"), "206", "789"),
            (&format!("{urn}\r\nRange: bytes=7-999999999999999999999"), "206", "789"),
            (&format!("{urn}\r\nRange: bytes=-2"), "206", "89"),
            (&format!("{urn}\r\nRange: bytes=10-"), "416", ""),
            (&format!("{urn}\r\nRange: bytes=0-1,3-4"), "416", ""),
            ("HEAD /get/1/a%20b.txt HTTP/1.1", "200", ""),
            ("GET /get/2/empty HTTP/1.1", "200", ""),
            ("GET /get/1/b.txt HTTP/1.1", "404", ""),
            ("GET /get/2/a%20b.txt HTTP/1.1", "404", ""),
            ("GET /get/1/../a%20b.txt HTTP/1.1", "404", ""),
            ("GET /etc/passwd HTTP/1.1", "404", ""),
            (&urn, "200", "0123456789"),
        ] {
            let answer = client.ask(ask);
            assert_eq!((code(&answer), body(&answer)), (code_wanted, body_wanted), "{ask}");
            assert!(client.open(), "the connection is kept alive");
        }
        assert_eq!((client.count(Why::NoSuchFile), client.count(Why::BadRange)), (4, 2));
    }
}

#[test]
fn the_head_of_an_answer() {
    let mut client = client(1);
    let answer = client.ask("GET /get/1/a%20b.txt HTTP/1.1\r\nRange: bytes=2-4");
    let (head, _) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<&str> = head.lines().collect();
    assert_eq!(lines.remove(0), "HTTP/1.1 206 Partial Content");
    lines.sort_unstable();
    let urn = format!("X-Gnutella-Content-URN: urn:sha1:{}", sha1_of(b"0123456789"));
    let server = format!("Server: {}", Config::default().user_agent);
    assert_eq!(
        lines,
        [
            "Accept-Ranges: bytes",
            "Connection: keep-alive",
            "Content-Length: 3",
            "Content-Range: bytes 2-4/10",
            "Content-Type: application/octet-stream",
            &server,
            &urn,
        ]
    );
}

#[test]
fn who_does_not_keep_alive_is_closed_after_the_whole_answer() {
    for ask in
        ["GET /get/1/a%20b.txt HTTP/1.0", "GET /get/1/a%20b.txt HTTP/1.1\r\nConnection: close"]
    {
        let mut client = client(0);
        let answer = client.ask(ask);
        assert_eq!(body(&answer), "0123456789");
        assert!(!client.open());
    }
}

#[test]
fn what_is_not_a_request_for_us_is_refused() {
    for (ask, code_wanted) in [
        ("POST /get/1/a%20b.txt HTTP/1.1", "501"),
        ("GET /get/1/a%20b.txt HTTP/2.0", "505"),
        ("GET /get/1/a%20b.txt HTTP/1.1\r\nContent-Length: 5", "400"),
        ("GET /get/1/a%20b.txt HTTP/1.1\r\nRange: bytes=0-1\r\nRange: bytes=2-3", "400"),
        ("GET / HTTP/1.1", "406"),
        (&format!("GET / HTTP/1.1\r\nA: {}", "a".repeat(17_000)), "431"),
        (&format!("GET / HTTP/1.1{}", "\r\nA: a".repeat(200)), "431"),
    ] {
        let mut client = client(2);
        assert_eq!(code(&client.ask(ask)), code_wanted, "{ask}");
        assert!(!client.open());
        assert_eq!(client.count(Why::BadRequest), 1);
    }
}

#[test]
fn requests_that_come_together_are_answered_in_order() {
    for seed in 0..8 {
        let mut client = client(seed);
        let ask =
            |range: &str| format!("GET /get/1/a%20b.txt HTTP/1.1\r\nRange: bytes={range}\r\n\r\n");
        let answers = client.say(&[ask("0-2"), ask("5-6"), ask("99-"), ask("3-3")].concat());
        let bodies: Vec<&str> = answers.split("HTTP/1.1 ").skip(1).map(body).collect();
        assert_eq!(bodies, ["012", "56", "", "3"]);
    }
}

#[test]
fn one_who_asks_on_and_on_without_reading_is_closed() {
    let big = content(100_000, 1);
    let mut client = Client::new(config(), &[("big", &big)], 2);
    let (server, conn) = (client.server, ConnId::accepted(1));
    client.rope.settle();
    let ask = b"GET /get/1/big HTTP/1.1\r\n\r\n";
    for _ in 0..2_000 {
        // Never `sent`, never `carried`.
        client.rope.call(server, |t, now, library, out| {
            if t.view().uploads.len() < 2 && t.owns(conn) {
                t.received(now, conn, ask, library, out);
                out.actions.retain(|a| matches!(a, crate::node::Action::Close { .. }));
            }
        });
    }
    client.rope.settle();
    assert!(!client.open());
    assert_eq!(client.count(Why::BadRequest), 1);
}

#[test]
fn slots_are_limited_and_a_busy_answer_says_when_to_come_back() {
    let big = content(50_000, 1);
    let mut client = Client::new(Config { upload_slots: 1, ..config() }, &[("big", &big)], 0);
    let (server, other) = (client.server, client.rope.end(End::Mute(Vec::new())));
    client.rope.settle();
    // The first has the slot as long as its body is not gone.
    client.rope.call(server, |t, now, library, out| {
        let ask = b"GET /get/1/big HTTP/1.1\r\n\r\n";
        t.received(now, ConnId::accepted(1), ask, library, out);
        out.actions.clear();
        assert_eq!(t.view().uploads.len(), 1);
    });
    let conn = client.rope.dial(other, server);
    client.rope.write(other, conn, b"GET /get/1/big HTTP/1.1\r\n\r\n");
    client.rope.settle();
    let answer = String::from_utf8(client.rope.heard(other)).unwrap();
    assert_eq!(code(&answer), "503");
    assert!(answer.contains("\r\nRetry-After: 30\r\n"), "{answer}");
    assert_eq!(client.count(Why::NoUploadSlot), 1);
    assert!(!client.rope.is_open(other, conn));
}

#[test]
fn silence_and_slowness_have_an_end() {
    // A head that never ends.
    let mut slow = client(1);
    slow.say("GET /get/1/a");
    slow.rope.run_s(19);
    assert!(slow.open());
    slow.rope.run_s(2);
    assert!(!slow.open());
    assert_eq!(slow.count(Why::TooSlow), 1);
    // A connection kept alive for nothing.
    let mut idle = client(1);
    idle.ask("GET /get/1/a%20b.txt HTTP/1.1");
    idle.rope.run_s(59);
    assert!(idle.open());
    idle.rope.run_s(2);
    assert!(!idle.open());
    assert_eq!(idle.count(Why::Idle), 1);
    // A second head that never ends, on a connection that was kept alive.
    let mut late = client(1);
    late.ask("GET /get/1/a%20b.txt HTTP/1.1");
    late.rope.run_s(50);
    late.say("GET ");
    late.rope.run_s(19);
    assert!(late.open());
    late.rope.run_s(2);
    assert!(!late.open());
}

#[test]
fn a_view_shows_what_is_being_sent() {
    let big = content(50_000, 1);
    let mut client = Client::new(config(), &[("big", &big)], 0);
    client.rope.settle();
    let server = client.server;
    client.rope.call(server, |t, now, library, out| {
        let ask = b"GET /get/1/big HTTP/1.1\r\nRange: bytes=0-9999\r\n\r\n";
        t.received(now, ConnId::accepted(1), ask, library, out);
        t.carried(now, ConnId::accepted(1), 4_000, library, out);
        out.actions.clear();
        let view = t.view().uploads;
        assert_eq!((view[0].name.as_str(), view[0].sent, view[0].of), ("big", 4_000, 10_000));
    });
}
