//! What a source's answer is worth: facts in, verdict out (protocol.md section 12).

use std::ops::Range;

use crate::node::Why;
use crate::wire::Sha1;
use crate::wire::http::{ContentRange, Method, Response};

/// What was asked, and what is known of the file.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// These bytes; up to `u64::MAX` if the size is not known.
    pub(super) range: Range<u64>,
    /// The size, if it is known.
    pub(super) size: Option<u64>,
    /// The hash, if it is known.
    pub(super) sha1: Option<Sha1>,
}

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// These bytes follow, of a file of this size. They begin inside what was asked for; only a
    /// whole file may reach beyond it.
    Body { range: Range<u64>, size: u64, keep_alive: bool },
    /// No bytes, but the size: all before what was asked for is the whole file.
    Size(u64),
    /// No slot for us now; ask again after so many seconds.
    Busy(Option<u32>),
    /// Of no use any more.
    Useless(Why),
    /// Did not work this time.
    Failed(Why),
}

/// Judges an answer.
pub(super) fn judge(response: &Response, asked: &Asked) -> Verdict {
    match response.code {
        200 | 206 => judge_delivery(response, asked),
        416 => judge_unsatisfiable(response, asked),
        404 | 410 => Verdict::Useless(Why::NoSuchFile),
        429 | 503 => Verdict::Busy(response.retry_after_s()),
        401 | 403 => Verdict::Failed(Why::Refused),
        // Redirections, too: we connect nowhere because a stranger says so.
        _ => Verdict::Failed(Why::BadResponse),
    }
}

fn judge_delivery(response: &Response, asked: &Asked) -> Verdict {
    let named = response.sha1();
    if named.is_some() && asked.sha1.is_some() && named != asked.sha1 {
        return Verdict::Useless(Why::OtherFile);
    }
    let Ok(Some(delivery)) = response.delivery() else {
        return Verdict::Failed(Why::BadResponse);
    };
    let (range, size) = match (delivery.size, asked.size) {
        (Some(says), Some(known)) if says != known => return Verdict::Useless(Why::OtherFile),
        (Some(size), _) | (None, Some(size)) => (delivery.range, size),
        (None, None) => return Verdict::Failed(Why::BadResponse),
    };
    let whole = range == (0..size) && asked.range.start == 0;
    let inside = range.start >= asked.range.start && range.end <= asked.range.end.min(size);
    if whole || inside {
        return Verdict::Body { range, size, keep_alive: response.keep_alive(Method::Get) };
    }
    Verdict::Failed(Why::BadRange)
}

fn judge_unsatisfiable(response: &Response, asked: &Asked) -> Verdict {
    match (response.content_range(), asked.size) {
        (Ok(Some(ContentRange::None { size })), None) if size == asked.range.start => {
            Verdict::Size(size)
        }
        (Ok(Some(ContentRange::None { size })), Some(known)) if size != known => {
            Verdict::Useless(Why::OtherFile)
        }
        _ => Verdict::Failed(Why::BadRange),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Sha1 = Sha1([1; 20]);

    fn verdict(head: &str, range: Range<u64>, size: Option<u64>) -> Verdict {
        let head = format!("{head}\r\n\r\n");
        let response = Response::parse(head.as_bytes()).unwrap();
        judge(&response, &Asked { range, size, sha1: Some(OURS) })
    }

    fn body(range: Range<u64>, size: u64, keep_alive: bool) -> Verdict {
        Verdict::Body { range, size, keep_alive }
    }

    #[test]
    fn what_was_asked_for_or_less_of_it_is_taken() {
        let part = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 10-19/100";
        assert_eq!(verdict(part, 10..20, Some(100)), body(10..20, 100, false));
        let framed = format!("{part}\r\nContent-Length: 10");
        assert_eq!(verdict(&framed, 10..20, Some(100)), body(10..20, 100, true));
        assert_eq!(verdict(&framed, 10..50, Some(100)), body(10..20, 100, true));
        assert_eq!(verdict(&framed, 5..50, None), body(10..20, 100, true));
        let unsized_part = "HTTP/1.1 206 OK\r\nContent-Range: bytes 10-19/*\r\nContent-Length: 10";
        assert_eq!(verdict(unsized_part, 10..50, Some(100)), body(10..20, 100, true));
        assert_eq!(verdict(unsized_part, 10..50, None), Verdict::Failed(Why::BadResponse));
    }

    #[test]
    fn a_whole_file_serves_only_a_question_for_its_beginning() {
        let whole = "HTTP/1.0 200 OK\r\nContent-Length: 100";
        assert_eq!(verdict(whole, 0..10, Some(100)), body(0..100, 100, false));
        assert_eq!(verdict(whole, 0..u64::MAX, None), body(0..100, 100, false));
        assert_eq!(verdict(whole, 10..20, Some(100)), Verdict::Failed(Why::BadRange));
    }

    #[test]
    fn lies_about_ranges_are_seen() {
        for lie in ["0-9/100", "9-19/100", "10-20/100", "50-59/100"] {
            let head = format!("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {lie}");
            assert_eq!(verdict(&head, 10..20, Some(100)), Verdict::Failed(Why::BadRange), "{lie}");
        }
        for lie in ["10-19/101", "10-19/99"] {
            let head = format!("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {lie}");
            assert_eq!(
                verdict(&head, 10..20, Some(100)),
                Verdict::Useless(Why::OtherFile),
                "{lie}"
            );
        }
        for broken in ["10-19", "19-10/100", "10-18446744073709551615/18446744073709551615", ""] {
            let head = format!("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {broken}");
            assert_eq!(verdict(&head, 10..20, Some(100)), Verdict::Failed(Why::BadResponse));
        }
        let length = "HTTP/1.1 206 OK\r\nContent-Range: bytes 10-19/100\r\nContent-Length: 11";
        assert_eq!(verdict(length, 10..20, Some(100)), Verdict::Failed(Why::BadResponse));
    }

    #[test]
    fn another_hash_is_another_file() {
        let other = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nX-Gnutella-Content-URN: urn:sha1:{}",
            Sha1([2; 20])
        );
        assert_eq!(verdict(&other, 0..100, Some(100)), Verdict::Useless(Why::OtherFile));
        let ours = other.replace(&Sha1([2; 20]).to_string(), &OURS.to_string());
        assert_eq!(verdict(&ours, 0..100, Some(100)), body(0..100, 100, true));
    }

    #[test]
    fn other_codes() {
        let busy = "HTTP/1.1 503 Busy\r\nRetry-After: 7";
        assert_eq!(verdict(busy, 0..9, Some(9)), Verdict::Busy(Some(7)));
        assert_eq!(verdict("HTTP/1.1 429 No", 0..9, Some(9)), Verdict::Busy(None));
        assert_eq!(verdict("HTTP/1.1 404 No", 0..9, None), Verdict::Useless(Why::NoSuchFile));
        assert_eq!(verdict("HTTP/1.1 302 No", 0..9, None), Verdict::Failed(Why::BadResponse));
        assert_eq!(verdict("HTTP/1.1 403 No", 0..9, None), Verdict::Failed(Why::Refused));
        let none = "HTTP/1.1 416 No\r\nContent-Range: bytes */9";
        assert_eq!(verdict(none, 9..u64::MAX, None), Verdict::Size(9));
        assert_eq!(verdict(none, 5..u64::MAX, None), Verdict::Failed(Why::BadRange));
        assert_eq!(verdict(none, 5..8, Some(8)), Verdict::Useless(Why::OtherFile));
    }
}
