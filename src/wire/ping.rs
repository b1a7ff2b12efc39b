//! Ping: asks who is there (protocol.md section 4).

use super::extension::{Extension, Extensions};

/// A ping. Any payload is one: what is not understood is ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ping<'a> {
    /// The payload: nothing, or GGEP.
    pub extensions: &'a [u8],
}

impl<'a> Ping<'a> {
    /// Says only that we are there.
    pub const PLAIN: Ping<'static> = Ping { extensions: &[] };
    /// Asks for addresses from the other side's cache: GGEP `SCP`, ultrapeers wanted.
    pub const FOR_HOSTS: Ping<'static> = Ping { extensions: b"\xC3\x83SCP\x41\x01" };

    /// Reads a ping.
    pub fn decode(payload: &'a [u8]) -> Ping<'a> {
        Ping { extensions: payload }
    }

    /// Appends the payload.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.extensions);
    }

    /// Whether it asks for cached hosts in one pong (GGEP `SCP`).
    pub fn wants_cached_pongs(&self) -> bool {
        Extensions::new(self.extensions)
            .map_while(Result::ok)
            .any(|piece| matches!(piece, Extension::Ggep(block) if block.id == b"SCP"))
    }
}
