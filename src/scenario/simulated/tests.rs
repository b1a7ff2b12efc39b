use crate::scenario::Experiment;
use crate::scenario::report::{Report, Verdict};

fn play(text: &str, seeds: &[u64], threads: usize) -> Report {
    let load = |name: &str| match name {
        "square.txt" => {
            Ok("# a square with a tail\n1 2\n2 3\n3 4\n4 1\n4 9\n9 4\n9 9\n".to_owned())
        }
        _ => Err(format!("{name} is not there")),
    };
    let experiment =
        Experiment::read("x.toml", text, &[], &load).unwrap_or_else(|wrong| panic!("{wrong}"));
    experiment.play(seeds, threads, &|_| {}).unwrap_or_else(|broken| panic!("{broken}"))
}

fn verdicts(report: &Report) -> Vec<(&str, Verdict, String)> {
    let case = |of: &crate::scenario::report::Expected| {
        of.cases
            .iter()
            .find(|case| !case.held)
            .or(of.cases.first())
            .map_or(String::new(), |case| case.found.clone())
    };
    report.expectations.iter().map(|of| (of.text.as_str(), of.verdict, case(of))).collect()
}

fn all_hold(report: &Report) {
    let failed: Vec<_> =
        verdicts(report).into_iter().filter(|(_, verdict, _)| *verdict != Verdict::Held).collect();
    assert!(failed.is_empty() && !report.expectations.is_empty(), "{failed:#?}");
}

#[test]
fn a_full_flood_costs_what_the_formula_says_on_every_graph() {
    for network in [
        "topology = 'ring'\nnodes = 12",
        "topology = 'line'\nnodes = 9",
        "topology = 'star'\nnodes = 30",
        "topology = 'tree'\ndegree = 3\ndepth = 3",
        "topology = 'mesh'\nnodes = 8",
        "topology = 'grid'\nrows = 4\ncolumns = 5",
        "topology = 'random-regular'\nnodes = 40\ndegree = 4",
        "topology = 'erdos-renyi'\nnodes = 40\nmean-degree = 3",
        "topology = 'barabasi-albert'\nnodes = 40\nlinks = 2",
        "topology = 'watts-strogatz'\nnodes = 40\ndegree = 4\nrewired = 0.1",
        "topology = 'edge-list'\nfile = 'square.txt'",
    ] {
        let text = format!(
            "[network]\n{network}\n[node]\nforward = 'first-copy'\nttl = 60\n[links]\nlatency = 'exponential 50ms'\n\
             [[step]]\nsearch = 'nothing'\nby = 1\n\
             [expect]\nthat = ['messages == 2E - N + 1', 'reached == N - 1', 'every node reachable', 'found == 0']"
        );
        let report = play(&text, &[1, 2], 1);
        all_hold(&report);
        // The drawing has every copy, and every node but the origin has one that is none again.
        let (run, flood) = (&report.runs[0], report.runs[0].flood.as_ref().expect("drawn"));
        assert_eq!(flood.copies.len() as u64, run.queries[0].messages, "{network}");
        let first = flood.copies.iter().filter(|copy| !copy.duplicate).count();
        assert_eq!(first as u64, run.queries[0].reached, "{network}");
    }
}

const VARIED: &str = "
compare = ['flood', 'expanding-ring']
[network]
topology = 'random-regular'
nodes = 60
degree = 4
[links]
latency = 'log-normal 40ms sigma 0.8'
[files]
count = 20
copies = '10%'
[questions]
count = 5
unanswerable = '20%'
[sweep]
ttl = [2, 3]
[expect]
that = [
    'messages of flood at ttl = 2 <= messages of flood at ttl = 3',
    'reached at ttl = 2 <= 16',
]
";

#[test]
fn slow_links_show_in_queues() {
    let text = "[network]\ntopology = 'mesh'\nnodes = 8\n[links]\nrate = '300 B/s'\n[node]\nsend-window = 100\n\
        [[step]]\nsearch = 'apricot'\nby = 'all'\n[[step]]\nsearch = 'plum'\nby = 'all'\n\
        [expect]\nthat = ['max queue > 100', 'memory > 500', 'max memory < 100k']\n";
    all_hold(&play(text, &[1], 1));
}

#[test]
fn the_report_is_the_same_whatever_the_number_of_threads() {
    let (one, three) = (play(VARIED, &[1, 2], 1), play(VARIED, &[1, 2], 3));
    assert!(one == three, "what was measured differs");
    assert_eq!(one.runs.len(), 8);
    assert_eq!(one.runs[0].label, "strategy flood, ttl 2");
    assert_eq!(
        (one.runs[7].seed, one.runs[7].label.as_str()),
        (2, "strategy expanding-ring, ttl 3")
    );
    assert!(one.runs.iter().all(|run| run.queries.len() == 5 && run.trace.is_some()));
    // One flood is drawn: of those of the first seed the first that reaches most.
    let drawn: Vec<usize> = (0..8).filter(|&run| one.runs[run].flood.is_some()).collect();
    assert_eq!(drawn, [2], "strategy flood, ttl 3, seed 1");
    let load = &one.runs[0].load;
    assert_eq!((load.memory_bytes.count, load.queue_peak_bytes.count), (60, 60));
    assert!(load.memory_bytes.percentile(0) > 500.0);
    all_hold(&one);
    // What is written as JSON is read again as it was.
    let json = serde_json::to_string(&one).expect("it is written");
    let read: Report = serde_json::from_str(&json).expect("it is read");
    assert!(read.runs[3].queries == one.runs[3].queries && read.axes == one.axes);
    assert_ne!(play(VARIED, &[3], 1).runs[0].trace, one.runs[0].trace);
}

#[test]
fn steps_happen_in_order_and_what_they_expect_is_judged() {
    let text = "
[network]
topology = 'ring'
nodes = 8
[[share]]
nodes = '3..4'
files = [{ name = 'plum pie.txt', size = '20 kB' }]
[[step]]
search = 'plum'
by = 0
ttl = 4
label = 'whole'
[[step]]
after = '2s'
expect = 'recall of whole == 1'
[[step]]
kill = [1, 7]
[[step]]
wait-until = 'N == 6'
[[step]]
search = 'plum'
by = 0
label = 'alone'
[[step]]
wait = '2s'
[[step]]
expect = 'found of alone == 1'
[[step]]
restart = 'all'
[[step]]
wait-until = 'every node reachable'
at-most = '30s'
[[step]]
share = 'pear tart.txt'
by = 5
[[step]]
search = 'pear'
by = 0
label = 'later'
[[step]]
download = 'plum pie.txt'
by = 0
from = 3
[expect]
that = ['hits of later == 1 within 3s', 'every file equal', 'N == 8', 'E == 8']
";
    let report = play(text, &[5], 1);
    let verdicts = verdicts(&report);
    let failed: Vec<_> =
        verdicts.iter().filter(|(_, verdict, _)| *verdict == Verdict::Failed).collect();
    assert_eq!(failed.len(), 1, "{failed:#?}\n{:?}", report.runs[0].timeline);
    assert_eq!(failed[0].0, "found of alone == 1");
    assert_eq!(failed[0].2, "0 == 1");
    let run = &report.runs[0];
    assert!(run.timeline.iter().any(|moment| moment.what == "2 nodes are killed"));
    assert_eq!(run.downloads[0].have_bytes, 20 << 10);
}

#[test]
fn two_tiers_find_each_other_and_live_on_through_churn_and_a_crowd() {
    let text = "
lasts = '5 min'
warm-up = '60s'
[network]
topology = 'two-tier'
ultrapeers = 6
leaves = 24
[[group]]
name = 'walled'
nodes = '3 of leaves'
firewalled = true
free-riders = true
[files]
count = 20
copies = 3
hashed = true
size = '4 kB'
[questions]
rate = '1 per minute'
by = 'leaves'
wanted = 10
[churn]
session = '10 min'
[crowd]
file = 2
at = '1 min'
askers = 5
fades = '20s'
fetches = true
[[step]]
at = '2 min'
join = 2
[expect]
that = ['success > 0.3', 'connected >= 0.9', 'queries > 20', 'leaves >= 10', 'downloaded > 0']
";
    let report = play(text, &[1], 1);
    all_hold(&report);
    assert!(report.runs[0].nodes.len() > 32, "newcomers have rows, too");
    assert!(report.runs[0].drops.iter().all(|drop| !drop.why.is_empty()));
}

/// What each act leads to can be seen from outside.
#[test]
fn what_befalls_nodes_can_be_seen() {
    let text = "
[network]
topology = 'mesh'
nodes = 6
[[share]]
nodes = 1
files = [{ name = 'plum jam.bin', size = '40 kB' }]
[[group]]
name = 'behind'
nodes = 5
nat = true
[[step]]                # nobody can connect to the one behind a gateway
reset = 0
connections = 5
[[step]]
wait = '1s'
[[step]]
expect = 'edges == 6'
[[step]]
heal = true
[[step]]
wait = '1s'
[[step]]
expect = 'edges == 10'
[[step]]
half-open = 2
[[step]]
stall = 3
lasts = '20s'
[[step]]
search = 'plum'
by = 4
label = 'while one stalls'
[[step]]
wait = '5s'
[[step]]
full-disk = 4
room = '10 kB'
[[step]]
download = 'plum jam.bin'
by = 4
from = 1
label = 'no room'
[[step]]
wait = '30s'
[[step]]
expect = 'downloaded == 0'
[[step]]
mend-disk = 4
[[step]]
kill = 4
[[step]]
clock = 4
ahead = '30 days'
[[step]]
restart = 4
fresh = true
[[step]]
firewall = 0
[[step]]
slow-disk = 2
latency = '1s'
[[step]]
download = 'plum jam.bin'
by = 2
from = 1
[[step]]
failing-disk = 3
[[step]]
download = 'plum jam.bin'
by = 3
from = 1
[[step]]
wait = '60s'
[[step]]
open = 0
[[step]]
swizzle-clog = '50%'
lasts = '20s'
[[step]]
wait = '30s'
[[step]]
attack = 5
with = 'spoof-datagrams'
rate = '60 per minute'
victim = 0
[expect]
that = ['nodes == 6', '0.3 < downloaded < 0.4']
";
    let report = play(text, &[3], 1);
    all_hold(&report);
    let happened: Vec<&str> =
        report.runs[0].timeline.iter().map(|moment| moment.what.as_str()).collect();
    for said in ["node 0 loses connections", "node 4 comes back as new", "node 3 stalls"] {
        assert!(happened.contains(&said), "{happened:?}");
    }
    assert!(happened.iter().any(|said| said.contains("links stop one by one")), "{happened:?}");
}

#[test]
fn regions_and_emergence_are_played() {
    let text = "
warm-up = '30s'
[network]
topology = 'none'
nodes = 12
within = '10s'
[links]
latency = '1ms'
regions = ['here', 'there']
distances = [['0s', '200ms'], ['200ms', '0s']]
region-nodes = [6, 6]
[[share]]
nodes = '6..11'
files = ['plum.txt']
[[step]]
search = 'plum'
by = 0
[expect]
that = ['hits >= 1', 'every node reachable', '300ms < first-hit']
";
    for by in ["hosts", "host-cache", "links"] {
        let text = text.replace("within", &format!("by = '{by}'\nwithin"));
        all_hold(&play(&text, &[1], 1));
    }
}

#[test]
fn a_run_is_recorded_as_it_was() {
    let text = "[network]\ntopology = 'ring'\nnodes = 5\n[[step]]\nsearch = 'plum'\nby = 0\n";
    let experiment = Experiment::read("x.toml", text, &[], &|_| Err(String::new())).expect("ring");
    let nodes = super::named(experiment.scenario(), 7, &crate::scenario::file::Nodes::Range(1, 2));
    let recordings = super::recordings(experiment.scenario(), 7, &nodes, &mut |_| ());
    assert_eq!(recordings.iter().map(|(node, _)| node.0).collect::<Vec<_>>(), [1, 2]);
    let folder = tempfile::tempdir().expect("a folder");
    for (node, recording) in recordings {
        let file = folder.path().join("record");
        std::fs::write(&file, recording).expect("written");
        let replayed = crate::driver::replay(&file).expect("a recording");
        assert!(replayed.divergence.is_none(), "{node}: {replayed:?}");
    }
}
