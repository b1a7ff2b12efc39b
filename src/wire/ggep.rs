//! GGEP blocks: named values inside a descriptor (protocol.md section 10).
//!
//! A block's data may be COBS-coded (so that it holds no NUL) and deflated; both are undone only
//! when asked for, and never beyond a ceiling that the asker names.

use std::borrow::Cow;

use flate2::{Decompress, FlushDecompress, Status};

use super::Malformed;
use super::cursor::Cursor;

/// The first byte of GGEP.
pub const MAGIC: u8 = 0xC3;
/// Bytes of data that the length of a block can express.
pub const DATA_BYTES_MAX: usize = 0x3_FFFF;
/// Bytes of an identifier at most.
pub const ID_BYTES_MAX: usize = 15;

const LAST: u8 = 0x80;
const COBS: u8 = 0x40;
const DEFLATED: u8 = 0x20;
const RESERVED: u8 = 0x10;

/// One block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block<'a> {
    /// Its identifier, 1 to 15 bytes without NUL.
    pub id: &'a [u8],
    flags: u8,
    encoded: &'a [u8],
}

impl<'a> Block<'a> {
    /// Its data, decoded to at most `bytes_max`. Borrows if the block is neither coded nor
    /// deflated.
    pub fn data(&self, bytes_max: usize) -> Result<Cow<'a, [u8]>, Malformed> {
        let plain = if self.flags & COBS == 0 {
            Cow::Borrowed(self.encoded)
        } else {
            Cow::Owned(cobs_decode(self.encoded)?)
        };
        if self.flags & DEFLATED != 0 {
            return Ok(Cow::Owned(inflate(&plain, bytes_max)?));
        }
        if plain.len() > bytes_max { Err(Malformed::TooLarge) } else { Ok(plain) }
    }
}

/// The blocks of one GGEP area, in order. Ends after the block with the last flag or the first
/// error.
#[derive(Clone, Debug)]
pub struct Blocks<'a> {
    cursor: Cursor<'a>,
    done: bool,
}

impl<'a> Blocks<'a> {
    /// Starts at the magic byte.
    pub fn new(area: &'a [u8]) -> Result<Blocks<'a>, Malformed> {
        let mut cursor = Cursor::new(area);
        if cursor.u8()? == MAGIC {
            Ok(Blocks { cursor, done: false })
        } else {
            Err(Malformed::BadGgep)
        }
    }

    /// What follows the last block; meaningful once the iteration has ended without an error.
    pub fn rest(&self) -> &'a [u8] {
        self.cursor.rest()
    }

    /// Reads one block.
    fn block(&mut self) -> Result<Block<'a>, Malformed> {
        let flags = self.cursor.u8()?;
        let id = self.cursor.take(usize::from(flags & 0x0F))?;
        if flags & RESERVED != 0 || id.is_empty() || id.contains(&0) {
            return Err(Malformed::BadGgep);
        }
        let len = read_len(&mut self.cursor)?;
        let encoded = self.cursor.take(len)?;
        self.done = flags & LAST != 0;
        Ok(Block { id, flags, encoded })
    }
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Result<Block<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let block = self.block().map_err(|_| Malformed::BadGgep);
        self.done |= block.is_err();
        Some(block)
    }
}

/// Reads a length: one to three bytes of six bits, the highest first; 0x80 says that another
/// follows, 0x40 that none does.
fn read_len(cursor: &mut Cursor<'_>) -> Result<usize, Malformed> {
    let mut len = 0;
    for _ in 0..3 {
        let byte = cursor.u8()?;
        len = len << 6 | usize::from(byte & 0x3F);
        match byte & 0xC0 {
            0x40 => return Ok(len),
            0x80 => {}
            _ => break,
        }
    }
    Err(Malformed::BadGgep)
}

/// Appends a length.
fn write_len(out: &mut Vec<u8>, len: usize) {
    let six = |shift: usize| (len >> shift) as u8 & 0x3F;
    if len > 0xFFF {
        out.push(0x80 | six(12));
    }
    if len > 0x3F {
        out.push(0x80 | six(6));
    }
    out.push(0x40 | six(0));
}

/// Whether the written blocks may hold NUL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nul {
    /// They may: pings, pongs, pushes, queries, the trailer of a hit.
    Allowed,
    /// They must not (the extension of a result ends at the first): data with a NUL is COBS-coded.
    Coded,
}

/// Appends one GGEP area to a buffer. Nothing is written if no block is.
#[derive(Debug)]
pub struct Writer<'o> {
    out: &'o mut Vec<u8>,
    nul: Nul,
    last_flags_at: Option<usize>,
}

impl<'o> Writer<'o> {
    /// Starts an area at the end of `out`.
    pub fn new(out: &'o mut Vec<u8>, nul: Nul) -> Writer<'o> {
        Writer { out, nul, last_flags_at: None }
    }

    /// Appends a block. One that GGEP cannot frame (an identifier not of 1 to 15 bytes or with a
    /// NUL, data above [`DATA_BYTES_MAX`]) is left out, and false is returned.
    pub fn put(&mut self, id: &str, data: &[u8]) -> bool {
        let coded = self.nul == Nul::Coded && data.contains(&0);
        let data = if coded { Cow::Owned(cobs_encode(data)) } else { Cow::Borrowed(data) };
        let id_fits = (1..=ID_BYTES_MAX).contains(&id.len()) && !id.contains('\0');
        if !id_fits || data.len() > DATA_BYTES_MAX {
            return false;
        }
        match self.last_flags_at {
            Some(at) => self.out[at] &= !LAST,
            None => self.out.push(MAGIC),
        }
        self.last_flags_at = Some(self.out.len());
        self.out.push(LAST | if coded { COBS } else { 0 } | id.len() as u8);
        self.out.extend_from_slice(id.as_bytes());
        write_len(self.out, data.len());
        self.out.extend_from_slice(&data);
        true
    }

    /// Appends a block with a number: little-endian without its high zero bytes.
    pub fn put_number(&mut self, id: &str, number: u64) -> bool {
        let bytes = number.to_le_bytes();
        let len = 8 - number.leading_zeros() as usize / 8;
        self.put(id, &bytes[..len])
    }
}

/// Reads a little-endian number of at most 8 bytes.
pub fn number(data: &[u8]) -> Result<u64, Malformed> {
    if data.len() > 8 {
        return Err(Malformed::BadValue);
    }
    Ok(data.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
}

/// Codes data so that no byte is NUL: runs of up to 254 other bytes, each after its length plus
/// one; a run shorter than 254 stands for itself and a NUL.
fn cobs_encode(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() + data.len() / 254 + 1);
    let mut rest = data;
    loop {
        let run = rest.iter().take(254).take_while(|&&byte| byte != 0).count();
        out.push(run as u8 + 1);
        out.extend_from_slice(&rest[..run]);
        rest = &rest[run..];
        match rest {
            [] => return out,
            [0, after @ ..] if run < 254 => rest = after,
            _ => {}
        }
    }
}

/// Undoes [`cobs_encode`]; never longer than what it is given.
fn cobs_decode(coded: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut out = Vec::with_capacity(coded.len());
    let mut cursor = Cursor::new(coded);
    while !cursor.is_empty() {
        let code = cursor.u8()?;
        let run = code.checked_sub(1).ok_or(Malformed::BadGgep)?;
        let run = cursor.take(usize::from(run)).map_err(|_| Malformed::BadGgep)?;
        if run.contains(&0) {
            return Err(Malformed::BadGgep);
        }
        out.extend_from_slice(run);
        if code != 0xFF && !cursor.is_empty() {
            out.push(0);
        }
    }
    Ok(out)
}

/// Inflates one whole zlib stream to at most `bytes_max`, a few KiB at a time, so that a bomb
/// costs no more than the ceiling.
fn inflate(deflated: &[u8], bytes_max: usize) -> Result<Vec<u8>, Malformed> {
    const STEP_BYTES: usize = 4_096;
    let mut stream = Decompress::new(true);
    let mut out = Vec::new();
    loop {
        // One byte above the ceiling tells a stream that ends at it from one that goes on.
        let room = bytes_max.saturating_add(1).saturating_sub(out.len()).min(STEP_BYTES);
        out.reserve_exact(room);
        let read = stream.total_in() as usize;
        let before = out.len();
        let input = deflated.get(read..).unwrap_or_default();
        let status = stream
            .decompress_vec(input, &mut out, FlushDecompress::None)
            .map_err(|_| Malformed::BadDeflate)?;
        if out.len() > bytes_max {
            return Err(Malformed::TooLarge);
        }
        let moved = stream.total_in() as usize > read || out.len() > before;
        match status {
            Status::StreamEnd if stream.total_in() as usize == deflated.len() => return Ok(out),
            Status::Ok if moved => {}
            _ => return Err(Malformed::BadDeflate),
        }
    }
}

#[cfg(test)]
mod tests;
