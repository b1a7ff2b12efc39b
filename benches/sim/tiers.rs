//! A world of two tiers with query routing tables: what it costs to build, and whether it answers.

use std::time::Duration;

use filbert::node::{Config, Relation};
use filbert::sim::workload::Corpus;
use filbert::sim::{Dice, Latency, NetConfig, NodeId, Population, TwoTiers, World, WorldConfig};

use crate::meter::{cpu_or_wall, resident_bytes};

/// Leaves that hang on one ultrapeer, in the mean: each hangs on four.
const LEAVES_EACH: u32 = 120;
/// Hosts that a node remembers: there are only so many ultrapeers that it could need.
const HOSTS_MAX: u32 = 64;
/// Simulated time until all have found neighbours and told their tables.
const BUILDING: Duration = Duration::from_secs(90);
/// Questions to a world of two tiers, each for a file that somebody has, all at once.
const QUESTIONS: u32 = 20;
/// Simulated time until they are answered.
const ANSWERING: Duration = Duration::from_secs(60);

/// Prints what a world of so many nodes costs: seven of ten share nothing, the others what Zipf's
/// law gives them.
pub(crate) fn run(nodes: u32) {
    let before = resident_bytes();
    let began = cpu_or_wall();
    let ultrapeers = (nodes * 4 / (LEAVES_EACH + 4)).max(4);
    let files = (nodes / 10).clamp(20, 20_000);
    let corpus = Corpus { files, copies_share: 3.0 / f64::from(files), ..Corpus::default() };
    let holdings = corpus.place(nodes, &Dice::new(3));
    let net = NetConfig {
        latency: Latency::LogNormal { median_us: 40_000, sigma: 0.8 },
        ..NetConfig::default()
    };
    let world_config = WorldConfig {
        net,
        queries_max: QUESTIONS as usize,
        keep_events: false,
        ..Default::default()
    };
    let mut world = World::new(1, world_config);
    let config = Config {
        compress_links: false,
        local_addresses: true,
        hosts_max: HOSTS_MAX,
        ..Config::default()
    };
    let population = world.add_two_tiers(
        &TwoTiers { ultrapeers, leaves: nodes - ultrapeers, hosts_known: 12 },
        &config,
        |node| holdings.shared(node),
    );
    pass(&mut world, BUILDING, began);
    let took = cpu_or_wall() - began;
    let memory = memory_since(before, nodes);
    println!("tiers: {nodes} nodes built in {took:.1} CPU s: {memory}");
    tell_links(&world, &population);
    let (began, messages) = (cpu_or_wall(), world.messages());
    let mut dice = Dice::new(4);
    let mut searches = Vec::new();
    for _ in 0..QUESTIONS {
        let Some(&asker) = dice.pick(&population.leaves) else { return };
        let file = dice.below(files.into()) as u32;
        searches.push((asker, world.search(asker, holdings.catalogue().name(file), 4)));
    }
    pass(&mut world, ANSWERING, began);
    let found = |&(asker, search): &(_, _)| {
        world.measure_search(asker, search).is_some_and(|record| record.results > 0)
    };
    let answered = searches.iter().filter(|search| found(search)).count();
    let (took, messages) = (cpu_or_wall() - began, world.messages() - messages);
    let memory = memory_since(before, nodes);
    println!(
        "tiers: {answered} of {QUESTIONS} searches for what somebody shares found it, in \
         {took:.1} CPU s with {messages} messages; then {memory}"
    );
    std::mem::forget(world);
}

/// Lets so much time pass, and says how far it is: a large world takes long for it.
fn pass(world: &mut World, time: Duration, began: f64) {
    for tenth in 1..=10 {
        world.run_for(time / 10).expect("no rule is broken");
        let cpu_s = cpu_or_wall() - began;
        eprintln!("tiers: {tenth} of 10 parts of {time:?} have passed after {cpu_s:.1} CPU s");
    }
}

fn tell_links(world: &World, population: &Population) {
    let (mut links, mut tables, mut slots) = (0, 0, 0_u64);
    for &node in &population.ultrapeers {
        let Some(view) = world.view(node) else { continue };
        links += view.neighbours.iter().filter(|link| link.relation == Relation::Peer).count();
        tables += view.neighbours.iter().filter(|link| link.table_percent.is_some()).count();
        slots += u64::from(view.told_slots.unwrap_or(0));
    }
    let hanging = |&leaf: &NodeId| world.view(leaf).map_or(0, |view| view.neighbours.len());
    let hanging: usize = population.leaves.iter().map(hanging).sum();
    println!(
        "tiers: {} ultrapeers with {:.1} others and {:.1} leaves each hold {:.1} tables; their own \
         have {} slots; a leaf hangs on {:.2}",
        population.ultrapeers.len(),
        links as f64 / population.ultrapeers.len() as f64,
        hanging as f64 / population.ultrapeers.len() as f64,
        tables as f64 / population.ultrapeers.len() as f64,
        slots / population.ultrapeers.len() as u64,
        hanging as f64 / population.leaves.len() as f64,
    );
}

/// What a world takes, in words.
fn memory_since(before: Option<u64>, nodes: u32) -> String {
    match (before, resident_bytes()) {
        (Some(before), Some(after)) => {
            let bytes = after.saturating_sub(before);
            format!("{} MB, {} bytes a node", bytes >> 20, bytes / u64::from(nodes))
        }
        _ => "memory is not known here".to_owned(),
    }
}
