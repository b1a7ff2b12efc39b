//! Heads of responses (protocol.md section 12).

use std::fmt;
use std::ops::Range;

use super::{ContentRange, Method, Version, content_length};
use crate::wire::head::{decimal, next_line, push_text, status_code};
use crate::wire::{Headers, Malformed, Sha1, Urn, names};

/// The head of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// In which version.
    pub version: Version,
    /// Status code, 100..=999.
    pub code: u16,
    /// What a person may read.
    pub reason: String,
    /// Its header lines.
    pub headers: Headers,
}

/// Where the body of a response ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// After so many bytes.
    Length(u64),
    /// With the last chunk: [`Chunked`](crate::wire::chunked::Chunked).
    Chunked,
    /// With the connection.
    UntilClose,
}

/// What part of a file a response brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// These bytes; they may be fewer than asked for.
    pub range: Range<u64>,
    /// Bytes of the whole file, if the response says it.
    pub size: Option<u64>,
}

impl Response {
    /// A response of ours without lines; reason phrases are the usual ones.
    pub fn new(code: u16) -> Response {
        let reason = reason(code).to_owned();
        Response { version: Version::Http11, code, reason, headers: Headers::new() }
    }

    /// 200: all of a file of `size` bytes follows.
    pub fn whole(size: u64) -> Response {
        Response::new(200).with(names::CONTENT_LENGTH, size)
    }

    /// 206: these bytes of a file of `size` bytes follow.
    pub fn part(range: Range<u64>, size: u64) -> Response {
        let length = range.end.saturating_sub(range.start);
        Response::new(206)
            .with(names::CONTENT_RANGE, ContentRange::Part { range, size: Some(size) })
            .with(names::CONTENT_LENGTH, length)
    }

    /// 416: the file has `size` bytes and not those asked for.
    pub fn unsatisfiable(size: u64) -> Response {
        Response::empty(416).with(names::CONTENT_RANGE, ContentRange::None { size })
    }

    /// 503: ask again after so many seconds.
    pub fn busy(retry_after_s: u32) -> Response {
        Response::empty(503).with(names::RETRY_AFTER, retry_after_s)
    }

    /// A response without content.
    pub fn empty(code: u16) -> Response {
        Response::new(code).with(names::CONTENT_LENGTH, 0)
    }

    /// Adds a line.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Response {
        self.headers.push(name, value);
        self
    }

    /// Reads a whole head, as [`Finder`](crate::wire::head::Finder) found it.
    ///
    /// `HTTP 200 OK` without a version, as the oldest servents have it, counts as 1.0. Refused
    /// ([`Malformed::BadHead`]): two lengths, a length beside chunks, an encoding of the transfer
    /// other than chunks, chunks in HTTP/1.0. A version that is not 1.x is
    /// [`Malformed::BadValue`].
    pub fn parse(head: &[u8]) -> Result<Response, Malformed> {
        let (line, rest) = next_line(head)?;
        let line = String::from_utf8_lossy(line);
        let (version, status) = line.trim_end().split_once(' ').ok_or(Malformed::BadHead)?;
        let version = match version {
            "HTTP" => Version::Http10,
            version => Version::parse(version)?,
        };
        let (code, reason) = status.split_once(' ').unwrap_or((status, ""));
        let (code, reason) = (status_code(code)?, reason.trim().to_owned());
        let headers = Headers::parse(rest)?;
        let length = content_length(&headers)?;
        if let Some(encoding) = headers.single(names::TRANSFER_ENCODING)? {
            let chunked = encoding.eq_ignore_ascii_case("chunked");
            if !chunked || length.is_some() || version == Version::Http10 {
                return Err(Malformed::BadHead);
            }
        }
        headers.single(names::CONTENT_RANGE)?;
        Ok(Response { version, code, reason, headers })
    }

    /// The bytes of the head.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        let start = format!("{} {:03} {}", self.version.text(), self.code, self.reason);
        push_text(&mut out, &start);
        out.extend_from_slice(b"\r\n");
        self.headers.write(&mut out);
        out
    }

    /// Where the body ends, if the request had this method.
    pub fn body(&self, asked: Method) -> Body {
        if asked == Method::Head || matches!(self.code, 100..200 | 204 | 304) {
            Body::Length(0)
        } else if self.headers.get(names::TRANSFER_ENCODING).is_some() {
            Body::Chunked
        } else {
            self.content_length().map_or(Body::UntilClose, Body::Length)
        }
    }

    /// Content-Length.
    pub fn content_length(&self) -> Option<u64> {
        content_length(&self.headers).ok().flatten()
    }

    /// Whether the connection can be used again after the body.
    pub fn keep_alive(&self, asked: Method) -> bool {
        self.version.keep_alive(&self.headers) && self.body(asked) != Body::UntilClose
    }

    /// What part of the file a 200 or 206 brings (or, to a HEAD, would bring); nothing for other
    /// codes. [`Malformed::BadValue`] if the lines contradict each other, no length is named, or
    /// the body is encoded and so not the bytes of the file.
    pub fn delivery(&self) -> Result<Option<Delivery>, Malformed> {
        if !matches!(self.code, 200 | 206) {
            return Ok(None);
        }
        let mut encodings = self.headers.list(names::CONTENT_ENCODING);
        let encoded = encodings.any(|encoding| !encoding.eq_ignore_ascii_case("identity"));
        if encoded || self.headers.get(names::TRANSFER_ENCODING).is_some() {
            return Err(Malformed::BadValue);
        }
        let length = self.content_length();
        let delivery = match (self.content_range()?, length) {
            (Some(ContentRange::Part { range, size }), _) => Delivery { range, size },
            (None, Some(size)) if self.code == 200 => Delivery { range: 0..size, size: Some(size) },
            _ => return Err(Malformed::BadValue),
        };
        let agrees = length.is_none_or(|len| len == delivery.range.end - delivery.range.start);
        if agrees { Ok(Some(delivery)) } else { Err(Malformed::BadValue) }
    }

    /// Content-Range.
    pub fn content_range(&self) -> Result<Option<ContentRange>, Malformed> {
        self.headers.get(names::CONTENT_RANGE).map(ContentRange::parse).transpose()
    }

    /// The hash of the file, if the response names it.
    pub fn sha1(&self) -> Option<Sha1> {
        [names::X_GNUTELLA_CONTENT_URN, names::X_CONTENT_URN]
            .into_iter()
            .flat_map(|name| self.headers.list(name))
            .find_map(|urn| Urn::parse(urn.as_bytes()).ok()?.sha1())
    }

    /// After how many seconds to ask again: Retry-After (a date there counts as nothing), else
    /// the `pollMin` or `retry-after` of a queue line.
    pub fn retry_after_s(&self) -> Option<u32> {
        let seconds = self.headers.number(names::RETRY_AFTER);
        let seconds = seconds.or_else(|| self.queue_field(&["retry-after", "pollmin"]))?;
        Some(u32::try_from(seconds).unwrap_or(u32::MAX))
    }

    /// The place in the upload queue, from X-Queued or the older X-Queue.
    pub fn queue_position(&self) -> Option<u32> {
        u32::try_from(self.queue_field(&["position"])?).ok()
    }

    /// A number in `position=2,length=5,limit=4,pollMin=45` or with semicolons.
    fn queue_field(&self, wanted: &[&str]) -> Option<u64> {
        [names::X_QUEUED, names::X_QUEUE]
            .into_iter()
            .flat_map(|name| self.headers.all(name))
            .flat_map(|value| value.split([',', ';']))
            .filter_map(|field| field.split_once('='))
            .find(|(name, _)| wanted.iter().any(|w| w.eq_ignore_ascii_case(name.trim())))
            .and_then(|(_, value)| decimal(value.trim().trim_matches('"')))
    }
}

fn reason(code: u16) -> &'static str {
    match code {
        200 => "OK",
        202 => "Push Message Sent",
        206 => "Partial Content",
        400 => "Bad Request",
        404 => "Not Found",
        406 => "Not Acceptable",
        410 => "Servent Not Connected",
        416 => "Requested Range Not Satisfiable",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Busy",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}
