//! How fast clusters of real servents come to stand, and what they take: 50 and 200 processes, and
//! 1,000 servents in one process, each with four neighbours.
//!
//! `cargo bench --bench cluster`. The goals: 50 within 3 s, 10 MB a process, 1,000 within 10 s and
//! 500 MB.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use filbert::cluster::{Cluster, Life, Plan, Planned, Seat};
use filbert::sim::{Dice, Topology};

const DEGREE: u32 = 4;

fn main() {
    println!(
        "  nodes  where          stands after  resident a process  of its own  taken down after"
    );
    for (nodes, seat) in [(50, Seat::Processes), (200, Seat::Processes), (1_000, Seat::InProcess)] {
        smol::block_on(measure(nodes, seat));
    }
}

async fn measure(nodes: u32, seat: Seat) {
    let place = tempfile::tempdir().expect("a folder");
    let dir = place.path().join("cluster");
    let program = Path::new(env!("CARGO_BIN_EXE_filbert"));
    let began = Instant::now();
    let cluster = Cluster::up(&dir, plan(nodes, seat), program, &|_| {}).await.expect("it stands");
    let stands_s = began.elapsed().as_secs_f64();
    let pids: BTreeSet<u32> = cluster.lives().expect("processes").iter().map(pid).collect();
    let mean_kb = |key: &str| {
        pids.iter().map(|&pid| memory_kb(pid, key)).sum::<u64>() / pids.len().max(1) as u64
    };
    let (resident_kb, own_kb) = (mean_kb("VmRSS:"), mean_kb("RssAnon:"));
    let began = Instant::now();
    cluster.down().await.expect("it is taken down");
    println!(
        "{nodes:>7}  {:<13}  {stands_s:>10.2} s  {:>15.1} MB  {:>7.1} MB  {:>14.2} s",
        if seat == Seat::InProcess { "one process" } else { "processes" },
        resident_kb as f64 / 1_024.0,
        own_kb as f64 / 1_024.0,
        began.elapsed().as_secs_f64()
    );
}

fn plan(nodes: u32, seat: Seat) -> Plan {
    let mut dice = Dice::new(1);
    let graph = Topology::RandomRegular { nodes, degree: DEGREE }.graph(&mut dice);
    let graph = graph.join_components(&mut dice);
    let planned = (0..nodes).map(|number| Planned::usual(number, nodes, false, false));
    Plan { nodes: planned.collect(), edges: graph.edges().to_vec(), seat }
}

/// The process of a node, which must run.
fn pid(life: &Life) -> u32 {
    match *life {
        Life::Running { pid } => pid,
        other => panic!("a node is {other:?}"),
    }
}

/// What the system says of a process's memory.
fn memory_kb(pid: u32, key: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(key)).expect("memory");
    line.trim_end_matches("kB").trim().parse().expect("a number")
}
