//! Whole nodes, in memory.

mod datagrams;
mod flood;
mod hosts;
mod limits;
mod link;
mod rope;
mod vendor;
mod why;
