//! The one UDP socket: datagrams in, datagrams out, none of them promised.

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6, UdpSocket};
use std::task::{Context, Waker};

use smol::Async;

/// Datagrams read in one turn of the loop at most, so that a flood of them leaves the links their turn.
pub(super) const DATAGRAMS_PER_TURN_MAX: usize = 64;

/// The UDP socket and the rope that it pulls.
#[derive(Debug)]
pub(super) struct Udp {
    socket: Async<UdpSocket>,
    waker: Waker,
    speaks_v6: bool,
}

impl Udp {
    /// Takes a bound socket.
    pub(super) fn new(socket: UdpSocket, waker: Waker) -> io::Result<Udp> {
        let speaks_v6 = socket.local_addr()?.is_ipv6();
        Ok(Udp { socket: Async::new(socket)?, waker, speaks_v6 })
    }

    /// Pulls the rope when a datagram is there.
    pub(super) fn arm(&self) {
        while self.socket.poll_readable(&mut Context::from_waker(&self.waker)).is_ready() {}
    }

    /// One datagram that is there already. Errors of earlier sendings (ICMP) show up here and
    /// mean nothing.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        loop {
            match self.socket.get_ref().recv_from(buffer) {
                Ok((len, from)) => return Some((len, canonical(from))),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return None,
                Err(e) if is_about_a_peer(&e) => {}
                Err(_) => return None,
            }
        }
    }

    /// Sends a datagram, or not.
    pub(super) fn send(&self, to: SocketAddr, data: &[u8]) {
        let to = match to {
            SocketAddr::V4(v4) if self.speaks_v6 => {
                SocketAddr::V6(SocketAddrV6::new(v4.ip().to_ipv6_mapped(), v4.port(), 0, 0))
            }
            same => same,
        };
        // A datagram may get lost without a word, here as well as on its way.
        let _ = self.socket.get_ref().send_to(data, to);
    }
}

fn is_about_a_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::Interrupted
    )
}

/// An IPv4 address that a dual-stack socket shows as IPv6 is shown to the node as IPv4.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(v4) => SocketAddr::from((v4, address.port())),
        IpAddr::V6(_) => address,
    }
}
