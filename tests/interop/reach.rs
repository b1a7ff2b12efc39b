//! Who can be reached, and how it is found out: connecting back, pings by UDP, push proxies.

use std::fs;
use std::time::Duration;

use filbert::node::config::Role;
use filbert::servent::{Config, DownloadRequest, Hit, Openness};

use crate::neighbour::{
    Mode, Neighbour, fresh_ip, has_firewall, public_addresses, put_behind_firewall,
};
use crate::servent::{Filbert, eventually};

/// One that tests whether it can be reached, as on the public network.
fn tested(role: Role) -> Config {
    Config { role, local_is_open: false, ..Config::default() }
}

fn firewalled(it: &Neighbour) -> bool {
    it.shell("print is_firewalled").contains("TRUE")
}

/// Fetches what was found, and compares.
async fn fetched(who: &Filbert, request: DownloadRequest, expected: &[u8]) {
    let download = who.servent.download(request).await.expect("it runs");
    let path = download.finished().await.expect("a file");
    assert_eq!(fs::read(path).expect("a file"), expected);
}

#[test]
fn it_comes_back_when_we_ask() {
    // One that has lived for a while. A new one pings those that connect to it by UDP, at the port
    // that they come from, to see whether it gets answers, and none of them twice in a minute.
    let (ip, lived) = (fresh_ip().into(), "recv_solicited_udp = TRUE\n");
    let Some(it) = Neighbour::start_at(ip, Mode::Ultrapeer, true, &[], lived) else { return };
    smol::block_on(async {
        for role in [Role::Ultrapeer, Role::Leaf] {
            let we = Filbert::start(tested(role), &[]).await;
            we.connect(it.listen).await;
            we.within(Duration::from_secs(60), "both ways in are open", |view| {
                let doors = [&view.reach.tcp, &view.reach.udp];
                doors.iter().all(|door| door.openness == Openness::Open)
            })
            .await;
        }
        assert!(it.drops().is_empty(), "{:?}", it.drops());
    });
}

#[test]
fn we_come_back_when_it_asks() {
    if !public_addresses() {
        return eprintln!("skipped: what comes from loopback proves nothing to it");
    }
    let closed = "is_firewalled = TRUE\nis_udp_firewalled = TRUE\n";
    let ip = fresh_ip().into();
    let Some(it) = Neighbour::start_at(ip, Mode::Leaf, true, &[], closed) else { return };
    assert!(firewalled(&it));
    smol::block_on(async {
        let we = Filbert::start(tested(Role::Ultrapeer), &[]).await;
        it.connect(we.servent.listen());
        we.neighbours(1).await;
        eventually("it knows that it can be connected to", async || !firewalled(&it)).await;
        we.until("it needs no push proxy", |view| view.reach.push_proxy_for == 0).await;
        assert!(we.servent.view().await.expect("it runs").datagrams.sent > 0, "a ping by UDP");
        assert!(it.drops().is_empty(), "{:?}", it.drops());
    });
}

/// Both ways to ask the push proxy that a hit names: by UDP, and by HTTP where no datagram gets
/// through.
async fn pushed_by_its_proxy(hit: &Hit, expected: &[u8]) {
    assert!(hit.source.firewalled, "{hit:?}");
    let ip = fresh_ip().into();
    let by_udp = Filbert::start_at(ip, Config::default(), &[]).await;
    fetched(&by_udp, DownloadRequest::from(hit.clone()), expected).await;
    for proxy in &hit.source.push_proxies {
        put_behind_firewall(proxy.ip(), &["udp"]);
    }
    let by_http = Filbert::start(Config::default(), &[]).await;
    fetched(&by_http, DownloadRequest::from(hit.clone()), expected).await;
}

#[test]
fn it_is_our_push_proxy() {
    if !has_firewall() {
        return;
    }
    let Some(it) = Neighbour::start(Mode::Ultrapeer, true, &[]) else { return };
    let file = [7; 200_000];
    smol::block_on(async {
        let ip = fresh_ip().into();
        put_behind_firewall(ip, &["tcp", "udp"]);
        let impatient = Config { reach_test_s: 5, ..tested(Role::Leaf) };
        let we = Filbert::start_at(ip, impatient, &[("gentle accordion.ogg", &file)]).await;
        we.connect(it.listen).await;
        we.until("it is our push proxy", |view| view.reach.push_proxies == [it.listen]).await;
        let view = we.servent.view().await.expect("it runs");
        assert_eq!(view.reach.tcp.openness, Openness::Closed);
        // Routing tables travel.
        smol::Timer::after(Duration::from_secs(10)).await;

        let far = Filbert::start(Config { role: Role::Ultrapeer, ..Config::default() }, &[]).await;
        far.connect(it.listen).await;
        let hit = far.find("accordion").await.expect("a hit of one behind a firewall");
        assert_eq!(hit.source.push_proxies, [it.listen]);
        pushed_by_its_proxy(&hit, &file).await;
        assert!(it.drops().is_empty(), "{:?}", it.drops());
    });
}

#[test]
fn we_are_its_push_proxy() {
    if !has_firewall() {
        return;
    }
    let file = [9; 200_000];
    let files: [(&str, &[u8]); 1] = [("its saxophone.ogg", &file)];
    let closed = "is_firewalled = TRUE\nis_udp_firewalled = TRUE\n";
    let ip = fresh_ip().into();
    let Some(it) = Neighbour::start_at(ip, Mode::Leaf, true, &files, closed) else { return };
    put_behind_firewall(ip, &["tcp", "udp"]);
    smol::block_on(async {
        let ultrapeer = Config { role: Role::Ultrapeer, ..Config::default() };
        let we = Filbert::start(ultrapeer.clone(), &[]).await;
        it.connect(we.servent.listen());
        we.until("we are its push proxy", |view| view.reach.push_proxy_for == 1).await;
        // Routing tables travel.
        smol::Timer::after(Duration::from_secs(10)).await;
        assert!(firewalled(&it), "we cannot have come back");

        let far = Filbert::start(ultrapeer, &[]).await;
        far.connect(we.servent.listen()).await;
        let hit = far.find("saxophone").await.expect("a hit of one behind a firewall");
        assert_eq!(hit.source.push_proxies, [we.servent.listen()]);
        pushed_by_its_proxy(&hit, &file).await;
        assert!(it.drops().is_empty(), "{:?}", it.drops());
    });
}
