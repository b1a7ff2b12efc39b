use proptest::prelude::*;

use super::*;

fn request(head: &str) -> Result<Request, Malformed> {
    Request::parse(head.as_bytes())
}

fn response(head: &str) -> Result<Response, Malformed> {
    Response::parse(head.as_bytes())
}

fn target(target: &str) -> Target {
    request(&format!("GET {target} HTTP/1.1\r\n\r\n")).unwrap().target
}

const URN: &str = "urn:sha1:PL3ZHAF3MI65RU4JABKBG4EA35XTMCRV";

#[test]
fn targets() {
    let get = |index, name: &str| Target::Get { index, name: Some(name.to_owned()) };
    let sha1 = Target::Urn(URN.parse().unwrap());
    assert_eq!(target("/"), Target::Browse);
    assert_eq!(target("/get/1/blue%20moon.ogg"), get(1, "blue moon.ogg"));
    assert_eq!(target("/get/1/blue moon.ogg"), get(1, "blue moon.ogg"));
    assert_eq!(target("/GET/4294967295/x/"), get(u32::MAX, "x"));
    assert_eq!(target("/get/2/a/../..%2Fetc%2fpasswd"), get(2, "a/../../etc/passwd"));
    assert_eq!(target("/get/2/100%"), get(2, "100%"));
    assert_eq!(target("/get/2/why?+"), get(2, "why?+"));
    assert_eq!(target("/get/2/%00x"), Target::Get { index: 2, name: None });
    assert_eq!(target("/get/2/%FF"), Target::Get { index: 2, name: None });
    assert_eq!(target("/get/2/%C0%AE%C0%AE"), Target::Get { index: 2, name: None });
    assert_eq!(target(&format!("/uri-res/N2R?{URN}")), sha1);
    assert_eq!(target(&format!("/Uri-Res/n2r?{}", URN.to_lowercase())), sha1);
    assert_eq!(target(&format!("/uri-res/N2R?{}", URN.replace(':', "%3A"))), sha1);
    let bitprint = URN.replace("sha1", "bitprint");
    assert_eq!(target(&format!("/uri-res/N2R?{bitprint}.{}", "A".repeat(39))), sha1);
    for other in [
        "/get/4294967296/x",
        "/get/-1/x",
        "/get/1",
        "/get//x",
        "*",
        "/uri-res/N2R?urn:sha1:AAAA",
        "/uri-res/N2X?urn:sha1:PL3ZHAF3MI65RU4JABKBG4EA35XTMCRV",
        "//",
        "/gnutella/push-proxy",
    ] {
        assert_eq!(target(other), Target::Other(other.to_owned()));
    }
}

/// As in the push proxy specification, and as gtk-gnutella and LimeWire vary it.
#[test]
fn push_proxy_targets() {
    let proxy = |servent, index| Target::PushProxy { servent, index };
    let guid = super::super::Guid(*b"0123456789abcdef");
    let base32 = "GAYTEMZUGU3DOOBZMFRGGZDFMY";
    for (text, expected) in [
        (format!("/gnutella/push-proxy?ServerId={base32}"), proxy(Some(guid), 0)),
        (format!("/gnutella/push-proxy?ServerID={base32}======&file=7"), proxy(Some(guid), 7)),
        (format!("/gnutella/pushproxy?serverid={}", base32.to_lowercase()), proxy(Some(guid), 0)),
        (format!("/gnutella/push-proxy?file=9&guid={guid}"), proxy(Some(guid), 9)),
        (format!("/gnutella/push-proxy?ServerId={base32}&file=-1&x=y&&"), proxy(Some(guid), 0)),
        (format!("/gnutella/push-proxy?ServerId={base32}A"), proxy(None, 0)),
        ("/gnutella/push-proxy?ServerId=".to_owned(), proxy(None, 0)),
        ("/gnutella/push-proxy?".to_owned(), proxy(None, 0)),
    ] {
        assert_eq!(target(&text), expected, "{text}");
    }
    let ours = proxy(Some(guid), 7);
    assert_eq!(ours.to_string(), format!("/gnutella/push-proxy?ServerId={base32}&file=7"));
    assert_eq!(target(&ours.to_string()), ours);
}

#[test]
fn the_corpus_of_smuggled_requests_is_refused() {
    for bad in [
        "GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 0, 5\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: +0\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length:\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length : 0\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length:\r\n 0\r\n\r\n",
        "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nTransfer-Encoding : chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nTransfer-Encoding:\r\n chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nX: y\rContent-Length: 5\r\n\r\n",
        "GET / HTTP/1.1\rHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nX: \0\r\n\r\n",
        "GET /\0 HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\n Host: x\r\n\r\n",
        "GET / HTTP/1.1\r\nRange: bytes=0-1\r\nRange: bytes=2-3\r\n\r\n",
        "GET / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\n\r\nGET",
        "GET /\r\n\r\n",
        "GET HTTP/1.1\r\n\r\n",
        "GET  HTTP/1.1\r\n\r\n",
        " GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/2.0\r\n\r\n",
        "GET / HTTP/1\r\n\r\n",
        "GET / http/1.1\r\n\r\n",
        "GET / HTTP/1.1 \r\n\r\n",
        "\r\nGET / HTTP/1.1\r\n\r\n",
        "",
    ] {
        assert!(request(bad).is_err(), "{bad:?}");
    }
    let bomb = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(10_000));
    assert_eq!(request(&bomb), Err(Malformed::TooLarge));
}

#[test]
fn keep_alive() {
    for (version, connection, kept) in [
        ("1.1", "", true),
        ("1.1", "Connection: close\r\n", false),
        ("1.1", "Connection: Upgrade, Close\r\n", false),
        ("1.1", "Connection: x\r\nConnection: close\r\n", false),
        ("1.2", "", true),
        ("1.0", "", false),
        ("1.0", "Connection: Keep-Alive\r\n", true),
        ("1.0", "Connection: keep-alive, close\r\n", false),
    ] {
        let read = request(&format!("GET / HTTP/{version}\r\n{connection}\r\n")).unwrap();
        assert_eq!(read.keep_alive(), kept, "{version} {connection}");
        let head = format!("HTTP/{version} 200 OK\r\nContent-Length: 1\r\n{connection}\r\n");
        assert_eq!(response(&head).unwrap().keep_alive(Method::Get), kept);
    }
    let until_close = response("HTTP/1.1 200 OK\r\n\r\n").unwrap();
    assert!(!until_close.keep_alive(Method::Get) && until_close.keep_alive(Method::Head));
}

#[test]
fn accepted_encodings() {
    let browse = Request::parse(&Request::browse("1.2.3.4:6346", "filbert/0").to_bytes()).unwrap();
    assert!(browse.accepts_packets() && browse.accepts_deflate());
    let curl = request("GET / HTTP/1.1\r\nAccept: */*\r\nAccept-Encoding: deflate;q=0\r\n\r\n");
    let curl = curl.unwrap();
    assert!(!curl.accepts_packets() && !curl.accepts_deflate());
}

#[test]
fn ranges_at_the_corners() {
    let max = u64::MAX;
    for (value, size, want) in [
        ("bytes=0-9", 100, Some(0..10)),
        ("bytes=0-0", 1, Some(0..1)),
        ("bytes=90-", 100, Some(90..100)),
        ("bytes=-10", 100, Some(90..100)),
        ("bytes=-101", 100, Some(0..100)),
        ("bytes=99-1000", 100, Some(99..100)),
        (" Bytes = 1 - 2 ", 100, Some(1..3)),
        ("bytes=0-18446744073709551615", max, Some(0..max)),
        ("bytes=0-99999999999999999999999", 10, Some(0..10)),
        ("bytes=18446744073709551614-18446744073709551615", max, Some(max - 1..max)),
        ("bytes=18446744073709551615-", max, None),
        ("bytes=-99999999999999999999999", 10, Some(0..10)),
        ("bytes=99999999999999999999999-", 10, None),
        ("bytes=100-", 100, None),
        ("bytes=0-", 0, None),
        ("bytes=-5", 0, None),
        ("bytes=-0", 100, None),
        ("bytes=5-4", 100, None),
        ("bytes=--5", 100, None),
        ("bytes=-5-", 100, None),
        ("bytes=+1-2", 100, None),
        ("bytes=0-1,2-3", 100, None),
        ("bytes=0-,0-,0-,0-", 100, None),
        ("bytes=,", 100, None),
        ("bytes=-", 100, None),
        ("bytes=", 100, None),
        ("bytes=a-b", 100, None),
        ("bytes=0x1-0x2", 100, None),
    ] {
        let read = RangeSpec::parse(value).unwrap_or_else(|| panic!("{value}"));
        assert_eq!(read.resolve(size), want, "{value} of {size}");
    }
    assert_eq!(RangeSpec::parse("lines=1-2"), None);
    assert_eq!(RangeSpec::parse("bytes 1-2"), None);
    assert_eq!(RangeSpec::of(&(5..5)), None);
    assert_eq!(RangeSpec::of(&(0..max)).unwrap().to_string(), "bytes=0-18446744073709551614");
}

#[test]
fn content_ranges() {
    let part = |range, size| Ok(ContentRange::Part { range, size });
    assert_eq!(ContentRange::parse("bytes 0-9/100"), part(0..10, Some(100)));
    assert_eq!(ContentRange::parse("Bytes=0-9/*"), part(0..10, None));
    assert_eq!(ContentRange::parse("bytes */100"), Ok(ContentRange::None { size: 100 }));
    for bad in [
        "",
        "bytes",
        "bytes 0-9",
        "bytes 5-4/10",
        "bytes 0-10/10",
        "bytes */*",
        "lines 0-1/2",
        "bytes 0-/10",
        "bytes -5/10",
        "bytes 0-18446744073709551615/*",
        "bytes 0-9/1e9",
        "bytes +0-9/10",
        "bytes 0-9/99999999999999999999999",
        "bytes0-9/10",
        "é bytes 0-1/2",
    ] {
        assert_eq!(ContentRange::parse(bad), Err(Malformed::BadValue), "{bad}");
    }
}

#[test]
fn the_corpus_of_smuggled_responses_is_refused() {
    for bad in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Range: bytes 0-1/2\r\nContent-Range: bytes 0-1/2\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 OK\r\n\r\n",
        "HTTP/1.1\r\n\r\n",
        "HTTP/3.0 200 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\n",
    ] {
        assert!(response(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn deliveries() {
    let read = |head: &str| response(head).unwrap().delivery();
    let delivery = |range, size| Ok(Some(Delivery { range, size }));
    let part = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-9/100\r\n";
    assert_eq!(read("HTTP 200 OK\r\nContent-Length: 7\r\n\r\n"), delivery(0..7, Some(7)));
    assert_eq!(read("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), delivery(0..0, Some(0)));
    assert_eq!(read(&format!("{part}Content-Length: 5\r\n\r\n")), delivery(5..10, Some(100)));
    assert_eq!(read(&format!("{part}\r\n")), delivery(5..10, Some(100)));
    let plain = format!("{part}Content-Encoding: Identity\r\n\r\n");
    assert_eq!(read(&plain), delivery(5..10, Some(100)));
    assert_eq!(read("HTTP/1.1 404 No\r\nContent-Length: 7\r\n\r\n"), Ok(None));
    for bad in [
        format!("{part}Content-Length: 6\r\n\r\n"),
        format!("{part}Transfer-Encoding: chunked\r\n\r\n"),
        format!("{part}Content-Encoding: deflate\r\nContent-Length: 5\r\n\r\n"),
        "HTTP/1.1 206 x\r\nContent-Length: 5\r\n\r\n".to_owned(),
        "HTTP/1.1 206 x\r\nContent-Range: bytes */5\r\nContent-Length: 5\r\n\r\n".to_owned(),
        "HTTP/1.1 206 x\r\nContent-Range: bytes 9-5/10\r\nContent-Length: 5\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\n\r\n".to_owned(),
    ] {
        assert_eq!(read(&bad), Err(Malformed::BadValue), "{bad}");
    }
}

#[test]
fn waiting() {
    for (lines, position, wait_s) in [
        ("Retry-After: 300\r\n", None, Some(300)),
        ("Retry-After: Sun, 22 Nov 2026 10:33:26 GMT\r\n", None, None),
        ("Retry-After: 99999999999\r\n", None, Some(u32::MAX)),
        ("X-Queue: position=2,length=5,limit=4,pollMin=45,pollMax=120\r\n", Some(2), Some(45)),
        ("X-Queued: position=3; ID=ab; retry-after=\"70\"\r\nRetry-After: 9\r\n", Some(3), Some(9)),
        ("X-Queue: 0.1\r\n", None, None),
        ("X-Queue: position=-1\r\n", None, None),
    ] {
        let busy = response(&format!("HTTP/1.1 503 Busy\r\n{lines}\r\n")).unwrap();
        assert_eq!((busy.queue_position(), busy.retry_after_s()), (position, wait_s), "{lines}");
    }
}

#[test]
fn our_responses() {
    let text = |response: Response| String::from_utf8(response.to_bytes()).unwrap();
    assert_eq!(text(Response::whole(5)), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(
        text(Response::part(5..10, 100)),
        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-9/100\r\nContent-Length: 5\r\n\r\n"
    );
    assert_eq!(
        text(Response::unsatisfiable(7)),
        "HTTP/1.1 416 Requested Range Not Satisfiable\r\nContent-Length: 0\r\nContent-Range: bytes */7\r\n\r\n"
    );
    assert_eq!(
        text(Response::busy(60)),
        "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nRetry-After: 60\r\n\r\n"
    );
    assert_eq!(Response::empty(404).body(Method::Get), Body::Length(0));
    assert_eq!(Response::whole(9).body(Method::Head), Body::Length(0));
    assert_eq!(
        Response::new(200).with(names::TRANSFER_ENCODING, "chunked").body(Method::Get),
        Body::Chunked
    );
}

fn targets_of_ours() -> impl Strategy<Value = Target> {
    prop_oneof![
        (any::<u32>(), "[^\0]{0,40}")
            .prop_map(|(index, name)| Target::Get { index, name: Some(name) }),
        any::<[u8; 20]>().prop_map(|bytes| Target::Urn(super::super::Sha1(bytes))),
        Just(Target::Browse),
    ]
}

proptest! {
    #[test]
    fn requests_round_trip(target in targets_of_ours(), range: Option<(u64, u64)>, head: bool) {
        let mut asked = Request::get(target, "[::1]:6346", "filbert/1");
        let range = range.map(|(a, b)| RangeSpec::FromTo(a.min(b), a.max(b)));
        if let Some(range) = range {
            asked = asked.with(names::RANGE, range);
        }
        asked.method = if head { Method::Head } else { Method::Get };
        let read = Request::parse(&asked.to_bytes()).unwrap();
        prop_assert_eq!(read.range(), range);
        prop_assert_eq!(read, asked);
    }

    #[test]
    fn responses_round_trip(start: u64, len in 1..u64::MAX, size: u64) {
        let range = start..start.saturating_add(len);
        let size = size.max(range.end);
        prop_assume!(!range.is_empty());
        let sent = Response::part(range.clone(), size);
        let read = Response::parse(&sent.to_bytes()).unwrap();
        prop_assert_eq!(read.delivery(), Ok(Some(Delivery { range, size: Some(size) })));
        prop_assert_eq!(read, sent);
    }

    #[test]
    fn a_range_stays_in_the_file(spec in "bytes=[0-9]{0,21}-[0-9]{0,21}(,[0-9]{0,3}-)?", size: u64) {
        if let Some(range) = RangeSpec::parse(&spec).unwrap().resolve(size) {
            prop_assert!(range.start < range.end && range.end <= size);
            prop_assert_eq!(RangeSpec::of(&range).unwrap().resolve(size), Some(range));
        }
    }

    #[test]
    fn ranges_round_trip(a: u64, b: u64) {
        for spec in [RangeSpec::FromTo(a.min(b), a.max(b)), RangeSpec::From(a), RangeSpec::Last(a)] {
            prop_assert_eq!(RangeSpec::parse(&spec.to_string()), Some(spec));
        }
        prop_assert_eq!(RangeSpec::parse(&RangeSpec::Unusable.to_string()), Some(RangeSpec::Unusable));
    }

    #[test]
    fn any_bytes(bytes in any::<Vec<u8>>(), near in "([A-Za-z/0-9. :=,-]|%|\r\n){0,60}") {
        let _ = (Request::parse(&bytes), Response::parse(&bytes));
        let _ = ContentRange::parse(&near);
        if let Ok(read) = Request::parse(format!("GET {near} HTTP/1.1\r\n\r\n").as_bytes()) {
            let again = Request::parse(&read.to_bytes());
            prop_assert!(again.is_ok());
        }
        let head = format!("HTTP/1.1 206 x\r\nContent-Range: {near}\r\nContent-Length: 5\r\n\r\n");
        if let Ok(read) = Response::parse(head.as_bytes()) {
            let _ = (read.delivery(), read.retry_after_s(), read.queue_position(), read.sha1());
        }
    }
}
