//! Host names to addresses, by the system's resolver on the blocking pool.

use std::net::{IpAddr, ToSocketAddrs};

use smol::channel::Sender;

use super::post::Post;
use crate::node::io::LookupId;

/// Addresses of one name that are handed to the node at most.
const ADDRESSES_MAX: usize = 16;

/// Looks `host` up and posts its addresses (none if there are none).
pub(super) fn resolve(lookup: LookupId, host: String, posts: Sender<Post>) {
    let look_up = move || {
        let mut addresses: Vec<IpAddr> = Vec::new();
        if let Ok(found) = (host.as_str(), 0).to_socket_addrs() {
            for address in found {
                let address = address.ip().to_canonical();
                if addresses.len() < ADDRESSES_MAX && !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
        }
        // The node's task may have ended meanwhile: then nobody wants to know.
        let _ = posts.send_blocking(Post::Resolved { lookup, addresses });
    };
    smol::unblock(look_up).detach();
}
