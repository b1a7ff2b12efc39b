//! A whole node under scripts of random bytes; `fuzz/fuzz_targets/node.rs` plays the same ones.

mod play;

use play::{Happened, play};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_script_makes_a_node_break_its_promises(
        bytes in prop::collection::vec(any::<u8>(), 0..4_000),
    ) {
        play(&bytes);
    }
}

/// Scripts of random bytes get far enough to be worth playing.
#[test]
fn scripts_reach_every_part_of_the_node() {
    let mut happened = Happened::new();
    for seed in 0..150u64 {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        };
        let bytes: Vec<u8> = (0..8_000).map(|_| next()).collect();
        for (what, times) in play(&bytes) {
            *happened.entry(what).or_default() += times;
        }
    }
    for what in ["link", "connect", "found", "hit or push sent", "file sent", "body", "published"] {
        assert!(happened.get(what).is_some_and(|times| *times >= 3), "{what}: {happened:?}");
    }
}
