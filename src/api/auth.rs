//! Who may use the interface: whoever can read the token, and no page of another site.
//!
//! A browser on this machine can be made to send requests here (a page of another site, or one
//! whose name suddenly resolves to 127.0.0.1). It cannot read the token, and it says where it
//! comes from: `Host` must name this machine, `Origin`, if there is one, this very interface.

use std::fs;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use hyper::header::{AUTHORIZATION, HOST, HeaderName, ORIGIN};
use hyper::http::uri::Authority;
use hyper::{HeaderMap, Uri};

use super::types::ErrorCode;

/// Random bytes of a token.
const TOKEN_BYTES: usize = 32;

/// The secret that a request must know.
#[derive(Clone)]
pub(super) struct Token(String);

impl Token {
    /// A new one; every start of the server has its own.
    pub(super) fn new() -> Result<Token, getrandom::Error> {
        let mut bytes = [0; TOKEN_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Token(data_encoding::HEXLOWER.encode(&bytes)))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Compares in a time that does not depend on where the difference is.
    fn is(&self, offered: &[u8]) -> bool {
        let own = self.0.as_bytes();
        let differing = own.iter().zip(offered).fold(0, |bits, (a, b)| bits | (a ^ b));
        std::hint::black_box(differing) == 0 && own.len() == offered.len()
    }
}

/// What a request must fulfil.
pub(super) struct Gate {
    token: Token,
    listen: SocketAddr,
}

impl Gate {
    pub(super) fn new(token: Token, listen: SocketAddr) -> Gate {
        Gate { token, listen }
    }

    /// Whether a request with this head may be handled.
    pub(super) fn admit(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), ErrorCode> {
        let host = only(headers, HOST)?.ok_or(ErrorCode::Forbidden)?;
        let own_host = |authority: &Authority| self.names_us(authority.host());
        let host = host.parse::<Authority>().ok().filter(own_host).ok_or(ErrorCode::Forbidden)?;
        if uri.authority().is_some_and(|authority| *authority != host) {
            return Err(ErrorCode::Forbidden);
        }
        if let Some(origin) = only(headers, ORIGIN)? {
            let theirs = origin.strip_prefix("http://").and_then(|rest| rest.parse().ok());
            // A page on another port of this machine is another site.
            if theirs != Some(host) {
                return Err(ErrorCode::Forbidden);
            }
        }
        let credentials = only(headers, AUTHORIZATION)?.ok_or(ErrorCode::Unauthorized)?;
        match credentials.split_once(' ') {
            Some((scheme, token))
                if scheme.eq_ignore_ascii_case("bearer") && self.token.is(token.as_bytes()) =>
            {
                Ok(())
            }
            _ => Err(ErrorCode::Unauthorized),
        }
    }

    fn names_us(&self, host: &str) -> bool {
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        bare.eq_ignore_ascii_case("localhost")
            || bare
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback() || address == self.listen.ip())
    }
}

/// The one value of a header; several are an attempt to be read in two ways.
fn only(headers: &HeaderMap, name: HeaderName) -> Result<Option<&str>, ErrorCode> {
    let mut values = headers.get_all(name).iter();
    let value = values.next();
    if values.next().is_some() {
        return Err(ErrorCode::Forbidden);
    }
    value.map(|value| value.to_str().map_err(|_| ErrorCode::Forbidden)).transpose()
}

/// Writes a file that only the user can read, all at once: a reader sees all of it or nothing.
pub(super) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    fs::rename(&unfinished, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> Gate {
        Gate::new(Token("secret".to_owned()), "127.0.0.1:7000".parse().unwrap())
    }

    fn admit(headers: &[(HeaderName, &str)]) -> Result<(), ErrorCode> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, value.parse().unwrap());
        }
        gate().admit(&Uri::from_static("/api/v1/status"), &map)
    }

    const GOOD: (HeaderName, &str) = (AUTHORIZATION, "Bearer secret");

    #[test]
    fn host_must_name_this_machine() {
        for host in ["127.0.0.1:7000", "localhost:7000", "LOCALHOST", "[::1]:7000", "127.0.0.9:1"] {
            assert_eq!(admit(&[(HOST, host), GOOD]), Ok(()), "{host}");
        }
        for host in ["example.org", "example.org:7000", "10.0.0.1", "127.0.0.1.nip.io", "", "a b"] {
            assert_eq!(admit(&[(HOST, host), GOOD]), Err(ErrorCode::Forbidden), "{host}");
        }
        assert_eq!(admit(&[GOOD]), Err(ErrorCode::Forbidden));
        let two = [(HOST, "localhost"), (HOST, "localhost"), GOOD];
        assert_eq!(admit(&two), Err(ErrorCode::Forbidden));
    }

    #[test]
    fn origin_must_be_this_interface() {
        let from = |origin| admit(&[(HOST, "localhost:7000"), (ORIGIN, origin), GOOD]);
        assert_eq!(from("http://localhost:7000"), Ok(()));
        for origin in ["null", "http://localhost:8000", "https://localhost:7000", "http://evil.org"]
        {
            assert_eq!(from(origin), Err(ErrorCode::Forbidden), "{origin}");
        }
    }

    #[test]
    fn the_token_must_be_right() {
        let with = |token| admit(&[(HOST, "localhost"), (AUTHORIZATION, token)]);
        assert_eq!(with("bearer secret"), Ok(()));
        for token in
            ["Bearer secre", "Bearer secrets", "Bearer ", "Bearer", "Basic secret", "secret"]
        {
            assert_eq!(with(token), Err(ErrorCode::Unauthorized), "{token}");
        }
        assert_eq!(admit(&[(HOST, "localhost")]), Err(ErrorCode::Unauthorized));
    }

    #[cfg(unix)]
    #[test]
    fn private_files_are_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("api-token");
        fs::write(&path, "old and open").unwrap();
        write_private(&path, "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
