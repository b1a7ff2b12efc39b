//! The runs of a report that differ only in their seeds, taken together.

use super::chart::Point;
use crate::scenario::Report;
use crate::scenario::report::{Distribution, Run, Summary};

/// Runs with the same values of all axes.
#[derive(Debug)]
pub(super) struct Group<'a> {
    /// The values, one for each axis.
    pub at: &'a [String],
    /// Them in words; empty if nothing was varied.
    pub label: &'a str,
    /// One for each seed; never empty.
    pub runs: Vec<&'a Run>,
}

impl Group<'_> {
    /// The mean over the seeds, and how far it went to either side. Seeds for which there is no such
    /// number (not a number) are left out; without any the mean is none, too.
    pub(super) fn point(&self, x: f64, y: impl Fn(&Run) -> f64) -> Point {
        let numbers = self.runs.iter().map(|run| y(run)).filter(|number| !number.is_nan());
        let numbers: Vec<f64> = numbers.collect();
        let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
        let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Point { x, y: mean, spread: (least, greatest) }
    }

    /// The mean over the seeds.
    pub(super) fn mean(&self, y: impl Fn(&Summary) -> f64) -> f64 {
        self.point(0.0, |run| y(&run.summary)).y
    }

    /// Percentiles of the runs, those of each seed averaged; none where nothing was measured.
    pub(super) fn percentiles(&self, of: impl Fn(&Run) -> &Distribution) -> Vec<f64> {
        let measured = self.runs.iter().map(|run| &of(run).percentiles);
        let measured: Vec<_> = measured.filter(|percentiles| percentiles.len() == 101).collect();
        if measured.is_empty() {
            return Vec::new();
        }
        let at = |percent: usize| measured.iter().map(|all| all[percent]).sum::<f64>();
        (0..=100).map(|percent| at(percent) / measured.len() as f64).collect()
    }
}

/// The groups, in the order of the runs.
pub(super) fn of(report: &Report) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for run in &report.runs {
        match groups.iter_mut().find(|group| group.at == run.at) {
            Some(group) => group.runs.push(run),
            None => {
                // Where one word tells them apart, it is their name.
                let label = match &run.at[..] {
                    [word] if speaks(word) => word,
                    _ => &run.label,
                };
                groups.push(Group { at: &run.at, label, runs: vec![run] });
            }
        }
    }
    groups
}

/// Whether a value says by itself what it is a value of: `16 walkers` does, `16` and `true` do not.
pub(super) fn speaks(value: &str) -> bool {
    value.contains(|c: char| c.is_ascii_alphabetic()) && !matches!(value, "true" | "false")
}

/// The axis whose values are numbers that can be drawn along, and these numbers: the first such.
pub(super) fn scale_axis(report: &Report) -> Option<(usize, Vec<f64>)> {
    let mut axes = report.axes.iter().enumerate();
    axes.find_map(|(at, axis)| {
        let numbers = axis.numbers().filter(|numbers| numbers.len() > 1)?;
        Some((at, numbers))
    })
}
