//! Pong: says who is there, and whom it knows (protocol.md section 4).

use std::net::SocketAddr;

use super::cursor::Cursor;
use super::extension::{Extension, Extensions};
use super::ggep::{self, Nul, Writer};
use super::{Malformed, packed};

/// Bytes of one extension's data at most.
const DATA_BYTES_MAX: usize = 4_096;

/// A pong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pong {
    /// Where the servent listens; IPv6 only if it has no IPv4 address.
    pub address: SocketAddr,
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
            files,
            kbytes,
            free_slots: None,
            uptime_s: None,
            vendor: None,
            hosts: Vec::new(),
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
        for piece in Extensions::new(cursor.rest()) {
            let Extension::Ggep(block) = piece? else { continue };
            if !matches!(block.id, b"6" | b"UP" | b"DU" | b"VC" | b"IPP" | b"IPP6") {
                continue;
            }
            let data = block.data(DATA_BYTES_MAX)?;
            match (block.id, &*data) {
                (b"6", data) => {
                    pong.address = packed::from_fields(ipv4, port, Some(packed::ipv6(data)?));
                }
                (b"UP", &[_, leaves, ultrapeers, ..]) => {
                    pong.free_slots = Some(FreeSlots { leaves, ultrapeers });
                }
                (b"DU", data) => {
                    let uptime_s = u32::try_from(ggep::number(data)?);
                    pong.uptime_s = Some(uptime_s.map_err(|_| Malformed::BadValue)?);
                }
                (b"VC", &[a, b, c, d, ref version @ ..]) => {
                    let version = version.first().copied().unwrap_or(0);
                    pong.vendor = Some(Vendor { code: [a, b, c, d], version });
                }
                (b"IPP", data) => packed::read_ipv4_list(data, &mut pong.hosts)?,
                (b"IPP6", data) => packed::read_ipv6_list(data, &mut pong.hosts)?,
                _ => return Err(Malformed::BadValue),
            }
        }
        Ok(pong)
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
        if let SocketAddr::V6(address) = self.address {
            blocks.put("6", &address.ip().octets());
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

#[cfg(test)]
mod tests;
