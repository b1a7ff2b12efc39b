//! Servents in network namespaces of their own. Where these cannot be made, only what is said of
//! that is tested.

use std::process::Command;

use filbert::cluster::Cluster;

use crate::support::Place;

/// Whether this system lets us make a namespace; says so if not.
fn can_be_made() -> bool {
    let name = format!("filbert-test-{}", std::process::id());
    let ip = |word: &str| Command::new("ip").args(["netns", word, &name]).output();
    let made = ip("add").is_ok_and(|output| output.status.success());
    if made {
        ip("del").expect("it could be made");
    } else {
        eprintln!("skipped: this user cannot make network namespaces here");
    }
    made
}

/// The namespaces of clusters, by the hash in their names.
fn namespaces(of: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/run/netns").into_iter().flatten();
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter(|name| name.contains(of)).collect()
}

#[test]
fn a_real_network_stands_behind_firewalls_and_goes_without_a_trace() {
    let place = Place::new();
    if !can_be_made() {
        let said = place.wrong(&["up", "-n", "2", "--netns"]);
        assert_eq!(said.lines().count(), 1, "{said}");
        return place.is_clear();
    }
    place.good(&["up", "-n", "3", "--netns", "--topology", "line"]);
    let nodes = place.nodes();
    assert!(
        nodes.iter().all(|node| node["listen"].as_str().expect("an address").starts_with("10."))
    );
    place.good(&["delay", "1ms"]);
    place.good(&["firewall", "1"]);
    let own = smol::block_on(async {
        let cluster = Cluster::open(&place.dir()).expect("it stands");
        cluster.kill(&[1]).await.expect("it can be killed");
        cluster.start(&[1]).await.expect("it calls both its neighbours");
        let client = cluster.client(1).expect("it runs");
        assert_eq!(client.peers().await.expect("it answers").len(), 2);
        cluster.before(1).pop().expect("its namespace").into_string().expect("a name")
    });
    let hash = own.split('-').nth(1).expect("filbert-HASH-1");
    assert_eq!(namespaces(hash).len(), 4, "three nodes and the hub");
    // Whoever removes the directory by hand has not removed the network.
    std::fs::remove_dir_all(place.dir()).expect("it is ours");
    place.good(&["down"]);
    assert_eq!(namespaces(hash), Vec::<String>::new());
    place.is_clear();
}
