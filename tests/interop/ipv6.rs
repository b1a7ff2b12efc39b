//! Neighbours that have addresses of IPv6 alone. Only where there are such addresses
//! (`FILBERT_INTEROP_NETWORK6`).

use std::fs;

use filbert::node::config::Role;
use filbert::servent::{Config, DownloadRequest};

use crate::neighbour::{Mode, Neighbour, fresh_ip6};
use crate::servent::Filbert;

fn ultrapeer() -> Config {
    Config { role: Role::Ultrapeer, ..Config::default() }
}

#[test]
fn queries_hits_and_files_by_ipv6() {
    let Some(ip) = fresh_ip6() else { return };
    let its_file = [5; 100_000];
    let files: [(&str, &[u8]); 1] = [("its saxophone.ogg", &its_file)];
    let Some(it) = Neighbour::start_at(ip.into(), Mode::Ultrapeer, true, &files, "") else {
        return;
    };
    smol::block_on(async {
        let fresh = || fresh_ip6().expect("there was one").into();
        let file = [6; 50_000];
        let a = Filbert::start_at(fresh(), ultrapeer(), &[]).await;
        let b = Filbert::start_at(fresh(), ultrapeer(), &[("wooden marimba.ogg", &file)]).await;
        a.connect(it.listen).await;
        it.connect(b.servent.listen());
        b.neighbours(1).await;
        smol::Timer::after(std::time::Duration::from_secs(2)).await;

        let fetched = async |request: DownloadRequest, expected: &[u8]| {
            let download = a.servent.download(request).await.expect("it runs");
            let path = download.finished().await.expect("a file");
            assert_eq!(fs::read(path).expect("a file"), expected);
        };
        let hit = a.find("saxophone").await.expect("a file of the neighbour");
        assert_eq!(hit.source.address, it.listen);
        fetched(DownloadRequest::from(hit), &its_file).await;
        let hit = a.find("marimba").await.expect("a file two links away");
        assert_eq!(hit.source.address, b.servent.listen());
        fetched(DownloadRequest::from(hit), &file).await;
        assert!(it.drops().is_empty(), "{:?}", it.drops());
        assert_eq!(it.nodes().len(), 2, "{}", it.shell("nodes"));
    });
}
