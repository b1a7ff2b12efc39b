//! How many nodes have to be asked in the mean until one has what is sought, by how many copies
//! there are of what (Cohen and Shenker 2002): by random probing, which one walker is where
//! everybody is everybody's neighbour.

use std::time::Duration;

use filbert::node::config::Strategy;
use filbert::node::io::SearchId;
use filbert::sim::workload::{Corpus, Replication};
use filbert::sim::{Dice, NodeId, SharedFile, Topology};

use crate::worlds::{EQUAL, ask, by, graph, standing, whole};

/// The mean search size by the paper: queries for each file times nodes for each of its copies.
fn expected(corpus: &Corpus, nodes: u32) -> f64 {
    let popularity = corpus.popularity();
    let copies = corpus.copies(nodes);
    (0..)
        .zip(copies)
        .map(|(file, copies)| popularity.probability(file) * f64::from(nodes) / copies)
        .sum()
}

/// Uniform and proportional replication have the same mean search size m / rho (files by copies a
/// node) for every mix of queries, and square-root replication less: (sum of the roots)^2 / rho.
#[test]
fn uniform_and_proportional_are_alike_and_square_root_is_better_for_every_mix() {
    let (nodes, files) = (1_000_000, 200);
    for popularity_exponent in [0.0, 0.3, 0.63, 1.0, 1.24] {
        let corpus = Corpus { popularity_exponent, ..Corpus::even(files, 0.001) };
        let by = |replication| expected(&Corpus { replication, ..corpus.clone() }, nodes);
        let same = f64::from(files) / (f64::from(files) * 0.001);
        let (uniform, proportional) = (by(Replication::Uniform), by(Replication::Proportional));
        assert!((uniform / same - 1.0).abs() < 1e-9, "{uniform}, {same}");
        assert!((proportional / same - 1.0).abs() < 1e-9, "{proportional}, {same}");
        let roots: f64 = (0..files).map(|file| corpus.popularity().probability(file).sqrt()).sum();
        let square_root = by(Replication::SquareRoot);
        let least = roots * roots / (f64::from(files) * 0.001);
        assert!((square_root / least - 1.0).abs() < 1e-9, "{square_root}, {least}");
        let is_below = square_root < 0.999 * same;
        assert_eq!(is_below, popularity_exponent > 0.0, "{square_root}, {same}");
    }
}

const NODES: u32 = 80;
/// Three files, which are asked for 1, 4 and 16 times in 21, and 63 copies in all.
const ASKED: [u32; 3] = [1, 4, 16];
const RULES: [(Replication, [u32; 3]); 3] = [
    (Replication::Uniform, [21, 21, 21]),
    (Replication::Proportional, [3, 12, 48]),
    (Replication::SquareRoot, [9, 18, 36]),
];

fn word(file: usize) -> String {
    format!("file{file}")
}

/// Steps to the first hit of one walker, in the mean: found, with its standard error, and computed.
fn measured(copies: [u32; 3], rounds: u32) -> (f64, f64, f64) {
    let graph = graph(Topology::Clique { nodes: NODES }, 1);
    let mut dice = Dice::new(5);
    let on = copies.map(|count| {
        let mut nodes: Vec<u32> = (0..NODES).collect();
        dice.shuffle(&mut nodes);
        nodes.truncate(count as usize);
        nodes
    });
    let shared = |node: NodeId| {
        let here = (0..).zip(&on).filter(|(_, on)| on.contains(&node.0));
        let file = |(file, _)| SharedFile::unhashed(file as u32 + 1, &word(file), 1_000, 1);
        here.map(file).collect()
    };
    let strategy = Strategy::Walkers { walkers: 1 };
    let mut world = standing(1, EQUAL, &graph, by(strategy), shared);
    let (mut steps, mut computed, mut first) = (Vec::new(), 0.0, 1);
    for (file, on) in on.iter().enumerate() {
        // The first step may lead to any other node, later ones not back where it came from.
        let (others, has) = (f64::from(NODES - 1), f64::from(copies[file]));
        let mean = 1.0 + (1.0 - has / others) * (others - 1.0) / has;
        computed += f64::from(ASKED[file]) / 21.0 * mean;
        for _ in 0..ASKED[file] {
            let questions: Vec<(NodeId, String)> = (0..rounds)
                .map(|_| {
                    loop {
                        let node = dice.below(NODES.into()) as u32;
                        if !on.contains(&node) {
                            return (NodeId(node), word(file));
                        }
                    }
                })
                .collect();
            ask(&mut world, first, &questions, 1, Duration::from_secs(60));
            for (number, (origin, _)) in (first..).zip(&questions) {
                let search = SearchId(number);
                let record = world.measure_search(*origin, search).expect("it asked");
                let found = on.iter().filter_map(|&node| record.links_to(NodeId(node))).min();
                steps.push(f64::from(found.expect("found")));
                world.forget_search(*origin, search);
            }
            first += u64::from(rounds);
        }
    }
    let count = steps.len() as f64;
    let mean = steps.iter().sum::<f64>() / count;
    let variance = steps.iter().map(|steps| (steps - mean).powi(2)).sum::<f64>() / count;
    (mean, (variance / count).sqrt(), computed)
}

#[test]
fn a_walker_among_all_finds_as_soon_as_the_copies_say() {
    let rounds = if whole() { 500 } else { 40 };
    let means = RULES.map(|(rule, copies)| {
        let (found, error, computed) = measured(copies, rounds);
        println!("{rule:?}: {found:.3} steps (+-{error:.3}), computed {computed:.3}");
        assert!((found - computed).abs() < 4.0 * error, "{rule:?}: {found}, not {computed}");
        (found, error)
    });
    let [uniform, proportional, square_root] = means;
    let chance = 4.0 * (uniform.1.powi(2) + proportional.1.powi(2)).sqrt();
    assert!((uniform.0 - proportional.0).abs() < chance, "{means:?}");
    assert!(square_root.0 < uniform.0 && square_root.0 < proportional.0, "{means:?}");
}
