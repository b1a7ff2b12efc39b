//! The servent's hands: sockets, names, disk, hashing, scanning, the clock, entropy.

pub mod codec;
pub mod hash;
pub mod partial;
mod publish;
mod ranges;
pub mod scan;
pub mod shares;
pub mod state;
