//! What servents on one machine cannot play, each in a sentence, before anything is started.

use std::time::Duration;

use crate::cluster::Seat;
use crate::scenario::file::{Act, File, Scenario, When};

/// Servents in processes of their own: each takes some megabytes and a part of two cores.
const PROCESSES_MAX: u32 = 300;
/// Servents in one process.
const IN_PROCESS_MAX: u32 = 2_000;
/// Network namespaces.
const NAMESPACES_MAX: u32 = 100;
/// Time is real here.
const LASTS_MAX: Duration = Duration::from_secs(600);
/// Bytes of a file; larger ones are made so large.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// Bytes of a file of the corpus, of which there may be thousands of copies.
const CORPUS_FILE_BYTES_MAX: u64 = 64 << 10;

/// Why servents on this machine cannot play a scenario, in one sentence that says what to do; none
/// if they can.
pub fn why_not(scenario: &Scenario, seat: Seat) -> Option<String> {
    let (max, each) = match seat {
        Seat::Processes => (PROCESSES_MAX, "a process each"),
        Seat::InProcess => (IN_PROCESS_MAX, "in one process"),
        Seat::Namespaces => (NAMESPACES_MAX, "a network namespace each"),
    };
    let joins = |act: &Act| if let Act::Join(count) = act { *count } else { 0 };
    let nodes =
        scenario.network.nodes() + scenario.steps.iter().map(|step| joins(&step.act)).sum::<u32>();
    if nodes > max {
        return Some(format!(
            "these are {nodes} nodes, and {max} real servents ({each}) are the most on this machine; \
             make the network smaller (--sweep nodes=..), or play it with `filbert sim`"
        ));
    }
    if let Some(step) = scenario.steps.iter().find(|step| matches!(step.act, Act::Attack(..))) {
        return Some(format!(
            "line {}: servents of this program do no harm, so attacks are played by the simulator alone: `filbert sim`",
            step.line
        ));
    }
    if let Some(step) = scenario.steps.iter().find(|step| !is_playable(&step.act)) {
        return Some(format!(
            "line {}: this cannot be done to real servents; play it with `filbert sim`",
            step.line
        ));
    }
    let links = &scenario.links;
    let only_simulated = [
        (links.datagram_duplicate > 0.0, "datagrams are duplicated"),
        (links.datagram_reorder > 0.0, "datagrams overtake each other"),
        (scenario.regions.is_some(), "nodes live in regions"),
        (scenario.groups.iter().any(|group| group.nat), "gateways let strangers in when asked"),
    ];
    if let Some((_, what)) = only_simulated.iter().find(|(is, _)| *is) {
        return Some(format!("{what} in the simulator alone: play it with `filbert sim`"));
    }
    let lasts = length(scenario);
    if lasts > LASTS_MAX {
        return Some(format!(
            "this takes {} minutes, and time is real here: {} minutes are the most; make it shorter (--sweep lasts=..), or play it with `filbert sim`",
            lasts.as_secs().div_ceil(60),
            LASTS_MAX.as_secs() / 60
        ));
    }
    None
}

/// Whether real servents can be told to do it, or have it done to them.
fn is_playable(act: &Act) -> bool {
    match act {
        Act::Restart { fresh, .. } => !fresh,
        Act::Befall(..) | Act::Attack(..) => false,
        _ => true,
    }
}

/// Why the file says that real servents are not to play it; none if it does not.
pub fn refused_by_file(scenario: &Scenario) -> Option<String> {
    let why = scenario.simulated_only.as_ref()?;
    let why = if why.is_empty() { String::new() } else { format!(": {why}") };
    Some(format!(
        "this scenario is made for the simulator{why}; play it with `filbert sim`, or smaller, with a --sweep of your own"
    ))
}

/// How long the play is, as far as its steps tell.
fn length(scenario: &Scenario) -> Duration {
    let steps = scenario.steps.iter().fold(Duration::ZERO, |at, step| {
        let at = match step.when {
            When::At(time) => at.max(time),
            When::After(time) => at + time,
        };
        if let Act::Wait(time) = step.act { at + time } else { at }
    });
    steps.max(scenario.lasts) + scenario.afterwards
}

/// The scenario with files no larger than are made here, and a sentence if some were.
pub fn capped(scenario: &Scenario) -> (Scenario, Option<String>) {
    let mut capped = scenario.clone();
    let cap = |files: &mut Vec<File>| {
        files.iter_mut().for_each(|file| file.size_bytes = file.size_bytes.min(FILE_BYTES_MAX));
    };
    capped.shares.iter_mut().for_each(|share| cap(&mut share.files));
    for step in &mut capped.steps {
        if let Act::Share { files, .. } = &mut step.act {
            cap(files);
        }
    }
    if let Some(corpus) = &mut capped.workload.corpus {
        corpus.file_bytes = corpus.file_bytes.min(CORPUS_FILE_BYTES_MAX);
    }
    let said = (capped != *scenario).then(|| {
        format!(
            "Files are smaller than the scenario says: {} MB at most, those of [files] {} kB.",
            FILE_BYTES_MAX >> 20,
            CORPUS_FILE_BYTES_MAX >> 10
        )
    });
    (capped, said)
}
