//! Horizon size estimation, HSEP 0.2: how many servents and files lie how far away (protocol.md
//! section 18).

use super::Malformed;
use super::cursor::Cursor;

/// Hops that are counted: those of the classic TTL.
pub const HOPS_MAX: usize = 7;
/// Bytes of one triple.
const TRIPLE_BYTES: usize = 24;
/// Triples that a message can have at most; those beyond [`HOPS_MAX`] are not looked at.
const TRIPLES_MAX: usize = 255;
/// The largest number that is believed or said: sums over all neighbours of a servent then never
/// overflow. As KiB it is 256 PiB.
pub const NUMBER_MAX: u64 = 1 << 48;

/// Servents and what they share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Shared {
    /// Servents.
    pub nodes: u64,
    /// Their files.
    pub files: u64,
    /// Their files' KiB.
    pub kbytes: u64,
}

impl Shared {
    fn all(self, holds: impl Fn(u64) -> bool) -> bool {
        holds(self.nodes) && holds(self.files) && holds(self.kbytes)
    }

    /// Each number with its counterpart.
    #[must_use]
    pub fn zip(self, other: Shared, with: impl Fn(u64, u64) -> u64) -> Shared {
        Shared {
            nodes: with(self.nodes, other.nodes),
            files: with(self.files, other.files),
            kbytes: with(self.kbytes, other.kbytes),
        }
    }

    /// The sum.
    #[must_use]
    pub fn plus(self, other: Shared) -> Shared {
        self.zip(other, u64::saturating_add)
    }

    /// The difference; nothing is less than 0.
    #[must_use]
    pub fn minus(self, other: Shared) -> Shared {
        self.zip(other, u64::saturating_sub)
    }
}

/// What lies within 0, 1, ... hops of a servent on its side of a link: the servent itself first.
/// Holds only as many as differ; further out it is the same as the last.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Horizon {
    within: Box<[Shared]>,
}

impl Horizon {
    /// From what lies within each number of hops. What is beyond [`HOPS_MAX`] is cut, numbers above
    /// [`NUMBER_MAX`] too, and with nothing given it is a servent that shares nothing.
    pub fn new(within: &[Shared]) -> Horizon {
        let within = &within[..within.len().min(HOPS_MAX)];
        let capped = |shared: &Shared| shared.zip(*shared, |number, _| number.min(NUMBER_MAX));
        let mut within: Vec<Shared> = within.iter().map(capped).collect();
        while let [.., before, last] = within.as_slice()
            && before == last
        {
            within.pop();
        }
        if within.is_empty() {
            within.push(Shared { nodes: 1, ..Shared::default() });
        }
        Horizon { within: within.into() }
    }

    /// What lies within so many hops of it.
    pub fn within(&self, hops: usize) -> Shared {
        let shared = self.within.get(hops).or(self.within.last());
        shared.copied().unwrap_or_default()
    }

    /// Bytes that it holds beside itself.
    pub fn heap_bytes(&self) -> usize {
        size_of_val(&*self.within)
    }

    /// Whether it names itself alone, as a leaf does.
    pub fn is_alone(&self) -> bool {
        self.within.len() == 1
    }

    /// Reads a message. The first triple must be one servent, no number may shrink with distance.
    pub fn decode(payload: &[u8]) -> Result<Horizon, Malformed> {
        let triples = payload.len() / TRIPLE_BYTES;
        if triples == 0 || !payload.len().is_multiple_of(TRIPLE_BYTES) {
            return Err(Malformed::BadCount);
        }
        if triples > TRIPLES_MAX {
            return Err(Malformed::TooLarge);
        }
        let mut cursor = Cursor::new(payload);
        let mut within: Vec<Shared> = Vec::with_capacity(triples.min(HOPS_MAX));
        for _ in 0..triples.min(HOPS_MAX) {
            let mut number = || cursor.array().map(u64::from_le_bytes);
            let shared = Shared { nodes: number()?, files: number()?, kbytes: number()? };
            let nearer = within.last().copied().unwrap_or_default();
            let grows = nearer.minus(shared) == Shared::default();
            if !grows || !shared.all(|number| number <= NUMBER_MAX) {
                return Err(Malformed::BadValue);
            }
            within.push(shared);
        }
        if within.first().is_none_or(|own| own.nodes != 1) {
            return Err(Malformed::BadValue);
        }
        Ok(Horizon::new(&within))
    }

    /// Appends the payload.
    pub fn encode(&self, out: &mut Vec<u8>) {
        for shared in &self.within {
            for number in [shared.nodes, shared.files, shared.kbytes] {
                out.extend_from_slice(&number.to_le_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests;
