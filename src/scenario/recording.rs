//! A node of a simulated world as a recording that `filbert replay` reads.

use crate::driver::Recording;
use crate::sim::tape::Tape;

/// The bytes of a file in the form of `filbert run --record`, with all that the node was told and
/// a digest of what it answered.
pub fn recording(tape: &Tape) -> Vec<u8> {
    let mut recording = Recording::new(&tape.config, tape.guid, tape.seed, tape.started_at);
    for turn in &tape.turns {
        recording.add(turn.at, &turn.input(), &turn.actions);
    }
    recording.into_bytes()
}
