//! Regions: nodes that are near each other, and how far it is from each region to each.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::NodeId;
use super::dice::Dice;

/// A matrix of one-way latencies between regions, and who lives where.
///
/// What is sent from region `a` to region `b` is under way for `one_way_us[a][b]` and what
/// [`super::NetConfig::latency`] draws: the way between the regions is long or short, the last
/// mile and the queues on it vary.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Regions {
    /// What they are called; there are as many as names.
    pub names: Vec<String>,
    /// Microseconds from the region of the row to that of the column. It need not be symmetric.
    pub one_way_us: Vec<Vec<u64>>,
    /// Who lives where.
    #[serde(default)]
    pub settled: Settled,
}

/// In which region a node lives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "kebab-case")]
pub enum Settled {
    /// One after the other, over and over.
    #[default]
    RoundRobin,
    /// Anywhere, each region with its weight; one without a weight is empty.
    Random {
        /// One for each region.
        weights: Vec<u32>,
    },
    /// The first so many in the first region, and so on; who is left over lives in the last one.
    Blocks {
        /// One for each region.
        nodes: Vec<u32>,
    },
}

/// Why regions make no sense.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BadRegions {
    /// There are none, or more than 65,535.
    #[error("there must be 1 to 65535 regions")]
    Count,
    /// The matrix has not one row and one column for each region.
    #[error("the matrix must have {regions} rows of {regions} latencies")]
    Matrix {
        /// How many regions there are.
        regions: usize,
    },
    /// The rule names more regions than there are, or nobody can live anywhere.
    #[error("the rule must have a number for each of the {regions} regions, and not all may be 0")]
    Rule {
        /// How many regions there are.
        regions: usize,
    },
}

impl Regions {
    /// Says what is wrong with them, if something is. (A world with wrong ones does not panic: what
    /// the matrix does not say takes no time.)
    pub fn check(&self) -> Result<(), BadRegions> {
        let regions = self.names.len();
        if regions == 0 || regions > usize::from(u16::MAX) {
            return Err(BadRegions::Count);
        }
        if self.one_way_us.len() != regions || self.one_way_us.iter().any(|to| to.len() != regions)
        {
            return Err(BadRegions::Matrix { regions });
        }
        let fits = match &self.settled {
            Settled::RoundRobin => true,
            Settled::Random { weights: shares } | Settled::Blocks { nodes: shares } => {
                shares.len() == regions && shares.iter().any(|&share| share > 0)
            }
        };
        if fits { Ok(()) } else { Err(BadRegions::Rule { regions }) }
    }

    /// Where a node lives.
    pub(super) fn of(&self, node: NodeId, dice: &mut Dice) -> u16 {
        let last = self.names.len().saturating_sub(1);
        let region = match &self.settled {
            Settled::RoundRobin => node.0 as usize % (last + 1),
            Settled::Random { weights } => {
                let all = weights.iter().map(|&weight| u64::from(weight)).sum();
                first_above(weights, dice.below(all))
            }
            Settled::Blocks { nodes } => first_above(nodes, node.0.into()),
        };
        u16::try_from(region.min(last)).unwrap_or(u16::MAX)
    }

    /// Microseconds from region to region.
    #[inline]
    pub(super) fn one_way_us(&self, from: u16, to: u16) -> u64 {
        let row = self.one_way_us.get(usize::from(from));
        row.and_then(|row| row.get(usize::from(to))).copied().unwrap_or(0)
    }
}

/// The first share at which the sum of the shares is above `number`.
fn first_above(shares: &[u32], number: u64) -> usize {
    let mut sum = 0;
    let above = |share: &u32| {
        sum += u64::from(*share);
        sum > number
    };
    shares.iter().position(above).unwrap_or(shares.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regions(settled: Settled) -> Regions {
        Regions {
            names: ["here", "there"].map(str::to_owned).to_vec(),
            one_way_us: vec![vec![1, 2], vec![3, 4]],
            settled,
        }
    }

    fn settled(rule: Settled, nodes: u32) -> Vec<u16> {
        let (regions, mut dice) = (regions(rule), Dice::new(1));
        assert_eq!(regions.check(), Ok(()));
        (0..nodes).map(|node| regions.of(NodeId(node), &mut dice)).collect()
    }

    #[test]
    fn everybody_lives_where_the_rule_says() {
        assert_eq!(settled(Settled::RoundRobin, 5), [0, 1, 0, 1, 0]);
        assert_eq!(settled(Settled::Blocks { nodes: vec![1, 2] }, 5), [0, 1, 1, 1, 1]);
        let random = settled(Settled::Random { weights: vec![1, 3] }, 4_000);
        let there = random.iter().filter(|&&region| region == 1).count();
        assert!((2_900..3_100).contains(&there), "{there}");
        assert_eq!(settled(Settled::Random { weights: vec![0, 3] }, 3), [1, 1, 1]);
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let good = regions(Settled::RoundRobin);
        assert_eq!(
            (good.one_way_us(0, 1), good.one_way_us(1, 0), good.one_way_us(7, 0)),
            (2, 3, 0)
        );
        assert_eq!(Regions::default().check(), Err(BadRegions::Count));
        let torn = Regions { one_way_us: vec![vec![1, 2], vec![3]], ..good.clone() };
        assert_eq!(torn.check(), Err(BadRegions::Matrix { regions: 2 }));
        for rule in [Settled::Random { weights: vec![1] }, Settled::Blocks { nodes: vec![0, 0] }] {
            assert_eq!(regions(rule).check(), Err(BadRegions::Rule { regions: 2 }));
        }
    }
}
