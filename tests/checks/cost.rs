//! What a full flood costs under the first-copy rule: 2E - N + 1 messages, whatever the latencies.

use filbert::sim::{Graph, Latency, NodeId, Topology};

use crate::worlds::{Way, config, edge_list, graph, latencies, standing_in};

fn flood(graph: &Graph, way: Way, origin: u32, seed: u64) -> (u64, u64, u64) {
    let mut world = standing_in(seed, way, graph, config());
    // No way without a cycle is longer than there are nodes.
    let search = world.search(NodeId(origin), "common", graph.nodes() as u8);
    world.settle().unwrap();
    let record = world.measure_search(NodeId(origin), search).expect("the query left");
    (record.messages, record.duplicates(), record.reached().len() as u64)
}

#[test]
fn a_full_flood() {
    for seed in 1..=4 {
        for graph in [
            graph(Topology::BarabasiAlbert { nodes: 120, links: 3 }, seed),
            graph(Topology::WattsStrogatz { nodes: 120, degree: 6, rewired: 0.1 }, seed),
            edge_list(seed),
        ] {
            let (nodes, edges) = (u64::from(graph.nodes()), graph.edges().len() as u64);
            for way in latencies() {
                let said = (2 * edges - nodes + 1, 2 * edges - 2 * (nodes - 1), nodes - 1);
                let origin = seed as u32 % graph.nodes();
                assert_eq!(flood(&graph, way, origin, seed), said, "seed {seed}, {way:?}");
            }
        }
    }
}

#[test]
fn a_d_regular_graph() {
    for (degree, nodes) in [(3, 250), (4, 250), (6, 200), (10, 150)] {
        let graph = graph(Topology::RandomRegular { nodes, degree }, 1);
        let way = Way::Drawn(Latency::Exponential { mean_us: 50_000 });
        let cost = u64::from(nodes) * u64::from(degree - 1) + 1;
        assert_eq!(flood(&graph, way, 7, 1).0, cost, "degree {degree}");
    }
}
