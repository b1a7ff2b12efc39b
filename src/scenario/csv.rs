//! The report as tables in CSV files, for spreadsheets and plots: one file for each kind of row.
//!
//! Every row begins with the seed and the values of what varies, so that files can be joined.

use std::fmt::Write;

use super::report::{Report, Run};

/// The files: name and text.
pub fn files(report: &Report) -> Vec<(&'static str, String)> {
    vec![
        ("runs.csv", runs(report)),
        ("queries.csv", queries(report)),
        ("hops.csv", hops(report)),
        ("nodes.csv", nodes(report)),
        ("overlay.csv", overlay(report)),
        ("samples.csv", samples(report)),
        ("drops.csv", drops(report)),
        ("expectations.csv", expectations(report)),
    ]
}

/// A field; in quotes if it must be.
fn field(text: &str) -> String {
    let plain = !text.contains([',', '"', '\n', '\r']);
    if plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

fn option<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// A table of the rows that each run has.
fn table(report: &Report, columns: &[&str], rows: impl Fn(&Run) -> Vec<Vec<String>>) -> String {
    let mut text = String::from("seed");
    for key in report.axes.iter().map(|axis| axis.key.as_str()) {
        // No two columns have one name.
        let prefix = if columns.contains(&key) { "at_" } else { "" };
        let _ = write!(text, ",{}", field(&format!("{prefix}{key}")));
    }
    for column in columns {
        let _ = write!(text, ",{column}");
    }
    text.push('\n');
    for run in &report.runs {
        for row in rows(run) {
            let _ = write!(text, "{}", run.seed);
            for value in run.at.iter().chain(&row) {
                let _ = write!(text, ",{}", field(value));
            }
            text.push('\n');
        }
    }
    text
}

macro_rules! row {
    ($($value:expr),* $(,)?) => { vec![$($value.to_string()),*] };
}

fn runs(report: &Report) -> String {
    const COLUMNS: &[&str] = &[
        "nodes",
        "edges",
        "lasted_us",
        "queries",
        "messages",
        "bytes",
        "duplicates",
        "reached",
        "hits",
        "results",
        "found",
        "success",
        "recall",
        "first_hit_median_us",
        "first_hit_mean_us",
        "last_hit_median_us",
        "throughput_per_s",
        "traffic",
        "sent_median",
        "sent_max",
        "queue_peak_max_bytes",
        "memory_mean_bytes",
        "trace",
    ];
    table(report, COLUMNS, |run| {
        let sum = &run.summary;
        vec![row![
            run.overlay.nodes,
            run.overlay.edges,
            run.lasted_us,
            sum.queries,
            sum.messages,
            sum.bytes,
            sum.duplicates,
            sum.reached,
            sum.hits,
            sum.results,
            sum.found,
            sum.success,
            sum.recall,
            option(sum.first_hit_us.median()),
            option(sum.first_hit_us.median().map(|_| sum.first_hit_us.mean)),
            option(sum.last_hit_us.median()),
            sum.throughput,
            sum.traffic,
            run.load.messages_sent.percentile(50),
            run.load.messages_sent.percentile(100),
            run.load.queue_peak_bytes.percentile(100),
            run.load.memory_bytes.mean,
            option(run.trace.as_ref()),
        ]]
    })
}

fn queries(report: &Report) -> String {
    const COLUMNS: &[&str] = &[
        "query",
        "label",
        "text",
        "origin",
        "strategy_used",
        "ttl_used",
        "at_us",
        "messages",
        "bytes",
        "duplicates",
        "reached",
        "hit_messages",
        "hits",
        "results",
        "answered_by",
        "truth",
        "recall",
        "first_hit_us",
        "last_hit_us",
    ];
    table(report, COLUMNS, |run| {
        let row = |(number, query): (usize, &super::report::Query)| {
            row![
                number,
                option(query.label.as_ref()),
                query.text,
                query.origin,
                query.strategy,
                query.ttl,
                query.at_us,
                query.messages,
                query.bytes,
                query.duplicates,
                query.reached,
                query.hit_messages,
                query.hits,
                query.results,
                query.answered_by,
                query.truth,
                option(query.recall),
                option(query.first_hit_us),
                option(query.last_hit_us),
            ]
        };
        run.queries.iter().enumerate().map(row).collect()
    })
}

fn hops(report: &Report) -> String {
    table(report, &["query", "hop", "reached"], |run| {
        let rows = |(number, query): (usize, &super::report::Query)| {
            let hops = query.reached_by_hop.iter().zip(1..);
            hops.map(|(reached, hop): (&u64, u32)| row![number, hop, reached]).collect::<Vec<_>>()
        };
        run.queries.iter().enumerate().flat_map(rows).collect()
    })
}

fn nodes(report: &Report) -> String {
    const COLUMNS: &[&str] = &[
        "node",
        "role",
        "alive",
        "degree",
        "files",
        "messages_sent",
        "bytes_sent",
        "drops",
        "queue_peak_bytes",
        "memory_bytes",
    ];
    table(report, COLUMNS, |run| {
        let row = |node: &super::report::NodeRow| {
            row![
                node.node,
                node.role,
                node.alive,
                node.degree,
                node.files,
                node.messages_sent,
                node.bytes_sent,
                node.drops,
                option(node.queue_peak_bytes),
                option(node.memory_bytes),
            ]
        };
        run.nodes.iter().map(row).collect()
    })
}

fn overlay(report: &Report) -> String {
    const COLUMNS: &[&str] = &[
        "nodes",
        "ultrapeers",
        "leaves",
        "edges",
        "degree_mean",
        "degree_max",
        "components",
        "largest_component",
        "diameter",
        "path_length",
        "clustering",
        "sampled",
    ];
    table(report, COLUMNS, |run| {
        let facts = &run.overlay;
        vec![row![
            facts.nodes,
            facts.ultrapeers,
            facts.leaves,
            facts.edges,
            facts.degree.mean,
            facts.degree.percentile(100),
            facts.components,
            facts.largest_component,
            facts.diameter,
            facts.path_length,
            facts.clustering,
            facts.sampled,
        ]]
    })
}

fn samples(report: &Report) -> String {
    const COLUMNS: &[&str] =
        &["at_us", "alive", "edges", "connected", "messages", "queries", "found"];
    table(report, COLUMNS, |run| {
        let row = |at: &super::report::Sample| {
            row![at.at_us, at.alive, at.edges, at.connected, at.messages, at.queries, at.found]
        };
        run.samples.iter().map(row).collect()
    })
}

fn drops(report: &Report) -> String {
    table(report, &["why", "text", "count"], |run| {
        run.drops.iter().map(|drop| row![drop.why, drop.text, drop.count]).collect()
    })
}

fn expectations(report: &Report) -> String {
    let mut text = String::from("line,expectation,seed,of,held,found\n");
    for expected in &report.expectations {
        for case in &expected.cases {
            let row = row![expected.line, expected.text, case.seed, case.of, case.held, case.found];
            let fields: Vec<String> = row.iter().map(|value| field(value)).collect();
            let _ = writeln!(text, "{}", fields.join(","));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::report::{Axis, Query, Run};

    #[test]
    fn rows_begin_with_what_varies_and_odd_texts_are_quoted() {
        let query = Query { text: "say \"jam\", please".into(), messages: 7, ..Query::default() };
        let run = Run { seed: 3, at: vec!["flood".into()], queries: vec![query], ..Run::default() };
        let axes = vec![Axis { key: "strategy".into(), values: vec!["flood".into()] }];
        let nodes = vec![Axis { key: "nodes".into(), values: vec!["flood".into()] }];
        let swept = Report { axes: nodes, runs: vec![run.clone()], ..Report::default() };
        assert!(runs(&swept).starts_with("seed,at_nodes,nodes,edges,"));
        let report = Report { axes, runs: vec![run], ..Report::default() };
        let files = files(&report);
        let queries =
            &files.iter().find(|(name, _)| *name == "queries.csv").expect("it is there").1;
        let lines: Vec<&str> = queries.lines().collect();
        assert!(lines[0].starts_with("seed,strategy,query,label,text,origin"));
        assert!(lines[1].starts_with("3,flood,0,,\"say \"\"jam\"\", please\",0,"));
        for (name, text) in files.iter().filter(|(name, _)| *name != "queries.csv") {
            let columns = |line: &str| line.matches(',').count();
            let head = text.lines().next().expect("a head");
            assert!(text.lines().all(|line| columns(line) == columns(head)), "{name}: {text}");
        }
    }
}
