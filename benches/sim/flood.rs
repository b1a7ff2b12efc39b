//! A flat flood: descriptors delivered a second on one core.

use std::sync::Arc;
use std::time::Duration;

use filbert::node::Config;
use filbert::sim::{Dice, Latency, NetConfig, NodeId, Topology, World, WorldConfig};

use crate::meter::cpu_or_wall;

/// Descriptors that a measurement has at least, about.
const MESSAGES_MIN: u32 = 800_000;

/// How many queries of TTL 7 make a measurement in a world of so many nodes.
pub(crate) fn queries(nodes: u32) -> u32 {
    MESSAGES_MIN / nodes.saturating_mul(3).clamp(1, 4_000)
}

/// A random 4-regular world with all its links up.
pub(crate) fn world(nodes: u32, queries_max: usize) -> World {
    let graph = Topology::RandomRegular { nodes, degree: 4 }.graph(&mut Dice::new(1));
    let config = Config {
        auto_connect: false,
        compress_links: false,
        local_addresses: true,
        ..Config::flat()
    };
    let net =
        NetConfig { latency: Latency::Exponential { mean_us: 50_000 }, ..NetConfig::default() };
    let world_config = WorldConfig { net, queries_max, keep_events: false, ..Default::default() };
    let mut world = World::new(1, world_config);
    world.add_nodes(&graph, &Arc::new(config), |_| vec![]);
    world.settle().expect("no rule is broken");
    world
}

/// Prints how fast queries are delivered in a world of so many nodes.
pub(crate) fn run(nodes: u32, queries: u32) {
    let mut world = world(nodes, 64);
    let mut dice = Dice::new(2);
    // The tables of the nodes grow with the first queries.
    for measured in [false, true] {
        let (messages, began) = (world.messages(), cpu_or_wall());
        for _ in 0..queries {
            let origin = NodeId(dice.below(nodes.into()) as u32);
            world.search(origin, "what nobody shares", 7);
            world.run_for(Duration::from_millis(20)).expect("no rule is broken");
        }
        world.settle().expect("no rule is broken");
        let (sent, took) = (world.messages() - messages, cpu_or_wall() - began);
        if measured {
            println!(
                "flood: {nodes} nodes of degree 4, {queries} queries of TTL 7: {sent} messages in \
                 {took:.2} CPU s, {:.2} million a second, checkers on (trace {:016x})",
                sent as f64 / took / 1e6,
                world.trace_hash()
            );
        }
    }
}
