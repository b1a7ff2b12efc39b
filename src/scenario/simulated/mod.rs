//! Plays a scenario in a simulated world, and measures.

mod stage;

use super::file::{Network, Nodes, Scenario};
use super::play::{self, BUILDING, Cast, Outcome, Played};
use super::recording::recording;
use crate::node::{Config, Role};
use crate::sim::{NodeId, World};
use stage::Simulated;

/// Plays a scenario with a seed. `draw`: whether the flood of its first query is kept for a
/// drawing. `progress` is told how much is done, 0 to 1.
///
/// # Errors
/// If a node broke a rule of the checkers: a bug in filbert.
pub fn run(
    scenario: &Scenario,
    seed: u64,
    draw: bool,
    progress: &mut dyn FnMut(f64),
) -> Outcome<Played> {
    run_in(&mut stage::world(scenario, seed, &[]), scenario, seed, draw, progress)
}

fn run_in(
    world: &mut World,
    scenario: &Scenario,
    seed: u64,
    draw: bool,
    progress: &mut dyn FnMut(f64),
) -> Outcome<Played> {
    let mut cast = Cast::new(scenario, seed);
    let mut stage = Simulated::build(&mut cast, world, &mut |part| progress(BUILDING * part))?;
    play::run(cast, &mut stage, draw, progress)
}

/// Plays it once more and records these nodes, each in the form that `filbert replay` reads: its last
/// process, from its start on. It goes as before; a rule that is broken again ends it there.
pub fn recordings(
    scenario: &Scenario,
    seed: u64,
    nodes: &[NodeId],
    progress: &mut dyn FnMut(f64),
) -> Vec<(NodeId, Vec<u8>)> {
    let mut world = stage::world(scenario, seed, nodes);
    let _ = run_in(&mut world, scenario, seed, false, progress);
    let recorded = |&node: &NodeId| Some((node, recording(world.tape(node)?)));
    nodes.iter().filter_map(recorded).collect()
}

/// The nodes of the beginning that a phrase means with this seed.
pub fn named(scenario: &Scenario, seed: u64, nodes: &Nodes) -> Vec<NodeId> {
    let mut cast = Cast::new(scenario, seed);
    let all = cast.nodes();
    cast.choose(nodes, all, &|_| true)
}

/// How a node is set up in a network if the file says nothing else.
///
/// In a graph that is given, nodes keep the neighbours it gives them and let queries go as far as
/// the file may want; where nodes find each other, they are as on the public network. Links are in
/// the clear so that the checkers see every descriptor.
pub(super) fn usual_config(network: &Network, leaf: bool) -> Config {
    let nodes = network.nodes();
    let common = Config { compress_links: false, local_addresses: true, ..Config::default() };
    match network {
        Network::TwoTier { .. } | Network::Emergent { .. } => {
            let role = if leaf { Role::Leaf } else { Role::Ultrapeer };
            Config { role, auto_connect: true, ..common }
        }
        Network::Graph { .. } | Network::EdgeList { .. } => Config {
            ttl_and_hops_max: u8::MAX,
            neighbours_max: u16::MAX,
            auto_connect: false,
            connections_max: common.connections_max.max(nodes.saturating_mul(2)),
            unknown_connections_max: common.unknown_connections_max.max(nodes),
            searches_max: u16::MAX,
            compress_links: false,
            local_addresses: true,
            ..Config::flat()
        },
    }
}

#[cfg(test)]
mod tests;
