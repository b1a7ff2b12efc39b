//! Where a servent asks for hosts, as people write it.

use std::net::SocketAddr;

use thiserror::Error;

use super::place::Host;
use crate::node::io::HostSource;

/// The word for the well-known sources of the public network.
const DEFAULT: &str = "default";

/// The word for no source at all.
const NONE: &str = "none";

/// What marks a UDP host cache.
const UHC: &str = "uhc:";

/// UDP host caches of the public network, as gtk-gnutella has them: servents that run for years.
const WELL_KNOWN: &[(&str, u16)] = &[
    ("useast.gnutella.dyslexicfish.net", 3558),
    ("uswest.gnutella.dyslexicfish.net", 3558),
    ("uk.gnutella.dyslexicfish.net", 3558),
    ("au.gnutella.dyslexicfish.net", 3558),
    ("1.uhc.gtk-gnutella.nl", 19104),
    ("2.uhc.gtk-gnutella.nl", 4876),
    ("useast.gnutella.dyslexicfish.net", 15321),
    ("uswest.gnutella.dyslexicfish.net", 18037),
    ("uk.gnutella.dyslexicfish.net", 41481),
];

/// A text that names no source of hosts.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SourceError {
    /// None of the forms.
    #[error(
        "\"{0}\" is no source of hosts: write none, default, HOST:PORT, uhc:HOST:PORT or http://HOST/PATH"
    )]
    NoSource(String),
    /// Not the URL of a web cache.
    #[error(
        "\"{0}\" is no web cache: only http://HOST[:PORT]/PATH is spoken, without a query, and no https"
    )]
    NoWebCache(String),
    /// No sources, and some.
    #[error("\"none\" is said beside sources of hosts: say one or the other")]
    NoneAndOthers,
}

/// The sources that these words name: `none`, `default`, `HOST:PORT`, `uhc:HOST:PORT` or
/// `http://HOST/PATH`. Whoever listens only on loopback is on no network: for him the default
/// is none.
pub(super) fn sources(
    words: &[String],
    listen: SocketAddr,
) -> Result<Vec<HostSource>, SourceError> {
    let mut sources = Vec::new();
    for word in words.iter().map(|word| word.trim()) {
        match word {
            NONE if words.len() > 1 => return Err(SourceError::NoneAndOthers),
            NONE => {}
            DEFAULT if listen.ip().to_canonical().is_loopback() => {}
            DEFAULT => sources.extend(
                WELL_KNOWN
                    .iter()
                    .map(|&(host, port)| HostSource::Uhc { host: host.to_owned(), port }),
            ),
            _ => sources.push(source(word)?),
        }
    }
    Ok(sources)
}

fn source(word: &str) -> Result<HostSource, SourceError> {
    if word.contains("://") {
        let url = word.parse().map_err(|_| SourceError::NoWebCache(word.to_owned()))?;
        return Ok(HostSource::WebCache(url));
    }
    let (is_uhc, host) = match word.strip_prefix(UHC) {
        Some(host) => (true, host),
        None => (false, word),
    };
    let Host { name: host, port } =
        host.parse().map_err(|_| SourceError::NoSource(word.to_owned()))?;
    Ok(if is_uhc { HostSource::Uhc { host, port } } else { HostSource::Peer { host, port } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str], listen: &str) -> Result<Vec<String>, SourceError> {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        let sources = sources(&words, listen.parse().unwrap())?;
        Ok(sources.iter().map(HostSource::to_string).collect())
    }

    #[test]
    fn sources_are_read_as_people_write_them() {
        let all =
            ["a.example.net", "uhc:b.example.net:1", "http://c.example.net/gwc.php", "uhc:[::1]:2"];
        let wanted = [
            "a.example.net:6346",
            "uhc:b.example.net:1",
            "http://c.example.net/gwc.php",
            "uhc:[::1]:2",
        ];
        assert_eq!(read(&all, "127.0.0.1:1").unwrap(), wanted);
        assert_eq!(read(&["none"], "0.0.0.0:1"), Ok(Vec::new()));
        assert_eq!(read(&[], "0.0.0.0:1"), Ok(Vec::new()));
        let known = read(&["default", "a:1"], "0.0.0.0:6346").unwrap();
        assert_eq!(known.len(), WELL_KNOWN.len() + 1);
        assert_eq!(known[0], "uhc:useast.gnutella.dyslexicfish.net:3558");
    }

    #[test]
    fn who_listens_only_on_loopback_is_on_no_network() {
        for listen in ["127.0.0.1:0", "127.3.2.1:6346", "[::1]:0", "[::ffff:127.0.0.1]:0"] {
            assert_eq!(read(&["default"], listen), Ok(Vec::new()), "{listen}");
        }
        for listen in ["0.0.0.0:0", "[::]:0", "192.168.1.2:6346"] {
            assert!(!read(&["default"], listen).unwrap().is_empty(), "{listen}");
        }
    }

    #[test]
    fn what_is_no_source_is_named() {
        for (word, said) in [
            ("https://c.example.net/", "only http"),
            ("http://", "only http"),
            ("uhc:", "uhc:HOST:PORT"),
            ("a b", "uhc:HOST:PORT"),
        ] {
            let error = read(&[word], "0.0.0.0:1").unwrap_err().to_string();
            assert!(error.contains(word) && error.contains(said), "{error}");
        }
        assert_eq!(read(&["none", "default"], "0.0.0.0:1"), Err(SourceError::NoneAndOthers));
    }
}
