//! Feeds a record to a new node and holds what it answers against what was answered then.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::codec;
use super::record::{Beginning, MAGIC, Running};
use crate::node::{Input, Node, Rng, Time};

/// What a replay showed.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayReport {
    /// The version of filbert that wrote the record.
    pub version: String,
    /// Inputs replayed.
    pub inputs: u64,
    /// Actions that came of them.
    pub actions: u64,
    /// The node's time at the last of them.
    pub until: Time,
    /// Bytes at the end that are no whole input: the servent was killed while it wrote them.
    pub torn_bytes: u64,
    /// Where the answers parted from those of the record, if they did.
    pub divergence: Option<Divergence>,
}

/// The first input that was answered otherwise than in the record.
#[derive(Clone, Debug, PartialEq)]
pub struct Divergence {
    /// The how-manyth input, from 0.
    pub index: u64,
    /// When.
    pub at: Time,
    /// The input, for people.
    pub input: String,
    /// What the node answers now, for people.
    pub actions: Vec<String>,
}

/// Why a record cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The file cannot be read.
    #[error("the record cannot be read: {0}")]
    Read(#[from] io::Error),
    /// It is something else.
    #[error("this is no record of filbert, or one of another version of the format")]
    NotARecord,
    /// It ends within its beginning.
    #[error("the record ends before it has begun")]
    Empty,
    /// A whole frame in it makes no sense.
    #[error("the record is damaged at byte {at}")]
    Damaged {
        /// Where.
        at: u64,
    },
}

/// Replays the record at `path`.
pub fn replay(path: &Path) -> Result<ReplayReport, ReplayError> {
    let bytes = fs::read(path)?;
    let mut rest = bytes.strip_prefix(MAGIC).ok_or(ReplayError::NotARecord)?;
    let at = |rest: &[u8]| (bytes.len() - rest.len()) as u64;
    let frame = take_frame(&mut rest).ok_or(ReplayError::Empty)?;
    let beginning: Beginning =
        codec::read(frame).map_err(|_| ReplayError::Damaged { at: at(frame) })?;
    let mut node = Node::new(
        Arc::new(beginning.config),
        beginning.guid,
        Rng::new(beginning.seed),
        beginning.started_at,
    );
    let mut report = ReplayReport {
        version: beginning.version,
        inputs: 0,
        actions: 0,
        until: Time::ZERO,
        torn_bytes: 0,
        divergence: None,
    };
    let mut digest = Running::default();
    loop {
        let start = rest;
        let Some((frame, recorded)) = take_frame(&mut rest).zip(rest.split_first_chunk::<8>())
        else {
            report.torn_bytes = start.len() as u64;
            return Ok(report);
        };
        rest = recorded.1;
        let (now, input): (Time, Input<'_>) =
            codec::read(frame).map_err(|_| ReplayError::Damaged { at: at(start) })?;
        let actions: Vec<_> = node.handle(now, input).collect();
        actions.iter().for_each(|action| digest.add(action));
        if digest.seal() != *recorded.0 {
            let input: Option<(Time, Input<'_>)> = codec::read(frame).ok();
            report.divergence = Some(Divergence {
                index: report.inputs,
                at: now,
                input: input.map_or_else(String::new, |(_, input)| format!("{input:?}")),
                actions: actions.iter().map(|action| format!("{action:?}")).collect(),
            });
            return Ok(report);
        }
        report.inputs += 1;
        report.actions += actions.len() as u64;
        report.until = now;
    }
}

fn take_frame<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (len, after) = rest.split_first_chunk::<4>()?;
    let (frame, after) = after.split_at_checked(u32::from_le_bytes(*len) as usize)?;
    *rest = after;
    Some(frame)
}
