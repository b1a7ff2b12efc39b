//! Magnet links: what a person pastes to name a file (protocol.md section 9).

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use thiserror::Error;

use super::head::decimal;
use super::http::Target;
use super::{Sha1, Urn, addresses, percent};

/// Bytes of a link at most.
pub const BYTES_MAX: usize = 32_768;

/// Sources that are taken from one link; what stands behind them is passed over.
pub const SOURCES_MAX: usize = 64;

/// A file that is looked for: by its hash, at sources, or by words. One of them is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Magnet {
    /// `xt`: its content, from `urn:sha1:` or `urn:bitprint:`.
    pub sha1: Option<Sha1>,
    /// `dn`: the name it may have here. Anybody may have written it.
    pub name: Option<String>,
    /// `xl`: its bytes.
    pub size: Option<u64>,
    /// `kt`: words to search for.
    pub keywords: Option<String>,
    /// `xs` and `as`: where it can be had.
    pub sources: Vec<WebSource>,
}

/// A place that serves the file over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSource {
    /// Host name or address, IPv6 without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// What to ask for.
    pub target: Target,
}

/// What is wrong with a link that a person gave us.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MagnetError {
    /// Something else than a magnet.
    #[error("a magnet link begins with `magnet:?`")]
    NotAMagnet,
    /// Longer than [`BYTES_MAX`].
    #[error("the link is longer than {BYTES_MAX} bytes")]
    TooLong,
    /// A percent sign stands alone.
    #[error(
        "in `{parameter}` a `%` is not followed by two hexadecimal digits; write `%25` for a percent sign"
    )]
    BadEscape {
        /// Where.
        parameter: String,
    },
    /// The percent signs do not add up to text.
    #[error("`{parameter}` is not UTF-8 text once its `%` are decoded")]
    NotUtf8 {
        /// Where.
        parameter: String,
    },
    /// A known kind of hash with bad digits.
    #[error("`{urn}` is no hash: 32 characters A-Z and 2-7 belong behind `urn:sha1:`")]
    BadHash {
        /// The URN.
        urn: String,
    },
    /// Two hashes of different content.
    #[error("the link names two different files: {first} and {second}")]
    TwoFiles {
        /// One hash.
        first: Sha1,
        /// Another.
        second: Sha1,
    },
    /// A size that is no number.
    #[error("the size `xl={text}` is not a number of bytes")]
    BadSize {
        /// What stands there.
        text: String,
    },
    /// An address that cannot be read.
    #[error("the source `{url}` is not of the form http://HOST:PORT/PATH")]
    BadSource {
        /// What stands there.
        url: String,
    },
    /// Only hashes of other networks.
    #[error("`{urn}` is of another network; a link for this one has `xt=urn:sha1:...`")]
    OtherNetwork {
        /// The URN.
        urn: String,
    },
    /// Neither hash nor source nor words.
    #[error(
        "the link has nothing to look for: no `xt=urn:sha1:...`, no `xs=http://...`, no `kt=...`"
    )]
    NothingToFind,
}

impl FromStr for Magnet {
    type Err = MagnetError;

    /// Reads a link. Parameters may be numbered (`xt.1`), repeated, and separated by `&amp;` as in
    /// a page's source; unknown ones, other kinds of hashes beside a known one, and sources that
    /// are not `http:` are passed over.
    fn from_str(text: &str) -> Result<Magnet, MagnetError> {
        let text = text.trim();
        if text.len() > BYTES_MAX {
            return Err(MagnetError::TooLong);
        }
        let (scheme, parameters) = text.split_at_checked(8).ok_or(MagnetError::NotAMagnet)?;
        if !scheme.eq_ignore_ascii_case("magnet:?") {
            return Err(MagnetError::NotAMagnet);
        }
        let mut magnet = Magnet::default();
        let mut other_network = None;
        for parameter in parameters.split('&') {
            let parameter = parameter.strip_prefix("amp;").unwrap_or(parameter);
            let Some((key, value)) = parameter.split_once('=') else { continue };
            let key = key.split_once('.').map_or(key, |(key, _number)| key).to_ascii_lowercase();
            magnet.take(&key, value, &mut other_network)?;
        }
        if magnet.sha1.is_none() && magnet.sources.is_empty() && magnet.keywords.is_none() {
            return Err(other_network.unwrap_or(MagnetError::NothingToFind));
        }
        Ok(magnet)
    }
}

impl Magnet {
    fn take(
        &mut self,
        key: &str,
        value: &str,
        other_network: &mut Option<MagnetError>,
    ) -> Result<(), MagnetError> {
        match key {
            "xt" => {
                let urn = decode(key, value)?;
                match Urn::parse(urn.as_bytes()) {
                    Ok(known) => match known.sha1() {
                        Some(sha1) => self.take_hash(sha1)?,
                        None => *other_network = Some(MagnetError::OtherNetwork { urn }),
                    },
                    Err(_) => return Err(MagnetError::BadHash { urn }),
                }
            }
            "dn" => self.name = Some(decode_words(key, value)?).filter(|name| !name.is_empty()),
            "kt" => self.keywords = Some(decode_words(key, value)?).filter(|kt| !kt.is_empty()),
            "xl" if !value.is_empty() => {
                let text = decode(key, value)?;
                self.size = Some(decimal(&text).ok_or(MagnetError::BadSize { text })?);
            }
            "xs" | "as" => {
                let url = decode(key, value)?;
                let scheme = url.split_at_checked(7).map(|(scheme, _)| scheme);
                let is_http = scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"));
                if is_http && self.sources.len() < SOURCES_MAX {
                    let source = url.parse();
                    self.sources.push(source.map_err(|_| MagnetError::BadSource { url })?);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn take_hash(&mut self, second: Sha1) -> Result<(), MagnetError> {
        match self.sha1.replace(second) {
            Some(first) if first != second => Err(MagnetError::TwoFiles { first, second }),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Magnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "magnet:?";
        let mut write = |key: &str, value: String| {
            write!(f, "{}{key}={value}", std::mem::replace(&mut separator, "&"))
        };
        if let Some(sha1) = self.sha1 {
            write("xt", format!("urn:sha1:{sha1}"))?;
        }
        if let Some(name) = &self.name {
            write("dn", percent::encode(name, b""))?;
        }
        if let Some(size) = self.size {
            write("xl", size.to_string())?;
        }
        if let Some(keywords) = &self.keywords {
            write("kt", percent::encode(keywords, b""))?;
        }
        self.sources
            .iter()
            .try_for_each(|source| write("xs", percent::encode(&source.to_string(), b":/")))
    }
}

/// That a URL is not one that we can ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not of the form http://HOST:PORT/PATH")]
pub struct NotHttp;

impl WebSource {
    /// Its address, unless it is known by name only.
    pub fn address(&self) -> Option<SocketAddr> {
        Some(SocketAddr::new(addresses::parse_ip(&self.host)?, self.port))
    }
}

impl FromStr for WebSource {
    type Err = NotHttp;

    /// Reads `http://HOST:PORT/PATH`; the port is 80 if none is named.
    fn from_str(url: &str) -> Result<WebSource, NotHttp> {
        let (scheme, rest) = url.split_at_checked(7).ok_or(NotHttp)?;
        if !scheme.eq_ignore_ascii_case("http://") {
            return Err(NotHttp);
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = match authority.strip_prefix('[') {
            Some(v6) => {
                let (host, port) = v6.split_once(']').ok_or(NotHttp)?;
                host.parse::<std::net::Ipv6Addr>().map_err(|_| NotHttp)?;
                (host, port.strip_prefix(':').or(port.is_empty().then_some("80")).ok_or(NotHttp)?)
            }
            None => authority.split_once(':').unwrap_or((authority, "80")),
        };
        let port = decimal(port).and_then(|port| u16::try_from(port).ok()).unwrap_or(0);
        let named = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        let is_host = authority.starts_with('[') || host.bytes().all(named);
        if port == 0 || host.is_empty() || host.len() > 255 || !is_host {
            return Err(NotHttp);
        }
        let path = if path.is_empty() { "/" } else { path };
        Ok(WebSource { host: host.to_owned(), port, target: Target::parse(path.as_bytes()) })
    }
}

impl fmt::Display for WebSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "http://[{}]:{}{}", self.host, self.port, self.target),
            false => write!(f, "http://{}:{}{}", self.host, self.port, self.target),
        }
    }
}

fn decode(parameter: &str, value: &str) -> Result<String, MagnetError> {
    if percent::broken_escape_at(value).is_some() {
        return Err(MagnetError::BadEscape { parameter: parameter.to_owned() });
    }
    String::from_utf8(percent::decode(value.as_bytes()))
        .map_err(|_| MagnetError::NotUtf8 { parameter: parameter.to_owned() })
}

/// Text for people, in which pages write spaces as `+`.
fn decode_words(parameter: &str, value: &str) -> Result<String, MagnetError> {
    Ok(decode(parameter, &value.replace('+', " "))?.trim().to_owned())
}

#[cfg(test)]
mod tests;
