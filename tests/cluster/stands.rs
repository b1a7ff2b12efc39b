//! A cluster comes to stand, changes, and goes without a trace.

use crate::support::Place;

#[test]
fn every_link_stands_when_up_returns_and_nothing_is_left_after_down() {
    let place = Place::new();
    let told = place.json(&["up", "-n", "6", "--topology", "ring"]);
    assert_eq!((&told["nodes"], &told["links"]), (&6.into(), &6.into()));
    let nodes = place.nodes();
    assert_eq!(nodes.len(), 6);
    assert!(nodes.iter().all(|node| node["neighbours"] == 2), "{nodes:?}");
    assert_eq!(place.processes().len(), 6);
    let again = place.wrong(&["up", "-n", "3"]);
    assert!(again.contains("stands in") && again.contains("cluster down"), "{again}");
    place.good(&["down"]);
    place.is_clear();
    assert_eq!(place.run(&["down"]).status.code(), Some(1));
    assert!(place.wrong(&["status"]).contains("filbert cluster up"));
}

#[test]
fn leaves_hang_on_ultrapeers() {
    let place = Place::new();
    place.good(&["up", "-n", "7", "--leaves", "3", "--topology", "mesh"]);
    let nodes = place.nodes();
    let neighbours: Vec<u64> =
        nodes.iter().map(|node| node["neighbours"].as_u64().expect("it answers")).collect();
    assert_eq!(neighbours[4..], [3, 3, 3], "{neighbours:?}");
    assert_eq!(neighbours[..4].iter().sum::<u64>(), 4 * 3 + 3 * 3);
    assert_eq!(nodes[4]["name"], "leaf-4");
}

#[test]
fn a_port_in_use_is_left_to_whoever_has_it() {
    let place = Place::new();
    let listen = || place.nodes()[1]["listen"].as_str().expect("an address").to_owned();
    place.good(&["up", "-n", "2"]);
    let usual = listen();
    place.good(&["down"]);
    let _taken = std::net::TcpListener::bind(&usual).expect("it is free");
    place.good(&["up", "-n", "2"]);
    assert_ne!(listen(), usual);
    place.good(&["down"]);
    let said = place.wrong(&["up", "-n", "2", "--share", "/no/such/folder"]);
    assert!(said.contains("/no/such/folder") && said.contains("node-0"), "{said}");
    place.is_clear();
}

#[test]
fn a_folder_that_is_no_cluster_is_left_alone() {
    let place = Place::new();
    std::fs::create_dir(place.dir()).expect("a folder");
    std::fs::write(place.dir().join("thesis.txt"), "years of work").expect("a file");
    for words in [&["up", "-n", "2"][..], &["down"]] {
        let said = place.wrong(words);
        assert!(said.contains("no cluster"), "{said}");
    }
    assert!(place.dir().join("thesis.txt").exists());
}
