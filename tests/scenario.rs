//! The experiments that come with the program: each is played small, and comes out as it says.

use filbert::scenario::report::Verdict;
use filbert::scenario::{Experiment, bundled};

/// Each experiment, and what makes it small enough to be played without optimisation.
const SMALL: &[(&str, &[&str])] = &[
    ("first", &[]),
    ("compare", &[]),
    ("transfer", &[]),
    ("ritter", &["degree=2,3", "ttl=1,5"]),
    ("flood-cost", &["nodes=60", "degree=3,20"]),
    ("ttl", &["nodes=200", "count=3", "ttl=1,2,3"]),
    ("latency", &["nodes=300", "count=4"]),
    ("strategies", &["nodes=200", "questions.count=4"]),
    ("replication", &["nodes=100", "questions.count=5"]),
    ("free-riders", &["nodes=100", "questions.count=4", "copies=4%"]),
    ("assignment", &[]),
    ("query-routing", &["ultrapeers=6", "leaves=30", "questions.count=4"]),
    ("growth", &["nodes=100,200", "questions.count=4"]),
    ("growth-flat", &["nodes=100,1000", "questions.count=4"]),
    ("churn", &["ultrapeers=6", "leaves=20", "lasts=3m"]),
    ("flash-crowd", &["nodes=40", "askers=12"]),
    ("ultrapeers-killed", &["ultrapeers=10", "leaves=40"]),
    ("partition", &[]),
    ("storm", &[]),
    ("attack", &["nodes=100", "lasts=20s"]),
];

/// What is only so in larger networks, and so is not asked of small ones.
const LARGE: &[(&str, &str)] = &[
    ("churn", "N > 100"),
    ("ultrapeers-killed", "N == 291"),
    // Of means over many searches.
    ("replication", "messages at"),
];

#[test]
fn every_experiment_comes_out_as_it_says() {
    assert!(SMALL.iter().map(|(name, _)| *name).eq(bundled::ALL.iter().map(|all| all.name)));
    let mut wrong = Vec::new();
    for (name, sweeps) in SMALL {
        let experiment = bundled::find(name).expect(name);
        assert!(experiment.text.starts_with("# "), "{name} begins by telling what it is about");
        let sweeps: Vec<String> = sweeps.iter().map(|&words| words.to_owned()).collect();
        let read = Experiment::read(name, experiment.text, &sweeps, &|_| Err("none".to_owned()));
        let read = read.unwrap_or_else(|mistake| panic!("{mistake}"));
        let report = read.play(&[1], 2, &|_| {}).unwrap_or_else(|broken| panic!("{broken}"));
        assert!(report.runs.iter().any(|run| run.summary.traffic > 0), "{name}: nothing happened");
        assert!(report.expectations.len() > 1, "{name} expects too little");
        for expected in report.expectations {
            let is_large =
                LARGE.iter().any(|(of, text)| of == name && expected.text.starts_with(text));
            if expected.verdict == Verdict::Failed && !is_large {
                let found = expected.cases.iter().find(|case| !case.held).map(|case| &case.found);
                wrong.push(format!("{name}: {}: {}", expected.text, found.expect("a case")));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
