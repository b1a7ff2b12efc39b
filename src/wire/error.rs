//! What can be wrong with bytes from a peer. The peer is at fault in every case.

use thiserror::Error;

/// Why bytes could not be read as what they claim to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Error)]
pub enum Malformed {
    /// The bytes end before the value does.
    #[error("ends too early")]
    Truncated,
    /// A text field has no terminating NUL.
    #[error("text without its NUL")]
    MissingNul,
    /// A text field is not UTF-8.
    #[error("text is not UTF-8")]
    NotUtf8,
    /// A length, count or size is above its limit.
    #[error("larger than allowed")]
    TooLarge,
    /// A count does not agree with what follows it.
    #[error("count does not agree with the content")]
    BadCount,
    /// A field holds a value that the specification does not allow.
    #[error("a field holds a forbidden value")]
    BadValue,
    /// A GGEP block breaks the rules of its framing.
    #[error("bad GGEP block")]
    BadGgep,
    /// A URN, hash or base32 text is not one.
    #[error("bad URN")]
    BadUrn,
    /// A handshake or HTTP head breaks its grammar.
    #[error("bad head")]
    BadHead,
    /// Compressed data does not inflate, or inflates to more than allowed.
    #[error("bad compressed data")]
    BadDeflate,
}
