//! A link's bytes: descriptors cut from whatever arrives, inflated if need be, and pieces deflated
//! so that they can be spliced into any link's stream (protocol.md sections 1 and 11).

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// The two bytes that open a zlib stream (32 KiB window, fastest). No stream is ever ended.
pub(crate) const ZLIB_OPENING: [u8; 2] = [0x78, 0x01];

/// Pieces below this many bytes do not shrink.
const WORTH_DEFLATING_BYTES: usize = 128;

/// Turns bytes into pieces of raw deflate that refer to nothing outside themselves and end on a
/// whole byte: in any order they follow each other in any stream. One for the whole node.
#[derive(Debug, Default)]
pub(crate) struct Deflater {
    compress: Option<Box<Compress>>,
}

impl Deflater {
    /// Appends the deflated form of `bytes` to `to`; stored as they are where that is shorter.
    pub(crate) fn append(&mut self, bytes: &[u8], to: &mut Vec<u8>) {
        let start = to.len();
        if bytes.len() >= WORTH_DEFLATING_BYTES && self.deflate(bytes, to) {
            return;
        }
        to.truncate(start);
        for block in bytes.chunks(usize::from(u16::MAX)) {
            let len = block.len() as u16;
            to.push(0);
            to.extend_from_slice(&len.to_le_bytes());
            to.extend_from_slice(&(!len).to_le_bytes());
            to.extend_from_slice(block);
        }
    }

    /// Whether that made it shorter.
    fn deflate(&mut self, bytes: &[u8], to: &mut Vec<u8>) -> bool {
        let compress = self
            .compress
            .get_or_insert_with(|| Box::new(Compress::new(Compression::fast(), false)));
        compress.reset();
        let start = to.len();
        to.reserve(bytes.len());
        let mut read = 0;
        while to.len() < start + bytes.len() {
            let room = to.capacity();
            let status = compress.compress_vec(&bytes[read..], to, FlushCompress::Sync);
            read = usize::try_from(compress.total_in()).unwrap_or(bytes.len());
            if !matches!(status, Ok(Status::Ok)) {
                return false;
            }
            if read >= bytes.len() && to.len() < room {
                return to.len() < start + bytes.len();
            }
        }
        false
    }
}

/// Undoes the other side's deflate. Its window is allocated when the first byte arrives.
#[derive(Debug, Default)]
pub(crate) struct Inflater {
    decompress: Option<Box<Decompress>>,
}

/// Why a stream cannot go on: it is broken, or it was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadDeflate;

impl Inflater {
    /// Inflates as much of `data` as fits into `space`; says how many bytes it read and wrote.
    /// Nothing read and nothing written means that more is needed.
    pub(crate) fn step(
        &mut self,
        data: &[u8],
        space: &mut [u8],
    ) -> Result<(usize, usize), BadDeflate> {
        let decompress = self.decompress.get_or_insert_with(|| Box::new(Decompress::new(true)));
        let (read, written) = (decompress.total_in(), decompress.total_out());
        match decompress.decompress(data, space, FlushDecompress::None) {
            Ok(Status::Ok | Status::BufError) => {}
            Ok(Status::StreamEnd) | Err(_) => return Err(BadDeflate),
        }
        let read = decompress.total_in().saturating_sub(read);
        let written = decompress.total_out().saturating_sub(written);
        Ok((
            usize::try_from(read).map_err(|_| BadDeflate)?,
            usize::try_from(written).map_err(|_| BadDeflate)?,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inflate(mut data: &[u8], step_bytes: usize) -> Result<Vec<u8>, BadDeflate> {
        let (mut inflater, mut all) = (Inflater::default(), Vec::new());
        let mut space = vec![0; step_bytes];
        loop {
            let (read, written) = inflater.step(data, &mut space)?;
            data = &data[read..];
            all.extend_from_slice(&space[..written]);
            if data.is_empty() && written < space.len() {
                return Ok(all);
            }
        }
    }

    #[test]
    fn pieces_can_be_spliced_in_any_order() {
        let noise: Vec<u8> =
            (0..70_000u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let inputs: [&[u8]; 5] =
            [b"short", &[7; 1_000], &noise, b"", b"the same words the same words the same words the same words the same words the same words the same words the same words"];
        let mut deflater = Deflater::default();
        let mut pieces = inputs.map(|input| {
            let mut piece = Vec::new();
            deflater.append(input, &mut piece);
            (input, piece)
        });
        assert!(pieces[1].1.len() < 50, "1,000 equal bytes shrink");
        assert!(pieces[2].1.len() <= noise.len() + 10, "noise grows by the block heads at most");
        for turn in 0..inputs.len() {
            pieces.rotate_left(turn);
            let mut stream = ZLIB_OPENING.to_vec();
            stream.extend(pieces.iter().flat_map(|(_, piece)| piece.iter().copied()));
            let expected: Vec<u8> =
                pieces.iter().flat_map(|(input, _)| input.iter().copied()).collect();
            assert_eq!(inflate(&stream, 4_096), Ok(expected));
        }
    }

    #[test]
    fn garbage_and_an_ended_stream_are_refused() {
        assert_eq!(inflate(b"no zlib at all", 100), Err(BadDeflate));
        let mut ended = Vec::new();
        let mut compress = Compress::new(Compression::fast(), true);
        ended.reserve(100);
        let done = compress.compress_vec(b"bytes", &mut ended, FlushCompress::Finish);
        assert!(matches!(done, Ok(Status::StreamEnd)));
        assert_eq!(inflate(&ended, 100), Err(BadDeflate));
    }
}
