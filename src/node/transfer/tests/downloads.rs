//! Downloads from honest sources, and from those that have their troubles.

use std::time::Duration;

use super::rope::*;
use crate::node::io::{DiskFailure, DownloadId, DownloadRequest, DownloadState, Event};
use crate::node::transfer::Wish;
use crate::node::{Config, Time, Why};

#[test]
fn whatever_the_pieces_the_file_arrives() {
    let file = content(30_000, 1);
    for seed in 0..40 {
        let mut rope = Rope::new(seed);
        let giver = rope.servent(config(), &[("song.ogg", &file)]);
        let taker = rope.servent(config(), &[]);
        rope.download(taker, request(&file, &[giver]));
        rope.settle();
        rope.assert_published(taker, &file, DownloadState::Done);
        assert_eq!(rope.connects, 1);
        rope.run_s(200);
        assert_eq!(rope.at(taker).published.len(), 1);
    }
}

#[test]
fn the_same_seed_gives_the_same_actions() {
    let file = content(20_000, 1);
    let run = |seed| {
        let mut rope = Rope::new(seed);
        let givers = [0; 3].map(|_| rope.servent(config(), &[("song.ogg", &file)]));
        let taker = rope.servent(config(), &[]);
        rope.download(taker, request(&file, &givers));
        rope.run_s(10);
        rope.assert_published(taker, &file, DownloadState::Done);
        rope.trace().to_vec()
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(9));
}

#[test]
fn without_a_hash_it_is_asked_for_by_name_and_not_verified() {
    let file = content(5_000, 1);
    let mut rope = Rope::new(1);
    let giver = rope.servent(config(), &[("song.ogg", &file)]);
    let taker = rope.servent(config(), &[]);
    rope.download(taker, DownloadRequest { sha1: None, ..request(&file, &[giver]) });
    rope.settle();
    rope.assert_published(taker, &file, DownloadState::DoneUnverified);
}

#[test]
fn a_size_that_is_not_known_is_learnt() {
    for len in [0, 1, 5_000] {
        let file = content(len, 1);
        for seed in 0..4 {
            let mut rope = Rope::new(seed);
            let giver = rope.servent(config(), &[("song.ogg", &file)]);
            let taker = rope.servent(config(), &[]);
            rope.download(taker, DownloadRequest { size: None, ..request(&file, &[giver]) });
            rope.run_s(5);
            rope.assert_published(taker, &file, DownloadState::Done);
        }
    }
}

#[test]
fn an_empty_file_needs_nobody() {
    let mut rope = Rope::new(1);
    let taker = rope.servent(config(), &[]);
    rope.download(taker, request(&[], &[]));
    rope.settle();
    rope.assert_published(taker, &[], DownloadState::Done);
}

#[test]
fn short_answers_are_followed_by_the_rest_on_the_same_connection() {
    let file = content(50_000, 1);
    let whole = file.clone();
    let mut rope = Rope::new(3);
    let giver = rope.scripted(move |request, _| {
        let range = request.range().unwrap().resolve(50_000).unwrap();
        let start = range.start as usize;
        Reaction::part(&whole, start..(range.end as usize).min(start + 9_000))
    });
    let taker = rope.servent(config(), &[]);
    rope.download(taker, request(&file, &[giver]));
    rope.settle();
    rope.assert_published(taker, &file, DownloadState::Done);
    assert_eq!((rope.requests(giver), rope.connects), (6, 1));
}

#[test]
fn a_whole_file_is_an_answer_to_a_range_from_the_beginning() {
    let file = content(50_000, 1);
    for seed in 0..8 {
        let whole = file.clone();
        let mut rope = Rope::new(seed);
        let giver = rope.scripted(move |_, _| {
            Reaction::new("HTTP/1.0 200 OK\r\nContent-Length: 50000", &whole).then_close()
        });
        let taker = rope.servent(config(), &[]);
        rope.download(taker, request(&file, &[giver]));
        rope.settle();
        rope.assert_published(taker, &file, DownloadState::Done);
    }
}

#[test]
fn what_an_earlier_run_has_is_not_fetched_again() {
    let file = content(10_000, 1);
    let mut rope = Rope::new(2);
    let whole = file.clone();
    let giver = rope.scripted(move |request, _| Reaction::honest(&whole, request));
    let taker = rope.servent(config(), &[]);
    let servent = rope.at(taker);
    servent.earlier = vec![0..4_000, 6_000..9_000];
    let mut partial = file.clone();
    partial[4_000..6_000].fill(0);
    partial[9_000..].fill(0);
    servent.partial.insert(DownloadId(1), partial);
    rope.download(taker, request(&file, &[giver]));
    rope.settle();
    rope.assert_published(taker, &file, DownloadState::Done);
    assert_eq!(rope.requests(giver), 2);
}

#[test]
fn a_complete_partial_file_of_unknown_size_is_recognised() {
    let file = content(10_000, 1);
    let mut rope = Rope::new(2);
    let giver = rope.servent(config(), &[("song.ogg", &file)]);
    let taker = rope.servent(config(), &[]);
    rope.at(taker).earlier = std::iter::once(0..10_000).collect();
    rope.at(taker).partial.insert(DownloadId(1), file.clone());
    rope.download(taker, DownloadRequest { size: None, ..request(&file, &[giver]) });
    rope.settle();
    rope.assert_published(taker, &file, DownloadState::Done);
}

#[test]
fn a_close_in_the_middle_loses_nothing() {
    let file = content(40_000, 1);
    for seed in 0..8 {
        let whole = file.clone();
        let mut rope = Rope::new(seed);
        let giver = rope.scripted(move |request, nth| {
            let mut reaction = Reaction::honest(&whole, request);
            if nth < 3 {
                reaction.bytes.truncate(reaction.bytes.len() / 2);
                reaction.close = true;
            }
            reaction
        });
        let taker = rope.servent(config(), &[]);
        rope.download(taker, request(&file, &[giver]));
        rope.run_s(600);
        rope.assert_published(taker, &file, DownloadState::Done);
    }
}

#[test]
fn a_busy_source_is_left_alone_as_long_as_it_asks() {
    let file = content(4_000, 1);
    for (answer, wait_s) in [
        ("HTTP/1.1 503 Busy\r\nRetry-After: 45\r\nContent-Length: 0", 45),
        ("HTTP/1.1 429 Slowly\r\nContent-Length: 0", 30),
        ("HTTP/1.1 503 Busy\r\nRetry-After: 99999999999\r\nContent-Length: 0", 3_600),
    ] {
        let whole = file.clone();
        let mut rope = Rope::new(1);
        let giver = rope.scripted(move |request, nth| match nth {
            0 => Reaction::new(answer, b""),
            _ => Reaction::honest(&whole, request),
        });
        let taker = rope.servent(config(), &[]);
        rope.download(taker, request(&file, &[giver]));
        rope.run_s(wait_s - 1);
        assert_eq!(rope.state(taker), DownloadState::Waiting);
        assert_eq!(rope.trouble_of(taker, giver), Some(Why::NoUploadSlot));
        assert_eq!(rope.requests(giver), 1);
        rope.run_s(2);
        rope.assert_published(taker, &file, DownloadState::Done);
    }
}

#[test]
fn a_stalled_source_is_left_for_another() {
    let file = content(9_000, 1);
    for dripped in [0, 5] {
        let whole = file.clone();
        let mut rope = Rope::new(1);
        let staller = rope.scripted(move |request, _| {
            let mut reaction = Reaction::honest(&whole, request);
            let body = reaction.bytes.len() - 9_000;
            reaction.bytes.truncate(body + dripped);
            reaction
        });
        let giver = rope.servent(config(), &[("song.ogg", &file)]);
        let taker = rope.servent(Config { active_sources_per_download_max: 1, ..config() }, &[]);
        rope.download(taker, DownloadRequest { size: None, ..request(&file, &[staller, giver]) });
        rope.run_s(19);
        assert!(rope.at(taker).published.is_empty());
        rope.run_s(22);
        rope.assert_published(taker, &file, DownloadState::Done);
        assert_eq!(rope.count(taker, Why::TooSlow), 1);
    }
}

#[test]
fn one_that_never_answers_is_given_up_after_so_many_failures() {
    let file = content(9_000, 1);
    let mut rope = Rope::new(1);
    let silent = rope.scripted(|_, _| Reaction { bytes: Vec::new(), close: true });
    let taker = rope.servent(Config { source_failures_max: 3, ..config() }, &[]);
    rope.download(taker, DownloadRequest { sha1: None, ..request(&file, &[silent]) });
    rope.run_s(600);
    assert_eq!(rope.requests(silent), 3);
    let progress = rope.progress(taker);
    assert_eq!(
        (progress.state, progress.trouble),
        (DownloadState::Failed, Some(Why::ClosedByPeer))
    );
}

#[test]
fn several_sources_share_a_file() {
    let file = content(300_000, 1);
    for seed in [2, 3, 6, 7] {
        let mut rope = Rope::new(seed);
        let mut givers = Vec::new();
        for _ in 0..4 {
            let whole = file.clone();
            givers.push(rope.scripted(move |request, _| Reaction::honest(&whole, request)));
        }
        let taker = rope.servent(config(), &[]);
        rope.download(taker, request(&file, &givers));
        rope.run_s(60);
        rope.assert_published(taker, &file, DownloadState::Done);
        assert!(givers.iter().all(|&giver| rope.requests(giver) > 0), "everybody gave a part");
    }
}

#[test]
fn a_fast_source_takes_over_what_a_slow_one_would_bring() {
    let file = content(200_000, 1);
    for seed in 0..8 {
        let mut rope = Rope::new(seed);
        let whole = file.clone();
        let slow = rope.scripted(move |request, nth| {
            let mut reaction = Reaction::honest(&whole, request);
            if nth == 0 {
                reaction.bytes.truncate(20_000);
            }
            reaction
        });
        let taker = rope.servent(config(), &[]);
        rope.download(taker, request(&file, &[slow]));
        rope.settle();
        let giver = rope.servent(config(), &[("song.ogg", &file)]);
        let found = vec![source(giver)];
        rope.call(taker, |t, now, _, out| t.add_sources(now, DownloadId(1), found, out));
        rope.run_s(30);
        let have = rope.progress(taker).have;
        assert!(have > 190_000, "{have} bytes; halves are taken over until they are not worth it");
        rope.run_s(100);
        rope.assert_published(taker, &file, DownloadState::Done);
    }
}

#[test]
fn a_slow_source_stops_exactly_where_another_has_taken_over() {
    let file = content(20_000, 1);
    for seed in 0..12 {
        let mut rope = Rope::new(seed);
        let slow = rope.end(End::Mute(Vec::new()));
        let taker = rope.servent(config(), &[]);
        rope.download(taker, request(&file, &[slow]));
        rope.settle();
        let conn = rope.conns_of(slow)[0];
        let whole = Reaction::part(&file, 0..20_000).bytes;
        let (first, rest) = whole.split_at(8_000);
        rope.write(slow, conn, first);
        rope.settle();
        let giver = rope.servent(config(), &[("song.ogg", &file)]);
        let found = vec![source(giver)];
        rope.call(taker, |t, now, _, out| t.add_sources(now, DownloadId(1), found, out));
        rope.run_s(10);
        assert_eq!(rope.state(taker), DownloadState::Transferring);
        // It goes on beyond what is still wanted of it; the rope watches that no byte is stored
        // twice, and that nothing is hashed while somebody may still write.
        rope.write(slow, conn, rest);
        rope.settle();
        rope.assert_published(taker, &file, DownloadState::Done);
    }
}

#[test]
fn bytes_that_are_stored_while_a_connection_closes_count() {
    let file = content(20_000, 1);
    let mut rope = Rope::new(2);
    let slow = rope.end(End::Mute(Vec::new()));
    let taker = rope.servent(config(), &[]);
    rope.download(taker, request(&file, &[slow]));
    rope.settle();
    let conn = rope.conns_of(slow)[0];
    rope.write(slow, conn, &Reaction::part(&file, 0..20_000).bytes[..300]);
    rope.settle();
    let conn = rope.conns_of(taker)[0];
    let have = rope.progress(taker).have;
    rope.now = rope.now + Duration::from_secs(121);
    rope.call(taker, |t, now, _, out| t.wake(now, out));
    rope.call(taker, |t, now, _, out| t.wake(now + Duration::from_secs(61), out));
    assert_eq!(rope.trouble_of(taker, slow), Some(Why::TooSlow));
    rope.call(taker, |t, now, library, out| t.carried(now, conn, 100, library, out));
    assert_eq!(rope.progress(taker).have, have + 100);
    // Not more than was ordered, whatever is said.
    rope.call(taker, |t, now, library, out| t.carried(now, conn, u64::MAX, library, out));
    assert_eq!(rope.progress(taker).have, 700);
}

#[test]
fn a_cancelled_download_closes_and_discards() {
    let file = content(90_000, 1);
    let mut rope = Rope::new(1);
    let whole = file.clone();
    let giver = rope.scripted(move |request, _| {
        let mut reaction = Reaction::honest(&whole, request);
        reaction.bytes.truncate(30_000);
        reaction
    });
    let taker = rope.servent(config(), &[]);
    rope.download(taker, request(&file, &[giver]));
    rope.settle();
    assert_eq!(rope.state(taker), DownloadState::Transferring);
    rope.call(taker, |t, now, _, out| t.cancel(now, DownloadId(1), out));
    rope.run_s(1_000);
    assert_eq!(rope.state(taker), DownloadState::Cancelled);
    assert_eq!((rope.at(taker).discarded, rope.connects), (1, 1));
    assert!(rope.at(taker).transfers.deadline().is_none());
}

#[test]
fn a_failing_disk_ends_the_download_and_says_why() {
    let file = content(9_000, 1);
    for (failure, why) in [
        (DiskFailure::Full, Why::DiskFull),
        (DiskFailure::Denied, Why::DiskDenied),
        (DiskFailure::Missing, Why::DiskMissing),
        (DiskFailure::Io, Why::DiskFailed),
    ] {
        let mut rope = Rope::new(1);
        let giver = rope.servent(config(), &[("song.ogg", &file)]);
        let taker = rope.servent(config(), &[]);
        rope.at(taker).disk_failure = Some(failure);
        rope.download(taker, request(&file, &[giver]));
        rope.run_s(100);
        let progress = rope.progress(taker);
        assert_eq!((progress.state, progress.trouble), (DownloadState::Failed, Some(why)));
        rope.at(taker).disk_failure = None;
        rope.download(taker, request(&file, &[giver]));
        rope.run_s(1);
        rope.assert_published(taker, &file, DownloadState::Done);
    }
}

#[test]
fn without_sources_the_network_is_asked_now_and_then() {
    let file = content(9_000, 1);
    let mut rope = Rope::new(1);
    let giver = rope.servent(config(), &[("song.ogg", &file)]);
    let taker = rope.servent(config(), &[]);
    rope.download(taker, request(&file, &[]));
    rope.run_s(250);
    assert_eq!(rope.state(taker), DownloadState::Searching);
    let find = Wish::FindSources { download: DownloadId(1), sha1: sha1_of(&file) };
    let at = |seconds| (Time::ZERO + Duration::from_secs(seconds), find.clone());
    assert_eq!(rope.at(taker).wishes, [at(0), at(120), at(240)]);
    let found = vec![source(giver)];
    rope.call(taker, |t, now, _, out| t.add_sources(now, DownloadId(1), found, out));
    rope.run_s(1);
    rope.assert_published(taker, &file, DownloadState::Done);
}

#[test]
fn progress_is_told_on_changes_and_a_few_times_a_second() {
    let file = content(60_000, 1);
    let mut rope = Rope::new(0);
    let giver = rope.servent(config(), &[("song.ogg", &file)]);
    let taker = rope.servent(config(), &[]);
    rope.download(taker, request(&file, &[giver]));
    rope.settle();
    let states: Vec<DownloadState> = (rope.at(taker).events.iter())
        .map(|(_, event)| match event {
            Event::Download { progress, .. } => progress.state,
            other => panic!("{other:?}"),
        })
        .collect();
    // No time passed, so only changes are told, however many pieces arrived.
    use DownloadState::{Done, Transferring, Verifying, Waiting};
    assert_eq!(states, [Waiting, Transferring, Verifying, Done]);
}

#[test]
fn the_last_bytes_before_a_pause_are_told_too() {
    let file = content(9_000, 1);
    let whole = file.clone();
    let mut rope = Rope::new(0);
    let staller = rope.scripted(move |request, _| {
        let mut reaction = Reaction::honest(&whole, request);
        reaction.bytes.truncate(reaction.bytes.len() - 1_000);
        reaction
    });
    let taker = rope.servent(config(), &[]);
    rope.download(taker, request(&file, &[staller]));
    rope.run_s(2);
    let last = rope.at(taker).events.last().cloned();
    let Some((_, Event::Download { progress, .. })) = last else { panic!("{last:?}") };
    assert_eq!((progress.state, progress.have), (DownloadState::Transferring, 8_000));
}

#[test]
fn sources_that_cannot_be_used_are_passed_over() {
    let file = content(9_000, 1);
    let mut rope = Rope::new(1);
    let taker = rope.servent(
        Config { local_addresses: false, sources_per_download_max: 3, ..Config::default() },
        &[],
    );
    let mut order = request(&file, &[0, 1, 2]);
    for host in 0..20 {
        let mut place = source(0);
        place.address = std::net::SocketAddr::from(([8, 8, 8, host], 6346));
        order.sources.extend([place.clone(), place]);
    }
    // Strangers name them; those that the order itself names are the user's own choice.
    let named = std::mem::take(&mut order.sources);
    rope.download(taker, order);
    rope.call(taker, |t, now, _, out| t.add_sources(now, DownloadId(1), named, out));
    rope.run_s(3);
    assert_eq!(rope.at(taker).transfers.view().downloads[0].sources.len(), 3);
    assert_eq!(rope.count(taker, Why::BadAddress), 3);
    assert_eq!(rope.count(taker, Why::TableFull), 34);
}

#[test]
fn downloads_are_limited_and_ended_ones_make_room() {
    let mut rope = Rope::new(1);
    let taker = rope.servent(Config { downloads_max: 2, ..config() }, &[]);
    let order = request(&content(10, 1), &[]);
    let ids = [1, 2, 3].map(DownloadId);
    for id in ids {
        let order = order.clone();
        rope.call(taker, |t, now, _, out| t.download(now, id, order, out));
    }
    let refused = |(_, event): &(Time, Event)| {
        matches!(event, Event::Download { download: DownloadId(3), progress }
            if progress.state == DownloadState::Failed && progress.trouble == Some(Why::TableFull))
    };
    assert_eq!(rope.at(taker).events.iter().filter(|e| refused(e)).count(), 1);
    rope.call(taker, |t, now, _, out| t.cancel(now, ids[0], out));
    rope.call(taker, |t, now, _, out| t.download(now, ids[2], order, out));
    let ids: Vec<u64> = rope.at(taker).transfers.view().downloads.iter().map(|d| d.id.0).collect();
    assert_eq!(ids, [2, 3]);
}
