//! Who is told of whom: alternate locations in answers and requests.

use std::net::SocketAddr;

use super::rope::*;
use crate::node::Why;
use crate::node::io::DownloadState;
use crate::wire::http::Response;
use crate::wire::{Families, addresses, names};

/// A servent that got the file from `givers` and shares it now.
fn convert(rope: &mut Rope, file: &[u8], givers: &[usize]) -> usize {
    let convert = rope.servent(config(), &[]);
    rope.download(convert, request(file, givers));
    rope.run_s(60);
    rope.assert_published(convert, file, DownloadState::Done);
    let servent = rope.at(convert);
    (servent.library, servent.shared) = files(&[("song.ogg", file)]);
    convert
}

/// The alternate locations in the answer to this request of somebody.
fn told(rope: &mut Rope, by: usize, lines: &str) -> Vec<SocketAddr> {
    let asker = rope.end(End::Mute(Vec::new()));
    let conn = rope.dial(asker, by);
    rope.settle();
    let target = "GET /get/1/song.ogg HTTP/1.1\r\nRange: bytes=0-0\r\n";
    rope.write(asker, conn, format!("{target}{lines}\r\n").as_bytes());
    rope.settle();
    let heard = rope.heard(asker);
    let end = heard.windows(4).position(|at| at == b"\r\n\r\n").unwrap() + 4;
    let response = Response::parse(&heard[..end]).unwrap();
    assert_eq!(response.code, 206);
    rope.close(asker, conn, false);
    rope.settle();
    addresses::list(response.headers.list(names::X_ALT), 100)
}

#[test]
fn who_gave_the_right_bytes_is_named_to_the_next() {
    let file = content(60_000, 1);
    for seed in 0..4 {
        let mut rope = Rope::new(seed);
        let giver = rope.servent(config(), &[("song.ogg", &file)]);
        let convert = convert(&mut rope, &file, &[giver]);
        let taker = rope.servent(config(), &[]);
        rope.download(taker, request(&file, &[convert]));
        rope.settle();
        rope.assert_published(taker, &file, DownloadState::Done);
        let view = rope.at(taker).transfers.view();
        let sources: Vec<_> = view.downloads[0].sources.iter().map(|s| s.address).collect();
        assert_eq!(sources, [address(convert), address(giver)]);
        let hit = rope.at(convert).transfers.alternates(
            crate::node::Time::ZERO,
            &sha1_of(&file),
            Families::Ipv4,
        );
        assert_eq!(hit, [address(giver)]);
        assert_eq!(rope.at(giver).transfers.view().alternates, 0);
    }
}

#[test]
fn nobody_is_named_who_lied_or_gave_nothing() {
    let file = content(60_000, 1);
    let mut rope = Rope::new(3);
    let giver = rope.servent(config(), &[("song.ogg", &file)]);
    let liar = rope.scripted(move |request, _| Reaction::honest(&[7; 60_000], request));
    let without = rope.servent(config(), &[]);
    let absent = rope.end(End::Unreachable);
    let convert = convert(&mut rope, &file, &[liar, without, absent, giver]);
    assert_eq!(told(&mut rope, convert, ""), [address(giver)]);
    // Nor does the word of one who asks count.
    let lines = "X-Alt: 127.0.0.99:6346\r\n";
    assert_eq!(told(&mut rope, convert, lines), [address(giver)]);
}

#[test]
fn row_15_three_must_say_that_a_place_has_nothing() {
    let file = content(9_000, 1);
    let mut rope = Rope::new(3);
    let giver = rope.servent(config(), &[("song.ogg", &file)]);
    let convert = convert(&mut rope, &file, &[giver]);
    let lines = format!("X-NAlt: {}\r\n", address(giver));
    assert_eq!(told(&mut rope, convert, &lines), [address(giver)]);
    assert_eq!(told(&mut rope, convert, &lines), [address(giver)]);
    assert_eq!(told(&mut rope, convert, &lines), []);
}

#[test]
fn row_15_who_does_not_have_it_is_said_to_the_others() {
    let file = content(60_000, 1);
    let mut rope = Rope::new(3);
    let without = rope.servent(config(), &[]);
    let heard = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let (whole, says) = (file.clone(), heard.clone());
    let giver = rope.scripted(move |request, _| {
        let bad = request.headers.list(names::X_NALT);
        says.borrow_mut().extend(addresses::list(bad, 9));
        Reaction::honest(&whole, request)
    });
    let taker = rope.servent(config(), &[]);
    rope.download(taker, request(&file, &[without, giver]));
    rope.run_s(60);
    rope.assert_published(taker, &file, DownloadState::Done);
    assert!(heard.borrow().iter().all(|&bad| bad == address(without)), "{heard:?}");
    assert!(!heard.borrow().is_empty());
}

/// A source names a third with every answer, on port after port.
#[test]
fn row_15_forged_alternates_do_not_turn_a_download_against_a_third() {
    let file = content(60_000, 1);
    let mut rope = Rope::new(3);
    let whole = file.clone();
    let mut port = 0;
    let giver = rope.scripted(move |request, _| {
        let start = request.range().and_then(|spec| spec.resolve(60_000)).unwrap().start as usize;
        let mut answer = Reaction::part(&whole, start..(start + 100).min(60_000));
        let lines = (0..50).map(|_| {
            port += 1;
            format!("X-Alt: 198.51.200.7:{port},127.0.0.1,10.0.0.1:{port}\r\n")
        });
        let end = answer.bytes.windows(4).position(|at| at == b"\r\n\r\n").unwrap() + 2;
        let lines: String = lines.collect();
        answer.bytes.splice(end..end, lines.into_bytes());
        answer
    });
    let public = crate::node::Config { local_addresses: false, ..config() };
    let taker = rope.servent(public, &[]);
    rope.download(taker, request(&file, &[giver]));
    rope.run_s(3_600);
    rope.assert_published(taker, &file, DownloadState::Done);
    assert!(rope.requests(giver) >= 600);
    let dialled = |host: &str| {
        rope.trace().iter().filter(|did| did.contains("Connect") && did.contains(host)).count()
    };
    assert!((1..=20).contains(&dialled("198.51.200.7")), "{}", dialled("198.51.200.7"));
    assert_eq!(dialled("10.0.0.1"), 0);
    assert!(rope.count(taker, Why::TableFull) > 1_000);
}
