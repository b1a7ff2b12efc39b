//! Ranges of bytes: what is asked for and what comes (protocol.md section 12).

use std::fmt;
use std::ops::Range;

use crate::wire::Malformed;
use crate::wire::head::decimal;

/// What a Range line asks for. Offsets are those of the wire: the last one is included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeSpec {
    /// `bytes=FIRST-LAST`
    FromTo(u64, u64),
    /// `bytes=FIRST-`
    From(u64),
    /// `bytes=-COUNT`: the last so many bytes.
    Last(u64),
    /// Several ranges, a first above the last, or not a range at all. Answered with 416: we serve
    /// one range and do not guess which.
    Unusable,
}

impl RangeSpec {
    /// The range that asks for exactly these bytes; nothing if there are none.
    pub fn of(range: &Range<u64>) -> Option<RangeSpec> {
        (!range.is_empty()).then(|| RangeSpec::FromTo(range.start, range.end - 1))
    }

    /// Reads the value of a Range line. Nothing for a unit that we do not know: such a line means
    /// nothing. Numbers above 64 bits are read as the highest one.
    pub fn parse(value: &str) -> Option<RangeSpec> {
        let (unit, range) = value.split_once('=')?;
        unit.trim().eq_ignore_ascii_case("bytes").then(|| Self::parse_bytes(range.trim()))
    }

    fn parse_bytes(range: &str) -> RangeSpec {
        let Some((first, last)) = range.split_once('-') else { return RangeSpec::Unusable };
        match (offset(first), offset(last)) {
            (Some(first), Some(last)) if first <= last => RangeSpec::FromTo(first, last),
            (Some(first), None) if last.trim().is_empty() => RangeSpec::From(first),
            (None, Some(count)) if first.trim().is_empty() => RangeSpec::Last(count),
            _ => RangeSpec::Unusable,
        }
    }

    /// The bytes of a file of `size` bytes that are asked for, cut to the file; nothing if there
    /// is none: 416.
    pub fn resolve(self, size: u64) -> Option<Range<u64>> {
        let range = match self {
            RangeSpec::FromTo(first, last) => first..last.saturating_add(1).min(size),
            RangeSpec::From(first) => first..size,
            RangeSpec::Last(count) => size.saturating_sub(count)..size,
            RangeSpec::Unusable => return None,
        };
        (!range.is_empty()).then_some(range)
    }
}

impl fmt::Display for RangeSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RangeSpec::FromTo(first, last) => write!(f, "bytes={first}-{last}"),
            RangeSpec::From(first) => write!(f, "bytes={first}-"),
            RangeSpec::Last(count) => write!(f, "bytes=-{count}"),
            RangeSpec::Unusable => f.write_str("bytes="),
        }
    }
}

fn offset(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

/// What a Content-Range line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContentRange {
    /// `bytes FIRST-LAST/SIZE`: these bytes follow.
    Part {
        /// The bytes; not empty.
        range: Range<u64>,
        /// Bytes of the whole file, if it is known (`*` if not).
        size: Option<u64>,
    },
    /// `bytes */SIZE`: none follow, and the file has so many.
    None {
        /// Bytes of the whole file.
        size: u64,
    },
}

impl ContentRange {
    /// Reads the value of a Content-Range line; `bytes=` is tolerated, as old servents write it.
    /// [`Malformed::BadValue`] for another unit, a first above the last, a last beyond the size
    /// and numbers above 64 bits.
    pub fn parse(value: &str) -> Result<ContentRange, Malformed> {
        Self::read(value).ok_or(Malformed::BadValue)
    }

    fn read(value: &str) -> Option<ContentRange> {
        let (unit, rest) = value.trim().split_at_checked(5)?;
        if !unit.eq_ignore_ascii_case("bytes") || !rest.starts_with([' ', '=', '\t']) {
            return None;
        }
        let (range, size) = rest.get(1..)?.split_once('/')?;
        let (range, size) = (range.trim(), size.trim());
        let size = if size == "*" { None } else { Some(decimal(size)?) };
        if range == "*" {
            return Some(ContentRange::None { size: size? });
        }
        let (first, last) = range.split_once('-')?;
        let (first, last) = (decimal(first.trim())?, decimal(last.trim())?);
        let range = first..last.checked_add(1)?;
        let fits = !range.is_empty() && size.is_none_or(|size| range.end <= size);
        fits.then_some(ContentRange::Part { range, size })
    }
}

impl fmt::Display for ContentRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ContentRange::Part { range, size } => {
                write!(f, "bytes {}-{}/", range.start, range.end.saturating_sub(1))?;
                match size {
                    Some(size) => write!(f, "{size}"),
                    None => f.write_str("*"),
                }
            }
            ContentRange::None { size } => write!(f, "bytes */{size}"),
        }
    }
}
