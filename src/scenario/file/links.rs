//! `[links]`: how long bytes are under way, how many a second, and what gets lost.

use super::section::{Read, Section};
use crate::scenario::quantity;
use crate::sim::{Latency, NetConfig};

/// The keys of `[links]`.
pub(super) const KEYS: &[&str] =
    &["latency", "rate", "split", "datagram-loss", "datagram-duplicates", "datagram-reorder"];

/// Reads `[links]`.
pub(super) fn read(section: &Section<'_>) -> Read<NetConfig> {
    let usual = NetConfig::default();
    let rate = section.parsed("rate", |text| {
        let rate = quantity::bytes_a_second(text)?;
        if rate == 0 {
            return Err("at this rate nothing arrives; a step can clog links".to_owned());
        }
        u32::try_from(rate)
            .map_err(|_| format!("{text} is too fast: leave the rate out for no limit"))
    })?;
    Ok(NetConfig {
        latency: section.parsed("latency", latency)?.unwrap_or(usual.latency),
        rate_bytes_s: rate.or(usual.rate_bytes_s),
        split: section.truth("split")?.unwrap_or(usual.split),
        datagram_loss: section.part("datagram-loss")?.unwrap_or(usual.datagram_loss),
        datagram_duplicate: section
            .part("datagram-duplicates")?
            .unwrap_or(usual.datagram_duplicate),
        datagram_reorder: section.part("datagram-reorder")?.unwrap_or(usual.datagram_reorder),
        ..usual
    })
}

/// Reads a latency: `50ms`, `10ms to 200ms`, `exponential 50ms`, `log-normal 40ms sigma 0.8`.
///
/// # Errors
/// What is wrong, and how latencies are written.
pub fn latency(text: &str) -> Result<Latency, String> {
    let wrong = || {
        format!(
            "{text} is not a latency; write it like 50ms, 10ms to 200ms, exponential 50ms, or log-normal 40ms sigma 0.8"
        )
    };
    let us = |text: &str| quantity::time(text).map(|time| time.as_micros() as u64);
    let text = text.trim();
    if let Some((from, to)) = text.split_once(" to ") {
        let (from_us, to_us) = (us(from).map_err(|_| wrong())?, us(to).map_err(|_| wrong())?);
        return if from_us <= to_us {
            Ok(Latency::Uniform { from_us, to_us })
        } else {
            Err(wrong())
        };
    }
    if let Some(mean) = text.strip_prefix("exponential") {
        return Ok(Latency::Exponential { mean_us: us(mean).map_err(|_| wrong())? });
    }
    if let Some(rest) = text.strip_prefix("log-normal") {
        let (median, sigma) = rest.split_once("sigma").ok_or_else(wrong)?;
        let sigma = sigma
            .trim()
            .parse()
            .ok()
            .filter(|sigma| (0.0..=5.0).contains(sigma))
            .ok_or_else(wrong)?;
        return Ok(Latency::LogNormal { median_us: us(median).map_err(|_| wrong())?, sigma });
    }
    us(text).map(|us| Latency::Constant { us }).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_read() {
        assert_eq!(latency("50ms"), Ok(Latency::Constant { us: 50_000 }));
        assert_eq!(
            latency("10ms to 1s"),
            Ok(Latency::Uniform { from_us: 10_000, to_us: 1_000_000 })
        );
        assert_eq!(latency("exponential 50ms"), Ok(Latency::Exponential { mean_us: 50_000 }));
        let log_normal = Latency::LogNormal { median_us: 40_000, sigma: 0.8 };
        assert_eq!(latency("log-normal 40ms sigma 0.8"), Ok(log_normal));
        for text in
            ["fast", "5", "2s to 1s", "exponential", "log-normal 40ms", "log-normal 1ms sigma x"]
        {
            assert!(latency(text).is_err(), "{text}");
        }
    }
}
