//! Browse host, both ways.

use std::collections::BTreeSet;

use super::rope::*;
use crate::node::io::{SearchEnd, SearchId};
use crate::node::transfer::Wish;
use crate::node::{Config, ConnId, Why};
use crate::wire::{Guid, Kind, QueryHit, frame};

fn shared(count: usize) -> Vec<(String, Vec<u8>)> {
    (0..count).map(|n| (format!("song number {n}.ogg"), n.to_string().into_bytes())).collect()
}

/// Names of what was found, and how it ended.
fn found(rope: &mut Rope, end: usize) -> (BTreeSet<String>, usize, Vec<SearchEnd>) {
    let (mut names, mut hits, mut ends) = (BTreeSet::new(), 0, Vec::new());
    for (_, wish) in &rope.at(end).wishes {
        match wish {
            Wish::BrowseHit { payload, from, .. } => {
                let hit = QueryHit::decode(payload).expect("a hit");
                assert_eq!((hit.servent, hit.address), (guid(0), *from));
                assert!(hit.results.iter().all(|result| result.sha1.is_some()));
                names.extend(hit.results.iter().map(|result| result.name.to_owned()));
                hits += 1;
            }
            Wish::BrowseEnded { search, end } => {
                assert_eq!(*search, SearchId(1));
                ends.push(*end);
            }
            other => panic!("{other:?}"),
        }
    }
    (names, hits, ends)
}

#[test]
fn all_that_is_shared_is_shown() {
    for (seed, count) in [(0, 0), (1, 1), (2, 64), (3, 65), (4, 300), (5, 3_000), (7, 1_000)] {
        let files = shared(count);
        let files: Vec<(&str, &[u8])> = files.iter().map(|(n, b)| (n.as_str(), &b[..])).collect();
        let mut rope = Rope::new(seed);
        let host = rope.servent(Config { send_window_bytes: 2_000, ..config() }, &files);
        let asker = rope.servent(config(), &[]);
        rope.browse(asker, host);
        rope.settle();
        let (names, hits, ends) = found(&mut rope, asker);
        assert_eq!((names.len(), ends), (count, vec![SearchEnd::Enough]), "{count} files");
        assert!(hits >= count.div_ceil(10));
    }
}

fn packets(count: u32) -> Vec<u8> {
    let mut out = Vec::new();
    for index in 0..count {
        let name = format!("song {index}");
        let record = crate::wire::Record {
            sha1: Some(sha1_of(b"")),
            ..crate::wire::Record::new(index, 1, &name)
        };
        let hit = QueryHit::new(address(0), guid(0), vec![record]);
        frame::write(&mut out, Guid([3; 16]), Kind::PING, 1, 0, b"");
        frame::write_with(&mut out, Guid([3; 16]), Kind::QUERY_HIT, 1, 0, |out| hit.encode(out));
    }
    out
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/x-gnutella-packets";

#[test]
fn other_servents_frame_the_answer_in_their_own_ways() {
    let body = packets(30);
    let length = format!("{OK}\r\nContent-Length: {}", body.len());
    for seed in 0..8 {
        for (head, close) in [(length.as_str(), false), (OK, true)] {
            let mut rope = Rope::new(seed);
            let (head, body) = (head.to_owned(), body.clone());
            let host = rope.scripted(move |_, _| {
                let reaction = Reaction::new(&head, &body);
                if close { reaction.then_close() } else { reaction }
            });
            let asker = rope.servent(config(), &[]);
            rope.browse(asker, host);
            rope.settle();
            let (names, _, ends) = found(&mut rope, asker);
            assert_eq!((names.len(), ends), (30, vec![SearchEnd::Enough]));
        }
    }
}

#[test]
fn answers_that_are_none() {
    let cut = packets(3);
    let cut = &cut[..cut.len() - 1];
    let bomb = {
        let mut deflate = flate2::Compress::new(flate2::Compression::best(), true);
        let mut out = Vec::with_capacity(100_000);
        let zeros = vec![0; 20_000_000];
        deflate.compress_vec(&zeros, &mut out, flate2::FlushCompress::Finish).unwrap();
        out
    };
    let mut huge = packets(1);
    huge[crate::wire::HEADER_LEN + frame::LEN_AT + 2] = 0xFF;
    for (head, body, why) in [
        ("HTTP/1.1 429 Cannot Browse Too Often".to_owned(), &b""[..], Why::Refused),
        ("HTTP/1.1 200 OK\r\nContent-Type: text/html".to_owned(), b"hi", Why::BadResponse),
        (OK.to_owned(), cut, Why::ClosedByPeer),
        (OK.to_owned(), &huge, Why::TooLarge),
        (format!("{OK}\r\nContent-Encoding: deflate"), b"garbage", Why::BadDeflate),
        (format!("{OK}\r\nContent-Encoding: deflate"), &bomb, Why::BadDeflate),
        (format!("{OK}\r\nContent-Encoding: br"), b"", Why::BadResponse),
        (format!("{OK}\r\nTransfer-Encoding: chunked"), b"x\r\n", Why::BadResponse),
        (format!("{OK}\r\nTransfer-Encoding: chunked"), b"fffffffff\r\n", Why::TooLarge),
    ] {
        let mut rope = Rope::new(3);
        let (body, name) = (body.to_vec(), head.clone());
        let host = rope.scripted(move |_, _| Reaction::new(&head, &body).then_close());
        let asker = rope.servent(config(), &[]);
        rope.browse(asker, host);
        rope.settle();
        let (_, _, ends) = found(&mut rope, asker);
        assert_eq!(ends, [SearchEnd::Unreachable], "{name}");
        let counts: Vec<(Why, u64)> = rope.at(asker).out.counts.nonzero().collect();
        assert_eq!(counts, [(why, 1)], "{name}");
    }
}

#[test]
fn a_host_that_cannot_be_reached_or_says_nothing_ends_the_browse() {
    let mut rope = Rope::new(1);
    let host = rope.end(End::Unreachable);
    let asker = rope.servent(config(), &[]);
    rope.browse(asker, host);
    rope.settle();
    assert_eq!(found(&mut rope, asker).2, [SearchEnd::Unreachable]);
    let mut rope = Rope::new(1);
    let host = rope.end(End::Mute(Vec::new()));
    let asker = rope.servent(config(), &[]);
    rope.browse(asker, host);
    rope.run_s(61);
    assert_eq!(found(&mut rope, asker).2, [SearchEnd::TimedOut]);
}

#[test]
fn a_browse_can_be_stopped() {
    let mut rope = Rope::new(1);
    let host = rope.end(End::Mute(Vec::new()));
    let asker = rope.servent(config(), &[]);
    rope.browse(asker, host);
    rope.settle();
    rope.call(asker, |t, now, _, out| t.stop_browse(now, SearchId(1), out));
    rope.run_s(100);
    assert_eq!(found(&mut rope, asker).2, [SearchEnd::Stopped]);
    assert!(rope.at(asker).transfers.deadline().is_none());
}

const BROWSE: &[u8] = b"GET / HTTP/1.1\r\nAccept: application/x-gnutella-packets\r\n\r\n";

#[test]
fn one_address_may_not_browse_all_the_time() {
    let mut rope = Rope::new(1);
    let host = rope.servent(config(), &[("song.ogg", b"la")]);
    let from = std::net::SocketAddr::from(([8, 8, 8, 8], 1_000));
    let mut codes = Vec::new();
    for nth in 0..5 {
        let conn = ConnId::accepted(100 + nth);
        rope.call(host, |t, now, library, out| {
            t.adopt(now, conn, from, out);
            t.received(now, conn, BROWSE, library, out);
            let crate::node::Action::Send { chunk, .. } = &out.actions[0] else { panic!() };
            codes.push(String::from_utf8_lossy(&chunk.bytes()[9..12]).into_owned());
            out.actions.clear();
        });
    }
    assert_eq!(codes, ["200", "200", "200", "429", "429"]);
    assert_eq!(rope.count(host, Why::Throttled), 2);
}

#[test]
fn a_shelf_is_shown_by_credit_and_never_at_once() {
    let files = shared(5_000);
    let files: Vec<(&str, &[u8])> = files.iter().map(|(n, b)| (n.as_str(), &b[..])).collect();
    let mut rope = Rope::new(1);
    let host = rope.servent(Config { send_window_bytes: 10_000, ..config() }, &files);
    let (mut outstanding, mut total) = (0, 0);
    let conn = ConnId::accepted(100);
    rope.call(host, |t, now, library, out| {
        t.adopt(now, conn, address(5), out);
        t.received(now, conn, BROWSE, library, out);
        loop {
            let sent: usize = (out.actions.drain(..))
                .map(|action| match action {
                    crate::node::Action::Send { chunk, .. } => chunk.len(),
                    other => panic!("{other:?}"),
                })
                .sum();
            (outstanding, total) = (outstanding + sent, total + sent);
            assert!(outstanding < 10_000 + 16_384, "{outstanding} bytes outstanding");
            if outstanding == 0 {
                break;
            }
            let len = outstanding.min(3_000);
            outstanding -= len;
            t.sent(now, conn, len as u32, library, out);
        }
    });
    assert!(total > 5_000 * 50);
}

#[test]
fn so_many_browse_at_once_and_others_wait() {
    let files = shared(500);
    let files: Vec<(&str, &[u8])> = files.iter().map(|(n, b)| (n.as_str(), &b[..])).collect();
    let mut rope = Rope::new(1);
    let config = Config { browses_max: 2, send_window_bytes: 500, ..config() };
    let host = rope.servent(config, &files);
    let mut codes = Vec::new();
    for nth in 0..3 {
        let conn = ConnId::accepted(100 + nth);
        rope.call(host, |t, now, library, out| {
            t.adopt(now, conn, address(5), out);
            t.received(now, conn, BROWSE, library, out);
            let crate::node::Action::Send { chunk, .. } = &out.actions[0] else { panic!() };
            codes.push(String::from_utf8_lossy(&chunk.bytes()[9..12]).into_owned());
            out.actions.clear();
        });
    }
    assert_eq!(codes, ["200", "200", "503"]);
}

#[test]
fn what_living_servents_answered_is_read() {
    const BLUE: &str = "blue moon symphony number five.ogg";
    const BROWN: &str = "brown fox jumping over lazy dog.txt";
    const PURPLE: &str = "purple haze guitar tabs collection.pdf";
    let answers: [(&[u8], &[&str]); 3] = [
        (
            include_bytes!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/golden/heads/gtk-gnutella_browse_deflate.acceptor.bin"
            )),
            &[BLUE, BROWN],
        ),
        (
            include_bytes!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/golden/sessions/browse_gtk-gnutella.acceptor.bin"
            )),
            &[BLUE, BROWN],
        ),
        (
            include_bytes!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/golden/sessions/browse_gnutellabun.acceptor.bin"
            )),
            &[PURPLE],
        ),
    ];
    for seed in 0..8 {
        for (answer, names) in answers {
            let mut rope = Rope::new(seed);
            let host = rope.scripted(move |_, _| Reaction { bytes: answer.to_vec(), close: true });
            let asker = rope.servent(config(), &[]);
            rope.browse(asker, host);
            rope.settle();
            let wishes: Vec<Wish> = rope.at(asker).wishes.iter().map(|(_, w)| w.clone()).collect();
            let [Wish::BrowseHit { payload, .. }, Wish::BrowseEnded { end, .. }] = &wishes[..]
            else {
                panic!("{wishes:?}");
            };
            let hit = QueryHit::decode(payload).unwrap();
            assert_eq!(hit.results.iter().map(|r| r.name).collect::<Vec<_>>(), names);
            assert_eq!(*end, SearchEnd::Enough);
        }
    }
}
