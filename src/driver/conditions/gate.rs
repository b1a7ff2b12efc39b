//! Connections that get no answer: the system drops their first packet before it would accept.
//!
//! Done by a packet filter on the socket (socket(7), SO_ATTACH_FILTER), which any process may put
//! on its own sockets: whoever connects hears nothing, tries again as TCP does, and gets through
//! when the filter is gone. Systems without it accept and close at once; the driver does so too
//! with what the filter cannot tell (IPv6 networks).

use std::os::fd::AsFd;

use super::super::network::Network;

/// Lets nothing in.
pub(in crate::driver) fn shut(socket: &impl AsFd) {
    imp::attach(socket, imp::nothing());
}

/// Lets everything in but from these networks.
pub(in crate::driver) fn shut_to(socket: &impl AsFd, networks: &[Network]) {
    match imp::all_but(networks) {
        Some(program) => imp::attach(socket, program),
        None => open(socket),
    }
}

/// Lets everything in.
pub(in crate::driver) fn open(socket: &impl AsFd) {
    imp::detach(socket);
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod imp {
    use std::net::IpAddr;
    use std::os::fd::AsFd;

    use socket2::{SockFilter, SockRef};

    use super::Network;

    // Instructions of the classic packet filter, as bpf(4) and linux/filter.h name them.
    const LD_W_ABS: u16 = 0x20;
    const ALU_AND_K: u16 = 0x54;
    const JMP_JEQ_K: u16 = 0x15;
    const RET_K: u16 = 0x06;
    /// Offsets from here on count from the network header (SKF_NET_OFF).
    const NETWORK_HEADER: u32 = 0xFFF0_0000;
    /// Where the version is, and where an IPv4 header has the sender.
    const VERSION_AT: u32 = NETWORK_HEADER;
    const SOURCE_AT: u32 = NETWORK_HEADER + 12;
    const LET_IN: SockFilter = SockFilter::new(RET_K, 0, 0, u32::MAX);
    const DROP: SockFilter = SockFilter::new(RET_K, 0, 0, 0);
    /// The system takes programs of at most so many instructions.
    const INSTRUCTIONS_MAX: usize = 4_096;

    pub(super) fn nothing() -> Vec<SockFilter> {
        vec![DROP]
    }

    /// `None`: there is nothing that it could tell.
    pub(super) fn all_but(networks: &[Network]) -> Option<Vec<SockFilter>> {
        let mut program = vec![
            SockFilter::new(LD_W_ABS, 0, 0, VERSION_AT),
            SockFilter::new(ALU_AND_K, 0, 0, 0xF000_0000),
            SockFilter::new(JMP_JEQ_K, 1, 0, 0x4000_0000),
            LET_IN,
            SockFilter::new(LD_W_ABS, 0, 0, SOURCE_AT),
        ];
        let before = program.len();
        for network in networks {
            let IpAddr::V4(address) = network.address else { continue };
            let tail = 32 - u32::from(network.prefix_len.min(32));
            let mask = u32::MAX.checked_shl(tail).unwrap_or(0);
            if tail > 0 {
                program.push(SockFilter::new(LD_W_ABS, 0, 0, SOURCE_AT));
                program.push(SockFilter::new(ALU_AND_K, 0, 0, mask));
            }
            program.push(SockFilter::new(JMP_JEQ_K, 0, 1, address.to_bits() & mask));
            program.push(DROP);
            if tail > 0 {
                program.push(SockFilter::new(LD_W_ABS, 0, 0, SOURCE_AT));
            }
        }
        let is_useful = program.len() > before && program.len() < INSTRUCTIONS_MAX;
        program.push(LET_IN);
        is_useful.then_some(program)
    }

    pub(super) fn attach(socket: &impl AsFd, program: Vec<SockFilter>) {
        if let Err(error) = SockRef::from(socket).attach_filter(&program) {
            // Who connects is closed upon instead of left without an answer.
            log::warn!(error:% = error; "the system takes no packet filter");
        }
    }

    pub(super) fn detach(socket: &impl AsFd) {
        // Fails if there is none.
        let _ = SockRef::from(socket).detach_filter();
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod imp {
    use std::os::fd::AsFd;

    use super::Network;

    pub(super) fn nothing() {}

    pub(super) fn all_but(_: &[Network]) -> Option<()> {
        None
    }

    pub(super) fn attach(_: &impl AsFd, (): ()) {}

    pub(super) fn detach(_: &impl AsFd) {}
}
