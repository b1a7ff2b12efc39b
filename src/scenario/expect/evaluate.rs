//! From a condition and what was measured to a verdict, with the numbers in place of the names.

use std::collections::BTreeSet;
use std::time::Duration;

use super::facts::From;
use super::{Condition, FACTS, Fact, How, Kind, Sign, Sum};
use crate::scenario::report::{Axis, Case, Distribution, Expected, Query, Run, Verdict};

/// What is held fixed within a case, and the runs that share it.
type Group<'r> = ((u64, Vec<&'r str>), Vec<&'r Run>);

/// Holds a condition against all runs.
pub fn judge(condition: &Condition, line: u32, axes: &[Axis], runs: &[Run]) -> Expected {
    let selected = selected(condition, axes);
    // What no fact selects is held fixed within a case; so is the seed.
    let mut groups: Vec<Group<'_>> = Vec::new();
    for run in runs {
        let fixed = run.at.iter().zip(&selected).filter(|(_, selected)| !**selected);
        let key = (run.seed, fixed.map(|(value, _)| value.as_str()).collect());
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, group)) => group.push(run),
            None => groups.push((key, vec![run])),
        }
    }
    let mut cases = Vec::new();
    for ((seed, fixed), group) in groups {
        let view = View { condition, axes, runs: &group };
        let Some((held, found)) = view.verdict() else { continue };
        let keys = axes.iter().zip(&selected).filter(|(_, selected)| !**selected);
        let of: Vec<String> =
            keys.zip(&fixed).map(|((axis, _), value)| format!("{} {value}", axis.key)).collect();
        cases.push(Case { seed, of: of.join(", "), held, found });
    }
    let verdict = match cases.iter().all(|case| case.held) {
        _ if cases.is_empty() => Verdict::NotAsked,
        true => Verdict::Held,
        false => Verdict::Failed,
    };
    Expected { text: condition.text.clone(), line, verdict, cases }
}

/// Holds a condition against one run, which may still go on: whether it holds, and the numbers.
pub fn verdict(condition: &Condition, run: &Run) -> (bool, String) {
    let view = View { condition, axes: &[], runs: &[run] };
    view.verdict().unwrap_or_else(|| (false, "there is nothing to compare".to_owned()))
}

/// Which axes the condition's facts select values of.
fn selected(condition: &Condition, axes: &[Axis]) -> Vec<bool> {
    let facts = condition.facts();
    let selects = |axis: &Axis| {
        facts.iter().any(|fact| {
            fact.at.iter().any(|(key, _)| *key == axis.key)
                || fact.of.as_ref().is_some_and(|of| is_value(axis, of))
        })
    };
    axes.iter().map(selects).collect()
}

/// Whether the label names a strategy that is compared.
fn is_value(axis: &Axis, label: &str) -> bool {
    axis.key == "strategy" && axis.values.iter().any(|value| same(value, label))
}

/// `7` is `7.0`, and `0.1%` written twice is the same.
fn same(a: &str, b: &str) -> bool {
    let number = |text: &str| {
        crate::scenario::quantity::count(text).ok().map(|count| count as f64).or(text.parse().ok())
    };
    a == b || number(a).is_some_and(|a| number(b) == Some(a))
}

struct View<'v> {
    condition: &'v Condition,
    axes: &'v [Axis],
    runs: &'v [&'v Run],
}

impl View<'_> {
    /// Whether it holds, with the numbers; nothing if it speaks of runs that were not played.
    fn verdict(&self) -> Option<(bool, String)> {
        if !self
            .condition
            .facts()
            .iter()
            .all(|fact| self.runs.iter().any(|run| self.is_meant(fact, run)))
        {
            return None;
        }
        if !self.condition.every_search {
            return Some(self.compare(None));
        }
        let mut last = (false, "there was no search".to_owned());
        for run in self.runs {
            for query in &run.queries {
                let (held, found) = self.compare(Some((run, query)));
                let who = query
                    .label
                    .clone()
                    .unwrap_or_else(|| format!("node {} for {:?}", query.origin, query.text));
                last = (held, format!("{found} ({who})"));
                if !held {
                    return Some(last);
                }
            }
        }
        let count: usize = self.runs.iter().map(|run| run.queries.len()).sum();
        if last.0 {
            last.1 = format!("in all {count} searches");
        }
        Some(last)
    }

    fn compare(&self, one: Option<(&Run, &Query)>) -> (bool, String) {
        let sides: Vec<Option<f64>> =
            self.condition.sides.iter().map(|side| self.sum(side, one)).collect();
        let mut held = true;
        let mut found = String::new();
        for (at, side) in sides.iter().enumerate() {
            if at > 0 {
                let sign = self.condition.signs[at - 1];
                found.push_str(sign.text());
                held &= sides[at - 1].zip(*side).is_some_and(|(a, b)| sign.holds(a, b));
            }
            let kind = self.kind(&self.condition.sides[at]);
            found.push_str(&side.map_or_else(|| "nothing".to_owned(), |value| shown(value, kind)));
        }
        (held, found)
    }

    fn kind(&self, sum: &Sum) -> Kind {
        match sum {
            Sum::Number(_, kind) => *kind,
            Sum::Fact(fact) => FACTS[fact.name].kind,
            Sum::Both(a, '+' | '-', _) => self.kind(a),
            Sum::Both(a, '*', b) if self.kind(a) == Kind::Plain => self.kind(b),
            Sum::Both(a, _, b) if self.kind(b) == Kind::Plain => self.kind(a),
            _ => Kind::Plain,
        }
    }

    fn sum(&self, sum: &Sum, one: Option<(&Run, &Query)>) -> Option<f64> {
        match sum {
            Sum::Number(number, _) => Some(*number),
            Sum::Fact(fact) => self.fact(fact, one),
            Sum::Root(of) => self.sum(of, one).map(f64::sqrt),
            Sum::Both(a, sign, b) => {
                let (a, b) = (self.sum(a, one)?, self.sum(b, one)?);
                Some(match sign {
                    '+' => a + b,
                    '-' => a - b,
                    '*' => a * b,
                    _ => a / b,
                })
            }
        }
    }

    fn is_meant(&self, fact: &Fact, run: &Run) -> bool {
        self.axes.iter().zip(&run.at).all(|(axis, value)| {
            let named = fact.of.as_ref().filter(|of| is_value(axis, of));
            named.is_none_or(|of| same(value, of))
                && fact.at.iter().all(|(key, wanted)| *key != axis.key || same(value, wanted))
        }) && fact.at.iter().all(|(key, _)| self.axes.iter().any(|axis| axis.key == *key))
    }

    /// The label of steps that it names, if that is none of a strategy.
    fn label<'f>(&self, fact: &'f Fact) -> Option<&'f str> {
        fact.of.as_deref().filter(|of| !self.axes.iter().any(|axis| is_value(axis, of)))
    }

    fn fact(&self, fact: &Fact, one: Option<(&Run, &Query)>) -> Option<f64> {
        let within =
            self.condition.within.map_or(u64::MAX, |within: Duration| within.as_micros() as u64);
        let mut values = Vec::new();
        let meant = self.runs.iter().filter(|run| self.is_meant(fact, run));
        for run in meant.filter(|run| one.is_none_or(|(of, _)| std::ptr::eq(**run, of))) {
            match &FACTS[fact.name].from {
                From::Run(of) => values.push(of(run)),
                From::Nodes(of) => values.extend(across(fact.how, of(run))),
                From::Search(of) => {
                    let label = self.label(fact);
                    let meant = |query: &&Query| {
                        let is_one = one.is_none_or(|(_, only)| std::ptr::eq(*query, only));
                        is_one && label.is_none_or(|label| query.label.as_deref() == Some(label))
                    };
                    values.extend(
                        run.queries.iter().filter(meant).filter_map(|query| of(query, within)),
                    );
                }
            }
        }
        match FACTS[fact.name].from {
            From::Search(_) => across(fact.how, &Distribution::of(values)),
            // Of several runs with the same right to it, their mean.
            _ => across(How::Mean, &Distribution::of(values)),
        }
    }
}

fn across(how: How, values: &Distribution) -> Option<f64> {
    (values.count > 0).then(|| match how {
        How::Mean => values.mean,
        How::Min => values.percentile(0),
        How::Max => values.percentile(100),
        How::Median => values.percentile(50),
        How::Total => values.sum,
    })
}

impl Sign {
    fn text(self) -> &'static str {
        match self {
            Sign::Equal => " == ",
            Sign::Unequal => " != ",
            Sign::AtLeast => " >= ",
            Sign::AtMost => " <= ",
            Sign::Above => " > ",
            Sign::Below => " < ",
        }
    }

    fn holds(self, a: f64, b: f64) -> bool {
        let equal = (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0);
        match self {
            Sign::Equal => equal,
            Sign::Unequal => !equal,
            Sign::AtLeast => a > b || equal,
            Sign::AtMost => a < b || equal,
            Sign::Above => a > b && !equal,
            Sign::Below => a < b && !equal,
        }
    }
}

fn shown(value: f64, kind: Kind) -> String {
    match kind {
        Kind::Time if value < 1e6 => format!("{}ms", rounded(value / 1e3)),
        Kind::Time => format!("{}s", rounded(value / 1e6)),
        Kind::Plain => rounded(value),
    }
}

/// Four digits that matter, more only for whole numbers.
fn rounded(value: f64) -> String {
    if value.fract() == 0.0 || value.abs() >= 10_000.0 {
        return format!("{value:.0}");
    }
    let digits = (3 - value.abs().max(1e-9).log10().floor() as i32).clamp(0, 6) as usize;
    let text = format!("{value:.digits$}");
    let text =
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    text.to_owned()
}

/// The keys and labels that conditions name and that nobody has: for mistakes.
pub(in crate::scenario) fn unknown_names(
    condition: &Condition,
    axes: &[Axis],
    labels: &BTreeSet<&str>,
) -> Option<(String, Vec<String>)> {
    for fact in condition.facts() {
        if let Some((key, _)) =
            fact.at.iter().find(|(key, _)| axes.iter().all(|axis| axis.key != *key))
        {
            return Some((key.clone(), axes.iter().map(|axis| axis.key.clone()).collect()));
        }
        let of = fact.of.as_ref();
        if let Some(of) = of.filter(|of| {
            !labels.contains(of.as_str()) && !axes.iter().any(|axis| is_value(axis, of))
        }) {
            let strategies = axes
                .iter()
                .filter(|axis| axis.key == "strategy")
                .flat_map(|axis| axis.values.clone());
            return Some((
                of.clone(),
                labels.iter().map(|&label| label.to_owned()).chain(strategies).collect(),
            ));
        }
    }
    None
}
