//! How long something lasts: a Weibull distribution by its shape and its median or mean.

use serde::{Deserialize, Serialize};

use super::Unfit;
use crate::sim::Dice;

/// Weibull-distributed times. With a shape below 1 there are many short and a few very long ones,
/// and what has lasted long will last longer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Lifetime {
    /// Its shape; 1 is exponential. Sessions of peers: 0.34 to 0.59 (Stutzbach and Rejaie 2006).
    pub shape: f64,
    /// Half are shorter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub median_s: Option<f64>,
    /// The mean, if the median is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_s: Option<f64>,
}

impl Lifetime {
    /// Of this shape and median.
    pub fn median(shape: f64, median_s: f64) -> Lifetime {
        Lifetime { shape, median_s: Some(median_s), mean_s: None }
    }

    /// Of this shape and mean.
    pub fn mean(shape: f64, mean_s: f64) -> Lifetime {
        Lifetime { shape, median_s: None, mean_s: Some(mean_s) }
    }

    /// Whether its values make sense.
    pub fn check(&self) -> Result<(), Unfit> {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        if !(0.05..=100.0).contains(&self.shape) {
            return Err(Unfit { key: "shape", must: "between 0.05 and 100" });
        }
        match (self.median_s, self.mean_s) {
            (Some(median_s), None) if positive(median_s) => Ok(()),
            (None, Some(mean_s)) if positive(mean_s) => Ok(()),
            _ => Err(Unfit { key: "median-s", must: "positive, or mean-s in its place" }),
        }
    }

    /// The scale: 63 % are shorter.
    pub fn scale_s(&self) -> f64 {
        match (self.median_s, self.mean_s) {
            (Some(median_s), _) => median_s / std::f64::consts::LN_2.powf(1.0 / self.shape),
            (None, Some(mean_s)) => mean_s / gamma(1.0 + 1.0 / self.shape),
            (None, None) => 0.0,
        }
    }

    /// The mean.
    pub fn expected_s(&self) -> f64 {
        self.scale_s() * gamma(1.0 + 1.0 / self.shape)
    }

    /// Draws one, in seconds.
    pub fn draw_s(&self, dice: &mut Dice) -> f64 {
        self.scale_s() * (-(1.0 - dice.unit()).ln()).powf(1.0 / self.shape)
    }

    /// Draws what is left at a moment that has nothing to do with its beginning, as one who comes
    /// to look meets it: one that lasts long is met more often, and somewhere in its midst.
    pub fn draw_left_s(&self, dice: &mut Dice) -> f64 {
        // The power of a length that is drawn by its length is gamma-distributed.
        let met = self.scale_s() * draw_gamma(1.0 + 1.0 / self.shape, dice).powf(1.0 / self.shape);
        met * dice.unit()
    }
}

/// The gamma function, for arguments above 0.5 (Lanczos; 15 digits).
fn gamma(of: f64) -> f64 {
    const WEIGHTS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let at = of - 1.0;
    let series = (1..).zip(WEIGHTS).map(|(step, weight)| weight / (at + f64::from(step)));
    let sum = 0.999_999_999_999_809_9 + series.sum::<f64>();
    let base = at + 7.5;
    std::f64::consts::TAU.sqrt() * base.powf(at + 0.5) * (-base).exp() * sum
}

/// Draws from the gamma distribution of this shape, 1 or more (Marsaglia and Tsang 2000).
fn draw_gamma(shape: f64, dice: &mut Dice) -> f64 {
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let normal = dice.normal();
        let v = (1.0 + c * normal).powi(3);
        if v > 0.0 && (1.0 - dice.unit()).ln() < 0.5 * normal * normal + d * (1.0 - v + v.ln()) {
            return d * v;
        }
    }
}
