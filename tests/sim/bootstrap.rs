//! Nodes that know one UDP host cache and nobody else become a network by themselves.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use filbert::node::io::{HostSource, SourceState};
use filbert::node::{Command, Config, Event};
use filbert::sim::{Latency, NetConfig, NodeId, World, WorldConfig};

const NODES: u32 = 200;

fn config() -> Config {
    Config { local_addresses: true, compress_links: false, ..Config::flat() }
}

/// A world whose nodes begin within this time. The first is the host cache.
fn beginning(seed: u64, within: Duration, datagram_loss: f64) -> World {
    let latency = Latency::Exponential { mean_us: 60_000 };
    let net = NetConfig { latency, datagram_loss, ..NetConfig::default() };
    let mut world = World::new(seed, WorldConfig { net, ..WorldConfig::default() });
    let config = Arc::new(config());
    for node in 0..NODES {
        world.add_node(&config, Vec::new());
        let address = world.address(NodeId(0));
        world.name("cache.example.net", vec![address.ip()]);
        if node > 0 {
            let host = "cache.example.net".to_owned();
            let source = HostSource::Uhc { host, port: address.port() };
            world.command(NodeId(node), Command::Bootstrap(vec![source]));
            world.run_for(within / NODES).unwrap();
        }
    }
    world
}

/// How many nodes can be reached from the first one by links.
fn reached(world: &World) -> usize {
    let mut seen = BTreeSet::from([NodeId(0)]);
    let mut next = vec![NodeId(0)];
    while let Some(node) = next.pop() {
        for other in (0..NODES).map(NodeId) {
            if world.is_linked(node, other) && seen.insert(other) {
                next.push(other);
            }
        }
    }
    seen.len()
}

fn neighbours(world: &World, node: u32) -> usize {
    world.view(NodeId(node)).map_or(0, |view| view.neighbours.len())
}

/// Connections that a node has tried.
fn dialled(world: &World, node: u32) -> usize {
    let ended = |event: &Event| match event {
        Event::LinkUp { incoming, .. } => !incoming,
        // Of links that ended, too: more than were dialled in vain.
        Event::LinkDown { .. } => true,
        _ => false,
    };
    world.said(NodeId(node)).iter().filter(|(_, event)| ended(event)).count()
}

/// All are one network with as many neighbours as they want, and nobody was stormed.
fn stands(world: &World, what: &str) {
    assert_eq!(reached(world), NODES as usize, "{what}");
    let wanted = usize::from(config().neighbours_wanted);
    let counts: Vec<usize> = (0..NODES).map(|node| neighbours(world, node)).collect();
    assert!(counts.iter().all(|&count| count >= wanted), "{what}: {counts:?}");
    let dials: Vec<usize> = (0..NODES).map(|node| dialled(world, node)).collect();
    let all: usize = dials.iter().sum();
    // Each wants 8 neighbours; many of those whom all know are full.
    assert!(all <= NODES as usize * 3 * wanted, "{what}: {all} connections");
    assert!(dials.iter().all(|&one| one <= 8 * wanted), "{what}: {dials:?}");
    let asked = |node: u32| {
        let is_asking = |event: &&(_, Event)| matches!(event.1, Event::SourceAsked { .. });
        world.said(NodeId(node)).iter().filter(is_asking).count()
    };
    let asked: usize = (1..NODES).map(asked).sum();
    assert!(asked <= 2 * NODES as usize, "{what}: the host cache was asked {asked} times");
}

#[test]
fn nodes_that_know_one_host_cache_become_one_network_without_a_storm() {
    for seed in [1, 2, 3] {
        let mut world = beginning(seed, Duration::from_secs(60), 0.0);
        world.run_for(Duration::from_secs(60)).unwrap();
        stands(&world, &format!("seed {seed}"));
    }
}

/// Many find the host cache full before anybody knows anybody else: they ask again after 180 s, and
/// after as long again if a datagram is lost.
#[test]
fn nodes_that_begin_all_at_once_become_one_network_in_ten_minutes() {
    for seed in [1, 2, 3] {
        let mut world = beginning(seed, Duration::ZERO, 0.02);
        world.run_for(Duration::from_secs(600)).unwrap();
        stands(&world, &format!("seed {seed}, at once"));
    }
}

#[test]
fn the_same_seed_gives_the_same_network() {
    let run = || {
        let mut world = beginning(7, Duration::from_secs(1), 0.1);
        world.run_for(Duration::from_secs(60)).unwrap();
        (world.trace_hash(), world.steps())
    };
    assert_eq!(run(), run());
}

#[test]
fn a_dead_host_cache_is_asked_ever_more_rarely_and_seen_to_be_dead() {
    let mut world = World::new(1, WorldConfig::default());
    let node = world.add_node(&Arc::new(config()), Vec::new());
    let host = "10.9.9.9".to_owned();
    world.command(node, Command::Bootstrap(vec![HostSource::Uhc { host, port: 1 }]));
    world.run_for(Duration::from_secs(3_600)).unwrap();
    let view = world.view(node).unwrap();
    assert_eq!((view.sources[0].state, view.hosts_known), (SourceState::Dead, 0));
    // After 0, 200, 580, 1,320 and 2,780 s.
    assert_eq!((view.sources[0].failures, view.neighbours.len()), (5, 0));
}
