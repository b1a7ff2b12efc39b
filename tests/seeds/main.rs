//! Random worlds by seed: topology, roles, workload, latencies, faults and liars, each run twice.
//! Under faults nothing forbidden happens; mended, everybody finds and fetches everything.
//!
//! `FILBERT_SEEDS=A..B` (or `=A`) runs others than the first fifty; `scripts/soak` runs them for as
//! long as it is told. `FILBERT_SHOW=1` says what each seed stands for; `FILBERT_RECORD=DIR` writes
//! what the nodes involved in a failure were told there, for `filbert replay`.

mod case;
mod run;

use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, thread};

use case::Case;
use filbert::sim::NodeId;
use run::Ran;

/// Seeds that once showed something wrong: neighbours asked to connect back served one of many, and
/// the others, who had asked at the same moment and would again, took their doors for shut; checkers
/// took what a restarted node had asked in its former life for its own; a node that passed on what a
/// flooder asked had nothing left at its neighbours for its own questions; what a slow disk had written
/// when its connection ended was not told; this test had a node connected to anew before its neighbours
/// knew that it had been gone, which they refuse.
const KEPT: [u64; 9] = [83, 89, 295, 633, 1_014, 3_434, 10_066, 21_160, 40_830];

fn seeds() -> Vec<u64> {
    let Ok(asked) = env::var("FILBERT_SEEDS") else { return (1..51).chain(KEPT).collect() };
    let number = |text: &str| text.trim().parse().expect("FILBERT_SEEDS is A..B or A");
    match asked.split_once("..") {
        Some((from, to)) => (number(from)..number(to)).collect(),
        None => vec![number(&asked)],
    }
}

/// Runs one seed twice; what went wrong is a text that says how to see it again.
fn tried(seed: u64) -> Result<Ran, String> {
    let case = Case::of(seed);
    if env::var_os("FILBERT_SHOW").is_some() {
        eprintln!("{case:#?}");
    }
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| run::twice(&case)));
    let trouble = match outcome {
        Ok(Ok(ran)) => return Ok(ran),
        Ok(Err(trouble)) => {
            if let Some(folder) = env::var_os("FILBERT_RECORD") {
                record(&case, &trouble.nodes(), Path::new(&folder));
            }
            trouble.to_string()
        }
        Err(_) => "panicked (see above)".to_owned(),
    };
    Err(format!(
        "seed {seed}: {trouble}\n  {}\n  again: FILBERT_SEEDS={seed} cargo test --release --test seeds -- --nocapture",
        case.summary()
    ))
}

/// Runs the case once more and records these nodes.
fn record(case: &Case, nodes: &[NodeId], folder: &Path) {
    for (node, recording) in run::recordings(case, nodes) {
        let file = folder.join(format!("seed-{}-{node}.record", case.seed));
        match fs::write(&file, recording) {
            Ok(()) => eprintln!("recorded: filbert replay {}", file.display()),
            Err(error) => eprintln!("{}: {error}", file.display()),
        }
    }
}

#[test]
fn every_seed_is_safe_and_comes_together_again() {
    let seeds = seeds();
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let totals = Mutex::new((0, 0, 0));
    let work = || {
        while let Some(&seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
            match tried(seed) {
                Ok(ran) => {
                    let mut totals = totals.lock().expect("nobody panicked");
                    *totals =
                        (totals.0 + ran.steps, totals.1 + ran.messages, totals.2.max(ran.tries));
                }
                Err(failure) => {
                    eprintln!("{failure}");
                    failures.lock().expect("nobody panicked").push(failure);
                }
            }
        }
    };
    thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        (0..threads).for_each(|_| drop(scope.spawn(work)));
    });
    let (steps, messages, tries) = *totals.lock().expect("nobody panicked");
    println!(
        "seeds: {} of them, each twice: {steps} inputs and {messages} descriptors a run of all, \
         nobody had to ask more than {tries} times",
        seeds.len()
    );
    let failures = failures.into_inner().expect("nobody panicked");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
