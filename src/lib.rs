//! # filbert: a Gnutella servent, its cluster and its simulator in one code
//!
//! A servent keeps a neighbour list, answers keyword searches by TTL-limited flooding with a
//! query-ID cache so that nothing loops, and moves matching files directly between peers.
//!
//! ## The rooms
//!
//! ```text
//! wire <- library <- node <-+- driver <- servent <- api <- cluster <-+- scenario <- cli <- main
//!                           +- sim <---------------------------------+
//! ```
//!
//! | room | its one job | knows nothing of |
//! |---|---|---|
//! | [`wire`] | bytes to values and back: descriptors, GGEP, URNs, handshake and HTTP heads, magnets | sockets, time, state, policy |
//! | [`library`] | what we share, as data: entries, keyword index, match | disk, peers |
//! | [`node`] | the servent's mind: input in, actions out | sockets, disk, threads, async |
//! | [`driver`] | the servent's hands on smol: sockets, names, disk, hashing, the clock, entropy | what a byte from a peer means |
//! | [`sim`] | a whole world under one seed | smol, real sockets, real files |
//! | [`servent`] | the handle an application holds | simulation, HTTP |
//! | `api` | HTTP, JSON and events over a servent, and the client for it | terminal |
//! | `cli` | words to calls, events to lines, errors to exit statuses | protocol |
//!
//! A room imports only rooms to its left; `sim` and `driver` do not know each other.
//!
//! ## Invariants (mostly absences)
//!
//! 1. `wire`, `library`, `node` and `sim` know no socket, disk, thread, async, clock or OS
//!    randomness. The same inputs give the same outputs, byte for byte.
//! 2. Nothing in `wire` can panic, allocate without bound or loop without bound.
//! 3. [`node::Node::handle`] cannot fail. A bad peer is a closed connection and a counted reason.
//! 4. One task owns a node. There is no lock around protocol state.
//! 5. File bodies never pass through the core.
//! 6. Every table, queue, buffer, timer and retry has a limit in [`node::Config`]; what is dropped
//!    at a limit is counted by [`node::Why`].
//! 7. No iteration order of a hash map ever decides behaviour.
//! 8. Rooms import only to the left; `tests/architecture.rs` holds it.
//! 9. The command line talks to a servent by its HTTP interface alone.

#[cfg(feature = "api")]
pub mod api;
#[cfg(feature = "cli")]
pub mod cli;
pub mod driver;
pub mod library;
pub mod node;
pub mod servent;
pub mod sim;
pub mod wire;
