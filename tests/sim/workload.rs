//! Workloads in worlds: the truth about every question is what a flood of a quiet world finds, and
//! the overlay is seen as it is.

use crate::worlds::{config, graph, one_file, standing, world_config};
use filbert::node::Why;
use filbert::node::config::{Forward, Strategy};
use filbert::sim::workload::{Asker, Corpus, Deed, Planned, Questions};
use filbert::sim::{Dice, Latency, NetConfig, NodeId, NodeLoad, Topology, World, WorldConfig};
use std::time::Duration;

/// In a quiet world a flood that reaches everybody finds the truth: no more and no less.
#[test]
fn a_full_flood_of_a_quiet_world_finds_the_truth() {
    for seed in 1..=3 {
        let holdings = Corpus { files: 200, ..Corpus::default() }.place(120, &Dice::new(seed));
        let graph = graph(Topology::RandomRegular { nodes: 120, degree: 4 }, seed);
        let net = world_config(Latency::Exponential { mean_us: 30_000 }, false);
        let shared = |node| holdings.shared(node);
        let mut world = standing(seed, net, &graph, config(Forward::HigherTtl), shared);
        let questions = Questions { count: Some(40), ..Questions::default() };
        let plan = questions.plan(
            holdings.catalogue(),
            120,
            Duration::from_secs(1),
            &Dice::new(seed).derive("questions"),
        );
        let (mut origin, mut found, mut nothing) = (0, 0, 0);
        for Planned { deed, .. } in plan {
            let Deed::Ask { question, asker: Asker::Anybody } = deed else { panic!("{deed:?}") };
            origin = (origin + 17) % 120;
            let search = world.search(NodeId(origin), &question.text, 20);
            world.settle().unwrap();
            let mut truth = holdings.truth(&question.text);
            truth.retain(|&node| node != NodeId(origin));
            let record = world.measure_search(NodeId(origin), search).expect("the query left");
            let mut sum = world.search_record(NodeId(origin), search);
            sum.judge(&truth);
            assert_eq!(sum.recall, (!truth.is_empty()).then_some(1.0), "seed {seed}: {question:?}");
            let mut answers = record.answers();
            answers.dedup();
            assert_eq!(answers, truth, "seed {seed}: {question:?} of n{origin}");
            assert_eq!(record.results > 0, !truth.is_empty(), "seed {seed}: {question:?}");
            found += usize::from(!truth.is_empty());
            nothing += usize::from(question.file.is_none());
        }
        assert!(found >= 15 && nothing >= 10, "{found} found, {nothing} unanswerable");
    }
}

/// The overlay of a world that was built from a graph is that graph; the dead are not in it.
#[test]
fn the_overlay_is_the_graph_that_was_built() {
    let graph = graph(Topology::WattsStrogatz { nodes: 60, degree: 6, rewired: 0.2 }, 1);
    let net = world_config(Latency::default(), false);
    let mut world = standing(1, net, &graph, config(Forward::HigherTtl), |_| vec![]);
    let overlay = world.overlay();
    assert_eq!(overlay.graph, graph);
    assert!(overlay.ultrapeers.iter().all(|&ultrapeer| ultrapeer));
    let facts = overlay.facts(Some(&mut Dice::new(1)));
    let paths = graph.paths(0..60);
    assert_eq!((facts.diameter, facts.path_length), (paths.diameter.into(), paths.mean));
    assert!(!facts.sampled && (facts.components, facts.largest_component) == (1, 60));
    assert_eq!((facts.degree.mean, facts.clustering), (6.0, graph.clustering()));
    assert_eq!(facts.degrees.iter().sum::<u64>(), 60);

    world.kill(NodeId(7));
    world.run_for(Duration::from_secs(1)).unwrap();
    let overlay = world.overlay();
    let links = graph.edges().iter().filter(|&&(a, b)| a != 7 && b != 7).count();
    assert_eq!((overlay.nodes.len(), overlay.graph.edges().len()), (59, links));
    assert_eq!((overlay.place(NodeId(7)), overlay.place(NodeId(8))), (None, Some(7)));
}

/// An expanding ring asks with a query for each TTL: the search is all of them together.
#[test]
fn the_queries_of_a_ring_are_one_search() {
    let graph = graph(Topology::Line { nodes: 8 }, 1);
    let at_four = |node| if node == NodeId(4) { one_file(node) } else { vec![] };
    let ring =
        filbert::node::Config { strategy: Strategy::ExpandingRing, ..config(Forward::HigherTtl) };
    let net = world_config(Latency::Constant { us: 20_000 }, false);
    let mut world = standing(1, net, &graph, ring, at_four);
    let search = world.search(NodeId(0), "common", 7);
    world.run_for(Duration::from_secs(60)).unwrap();
    let mut record = world.search_record(NodeId(0), search);
    assert_eq!((record.queries, record.ttl, record.messages), (4, 4, 1 + 2 + 3 + 4));
    assert_eq!((record.reached, record.duplicates), (4, 0));
    assert_eq!(record.reached_by_hop, [1, 1, 1, 1]);
    assert_eq!((record.results, record.hits, record.hit_messages), (1, 1, 4));
    assert!(record.first_hit_us > Some(160_000) && record.first_hit_us == record.last_hit_us);
    record.judge(&[NodeId(0), NodeId(4), NodeId(6)]);
    assert_eq!((record.truth, record.recall), (Some(2), Some(0.5)));
    record.judge(&[NodeId(0)]);
    assert_eq!((record.truth, record.recall), (Some(0), None));
    world.forget_search(NodeId(0), search);
    assert_eq!(world.search_record(NodeId(0), search).queries, 0);
}

/// What nodes counted is summed over the world, and not lost when a process ends.
#[test]
fn loads_and_drops_are_summed_over_all_processes() {
    let graph = graph(Topology::Ring { nodes: 9 }, 1);
    let net = world_config(Latency::default(), false);
    let mut world = standing(1, net, &graph, config(Forward::HigherTtl), one_file);
    let quiet = world.drops().iter().find(|dropped| dropped.why == Why::Duplicate).is_none();
    assert!(quiet, "{:?}", world.drops());
    let search = world.search(NodeId(0), "common", 9);
    world.settle().unwrap();
    let record = world.search_record(NodeId(0), search);
    // The two halves of the flood meet at the far side: two copies cross each other there.
    assert_eq!((record.messages, record.duplicates), (10, 2));
    let duplicates = |world: &World| {
        let drops = world.drops();
        drops
            .iter()
            .find(|dropped| dropped.why == Why::Duplicate)
            .map_or(0, |dropped| dropped.count)
    };
    let queries = |world: &World| {
        let kinds = world.traffic();
        let query = kinds.iter().find(|kind| kind.kind == "query").expect("a kind");
        (query.sent, query.received)
    };
    assert_eq!((duplicates(&world), queries(&world)), (2, (10, 10)));
    let loads: Vec<NodeLoad> = world.node_loads().collect();
    let sent: u64 = loads.iter().map(|load| load.messages_sent).sum();
    assert_eq!((loads.len(), sent), (9, world.messages()));
    assert!(loads.iter().all(|load| load.memory_bytes > 1_000 && load.queue_peak_bytes == 0));
    assert!(loads.iter().all(|load| load.files == 1));
    for node in 0..9 {
        world.kill(NodeId(node));
    }
    assert_eq!((duplicates(&world), queries(&world)), (2, (10, 10)), "of those that are gone");
    assert_eq!(world.node_loads().count(), 0);
}

/// A slow link makes a queue, and the most that ever waited there is known afterwards.
#[test]
fn a_slow_link_shows_in_the_peak_of_the_queue() {
    let net = NetConfig { rate_bytes_s: Some(2_000), ..NetConfig::default() };
    let graph = graph(Topology::Line { nodes: 3 }, 1);
    let small = filbert::node::Config { send_window_bytes: 100, ..config(Forward::HigherTtl) };
    let world_config = WorldConfig { net, ..WorldConfig::default() };
    let mut world = standing(1, world_config, &graph, small, |_| vec![]);
    let peak =
        |world: &World, node| world.node_load(NodeId(node)).map(|load| load.queue_peak_bytes);
    let before = peak(&world, 0);
    for _ in 0..20 {
        world.search(NodeId(0), "a question of some length that nobody can answer", 3);
        world.run_for(Duration::from_millis(1)).unwrap();
    }
    world.settle().unwrap();
    assert!(peak(&world, 0) > before.max(Some(500)), "{before:?}, {:?}", peak(&world, 0));
    assert_eq!(world.node_load(NodeId(0)).map(|load| load.queued_bytes), Some(0));
}
