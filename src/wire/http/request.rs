//! Heads of requests (protocol.md section 12).

use std::fmt;

use super::{GNUTELLA_PACKETS, RangeSpec, Target, Version, content_length};
use crate::wire::head::next_line;
use crate::wire::{Headers, Malformed, names};

/// What is to be done with the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Send it.
    Get,
    /// Send only the head of the answer.
    Head,
    /// Anything else: answered with 501, and the connection ends.
    Other,
}

/// The head of a request; it has no body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What to do.
    pub method: Method,
    /// With what.
    pub target: Target,
    /// In which version.
    pub version: Version,
    /// Its header lines.
    pub headers: Headers,
}

impl Request {
    /// A GET of ours; `host` is the address that we connect to.
    pub fn get(target: Target, host: impl fmt::Display, user_agent: &str) -> Request {
        let headers = Headers::new().with(names::HOST, host).with(names::USER_AGENT, user_agent);
        Request { method: Method::Get, target, version: Version::Http11, headers }
    }

    /// A GET of ours for all that a host shares.
    pub fn browse(host: impl fmt::Display, user_agent: &str) -> Request {
        Request::get(Target::Browse, host, user_agent)
            .with(names::ACCEPT, GNUTELLA_PACKETS)
            .with(names::ACCEPT_ENCODING, "deflate")
    }

    /// Adds a line.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Request {
        self.headers.push(name, value);
        self
    }

    /// Reads a whole head, as [`Finder`](crate::wire::head::Finder) found it.
    ///
    /// Spaces in the target are tolerated (old servents do not encode names). Refused
    /// ([`Malformed::BadHead`], answered with 400): a body or what may be one, two Range lines, a
    /// broken line. A version that is not 1.x is [`Malformed::BadValue`].
    pub fn parse(head: &[u8]) -> Result<Request, Malformed> {
        let (line, rest) = next_line(head)?;
        let (method, line) = split_at_space(line).ok_or(Malformed::BadHead)?;
        let space = line.iter().rposition(|&byte| byte == b' ').ok_or(Malformed::BadHead)?;
        let (target, version) = line.split_at(space);
        let version = str::from_utf8(version).map_err(|_| Malformed::BadHead)?;
        let version = Version::parse(version.trim_start())?;
        let target = target.trim_ascii();
        if target.is_empty() || method.is_empty() {
            return Err(Malformed::BadHead);
        }
        let method = match method {
            b"GET" => Method::Get,
            b"HEAD" => Method::Head,
            _ => Method::Other,
        };
        let headers = Headers::parse(rest)?;
        let has_body = content_length(&headers)?.is_some_and(|len| len > 0);
        if has_body || headers.get(names::TRANSFER_ENCODING).is_some() {
            return Err(Malformed::BadHead);
        }
        headers.single(names::RANGE)?;
        Ok(Request { method, target: Target::parse(target), version, headers })
    }

    /// The bytes of the head. We never ask with another method, so `Other` is written as OPTIONS.
    pub fn to_bytes(&self) -> Vec<u8> {
        let method = match self.method {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Other => "OPTIONS",
        };
        let mut out = Vec::with_capacity(256);
        let start = format!("{method} {} {}\r\n", self.target, self.version.text());
        out.extend_from_slice(start.as_bytes());
        self.headers.write(&mut out);
        out
    }

    /// The bytes that are asked for; nothing: all of them.
    pub fn range(&self) -> Option<RangeSpec> {
        RangeSpec::parse(self.headers.get(names::RANGE)?)
    }

    /// Whether the client wants to go on with the connection after the answer.
    pub fn keep_alive(&self) -> bool {
        self.version.keep_alive(&self.headers)
    }

    /// Whether the client reads query hits as the answer to a browse.
    pub fn accepts_packets(&self) -> bool {
        self.headers.has(names::ACCEPT, GNUTELLA_PACKETS)
    }

    /// Whether the client reads a deflated body.
    pub fn accepts_deflate(&self) -> bool {
        self.headers.has(names::ACCEPT_ENCODING, "deflate")
    }
}

fn split_at_space(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = line.iter().position(|&byte| byte == b' ')?;
    let (before, after) = line.split_at(space);
    Some((before, after.get(1..)?))
}
