use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<Headers, Malformed> {
    Headers::parse(text.as_bytes())
}

#[test]
fn order_and_spelling_are_kept_and_case_does_not_matter() {
    let headers = parse("b:  2 \r\nA: 1\nB:\t3\r\n\r\n").unwrap();
    let lines: Vec<_> = headers.iter().collect();
    assert_eq!(lines, [("b", "2"), ("A", "1"), ("B", "3")]);
    assert_eq!(headers.get("a"), Some("1"));
    assert_eq!(headers.all("B").collect::<Vec<_>>(), ["2", "3"]);
    assert_eq!(headers.single("a"), Ok(Some("1")));
    assert_eq!(headers.single("c"), Ok(None));
    assert_eq!(headers.single("b"), Err(Malformed::BadHead));
}

#[test]
fn lists_of_all_lines_are_joined() {
    let headers =
        parse("X-Try: 1.2.3.4:5,\r\n\t6.7.8.9:1 ,\r\nX-Alt: no\r\nx-try: ,[::1]:9\r\n\r\n");
    let headers = headers.unwrap();
    assert_eq!(headers.list("X-Try").collect::<Vec<_>>(), ["1.2.3.4:5", "6.7.8.9:1", "[::1]:9"]);
    assert_eq!(headers.len(), 3);
}

#[test]
fn typed_values() {
    let headers = parse(
        "X-Ultrapeer: true\r\nX-Requeries: FALSE\r\nX-Degree: 32\r\nX-Query-Routing: 0.2\r\n\
         X-Features: tls/1.0, browse/1.0,\r\n\tsflag/0.1, HSEP/0.2\r\n\
         Accept: text/html, Application/X-Gnutella-Packets; q=0.5, a/b;q=0.0\r\n\r\n",
    )
    .unwrap();
    assert_eq!(headers.flag(names::X_ULTRAPEER), Some(true));
    assert_eq!(headers.flag(names::X_REQUERIES), Some(false));
    assert_eq!(headers.flag(names::X_DEGREE), None);
    assert_eq!(headers.number(names::X_DEGREE), Some(32));
    assert_eq!(headers.number(names::X_QUERY_ROUTING), None);
    assert_eq!(headers.version(names::X_QUERY_ROUTING), Some(Version(0, 2)));
    assert_eq!(headers.feature("SFLAG"), Some(Version(0, 1)));
    assert_eq!(headers.feature("queue"), None);
    assert!(headers.has(names::ACCEPT, "application/x-gnutella-packets"));
    assert!(!headers.has(names::ACCEPT, "a/b"));
    assert!(!headers.has(names::ACCEPT, "text"));
}

#[test]
fn what_is_ambiguous_is_refused() {
    for bad in [
        "",
        "A: b\r\n",
        "A: b\r\n\r\nC",
        "A: b\r\n\r\n\r\n",
        "A: b\rC: d\r\n\r\n",
        "A: b\r\r\n\r\n",
        "A: b\0\r\n\r\n",
        "A: \x08b\r\n\r\n",
        "A : b\r\n\r\n",
        "A\t: b\r\n\r\n",
        ": b\r\n\r\n",
        "A b\r\n\r\n",
        "Ä: b\r\n\r\n",
        "A(: b\r\n\r\n",
        " A: b\r\n\r\n",
        "A: b\r\n \r\n\r\n",
        "A: b\r\n\t\r\n\r\n",
        "Content-Length:\r\n 5\r\n\r\n",
        "content-length: 5\r\n 5\r\n\r\n",
        "Transfer-Encoding:\r\n\tchunked\r\n\r\n",
        "Range: bytes=0-\r\n 5\r\n\r\n",
    ] {
        assert!(parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn ten_thousand_lines_are_refused() {
    let bomb = format!("{}\r\n", "A: b\r\n".repeat(10_000));
    assert_eq!(parse(&bomb), Err(Malformed::TooLarge));
    let long = format!("A: {}\r\n\r\n", "b".repeat(1 << 20));
    assert_eq!(parse(&long).unwrap().get("A").map(str::len), Some(1 << 20));
}

#[test]
fn a_value_of_ours_begins_no_new_line() {
    let headers = Headers::new().with(names::USER_AGENT, "x\r\nX-Ultrapeer: True\n\n");
    let mut out = Vec::new();
    headers.write(&mut out);
    assert_eq!(out, b"User-Agent: x  X-Ultrapeer: True\r\n\r\n");
}

#[test]
fn versions() {
    assert!(Version(0, 10) > Version(0, 6));
    for bad in ["", "1", "1.", ".1", "+1.0", "0.6 ", "0.6.1", "256.0", "a.b", "0.-1"] {
        assert!(bad.parse::<Version>().is_err(), "{bad:?}");
    }
}

#[test]
fn names_are_names_and_stand_once() {
    let spelled = |name: &&str| name.bytes().all(is_token) && !name.is_empty();
    assert!(names::ALL.iter().all(spelled));
    let lower: std::collections::BTreeSet<_> =
        names::ALL.iter().map(|name| name.to_ascii_lowercase()).collect();
    assert_eq!(lower.len(), names::ALL.len());
}

proptest! {
    #[test]
    fn round_trip(lines in prop::collection::vec(("[A-Za-z][A-Za-z-]{0,12}", "[!-~é]([ -~é\t]{0,30}[!-~é])?"), 0..20)) {
        let text: String = lines.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let headers = parse(&format!("{text}\n")).unwrap();
        let kept: Vec<_> = headers.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        prop_assert_eq!(&kept, &lines);
        let mut written = Vec::new();
        headers.write(&mut written);
        prop_assert_eq!(Headers::parse(&written), Ok(headers));
    }

    #[test]
    fn any_bytes(bytes in any::<Vec<u8>>(), near in "([A-Z:,;=q0. \t]|\r\n){0,60}") {
        let _ = Headers::parse(&bytes);
        if let Ok(headers) = parse(&format!("{near}\r\n\r\n")) {
            for name in ["A", "B", "Q"] {
                let _ = (headers.single(name), headers.list(name).count(), headers.has(name, "q"));
                let _ = (headers.flag(name), headers.number(name), headers.version(name));
            }
        }
    }

    #[test]
    fn what_we_push_can_always_be_read(value in any::<String>()) {
        let mut out = Vec::new();
        Headers::new().with(names::SERVER, &value).with(names::HOST, "x").write(&mut out);
        let read = Headers::parse(&out).unwrap();
        prop_assert_eq!(read.len(), 2);
        prop_assert_eq!(read.get(names::HOST), Some("x"));
    }
}
