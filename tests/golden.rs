//! What living servents sent (tests/golden/README.md): every descriptor is read, means what it
//! should, and is written again as it came, or for a reason that is said here not quite so.
//! Holds protocol.md sections 1, 4 to 8, 10, 14 and 17.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use filbert::library::route_table::{Keys, SlotSet};
use filbert::wire::frame::{self, Next, SizeLimits};
use filbert::wire::hit::servent_guid;
use filbert::wire::hsep::Horizon;
use filbert::wire::pong::{FreeSlots, Vendor};
use filbert::wire::qrp::Update;
use filbert::wire::qrp::gather::{Gathered, Gatherer, Room};
use filbert::wire::vendor::{self, VendorKind, VendorMessage};
use filbert::wire::{Header, HitFlags, Kind, Message, Ping, Pong, Push, Query, QueryHit};

const LIMITS: SizeLimits = SizeLimits {
    query_bytes_max: 1_024,
    hit_bytes_max: 65_536,
    other_bytes_max: 40_960,
    length_flags: false,
};

/// A datagram, whole.
fn datagram(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/datagrams").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The bytes of a file after its heads.
fn after_heads(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/sessions").join(name);
    let mut bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    while bytes.starts_with(b"GNUTELLA") || bytes.starts_with(b"HTTP/") {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("end of head");
        bytes.drain(..end + 4);
    }
    bytes
}

/// The same where all that follows the heads is one zlib stream (that never ends).
fn inflated_after_heads(name: &str) -> Vec<u8> {
    let bytes = after_heads(name);
    let mut out = Vec::new();
    let mut stream = flate2::read::ZlibDecoder::new(&bytes[..]);
    let mut buffer = [0; 4_096];
    // The stream is cut where the recording ends, so its end is an error: what came before counts.
    while let Ok(len @ 1..) = stream.read(&mut buffer) {
        out.extend_from_slice(&buffer[..len]);
    }
    out
}

/// The one chunk of a chunked body.
fn dechunked(name: &str) -> Vec<u8> {
    let bytes = after_heads(name);
    let line = bytes.windows(2).position(|two| two == b"\r\n").expect("chunk line");
    let len = std::str::from_utf8(&bytes[..line]).expect("chunk length");
    let len = usize::from_str_radix(len, 16).expect("hexadecimal");
    bytes[line + 2..line + 2 + len].to_vec()
}

/// The descriptors in a stream, which must be all of it.
fn frames(mut data: &[u8]) -> Vec<(Header, &[u8])> {
    let mut frames = Vec::new();
    while !data.is_empty() {
        match frame::next(data, &LIMITS) {
            Next::Whole { header, payload, frame, rest } => {
                let mut again = Vec::new();
                let Header { guid, kind, ttl, hops, .. } = header;
                frame::write(&mut again, guid, kind, ttl, hops, payload);
                assert_eq!(again, frame, "the frame is written as it came");
                frames.push((header, payload));
                data = rest;
            }
            other => panic!("after {} descriptors: {other:?}", frames.len()),
        }
    }
    frames
}

/// Whether our encoding keeps every byte of this message.
fn keeps_every_byte(message: &Message<'_>, payload: &[u8]) -> bool {
    match message {
        // gtk-gnutella adds GGEP that we have no use for (GUE, TLS).
        Message::Pong(_) => payload.len() == 14,
        // gtk-gnutella adds the Tiger tree root, its version and TLS; GnutellaBun, asked to show
        // its library, names the content again in GGEP `H`.
        Message::QueryHit(hit) => {
            let named_again = payload.windows(4).any(|four| four == b"\xC3\x81HU");
            hit.vendor != Some(*b"GTKG") && !named_again
        }
        // gtk-gnutella adds header lines, all empty.
        Message::Bye(_) => !payload.ends_with(b"\r\n\0"),
        _ => true,
    }
}

/// Reads and writes every descriptor; says which kinds there were, in their order.
fn check(data: &[u8]) -> String {
    let mut kinds = Vec::new();
    for (header, payload) in frames(data) {
        let message = Message::decode(header.kind, payload)
            .unwrap_or_else(|malformed| panic!("{header:?}: {malformed}"));
        let mut again = Vec::new();
        message.encode(&mut again);
        if keeps_every_byte(&message, payload) {
            assert_eq!(again, payload, "{message:?}");
        } else {
            assert_eq!(Message::decode(header.kind, &again).as_ref(), Ok(&message));
        }
        assert_eq!(again_by_its_kind(header.kind, payload), payload, "{:?}", header.kind);
        kinds.push(format!("{:?}", header.kind));
    }
    kinds.join(" ")
}

/// Read and written once more by the reader of what a `Message` does not open.
fn again_by_its_kind(kind: Kind, payload: &[u8]) -> Vec<u8> {
    let mut again = Vec::new();
    match kind {
        Kind::QRP => Update::decode(payload).expect("reset or patch").encode(&mut again),
        Kind::HSEP => Horizon::decode(payload).expect("a horizon").encode(&mut again),
        Kind::VENDOR => VendorMessage::decode(payload).expect("a message").encode(&mut again),
        _ => again.extend_from_slice(payload),
    }
    again
}

/// The first payload of a kind.
fn first(data: &[u8], kind: Kind) -> &[u8] {
    let of_kind = |(header, payload): (Header, _)| (header.kind == kind).then_some(payload);
    frames(data).into_iter().find_map(of_kind).expect("one of that kind")
}

#[test]
fn sessions_in_the_clear() {
    let sessions = [
        (
            "client_gtk-gnutella_ultrapeer.opener.bin",
            "Vendor Ping Qrp Qrp Vendor Ping Pong Query Push Query Ping Pong Bye",
        ),
        (
            "client_gtk-gnutella_ultrapeer.acceptor.bin",
            "Qrp Qrp Vendor Vendor Pong Ping QueryHit QueryHit Pong Ping",
        ),
        ("client_gtk-gnutella_leaf.opener.bin", "Vendor Qrp Qrp Vendor Query Push Bye"),
        ("client_gtk-gnutella_leaf.acceptor.bin", "Vendor Vendor QueryHit"),
        (
            "gtk-gnutella_gtk-gnutella_clear.opener.bin",
            "Qrp Qrp Ping Vendor Vendor Pong Pong Ping Hsep Pong Pong",
        ),
        (
            "gtk-gnutella_gtk-gnutella_clear.acceptor.bin",
            "Qrp Qrp Vendor Vendor Pong Pong Ping Pong Pong Hsep Ping",
        ),
        ("gtk-gnutella-leaf_gtk-gnutella_clear.opener.bin", "Ping Vendor Vendor Qrp Qrp"),
        ("gtk-gnutella-leaf_gtk-gnutella_clear.acceptor.bin", "Vendor Vendor Pong Pong Hsep"),
        (
            "client_gnutellabun_ultrapeer.opener.bin",
            "Pong Vendor Ping Qrp Qrp Vendor Ping Query Push Ping Bye",
        ),
        (
            "client_gnutellabun_ultrapeer.acceptor.bin",
            "Ping Qrp Qrp Pong Pong Pong Pong QueryHit Pong Pong",
        ),
        ("client_gnutellabun_leaf.opener.bin", "Vendor Qrp Qrp Vendor Query Bye"),
        ("client_gnutellabun_leaf.acceptor.bin", "QueryHit"),
        ("gtk-gnutella_gnutellabun_clear.opener.bin", "Qrp Qrp Ping Pong Ping"),
        (
            "gtk-gnutella_gnutellabun_clear.acceptor.bin",
            "Pong Pong Ping Qrp Qrp Pong Pong Pong Qrp Qrp",
        ),
    ];
    for (name, kinds) in sessions {
        assert_eq!(check(&after_heads(name)), kinds, "{name}");
    }
}

#[test]
fn compressed_sessions() {
    let sessions = [
        (
            "gtk-gnutella_gtk-gnutella_deflate.opener.bin",
            "Qrp Qrp Ping Vendor Vendor Ping Pong Pong Ping",
        ),
        (
            "gtk-gnutella_gtk-gnutella_deflate.acceptor.bin",
            "Qrp Qrp Vendor Vendor Pong Pong Pong Pong Ping",
        ),
    ];
    for (name, kinds) in sessions {
        assert_eq!(check(&inflated_after_heads(name)), kinds, "{name}");
    }
}

#[test]
fn datagrams() {
    for (name, kind) in [
        ("gtk-gnutella_pong.bin", "Pong"),
        ("client_ping_query_key.bin", "Ping"),
        ("gtk-gnutella_pong_query_key.bin", "Pong"),
        ("client_guess_query.bin", "Query"),
        ("gtk-gnutella_guess_pong.bin", "Pong"),
        ("gtk-gnutella_guess_hit.bin", "QueryHit"),
        ("client_oob_query.bin", "Query"),
        ("gtk-gnutella_oob_offer.bin", "Vendor"),
        ("client_oob_request.bin", "Vendor"),
        ("gtk-gnutella_oob_hit.bin", "QueryHit"),
    ] {
        assert_eq!(check(&datagram(name)), kind, "{name}");
    }
    let asked = datagram("client_ping_query_key.bin");
    assert!(Ping::decode(first(&asked, Kind::PING)).wants().query_key);
    let pong = datagram("gtk-gnutella_pong_query_key.bin");
    let pong = Pong::decode(first(&pong, Kind::PONG)).unwrap();
    assert_eq!(pong.address, "5.9.1.1:7001".parse().unwrap());
    assert!(pong.query_key.is_some() && pong.guess == Some(0x02));
    let pong = datagram("gtk-gnutella_guess_pong.bin");
    let pong = Pong::decode(first(&pong, Kind::PONG)).unwrap();
    assert_eq!((pong.files, pong.guess), (0, Some(0x02)));
    let hit = datagram("gtk-gnutella_guess_hit.bin");
    let hit = QueryHit::decode(first(&hit, Kind::QUERY_HIT)).unwrap();
    assert_eq!(hit.results.len(), 3);
    // The query said that it understands GGEP `H`.
    assert!(hit.results.iter().all(|file| file.sha1.is_some()));

    let offer = datagram("gtk-gnutella_oob_offer.bin");
    let offer = VendorMessage::decode(first(&offer, Kind::VENDOR)).unwrap();
    assert_eq!(offer, VendorMessage::OobOffer { hits: 3, unsolicited: true, secure: true });
    let hit = datagram("gtk-gnutella_oob_hit.bin");
    let hit = QueryHit::decode(first(&hit, Kind::QUERY_HIT)).unwrap();
    let token = hit.token.expect("the token of the request");
    assert_eq!(token.as_bytes(), [0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88]);
}

#[test]
fn a_hit_of_gtk_gnutella() {
    let data = dechunked("browse_gtk-gnutella.acceptor.bin");
    assert_eq!(check(&data), "QueryHit");
    let hit = QueryHit::decode(first(&data, Kind::QUERY_HIT)).unwrap();
    let files: Vec<_> = hit.results.iter().map(|file| (file.index, file.size, file.name)).collect();
    assert_eq!(
        files,
        [
            (1, 3_000_000, "blue moon symphony number five.ogg"),
            (2, 56_000, "brown fox jumping over lazy dog.txt"),
        ]
    );
    let sha1 = "PL3ZHAF3MI65RU4JABKBG4EA35XTMCRV".parse().unwrap();
    assert_eq!(hit.results[0].sha1, Some(sha1));
    assert_eq!(hit.results[0].created_at_s, Some(1_795_343_501));
    assert_eq!(hit.address, "127.0.0.1:7001".parse().unwrap());
    assert_eq!((hit.vendor, hit.browse_host), (Some(*b"GTKG"), true));
    let (no, yes) = (Some(false), Some(true));
    let flags = HitFlags { push: no, busy: no, uploaded: yes, measured_speed: None };
    assert_eq!(hit.flags, flags);
    let servent = "f3f63102d66f0a4962fb89444e90de01".parse().unwrap();
    assert_eq!(hit.servent, servent);
    assert_eq!(servent_guid(first(&data, Kind::QUERY_HIT)), Some(servent));
}

#[test]
fn a_hit_of_gnutellabun() {
    let data = after_heads("browse_gnutellabun.acceptor.bin");
    assert_eq!(check(&data), "QueryHit");
    let hit = QueryHit::decode(first(&data, Kind::QUERY_HIT)).unwrap();
    let [file] = &hit.results[..] else { panic!("one file") };
    assert_eq!((file.index, file.size), (1, 500_000));
    assert_eq!(file.name, "purple haze guitar tabs collection.pdf");
    assert_eq!((hit.vendor, hit.browse_host), (Some(*b"GBUN"), true));
    assert_eq!(hit.flags.measured_speed, Some(true));
}

#[test]
fn a_query_its_hit_and_the_push() {
    let asked = after_heads("client_gtk-gnutella_ultrapeer.opener.bin");
    let query = Query::decode(first(&asked, Kind::QUERY)).unwrap();
    assert_eq!((query.text, query.extensions), ("blue moon symphony", &b""[..]));
    assert!(query.flags.is_valid());
    let answered = after_heads("client_gtk-gnutella_ultrapeer.acceptor.bin");
    let hit = QueryHit::decode(first(&answered, Kind::QUERY_HIT)).unwrap();
    let push = Push::decode(first(&asked, Kind::PUSH)).unwrap();
    assert_eq!((push.servent, push.index), (hit.servent, hit.results[0].index));
    assert_eq!(push.address, "127.2.0.1:6990".parse().unwrap());
}

#[test]
fn a_ping_and_a_pong_of_gtk_gnutella() {
    let data = after_heads("client_gtk-gnutella_ultrapeer.acceptor.bin");
    assert!(Ping::decode(first(&data, Kind::PING)).wants_cached_pongs());
    let pong = Pong::decode(first(&data, Kind::PONG)).unwrap();
    let expected = Pong {
        free_slots: Some(FreeSlots { leaves: 255, ultrapeers: 99 }),
        uptime_s: Some(4),
        vendor: Some(Vendor { code: *b"GTKG", version: 0x83 }),
        guess: Some(0x02),
        ..Pong::new("127.0.0.1:7001".parse().unwrap(), 2, 2_048)
    };
    assert_eq!(pong, expected);
}

#[test]
fn the_vendor_messages_of_gtk_gnutella() {
    let data = after_heads("client_gtk-gnutella_leaf.acceptor.bin");
    let messages: Vec<VendorMessage<'_>> = frames(&data)
        .into_iter()
        .filter(|(header, _)| header.kind == Kind::VENDOR && (header.ttl, header.hops) == (1, 0))
        .map(|(_, payload)| VendorMessage::decode(payload).unwrap())
        .collect();
    let [VendorMessage::MessagesSupported(kinds), VendorMessage::Features(features)] = messages[..]
    else {
        panic!("{messages:?}")
    };
    assert_eq!(kinds.iter().count(), 27);
    for kind in [
        vendor::HOPS_FLOW,
        vendor::TCP_CONNECT_BACK,
        vendor::QUERY_STATUS_REQUEST,
        vendor::QUERY_STATUS,
        vendor::UDP_CONNECT_BACK,
        vendor::OOB_REQUEST,
        vendor::OOB_OFFER,
        vendor::PUSH_PROXY_REQUEST,
        vendor::PUSH_PROXY_ACK,
    ] {
        assert!(kinds.contains(kind), "{kind:?}");
    }
    assert!(!kinds.contains(VendorKind::new(*b"FILB", 1, 1)));
    let names: Vec<_> = features.iter().collect();
    assert_eq!(names[0], (*b"HSEP", 1));
    assert_eq!(names.len(), 6);
    let asked = after_heads("client_gtk-gnutella_leaf.opener.bin");
    let kinds: Vec<_> = frames(&asked)
        .into_iter()
        .filter(|(header, _)| header.kind == Kind::VENDOR)
        .map(|(_, payload)| VendorMessage::decode(payload).unwrap().kind())
        .collect();
    assert_eq!(kinds, [vendor::MESSAGES_SUPPORTED, vendor::PUSH_PROXY_REQUEST]);
}

/// The query routing table that all messages of a session together make, and how many bits its
/// last patch had.
fn table(data: &[u8]) -> (SlotSet, u8) {
    let (mut gatherer, mut table, mut bits) = (Gatherer::default(), SlotSet::empty(0), 0);
    let mut room = Room::default();
    for (_, payload) in frames(data).into_iter().filter(|(header, _)| header.kind == Kind::QRP) {
        let update = Update::decode(payload).expect("a reset or patch");
        if let Update::Patch(patch) = update {
            bits = patch.entry_bits;
        }
        match gatherer.take(&update, &mut room).expect("a good sequence") {
            Gathered::Reset { log2 } => table = SlotSet::empty(log2),
            Gathered::Part => {}
            Gathered::Changes(changes) => table.apply(changes.iter(), |_, _| {}),
        }
    }
    (table, bits)
}

#[test]
fn query_routing_tables_say_what_is_shared() {
    let has = |table: &SlotSet, text: &str| table.may_match(&Keys::of_text(text));
    let gtk = "gtk-gnutella_gtk-gnutella_clear.acceptor.bin";
    for session in ["client_gtk-gnutella_ultrapeer.acceptor.bin", gtk] {
        let (table, bits) = table(&after_heads(session));
        assert_eq!((table.slots(), table.count(), bits), (16_384, 23, 4), "{session}");
        for file in ["blue moon symphony number five.ogg", "brown fox jumping over lazy dog.txt"] {
            for word in file.split([' ', '.']) {
                assert!(has(&table, word), "{word}");
                assert!(word.len() < 5 || has(&table, &word[..word.len() - 1]), "cut: {word}");
            }
        }
        assert!(!has(&table, "green"));
    }
    let deflated = inflated_after_heads("gtk-gnutella_gtk-gnutella_deflate.acceptor.bin");
    assert_eq!(table(&deflated), table(&after_heads(gtk)));
    let (table_of_bun, bits) = table(&after_heads("client_gnutellabun_ultrapeer.acceptor.bin"));
    assert_eq!((table_of_bun.slots(), table_of_bun.count(), bits), (65_536, 15, 1));
    for word in "purple haze guitar tabs collection".split(' ') {
        assert!(has(&table_of_bun, word), "{word}");
    }
    // A leaf that shares nothing: infinity 1 and 1 bit.
    let leaf = table(&after_heads("gtk-gnutella-leaf_gtk-gnutella_clear.opener.bin"));
    assert_eq!(leaf, (SlotSet::empty(14), 1));
}
