//! Plays a scenario in a simulated world, and measures.

mod ask;
mod build;
mod draw;
mod measure;
mod play;
mod stage;

use std::sync::Arc;

use super::file::{Network, Scenario};
use super::report::Run;
use crate::node::{Config, Role};
use crate::sim::Failure;
use stage::Stage;

/// What came of playing a scenario once.
#[derive(Clone, Debug, PartialEq)]
pub struct Played {
    /// What was measured.
    pub run: Run,
    /// What steps expected, in order.
    pub checks: Vec<Check>,
}

/// Something that a step expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The line of the step.
    pub line: u32,
    /// What.
    pub text: String,
    /// Whether it was so.
    pub held: bool,
    /// With the numbers in place of the names.
    pub found: String,
}

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
) -> Result<Played, Box<Failure>> {
    let mut stage = Stage::build(scenario, seed, draw, progress)?;
    stage.play(progress)?;
    let run = stage.measure();
    Ok(Played { run, checks: stage.checks })
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
        Network::TwoTier { .. } => {
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

/// The configurations of a network: one for each tier and combination of groups, shared by the
/// nodes that have it.
type Configs = Vec<(bool, Vec<usize>, Arc<Config>)>;

#[cfg(test)]
mod tests;
