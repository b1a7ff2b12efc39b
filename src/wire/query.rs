//! Query: asks for files by words or by content (protocol.md section 5). Decoding allocates
//! nothing.

use std::ops::BitOr;

use super::cursor::Cursor;
use super::extension::{Extensions, SEPARATOR, sha1s};
use super::{Malformed, Sha1};

/// What the asker wants and can do: the first two bytes, big-endian.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueryFlags(pub u16);

impl QueryFlags {
    /// Says that these are flags; without it they are a minimum speed of an extinct servent.
    pub const VALID: QueryFlags = QueryFlags(0x8000);
    /// The asker cannot be connected to: answers that need a push are of no use to it.
    pub const FIREWALLED: QueryFlags = QueryFlags(0x4000);
    /// XML metadata is welcome in hits.
    pub const WANTS_XML: QueryFlags = QueryFlags(0x2000);
    /// The asker tells its ultrapeer how many hits it has.
    pub const LEAF_GUIDED: QueryFlags = QueryFlags(0x1000);
    /// The asker understands GGEP `H`.
    pub const GGEP_HASH: QueryFlags = QueryFlags(0x0800);
    /// Hits may be offered by UDP.
    pub const OUT_OF_BAND: QueryFlags = QueryFlags(0x0400);
    /// The asker can transfer between two firewalled servents.
    pub const FIREWALL_TRANSFER: QueryFlags = QueryFlags(0x0200);

    /// Whether all of these bits are set.
    pub fn contains(self, flags: QueryFlags) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// Whether they are flags at all. What to do with a query whose flags are not is the node's
    /// choice.
    pub fn is_valid(self) -> bool {
        self.contains(QueryFlags::VALID)
    }
}

impl BitOr for QueryFlags {
    type Output = QueryFlags;

    fn bitor(self, other: QueryFlags) -> QueryFlags {
        QueryFlags(self.0 | other.0)
    }
}

/// A query as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query<'a> {
    /// What the asker wants and can do; may be invalid ([`QueryFlags::is_valid`]).
    pub flags: QueryFlags,
    /// The words; may be empty if the extensions name content.
    pub text: &'a str,
    /// HUGE texts and GGEP, not yet looked at.
    pub extensions: &'a [u8],
}

impl<'a> Query<'a> {
    /// Reads a query: flags, text up to a NUL, extensions. The extensions are not checked here.
    #[inline]
    pub fn decode(payload: &'a [u8]) -> Result<Query<'a>, Malformed> {
        let mut cursor = Cursor::new(payload);
        let flags = QueryFlags(cursor.u16_be()?);
        let text = std::str::from_utf8(cursor.until_nul()?).map_err(|_| Malformed::NotUtf8)?;
        Ok(Query { flags, text, extensions: cursor.rest() })
    }

    /// The contents it asks for; ends after the first error.
    pub fn sha1s(&self) -> impl Iterator<Item = Result<Sha1, Malformed>> + 'a {
        sha1s(self.extensions)
    }

    /// All its extensions, texts and GGEP blocks.
    pub fn extensions(&self) -> Extensions<'a> {
        Extensions::new(self.extensions)
    }

    /// Appends the payload exactly as it came.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.flags.0.to_be_bytes());
        out.extend_from_slice(self.text.as_bytes());
        out.push(0);
        out.extend_from_slice(self.extensions);
    }
}

/// A query of our own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueryOut<'a> {
    /// What we want and can do; [`QueryFlags::VALID`] is added.
    pub flags: QueryFlags,
    /// The words. A NUL ends them.
    pub text: &'a str,
    /// The contents asked for.
    pub sha1s: &'a [Sha1],
}

/// Appends the payload of a query of our own.
pub fn encode(query: &QueryOut<'_>, out: &mut Vec<u8>) {
    let text = query.text.split('\0').next().unwrap_or_default();
    Query { flags: query.flags | QueryFlags::VALID, text, extensions: &[] }.encode(out);
    for (at, sha1) in query.sha1s.iter().enumerate() {
        if at > 0 {
            out.push(SEPARATOR);
        }
        sha1.write_urn(out);
    }
}

#[cfg(test)]
mod tests;
