//! A body in chunks, taken apart as it comes (protocol.md section 12).

use super::Malformed;

/// Bytes of a chunk-size line at most, its extensions included.
const LINE_BYTES_MAX: u16 = 256;

/// Bytes of trailer lines at most.
const TRAILER_BYTES_MAX: u16 = 4_096;

/// What the next bytes of a chunked body are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Content; never empty.
    Data(&'a [u8]),
    /// All bytes are used up and the body goes on.
    NeedMore,
    /// The body is complete; what is left of the bytes is not part of it.
    End,
}

/// Decodes one body. Holds no content: it yields slices of what it is given.
///
/// ```
/// use filbert::wire::chunked::{Chunked, Piece};
///
/// let mut body = Chunked::new(1_000);
/// let mut bytes: &[u8] = b"5\r\nhello\r\n0\r\n\r\nGET";
/// assert_eq!(body.next(&mut bytes), Ok(Piece::Data(b"hello")));
/// assert_eq!(body.next(&mut bytes), Ok(Piece::End));
/// assert_eq!(bytes, b"GET");
/// ```
#[derive(Clone, Debug)]
pub struct Chunked {
    state: State,
    /// Content bytes that may still come.
    left: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In the digits of a size: its value, and how many bytes of the line have been seen.
    Size { size: u64, seen: u16 },
    /// Behind the digits: spaces, and after a semicolon extensions, which mean nothing to us.
    Extension { size: u64, seen: u16, in_extension: bool },
    /// Behind the CR of a size line.
    SizeLf { size: u64 },
    /// In the content of a chunk.
    Content { size: u64 },
    /// At the line end behind the content.
    ContentEnd,
    /// Behind the CR there.
    ContentLf,
    /// In the trailer: bytes seen in all, and in this line.
    Trailer { seen: u16, in_line: bool },
    /// Behind the CR of a trailer line.
    TrailerLf { seen: u16, in_line: bool },
    /// Complete.
    Done,
    /// It was refused; it stays refused.
    Broken(Malformed),
}

impl Chunked {
    /// Starts at the first byte of a body of at most `bytes_max` bytes of content.
    pub fn new(bytes_max: u64) -> Chunked {
        Chunked { state: State::Size { size: 0, seen: 0 }, left: bytes_max }
    }

    /// The next piece; `bytes` is moved on behind it. Call it until it says `NeedMore` (then with
    /// the bytes that come next) or `End`. [`Malformed::BadHead`] for framing that breaks the
    /// grammar, [`Malformed::TooLarge`] for more content, a longer size line or a longer trailer
    /// than allowed; after an error nothing else comes.
    pub fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Result<Piece<'a>, Malformed> {
        loop {
            match self.state {
                State::Done => return Ok(Piece::End),
                State::Broken(error) => return Err(error),
                State::Content { size } if !bytes.is_empty() => {
                    let len = usize::try_from(size).unwrap_or(usize::MAX).min(bytes.len());
                    let (data, rest) = bytes.split_at(len);
                    *bytes = rest;
                    let size = size - len as u64;
                    self.state =
                        if size == 0 { State::ContentEnd } else { State::Content { size } };
                    return Ok(Piece::Data(data));
                }
                state => {
                    let Some((&byte, rest)) = bytes.split_first() else {
                        return Ok(Piece::NeedMore);
                    };
                    self.state = self.after(state, byte).unwrap_or_else(State::Broken);
                    *bytes = rest;
                }
            }
        }
    }

    /// Whether the body is complete.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    fn after(&mut self, state: State, byte: u8) -> Result<State, Malformed> {
        match (state, byte) {
            (State::Size { size, seen }, _) if byte.is_ascii_hexdigit() => {
                let digit = u64::from(char::from(byte).to_digit(16).unwrap_or(0));
                let size = size.checked_mul(16).and_then(|high| high.checked_add(digit));
                let seen = one_more(seen, LINE_BYTES_MAX)?;
                Ok(State::Size { size: size.ok_or(Malformed::TooLarge)?, seen })
            }
            (State::Size { seen: 0, .. }, _) => Err(Malformed::BadHead),
            (State::Size { size, seen }, _) => {
                self.after(State::Extension { size, seen, in_extension: false }, byte)
            }
            (State::Extension { size, .. }, b'\r') => Ok(State::SizeLf { size }),
            (State::Extension { size, .. } | State::SizeLf { size }, b'\n') => self.begin(size),
            (State::Extension { size, seen, in_extension }, b' ' | b'\t' | b';') => {
                let in_extension = in_extension || byte == b';';
                Ok(State::Extension { size, seen: one_more(seen, LINE_BYTES_MAX)?, in_extension })
            }
            (State::Extension { size, seen, in_extension: true }, 0x21..=0x7E | 0x80..) => {
                let seen = one_more(seen, LINE_BYTES_MAX)?;
                Ok(State::Extension { size, seen, in_extension: true })
            }
            (State::ContentEnd, b'\r') => Ok(State::ContentLf),
            (State::ContentEnd | State::ContentLf, b'\n') => Ok(State::Size { size: 0, seen: 0 }),
            (State::Trailer { seen, in_line }, b'\r') => Ok(State::TrailerLf { seen, in_line }),
            (
                State::Trailer { seen, in_line: true } | State::TrailerLf { seen, in_line: true },
                b'\n',
            ) => Ok(State::Trailer { seen: one_more(seen, TRAILER_BYTES_MAX)?, in_line: false }),
            (State::Trailer { .. } | State::TrailerLf { .. }, b'\n') => Ok(State::Done),
            (State::Trailer { seen, .. }, b'\t' | 0x20..=0x7E | 0x80..) => {
                Ok(State::Trailer { seen: one_more(seen, TRAILER_BYTES_MAX)?, in_line: true })
            }
            _ => Err(Malformed::BadHead),
        }
    }

    fn begin(&mut self, size: u64) -> Result<State, Malformed> {
        self.left = self.left.checked_sub(size).ok_or(Malformed::TooLarge)?;
        Ok(match size {
            0 => State::Trailer { seen: 0, in_line: false },
            _ => State::Content { size },
        })
    }
}

fn one_more(seen: u16, max: u16) -> Result<u16, Malformed> {
    if seen < max { Ok(seen + 1) } else { Err(Malformed::TooLarge) }
}

/// Writes `content` as one chunk; nothing if it is empty, as an empty chunk would end the body.
pub fn write(out: &mut Vec<u8>, content: &[u8]) {
    if !content.is_empty() {
        out.extend_from_slice(format!("{:x}\r\n", content.len()).as_bytes());
        out.extend_from_slice(content);
        out.extend_from_slice(b"\r\n");
    }
}

/// What ends a body in chunks.
pub const END: &[u8] = b"0\r\n\r\n";

#[cfg(test)]
mod tests;
