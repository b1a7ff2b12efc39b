//! Heads of HTTP requests and responses, as far as transfers and browsing need them
//! (protocol.md sections 12 and 13).
//!
//! Whoever reads a head knows exactly where its body ends, or refuses it: a length that stands
//! twice, a length beside chunks, a body of a request are errors and not guesses.

mod range;
mod request;
mod response;
mod target;

use super::{Headers, Malformed, names};

pub use range::{ContentRange, RangeSpec};
pub use request::{Method, Request};
pub use response::{Body, Delivery, Response};
pub use target::Target;

/// The content type of a browsed host: query hits, one after the other.
pub const GNUTELLA_PACKETS: &str = "application/x-gnutella-packets";

/// The version of HTTP of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// The connection ends after the answer unless both sides say otherwise.
    Http10,
    /// The connection goes on after the answer unless one side says otherwise.
    Http11,
}

impl Version {
    /// Reads `HTTP/1.0`, `HTTP/1.1` or a higher 1.x, which is understood as 1.1.
    fn parse(text: &str) -> Result<Version, Malformed> {
        let version = text.strip_prefix("HTTP/").ok_or(Malformed::BadHead)?;
        match version.parse().map_err(|_| Malformed::BadHead)? {
            super::headers::Version(1, 0) => Ok(Version::Http10),
            super::headers::Version(1, _) => Ok(Version::Http11),
            _ => Err(Malformed::BadValue),
        }
    }

    fn text(self) -> &'static str {
        match self {
            Version::Http10 => "HTTP/1.0",
            Version::Http11 => "HTTP/1.1",
        }
    }

    fn keep_alive(self, headers: &Headers) -> bool {
        if headers.has(names::CONNECTION, "close") {
            return false;
        }
        self == Version::Http11 || headers.has(names::CONNECTION, "keep-alive")
    }
}

/// The one Content-Length. More than one, a sign, a list or anything but digits:
/// [`Malformed::BadHead`].
fn content_length(headers: &Headers) -> Result<Option<u64>, Malformed> {
    let Some(text) = headers.single(names::CONTENT_LENGTH)? else { return Ok(None) };
    super::head::decimal(text).map(Some).ok_or(Malformed::BadHead)
}

#[cfg(test)]
mod tests;
