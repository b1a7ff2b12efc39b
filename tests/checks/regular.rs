//! Random regular graphs under equal latencies: reach and cost for every TTL.

use filbert::sim::{Dice, Graph, NodeId, Topology};

use crate::worlds::{EQUAL, config, graph, standing, whole};

/// A graph, and by TTL the nodes reached and the messages, in the mean over all origins (one seed;
/// others within 1 %).
struct Row {
    nodes: u32,
    degree: u32,
    reached: &'static [f64],
    messages: &'static [f64],
}

const TABLE: [Row; 4] = [
    Row {
        nodes: 10_000,
        degree: 4,
        reached: &[4.0, 15.99, 51.90, 158.9, 473.1, 1_356.0, 3_544.0, 7_310.0, 9_803.0],
        messages: &[4.0, 16.0, 51.98, 159.7, 480.7, 1_423.0, 4_073.0, 10_637.0, 21_935.0],
    },
    Row {
        nodes: 10_000,
        degree: 6,
        reached: &[6.0, 35.95, 184.3, 893.5, 3_740.0, 9_037.0, 9_999.0],
        messages: &[6.0, 36.0, 185.8, 927.7, 4_474.0, 18_706.0, 45_192.0],
    },
    Row {
        nodes: 5_000,
        degree: 10,
        reached: &[10.0, 99.22, 834.3, 4_035.0, 4_999.0],
        messages: &[10.0, 100.0, 903.0, 7_519.0, 36_323.0, 45_001.0],
    },
    Row {
        nodes: 20_000,
        degree: 30,
        reached: &[30.0, 881.4, 14_601.0, 19_999.0],
        messages: &[30.0, 900.0, 25_591.0, 423_458.0, 580_001.0],
    },
];

/// Nodes reached and messages with TTL 1, 2, ... from an origin: all nodes within reach but those on
/// the rim pass the query on to all neighbours but one.
fn computed(graph: &Graph, degree: u32, origin: u32, ttl_max: usize) -> Vec<(u64, u64)> {
    let mut by_distance = vec![0_u64; ttl_max + 1];
    for far in graph.distances(origin).into_iter().flatten() {
        if let Some(count) = by_distance.get_mut(far as usize) {
            *count += 1;
        }
    }
    let within = |ttl: usize| by_distance[1..=ttl].iter().sum::<u64>();
    let degree = u64::from(degree);
    (1..=ttl_max).map(|ttl| (within(ttl), degree + (degree - 1) * within(ttl - 1))).collect()
}

/// Breadth-first searches from many origins agree with the table.
#[test]
fn the_table_is_what_the_graphs_say() {
    for Row { nodes, degree, reached, messages } in TABLE {
        let graph = graph(Topology::RandomRegular { nodes, degree }, 2);
        let origins = if whole() { nodes } else { (8_000_000 / (nodes * degree)).max(4) };
        let mut dice = Dice::new(1);
        let mut sums = vec![(0.0, 0.0); messages.len()];
        for origin in 0..origins {
            let origin = if whole() { origin } else { dice.below(nodes.into()) as u32 };
            let of_origin = computed(&graph, degree, origin, messages.len());
            for (sum, (reached, messages)) in sums.iter_mut().zip(of_origin) {
                *sum = (sum.0 + reached as f64, sum.1 + messages as f64);
            }
        }
        for (ttl, sum) in (1..).zip(&sums) {
            let at = format!("{degree}-regular, TTL {ttl}, {origins} origins");
            let mean = |sum: f64| sum / f64::from(origins);
            let near = |found: f64, said: f64| (found / said - 1.0).abs() <= 0.01;
            let all = f64::from(nodes - 1);
            let said = reached.get(ttl - 1).copied().unwrap_or(all);
            println!(
                "{at}: {:.2} of {said}, {:.2} of {}",
                mean(sum.0),
                mean(sum.1),
                messages[ttl - 1]
            );
            assert!(near(mean(sum.0), said), "{at}: {} reached, not {said}", mean(sum.0));
            assert!(near(mean(sum.1), messages[ttl - 1]), "{at}: {} messages", mean(sum.1));
        }
    }
}

/// Whole nodes reach and send exactly what the graph says, for every TTL.
#[test]
fn worlds_are_what_the_graphs_say() {
    for Row { nodes, degree, messages, .. } in TABLE {
        let nodes = if whole() { nodes } else { (nodes / 20).max(20 * degree) };
        let origins = if degree < 30 && whole() { 20 } else { 4 };
        let graph = graph(Topology::RandomRegular { nodes, degree }, 2);
        let mut world = standing(1, EQUAL, &graph, config(), |_| vec![]);
        for origin in (0..origins).map(|at| at * (nodes / origins)) {
            for (ttl, said) in (1..).zip(computed(&graph, degree, origin, messages.len())) {
                let search = world.search(NodeId(origin), "common", ttl);
                world.settle().unwrap();
                let record = world.measure_search(NodeId(origin), search).expect("it left");
                let found = (record.reached().len() as u64, record.messages);
                assert_eq!(found, said, "{degree}-regular of {nodes}, TTL {ttl} from {origin}");
                world.forget_search(NodeId(origin), search);
            }
        }
        println!("{degree}-regular: {origins} origins in a world of {nodes} nodes");
    }
}
