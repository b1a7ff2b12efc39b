//! Blocks of addresses as people write them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A block of addresses; as text `ADDRESS` or `ADDRESS/BITS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network {
    /// One of its addresses.
    pub address: IpAddr,
    /// How many leading bits count.
    pub prefix_len: u8,
}

/// A text that names no block of addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no block of addresses: write ADDRESS or ADDRESS/BITS")]
pub struct NoNetwork(pub String);

impl Network {
    /// Whether it is one address alone.
    pub fn is_one(&self) -> bool {
        self.prefix_len >= bits_of(self.address)
    }

    /// Whether the address lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        if self.address.is_ipv4() != address.is_ipv4() {
            return false;
        }
        let differ = number(self.address) ^ number(address);
        let tail = u32::from(bits_of(address).saturating_sub(self.prefix_len));
        differ.checked_shr(tail).unwrap_or(0) == 0
    }
}

fn bits_of(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Network {
        Network { address, prefix_len: bits_of(address) }
    }
}

impl FromStr for Network {
    type Err = NoNetwork;

    fn from_str(text: &str) -> Result<Network, NoNetwork> {
        let wrong = || NoNetwork(text.to_owned());
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let bits_max = bits_of(address);
        let prefix_len = bits.map_or(Ok(bits_max), |bits| bits.parse().map_err(|_| wrong()))?;
        if prefix_len > bits_max { Err(wrong()) } else { Ok(Network { address, prefix_len }) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_one() {
            self.address.fmt(f)
        } else {
            write!(f, "{}/{}", self.address, self.prefix_len)
        }
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Network, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_as_people_write_them() {
        let network =
            |address: &str, prefix_len| Network { address: address.parse().unwrap(), prefix_len };
        for (text, wanted) in [
            ("10.0.0.0/8", network("10.0.0.0", 8)),
            ("10.1.2.3", network("10.1.2.3", 32)),
            ("fe80::/10", network("fe80::", 10)),
            ("::1", network("::1", 128)),
        ] {
            assert_eq!(text.parse(), Ok(wanted), "{text}");
            assert_eq!(wanted.to_string(), text);
        }
        for text in ["", "10.0.0.0/33", "::/129", "10.0.0.0/", "/8", "a.b", "10.0.0.0/-1"] {
            assert_eq!(text.parse::<Network>(), Err(NoNetwork(text.to_owned())));
        }
    }

    #[test]
    fn a_network_contains_what_begins_like_it() {
        let contains = |network: &str, address: &str| {
            network.parse::<Network>().unwrap().contains(address.parse().unwrap())
        };
        assert!(contains("127.1.0.0/16", "127.1.9.9") && !contains("127.1.0.0/16", "127.2.0.0"));
        assert!(contains("127.1.2.3", "127.1.2.3") && !contains("127.1.2.3", "127.1.2.2"));
        assert!(contains("0.0.0.0/0", "9.9.9.9") && !contains("0.0.0.0/0", "::1"));
        assert!(contains("::/0", "fe80::1") && !contains("fe80::/10", "fec0::1"));
    }
}
