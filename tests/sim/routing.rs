//! Query routing in simulated worlds: leaves get only what they may have, and the last hop is
//! saved as the arithmetic says.

use std::collections::BTreeSet;
use std::time::Duration;

use filbert::library::route_table::{Keys, LOG2, SlotSet};
use filbert::node::Config;
use filbert::node::config::Forward;
use filbert::sim::{Latency, NodeId, SharedFile, Topology, TwoTiers, World};
use filbert::wire::Kind;
use filbert::wire::qrp::{hash, slot};

use crate::worlds::{config, graph, results, standing, world_config};

const LATENCY: Latency = Latency::LogNormal { median_us: 40_000, sigma: 0.8 };

fn flooding() -> Config {
    Config { results_per_search_max: 10_000, ..config(Forward::HigherTtl) }
}

fn routing() -> Config {
    Config { query_routing: true, ..flooding() }
}

/// The name of the one file that a node shares: a word that some have, and one of its own.
fn name(node: NodeId) -> String {
    let group = ["apricot", "blackberry", "cherry", "damson", "elderberry"][node.0 as usize % 5];
    format!("{group} number{}.txt", node.0)
}

fn one_named(node: NodeId) -> Vec<SharedFile> {
    vec![SharedFile::unhashed(1, &name(node), 1_000, u64::from(node.0))]
}

/// The table of what one node shares.
fn table(node: NodeId) -> SlotSet {
    let name = name(node);
    let words = name.split([' ', '.']).map(|word| slot(hash(word.as_bytes()), LOG2));
    SlotSet::with(LOG2, words)
}

#[test]
fn a_query_reaches_a_leaf_only_if_its_table_may_match() {
    for seed in 1..=3 {
        let mut world = World::new(seed, world_config(LATENCY, true));
        let tiers = TwoTiers { ultrapeers: 12, leaves: 150, hosts_known: 8 };
        let config = Config { leaves_max: 80, neighbours_wanted: 4, ..routing() };
        let population = world.add_two_tiers(&tiers, &config, one_named);
        // Every table has been told, and told on.
        world.run_for(Duration::from_secs(240)).unwrap();
        let origin = population.ultrapeers[seed as usize];
        for text in ["apricot", "cherry number52", "number77 txt", "nothing", "damson or apricot"] {
            let keys = Keys::of_text(text);
            let search = world.search(origin, text, 5);
            world.run_for(Duration::from_secs(20)).unwrap();
            let record = world.measure_search(origin, search).expect("the query left");
            let reached: BTreeSet<NodeId> = record.reached().into_iter().collect();
            let of_leaves: BTreeSet<NodeId> =
                population.leaves.iter().filter(|leaf| reached.contains(leaf)).copied().collect();
            let may: BTreeSet<NodeId> = population
                .leaves
                .iter()
                .filter(|&&leaf| table(leaf).may_match(&keys))
                .copied()
                .collect();
            assert_eq!(of_leaves, may, "seed {seed}, {text}");
            // Whoever has it answers, and the answer comes home.
            let words: Vec<&str> = text.split(' ').collect();
            let has = |node: NodeId| {
                let name = name(node);
                words.iter().all(|word| name.split([' ', '.']).any(|own| own == *word))
            };
            let all = population.ultrapeers.iter().chain(&population.leaves);
            let expected = all.filter(|&&node| node != origin && has(node)).count();
            assert_eq!(results(&world, origin, search), expected, "seed {seed}, {text}");
        }
    }
}

/// In a tree of a degree, a flood of a TTL reaches most ultrapeers on its last hop. All these
/// copies are saved but those to ultrapeers that have what is sought.
#[test]
fn the_last_hop_saves_what_the_arithmetic_says() {
    // The published share at degree 6 and TTL 7, which a smaller tree of the same degree shows too.
    let ring = |degree: u64, hop: u32| degree * (degree - 1).pow(hop - 1);
    let reach = |degree, ttl| (1..=ttl).map(|hop| ring(degree, hop)).sum::<u64>();
    let share = |degree, ttl| ring(degree, ttl) as f64 / reach(degree, ttl) as f64;
    assert!((share(6, 7) - 0.800).abs() < 0.0005 && (share(32, 3) - 0.968).abs() < 0.0005);
    for (degree, ttl) in [(6, 4), (10, 3), (4, 4)] {
        let graph = graph(Topology::Tree { degree, depth: ttl }, 1);
        let degree = u64::from(degree);
        assert_eq!(u64::from(graph.nodes()), 1 + reach(degree, ttl));
        let latency = Latency::Constant { us: 20_000 };
        let mut copies = Vec::new();
        for config in [flooding(), routing()] {
            let mut world = standing(1, world_config(latency, false), &graph, config, one_named);
            world.run_for(Duration::from_secs(5)).unwrap();
            let root = NodeId(0);
            let mut ask = |text: &str| {
                let search = world.search(root, text, ttl as u8);
                world.run_for(Duration::from_secs(5)).unwrap();
                let found = results(&world, root, search);
                (world.measure_search(root, search).expect("the query left").messages, found)
            };
            copies.push((ask("nothing"), ask("damson")));
        }
        let [(flooded, all_found), (routed, found)] = copies[..] else { panic!() };
        let have = (1..graph.nodes()).filter(|node| node % 5 == 3).count();
        // Some have another word in the same slot.
        let keys = Keys::of_text("damson");
        let first_last = graph.nodes() - ring(degree, ttl) as u32;
        let may = |&node: &u32| table(NodeId(node)).may_match(&keys);
        let have_last = (first_last..graph.nodes()).filter(may).count() as u64;
        assert_eq!((flooded, all_found), ((reach(degree, ttl), 0), (reach(degree, ttl), have)));
        assert_eq!(routed, (reach(degree, ttl - 1), 0));
        let saved = 1.0 - routed.0 as f64 / flooded.0 as f64;
        let expected = share(degree, ttl);
        assert!((saved - expected).abs() < 1e-9, "degree {degree}, TTL {ttl}: {saved}");
        assert!(degree != 6 || (saved - 0.800).abs() < 0.002, "the published share: {saved}");
        // Nothing is lost: on the last hop exactly those get it who may have it.
        assert_eq!(found, (reach(degree, ttl - 1) + have_last, have));
    }
}

/// Tables cost little: one update a minute at most, and small ones.
#[test]
fn an_hour_of_tables_is_a_few_kilobytes() {
    let mut world = World::new(5, world_config(LATENCY, true));
    let tiers = TwoTiers { ultrapeers: 6, leaves: 60, hosts_known: 5 };
    let config = Config { neighbours_wanted: 3, ..routing() };
    let population = world.add_two_tiers(&tiers, &config, one_named);
    world.run_for(Duration::from_secs(300)).unwrap();
    let tables = |world: &World| -> u64 {
        let all = population.ultrapeers.iter().chain(&population.leaves);
        all.map(|&node| world.view(node).expect("lives").messages(Kind::QRP).1).sum()
    };
    let told = population.leaves.iter().map(|&leaf| world.view(leaf).expect("lives").told_slots);
    assert!(told.into_iter().all(|slots| slots == Some(3)));
    let before = tables(&world);
    assert!(before > 0);
    world.run_for(Duration::from_secs(3_600)).unwrap();
    // Nothing changed, so nothing is told; links that come and go cost a table each.
    let links = |&node: &NodeId| world.view(node).expect("lives").neighbours.len() as u64;
    let standing: u64 = population.ultrapeers.iter().chain(&population.leaves).map(links).sum();
    let later = tables(&world) - before;
    assert!(later <= 4 * standing, "{later} messages for {standing} links");
}
