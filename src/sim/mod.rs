//! A whole world under one seed: many nodes, simulated links, disks and faults, and checkers that
//! follow everything.
//!
//! The very same [`Node`](crate::node) runs here and on sockets. The same seed gives the same
//! world, event by event.

use std::fmt;

use serde::{Deserialize, Serialize};

pub mod byzantine;
pub mod check;
pub mod dice;
pub mod disk;
pub mod distribution;
pub mod edge_list;
mod event;
pub mod faults;
mod follow;
pub mod graph;
pub mod joining;
pub mod latency;
pub mod load;
pub mod measure;
pub mod net;
pub mod overlay;
mod perform;
pub mod queue;
pub mod regions;
pub mod search_record;
pub mod tape;
pub mod tiers;
pub mod topology;
mod trace;
pub mod workload;
mod world;

pub use byzantine::Misdeed;
pub use check::{Failure, Violation};
pub use dice::Dice;
pub use disk::{Disk, SharedFile};
pub use distribution::Distribution;
pub use faults::Fault;
pub use graph::Graph;
pub use joining::{Emergence, Joining};
pub use latency::Latency;
pub use load::NodeLoad;
pub use measure::{Load, Passed, Record};
pub use net::NetConfig;
pub use overlay::{Overlay, OverlayFacts};
pub use queue::Queue;
pub use regions::{Regions, Settled};
pub use search_record::SearchRecord;
pub use tiers::{Population, TwoTiers};
pub use topology::Topology;
pub use world::{Outcome, World, WorldConfig};

/// Names a node of a world; they are numbered from 0 as they are added.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NodeId(pub u32);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.0)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
