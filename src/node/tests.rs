//! Whole nodes, in memory.

mod flood;
mod link;
mod rope;
