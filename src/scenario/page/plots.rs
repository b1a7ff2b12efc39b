//! Which charts a report gives: what differs between the runs decides.

use super::chart::{Axis, Chart, Point, Series};
use super::groups::{self, Group};
use super::scale::Fit;
use super::tables::Bars;
use super::words::Unit;
use crate::scenario::Report;
use crate::scenario::report::{Distribution, Run, Sample, Summary};

/// A number that sums a run up, and what it is called.
type Measure = (&'static str, &'static str, Unit, fn(&Summary) -> f64);

/// What is drawn along a scale or compared by bars, most important first.
pub(super) const MEASURES: [Measure; 8] = [
    ("Messages a search", "copies of the query that anybody sent", Unit::Count, |s| s.messages),
    ("Nodes reached", "nodes that got the query", Unit::Count, |s| s.reached),
    ("Recall", "the part of those who share a match that answered", Unit::Part, |s| s.recall),
    (
        "Success",
        "the part of the searches that found something, had anybody a match",
        Unit::Part,
        |s| s.success,
    ),
    ("Duplicates a search", "copies that came to a node which had one", Unit::Count, |s| {
        s.duplicates
    }),
    ("Wait for a result", "until the first one, the median", Unit::Time, |s| {
        s.first_hit_us.median().unwrap_or(f64::NAN)
    }),
    ("Throughput", "searches answered in a second, asked one after the other", Unit::Count, |s| {
        s.throughput
    }),
    ("Traffic", "descriptors of all kinds, in the whole run", Unit::Count, |s| s.traffic as f64),
];

/// What varies along a scale: an axis of numbers, and a line for each combination of the others.
struct Along<'r> {
    key: &'r str,
    /// Its numbers, as the axis of a chart.
    axis: Axis,
    lines: Vec<Line<'r>>,
}

/// Groups that differ only in the number on the axis.
struct Line<'r> {
    /// The values of the other axes.
    name: String,
    /// Numbers and groups, by the numbers.
    groups: Vec<(f64, &'r Group<'r>)>,
}

/// None if there is no axis of numbers.
fn lines<'r>(report: &'r Report, groups: &'r [Group<'r>]) -> Option<Along<'r>> {
    let (axis, numbers) = groups::scale_axis(report)?;
    let key = report.axes[axis].key.as_str();
    let mut lines: Vec<Line<'r>> = Vec::new();
    for group in groups {
        let Some(value) = group.at.get(axis) else { continue };
        let at = report.axes[axis].values.iter().position(|other| other == value);
        let Some(&number) = at.and_then(|at| numbers.get(at)) else { continue };
        let others = report.axes.iter().zip(group.at).enumerate().filter(|&(at, _)| at != axis);
        let said = others.map(|(_, (axis, value))| match groups::speaks(value) {
            true => value.clone(),
            false => format!("{} {value}", axis.key),
        });
        let name = said.collect::<Vec<String>>().join(", ");
        match lines.iter_mut().find(|line| line.name == name) {
            Some(line) => line.groups.push((number, group)),
            None => lines.push(Line { name, groups: vec![(number, group)] }),
        }
    }
    for line in &mut lines {
        line.groups.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    // Sizes that are doubled and doubled again are meant to be equally far apart.
    let doubles = numbers.len() > 2 && numbers.windows(2).all(|pair| pair[1] >= 1.9 * pair[0]);
    let fit = if doubles { Fit::Log } else { Fit::Any };
    Some(Along { key, axis: Axis::new(key, Unit::Count).fit(fit), lines })
}

/// Charts of each measure along the axis of numbers; none if there is no such axis.
pub(super) fn along(report: &Report, groups: &[Group<'_>]) -> Vec<Chart> {
    let Some(Along { key, axis, lines }) = lines(report, groups) else { return Vec::new() };
    let chart = |&(title, note, unit, measure): &Measure| {
        let line = |line: &Line<'_>| {
            let points = line.groups.iter();
            let points =
                points.map(|(x, group)| group.point(*x, |run: &Run| measure(&run.summary)));
            let points = points.filter(|point| !point.y.is_nan()).collect();
            Series { name: line.name.clone(), points, is_guide: false }
        };
        let mut series: Vec<Series> = lines.iter().map(line).collect();
        if key.ends_with("nodes") && title == MEASURES[0].0 {
            series.extend(square_root(&series[0].points));
        }
        let (x, y) = (axis.clone(), Axis::new(title, unit));
        let title = format!("{title} against {key}");
        Chart { title, note: note.into(), x, y, series, is_joined: true }
    };
    differing(groups).iter().map(chart).collect()
}

/// The measures that are not the same in all groups.
fn differing(groups: &[Group<'_>]) -> Vec<Measure> {
    let differs = |measure: &&Measure| {
        let mut numbers = groups.iter().map(|group| group.mean(measure.3));
        let first = numbers.next().unwrap_or(f64::NAN);
        numbers.any(|number| number.total_cmp(&first).is_ne())
    };
    MEASURES.iter().filter(differs).copied().collect()
}

/// The names of the others, if they are not 0; none of a single group.
pub(super) fn alike(groups: &[Group<'_>]) -> Vec<&'static str> {
    let differing: Vec<&str> = differing(groups).iter().map(|measure| measure.0).collect();
    let alike = MEASURES.iter().filter(|measure| !differing.contains(&measure.0));
    let alike = alike.filter(|measure| groups.len() > 1 && groups[0].mean(measure.3).abs() > 0.0);
    alike.map(|measure| measure.0).collect()
}

/// Each measure of groups that stand on no scale, as bars.
pub(super) fn bars(report: &Report, groups: &[Group<'_>]) -> Vec<Bars> {
    if groups::scale_axis(report).is_some() {
        return Vec::new();
    }
    let bars = |(title, note, unit, measure): Measure| Bars {
        title,
        note,
        unit,
        rows: groups.iter().map(|group| (group.label.to_owned(), group.mean(measure))).collect(),
    };
    differing(groups).into_iter().map(bars).collect()
}

/// How a cost would grow with the square root of the network, from the first point on.
fn square_root(points: &[Point]) -> Option<Series> {
    let first = points.iter().min_by(|a, b| a.x.total_cmp(&b.x)).filter(|first| first.x > 0.0)?;
    let mut guide: Vec<Point> =
        points.iter().map(|p| Point::at(p.x, first.y * (p.x / first.x).sqrt())).collect();
    guide.sort_by(|a, b| a.x.total_cmp(&b.x));
    Some(Series { name: "square root of the network".into(), points: guide, is_guide: true })
}

/// Whether a chart has a number other than 0, its guides left out.
fn says_something(chart: &Chart) -> bool {
    chart
        .series
        .iter()
        .filter(|series| !series.is_guide)
        .any(|series| series.points.iter().any(|point| point.y != 0.0))
}

/// What a search brings against what it costs: far up and far left is best. A dot for each group,
/// those along an axis of numbers joined. Nothing with one group, or with more lines than could be
/// told apart.
pub(super) fn against_cost<'r>(
    report: &'r Report,
    groups: &'r [Group<'r>],
    lines_max: usize,
) -> Vec<Chart> {
    let (lines, says) = match lines(report, groups) {
        Some(Along { key, lines, .. }) => (lines, format!(" Along a line {key} grows.")),
        None => {
            let single = |group: &'r Group<'r>| Line {
                name: group.label.to_owned(),
                groups: vec![(0.0, group)],
            };
            (groups.iter().map(single).collect(), String::new())
        }
    };
    if lines.len() > lines_max || groups.len() < 2 {
        return Vec::new();
    }
    let chart = |what: &str, the_more: &str, measure: fn(&Summary) -> f64| {
        let point = |(_, group): &(f64, &Group<'_>)| {
            let cost = group.mean(|summary| summary.messages);
            (cost > 0.0).then(|| group.point(cost, |run| measure(&run.summary)))
        };
        let series = |line: &Line<'_>| Series {
            name: line.name.clone(),
            points: line.groups.iter().filter_map(point).collect(),
            is_guide: false,
        };
        Chart {
            title: format!("{what} against cost"),
            note: format!("The higher {the_more}, the farther left the cheaper.{says}"),
            x: Axis::new("messages a search", Unit::Count),
            y: Axis::new(what.to_lowercase(), Unit::Part),
            series: lines.iter().map(series).collect(),
            is_joined: true,
        }
    };
    let charts = [
        chart("Recall", "the more is found", |summary| summary.recall),
        chart("Success", "the more searches find something", |summary| summary.success),
    ];
    charts.into_iter().filter(says_something).collect()
}

/// How many nodes a query first reaches over 1, 2, ... links.
pub(super) fn by_hop(groups: &[Group<'_>]) -> Chart {
    let series = groups.iter().map(|group| {
        let hops = group.runs.iter().map(|run| run.summary.reached_by_hop.len()).max();
        let points = (0..hops.unwrap_or(0)).map(|hop| {
            let reached = |run: &Run| run.summary.reached_by_hop.get(hop).copied().unwrap_or(0.0);
            group.point((hop + 1) as f64, reached)
        });
        Series { name: group.label.into(), points: points.collect(), is_guide: false }
    });
    Chart {
        title: "Reach by hop".into(),
        note: "New nodes that a query gets to over 1, 2, ... links.".into(),
        x: Axis::new("hop", Unit::Count),
        y: Axis::new("nodes reached first", Unit::Count),
        series: series.collect(),
        is_joined: true,
    }
}

/// The part of a distribution below each number.
fn cumulative(
    title: &str,
    note: &str,
    (x, y): (Axis, &str),
    groups: &[Group<'_>],
    of: fn(&Run) -> &Distribution,
) -> Chart {
    let line = |group: &Group<'_>| {
        let percentiles = group.percentiles(of);
        let points = percentiles.iter().enumerate();
        let points = points.map(|(percent, &number)| Point::at(number, percent as f64 / 100.0));
        Series { name: group.label.into(), points: points.collect(), is_guide: false }
    };
    Chart {
        title: title.into(),
        note: note.into(),
        x,
        y: Axis::new(y, Unit::Part),
        series: groups.iter().map(line).collect(),
        is_joined: true,
    }
}

/// How long searchers wait for their first and their last result, and what searches cost.
pub(super) fn of_searches(groups: &[Group<'_>]) -> Vec<Chart> {
    let y = "of the searches";
    vec![
        cumulative(
            "Waiting for the first result",
            "The part of the successful searches that had a result after so long.",
            (Axis::new("time", Unit::Time), y),
            groups,
            |run| &run.summary.first_hit_us,
        ),
        cumulative(
            "Waiting for the last result",
            "The part of the successful searches that had all their results after so long.",
            (Axis::new("time", Unit::Time), y),
            groups,
            |run| &run.summary.last_hit_us,
        ),
        cumulative(
            "What a search costs",
            "The part of the searches that cost so many messages or fewer.",
            (Axis::new("messages", Unit::Count), y),
            groups,
            |run| &run.summary.messages_each,
        ),
    ]
}

/// How the work is shared between the nodes.
pub(super) fn of_load(groups: &[Group<'_>]) -> Vec<Chart> {
    let y = "of the nodes";
    let charts = [
        cumulative(
            "Load: descriptors sent",
            "The part of the nodes that sent so many or fewer; the steeper, the fairer.",
            (Axis::new("descriptors sent", Unit::Count), y),
            groups,
            |run| &run.load.messages_sent,
        ),
        cumulative(
            "Load: bytes sent",
            "The part of the nodes that sent so much or less.",
            (Axis::new("bytes sent", Unit::Bytes), y),
            groups,
            |run| &run.load.bytes_sent,
        ),
        cumulative(
            "Files shared",
            "The part of the nodes that share so many files or fewer.",
            (Axis::new("files", Unit::Count), y),
            groups,
            |run| &run.load.files,
        ),
        cumulative(
            "Queues",
            "The part of the nodes in whose fullest queue so much waited at most.",
            (Axis::new("bytes in a queue", Unit::Bytes), y),
            groups,
            |run| &run.load.queue_peak_bytes,
        ),
        cumulative(
            "Memory",
            "The part of the nodes that take so much memory or less, by the room in their tables.",
            (Axis::new("bytes of memory", Unit::Bytes), y),
            groups,
            |run| &run.load.memory_bytes,
        ),
    ];
    let is_some = |chart: &Chart| {
        chart.series.iter().flat_map(|series| &series.points).any(|point| point.x > 0.0)
    };
    charts.into_iter().filter(is_some).collect()
}

/// How many neighbours the nodes of a run have.
pub(super) fn degrees(run: &Run) -> Chart {
    let points = run.overlay.degrees.iter().enumerate().filter(|&(_, &nodes)| nodes > 0);
    let points = points.map(|(degree, &nodes)| Point::at(degree as f64, nodes as f64));
    Chart {
        title: "Neighbours".into(),
        note: "How many nodes have so many neighbours at the end.".into(),
        x: Axis::new("neighbours", Unit::Count),
        y: Axis::new("nodes", Unit::Count),
        series: vec![Series { points: points.collect(), ..Series::default() }],
        is_joined: false,
    }
}

/// How a run went on from sample to sample; nothing with fewer than three.
pub(super) fn over_time(run: &Run) -> Vec<Chart> {
    if run.samples.len() < 3 {
        return Vec::new();
    }
    let line = |y: &dyn Fn(&Sample) -> Option<f64>| {
        let points = run
            .samples
            .iter()
            .filter_map(|sample| Some(Point::at(sample.at_us as f64, y(sample)?)));
        points.collect::<Vec<Point>>()
    };
    let chart = |title: &str, note: &str, y: Axis, points: Vec<Point>| Chart {
        title: title.into(),
        note: note.into(),
        x: Axis::new("time", Unit::Time).fit(Fit::Linear),
        y,
        series: vec![Series { points, ..Series::default() }],
        is_joined: true,
    };
    let found =
        |sample: &Sample| (sample.queries > 0).then(|| sample.found as f64 / sample.queries as f64);
    let charts = [
        chart(
            "Living nodes",
            "Nodes that live, from time to time.",
            Axis::new("nodes", Unit::Count),
            line(&|sample| Some(sample.alive as f64)),
        ),
        chart(
            "Connected",
            "The part of the living nodes in the largest component.",
            Axis::new("connected", Unit::Part),
            line(&|sample| Some(sample.connected)),
        ),
        chart(
            "Searches that found something",
            "Of the searches that began since the sample before.",
            Axis::new("found", Unit::Part),
            line(&found),
        ),
        chart(
            "Traffic",
            "Descriptors that anybody sent since the sample before.",
            Axis::new("descriptors", Unit::Count),
            line(&|sample| Some(sample.messages as f64)),
        ),
    ];
    charts.into_iter().filter(changes).collect()
}

/// Whether a chart is more than one level line.
fn changes(chart: &Chart) -> bool {
    let mut points = chart.series.iter().flat_map(|series| &series.points).map(|point| point.y);
    let first = points.next();
    points.any(|y| Some(y) != first)
}
