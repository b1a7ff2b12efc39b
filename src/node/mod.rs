//! The servent's mind: inputs go in, actions come out, and nothing else happens.
//!
//! The whole boundary is in [`io`]. `on_input`, `on_message`, `on_timer` and `on_command` are the
//! switchboard: all branching there, all work in the folders below, which do not import each other.

pub mod config;
pub mod io;
pub mod rng;
pub mod time;
pub mod transfer;
pub mod why;

pub use config::Config;
pub use io::{Action, Chunk, Command, ConnId, Event, Input};
pub use rng::Rng;
pub use time::{Time, WallTime};
pub use why::Why;
