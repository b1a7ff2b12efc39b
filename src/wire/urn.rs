//! URNs of file content (protocol.md section 9).

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};

use super::Malformed;

/// Characters of a SHA-1 in base32.
pub const SHA1_CHARS: usize = 32;
/// Characters of a Tiger tree root in base32.
const TREE_CHARS: usize = 39;

/// The SHA-1 of a file's bytes; its text form is 32 base32 characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sha1(pub [u8; 20]);

impl Sha1 {
    /// Its 32 base32 characters.
    pub fn to_base32(&self) -> [u8; SHA1_CHARS] {
        let mut text = [0; SHA1_CHARS];
        BASE32_NOPAD.encode_mut(&self.0, &mut text);
        text
    }

    /// Appends `urn:sha1:` and the base32 characters.
    pub fn write_urn(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"urn:sha1:");
        out.extend_from_slice(&self.to_base32());
    }
}

impl fmt::Display for Sha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_base32().iter().try_for_each(|&byte| fmt::Write::write_char(f, byte.into()))
    }
}

impl fmt::Debug for Sha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Sha1 {
    type Err = Malformed;

    /// Reads 32 base32 characters of either case, with or without `urn:sha1:` before them.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let digits = after(text.as_bytes(), "urn:sha1:").unwrap_or(text.as_bytes());
        Ok(Sha1(base32::<SHA1_CHARS, 20>(digits)?))
    }
}

/// A URN as it stands in a query, a result, a magnet or an HTTP head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urn {
    /// `urn:sha1:` and the hash.
    Sha1(Sha1),
    /// `urn:bitprint:` and both hashes with a dot between them.
    Bitprint {
        /// The SHA-1.
        sha1: Sha1,
        /// The root of the Tiger tree.
        tree: [u8; 24],
    },
    /// `urn:`, `urn:sha1:` or `urn:bitprint:` with nothing behind it: asks for hashes.
    Wanted,
    /// Not a URN, or of a kind that we do not know.
    Other,
}

impl Urn {
    /// Reads a URN; prefixes and digits may have either case. Text that is no URN and kinds that
    /// we do not know are [`Urn::Other`]; a known kind with bad digits is [`Malformed::BadUrn`].
    pub fn parse(text: &[u8]) -> Result<Urn, Malformed> {
        after(text, "urn:").map_or(Ok(Urn::Other), Urn::parse_rest)
    }

    /// The same without the leading `urn:`.
    pub fn parse_rest(rest: &[u8]) -> Result<Urn, Malformed> {
        if let Some(digits) = after(rest, "sha1:") {
            if digits.is_empty() {
                return Ok(Urn::Wanted);
            }
            return Ok(Urn::Sha1(Sha1(base32::<SHA1_CHARS, 20>(digits)?)));
        }
        let Some(digits) = after(rest, "bitprint:") else {
            return Ok(if rest.is_empty() { Urn::Wanted } else { Urn::Other });
        };
        if digits.is_empty() {
            return Ok(Urn::Wanted);
        }
        match digits.split_first_chunk::<SHA1_CHARS>() {
            Some((sha1, [b'.', tree @ ..])) => Ok(Urn::Bitprint {
                sha1: Sha1(base32::<SHA1_CHARS, 20>(sha1)?),
                tree: base32::<TREE_CHARS, 24>(tree)?,
            }),
            _ => Err(Malformed::BadUrn),
        }
    }

    /// The SHA-1 it names.
    pub fn sha1(&self) -> Option<Sha1> {
        match *self {
            Urn::Sha1(sha1) | Urn::Bitprint { sha1, .. } => Some(sha1),
            Urn::Wanted | Urn::Other => None,
        }
    }
}

/// What follows `prefix`, whose case does not matter.
fn after<'a>(text: &'a [u8], prefix: &str) -> Option<&'a [u8]> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix.as_bytes()).then_some(rest)
}

/// Exactly `CHARS` base32 digits of either case as `BYTES` bytes, without allocating.
fn base32<const CHARS: usize, const BYTES: usize>(digits: &[u8]) -> Result<[u8; BYTES], Malformed> {
    let mut upper: [u8; CHARS] = digits.try_into().map_err(|_| Malformed::BadUrn)?;
    upper.make_ascii_uppercase();
    let mut bytes = [0; BYTES];
    if BASE32_NOPAD.decode_len(CHARS) != Ok(BYTES) {
        return Err(Malformed::BadUrn);
    }
    BASE32_NOPAD.decode_mut(&upper, &mut bytes).map_err(|_| Malformed::BadUrn)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
