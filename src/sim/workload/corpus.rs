//! What is shared: how many files, how popular, in how many copies, and who has them.

use serde::{Deserialize, Serialize};

use super::{Catalogue, Holdings, Unfit, Zipf, amount, share};
use crate::sim::Dice;

/// How many copies of each file there are, by its popularity (Cohen and Shenker 2002).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Replication {
    /// As many of each.
    Uniform,
    /// In proportion to how often it is asked for: what comes about when everybody keeps what it
    /// has fetched.
    #[default]
    Proportional,
    /// In proportion to the square root of that: the least mean search size of all rules.
    SquareRoot,
}

/// The files of a world and the copies of them.
///
/// Names are made of words, so that a question may match other files than the one it was made
/// for, as real ones do; the truth counts those, too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Corpus {
    /// Different files.
    pub files: u32,
    /// Exponent of the Zipf law by which files are asked for; 0: all as often. Measured for
    /// Gnutella's queries between 0.63 and 1.24 (Sripanidkulchai 2001).
    pub popularity_exponent: f64,
    /// The share of the nodes that have a copy of a file, in the mean over all files.
    pub copies_share: f64,
    /// How the copies are divided among the files.
    pub replication: Replication,
    /// The share of the nodes that share nothing. About 70 % did (Adar and Huberman 2000).
    pub free_riders_share: f64,
    /// The share of all nodes that gives `top_copies_share` of the copies: the top 1 % gave half
    /// of all answers (Adar and Huberman 2000).
    pub top_nodes_share: f64,
    /// The share of all copies that the top nodes have, as far as each of them can have but one
    /// copy of a file. Not above `top_nodes_share`: all who share, share as much.
    pub top_copies_share: f64,
    /// Different words in the names.
    pub vocabulary_words: u32,
    /// Exponent of the Zipf law by which words are used in names. A free choice: two words of a
    /// name then match another file in one of some 3,000 cases.
    pub word_exponent: f64,
    /// Words of a name.
    pub name_words: u32,
    /// Bytes of each file.
    pub file_bytes: u64,
    /// Whether the copies are dealt out like cards, so that all who share have as many, give or take
    /// one; else chance alone decides (and the top nodes count).
    pub dealt: bool,
    /// Whether the files have their SHA-1, so that they can be fetched and verified; it costs
    /// hashing each of them once.
    pub hashed: bool,
}

impl Default for Corpus {
    fn default() -> Self {
        Corpus {
            files: 1_000,
            popularity_exponent: 1.0,
            copies_share: 0.01,
            replication: Replication::default(),
            free_riders_share: 0.7,
            top_nodes_share: 0.01,
            top_copies_share: 0.5,
            vocabulary_words: 5_000,
            word_exponent: 0.8,
            name_words: 4,
            file_bytes: 4_000_000,
            dealt: false,
            hashed: false,
        }
    }
}

impl Corpus {
    /// Copies on uniformly random nodes, without free riders and top nodes: what formulas assume.
    pub fn even(files: u32, copies_share: f64) -> Corpus {
        Corpus {
            files,
            copies_share,
            replication: Replication::Uniform,
            free_riders_share: 0.0,
            top_copies_share: 0.0,
            ..Corpus::default()
        }
    }

    /// Whether its values make sense.
    pub fn check(&self) -> Result<(), Unfit> {
        share("copies-share", self.copies_share)?;
        share("free-riders-share", self.free_riders_share)?;
        share("top-nodes-share", self.top_nodes_share)?;
        share("top-copies-share", self.top_copies_share)?;
        amount("popularity-exponent", self.popularity_exponent)?;
        amount("word-exponent", self.word_exponent)?;
        match () {
            () if self.files == 0 => Err(Unfit { key: "files", must: "1 or more" }),
            () if self.name_words == 0 => Err(Unfit { key: "name-words", must: "1 or more" }),
            () if self.vocabulary_words < self.name_words => {
                Err(Unfit { key: "vocabulary-words", must: "name-words or more" })
            }
            () => Ok(()),
        }
    }

    /// How popular the files are, the most popular first.
    pub fn popularity(&self) -> Zipf {
        Zipf::new(self.files, self.popularity_exponent)
    }

    /// How many of so many nodes share something.
    pub fn sharers(&self, nodes: u32) -> u32 {
        let free_riders = (f64::from(nodes) * self.free_riders_share).round() as u32;
        nodes.saturating_sub(free_riders).max(nodes.min(1))
    }

    /// How many copies of each file there are among so many nodes, in expectation: by the rule,
    /// but one at least and one for each node that shares at most; the others make up for those,
    /// so that the sum is as told as long as the bounds allow it.
    pub fn copies(&self, nodes: u32) -> Vec<f64> {
        let popularity = self.popularity();
        let weigh = |rank| match self.replication {
            Replication::Uniform => 1.0,
            Replication::Proportional => popularity.probability(rank),
            Replication::SquareRoot => popularity.probability(rank).sqrt(),
        };
        let weights: Vec<f64> = (0..self.files).map(weigh).collect();
        let sum = f64::from(self.files) * f64::from(nodes) * self.copies_share;
        divided(&weights, sum, f64::from(nodes.min(1)), f64::from(self.sharers(nodes)))
    }

    /// Makes the files' names and puts their copies onto so many nodes.
    pub fn place(&self, nodes: u32, dice: &Dice) -> Holdings {
        let catalogue = Catalogue::new(self, &mut dice.derive("names"));
        Holdings::new(self, catalogue.into(), nodes, &mut dice.derive("copies"))
    }
}

/// Divides `sum` in proportion to the weights, which fall, with a share between `least` and `most`
/// for each.
fn divided(weights: &[f64], sum: f64, least: f64, most: f64) -> Vec<f64> {
    let mut shares = vec![0.0; weights.len()];
    // The first `high` have the most, those from `low` on the least; the rest is in proportion.
    let (mut high, mut low) = (0, weights.len());
    loop {
        let left = sum - most * high as f64 - least * (weights.len() - low) as f64;
        let factor = left / weights[high..low].iter().sum::<f64>();
        let share = |at: usize| weights[at] * factor;
        let too_high = (high..low).take_while(|&at| share(at) > most).count();
        let too_low = (high..low).rev().take_while(|&at| share(at) < least).count();
        // Whichever bound takes more from the rest is right for certain; then look again.
        let above: f64 = (high..high + too_high).map(|at| share(at) - most).sum();
        let below: f64 = (low - too_low..low).map(|at| least - share(at)).sum();
        if too_high == 0 && too_low == 0 || high == low {
            for (at, share) in shares.iter_mut().enumerate() {
                *share = match at {
                    _ if at < high => most,
                    _ if at >= low => least,
                    _ => weights[at] * factor,
                };
            }
            return shares;
        }
        if above >= below {
            high += too_high;
        } else {
            low -= too_low;
        }
    }
}
