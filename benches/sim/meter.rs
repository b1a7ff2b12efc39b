//! What this process has used.

use std::fs;
use std::sync::OnceLock;
use std::time::Instant;

/// Seconds that this process has had a core, where the system tells, so that a busy machine does
/// not count; otherwise seconds by the clock.
pub(crate) fn cpu_or_wall() -> f64 {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    let schedstat = fs::read_to_string("/proc/self/schedstat").ok();
    let cpu_ns = schedstat.as_deref().and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    cpu_ns.map_or_else(|| BEGAN.get_or_init(Instant::now).elapsed().as_secs_f64(), |ns| ns / 1e9)
}

/// Resident memory of this process, where the system tells.
pub(crate) fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kb| kb * 1024)
}
