//! The extension area of a query and of each result: HUGE texts and GGEP, one after the other
//! (protocol.md sections 9 and 10).

use super::ggep::{Block, Blocks, MAGIC};
use super::{Malformed, Sha1, Urn};

/// Stands between texts.
pub const SEPARATOR: u8 = 0x1C;

/// One piece of an extension area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension<'a> {
    /// A text: a URN ([`Urn::parse`]), XML, or something of an old servent. Never empty.
    Text(&'a [u8]),
    /// A GGEP block.
    Ggep(Block<'a>),
}

/// The pieces of an extension area, in order; ends after the first error.
#[derive(Clone, Debug)]
pub struct Extensions<'a> {
    rest: &'a [u8],
    ggep: Option<Blocks<'a>>,
}

impl<'a> Extensions<'a> {
    /// Starts at the front of the area.
    pub fn new(area: &'a [u8]) -> Extensions<'a> {
        Extensions { rest: area, ggep: None }
    }

    /// The next piece that is not inside the GGEP area under way.
    fn outside(&mut self) -> Option<Result<Extension<'a>, Malformed>> {
        // Some servents end the area of a query with a NUL: it separates like 0x1C.
        let separates = |byte: &u8| matches!(*byte, SEPARATOR | 0);
        let start = self.rest.iter().position(|byte| !separates(byte))?;
        let piece = &self.rest[start..];
        if piece.first() == Some(&MAGIC) {
            self.rest = piece;
            self.ggep = Blocks::new(piece).ok();
            return self.next();
        }
        let end = piece.iter().position(separates).unwrap_or(piece.len());
        let (text, rest) = piece.split_at(end);
        self.rest = rest;
        Some(Ok(Extension::Text(text)))
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = Result<Extension<'a>, Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let Some(blocks) = &mut self.ggep else {
            return if self.rest.is_empty() { None } else { self.outside() };
        };
        match blocks.next() {
            Some(Ok(block)) => Some(Ok(Extension::Ggep(block))),
            Some(Err(malformed)) => {
                *self = Extensions::new(&[]);
                Some(Err(malformed))
            }
            None => {
                *self = Extensions::new(blocks.rest());
                self.outside()
            }
        }
    }
}

/// The SHA-1 that one piece names, if it names one: `urn:sha1:`, `urn:bitprint:`, GGEP `H` or `u`.
pub fn sha1_of(piece: &Extension<'_>) -> Result<Option<Sha1>, Malformed> {
    match piece {
        Extension::Text(text) => Ok(Urn::parse(text)?.sha1()),
        Extension::Ggep(block) if block.id == b"H" => {
            // A kind byte, then SHA-1 (1) or SHA-1 and Tiger tree root (2); others are not ours.
            let data = block.data(64)?;
            let sha1 = match data.split_first() {
                Some((1, sha1)) if sha1.len() == 20 => sha1,
                Some((2, both)) if both.len() == 44 => &both[..20],
                Some((0 | 3.., _)) => return Ok(None),
                _ => return Err(Malformed::BadUrn),
            };
            Ok(Some(Sha1(sha1.try_into().map_err(|_| Malformed::BadUrn)?)))
        }
        // A URN without its `urn:`.
        Extension::Ggep(block) if block.id == b"u" => {
            Ok(Urn::parse_rest(&block.data(256)?)?.sha1())
        }
        Extension::Ggep(_) => Ok(None),
    }
}

/// The data of GGEP `H` for a SHA-1.
pub fn sha1_data(sha1: &Sha1) -> [u8; 21] {
    let mut data = [1; 21];
    data[1..].copy_from_slice(&sha1.0);
    data
}

/// The SHA-1s that an area names; ends after the first error. Allocates only for blocks that are
/// COBS-coded or deflated, which is rare in a query.
pub fn sha1s(area: &[u8]) -> impl Iterator<Item = Result<Sha1, Malformed>> + '_ {
    Extensions::new(area).filter_map(|piece| piece.and_then(|piece| sha1_of(&piece)).transpose())
}

#[cfg(test)]
mod tests;
