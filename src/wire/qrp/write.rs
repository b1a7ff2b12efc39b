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
    let mut entries = vec![0_u8; (1_usize << log2.min(20)).div_ceil(2)];
    for (slot, appears) in changes {
        let entry = if appears { APPEARS } else { VANISHES };
        if let Some(both) = entries.get_mut(slot as usize / 2) {
            *both |= if slot % 2 == 0 { entry << 4 } else { entry };
        }
    }
    let deflated = deflate(&entries);
    let (compressor, data) = match &deflated {
        Some(deflated) => (1, &deflated[..]),
        None => (0, &entries[..]),
    };
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

/// One whole zlib stream; nothing where it would be longer.
fn deflate(entries: &[u8]) -> Option<Vec<u8>> {
    let mut stream = Compress::new(Compression::default(), true);
    let mut deflated = Vec::with_capacity(entries.len());
    let done = stream.compress_vec(entries, &mut deflated, FlushCompress::Finish).ok()?;
    (done == Status::StreamEnd).then_some(deflated)
}
