//! Puts the patches of a sequence together, under the rules of sequences (protocol.md section 17).
//!
//! Nothing is inflated before the last part is there: until then a link holds the compressed
//! bytes that its other side has sent and no window, and what they may inflate to is known.

use flate2::{Decompress, FlushDecompress, Status};
use thiserror::Error;

use super::{Patch, SLOTS_MAX, Update};

/// Compressed data may be so many bytes longer than what it stands for.
const DEFLATE_OVERHEAD_BYTES: usize = 1_024;

/// Bytes of a patch that are looked at together.
const PASSED_OVER_BYTES: usize = 8;

/// Which rule was broken. The sender's table cannot be known any more: the link ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Wrong {
    /// A patch before any reset.
    #[error("PATCH before RESET")]
    NoReset,
    /// The table's length is no power of two, or above [`SLOTS_MAX`].
    #[error("bad table length")]
    BadLength,
    /// Infinity 0.
    #[error("infinity 0")]
    BadInfinity,
    /// A part is missing, comes twice, or its number is above the count.
    #[error("wrong number in the sequence")]
    WrongNumber,
    /// Count, compressor or entry bits differ from those of the first part.
    #[error("sequence changes on its way")]
    Changed,
    /// Neither uncompressed nor zlib.
    #[error("unknown compressor")]
    BadCompressor,
    /// Entries of other than 1, 2, 4 or 8 bits.
    #[error("bad entry bits")]
    BadEntryBits,
    /// A part without data.
    #[error("PATCH without data")]
    NoData,
    /// The data does not inflate.
    #[error("bad compressed data")]
    BadDeflate,
    /// More data than the table has slots.
    #[error("patch longer than the table")]
    TooLong,
    /// Less data than the table has slots.
    #[error("patch does not cover the table")]
    TooShort,
}

/// What a message led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Gathered<'a> {
    /// The table is empty and has 2^`log2` slots.
    Reset {
        /// How many slots.
        log2: u8,
    },
    /// The sequence goes on.
    Part,
    /// The sequence is complete.
    Changes(Changes<'a>),
}

/// The entries of a whole patch.
#[derive(Debug, PartialEq, Eq)]
pub struct Changes<'a> {
    entry_bits: u8,
    data: &'a [u8],
}

/// What becomes of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A word that hashes there may be found.
    Set,
    /// None may.
    Clear,
    /// The other of both.
    Flip,
}

/// Room in which patches are inflated. One for all links: what is allocated anew for each patch, and
/// between it what stays, would tear memory to pieces.
#[derive(Debug, Default)]
pub struct Room {
    stream: Option<Box<Decompress>>,
    data: Vec<u8>,
    /// A stream that inflated to nothing but zeros, and to how many: most leaves share nothing, and
    /// all of them say so in the same words.
    blank: Option<(Box<[u8]>, usize)>,
}

/// So long is the longest stream that is remembered as saying nothing.
const BLANK_BYTES_MAX: usize = 256;

/// The sequence of one link.
#[derive(Debug, Default)]
pub struct Gatherer {
    /// 2^so many slots has the table of the last reset.
    log2: Option<u8>,
    sequence: Option<Box<Sequence>>,
}

#[derive(Debug)]
struct Sequence {
    last: u8,
    count: u8,
    compressor: u8,
    entry_bits: u8,
    data: Vec<u8>,
}

impl Gatherer {
    /// Takes a message.
    pub fn take<'r>(
        &mut self,
        update: &Update<'_>,
        room: &'r mut Room,
    ) -> Result<Gathered<'r>, Wrong> {
        match update {
            Update::Reset { slots, infinity } => {
                if !slots.is_power_of_two() || *slots > SLOTS_MAX {
                    return Err(Wrong::BadLength);
                }
                if *infinity == 0 {
                    return Err(Wrong::BadInfinity);
                }
                let log2 = slots.trailing_zeros() as u8;
                self.log2 = Some(log2);
                self.sequence = None;
                Ok(Gathered::Reset { log2 })
            }
            Update::Patch(patch) => self.add(patch, room),
        }
    }

    /// Bytes that are held until the sequence is complete.
    pub fn held_bytes(&self) -> usize {
        self.sequence.as_ref().map_or(0, |sequence| sequence.data.capacity())
    }

    fn add<'r>(&mut self, patch: &Patch<'_>, room: &'r mut Room) -> Result<Gathered<'r>, Wrong> {
        let log2 = self.log2.ok_or(Wrong::NoReset)?;
        let Patch { number, count, compressor, entry_bits, data } = *patch;
        if !matches!(entry_bits, 1 | 2 | 4 | 8) {
            return Err(Wrong::BadEntryBits);
        }
        if compressor > 1 {
            return Err(Wrong::BadCompressor);
        }
        if data.is_empty() {
            return Err(Wrong::NoData);
        }
        let first = || Sequence { last: 0, count, compressor, entry_bits, data: Vec::new() };
        let mut sequence = self.sequence.take().unwrap_or_else(|| Box::new(first()));
        if (sequence.count, sequence.compressor, sequence.entry_bits)
            != (count, compressor, entry_bits)
        {
            return Err(Wrong::Changed);
        }
        if u16::from(number) != u16::from(sequence.last) + 1 || number > count {
            return Err(Wrong::WrongNumber);
        }
        let whole_bytes = ((1_usize << log2) * usize::from(entry_bits)).div_ceil(8);
        let overhead = if compressor == 0 { 0 } else { DEFLATE_OVERHEAD_BYTES };
        if sequence.data.len() + data.len() > whole_bytes + overhead {
            return Err(Wrong::TooLong);
        }
        sequence.data.extend_from_slice(data);
        sequence.last = number;
        if number < count {
            self.sequence = Some(sequence);
            return Ok(Gathered::Part);
        }
        if compressor == 0 {
            room.data = sequence.data;
        } else {
            room.inflate(&sequence.data, whole_bytes)?;
        }
        if room.data.len() < whole_bytes {
            return Err(Wrong::TooShort);
        }
        Ok(Gathered::Changes(Changes { entry_bits, data: &room.data }))
    }
}

impl Room {
    /// Inflates one zlib stream that must give exactly `whole_bytes`. A stream that is not ended,
    /// or has bytes behind its end, will do as long as it gives them.
    fn inflate(&mut self, deflated: &[u8], whole_bytes: usize) -> Result<(), Wrong> {
        if self
            .blank
            .as_ref()
            .is_some_and(|(blank, bytes)| **blank == *deflated && *bytes == whole_bytes)
        {
            self.data.clear();
            self.data.resize(whole_bytes, 0);
            return Ok(());
        }
        self.inflate_anew(deflated, whole_bytes)?;
        let is_short = deflated.len() <= BLANK_BYTES_MAX && self.data.len() == whole_bytes;
        if is_short && self.data.iter().all(|&byte| byte == 0) {
            self.blank = Some((deflated.into(), whole_bytes));
        }
        Ok(())
    }

    fn inflate_anew(&mut self, deflated: &[u8], whole_bytes: usize) -> Result<(), Wrong> {
        let stream = self.stream.get_or_insert_with(|| Box::new(Decompress::new(true)));
        stream.reset(true);
        let data = &mut self.data;
        data.clear();
        // What an unusually large table needed is not kept.
        data.shrink_to(whole_bytes + 1);
        // One byte more tells a stream that ends there from one that goes on.
        data.reserve_exact(whole_bytes + 1);
        loop {
            let (read, written) = (stream.total_in(), data.len());
            let input = deflated.get(read as usize..).unwrap_or_default();
            let status = stream
                .decompress_vec(input, data, FlushDecompress::None)
                .map_err(|_| Wrong::BadDeflate)?;
            if data.len() > whole_bytes {
                return Err(Wrong::TooLong);
            }
            let stuck = stream.total_in() == read && data.len() == written;
            if stuck || matches!(status, Status::StreamEnd) {
                return Ok(());
            }
        }
    }
}

impl Changes<'_> {
    /// The slots that change, ascending. A negative entry means a distance below infinity, a
    /// positive one infinity again; entries of one bit turn a slot over.
    pub fn iter(&self) -> impl Iterator<Item = (u32, Change)> + '_ {
        let bits = u32::from(self.entry_bits);
        let per_byte = 8 / bits;
        let mut next = 0;
        let changed = std::iter::from_fn(move || {
            loop {
                // Mostly nothing changes: so many entries are passed over at once.
                let ahead = self.data.get(next..)?;
                if let Some(some) = ahead.first_chunk::<PASSED_OVER_BYTES>()
                    && u64::from_le_bytes(*some) == 0
                {
                    next += PASSED_OVER_BYTES;
                    continue;
                }
                let byte = *ahead.first()?;
                next += 1;
                if byte != 0 {
                    return Some((next - 1, byte));
                }
            }
        });
        changed.flat_map(move |(at, byte)| {
            (0..per_byte).filter_map(move |entry| {
                // The first slot is in the high bits.
                let value = byte << (entry * bits) >> (8 - bits);
                let change = match value {
                    0 => return None,
                    _ if bits == 1 => Change::Flip,
                    _ if value >> (bits - 1) == 1 => Change::Set,
                    _ => Change::Clear,
                };
                Some((at as u32 * per_byte + entry, change))
            })
        })
    }
}
