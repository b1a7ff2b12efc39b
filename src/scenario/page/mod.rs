//! The report as one HTML page that needs nothing else: to be opened, projected or printed.

mod both;
mod chart;
mod drawing;
pub mod flood;
mod groups;
mod layout;
pub mod map;
mod plots;
mod scale;
mod tables;
#[cfg(test)]
mod tests;
mod words;

use chart::Chart;
use groups::Group;
use tables::Bars;
pub use words::escaped;

use super::{Compared, Report};

const STYLE: &str = include_str!("style.css");
/// Of drawings that are files of their own, too.
const DRAWING: &str = include_str!("drawing.css");
const SCRIPT: &str = include_str!("script.js");

/// With more groups than this, charts with a line for each could not be read: they show the first
/// and the last ones.
const LINES_MAX: usize = 8;

/// The page. The same report gives the same bytes.
pub fn html(report: &Report) -> String {
    page(&report.title, &body(report))
}

/// The page of both theatres: side by side first, then each with all it has.
pub fn html_of_both(both: &Compared) -> String {
    let mut whole = both::side_by_side(both);
    for (theatre, report) in [("In the simulator", &both.simulated), ("Real servents", &both.real)]
    {
        whole += &format!("<h1>{theatre}</h1>\n{}", body(report));
    }
    page(&both.simulated.title, &whole)
}

fn body(report: &Report) -> String {
    let groups = groups::of(report);
    let lines = few(&groups);
    let mut body = tables::head(report);
    body += &tables::expectations(report);
    body += &compared(report, &groups);
    body += &tables::summary(&groups);
    if let Some((run, flood)) = report.runs.iter().find_map(|run| Some((run, run.flood.as_ref()?)))
    {
        body += &flood::html(flood, run.queries.get(flood.query), &run.label);
    }
    let mut searches = vec![plots::by_hop(&lines)];
    searches.extend(plots::of_searches(&lines));
    body += &section("The searches", "", &searches);
    if let Some(first) = report.runs.first() {
        body += &section("Over time", &tables::timeline(first), &plots::over_time(first));
        body += &section("Who bears the load", "", &plots::of_load(&lines));
        body += &section("The network", &tables::overlay(first), &[plots::degrees(first)]);
        body += &section("What was sent and dropped", &tables::traffic(first), &[]);
    }
    body += &tables::foot(report);
    body
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{}</title>\n<style>\n{DRAWING}{STYLE}</style></head>\n<body><main>\n{body}</main>\n\
         <script>\n{SCRIPT}</script></body></html>\n",
        escaped(title)
    )
}

/// How the groups compare: along the scale if there is one, by bars if not.
fn compared(report: &Report, groups: &[Group<'_>]) -> String {
    let mut charts = plots::along(report, groups);
    charts.extend(plots::against_cost(report, groups, LINES_MAX));
    let bars = plots::bars(report, groups).iter().map(Bars::html).collect::<String>();
    let figures = charts.iter().map(Chart::html).collect::<String>() + &bars;
    let alike = match plots::alike(groups)[..] {
        [] => String::new(),
        ref names => format!("<p class=\"soft\">The same in all runs: {}.</p>\n", names.join(", ")),
    };
    part("What it came to", &alike, &figures)
}

/// The first and the last groups, at most [`LINES_MAX`].
fn few<'a>(groups: &'a [Group<'a>]) -> Vec<Group<'a>> {
    let last = groups.len().saturating_sub(LINES_MAX / 2);
    let kept = groups.iter().enumerate().filter(|&(at, _)| at < LINES_MAX / 2 || at >= last);
    kept.map(|(_, group)| Group { at: group.at, label: group.label, runs: group.runs.clone() })
        .collect()
}

/// A part of the page; nothing if it would be empty.
fn section(title: &str, text: &str, charts: &[Chart]) -> String {
    part(title, text, &charts.iter().map(Chart::html).collect::<String>())
}

/// The same with figures that are drawn already.
fn part(title: &str, text: &str, charts: &str) -> String {
    if text.is_empty() && charts.is_empty() {
        return String::new();
    }
    format!(
        "<section><h2>{}</h2>\n{text}<div class=\"charts\">{charts}</div></section>\n",
        escaped(title)
    )
}
