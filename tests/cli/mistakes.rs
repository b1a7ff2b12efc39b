//! A person's mistakes get one clear sentence, exit status 2, and nothing is lost.

use std::fs;
use std::net::TcpListener;

use crate::support::{Servent, filbert, run, text};

/// Runs the program, wants exit status 2, and returns the one line that it says.
fn refused(args: &[&str]) -> String {
    let dir = tempfile::tempdir().expect("a folder");
    refused_in(dir.path(), args)
}

fn refused_in(dir: &std::path::Path, args: &[&str]) -> String {
    let output = run(dir, args);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
    assert!(!said.contains("panicked"), "{args:?}: {said}");
    said
}

#[test]
fn unknown_words_and_settings() {
    assert!(refused(&["serach", "x"]).contains("search"));
    assert!(
        refused(&["config", "--set", "node.query_tll_default=3"]).contains("query_ttl_default")
    );
    assert!(refused(&["config", "--set", "node.query_ttl_default=many"]).contains("query_ttl"));
    assert!(refused(&["config", "--set", "node.query_ttl_default=300"]).contains("query_ttl"));
    assert!(refused(&["config", "--config", "/no/such/file.toml"]).contains("/no/such/file.toml"));
}

#[test]
fn a_settings_file_with_a_typo_names_the_key() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("filbert.toml");
    fs::write(&file, "lisen = \"127.0.0.1:0\"\n").expect("a file");
    let said = refused_in(dir.path(), &["config", "--config", file.to_str().expect("UTF-8")]);
    assert!(said.contains("lisen") && said.contains("is it listen?"), "{said}");
}

#[test]
fn settings_come_from_flags_then_variables_then_the_file() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("filbert.toml");
    fs::write(&file, "listen = \"127.0.0.1:1\"\n[node]\nneighbours_wanted = 3\nupload_slots = 4\n")
        .expect("a file");
    let output = filbert(dir.path())
        .args(["config", "--json", "--set", "node.upload_slots=6", "--config"])
        .arg(&file)
        .env("FILBERT_NODE_NEIGHBOURS_WANTED", "5")
        .env("FILBERT_NODE_UPLOAD_SLOTS", "5")
        .output()
        .expect("filbert runs");
    let settings: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(settings["listen"]["value"], "127.0.0.1:1");
    assert_eq!(settings["node.neighbours_wanted"]["value"], 5);
    assert_eq!(settings["node.upload_slots"]["value"], 6);
    assert_eq!(settings["node.upload_slots"]["origin"], "command line");
    assert_eq!(
        settings["node.neighbours_wanted"]["origin"],
        "variable FILBERT_NODE_NEIGHBOURS_WANTED"
    );
}

#[test]
fn nothing_is_running() {
    for args in [["status"].as_slice(), &["peers"], &["connect", "127.0.0.1:9"], &["shares"]] {
        assert!(refused(args).contains("filbert run"), "{args:?}");
    }
}

#[test]
fn a_port_in_use_and_a_missing_folder() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let said = refused(&["run", "--listen", &address]);
    assert!(said.contains(&address) && said.contains("another port"), "{said}");
    let said = refused(&["run", "--listen", "127.0.0.1:0", "--share", "/no/such/folder"]);
    assert!(said.contains("/no/such/folder"), "{said}");
    assert!(refused(&["run", "--listen", "here"]).contains("ADDRESS:PORT"));
    let said = refused(&["run", "--listen", "127.0.0.1:0", "--api", "0.0.0.0:0"]);
    assert!(said.contains("other machines"), "{said}");
}

#[test]
fn a_data_directory_has_one_servent() {
    let dir = tempfile::tempdir().expect("a folder");
    let servent = Servent::start(dir.path(), &[]);
    let said = refused_in(dir.path(), &["run", "--listen", "127.0.0.1:0"]);
    assert!(said.contains(dir.path().to_str().expect("UTF-8")), "{said}");
    assert!(servent.stop());
}

#[test]
fn words_that_are_no_search_and_no_file() {
    assert!(refused(&["get", "magnet:?dn=x"]).contains("xt=urn:sha1:"));
    assert!(refused(&["get", "urn:sha1:XYZ"]).contains("urn"));
    assert!(refused(&["get", "something"]).contains("number"));
    assert!(refused(&["search", "x", "--timeout", "soon"]).contains("10s"));
    assert!(refused(&["search", "x", "--size", "big"]).contains("size"));
    assert!(refused(&["block", "nobody"]).contains("10.0.0.0/8"));
    assert!(refused(&["replay", "/no/such/record"]).contains("/no/such/record"));
}
