use super::*;

fn graph(topology: Topology) -> Graph {
    topology.graph(&mut Dice::new(5))
}

fn degrees(graph: &Graph) -> Vec<usize> {
    (0..graph.nodes()).map(|node| graph.neighbours(node).len()).collect()
}

#[test]
fn regular_shapes_have_the_edges_their_names_promise() {
    for (topology, nodes, edges) in [
        (Topology::Ring { nodes: 7 }, 7, 7),
        (Topology::Ring { nodes: 2 }, 2, 1),
        (Topology::Line { nodes: 7 }, 7, 6),
        (Topology::Star { nodes: 7 }, 7, 6),
        (Topology::Clique { nodes: 7 }, 7, 21),
        (Topology::Grid { rows: 3, columns: 4 }, 12, 17),
        (Topology::Tree { degree: 3, depth: 3 }, 22, 21),
    ] {
        let graph = graph(topology);
        assert_eq!((graph.nodes(), graph.edges().len()), (nodes, edges), "{topology:?}");
        assert!(graph.is_connected(), "{topology:?}");
    }
}

#[test]
fn a_tree_reaches_what_ritter_computed() {
    for (degree, reach) in [
        (2, [2, 4, 6, 8, 10]),
        (3, [3, 9, 21, 45, 93]),
        (4, [4, 16, 52, 160, 484]),
        (8, [8, 64, 456, 3_200, 22_408]),
    ] {
        let graph = graph(Topology::Tree { degree, depth: 5 });
        for (ttl, wanted) in (1..).zip(reach) {
            assert_eq!(graph.ball(0, ttl).len(), wanted, "degree {degree}, TTL {ttl}");
        }
        assert_eq!(graph.eccentricity(0), 5);
    }
}

#[test]
fn a_random_regular_graph_is_regular_simple_and_connected() {
    for (nodes, degree) in [(10, 3), (50, 4), (6, 5), (1_000, 4), (200, 30)] {
        let graph = graph(Topology::RandomRegular { nodes, degree });
        assert!(degrees(&graph).iter().all(|&d| d == degree as usize), "{nodes}, {degree}");
        assert!(graph.is_connected(), "{nodes}, {degree}");
    }
    assert!(graph(Topology::RandomRegular { nodes: 5, degree: 3 }).edges().is_empty());
}

#[test]
fn four_regular_balls_have_the_published_sizes() {
    let graph = graph(Topology::RandomRegular { nodes: 10_000, degree: 4 });
    let origins = 200;
    for (ttl, wanted) in (1..).zip([4.0, 15.99, 51.90, 158.9, 473.1, 1_356.0, 3_544.0]) {
        let sum: usize = (0..origins).map(|origin| graph.ball(origin * 50, ttl).len()).sum();
        let mean = sum as f64 / f64::from(origins);
        assert!((mean / wanted - 1.0).abs() < 0.01, "TTL {ttl}: {mean} instead of {wanted}");
    }
}

#[test]
fn erdos_renyi_has_the_mean_degree_and_can_be_joined() {
    let graph = graph(Topology::ErdosRenyi { nodes: 100, mean_degree: 1.5 });
    assert_eq!(graph.edges().len(), 75);
    let parts = graph.components().into_iter().max().map_or(0, |last| last as usize + 1);
    assert!(parts > 1, "so thin a graph falls apart");
    let joined = graph.join_components(&mut Dice::new(9));
    assert!(joined.is_connected());
    assert_eq!(joined.edges().len(), 75 + parts - 1);
}

#[test]
fn preferential_attachment_makes_hubs() {
    let graph = graph(Topology::BarabasiAlbert { nodes: 2_000, links: 3 });
    assert_eq!(graph.edges().len(), 6 + 3 * 1_996);
    assert!(graph.is_connected());
    let degrees = degrees(&graph);
    assert_eq!(degrees.iter().min(), Some(&3));
    // The greatest degree grows as the square root of the nodes; a regular mixture has about 20.
    assert!(degrees.iter().max().is_some_and(|&most| most > 60), "{:?}", degrees.iter().max());
    let early: usize = degrees[..20].iter().sum();
    assert!(early > 20 * 20, "the first nodes are hubs: {early}");
    assert!(
        Topology::BarabasiAlbert { nodes: 5, links: 0 }.graph(&mut Dice::new(1)).edges().is_empty()
    );
}

#[test]
fn a_few_moved_links_make_a_small_world() {
    let world = |rewired| graph(Topology::WattsStrogatz { nodes: 1_000, degree: 10, rewired });
    let (ring, small, random) = (world(0.0), world(0.1), world(1.0));
    for graph in [&ring, &small, &random] {
        assert_eq!(graph.edges().len(), 5_000);
    }
    assert!(degrees(&ring).iter().all(|&degree| degree == 10));
    let clustering = |graph: &Graph| graph.clustering();
    // Of a lattice: 3 (k - 2) / (4 (k - 1)) with k = 10.
    assert!((clustering(&ring) - 2.0 / 3.0).abs() < 1e-9);
    assert!(clustering(&small) > 0.4 && clustering(&random) < 0.05);
    assert!(ring.eccentricity(0) == 100 && small.eccentricity(0) < 12);
    let full = Topology::WattsStrogatz { nodes: 5, degree: 4, rewired: 0.5 };
    assert_eq!(full.graph(&mut Dice::new(1)).edges().len(), 10);
}

#[test]
fn large_random_graphs_have_their_edges_too() {
    for (topology, edges) in [
        (Topology::RandomRegular { nodes: 50_000, degree: 4 }, 100_000),
        (Topology::ErdosRenyi { nodes: 50_000, mean_degree: 4.0 }, 100_000),
        (Topology::BarabasiAlbert { nodes: 50_000, links: 2 }, 3 + 2 * 49_997),
        (Topology::WattsStrogatz { nodes: 50_000, degree: 4, rewired: 0.1 }, 100_000),
    ] {
        assert_eq!(graph(topology).edges().len(), edges, "{topology:?}");
    }
}
