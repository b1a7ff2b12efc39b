//! Vendor messages as living servents write them, and any bytes.

use proptest::prelude::*;

use super::*;

fn again(message: &VendorMessage<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    message.encode(&mut out);
    out
}

#[test]
fn each_is_read_and_written_as_the_specifications_have_it() {
    let guid = Guid([9; 16]);
    let cases: [(&[u8], VendorMessage<'_>); 16] = [
        (b"BEAR\x04\0\x01\0\x05", VendorMessage::HopsFlow { hops: 5 }),
        (b"BEAR\x07\0\x01\0\xCA\x18", VendorMessage::TcpConnectBack { port: 6346 }),
        (b"BEAR\x0B\0\x01\0", VendorMessage::QueryStatusRequest),
        (b"BEAR\x0C\0\x01\0\x2C\x01", VendorMessage::QueryStatus { hits: 300 }),
        (b"BEAR\x0C\0\x01\0\xFF\xFF", VendorMessage::QueryStatus { hits: QUERY_STATUS_STOP }),
        (
            b"GTKG\x07\0\x01\0\xCA\x18\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09",
            VendorMessage::UdpConnectBack { port: 6346, guid: Some(guid) },
        ),
        (b"GTKG\x07\0\x02\0\xCA\x18", VendorMessage::UdpConnectBack { port: 6346, guid: None }),
        (b"LIME\x0B\0\x02\0\x0A", VendorMessage::OobRequest { hits: 10, ggep: None }),
        (
            b"LIME\x0B\0\x03\0\x0A\xC3\x82SO\x41t",
            VendorMessage::OobRequest { hits: 10, ggep: Some(b"\xC3\x82SO\x41t") },
        ),
        (
            b"LIME\x0C\0\x02\0\x0A\x01",
            VendorMessage::OobOffer { hits: 10, unsolicited: true, secure: false },
        ),
        (
            b"LIME\x0C\0\x03\0\xFF\0",
            VendorMessage::OobOffer { hits: 255, unsolicited: false, secure: true },
        ),
        (b"LIME\x15\0\x01\0", VendorMessage::PushProxyRequest { version: 1 }),
        (b"LIME\x16\0\x01\0\xCA\x18", VendorMessage::PushProxyAck { ip: None, port: 6346 }),
        (
            b"LIME\x16\0\x02\0\x01\x02\x03\x04\xCA\x18",
            VendorMessage::PushProxyAck { ip: Some([1, 2, 3, 4].into()), port: 6346 },
        ),
        (b"GTKG\x15\0\x01\0", VendorMessage::PushProxyCancel),
        (
            b"LIME\x17\0\x01\0rest",
            VendorMessage::Unknown {
                kind: VendorKind::new(*b"LIME", 23, 1),
                content: b"rest",
            },
        ),
    ];
    for (bytes, message) in cases {
        assert_eq!(VendorMessage::decode(bytes), Ok(message));
        assert_eq!(again(&message), bytes, "{message:?}");
    }
}

#[test]
fn what_is_cut_short_is_malformed_and_what_is_longer_is_not() {
    assert_eq!(VendorMessage::decode(b"LIME\x15\0\x01"), Err(Malformed::Truncated));
    assert_eq!(VendorMessage::decode(b"BEAR\x04\0\x01\0"), Err(Malformed::Truncated));
    assert_eq!(VendorMessage::decode(b"BEAR\x0C\0\x01\0\x01"), Err(Malformed::Truncated));
    assert_eq!(
        VendorMessage::decode(b"\0\0\0\0\0\0\0\0\x02\0BEAR\x04\0\x01\0"),
        Err(Malformed::Truncated)
    );
    let longer = VendorMessage::decode(b"BEAR\x04\0\x01\0\x05 and more");
    assert_eq!(longer, Ok(VendorMessage::HopsFlow { hops: 5 }));
    // A version that we do not know is another message.
    assert_eq!(
        VendorMessage::decode(b"BEAR\x04\0\x02\0"),
        Ok(VendorMessage::Unknown { kind: VendorKind::new(*b"BEAR", 4, 2), content: b"" })
    );
}

#[test]
fn lists_are_read_entry_by_entry() {
    let kinds = Kinds::write(&[HOPS_FLOW, PUSH_PROXY_ACK]);
    let bytes = again(&VendorMessage::MessagesSupported(Kinds::new(&kinds)));
    assert_eq!(bytes, b"\0\0\0\0\0\0\0\0\x02\0BEAR\x04\0\x01\0LIME\x16\0\x02\0");
    let Ok(VendorMessage::MessagesSupported(read)) = VendorMessage::decode(&bytes) else {
        panic!("{bytes:?}")
    };
    assert_eq!(read.iter().collect::<Vec<_>>(), [HOPS_FLOW, PUSH_PROXY_ACK]);
    let older = VendorKind { version: 1, ..PUSH_PROXY_ACK };
    let newer = VendorKind { version: 3, ..PUSH_PROXY_ACK };
    assert!(read.contains(PUSH_PROXY_ACK) && read.contains(older) && !read.contains(newer));
    let features = Features::write(&[(*b"HSEP", 1), (*b"TLS!", 1)]);
    let bytes = again(&VendorMessage::Features(Features::new(&features)));
    let Ok(VendorMessage::Features(read)) = VendorMessage::decode(&bytes) else {
        panic!("{bytes:?}")
    };
    assert_eq!(read.iter().collect::<Vec<_>>(), [(*b"HSEP", 1), (*b"TLS!", 1)]);
}

proptest! {
    /// Whatever the bytes: what was read is written and read again as the same.
    #[test]
    fn any_bytes(
        kind in prop::sample::select(vec![
            MESSAGES_SUPPORTED, FEATURES, HOPS_FLOW, TCP_CONNECT_BACK, QUERY_STATUS_REQUEST,
            QUERY_STATUS, UDP_CONNECT_BACK, VendorKind { version: 1, ..UDP_CONNECT_BACK },
            OOB_REQUEST, OOB_OFFER, PUSH_PROXY_REQUEST, PUSH_PROXY_ACK,
        ]),
        rest: Vec<u8>,
    ) {
        let mut bytes = Vec::new();
        kind.write(&mut bytes);
        bytes.extend(rest);
        let Ok(message) = VendorMessage::decode(&bytes) else { return Ok(()) };
        prop_assert_eq!(message.kind(), kind);
        let out = again(&message);
        prop_assert_eq!(VendorMessage::decode(&out), Ok(message));
    }
}
