//! Bye: says why a connection ends (protocol.md section 8).

use std::borrow::Cow;

use super::Malformed;
use super::cursor::Cursor;

/// A Bye.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bye<'a> {
    /// The reason: 2xx all is well, 4xx the receiver's fault, 5xx the sender's.
    pub code: u16,
    /// The reason in words: the first line. Bytes that are not UTF-8 are replaced. Text of a
    /// stranger: escape before showing.
    pub text: Cow<'a, str>,
}

impl<'a> Bye<'a> {
    /// The servent stops.
    pub const SHUTDOWN: u16 = 200;
    /// A message was too large.
    pub const TOO_LARGE: u16 = 400;
    /// Too many broken or unwanted messages.
    pub const BAD_MESSAGES: u16 = 409;
    /// No answer to alive pings.
    pub const NO_ALIVE_PONG: u16 = 406;
    /// A query routing table or its updates break the rules.
    pub const BAD_ROUTE_TABLE: u16 = 413;
    /// A leaf passed on what is not its own.
    pub const LEAF_RELAYS: u16 = 414;
    /// The send queue overflowed.
    pub const QUEUE_FULL: u16 = 502;
    /// Leaf or ultrapeer has become the other: what was agreed no longer fits.
    pub const ROLE_SWITCHED: u16 = 504;

    /// Reads a Bye; header lines after the first line are passed over.
    pub fn decode(payload: &'a [u8]) -> Result<Bye<'a>, Malformed> {
        let mut cursor = Cursor::new(payload);
        let code = cursor.u16_le()?;
        let text = cursor.rest().split(|byte| matches!(byte, b'\r' | b'\n' | 0)).next();
        Ok(Bye { code, text: String::from_utf8_lossy(text.unwrap_or_default()) })
    }

    /// Appends the payload. The text ends at its first line's end or NUL.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.code.to_le_bytes());
        let line = self.text.split(['\r', '\n', '\0']).next().unwrap_or_default();
        out.extend_from_slice(line.as_bytes());
        out.push(0);
    }
}
