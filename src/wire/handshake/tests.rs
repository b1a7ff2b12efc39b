use proptest::prelude::*;

use super::*;
use crate::wire::head::{Head, HeadLimits, find};
use crate::wire::names;

#[test]
fn three_blocks() {
    let headers = Headers::new().with(names::X_ULTRAPEER, "True").with(names::X_DEGREE, 32);
    let request = Block::request(headers.clone());
    let bytes = b"GNUTELLA CONNECT/0.6\r\nX-Ultrapeer: True\r\nX-Degree: 32\r\n\r\n";
    assert_eq!(request.to_bytes(), bytes);
    assert_eq!(Block::parse(bytes), Ok(request));
    let response = Block::response(503, "Full", headers);
    let bytes = b"GNUTELLA/0.6 503 Full\r\nX-Ultrapeer: True\r\nX-Degree: 32\r\n\r\n";
    assert_eq!(response.to_bytes(), bytes);
    assert_eq!(Block::parse(bytes), Ok(response));
    let last = Block::parse(b"GNUTELLA/0.6 200 OK\n\n").unwrap();
    assert_eq!(last, Block::response(200, "OK", Headers::new()));
    assert_eq!(
        Block::parse(b"GNUTELLA/0.6 200\r\n\r\n"),
        Ok(Block::response(200, "", Headers::new()))
    );
}

#[test]
fn a_0_4_greeting_is_known_and_answered() {
    let greeting = b"GNUTELLA CONNECT/0.4\n\n";
    let limits = HeadLimits { bytes_max: 100, lines_max: 9 };
    assert_eq!(find(greeting, limits), Head::Complete { len: greeting.len() });
    let Ok(Block::Request { version, headers }) = Block::parse(greeting) else { panic!() };
    assert!(version < VERSION && headers.is_empty());
    assert_eq!(answer_to_0_4(true), b"GNUTELLA OK\n\n");
    let Ok(Block::Response { code, .. }) = Block::parse(answer_to_0_4(false)) else { panic!() };
    assert_eq!(code, 505);
}

#[test]
fn later_versions_are_read() {
    let Ok(Block::Request { version, .. }) = Block::parse(b"GNUTELLA CONNECT/0.10\r\n\r\n") else {
        panic!()
    };
    assert!(version > VERSION);
}

#[test]
fn what_is_not_a_block_is_refused() {
    for bad in [
        &b""[..],
        b"\r\n",
        b"GNUTELLA CONNECT/0.6",
        b"GNUTELLA CONNECT/0.6\r\n",
        b"GNUTELLA CONNECT/\r\n\r\n",
        b"GNUTELLA CONNECT/0.6.1\r\n\r\n",
        b"gnutella connect/0.6\r\n\r\n",
        b"GNUTELLA CONNECT/0.6\r\nX\r\n\r\n",
        b"GNUTELLA CONNECT/0.6\rX: y\r\n\r\n",
        b"GNUTELLA/0.6\r\n\r\n",
        b"GNUTELLA/0.6 20 OK\r\n\r\n",
        b"GNUTELLA/0.6 +20 OK\r\n\r\n",
        b"GNUTELLA/0.6 099 OK\r\n\r\n",
        b"GNUTELLA/0.6 2000 OK\r\n\r\n",
        b"GNUTELLA/0.6 OK\r\n\r\n",
        b"GNUTELLA/0.4 200 OK\r\n\r\n",
        b"GNUTELLA OK\n\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"\xFF\xFE\r\n\r\n",
    ] {
        assert!(Block::parse(bad).is_err(), "{:?}", String::from_utf8_lossy(bad));
    }
    assert_eq!(Block::parse(b"GNUTELLA OK\n\n"), Err(Malformed::BadValue));
}

proptest! {
    #[test]
    fn round_trip(code in 100..1_000_u16, reason in "([!-~]([ -~é]{0,30}[!-~])?)?", agent in "[!-~]{1,30}", request: bool) {
        let headers = Headers::parse(format!("User-Agent: {agent}\r\n\r\n").as_bytes()).unwrap();
        let block = match request {
            true => Block::request(headers),
            false => Block::response(code, &reason, headers),
        };
        prop_assert_eq!(Block::parse(&block.to_bytes()), Ok(block));
    }

    #[test]
    fn a_reason_begins_no_new_line(reason in any::<String>()) {
        let block = Block::response(200, &reason, Headers::new());
        let read = Block::parse(&block.to_bytes()).unwrap();
        prop_assert!(read.headers().is_empty());
    }

    #[test]
    fn any_bytes(bytes in any::<Vec<u8>>(), near in "([A-Z/0-9. :]|\r\n){0,60}") {
        let _ = Block::parse(&bytes);
        let _ = Block::parse(format!("GNUTELLA{near}\r\n\r\n").as_bytes());
        let _ = Block::parse(format!("GNUTELLA CONNECT/0.6\r\n{near}\r\n\r\n").as_bytes());
    }
}
