//! Vendor messages, as far as we must know them: who made one and what it is.
//! Rules: protocol.md section 14.

use super::Malformed;
use super::cursor::Cursor;

/// Our four letters.
pub const FILBERT: [u8; 4] = *b"FILB";

/// A vendor message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VendorMessage<'a> {
    /// Who defined it; all zero for the ones that everybody knows.
    pub vendor: [u8; 4],
    /// Which of the vendor's messages.
    pub selector: u16,
    /// Its version.
    pub version: u16,
    /// What it says.
    pub content: &'a [u8],
}

impl<'a> VendorMessage<'a> {
    /// Reads a vendor message.
    pub fn decode(payload: &'a [u8]) -> Result<VendorMessage<'a>, Malformed> {
        let mut cursor = Cursor::new(payload);
        Ok(VendorMessage {
            vendor: cursor.array()?,
            selector: cursor.u16_le()?,
            version: cursor.u16_le()?,
            content: cursor.rest(),
        })
    }

    /// Appends the payload.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.vendor);
        out.extend_from_slice(&self.selector.to_le_bytes());
        out.extend_from_slice(&self.version.to_le_bytes());
        out.extend_from_slice(self.content);
    }
}
