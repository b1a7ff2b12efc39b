//! The header lines of a head, in the order in which they stood (protocol.md section 2).

use std::borrow::Cow;
use std::fmt;

use super::head::{decimal, next_line};
use super::{Malformed, names};

/// Header lines: names are compared without regard to case, the order is kept, repeated names stay
/// apart until somebody asks for [`Headers::list`] (joined) or [`Headers::single`] (refused).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    lines: Vec<(Cow<'static, str>, String)>,
}

/// Names whose lines say how long a message is or what is wanted: two readers that unfold such a
/// line differently disagree about where the next message begins.
const NEVER_FOLDED: [&str; 7] = [
    names::CONTENT_LENGTH,
    names::TRANSFER_ENCODING,
    names::CONTENT_ENCODING,
    names::CONNECTION,
    names::CONTENT_RANGE,
    names::RANGE,
    names::HOST,
];

/// A servent's head has about so many lines.
const LINES_USUAL: usize = 16;

impl Headers {
    /// Lines that [`Headers::parse`] takes at most. A ceiling on memory only; the limit that
    /// counts is [`HeadLimits::lines_max`](super::head::HeadLimits).
    pub const LINES_MAX: usize = 1_024;

    /// No lines.
    pub fn new() -> Headers {
        Headers::default()
    }

    /// Reads the lines after a start line, up to and with the empty line, which must come last.
    ///
    /// A line that begins with a space or a tab continues the one before it: gtk-gnutella folds
    /// long lists so. Lines that frame a message must not be folded, nor may the first line be a
    /// continuation, nor a continuation be blank. Bytes that are not UTF-8 are replaced.
    pub fn parse(mut rest: &[u8]) -> Result<Headers, Malformed> {
        let mut headers = Headers { lines: Vec::with_capacity(LINES_USUAL) };
        loop {
            let (line, after) = next_line(rest)?;
            match line.first() {
                None if after.is_empty() => return Ok(headers),
                None => return Err(Malformed::BadHead),
                Some(b' ' | b'\t') => headers.continue_last(line)?,
                Some(_) => headers.read_line(line)?,
            }
            rest = after;
        }
    }

    fn read_line(&mut self, line: &[u8]) -> Result<(), Malformed> {
        let colon = line.iter().position(|&byte| byte == b':').ok_or(Malformed::BadHead)?;
        let (name, value) = line.split_at(colon);
        let name = str::from_utf8(name).map_err(|_| Malformed::BadHead)?;
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(Malformed::BadHead);
        }
        if self.lines.len() == Self::LINES_MAX {
            return Err(Malformed::TooLarge);
        }
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        let value = String::from_utf8_lossy(value).into_owned();
        self.lines.push((Cow::Owned(name.to_owned()), value));
        Ok(())
    }

    fn continue_last(&mut self, line: &[u8]) -> Result<(), Malformed> {
        let (name, value) = self.lines.last_mut().ok_or(Malformed::BadHead)?;
        let more = line.trim_ascii();
        if more.is_empty() || NEVER_FOLDED.iter().any(|never| never.eq_ignore_ascii_case(name)) {
            return Err(Malformed::BadHead);
        }
        if !value.is_empty() {
            value.push(' ');
        }
        value.push_str(&String::from_utf8_lossy(more));
        Ok(())
    }

    /// Adds a line of ours at the end. Control characters in the value become spaces: a value that
    /// came from elsewhere must not begin a new line.
    pub fn push(&mut self, name: &'static str, value: impl fmt::Display) {
        let mut value = value.to_string();
        if value.contains(char::is_control) {
            value = value.replace(char::is_control, " ");
        }
        let trimmed = value.trim();
        if trimmed.len() < value.len() {
            value = trimmed.to_owned();
        }
        self.lines.push((Cow::Borrowed(name), value));
    }

    /// [`Headers::push`] for chains.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Headers {
        self.push(name, value);
        self
    }

    /// Writes the lines and the empty line.
    pub fn write(&self, out: &mut Vec<u8>) {
        for (name, value) in &self.lines {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
    }

    /// How many lines.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Name and value of every line.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lines.iter().map(|(name, value)| (name.as_ref(), value.as_str()))
    }

    /// The values of all lines of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.iter().filter(move |(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The value of the first line of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The value of the only line of this name. More than one: [`Malformed::BadHead`], even if
    /// they agree.
    pub fn single<'a>(&'a self, name: &'a str) -> Result<Option<&'a str>, Malformed> {
        let mut all = self.all(name);
        let value = all.next();
        if all.next().is_some() { Err(Malformed::BadHead) } else { Ok(value) }
    }

    /// The elements of all lines of this name, which are lists with commas; empty ones left out.
    pub fn list<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.all(name).flat_map(|value| value.split(',')).map(str::trim).filter(|e| !e.is_empty())
    }

    /// Whether a list has this element, in any case, and not with a quality of zero (`;q=0`).
    pub fn has(&self, name: &str, element: &str) -> bool {
        self.list(name).any(|entry| {
            let mut parts = entry.split(';').map(str::trim);
            parts.next().is_some_and(|own| own.eq_ignore_ascii_case(element))
                && !parts.any(is_zero_quality)
        })
    }

    /// `True` or `False`, in any case.
    pub fn flag(&self, name: &str) -> Option<bool> {
        let value = self.get(name)?;
        if value.eq_ignore_ascii_case("true") {
            Some(true)
        } else {
            value.eq_ignore_ascii_case("false").then_some(false)
        }
    }

    /// A decimal number.
    pub fn number(&self, name: &str) -> Option<u64> {
        decimal(self.get(name)?)
    }

    /// A version `MAJOR.MINOR`.
    pub fn version(&self, name: &str) -> Option<Version> {
        self.get(name)?.parse().ok()
    }

    /// The version of a feature in `X-Features`, a list of `NAME/MAJOR.MINOR`.
    pub fn feature(&self, feature: &str) -> Option<Version> {
        self.list(names::X_FEATURES).find_map(|entry| {
            let (name, version) = entry.split_once('/')?;
            if name.eq_ignore_ascii_case(feature) { version.parse().ok() } else { None }
        })
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// A protocol version `MAJOR.MINOR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u8, pub u8);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl std::str::FromStr for Version {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Version, Malformed> {
        let part = |digits| decimal(digits).and_then(|n| u8::try_from(n).ok());
        let (major, minor) = text.split_once('.').ok_or(Malformed::BadValue)?;
        let parts = part(major).zip(part(minor)).ok_or(Malformed::BadValue)?;
        Ok(Version(parts.0, parts.1))
    }
}

fn is_zero_quality(parameter: &str) -> bool {
    let quality = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="));
    quality.is_some_and(|q| q.starts_with('0') && q.bytes().all(|b| matches!(b, b'0' | b'.')))
}

/// What may stand in a name (RFC 9110 section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests;
