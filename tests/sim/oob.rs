//! Hits out of band in whole worlds: with loss, duplicates and reordering, and with a firewall.

use std::time::Duration;

use crate::worlds::{config, graph, one_file, results, standing, world_config};
use filbert::node::config::Forward;
use filbert::node::io::SearchId;
use filbert::node::{Command, Config};
use filbert::sim::{Latency, NetConfig, NodeId, Topology, World, WorldConfig};
use filbert::wire::Kind;

const NODES: u32 = 40;

/// A ring with chords in which everybody shares a file and knows whether datagrams reach it.
fn open_world(seed: u64, net: NetConfig, firewalled: &[NodeId]) -> World {
    let world = WorldConfig { net, ..world_config(net.latency, false) };
    let graph = graph(Topology::RandomRegular { nodes: NODES, degree: 3 }, seed);
    let config = Config { out_of_band: true, ..config(Forward::HigherTtl) };
    let mut world = standing(seed, world, &graph, config, one_file);
    firewalled.iter().for_each(|&node| world.set_reachable(node, false));
    // Strangers' pings come to each of them; some get lost.
    for round in 1..=6 {
        for node in 0..NODES {
            let host = world.address(NodeId(node));
            world.command(NodeId((node + 7 * round) % NODES), Command::AskForHosts { host });
        }
    }
    world.run_for(Duration::from_secs(30)).unwrap();
    world
}

fn search(world: &mut World) -> SearchId {
    let search = world.search(NodeId(0), "common", NODES as u8);
    world.run_for(Duration::from_secs(120)).unwrap();
    search
}

/// Hits that all nodes sent over links.
fn hits_over_links(world: &World) -> u64 {
    let sent = |node| world.view(NodeId(node)).map_or(0, |view| view.messages(Kind::QUERY_HIT).1);
    (0..NODES).map(sent).sum()
}

#[test]
fn hits_come_straight_and_only_neighbours_answer_over_their_link() {
    let net =
        NetConfig { latency: Latency::Exponential { mean_us: 50_000 }, ..NetConfig::default() };
    for seed in 1..=5 {
        let mut world = open_world(seed, net, &[]);
        let search = search(&mut world);
        assert_eq!(results(&world, NodeId(0), search), NODES as usize - 1, "seed {seed}");
        assert_eq!(hits_over_links(&world), 3, "seed {seed}");
    }
}

#[test]
fn loss_duplicates_and_reordering_cost_a_few_hits_and_nothing_else() {
    let net = NetConfig {
        latency: Latency::Exponential { mean_us: 200_000 },
        datagram_loss: 0.1,
        datagram_duplicate: 0.3,
        ..NetConfig::default()
    };
    let mut found = 0;
    for seed in 1..=10 {
        let mut world = open_world(seed, net, &[]);
        let of = search(&mut world);
        found += results(&world, NodeId(0), of);
        assert!(results(&world, NodeId(0), of) < NODES as usize, "seed {seed}: nothing twice");
        let mut again = open_world(seed, net, &[]);
        search(&mut again);
        assert_eq!(world.trace_hash(), again.trace_hash(), "seed {seed}");
    }
    // Of what is asked for, only a hit itself that gets lost is not said again.
    let share = found as f64 / (10.0 * f64::from(NODES - 1));
    assert!(share > 0.85, "{share}");
}

#[test]
fn behind_a_firewall_nothing_is_lost() {
    let net = NetConfig::default();
    for seed in 1..=3 {
        let mut world = open_world(seed, net, &[NodeId(0)]);
        let of_asker = search(&mut world);
        assert_eq!(results(&world, NodeId(0), of_asker), NODES as usize - 1, "seed {seed}");
        let all_but_asker: Vec<NodeId> = (1..NODES).map(NodeId).collect();
        let mut world = open_world(seed, net, &all_but_asker);
        let of_open = search(&mut world);
        assert_eq!(results(&world, NodeId(0), of_open), NODES as usize - 1, "seed {seed}");
    }
}
