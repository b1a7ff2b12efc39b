//! How long bytes are under way.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::dice::Dice;

/// A distribution of one-way latencies, in microseconds. Nothing arrives in less than one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "model", rename_all = "kebab-case")]
pub enum Latency {
    /// Always the same.
    Constant {
        /// That long.
        us: u64,
    },
    /// Any between two bounds is as likely.
    Uniform {
        /// At least.
        from_us: u64,
        /// At most.
        to_us: u64,
    },
    /// Exponentially distributed: many short, few long.
    Exponential {
        /// The mean.
        mean_us: u64,
    },
    /// Log-normally distributed, as measured between hosts of the Internet.
    LogNormal {
        /// Half are shorter.
        median_us: u64,
        /// Standard deviation of the logarithm; 0.5 is mild, 1.5 wild.
        sigma: f64,
    },
}

impl Default for Latency {
    fn default() -> Self {
        Latency::Constant { us: 50_000 }
    }
}

impl Latency {
    /// Draws one.
    pub fn draw(&self, dice: &mut Dice) -> Duration {
        let us = match *self {
            Latency::Constant { us } => us,
            Latency::Uniform { from_us, to_us } => {
                from_us + dice.below(to_us.saturating_sub(from_us).saturating_add(1))
            }
            Latency::Exponential { mean_us } => {
                (-(1.0 - dice.unit()).ln() * mean_us as f64).round() as u64
            }
            Latency::LogNormal { median_us, sigma } => {
                // Box and Muller.
                let normal = (-2.0 * (1.0 - dice.unit()).ln()).sqrt()
                    * (std::f64::consts::TAU * dice.unit()).cos();
                (median_us as f64 * (sigma * normal).exp()).round() as u64
            }
        };
        Duration::from_micros(us.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(latency: Latency) -> Vec<f64> {
        let mut dice = Dice::new(11);
        let mut all: Vec<f64> =
            (0..20_000).map(|_| latency.draw(&mut dice).as_micros() as f64).collect();
        all.sort_by(f64::total_cmp);
        all
    }

    #[test]
    fn each_model_has_the_mean_or_median_it_is_told() {
        let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len() as f64;
        assert_eq!(mean(&drawn(Latency::Constant { us: 40 })), 40.0);
        let uniform = drawn(Latency::Uniform { from_us: 100, to_us: 300 });
        assert!((mean(&uniform) - 200.0).abs() < 3.0);
        assert_eq!((uniform[0], uniform[uniform.len() - 1]), (100.0, 300.0));
        let exponential = drawn(Latency::Exponential { mean_us: 10_000 });
        assert!((mean(&exponential) - 10_000.0).abs() < 300.0);
        let log_normal = drawn(Latency::LogNormal { median_us: 10_000, sigma: 0.8 });
        assert!((log_normal[log_normal.len() / 2] - 10_000.0).abs() < 300.0);
    }

    #[test]
    fn nothing_arrives_in_no_time() {
        assert_eq!(drawn(Latency::Constant { us: 0 })[0], 1.0);
    }
}
