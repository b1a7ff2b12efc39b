//! A living network: nodes of two tiers come, ask, and go.

use std::sync::Arc;
use std::time::Duration;

use filbert::node::Config;
use filbert::node::view::KindCount;
use filbert::sim::workload::{Churn, Conduct, Corpus, Plan, Player, Questions};
use filbert::sim::{Dice, Latency, NetConfig, TwoTiers, World, WorldConfig};

use crate::meter::cpu_or_wall;

/// Searches that are followed at once: those of a minute at real rates, and to spare.
const QUERIES_MAX: usize = 512;
/// Simulated time until all have found neighbours.
const BUILDING: Duration = Duration::from_secs(120);

/// Prints what so many seconds of so many nodes take: nine in ten are leaves, and files, questions
/// and sessions are distributed as they were measured in Gnutella.
pub(crate) fn run(nodes: u32, seconds: u32) {
    let lasting = Duration::from_secs(seconds.into());
    let (churn, questions, dice) = (Churn::default(), Questions::default(), Dice::new(3));
    let holdings = Corpus::default().place(churn.nodes(nodes, lasting), &dice);
    let latency = Latency::LogNormal { median_us: 40_000, sigma: 0.8 };
    let config = WorldConfig {
        net: NetConfig { latency, ..NetConfig::default() },
        queries_max: QUERIES_MAX,
        keep_events: false,
        ..WorldConfig::default()
    };
    let mut world = World::new(1, config);
    let node = Config { compress_links: false, local_addresses: true, ..Config::default() };
    let tiers = TwoTiers { ultrapeers: nodes / 10, leaves: nodes - nodes / 10, hosts_known: 10 };
    world.add_two_tiers(&tiers, &node, |node| holdings.shared(node));
    world.run_for(BUILDING).expect("no rule is broken");
    let asked = questions.plan(&Arc::clone(holdings.catalogue()), nodes, lasting, &dice);
    let plan = Plan::new().with(churn.plan(nodes, lasting, &dice)).with(asked);
    let mut player = Player::new(&world, holdings, plan, Conduct::default());
    let (began, messages, steps, before) =
        (cpu_or_wall(), world.messages(), world.steps(), world.traffic());
    player.play(&mut world, lasting).expect("no rule is broken");
    let took = cpu_or_wall() - began;
    let turnover = player.turnover;
    let answered = player.searches.iter().filter(|search| search.record.results > 0).count();
    println!(
        "hour: {nodes} nodes of two tiers, {seconds} s of their time, {} searches ({answered} \
         answered), {} comings and goings: {} messages and {} inputs in {took:.2} CPU s, checkers \
         on (trace {:016x})",
        player.searches.len(),
        turnover.left + turnover.returned + turnover.came,
        world.messages() - messages,
        world.steps() - steps,
        world.trace_hash()
    );
    println!("hour: {}", sent(&before, &world.traffic()));
}

/// How many descriptors of each kind were sent, in words.
fn sent(before: &[KindCount], after: &[KindCount]) -> String {
    let since = before.iter().zip(after).map(|(before, after)| (after.sent - before.sent, after));
    let text = |(sent, kind): (u64, &KindCount)| format!("{sent} of kind {:?}", kind.kind);
    since.filter(|&(sent, _)| sent > 0).map(text).collect::<Vec<_>>().join(", ")
}
