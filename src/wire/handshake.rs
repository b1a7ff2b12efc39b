//! The blocks of the GNUTELLA/0.6 handshake (protocol.md section 2).

use super::Malformed;
use super::head::{next_line, push_text, status_code};
use super::headers::{Headers, Version};

/// The version we speak.
pub const VERSION: Version = Version(0, 6);

/// What a servent that speaks 0.4 is told. It knows only `GNUTELLA OK` and closes at anything
/// else; the words are for whoever reads the trace.
const ANSWER_TO_0_4: &[u8] = b"GNUTELLA/0.6 505 Gnutella 0.4 is not spoken here\r\n\r\n";

/// What a servent that speaks 0.4 wants to hear before it sends descriptors.
const WELCOME_TO_0_4: &[u8] = b"GNUTELLA OK\n\n";

/// One of the three blocks: a request, then two responses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// `GNUTELLA CONNECT/0.6` and headers: whoever opened the connection begins. A 0.4 greeting is
    /// one with version 0.4 and no headers.
    Request {
        /// The highest version that it speaks.
        version: Version,
        /// Its header lines.
        headers: Headers,
    },
    /// `GNUTELLA/0.6 200 OK` and headers: the answer, and the answer to the answer. Any code but
    /// 200 ends the connection.
    Response {
        /// Status code, 100..=999.
        code: u16,
        /// What a person may read.
        reason: String,
        /// Its header lines.
        headers: Headers,
    },
}

impl Block {
    /// Our request.
    pub fn request(headers: Headers) -> Block {
        Block::Request { version: VERSION, headers }
    }

    /// A response of ours.
    pub fn response(code: u16, reason: &str, headers: Headers) -> Block {
        Block::Response { code, reason: reason.to_owned(), headers }
    }

    /// Reads a whole head, as [`Finder`](super::head::Finder) found it. A response of a version
    /// below 0.6, or the bare `GNUTELLA OK` of 0.4, is [`Malformed::BadValue`]; everything else that
    /// is wrong [`Malformed::BadHead`].
    pub fn parse(head: &[u8]) -> Result<Block, Malformed> {
        let (start, rest) = next_line(head)?;
        let start = String::from_utf8_lossy(start);
        let start = start.trim_end();
        if let Some(version) = start.strip_prefix("GNUTELLA CONNECT/") {
            let version = version.parse().map_err(|_| Malformed::BadHead)?;
            return Ok(Block::Request { version, headers: Headers::parse(rest)? });
        }
        if start == "GNUTELLA OK" {
            return Err(Malformed::BadValue);
        }
        let start = start.strip_prefix("GNUTELLA/").ok_or(Malformed::BadHead)?;
        let (version, status) = start.split_once(' ').ok_or(Malformed::BadHead)?;
        if version.parse::<Version>().map_err(|_| Malformed::BadHead)? < VERSION {
            return Err(Malformed::BadValue);
        }
        let (code, reason) = status.split_once(' ').unwrap_or((status, ""));
        let (code, reason) = (status_code(code)?, reason.trim().to_owned());
        Ok(Block::Response { code, reason, headers: Headers::parse(rest)? })
    }

    /// The bytes of the block. Responses are always written as 0.6.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1_024);
        match self {
            Block::Request { version, headers } => {
                push_text(&mut out, &format!("GNUTELLA CONNECT/{version}"));
                out.extend_from_slice(b"\r\n");
                headers.write(&mut out);
            }
            Block::Response { code, reason, headers } => {
                push_text(&mut out, &format!("GNUTELLA/{VERSION} {code:03} {reason}"));
                out.extend_from_slice(b"\r\n");
                headers.write(&mut out);
            }
        }
        out
    }

    /// Its header lines.
    pub fn headers(&self) -> &Headers {
        match self {
            Block::Request { headers, .. } | Block::Response { headers, .. } => headers,
        }
    }
}

/// The bytes with which a 0.4 greeting is answered: `welcome` it and descriptors follow at once,
/// without headers, compression or extensions; else close after these bytes.
pub fn answer_to_0_4(welcome: bool) -> &'static [u8] {
    if welcome { WELCOME_TO_0_4 } else { ANSWER_TO_0_4 }
}

#[cfg(test)]
mod tests;
