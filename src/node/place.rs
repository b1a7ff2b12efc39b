//! Where somebody is: a socket address in half the room, as most have an IPv4 address. A node holds
//! one for every host and connection, and a world of a million nodes as many of them.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV6};

/// A socket address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    V4(Ipv4Addr, u16),
    V6(Box<SocketAddrV6>),
}

impl From<SocketAddr> for Place {
    #[inline]
    fn from(address: SocketAddr) -> Place {
        match address {
            SocketAddr::V4(v4) => Place::V4(*v4.ip(), v4.port()),
            SocketAddr::V6(v6) => Place::V6(Box::new(v6)),
        }
    }
}

impl Place {
    /// The same as everybody else has it.
    #[inline]
    pub(super) fn address(&self) -> SocketAddr {
        match self {
            Place::V4(ip, port) => (*ip, *port).into(),
            Place::V6(v6) => SocketAddr::V6(**v6),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn an_address_is_small_and_stays_itself() {
        assert!(std::mem::size_of::<Place>() <= 16);
        for text in ["192.0.2.7:6346", "[2001:db8::7]:6346", "[fe80::1%4]:80"] {
            let address = text.parse().expect("an address");
            assert_eq!(Place::from(address).address(), address);
        }
    }
}
