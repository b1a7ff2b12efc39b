//! Any bytes as a stream of descriptors: every frame is within its limit and nothing is lost.
#![no_main]

use filbert::wire::Message;
use filbert::wire::frame::{Next, SizeLimits, next};

const LIMITS: SizeLimits = SizeLimits {
    query_bytes_max: 1_024,
    hit_bytes_max: 65_536,
    other_bytes_max: 40_960,
    length_flags: false,
};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut rest = data;
    loop {
        match next(rest, &LIMITS) {
            Next::Whole { header, payload, frame, rest: after } => {
                assert_eq!(frame.len() + after.len(), rest.len());
                assert!(payload.len() <= LIMITS.of(header.kind) as usize);
                let _ = Message::decode(header.kind, payload);
                rest = after;
            }
            Next::Partial { need } => {
                assert!((1..=LIMITS.hit_bytes_max as usize).contains(&need));
                break;
            }
            Next::TooLarge { .. } => break,
        }
    }
});
