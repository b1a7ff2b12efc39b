use super::*;
use crate::sim::Topology;

fn graph(topology: Topology) -> Graph {
    topology.graph(&mut Dice::new(5))
}

#[test]
fn distances_are_the_fewest_links() {
    let ring = graph(Topology::Ring { nodes: 6 });
    let distances: Vec<Option<u32>> = [0, 1, 2, 3, 2, 1].map(Some).into();
    assert_eq!(ring.distances(0), distances);
    assert_eq!(ring.ball(0, 2), BTreeSet::from([1, 2, 4, 5]));
    let apart = Graph::new(4, [(0, 1), (2, 3), (1, 0), (2, 2), (3, 9)]);
    assert_eq!(apart.edges(), [(0, 1), (2, 3)]);
    assert_eq!(apart.distances(0)[2], None);
    assert_eq!(apart.eccentricity(0), 1);
}

#[test]
fn paths_and_clustering_of_small_graphs_are_exact() {
    let line = graph(Topology::Line { nodes: 4 });
    // 3 pairs at distance 1, 2 at 2, 1 at 3.
    assert_eq!(line.paths(0..4), Paths { mean: 10.0 / 6.0, diameter: 3 });
    assert_eq!(line.clustering(), 0.0);
    let clique = graph(Topology::Clique { nodes: 6 });
    assert_eq!((clique.paths(0..6).diameter, clique.clustering()), (1, 1.0));
    // A triangle with a tail: two nodes see all of their neighbours linked, one a third, one none.
    let tailed = Graph::new(4, [(0, 1), (0, 2), (1, 2), (2, 3)]);
    assert!((tailed.clustering() - (1.0 + 1.0 + 1.0 / 3.0) / 4.0).abs() < 1e-12);
    assert_eq!(Graph::new(2, []).paths(0..2), Paths { mean: 0.0, diameter: 0 });
}
