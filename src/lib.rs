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
//! | `cluster` | real servents on one machine: processes, directories, links | simulation |
//! | `scenario` | a file that says who does what when, played in `sim`, and the report | terminal |
//! | `cli` | words to calls, events to lines, errors to exit statuses | protocol |
//!
//! A room imports only rooms to its left; `sim` and `driver` do not know each other.
//!
//! ## A worked example: two nodes on a rope
//!
//! A node has no hands: whoever carries its bytes is its driver. Here that is a loop over two
//! nodes, which is what the simulator and the real driver are, too. To embed a whole servent with
//! sockets and files, see [`servent`] instead.
//!
//! ```
//! use std::sync::Arc;
//! use filbert::node::{Action, Command, Config, ConnId, Input, Node, Rng, Time, WallTime};
//!
//! let node = |seed: u64, listen: &str| {
//!     let config =
//!         Config { listen: listen.parse().unwrap(), local_addresses: true, ..Config::default() };
//!     let mut rng = Rng::from_u64(seed);
//!     let guid = rng.guid();
//!     Node::new(Arc::new(config), guid, rng, WallTime(0))
//! };
//! let (mut a, mut b) = (node(1, "10.0.0.1:6346"), node(2, "10.0.0.2:6346"));
//! let now = Time::ZERO;
//!
//! // A is told to connect, and says what it wants done about that.
//! let wish = Command::Connect { host: "10.0.0.2".to_owned(), port: 6346 };
//! let actions: Vec<Action> = a.handle(now, Input::Command(wish)).collect();
//! let [Action::Connect { conn: at_a, to }] = actions[..] else { panic!("{actions:?}") };
//! assert_eq!(to, "10.0.0.2:6346".parse().unwrap());
//!
//! // The rope is tied: both hear of it.
//! let at_b = ConnId::accepted(1);
//! let (ip_a, ip_b) = ("10.0.0.1:50000".parse().unwrap(), to);
//! let mut from_a: Vec<Action> =
//!     a.handle(now, Input::Connected { conn: at_a, local: ip_a }).collect();
//! let accepted = Input::Accepted { conn: at_b, peer: ip_a, local: ip_b };
//! let mut from_b: Vec<Action> = b.handle(now, accepted).collect();
//!
//! // Bytes are carried until nobody has anything more to say.
//! fn carry(sent: &[Action], to: &mut Node, conn: ConnId, now: Time) -> Vec<Action> {
//!     let mut answers = Vec::new();
//!     for action in sent {
//!         if let Action::Send { chunk, .. } = action {
//!             answers.extend(to.handle(now, Input::Received { conn, data: chunk.bytes() }));
//!         }
//!     }
//!     answers.extend(to.handle(now, Input::TurnOver));
//!     answers
//! }
//! while !from_a.is_empty() || !from_b.is_empty() {
//!     let answers = carry(&from_a, &mut b, at_b, now);
//!     from_a = carry(&from_b, &mut a, at_a, now);
//!     from_b = answers;
//! }
//! assert_eq!(a.view().neighbours.len(), 1);
//! assert_eq!(b.view().neighbours.len(), 1);
//! ```
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
#[cfg(feature = "cluster")]
pub mod cluster;
pub mod driver;
pub mod library;
pub mod node;
#[cfg(feature = "scenario")]
pub mod scenario;
pub mod servent;
pub mod sim;
pub mod wire;
