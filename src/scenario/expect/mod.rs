//! What is expected, in sentences that can be read aloud and computed: `messages == 2E - N + 1`,
//! `hits >= 1 within 3s`, `every node reachable`, `messages of flood > messages of expanding-ring`.
//!
//! ```text
//! condition = [ "every search:" ] sum compare sum { compare sum } [ "within" time ]
//! compare   = "==" | "!=" | ">=" | "<=" | ">" | "<"
//! sum       = product { ("+" | "-") product }
//! product   = atom { ("*" | "/") atom }           2E is 2 * E
//! atom      = number [ unit ] | fact | "sqrt" "(" sum ")" | "(" sum ")"
//! fact      = [ min | max | median | mean | total ] name [ "of" label ] [ "at" key = value { "and" key = value } ]
//! ```
//!
//! A fact of searches is their mean unless another word stands before it. `of` names a step by its
//! label, or one of the strategies that are compared; `at` names runs of a sweep. A condition that
//! names neither strategies nor runs is held against every run.

mod evaluate;
mod facts;
mod read;

use std::time::Duration;

pub(in crate::scenario) use evaluate::unknown_names;
pub use evaluate::{judge, verdict};
pub(super) use facts::throughput;
pub use facts::{FACTS, Kind};
pub use read::read;

/// A condition that holds or does not.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// As it was written.
    pub text: String,
    /// Whether it must hold for every search by itself.
    pub every_search: bool,
    /// What is compared.
    pub sides: Vec<Sum>,
    /// How each side is compared with the next: one less.
    pub signs: Vec<Sign>,
    /// Only what came so long after the search began counts.
    pub within: Option<Duration>,
}

/// How two sides are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// `==`, up to rounding.
    Equal,
    /// `!=`.
    Unequal,
    /// `>=`.
    AtLeast,
    /// `<=`.
    AtMost,
    /// `>`.
    Above,
    /// `<`.
    Below,
}

/// Something that has a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Sum {
    /// A number; with a unit or not.
    Number(f64, Kind),
    /// Something that was measured.
    Fact(Fact),
    /// Both, put together by `+`, `-`, `*` or `/`.
    Both(Box<Sum>, char, Box<Sum>),
    /// The square root.
    Root(Box<Sum>),
}

/// Something that was measured, and in which searches and runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// Its place in [`FACTS`].
    pub name: usize,
    /// How many values become one.
    pub how: How,
    /// The label of steps, or a strategy.
    pub of: Option<String>,
    /// Keys of the sweep and the values they must have.
    pub at: Vec<(String, String)>,
}

/// How many values become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The mean.
    Mean,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// The one in the middle.
    Median,
    /// The sum.
    Total,
}

impl Condition {
    /// All facts in it.
    pub fn facts(&self) -> Vec<&Fact> {
        fn collect<'s>(sum: &'s Sum, into: &mut Vec<&'s Fact>) {
            match sum {
                Sum::Number(..) => {}
                Sum::Fact(fact) => into.push(fact),
                Sum::Both(a, _, b) => {
                    collect(a, into);
                    collect(b, into);
                }
                Sum::Root(of) => collect(of, into),
            }
        }
        let mut facts = Vec::new();
        self.sides.iter().for_each(|side| collect(side, &mut facts));
        facts
    }

    /// Whether it names runs by the values of a sweep.
    pub fn compares_runs(&self) -> bool {
        self.facts().iter().any(|fact| !fact.at.is_empty())
    }

    /// Whether it needs the distances of the network, which are dear.
    pub fn needs_distances(&self) -> bool {
        self.facts()
            .iter()
            .any(|fact| matches!(FACTS[fact.name].name, "diameter" | "path-length" | "clustering"))
    }
}

#[cfg(test)]
mod tests;
