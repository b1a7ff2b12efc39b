//! Whole nodes in simulated worlds.

mod bootstrap;
mod breaks;
mod byzantine;
mod dynamic;
mod edge_lists;
mod faults;
mod flood;
mod horizon;
mod ipv6;
mod oob;
mod passages;
mod play;
mod reach;
mod routing;
mod tiers;
mod transfer;
mod workload;
mod worlds;
