//! Workloads: what is shared, who asks for what, who comes and goes, and who does harm.
//!
//! Every kind is a plain value with defaults from measurements ([`Corpus`], [`Questions`],
//! [`Churn`], [`FlashCrowd`], [`Attackers`]). With [`Dice`](super::Dice) each yields something to
//! play: a corpus the [`Holdings`] of the nodes, the others a lazy stream of [`Planned`] deeds,
//! which a [`Plan`] merges by time. The same seed gives the same plan. A [`Player`] plays it in a
//! world.

mod attackers;
mod catalogue;
mod churn;
mod corpus;
mod crowd;
mod holdings;
mod lifetime;
mod plan;
mod player;
mod questions;
#[cfg(test)]
mod tests;
mod words;
mod zipf;

pub use attackers::Attackers;
pub use catalogue::Catalogue;
pub use churn::Churn;
pub use corpus::{Corpus, Replication};
pub use crowd::FlashCrowd;
pub use holdings::Holdings;
pub use lifetime::Lifetime;
pub use plan::{Deed, Plan, Planned};
pub use player::{Conduct, Fetch, Player, Searched, Turnover};
pub use questions::{Asker, Question, Questions};
pub use zipf::Zipf;

use thiserror::Error;

/// A value that a workload cannot have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{key} must be {must}")]
pub struct Unfit {
    /// The key, as it is written in a file.
    pub key: &'static str,
    /// What it must be.
    pub must: &'static str,
}

/// Holds that a share is one.
fn share(key: &'static str, share: f64) -> Result<(), Unfit> {
    let fits = (0.0..=1.0).contains(&share);
    if fits { Ok(()) } else { Err(Unfit { key, must: "a share between 0 and 1" }) }
}

/// Holds that a quantity is finite and not negative.
fn amount(key: &'static str, amount: f64) -> Result<(), Unfit> {
    let fits = amount.is_finite() && amount >= 0.0;
    if fits { Ok(()) } else { Err(Unfit { key, must: "a number of 0 or more" }) }
}

/// The whole number below or above, by chance, so that it is `expected` in the mean.
fn rounded(expected: f64, dice: &mut super::Dice) -> u32 {
    let below = expected.max(0.0).floor();
    below as u32 + u32::from(dice.chance(expected - below))
}
