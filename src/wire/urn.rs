//! URNs of file content (protocol.md section 9).

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};

use super::Malformed;

/// The SHA-1 of a file's bytes; its text form is 32 base32 characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sha1(pub [u8; 20]);

impl fmt::Display for Sha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE32_NOPAD.encode(&self.0))
    }
}

impl fmt::Debug for Sha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Sha1 {
    type Err = Malformed;

    /// Reads 32 base32 characters of either case, with or without `urn:sha1:` before them.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let upper = text.to_ascii_uppercase();
        let digits = upper.strip_prefix("URN:SHA1:").unwrap_or(&upper);
        let bytes = BASE32_NOPAD.decode(digits.as_bytes()).map_err(|_| Malformed::BadUrn)?;
        Ok(Sha1(bytes.try_into().map_err(|_| Malformed::BadUrn)?))
    }
}
