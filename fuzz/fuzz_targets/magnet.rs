//! Any text as a magnet link and as a file's name: a link that is read can be written and read
//! again, a name is safe wherever it came from.
#![no_main]

use filbert::wire::filename::safe_name;
use filbert::wire::magnet::Magnet;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(magnet) = text.parse::<Magnet>() {
        // Not the magnet itself: what cannot stand in a URL is escaped when it is written.
        let again = magnet.to_string();
        let read = again.parse::<Magnet>().map(|magnet| magnet.to_string());
        assert_eq!(read, Ok(again));
    }
    let name = safe_name(text);
    assert!(!name.is_empty() && name.len() <= 255);
    assert!(!name.starts_with('.') && !name.contains(['/', '\\', '\0']));
    assert_eq!(safe_name(&name), name, "a safe name is left as it is");
});
