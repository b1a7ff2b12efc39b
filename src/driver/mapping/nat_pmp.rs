//! NAT-PMP (RFC 6886): requests of 2 and 12 bytes, answers of 12 and 16, numbers big-endian.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use super::datagram_socket;
use crate::node::io::MappingFailure;

/// Where gateways listen.
pub(super) const PORT: u16 = 5351;

/// The first answer is awaited so long, the others each twice as long as the one before.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// How often a question is asked; by then 3.75 s have passed.
const TRIES: u32 = 4;

/// What is asked for.
const ADDRESS: u8 = 0;
const UDP: u8 = 1;
const TCP: u8 = 2;

/// In the answer to each.
const ANSWER: u8 = 128;

/// Has `port` led to us for TCP and for UDP; where from, and for how many seconds.
pub(super) fn map(
    gateway: SocketAddr,
    from: Option<IpAddr>,
    port: u16,
    lifetime_s: u32,
) -> Result<(SocketAddr, u32), MappingFailure> {
    let socket = connected(gateway, from).map_err(|_| MappingFailure::NoAnswer)?;
    let answer: [u8; 12] = ask(&socket, &[0, ADDRESS])?;
    let [.., a, b, c, d] = answer;
    let ip = Ipv4Addr::new(a, b, c, d);
    if ip.is_unspecified() {
        return Err(MappingFailure::Refused);
    }
    let (tcp, tcp_s) = ask_port(&socket, TCP, port, port, lifetime_s)?;
    // The network knows one port for both; if this is another, datagrams do not come in.
    let (_, udp_s) = ask_port(&socket, UDP, port, tcp, lifetime_s)?;
    Ok((SocketAddr::from((ip, tcp)), tcp_s.min(udp_s)))
}

/// Has it led to us no longer. Whatever goes wrong, it ends by itself.
pub(super) fn unmap(gateway: SocketAddr, port: u16) {
    let Ok(socket) = connected(gateway, None) else { return };
    for protocol in [TCP, UDP] {
        let _ = ask_port(&socket, protocol, port, 0, 0);
    }
}

/// Only the gateway's datagrams come in.
fn connected(gateway: SocketAddr, from: Option<IpAddr>) -> io::Result<UdpSocket> {
    let socket = datagram_socket(from)?;
    socket.connect(gateway)?;
    Ok(socket)
}

fn ask_port(
    socket: &UdpSocket,
    protocol: u8,
    port: u16,
    wanted: u16,
    lifetime_s: u32,
) -> Result<(u16, u32), MappingFailure> {
    let mut request = [0, protocol, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    request[4..6].copy_from_slice(&port.to_be_bytes());
    request[6..8].copy_from_slice(&wanted.to_be_bytes());
    request[8..12].copy_from_slice(&lifetime_s.to_be_bytes());
    let answer: [u8; 16] = ask(socket, &request)?;
    let [.., inner, inner_low, outer, outer_low, a, b, c, d] = answer;
    let granted_s = u32::from_be_bytes([a, b, c, d]);
    let outer = u16::from_be_bytes([outer, outer_low]);
    let is_ours = u16::from_be_bytes([inner, inner_low]) == port;
    let is_granted = lifetime_s == 0 || (granted_s > 0 && outer != 0);
    (is_ours && is_granted).then_some((outer, granted_s)).ok_or(MappingFailure::Refused)
}

/// Asks until it is answered.
fn ask<const N: usize>(socket: &UdpSocket, request: &[u8]) -> Result<[u8; N], MappingFailure> {
    let mut buffer = [0; 64];
    for attempt in 0..TRIES {
        let _ = socket.set_read_timeout(Some(FIRST_WAIT * (1 << attempt)));
        // An error of sending shows up as an error of receiving, or as silence.
        let _ = socket.send(request);
        match socket.recv(&mut buffer) {
            Ok(len) => match judge(&buffer[..len], request) {
                Some(Ok(())) if len >= N => {
                    return buffer.first_chunk().copied().ok_or(MappingFailure::Refused);
                }
                Some(Err(why)) => return Err(why),
                // Something else, such as a late answer to another question.
                _ => {}
            },
            Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => break,
            Err(_) => {}
        }
    }
    Err(MappingFailure::NoAnswer)
}

/// Whether this answers the request, and whether the gateway agrees.
fn judge(answer: &[u8], request: &[u8]) -> Option<Result<(), MappingFailure>> {
    let [_, code, result, result_low, ..] = *answer else { return None };
    let asked = request.get(1)?;
    (code == ANSWER + asked).then_some(if result == 0 && result_low == 0 {
        Ok(())
    } else {
        Err(MappingFailure::Refused)
    })
}
