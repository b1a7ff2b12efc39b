use proptest::prelude::*;

use super::*;

fn url(text: &str) -> CacheUrl {
    text.parse().unwrap()
}

#[test]
fn urls_are_plain_http_and_nothing_else() {
    for (text, written) in [
        ("http://cache.example.net/gwc.php", "http://cache.example.net/gwc.php"),
        (" HTTP://Cache.Example.NET:80/A/b ", "http://cache.example.net/A/b"),
        ("http://1.2.3.4:8080", "http://1.2.3.4:8080/"),
        ("http://[2001:4860::1]:81/x", "http://[2001:4860::1]:81/x"),
        ("http://[2001:4860::1]/x", "http://[2001:4860::1]/x"),
    ] {
        assert_eq!(url(text).to_string(), written);
        assert_eq!(url(written), url(text));
    }
    for text in [
        "https://cache.example.net/",
        "ftp://cache.example.net/",
        "cache.example.net/gwc.php",
        "http://",
        "http:///path",
        "http://a b/",
        "http://user@cache.example.net/",
        "http://cache.example.net/gwc.php?x=1",
        "http://cache.example.net/#a",
        "http://cache.example.net:0/",
        "http://cache.example.net:99999/",
        "http://cache.example.net:/",
        "http://[cache]/",
        "http://[::1]x/",
        "http://caché.example.net/",
    ] {
        assert_eq!(text.parse::<CacheUrl>(), Err(Malformed::BadValue), "{text}");
    }
    let long = format!("http://cache.example.net/{}", "a".repeat(300));
    assert_eq!(long.parse::<CacheUrl>(), Err(Malformed::TooLarge));
}

#[test]
fn every_question_says_who_asks() {
    let cache = url("http://cache.example.net:8080/gwc.php");
    let version = env!("CARGO_PKG_VERSION");
    let other = url("http://other.example.net/");
    let update = Question::Update { host: "9.9.9.9:6346".parse().unwrap(), cache: Some(&other) };
    for (question, asks) in [
        (Question::Get, "get=1&net=gnutella"),
        (Question::HostFile, "hostfile=1"),
        (Question::UrlFile, "urlfile=1"),
        (update, "update=1&net=gnutella&ip=9.9.9.9:6346&url=http%3A%2F%2Fother.example.net%2F"),
    ] {
        let head = String::from_utf8(question.request(&cache, "us/1").to_bytes()).unwrap();
        let line = format!("GET /gwc.php?{asks}&client=FILB&version={version} HTTP/1.1\r\n");
        assert!(head.starts_with(&line), "{head}");
        assert!(head.contains("\r\nHost: cache.example.net:8080\r\n"), "{head}");
        assert!(head.contains("\r\nConnection: close\r\n"), "{head}");
    }
}

#[test]
fn answers_of_version_2() {
    let body = "I|pong|Cache 1.0|gnutella-gnutella2\r\nH|1.2.3.4:6346|30\r\nH|1.2.3.4:6346|99\r\n\
                h|[2001:4860::1]:6347|1|cluster|12|FILB\r\nU|http://b.example.net/|60\r\n\
                U|https://c.example.net/|60\r\nH|here:6346|1\r\nH|5.6.7.8|1\r\n";
    let answer = Answer::parse(body.as_bytes(), 10, 10);
    let hosts = ["1.2.3.4:6346", "[2001:4860::1]:6347"].map(|host| host.parse().unwrap());
    assert_eq!(answer.hosts, hosts);
    assert_eq!(answer.caches, [url("http://b.example.net/")]);
    assert!(answer.is_v2 && answer.is_readable() && !answer.says_error);
    assert_eq!(answer.unreadable, 3);
    let few = Answer::parse(body.as_bytes(), 1, 0);
    assert_eq!((few.hosts.len(), few.caches.len()), (1, 0));
}

#[test]
fn answers_of_version_1() {
    let answer =
        Answer::parse(b"PONG Cache 1\n1.2.3.4:6346\n5.6.7.8:80\nhttp://b.example.net/\n", 9, 9);
    assert_eq!((answer.hosts.len(), answer.caches.len()), (2, 1));
    assert!(!answer.is_v2 && answer.is_readable() && !answer.says_error);
    let empty = Answer::parse(b"", 9, 9);
    assert!(empty.is_readable() && !empty.says_error);
}

#[test]
fn refusals_and_pages_for_people_are_seen() {
    for (body, error) in [
        ("OK", false),
        ("I|update|OK", false),
        ("I|update|OK|WARNING", false),
        ("I|update|WARNING|Duplicate host", true),
        ("I|WARNING|You came back too early", true),
        ("I|NET-NOT-SUPPORTED", true),
        ("ERROR: no", true),
        ("WARNING: You came back too early", true),
    ] {
        let answer = Answer::parse(body.as_bytes(), 9, 9);
        assert_eq!((answer.says_error, answer.is_readable()), (error, true), "{body}");
    }
    let page = b"<html>\n<body>\nParked domain: buy now\n</body>";
    assert!(!Answer::parse(page, 9, 9).is_readable());
}

proptest! {
    #[test]
    fn any_bytes_are_an_answer_within_its_limits(
        bytes in any::<Vec<u8>>(),
        near in "([HUI]\\|)?[0-9a-z:./|\\[\\]\n\r]{0,80}",
        max in 0..4_usize,
    ) {
        for body in [&bytes[..], near.as_bytes()] {
            let answer = Answer::parse(body, max, max);
            prop_assert!(answer.hosts.len() <= max && answer.caches.len() <= max);
        }
    }

    #[test]
    fn a_url_that_is_read_is_written_the_same(text in "http://[a-zA-Z0-9.:\\[\\]-]{1,20}(/[!-~]{0,20})?") {
        if let Ok(cache) = text.parse::<CacheUrl>() {
            prop_assert_eq!(cache.to_string().parse::<CacheUrl>(), Ok(cache));
        }
    }
}
