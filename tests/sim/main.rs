//! Whole nodes in simulated worlds.

mod faults;
mod flood;
mod horizon;
mod oob;
mod routing;
mod tiers;
mod transfer;
mod worlds;
