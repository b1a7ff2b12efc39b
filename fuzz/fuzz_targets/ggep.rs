//! Any bytes as an extension area: data stays below its ceiling and comes back as it was put.
#![no_main]

use filbert::wire::extension::{Extension, Extensions, sha1s};
use filbert::wire::ggep::{Blocks, Nul, Writer};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    assert!(sha1s(data).count() <= data.len() + 1);
    for piece in Extensions::new(data) {
        let Ok(Extension::Ggep(block)) = piece else { continue };
        let Ok(plain) = block.data(10_000) else { continue };
        assert!(plain.len() <= 10_000);
        let Ok(id) = std::str::from_utf8(block.id) else { continue };
        let mut again = Vec::new();
        assert!(Writer::new(&mut again, Nul::Coded).put(id, &plain));
        assert!(!again.contains(&0));
        let read = Blocks::new(&again).unwrap().next().unwrap().unwrap();
        assert_eq!((read.id, read.data(10_000)), (block.id, Ok(plain)));
    }
});
