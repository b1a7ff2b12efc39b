//! Crowds that open connections and are slow (row 19): good peers must come in nonetheless.

use filbert::node::{Config, ConnId, Input};
use filbert::wire::Headers;
use filbert::wire::handshake::Block;

use crate::victim::{Victim, config, stranger};

/// A good peer shakes hands, another takes a file: both at once, whoever else is there.
fn good_peers_are_served(victim: &mut Victim, number: u32) {
    let good = victim.neighbour(stranger(number), Headers::new());
    let client = victim.accept(stranger(number + 1));
    let ask = b"GET /get/1/shared.txt HTTP/1.1\r\nConnection: close\r\n\r\n";
    victim.say(client, ask);
    let answer = victim.sent.remove(&client).unwrap_or_default();
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    for conn in [good, client] {
        if !victim.closed.contains(&conn) {
            let cause = filbert::node::io::CloseCause::PeerClosed;
            victim.give(Input::Closed { conn, cause });
        }
    }
}

/// Ten thousand, from as many addresses as need be, that say these bytes, one in ten seconds.
fn crowd(first: &[u8], drip: &[u8]) {
    let limits = config();
    let mut victim = Victim::new(config());
    victim.share(&["shared.txt"]);
    let mut members: Vec<ConnId> = Vec::new();
    for number in 0..10_000u32 {
        let conn = victim.accept(stranger(number / 16));
        if !first.is_empty() && !victim.closed.contains(&conn) {
            victim.say(conn, first);
        }
        members.push(conn);
        assert!(victim.view().connections <= limits.connections_max);
        if number % 1_000 == 999 {
            good_peers_are_served(&mut victim, 1_000_000 + number);
        }
    }
    for &byte in drip {
        victim.pass(10);
        members.retain(|conn| !victim.closed.contains(conn));
        for &conn in &members {
            if !victim.closed.contains(&conn) {
                victim.give(Input::Received { conn, data: &[byte] });
            }
        }
        good_peers_are_served(&mut victim, 2_000_000);
    }
    victim.pass(u64::from(limits.keep_alive_s.max(limits.handshake_timeout_s)));
    assert_eq!(victim.view().connections, 0, "all were closed in time");
}

#[test]
fn row_19_a_crowd_that_says_nothing() {
    crowd(b"", b"");
}

#[test]
fn row_19_a_crowd_that_greets_a_byte_at_a_time() {
    crowd(b"GNU", b"TELLA CONNECT/0.6");
}

#[test]
fn row_19_a_crowd_that_asks_a_byte_at_a_time() {
    crowd(b"GET ", b"/get/1/shared.txt HTTP/1.1");
}

#[test]
fn row_19_a_crowd_that_greets_and_then_stalls_takes_no_slots() {
    crowd(&Block::request(Headers::new()).to_bytes(), b"GNUTELLA/0.6 200 OK");
}

#[test]
fn row_19_a_crowd_of_idle_clients() {
    crowd(b"GET /nothing HTTP/1.1\r\n\r\n", b"GET /");
}

#[test]
fn row_19_one_address_has_its_share_of_connections_and_no_more() {
    let mut victim = Victim::new(Config { connections_per_address_max: 3, ..config() });
    let all: Vec<ConnId> = (0..10).map(|_| victim.accept(stranger(1))).collect();
    let open = all.iter().filter(|conn| !victim.closed.contains(conn)).count();
    assert_eq!(open, 3);
    victim.accept(stranger(2));
    assert_eq!(victim.view().connections, 4);
}

#[test]
fn row_19_those_who_do_not_read_our_last_words_make_room_nonetheless() {
    let limits = Config { connections_max: 30, unknown_connections_max: 10, ..config() };
    for says in [Block::request(Headers::new()).to_bytes(), b"GET / HTTP/1.1\r\n\r\n".to_vec()] {
        let mut victim = Victim::new(limits.clone());
        for number in 0..200 {
            let conn = victim.accept(stranger(number));
            assert!(!victim.closed.contains(&conn), "{number} was not let in");
            assert!(victim.view().connections <= limits.connections_max);
            victim.deaf.insert(conn);
            victim.say(conn, &says);
        }
    }
}
