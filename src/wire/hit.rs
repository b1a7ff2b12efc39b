//! QueryHit: names files that match a query (protocol.md section 6).

use std::net::{Ipv6Addr, SocketAddr};

use super::cursor::Cursor;
use super::extension::{Extension, Extensions, SEPARATOR, sha1_data, sha1_of};
use super::ggep::{self, Blocks, MAGIC, Nul, Writer};
use super::{Guid, Malformed, Sha1, Token, packed};

/// Bytes of one extension's data at most.
const DATA_BYTES_MAX: usize = 4_096;
/// Alternates written for one result; above 16 a hit is taken for spam.
const ALTERNATES_MAX: usize = 10;
/// What stands in the size field of a file for which it is too small; GGEP `LF` has the size then.
const LARGE: u32 = u32::MAX;
/// The first size that is written as [`LARGE`]: some servents read the field as signed.
const LARGE_FROM: u64 = 1 << 31;
/// Bytes before the first result.
const FIXED_LEN: usize = 11;
/// Results that one hit can count.
const RESULTS_MAX: usize = 255;

/// A query hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryHit<'a> {
    /// Where the servent listens; IPv6 only if it has no IPv4 address.
    pub address: SocketAddr,
    /// Its IPv6 address beside an IPv4 one; the port is the same (GGEP `6`).
    pub ipv6: Option<Ipv6Addr>,
    /// The speed it claims, kbit/s.
    pub speed_kbit_s: u32,
    /// The files; at least one. Above 255 the rest is not written.
    pub results: Vec<Record<'a>>,
    /// Its maker; without it nothing but the results and the GUID is written.
    pub vendor: Option<[u8; 4]>,
    /// What it says of itself.
    pub flags: HitFlags,
    /// Whether its whole library may be browsed (GGEP `BH`).
    pub browse_host: bool,
    /// Who hands pushes on to it (GGEP `PUSH` and `PUSH6`).
    pub push_proxies: Vec<SocketAddr>,
    /// The secret of the one who asked for it by UDP (GGEP `SO`).
    pub token: Option<Token>,
    /// Whether contents are named in binary (GGEP `H`) and not as texts that everybody reads: only
    /// for askers that say they understand it.
    pub binary_hashes: bool,
    /// Its servent GUID. The caller checks that it is not the GUID of the query.
    pub servent: Guid,
}

/// One file of a hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its number over there.
    pub index: u32,
    /// Its bytes.
    pub size: u64,
    /// Its name; not empty. When writing, a NUL ends it. Text of a stranger: escape before showing.
    pub name: &'a str,
    /// Its content.
    pub sha1: Option<Sha1>,
    /// Others that have it (GGEP `ALT` and `ALT6`); at most ten are written.
    pub alternates: Vec<SocketAddr>,
    /// When the file was made, seconds since 1970 (GGEP `CT`).
    pub created_at_s: Option<u64>,
}

/// What a servent says of itself in a hit; `None`: it does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HitFlags {
    /// It cannot be connected to and must be asked to push.
    pub push: Option<bool>,
    /// All its upload slots are taken.
    pub busy: Option<bool>,
    /// It has uploaded something.
    pub uploaded: Option<bool>,
    /// Its speed was measured, not claimed.
    pub measured_speed: Option<bool>,
}

const PUSH: u8 = 0x01;
const BUSY: u8 = 0x04;
const UPLOADED: u8 = 0x08;
const MEASURED_SPEED: u8 = 0x10;
const GGEP: u8 = 0x20;

impl HitFlags {
    /// Reads both bytes: the first says which bits of the second count. For push it is the other
    /// way round.
    fn decode(first: u8, second: u8) -> HitFlags {
        let flag = |bit, counts: u8, value: u8| (counts & bit != 0).then_some(value & bit != 0);
        HitFlags {
            push: flag(PUSH, second, first),
            busy: flag(BUSY, first, second),
            uploaded: flag(UPLOADED, first, second),
            measured_speed: flag(MEASURED_SPEED, first, second),
        }
    }

    /// Both bytes; GGEP is always said to count.
    fn encode(self, has_ggep: bool) -> [u8; 2] {
        let all = [
            (BUSY, self.busy),
            (UPLOADED, self.uploaded),
            (MEASURED_SPEED, self.measured_speed),
            (GGEP, Some(has_ggep)),
        ];
        let (mut first, mut second) = (0, 0);
        for (bit, value) in all {
            first |= if value.is_some() { bit } else { 0 };
            second |= if value == Some(true) { bit } else { 0 };
        }
        first |= if self.push == Some(true) { PUSH } else { 0 };
        second |= if self.push.is_some() { PUSH } else { 0 };
        [first, second]
    }
}

/// The servent GUID of a hit, for learning the way of pushes while the payload goes on untouched.
/// `None` if the payload cannot be a hit: too short, no result, blank GUID.
#[inline]
pub fn servent_guid(payload: &[u8]) -> Option<Guid> {
    let (rest, guid) = payload.split_last_chunk::<16>()?;
    let guid = Guid(*guid);
    let plausible = rest.len() >= FIXED_LEN && rest.first() != Some(&0) && guid != Guid::ZERO;
    plausible.then_some(guid)
}

impl<'a> QueryHit<'a> {
    /// A hit that says only who has which files.
    pub fn new(address: SocketAddr, servent: Guid, results: Vec<Record<'a>>) -> QueryHit<'a> {
        QueryHit {
            address,
            ipv6: None,
            speed_kbit_s: 0,
            results,
            vendor: None,
            flags: HitFlags::default(),
            browse_host: false,
            push_proxies: Vec::new(),
            token: None,
            binary_hashes: false,
            servent,
        }
    }

    /// Reads a hit. What it says must be consistent: see protocol.md section 6 for all that is
    /// refused. Allocates a list of its results (at most 255) and of the addresses in it.
    pub fn decode(payload: &'a [u8]) -> Result<QueryHit<'a>, Malformed> {
        let (body, servent) = payload.split_last_chunk::<16>().ok_or(Malformed::Truncated)?;
        let mut cursor = Cursor::new(body);
        let count = cursor.u8()?;
        let port = cursor.u16_le()?;
        let ipv4 = cursor.array()?;
        let speed_kbit_s = cursor.u32_le()?;
        let servent = Guid(*servent);
        if count == 0 {
            return Err(Malformed::BadCount);
        }
        if servent == Guid::ZERO {
            return Err(Malformed::BadValue);
        }
        let mut results = Vec::with_capacity(usize::from(count).min(body.len() / 10));
        let mut binary_hashes = false;
        for _ in 0..count {
            results.push(Record::decode(&mut cursor, &mut binary_hashes)?);
        }
        let trailer = Trailer::decode(cursor.rest())?;
        let address = packed::from_fields(ipv4, port, trailer.ipv6);
        Ok(QueryHit {
            address,
            ipv6: trailer.ipv6.filter(|_| address.is_ipv4()),
            speed_kbit_s,
            results,
            vendor: trailer.vendor,
            flags: trailer.flags,
            browse_host: trailer.browse_host,
            push_proxies: trailer.push_proxies,
            token: trailer.token,
            binary_hashes,
            servent,
        })
    }

    /// Appends the payload.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let results = &self.results[..self.results.len().min(RESULTS_MAX)];
        out.push(results.len() as u8);
        out.extend_from_slice(&self.address.port().to_le_bytes());
        out.extend_from_slice(&packed::ipv4_field(&self.address));
        out.extend_from_slice(&self.speed_kbit_s.to_le_bytes());
        for record in results {
            record.encode(self.binary_hashes, out);
        }
        if let Some(vendor) = self.vendor {
            self.encode_trailer(vendor, out);
        }
        out.extend_from_slice(&self.servent.0);
    }

    fn encode_trailer(&self, vendor: [u8; 4], out: &mut Vec<u8>) {
        let ipv6 = packed::ipv6_beside(&self.address, self.ipv6);
        let has_ggep = self.browse_host
            || !self.push_proxies.is_empty()
            || ipv6.is_some()
            || self.token.is_some();
        out.extend_from_slice(&vendor);
        out.push(2);
        out.extend_from_slice(&self.flags.encode(has_ggep));
        let mut blocks = Writer::new(out, Nul::Allowed);
        if self.browse_host {
            blocks.put("BH", &[]);
        }
        if let Some(token) = &self.token {
            blocks.put("SO", token.as_bytes());
        }
        if let Some(ipv6) = ipv6 {
            blocks.put("6", &ipv6.octets());
        }
        put_lists(&mut blocks, ["PUSH", "PUSH6"], &self.push_proxies);
    }
}

impl<'a> Record<'a> {
    /// A result that says no more than it must.
    pub fn new(index: u32, size: u64, name: &'a str) -> Record<'a> {
        Record { index, size, name, sha1: None, alternates: Vec::new(), created_at_s: None }
    }

    /// Reads one result.
    fn decode(cursor: &mut Cursor<'a>, binary: &mut bool) -> Result<Record<'a>, Malformed> {
        let index = counted(cursor.u32_le())?;
        let size = counted(cursor.u32_le())?;
        let name = counted(cursor.until_nul())?;
        let area = counted(cursor.until_nul())?;
        let name = std::str::from_utf8(name).map_err(|_| Malformed::NotUtf8)?;
        if name.is_empty() {
            return Err(Malformed::BadValue);
        }
        let mut record = Record::new(index, size.into(), name);
        for piece in Extensions::new(area) {
            let piece = piece?;
            record.read_extension(&piece)?;
            let in_binary = matches!(&piece, Extension::Ggep(block) if block.id == b"H");
            *binary |= in_binary && record.sha1.is_some();
        }
        Ok(record)
    }

    fn read_extension(&mut self, piece: &Extension<'a>) -> Result<(), Malformed> {
        match piece {
            Extension::Ggep(block) if block.id == b"LF" => {
                self.size = ggep::number(&block.data(DATA_BYTES_MAX)?)?;
            }
            Extension::Ggep(block) if block.id == b"CT" => {
                self.created_at_s = Some(ggep::number(&block.data(DATA_BYTES_MAX)?)?);
            }
            Extension::Ggep(block) if block.id == b"ALT" => {
                let data = block.data(DATA_BYTES_MAX)?;
                packed::read_ipv4_list(&data, &mut self.alternates)?;
            }
            Extension::Ggep(block) if block.id == b"ALT6" => {
                let data = block.data(DATA_BYTES_MAX)?;
                packed::read_ipv6_list(&data, &mut self.alternates)?;
            }
            piece => {
                if let Some(sha1) = sha1_of(piece)? {
                    // Two extensions that name different contents: one of them lies.
                    if self.sha1.is_some_and(|before| before != sha1) {
                        return Err(Malformed::BadUrn);
                    }
                    self.sha1 = Some(sha1);
                }
            }
        }
        Ok(())
    }

    /// Appends the result.
    fn encode(&self, binary_hash: bool, out: &mut Vec<u8>) {
        let field = if self.size < LARGE_FROM { self.size as u32 } else { LARGE };
        let name = self.name.split('\0').next().unwrap_or_default();
        out.extend_from_slice(&self.index.to_le_bytes());
        out.extend_from_slice(&field.to_le_bytes());
        out.extend_from_slice(name.as_bytes());
        out.push(0);
        let text_hash = self.sha1.filter(|_| !binary_hash);
        if let Some(sha1) = text_hash {
            sha1.write_urn(out);
        }
        let has_ggep = field == LARGE || self.created_at_s.is_some() || !self.alternates.is_empty();
        if text_hash.is_some() && has_ggep {
            out.push(SEPARATOR);
        }
        let mut blocks = Writer::new(out, Nul::Coded);
        if let Some(sha1) = self.sha1.filter(|_| binary_hash) {
            blocks.put("H", &sha1_data(&sha1));
        }
        if field == LARGE {
            blocks.put_number("LF", self.size);
        }
        if let Some(created_at_s) = self.created_at_s {
            blocks.put_number("CT", created_at_s);
        }
        let alternates = &self.alternates[..self.alternates.len().min(ALTERNATES_MAX)];
        put_lists(&mut blocks, ["ALT", "ALT6"], alternates);
        out.push(0);
    }
}

/// Puts a list of addresses as two blocks, one for each family.
fn put_lists(blocks: &mut Writer<'_>, [ipv4_id, ipv6_id]: [&str; 2], list: &[SocketAddr]) {
    let (ipv4, ipv6) = packed::packed_lists(list);
    if !ipv4.is_empty() {
        blocks.put(ipv4_id, &ipv4);
    }
    if !ipv6.is_empty() {
        blocks.put(ipv6_id, &ipv6);
    }
}

/// Bytes that end inside a result or inside the trailer mean that the count is wrong.
fn counted<T>(read: Result<T, Malformed>) -> Result<T, Malformed> {
    read.map_err(|_| Malformed::BadCount)
}

/// What stands between the results and the servent GUID.
#[derive(Default)]
struct Trailer {
    vendor: Option<[u8; 4]>,
    flags: HitFlags,
    browse_host: bool,
    push_proxies: Vec<SocketAddr>,
    token: Option<Token>,
    ipv6: Option<Ipv6Addr>,
}

impl Trailer {
    /// Reads the trailer. Bytes that cannot be one mean that the count was wrong.
    fn decode(bytes: &[u8]) -> Result<Trailer, Malformed> {
        let mut trailer = Trailer::default();
        if bytes.is_empty() {
            return Ok(trailer);
        }
        let mut cursor = Cursor::new(bytes);
        let vendor = counted(cursor.array::<4>())?;
        let open_len = counted(cursor.u8())?;
        let open = counted(cursor.take(open_len.into()))?;
        if !vendor.iter().all(u8::is_ascii_graphic) {
            return Err(Malformed::BadCount);
        }
        trailer.vendor = Some(vendor);
        let &[first, second, ..] = open else { return Ok(trailer) };
        trailer.flags = HitFlags::decode(first, second);
        if first & second & GGEP != 0 {
            trailer.read_ggep(cursor.rest())?;
        }
        Ok(trailer)
    }

    /// Reads the GGEP of the private area. Some servents have a byte of their own before it.
    fn read_ggep(&mut self, private: &[u8]) -> Result<(), Malformed> {
        let Some(at) = private.iter().position(|&byte| byte == MAGIC) else { return Ok(()) };
        for block in Blocks::new(&private[at..])? {
            let block = block?;
            match block.id {
                b"BH" => self.browse_host = true,
                b"SO" => self.token = Token::new(&block.data(DATA_BYTES_MAX)?).ok(),
                b"6" => self.ipv6 = Some(packed::ipv6(&block.data(16)?)?),
                b"PUSH" => {
                    let data = block.data(DATA_BYTES_MAX)?;
                    packed::read_ipv4_list(&data, &mut self.push_proxies)?;
                }
                b"PUSH6" => {
                    let data = block.data(DATA_BYTES_MAX)?;
                    packed::read_ipv6_list(&data, &mut self.push_proxies)?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Distributes records over hits so that none has more than `results_max` results or about
/// `bytes_max` bytes, and none names an index or a content twice, which receivers take for spam.
/// First fit: meant for the few dozen results of one answer.
pub fn distribute<'a>(
    records: impl IntoIterator<Item = Record<'a>>,
    results_max: usize,
    bytes_max: usize,
) -> Vec<Vec<Record<'a>>> {
    struct Set<'a> {
        records: Vec<Record<'a>>,
        bytes: usize,
    }
    let mut sets: Vec<Set<'a>> = Vec::new();
    let mut scratch = Vec::new();
    let results_max = results_max.clamp(1, RESULTS_MAX);
    for record in records {
        scratch.clear();
        // The text form is the longer one.
        record.encode(false, &mut scratch);
        let bytes = scratch.len();
        let twin = |other: &Record<'_>| {
            other.index == record.index || (other.sha1.is_some() && other.sha1 == record.sha1)
        };
        let fits = |set: &&mut Set<'_>| {
            set.records.len() < results_max
                && set.bytes + bytes <= bytes_max
                && !set.records.iter().any(twin)
        };
        match sets.iter_mut().find(fits) {
            Some(set) => {
                set.bytes += bytes;
                set.records.push(record);
            }
            None => sets.push(Set { records: vec![record], bytes }),
        }
    }
    sets.into_iter().map(|set| set.records).collect()
}

#[cfg(test)]
mod tests;
