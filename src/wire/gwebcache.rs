//! GWebCache: a web page that knows hosts of the network and other such pages; what it is asked
//! and what it answers, in both versions (protocol.md section 23).

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::http::{Request, Target};
use super::vendor::FILBERT;
use super::{Malformed, addresses, names, percent};

/// Bytes of a URL at most: longer ones are nobody's.
const URL_BYTES_MAX: usize = 255;

/// Lines of an answer that are looked at: real ones have 20 to 60.
const LINES_MAX: usize = 500;

/// The port of a URL that names none.
const HTTP_PORT: u16 = 80;

/// Where a cache is: `http://HOST[:PORT]/PATH`. Neither user, query nor fragment; no `https`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CacheUrl {
    /// Host name or address; lower case, IPv6 without brackets.
    host: String,
    /// TCP port.
    port: u16,
    /// The path, as it stood; begins with a slash.
    path: String,
}

impl CacheUrl {
    /// Host name or address, without the port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The host and, if it is not the usual one, the port.
    fn authority(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        if self.port == HTTP_PORT { host } else { format!("{host}:{}", self.port) }
    }
}

impl fmt::Display for CacheUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority(), self.path)
    }
}

impl FromStr for CacheUrl {
    type Err = Malformed;

    /// [`Malformed::TooLarge`] for a long one, [`Malformed::BadValue`] for everything else.
    fn from_str(text: &str) -> Result<CacheUrl, Malformed> {
        let text = text.trim();
        if text.len() > URL_BYTES_MAX {
            return Err(Malformed::TooLarge);
        }
        let (scheme, rest) = text.split_once("://").ok_or(Malformed::BadValue)?;
        let is_plain = rest.bytes().all(|byte| byte.is_ascii_graphic());
        if !scheme.eq_ignore_ascii_case("http") || !is_plain || rest.contains(['?', '#', '@', '|'])
        {
            return Err(Malformed::BadValue);
        }
        let (authority, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, "/"),
        };
        let (host, port) = split_authority(authority).ok_or(Malformed::BadValue)?;
        Ok(CacheUrl { host: host.to_ascii_lowercase(), port, path: path.to_owned() })
    }
}

fn split_authority(authority: &str) -> Option<(&str, u16)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if host.is_empty() || !(authority.starts_with('[') || host.bytes().all(is_name)) {
        return None;
    }
    let port = match port {
        None => HTTP_PORT,
        Some(port) => super::head::decimal(port).and_then(|port| u16::try_from(port).ok())?,
    };
    (port != 0).then_some((host, port))
}

/// What a cache is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question<'a> {
    /// Version 2: hosts and caches.
    Get,
    /// Version 1: hosts.
    HostFile,
    /// Version 1: caches.
    UrlFile,
    /// Both versions: here is a host for others, and a cache that works.
    Update {
        /// Where the host listens.
        host: SocketAddr,
        /// A cache that answered lately.
        cache: Option<&'a CacheUrl>,
    },
}

impl Question<'_> {
    /// The request. Every one says who asks.
    pub fn request(&self, cache: &CacheUrl, user_agent: &str) -> Request {
        let asks = match self {
            Question::Get => "get=1&net=gnutella".to_owned(),
            Question::HostFile => "hostfile=1".to_owned(),
            Question::UrlFile => "urlfile=1".to_owned(),
            Question::Update { host, cache } => {
                let host = percent::encode(&host.to_string(), b".:");
                let mut update = format!("update=1&net=gnutella&ip={host}");
                if let Some(cache) = cache {
                    update.push_str("&url=");
                    update.push_str(&percent::encode(&cache.to_string(), b""));
                }
                update
            }
        };
        let client = String::from_utf8_lossy(&FILBERT);
        let version = env!("CARGO_PKG_VERSION");
        let target = format!("{}?{asks}&client={client}&version={version}", cache.path);
        Request::get(Target::Other(target), cache.authority(), user_agent)
            .with(names::CONNECTION, "close")
    }
}

/// What a cache answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Hosts, each once. Text of a stranger: whether they can be dialled is to be judged.
    pub hosts: Vec<SocketAddr>,
    /// Other caches, each once.
    pub caches: Vec<CacheUrl>,
    /// Whether lines of version 2 were among it.
    pub is_v2: bool,
    /// Whether it said that the request failed or is not welcome.
    pub says_error: bool,
    /// Lines that are none of either version: a page for people, say.
    pub unreadable: u32,
}

impl Answer {
    /// Reads the body of an answer of either version: at most so many hosts and caches, whatever
    /// the bytes are.
    pub fn parse(body: &[u8], hosts_max: usize, caches_max: usize) -> Answer {
        let mut answer = Answer::default();
        let text = String::from_utf8_lossy(body);
        let lines = text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty());
        for line in lines.take(LINES_MAX) {
            if !answer.take(line, hosts_max, caches_max) {
                answer.unreadable += 1;
            }
        }
        answer
    }

    /// Whether anything of it is an answer.
    pub fn is_readable(&self) -> bool {
        self.is_v2 || !self.hosts.is_empty() || !self.caches.is_empty() || self.unreadable == 0
    }

    fn take(&mut self, line: &str, hosts_max: usize, caches_max: usize) -> bool {
        let mut fields = line.split('|').map(str::trim);
        let first = fields.next().unwrap_or_default();
        match (first, fields.next()) {
            ("H" | "h", Some(host)) => {
                self.is_v2 = true;
                self.host(host, hosts_max)
            }
            ("U" | "u", Some(url)) => {
                self.is_v2 = true;
                self.cache(url, caches_max)
            }
            ("I" | "i", Some(kind)) => {
                self.is_v2 = true;
                let warns = |field: &str| field.to_ascii_uppercase().starts_with("WARNING");
                let refuses = kind.eq_ignore_ascii_case("NET-NOT-SUPPORTED");
                let updates = kind.eq_ignore_ascii_case("update");
                let rejected = updates && fields.next().is_some_and(warns);
                self.says_error |= refuses || rejected || warns(kind);
                true
            }
            // An acknowledgement or the name of the cache, in version 1.
            (word, None) if starts(word, "OK") || starts(word, "PONG") => true,
            (word, None) if starts(word, "ERROR") || starts(word, "WARNING") => {
                self.says_error = true;
                true
            }
            (word, None) if starts(word, "http") => self.cache(word, caches_max),
            (word, None) => self.host(word, hosts_max),
            _ => false,
        }
    }

    fn host(&mut self, text: &str, max: usize) -> bool {
        // A port that is not said is not guessed: what is no address is often a number.
        let host = text.contains(':').then(|| addresses::parse(text)).flatten();
        let Some(host) = host else { return false };
        if self.hosts.len() < max && !self.hosts.contains(&host) {
            self.hosts.push(host);
        }
        true
    }

    fn cache(&mut self, text: &str, max: usize) -> bool {
        let Ok(cache) = text.parse::<CacheUrl>() else { return false };
        if self.caches.len() < max && !self.caches.contains(&cache) {
            self.caches.push(cache);
        }
        true
    }
}

fn starts(text: &str, word: &str) -> bool {
    text.get(..word.len()).is_some_and(|front| front.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests;
