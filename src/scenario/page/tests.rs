use super::html;
use crate::scenario::report::{
    Axis, Copy, Distribution, FORMAT, Flood, FloodNode, Load, Overlay, Query, Report, Run, Summary,
    Theatre,
};

fn run(seed: u64, ttl: &str, messages: f64) -> Run {
    let summary = Summary {
        queries: 3,
        messages,
        reached: messages / 2.0,
        reached_by_hop: vec![2.0, 4.0],
        recall: 0.5,
        first_hit_us: Distribution::of(vec![100e3, 200e3, 300e3]),
        ..Summary::default()
    };
    Run {
        seed,
        at: vec![ttl.to_owned()],
        label: format!("ttl {ttl}"),
        lasted_us: 1_000_000,
        built_us: 0,
        trace: Some("0badcafe".into()),
        overlay: Overlay { nodes: 5, degrees: vec![0, 2, 3], ..Overlay::default() },
        queries: Vec::new(),
        summary,
        load: Load::default(),
        nodes: Vec::new(),
        traffic: Vec::new(),
        drops: Vec::new(),
        downloads: Vec::new(),
        timeline: Vec::new(),
        samples: Vec::new(),
        flood: None,
    }
}

fn report(runs: Vec<Run>) -> Report {
    Report {
        format: FORMAT,
        program: "filbert".into(),
        title: "TTL <and> reach".into(),
        about: "One.\n\nTwo.".into(),
        theatre: Theatre::Simulated,
        scenario: "ttl.toml".into(),
        axes: vec![Axis { key: "ttl".into(), values: vec!["1".into(), "2".into()] }],
        seeds: vec![1, 2],
        runs,
        expectations: Vec::new(),
    }
}

#[test]
fn runs_with_the_same_values_are_one_point_with_a_spread() {
    let page = html(&report(vec![
        run(1, "1", 10.0),
        run(2, "1", 14.0),
        run(1, "2", 40.0),
        run(2, "2", 44.0),
    ]));
    let chart = page.split("<figure>").find(|part| part.contains("Messages a search against ttl"));
    let chart = chart.expect("there is a chart along the axis");
    assert_eq!(chart.matches("<circle class=\"dot").count(), 2);
    assert!(chart.contains("Messages a search: 12\nbetween 10 and 14, by the seed"));
}

#[test]
fn what_is_found_stands_against_what_it_costs() {
    let page = html(&report(vec![run(1, "1", 10.0), run(1, "2", 40.0)]));
    let chart = page.split("<figure>").find(|part| part.contains("Recall against cost"));
    let chart = chart.expect("recall against cost");
    assert!(chart.contains("Along a line ttl grows.") && chart.matches("polyline").count() == 1);
    assert!(page.contains("The same in all runs: Recall, Wait for a result."));
    assert!(!page.contains("Recall against ttl"), "it does not change");
}

/// Where nothing was found nobody waited for no time.
#[test]
fn what_was_not_measured_is_not_0() {
    let found = run(1, "2", 40.0);
    let nothing = Summary { first_hit_us: Distribution::default(), ..found.summary.clone() };
    let page = html(&report(vec![Run { summary: nothing, ..run(1, "1", 10.0) }, found]));
    let chart = page.split("<figure>").find(|part| part.contains("Wait for a result against ttl"));
    assert_eq!(chart.expect("it differs").matches("<circle class=\"dot").count(), 1);
    assert!(page.contains("<td>-</td>") && !page.contains("NaN"));
}

#[test]
fn what_stands_on_no_scale_is_compared_by_bars() {
    let axes = vec![Axis { key: "strategy".into(), values: vec!["flood".into(), "ring".into()] }];
    let runs = vec![run(1, "flood", 40.0), run(1, "ring", 10.0)];
    let page = html(&Report { axes, ..report(runs) });
    let bars = page.split("<figure>").find(|part| part.contains("<h3>Messages a search</h3>"));
    let bars = bars.expect("bars");
    assert!(bars.contains(">ring</td><td><span class=\"bar\" style=\"width:25.0%\">"), "{bars}");
    assert!(page.contains("<span class=\"key c1\">ring</span>"), "not: strategy ring");
}

#[test]
fn what_people_wrote_is_text_and_the_page_needs_nothing_else() {
    let page = html(&report(vec![run(1, "1", 10.0)]));
    assert!(page.contains("<h1>TTL &lt;and&gt; reach</h1>\n<p>One.</p>\n<p>Two.</p>"));
    assert!(!page.contains("src=") && !page.contains("href=") && !page.contains("url("));
}

#[test]
fn nothing_to_show_is_shown_as_nothing() {
    let page = html(&Report { axes: Vec::new(), ..report(Vec::new()) });
    assert!(!page.contains("<svg") && !page.contains("NaN"));
    let still = Run { summary: Summary::default(), ..run(1, "1", 0.0) };
    assert!(!html(&report(vec![still])).contains("NaN"));
}

/// 0 asks; it knows 1 and 2, which know each other; 3 hangs on 2 and is not reached.
fn flood() -> Flood {
    let node = |node, hop| FloodNode { node, hop, answered: node == 2, leaf: false };
    let copy = |from, to, hop, duplicate| Copy { from, to, at_us: 0, hop, duplicate };
    Flood {
        query: 0,
        nodes: vec![node(0, Some(0)), node(1, Some(1)), node(2, Some(1)), node(3, None)],
        edges: vec![(0, 1), (0, 2), (1, 2), (2, 3)],
        copies: vec![
            copy(0, 1, 1, false),
            copy(0, 2, 1, false),
            copy(1, 2, 2, true),
            copy(2, 1, 2, true),
        ],
        left_out: 7,
        hops: Vec::new(),
    }
}

#[test]
fn a_flood_is_drawn_hop_by_hop() {
    let page = html(&report(vec![Run { flood: Some(flood()), ..run(1, "1", 4.0) }]));
    assert!(page.contains("7 nodes farther away are not drawn"));
    assert_eq!(page.matches("<line class=\"edge\"").count(), 4);
    assert_eq!(page.matches("<line class=\"copy\" data-hop=\"1\"").count(), 2);
    assert_eq!(page.matches("<line class=\"copy duplicate\" data-hop=\"2\"").count(), 2);
    assert!(page.contains("<tr data-hop=\"2\"><td>2</td><td>2</td><td>2</td><td>0</td></tr>"));
    assert!(page.contains("<title>node 3 (ultrapeer): not reached</title>"));
    // The origin stands in the middle, and nobody else does.
    assert_eq!(page.matches("cx=\"400.0\" cy=\"400.0\"").count(), 1);
}

#[test]
fn a_report_of_an_unlikely_shape_is_drawn_without_a_fault() {
    let odd = Flood {
        edges: vec![(9, 0)],
        copies: vec![Copy { from: 9, to: 1, ..flood().copies[0] }],
        ..flood()
    };
    let query: Vec<Query> = Vec::new();
    let page = html(&report(vec![Run { flood: Some(odd), queries: query, ..run(1, "x", 4.0) }]));
    assert!(page.contains("One query, hop by hop"));
}
