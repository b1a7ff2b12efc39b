//! Any bytes as HTTP: heads of requests and responses, and a chunked body that does not depend on
//! how it was split.
#![no_main]

use filbert::wire::Giv;
use filbert::wire::chunked::{Chunked, Piece};
use filbert::wire::http::{Request, Response};

/// The content of a chunked body given in steps of `step` bytes, and whether it was complete.
fn body(data: &[u8], step: usize) -> (Vec<u8>, bool, bool) {
    let mut chunked = Chunked::new(10_000);
    let mut content = Vec::new();
    for mut bytes in data.chunks(step) {
        loop {
            match chunked.next(&mut bytes) {
                Ok(Piece::Data(data)) => content.extend_from_slice(data),
                Ok(Piece::NeedMore) => break,
                Ok(Piece::End) => return (content, true, true),
                Err(_) => return (content, false, true),
            }
        }
    }
    (content, chunked.is_done(), false)
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(request) = Request::parse(data) {
        let _ = (request.keep_alive(), request.accepts_packets());
        for size in [0, 1, 1_000, 1 << 32, u64::MAX] {
            if let Some(range) = request.range().and_then(|spec| spec.resolve(size)) {
                assert!(range.start < range.end && range.end <= size, "{range:?} of {size}");
            }
        }
        // Not the request itself: a name that could not be read is written as an empty one.
        let again = request.to_bytes();
        assert_eq!(Request::parse(&again).map(|request| request.to_bytes()), Ok(again));
    }
    if let Ok(response) = Response::parse(data) {
        let _ = (response.sha1(), response.retry_after_s());
        if let Ok(Some(delivery)) = response.delivery() {
            assert!(delivery.range.start <= delivery.range.end);
            assert!(delivery.size.is_none_or(|size| delivery.range.end <= size));
        }
        let again = response.to_bytes();
        assert_eq!(Response::parse(&again).map(|response| response.to_bytes()), Ok(again));
    }
    if let Ok(giv) = Giv::parse(data) {
        assert_eq!(Giv::parse(&giv.to_bytes()), Ok(giv));
    }
    let whole = body(data, data.len().max(1));
    assert!(whole.0.len() <= 10_000);
    assert_eq!(body(data, 1).0, whole.0);
});
