//! A living network: nodes of two tiers come, ask, and go.

use std::time::Duration;

use filbert::node::io::HostRecord;
use filbert::node::{Command, Config};
use filbert::sim::{
    Dice, Fault, Latency, NetConfig, NodeId, SharedFile, TwoTiers, World, WorldConfig,
};

use crate::meter::cpu_or_wall;

/// Questions that a node asks in a minute (Sripanidkulchai).
const QUERIES_PER_MINUTE: f64 = 0.3;
/// Sessions and times away are Weibull-distributed (Stutzbach and Rejaie 2006).
const SHAPE: f64 = 0.47;
/// Half of the sessions were shorter than an hour (Saroiu, Gummadi and Gribble 2002).
const MEDIAN_S: f64 = 3_600.0;
/// Different files; popular ones are asked for and held more often.
const FILES: u64 = 1_000;
const FILES_PER_NODE: u32 = 10;

fn file(dice: &mut Dice) -> u64 {
    // Zipf with exponent 1: the logarithm of the rank is uniform.
    ((dice.unit() * (FILES as f64).ln()).exp() as u64).min(FILES)
}

fn session_s(dice: &mut Dice) -> f64 {
    let scale_s = MEDIAN_S / std::f64::consts::LN_2.powf(1.0 / SHAPE);
    scale_s * (-(1.0 - dice.unit()).ln()).powf(1.0 / SHAPE)
}

/// Prints what so many seconds of so many nodes take: nine in ten are leaves.
pub(crate) fn run(nodes: u32, seconds: u32) {
    let latency = Latency::LogNormal { median_us: 40_000, sigma: 0.8 };
    let net = NetConfig { latency, ..NetConfig::default() };
    let config = WorldConfig { net, keep_events: false, ..WorldConfig::default() };
    let (mut world, mut dice) = (World::new(1, config), Dice::new(3));
    let node = Config { compress_links: false, local_addresses: true, ..Config::default() };
    let tiers = TwoTiers { ultrapeers: nodes / 10, leaves: nodes - nodes / 10, hosts_known: 10 };
    let mut files = dice.derive("files");
    let population = world.add_two_tiers(&tiers, &node, |_| {
        let mut name = |index| {
            let number = file(&mut files);
            SharedFile::unhashed(index, &format!("file number{number} of many.txt"), 1_000, number)
        };
        (1..=FILES_PER_NODE).map(&mut name).collect()
    });
    world.run_for(Duration::from_secs(120)).expect("no rule is broken");
    // When each node comes or goes next, from now.
    let mut turns: Vec<f64> = (0..nodes).map(|_| session_s(&mut dice)).collect();
    let (began, messages, steps) = (cpu_or_wall(), world.messages(), world.steps());
    let (mut asked, mut turned, mut now_s) = (0, 0, 0.0);
    while now_s < f64::from(seconds) {
        let next_query_s =
            -(1.0 - dice.unit()).ln() * 60.0 / (QUERIES_PER_MINUTE * f64::from(nodes));
        world.run_for(Duration::from_secs_f64(next_query_s)).expect("no rule is broken");
        now_s += next_query_s;
        for node in (0..nodes).map(NodeId) {
            let turn = &mut turns[node.0 as usize];
            if *turn > now_s {
                continue;
            }
            *turn = now_s + session_s(&mut dice);
            turned += 1;
            if world.is_alive(node) {
                world.befall(Fault::Kill(node));
            } else {
                world.befall(Fault::Restart(node));
                let known = (0..10).filter_map(|_| dice.pick(&population.ultrapeers));
                let records = known.map(|&known| HostRecord::new(world.address(known))).collect();
                world.command(node, Command::Remember(records));
            }
        }
        let asker = NodeId(dice.below(nodes.into()) as u32);
        if world.is_alive(asker) {
            world.search(asker, &format!("number{} file", file(&mut dice)), 4);
            asked += 1;
        }
    }
    println!(
        "hour: {nodes} nodes of two tiers, {seconds} s of their time, {asked} searches, {turned} \
         comings and goings: {} messages and {} inputs in {:.2} CPU s, checkers on (trace {:016x})",
        world.messages() - messages,
        world.steps() - steps,
        cpu_or_wall() - began,
        world.trace_hash()
    );
}
