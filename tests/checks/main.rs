//! What the simulator can be checked against: facts that are exact or come with a tolerance, each
//! held by a test named after it.

mod strategies;
mod worlds;
