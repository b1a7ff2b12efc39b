//! A whole world under one seed: many nodes, simulated links, disks and faults, and checkers that
//! follow everything.
//!
//! The very same [`Node`](crate::node) runs here and on sockets. The same seed gives the same
//! world, event by event.

pub mod dice;
pub mod latency;
pub mod queue;
pub mod topology;

pub use dice::Dice;
pub use latency::Latency;
pub use queue::Queue;
pub use topology::{Graph, Topology};
