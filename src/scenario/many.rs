//! A whole experiment: every combination of what varies, with every seed, on as many threads as are
//! given. The report is the same whatever their number.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::compare::Compared;
use super::expect;
use super::file::{Document, Load, Mistake, Place, Scenario, Varied, value_of, variant, varied};
use super::play::{Failure, Played};
use super::real::{self, Machine};
use super::report::{Axis, Case, Expected, FORMAT, Report, Run, Theatre, Verdict};
use super::simulated;
use crate::cluster::Seat;
use crate::sim::NodeId;

/// A scenario with all that varies in it.
#[derive(Debug)]
pub struct Experiment {
    /// The file, as the user named it.
    name: String,
    axes: Vec<Axis>,
    /// Every combination, the first axis slowest.
    variants: Vec<(Vec<String>, Scenario)>,
    /// Whether the command line changed what is played.
    is_swept: bool,
}

/// Combinations of what varies at most.
const VARIANTS_MAX: usize = 10_000;

/// One flood is chosen to be drawn out of those of so many combinations ...
const FLOODS_MAX: usize = 100;
/// ... in networks of so many nodes; in larger ones, and of more, the first is drawn.
const DRAWN_MAX: u32 = 20_000;

/// Where a thread puts what came of a run.
type Slot = Mutex<Option<Result<Played, Failure>>>;

/// A scenario could not be played to its end.
#[derive(Debug)]
pub struct Broken {
    /// Why.
    pub failure: Failure,
    /// The command line that shows it again.
    pub again: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Broken { failure, again } = self;
        match failure {
            Failure::Rule(rule) => {
                write!(
                    f,
                    "{rule}\nthis is a bug in filbert; to see it again, and to have the nodes \
                     involved recorded for `filbert replay`: {again} --record DIR"
                )
            }
            Failure::Machine(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Broken {}

impl Broken {
    /// The nodes involved in a broken rule.
    pub fn nodes(&self) -> Vec<NodeId> {
        match &self.failure {
            Failure::Rule(rule) => rule.nodes(),
            Failure::Machine(_) => Vec::new(),
        }
    }
}

impl Experiment {
    /// Reads a scenario file; `sweeps` are as on the command line: `ttl=1,2,3`.
    ///
    /// # Errors
    /// The first mistake, in the file or in the sweeps.
    pub fn read(
        name: &str,
        text: &str,
        sweeps: &[String],
        load: &Load<'_>,
    ) -> Result<Experiment, Mistake> {
        let document = Document::parse(name, text)?;
        let mut varied = varied(&document)?;
        for words in sweeps {
            let place = Place::Words(format!("--sweep {words}").into());
            let (key, values) = words.split_once('=').ok_or_else(|| {
                document.mistake(&place, "", "write it as --sweep KEY=VALUE,VALUE,..")
            })?;
            let values = values.split(',').map(|value| value_of(value.trim(), &place)).collect();
            let new = Varied::new(&document, key.trim(), &place, values)?;
            match varied.iter_mut().find(|old| old.is_of(&new)) {
                Some(old) => *old = new,
                None => varied.push(new),
            }
        }
        let axes: Vec<Axis> = varied.iter().map(Varied::axis).collect();
        let count: usize = axes.iter().map(|axis| axis.values.len()).product();
        if count > VARIANTS_MAX {
            let message = format!("these are {count} combinations; {VARIANTS_MAX} at most");
            return Err(document.mistake(&Place::File(0..0), "sweep", message));
        }
        let mut variants = Vec::with_capacity(count);
        for number in 0..count {
            let chosen = combination(number, &axes);
            let at = chosen.iter().zip(&axes).map(|(&at, axis)| axis.values[at].clone()).collect();
            let scenario = Scenario::read(&variant(&document, &varied, &chosen), &axes, load)?;
            variants.push((at, scenario));
        }
        Ok(Experiment { name: name.to_owned(), axes, variants, is_swept: !sweeps.is_empty() })
    }

    /// The scenario of the first combination.
    pub fn scenario(&self) -> &Scenario {
        &self.variants[0].1
    }

    /// What varies.
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// How many runs there are with so many seeds.
    pub fn runs(&self, seeds: usize) -> usize {
        self.variants.len() * seeds
    }

    /// Plays every combination with every seed. `progress` is told the sum of what is done, in
    /// runs.
    ///
    /// # Errors
    /// The first run, in their order, in which a node broke a rule of the checkers.
    pub fn play(
        &self,
        seeds: &[u64],
        threads: usize,
        progress: &(dyn Fn(f64) + Sync),
    ) -> Result<Report, Broken> {
        let count = self.runs(seeds.len());
        let results: Vec<Slot> = (0..count).map(|_| Mutex::new(None)).collect();
        let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        let done: Vec<Mutex<f64>> = (0..count).map(|_| Mutex::new(0.0)).collect();
        let tell = |number: usize, part: f64| {
            if let Ok(mut mine) = done[number].lock() {
                *mine = part;
            }
            progress(done.iter().map(|part| part.lock().map_or(0.0, |part| *part)).sum());
        };
        let work = || {
            while !stop.load(Ordering::Relaxed) {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    break;
                }
                let (_, scenario) = &self.variants[number / seeds.len()];
                let seed = seeds[number % seeds.len()];
                // Which of the floods is drawn is chosen afterwards.
                let is_choice = number.is_multiple_of(seeds.len())
                    && number / seeds.len() < FLOODS_MAX
                    && scenario.network.nodes() <= DRAWN_MAX;
                let draw = number == 0 || is_choice;
                let played = simulated::run(scenario, seed, draw, &mut |part| tell(number, part));
                if played.is_err() {
                    stop.store(true, Ordering::Relaxed);
                }
                if let Ok(mut slot) = results[number].lock() {
                    *slot = Some(played);
                }
            }
        };
        thread::scope(|scope| {
            for _ in 1..threads.clamp(1, count.max(1)) {
                scope.spawn(work);
            }
            work();
        });
        let mut all = Vec::with_capacity(count);
        for (number, slot) in results.into_iter().enumerate() {
            match slot.into_inner().ok().flatten() {
                Some(Ok(played)) => all.push(played),
                Some(Err(failure)) => {
                    let again = self.again(number / seeds.len(), seeds[number % seeds.len()]);
                    return Err(Broken { failure, again });
                }
                // Not begun, because a later one has failed already.
                None => {}
            }
        }
        Ok(self.report(seeds, all, Theatre::Simulated))
    }

    /// Plays every combination with every seed on real servents, one run after the other.
    /// `progress` is told the sum of what is done, in runs.
    ///
    /// # Errors
    /// What servents on this machine cannot play, before anything is started; what went wrong then.
    pub fn play_real(
        &self,
        seeds: &[u64],
        machine: &Machine,
        progress: &(dyn Fn(f64) + Sync),
    ) -> Result<Report, Broken> {
        let broken = |failure| Broken { failure, again: String::new() };
        if let Some(why) = self.why_not_real(machine.seat) {
            return Err(broken(Failure::Machine(why)));
        }
        let count = self.runs(seeds.len());
        let mut all = Vec::with_capacity(count);
        for number in 0..count {
            let (_, scenario) = &self.variants[number / seeds.len()];
            let seed = seeds[number % seeds.len()];
            let tell = |part: f64| progress(number as f64 + part);
            let played = real::run(scenario, seed, number == 0, machine, &tell);
            all.push(played.map_err(broken)?);
        }
        Ok(self.report(seeds, all, Theatre::Real))
    }

    /// Why servents on this machine cannot play it, or are not to; none if they can. What the file
    /// says of that does not count for sweeps of the command line.
    pub fn why_not_real(&self, seat: Seat) -> Option<String> {
        if let Some(why) = real::refused_by_file(self.scenario()).filter(|_| !self.is_swept) {
            return Some(why);
        }
        self.variants.iter().find_map(|(_, scenario)| real::why_not(scenario, seat))
    }

    /// Puts what both theatres said side by side.
    pub fn compare(&self, simulated: Report, real: Report) -> Compared {
        let seeds = simulated.seeds.len().max(1);
        let scenario = |number| self.variants.get(number / seeds).map(|(_, scenario)| scenario);
        let scenarios: Vec<&Scenario> = (0..simulated.runs.len()).filter_map(scenario).collect();
        Compared::new(simulated, real, &scenarios)
    }

    /// What real servents play otherwise than the file says, in sentences.
    pub fn changed_for_real(&self) -> Option<String> {
        self.variants.iter().find_map(|(_, scenario)| real::capped(scenario).1)
    }

    /// The command line that shows one run again: that of this label with this seed.
    pub fn closer(&self, of: &str, seed: u64) -> String {
        let is_it = |(at, _): &(Vec<String>, Scenario)| label(&self.axes, at) == of;
        self.again(self.variants.iter().position(is_it).unwrap_or(0), seed)
    }

    fn again(&self, variant: usize, seed: u64) -> String {
        let mut words = format!("filbert sim {} --seed {seed}", self.name);
        for (axis, value) in self.axes.iter().zip(&self.variants[variant].0) {
            words.push_str(&format!(" --sweep '{}={value}'", axis.key));
        }
        words
    }

    fn report(&self, seeds: &[u64], all: Vec<Played>, theatre: Theatre) -> Report {
        let mut checks: Vec<Expected> = Vec::new();
        let mut runs = Vec::with_capacity(all.len());
        for (number, Played { mut run, checks: held }) in all.into_iter().enumerate() {
            run.at = self.variants[number / seeds.len()].0.clone();
            run.label = label(&self.axes, &run.at);
            for check in held {
                let case = Case {
                    seed: run.seed,
                    of: run.label.clone(),
                    held: check.held,
                    found: check.found,
                };
                match checks.iter_mut().find(|known| known.line == check.line) {
                    Some(known) => known.cases.push(case),
                    None => checks.push(Expected {
                        text: check.text,
                        line: check.line,
                        verdict: Verdict::NotAsked,
                        cases: vec![case],
                    }),
                }
            }
            runs.push(run);
        }
        keep_one_flood(&mut runs);
        for check in &mut checks {
            let held = check.cases.iter().all(|case| case.held);
            check.verdict = if held { Verdict::Held } else { Verdict::Failed };
        }
        let scenario = self.scenario();
        let judged = scenario.expectations.iter();
        checks.extend(
            judged.map(|(condition, line)| expect::judge(condition, *line, &self.axes, &runs)),
        );
        Report {
            format: FORMAT,
            program: concat!("filbert ", env!("CARGO_PKG_VERSION")).to_owned(),
            title: scenario.title.clone(),
            about: scenario.about.clone(),
            theatre,
            scenario: self.name.clone(),
            axes: self.axes.clone(),
            seeds: seeds.to_vec(),
            runs,
            expectations: checks,
        }
    }
}

/// Of the floods that could be drawn, the first stays in which most nodes are reached.
fn keep_one_flood(runs: &mut [Run]) {
    let reached = |run: &Run| {
        let nodes = run.flood.as_ref()?.nodes.iter();
        Some(nodes.filter(|node| node.hop.is_some()).count())
    };
    let best = runs.iter().map(reached).max().flatten();
    let mut is_kept = false;
    for run in runs {
        match reached(run) == best && !is_kept {
            true => is_kept = best.is_some(),
            false => run.flood = None,
        }
    }
}

/// The places in the axes of a combination, the last axis fastest.
fn combination(mut number: usize, axes: &[Axis]) -> Vec<usize> {
    let mut chosen = vec![0; axes.len()];
    for (at, axis) in chosen.iter_mut().zip(axes).rev() {
        *at = number % axis.values.len();
        number /= axis.values.len();
    }
    chosen
}

/// A run in words: `strategy flood, ttl 7`.
fn label(axes: &[Axis], at: &[String]) -> String {
    let words: Vec<String> =
        axes.iter().zip(at).map(|(axis, value)| format!("{} {value}", axis.key)).collect();
    words.join(", ")
}

impl Run {
    /// The value of an axis in this run.
    pub fn value<'r>(&'r self, axes: &[Axis], key: &str) -> Option<&'r str> {
        axes.iter()
            .position(|axis| axis.key == key)
            .and_then(|at| self.at.get(at))
            .map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RING: &str =
        "compare = ['flood', '2 random-neighbours']\n[network]\ntopology = 'ring'\nnodes = 5\n";

    fn read(sweeps: &[&str]) -> Result<Experiment, Mistake> {
        let sweeps: Vec<String> = sweeps.iter().map(|&words| words.to_owned()).collect();
        Experiment::read("ring.toml", RING, &sweeps, &|_| Err(String::new()))
    }

    #[test]
    fn a_command_line_shows_a_run_again() {
        let experiment = read(&["ttl=1,2", "nodes=4,5"]).expect("an experiment");
        assert_eq!(experiment.runs(3), 24);
        let again = experiment.again(5, 7);
        let words =
            "--seed 7 --sweep 'strategy=2 random-neighbours' --sweep 'ttl=1' --sweep 'nodes=5'";
        assert_eq!(again, format!("filbert sim ring.toml {words}"));
        assert_eq!(experiment.closer("strategy 2 random-neighbours, ttl 1, nodes 5", 7), again);
        // Which is one run: the one it speaks of.
        let one =
            read(&["strategy=2 random-neighbours", "ttl=1", "nodes=5"]).expect("an experiment");
        assert_eq!((one.runs(1), &one.variants[0].0), (1, &experiment.variants[5].0));
    }

    #[test]
    fn a_sweep_takes_the_place_of_the_files() {
        let experiment = read(&["strategy=flood"]).expect("an experiment");
        assert_eq!(experiment.axes()[0].values, ["flood"]);
        for (words, said) in
            [("ttl", "KEY=VALUE"), ("strategy=flod", "is it flood?"), ("nodes=0", "no nodes")]
        {
            let mistake = read(&[words]).expect_err(words).to_string();
            assert!(mistake.contains(said), "{mistake}");
        }
        let all = (0..200).map(|number| number.to_string()).collect::<Vec<_>>().join(",");
        let many = [format!("ttl={all}"), format!("seed={all}")];
        assert!(read(&[&many[0], &many[1]]).is_err(), "too many combinations");
    }
}
