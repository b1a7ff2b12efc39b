//! The first byte is a kind, the rest a payload: what is read can be written and read again.
#![no_main]

use filbert::wire::hsep::Horizon;
use filbert::wire::{Kind, Message, Ping};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((&kind, payload)) = data.split_first() else { return };
    if Kind(kind) == Kind::HSEP
        && let Ok(horizon) = Horizon::decode(payload)
    {
        let mut again = Vec::new();
        horizon.encode(&mut again);
        assert_eq!(Horizon::decode(&again), Ok(horizon));
    }
    let Ok(message) = Message::decode(Kind(kind), payload) else { return };
    if let Message::Ping(ping) = &message {
        let mut wants = Vec::new();
        ping.wants().encode(&mut wants);
        assert_eq!(Ping::decode(&wants).wants(), ping.wants());
    }
    let mut again = Vec::new();
    message.encode(&mut again);
    Message::decode(Kind(kind), &again).expect("what we write can be read");
});
