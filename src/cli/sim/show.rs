//! A report for people: a table of the runs, what was expected, and whether it held.

use std::time::Duration;

use crate::cli::render::{Side, Table, bold, dim, good, harmless, say};
use crate::cli::units;
use crate::scenario::report::{Case, Load, Report, Run, Theatre, Verdict};

/// Rows of a table of runs at most: beyond, the CSV files are the place for it.
const ROWS_MAX: usize = 60;
/// Moments of the timeline, and cases of an expectation, that are shown.
const SHOWN_MAX: usize = 12;

/// Prints it.
pub(in crate::cli) fn report(report: &Report, took: Duration) {
    say!("{}", bold(&harmless(&report.title)));
    if let Some(run) = report.runs.first() {
        say!("{}\n", dim(&network(report, run)));
    }
    if let [run] = report.runs.as_slice() {
        timeline(run);
    }
    runs(report);
    if let [run] = report.runs.as_slice() {
        hops(run);
        downloads(run);
        load(run);
        drops(run);
    }
    expectations(report);
    let lasted: u64 = report.runs.iter().map(|run| run.built_us + run.lasted_us).sum();
    let how = match report.theatre {
        Theatre::Simulated => "of the network's time in",
        Theatre::Real => "with real servents on this machine, in all",
    };
    let (lasted, took) = (units::duration(Duration::from_micros(lasted)), units::duration(took));
    say!("{}", dim(&format!("\n{lasted} {how} {took}")));
}

fn network(report: &Report, run: &Run) -> String {
    let overlay = &run.overlay;
    let tiers = match overlay.leaves {
        0 => String::new(),
        leaves => format!(
            " ({} ultrapeers, {} leaves)",
            units::number(overlay.ultrapeers),
            units::number(leaves)
        ),
    };
    let parts = match overlay.components {
        0 | 1 => String::new(),
        parts => format!(", in {} parts", units::number(parts)),
    };
    let seeds = match report.seeds.as_slice() {
        [seed] => format!("seed {seed}"),
        seeds => format!(
            "seeds {} to {}",
            seeds.first().copied().unwrap_or(0),
            seeds.last().copied().unwrap_or(0)
        ),
    };
    let first = if report.runs.len() > 1 { "first run: " } else { "" };
    format!(
        "{first}{}{tiers}, {}, mean degree {}, diameter {}, mean path {}, clustering {}{parts}; {seeds}",
        units::count(overlay.nodes, "node", "nodes"),
        units::count(overlay.edges, "link", "links"),
        figure(overlay.degree.mean),
        overlay.diameter,
        figure(overlay.path_length),
        figure(overlay.clustering),
    )
}

fn timeline(run: &Run) {
    if run.timeline.len() < 2 {
        return;
    }
    for moment in run.timeline.iter().take(SHOWN_MAX) {
        let at = units::duration(Duration::from_micros(moment.at_us));
        say!("{:>12}  {}", at, harmless(&moment.what));
    }
    match run.timeline.len() - run.timeline.len().min(SHOWN_MAX) {
        0 => say!(),
        more => say!("{:>12}  and {more} more\n", ""),
    }
}

/// The mean over the seeds of each combination of what varies.
fn runs(report: &Report) {
    let seeds = report.seeds.len().max(1);
    if report.runs.iter().all(|run| run.queries.is_empty()) {
        say!("nobody asked anything (a [[step]] that says search, or [questions], would)");
        if report.axes.is_empty() {
            return;
        }
    }
    let mut columns: Vec<(&str, Side)> = report
        .axes
        .iter()
        .map(|axis| {
            (axis.key.as_str(), if axis.numbers().is_some() { Side::Right } else { Side::Left })
        })
        .collect();
    columns.extend(
        [
            "queries",
            "messages",
            "duplicates",
            "reached",
            "results",
            "found",
            "recall",
            "first hit",
            "traffic",
        ]
        .map(|name| (name, Side::Right)),
    );
    let mut table = Table::new(&columns);
    for group in report.runs.chunks(seeds).take(ROWS_MAX) {
        let mean =
            |value: &dyn Fn(&Run) -> f64| group.iter().map(value).sum::<f64>() / group.len() as f64;
        let mut cells = group[0].at.clone();
        // Seeds with which nothing was found know no time.
        let times: Vec<f64> =
            group.iter().filter_map(|run| run.summary.first_hit_us.median()).collect();
        let first_hit_us = times.iter().sum::<f64>() / times.len().max(1) as f64;
        let first_hit = Duration::from_micros(first_hit_us as u64);
        cells.extend([
            figure(mean(&|run| run.summary.queries as f64)),
            figure(mean(&|run| run.summary.messages)),
            figure(mean(&|run| run.summary.duplicates)),
            figure(mean(&|run| run.summary.reached)),
            figure(mean(&|run| run.summary.results)),
            percent(mean(&|run| run.summary.found)),
            percent(mean(&|run| run.summary.recall)),
            if !times.is_empty() { units::duration(first_hit) } else { "-".to_owned() },
            figure(mean(&|run| run.summary.traffic as f64)),
        ]);
        table.push(cells);
    }
    table.print();
    let more = (report.runs.len() / seeds).saturating_sub(ROWS_MAX);
    if more > 0 {
        say!("and {more} more; --csv DIR writes all of them");
    }
    let what = if seeds > 1 { format!(" and {seeds} seeds") } else { String::new() };
    say!(
        "{}",
        dim(&format!(
            "means over all queries{what}; first hit: the median; traffic: descriptors of all kinds"
        ))
    );
}

fn hops(run: &Run) {
    let by_hop = &run.summary.reached_by_hop;
    if by_hop.is_empty() {
        return;
    }
    let texts: Vec<String> = by_hop.iter().map(|&nodes| figure(nodes)).collect();
    say!("reached first after 1, 2, ... links: {}", texts.join(", "));
}

fn downloads(run: &Run) {
    if run.downloads.is_empty() {
        return;
    }
    let done: Vec<u64> = run.downloads.iter().filter_map(|download| download.took_us).collect();
    let mean = done.iter().sum::<u64>() / done.len().max(1) as u64;
    say!(
        "downloads: {} of {} done, in {} on average",
        done.len(),
        run.downloads.len(),
        units::duration(Duration::from_micros(mean))
    );
}

/// What the nodes had to do.
fn load(run: &Run) {
    let bytes = |bytes: f64| units::size(bytes as u64);
    let Load { messages_sent: sent, bytes_sent, queue_peak_bytes: queue, memory_bytes, .. } =
        &run.load;
    if sent.count == 0 {
        return;
    }
    let mut parts = vec![format!(
        "{} sent ({} at most), {} ({} at most)",
        units::count(sent.percentile(50) as u64, "descriptor", "descriptors"),
        figure(sent.percentile(100)),
        bytes(bytes_sent.percentile(50)),
        bytes(bytes_sent.percentile(100)),
    )];
    if queue.count > 0 {
        parts.push(format!("queue {} at most", bytes(queue.percentile(100))));
    }
    if memory_bytes.count > 0 {
        parts.push(format!("memory {}", bytes(memory_bytes.percentile(50))));
    }
    say!("a node, in the median: {}", parts.join("; "));
}

fn drops(run: &Run) {
    if run.drops.is_empty() {
        return;
    }
    let drops = run.drops.iter().take(4);
    let texts: Vec<String> =
        drops.map(|drop| format!("{} {}", units::number(drop.count), drop.text)).collect();
    say!("dropped: {}", texts.join(", "));
}

fn expectations(report: &Report) {
    if report.expectations.is_empty() {
        return;
    }
    say!();
    for expected in &report.expectations {
        let word = match expected.verdict {
            Verdict::Held => good("holds"),
            Verdict::Failed => bold("FAILS"),
            Verdict::NotAsked => dim("  -  "),
        };
        let shown = match expected.cases.as_slice() {
            [] => "not asked: these runs were not played".to_owned(),
            [case] => case.found.clone(),
            cases if expected.verdict == Verdict::Held => format!("in all {} cases", cases.len()),
            cases => format!(
                "not in {} of {} cases",
                cases.iter().filter(|case| !case.held).count(),
                cases.len()
            ),
        };
        say!("{word}  {}  {}", harmless(&expected.text), dim(&format!("({})", harmless(&shown))));
        let failed: Vec<&Case> = expected.cases.iter().filter(|case| !case.held).collect();
        if expected.cases.len() > 1 {
            for case in failed.iter().take(SHOWN_MAX) {
                let of = if case.of.is_empty() { String::new() } else { format!("{}, ", case.of) };
                say!("         {of}seed {}: {}", case.seed, harmless(&case.found));
            }
        }
    }
}

fn percent(part: f64) -> String {
    format!("{} %", figure((part * 1_000.0).round() / 10.0))
}

/// A number for people: whole ones in groups, others with as many digits as matter.
fn figure(value: f64) -> String {
    if value.fract() == 0.0 || value.abs() >= 1_000.0 {
        return units::number(value.round().abs() as u64);
    }
    let digits = if value.abs() >= 100.0 { 1 } else { 2 };
    let text = format!("{value:.digits$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
