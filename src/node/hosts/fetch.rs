//! One HTTP GET for a short text: the answer of a web cache as it comes, with a limit to each of
//! its parts (protocol.md sections 12 and 23).

use crate::node::{Config, Why};
use crate::wire::chunked::{Chunked, Piece};
use crate::wire::head::{Finder, Head, HeadLimits};
use crate::wire::http::{Body, Method, Response};
use crate::wire::{Malformed, names};

/// An answer that is being read.
#[derive(Debug)]
pub(crate) struct Fetch {
    finder: Finder,
    head: Vec<u8>,
    framing: Option<Framing>,
    text: Vec<u8>,
    bytes_max: usize,
}

#[derive(Debug)]
enum Framing {
    Length(u64),
    Chunked(Chunked),
    UntilClose,
}

impl Fetch {
    /// Nothing has come yet.
    pub(crate) fn new(config: &Config) -> Fetch {
        let limits =
            HeadLimits { bytes_max: config.head_bytes_max, lines_max: config.head_lines_max };
        Fetch {
            finder: Finder::new(limits),
            head: Vec::new(),
            framing: None,
            text: Vec::new(),
            bytes_max: config.web_cache_bytes_max as usize,
        }
    }

    /// More bytes of it. The text once it is whole; an error if it never will be.
    pub(crate) fn take(&mut self, data: &[u8]) -> Result<Option<Vec<u8>>, Why> {
        if self.framing.is_some() {
            return self.read(data);
        }
        self.head.extend_from_slice(data);
        match self.finder.find(&self.head) {
            Head::Incomplete => Ok(None),
            Head::TooLarge => Err(Why::BadResponse),
            Head::Complete { len } => {
                let rest = self.head.split_off(len);
                let head = std::mem::take(&mut self.head);
                self.framing = Some(self.framing_of(&head)?);
                self.read(&rest)
            }
        }
    }

    /// The connection has ended in order: so may the text.
    pub(crate) fn end(&mut self) -> Option<Vec<u8>> {
        let ends = matches!(self.framing, Some(Framing::UntilClose));
        ends.then(|| std::mem::take(&mut self.text))
    }

    fn framing_of(&self, head: &[u8]) -> Result<Framing, Why> {
        let response = Response::parse(head).map_err(|_| Why::BadResponse)?;
        match response.code {
            200 => {}
            // We connect nowhere because a stranger says so.
            300..400 => return Err(Why::Redirected),
            _ => return Err(Why::Refused),
        }
        let mut encodings = response.headers.list(names::CONTENT_ENCODING);
        if encodings.any(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
            return Err(Why::BadResponse);
        }
        Ok(match response.body(Method::Get) {
            Body::Length(len) if len > self.bytes_max as u64 => return Err(Why::TooLarge),
            Body::Length(len) => Framing::Length(len),
            Body::Chunked => Framing::Chunked(Chunked::new(self.bytes_max as u64)),
            Body::UntilClose => Framing::UntilClose,
        })
    }

    fn read(&mut self, mut data: &[u8]) -> Result<Option<Vec<u8>>, Why> {
        let whole = match &mut self.framing {
            Some(Framing::Length(left)) => {
                let len = usize::try_from(*left).unwrap_or(usize::MAX).min(data.len());
                self.text.extend_from_slice(data.get(..len).unwrap_or_default());
                *left -= len as u64;
                *left == 0
            }
            Some(Framing::Chunked(chunked)) => loop {
                match chunked.next(&mut data) {
                    Ok(Piece::Data(content)) => self.text.extend_from_slice(content),
                    Ok(Piece::NeedMore) => break false,
                    Ok(Piece::End) => break true,
                    Err(Malformed::TooLarge) => return Err(Why::TooLarge),
                    Err(_) => return Err(Why::BadResponse),
                }
            },
            Some(Framing::UntilClose) => {
                if self.text.len() + data.len() > self.bytes_max {
                    return Err(Why::TooLarge);
                }
                self.text.extend_from_slice(data);
                false
            }
            None => false,
        };
        Ok(whole.then(|| std::mem::take(&mut self.text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of these bytes in pieces of this size, and of the end of the connection.
    fn fetched(bytes: &[u8], piece: usize) -> Result<Option<Vec<u8>>, Why> {
        let config = Config { web_cache_bytes_max: 100, head_bytes_max: 200, ..Config::default() };
        let mut fetch = Fetch::new(&config);
        for data in bytes.chunks(piece) {
            if let Some(text) = fetch.take(data)? {
                return Ok(Some(text));
            }
        }
        Ok(fetch.end())
    }

    #[test]
    fn however_a_text_is_framed_and_split_it_is_the_same() {
        let text = b"H|1.2.3.4:6346|1\n".to_vec();
        for framed in [
            "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\nH|1.2.3.4:6346|1\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nH|1.2\r\nC\r\n.3.4:6346|1\n\r\n0\r\n\r\n",
            "HTTP/1.0 200 OK\n\nH|1.2.3.4:6346|1\n",
        ] {
            for piece in [1, 3, 1_000] {
                assert_eq!(fetched(framed.as_bytes(), piece), Ok(Some(text.clone())), "{framed}");
            }
        }
        let cut = "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\nH|1.2";
        assert_eq!(fetched(cut.as_bytes(), 9), Ok(None));
        assert_eq!(
            fetched(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 9),
            Ok(Some(Vec::new()))
        );
        assert_eq!(fetched(b"", 9), Ok(None));
    }

    #[test]
    fn what_is_too_much_or_leads_elsewhere_is_refused() {
        let long = "x".repeat(101);
        for (answer, why) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n".to_owned(), Why::TooLarge),
            (format!("HTTP/1.1 200 OK\r\n\r\n{long}"), Why::TooLarge),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n".to_owned(),
                Why::TooLarge,
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz".to_owned(),
                Why::BadResponse,
            ),
            (format!("HTTP/1.1 200 OK\r\nA: {long}{long}"), Why::BadResponse),
            ("SSH-2.0-server\r\n\r\n".to_owned(), Why::BadResponse),
            ("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n".to_owned(), Why::BadResponse),
            ("HTTP/1.1 302 Found\r\nLocation: http://9.9.9.9/\r\n\r\n".to_owned(), Why::Redirected),
            ("HTTP/1.1 404 Not Found\r\n\r\n".to_owned(), Why::Refused),
        ] {
            for piece in [1, 1_000] {
                assert_eq!(fetched(answer.as_bytes(), piece), Err(why), "{answer}");
            }
        }
    }
}
