//! `filbert cluster run`: plays a scenario with real servents, alone or beside the simulator.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use smol::future::FutureExt;

use crate::cli::Outcome;
use crate::cli::args::cluster::Run;
use crate::cli::render::{Side, Table, bold, dim, good, say};
use crate::cli::session::wish_to_leave;
use crate::cli::sim::{self, STEPS, show};
use crate::cluster::{Seat, full_path};
use crate::scenario::compare::{Compared, shown};
use crate::scenario::real::Machine;
use crate::scenario::report::Verdict;
use crate::scenario::{Experiment, Report, page};

/// Plays a scenario.
pub(super) async fn run(json: bool, dir: &Path, words: &Run) -> Result<Outcome> {
    let (text, folder) = sim::find(&words.what)?;
    let load = sim::load(&folder);
    let experiment = Experiment::read(&words.what, &text, &words.sweep, &load)?;
    let seeds = sim::seeds(words.seed, words.seeds.as_deref(), experiment.scenario().seed)?;
    if words.keep && experiment.runs(seeds.len()) > 1 {
        bail!(
            "these are {} runs, each with servents of its own: --keep is for one",
            experiment.runs(seeds.len())
        );
    }
    let seat = match (words.in_process, words.netns) {
        (true, _) => Seat::InProcess,
        (_, true) => Seat::Namespaces,
        _ => Seat::Processes,
    };
    if let Some(why) = experiment.why_not_real(seat) {
        bail!(why);
    }
    if let Some(note) = experiment.changed_for_real().filter(|_| !json) {
        say!("{}", dim(&note));
    }
    let simulated = if words.compare { Some(sim::play(&experiment, &seeds)?) } else { None };
    let machine = Arc::new(Machine {
        dir: full_path(dir),
        program: std::env::current_exe().context("this program does not know where it is")?,
        seat,
        keep: words.keep,
        stop: AtomicBool::new(false),
    });
    let began = Instant::now();
    let experiment = Arc::new(experiment);
    let report = play(&experiment, seeds, &machine).await?;
    if let Some(folder) = &words.csv {
        sim::write_csv(&report, folder)?;
    }
    let holds = match simulated {
        Some(simulated) => {
            let both = experiment.compare(simulated, report);
            if let Some(file) = &words.report {
                sim::write(file, &page::html_of_both(&both))?;
            }
            match json {
                true => say!("{}", serde_json::to_string_pretty(&both)?),
                false => {
                    show::report(&both.real, began.elapsed());
                    side_by_side(&both);
                }
            }
            both.holds()
        }
        None => {
            if let Some(file) = &words.report {
                sim::write(file, &page::html(&report))?;
            }
            match json {
                true => say!("{}", serde_json::to_string_pretty(&report)?),
                false => show::report(&report, began.elapsed()),
            }
            report.holds()
        }
    };
    if !json {
        sim::said_where(words.csv.as_deref(), words.report.as_deref());
        if words.keep {
            say!(
                "The servents still run: `filbert cluster status` shows them, `filbert cluster down` ends them."
            );
        }
    }
    Ok(if holds { Outcome::Worked } else { Outcome::NothingFound })
}

/// Plays it, with a bar, until the end or ctrl-C.
async fn play(
    experiment: &Arc<Experiment>,
    seeds: Vec<u64>,
    machine: &Arc<Machine>,
) -> Result<Report> {
    let bar = sim::bar(experiment.runs(seeds.len()));
    let played = smol::unblock({
        let (experiment, machine, bar) = (Arc::clone(experiment), Arc::clone(machine), bar.clone());
        move || {
            let tell = |done: f64| bar.set_position((done * STEPS) as u64);
            experiment.play_real(&seeds, &machine, &tell)
        }
    });
    let stopped = async {
        wish_to_leave().await?;
        machine.stop.store(true, Ordering::Relaxed);
        // What was begun is taken down; then the play is over.
        smol::future::pending::<Result<Report>>().await
    };
    let report = async { Ok(played.await?) }.or(stopped).await;
    bar.finish_and_clear();
    match machine.stop.load(Ordering::Relaxed) {
        true => Err(anyhow!("stopped; nothing is left of the servents")),
        false => report,
    }
}

/// The table of both theatres.
fn side_by_side(both: &Compared) {
    say!("\n{}", bold("The simulator and real servents, side by side"));
    let mut table = Table::new(&[
        ("FACT", Side::Left),
        ("SIMULATED", Side::Right),
        ("REAL", Side::Right),
        ("", Side::Left),
    ]);
    let many = both.simulated.runs.len() > 1;
    for row in &both.rows {
        let run = both.simulated.runs.get(row.run).filter(|_| many);
        let of = run.map_or(String::new(), |run| format!("  ({}, seed {})", run.label, run.seed));
        let word = match row.exact {
            Some(true) => good("agrees, as it must"),
            Some(false) => bold("MUST AGREE"),
            None => String::new(),
        };
        let fact = format!("{}{of}", row.fact);
        table.push(vec![fact, shown(row, row.simulated), shown(row, row.real), word]);
    }
    for verdicts in &both.verdicts {
        let word = match verdicts.simulated == verdicts.real {
            true => good("the same verdict"),
            false => bold("TWO VERDICTS"),
        };
        let (simulated, real) = (verdict(verdicts.simulated), verdict(verdicts.real));
        table.push(vec![verdicts.text.clone(), simulated.to_owned(), real.to_owned(), word]);
    }
    table.print();
    say!(
        "{}",
        dim(
            "means over all queries; other counts depend on which copy comes first, times on the machine"
        )
    );
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Held => "holds",
        Verdict::Failed => "fails",
        Verdict::NotAsked => "-",
    }
}
