//! What a request asks for (protocol.md section 12).

use std::fmt;

use data_encoding::BASE32_NOPAD;

use crate::wire::head::decimal;
use crate::wire::{Guid, Sha1, Urn, percent};

/// The target of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `/get/INDEX/NAME`: a file by the number and name that a hit gave it.
    Get {
        /// The number.
        index: u32,
        /// The name, decoded and otherwise as it came: it may hold `/` or `..`, and must only be
        /// compared, never opened. Nothing if it holds a NUL or is not UTF-8.
        name: Option<String>,
    },
    /// `/uri-res/N2R?urn:sha1:...`: a file by its hash.
    Urn(Sha1),
    /// `/`: all that is shared.
    Browse,
    /// `/gnutella/push-proxy?ServerId=...`: a push for a servent whose push proxy the host is.
    PushProxy {
        /// The servent; nothing if it cannot be read.
        servent: Option<Guid>,
        /// The number of the file; 0 if none is named.
        index: u32,
    },
    /// Anything else, as it stood.
    Other(String),
}

impl Target {
    /// Reads the middle of a request line, or the path of a URL. Never fails: what is not
    /// understood is `Other`.
    pub fn parse(target: &[u8]) -> Target {
        let other = || Target::Other(String::from_utf8_lossy(target).into_owned());
        if target == b"/" {
            return Target::Browse;
        }
        if let Some(rest) = strip_prefix(target, b"/get/") {
            return Self::parse_get(rest).unwrap_or_else(other);
        }
        for path in [&b"/gnutella/push-proxy?"[..], b"/gnutella/pushproxy?"] {
            if let Some(query) = strip_prefix(target, path) {
                return Self::parse_push_proxy(query);
            }
        }
        let urn = strip_prefix(target, b"/uri-res/N2R?").map(percent::decode);
        let sha1 = urn.and_then(|urn| Urn::parse(&urn).ok()?.sha1());
        sha1.map_or_else(other, Target::Urn)
    }

    fn parse_push_proxy(query: &[u8]) -> Target {
        let (mut servent, mut index) = (None, 0);
        for part in query.split(|&byte| byte == b'&') {
            let text = String::from_utf8_lossy(part);
            let Some((name, value)) = text.split_once('=') else { continue };
            match name.to_ascii_lowercase().as_str() {
                "serverid" => servent = guid_from_base32(value),
                "guid" => servent = value.parse().ok(),
                "file" => index = decimal(value).and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
                _ => {}
            }
        }
        Target::PushProxy { servent, index }
    }

    fn parse_get(rest: &[u8]) -> Option<Target> {
        let slash = rest.iter().position(|&byte| byte == b'/')?;
        let (index, name) = rest.split_at_checked(slash)?;
        let index = u32::try_from(decimal(str::from_utf8(index).ok()?)?).ok()?;
        let name = name.get(1..)?;
        // The oldest servents put a slash behind the name.
        let name = percent::decode(name.strip_suffix(b"/").unwrap_or(name));
        let name = String::from_utf8(name).ok().filter(|name| !name.contains('\0'));
        Some(Target::Get { index, name })
    }
}

impl fmt::Display for Target {
    /// As it stands in a request line: only visible ASCII.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Get { index, name } => {
                let name = name.as_deref().unwrap_or_default();
                write!(f, "/get/{index}/{}", percent::encode(name, b""))
            }
            Target::Urn(sha1) => write!(f, "/uri-res/N2R?urn:sha1:{sha1}"),
            Target::Browse => f.write_str("/"),
            Target::PushProxy { servent, index } => {
                let servent = BASE32_NOPAD.encode(&servent.unwrap_or(Guid::ZERO).0);
                write!(f, "/gnutella/push-proxy?ServerId={servent}&file={index}")
            }
            Target::Other(text) => {
                let visible: Vec<u8> = (33..=126).collect();
                f.write_str(&percent::encode(text, &visible))
            }
        }
    }
}

/// A GUID as `ServerId` has it.
fn guid_from_base32(text: &str) -> Option<Guid> {
    let bytes = BASE32_NOPAD.decode(text.trim_end_matches('=').to_ascii_uppercase().as_bytes());
    Some(Guid(bytes.ok()?.try_into().ok()?))
}

fn strip_prefix<'a>(text: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}
