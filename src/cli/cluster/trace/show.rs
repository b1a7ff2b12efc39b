//! What is told of a search that was followed.

use std::fmt::Write as _;

use anyhow::Result;

use super::Traced;
use crate::api::types::Fate;
use crate::cli::args::cluster::Trace as Words;
use crate::cli::render::{Side, Table, bold, dim, harmless, say};
use crate::cli::units;
use crate::scenario::follow::{HitsOf, Step};
use crate::servent::{Strategy, Why};

/// So many copies are told one by one; of more only the sums of each hop.
const COPIES_MAX: usize = 60;
/// So many answers are told if copies are not.
const ANSWERS_MAX: usize = 10;

/// For people.
pub(super) fn text(traced: &Traced<'_>, words: &Words) {
    let followed = &traced.followed;
    say!(
        "{} asked at {} with TTL {} ({})",
        bold(&format!("\u{201c}{}\u{201d}", harmless(traced.text))),
        traced.name(Some(followed.origin)),
        followed.ttl,
        strategy(traced.strategy)
    );
    say!();
    let in_full = words.all || followed.steps.len() <= COPIES_MAX;
    match in_full {
        true => every_step(traced),
        false => by_hop(traced),
    }
    say!();
    hits(traced, in_full);
    for line in sums(traced) {
        say!("{line}");
    }
    if !in_full {
        say!(
            "{}",
            dim("--all tells of every copy, --svg FILE draws the way, --html FILE plays it.")
        );
    }
    for (what, file) in [("drawing", &words.svg), ("page", &words.html)] {
        if let Some(file) = file {
            say!("The {what} is in {}.", file.display());
        }
    }
}

/// For programs.
pub(super) fn json(traced: &Traced<'_>) -> Result<()> {
    let names: Vec<&str> = traced.cluster.nodes().iter().map(|node| node.name.as_str()).collect();
    let queries: Vec<String> = traced.search.queries.iter().map(ToString::to_string).collect();
    let mut all = serde_json::json!({
        "text": traced.text,
        "strategy": strategy(traced.strategy),
        "queries": queries,
        "names": names,
        "exactly_full_flood": traced.exact,
        "incomplete": traced.overwritten,
    });
    if let (Some(all), serde_json::Value::Object(followed)) =
        (all.as_object_mut(), serde_json::to_value(&traced.followed)?)
    {
        all.extend(followed);
    }
    say!("{all:#}");
    Ok(())
}

fn strategy(strategy: Strategy) -> String {
    match strategy {
        Strategy::Dynamic => "dynamic query".to_owned(),
        Strategy::Flood => "flood".to_owned(),
        Strategy::ExpandingRing => "expanding ring".to_owned(),
        Strategy::RandomNeighbours { k } => format!("{k} random neighbours"),
        Strategy::Walkers { walkers } => format!("{walkers} walkers"),
    }
}

/// The steps hop by hop.
fn sorted<'a>(traced: &'a Traced<'_>) -> Vec<&'a Step> {
    let mut steps: Vec<&Step> = traced.followed.steps.iter().collect();
    steps.sort_by_key(|step| (step.query, step.hop, step.at_us, step.node));
    steps
}

fn every_step(traced: &Traced<'_>) {
    let mut table = Table::new(&[
        ("hop", Side::Right),
        ("after", Side::Right),
        ("node", Side::Left),
        ("from", Side::Left),
        ("what became of it", Side::Left),
    ]);
    for step in sorted(traced) {
        let from = if step.fate.arrived() { traced.name(step.from) } else { "" };
        table.row([
            step.hop.to_string(),
            ms(step.at_us),
            traced.name(Some(step.node)).to_owned(),
            from.to_owned(),
            became(step),
        ]);
    }
    table.print();
}

/// What became of a copy, in words.
fn became(step: &Step) -> String {
    let neighbours = |count: u32| units::count(count.into(), "neighbour", "neighbours");
    let did = match step.fate {
        Fate::Asked => return format!("asks {}", neighbours(step.links)),
        Fate::WentOn => return format!("asks {} more", neighbours(step.links)),
        Fate::First => "first copy",
        Fate::HigherTtl => "again, with a higher TTL",
        Fate::Walked => "been here before",
        Fate::Duplicate if step.why == Some(Why::OwnQuery) => {
            return "duplicate: asked it itself".to_owned();
        }
        Fate::Duplicate => return "duplicate".to_owned(),
        _ => return format!("dropped: {}", step.why.map_or("", Why::text)),
    };
    let mut parts = Vec::new();
    if step.results > 0 {
        parts.push(format!("answers with {}", units::count(step.results.into(), "file", "files")));
    }
    match step.why {
        Some(Why::TtlSpent) if step.links == 0 => parts.push("TTL used up".to_owned()),
        Some(Why::TtlSpent) => parts.push(format!("TTL used up, but for {} leaves", step.links)),
        Some(Why::NotRelayed) => parts.push("a leaf passes nothing on".to_owned()),
        Some(why) => parts.push(why.text().to_owned()),
        None if step.links == 0 => parts.push("nobody else to pass it on to".to_owned()),
        None => parts.push(format!("passed on to {}", step.links)),
    }
    format!("{did}: {}", parts.join(", "))
}

fn by_hop(traced: &Traced<'_>) {
    let mut table = Table::new(&[
        ("hop", Side::Right),
        ("copies", Side::Right),
        ("nodes reached", Side::Right),
        ("duplicates", Side::Right),
        ("answer", Side::Right),
        ("first", Side::Right),
        ("last", Side::Right),
    ]);
    let steps = sorted(traced);
    for copies in steps.chunk_by(|a, b| (a.query, a.hop) == (b.query, b.hop)) {
        let of = |is: &dyn Fn(&Step) -> bool| copies.iter().filter(|step| is(step)).count();
        let arrived = of(&|step| step.fate.arrived());
        let Some(hop) = copies.first().map(|step| step.hop) else { continue };
        if arrived == 0 {
            continue;
        }
        let times = || copies.iter().map(|step| step.at_us);
        table.row([
            hop.to_string(),
            arrived.to_string(),
            of(&|step| step.fate == Fate::First).to_string(),
            of(&|step| step.fate == Fate::Duplicate).to_string(),
            of(&|step| step.results > 0).to_string(),
            ms(times().min().unwrap_or(0)),
            ms(times().max().unwrap_or(0)),
        ]);
    }
    table.print();
}

fn hits(traced: &Traced<'_>, all: bool) {
    let hits = &traced.followed.hits;
    let told = if all { hits.len() } else { ANSWERS_MAX };
    for of in hits.iter().take(told) {
        say!("{}", way(traced, of));
    }
    if hits.len() > told {
        say!("... and {} answers more", hits.len() - told);
    }
    if !hits.is_empty() {
        say!();
    }
}

/// How the hits of one servent came home.
fn way(traced: &Traced<'_>, of: &HitsOf) -> String {
    let through: Vec<&str> = of.way.iter().map(|&node| traced.name(Some(node))).collect();
    let way = through.join(" > ");
    match (of.home_us, of.lost) {
        (Some(us), _) => {
            let files = units::count(of.results.into(), "file", "files");
            format!("{way}: {files}, home after {}", ms(us))
        }
        (None, Some(why)) => format!("{way}: lost ({})", why.text()),
        (None, None) => format!("{way}: not home yet"),
    }
}

/// What it comes to, in sentences.
pub(super) fn sums(traced: &Traced<'_>) -> Vec<String> {
    let totals = &traced.followed.totals;
    let others = totals.nodes.saturating_sub(1);
    let mut reached = format!("{} of {} other nodes reached", totals.reached, others);
    if !totals.reached_by_hop.is_empty() {
        let by_hop: Vec<String> = totals.reached_by_hop.iter().map(u64::to_string).collect();
        let _ = write!(reached, ", after 1, 2, ... links: {}", by_hop.join(", "));
    }
    let duplicates = match totals.duplicates {
        0 => "none of them a duplicate".to_owned(),
        1 => "1 of them a duplicate".to_owned(),
        count => format!("{} of them duplicates", units::number(count)),
    };
    let mut copies = format!("{}, {duplicates}", units::count(totals.copies, "copy", "copies"));
    for (count, what) in [
        (totals.higher_ttl, "again with a higher TTL"),
        (totals.walked, "steps to where a walker had been"),
        (totals.dropped, "dropped"),
        (totals.missing, "given on their way and not come anywhere"),
    ] {
        if count > 0 {
            let _ = write!(copies, ", {count} {what}");
        }
    }
    let mut lines = vec![reached, copies, compared(traced)];
    if totals.answered > 0 {
        let mut answers = format!(
            "{}, {} home in {}",
            units::count(totals.answered, "node answers", "nodes answer"),
            units::count(totals.results, "file", "files"),
            units::count(totals.hits_home, "hit", "hits")
        );
        if let (Some(first), Some(last)) = (totals.first_hit_us, totals.last_hit_us) {
            let _ = write!(answers, ", the first after {}, the last after {}", ms(first), ms(last));
        }
        lines.push(answers);
    } else {
        lines.push("nobody answers".to_owned());
    }
    if traced.overwritten {
        lines.push(
            "some of it is missing: nodes had no room to note it (node.passages_max)".to_owned(),
        );
    }
    lines
}

/// The copies against what a flood of first copies costs.
fn compared(traced: &Traced<'_>) -> String {
    let totals = &traced.followed.totals;
    let (links, nodes) = (totals.links, totals.nodes);
    let full = format!("2E - N + 1 = {} (E = {links} links, N = {nodes} nodes)", totals.full_flood);
    match (traced.exact, totals.copies == totals.full_flood) {
        (true, true) => format!("{full}: exactly as many copies came"),
        (true, false) => format!("{full}, but {} copies came", totals.copies),
        (false, true) => format!("{full}: as many as a flood costs whose TTL never runs out"),
        (false, false) => format!("{full} would be a flood whose TTL never runs out"),
    }
}

/// For the page: every copy, and how hits came home.
pub(super) fn tables(traced: &Traced<'_>) -> String {
    let mut page = String::new();
    if !traced.followed.hits.is_empty() {
        page.push_str("<h2>How the hits came home</h2>\n<ul>\n");
        for of in &traced.followed.hits {
            let _ = writeln!(page, "<li>{}</li>", escaped(&way(traced, of)));
        }
        page.push_str("</ul>\n");
    }
    page.push_str(
        "<h2>Every copy</h2>\n<div class=\"wide\"><table><thead><tr><th>hop</th><th>after</th>\
         <th class=\"words\">node</th><th class=\"words\">from</th><th class=\"words\">what became of it</th></tr></thead><tbody>\n",
    );
    for step in sorted(traced) {
        let from = if step.fate.arrived() { traced.name(step.from) } else { "" };
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td class=\"words\">{}</td><td class=\"words\">{}</td><td class=\"words\">{}</td></tr>",
            step.hop,
            ms(step.at_us),
            escaped(traced.name(Some(step.node))),
            escaped(from),
            escaped(&became(step))
        );
    }
    page.push_str("</tbody></table></div>\n");
    page
}

fn escaped(text: &str) -> String {
    crate::scenario::page::escaped(text)
}

/// Milliseconds, so that a column can be read downwards.
fn ms(us: u64) -> String {
    format!("{}.{} ms", us / 1_000, us % 1_000 / 100)
}
