//! From numbers to places on an axis.

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
/// With the greatest number so many times the least, a linear axis would hide the small ones.
const LOG_SPREAD_MIN: f64 = 60.0;

impl Scale {
    /// An axis that shows all of these: logarithmic if they are positive and far apart; linear,
    /// from 0 unless some are below, if not.
    pub(super) fn fitting(numbers: impl IntoIterator<Item = f64>) -> Scale {
        let (mut least, mut greatest) = (f64::INFINITY, f64::NEG_INFINITY);
        for number in numbers.into_iter().filter(|number| number.is_finite()) {
            least = least.min(number);
            greatest = greatest.max(number);
        }
        if least > greatest {
            return Scale::linear(0.0, 1.0);
        }
        match least > 0.0 && greatest / least >= LOG_SPREAD_MIN {
            true => Scale::log(least, greatest),
            false => Scale::linear(least.min(0.0), greatest),
        }
    }

    /// A linear axis that holds both ends, with round numbers marked.
    pub(super) fn linear(from: f64, to: f64) -> Scale {
        let span = if to > from { to - from } else { 1.0 };
        let rough = span / TICKS_MAX;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * power);
        let step = step.into_iter().find(|&step| step >= rough).unwrap_or(span);
        let (first, last) = ((from / step).floor(), ((from + span) / step - 1e-9).ceil());
        let marks = (last - first) as usize;
        let ticks: Vec<f64> = (0..=marks).map(|mark| (first + mark as f64) * step).collect();
        Scale { is_log: false, from: first * step, to: last * step, ticks }
    }

    fn log(least: f64, greatest: f64) -> Scale {
        let (first, last) = (least.log10().floor(), (greatest.log10() - 1e-9).ceil());
        let (first, last) = (first as i32, (last as i32).max(first as i32 + 1));
        // With few powers of ten, numbers between them are marked, too.
        let between: &[f64] = if last - first <= 2 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let to = 10f64.powi(last);
        let ticks =
            (first..=last).flat_map(|power| between.iter().map(move |n| n * 10f64.powi(power)));
        let ticks = ticks.filter(|&tick| tick <= to * 1.000_001).collect();
        Scale { is_log: true, from: 10f64.powi(first), to, ticks }
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
    use super::Scale;

    #[test]
    fn linear_axes_begin_at_zero_and_mark_round_numbers() {
        let scale = Scale::fitting([3.0, 47.0]);
        assert_eq!(scale.ticks, [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]);
        assert_eq!([0.0, 25.0, 50.0].map(|number| scale.place(number)), [0.0, 0.5, 1.0]);
        assert_eq!(Scale::fitting([1.0, 7.0]).ticks, [0.0, 2.0, 4.0, 6.0, 8.0]);
        assert_eq!(Scale::fitting([-4.0, 4.0]).ticks, [-4.0, -2.0, 0.0, 2.0, 4.0]);
    }

    #[test]
    fn numbers_far_apart_stand_on_a_logarithmic_axis() {
        let scale = Scale::fitting([4.0, 13_120.0]);
        assert!(scale.is_log());
        assert_eq!(scale.ticks, [1.0, 10.0, 100.0, 1_000.0, 10_000.0, 100_000.0]);
        assert!((scale.place(1_000.0) - 0.6).abs() < 1e-9);
        assert!(!Scale::fitting([0.0, 13_120.0]).is_log(), "nothing is at no place of its own");
    }

    #[test]
    fn one_number_or_none_is_shown_too() {
        assert_eq!(Scale::fitting([]).ticks.last(), Some(&1.0));
        assert!(Scale::fitting([0.0]).place(0.0) == 0.0);
        assert!(Scale::fitting([5.0]).place(5.0) <= 1.0);
    }
}
