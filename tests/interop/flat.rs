//! Two ultrapeers and files that are found, shown, fetched and pushed.

use std::fs;
use std::time::Duration;

use filbert::node::config::Role;
use filbert::servent::{Config, DownloadRequest, SearchQuery, Source};
use smol::stream::StreamExt as _;

use crate::neighbour::{Mode, Neighbour};
use crate::servent::{Filbert, eventually};

/// Content that does not repeat.
fn content(len: u32) -> Vec<u8> {
    (0..len).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn ultrapeer() -> Config {
    Config { role: Role::Ultrapeer, ..Config::default() }
}

fn compressing(compress_links: bool) -> Config {
    Config { compress_links, ..ultrapeer() }
}

#[test]
fn neighbours_by_either_side_compressed_or_not() {
    for it_compresses in [false, true] {
        let Some(it) = Neighbour::start(Mode::Ultrapeer, it_compresses, &[]) else { return };
        smol::block_on(async {
            let mut filberts = Vec::new();
            for we_compress in [false, true] {
                for it_connects in [false, true] {
                    let we = Filbert::start(compressing(we_compress), &[]).await;
                    if it_compresses && !we_compress && !it_connects {
                        we.servent.connect(&it.listen.to_string()).await.expect("an address");
                        let refused =
                            async || we.links().contains("Compressed connection preferred");
                        eventually("it says why not", refused).await;
                        continue;
                    }
                    if it_connects {
                        it.connect(we.servent.listen());
                        we.neighbours(1).await;
                    } else {
                        we.connect(it.listen).await;
                    }
                    let view = we.servent.view().await.expect("it runs");
                    let neighbour = &view.neighbours[0];
                    assert!(neighbour.user_agent.starts_with("gtk-gnutella/"));
                    assert_eq!(neighbour.incoming, it_connects);
                    // It can always; what is set is whether it must.
                    let how = (neighbour.compressed_in, neighbour.compressed_out);
                    assert_eq!(how, (we_compress, we_compress), "{it_connects}");
                    filberts.push(we);
                }
            }
            // Long enough for pings, routing tables and vendor messages.
            smol::Timer::after(Duration::from_secs(6)).await;
            for we in &filberts {
                let view = we.servent.view().await.expect("it runs");
                assert_eq!(view.neighbours.len(), 1, "{view:#?}");
                assert_eq!(view.dropped, [], "{}", we.links());
            }
            assert_eq!(it.nodes().len(), filberts.len(), "{}", it.shell("nodes"));
            assert!(it.drops().is_empty(), "{:?}", it.drops());
        });
    }
}

#[test]
fn queries_go_through_it_and_hits_come_back() {
    let its_file = content(300_000);
    let Some(it) = Neighbour::start(Mode::Ultrapeer, true, &[("its saxophone.ogg", &its_file)])
    else {
        return;
    };
    smol::block_on(async {
        let a = Filbert::start(ultrapeer(), &[("gentle accordion.ogg", b"a")]).await;
        let b = Filbert::start(ultrapeer(), &[("wooden marimba.ogg", b"bb")]).await;
        a.connect(it.listen).await;
        it.connect(b.servent.listen());
        b.neighbours(1).await;
        smol::Timer::after(Duration::from_secs(2)).await;

        let hit = a.find("saxophone").await.expect("a file of the neighbour");
        assert_eq!((hit.name.as_str(), hit.size, hit.hops), ("its saxophone.ogg", 300_000, 1));
        assert_eq!(hit.vendor, "GTKG");
        let by_hash = SearchQuery { sha1: hit.sha1, ..SearchQuery::default() };
        assert!(hit.sha1.is_some());
        let same = b.search(by_hash).await.expect("the same file by its hash");
        assert_eq!(same.sha1, hit.sha1);

        let hit = a.find("marimba").await.expect("a file two links away");
        assert_eq!((hit.name.as_str(), hit.size), ("wooden marimba.ogg", 2));
        b.hit_came_by(&hit, 2).await;
        assert_eq!(hit.source.address, b.servent.listen());
        let hit = b.find("accordion").await.expect("and the other way");
        assert_eq!(hit.source.address, a.servent.listen());
        assert!(it.drops().is_empty(), "{:?}", it.drops());
    });
}

#[test]
fn its_files_are_shown_fetched_and_pushed() {
    let (first, second) = (content(3_000_000), content(70_000));
    let files: [(&str, &[u8]); 2] = [("long saxophone.ogg", &first), ("short.txt", &second)];
    let Some(it) = Neighbour::start(Mode::Ultrapeer, true, &files) else { return };
    smol::block_on(async {
        let we = Filbert::start(ultrapeer(), &[]).await;
        let hits = we.servent.browse(&it.listen.to_string()).await.expect("an address");
        let mut hits: Vec<_> = hits.collect().await;
        hits.sort_by_key(|hit| std::cmp::Reverse(hit.size));
        let names: Vec<_> = hits.iter().map(|hit| hit.name.as_str()).collect();
        assert_eq!(names, ["long saxophone.ogg", "short.txt"]);

        let fetched = async |who: &Filbert, request: DownloadRequest, expected: &[u8]| {
            let download = who.servent.download(request).await.expect("it runs");
            let path = download.finished().await.expect("a file");
            assert_eq!(fs::read(path).expect("a file"), expected);
        };
        let long = hits[0].clone();
        let plain = Source { servent: None, firewalled: false, ..long.source.clone() };
        let by_hash = Source { index: None, name: None, ..plain.clone() };
        let request = DownloadRequest::from(long.clone());
        let by_hash = DownloadRequest { sources: vec![by_hash], ..request.clone() };
        fetched(&we, by_hash, &first).await;
        // Without a hash: by index and name.
        let other = Filbert::start(ultrapeer(), &[]).await;
        let by_index = DownloadRequest { sha1: None, sources: vec![plain], ..request.clone() };
        fetched(&other, by_index, &first).await;

        // As if it could not be reached: it is asked to push, over the link.
        let third = Filbert::start(ultrapeer(), &[]).await;
        third.connect(it.listen).await;
        let hit = third.find("saxophone").await.expect("a hit, which shows the way for the push");
        let mut request = DownloadRequest::from(hit);
        request.sources[0].firewalled = true;
        request.sources[0].address.set_port(1);
        fetched(&third, request, &first).await;
        assert!(it.drops().is_empty(), "{:?}", it.drops());
    });
}

#[test]
fn it_fetches_from_us_and_we_push() {
    let Some(it) = Neighbour::start(Mode::Ultrapeer, true, &[]) else { return };
    let (direct, pushed) = (content(2_000_000), content(1_000_000));
    smol::block_on(async {
        let files: [(&str, &[u8]); 2] =
            [("our bassoon.ogg", &direct), ("our piccolo.ogg", &pushed)];
        let we = Filbert::start(ultrapeer(), &files).await;
        let who = Filbert::start(ultrapeer(), &[]).await;
        who.connect(we.servent.listen()).await;
        we.connect(it.listen).await;
        let view = we.servent.view().await.expect("it runs");
        let servent = view.servent;
        for (word, content, by_push) in [("bassoon", &direct, false), ("piccolo", &pushed, true)] {
            let sha1 = who.find(word).await.and_then(|hit| hit.sha1).expect("its hash");
            let at = if by_push {
                format!("xs=push%3A//{servent}/")
            } else {
                format!("x.guid={servent}&xs=http%3A//{}/", we.servent.listen())
            };
            it.shell(&format!(
                "download add magnet:?xt=urn:sha1:{sha1}&xl={}&dn={word}.ogg&\
                 {at}uri-res/N2R%3Furn:sha1:{sha1}",
                content.len()
            ));
            eventually("it has the file", async || {
                fs::read(it.complete().join(format!("{word}.ogg"))).is_ok_and(|got| got == *content)
            })
            .await;
        }
    });
}
