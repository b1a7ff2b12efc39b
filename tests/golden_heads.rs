//! What living servents write in heads (tests/golden/README.md): every head is found however it is
//! split, means what it should, and is written again as it came.
//! Holds protocol.md sections 2, 7, 12 and 13.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use filbert::wire::chunked::{Chunked, Piece};
use filbert::wire::handshake::Block;
use filbert::wire::head::{Finder, Head, HeadLimits, find};
use filbert::wire::headers::Version;
use filbert::wire::http::{Body, Delivery, Method, RangeSpec, Request, Response, Target};
use filbert::wire::{Giv, Guid, Headers, addresses, names};

const LIMITS: HeadLimits = HeadLimits { bytes_max: 16_384, lines_max: 128 };

const BLUE_MOON: &str = "PL3ZHAF3MI65RU4JABKBG4EA35XTMCRV";

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn read(name: &str) -> Vec<u8> {
    let path = folder(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Takes the next head off the front, if one begins there.
fn next_head(bytes: &mut Vec<u8>) -> Option<Vec<u8>> {
    let starts: [&[u8]; 5] = [b"GNUTELLA", b"HTTP/", b"GET ", b"HEAD ", b"GIV "];
    if !starts.iter().any(|start| bytes.starts_with(start)) {
        return None;
    }
    let Head::Complete { len } = find(bytes, LIMITS) else { panic!("a head without an end") };
    let rest = bytes.split_off(len);
    Some(std::mem::replace(bytes, rest))
}

/// The heads of a file and what follows the last.
fn heads(name: &str) -> (Vec<Vec<u8>>, Vec<u8>) {
    let mut bytes = read(name);
    let mut heads = Vec::new();
    while let Some(head) = next_head(&mut bytes) {
        heads.push(head);
    }
    (heads, bytes)
}

fn blocks(name: &str) -> Vec<Block> {
    heads(name).0.iter().map(|head| Block::parse(head).expect("a block")).collect()
}

fn response(name: &str) -> Response {
    Response::parse(&heads(name).0[0]).expect("a response")
}

#[test]
fn every_head_is_found_in_pieces_and_written_as_it_came() {
    let mut seen = 0;
    for folder in ["sessions", "heads"].map(folder) {
        for entry in fs::read_dir(folder).expect("golden files") {
            let path = entry.expect("an entry").path();
            let mut bytes = fs::read(&path).expect("a golden file");
            let name = path.display();
            while let Some(head) = next_head(&mut bytes) {
                let mut finder = Finder::new(LIMITS);
                let early =
                    (0..head.len()).find(|&len| finder.find(&head[..len]) != Head::Incomplete);
                assert_eq!(early, None, "{name}");
                assert_eq!(finder.find(&head), Head::Complete { len: head.len() }, "{name}");
                let again = match &head[..4] {
                    b"GNUT" => Block::parse(&head).map(|block| block.to_bytes()),
                    b"HTTP" => Response::parse(&head).map(|response| response.to_bytes()),
                    b"GIV " => Giv::parse(&head).map(|giv| giv.to_bytes()),
                    _ => Request::parse(&head).map(|request| request.to_bytes()),
                };
                let again = again.unwrap_or_else(|error| panic!("{name}: {error}"));
                // Of the names that servents have for one parameter, we write the commonest.
                let head = String::from_utf8_lossy(&head).replace(
                    "?guid=AAAAAAAAAAAAAAAAAAAAAAAAAA",
                    "?ServerId=AAAAAAAAAAAAAAAAAAAAAAAAAA&file=0",
                );
                assert_eq!(String::from_utf8_lossy(&again), head, "{name}");
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 70);
}

#[test]
fn gtk_gnutella_shakes_hands() {
    let opener = blocks("sessions/gtk-gnutella_gtk-gnutella_deflate.opener.bin");
    let [Block::Request { version, headers }, Block::Response { code: 200, headers: last, .. }] =
        &opener[..]
    else {
        panic!("{opener:?}")
    };
    assert_eq!(*version, Version(0, 6));
    assert_eq!(headers.flag(names::X_ULTRAPEER), Some(true));
    assert_eq!(headers.flag(names::X_REQUERIES), Some(false));
    assert_eq!(headers.number(names::X_DEGREE), Some(50));
    assert_eq!(headers.number(names::X_MAX_TTL), Some(4));
    assert_eq!(headers.version(names::X_QUERY_ROUTING), Some(Version(0, 2)));
    assert_eq!(headers.version(names::X_EXT_PROBES), Some(Version(0, 1)));
    assert_eq!(headers.feature("hsep"), Some(Version(0, 2)));
    assert!(headers.has(names::ACCEPT_ENCODING, "deflate"));
    let node = headers.get(names::NODE).and_then(addresses::parse);
    assert_eq!(node, Some("127.0.0.2:7002".parse().unwrap()));
    let guid: Guid = headers.get(names::GUID).expect("a GUID").parse().expect("a GUID");
    assert_eq!(guid.to_string(), "684f31020ca667250f34ad9b745db420");
    assert!(last.has(names::CONTENT_ENCODING, "deflate") && last.len() == 1);

    let acceptor = blocks("sessions/gtk-gnutella_gtk-gnutella_deflate.acceptor.bin");
    let headers = acceptor[0].headers();
    assert!(headers.has(names::CONTENT_ENCODING, "deflate"));
    assert_eq!(headers.flag(names::X_ULTRAPEER_NEEDED), Some(true));
    let seen_from = headers.get(names::REMOTE_IP).and_then(addresses::parse_ip);
    assert_eq!(seen_from, Some("127.2.0.22".parse().unwrap()));

    let tls = blocks("heads/gtk-gnutella_tls.opener.bin");
    assert!(tls[0].headers().has(names::UPGRADE, "TLS/1.0"));
    assert!(tls[1].headers().has(names::CONNECTION, "Upgrade"));
    let leaf = blocks("sessions/gtk-gnutella-leaf_gtk-gnutella_clear.opener.bin");
    assert_eq!(leaf[0].headers().flag(names::X_ULTRAPEER), Some(false));
}

#[test]
fn gnutellabun_shakes_hands() {
    let acceptor = blocks("sessions/client_gnutellabun_leaf.acceptor.bin");
    let headers = acceptor[0].headers();
    assert_eq!(headers.number(names::X_DEGREE), Some(200));
    let listens = headers.get(names::LISTEN_IP).and_then(addresses::parse);
    assert_eq!(listens, Some("127.0.0.4:7004".parse().unwrap()));
    assert_eq!(headers.feature("browse"), None);
}

/// gtk-gnutella folds a list at 78 columns, with a tab in front of the rest; its recorded heads
/// hold no list that long, so this one is written here.
#[test]
fn folded_lists_are_read() {
    let list =
        "X-Try-Ultrapeers: 10.0.0.1:6346, 10.0.0.2:6346,\r\n\t10.0.0.3:6346, 10.0.0.4:6346\r\n\r\n";
    let headers = Headers::parse(list.as_bytes()).expect("header lines");
    assert_eq!(addresses::list(headers.list(names::X_TRY_ULTRAPEERS), 10).len(), 4);
    assert_eq!(addresses::list(headers.list(names::X_TRY_ULTRAPEERS), 3).len(), 3);
}

#[test]
fn pushes_arrive() {
    let (first, _) = heads("heads/gtk-gnutella_giv.opener.bin");
    let giv = Giv::parse(&first[0]).expect("a GIV");
    assert_eq!((giv.index, giv.name.as_str()), (1, "file"));
    assert_eq!(giv.servent.to_string(), "f3f63102d66f0a4962fb89444e90de01");
    let (first, _) = heads("heads/gnutellabun_giv.opener.bin");
    let giv = Giv::parse(&first[0]).expect("a GIV");
    assert_eq!(giv.name, "purple haze guitar tabs collection.pdf");
    let delivery = Response::parse(&first[1]).expect("a response").delivery();
    assert_eq!(delivery, Ok(Some(Delivery { range: 0..10_000, size: Some(500_000) })));
}

#[test]
fn requests() {
    let (get, _) = heads("heads/curl_get.opener.bin");
    let get = Request::parse(&get[0]).expect("a request");
    let name = Some("blue moon symphony number five.ogg".to_owned());
    assert_eq!((get.method, &get.target), (Method::Get, &Target::Get { index: 1, name }));
    assert_eq!(get.range(), Some(RangeSpec::FromTo(100_000, 109_999)));
    assert!(get.keep_alive() && !get.accepts_packets());

    let (two, rest) = heads("heads/curl_two_ranges.opener.bin");
    assert!(two.len() == 2 && rest.is_empty());
    for (head, range) in two.iter().zip([0..65_536, 65_536..200_001]) {
        let asked = Request::parse(head).expect("a request");
        assert_eq!(asked.target, Target::Urn(BLUE_MOON.parse().unwrap()));
        assert_eq!(asked.range().and_then(|asked| asked.resolve(3_000_000)), Some(range));
    }

    let target = |name: &str| {
        let (head, _) = heads(name);
        Request::parse(&head[0]).expect("a request").target
    };
    let missing = target("heads/curl_missing_gnutellabun.opener.bin");
    assert!(matches!(missing, Target::Urn(_)), "{missing:?}");
    let whole = heads("heads/curl_get_whole.opener.bin").0;
    assert_eq!(Request::parse(&whole[0]).expect("a request").range(), None);
    let head = heads("heads/curl_head.opener.bin").0;
    assert_eq!(Request::parse(&head[0]).expect("a request").method, Method::Head);
    let page = heads("heads/curl_browse_html.opener.bin").0;
    let page = Request::parse(&page[0]).expect("a request");
    assert!(page.target == Target::Browse && !page.accepts_packets());

    let (browse, _) = heads("heads/curl_browse.opener.bin");
    let browse = Request::parse(&browse[0]).expect("a request");
    assert_eq!(browse.target, Target::Browse);
    assert!(browse.accepts_packets() && browse.accepts_deflate());
}

#[test]
fn responses() {
    let part = response("heads/gtk-gnutella_206.acceptor.bin");
    assert_eq!(part.body(Method::Get), Body::Length(524_288));
    let delivery = Delivery { range: 0..524_288, size: Some(3_000_000) };
    assert_eq!(part.delivery(), Ok(Some(delivery)));
    assert_eq!(part.sha1(), Some(BLUE_MOON.parse().unwrap()));
    assert!(part.keep_alive(Method::Get));

    let head = response("heads/gtk-gnutella_head.acceptor.bin");
    assert_eq!(head.body(Method::Head), Body::Length(0));
    assert_eq!(head.content_length(), Some(3_000_000));

    let missing = response("heads/gtk-gnutella_404.acceptor.bin");
    assert_eq!((missing.code, missing.reason.as_str()), (404, "File index/name mismatch"));
    assert_eq!((missing.delivery(), missing.body(Method::Get)), (Ok(None), Body::Length(0)));

    let banned = response("heads/gtk-gnutella_429.acceptor.bin");
    assert_eq!((banned.code, banned.retry_after_s()), (429, Some(300)));
    assert!(!banned.keep_alive(Method::Get));

    for (name, range) in [
        ("heads/gtk-gnutella_206_urn.acceptor.bin", 0..10_000),
        ("heads/gtk-gnutella_206_get.acceptor.bin", 100_000..110_000),
        ("heads/gtk-gnutella_206_second.acceptor.bin", 65_536..200_001),
    ] {
        let delivery = Delivery { range, size: Some(3_000_000) };
        assert_eq!(response(name).delivery(), Ok(Some(delivery)), "{name}");
    }
    for (name, code) in [
        ("heads/gtk-gnutella_400_push_proxy.acceptor.bin", 400),
        ("heads/gtk-gnutella_404_urn.acceptor.bin", 404),
        ("heads/gtk-gnutella_429_browse.acceptor.bin", 429),
    ] {
        let refusal = response(name);
        assert_eq!((refusal.code, refusal.delivery()), (code, Ok(None)), "{name}");
    }
    let tree = response("heads/gtk-gnutella_thex.acceptor.bin");
    assert_eq!(tree.body(Method::Get), Body::Length(1_096));

    let part = response("heads/gnutellabun_206.acceptor.bin");
    assert_eq!(part.delivery(), Ok(Some(Delivery { range: 0..10_000, size: Some(500_000) })));
    let missing = response("heads/gnutellabun_404.acceptor.bin");
    assert_eq!((missing.code, missing.body(Method::Get)), (404, Body::UntilClose));
    assert!(!missing.keep_alive(Method::Get));
}

/// The content of a chunked body, fed a few bytes at a time.
fn dechunked(body: &[u8], step: usize) -> Vec<u8> {
    let (mut chunked, mut content) = (Chunked::new(100_000), Vec::new());
    for mut bytes in body.chunks(step) {
        while let Piece::Data(data) = chunked.next(&mut bytes).expect("chunks") {
            content.extend_from_slice(data);
        }
    }
    assert!(chunked.is_done());
    content
}

#[test]
fn browsed_hosts() {
    let (_, body) = heads("sessions/browse_gtk-gnutella.acceptor.bin");
    let clear = dechunked(&body, usize::MAX);
    assert_eq!(clear.len(), 0x154);
    assert_eq!(dechunked(&body, 1), clear);

    let (_, body) = heads("heads/gtk-gnutella_browse_deflate.acceptor.bin");
    let deflated = dechunked(&body, 7);
    let mut inflated = Vec::new();
    flate2::read::ZlibDecoder::new(&deflated[..])
        .read_to_end(&mut inflated)
        .expect("a zlib stream");
    assert_eq!(inflated.len(), clear.len());
    assert!(inflated.windows(32).any(|text| text == BLUE_MOON.as_bytes()));
    let head = response("heads/gtk-gnutella_browse_deflate.acceptor.bin");
    assert_eq!(head.body(Method::Get), Body::Chunked);
    assert!(head.headers.has(names::CONTENT_ENCODING, "deflate"));
    assert!(head.delivery().is_err(), "no bytes of a file");

    let bun = response("sessions/browse_gnutellabun.acceptor.bin");
    assert_eq!(bun.body(Method::Get), Body::UntilClose);
}
