use proptest::prelude::*;

use super::*;

const HASH: &str = "PL3ZHAF3MI65RU4JABKBG4EA35XTMCRV";

fn parse(text: &str) -> Result<Magnet, MagnetError> {
    text.parse()
}

fn sha1() -> Sha1 {
    HASH.parse().unwrap()
}

#[test]
fn a_whole_link() {
    let tree = "A".repeat(39);
    let text = format!(
        "magnet:?xt=urn:sha1:{HASH}&xt.1=urn:tree:tiger:{tree}&dn=blue+moon%20%2B.ogg&xl=3000000\
         &xs=http%3A%2F%2F1.2.3.4%3A6346%2Furi-res%2FN2R%3Furn%3Asha1%3A{HASH}\
         &as=http://files.example/a%2520b.ogg&kt=blue+moon&tr=udp%3A%2F%2Fx&x.y=1&z"
    );
    let magnet = parse(&text).unwrap();
    assert_eq!(magnet.sha1, Some(sha1()));
    assert_eq!(magnet.name.as_deref(), Some("blue moon +.ogg"));
    assert_eq!(magnet.size, Some(3_000_000));
    assert_eq!(magnet.keywords.as_deref(), Some("blue moon"));
    assert_eq!(magnet.sources[0].address(), Some("1.2.3.4:6346".parse().unwrap()));
    assert_eq!(magnet.sources[0].target, Target::Urn(sha1()));
    assert_eq!(magnet.sources[1].host, "files.example");
    assert_eq!((magnet.sources[1].port, magnet.sources[1].address()), (80, None));
    assert_eq!(magnet.sources[1].target, Target::Other("/a%20b.ogg".into()));
    assert_eq!(parse(&magnet.to_string()), Ok(magnet));
}

#[test]
fn what_people_paste() {
    let bare = Magnet { sha1: Some(sha1()), ..Magnet::default() };
    for text in [
        format!("magnet:?xt=urn:sha1:{HASH}"),
        format!("  MAGNET:?XT=URN:SHA1:{}\n", HASH.to_lowercase()),
        format!("magnet:?dn=&amp;xt=urn%3Asha1%3A{HASH}&amp;xl="),
        format!("magnet:?xt=urn:bitprint:{HASH}.{}", "A".repeat(39)),
        format!("magnet:?xt=urn:sha1:{HASH}&xt=urn:sha1:{HASH}&xt=urn:btih:abc"),
        format!("magnet:?xt=urn:sha1:{HASH}&xs=push://x&xs=https://a/b&xs=urn:sha1:{HASH}&as="),
    ] {
        assert_eq!(parse(&text), Ok(bare.clone()), "{text}");
    }
    assert_eq!(parse("magnet:?kt=a+b").unwrap().keywords.as_deref(), Some("a b"));
    assert_eq!(parse("magnet:?xs=http://[::1]:80").unwrap().sources[0].target, Target::Browse);
}

#[test]
fn mistakes_are_named() {
    let bad_hash = |urn: &str| MagnetError::BadHash { urn: urn.into() };
    let at = |parameter: &str| parameter.to_owned();
    for (text, error) in [
        ("", MagnetError::NotAMagnet),
        ("magnet:", MagnetError::NotAMagnet),
        ("http://example.org/", MagnetError::NotAMagnet),
        ("magnét:?xt=urn:sha1:", MagnetError::NotAMagnet),
        ("magnet:?", MagnetError::NothingToFind),
        ("magnet:?dn=only.a.name&xl=5", MagnetError::NothingToFind),
        ("magnet:?xt=urn:sha1:ABC", bad_hash("urn:sha1:ABC")),
        (
            "magnet:?xt=urn:sha1:0189ZHAF3MI65RU4JABKBG4EA35XTMCR",
            bad_hash("urn:sha1:0189ZHAF3MI65RU4JABKBG4EA35XTMCR"),
        ),
        ("magnet:?xt=urn:btih:c9e1", MagnetError::OtherNetwork { urn: "urn:btih:c9e1".into() }),
        ("magnet:?kt=a&dn=50%", MagnetError::BadEscape { parameter: at("dn") }),
        ("magnet:?kt=%zz", MagnetError::BadEscape { parameter: at("kt") }),
        ("magnet:?kt=%FF", MagnetError::NotUtf8 { parameter: at("kt") }),
        ("magnet:?kt=a&xl=5k", MagnetError::BadSize { text: "5k".into() }),
        ("magnet:?kt=a&xl=-5", MagnetError::BadSize { text: "-5".into() }),
        (
            "magnet:?kt=a&xl=18446744073709551616",
            MagnetError::BadSize { text: "18446744073709551616".into() },
        ),
        ("magnet:?xs=http://:80/", MagnetError::BadSource { url: "http://:80/".into() }),
    ] {
        assert_eq!(parse(text), Err(error), "{text}");
    }
    let other = "A".repeat(32);
    let two = parse(&format!("magnet:?xt=urn:sha1:{HASH}&xt=urn:sha1:{other}"));
    assert_eq!(two, Err(MagnetError::TwoFiles { first: sha1(), second: other.parse().unwrap() }));
    assert_eq!(parse(&format!("magnet:?kt={}", "a".repeat(BYTES_MAX))), Err(MagnetError::TooLong));
}

#[test]
fn sources_that_cannot_be_asked() {
    for bad in [
        "http://",
        "http:///x",
        "http://a b/",
        "http://u@h/",
        "http://h:0/",
        "http://h:65536/",
        "http://h:/",
        "http://h:+1/",
        "http://[::1/",
        "http://[x]/",
        "http://[::1]x/",
        "http://a:b:c/",
        "http://h?x",
        "https://h/",
        "ftp://h/",
        "é",
    ] {
        assert_eq!(bad.parse::<WebSource>(), Err(NotHttp), "{bad}");
    }
}

#[test]
fn sources_are_counted() {
    let text = format!("magnet:?{}", "xs=http://1.2.3.4:5/&".repeat(SOURCES_MAX + 9));
    assert_eq!(parse(&text).unwrap().sources.len(), SOURCES_MAX);
}

prop_compose! {
    fn magnets()(
        sha1: [u8; 20],
        name in prop::option::of("[^\\s]([^\r\n]{0,30}[^\\s])?"),
        size: Option<u64>,
        keywords in prop::option::of("[a-zé+%&=]{1,20}"),
        sources in prop::collection::vec((any::<[u8; 16]>(), 1..u16::MAX, "[^\0]{0,20}"), 0..4),
    ) -> Magnet {
        let sources = sources.into_iter().map(|(ip, port, name)| WebSource {
            host: std::net::Ipv6Addr::from(ip).to_string(),
            port,
            target: Target::Get { index: u32::from(port), name: Some(name) },
        });
        Magnet { sha1: Some(Sha1(sha1)), name, size, keywords, sources: sources.collect() }
    }
}

proptest! {
    #[test]
    fn round_trip(magnet in magnets()) {
        let text = magnet.to_string();
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
        prop_assert_eq!(parse(&text), Ok(magnet));
    }

    #[test]
    fn any_text(text in any::<String>(), near in "((xt|dn|xl|xs|kt|as)=|[a-z:/%0-9&.+\\[\\]]|urn:sha1:|http://){0,30}") {
        let _ = parse(&text);
        if let Ok(magnet) = parse(&format!("magnet:?{near}")) {
            prop_assert_eq!(parse(&magnet.to_string()), Ok(magnet));
        }
    }
}
