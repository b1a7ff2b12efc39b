//! Whole nodes in simulated worlds.

mod faults;
mod flood;
mod horizon;
mod transfer;
mod worlds;
