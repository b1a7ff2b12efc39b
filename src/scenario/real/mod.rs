//! Plays a scenario with real servents on this machine, and measures.
//!
//! The cast is the same as in the simulator's world: who is there, who shares what and who is meant
//! follow from the file and the seed. What differs is what this machine adds: its clock, and how
//! quick it is.

mod files;
mod limits;
mod look;
mod stage;
mod weather;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::file::Scenario;
use super::play::{self, BUILDING, Cast, Failure, Member, Outcome, Played};
use crate::cluster::{self, Cluster, ClusterError, Plan, Planned, Progress, Seat, try_all};
use crate::node::Config;
use crate::sim::NodeId;
use files::Files;
pub use limits::{capped, refused_by_file, why_not};
use stage::Servents;

/// What a node remembers of queries and hits that came to it: one in the middle of a star gets a
/// copy from everybody.
const PASSAGES_MAX: u32 = 16_384;
/// How often it is looked whether the player wants to stop.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A network that finds itself stands when nothing has changed for so long.
const STANDS_AFTER: Duration = Duration::from_secs(4);
/// Ultrapeers that a node is told of; of others it hears from them.
const TOLD_MAX: usize = 2;

/// Where and how servents are played with.
#[derive(Debug)]
pub struct Machine {
    /// The directory of the cluster; it must be missing or empty.
    pub dir: PathBuf,
    /// This program.
    pub program: PathBuf,
    /// Where the servents run.
    pub seat: Seat,
    /// Whether they are left running at the end.
    pub keep: bool,
    /// Set by whoever wants the play to stop.
    pub stop: AtomicBool,
}

impl Machine {
    fn go_on(&self) -> Outcome {
        match self.stop.load(Ordering::Relaxed) {
            true => Err(Failure::Machine("stopped before the end".to_owned())),
            false => Ok(()),
        }
    }

    /// Does something unless and until the play is to stop.
    fn wait<T, E: ToString>(&self, what: impl Future<Output = Result<T, E>>) -> Outcome<T> {
        let done = async { what.await.map_err(|error| Failure::Machine(error.to_string())) };
        let stopped = async {
            loop {
                self.go_on()?;
                smol::Timer::after(LOOK_EVERY).await;
            }
        };
        smol::block_on(smol::future::or(done, stopped))
    }

    /// Makes many calls, many at once, unless and until the play is to stop.
    fn all<T, F>(&self, calls: Vec<F>) -> Outcome<Vec<T>>
    where
        T: Send,
        F: Future<Output = Result<T, String>> + Send,
    {
        self.wait(try_all(calls))
    }
}

fn failed(error: ClusterError) -> Failure {
    Failure::Machine(error.to_string())
}

/// Plays a scenario with a seed. `draw`: whether the flood of its first query is kept for a
/// drawing. `progress` is told how much is done, 0 to 1.
///
/// # Errors
/// The scenario cannot be played by servents on this machine ([`why_not`]), or they fail. Nothing is
/// left running then, nor on disk.
pub fn run(
    scenario: &Scenario,
    seed: u64,
    draw: bool,
    machine: &Machine,
    progress: &(dyn Fn(f64) + Sync),
) -> Outcome<Played> {
    if let Some(why) = why_not(scenario, machine.seat) {
        return Err(Failure::Machine(why));
    }
    let (scenario, _) = capped(scenario);
    cluster::prepare(&machine.dir).map_err(failed)?;
    let played = play_in(&scenario, seed, draw, machine, progress);
    if machine.keep && played.is_ok() {
        return played;
    }
    match (played, smol::block_on(cluster::down(&machine.dir))) {
        (Ok(_), Err(error)) => Err(failed(error)),
        (played, _) => played,
    }
}

fn play_in(
    scenario: &Scenario,
    seed: u64,
    draw: bool,
    machine: &Machine,
    progress: &(dyn Fn(f64) + Sync),
) -> Outcome<Played> {
    let mut cast = Cast::new(scenario, seed);
    let mut stage = build(&mut cast, machine, &|part| progress(BUILDING * part))?;
    let played = play::run(cast, &mut stage, draw, &mut |part| progress(part))?;
    if !machine.keep {
        stage.end()?;
    }
    Ok(played)
}

/// The servents of the cast, connected or given time to find each other.
fn build<'m>(
    cast: &mut Cast<'_>,
    machine: &'m Machine,
    progress: &(dyn Fn(f64) + Sync),
) -> Outcome<Servents<'m>> {
    let began = Instant::now();
    let mut files = Files::new(&machine.dir);
    let members: Vec<Member> = (0..cast.nodes()).map(|node| cast.member(NodeId(node))).collect();
    let mut nodes = Vec::new();
    for (member, number) in members.iter().zip(0..) {
        let tiers = cast.has_leaves();
        let word = match member.leaf {
            true => "leaf",
            false if tiers => "ultrapeer",
            false => "node",
        };
        nodes.push(planned(member, word, number, &mut files)?);
    }
    let firewalled = |node: u32| members.get(node as usize).is_some_and(|node| node.firewalled);
    let graph = cast.graph.clone();
    // The first connects; nobody can connect to one behind a firewall.
    let edges = graph.iter().flat_map(|graph| graph.edges()).copied();
    let edges: Vec<(u32, u32)> = edges.filter(|&(_, to)| !firewalled(to)).collect();
    let plan = Plan { nodes, edges, seat: machine.seat };
    let told = |far: Progress| match far {
        Progress::Answering(some, all) => progress(0.5 * some as f64 / all.max(1) as f64),
        Progress::Linked(some, all) => progress(0.5 + 0.4 * some as f64 / all.max(1) as f64),
    };
    let up = Cluster::up(&machine.dir, plan, &machine.program, &told);
    let cluster = machine.wait(up)?;
    let mut stage = Servents::new(cluster, machine, files, cast, &members, began)?;
    if graph.is_none() {
        find_each_other(&mut stage, cast)?;
    }
    progress(1.0);
    Ok(stage)
}

/// A node as the cluster takes it, with its files in place.
fn planned(member: &Member, word: &str, number: u32, files: &mut Files) -> Outcome<Planned> {
    let config = Config { passages_max: PASSAGES_MAX, ..Config::clone(&member.config) };
    Ok(Planned {
        name: format!("{word}-{number}"),
        leaf: member.leaf,
        config,
        shares: vec![files.furnish(number, &member.files)?],
        firewalled: member.firewalled,
    })
}

/// Tells every node of some others, and waits until nothing changes any more.
fn find_each_other(stage: &mut Servents<'_>, cast: &mut Cast<'_>) -> Outcome {
    let nodes = cast.nodes();
    for node in (0..nodes).map(NodeId) {
        let known = cast.acquaintances(node, nodes, &|_| true);
        play::Stage::remember(stage, node, &known)?;
    }
    let until = Instant::now() + cast.scenario.warm_up;
    let (mut links, mut since) = (Vec::new(), Instant::now());
    while Instant::now() < until {
        stage.sleep(LOOK_EVERY * 10)?;
        let overlay = play::Stage::overlay(stage)?;
        let everybody = (0..overlay.graph.nodes())
            .all(|place| !overlay.graph.neighbours(place).is_empty() || nodes == 1);
        if overlay.graph.edges() != links.as_slice() {
            links = overlay.graph.edges().to_vec();
            since = Instant::now();
        } else if everybody && since.elapsed() > STANDS_AFTER {
            break;
        }
    }
    Ok(())
}
