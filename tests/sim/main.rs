//! Whole nodes in simulated worlds.

mod faults;
mod flood;
mod transfer;
mod worlds;
