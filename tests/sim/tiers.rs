//! Two tiers: leaves find ultrapeers, lose them, and find others without a storm.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use filbert::node::config::Forward;
use filbert::node::{Config, Event, Relation, Role, Tier, Time, Why};
use filbert::sim::{Dice, Fault, Latency, NodeId, Population, TwoTiers, World};

use crate::worlds::{config, one_file, results, world_config};

const MINUTE: Duration = Duration::from_secs(60);
const TIERS: TwoTiers = TwoTiers { ultrapeers: 40, leaves: 400, hosts_known: 12 };

/// Small numbers, so that a small world has the shape of a large one: each leaf hangs on 4 of 40.
fn tiers() -> Config {
    Config {
        neighbours_wanted: 6,
        neighbours_max: 16,
        leaves_max: 80,
        ..config(Forward::HigherTtl)
    }
}

fn standing(seed: u64) -> (World, Population) {
    let latency = Latency::LogNormal { median_us: 40_000, sigma: 0.8 };
    let mut world = World::new(seed, world_config(latency, true));
    let population = world.add_two_tiers(&TIERS, &tiers(), one_file);
    world.run_for(2 * MINUTE).unwrap();
    (world, population)
}

/// On how many ultrapeers a leaf hangs.
fn attached(world: &World, leaf: NodeId) -> usize {
    let neighbours = world.view(leaf).expect("lives").neighbours;
    assert!(neighbours.iter().all(|link| link.relation == Relation::Ultrapeer));
    neighbours.len()
}

fn choose(seed: u64, of: &[NodeId], count: usize) -> BTreeSet<NodeId> {
    let mut order = of.to_vec();
    Dice::new(seed).derive("chosen").shuffle(&mut order);
    order.into_iter().take(count).collect()
}

/// The most connections that one of these nodes took or refused in one second.
fn connects_per_s(world: &World, nodes: &[NodeId], since: Time) -> u64 {
    let mut seconds = BTreeMap::new();
    for &node in nodes {
        for (at, event) in world.said(node).iter().filter(|(at, _)| *at >= since) {
            if matches!(event, Event::LinkUp { incoming: true, .. }) {
                *seconds.entry((node, at.since(since).as_secs())).or_insert(0) += 1;
            }
        }
    }
    seconds.into_values().max().unwrap_or(0)
}

fn refusals(world: &World, nodes: &[NodeId]) -> u64 {
    let refused = |&node: &NodeId| world.view(node).expect("lives").count(Why::NoSlot);
    nodes.iter().map(refused).sum()
}

#[test]
fn every_leaf_hangs_on_as_many_ultrapeers_as_it_wants_and_on_no_leaf() {
    let (world, Population { ultrapeers, leaves }) = standing(1);
    for &leaf in &leaves {
        assert_eq!(attached(&world, leaf), 4);
        assert_eq!(world.view(leaf).expect("lives").tier, Tier::Leaf);
    }
    for &node in &ultrapeers {
        let slots = world.view(node).expect("lives").slots;
        assert!((6..=20).contains(&slots.ultrapeers), "{slots:?}");
        assert!(slots.leaves <= 80, "{slots:?}");
    }
}

/// 30 % of the ultrapeers die at once.
#[test]
fn leaves_find_other_ultrapeers_without_a_storm() {
    for seed in 1..=3 {
        let (mut world, Population { ultrapeers, leaves }) = standing(seed);
        let dead = choose(seed, &ultrapeers, 12);
        let alive: Vec<NodeId> =
            ultrapeers.iter().copied().filter(|node| !dead.contains(node)).collect();
        let (at, refused) = (world.now(), refusals(&world, &alive));
        dead.iter().for_each(|&node| world.kill(node));
        world.run_for(MINUTE).unwrap();
        for &leaf in &leaves {
            assert_eq!(attached(&world, leaf), 4, "seed {seed}: {leaf}");
        }
        // 480 slots were lost; the 28 survivors took 17 new leaves each on average.
        let most = connects_per_s(&world, &alive, at);
        assert!(most <= 10, "seed {seed}: {most} connects to one survivor in one second");
        let refused = refusals(&world, &alive) - refused;
        assert!(refused <= 480, "seed {seed}: {refused} came in vain");
    }
}

/// The same, but the dead go without a word: their connections stay half-open. A leaf that lost
/// all its ultrapeers notices that sooner than one that has some left.
#[test]
fn leaves_notice_ultrapeers_that_vanish_and_find_others_without_a_storm() {
    for seed in 1..=3 {
        let (mut world, Population { ultrapeers, leaves }) = standing(seed);
        // Eight that chance chooses, and all four of each of the first leaves, up to twelve.
        let mut gone = choose(seed, &ultrapeers, 8);
        for leaf in &leaves {
            let theirs = world.view(*leaf).expect("lives").neighbours;
            let theirs: Vec<_> = theirs.iter().map(|link| link.peer).collect();
            let hers = ultrapeers.iter().filter(|&&node| theirs.contains(&world.address(node)));
            let with_hers: BTreeSet<_> = gone.iter().chain(hers).copied().collect();
            if with_hers.len() <= 12 {
                gone = with_hers;
            }
        }
        assert_eq!(gone.len(), 12);
        let alive: Vec<NodeId> =
            ultrapeers.iter().copied().filter(|node| !gone.contains(node)).collect();
        let living: BTreeSet<_> = alive.iter().map(|&node| world.address(node)).collect();
        let hangs_on = |world: &World, leaf| {
            let neighbours = world.view(leaf).expect("lives").neighbours;
            neighbours.iter().filter(|link| living.contains(&link.peer)).count()
        };
        // All hear something at the same time, so that all notice at the same time.
        world.search(alive[0], "common", 30);
        world.run_for(Duration::from_secs(5)).unwrap();
        let (at, refused) = (world.now(), refusals(&world, &alive));
        gone.iter().for_each(|&node| world.befall(Fault::Vanish(node)));
        let lost_all = leaves.iter().filter(|&&leaf| hangs_on(&world, leaf) == 0).count();
        assert!(lost_all > 0, "seed {seed}");
        world.run_for(MINUTE).unwrap();
        for &leaf in &leaves {
            assert!(hangs_on(&world, leaf) > 0, "seed {seed}: {leaf} is cut off");
        }
        world.run_for(MINUTE).unwrap();
        for &leaf in &leaves {
            assert_eq!(hangs_on(&world, leaf), 4, "seed {seed}: {leaf}");
            assert_eq!(attached(&world, leaf), 4, "seed {seed}: {leaf}");
        }
        let most = connects_per_s(&world, &alive, at);
        assert!(most <= 10, "seed {seed}: {most} connects to one survivor in one second");
        let refused = refusals(&world, &alive) - refused;
        assert!(refused <= 480, "seed {seed}: {refused} came in vain");
    }
}

/// Half of all nodes die at once, and the others find what they hold.
#[test]
fn the_surviving_half_finds_what_it_holds() {
    for seed in 1..=2 {
        let (mut world, Population { ultrapeers, leaves }) = standing(seed);
        let dead: Vec<NodeId> =
            choose(seed, &ultrapeers, 20).into_iter().chain(choose(seed, &leaves, 200)).collect();
        dead.iter().for_each(|&node| world.kill(node));
        world.run_for(3 * MINUTE).unwrap();
        let asker = *leaves.iter().find(|leaf| !dead.contains(leaf)).expect("some live");
        let search = world.search(asker, "common", 30);
        world.run_for(MINUTE).unwrap();
        assert_eq!(results(&world, asker, search), 219, "seed {seed}");
    }
}

/// Nodes that choose their tier themselves: ultrapeers tell newcomers when there are enough of
/// them, and everybody finds everything.
#[test]
fn guidance_makes_leaves_where_ultrapeers_abound() {
    let latency = Latency::LogNormal { median_us: 40_000, sigma: 0.8 };
    for seed in 1..=2 {
        let mut world = World::new(seed, world_config(latency, true));
        let small = Config { neighbours_wanted: 3, neighbours_max: 8, leaves_max: 40, ..tiers() };
        let auto = Config { role: Role::Auto, auto_connect: true, ..small };
        let auto = Arc::new(auto);
        let nodes: Vec<NodeId> =
            (0..40).map(|node| world.add_node(&auto, one_file(NodeId(node)))).collect();
        for &node in &nodes[1..] {
            world.connect(node, nodes[0]);
            world.run_for(Duration::from_secs(1)).unwrap();
        }
        world.run_for(5 * MINUTE).unwrap();
        let tier = |world: &World, node| world.view(node).expect("lives").tier;
        let leaves = nodes.iter().filter(|&&node| tier(&world, node) == Tier::Leaf).count();
        assert!((10..40).contains(&leaves), "seed {seed}: {leaves}");
        let search = world.search(nodes[7], "common", 30);
        world.run_for(MINUTE).unwrap();
        assert_eq!(results(&world, nodes[7], search), 39, "seed {seed}: {leaves} leaves");
        // It has come to rest: nobody changes any more.
        let switched = |world: &World| -> u64 {
            nodes
                .iter()
                .map(|&node| world.view(node).expect("lives").count(Why::RoleSwitched))
                .sum()
        };
        let before = switched(&world);
        world.run_for(10 * MINUTE).unwrap();
        assert_eq!(switched(&world), before, "seed {seed}");
    }
}
