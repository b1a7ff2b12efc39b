//! Sizes, durations, numbers and networks: as people write them, and as they read them.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};

/// Reads a size: bytes, or with k, M, G, T (powers of 1,024; `1M`, `1.5G`, `700kB`, `2 MiB`).
pub(super) fn parse_size(text: &str) -> Result<u64> {
    let wrong = || anyhow!("{text} is not a size; write it like 700k, 1.5M or 2G");
    let trimmed = text.trim();
    let digits = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
    let number: f64 = trimmed[..digits].parse().map_err(|_| wrong())?;
    let unit = trimmed[digits..].trim().to_ascii_lowercase();
    let power = match unit.trim_end_matches("ib").trim_end_matches('b') {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        _ => return Err(wrong()),
    };
    let bytes = number * 1024f64.powi(power);
    if bytes > u64::MAX as f64 { Err(wrong()) } else { Ok(bytes as u64) }
}

/// Reads a range of sizes: `1M..`, `..500k`, `1M..2G`; one size alone means exactly that.
pub(super) fn parse_size_range(text: &str) -> Result<(Option<u64>, Option<u64>)> {
    let Some((least, most)) = text.split_once("..") else {
        let exact = parse_size(text)?;
        return Ok((Some(exact), Some(exact)));
    };
    let side = |part: &str| match part.trim() {
        "" => Ok(None),
        part => parse_size(part).map(Some),
    };
    let (least, most) = (side(least)?, side(most)?);
    if let (Some(low), Some(high)) = (least, most)
        && low > high
    {
        bail!("{text} holds no size: its beginning is above its end");
    }
    Ok((least, most))
}

/// Reads a duration: `10s`, `2m`, `1h`, `500ms`; a bare number is seconds.
pub(super) fn parse_duration(text: &str) -> Result<Duration> {
    let wrong = || anyhow!("{text} is not a time; write it like 10s, 2m or 500ms");
    let trimmed = text.trim();
    let digits = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
    let number: f64 = trimmed[..digits].parse().map_err(|_| wrong())?;
    let seconds = match trimmed[digits..].trim() {
        "" | "s" => number,
        "ms" => number / 1000.0,
        "m" | "min" => number * 60.0,
        "h" => number * 3600.0,
        _ => return Err(wrong()),
    };
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}

/// Reads `ADDRESS` or `ADDRESS/BITS`.
pub(super) fn parse_network(text: &str) -> Result<(IpAddr, u8)> {
    let wrong =
        || anyhow!("{text} is not an address or network; write it like 10.1.2.3 or 10.0.0.0/8");
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let address: IpAddr = address.trim().parse().map_err(|_| wrong())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = match bits {
        Some(bits) => bits.trim().parse().ok().filter(|bits| *bits <= most).ok_or_else(wrong)?,
        None => most,
    };
    Ok((address, bits))
}

/// A size for people: `999 B`, `1.5 MiB`.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// A whole number for people: `1,234,567`.
pub(super) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A duration for people: `0.3 ms`, `12 ms`, `1.4 s`, `3 min 20 s`, `2 h 5 min`, `3 days 4 h`.
pub(super) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    if time < Duration::from_millis(10) {
        format!("{:.1} ms", time.as_secs_f64() * 1000.0)
    } else if seconds < 1 {
        format!("{} ms", time.as_millis())
    } else if seconds < 10 {
        format!("{:.1} s", time.as_secs_f64())
    } else if seconds < 60 {
        format!("{seconds} s")
    } else if seconds < 3600 {
        format!("{} min {} s", seconds / 60, seconds % 60)
    } else if seconds < 86_400 {
        format!("{} h {} min", seconds / 3600, seconds % 3600 / 60)
    } else {
        format!("{} days {} h", seconds / 86_400, seconds % 86_400 / 3600)
    }
}

/// The day of a moment in seconds since 1970, as `2026-11-22`; none beyond the year 9999.
pub(super) fn day(since_1970_s: u64) -> Option<String> {
    // Counted in years that begin in March, so that the odd day is the last; 719,468 days before
    // 1970 such a year 0 began.
    let days = since_1970_s / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year <= 9_999).then(|| format!("{year}-{month:02}-{day:02}"))
}

/// `1 file`, `2 files`.
pub(super) fn count(value: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(value), if value == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("0", 0),
            ("700k", 700 << 10),
            ("1.5M", 3 << 19),
            ("2 GiB", 2 << 30),
            ("1kB", 1024),
            ("3T", 3 << 40),
        ] {
            assert_eq!(parse_size(text).unwrap(), bytes, "{text}");
        }
        for text in ["", "M", "1X", "-1", "1..2", "9999999999T"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn size_ranges_may_be_open() {
        assert_eq!(parse_size_range("1M..").unwrap(), (Some(1 << 20), None));
        assert_eq!(parse_size_range("..500k").unwrap(), (None, Some(500 << 10)));
        assert_eq!(parse_size_range("1k..2k").unwrap(), (Some(1024), Some(2048)));
        assert_eq!(parse_size_range("7").unwrap(), (Some(7), Some(7)));
        assert!(parse_size_range("2M..1M").is_err());
    }

    #[test]
    fn durations_are_read_and_written() {
        assert_eq!(parse_duration("10s").unwrap(), Duration::from_secs(10));
        assert_eq!(parse_duration("500ms").unwrap(), Duration::from_millis(500));
        assert_eq!(parse_duration("1.5m").unwrap(), Duration::from_secs(90));
        assert!(parse_duration("soon").is_err());
        assert_eq!(duration(Duration::from_micros(300)), "0.3 ms");
        assert_eq!(duration(Duration::from_secs(200)), "3 min 20 s");
    }

    #[test]
    fn days_are_written() {
        for (since_1970_s, written) in [
            (0, Some("1970-01-01")),
            (951_782_400, Some("2000-02-29")),
            (951_868_800, Some("2000-03-01")),
            (1_795_343_501, Some("2026-11-22")),
            (4_107_542_399, Some("2100-02-28")),
            (253_402_300_799, Some("9999-12-31")),
            (253_402_300_800, None),
            (u64::MAX, None),
        ] {
            assert_eq!(day(since_1970_s).as_deref(), written, "{since_1970_s}");
        }
    }

    #[test]
    fn networks_are_read() {
        assert_eq!(parse_network("10.0.0.0/8").unwrap(), ("10.0.0.0".parse().unwrap(), 8));
        assert_eq!(parse_network("::1").unwrap().1, 128);
        assert!(parse_network("10.0.0.0/33").is_err());
        assert!(parse_network("example").is_err());
    }

    #[test]
    fn numbers_are_written_in_groups() {
        assert_eq!(number(0), "0");
        assert_eq!(number(999), "999");
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(size(1023), "1023 B");
        assert_eq!(size(1536), "1.5 KiB");
        assert_eq!(size(u64::MAX), "16777216.0 TiB");
    }
}
