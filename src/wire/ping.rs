//! Ping: asks who is there (protocol.md section 4).

use super::Families;
use super::extension::{Extension, Extensions};
use super::ggep::{Nul, Writer};

/// A ping. Any payload is one: what is not understood is ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ping<'a> {
    /// The payload: nothing, or GGEP.
    pub extensions: &'a [u8],
}

impl<'a> Ping<'a> {
    /// Says only that we are there.
    pub const PLAIN: Ping<'static> = Ping { extensions: &[] };
    /// Asks for addresses from the other side's cache: GGEP `SCP`, ultrapeers wanted.
    pub const FOR_HOSTS: Ping<'static> = Ping { extensions: b"\xC3\x83SCP\x41\x01" };

    /// Reads a ping.
    pub fn decode(payload: &'a [u8]) -> Ping<'a> {
        Ping { extensions: payload }
    }

    /// Appends the payload.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.extensions);
    }

    /// What it wants to have in the pong; ends at the first block that is broken.
    pub fn wants(&self) -> PingWants {
        let mut wants = PingWants::default();
        for piece in Extensions::new(self.extensions).map_while(Result::ok) {
            let Extension::Ggep(block) = piece else { continue };
            let data = block.data(16).unwrap_or_default();
            match block.id {
                b"SCP" => wants.hosts = Some(HostsWanted::read(&data)),
                // With data it is a key that the asker got, which no ping carries.
                b"QK" if data.is_empty() => wants.query_key = true,
                b"IP" => wants.own_address = true,
                b"GUE" => wants.guess = true,
                _ => {}
            }
        }
        wants
    }

    /// Whether it asks for cached hosts in one pong (GGEP `SCP`).
    pub fn wants_cached_pongs(&self) -> bool {
        self.wants().hosts.is_some()
    }
}

/// What a ping wants to have in the pong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PingWants {
    /// Addresses of other servents (`SCP`).
    pub hosts: Option<HostsWanted>,
    /// A query key (an empty `QK`).
    pub query_key: bool,
    /// From where the ping seems to come (`IP`).
    pub own_address: bool,
    /// Whether the servent speaks GUESS, and addresses of those that do (`GUE`).
    pub guess: bool,
}

impl PingWants {
    /// Appends the payload of a ping of our own.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut blocks = Writer::new(out, Nul::Allowed);
        if let Some(HostsWanted(flags)) = self.hosts {
            blocks.put("SCP", &[flags]);
        }
        for (wanted, id) in [(self.query_key, "QK"), (self.own_address, "IP"), (self.guess, "GUE")]
        {
            if wanted {
                blocks.put(id, &[]);
            }
        }
    }
}

/// Which addresses are wanted: the flags of GGEP `SCP`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostsWanted(pub u8);

impl HostsWanted {
    /// Those of ultrapeers with free slots for ultrapeers; else for leaves.
    pub const ULTRAPEERS: u8 = 0x01;
    /// The asker speaks TLS.
    pub const TLS: u8 = 0x02;
    /// IPv6 addresses, too.
    pub const IPV6: u8 = 0x04;
    /// No IPv4 addresses; implies [`HostsWanted::IPV6`].
    pub const NO_IPV4: u8 = 0x08;

    /// Reads the data of `SCP`: empty from the oldest servents.
    pub fn read(data: &[u8]) -> HostsWanted {
        HostsWanted(data.first().copied().unwrap_or(0))
    }

    /// Those for an asker that can use these addresses.
    pub fn new(ultrapeers: bool, families: Families) -> HostsWanted {
        let families = match families {
            Families::Ipv4 => 0,
            Families::Both => Self::IPV6,
            Families::Ipv6 => Self::IPV6 | Self::NO_IPV4,
        };
        HostsWanted(families | if ultrapeers { Self::ULTRAPEERS } else { 0 })
    }

    /// Whether ultrapeers for an ultrapeer are wanted, not for a leaf.
    pub fn ultrapeers(self) -> bool {
        self.0 & Self::ULTRAPEERS != 0
    }

    /// Which kinds of addresses are wanted.
    pub fn families(self) -> Families {
        match (self.0 & Self::NO_IPV4 != 0, self.0 & Self::IPV6 != 0) {
            (true, _) => Families::Ipv6,
            (false, true) => Families::Both,
            (false, false) => Families::Ipv4,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wants(payload: &[u8]) -> PingWants {
        Ping::decode(payload).wants()
    }

    #[test]
    fn what_is_not_understood_is_ignored() {
        assert_eq!(wants(b""), PingWants::default());
        assert_eq!(wants(b"hello"), PingWants::default());
        assert_eq!(wants(b"\xC3\x83SC"), PingWants::default());
        assert_eq!(wants(b"\xC3\x82QK\x44abcd"), PingWants::default(), "a key is no wish for one");
        let cut = wants(b"\xC3\x03SCP\x41\x05\x82QK");
        assert_eq!((cut.hosts, cut.query_key), (Some(HostsWanted(5)), false));
        assert!(Ping::FOR_HOSTS.wants_cached_pongs());
        assert!(!Ping::PLAIN.wants_cached_pongs());
        // The oldest servents say nothing of what they want.
        assert_eq!(wants(b"\xC3\x83SCP\x40").hosts, Some(HostsWanted(0)));
    }

    #[test]
    fn the_flags_of_scp() {
        for families in [Families::Ipv4, Families::Both, Families::Ipv6] {
            for ultrapeers in [false, true] {
                let wanted = HostsWanted::new(ultrapeers, families);
                assert_eq!((wanted.ultrapeers(), wanted.families()), (ultrapeers, families));
            }
        }
        assert_eq!(HostsWanted(0x08).families(), Families::Ipv6, "0x08 implies 0x04");
    }

    proptest! {
        #[test]
        fn wishes_survive_the_wire(hosts: Option<u8>, flags: [bool; 3]) {
            let [query_key, own_address, guess] = flags;
            let all = PingWants { hosts: hosts.map(HostsWanted), query_key, own_address, guess };
            let mut payload = Vec::new();
            all.encode(&mut payload);
            prop_assert_eq!(wants(&payload), all);
        }

        #[test]
        fn any_bytes_are_a_ping(data: Vec<u8>) {
            wants(&data);
        }
    }
}
