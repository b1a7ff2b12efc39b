//! Socket addresses in binary, as descriptors carry them: an IPv4 field with GGEP `6` beside it,
//! and lists (protocol.md section 4).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Malformed;
use super::cursor::Cursor;

/// Addresses in one list at most. Living servents write 10 to 30; deflated, a few bytes could
/// stand for hundreds.
const LIST_MAX: usize = 100;

/// What stands in the IPv4 field of a servent that has only IPv6.
const NO_IPV4: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 0);

/// The IPv4 field for an address.
pub(super) fn ipv4_field(address: &SocketAddr) -> [u8; 4] {
    match address.ip() {
        IpAddr::V4(ip) => ip.octets(),
        IpAddr::V6(_) => NO_IPV4.octets(),
    }
}

/// The address that the IPv4 field and the data of GGEP `6` give together. With both, IPv4 is
/// taken.
pub(super) fn from_fields(ipv4: [u8; 4], port: u16, ipv6: Option<Ipv6Addr>) -> SocketAddr {
    let ipv4 = Ipv4Addr::from(ipv4);
    match ipv6 {
        Some(ipv6) if ipv4 == NO_IPV4 => SocketAddr::from((ipv6, port)),
        _ => SocketAddr::from((ipv4, port)),
    }
}

/// The data of GGEP `6`.
pub(super) fn ipv6(data: &[u8]) -> Result<Ipv6Addr, Malformed> {
    let octets: [u8; 16] = data.try_into().map_err(|_| Malformed::BadValue)?;
    Ok(Ipv6Addr::from(octets))
}

/// What GGEP `6` says of a servent with this address: the address itself, or one beside it.
pub(super) fn ipv6_beside(address: &SocketAddr, beside: Option<Ipv6Addr>) -> Option<Ipv6Addr> {
    match address {
        SocketAddr::V6(address) => Some(*address.ip()),
        SocketAddr::V4(_) => beside,
    }
}

/// Reads one packed address: 6 bytes or 18.
pub(super) fn address(data: &[u8]) -> Result<SocketAddr, Malformed> {
    let mut list = Vec::with_capacity(1);
    match data.len() {
        6 => read_ipv4_list(data, &mut list)?,
        18 => read_ipv6_list(data, &mut list)?,
        _ => {}
    }
    list.pop().ok_or(Malformed::BadValue)
}

/// One address, packed.
pub(super) fn one(address: &SocketAddr) -> Vec<u8> {
    let (ipv4, ipv6) = packed_lists(std::slice::from_ref(address));
    if ipv4.is_empty() { ipv6 } else { ipv4 }
}

/// Reads a packed list of IPv4 addresses, six bytes each, into `list`.
pub(super) fn read_ipv4_list(data: &[u8], list: &mut Vec<SocketAddr>) -> Result<(), Malformed> {
    let mut cursor = Cursor::new(data);
    while !cursor.is_empty() {
        let ip = Ipv4Addr::from(cursor.array::<4>()?);
        push(list, SocketAddr::from((ip, cursor.u16_le()?)))?;
    }
    Ok(())
}

/// Reads a packed list of IPv6 addresses, eighteen bytes each, into `list`.
pub(super) fn read_ipv6_list(data: &[u8], list: &mut Vec<SocketAddr>) -> Result<(), Malformed> {
    let mut cursor = Cursor::new(data);
    while !cursor.is_empty() {
        let ip = Ipv6Addr::from(cursor.array::<16>()?);
        push(list, SocketAddr::from((ip, cursor.u16_le()?)))?;
    }
    Ok(())
}

/// Adds one address, if the list may still grow.
fn push(list: &mut Vec<SocketAddr>, address: SocketAddr) -> Result<(), Malformed> {
    if list.len() >= LIST_MAX {
        return Err(Malformed::TooLarge);
    }
    list.push(address);
    Ok(())
}

/// The IPv4 and the IPv6 addresses of a list, each packed.
pub(super) fn packed_lists(list: &[SocketAddr]) -> (Vec<u8>, Vec<u8>) {
    let (mut ipv4, mut ipv6) = (Vec::new(), Vec::new());
    for address in list {
        let packed = match address.ip() {
            IpAddr::V4(ip) => {
                ipv4.extend_from_slice(&ip.octets());
                &mut ipv4
            }
            IpAddr::V6(ip) => {
                ipv6.extend_from_slice(&ip.octets());
                &mut ipv6
            }
        };
        packed.extend_from_slice(&address.port().to_le_bytes());
    }
    (ipv4, ipv6)
}
