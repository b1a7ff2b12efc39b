//! Pushes read and written.

use std::net::IpAddr;

use proptest::prelude::*;

use super::*;

fn encoded(push: &Push<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    push.encode(&mut out);
    out
}

#[test]
fn twenty_six_bytes_are_a_push() {
    let bytes = [&[9; 16][..], &[1, 0, 0, 0], &[127, 2, 0, 1], &[0x4E, 0x1B]].concat();
    let push = Push::decode(&bytes).unwrap();
    let address = SocketAddr::from(([127, 2, 0, 1], 6990));
    assert_eq!(push, Push { servent: Guid([9; 16]), index: 1, address, extensions: &[] });
    assert_eq!(encoded(&push), bytes);
    for len in 0..26 {
        assert_eq!(Push::decode(&bytes[..len]), Err(Malformed::Truncated));
    }
    let broken = [&bytes[..], b"\xC3\x816\x50"].concat();
    assert_eq!(Push::decode(&broken), Err(Malformed::BadGgep));
    let short = [&bytes[..], b"\xC3\x816\x41x"].concat();
    assert_eq!(Push::decode(&short), Err(Malformed::BadValue));
}

proptest! {
    #[test]
    fn a_push_survives_the_wire(servent: [u8; 16], index: u32, ip: IpAddr, port: u16) {
        prop_assume!(ip != IpAddr::from([127, 0, 0, 0]));
        let address = SocketAddr::new(ip, port);
        let push = Push { servent: Guid(servent), index, address, extensions: &[] };
        let bytes = encoded(&push);
        let read = Push::decode(&bytes).unwrap();
        prop_assert_eq!(Push { extensions: &[], ..read }, push);
        prop_assert_eq!(encoded(&read), bytes, "a push is written as it came");
    }

    #[test]
    fn any_bytes_are_answered(data in proptest::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(push) = Push::decode(&data) {
            // Field by field as it came; with GGEP "6" the IPv4 field may have been replaced.
            prop_assert_eq!(encoded(&push).len(), data.len());
        }
    }
}
