//! Many numbers in few: how they are distributed.

use serde::{Deserialize, Serialize};

/// Numbers in short.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// How many.
    pub count: u64,
    /// Their mean; 0 if there are none.
    pub mean: f64,
    /// Their sum.
    pub sum: f64,
    /// The 0th, 1st, ... 100th percentile: 101 numbers (0 the least, 50 the median, 100 the
    /// greatest), or none if there are no numbers.
    pub percentiles: Vec<f64>,
}

impl Distribution {
    /// Of these numbers, which must not be NaN.
    pub fn of(mut numbers: Vec<f64>) -> Distribution {
        numbers.sort_by(f64::total_cmp);
        let Some(last) = numbers.len().checked_sub(1) else { return Distribution::default() };
        let sum: f64 = numbers.iter().sum();
        // Nearest rank: every percentile is a number that was there.
        let rank = |percent: usize| numbers[(percent * last + 50) / 100];
        Distribution {
            count: numbers.len() as u64,
            mean: sum / numbers.len() as f64,
            sum,
            percentiles: (0..=100).map(rank).collect(),
        }
    }

    /// The median, if there are numbers.
    pub fn median(&self) -> Option<f64> {
        self.percentiles.get(50).copied()
    }

    /// A percentile, 0 to 100; 0 if there are no numbers.
    pub fn percentile(&self, percent: usize) -> f64 {
        self.percentiles.get(percent.min(100)).copied().unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Distribution;

    #[test]
    fn percentiles_are_numbers_that_were_there() {
        let short = Distribution::of(vec![3.0, 1.0, 2.0]);
        assert_eq!((short.count, short.mean, short.sum), (3, 2.0, 6.0));
        assert_eq!([0, 50, 100].map(|percent| short.percentile(percent)), [1.0, 2.0, 3.0]);
        let long = Distribution::of((0..=1000).map(f64::from).collect());
        assert_eq!([1, 25, 99].map(|percent| long.percentile(percent)), [10.0, 250.0, 990.0]);
        assert_eq!(Distribution::of(Vec::new()), Distribution::default());
    }
}
