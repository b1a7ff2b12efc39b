//! Worlds without IPv4: everything works there, and a mixed one does not tell anybody of addresses
//! that he cannot use.

use std::sync::Arc;
use std::time::Duration;

use crate::worlds::{config, results, world_config};
use filbert::node::config::Forward;
use filbert::node::io::{DownloadId, DownloadRequest, DownloadState, Hit};
use filbert::node::{Command, Config, Event};
use filbert::sim::{Latency, NodeId, SharedFile, World, disk};
use filbert::wire::Kind;

const SIZE: u64 = 50_000;
const MINUTE: Duration = Duration::from_secs(60);

fn ipv6() -> Config {
    Config { listen: "[::]:6346".parse().unwrap(), ..config(Forward::HigherTtl) }
}

fn file() -> Vec<SharedFile> {
    vec![SharedFile::new(1, "the wanted file.bin", SIZE, 7)]
}

/// A line of nodes with these configurations; the last one shares the file.
fn line(configs: &[Config]) -> (World, Vec<NodeId>) {
    let mut world = World::new(5, world_config(Latency::Constant { us: 20_000 }, true));
    let last = configs.len() - 1;
    let nodes: Vec<NodeId> = configs
        .iter()
        .enumerate()
        .map(|(at, config)| {
            let shared = if at == last { file() } else { Vec::new() };
            world.add_node(&Arc::new(config.clone()), shared)
        })
        .collect();
    for pair in nodes.windows(2) {
        world.connect(pair[1], pair[0]);
    }
    world.settle().unwrap();
    (world, nodes)
}

fn hits(world: &mut World, node: NodeId) -> Vec<Hit> {
    let search = world.search(node, "wanted file", 7);
    world.run_for(Duration::from_secs(20)).unwrap();
    let of = |event: &Event| match event {
        Event::Found { search: of, hits } if *of == search => hits.clone(),
        _ => vec![],
    };
    let hits: Vec<Hit> = world.said(node).iter().flat_map(|(_, event)| of(event)).collect();
    assert_eq!(hits.len(), results(world, node, search));
    hits
}

fn fetch(world: &mut World, node: NodeId, hit: Hit) {
    let download = DownloadId(1);
    let request = DownloadRequest {
        name: "got.bin".into(),
        size: Some(SIZE),
        sha1: hit.sha1,
        sources: vec![hit.source],
    };
    world.command(node, Command::Download { download, request });
    let done = |world: &World| {
        world.said(node).iter().any(|(_, event)| {
            matches!(event, Event::Download { progress, .. } if progress.state == DownloadState::Done)
        })
    };
    assert!(world.run_until(2 * MINUTE, done).unwrap());
    assert!(world.disk(node).finished("got.bin") == Some(&disk::content(7, 0..SIZE)));
}

#[test]
fn hits_and_files_find_their_way() {
    let (mut world, nodes) = line(&vec![ipv6(); 4]);
    let hit = hits(&mut world, nodes[0]).remove(0);
    assert_eq!(hit.source.address, world.address(nodes[3]));
    assert!(hit.source.address.is_ipv6() && !hit.source.firewalled);
    fetch(&mut world, nodes[0], hit);
}

/// The push names the IPv6 address in GGEP 6.
#[test]
fn one_who_cannot_be_reached_pushes() {
    let (mut world, nodes) = line(&vec![ipv6(); 3]);
    world.set_reachable(nodes[2], false);
    let hit = hits(&mut world, nodes[0]).remove(0);
    fetch(&mut world, nodes[0], hit);
    let (pushes, _) = world.view(nodes[2]).unwrap().messages(Kind::PUSH);
    assert_eq!(pushes, 1);
}

/// Who has IPv4 alone hears of nobody who has IPv6 alone, and the other way round.
#[test]
fn nobody_hears_of_those_whom_it_cannot_reach() {
    let ipv4 = || config(Forward::HigherTtl);
    let only = Config { listen: "[fd00::4]:6346".parse().unwrap(), ..ipv6() };
    // A line: IPv4, then one in between, then one with IPv6 alone that shares the file.
    let (mut world, nodes) = line(&[ipv4(), ipv6(), ipv6(), only.clone()]);
    assert_eq!(hits(&mut world, nodes[0]), []);
    assert_eq!(hits(&mut world, nodes[1]).len(), 1);
    let (mut world, nodes) =
        line(&[Config { listen: "[fd00::1]:6346".parse().unwrap(), ..only }, ipv6(), ipv4()]);
    assert_eq!(hits(&mut world, nodes[0]), []);
    assert_eq!(hits(&mut world, nodes[1]).len(), 1);
}

/// Everybody knows one servent at first; pongs and X-Try name the others.
#[test]
fn a_network_grows_from_one_address() {
    let mut world = World::new(9, world_config(Latency::Constant { us: 20_000 }, true));
    let config = Config { auto_connect: true, neighbours_wanted: 4, neighbours_max: 10, ..ipv6() };
    let config = Arc::new(config);
    let nodes: Vec<NodeId> = (0..12).map(|_| world.add_node(&config, Vec::new())).collect();
    for &node in &nodes[1..] {
        world.connect(node, nodes[0]);
    }
    world.run_for(10 * MINUTE).unwrap();
    for &node in &nodes {
        let view = world.view(node).unwrap();
        assert!(view.neighbours.len() >= 4, "{node}: {} neighbours", view.neighbours.len());
        assert!(view.neighbours.iter().all(|link| link.peer.is_ipv6()));
    }
}
