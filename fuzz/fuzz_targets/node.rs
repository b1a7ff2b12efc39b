//! Any bytes as a script that a whole node is played by: peers, a user, a disk and time. What must
//! hold is asserted in there.
#![no_main]

#[path = "../../tests/node_fuzz/play/mod.rs"]
mod play;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = play::play(data);
});
