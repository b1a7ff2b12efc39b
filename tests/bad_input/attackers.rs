//! Strangers, each on an address of its own, who do one bad thing after the other until told to stop.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use filbert::wire::handshake::Block;
use filbert::wire::{Guid, Header, Headers, Kind, Push, frame, names};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use socket2::{Domain, SockRef, Socket, Type};

const ATTACKERS: u8 = 6;

pub(crate) struct Attackers {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Attackers {
    pub(crate) fn start(victim: SocketAddr) -> Attackers {
        let stop = Arc::new(AtomicBool::new(false));
        let attacker = |number| {
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                let attacks = attacks();
                for round in usize::from(number).. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    attack(victim, Ipv4Addr::new(127, 0, 1, number + 1), &attacks, round);
                }
            })
        };
        let threads = (0..ATTACKERS).map(attacker).collect();
        Attackers { stop, threads }
    }

    pub(crate) fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
    }
}

/// A connection from this address of loopback.
pub(crate) fn connect(from: Ipv4Addr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((from, 0)).into())?;
    socket.connect(&to.into())?;
    Ok(socket.into())
}

/// One attack: the bytes in a few ways, the end in a few ways. What fails here is what they
/// deserve.
fn attack(victim: SocketAddr, from: Ipv4Addr, attacks: &[Vec<u8>], round: usize) {
    let Ok(mut stream) = connect(from, victim) else { return };
    let says = &attacks[round % attacks.len()];
    let _ = stream.set_read_timeout(Some(Duration::from_millis(20)));
    let _ = match round / attacks.len() % 4 {
        // All at once, in small pieces, only a part, and a part that drips.
        0 => stream.write_all(says),
        1 => says.chunks(says.len() / 7 + 1).try_for_each(|piece| stream.write_all(piece)),
        2 => stream.write_all(&says[..says.len() * (round % 7) / 7]),
        _ => says.chunks(1).take(20).try_for_each(|piece| {
            thread::sleep(Duration::from_millis(1));
            stream.write_all(piece)
        }),
    };
    match round % 3 {
        // In order, after a look at the answer; abruptly; and without a look.
        0 => drop(stream.read(&mut [0; 4_096])),
        1 => drop(SockRef::from(&stream).set_linger(Some(Duration::ZERO))),
        _ => {}
    }
}

/// A handshake, and what a neighbour says then.
fn neighbour_says(deflates: bool, says: &[u8]) -> Vec<u8> {
    let mut last = Headers::new();
    if deflates {
        last.push(names::CONTENT_ENCODING, "deflate");
    }
    let mut all = Block::request(Headers::new()).to_bytes();
    all.extend(Block::response(200, "OK", last).to_bytes());
    all.extend_from_slice(says);
    all
}

fn descriptor(kind: Kind, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::write(&mut out, Guid([3; 16]), kind, 3, 0, payload);
    out
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn attacks() -> Vec<Vec<u8>> {
    let noise: Vec<u8> =
        (0..10_000u32).map(|at| (at.wrapping_mul(2_246_822_519) >> 24) as u8).collect();
    let lie = |kind, len| {
        let header = Header { guid: Guid([4; 16]), kind, ttl: 3, hops: 0, len };
        neighbour_says(false, &header.encode())
    };
    let mut push = Vec::new();
    let address = ([127, 0, 0, 1], 1).into();
    Push { servent: Guid([5; 16]), index: 1, address, extensions: &[] }.encode(&mut push);
    vec![
        noise.clone(),
        b"GNUTELLA CONNECT/0.6\r\nno colon\r\n\r\n".to_vec(),
        b"GNUTELLA CONNECT/0.4\n\n".to_vec(),
        [b"GNUTELLA CONNECT/0.6\r\nA: ".as_slice(), &[b'a'; 20_000]].concat(),
        lie(Kind::QUERY, u32::MAX),
        lie(Kind::QUERY_HIT, 1 << 30),
        lie(Kind::PING, 4_000),
        neighbour_says(false, &noise),
        neighbour_says(false, &descriptor(Kind::PONG, b"").repeat(30)),
        neighbour_says(false, &descriptor(Kind::QUERY_HIT, &noise[..300]).repeat(30)),
        neighbour_says(false, &descriptor(Kind::PUSH, &push)[..30]),
        neighbour_says(true, &noise),
        neighbour_says(true, &deflated(&descriptor(Kind::VENDOR, &[]).repeat(1_000_000))),
        b"GET /get/1/wanted%20by%20all.bin HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcde".to_vec(),
        b"GET /get/1/wanted%20by%20all.bin HTTP/1.1\r\n\r\n".to_vec(),
        [b"GET /".as_slice(), &[b'x'; 20_000], b" HTTP/1.1\r\n\r\n"].concat(),
        b"GIV 1:0102030405060708090a0b0c0d0e0f10/file\n\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        Vec::new(),
    ]
}
