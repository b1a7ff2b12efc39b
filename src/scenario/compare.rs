//! The same experiment in both theatres, side by side: what must agree exactly, and what may differ.
//!
//! Two things follow from the graph alone, whatever the latencies and the machine: under the rule
//! that passes a copy with a higher TTL on again, who is reached (all within TTL links); and where
//! every node passes on the first copy alone and no TTL runs out, all counts (2E - N + 1 copies).
//! Everything else depends on which copy comes first.

use serde::{Deserialize, Serialize};

use super::file::{Act, Scenario};
use super::report::{FORMAT, Query, Report, Run, Verdict};
use crate::node::Config;
use crate::node::config::Forward;

/// Both reports of an experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// [`FORMAT`].
    pub format: u32,
    /// Whether all that must agree does, and every expectation has one verdict in both.
    pub agrees: bool,
    /// The facts of all runs, side by side.
    pub rows: Vec<Row>,
    /// The verdicts, side by side.
    pub verdicts: Vec<Verdicts>,
    /// What the simulator said.
    pub simulated: Report,
    /// What real servents said.
    pub real: Report,
}

/// A fact of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Which run, counted from 0.
    pub run: usize,
    /// The fact, as expectations name it.
    pub fact: String,
    /// The mean of its searches in the simulator.
    pub simulated: f64,
    /// The same of real servents.
    pub real: f64,
    /// Of the searches in which it must agree, whether it does in each; none: it need not in any.
    pub exact: Option<bool>,
}

/// An expectation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdicts {
    /// What is expected.
    pub text: String,
    /// Whether it held in the simulator.
    pub simulated: Verdict,
    /// Whether it held among real servents.
    pub real: Verdict,
}

/// What must agree exactly of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exact {
    Nothing,
    Reach,
    All,
}

/// A fact of a search, and whether it must agree already where only the reach must.
type Fact = (&'static str, bool, fn(&Query) -> f64);

const FACTS: &[Fact] = &[
    ("messages", false, |query| query.messages as f64),
    ("duplicates", false, |query| query.duplicates as f64),
    ("reached", true, |query| query.reached as f64),
    ("hits", false, |query| query.hits as f64),
    ("results", false, |query| query.results as f64),
    ("answered", false, |query| query.answered_by as f64),
];

/// A fact of a run.
type FactOfRun = (&'static str, fn(&Run) -> f64);

const FACTS_OF_RUNS: [FactOfRun; 4] = [
    ("first-hit", |run| run.summary.first_hit_us.percentile(50)),
    ("traffic", |run| run.summary.traffic as f64),
    ("E", |run| run.overlay.edges as f64),
    ("downloaded", |run| {
        run.downloads.iter().filter(|download| download.equal == Some(true)).count() as f64
    }),
];

impl Compared {
    /// Puts both side by side; `scenarios` are those of the runs, in their order.
    pub(super) fn new(simulated: Report, real: Report, scenarios: &[&Scenario]) -> Compared {
        let runs = simulated.runs.iter().zip(&real.runs).zip(scenarios).enumerate();
        let rows: Vec<Row> =
            runs.flat_map(|(run, ((a, b), scenario))| rows(run, a, b, scenario)).collect();
        let both = simulated.expectations.iter().zip(&real.expectations);
        let verdicts: Vec<Verdicts> = both
            .map(|(a, b)| Verdicts { text: a.text.clone(), simulated: a.verdict, real: b.verdict })
            .collect();
        let agrees = rows.iter().all(|row| row.exact != Some(false))
            && verdicts.iter().all(|both| both.simulated == both.real);
        Compared { format: FORMAT, agrees, rows, verdicts, simulated, real }
    }

    /// Whether all that must agree does, and everything that is expected held in both.
    pub fn holds(&self) -> bool {
        self.agrees && self.simulated.holds() && self.real.holds()
    }
}

fn rows(run: usize, a: &Run, b: &Run, scenario: &Scenario) -> Vec<Row> {
    let row = |&(fact, is_reach, value): &Fact| {
        let must = |query: &Query| match exact(scenario, query) {
            Exact::Nothing => false,
            Exact::Reach => is_reach,
            Exact::All => true,
        };
        let pairs = || a.queries.iter().zip(&b.queries);
        let mut held =
            pairs().filter(|(a, _)| must(a)).map(|(a, b)| value(a) == value(b)).peekable();
        let exact = held.peek().is_some().then(|| held.all(|held| held));
        let mean = |run: &Run| {
            run.queries.iter().map(value).sum::<f64>() / run.queries.len().max(1) as f64
        };
        // One search more or less is a difference, too.
        let exact = exact.map(|held| held && a.queries.len() == b.queries.len());
        Row { run, fact: fact.to_owned(), simulated: mean(a), real: mean(b), exact }
    };
    let mut rows: Vec<Row> =
        if a.queries.is_empty() { Vec::new() } else { FACTS.iter().map(row).collect() };
    for (fact, value) in FACTS_OF_RUNS {
        let fact = fact.to_owned();
        rows.push(Row { run, fact, simulated: value(a), real: value(b), exact: None });
    }
    rows
}

/// What must agree of a search in a network of these settings.
fn exact(scenario: &Scenario, query: &Query) -> Exact {
    let disturbs = |act: &Act| {
        !matches!(
            act,
            Act::Search { .. }
                | Act::Share { .. }
                | Act::Download { .. }
                | Act::Wait(_)
                | Act::WaitUntil(..)
                | Act::Expect(_)
        )
    };
    let disturbed = scenario.network.finds_itself()
        || scenario.workload.churn.is_some()
        || scenario.steps.iter().any(|step| disturbs(&step.act));
    if disturbed || query.strategy != "flood" {
        return Exact::Nothing;
    }
    let base = scenario.config(false);
    let groups = scenario.groups.iter().map(|group| group.settings.apply(base.clone()));
    let configs: Vec<Config> =
        std::iter::once(Ok(base.clone())).chain(groups).filter_map(Result::ok).collect();
    let all = |rule: Forward| {
        configs.iter().all(|config| {
            config.forward == rule && !config.query_routing && config.ttl_and_hops_max >= query.ttl
        })
    };
    match () {
        () if all(Forward::FirstCopy) && u32::from(query.ttl) >= scenario.network.nodes() => {
            Exact::All
        }
        () if all(Forward::HigherTtl) => Exact::Reach,
        () => Exact::Nothing,
    }
}

/// A value of a row for people: times in milliseconds, counts with two digits at most.
pub fn shown(row: &Row, value: f64) -> String {
    if row.fact == "first-hit" {
        return format!("{:.0} ms", value / 1e3);
    }
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
