//! Hits out of band in whole worlds: with loss, duplicates and reordering, and with a firewall.

use std::sync::Arc;
use std::time::Duration;

use crate::worlds::{config, graph, one_file, results, world_config};
use filbert::node::config::Forward;
use filbert::node::{Command, Config};
use filbert::sim::{Graph, Latency, NetConfig, NodeId, Topology, World, WorldConfig};
use filbert::wire::Kind;

const NODES: u32 = 40;

/// Random links, everybody shares a file and finds out by itself whether datagrams reach it.
/// Those behind a firewall only connect out.
fn world(seed: u64, net: NetConfig, firewalled: &[NodeId]) -> World {
    let mut world = World::new(seed, WorldConfig { net, ..world_config(net.latency, false) });
    let config = Config { out_of_band: true, local_is_open: false, ..config(Forward::HigherTtl) };
    world.add_nodes(&links(seed), &Arc::new(config), one_file);
    firewalled.iter().for_each(|&node| world.set_reachable(node, false));
    world.settle().unwrap();
    // Strangers' pings come to each of them; some get lost.
    for round in 1..=6 {
        for node in 0..NODES {
            let host = world.address(NodeId(node));
            world.command(NodeId((node + 7 * round) % NODES), Command::AskForHosts { host });
        }
    }
    world.run_for(Duration::from_secs(120)).unwrap();
    world
}

fn links(seed: u64) -> Graph {
    graph(Topology::RandomRegular { nodes: NODES, degree: 3 }, seed)
}

/// Nodes that connect to all their neighbours and are connected to by none.
fn only_dialling(seed: u64) -> Vec<NodeId> {
    let links = links(seed);
    let is_dialled = |node: u32| links.edges().iter().any(|&(_, b)| b == node);
    (0..NODES).filter(|&node| !is_dialled(node)).map(NodeId).collect()
}

fn search(world: &mut World, from: NodeId) -> usize {
    let search = world.search(from, "common", NODES as u8);
    world.run_for(Duration::from_secs(120)).unwrap();
    results(world, from, search)
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
        let mut world = world(seed, net, &[]);
        assert_eq!(search(&mut world, NodeId(0)), NODES as usize - 1, "seed {seed}");
        // A neighbour that the query reached by a longer way first answers by UDP, too.
        assert!((1..=3).contains(&hits_over_links(&world)), "seed {seed}");
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
    let (mut found, mut over_links) = (0, 0);
    for seed in 1..=10 {
        let mut one = world(seed, net, &[]);
        let results = search(&mut one, NodeId(0));
        assert!(results < NODES as usize, "seed {seed}: nothing twice");
        (found, over_links) = (found + results, over_links + hits_over_links(&one));
        let mut again = world(seed, net, &[]);
        assert_eq!(search(&mut again, NodeId(0)), results, "seed {seed}");
        assert_eq!(one.trace_hash(), again.trace_hash(), "seed {seed}");
    }
    // Of what is asked for, only a hit itself that gets lost is not said again.
    let share = found as f64 / (10.0 * f64::from(NODES - 1));
    assert!(share > 0.85, "{share}");
    assert!(over_links < 10 * 10, "{over_links} hits over links: that is no test");
}

#[test]
fn behind_a_firewall_nothing_is_lost() {
    let net = NetConfig::default();
    for seed in 1..=3 {
        let mut one = world(seed, net, &[NodeId(0)]);
        assert_eq!(search(&mut one, NodeId(0)), NODES as usize - 1, "seed {seed}");
        assert!(hits_over_links(&one) > u64::from(NODES), "seed {seed}");
        // Holders that cannot be reached answer over their links, the others straight.
        let firewalled = only_dialling(seed);
        assert!(firewalled.len() > 1, "seed {seed}");
        let mut other = world(seed, net, &firewalled);
        assert_eq!(search(&mut other, NodeId(NODES - 1)), NODES as usize - 1, "seed {seed}");
    }
}
