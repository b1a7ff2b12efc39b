//! Query routing tables on the wire: the hash, RESET and PATCH (protocol.md section 17).
//!
//! A table says for each of a power of two of slots whether a word that hashes there may be found
//! at its sender. [`gather`] puts the patches of a sequence together under the sequence's rules;
//! [`mod@write`] makes the messages that tell what of a table changed.

pub mod gather;
pub mod write;

use super::Malformed;
use super::cursor::Cursor;

/// Slots of a table at most; living servents send up to so many.
pub const SLOTS_MAX: u32 = 1 << 21;

/// Multiplies the hash's sum: the golden ratio, as the specification has it.
const GOLDEN: u32 = 0x4F1B_BCDC;

const RESET: u8 = 0;
const PATCH: u8 = 1;

/// The hash of a word for a table of 2^32 slots. [`slot`] gives its place in a smaller one. Only
/// ASCII is lowered; other alphabets are folded before ([`crate::library::words::fold`]).
#[inline]
pub fn hash(word: &[u8]) -> u32 {
    let mut sum = 0;
    let mut chunks = word.chunks_exact(4);
    for four in &mut chunks {
        let four = [four[0], four[1], four[2], four[3]].map(|byte| byte.to_ascii_lowercase());
        sum ^= u32::from_le_bytes(four);
    }
    for (at, byte) in chunks.remainder().iter().enumerate() {
        sum ^= u32::from(byte.to_ascii_lowercase()) << (8 * at);
    }
    sum.wrapping_mul(GOLDEN)
}

/// The slot of a hash in a table of 2^`log2` slots.
#[inline]
pub fn slot(hash: u32, log2: u8) -> u32 {
    (u64::from(hash) >> (32 - u32::from(log2.min(32)))) as u32
}

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update<'a> {
    /// The table is empty now.
    Reset {
        /// How many slots it has. Whether that is a power of two is [`gather`]'s to judge.
        slots: u32,
        /// The value of an empty slot.
        infinity: u8,
    },
    /// A part of a patch.
    Patch(Patch<'a>),
}

/// A part of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patch<'a> {
    /// Its number in the sequence, from 1.
    pub number: u8,
    /// Parts of the sequence.
    pub count: u8,
    /// How the data of the whole sequence is compressed: 0 not, 1 one zlib stream.
    pub compressor: u8,
    /// Bits of one slot's entry.
    pub entry_bits: u8,
    /// Its part of the data.
    pub data: &'a [u8],
}

impl<'a> Update<'a> {
    /// Reads a message. Further variants may exist one day: they are a bad value for us.
    pub fn decode(payload: &'a [u8]) -> Result<Update<'a>, Malformed> {
        let mut cursor = Cursor::new(payload);
        match cursor.u8()? {
            RESET => {
                let update = Update::Reset { slots: cursor.u32_le()?, infinity: cursor.u8()? };
                if cursor.is_empty() { Ok(update) } else { Err(Malformed::BadCount) }
            }
            PATCH => Ok(Update::Patch(Patch {
                number: cursor.u8()?,
                count: cursor.u8()?,
                compressor: cursor.u8()?,
                entry_bits: cursor.u8()?,
                data: cursor.rest(),
            })),
            _ => Err(Malformed::BadValue),
        }
    }

    /// Appends the payload.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Update::Reset { slots, infinity } => {
                out.push(RESET);
                out.extend_from_slice(&slots.to_le_bytes());
                out.push(infinity);
            }
            Update::Patch(Patch { number, count, compressor, entry_bits, data }) => {
                out.extend_from_slice(&[PATCH, number, count, compressor, entry_bits]);
                out.extend_from_slice(data);
            }
        }
    }
}

#[cfg(test)]
mod tests;
