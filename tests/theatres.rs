//! The same scenario files in the simulator and on real servents, by the program itself.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A folder for a scenario and its cluster; whatever is left of that is ended with the test.
struct Place(TempDir);

impl Place {
    fn new(scenario: &str) -> Place {
        let place = Place(tempfile::tempdir().expect("a folder"));
        fs::write(place.0.path().join("play.toml"), scenario).expect("a scenario");
        place
    }

    fn dir(&self) -> std::path::PathBuf {
        self.0.path().join("cluster")
    }

    fn filbert(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_filbert"));
        command.args(words).arg("--dir").arg(self.dir()).current_dir(self.0.path());
        command.env("HOME", self.0.path()).output().expect("the program runs")
    }

    fn run(&self, words: &[&str]) -> (Option<i32>, String, String) {
        let words = [&["cluster", "run", "play.toml"], words].concat();
        let Output { status, stdout, stderr } = self.filbert(&words);
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (status.code(), text(stdout), text(stderr))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.filbert(&["cluster", "down"]);
    }
}

fn is_gone(dir: &Path) -> bool {
    !dir.exists()
}

const COUNTED: &str = "
[network]
topology = 'watts-strogatz'
nodes = 8
degree = 4
rewired = 0.2
[node]
forward = 'first-copy'
ttl = 8
[links]
latency = '2ms to 8ms'
[[share]]
nodes = '5..6'
files = [{ name = 'plum pie.txt', size = '30 kB' }]
[[step]]
search = 'plum'
by = 0
label = 'plum'
[[step]]
download = 'plum pie.txt'
by = 1
from = 5
[[step]]
wait-until = 'every file equal'
at-most = '30s'
[[step]]
search = 'nothing'
by = 3
label = 'nothing'
[expect]
that = [
    'messages == 2E - N + 1', 'reached == N - 1', 'every node reachable', 'every file equal',
    'hits of plum >= 1 within 3s', 'results of plum == 2', 'found of nothing == 0', 'recall of plum == 1',
]
";

#[test]
fn counts_that_follow_from_the_graph_are_the_same_in_both_theatres() {
    let place = Place::new(COUNTED);
    let (code, said, wrong) = place.run(&["--compare", "--json", "--report", "page.html"]);
    assert_eq!(code, Some(0), "{said}\n{wrong}");
    let both: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(both["agrees"], true);
    let rows = both["rows"].as_array().expect("rows");
    for fact in ["messages", "duplicates", "reached", "results"] {
        let row = rows.iter().find(|row| row["fact"] == fact).expect(fact);
        assert_eq!((&row["exact"], &row["simulated"]), (&Value::Bool(true), &row["real"]), "{row}");
    }
    let real = &both["real"]["runs"][0];
    assert_eq!(real["downloads"][0]["equal"], true);
    assert_eq!(both["real"]["theatre"], "real");
    // Every copy is drawn, as in the simulator.
    let copies = real["flood"]["copies"].as_array().expect("a drawing").len() as u64;
    assert_eq!(Some(copies), real["queries"][0]["messages"].as_u64());
    let page = fs::read_to_string(place.0.path().join("page.html")).expect("a page");
    assert!(page.contains("agrees, as it must"));
    assert!(is_gone(&place.dir()), "nothing is left");
}

const BROKEN: &str = "
afterwards = '1s'
[network]
topology = 'mesh'
nodes = 6
[links]
latency = '1ms'
[[group]]
name = 'walled'
nodes = '2'
free-riders = true
[files]
count = 6
copies = 2
size = '1 kB'
[[share]]
nodes = '4'
files = ['plum pie.txt']
[[step]]
partition = '0..2'
[[step]]
search = 'plum'
by = 0
label = 'parted'
[[step]]
wait = '500ms'
[[step]]
expect = 'found of parted == 0'
[[step]]
heal = true
[[step]]
kill = '4'
[[step]]
leave = '5'
[[step]]
wait-until = 'N == 4'
[[step]]
restart = '4'
[[step]]
join = 1
[[step]]
wait-until = 'every node reachable'
at-most = '30s'
[[step]]
share = 'pear tart.txt'
by = 3
[[step]]
search = 'plum pie'
by = 0
label = 'healed'
[[step]]
search = 'pear'
by = 1
label = 'pear'
[expect]
that = ['N == 6', 'found of healed == 1', 'found of pear == 1']
";

#[test]
fn what_breaks_and_mends_does_so_in_both_theatres() {
    let place = Place::new(BROKEN);
    let (code, said, wrong) = place.run(&["--compare", "--json"]);
    assert_eq!(code, Some(0), "{said}\n{wrong}");
    assert!(is_gone(&place.dir()), "nothing is left");
}

#[test]
fn what_real_servents_cannot_play_is_one_sentence_before_anything_starts() {
    let network = "[network]\ntopology = 'ring'\nnodes = 5\n";
    // Where the cluster is to be is understood after the command, too.
    let place = Place::new(network);
    let Output { stderr, .. } = place.filbert(&["cluster", "status"]);
    let wrong = String::from_utf8_lossy(&stderr).into_owned();
    assert!(wrong.contains(&*place.dir().to_string_lossy()), "{wrong}");
    for (text, said) in [
        ("theatres = ['simulated']\nbecause = 'it takes a year'\n", "it takes a year"),
        ("lasts = '2h'\n", "10 minutes are the most"),
    ] {
        let place = Place::new(&format!("{text}{network}"));
        let (code, _, wrong) = place.run(&[]);
        assert_eq!(code, Some(2), "{wrong}");
        assert!(wrong.contains(said) && wrong.contains("filbert sim"), "{wrong}");
        assert!(is_gone(&place.dir()));
    }
    let attack = "[[step]]\nattack = '1'\nwith = 'poison'\n";
    let place = Place::new(&format!("{network}{attack}"));
    let (code, _, wrong) = place.run(&[]);
    assert!(code == Some(2) && wrong.contains("attacks"), "{wrong}");
    let place = Place::new(&network.replace('5', "301"));
    let (code, _, wrong) = place.run(&[]);
    assert!(code == Some(2) && wrong.contains("301 nodes"), "{wrong}");
}
