//! `filbert replay`: what a recorded servent was told, told again; does it do the same?

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::Outcome;
use super::render::say;
use super::units;
use crate::servent::replay as replay_record;

/// Replays a record and compares.
pub(super) fn replay(json: bool, file: &Path) -> Result<Outcome> {
    let report = replay_record(file).with_context(|| format!("{}", file.display()))?;
    if json {
        let divergence = report.divergence.as_ref().map(|divergence| {
            serde_json::json!({
                "index": divergence.index,
                "at_us": divergence.at.as_micros(),
                "input": divergence.input,
                "actions": divergence.actions,
            })
        });
        let text = serde_json::json!({
            "version": report.version,
            "inputs": report.inputs,
            "actions": report.actions,
            "until_us": report.until.as_micros(),
            "torn_bytes": report.torn_bytes,
            "divergence": divergence,
        });
        say!("{text:#}");
    } else {
        say!(
            "{} inputs of filbert {} over {}; {} actions.",
            units::number(report.inputs),
            report.version,
            units::duration(Duration::from_micros(report.until.as_micros())),
            units::number(report.actions)
        );
        if report.torn_bytes > 0 {
            say!(
                "The last {} are no whole input: the servent was killed while it wrote them.",
                units::count(report.torn_bytes, "byte", "bytes")
            );
        }
    }
    match report.divergence {
        None => {
            if !json {
                say!("Every action was the same, byte for byte.");
            }
            Ok(Outcome::Worked)
        }
        Some(divergence) => {
            if !json {
                say!("Input {} at {:?}: {}", divergence.index, divergence.at, divergence.input);
                for action in &divergence.actions {
                    say!("  now: {action}");
                }
            }
            bail!("the replay parted from the record at input {}", divergence.index)
        }
    }
}
