//! Expanding ring and random walkers on a random regular graph of degree 4 with copies on uniformly
//! random nodes: the costs, query by query exactly as defined, and on average as the table says.

use std::collections::BTreeSet;
use std::time::Duration;

use filbert::node::config::Strategy;
use filbert::node::io::SearchId;
use filbert::sim::{Dice, Graph, NodeId, SharedFile, Topology, World};

use crate::worlds::{EQUAL, ask, by, graph, standing, whole};

const NODES: u32 = 10_000;
const WALKERS: u16 = 32;
/// Words for each density, each with copies of its own.
const PLACEMENTS: u32 = 50;
/// Searches that run at once.
const AT_ONCE: usize = 100;

/// What the table says: nodes in a thousand with a copy, messages of the ring and of the walkers,
/// steps of a walker to the first hit.
const TABLE: [(u32, f64, f64, f64); 3] =
    [(1, 2_554.0, 1_094.0, 32.7), (5, 521.0, 327.0, 8.74), (10, 278.0, 225.0, 5.49)];

fn word(per_mille: u32, placement: u32) -> String {
    format!("copy{per_mille}of{placement}")
}

/// Which nodes have each word.
struct Copies(Vec<(u32, u32, BTreeSet<u32>)>);

impl Copies {
    fn new(nodes: u32, dice: &mut Dice) -> Copies {
        let mut all = Vec::new();
        for (per_mille, ..) in TABLE {
            for placement in 0..PLACEMENTS {
                let mut on = BTreeSet::new();
                while on.len() < (nodes * per_mille / 1_000) as usize {
                    on.insert(dice.below(nodes.into()) as u32);
                }
                all.push((per_mille, placement, on));
            }
        }
        Copies(all)
    }

    fn of(&self, node: NodeId) -> Vec<SharedFile> {
        let here = self.0.iter().filter(|(.., on)| on.contains(&node.0));
        let file = |(index, (per_mille, placement, _)): (u32, &(u32, u32, _))| {
            let name = format!("{}.txt", word(*per_mille, *placement));
            SharedFile::unhashed(index, &name, 1_000, 1)
        };
        (1..).zip(here).map(file).collect()
    }

    /// So many questions for words of this density, from nodes without a copy, and who has one.
    fn questions(
        &self,
        per_mille: u32,
        count: usize,
        nodes: u32,
        dice: &mut Dice,
    ) -> Vec<(NodeId, String, &BTreeSet<u32>)> {
        let of_density = self.0.iter().filter(|(density, ..)| *density == per_mille).cycle();
        of_density
            .take(count)
            .map(|(per_mille, placement, on)| {
                loop {
                    let node = dice.below(nodes.into()) as u32;
                    if !on.contains(&node) {
                        return (NodeId(node), word(*per_mille, *placement), on);
                    }
                }
            })
            .collect()
    }
}

/// What a query cost and where its nearest copy was.
struct Cost {
    origin: NodeId,
    messages: u64,
    /// The fewest steps after which a walker was where a copy is.
    steps: u64,
    /// Messages of a flood of TTL 1, 2, ... up to the distance of the nearest copy.
    floods: Vec<u64>,
}

/// A graph of which every node has four neighbours, and the copies on it.
struct Setting {
    graph: Graph,
    copies: Copies,
    dice: Dice,
}

impl Setting {
    fn new() -> Setting {
        let graph = graph(Topology::RandomRegular { nodes: NODES, degree: 4 }, 1);
        let mut dice = Dice::new(1).derive("copies");
        Setting { copies: Copies::new(NODES, &mut dice), graph, dice }
    }

    fn world(&self, strategy: Strategy) -> World {
        standing(1, EQUAL, &self.graph, by(strategy), |node| self.copies.of(node))
    }

    /// Asks for words of one density, each search with the next number.
    fn costs(&mut self, world: &mut World, per_mille: u32, first: u64) -> Vec<Cost> {
        let questions = self.copies.questions(per_mille, queries(), NODES, &mut self.dice);
        let mut costs = Vec::new();
        for (batch, questions) in (0..).zip(questions.chunks(AT_ONCE)) {
            let first = first + batch * AT_ONCE as u64;
            let asked: Vec<(NodeId, String)> =
                questions.iter().map(|(node, word, _)| (*node, word.clone())).collect();
            // A ring of TTL 9 is 110 s old when it ends.
            ask(world, first, &asked, 20, Duration::from_secs(150));
            for (number, (origin, _, on)) in (first..).zip(questions) {
                let search = world.search_record(*origin, SearchId(number));
                let found_at = &search.found_at;
                assert!(!found_at.is_empty() && found_at.iter().all(|node| on.contains(&node.0)));
                let record = world.measure_search(*origin, SearchId(number)).expect("it asked");
                let steps = on.iter().filter_map(|&node| record.links_to(NodeId(node))).min();
                costs.push(Cost {
                    origin: *origin,
                    messages: search.messages,
                    steps: steps.unwrap_or_default().into(),
                    floods: floods(&self.graph.distances(origin.0), on),
                });
                world.forget_search(*origin, SearchId(number));
            }
        }
        costs
    }
}

/// What floods of TTL 1, 2, ... cost up to the nearest of `on`: where equal latencies meet the
/// first-copy rule, every node within reach but on the rim sends to all neighbours but one.
fn floods(distances: &[Option<u32>], on: &BTreeSet<u32>) -> Vec<u64> {
    let nearest = on.iter().filter_map(|&node| distances[node as usize]).min().expect("connected");
    let within = |ttl| {
        let inside = |far: &&Option<u32>| far.is_some_and(|far| (1..ttl).contains(&far));
        4 + 3 * distances.iter().filter(inside).count() as u64
    };
    (1..=nearest).map(within).collect()
}

/// Queries for each density: the table is for 1,000.
fn queries() -> usize {
    if whole() { 1_000 } else { 100 }
}

/// Whether the mean is within 10 % of what the table says, and what fewer queries leave to chance:
/// three standard errors.
fn agrees(what: &str, found: &[u64], said: f64) {
    let count = found.len() as f64;
    let mean = found.iter().sum::<u64>() as f64 / count;
    let variance = found.iter().map(|&one| (one as f64 - mean).powi(2)).sum::<f64>() / count;
    let chance = if whole() { 0.0 } else { 3.0 * (variance / count).sqrt() };
    println!("{what}: {mean:.2} in the mean of {count}, {said} in the table");
    assert!((mean - said).abs() <= 0.1 * said + chance, "{what}: {mean} against {said}");
}

/// Steps until one of the walkers that leave `origin` is where a copy is: to random neighbours, and
/// never straight back.
fn walked(graph: &Graph, origin: u32, on: &BTreeSet<u32>, dice: &mut Dice) -> u64 {
    let mut walkers = vec![(origin, origin); WALKERS.into()];
    for steps in 1.. {
        for (at, before) in &mut walkers {
            let ways: Vec<u32> =
                graph.neighbours(*at).iter().copied().filter(|next| next != before).collect();
            (*before, *at) = (*at, *dice.pick(&ways).expect("every node has four neighbours"));
        }
        if walkers.iter().any(|(at, _)| on.contains(at)) {
            return steps;
        }
    }
    0
}

/// The table is within 10 % of what floods and walks on paper cost in 1,000 queries: those that the
/// worlds are held against query by query.
#[test]
fn on_paper_the_costs_are_those_of_the_table() {
    let mut setting = Setting::new();
    for (per_mille, ring, messages, steps) in TABLE {
        let questions = setting.copies.questions(per_mille, 1_000, NODES, &mut setting.dice);
        let mut dice = Dice::new(per_mille.into()).derive("walkers");
        let (mut floods_cost, mut walk_cost, mut walk_steps) = (0, 0, 0);
        for (origin, _, on) in &questions {
            floods_cost += floods(&setting.graph.distances(origin.0), on).iter().sum::<u64>();
            let steps = walked(&setting.graph, origin.0, on, &mut dice);
            walk_cost += u64::from(WALKERS) * steps.next_multiple_of(4);
            walk_steps += steps;
        }
        for (what, sum, said) in [
            ("ring", floods_cost, ring),
            ("walkers", walk_cost, messages),
            ("first hit", walk_steps, steps),
        ] {
            let mean = sum as f64 / questions.len() as f64;
            println!("{what}, {per_mille} in 1,000: {mean:.2} on paper, {said} in the table");
            assert!((mean / said - 1.0).abs() <= 0.1, "{what}, {per_mille}: {mean}, not {said}");
        }
    }
}

fn all(costs: &[Cost], what: impl Fn(&Cost) -> u64) -> Vec<u64> {
    costs.iter().map(what).collect()
}

#[test]
fn an_expanding_ring_costs_the_floods_up_to_the_nearest_copy() {
    let mut setting = Setting::new();
    let mut world = setting.world(Strategy::ExpandingRing);
    for (per_mille, messages, ..) in TABLE {
        let costs = setting.costs(&mut world, per_mille, u64::from(per_mille) * 10_000);
        for Cost { origin, messages, floods, .. } in &costs {
            assert_eq!(*messages, floods.iter().sum::<u64>(), "{origin}: {floods:?}");
        }
        let found = all(&costs, |cost| cost.messages);
        agrees(&format!("ring, {per_mille} in 1,000"), &found, messages);
    }
}

/// A flood with the least TTL that reaches a copy, which nobody knows beforehand, against the ring:
/// the ring costs about half as much again.
#[test]
fn a_flood_that_knows_how_far_the_nearest_copy_is_costs_less_than_the_ring() {
    let mut setting = Setting::new();
    let per_mille = TABLE[0].0;
    let mut world = setting.world(Strategy::Flood);
    let questions = setting.copies.questions(per_mille, 20, NODES, &mut setting.dice);
    for (number, (origin, word, on)) in (1..).zip(questions) {
        let floods = floods(&setting.graph.distances(origin.0), on);
        let ttl = floods.len() as u8;
        ask(&mut world, number, &[(origin, word)], ttl, Duration::from_secs(10));
        let record = world.measure_search(origin, SearchId(number)).expect("it asked");
        assert!(record.results > 0);
        assert_eq!(Some(&record.messages), floods.last(), "{origin}, TTL {ttl}");
    }
}

#[test]
fn walkers_cost_32_times_the_first_multiple_of_4_steps_after_the_first_hit() {
    let mut setting = Setting::new();
    let mut world = setting.world(Strategy::Walkers { walkers: WALKERS });
    for (per_mille, _, messages, steps) in TABLE {
        let costs = setting.costs(&mut world, per_mille, u64::from(per_mille) * 10_000);
        for Cost { origin, messages, steps, .. } in &costs {
            let together = u64::from(WALKERS) * steps.next_multiple_of(4);
            // The steps are counted up to 254, and the one that is being made.
            let exact = *steps < 255;
            assert!(!exact || *messages == together, "{origin}: {messages} after {steps} steps");
        }
        let found = all(&costs, |cost| cost.messages);
        agrees(&format!("walkers, {per_mille} in 1,000"), &found, messages);
        let found = all(&costs, |cost| cost.steps);
        agrees(&format!("first hit, {per_mille} in 1,000"), &found, steps);
    }
}
