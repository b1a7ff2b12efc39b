//! Pong: says who is there, and whom it knows (protocol.md section 4).

use std::net::{Ipv6Addr, SocketAddr};

use super::cursor::Cursor;
use super::extension::{Extension, Extensions};
use super::ggep::{self, Nul, Writer};
use super::{Malformed, Token, packed};

/// Bytes of one extension's data at most.
const DATA_BYTES_MAX: usize = 4_096;
/// Bytes of a query key at least: fewer could be guessed.
const QUERY_KEY_BYTES_MIN: usize = 4;
/// Names of UDP host caches in one pong at most.
const HOST_CACHES_MAX: usize = 15;
/// Bytes of one such name at most: the longest name that the domain name system has, and a port.
const HOST_CACHE_BYTES_MAX: usize = 260;

/// A pong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pong {
    /// Where the servent listens; IPv6 only if it has no IPv4 address.
    pub address: SocketAddr,
    /// Its IPv6 address beside an IPv4 one; the port is the same (GGEP `6`).
    pub ipv6: Option<Ipv6Addr>,
    /// Files it shares.
    pub files: u32,
    /// KiB it shares.
    pub kbytes: u32,
    /// Its free slots, if it is an ultrapeer (GGEP `UP`).
    pub free_slots: Option<FreeSlots>,
    /// How long it is up on average a day, seconds (GGEP `DU`).
    pub uptime_s: Option<u32>,
    /// Its maker (GGEP `VC`).
    pub vendor: Option<Vendor>,
    /// Other servents (GGEP `IPP` and `IPP6`).
    pub hosts: Vec<SocketAddr>,
    /// From where the ping seemed to come (GGEP `IP`).
    pub your_address: Option<SocketAddr>,
    /// What its asker must show with GUESS queries (GGEP `QK`), 4 to 16 bytes.
    pub query_key: Option<Token>,
    /// Version of GUESS that it speaks, four bits of major and four of minor (GGEP `GUE`).
    pub guess: Option<u8>,
    /// It is a UDP host cache of this name; without one of its address (GGEP `UDPHC`).
    pub host_cache: Option<String>,
    /// Names of UDP host caches, `HOST:PORT` (GGEP `PHC`).
    pub host_caches: Vec<String>,
}

/// Free slots of an ultrapeer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreeSlots {
    /// For leaves.
    pub leaves: u8,
    /// For ultrapeers.
    pub ultrapeers: u8,
}

/// The maker of a servent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vendor {
    /// Four letters.
    pub code: [u8; 4],
    /// Its version, as the maker codes it; usually four bits of major and four of minor version.
    pub version: u8,
}

/// The version in GGEP `UP` (0.1).
const UP_VERSION: u8 = 0x01;

impl Pong {
    /// A pong that says only where the servent is and what it shares.
    pub fn new(address: SocketAddr, files: u32, kbytes: u32) -> Pong {
        Pong {
            address,
            ipv6: None,
            files,
            kbytes,
            free_slots: None,
            uptime_s: None,
            vendor: None,
            hosts: Vec::new(),
            your_address: None,
            query_key: None,
            guess: None,
            host_cache: None,
            host_caches: Vec::new(),
        }
    }

    /// Reads a pong. Extensions that are not understood are passed over; broken ones are errors.
    pub fn decode(payload: &[u8]) -> Result<Pong, Malformed> {
        let mut cursor = Cursor::new(payload);
        let port = cursor.u16_le()?;
        let ipv4 = cursor.array()?;
        let mut pong = Pong::new(packed::from_fields(ipv4, port, None), 0, 0);
        pong.files = cursor.u32_le()?;
        pong.kbytes = cursor.u32_le()?;
        let mut ipv6 = None;
        for piece in Extensions::new(cursor.rest()) {
            match piece? {
                Extension::Ggep(block) if block.id == b"6" => {
                    ipv6 = Some(packed::ipv6(&block.data(16)?)?);
                }
                Extension::Ggep(block) if is_known(block.id) => {
                    pong.read(block.id, &block.data(DATA_BYTES_MAX)?)?;
                }
                _ => {}
            }
        }
        pong.address = packed::from_fields(ipv4, port, ipv6);
        pong.ipv6 = ipv6.filter(|_| pong.address.is_ipv4());
        Ok(pong)
    }

    fn read(&mut self, id: &[u8], data: &[u8]) -> Result<(), Malformed> {
        match (id, data) {
            (b"UP", &[_, leaves, ultrapeers, ..]) => {
                self.free_slots = Some(FreeSlots { leaves, ultrapeers });
            }
            (b"DU", data) => {
                let uptime_s = u32::try_from(ggep::number(data)?);
                self.uptime_s = Some(uptime_s.map_err(|_| Malformed::BadValue)?);
            }
            (b"VC", &[a, b, c, d, ref version @ ..]) => {
                let version = version.first().copied().unwrap_or(0);
                self.vendor = Some(Vendor { code: [a, b, c, d], version });
            }
            (b"IPP", data) => packed::read_ipv4_list(data, &mut self.hosts)?,
            (b"IPP6", data) => packed::read_ipv6_list(data, &mut self.hosts)?,
            (b"IP", data) => self.your_address = Some(packed::address(data)?),
            (b"QK", data) if data.len() >= QUERY_KEY_BYTES_MIN => {
                self.query_key = Some(Token::new(data)?);
            }
            (b"GUE", data) => self.guess = Some(data.first().copied().unwrap_or(0)),
            (b"UDPHC", data) => self.host_cache = Some(host_cache(data)?.to_owned()),
            (b"PHC", data) => {
                let lines = data.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
                let room = HOST_CACHES_MAX.saturating_sub(self.host_caches.len());
                for line in lines.take(room) {
                    // What follows the name and its port is for somebody else.
                    let end = line.iter().position(|&byte| byte == b'&').unwrap_or(line.len());
                    self.host_caches.push(host_cache(&line[..end])?.to_owned());
                }
            }
            _ => return Err(Malformed::BadValue),
        }
        Ok(())
    }

    /// Appends the payload.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.address.port().to_le_bytes());
        out.extend_from_slice(&packed::ipv4_field(&self.address));
        out.extend_from_slice(&self.files.to_le_bytes());
        out.extend_from_slice(&self.kbytes.to_le_bytes());
        let mut blocks = Writer::new(out, Nul::Allowed);
        if let Some(Vendor { code: [a, b, c, d], version }) = self.vendor {
            blocks.put("VC", &[a, b, c, d, version]);
        }
        if let Some(FreeSlots { leaves, ultrapeers }) = self.free_slots {
            blocks.put("UP", &[UP_VERSION, leaves, ultrapeers]);
        }
        if let Some(uptime_s) = self.uptime_s {
            blocks.put_number("DU", uptime_s.into());
        }
        if let Some(ipv6) = packed::ipv6_beside(&self.address, self.ipv6) {
            blocks.put("6", &ipv6.octets());
        }
        if let Some(guess) = self.guess {
            blocks.put("GUE", &[guess]);
        }
        if let Some(your_address) = self.your_address {
            blocks.put("IP", &packed::one(&your_address));
        }
        if let Some(query_key) = self.query_key {
            blocks.put("QK", query_key.as_bytes());
        }
        if let Some(host_cache) = &self.host_cache {
            blocks.put("UDPHC", host_cache.as_bytes());
        }
        if !self.host_caches.is_empty() {
            blocks.put("PHC", self.host_caches.join("\n").as_bytes());
        }
        let (ipv4, ipv6) = packed::packed_lists(&self.hosts);
        if !ipv4.is_empty() {
            blocks.put("IPP", &ipv4);
        }
        if !ipv6.is_empty() {
            blocks.put("IPP6", &ipv6);
        }
    }
}

/// Whether a block says something that we want to know.
fn is_known(id: &[u8]) -> bool {
    matches!(
        id,
        b"UP" | b"DU" | b"VC" | b"IPP" | b"IPP6" | b"IP" | b"QK" | b"GUE" | b"UDPHC" | b"PHC"
    )
}

/// The name of a UDP host cache: what can be looked up, and nothing else.
fn host_cache(name: &[u8]) -> Result<&str, Malformed> {
    let speakable = |&byte: &u8| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte);
    if name.len() > HOST_CACHE_BYTES_MAX || !name.iter().all(speakable) {
        return Err(Malformed::BadValue);
    }
    std::str::from_utf8(name).map_err(|_| Malformed::NotUtf8)
}

#[cfg(test)]
mod tests;
