//! Whole nodes in simulated worlds.

mod faults;
mod flood;
mod horizon;
mod tiers;
mod transfer;
mod worlds;
