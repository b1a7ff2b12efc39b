//! What a node at rest takes.

use crate::flood::world;
use crate::meter::{cpu_or_wall, resident_bytes};

/// Prints the memory of a node in a world of so many that stand and are silent.
pub(crate) fn run(nodes: u32) {
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
