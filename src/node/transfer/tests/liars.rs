//! Sources that lie: wrong bytes are never published, and the liar is found.

use super::rope::*;
use crate::node::io::{DownloadRequest, DownloadState};
use crate::node::{Config, Why};
use crate::wire::Sha1;

fn flipped(file: &[u8]) -> Vec<u8> {
    file.iter().map(|byte| byte ^ 1).collect()
}

#[test]
fn row_14_a_liar_by_itself_is_left_for_ever_and_nothing_is_published() {
    let file = content(9_000, 1);
    let wrong = flipped(&file);
    let mut rope = Rope::new(1);
    let liar = rope.scripted(move |request, _| Reaction::honest(&wrong, request));
    let taker = rope.servent(config(), &[]);
    rope.download(taker, request(&file, &[liar]));
    rope.run_s(1_000);
    let found = vec![source(liar)];
    rope.call(taker, |t, now, _, out| {
        t.add_sources(now, crate::node::io::DownloadId(1), found, out)
    });
    rope.run_s(1_000);
    assert_eq!(rope.requests(liar), 1);
    assert_eq!(rope.state(taker), DownloadState::Searching);
    assert_eq!(rope.trouble_of(taker, liar), Some(Why::WrongBytes));
    assert_eq!(rope.count(taker, Why::WrongBytes), 1);
    assert_eq!((rope.at(taker).published.len(), rope.at(taker).forgotten), (0, 1));
}

#[test]
fn row_14_a_liar_among_others_is_found() {
    let file = content(60_000, 1);
    for seed in 0..20 {
        let mut rope = Rope::new(seed);
        let wrong = flipped(&file);
        let mut ends = vec![rope.scripted(move |request, _| Reaction::honest(&wrong, request))];
        for _ in 0..seed % 3 + 1 {
            let whole = file.clone();
            ends.push(rope.scripted(move |request, _| Reaction::honest(&whole, request)));
        }
        let taker = rope.servent(config(), &[]);
        rope.download(taker, request(&file, &ends));
        rope.run_s(200);
        rope.assert_published(taker, &file, DownloadState::Done);
        let wrongs = rope.count(taker, Why::WrongBytes);
        assert!((1..=2).contains(&wrongs), "{wrongs}");
        assert_eq!(rope.at(taker).forgotten as u64, wrongs);
    }
}

#[test]
fn row_14_when_all_lie_it_ends() {
    let file = content(60_000, 1);
    let mut rope = Rope::new(3);
    let mut ends = Vec::new();
    for _ in 0..8 {
        let wrong = flipped(&file);
        ends.push(rope.scripted(move |request, _| Reaction::honest(&wrong, request)));
    }
    let taker = rope.servent(Config { wrong_hashes_max: 4, ..config() }, &[]);
    rope.download(taker, request(&file, &ends));
    rope.run_s(200);
    let progress = rope.progress(taker);
    assert_eq!((progress.state, progress.trouble), (DownloadState::Failed, Some(Why::WrongBytes)));
    assert_eq!(rope.count(taker, Why::WrongBytes), 4);
    assert!(rope.at(taker).published.is_empty());
}

#[test]
fn wrong_bytes_of_an_earlier_run_are_nobodys_fault() {
    let file = content(9_000, 1);
    let mut rope = Rope::new(1);
    let giver = rope.servent(config(), &[("song.ogg", &file)]);
    let taker = rope.servent(config(), &[]);
    rope.at(taker).earlier = std::iter::once(0..5_000).collect();
    rope.download(taker, request(&file, &[giver]));
    rope.run_s(10);
    rope.assert_published(taker, &file, DownloadState::Done);
    assert_eq!(rope.count(taker, Why::WrongBytes), 1);
}

#[test]
fn row_14_lies_about_ranges_and_names_do_not_disturb() {
    let file = content(9_000, 1);
    let other = Sha1([7; 20]);
    let lies = [
        ("HTTP/1.1 206 OK\r\nContent-Range: bytes 1-8999/9000".to_owned(), None),
        ("HTTP/1.1 206 OK\r\nContent-Range: bytes 0-9000/9000".to_owned(), None),
        ("HTTP/1.1 206 OK\r\nContent-Range: bytes 0-99/100".to_owned(), Some(Why::OtherFile)),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1".to_owned(), Some(Why::OtherFile)),
        (
            format!(
                "HTTP/1.1 200 OK\r\nContent-Length: 9000\r\nX-Gnutella-Content-URN: urn:sha1:{other}"
            ),
            Some(Why::OtherFile),
        ),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked".to_owned(), Some(Why::BadResponse)),
        ("HTTP/1.1 404 Not Found".to_owned(), Some(Why::NoSuchFile)),
        ("GNUTELLA/0.6 200 OK".to_owned(), Some(Why::BadResponse)),
        (format!("HTTP/1.1 200 OK\r\nA: {}", "a".repeat(20_000)), Some(Why::BadResponse)),
    ];
    for (seed, (lie, trouble)) in lies.into_iter().enumerate() {
        let mut rope = Rope::new(seed as u64);
        let wrong = flipped(&file);
        let liar = rope.scripted(move |_, _| Reaction::new(&lie, &wrong));
        let giver = rope.servent(config(), &[("song.ogg", &file)]);
        let config = Config { active_sources_per_download_max: 1, ..config() };
        let taker = rope.servent(config, &[]);
        rope.download(taker, request(&file, &[liar, giver]));
        rope.run_s(100);
        // The first lie may be of a range inside what was asked for: then its bytes are wrong.
        rope.assert_published(taker, &file, DownloadState::Done);
        if trouble.is_some() {
            assert_eq!(rope.trouble_of(taker, liar), trouble);
        }
    }
}

#[test]
fn a_lie_about_an_unknown_size_does_not_last() {
    let file = content(9_000, 1);
    for lie in [100, 20_000] {
        let mut rope = Rope::new(2);
        let wrong = content(lie, 2);
        let liar = rope.scripted(move |request, _| Reaction::honest(&wrong, request));
        let giver = rope.servent(config(), &[("song.ogg", &file)]);
        let taker = rope.servent(config(), &[]);
        rope.download(taker, DownloadRequest { size: None, ..request(&file, &[liar, giver]) });
        rope.run_s(300);
        rope.assert_published(taker, &file, DownloadState::Done);
    }
}

#[test]
fn a_source_cannot_tear_a_file_into_too_many_pieces() {
    let file = content(30_000, 1);
    let whole = file.clone();
    let mut rope = Rope::new(1);
    // Always one byte from the middle of what was asked for.
    let tearer = rope.scripted(move |request, _| {
        let range = request.range().unwrap().resolve(30_000).unwrap();
        let middle = (range.start + (range.end - range.start) / 2) as usize;
        Reaction::part(&whole, middle..middle + 1)
    });
    let taker = rope
        .servent(Config { pieces_per_download_max: 20, source_failures_max: 2, ..config() }, &[]);
    rope.download(taker, request(&file, &[tearer]));
    rope.run_s(300);
    assert!(rope.requests(tearer) < 60, "{}", rope.requests(tearer));
    assert!(rope.count(taker, Why::TableFull) > 0);
}
