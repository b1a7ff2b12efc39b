//! Zipf's law: the item of rank r is drawn in proportion to 1 / r^exponent.

use crate::sim::Dice;

/// A Zipf distribution over so many items, the most popular first.
#[derive(Clone, Debug, PartialEq)]
pub struct Zipf {
    /// The probability that an item of this rank or a more popular one is drawn.
    cumulative: Vec<f64>,
}

impl Zipf {
    /// Over `items` items. Exponent 0 makes all equally popular.
    pub fn new(items: u32, exponent: f64) -> Zipf {
        let mut sum = 0.0;
        let mut cumulative: Vec<f64> = (1..=items)
            .map(|rank| {
                sum += f64::from(rank).powf(-exponent);
                sum
            })
            .collect();
        for below in &mut cumulative {
            *below /= sum;
        }
        Zipf { cumulative }
    }

    /// How many items there are.
    pub fn items(&self) -> u32 {
        self.cumulative.len() as u32
    }

    /// How likely the item of this rank is, counted from 0; 0 if there is none.
    pub fn probability(&self, rank: u32) -> f64 {
        let at = |rank: usize| self.cumulative.get(rank).copied();
        let below = (rank as usize).checked_sub(1).and_then(at).unwrap_or(0.0);
        at(rank as usize).map_or(0.0, |upto| upto - below)
    }

    /// Draws a rank, counted from 0; 0 if there are no items.
    pub fn draw(&self, dice: &mut Dice) -> u32 {
        let at = dice.unit();
        let rank = self.cumulative.partition_point(|&upto| upto <= at);
        rank.min(self.cumulative.len().saturating_sub(1)) as u32
    }
}
