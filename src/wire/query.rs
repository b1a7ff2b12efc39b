//! Query: asks for files by words or by content (protocol.md section 5). Decoding allocates
//! nothing.

use std::net::Ipv6Addr;
use std::ops::BitOr;

use super::cursor::Cursor;
use super::extension::{Extension, Extensions, SEPARATOR, sha1s};
use super::ggep::{self, Block, Nul, Writer};
use super::{Families, HostsWanted, Malformed, Media, Sha1, Token, packed};

/// Bytes that the data of one block decodes to at most.
const DATA_BYTES_MAX: usize = 64;
/// The feature of GGEP `WH` that is "what is new".
const WHATS_NEW: u8 = 1;

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

    /// What its GGEP says; ends at the first block that is broken, and what is not understood does
    /// not count.
    pub fn wants(&self) -> QueryWants {
        let mut wants = QueryWants::default();
        for piece in self.extensions().map_while(Result::ok) {
            if let Extension::Ggep(block) = piece {
                // A value that cannot be is as if it were not there.
                let _ = wants.read(&block);
            }
        }
        wants
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

/// What the GGEP of a query says, contents aside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueryWants {
    /// The newest files, whatever the words (`WH`).
    pub whats_new: bool,
    /// Only files of these kinds (`M`).
    pub media: Option<Media>,
    /// Which addresses are of use to the asker (`I6`).
    pub families: Families,
    /// Where hits go by UDP if the GUID names no IPv4 address (`6`).
    pub reply_to: Option<Ipv6Addr>,
    /// Hits by UDP need a token (`SO`).
    pub secure: bool,
    /// The key that proves a GUESS query's sender (`QK`).
    pub query_key: Option<Token>,
    /// Addresses of other servents in the pong that acknowledges a GUESS query (`SCP`).
    pub hosts: Option<HostsWanted>,
    /// Nobody shall ask for hits by UDP in the asker's place (`NP`).
    pub no_proxy: bool,
    /// Files that are there in part are welcome, too (`PR`).
    pub partial: bool,
    /// Hits by UDP may be deflated (`Z`).
    pub deflate: bool,
}

impl QueryWants {
    fn read(&mut self, block: &Block<'_>) -> Result<(), Malformed> {
        match block.id {
            b"WH" => {
                let data = block.data(DATA_BYTES_MAX)?;
                self.whats_new |= ggep::number(&data)? == u64::from(WHATS_NEW);
            }
            b"M" => {
                let mask = u32::try_from(ggep::number(&block.data(DATA_BYTES_MAX)?)?);
                self.media = Some(Media(mask.map_err(|_| Malformed::BadValue)?));
            }
            b"I6" => {
                let only = block.data(DATA_BYTES_MAX)?.first().is_some_and(|flags| flags & 1 != 0);
                self.families = if only { Families::Ipv6 } else { Families::Both };
            }
            b"6" => self.reply_to = Some(packed::ipv6(&block.data(16)?)?),
            b"SO" => self.secure = true,
            b"QK" => self.query_key = Some(Token::new(&block.data(DATA_BYTES_MAX)?)?),
            b"SCP" => self.hosts = Some(HostsWanted::read(&block.data(DATA_BYTES_MAX)?)),
            b"NP" => self.no_proxy = true,
            b"PR" => self.partial = true,
            b"Z" => self.deflate = true,
            _ => {}
        }
        Ok(())
    }

    fn encode(&self, blocks: &mut Writer<'_>) {
        if self.secure {
            blocks.put("SO", &[]);
        }
        if let Some(query_key) = &self.query_key {
            blocks.put("QK", query_key.as_bytes());
        }
        if let Some(HostsWanted(flags)) = self.hosts {
            blocks.put("SCP", &[flags]);
        }
        for (said, id) in [(self.no_proxy, "NP"), (self.partial, "PR"), (self.deflate, "Z")] {
            if said {
                blocks.put(id, &[]);
            }
        }
        if let Some(Media(mask)) = self.media {
            blocks.put_number("M", mask.into());
        }
        if self.whats_new {
            blocks.put("WH", &[WHATS_NEW]);
        }
        if let Some(reply_to) = self.reply_to {
            blocks.put("6", &reply_to.octets());
        }
        match self.families {
            Families::Ipv4 => {}
            Families::Both => {
                blocks.put("I6", &[]);
            }
            Families::Ipv6 => {
                blocks.put("I6", &[1]);
            }
        }
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
    /// What else is wanted.
    pub wants: QueryWants,
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
    if !query.sha1s.is_empty() && query.wants != QueryWants::default() {
        out.push(SEPARATOR);
    }
    query.wants.encode(&mut Writer::new(out, Nul::Allowed));
}

#[cfg(test)]
mod tests;
