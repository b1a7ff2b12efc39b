//! What a liar hears on one of its connections: the descriptors of its neighbour.

use super::is_worth_repeating;
use crate::wire::frame::{self, Next, SizeLimits};

/// Payloads that are listened to; a longer one ends the listening.
const LIMITS: SizeLimits = SizeLimits {
    query_bytes_max: 65_536,
    hit_bytes_max: 65_536,
    other_bytes_max: 65_536,
    length_flags: false,
};
/// Heads longer than this are no Gnutella handshake.
const HEAD_BYTES_MAX: usize = 32_768;

#[derive(Debug, Default)]
pub(super) struct Ear {
    /// Which life of the slot it listens to.
    life: u32,
    /// Heads that have gone by.
    heads: u8,
    among_descriptors: bool,
    deaf: bool,
    /// What is not complete.
    partial: Vec<u8>,
}

impl Ear {
    /// Listens on; calls `each` with every whole descriptor that is worth sending again.
    pub(super) fn hear(
        &mut self,
        life: u32,
        accepted: bool,
        bytes: &[u8],
        mut each: impl FnMut(&[u8]),
    ) {
        if self.life != life {
            *self = Ear { life, ..Ear::default() };
        }
        if self.deaf {
            return;
        }
        self.partial.extend_from_slice(bytes);
        let all = std::mem::take(&mut self.partial);
        let mut rest = &all[..];
        // The one that connected says two heads, the other one.
        let heads = if accepted { 2 } else { 1 };
        while self.heads < heads {
            let is_gnutella = rest.iter().zip(b"GNUTELLA").all(|(a, b)| a == b);
            self.deaf = !is_gnutella || rest.len() > HEAD_BYTES_MAX;
            let end = rest.windows(4).position(|end| end == b"\r\n\r\n");
            let Some(len) = end.filter(|_| !self.deaf) else { break };
            rest = &rest[len + 4..];
            self.heads += 1;
        }
        self.among_descriptors = self.heads == heads;
        while self.among_descriptors {
            match frame::next(rest, &LIMITS) {
                Next::Whole { header, frame, rest: after, .. } => {
                    if is_worth_repeating(header.kind) {
                        each(frame);
                    }
                    rest = after;
                }
                Next::Partial { .. } => break,
                Next::TooLarge { .. } => {
                    self.deaf = true;
                    break;
                }
            }
        }
        if !self.deaf {
            self.partial = rest.to_vec();
        }
    }

    /// Whether the handshake is over.
    pub(super) fn is_among_descriptors(&self) -> bool {
        self.among_descriptors
    }
}
