//! Several sources of one file, and who tells whom of them (X-Alt).

use std::fs;
use std::net::SocketAddr;

use filbert::node::config::Role;
use filbert::servent::{Config, DownloadRequest, DownloadState, Event, Heard, Source};
use smol::stream::StreamExt as _;

use crate::neighbour::{Mode, Neighbour, public_addresses};
use crate::servent::{Filbert, eventually};

fn ultrapeer() -> Config {
    Config { role: Role::Ultrapeer, ..Config::default() }
}

/// Content that does not repeat.
fn content(len: u32) -> Vec<u8> {
    (0..len).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// Downloads all of it from there.
async fn fetch(who: &Filbert, request: &DownloadRequest, from: SocketAddr, expected: &[u8]) {
    let request = DownloadRequest { sources: vec![Source::at(from)], ..request.clone() };
    let download = who.servent.download(request).await.expect("it runs");
    let path = download.finished().await.expect("a file");
    assert!(fs::read(path).expect("a file") == expected);
}

#[test]
fn who_has_it_is_passed_on_both_ways() {
    if !public_addresses() {
        return eprintln!("skipped: places on loopback are none to it");
    }
    let file = content(12_000_000);
    let files: [(&str, &[u8]); 1] = [("shared bassoon.ogg", &file)];
    let Some(it) = Neighbour::start(Mode::Ultrapeer, true, &[]) else { return };
    smol::block_on(async {
        let holder = Filbert::start(ultrapeer(), &files).await;
        let between = Filbert::start(ultrapeer(), &files).await;
        let browsed = holder.servent.browse(&between.servent.listen().to_string()).await;
        let hit = browsed.expect("an address").next().await.expect("its file");
        let request = DownloadRequest::from(hit);
        // The holder has proved itself to the one between, which names it to others.
        fetch(&between, &request, holder.servent.listen(), &file).await;

        let (sha1, len) = (request.sha1.expect("its hash"), file.len());
        let (servent, at) =
            (between.servent.view().await.expect("it runs").servent, between.servent.listen());
        it.shell(&format!(
            "download add magnet:?xt=urn:sha1:{sha1}&xl={len}&dn=bassoon.ogg&x.guid={servent}\
             &xs=http%3A//{at}/uri-res/N2R%3Furn:sha1:{sha1}"
        ));
        eventually("it has the file", async || {
            fs::read(it.complete().join("bassoon.ogg")).is_ok_and(|got| got == file)
        })
        .await;

        // One that knows of its copy alone learns of the others from it: of the one that it asked
        // and of the one that this one named. It names only those that served it well.
        let last = Filbert::start(ultrapeer(), &[]).await;
        let mut events = last.servent.events();
        let mut sources_known = 0;
        let told = async {
            while let Some(heard) = events.next().await {
                let Heard::Event(event) = heard else { continue };
                let Event::Download { progress, .. } = &*event else { continue };
                sources_known = sources_known.max(progress.known_sources);
                if progress.state == DownloadState::Done {
                    break;
                }
            }
        };
        smol::future::zip(fetch(&last, &request, it.listen, &file), told).await;
        assert_eq!(sources_known, 3, "it, the holder and the one between");
    });
}
