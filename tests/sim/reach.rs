//! Who cannot be connected to finds that out, and is served nonetheless.

use std::sync::Arc;
use std::time::Duration;

use filbert::node::config::Forward;
use filbert::node::io::{DownloadId, DownloadRequest, DownloadState, Source};
use filbert::node::view::{Because, MappingView, Openness};
use filbert::node::{Command, Config, Event, View, Why};
use filbert::sim::{Latency, NodeId, SharedFile, Topology, World};
use filbert::wire::Kind;

use crate::worlds::{config, graph, world_config};

const MINUTE: Duration = Duration::from_secs(60);
const ID: DownloadId = DownloadId(1);
const SIZE: u64 = 100_000;

fn wanted_file() -> SharedFile {
    SharedFile::new(1, "the wanted file.bin", SIZE, 7)
}

/// As on the public network: nobody is taken to be reachable.
fn tested() -> Config {
    Config { local_is_open: false, ..config(Forward::HigherTtl) }
}

/// A line of ultrapeers of which the first shares the wanted file and the last will want it; those
/// for which `shut` says so stand behind firewalls.
fn line(seed: u64, nodes: u32, config: Config, shut: impl Fn(u32) -> bool) -> World {
    let latency = Latency::Uniform { from_us: 5_000, to_us: 80_000 };
    let mut world = World::new(seed, world_config(latency, false));
    let config = Arc::new(config);
    for number in 0..nodes {
        let shared = if number == 0 { vec![wanted_file()] } else { vec![] };
        let node = world.add_node(&config, shared);
        world.set_reachable(node, !shut(number));
    }
    // Each connects to the next, and who cannot be connected to, to the one before.
    world.mend(&graph(Topology::Line { nodes }, 1));
    world.run_for(Duration::from_secs(20)).unwrap();
    for number in (1..nodes).filter(|&number| shut(number)) {
        let before = world.address(NodeId(number - 1));
        let (host, port) = (before.ip().to_string(), before.port());
        world.command(NodeId(number), Command::Connect { host, port });
    }
    world.run_for(2 * MINUTE).unwrap();
    world
}

fn view(world: &World, node: u32) -> View {
    world.view(NodeId(node)).expect("it runs")
}

fn source(world: &mut World, asker: NodeId) -> Source {
    let search = world.search(asker, "wanted file", 20);
    world.run_for(Duration::from_secs(20)).unwrap();
    let found = world.said(asker).iter().find_map(|(_, event)| match event {
        Event::Found { search: of, hits } if *of == search => Some(hits[0].source.clone()),
        _ => None,
    });
    found.expect("it is found")
}

fn download(world: &mut World, node: NodeId, sources: Vec<Source>) {
    let sha1 = wanted_file().entry.sha1;
    let request = DownloadRequest { name: "got".into(), size: Some(SIZE), sha1, sources };
    world.command(node, Command::Download { download: ID, request });
}

fn is_done(world: &World, node: NodeId) -> bool {
    let done = |event: &Event| matches!(event, Event::Download { progress, .. } if progress.state == DownloadState::Done);
    world.said(node).iter().any(|(_, event)| done(event))
}

#[test]
fn everybody_finds_out_whether_strangers_can_connect() {
    for seed in 1..=5 {
        let world = line(seed, 4, tested(), |number| number == 0);
        let reach = view(&world, 0).reach;
        assert_eq!(reach.tcp.because, Because::NoAnswer { tests: 1 }, "seed {seed}");
        assert_eq!(reach.tcp.openness, Openness::Closed);
        assert_eq!(reach.push_proxies, [world.address(NodeId(1))], "seed {seed}");
        for open in 1..4 {
            let reach = view(&world, open).reach;
            assert_eq!(reach.tcp.openness, Openness::Open, "seed {seed}: n{open}");
            assert!(reach.push_proxies.is_empty());
        }
        assert_eq!(view(&world, 1).reach.push_proxy_for, 1);
    }
}

#[test]
fn a_firewalled_sharer_is_served_by_its_push_proxies() {
    for seed in 1..=5 {
        let mut world = line(seed, 4, tested(), |number| number == 0);
        let taker = NodeId(3);
        let found = source(&mut world, taker);
        assert!(found.firewalled);
        assert_eq!(found.push_proxies, [world.address(NodeId(1))]);
        // The way that its hits came is gone, its push proxy is not.
        world.kill(NodeId(2));
        world.run_for(Duration::from_secs(5)).unwrap();
        download(&mut world, taker, vec![found]);
        world.run_for(MINUTE).unwrap();
        assert!(is_done(&world, taker), "seed {seed}");
    }
}

#[test]
fn one_that_names_no_push_proxy_is_asked_along_the_way_of_its_hits() {
    for seed in 1..=5 {
        let mut world = line(seed, 4, tested(), |number| number == 0);
        let taker = NodeId(3);
        let found = source(&mut world, taker);
        download(&mut world, taker, vec![Source { push_proxies: Vec::new(), ..found }]);
        world.run_for(MINUTE).unwrap();
        assert!(is_done(&world, taker), "seed {seed}");
        assert_eq!(view(&world, 1).count(Why::NoPushRoute), 0);
    }
}

#[test]
fn when_neither_can_be_connected_to_nobody_is_pushed_for_nothing() {
    let mut world = line(1, 4, tested(), |number| number == 0 || number == 3);
    let taker = NodeId(3);
    assert_eq!(view(&world, 3).reach.tcp.openness, Openness::Closed);
    // It says so in its query, and one who could not serve it does not answer.
    let search = world.search(taker, "wanted file", 20);
    world.run_for(Duration::from_secs(20)).unwrap();
    let found = |event: &Event| matches!(event, Event::Found { search: of, .. } if *of == search);
    assert!(!world.said(taker).iter().any(|(_, event)| found(event)));
    // Told of it nonetheless, it does not ask anybody in vain.
    let sharer = Source {
        servent: Some(view(&world, 0).servent),
        index: Some(1),
        firewalled: true,
        push_proxies: vec![world.address(NodeId(1))],
        ..Source::at(world.address(NodeId(0)))
    };
    download(&mut world, taker, vec![sharer]);
    world.run_for(30 * MINUTE).unwrap();
    assert!(!is_done(&world, taker));
    let pushes: u64 = (0..4).map(|node| view(&world, node).messages(Kind::PUSH).1).sum();
    assert_eq!(pushes, 0);
    let tries = view(&world, 3).count(Why::BothFirewalled);
    assert!((1..=5).contains(&tries), "{tries}");
}

#[test]
fn a_gateway_that_maps_the_port_makes_a_sharer_reachable() {
    let latency = Latency::Constant { us: 20_000 };
    let mut world = World::new(1, world_config(latency, false));
    let config = Arc::new(tested());
    for _ in 0..3 {
        world.add_node(&config, vec![]);
    }
    world.set_gateway(NodeId(0));
    world.mend(&graph(Topology::Line { nodes: 3 }, 1));
    world.run_for(2 * MINUTE).unwrap();
    let reach = view(&world, 0).reach;
    assert!(matches!(reach.mapping, MappingView::Mapped(_)), "{reach:?}");
    assert_eq!(reach.tcp.openness, Openness::Open, "{reach:?}");
    world.run_for(60 * MINUTE).unwrap();
    let reach = view(&world, 0).reach;
    assert!(matches!(reach.mapping, MappingView::Mapped(_)), "it is renewed");
}
