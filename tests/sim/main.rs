//! Whole nodes in simulated worlds.

mod flood;
mod worlds;
