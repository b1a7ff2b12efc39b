//! The first bytes of an accepted connection say what it is.

/// What a connection turns out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    /// A handshake (protocol.md section 2).
    Gnutella,
    /// An HTTP request or a GIV: the transfers take it (sections 7 and 12).
    Transfer,
    /// Somebody connects back because we asked for it (section 22); nothing more follows.
    ConnectBack,
    /// TLS, which we do not speak: gtk-gnutella connects back that way.
    Tls,
    /// None of these.
    Unknown,
    /// Too few bytes to tell.
    Undecided,
}

const OPENINGS: [(&[u8], Sort); 6] = [
    (b"GNUTELLA ", Sort::Gnutella),
    (b"GET ", Sort::Transfer),
    (b"HEAD ", Sort::Transfer),
    (b"GIV ", Sort::Transfer),
    (b"\n\n", Sort::ConnectBack),
    (b"\x16\x03", Sort::Tls),
];

/// What the connection is that begins with these bytes.
pub(crate) fn sort(bytes: &[u8]) -> Sort {
    for (opening, sort) in OPENINGS {
        if bytes.starts_with(opening) {
            return sort;
        }
    }
    if OPENINGS.iter().any(|(opening, _)| opening.starts_with(bytes)) {
        Sort::Undecided
    } else {
        Sort::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_by_as_few_bytes_as_possible() {
        for (bytes, expected) in [
            (&b""[..], Sort::Undecided),
            (b"G", Sort::Undecided),
            (b"GNUTELLA", Sort::Undecided),
            (b"GNUTELLA CONNECT/0.6\r\n", Sort::Gnutella),
            (b"GET /", Sort::Transfer),
            (b"GIV 1:", Sort::Transfer),
            (b"HEAD /", Sort::Transfer),
            (b"\n", Sort::Undecided),
            (b"\n\n", Sort::ConnectBack),
            (b"GX", Sort::Unknown),
            (b"\x16\x03\x01", Sort::Tls),
            (b"\x16\x02", Sort::Unknown),
        ] {
            assert_eq!(sort(bytes), expected, "{bytes:?}");
        }
    }
}
