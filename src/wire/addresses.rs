//! Addresses in header lines: `ADDRESS:PORT`, IPv6 in brackets, lists with commas
//! (protocol.md section 2).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Headers;
use super::headers::Version;

/// The port of an address that names none.
pub const DEFAULT_PORT: u16 = 6346;

/// Which addresses somebody can use (protocol.md section 2: the feature `IP`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Families {
    /// IPv4 alone: whoever says nothing.
    #[default]
    Ipv4,
    /// Both.
    Both,
    /// IPv6 alone.
    Ipv6,
}

impl Families {
    /// What the header lines of a handshake or of HTTP say: the feature `IP` in X-Features.
    pub fn of(headers: &Headers) -> Families {
        match headers.feature("IP") {
            Some(Version(_, 0)) => Families::Both,
            Some(_) => Families::Ipv6,
            None => Families::Ipv4,
        }
    }

    /// The feature as we say it; nothing to say with IPv4 alone.
    pub fn feature(self) -> Option<&'static str> {
        match self {
            Families::Ipv4 => None,
            Families::Both => Some("IP/6.0"),
            Families::Ipv6 => Some("IP/6.4"),
        }
    }

    /// Whether an address of this kind is of use.
    pub fn take(self, address: &SocketAddr) -> bool {
        match self {
            Families::Ipv4 => address.is_ipv4(),
            Families::Both => true,
            Families::Ipv6 => address.is_ipv6(),
        }
    }
}

/// Reads one address. Without a port it is [`DEFAULT_PORT`]. Nothing for host names, port 0, the
/// unspecified address and scoped addresses. IPv4 in IPv6 becomes IPv4.
pub fn parse(text: &str) -> Option<SocketAddr> {
    let text = text.trim();
    let address = match text.parse::<SocketAddr>() {
        Ok(SocketAddr::V6(v6)) if v6.scope_id() != 0 || v6.flowinfo() != 0 => return None,
        Ok(address) => address,
        Err(_) => SocketAddr::new(parse_ip(text)?, DEFAULT_PORT),
    };
    let ip = address.ip().to_canonical();
    (address.port() != 0 && !ip.is_unspecified()).then(|| SocketAddr::new(ip, address.port()))
}

/// Reads an address without a port, such as that of Remote-IP; IPv6 with or without brackets.
/// A port, if there is one, is passed over.
pub fn parse_ip(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    if let Ok(v4) = text.parse::<Ipv4Addr>() {
        return Some(v4.into());
    }
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    match bare.parse::<Ipv6Addr>() {
        Ok(v6) => Some(IpAddr::from(v6).to_canonical()),
        Err(_) => text.parse::<SocketAddr>().ok().map(|address| address.ip().to_canonical()),
    }
}

/// The addresses in elements of a list, such as [`Headers::list`](super::Headers::list) gives
/// them: at most `max`, each once, those that cannot be read left out.
pub fn list<'a>(elements: impl Iterator<Item = &'a str>, max: usize) -> Vec<SocketAddr> {
    let mut addresses = Vec::new();
    for address in elements.filter_map(parse) {
        if addresses.len() >= max {
            break;
        }
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

/// Writes a list as X-Try has it.
pub fn write(addresses: &[SocketAddr]) -> String {
    addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn unusable_ones_are_left_out() {
        let text = "1.2.3.4:6346,, [2001:db8::1]:80 ,host:1,1.2.3.4:6346,5.6.7.8,9.9.9.9:0,\
                    0.0.0.0:1,1.2.3.4:65536,[::ffff:7.7.7.7]:7,[fe80::1%2]:5,::1,[::2],300.1.1.1:1";
        let read = list(text.split(','), 100);
        let want = ["1.2.3.4:6346", "[2001:db8::1]:80", "5.6.7.8:6346", "7.7.7.7:7"];
        assert_eq!(write(&read[..4]), want.join(","));
        assert_eq!(write(&read[4..]), "[::1]:6346,[::2]:6346");
        assert_eq!(list(text.split(','), 2).len(), 2);
        assert!(list(text.split(','), 0).is_empty());
    }

    #[test]
    fn remote_ip_needs_no_port() {
        for (text, want) in [
            ("127.0.0.1", "127.0.0.1"),
            (" 10.1.2.3:6346", "10.1.2.3"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]:6346", "2001:db8::1"),
            ("::ffff:1.2.3.4", "1.2.3.4"),
        ] {
            assert_eq!(parse_ip(text), Some(want.parse().unwrap()), "{text}");
        }
        assert_eq!(parse_ip("here"), None);
    }

    proptest! {
        #[test]
        fn round_trip(v4: [u8; 4], v6: [u8; 16], ports in prop::array::uniform2(1..u16::MAX)) {
            let wanted: Vec<SocketAddr> = [(IpAddr::from(v4), ports[0]), (v6.into(), ports[1])]
                .into_iter()
                .filter(|(ip, _)| !ip.to_canonical().is_unspecified())
                .map(|(ip, port)| (ip.to_canonical(), port).into())
                .collect();
            prop_assert_eq!(list(write(&wanted).split(','), 10), wanted);
        }

        #[test]
        fn any_text(text in any::<String>(), near in "[0-9a-f:.\\[\\]%, ]{0,60}", max in 0..20_usize) {
            prop_assert!(list(text.split(','), max).len() <= max);
            prop_assert!(list(near.split(','), max).len() <= max);
            parse_ip(&near);
        }
    }
}
