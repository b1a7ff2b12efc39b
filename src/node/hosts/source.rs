//! Where hosts can be asked for, and how each such source stands (protocol.md section 23).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::node::Why;
use crate::wire::gwebcache::CacheUrl;

/// A source of hosts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HostSource {
    /// A servent: it becomes a neighbour, or refuses and says whom to try.
    Peer {
        /// Host name or address, without the port.
        host: String,
        /// TCP port.
        port: u16,
    },
    /// A UDP host cache: it answers a ping with hosts.
    Uhc {
        /// Host name or address, without the port.
        host: String,
        /// UDP port.
        port: u16,
    },
    /// A GWebCache: a web page of hosts.
    WebCache(CacheUrl),
}

impl HostSource {
    /// Host name or address, without the port.
    pub fn host(&self) -> &str {
        match self {
            HostSource::Peer { host, .. } | HostSource::Uhc { host, .. } => host,
            HostSource::WebCache(url) => url.host(),
        }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        match self {
            HostSource::Peer { port, .. } | HostSource::Uhc { port, .. } => *port,
            HostSource::WebCache(url) => url.port(),
        }
    }
}

impl fmt::Display for HostSource {
    /// As it is written on the command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mark, host, port) = match self {
            HostSource::Peer { host, port } => ("", host, port),
            HostSource::Uhc { host, port } => ("uhc:", host, port),
            HostSource::WebCache(url) => return url.fmt(f),
        };
        if host.contains(':') {
            write!(f, "{mark}[{host}]:{port}")
        } else {
            write!(f, "{mark}{host}:{port}")
        }
    }
}

/// What a source has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceState {
    /// It was never asked.
    Unasked,
    /// It is being asked.
    Asking,
    /// It answered when it was asked last.
    Answered,
    /// It did not answer, or with nothing of use, when it was asked last.
    Failed,
    /// The same, several times in a row.
    Dead,
}

impl SourceState {
    /// Whether hosts are not to be expected from it now.
    pub fn is_bad(self) -> bool {
        matches!(self, SourceState::Failed | SourceState::Dead)
    }
}

/// How a source stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceView {
    /// Which.
    pub source: HostSource,
    /// Whether another source named it; else the user did.
    pub learnt: bool,
    /// What it has come to.
    pub state: SourceState,
    /// When it was asked last, microseconds since the node began.
    pub asked_us: Option<u64>,
    /// When it answered last, microseconds since the node began.
    pub answered_us: Option<u64>,
    /// Hosts that could be dialled, in all its answers.
    pub hosts: u64,
    /// Failures in a row.
    pub failures: u8,
    /// What went wrong last.
    pub trouble: Option<Why>,
    /// It is not asked again before, microseconds since the node began.
    pub next_us: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_written_as_the_command_line_has_them() {
        let peer = HostSource::Peer { host: "a.example.net".into(), port: 1 };
        let uhc = HostSource::Uhc { host: "2001:4860::1".into(), port: 2 };
        let cache = HostSource::WebCache("http://c.example.net:3/x".parse().unwrap());
        assert_eq!(peer.to_string(), "a.example.net:1");
        assert_eq!(uhc.to_string(), "uhc:[2001:4860::1]:2");
        assert_eq!(cache.to_string(), "http://c.example.net:3/x");
        assert_eq!((cache.host(), cache.port()), ("c.example.net", 3));
        assert_eq!((uhc.host(), uhc.port()), ("2001:4860::1", 2));
    }
}
