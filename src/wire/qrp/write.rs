//! Tells a table, or what of it changed: 4-bit patches, one zlib stream over the sequence, in
//! messages of at most 1 KiB (protocol.md section 17).

use flate2::{Compress, Compression, FlushCompress, Status};

use super::{Patch, Update};

/// Bytes of data in one message: no message keeps a slow line from others for long.
const DATA_BYTES_MAX: usize = 1_019;

/// What precedes the data of a patch: variant, number, count, compressor, entry bits.
const PATCH_HEAD_BYTES: usize = 5;

/// The value of an empty slot, the specification's own choice.
const INFINITY: u8 = 7;
/// From infinity to 1 and back, in 4 bits.
const APPEARS: u8 = 0xA;
const VANISHES: u8 = 0x6;

/// The payload that empties a table of 2^`log2` slots.
pub fn reset(log2: u8) -> Vec<u8> {
    let mut payload = Vec::new();
    let slots = 1_u32.checked_shl(log2.into()).unwrap_or(0);
    Update::Reset { slots, infinity: INFINITY }.encode(&mut payload);
    payload
}

/// The payloads of the patch in which these slots of a table of 2^`log2` appear (true) or vanish.
/// Slots beyond the table are left out. Of tables up to 2^16 slots no sequence has more than 33
/// messages.
pub fn patch(log2: u8, changes: impl Iterator<Item = (u32, bool)>) -> Vec<Vec<u8>> {
    Room::default().patch(log2, changes)
}

/// Room in which patches are written. Whoever writes many keeps one: it takes some 300 KB, and what
/// is allocated anew for each patch would tear memory to pieces.
#[derive(Debug, Default)]
pub struct Room {
    stream: Option<Box<Compress>>,
    entries: Vec<u8>,
    deflated: Vec<u8>,
    /// The patch that changes nothing in a table of 2^so many slots: most leaves share nothing.
    blank: Option<(u8, Vec<Vec<u8>>)>,
}

impl Room {
    /// What [`patch`] gives.
    pub fn patch(&mut self, log2: u8, changes: impl Iterator<Item = (u32, bool)>) -> Vec<Vec<u8>> {
        let mut changes = changes.peekable();
        let is_blank = changes.peek().is_none();
        if let Some((_, blank)) = self.blank.as_ref().filter(|(of, _)| is_blank && *of == log2) {
            return blank.clone();
        }
        self.entries.clear();
        self.entries.resize((1_usize << log2.min(20)).div_ceil(2), 0);
        for (slot, appears) in changes {
            let entry = if appears { APPEARS } else { VANISHES };
            if let Some(both) = self.entries.get_mut(slot as usize / 2) {
                *both |= if slot % 2 == 0 { entry << 4 } else { entry };
            }
        }
        let is_shorter = self.deflate();
        let (compressor, data) =
            if is_shorter { (1, &self.deflated[..]) } else { (0, &self.entries[..]) };
        let parts = parts(compressor, data);
        if is_blank {
            self.blank = Some((log2, parts.clone()));
        }
        parts
    }

    /// One whole zlib stream; says whether it is no longer than what it stands for.
    fn deflate(&mut self) -> bool {
        let stream = self
            .stream
            .get_or_insert_with(|| Box::new(Compress::new(Compression::default(), true)));
        stream.reset();
        self.deflated.clear();
        self.deflated.shrink_to(self.entries.len());
        self.deflated.reserve_exact(self.entries.len());
        let done = stream.compress_vec(&self.entries, &mut self.deflated, FlushCompress::Finish);
        matches!(done, Ok(Status::StreamEnd))
    }
}

/// The payloads of a patch with this data.
fn parts(compressor: u8, data: &[u8]) -> Vec<Vec<u8>> {
    let parts = data.chunks(DATA_BYTES_MAX.max(data.len().div_ceil(255)));
    let count = parts.len() as u8;
    let write = |(number, data): (u8, &[u8])| {
        let mut payload = Vec::with_capacity(PATCH_HEAD_BYTES + data.len());
        let patch = Patch { number, count, compressor, entry_bits: 4, data };
        Update::Patch(patch).encode(&mut payload);
        payload
    };
    (1..=u8::MAX).zip(parts).map(write).collect()
}
