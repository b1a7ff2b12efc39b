//! Seeded randomness, handed in by value; the core has no other source.
//!
//! ChaCha8 by key and counter: GUIDs go out on the wire, and neither tokens nor keys must follow
//! from them. Each part of the node derives a stream of its own by name, so that a new draw in
//! one room does not shift the others. No buffer is kept: a million simulated nodes hold several
//! streams each, and draws are rare.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::wire::Guid;

/// A stream of random numbers that its seed determines.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rng {
    key: [u8; 32],
    draws: u64,
}

/// The stream of a part that seldom draws: derived when it first does, so that it costs next to
/// nothing before.
#[derive(Clone, Debug, Default)]
pub(crate) struct Later(Option<Box<Rng>>);

impl Later {
    /// The stream of this name, derived from that of the node.
    pub(crate) fn of(&mut self, root: &Rng, name: &str) -> &mut Rng {
        self.0.get_or_insert_with(|| Box::new(root.derive(name)))
    }
}

impl Rng {
    /// The stream of this seed.
    pub fn new(seed: [u8; 32]) -> Rng {
        Rng { key: seed, draws: 0 }
    }

    /// The stream of a small seed, for tests and simulations.
    pub fn from_u64(seed: u64) -> Rng {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        Rng::new(key)
    }

    /// A stream of its own for the part of this name: independent of how far this one was drawn.
    pub fn derive(&self, name: &str) -> Rng {
        let mut key = self.key;
        for (at, byte) in name.bytes().enumerate() {
            key[at % 32] = key[at % 32].rotate_left(3) ^ byte;
        }
        let mut stream = Rng { key, draws: u64::MAX };
        let mut derived = [0; 32];
        stream.fill(&mut derived);
        Rng::new(derived)
    }

    /// Bytes that follow from this stream's seed and the words alone and that nobody can guess who
    /// does not know the seed; nothing is drawn. All calls of one stream give as many words.
    pub fn keyed(&self, words: &[u64]) -> [u8; 32] {
        words.iter().fold(self.key, |key, &word| {
            let mut next = [0; 32];
            Rng { key, draws: word }.fill(&mut next);
            next
        })
    }

    /// Fills `bytes` (one draw, whatever the length).
    pub fn fill(&mut self, bytes: &mut [u8]) {
        let mut block = ChaCha8Rng::from_seed(self.key);
        block.set_stream(self.draws);
        self.draws = self.draws.wrapping_add(1);
        block.fill_bytes(bytes);
    }

    /// A number of 64 random bits.
    pub fn u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A number below `bound`, uniform up to a bias of less than 2^-32 for bounds below 2^32;
    /// 0 if `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A number in 0..1.
    pub fn unit(&mut self) -> f64 {
        (self.u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A GUID with the mark of a modern servent.
    pub fn guid(&mut self) -> Guid {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        Guid::marked(bytes)
    }

    /// Brings the items into a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}
