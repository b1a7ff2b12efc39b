//! The play: the steps of a scenario, what nodes do by themselves meanwhile, and what comes of it.
//! It is the same in every theatre; what it is played on is a [`Stage`].
//!
//! ```text
//! Scenario + seed --[cast]--> who is there, who shares what
//!                 --[steps, deeds]--> Stage --[ask, watch]--> rows, samples, checks --[measure]--> Run
//! ```

mod ask;
mod cast;
mod deeds;
mod draw;
mod measure;
mod stage;
mod steps;
mod watch;

use std::fmt;
use std::time::Duration;

use super::file::Scenario;
use super::report::{Flood, Moment, Query, Run, Sample};
use crate::sim;
use crate::sim::workload::Plan;
use ask::{Asked, Fetch};
pub use cast::{Cast, Member};
pub use stage::{Arrival, Counts, Passed, Spread, Stage};

/// What came of playing a scenario once.
#[derive(Clone, Debug, PartialEq)]
pub struct Played {
    /// What was measured.
    pub run: Run,
    /// What steps expected, in order.
    pub checks: Vec<Check>,
}

/// Something that a step expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The line of the step.
    pub line: u32,
    /// What.
    pub text: String,
    /// Whether it was so.
    pub held: bool,
    /// With the numbers in place of the names.
    pub found: String,
}

/// Why a play could not go on.
#[derive(Debug)]
pub enum Failure {
    /// A node of a simulated world broke a rule of the checkers: a bug in filbert.
    Rule(Box<sim::Failure>),
    /// The machine or its servents could not do what the scenario wants: what, and what helps.
    Machine(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Rule(failure) => write!(f, "{failure}"),
            Failure::Machine(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Failure {}

impl From<Box<sim::Failure>> for Failure {
    fn from(failure: Box<sim::Failure>) -> Failure {
        Failure::Rule(failure)
    }
}

/// What a verb of a stage comes to.
pub type Outcome<T = ()> = Result<T, Failure>;

/// Part of the whole work that building is taken to be.
pub(super) const BUILDING: f64 = 0.1;

/// A scenario that is being played on a stage.
struct Play<'p, S> {
    cast: Cast<'p>,
    stage: &'p mut S,
    progress: &'p mut dyn FnMut(f64),
    plan: Plan,
    /// Searches, in order: those whose row is not written yet, and the rows.
    asked: Vec<Asked>,
    rows: Vec<Option<Query>>,
    fetches: Vec<Fetch>,
    timeline: Vec<Moment>,
    samples: Vec<Sample>,
    sample_every: Duration,
    checks: Vec<Check>,
    /// Descriptors and bytes that each node had sent, and all had, when the play began.
    before: Vec<sim::Load>,
    messages_before: u64,
    messages_sampled: u64,
    /// Whether the flood of the first query is kept for a drawing.
    draw: bool,
    flood: Option<Flood>,
    /// How long the play will be, as far as is known.
    expected_end: Duration,
    /// Whether searches were measured before they were over.
    cut_short: bool,
    /// Something that a step began goes on until then.
    busy_until: Duration,
}

/// Plays a scenario on a stage where the cast stands, and measures. `draw`: whether the flood of
/// its first query is kept for a drawing. `progress` is told how much is done, 0 to 1.
///
/// # Errors
/// If the stage fails.
pub fn run<'p, S: Stage>(
    cast: Cast<'p>,
    stage: &'p mut S,
    draw: bool,
    progress: &'p mut dyn FnMut(f64),
) -> Outcome<Played> {
    let mut play = Play {
        cast,
        stage,
        progress,
        plan: Plan::new(),
        asked: Vec::new(),
        rows: Vec::new(),
        fetches: Vec::new(),
        timeline: Vec::new(),
        samples: Vec::new(),
        sample_every: Duration::MAX,
        checks: Vec::new(),
        before: Vec::new(),
        messages_before: 0,
        messages_sampled: 0,
        draw,
        flood: None,
        expected_end: Duration::ZERO,
        cut_short: false,
        busy_until: Duration::ZERO,
    };
    play.begin()?;
    play.play()?;
    let run = play.measure()?;
    Ok(Played { run, checks: play.checks })
}

impl<'p, S: Stage> Play<'p, S> {
    fn scenario(&self) -> &'p Scenario {
        self.cast.scenario
    }

    /// Writes down that something happened now.
    fn happened(&mut self, what: impl Into<String>) {
        let at_us = self.now_us();
        self.timeline.push(Moment { at_us, what: what.into() });
    }

    fn now_us(&self) -> u64 {
        micros(self.stage.now())
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
