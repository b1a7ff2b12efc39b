//! `filbert sim --record DIR`: what nodes of a run were told, as files for `filbert replay`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};

use crate::cli::args;
use crate::scenario::file::Nodes;
use crate::scenario::{Experiment, simulated};
use crate::sim::NodeId;

/// In a network of at most so many nodes all are recorded if none are named.
const ALL_MAX: u32 = 64;

/// Records nodes of the one run that is played.
pub(super) struct Recorder<'e> {
    experiment: &'e Experiment,
    seed: u64,
    folder: &'e Path,
    /// Which, if the user named some.
    named: Option<Vec<NodeId>>,
}

impl<'e> Recorder<'e> {
    /// Whether and what the words say is to be recorded.
    pub(super) fn new(
        words: &'e args::Sim,
        experiment: &'e Experiment,
        seeds: &[u64],
    ) -> Result<Option<Recorder<'e>>> {
        let Some(folder) = words.record.as_deref() else { return Ok(None) };
        let &[seed] = seeds else { bail!("--record records one run: choose one with --seed") };
        if experiment.runs(1) != 1 {
            let example = experiment.axes().iter().map(|axis| {
                format!(
                    " --sweep '{}={}'",
                    axis.key,
                    axis.values.first().map_or("", String::as_str)
                )
            });
            bail!(
                "--record records one run, and here are {}: choose one, like{}",
                experiment.runs(1),
                example.collect::<String>()
            );
        }
        let scenario = experiment.scenario();
        let named = match &words.record_nodes {
            None => None,
            Some(text) => {
                let nodes =
                    Nodes::read(text).map_err(|wrong| anyhow!("--record-nodes: {wrong}"))?;
                let chosen = simulated::named(scenario, seed, &nodes);
                if chosen.is_empty() {
                    bail!("--record-nodes {text}: there are no such nodes");
                }
                Some(chosen)
            }
        };
        Ok(Some(Recorder { experiment, seed, folder, named }))
    }

    /// Plays it again and writes the files: of the nodes that were named, else of those that are
    /// involved, else of all if they are few.
    pub(super) fn record(&self, involved: &[NodeId]) -> Result<()> {
        let scenario = self.experiment.scenario();
        let count = scenario.network.nodes();
        let nodes = match &self.named {
            Some(named) => named.clone(),
            None if !involved.is_empty() => involved.to_vec(),
            None if count <= ALL_MAX => (0..count).map(NodeId).collect(),
            None => {
                eprintln!(
                    "nothing is recorded: {count} nodes are too many to record them all; name some, like --record-nodes 0..9"
                );
                return Ok(());
            }
        };
        let folder = self.folder;
        fs::create_dir_all(folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
        let recordings = simulated::recordings(scenario, self.seed, &nodes, &mut |_| ());
        let count = recordings.len();
        for (node, recording) in recordings {
            let file = folder.join(format!("seed-{}-{node}.record", self.seed));
            fs::write(&file, recording)
                .with_context(|| format!("{} cannot be written", file.display()))?;
            if count <= 4 {
                eprintln!("recorded: filbert replay {}", file.display());
            }
        }
        if count > 4 {
            let first = nodes.first().copied().unwrap_or(NodeId(0));
            let one = folder.join(format!("seed-{}-{first}.record", self.seed));
            eprintln!(
                "{count} nodes recorded in {}, like this one: filbert replay {}",
                folder.display(),
                one.display()
            );
        }
        Ok(())
    }
}
