//! The first byte is a kind, the rest a payload: what is read can be written and read again.
#![no_main]

use filbert::wire::{Kind, Message};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((&kind, payload)) = data.split_first() else { return };
    let Ok(message) = Message::decode(Kind(kind), payload) else { return };
    let mut again = Vec::new();
    message.encode(&mut again);
    Message::decode(Kind(kind), &again).expect("what we write can be read");
});
