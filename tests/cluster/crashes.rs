//! Whoever dies in the middle of whatever: `down` clears all of it.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::support::Place;

fn signal(name: &str, pid: u32) {
    let status = Command::new("kill").args([name, &pid.to_string()]).status();
    assert!(status.expect("kill runs").success());
}

#[test]
fn a_tool_that_is_killed_while_it_starts_nodes_leaves_what_down_clears() {
    let place = Place::new();
    for nodes_before in [1, 4] {
        let mut tool = place.command(&["up", "-n", "8"]).stdout(Stdio::null()).spawn().expect("up");
        while place.processes().len() < nodes_before {
            std::thread::yield_now();
        }
        signal("-KILL", tool.id());
        tool.wait().expect("it is over");
        place.good(&["down"]);
        place.is_clear();
    }
}

#[test]
fn nodes_and_hosts_that_are_killed_are_told_and_cleared() {
    for seat in [&[][..], &["--in-process"]] {
        let place = Place::new();
        place.good(&[&["up", "-n", "3"], seat].concat());
        signal("-KILL", place.processes()[0]);
        while place.nodes().iter().all(|node| node["neighbours"].is_u64()) {
            std::thread::yield_now();
        }
        place.good(&["start", "@all"]);
        assert!(place.nodes().iter().all(|node| node["neighbours"] == 2));
        place.good(&["down"]);
        place.is_clear();
    }
}

#[test]
fn ctrl_c_takes_a_cluster_in_the_foreground_down() {
    let place = Place::new();
    let mut up = place.command(&["up", "-n", "3", "--foreground"]);
    let mut tool = up.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("up");
    let mut lines = BufReader::new(tool.stdout.take().expect("piped")).lines();
    let Some(ready) = lines.next() else {
        let said = tool.wait_with_output().expect("it is over").stderr;
        panic!("{}", String::from_utf8_lossy(&said));
    };
    let ready = ready.expect("a line");
    assert!(ready.contains("3 servents"), "{ready}");
    signal("-INT", tool.id());
    assert!(tool.wait().expect("it is over").success());
    place.is_clear();
}

#[test]
fn too_few_open_files_are_told_before_anything_starts() {
    let place = Place::new();
    let program = env!("CARGO_BIN_EXE_filbert");
    let line = format!("ulimit -n 400; exec {program} cluster up -n 200 --in-process");
    let output = Command::new("sh")
        .args(["-c", &line])
        .env("FILBERT_CLUSTER", place.dir())
        .output()
        .expect("a shell");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("open files") && said.contains("ulimit -Hn"), "{said}");
    place.is_clear();
}
