//! What lies between the servents of a cluster.

use std::collections::BTreeSet;

use filbert::cluster::{Cluster, Healed};

use crate::support::Place;

#[test]
fn what_is_cut_stays_cut_for_a_node_that_starts_again_until_it_is_healed() {
    let place = Place::new();
    place.good(&["up", "-n", "4", "--topology", "ring"]);
    let told = place.good(&["partition", "0,node-1"]);
    assert!(told.contains("node-2 and node-3 (1 link among them)"), "{told}");
    assert!(told.contains("2 links are cut"), "{told}");
    smol::block_on(async {
        let mut cluster = Cluster::open(&place.dir()).expect("it stands");
        cluster.kill(&[1]).await.expect("it can be killed");
        // Comes back to the one neighbour that it can reach.
        cluster.start(&[1]).await.expect("it starts again");
        assert_eq!(neighbours(&cluster, 1).await, 1);
        assert_eq!(cluster.conditions_of(1).expect("a node").silent.len(), 2);
        let healed = cluster.heal().await.expect("it heals");
        assert_eq!(healed, Healed { nodes: 4, links_made_again: 1 });
        assert_eq!(neighbours(&cluster, 1).await, 2);
        assert!(cluster.conditions_of(1).expect("a node").is_nothing());
    });
    assert!(place.good(&["heal"]).contains("Nothing was cut"));
}

#[test]
fn a_node_behind_a_firewall_starts_again_and_calls_its_neighbours() {
    let place = Place::new();
    place.good(&["up", "-n", "3", "--topology", "star"]);
    place.good(&["firewall", "0"]);
    smol::block_on(async {
        let cluster = Cluster::open(&place.dir()).expect("it stands");
        assert_eq!(neighbours(&cluster, 0).await, 2, "links that stand stay");
        cluster.kill(&[0]).await.expect("it can be killed");
        cluster.start(&[0]).await.expect("it starts again");
        assert_eq!(neighbours(&cluster, 0).await, 2);
    });
    let conditions = place.json(&["firewall", "0", "--off"]);
    assert_eq!(conditions["firewalled"], false);
}

#[test]
fn mistakes_about_the_links_are_one_sentence() {
    let place = Place::new();
    place.good(&["up", "-n", "3", "--topology", "line"]);
    for (words, wanted) in [
        (&["partition", "0,1", "1,2"][..], "node-1 cannot be on both sides"),
        (&["partition", "@all"], "from whom"),
        (&["partition", "leaf-*"], "node-0, node-1, node-2"),
        (&["firewall", "@leafs"], "@leaves"),
        (&["delay", "50"], "50ms"),
        (&["delay", "50ms", "7"], "0 to 2"),
    ] {
        let said = place.wrong(words);
        assert!(said.contains(wanted) && said.lines().count() == 1, "{words:?}: {said}");
    }
    assert_eq!(place.json(&["delay", "1.5ms", "@random:2"])["latency_us"], 1_500);
}

/// How many other nodes it has links with.
async fn neighbours(cluster: &Cluster, number: u32) -> usize {
    let peers = cluster.client(number).expect("it runs").peers().await.expect("it answers");
    peers.iter().map(|peer| peer.address.ip()).collect::<BTreeSet<_>>().len()
}
