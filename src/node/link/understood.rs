//! Which vendor messages a neighbour understands, as far as it matters to us: a few bits, whatever
//! it says (protocol.md section 14).

use crate::wire::vendor::{self, Kinds, VendorKind};

/// The messages that we send only to those who understand them.
const ASKED_FOR: &[VendorKind] = &[
    vendor::HOPS_FLOW,
    vendor::TCP_CONNECT_BACK,
    vendor::QUERY_STATUS_REQUEST,
    vendor::QUERY_STATUS,
    VendorKind { version: 1, ..vendor::UDP_CONNECT_BACK },
    vendor::UDP_CONNECT_BACK,
    vendor::PUSH_PROXY_REQUEST,
];

/// The messages that one neighbour understands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Understood(u16);

impl Understood {
    /// What Messages Supported says.
    pub(crate) fn read(kinds: &Kinds<'_>) -> Understood {
        let bits = ASKED_FOR.iter().enumerate().filter(|(_, kind)| kinds.contains(**kind));
        Understood(bits.fold(0, |bits, (at, _)| bits | 1 << at))
    }

    /// Whether it understands this message, or a later version of it.
    pub(crate) fn contains(self, kind: VendorKind) -> bool {
        let at = ASKED_FOR.iter().position(|other| *other == kind);
        at.is_some_and(|at| self.0 >> at & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_said_is_understood() {
        let kinds = [
            vendor::QUERY_STATUS_REQUEST,
            VendorKind { version: 1, ..vendor::UDP_CONNECT_BACK },
            VendorKind { version: 2, ..vendor::PUSH_PROXY_REQUEST },
            VendorKind::new(*b"NONE", 1, 1),
        ];
        let bytes = Kinds::write(&kinds);
        let understood = Understood::read(&Kinds::new(&bytes));
        for kind in ASKED_FOR {
            let said = [
                vendor::QUERY_STATUS_REQUEST,
                VendorKind { version: 1, ..vendor::UDP_CONNECT_BACK },
                vendor::PUSH_PROXY_REQUEST,
            ];
            assert_eq!(understood.contains(*kind), said.contains(kind), "{kind:?}");
        }
        assert!(!understood.contains(VendorKind::new(*b"NONE", 1, 1)));
        assert!(!Understood::default().contains(vendor::HOPS_FLOW));
    }
}
