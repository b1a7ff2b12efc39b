//! `filbert sim`: experiments from files and by name, what is written, and the exit status.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::support::{run, text};

const RING: &str = "title = 'A ring'\n[network]\ntopology = 'ring'\nnodes = 6\n[node]\nforward = 'first-copy'\n\
    ttl = 9\n[[step]]\nsearch = 'apricot'\nby = 0\n[expect]\nthat = ['messages == 2E - N + 1']\n";

fn sim(dir: &Path, file: &str, args: &[&str]) -> Output {
    let path = dir.join("ring.toml");
    fs::write(&path, file).expect("the file is written");
    let path = path.to_string_lossy().into_owned();
    run(dir, &[&["sim", &path], args].concat())
}

#[test]
fn the_exit_status_says_whether_what_was_expected_held() {
    let dir = tempfile::tempdir().expect("a folder");
    let held = sim(dir.path(), RING, &[]);
    let shown = text(&held.stdout);
    assert_eq!(held.status.code(), Some(0), "{shown}");
    assert!(
        shown.contains("A ring") && shown.contains("holds  messages == 2E - N + 1  (7 == 7)"),
        "{shown}"
    );
    let failed = sim(dir.path(), &RING.replace("N + 1", "N"), &[]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(text(&failed.stdout).contains("FAILS  messages == 2E - N  (7 == 6)"));
    let mistaken = sim(dir.path(), &RING.replace("ttl", "tll"), &[]);
    assert_eq!(mistaken.status.code(), Some(2));
    let said = text(&mistaken.stderr);
    assert!(said.contains("ring.toml:7: node.tll: there is no such setting; is it ttl?"), "{said}");
}

#[test]
fn tables_a_page_and_json_are_written_for_all_seeds() {
    let dir = tempfile::tempdir().expect("a folder");
    let (csv, page) = (dir.path().join("tables"), dir.path().join("page.html"));
    let (csv_text, page_text) = (csv.to_string_lossy(), page.to_string_lossy());
    let args = [
        "--seeds",
        "3..5",
        "--sweep",
        "nodes=6,8",
        "--csv",
        &*csv_text,
        "--report",
        &*page_text,
        "--json",
    ];
    let output = sim(dir.path(), RING, &args);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let runs = report["runs"].as_array().expect("runs");
    let of = |run: &Value| (run["seed"].as_u64(), run["at"][0].as_str().map(str::to_owned));
    assert_eq!(of(&runs[0]), (Some(3), Some("6".into())));
    assert_eq!(of(&runs[5]), (Some(5), Some("8".into())));
    let queries = fs::read_to_string(csv.join("queries.csv")).expect("the table is there");
    assert!(queries.starts_with("seed,nodes,query,") && queries.lines().count() == 7, "{queries}");
    assert!(fs::read_to_string(&page).expect("the page is there").contains("A ring"));
    assert_eq!(sim(dir.path(), RING, &args).stdout, output.stdout, "the same again");
}

#[test]
fn what_cannot_be_read_or_written_is_said_before_anything_is_played() {
    let dir = tempfile::tempdir().expect("a folder");
    let missing = dir.path().join("no/such/folder/page.html");
    let output = sim(dir.path(), RING, &["--report", &missing.to_string_lossy()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty() && text(&output.stderr).contains("cannot be written"));
    let ring = "topology = 'ring'\nnodes = 6";
    for (bytes, said) in [
        (&b"\x1F\x8B\x08\x00\xFF"[..], "unpack it first"),
        (b"1,2\n", "line 1 of the edge list is not two node numbers"),
        (b"# nothing\n", "this network has no nodes"),
    ] {
        fs::write(dir.path().join("graph.txt"), bytes).expect("the file is written");
        let file = RING.replace(ring, "topology = 'edge-list'\nfile = 'graph.txt'");
        let output = sim(dir.path(), &file, &[]);
        let shown = text(&output.stderr);
        assert!(output.status.code() == Some(2) && shown.contains(said), "{shown}");
    }
    fs::remove_file(dir.path().join("graph.txt")).expect("it was there");
    let file = RING.replace(ring, "topology = 'edge-list'\nfile = 'graph.txt'");
    assert!(
        text(&sim(dir.path(), &file, &[]).stderr).contains("is looked for next to the scenario")
    );
}

#[test]
fn bundled_experiments_are_listed_printed_and_played_by_name() {
    let dir = tempfile::tempdir().expect("a folder");
    let list = text(&run(dir.path(), &["sim", "--list"]).stdout);
    assert!(list.contains("ritter") && list.lines().count() > 12, "{list}");
    let printed = text(&run(dir.path(), &["sim", "first", "--print"]).stdout);
    assert!(printed.starts_with("# A first experiment"));
    assert_eq!(run(dir.path(), &["sim", "first"]).status.code(), Some(0));
    assert_eq!(text(&run(dir.path(), &["sim"]).stdout), list, "without a name");
    let unknown = run(dir.path(), &["sim", "riter"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("is it ritter?"));
    for seeds in ["5", "5..1", "a..b", "1..99999999"] {
        assert_eq!(
            run(dir.path(), &["sim", "first", "--seeds", seeds]).status.code(),
            Some(2),
            "{seeds}"
        );
    }
}

/// Some links are compressed and others are not: the checkers, who see the latter alone, take what
/// is passed on for something that never came. What they report is what a bug would look like.
const HALF_SEEN: &str = "[network]\ntopology = 'ring'\nnodes = 6\n[node]\ncompress = true\n\
    [[group]]\nname = 'near'\nnodes = 1\nnode = { compress = false }\n\
    [[group]]\nname = 'far'\nnodes = 4\nnode = { compress = false }\n\
    [[step]]\nsearch = 'apricot'\nby = 0\nttl = 7\n";

#[test]
fn a_broken_rule_is_told_shown_again_recorded_and_replayed() {
    let dir = tempfile::tempdir().expect("a folder");
    let broken = sim(dir.path(), HALF_SEEN, &["--seed", "7"]);
    assert_eq!(broken.status.code(), Some(2));
    let said = text(&broken.stderr);
    let (first, rest) = said.split_once('\n').expect("lines");
    assert!(first.contains("seed 7, step ") && first.contains("n5 passed on query "), "{said}");
    let history: Vec<&str> = rest.lines().take_while(|line| line.starts_with("  ")).collect();
    assert!(history.len() > 5 && history.iter().all(|line| line.contains("s n5 ")), "{said}");
    assert!(history.last().is_some_and(|last| last.contains("n5 has sent ")), "{said}");

    // The command line that it names, as somebody would type it.
    let (_, again) = said.trim_end().rsplit_once(": filbert ").expect("a command line");
    assert!(again.ends_with(" --seed 7 --record DIR"), "{said}");
    let folder = dir.path().join("recorded");
    let again = again.replace("DIR", &folder.to_string_lossy());
    let words: Vec<&str> = again.split(' ').collect();
    let shown = run(dir.path(), &words);
    let said_again = text(&shown.stderr);
    assert_eq!(shown.status.code(), Some(2));
    assert!(said_again.contains(first) && said_again.contains(history[0]), "{said_again}");
    let command = |line: &&str| line.starts_with("recorded: filbert ");
    let recorded = said_again.lines().find(command).expect("a recording");
    let words: Vec<&str> = recorded.split(' ').skip(2).collect();
    let replayed = run(dir.path(), &words);
    let told = text(&replayed.stdout);
    assert!(replayed.status.success() && told.contains("Every action was the same"), "{told}");
}
