//! The world's own randomness: small and fast, drawn once or more per simulated message.
//!
//! Nothing here goes out on a wire that matters, so it need not be unpredictable
//! ([`crate::node::Rng`] is, and costs a block of ChaCha a draw). Each part of the world derives a
//! stream of its own by name.

/// A stream of pseudo-random numbers (SplitMix64) that its seed determines.
#[derive(Clone, Debug)]
pub struct Dice {
    state: u64,
}

/// The finaliser of SplitMix64: spreads every bit of `word` over all bits of the result.
#[inline]
pub(super) fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}

impl Dice {
    /// The stream of this seed.
    pub fn new(seed: u64) -> Dice {
        Dice { state: mix(seed ^ 0x5EED_0F11_BE27_0001) }
    }

    /// A stream of its own for the part of this name; does not advance this one.
    pub fn derive(&self, name: &str) -> Dice {
        let named = name.bytes().fold(self.state, |state, byte| mix(state ^ u64::from(byte)));
        Dice { state: mix(named) }
    }

    /// 64 random bits.
    #[inline]
    pub fn u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.state)
    }

    /// A number below `bound`; 0 if `bound` is 0.
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A number in 0..1.
    #[inline]
    pub fn unit(&mut self) -> f64 {
        (self.u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True with this probability.
    #[inline]
    pub fn chance(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.unit() < probability
    }

    /// A normally distributed number with mean 0 and standard deviation 1 (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        let far = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        far * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Brings the items into a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }

    /// One of the items; none if there are none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len() as u64) as usize)
    }

    /// 32 random bytes, the seed of a [`crate::node::Rng`].
    pub fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        for word in seed.chunks_exact_mut(8) {
            word.copy_from_slice(&self.u64().to_le_bytes());
        }
        seed
    }
}

#[cfg(test)]
mod tests {
    use super::Dice;

    #[test]
    fn streams_differ_by_name_and_repeat_by_seed() {
        let dice = Dice::new(7);
        let (mut a, mut again) = (dice.derive("net"), Dice::new(7).derive("net"));
        let mut b = dice.derive("disk");
        let first: Vec<u64> = (0..8).map(|_| a.u64()).collect();
        assert_eq!(first, (0..8).map(|_| again.u64()).collect::<Vec<_>>());
        assert_ne!(first, (0..8).map(|_| b.u64()).collect::<Vec<_>>());
    }

    #[test]
    fn below_reaches_every_number_and_no_more() {
        let mut dice = Dice::new(1);
        let mut seen = [0u32; 6];
        for _ in 0..6_000 {
            seen[dice.below(6) as usize] += 1;
        }
        assert!(seen.iter().all(|&count| (800..1_200).contains(&count)), "{seen:?}");
        assert_eq!(dice.below(0), 0);
    }
}
