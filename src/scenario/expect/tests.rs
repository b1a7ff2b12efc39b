use super::*;
use crate::scenario::report::{Axis, Overlay, Query, Run, Verdict};

fn search(label: &str, messages: u64, truth: u64) -> Query {
    Query {
        label: Some(label.to_owned()),
        text: "apricot".to_owned(),
        messages,
        truth,
        hits: 3,
        results: 5,
        answered_by: 3,
        recall: (truth > 0).then(|| 3.0 / truth as f64),
        first_hit_us: Some(200_000),
        last_hit_us: Some(4_000_000),
        results_over_time: vec![(200_000, 1), (900_000, 3), (4_000_000, 5)],
        ..Query::default()
    }
}

fn run(at: &[&str], queries: Vec<Query>) -> Run {
    let overlay = Overlay { nodes: 10, edges: 20, components: 1, ..Overlay::default() };
    Run {
        seed: 1,
        at: at.iter().map(|value| (*value).to_owned()).collect(),
        overlay,
        queries,
        ..Run::default()
    }
}

fn holds(text: &str, run: &Run) -> bool {
    verdict(&read(text).unwrap_or_else(|wrong| panic!("{text}: {wrong}")), run).0
}

#[test]
fn throughput_counts_what_was_given_up() {
    let fast = run(&[], vec![search("first", 31, 3), search("second", 11, 6)]);
    assert!(holds("throughput == 5", &fast), "two in 0.4 s");
    let lost = |after_us| Query { first_hit_us: after_us, ..search("lost", 5, 1) };
    for slow in [lost(None), lost(Some(9_000_000))] {
        let some = run(&[], vec![search("first", 31, 3), slow]);
        assert!(holds("0.454 < throughput < 0.455", &some), "one in 2.2 s");
    }
    assert!(holds("throughput == 0", &run(&[], Vec::new())), "nobody asked");
}

#[test]
fn sentences_hold_or_do_not() {
    let run = run(&[], vec![search("first", 31, 3), search("second", 11, 6)]);
    for text in [
        "messages of first == 2E - N + 1",
        "messages of first == 2E-N+1",
        "messages == 21",
        "min messages == 11",
        "total messages == 42",
        "every node reachable",
        "recall >= 70%",
        "recall of second == 0.5",
        "hits >= 2 within 3s",
        "results == 3 within 1s",
        "found == 1",
        "first-hit < 1s",
        "0 < last-hit <= 4000ms",
        "every search: messages >= 11",
        "sqrt(N * 10) == (4 + 6) * 1",
        "queries == 2",
    ] {
        assert!(holds(text, &run), "{text}");
    }
    for text in [
        "every search: N == 11",
        "messages == 2E - N + 1",
        "hits >= 3 within 3s",
        "every search: messages > 11",
        "recall > 75%",
        "messages of third >= 0",
        "components == 2",
    ] {
        assert!(!holds(text, &run), "{text}");
    }
}

#[test]
fn what_makes_no_sense_is_said() {
    for (text, said) in [
        ("recal >= 0.9", "is it recall?"),
        ("recall", "compares nothing"),
        ("recall >=", "ends where"),
        ("(recall >= 1", "parenthesis"),
        ("recall >= 1 1", "too much"),
        ("first-hit < 3", "with their unit"),
        ("messages > 1 within 3s", "within goes with"),
        ("hits > 1 within 3", "needs a time"),
        ("messages at ttl > 3", "at needs"),
        ("max > 3", "max of what"),
        ("hits # 3", "means nothing"),
        ("hits of 'a > 3", "not closed"),
    ] {
        let wrong = read(text).expect_err(text);
        assert!(wrong.contains(said), "{text}: {wrong}");
    }
    assert!(read(&"(".repeat(10_000)).is_err());
}

#[test]
fn runs_are_compared_by_what_was_varied() {
    let axes = [
        Axis { key: "strategy".into(), values: vec!["flood".into(), "expanding-ring".into()] },
        Axis { key: "ttl".into(), values: vec!["1".into(), "2".into()] },
    ];
    let runs = [
        run(&["flood", "1"], vec![search("a", 10, 3)]),
        run(&["flood", "2"], vec![search("a", 100, 3)]),
        run(&["expanding-ring", "1"], vec![search("a", 5, 3)]),
        run(&["expanding-ring", "2"], vec![search("a", 200, 3)]),
    ];
    let judged = |text: &str| judge(&read(text).expect(text), 1, &axes, &runs);
    // For each TTL by itself: cheaper only at 1.
    let cheaper = judged("messages of expanding-ring < messages of flood");
    assert_eq!(cheaper.verdict, Verdict::Failed);
    let cases: Vec<_> = cheaper
        .cases
        .iter()
        .map(|case| (case.of.as_str(), case.held, case.found.as_str()))
        .collect();
    assert_eq!(cases, [("ttl 1", true, "5 < 10"), ("ttl 2", false, "200 < 100")]);
    // For each strategy by itself.
    let grows = judged("messages at ttl = 2 >= 10 * messages at ttl = 1");
    assert_eq!((grows.verdict, grows.cases.len()), (Verdict::Held, 2));
    let both = judged("messages of flood at ttl = 2 == 100");
    assert_eq!((both.verdict, both.cases.len()), (Verdict::Held, 1));
    assert_eq!(judged("messages >= 5").cases.len(), 4);
    // Not played: no verdict.
    assert_eq!(judged("messages at ttl = 9 > 1").verdict, Verdict::NotAsked);
}
