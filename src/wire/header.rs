//! The 23-byte descriptor header (protocol.md section 1).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Guid;

/// Bytes of a descriptor header.
pub const HEADER_LEN: usize = 23;

/// What a descriptor is. Kinds that we do not know are carried as they came.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Kind(pub u8);

impl Kind {
    /// Asks who is there.
    pub const PING: Kind = Kind(0x00);
    /// Says who is there.
    pub const PONG: Kind = Kind(0x01);
    /// Says why the connection ends.
    pub const BYE: Kind = Kind(0x02);
    /// Query routing table: reset or patch.
    pub const QRP: Kind = Kind(0x30);
    /// Vendor message.
    pub const VENDOR: Kind = Kind(0x31);
    /// Standard vendor message.
    pub const STANDARD_VENDOR: Kind = Kind(0x32);
    /// Asks a servent to open a connection to us.
    pub const PUSH: Kind = Kind(0x40);
    /// Asks for files.
    pub const QUERY: Kind = Kind(0x80);
    /// Names files that match a query.
    pub const QUERY_HIT: Kind = Kind(0x81);
    /// Horizon size estimation.
    pub const HSEP: Kind = Kind(0xCD);
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Kind::PING => f.write_str("Ping"),
            Kind::PONG => f.write_str("Pong"),
            Kind::BYE => f.write_str("Bye"),
            Kind::QRP => f.write_str("Qrp"),
            Kind::VENDOR => f.write_str("Vendor"),
            Kind::STANDARD_VENDOR => f.write_str("StandardVendor"),
            Kind::PUSH => f.write_str("Push"),
            Kind::QUERY => f.write_str("Query"),
            Kind::QUERY_HIT => f.write_str("QueryHit"),
            Kind::HSEP => f.write_str("Hsep"),
            Kind(other) => write!(f, "Kind({other:#04x})"),
        }
    }
}

/// What stands before every payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Names the descriptor: requests and their answers carry the same.
    pub guid: Guid,
    /// What the payload is.
    pub kind: Kind,
    /// How many more links it may cross.
    pub ttl: u8,
    /// How many links it has crossed.
    pub hops: u8,
    /// Bytes of payload that follow. All 32 bits as they stand on the wire, little-endian; whether
    /// the top half may hold flags is the link's knowledge (protocol.md section 1).
    pub len: u32,
}

impl Header {
    /// Reads a header. Any 23 bytes are one.
    #[inline]
    pub fn decode(bytes: &[u8; HEADER_LEN]) -> Header {
        let mut guid = [0; 16];
        guid.copy_from_slice(&bytes[..16]);
        Header {
            guid: Guid(guid),
            kind: Kind(bytes[16]),
            ttl: bytes[17],
            hops: bytes[18],
            len: u32::from_le_bytes([bytes[19], bytes[20], bytes[21], bytes[22]]),
        }
    }

    /// Writes the header.
    #[inline]
    pub fn encode(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[..16].copy_from_slice(&self.guid.0);
        bytes[16] = self.kind.0;
        bytes[17] = self.ttl;
        bytes[18] = self.hops;
        bytes[19..].copy_from_slice(&self.len.to_le_bytes());
        bytes
    }
}
