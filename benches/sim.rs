//! The simulator's speed and size, checkers on: descriptors delivered a second on one core for a
//! flat flood over 10,000 nodes of degree 4, and memory of an idle node in a world of 100,000.
//!
//! `cargo bench --bench sim` prints both; `cargo bench --bench sim -- 1000000` measures the memory
//! of so many nodes instead. Nothing is asserted: machines differ.

use std::fs;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use filbert::node::Config;
use filbert::sim::{Dice, Latency, NetConfig, NodeId, Topology, World, WorldConfig};

const FLOOD_NODES: u32 = 10_000;
const FLOOD_QUERIES: u32 = 200;
const IDLE_NODES: u32 = 100_000;

fn main() {
    // `cargo bench` adds `--bench`, `cargo test` runs benches with `--test`: then one is enough.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--test") {
        return flood(100, 2);
    }
    let nodes = arguments.iter().find_map(|argument| argument.parse().ok());
    idle(nodes.unwrap_or(IDLE_NODES));
    if nodes.is_none() {
        flood(FLOOD_NODES, FLOOD_QUERIES);
    }
}

/// A random 4-regular world with all its links up.
fn world(nodes: u32, queries_max: usize) -> World {
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

fn flood(nodes: u32, queries: u32) {
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
                 {took:.2} CPU s, {:.2} million a second, checkers on",
                sent as f64 / took / 1e6
            );
        }
    }
}

fn idle(nodes: u32) {
    let before = resident_bytes();
    let began = cpu_or_wall();
    let world = world(nodes, 16);
    let took = cpu_or_wall() - began;
    match (before, resident_bytes()) {
        (Some(before), Some(after)) => println!(
            "idle: {nodes} nodes of degree 4, linked in {took:.1} CPU s: {} bytes a node",
            after.saturating_sub(before) / u64::from(nodes)
        ),
        _ => println!("idle: {nodes} nodes linked in {took:.1} CPU s; memory is not known here"),
    }
    // The system takes it back in no time.
    std::mem::forget(world);
}

/// Seconds that this process has had a core, where the system tells, so that a busy machine does
/// not count; otherwise seconds by the clock.
fn cpu_or_wall() -> f64 {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    let schedstat = fs::read_to_string("/proc/self/schedstat").ok();
    let cpu_ns = schedstat.as_deref().and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    cpu_ns.map_or_else(|| BEGAN.get_or_init(Instant::now).elapsed().as_secs_f64(), |ns| ns / 1e9)
}

/// Resident memory of this process, where the system tells.
fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kb| kb * 1024)
}
