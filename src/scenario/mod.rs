//! One script, two theatres: a file that says who shares what with whom and what happens, played
//! in the simulator or by real servents on this machine, and the report of what came of it.
//!
//! ```text
//! text --[file]--> Scenario --[play on simulated or real]--> Run --[many]--> Report --> table, JSON, CSV, page
//! ```
//!
//! This room knows files and threads, and nothing of the terminal.

pub mod bundled;
pub mod compare;
pub mod csv;
pub mod expect;
pub mod file;
pub mod follow;
pub mod many;
pub mod page;
pub mod play;
pub mod quantity;
pub mod real;
pub mod recording;
pub mod report;
pub mod simulated;

pub use compare::Compared;
pub use file::{Mistake, Scenario};
pub use many::{Broken, Experiment};
pub use report::Report;
