//! Any bytes as a handshake: the end of the head does not depend on how the bytes were split, and
//! what is read can be written and read again.
#![no_main]

use filbert::wire::handshake::Block;
use filbert::wire::head::{Finder, Head, HeadLimits, find};
use filbert::wire::{addresses, names};

const LIMITS: HeadLimits = HeadLimits { bytes_max: 16_384, lines_max: 128 };

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let found = find(data, LIMITS);
    let mut finder = Finder::new(LIMITS);
    let stepwise = (1..=data.len()).map(|len| finder.find(&data[..len]));
    let first = stepwise.take(LIMITS.bytes_max as usize).find(|head| *head != Head::Incomplete);
    assert_eq!(first.unwrap_or(Head::Incomplete), found);
    let Head::Complete { len } = found else { return };
    let Ok(block) = Block::parse(&data[..len]) else { return };
    let tries = addresses::list(block.headers().list(names::X_TRY), 10);
    assert!(tries.len() <= 10);
    assert_eq!(addresses::list(addresses::write(&tries).split(','), 10), tries);
    let again = block.to_bytes();
    assert_eq!(Block::parse(&again), Ok(block));
});
