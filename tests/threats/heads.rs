//! Attacks by HTTP and handshake heads (rows 16 to 18).

use filbert::node::io::{DiskOrder, DiskReport, DownloadId, DownloadRequest, Source};
use filbert::node::{Action, Command, Config, ConnId, Input};
use filbert::wire::Sha1;

use crate::victim::{Victim, config, stranger};

/// The status of the answer to a request, or 0 if there is none; and the file that follows.
fn asked(victim: &mut Victim, says: &[u8]) -> (u16, Option<std::ops::Range<u64>>) {
    let conn = victim.accept(stranger(1));
    victim.say(conn, says);
    let answer = victim.sent.remove(&conn).unwrap_or_default();
    let code = answer.get(9..12).and_then(|code| str::from_utf8(code).ok()?.parse().ok());
    let file = victim.others.drain(..).find_map(|action| match action {
        Action::SendFile { range, .. } => Some(range),
        _ => None,
    });
    if !victim.closed.contains(&conn) {
        victim.give(Input::Closed { conn, cause: filbert::node::io::CloseCause::PeerClosed });
    }
    (code.unwrap_or(0), file)
}

#[test]
fn row_16_a_target_names_shared_files_and_nothing_else() {
    let mut victim = Victim::new(config());
    victim.share(&["shared.txt"]);
    assert_eq!(asked(&mut victim, b"GET /get/1/shared.txt HTTP/1.1\r\n\r\n").0, 200);
    for target in [
        "/../../etc/passwd",
        "/get/1/../shared.txt",
        "/get/1/..%2f..%2fetc%2fpasswd",
        "/get/1/%2e%2e/%2e%2e/shared.txt",
        "/get/1/shared.txt%00.jpg",
        "/get/1//etc/passwd",
        "/get/4294967297/shared.txt",
        "/get/-1/shared.txt",
        "//host/get/1/shared.txt",
        "http://host/etc/passwd",
        "\\\\?\\C:\\",
        "/uri-res/N2R?urn:sha1:../../../etc/passwd",
    ] {
        let (code, file) = asked(&mut victim, format!("GET {target} HTTP/1.1\r\n\r\n").as_bytes());
        assert!(matches!(code, 400 | 404) && file.is_none(), "{target}: {code}");
    }
}

#[test]
fn row_16_no_name_of_a_download_leaves_its_folder() {
    for name in ["../x", "..", "/etc/passwd", "a\0b", "C:\\x", "CON", ".", "\u{202E}txt.exe", ""] {
        let mut victim = Victim::new(config());
        let (id, sha1) = (DownloadId(1), Sha1([2; 20]));
        let request = DownloadRequest {
            name: name.to_owned(),
            size: Some(0),
            sha1: Some(sha1),
            sources: Vec::<Source>::new(),
        };
        victim.give(Input::Command(Command::Download { download: id, request }));
        victim.give(Input::Disk(DiskReport::Opened { download: id, have: Vec::new() }));
        victim.give(Input::Disk(DiskReport::Hashed { download: id, sha1 }));
        let published = victim.others.iter().find_map(|action| match action {
            Action::Disk(DiskOrder::Publish { name, .. }) => Some(name.clone()),
            _ => None,
        });
        let published = published.expect("an empty file is complete");
        assert!(!published.is_empty() && published.len() <= 255 && !published.starts_with('.'));
        assert!(!published.contains(['/', '\\', '\0', ':', '\u{202E}']), "{published}");
    }
}

#[test]
fn row_17_heads_without_measure_are_refused() {
    let mut victim = Victim::new(config());
    victim.share(&["shared.txt"]);
    let start = "GET /get/1/shared.txt HTTP/1.1\r\n";
    let head = |lines: &str| format!("{start}{lines}\r\n").into_bytes();
    for (says, what) in [
        (head(&"A: b\r\n".repeat(10_000)), "10,000 lines"),
        (head(&format!("A: {}\r\n", "b".repeat(1 << 20))), "a line of 1 MiB"),
        (format!("GET /{}", "x".repeat(1 << 20)).into_bytes(), "a target of 1 MiB"),
        (head("Content-Length: 0\r\nContent-Length: 5\r\n"), "two lengths"),
        (head("Content-Length: 5\r\n"), "a body"),
        (head("Transfer-Encoding: chunked\r\n"), "a chunked body"),
        (head("Range: bytes=0-1\r\nRange: bytes=2-3\r\n"), "two ranges"),
        (head("no colon\r\n"), "no colon"),
        (head(": no name\r\n"), "no name"),
    ] {
        let (code, file) = asked(&mut victim, &says);
        assert!(matches!(code, 400 | 431) && file.is_none(), "{what}: {code}");
    }
    // Lines that never end are not answered, and end in time.
    for says in ["GET /get/1/shared.txt HTTP/1.1\r", "GET /a HTTP/1.1\rA: b\r\r", "GIV 1:"] {
        let conn = victim.accept(stranger(1));
        assert!(!victim.say(conn, says.as_bytes()));
        victim.pass(u64::from(config().handshake_timeout_s) + 1);
        assert!(victim.closed.contains(&conn), "{says}");
    }
    assert_eq!(victim.view().connections, 0);
}

#[test]
fn row_17_requests_that_pile_up_are_answered_one_by_one_or_not_at_all() {
    let mut victim = Victim::new(Config { head_bytes_max: 4_096, ..config() });
    victim.share(&["shared.txt"]);
    let conn = victim.accept(stranger(1));
    victim.deaf.insert(conn);
    let one = b"GET /nothing HTTP/1.1\r\n\r\n";
    assert!(!victim.say(conn, &one.repeat(10)));
    let answers = |victim: &Victim| -> usize {
        let sent = victim.sent.get(&conn).map_or(&[][..], |sent| sent);
        sent.windows(12).filter(|at| *at == b"HTTP/1.1 404").count()
    };
    assert_eq!(answers(&victim), 1, "one answer until its bytes are gone");
    let len = victim.sent[&conn].len() as u32;
    victim.give(Input::Sent { conn, len });
    assert_eq!(answers(&victim), 2);
    assert!(victim.say(conn, &one.repeat(200)), "more than a head waits");
}

#[test]
fn row_18_a_range_is_inside_the_file_or_refused() {
    let mut victim = Victim::new(config());
    victim.share(&["shared.txt"]);
    for (range, expected) in [
        ("bytes=0-", Some(0..1_000)),
        ("bytes=0-0", Some(0..1)),
        ("bytes=999-", Some(999..1_000)),
        ("bytes=0-18446744073709551615", Some(0..1_000)),
        ("bytes=-1", Some(999..1_000)),
        ("bytes=-18446744073709551615", Some(0..1_000)),
        ("bytes=1000-", None),
        ("bytes=5-4", None),
        ("bytes=-0", None),
        ("bytes=18446744073709551615-", None),
        ("bytes=18446744073709551616-", None),
        ("bytes=0-,0-,0-,0-,0-,0-,0-,0-,0-,0-", None),
        ("bytes=--5", None),
        ("bytes=0x5-9", None),
        ("bytes=", None),
    ] {
        let says = format!("GET /get/1/shared.txt HTTP/1.1\r\nRange: {range}\r\n\r\n");
        let (code, file) = asked(&mut victim, says.as_bytes());
        assert_eq!(file, expected, "{range}");
        assert!(if file.is_some() { code == 206 } else { code == 416 }, "{range}: {code}");
    }
}

#[test]
fn row_18_a_source_cannot_place_bytes_where_nobody_asked_for_them() {
    for answer in [
        "206 x\r\nContent-Range: bytes 0-18446744073709551615/18446744073709551615",
        "206 x\r\nContent-Range: bytes 5000-5999/10000\r\nContent-Length: 1000",
        "206 x\r\nContent-Range: bytes 9-5/1000",
        "206 x\r\nContent-Range: bytes 0-999/999",
        "206 x\r\nContent-Length: 18446744073709551615",
        "200 OK\r\nContent-Length: 2000",
        "301 x\r\nLocation: http://elsewhere/",
    ] {
        let mut victim = Victim::new(config());
        let (download, sha1) = (DownloadId(1), Some(Sha1([2; 20])));
        let source = Source {
            address: stranger(1),
            servent: None,
            index: None,
            name: None,
            firewalled: false,
            push_proxies: Vec::new(),
        };
        let (name, size) = ("file".to_owned(), Some(1_000));
        let request = DownloadRequest { name, size, sha1, sources: vec![source] };
        let conn = ConnId::ordered(1);
        victim.refuses = false;
        victim.give(Input::Command(Command::Download { download, request }));
        victim.give(Input::Disk(DiskReport::Opened { download, have: Vec::new() }));
        victim.give(Input::Connected { conn, local: config().listen });
        let closed = victim.say(conn, format!("HTTP/1.1 {answer}\r\n\r\n").as_bytes());
        let stores = |action: &&Action| matches!(action, Action::StoreInto { .. });
        assert_eq!(victim.others.iter().find(stores), None, "{answer}");
        assert!(closed, "{answer}");
        assert_eq!(victim.dialled, [stranger(1)], "nobody goes elsewhere");
    }
}
