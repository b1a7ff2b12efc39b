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

/// Runs a case twice; what went wrong is a text that says how to see it again. The nodes involved
/// are recorded in the folder, if there is one.
fn tried(case: &Case, folder: Option<&Path>) -> Result<Ran, String> {
    let seed = case.seed;
    if env::var_os("FILBERT_SHOW").is_some() {
        eprintln!("{case:#?}");
    }
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| run::twice(case)));
    let trouble = match outcome {
        Ok(Ok(ran)) => return Ok(ran),
        Ok(Err(trouble)) => {
            if let Some(folder) = folder {
                record(case, &trouble.nodes(), folder);
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
    let (seeds, folder) = (seeds(), env::var_os("FILBERT_RECORD"));
    let folder = folder.as_deref().map(Path::new);
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let totals = Mutex::new((0, 0, 0));
    let work = || {
        while let Some(&seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
            match tried(&Case::of(seed), folder) {
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

/// Links are compressed where liars speak in the clear: the checkers see half of them, and what is
/// passed on from the other half seems to come from nowhere. What a bug would look like is told
/// whole, and those involved are recorded until then.
#[test]
fn a_failure_is_told_whole_and_recorded() {
    let folder = tempfile::tempdir().expect("a folder");
    let planted = (1..).map(Case::of).filter(|case| !case.liars.is_empty()).map(|mut case| {
        case.config.compress_links = true;
        let failure = tried(&case, Some(folder.path())).err();
        (case, failure)
    });
    let mut planted = planted.take(50);
    let found = planted.find_map(|(case, failure)| {
        failure.filter(|told| told.contains("which never reached it")).map(|told| (case, told))
    });
    let (case, told) = found.expect("some of them are such");
    let Case { seed, .. } = case;
    let (first, rest) = told.split_once('\n').expect("lines");
    assert!(first.starts_with(&format!("seed {seed}: seed {seed}, step ")), "{told}");
    let (node, _) = first.rsplit_once(" passed on query").expect("who");
    let (_, node) = node.rsplit_once(' ').expect("who");
    let history = rest.lines().take_while(|line| line.contains(&format!("s {node} "))).count();
    assert!(history > 3, "{told}");
    assert!(told.contains(&format!("again: FILBERT_SEEDS={seed} cargo test ")), "{told}");
    let recorded = folder.path().join(format!("seed-{seed}-{node}.record"));
    let replayed = std::process::Command::new(env!("CARGO_BIN_EXE_filbert"))
        .arg("replay")
        .arg(recorded)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&replayed.stdout).into_owned();
    assert!(replayed.status.success() && said.contains("Every action was the same"), "{said}");
}
