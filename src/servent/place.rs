//! Names of places as people write them: hosts, and blocks of addresses.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use thiserror::Error;

pub use crate::driver::{Network, NoNetwork};

/// The port that a host has if none is said.
pub const PORT_DEFAULT: u16 = 6346;

/// A text that names no place.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlaceError {
    /// Not a host.
    #[error("\"{0}\" is no host: write NAME:PORT, ADDRESS:PORT or [IPV6]:PORT")]
    NoHost(String),
    /// Not a block of addresses.
    #[error(transparent)]
    NoNetwork(#[from] NoNetwork),
    /// A name without addresses.
    #[error("no address is known for the host \"{0}\"")]
    UnknownHost(String),
}

/// A host by name or address, and its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Name or address, IPv6 without brackets.
    pub name: String,
    /// TCP port.
    pub port: u16,
}

impl Host {
    /// Its address; a name is looked up.
    pub async fn resolve(&self) -> Result<SocketAddr, PlaceError> {
        if let Ok(ip) = self.name.parse::<IpAddr>() {
            return Ok(SocketAddr::new(ip, self.port));
        }
        let found = smol::net::resolve((self.name.as_str(), self.port)).await.unwrap_or_default();
        found.first().copied().ok_or_else(|| PlaceError::UnknownHost(self.name.clone()))
    }
}

impl FromStr for Host {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Host, PlaceError> {
        let wrong = || PlaceError::NoHost(text.to_owned());
        if let Ok(ip) = text.parse::<Ipv6Addr>() {
            return Ok(Host { name: ip.to_string(), port: PORT_DEFAULT });
        }
        let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((name, after)) => {
                name.parse::<Ipv6Addr>().map_err(|_| wrong())?;
                let port = after.strip_prefix(':');
                if port.is_none() && !after.is_empty() {
                    return Err(wrong());
                }
                (name, port)
            }
            None => match text.split_once(':') {
                Some((name, port)) => (name, Some(port)),
                None => (text, None),
            },
        };
        let is_name = |c: char| c.is_alphanumeric() || "-._".contains(c);
        if name.is_empty() || !(text.starts_with('[') || name.chars().all(is_name)) {
            return Err(wrong());
        }
        let port = port.map_or(Ok(PORT_DEFAULT), |port| port.parse().map_err(|_| wrong()))?;
        if port == 0 {
            return Err(wrong());
        }
        Ok(Host { name: name.to_owned(), port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_as_people_write_them() {
        for (text, name, port) in [
            ("example.org:6347", "example.org", 6347),
            ("example.org", "example.org", 6346),
            ("10.1.2.3:1", "10.1.2.3", 1),
            ("[::1]:5", "::1", 5),
            ("[::1]", "::1", 6346),
            ("fe80::1", "fe80::1", 6346),
        ] {
            assert_eq!(text.parse(), Ok(Host { name: name.to_owned(), port }), "{text}");
        }
        for text in [
            "",
            ":1",
            "a:",
            "a:0",
            "a:65536",
            "a:b",
            "[::1",
            "[::1]5",
            "[a]:5",
            "a b:1",
            "http://a:1",
        ] {
            assert_eq!(text.parse::<Host>(), Err(PlaceError::NoHost(text.to_owned())));
        }
    }

    #[test]
    fn an_address_needs_no_look_up_and_an_impossible_name_has_none() {
        let resolve = |text: &str| smol::block_on(text.parse::<Host>().unwrap().resolve());
        assert_eq!(resolve("[::1]:5"), Ok("[::1]:5".parse().unwrap()));
        assert_eq!(resolve("a..b:5"), Err(PlaceError::UnknownHost("a..b".to_owned())));
    }
}
