//! A link's bytes: descriptors cut from whatever arrives, inflated if need be, and pieces deflated
//! so that they can be spliced into any link's stream (protocol.md sections 1 and 11).

use crate::node::size::block;
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

/// Undoes the other side's deflate.
///
/// A window takes 40 KB, and most links never carry as much. So long as little has come, it is kept
/// as it came, and inflated anew, in a [`Window`] that all links share, before each new piece.
#[derive(Debug, Default)]
pub(crate) struct Inflater {
    stream: Stream,
}

#[derive(Debug)]
enum Stream {
    Young { deflated: Vec<u8>, inflated_bytes: usize },
    Grown(Window),
}

impl Default for Stream {
    fn default() -> Stream {
        Stream::Young { deflated: Vec::new(), inflated_bytes: 0 }
    }
}

/// A stream is young up to so many bytes as they come, and so many inflated ones: to inflate them
/// anew takes some 20 microseconds.
const YOUNG_DEFLATED_BYTES_MAX: usize = 4_096;
const YOUNG_INFLATED_BYTES_MAX: usize = 16_384;

/// What a window takes.
const WINDOW_BYTES: usize = 40_960;

/// Where a stream is inflated. Allocated when its first byte arrives.
#[derive(Debug, Default)]
pub(crate) struct Window {
    decompress: Option<Box<Decompress>>,
}

/// Why a stream cannot go on: it is broken, or it was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadDeflate;

impl Inflater {
    /// Bytes that it takes.
    pub(crate) fn heap_bytes(&self) -> usize {
        block(size_of::<Inflater>())
            + match &self.stream {
                Stream::Young { deflated, .. } => block(deflated.capacity()),
                Stream::Grown(_) => WINDOW_BYTES,
            }
    }

    /// Inflates as much of `data` as fits into `space`; says how many bytes it read and wrote.
    /// Nothing read and nothing written means that more is needed. `shared` is the window of all
    /// young links.
    pub(crate) fn step(
        &mut self,
        data: &[u8],
        space: &mut [u8],
        shared: &mut Window,
    ) -> Result<(usize, usize), BadDeflate> {
        let (deflated, inflated_bytes) = match &mut self.stream {
            Stream::Grown(window) => return window.step(data, space),
            Stream::Young { deflated, inflated_bytes } => (deflated, inflated_bytes),
        };
        shared.begin();
        let mut before = &deflated[..];
        loop {
            let (read, written) = shared.step(before, space)?;
            before = before.get(read..).unwrap_or_default();
            // A full space may hide that there is more to write.
            if written < space.len() && (before.is_empty() || read == 0) {
                break;
            }
        }
        let (read, written) = shared.step(data, space)?;
        let stays_young = read == data.len()
            && written < space.len()
            && deflated.len() + read <= YOUNG_DEFLATED_BYTES_MAX
            && *inflated_bytes + written <= YOUNG_INFLATED_BYTES_MAX;
        if stays_young {
            deflated.reserve_exact(read);
            deflated.extend_from_slice(data);
            *inflated_bytes += written;
        } else {
            self.stream = Stream::Grown(std::mem::take(shared));
        }
        Ok((read, written))
    }
}

impl Window {
    /// A stream begins.
    fn begin(&mut self) {
        if let Some(decompress) = &mut self.decompress {
            decompress.reset(true);
        }
    }

    fn step(&mut self, data: &[u8], space: &mut [u8]) -> Result<(usize, usize), BadDeflate> {
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
        let (mut inflater, mut shared) = (Inflater::default(), Window::default());
        let mut all = Vec::new();
        let mut space = vec![0; step_bytes];
        loop {
            let (read, written) = inflater.step(data, &mut space, &mut shared)?;
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

    /// Streams in pieces of any size, side by side in one shared window, young and grown.
    #[test]
    fn streams_do_not_disturb_each_other() {
        let mut shared = Window::default();
        let mut space = vec![0; 4_096];
        let text = |stream: usize, at: usize| {
            format!("line {at} of stream {stream}, much like the one before; ").into_bytes()
        };
        let mut streams: Vec<_> = (0..3)
            .map(|stream| {
                let mut compress = Compress::new(Compression::default(), true);
                let mut deflated = Vec::new();
                for at in 0..[3, 60, 3_000][stream] {
                    let line = text(stream, at);
                    deflated.reserve(line.len() + 100);
                    compress.compress_vec(&line, &mut deflated, FlushCompress::Sync).unwrap();
                }
                (deflated, 0, Inflater::default(), Vec::new())
            })
            .collect();
        let mut step = 1;
        while streams.iter().any(|(deflated, at, ..)| *at < deflated.len()) {
            for (deflated, at, inflater, inflated) in &mut streams {
                step = step * 7 % 113;
                let mut piece = &deflated[*at..deflated.len().min(*at + step)];
                *at += piece.len();
                while !piece.is_empty() {
                    let (read, written) = inflater.step(piece, &mut space, &mut shared).unwrap();
                    inflated.extend_from_slice(&space[..written]);
                    piece = &piece[read..];
                }
            }
        }
        for (stream, (_, _, inflater, inflated)) in streams.iter().enumerate() {
            let all: Vec<u8> =
                (0..[3, 60, 3_000][stream]).flat_map(|at| text(stream, at)).collect();
            assert!(*inflated == all, "stream {stream}");
            assert_eq!(matches!(inflater.stream, Stream::Grown(_)), stream == 2);
        }
        // A bomb does not stay young: it is inflated once.
        let mut compress = Compress::new(Compression::default(), true);
        let mut bomb = Vec::with_capacity(10_000);
        compress.compress_vec(&[0; 100_000], &mut bomb, FlushCompress::Sync).unwrap();
        let mut inflater = Inflater::default();
        inflater.step(&bomb, &mut space, &mut shared).unwrap();
        assert!(matches!(inflater.stream, Stream::Grown(_)) && shared.decompress.is_none());
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
