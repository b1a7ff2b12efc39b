//! Transfers against each other and against peers that lie, on a rope in memory.

mod alternates;
mod browsing;
mod downloads;
mod liars;
mod pushes;
mod rope;
mod uploads;
