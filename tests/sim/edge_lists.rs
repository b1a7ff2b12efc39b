//! Any edge list gives, in a world, the counts that a breadth-first search of it gives.

use std::collections::{BTreeMap, BTreeSet};

use crate::worlds::{config, standing, world_config};
use filbert::node::config::Forward;
use filbert::sim::{Dice, Latency, NodeId, edge_list};

/// A list as the SNAP collection has them, only worse: comments, self-loops, edges that are
/// repeated in either direction, gaps in the numbers, and several components.
fn messy(dice: &mut Dice) -> (String, Vec<(u64, u64)>) {
    let (nodes, edges) = (10 + dice.below(40), 10 + dice.below(80));
    let name = |dice: &mut Dice| dice.below(nodes).pow(2) * 7 + 3;
    let mut pairs = Vec::new();
    for _ in 0..edges {
        let (a, b) = (name(dice), name(dice));
        pairs.push((a, b));
        match dice.below(5) {
            0 => pairs.push((b, a)),
            1 => pairs.push((a, b)),
            2 => pairs.push((a, a)),
            _ => {}
        }
    }
    dice.shuffle(&mut pairs);
    let mut text = "# Directed graph: each unordered pair once or more\r\n# Nodes: ?\n".to_owned();
    for &(a, b) in &pairs {
        let between = dice.pick(&["\t", " ", " \t "]).copied().unwrap_or("\t");
        let end = dice.pick(&["\n", "\r\n", "\n\n", "\n# more\n"]).copied().unwrap_or("\n");
        text += &format!("{a}{between}{b}{end}");
    }
    (text, pairs)
}

/// How many are 1, 2, ... links away.
fn breadth_first(pairs: &[(u64, u64)], from: u64) -> Vec<u32> {
    let mut near: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    for &(a, b) in pairs {
        near.entry(a).or_default().insert(b);
        near.entry(b).or_default().insert(a);
    }
    let (mut seen, mut rim) = (BTreeSet::from([from]), vec![from]);
    let mut counts = Vec::new();
    loop {
        rim = rim.iter().flat_map(|node| near[node].iter().copied()).collect();
        rim.retain(|&node| seen.insert(node));
        if rim.is_empty() {
            return counts;
        }
        counts.push(rim.len() as u32);
    }
}

#[test]
fn any_edge_list_gives_the_counts_of_its_breadth_first_search() {
    let mut dice = Dice::new(17);
    for seed in 0..12 {
        let (text, pairs) = messy(&mut dice);
        let list = edge_list::parse(&text).expect("a list");
        let names: BTreeSet<u64> = pairs.iter().flat_map(|&(a, b)| [a, b]).collect();
        assert_eq!(list.names, Vec::from_iter(names), "{text}");
        let latency = [Latency::default(), Latency::Exponential { mean_us: 40_000 }][seed % 2];
        let net = world_config(latency, false);
        let forward = config(Forward::HigherTtl);
        let mut world = standing(seed as u64, net, &list.graph, forward, |_| vec![]);
        for _ in 0..4 {
            let origin = NodeId(dice.below(list.graph.nodes().into()) as u32);
            let wanted = breadth_first(&pairs, list.names[origin.0 as usize]);
            let search = world.search(origin, "what nobody shares", 60);
            world.settle().unwrap();
            let found = world.measure_search(origin, search).map(|record| record.reached_by_hop());
            assert_eq!(found.unwrap_or_default(), wanted, "from {origin} of {text}");
            let overlay = world.overlay();
            let part = overlay.graph.ball(overlay.place(origin).unwrap(), u32::MAX);
            assert_eq!(part.len() as u32, wanted.iter().sum::<u32>());
        }
    }
}
