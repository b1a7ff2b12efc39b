//! Whole nodes, in memory.

mod answers;
mod bootstrap;
mod datagrams;
mod dynamic;
mod flood;
mod hosts;
mod hsep;
mod limits;
mod link;
mod oob;
mod passages;
mod reach;
mod reasons;
mod rope;
mod routing;
mod strategies;
mod tiers;
mod vendor;
mod why;
