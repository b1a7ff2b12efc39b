//! Where a head ends: the start line and header lines of a handshake block, an HTTP message or a
//! GIV, up to and with the empty line (protocol.md sections 2, 7 and 12).

use super::Malformed;

/// How large a head may become before its sender is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes in all, line ends and the empty line included.
    pub bytes_max: u32,
    /// Lines, the start line included and the empty line not.
    pub lines_max: u16,
}

/// What is known of a head from the bytes that have come so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// The first `len` bytes are the head, its empty line included.
    Complete {
        /// Bytes of the head.
        len: usize,
    },
    /// The empty line has not come yet.
    Incomplete,
    /// It is over a limit, whatever may follow.
    TooLarge,
}

/// Looks for the end of one head in a buffer that grows, and looks at no byte twice.
///
/// Lines end with CR LF or with LF alone; a CR elsewhere ends nothing (and is refused when the
/// head is read). The caller keeps the bytes; however they were split, the answer is the same.
#[derive(Clone, Copy, Debug)]
pub struct Finder {
    limits: HeadLimits,
    /// How many bytes have been looked at.
    scanned: usize,
    /// Where the line begins that `scanned` stands in.
    line_at: usize,
    lines: u16,
    end: Option<Head>,
}

impl Finder {
    /// Starts at the first byte of a head.
    pub fn new(limits: HeadLimits) -> Finder {
        Finder { limits, scanned: 0, line_at: 0, lines: 0, end: None }
    }

    /// Looks on. `data` is everything since the first byte of the head; what was given before must
    /// still stand at its front. Once the answer is not `Incomplete` it stays what it is.
    pub fn find(&mut self, data: &[u8]) -> Head {
        if self.end.is_none() {
            self.end = self.scan(data);
        }
        self.end.unwrap_or(Head::Incomplete)
    }

    fn scan(&mut self, data: &[u8]) -> Option<Head> {
        let bytes_max = self.limits.bytes_max as usize;
        let window = data.get(..bytes_max).unwrap_or(data);
        while let Some(rest) = window.get(self.scanned..) {
            let Some(at) = rest.iter().position(|&byte| byte == b'\n') else { break };
            let line = window.get(self.line_at..self.scanned + at).unwrap_or_default();
            self.scanned += at + 1;
            self.line_at = self.scanned;
            if matches!(line, b"" | b"\r") {
                return Some(Head::Complete { len: self.scanned });
            }
            if self.lines == self.limits.lines_max {
                return Some(Head::TooLarge);
            }
            self.lines += 1;
        }
        self.scanned = window.len().max(self.scanned);
        (data.len() >= bytes_max).then_some(Head::TooLarge)
    }
}

/// Looks for the end of a head in bytes that are all there.
pub fn find(data: &[u8], limits: HeadLimits) -> Head {
    Finder::new(limits).find(data)
}

/// The first line, without its end, and what follows it. Refuses a CR that is not part of a line
/// end, a NUL and every other control character but the tab.
pub(super) fn next_line(rest: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let end = rest.iter().position(|&byte| byte == b'\n').ok_or(Malformed::Truncated)?;
    let (line, after) = rest.split_at(end);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.iter().any(|&byte| is_control(byte)) {
        return Err(Malformed::BadHead);
    }
    Ok((line, after.get(1..).unwrap_or_default()))
}

/// Whether a byte must not stand in a line.
pub(super) fn is_control(byte: u8) -> bool {
    byte.is_ascii_control() && byte != b'\t'
}

/// A number of decimal digits and nothing else.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// A status code: three digits, 100 or above.
pub(super) fn status_code(text: &str) -> Result<u16, Malformed> {
    match decimal(text) {
        Some(code @ 100..=999) if text.len() == 3 => Ok(code as u16),
        _ => Err(Malformed::BadHead),
    }
}

/// Text for a start line of ours: control characters would end the line early.
pub(super) fn push_text(out: &mut Vec<u8>, text: &str) {
    out.extend(text.bytes().map(|byte| if is_control(byte) { b' ' } else { byte }));
}

#[cfg(test)]
mod tests;
