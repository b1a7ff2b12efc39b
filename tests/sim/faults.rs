//! Worlds in which things break: nothing forbidden ever happens, and once all is mended the
//! network finds again what it holds.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::worlds::{config, graph, latencies, one_file, results, standing, world_config};
use filbert::node::config::Forward;
use filbert::node::{Command, Config};
use filbert::sim::{Dice, Fault, Graph, Latency, NodeId, Topology, World, faults};

const MINUTE: Duration = Duration::from_secs(60);

/// A world of a random shape, latency and fate. Returns it mended, and its graph.
fn tried(seed: u64) -> (World, Graph) {
    let mut dice = Dice::new(seed).derive("test");
    let nodes = 8 + dice.below(23) as u32;
    let mean_degree = 2.0 + 4.0 * dice.unit();
    let graph = graph(Topology::ErdosRenyi { nodes, mean_degree }, seed);
    let latency = *dice.pick(&latencies()).expect("there are some");
    let forward = if dice.chance(0.5) { Forward::HigherTtl } else { Forward::FirstCopy };
    let compress_links = dice.chance(0.3);
    let config = Config { compress_links, ..config(forward) };
    let mut world = standing(seed, world_config(latency, true), &graph, config, one_file);
    for (after, fault) in faults::random_plan(&mut dice, nodes, 12, 3 * MINUTE) {
        world.schedule(after, fault);
    }
    for _ in 0..40 {
        let node = NodeId(dice.below(nodes.into()) as u32);
        let ttl = 1 + dice.below(7) as u8;
        world.search(node, "common", ttl);
        if dice.chance(0.2) {
            world.mend(&graph);
        }
        world.run_for(Duration::from_millis(dice.below(9_000))).unwrap();
    }
    // Everything is mended now; half-open connections are found out by their silence.
    world.run_for(6 * MINUTE).unwrap();
    world.mend(&graph);
    world.settle().unwrap();
    (world, graph)
}

#[test]
fn whatever_breaks_the_same_seed_gives_the_same_world_and_all_is_found_in_the_end() {
    for seed in 1..=40 {
        let (mut world, graph) = tried(seed);
        let again = tried(seed).0;
        assert_eq!(world.trace_hash(), again.trace_hash(), "seed {seed}");
        assert_eq!(world.steps(), again.steps(), "seed {seed}");
        let origin = NodeId(seed as u32 % graph.nodes());
        let search = world.search(origin, "common", graph.nodes() as u8);
        world.settle().unwrap();
        assert_eq!(results(&world, origin, search), graph.nodes() as usize - 1, "seed {seed}");
    }
}

/// While a partition lasts a search finds what is on its side; what was held up comes after it.
#[test]
fn a_partition_hides_its_far_side_until_it_heals() {
    for (seed, latency) in (1..).zip(latencies()) {
        let graph = graph(Topology::RandomRegular { nodes: 30, degree: 4 }, seed);
        let forward = config(Forward::HigherTtl);
        let mut world = standing(seed, world_config(latency, true), &graph, forward, one_file);
        let far: Vec<NodeId> = (15..30).map(NodeId).collect();
        world.partition(&far);
        let search = world.search(NodeId(0), "common", 30);
        world.run_for(Duration::from_secs(15)).unwrap();
        let edges = graph.edges().iter().copied().filter(|&(_, b)| b < 15);
        let near = Graph::new(30, edges).ball(0, 30);
        assert_eq!(results(&world, NodeId(0), search), near.len(), "seed {seed}");
        world.heal();
        world.run_for(Duration::from_secs(15)).unwrap();
        assert_eq!(results(&world, NodeId(0), search), 29, "seed {seed}");
    }
}

/// A neighbour that vanishes without a word, or to which nothing gets through, is given up after
/// the pings it did not answer; one that dies is given up at once.
#[test]
fn neighbours_that_are_gone_are_given_up() {
    let silence = |config: &Config| {
        let pings = u64::from(config.alive_pings_unanswered_max) + 2;
        Duration::from_secs(pings * u64::from(config.alive_ping_s))
    };
    for (fault, at_once) in [
        (Fault::Kill(NodeId(1)), true),
        (Fault::Vanish(NodeId(1)), false),
        (Fault::Clog(NodeId(0), NodeId(1)), false),
    ] {
        let graph = graph(Topology::Line { nodes: 2 }, 1);
        let config = config(Forward::HigherTtl);
        let patience = silence(&config);
        let net = world_config(Latency::default(), true);
        let mut world = standing(1, net, &graph, config, |_| vec![]);
        let neighbours = |world: &World| world.view(NodeId(0)).expect("lives").neighbours.len();
        world.befall(fault.clone());
        world.run_for(Duration::from_secs(1)).unwrap();
        assert_eq!(neighbours(&world), usize::from(!at_once), "{fault:?}");
        world.run_for(patience).unwrap();
        assert_eq!(neighbours(&world), 0, "{fault:?}");
    }
}

/// A neighbour that takes nothing costs a bounded queue and nobody else anything.
#[test]
fn a_clogged_neighbour_costs_a_bounded_queue_and_the_others_nothing() {
    let graph = graph(Topology::Star { nodes: 4 }, 1);
    let config = Config {
        send_window_bytes: 2_000,
        send_queue_bytes_max: 5_000,
        searches_max: 1_000,
        ..config(Forward::HigherTtl)
    };
    let net = world_config(Latency::default(), false);
    let mut world = standing(1, net, &graph, config, one_file);
    world.befall(Fault::Clog(NodeId(0), NodeId(1)));
    for _ in 0..600 {
        world.search(NodeId(2), "nothing has this name", 3);
        world.run_for(Duration::from_millis(20)).unwrap();
    }
    let last = world.search(NodeId(2), "common", 3);
    world.run_for(Duration::from_secs(2)).unwrap();
    assert_eq!(results(&world, NodeId(2), last), 2, "the centre and the third arm answer");
    let centre = world.view(NodeId(0)).expect("lives");
    let peer = |node| world.address(NodeId(node));
    for neighbour in &centre.neighbours {
        let clogged = neighbour.listen == Some(peer(1));
        assert_eq!(neighbour.dropped > 0, clogged, "{neighbour:?}");
        assert!(neighbour.queued_bytes <= 7_100, "{neighbour:?}");
    }
    assert_eq!(centre.neighbours.len(), 3);
}

/// Nodes that know one address find each other, and find each other again when a third of them
/// dies at once. (With room for no more than twice as many neighbours as each one wants, the first
/// comers fill each other up and close themselves off.)
#[test]
fn an_overlay_emerges_and_closes_its_gaps() {
    for seed in 1..=3 {
        let latency = Latency::LogNormal { median_us: 40_000, sigma: 0.8 };
        let mut world = World::new(seed, world_config(latency, true));
        let config = Config {
            auto_connect: true,
            neighbours_wanted: 4,
            neighbours_max: 16,
            ..config(Forward::HigherTtl)
        };
        let config = std::sync::Arc::new(config);
        let nodes: Vec<NodeId> =
            (0..30).map(|node| world.add_node(&config, one_file(NodeId(node)))).collect();
        for &node in &nodes[1..] {
            world.connect(node, nodes[0]);
            world.run_for(Duration::from_secs(1)).unwrap();
        }
        world.run_for(5 * MINUTE).unwrap();
        assert_eq!(found_from(&mut world, nodes[7]), 29, "seed {seed}");
        let mut dice = Dice::new(seed);
        let dead: BTreeSet<NodeId> =
            std::iter::repeat_with(|| nodes[dice.below(30) as usize]).take(10).collect();
        dead.iter().for_each(|&node| world.kill(node));
        world.run_for(10 * MINUTE).unwrap();
        let alive = nodes.iter().find(|node| !dead.contains(node)).expect("some live");
        assert_eq!(found_from(&mut world, *alive), 29 - dead.len(), "seed {seed}");
    }
}

fn found_from(world: &mut World, node: NodeId) -> usize {
    let search = world.search(node, "common", 30);
    world.run_for(MINUTE).unwrap();
    results(world, node, search)
}

/// Two that connect to each other at the same time end up with one link, whoever is quicker.
#[test]
fn crossing_connections_leave_one_link() {
    for seed in 1..=20 {
        let latency = Latency::Exponential { mean_us: 50_000 };
        let mut world = World::new(seed, world_config(latency, true));
        let config = std::sync::Arc::new(config(Forward::HigherTtl));
        let nodes: Vec<NodeId> = (0..5).map(|_| world.add_node(&config, vec![])).collect();
        for &a in &nodes {
            for &b in nodes.iter().filter(|&&b| b != a) {
                world.connect(a, b);
            }
        }
        world.settle().unwrap();
        for &node in &nodes {
            let neighbours = world.view(node).expect("lives").neighbours;
            assert_eq!(neighbours.len(), 4, "seed {seed}, {node}: {neighbours:?}");
        }
    }
}

/// Half an hour of nodes that come and go: the overlay loses no node that stays long enough to find
/// the others.
#[test]
fn an_overlay_lives_through_churn() {
    let nodes = 40;
    let run = |seed| {
        let latency = Latency::LogNormal { median_us: 40_000, sigma: 0.8 };
        let mut world = World::new(seed, world_config(latency, true));
        let config = Config {
            auto_connect: true,
            neighbours_wanted: 5,
            neighbours_max: 20,
            ..config(Forward::HigherTtl)
        };
        let config = std::sync::Arc::new(config);
        for node in 0..nodes {
            world.add_node(&config, one_file(NodeId(node)));
        }
        let mut dice = Dice::new(seed).derive("test");
        for minute in 0..30 {
            for _ in 0..6 {
                // Nobody knows anybody after a restart: a host that lives is its way in.
                let node = NodeId(dice.below(nodes.into()) as u32);
                if minute > 0 && minute < 25 {
                    world.kill(node);
                    world.restart(node);
                }
                let door = NodeId(dice.below(nodes.into()) as u32);
                world.connect(node, door);
                world.run_for(MINUTE / 6).unwrap();
            }
        }
        for node in (0..nodes).map(NodeId) {
            if world.view(node).expect("lives").neighbours.is_empty() {
                world.connect(node, NodeId((node.0 + 1) % nodes));
            }
        }
        world.run_for(2 * MINUTE).unwrap();
        world
    };
    for seed in 1..=3 {
        let mut world = run(seed);
        assert_eq!(world.trace_hash(), run(seed).trace_hash(), "seed {seed}");
        assert_eq!(found_from(&mut world, NodeId(0)), nodes as usize - 1, "seed {seed}");
    }
}

/// A node that says Bye leaves nothing behind at its neighbours.
#[test]
fn a_shutdown_closes_every_link_in_order() {
    let graph = graph(Topology::Clique { nodes: 6 }, 1);
    let forward = config(Forward::HigherTtl);
    let net = world_config(Latency::default(), true);
    let mut world = standing(1, net, &graph, forward, |_| vec![]);
    world.command(NodeId(2), Command::Shutdown);
    world.settle().unwrap();
    let stopped = |event| matches!(event, &filbert::node::Event::Stopped);
    assert!(world.said(NodeId(2)).iter().any(|(_, event)| stopped(event)));
    for node in [0, 1, 3, 4, 5].map(NodeId) {
        assert_eq!(world.view(node).expect("lives").neighbours.len(), 4);
        assert!(!world.is_linked(node, NodeId(2)));
    }
}
