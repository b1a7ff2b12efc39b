//! Bytes to be sent: pieces of shared runs.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A piece of a shared run of bytes: cloning it costs one counter, so that a flood is one buffer.
#[derive(Clone, Serialize, Deserialize)]
pub struct Chunk {
    run: Arc<[u8]>,
    range: Range<u32>,
}

impl Chunk {
    /// The bytes `range` of `run`; a range that reaches beyond the run is cut to it.
    pub fn new(run: Arc<[u8]>, range: Range<u32>) -> Chunk {
        let end = range.end.min(u32::try_from(run.len()).unwrap_or(u32::MAX));
        Chunk { range: range.start.min(end)..end, run }
    }

    /// A run of its own.
    pub fn copy_of(bytes: &[u8]) -> Chunk {
        Chunk { run: Arc::from(bytes), range: 0..u32::try_from(bytes.len()).unwrap_or(u32::MAX) }
    }

    /// The bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.run[self.range.start as usize..self.range.end as usize]
    }

    /// How many bytes.
    #[inline]
    pub fn len(&self) -> usize {
        (self.range.end - self.range.start) as usize
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.range.is_empty()
    }

    /// A part of the same run; a range that reaches beyond the chunk is cut to it.
    pub fn part(&self, range: Range<u32>) -> Chunk {
        let end = range.end.min(self.range.end - self.range.start);
        let start = self.range.start + range.start.min(end);
        Chunk { run: Arc::clone(&self.run), range: start..self.range.start + end }
    }

    /// The same bytes; copied if they are less than a quarter of their run, so that a piece that
    /// waits does not keep much more alive than itself.
    pub fn detached(self) -> Chunk {
        if self.len() < self.run.len() / 4 { Chunk::copy_of(self.bytes()) } else { self }
    }
}

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chunk({} bytes)", self.len())
    }
}

impl PartialEq for Chunk {
    fn eq(&self, other: &Chunk) -> bool {
        self.bytes() == other.bytes()
    }
}
