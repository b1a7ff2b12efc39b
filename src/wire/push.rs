//! Push: asks a servent that cannot be connected to to connect to us (protocol.md section 7).

use std::net::SocketAddr;

use super::cursor::Cursor;
use super::extension::{Extension, Extensions};
use super::ggep::{Nul, Writer};
use super::{Guid, Malformed, packed};

/// A push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Push<'a> {
    /// The servent that shall connect.
    pub servent: Guid,
    /// The number of the file we want, as its hit gave it.
    pub index: u32,
    /// Where it shall connect to.
    pub address: SocketAddr,
    /// GGEP as it came, `6` included. When writing: what to append beside it, normally nothing.
    pub extensions: &'a [u8],
}

impl<'a> Push<'a> {
    /// Reads a push.
    pub fn decode(payload: &'a [u8]) -> Result<Push<'a>, Malformed> {
        let mut cursor = Cursor::new(payload);
        let servent = Guid(cursor.array()?);
        let index = cursor.u32_le()?;
        let ipv4 = cursor.array()?;
        let port = cursor.u16_le()?;
        let extensions = cursor.rest();
        let mut ipv6 = None;
        for piece in Extensions::new(extensions) {
            match piece? {
                Extension::Ggep(block) if block.id == b"6" => {
                    ipv6 = Some(packed::ipv6(&block.data(16)?)?);
                }
                _ => {}
            }
        }
        Ok(Push { servent, index, address: packed::from_fields(ipv4, port, ipv6), extensions })
    }

    /// Appends the payload. GGEP `6` is written for an IPv6 address unless `extensions` are given.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.servent.0);
        out.extend_from_slice(&self.index.to_le_bytes());
        out.extend_from_slice(&packed::ipv4_field(&self.address));
        out.extend_from_slice(&self.address.port().to_le_bytes());
        match self.address {
            SocketAddr::V6(address) if self.extensions.is_empty() => {
                Writer::new(out, Nul::Allowed).put("6", &address.ip().octets());
            }
            _ => out.extend_from_slice(self.extensions),
        }
    }
}

#[cfg(test)]
mod tests;
