//! The one place where randomness comes from the system.

use super::DriverError;

/// A seed that nobody can guess.
pub(super) fn seed() -> Result<[u8; 32], DriverError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|_| DriverError::NoEntropy)?;
    Ok(seed)
}
