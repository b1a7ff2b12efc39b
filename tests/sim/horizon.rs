//! Horizons (HSEP) in whole worlds: exact on trees, right again after churn, quiet when all is said.

use std::time::Duration;

use crate::worlds::{config, standing, world_config};
use filbert::node::config::{Forward, Role};
use filbert::node::view::HorizonView;
use filbert::node::{Config, Why};
use filbert::sim::{Dice, Graph, Latency, NodeId, SharedFile, World};
use filbert::wire::Kind;

/// Time in which news has crossed seven hops, with each one told every 30 s.
const NEWS_SPREAD: Duration = Duration::from_secs(8 * 30 + 10);

/// A random tree, and files on every second node.
fn tree(nodes: u32, dice: &mut Dice) -> Graph {
    let edges = (1..nodes).map(|node| (dice.below(node.min(4).into()) as u32, node));
    // Near the last ones, so that it is deep, too.
    let edges: Vec<_> = edges.map(|(back, node)| (node - 1 - back.min(node - 1), node)).collect();
    Graph::new(nodes, edges)
}

fn files(node: NodeId) -> Vec<SharedFile> {
    let file = |index| {
        let name = format!("file {index} of {node}.txt");
        SharedFile::unhashed(index, &name, 10_240, u64::from(node.0) * 100 + u64::from(index))
    };
    (1..=node.0 % 4).map(file).collect()
}

fn horizon_config() -> Config {
    Config { horizon_interval_s: 30, ..config(Forward::HigherTtl) }
}

/// What a breadth-first search over the links that stand says lies around each living node.
fn check(world: &World, graph: &Graph, what: &str) {
    for origin in (0..graph.nodes()).filter(|&node| world.is_alive(NodeId(node))) {
        let stands = |&(a, b): &(u32, u32)| world.is_linked(NodeId(a), NodeId(b));
        let standing = graph.edges().iter().copied().filter(stands);
        let distances = Graph::new(graph.nodes(), standing).distances(origin);
        let view = world.view(NodeId(origin)).unwrap();
        if view.neighbours.is_empty() {
            assert_eq!(view.horizon, []);
            continue;
        }
        assert_eq!(view.horizon.len(), 7);
        for HorizonView { hops, nodes, files: count, bytes } in view.horizon.iter().copied() {
            let within = (0..graph.nodes()).filter(|&node| {
                distances[node as usize].is_some_and(|far| (1..=u32::from(hops)).contains(&far))
            });
            let within: Vec<u32> = within.collect();
            let shared: u64 = within.iter().map(|&node| files(NodeId(node)).len() as u64).sum();
            let expected = (within.len() as u64, shared, shared * 10_240);
            assert_eq!((nodes, count, bytes), expected, "{what}: n{origin} within {hops} hops");
        }
        assert_eq!(view.count(Why::BadHorizon), 0);
    }
}

fn said(world: &World, graph: &Graph) -> u64 {
    let sent = |node| world.view(NodeId(node)).map_or(0, |view| view.messages(Kind::HSEP).1);
    (0..graph.nodes()).map(sent).sum()
}

#[test]
fn it_is_exact_on_trees_and_right_again_after_churn_and_then_nobody_speaks_of_it() {
    for seed in 1..=6 {
        let mut dice = Dice::new(seed).derive("test");
        let graph = tree(30, &mut dice);
        let net = world_config(Latency::Exponential { mean_us: 50_000 }, true);
        let mut world = standing(seed, net, &graph, horizon_config(), files);
        world.run_for(NEWS_SPREAD).unwrap();
        check(&world, &graph, &format!("seed {seed}, grown"));
        let before = said(&world, &graph);
        world.run_for(NEWS_SPREAD).unwrap();
        assert_eq!(said(&world, &graph), before, "seed {seed}: nothing has changed");
        for _ in 0..4 {
            world.kill(NodeId(dice.below(30) as u32));
        }
        world.run_for(NEWS_SPREAD).unwrap();
        check(&world, &graph, &format!("seed {seed}, torn"));
        for node in 0..30 {
            if !world.is_alive(NodeId(node)) {
                world.restart(NodeId(node));
            }
        }
        world.mend(&graph);
        world.run_for(NEWS_SPREAD).unwrap();
        check(&world, &graph, &format!("seed {seed}, mended"));
    }
}

/// Whatever changes, a link carries a horizon once when it stands and then at most one each 30 s
/// each way.
#[test]
fn no_link_is_told_more_often_than_every_30_s() {
    let graph = Graph::new(8, (1..8).map(|node| (node - 1, node)));
    let net = world_config(Latency::Constant { us: 20_000 }, false);
    let mut world = standing(1, net, &graph, horizon_config(), files);
    // A line whose end comes and goes: news all the time.
    let seconds = 600;
    for _ in 0..seconds / 4 {
        world.kill(NodeId(7));
        world.run_for(Duration::from_secs(2)).unwrap();
        world.restart(NodeId(7));
        world.mend(&graph);
        world.run_for(Duration::from_secs(2)).unwrap();
    }
    // Nodes 1 to 5 keep both their links for all the time.
    for node in 1..=5 {
        let (received, sent) = world.view(NodeId(node)).unwrap().messages(Kind::HSEP);
        let at_most = 2 * (seconds / 30 + 2);
        assert!(received <= at_most && sent <= at_most, "n{node}: {received} and {sent}");
        assert!(sent >= seconds / 30, "n{node} told {sent} times");
    }
}

/// A leaf counts for what it shares, and nothing goes through it from one ultrapeer to the other.
#[test]
fn leaves_count_and_pass_nothing_on() {
    let net = world_config(Latency::Constant { us: 20_000 }, false);
    let mut world = World::new(1, net);
    let role = |role| std::sync::Arc::new(Config { role, ..horizon_config() });
    let ultrapeers = [(); 3].map(|()| world.add_node(&role(Role::Ultrapeer), Vec::new()));
    // One leaf between the first and the second ultrapeer, which are not linked otherwise.
    let leaf = world.add_node(&role(Role::Leaf), files(NodeId(3)));
    world.connect(leaf, ultrapeers[0]);
    world.connect(leaf, ultrapeers[1]);
    world.connect(ultrapeers[1], ultrapeers[2]);
    world.run_for(NEWS_SPREAD).unwrap();
    let around = |node| -> Vec<(u64, u64)> {
        let view = world.view(node).unwrap();
        view.horizon.iter().map(|within| (within.nodes, within.files)).collect()
    };
    let leaf_alone = (1, 3);
    assert_eq!(around(ultrapeers[0]), [leaf_alone; 7]);
    assert_eq!(around(ultrapeers[1]), [(2, 3); 7]);
    assert_eq!(around(ultrapeers[2])[..2], [(1, 0), (2, 3)]);
    assert_eq!(around(leaf)[..2], [(2, 0), (3, 0)]);
}
