//! Amounts as people write them: times, sizes, rates, counts and parts of a whole.
//!
//! This is the one table of their spellings; the scenario files and the command line read by it.

use std::time::Duration;

/// Units of time, in microseconds.
const TIMES: &[(&str, f64)] = &[
    ("us", 1.0),
    ("ms", 1e3),
    ("s", 1e6),
    ("sec", 1e6),
    ("m", 60e6),
    ("min", 60e6),
    ("minutes", 60e6),
    ("minute", 60e6),
    ("h", 3_600e6),
    ("hours", 3_600e6),
    ("hour", 3_600e6),
    ("d", 86_400e6),
    ("days", 86_400e6),
    ("day", 86_400e6),
];

/// Nothing lasts longer than a year: who writes more has mistaken the unit.
const TIME_US_MAX: f64 = 366.0 * 86_400e6;

/// Units of size, in bytes; upper and lower case are the same.
const SIZES: &[(&str, f64)] = &[
    ("", 1.0),
    ("b", 1.0),
    ("bytes", 1.0),
    ("k", 1024.0),
    ("kb", 1024.0),
    ("kib", 1024.0),
    ("m", 1_048_576.0),
    ("mb", 1_048_576.0),
    ("mib", 1_048_576.0),
    ("g", 1_073_741_824.0),
    ("gb", 1_073_741_824.0),
    ("gib", 1_073_741_824.0),
    ("t", 1_099_511_627_776.0),
    ("tb", 1_099_511_627_776.0),
    ("tib", 1_099_511_627_776.0),
];

/// Multiples of counts.
const COUNTS: &[(&str, f64)] =
    &[("", 1.0), ("k", 1e3), ("thousand", 1e3), ("M", 1e6), ("million", 1e6)];

/// A number and what follows it: `1.5 MB` is 1.5 and `MB`. Commas and underscores between digits
/// do not count.
pub fn split(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let digits = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '_');
    let end = text.find(|c| !digits(c)).unwrap_or(text.len());
    let number: String = text[..end].chars().filter(|c| !matches!(c, ',' | '_')).collect();
    Some((number.parse().ok()?, text[end..].trim()))
}

fn by(table: &[(&str, f64)], number: f64, unit: &str) -> Option<f64> {
    table.iter().find(|(name, _)| *name == unit).map(|(_, factor)| number * factor)
}

/// A time: `50ms`, `3s`, `2 min`, `1h`, `0`.
///
/// # Errors
/// What is wrong, and how a time is written.
pub fn time(text: &str) -> Result<Duration, String> {
    let read = || {
        let (number, unit) = split(text)?;
        Some(if number == 0.0 && unit.is_empty() { 0.0 } else { by(TIMES, number, unit)? })
    };
    match read() {
        Some(us) if us > TIME_US_MAX => Err(format!("{text} is too long: a year at most")),
        Some(us) => Ok(Duration::from_secs_f64(us / 1e6)),
        None => Err(format!("{text} is not a time; write it like 50ms, 3s, 2m or 1h")),
    }
}

/// A size in bytes: `700`, `700k`, `1.5 MB` (powers of 1,024).
///
/// # Errors
/// What is wrong, and how a size is written.
pub fn size(text: &str) -> Result<u64, String> {
    let read = || {
        let (number, unit) = split(text)?;
        let bytes = by(SIZES, number, &unit.to_ascii_lowercase())?;
        (bytes <= u64::MAX as f64).then_some(bytes as u64)
    };
    read().ok_or_else(|| format!("{text} is not a size; write it like 700k, 1.5M or 2G"))
}

/// Bytes a second: `64 kB/s`.
///
/// # Errors
/// What is wrong, and how it is written.
pub fn bytes_a_second(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text} is not a rate; write it like 64 kB/s or 1 MB/s");
    size(text.trim().strip_suffix("/s").ok_or_else(wrong)?).map_err(|_| wrong())
}

/// How often a minute: `0.3 per minute`, `20 per second`, `1000/h`.
///
/// # Errors
/// What is wrong, and how it is written.
pub fn times_a_minute(text: &str) -> Result<f64, String> {
    let read = || {
        let (number, unit) = split(text)?;
        let unit = unit.strip_prefix("per").or_else(|| unit.strip_prefix('/'))?.trim();
        let unit = by(TIMES, 1.0, unit).or_else(|| (unit == "second").then_some(1e6))?;
        Some(number * 60e6 / unit)
    };
    read().ok_or_else(|| format!("{text} is not so often; write it like 0.3 per minute"))
}

/// A count: `1000`, `1,000`, `10k`, `1 million`.
///
/// # Errors
/// What is wrong, and how it is written.
pub fn count(text: &str) -> Result<u64, String> {
    let read = |text| {
        let (number, unit) = split(text)?;
        by(COUNTS, number, unit).filter(|count| count.fract() == 0.0)
    };
    match (read(text), text.trim().strip_prefix('-').and_then(read)) {
        (Some(count), _) if count > 9e15 => Err(format!("{text} is too large")),
        (Some(count), _) => Ok(count as u64),
        (None, Some(_)) => Err(format!("{text} is negative: it must be a whole number from 0 on")),
        (None, None) => Err(format!("{text} is not a whole number")),
    }
}

/// A part of a whole, 0 to 1: `30%`, `0.3`.
///
/// # Errors
/// What is wrong, and how it is written.
pub fn part(text: &str) -> Result<f64, String> {
    let read = || match split(text)? {
        (number, "%") => Some(number / 100.0),
        (number, "") => Some(number),
        _ => None,
    };
    let part = read().filter(|part| (0.0..=1.0).contains(part));
    part.ok_or_else(|| format!("{text} is not a part of a whole; write it like 30% or 0.3"))
}

/// Any number with its unit, as expectations compare them: times in microseconds, sizes in bytes,
/// parts from 0 to 1.
pub(crate) fn any(number: f64, unit: &str) -> Option<f64> {
    match unit {
        "%" => Some(number / 100.0),
        "" => Some(number),
        _ => by(TIMES, number, unit).or_else(|| {
            let bytes = SIZES.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit));
            bytes.map(|(_, factor)| number * factor)
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        assert_eq!(time("50ms"), Ok(Duration::from_millis(50)));
        assert_eq!(time("1.5 min"), Ok(Duration::from_secs(90)));
        assert_eq!(time("0"), Ok(Duration::ZERO));
        assert_eq!(size("1.5 MiB"), Ok(3 << 19));
        assert_eq!(bytes_a_second("64 kB/s"), Ok(65_536));
        assert_eq!(times_a_minute("20 per second"), Ok(1_200.0));
        assert_eq!(times_a_minute("30/h"), Ok(0.5));
        assert_eq!(count("1,000"), Ok(1_000));
        assert_eq!(count("1.5k"), Ok(1_500));
        assert_eq!(part("0.1%"), Ok(0.001));
        assert_eq!(part("0.25"), Ok(0.25));
    }

    #[test]
    fn other_words_are_not_amounts() {
        for text in ["", "soon", "5", "-1s", "3 parsec"] {
            assert!(time(text).is_err(), "{text}");
        }
        for text in ["MB", "1 X", "1..2", "99999999T"] {
            assert!(size(text).is_err(), "{text}");
        }
        assert!(bytes_a_second("64 kB").is_err() && times_a_minute("3").is_err());
        assert!(count("1.5").is_err() && part("101%").is_err() && part("half").is_err());
    }
}
