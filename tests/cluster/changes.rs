//! Nodes and links of a standing cluster come and go; the same by processes and in one process.

use std::time::{Duration, Instant};

use crate::support::Place;

/// Waits until the first nodes say that they have so many neighbours; none if one does not run.
fn neighbours(place: &Place, wanted: &[Option<u64>]) {
    let began = Instant::now();
    loop {
        let nodes = place.nodes();
        let told: Vec<_> = nodes.iter().map(|node| node["neighbours"].as_u64()).collect();
        if told.starts_with(wanted) {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{told:?} instead of {wanted:?}");
    }
}

fn come_and_go(seat: &[&str]) {
    let place = Place::new();
    place.good(&[&["up", "-n", "6", "--topology", "ring"], seat].concat());
    place.good(&["kill", "node-2,4"]);
    neighbours(&place, &[Some(2), Some(1), None, Some(0), None, Some(1)]);
    place.good(&["start", "@all"]);
    neighbours(&place, &[Some(2); 6]);
    place.good(&["stop", "0..1"]);
    neighbours(&place, &[None, None, Some(1)]);
    place.good(&["start", "node-0", "1"]);
    neighbours(&place, &[Some(2); 6]);
    place.good(&["vanish", "5"]);
    assert!(place.nodes()[5]["life"]["vanished"]["pid"].is_u64());
    place.good(&["start", "5"]);
    place.good(&["link", "0", "3"]);
    place.good(&["unlink", "0", "node-1"]);
    neighbours(&place, &[Some(2), Some(1), Some(2), Some(3)]);
    assert_eq!(place.run(&["unlink", "0", "1"]).status.code(), Some(1));
    place.good(&["down"]);
    place.is_clear();
}

#[test]
fn processes_come_and_go() {
    come_and_go(&[]);
}

#[test]
fn nodes_of_one_process_come_and_go() {
    come_and_go(&["--in-process"]);
}

#[test]
fn what_one_shares_another_finds_and_fetches() {
    let place = Place::new();
    let files = tempfile::tempdir().expect("a folder");
    std::fs::write(files.path().join("annual report.txt"), "all is well").expect("a file");
    place.good(&["up", "-n", "4", "--topology", "line"]);
    let shared = files.path().to_str().expect("UTF-8");
    assert_eq!(place.json(&["share", "3", shared])["files"], 1);
    let search = ["search", "0", "annual", "report", "--max", "1", "--timeout", "5s"];
    let found = place.good(&search);
    assert!(found.contains("annual report.txt") && found.contains("cluster get node-0"), "{found}");
    let copy = files.path().join("copy.txt");
    place.good(&["get", "0", "1", "-o", copy.to_str().expect("UTF-8")]);
    assert_eq!(std::fs::read_to_string(copy).expect("the copy"), "all is well");
    place.good(&["kill", "3"]);
    let nothing = place.run(&["search", "0", "annual", "report", "--timeout", "300ms"]);
    assert_eq!(nothing.status.code(), Some(1));
    // It still has the folder when it comes back.
    place.good(&["start", "3"]);
    place.good(&search);
}

#[test]
fn programs_speak_to_the_node_that_they_are_run_for() {
    let place = Place::new();
    place.good(&["up", "-n", "3"]);
    let program = env!("CARGO_BIN_EXE_filbert");
    let status = place.good(&["exec", "node-1", "--", program, "status"]);
    let listen = place.nodes()[1]["listen"].as_str().expect("an address").to_owned();
    assert!(status.contains(&listen), "{status}");
    assert_eq!(place.run(&["exec", "0..2", "--", "sh", "-c", "exit 7"]).status.code(), Some(7));
    assert!(place.good(&["logs", "node-1"]).contains(&listen));
    let said = place.wrong(&["kill", "nod-1"]);
    assert!(said.contains("is it node-1?"), "{said}");
}
