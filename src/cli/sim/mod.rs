//! `filbert sim`: plays an experiment in the simulated world and says what came of it.

mod record;
pub(in crate::cli) mod show;

use std::fs;
use std::io::{ErrorKind, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Outcome;
use super::args;
use super::huge_pages;
use super::render::{Side, Table, say};
use crate::scenario::{self, Broken, Experiment, Report, bundled};

/// Steps of the progress bar of one run.
pub(super) const STEPS: f64 = 1_000.0;
/// Seeds at most.
const SEEDS_MAX: u64 = 100_000;

/// Plays an experiment, or lists those that are bundled: also if none is named.
pub(super) fn sim(json: bool, words: &args::Sim) -> Result<Outcome> {
    let Some(what) = words.what.as_deref().filter(|_| !words.list) else {
        list(json);
        return Ok(Outcome::Worked);
    };
    let (text, folder) = find(what)?;
    if words.print {
        print!("{text}");
        return Ok(Outcome::Worked);
    }
    let experiment = Experiment::read(what, &text, &words.sweep, &load(&folder))?;
    if experiment.scenario().network.nodes() >= huge_pages::NODES_MIN {
        huge_pages::ask();
    }
    let seeds = seeds(words.seed, words.seeds.as_deref(), experiment.scenario().seed)?;
    let recorder = record::Recorder::new(words, &experiment, &seeds)?;
    // What cannot be written is said before it is played, not after.
    if let Some(folder) = &words.csv {
        make(folder)?;
    }
    if let Some(file) = &words.report {
        fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(file)
            .with_context(unwritten(file))?;
    }
    let begin = Instant::now();
    let report = match play(&experiment, &seeds) {
        Ok(report) => report,
        Err(broken) => {
            recorder.map_or(Ok(()), |recorder| recorder.record(&broken.nodes()))?;
            return Err(broken.into());
        }
    };
    let took = begin.elapsed();
    if let Some(folder) = &words.csv {
        write_csv(&report, folder)?;
    }
    if let Some(file) = &words.report {
        write(file, &scenario::page::html(&report))?;
    }
    if json {
        say!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        show::report(&report, took);
        said_where(words.csv.as_deref(), words.report.as_deref());
        look_closer(&experiment, &report);
    }
    recorder.map_or(Ok(()), |recorder| recorder.record(&[]))?;
    Ok(if report.holds() { Outcome::Worked } else { Outcome::NothingFound })
}

/// The text of a file, or of a bundled experiment; and where files that it names are.
pub(super) fn find(what: &str) -> Result<(String, PathBuf)> {
    let path = Path::new(what);
    if path.is_file() {
        let text = fs::read_to_string(path).with_context(|| format!("{what} cannot be read"))?;
        return Ok((text, path.parent().unwrap_or(Path::new("")).to_owned()));
    }
    if let Some(experiment) = bundled::find(what) {
        return Ok((experiment.text.to_owned(), PathBuf::new()));
    }
    let near = scenario::file::nearest(what, bundled::ALL.iter().map(|experiment| experiment.name));
    Err(anyhow!("there is no file and no bundled experiment {what}{near}"))
}

/// How files that the text names are read.
pub(super) fn load(folder: &Path) -> impl Fn(&str) -> Result<String, String> + Sync {
    move |file| {
        let path = folder.join(file);
        fs::read_to_string(&path).map_err(|error| match error.kind() {
            ErrorKind::InvalidData => {
                format!("{} is not text; if it is packed (.gz), unpack it first", path.display())
            }
            ErrorKind::NotFound => {
                format!(
                    "{} is not there; a file is looked for next to the scenario",
                    path.display()
                )
            }
            _ => format!("{} cannot be read: {error}", path.display()),
        })
    }
}

/// The seeds, in order: one, or those of a range.
pub(super) fn seeds(one: Option<u64>, range: Option<&str>, usual: u64) -> Result<Vec<u64>> {
    let Some(range) = range else { return Ok(vec![one.unwrap_or(usual)]) };
    let wrong = || anyhow!("--seeds {range}: write it as --seeds FIRST..LAST, like 1..20");
    let (first, last) = range.split_once("..").ok_or_else(wrong)?;
    let (first, last): (u64, u64) =
        (first.trim().parse().map_err(|_| wrong())?, last.trim().parse().map_err(|_| wrong())?);
    if last < first {
        bail!("--seeds {range} holds no seed: it ends before it begins");
    }
    if last - first >= SEEDS_MAX {
        bail!("--seeds {range} are too many; {SEEDS_MAX} at most");
    }
    Ok((first..=last).collect())
}

/// Plays it in the simulator, with a bar.
pub(super) fn play(experiment: &Experiment, seeds: &[u64]) -> Result<Report, Broken> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let bar = bar(experiment.runs(seeds.len()));
    let report = experiment.play(seeds, threads, &|done| bar.set_position((done * STEPS) as u64));
    bar.finish_and_clear();
    report
}

/// A bar for so many runs, of [`STEPS`] each.
pub(super) fn bar(runs: usize) -> ProgressBar {
    let target = match std::io::stderr().is_terminal() {
        true => ProgressDrawTarget::stderr_with_hz(10),
        false => ProgressDrawTarget::hidden(),
    };
    let bar = ProgressBar::with_draw_target(Some((runs as f64 * STEPS) as u64), target);
    let style =
        ProgressStyle::with_template("{spinner} {prefix} {wide_bar} {percent:>3} %  {eta} to go");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_prefix(if runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") });
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// How to see more of the first run in which something was not as expected.
fn look_closer(experiment: &Experiment, report: &Report) {
    let cases = report.expectations.iter().flat_map(|expected| &expected.cases);
    if let Some(case) = cases.into_iter().find(|case| !case.held) {
        let again = experiment.closer(&case.of, case.seed);
        say!(
            "\nTo look closer: {again} --report FILE.html draws it, --record DIR keeps what its nodes were told for `filbert replay`."
        );
    }
}

pub(super) fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).with_context(unwritten(file))
}

fn unwritten(file: &Path) -> impl FnOnce() -> String {
    move || format!("{} cannot be written", file.display())
}

fn make(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))
}

pub(super) fn write_csv(report: &Report, folder: &Path) -> Result<()> {
    make(folder)?;
    for (name, text) in scenario::csv::files(report) {
        write(&folder.join(name), &text)?;
    }
    Ok(())
}

/// Says where tables and page were written.
pub(super) fn said_where(csv: Option<&Path>, report: Option<&Path>) {
    let written = [("tables", csv), ("page", report)];
    for (what, path) in written {
        if let Some(path) = path {
            say!("{what} written: {}", path.display());
        }
    }
}

fn list(json: bool) {
    if json {
        let all: Vec<_> = bundled::ALL
            .iter()
            .map(|experiment| serde_json::json!({ "name": experiment.name, "title": experiment.title(), "text": experiment.text }))
            .collect();
        say!("{:#}", serde_json::Value::from(all));
        return;
    }
    let mut table = Table::new(&[("EXPERIMENT", Side::Left), ("WHAT IT ASKS", Side::Left)]);
    for experiment in bundled::ALL {
        table.row([experiment.name.to_owned(), experiment.title()]);
    }
    table.print();
    say!(
        "\nPlay one with `filbert sim NAME`; `filbert sim --print NAME` shows its file, to begin one of your own."
    );
}
