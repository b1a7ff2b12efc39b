//! What the page says in words and tables.

use std::fmt::Write;

use super::groups::Group;
use super::plots::MEASURES;
use super::words::{Unit, escaped};
use crate::scenario::Report;
use crate::scenario::report::{Run, Theatre, Verdict};

/// Reasons for drops that are shown at most: the most frequent.
const DROPS_MAX: usize = 15;

/// Longer tables are folded.
const ROWS_OPEN_MAX: usize = 12;

/// What was played.
pub(super) fn head(report: &Report) -> String {
    let about: String = (report.about.split("\n\n"))
        .filter(|paragraph| !paragraph.trim().is_empty())
        .map(|paragraph| format!("<p>{}</p>\n", escaped(paragraph.trim())))
        .collect();
    let theatre = match report.theatre {
        Theatre::Simulated => "played in the simulator",
        Theatre::Real => "played by real servents on one machine",
    };
    let seeds = match report.seeds[..] {
        [] => String::new(),
        [seed] => format!(", seed {seed}"),
        [first, .., last] => format!(", {} seeds, {first} to {last}", report.seeds.len()),
    };
    format!(
        "<header><h1>{}</h1>\n{about}<p class=\"soft\"><code>{}</code>, {theatre}{seeds}</p></header>\n",
        escaped(&report.title),
        escaped(&report.scenario),
    )
}

/// What was expected, and whether it held.
pub(super) fn expectations(report: &Report) -> String {
    if report.expectations.is_empty() {
        return String::new();
    }
    let mut html = String::from(
        "<section><h2>What was expected</h2>\n<table><thead><tr><th>expected</th><th></th>\
         <th>found</th></tr></thead><tbody>\n",
    );
    for expected in &report.expectations {
        let (class, verdict) = match expected.verdict {
            Verdict::Held => ("held", "held"),
            Verdict::Failed => ("failed", "failed"),
            Verdict::NotAsked => ("soft", "not asked"),
        };
        // What did not hold is what people look for.
        let shown = expected.cases.iter().find(|case| !case.held).or(expected.cases.first());
        let found = shown.map(|case| match case.of.is_empty() {
            true => case.found.clone(),
            false => format!("{}: {}", case.of, case.found),
        });
        let more = match expected.cases.len() {
            0 | 1 => String::new(),
            cases => format!(" <span class=\"soft\">and {} more</span>", cases - 1),
        };
        let _ = writeln!(
            html,
            "<tr><td><code>{}</code></td><td class=\"{class}\">{verdict}</td><td>{}{more}</td></tr>",
            escaped(&expected.text),
            escaped(&found.unwrap_or_default()),
        );
    }
    html.push_str("</tbody></table></section>\n");
    html
}

/// The means of each group.
pub(super) fn summary(groups: &[Group<'_>]) -> String {
    let open = if groups.len() <= ROWS_OPEN_MAX { " open" } else { "" };
    let mut html = format!(
        "<details{open}><summary>The numbers</summary><div class=\"wide\"><table><thead><tr><th></th><th>Searches</th>"
    );
    for (title, note, ..) in MEASURES {
        let _ = write!(html, "<th title=\"{note}\">{title}</th>");
    }
    html.push_str("</tr></thead><tbody>\n");
    for group in groups {
        let label = if group.label.is_empty() { "all" } else { group.label };
        let searches = group.runs.iter().map(|run| run.summary.queries).sum::<u64>();
        let _ = write!(
            html,
            "<tr><td>{}</td><td>{}</td>",
            escaped(label),
            Unit::Count.text(searches as f64)
        );
        for (_, _, unit, measure) in MEASURES {
            let _ = write!(html, "<td>{}</td>", unit.text(group.mean(measure)));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div></details>\n");
    html
}

/// What happened when, in the first run.
pub(super) fn timeline(run: &Run) -> String {
    if run.timeline.is_empty() {
        return String::new();
    }
    let mut html = format!(
        "<details{}><summary>What happened ({})</summary><table><tbody>\n",
        if run.timeline.len() <= ROWS_OPEN_MAX { " open" } else { "" },
        run.timeline.len()
    );
    for moment in &run.timeline {
        let at = Unit::Time.text(moment.at_us as f64);
        let _ = writeln!(
            html,
            "<tr><td>{at}</td><td class=\"words\">{}</td></tr>",
            escaped(&moment.what)
        );
    }
    html.push_str("</tbody></table></details>\n");
    html
}

/// The network of the first run in some numbers.
pub(super) fn overlay(run: &Run) -> String {
    let overlay = &run.overlay;
    let count = |number: u64| Unit::Count.text(number as f64);
    let sampled = if overlay.sampled { " (from a sample)" } else { "" };
    let tiers = match overlay.leaves {
        0 => String::new(),
        leaves => {
            format!(": {} ultrapeers and {} leaves", count(overlay.ultrapeers), count(leaves))
        }
    };
    let parts = match overlay.components {
        0 | 1 => "all reach each other".to_owned(),
        some => format!(
            "they fall into {} parts, the largest of {}",
            count(some),
            count(overlay.largest_component)
        ),
    };
    format!(
        "<p>At the end{}: {} nodes{tiers} with {} connections between them; {parts}. \
         Two nodes are {} links apart in the mean and {} at most{sampled}; \
         the clustering coefficient is {}.</p>\n",
        if run.label.is_empty() { String::new() } else { format!(" ({})", escaped(&run.label)) },
        count(overlay.nodes),
        count(overlay.edges),
        Unit::Count.text(overlay.path_length),
        count(overlay.diameter),
        Unit::Count.text(overlay.clustering),
    )
}

/// What the nodes of the first run sent, and what they dropped.
pub(super) fn traffic(run: &Run) -> String {
    let sent: Vec<(&str, &str, u64)> = (run.traffic.iter())
        .filter(|traffic| traffic.sent > 0)
        .map(|traffic| (traffic.kind.as_str(), "", traffic.sent))
        .collect();
    let drops: Vec<(&str, &str, u64)> = (run.drops.iter().take(DROPS_MAX))
        .map(|drop| (drop.text.as_str(), drop.why.as_str(), drop.count))
        .collect();
    bars("Descriptors sent, by kind", &sent)
        + &bars("Dropped, refused or closed, by reason", &drops)
}

/// A measure of some groups, as bars.
pub(super) struct Bars {
    /// What it is.
    pub title: &'static str,
    /// How to read it.
    pub note: &'static str,
    pub unit: Unit,
    /// The names of the groups and its value in each.
    pub rows: Vec<(String, f64)>,
}

impl Bars {
    pub(super) fn html(&self) -> String {
        let greatest = self.rows.iter().map(|row| row.1).fold(0.0, f64::max);
        let rows: String = (self.rows.iter())
            .map(|(name, value)| bar(("", name), value / greatest, &self.unit.text(*value)))
            .collect();
        format!(
            "<figure><figcaption><h3>{}</h3><p>{}</p></figcaption>\n\
             <table class=\"bars\"><tbody>\n{rows}</tbody></table></figure>\n",
            self.title, self.note
        )
    }
}

/// A row with a bar as long as the part says, 0 to 1.
fn bar((hint, name): (&str, &str), part: f64, number: &str) -> String {
    let width = if part.is_finite() { 100.0 * part } else { 0.0 };
    format!(
        "<tr><td title=\"{}\">{}</td><td><span class=\"bar\" style=\"width:{width:.1}%\"></span></td>\
         <td>{number}</td></tr>\n",
        escaped(hint),
        escaped(name),
    )
}

/// Numbers as bars, the greatest as long as the page has room.
fn bars(title: &str, rows: &[(&str, &str, u64)]) -> String {
    let Some(greatest) = rows.iter().map(|row| row.2).max() else { return String::new() };
    let mut html = format!("<h3>{title}</h3><table class=\"bars\"><tbody>\n");
    for (name, hint, number) in rows {
        let part = *number as f64 / greatest.max(1) as f64;
        html += &bar((hint, name), part, &Unit::Count.text(*number as f64));
    }
    html.push_str("</tbody></table>\n");
    html
}

/// How to see it again.
pub(super) fn foot(report: &Report) -> String {
    let traces: Vec<&str> = report.runs.iter().filter_map(|run| run.trace.as_deref()).collect();
    let trace = match traces[..] {
        [] => String::new(),
        [first, ..] => format!(
            " The first run's trace is <code>{}</code>: the same file and seed give it again.",
            escaped(first)
        ),
    };
    format!("<footer><p>Made by {}.{trace}</p></footer>\n", escaped(&report.program))
}
