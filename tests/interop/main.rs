//! filbert beside a living gtk-gnutella. Skipped, saying so, unless
//! `FILBERT_INTEROP_GTK_GNUTELLA` names a program that runs a headless gtk-gnutella 1.2 in the
//! foreground, with its settings in the folder that is its one argument (`config_gnet` is there
//! already), until it is killed. A leaf that lacks ultrapeers looks for host caches whatever its
//! settings: the program must keep it from resolving names. Unix only.
//!
//! On loopback no address is valid to gtk-gnutella, and much of it does nothing. What is skipped
//! there runs in a network namespace where `FILBERT_INTEROP_NETWORK` (as `5.9`) and
//! `FILBERT_INTEROP_NETWORK6` (as `2a01:4f8:0:9`) are local, and with `FILBERT_INTEROP_FIREWALL`.
#![cfg(unix)]

mod datagrams;
mod dynamic;
mod flat;
mod ipv6;
mod mesh;
mod neighbour;
mod reach;
mod servent;
mod tiers;
