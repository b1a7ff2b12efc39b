//! The gateway of our network: asked to lead one of its ports to the one that we listen on, by
//! NAT-PMP and, if that is not answered, by UPnP (protocol.md section 22).
//!
//! Both are spoken here by hand: they are a few small messages, and the kept libraries either
//! belong to another runtime or bring three dozen packages. All calls block, with short timeouts,
//! on the blocking pool.

mod gateway;
mod nat_pmp;
mod upnp;

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use smol::channel::Sender;
use smol::{Task, Timer, future};

use super::post::Post;
use crate::node::io::{Mapped, MappingFailure, MappingMethod};

/// How long the gateway keeps a mapping that is not renewed: what a crash leaves behind.
const LIFETIME_S: u32 = 3_600;

/// At the end the gateway is given so long to take the mapping back.
const FAREWELL: Duration = Duration::from_secs(2);

/// Where gateways are sought.
#[derive(Clone, Copy, Debug)]
struct Gateways {
    /// Who is asked by NAT-PMP.
    nat_pmp: Option<SocketAddr>,
    /// Who is asked by UPnP: in earnest the multicast group of SSDP.
    ssdp: SocketAddr,
}

impl Gateways {
    fn of_this_network() -> Gateways {
        let nat_pmp = gateway::default_route().map(|ip| SocketAddr::from((ip, nat_pmp::PORT)));
        Gateways { nat_pmp, ssdp: upnp::MULTICAST }
    }
}

/// What a gateway does for us.
#[derive(Clone, Debug)]
enum Held {
    NatPmp(SocketAddr),
    Upnp(upnp::Control, u16),
}

/// Asks gateways, one thing after the other.
#[derive(Debug)]
pub(super) struct Mapper {
    listen: SocketAddr,
    posts: Sender<Post>,
    gateways: Option<Gateways>,
    held: Arc<Mutex<Option<Held>>>,
    busy: Option<Task<()>>,
}

impl Mapper {
    /// For the port of this address; nothing is asked yet.
    pub(super) fn new(listen: SocketAddr, posts: Sender<Post>) -> Mapper {
        Mapper { listen, posts, gateways: None, held: Arc::default(), busy: None }
    }

    /// Asks for the port, or that it stays; the answer is posted.
    pub(super) fn map(&mut self) {
        let (held, posts, listen) = (Arc::clone(&self.held), self.posts.clone(), self.listen);
        let (before, gateways) = (self.busy.take(), self.gateways);
        self.busy = Some(smol::unblock(move || {
            before.into_iter().for_each(smol::block_on);
            let gateways = gateways.unwrap_or_else(Gateways::of_this_network);
            let answer = map(listen, gateways, &held);
            // The node's task may have ended meanwhile: then nobody wants to know.
            let _ = posts.send_blocking(Post::Mapped(answer));
        }));
    }

    /// Takes it back.
    pub(super) fn unmap(&mut self) {
        let (held, before) = (Arc::clone(&self.held), self.busy.take());
        let port = self.listen.port();
        self.busy = Some(smol::unblock(move || {
            before.into_iter().for_each(smol::block_on);
            let held = held.lock().unwrap_or_else(PoisonError::into_inner).take();
            match held {
                Some(Held::NatPmp(gateway)) => nat_pmp::unmap(gateway, port),
                Some(Held::Upnp(control, external)) => upnp::unmap(&control, external),
                None => {}
            }
        }));
    }

    /// Waits until the gateway has taken the mapping back, but not long.
    pub(super) async fn close(mut self) {
        // Nothing was ever asked for: nothing is to be waited for.
        if self.busy.is_some() {
            self.unmap();
        }
        if let Some(last) = self.busy.take() {
            let too_long = async {
                Timer::after(FAREWELL).await;
            };
            future::or(last, too_long).await;
        }
    }
}

/// Asks by the one way, then by the other.
fn map(
    listen: SocketAddr,
    gateways: Gateways,
    held: &Mutex<Option<Held>>,
) -> Result<Mapped, MappingFailure> {
    let hold = |what| *held.lock().unwrap_or_else(PoisonError::into_inner) = Some(what);
    let from = Some(listen.ip()).filter(|ip| !ip.is_unspecified() && ip.is_ipv4());
    let by_nat_pmp = match gateways.nat_pmp {
        Some(gateway) => nat_pmp::map(gateway, from, listen.port(), LIFETIME_S)
            .inspect(|_| hold(Held::NatPmp(gateway))),
        None => Err(MappingFailure::NoAnswer),
    };
    let why = match by_nat_pmp {
        Ok((external, lifetime_s)) => {
            return Ok(Mapped { external, lifetime_s, method: MappingMethod::NatPmp });
        }
        Err(why) => why,
    };
    match upnp::map(gateways.ssdp, from, listen.port(), LIFETIME_S) {
        Ok((control, external)) => {
            hold(Held::Upnp(control, external.port()));
            Ok(Mapped { external, lifetime_s: LIFETIME_S, method: MappingMethod::Upnp })
        }
        Err(MappingFailure::NoAnswer) => Err(why),
        Err(refused) => Err(refused),
    }
}

/// A socket for datagrams of our own, from this address if one is given.
fn datagram_socket(from: Option<IpAddr>) -> std::io::Result<std::net::UdpSocket> {
    let any = IpAddr::from([0, 0, 0, 0]);
    std::net::UdpSocket::bind((from.unwrap_or(any), 0))
}

#[cfg(test)]
mod tests;
