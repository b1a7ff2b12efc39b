//! The 16-byte identifier of a descriptor or a servent (protocol.md section 1).

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Malformed;

/// A globally unique identifier: names a descriptor (query-ID) or a servent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Guid(pub [u8; 16]);

/// As one number: every query is looked up by its GUID, and a slice of bytes, which is what the
/// derived one hashes, costs three times as much.
impl Hash for Guid {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(u128::from_le_bytes(self.0));
    }
}

impl Guid {
    /// All zero: what vendor messages carry and what no query or servent may use.
    pub const ZERO: Guid = Guid([0; 16]);

    /// Makes a GUID of random bytes and marks it as a modern servent's (byte 8 is 0xFF, byte 15
    /// is 0; protocol.md section 1).
    pub fn marked(mut random: [u8; 16]) -> Guid {
        random[8] = 0xFF;
        random[15] = 0;
        Guid(random)
    }

    /// Whether it carries the mark of a modern servent.
    pub fn is_marked(&self) -> bool {
        self.0[8] == 0xFF && self.0[15] == 0
    }

    /// The same for a query whose hits may be offered by UDP: it names where to (protocol.md
    /// section 20). Address in bytes 0 to 3, port in bytes 13 and 14, little-endian.
    #[must_use]
    pub fn with_reply_to(mut self, address: SocketAddrV4) -> Guid {
        self.0[..4].copy_from_slice(&address.ip().octets());
        self.0[13..15].copy_from_slice(&address.port().to_le_bytes());
        self
    }

    /// Where hits may be offered by UDP if this is the GUID of a query that says they may.
    pub fn reply_to(&self) -> SocketAddrV4 {
        let [a, b, c, d, ..] = self.0;
        let port = u16::from_le_bytes([self.0[13], self.0[14]]);
        SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), port)
    }

    /// The raw bytes, in wire order.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Guid {
    type Err = Malformed;

    /// Reads 32 hexadecimal digits of either case.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let bytes = data_encoding::HEXLOWER_PERMISSIVE
            .decode(text.as_bytes())
            .map_err(|_| Malformed::BadValue)?;
        Ok(Guid(bytes.try_into().map_err(|_| Malformed::BadValue)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_guid_names_where_hits_go_and_keeps_its_mark() {
        let address: SocketAddrV4 = "1.2.3.4:6346".parse().unwrap();
        let guid = Guid::marked([7; 16]).with_reply_to(address);
        assert_eq!(guid.to_string(), "0102030407070707ff07070707ca1800");
        assert!(guid.is_marked());
        assert_eq!(guid.reply_to(), address);
    }
}
