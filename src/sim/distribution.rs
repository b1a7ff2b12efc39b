//! Many numbers in few: how they are distributed.

use serde::{Deserialize, Serialize};

/// Bars of a histogram at most.
const BARS_MAX: usize = 20;

/// How numbers are distributed. All are 0 if there were none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Distribution {
    /// How many numbers.
    pub count: u64,
    /// The least.
    pub min: f64,
    /// Half are not above it.
    pub median: f64,
    /// The mean.
    pub mean: f64,
    /// 90 % are not above it.
    pub p90: f64,
    /// 99 % are not above it.
    pub p99: f64,
    /// The greatest.
    pub max: f64,
    /// How many lie where, from the least to the greatest: bars of equal width, 20 at most; one for
    /// each number if they are whole and few enough.
    pub histogram: Vec<Bar>,
}

/// So many numbers lie between two others.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Bar {
    /// From here, inclusive.
    pub from: f64,
    /// To here, exclusive but for the last bar.
    pub to: f64,
    /// So many.
    pub count: u64,
}

impl Distribution {
    /// Of these numbers; what is not a finite number is left out.
    pub fn of(numbers: impl IntoIterator<Item = f64>) -> Distribution {
        let mut sorted: Vec<f64> =
            numbers.into_iter().filter(|number| number.is_finite()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let (Some(&min), Some(&max)) = (sorted.first(), sorted.last()) else {
            return Distribution::default();
        };
        // The nearest rank: always one of the numbers.
        let upto = |percent: usize| sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1];
        Distribution {
            count: sorted.len() as u64,
            min,
            median: upto(50),
            mean: sorted.iter().sum::<f64>() / sorted.len() as f64,
            p90: upto(90),
            p99: upto(99),
            max,
            histogram: histogram(&sorted, min, max),
        }
    }
}

fn histogram(sorted: &[f64], min: f64, max: f64) -> Vec<Bar> {
    let whole = sorted.iter().all(|number| number.fract() == 0.0);
    let (bars, width) = match max - min {
        0.0 => (1, 1.0),
        range if whole && range < BARS_MAX as f64 => (range as usize + 1, 1.0),
        range => (BARS_MAX, range / BARS_MAX as f64),
    };
    let mut before = 0;
    let bar = |at: usize| {
        let (from, to) = (min + width * at as f64, min + width * (at + 1) as f64);
        let upto = match at + 1 {
            last if last == bars => sorted.len(),
            _ => sorted.partition_point(|&number| number < to),
        };
        let count = (upto - std::mem::replace(&mut before, upto)) as u64;
        Bar { from, to, count }
    };
    (0..bars).map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_numbers_have_the_percentiles_of_their_ranks() {
        let all = Distribution::of((1..=100).rev().map(f64::from));
        assert_eq!((all.count, all.min, all.max, all.mean), (100, 1.0, 100.0, 50.5));
        assert_eq!((all.median, all.p90, all.p99), (50.0, 90.0, 99.0));
        assert_eq!(all.histogram.len(), 20);
        assert_eq!(all.histogram.iter().map(|bar| bar.count).sum::<u64>(), 100);
        assert!((all.histogram[19].to - 100.0).abs() < 1e-9);
    }

    #[test]
    fn few_whole_numbers_have_a_bar_each() {
        let degrees = Distribution::of([3.0, 5.0, 3.0, 4.0]);
        let counts: Vec<u64> = degrees.histogram.iter().map(|bar| bar.count).collect();
        assert_eq!((counts, degrees.median), (vec![2, 1, 1], 3.0));
    }

    #[test]
    fn nothing_and_one_number_are_distributions_too() {
        assert_eq!(Distribution::of([f64::NAN]), Distribution::default());
        let one = Distribution::of([7.5]);
        assert_eq!((one.min, one.median, one.p99, one.histogram[0].count), (7.5, 7.5, 7.5, 1));
    }
}
