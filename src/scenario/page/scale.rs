//! From numbers to places on an axis.

use super::words::Unit;

/// How numbers are laid out on an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fit {
    /// As suits them.
    #[default]
    Any,
    /// Equal differences are equally far apart.
    Linear,
    /// Equal ratios are, if all numbers are positive.
    Log,
}

/// An axis: its ends and the numbers that are marked.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scale {
    is_log: bool,
    from: f64,
    to: f64,
    /// The numbers that are marked, ascending.
    pub(super) ticks: Vec<f64>,
}

/// Marks of a linear axis at most.
const TICKS_MAX: f64 = 6.0;
/// Steps between marks of time, in microseconds, from a second on.
const TIME_STEPS_US: [f64; 16] = [
    1e6, 2e6, 5e6, 10e6, 20e6, 30e6, 60e6, 120e6, 300e6, 600e6, 1_200e6, 1_800e6, 3_600e6, 7_200e6,
    21_600e6, 86_400e6,
];
/// Marks of time on a logarithmic axis, in microseconds, from a second on.
const TIME_MARKS_US: [f64; 7] = [1e6, 10e6, 60e6, 600e6, 3_600e6, 36_000e6, 360_000e6];
/// With the greatest number so many times the least, a linear axis would hide the small ones.
const LOG_SPREAD_MIN: f64 = 60.0;

impl Scale {
    /// An axis that shows all of these. What suits them best is logarithmic if they are positive and
    /// far apart; linear, from 0 unless some are below, if not.
    pub(super) fn fitting(numbers: impl IntoIterator<Item = f64>, unit: Unit, fit: Fit) -> Scale {
        let (mut least, mut greatest, mut whole) = (f64::INFINITY, f64::NEG_INFINITY, true);
        for number in numbers.into_iter().filter(|number| number.is_finite()) {
            least = least.min(number);
            greatest = greatest.max(number);
            whole &= number.fract() == 0.0;
        }
        if least > greatest {
            return Scale::whole();
        }
        let is_log = match fit {
            Fit::Any => least > 0.0 && greatest / least >= LOG_SPREAD_MIN,
            Fit::Linear => false,
            Fit::Log => least > 0.0 && greatest > least,
        };
        match is_log {
            true => Scale::log(least, greatest, unit),
            false => Scale::linear(least.min(0.0), greatest, unit, whole),
        }
    }

    /// An axis from nothing to the whole.
    pub(super) fn whole() -> Scale {
        Scale::linear(0.0, 1.0, Unit::Part, false)
    }

    /// A linear axis that holds both ends, with round numbers marked; whole ones if all are `whole`.
    fn linear(from: f64, to: f64, unit: Unit, whole: bool) -> Scale {
        let span = if to > from { to - from } else { 1.0 };
        let rough = span / TICKS_MAX;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * power);
        let mut step = step.into_iter().find(|&step| step >= rough).unwrap_or(span);
        if unit == Unit::Time && rough > TIME_STEPS_US[0] {
            step = TIME_STEPS_US.into_iter().find(|&step| step >= rough).unwrap_or(step);
        }
        if whole && unit == Unit::Count {
            step = step.max(1.0);
        }
        let (first, last) = ((from / step).floor(), ((from + span) / step - 1e-9).ceil());
        let marks = (last - first) as usize;
        let ticks: Vec<f64> = (0..=marks).map(|mark| (first + mark as f64) * step).collect();
        Scale { is_log: false, from: first * step, to: last * step, ticks }
    }

    fn log(least: f64, greatest: f64, unit: Unit) -> Scale {
        let (first, last) = (least.log10().floor(), (greatest.log10() - 1e-9).ceil());
        let (first, last) = (first as i32, (last as i32).max(first as i32 + 1));
        // With few powers of ten, numbers between them are marked, too.
        let few = last - first <= 2;
        let between: &[f64] = if few { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let marks =
            (first..=last).flat_map(|power| between.iter().map(move |n| n * 10f64.powi(power)));
        let marks: Vec<f64> = match unit == Unit::Time && !few && greatest > 60e6 {
            false => marks.collect(),
            true => marks.filter(|&mark| mark < 1e6 * 0.9).chain(TIME_MARKS_US).collect(),
        };
        // From the last mark below all to the first above them.
        let below = marks.iter().rposition(|&mark| mark <= least * 1.000_001).unwrap_or(0);
        let above = marks.iter().position(|&mark| mark >= greatest * 0.999_999);
        let ticks = marks[below..=above.unwrap_or(marks.len() - 1)].to_vec();
        let (from, to) = (ticks[0], ticks.last().copied().unwrap_or(greatest));
        Scale { is_log: true, from, to: to.max(from * 2.0), ticks }
    }

    /// Whether equal ratios, not equal differences, are equally far apart.
    pub(super) fn is_log(&self) -> bool {
        self.is_log
    }

    /// Where a number stands: 0 at the beginning of the axis, 1 at its end.
    pub(super) fn place(&self, number: f64) -> f64 {
        let place = match self.is_log {
            true => (number.max(self.from) / self.from).log10() / (self.to / self.from).log10(),
            false => (number - self.from) / (self.to - self.from),
        };
        place.clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Fit, Scale};
    use crate::scenario::page::words::Unit;

    fn scale(numbers: &[f64], unit: Unit, fit: Fit) -> Scale {
        Scale::fitting(numbers.iter().copied(), unit, fit)
    }

    fn ticks(numbers: &[f64]) -> Vec<f64> {
        scale(numbers, Unit::Count, Fit::Any).ticks
    }

    #[test]
    fn linear_axes_begin_at_zero_and_mark_round_numbers() {
        let scale = scale(&[3.0, 47.0], Unit::Count, Fit::Any);
        assert_eq!(scale.ticks, [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]);
        assert_eq!([0.0, 25.0, 50.0].map(|number| scale.place(number)), [0.0, 0.5, 1.0]);
        assert_eq!(ticks(&[1.0, 7.0]), [0.0, 2.0, 4.0, 6.0, 8.0]);
        assert_eq!(ticks(&[-4.0, 4.0]), [-4.0, -2.0, 0.0, 2.0, 4.0]);
        assert_eq!(ticks(&[1.0, 2.0, 3.0]), [0.0, 1.0, 2.0, 3.0], "there is no half hop");
        assert_eq!(ticks(&[0.5, 1.0]), [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]);
    }

    #[test]
    fn numbers_far_apart_stand_on_a_logarithmic_axis() {
        let wide = scale(&[4.0, 13_120.0], Unit::Count, Fit::Any);
        assert!(wide.is_log());
        assert_eq!(wide.ticks, [1.0, 10.0, 100.0, 1_000.0, 10_000.0, 100_000.0]);
        assert!((wide.place(1_000.0) - 0.6).abs() < 1e-9);
        let narrow = scale(&[100.0, 400.0, 1_600.0], Unit::Count, Fit::Log);
        assert_eq!(narrow.ticks, [100.0, 200.0, 500.0, 1_000.0, 2_000.0]);
        assert!(!scale(&[0.0, 13_120.0], Unit::Count, Fit::Any).is_log(), "0 has no place");
        assert!(!scale(&[0.0, 13_120.0], Unit::Count, Fit::Log).is_log());
        assert!(!scale(&[1.0, 13_120.0], Unit::Count, Fit::Linear).is_log());
    }

    #[test]
    fn time_is_marked_in_minutes_and_hours() {
        let minutes = scale(&[0.0, 1_870e6], Unit::Time, Fit::Linear);
        assert_eq!(
            minutes.ticks.iter().map(|us| us / 60e6).collect::<Vec<_>>(),
            [0.0, 10.0, 20.0, 30.0, 40.0]
        );
        let wide = scale(&[100e3, 153e6], Unit::Time, Fit::Any);
        assert_eq!(wide.ticks, [100e3, 1e6, 10e6, 60e6, 600e6]);
    }

    #[test]
    fn one_number_or_none_is_shown_too() {
        for fit in [Fit::Any, Fit::Linear, Fit::Log] {
            assert_eq!(scale(&[], Unit::Count, fit).ticks.last(), Some(&1.0));
            assert!(scale(&[0.0], Unit::Count, fit).place(0.0) == 0.0);
            assert!(scale(&[5.0], Unit::Count, fit).place(5.0) <= 1.0);
        }
    }
}
