//! The neighbours: one sends queries, the others count them. One thread, epoll, and as little
//! work a query as possible, because it shares the machine with what is measured.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use filbert::library::route_table::LOG2;
use filbert::wire::qrp::write;
use filbert::wire::{Guid, Kind, frame};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use rustix::event::{Timespec, epoll};

const HEADER_BYTES: usize = 23;
const QUERY_BYTES: usize = 48;
const QUERY_KIND: u8 = 0x80;

/// 22 letters: no word of it is shared by anybody here.
const TEXT: &[u8; 22] = b"nothing shared matches";

/// How fast queries are sent.
#[derive(Clone, Copy)]
pub(crate) enum Flow {
    /// As fast as they come back: so many are sent and not yet seen on all other links.
    Window(u64),
    /// So many a second.
    Rate(u64),
}

/// Who connects.
#[derive(Clone, Copy)]
pub(crate) struct Neighbours {
    /// Ultrapeers; the first of them sends.
    pub(crate) ultrapeers: usize,
    /// Leaves.
    pub(crate) leaves: usize,
    /// Which slots of a leaf's routing table are set: all, or so many here and there.
    pub(crate) slots: Option<u32>,
    /// Whether they greet at all.
    pub(crate) shake_hands: bool,
    /// Whether both directions of each link are deflated.
    pub(crate) compressed: bool,
}

/// All neighbours.
pub(crate) struct Load {
    source: TcpStream,
    deflate: Option<Compress>,
    sinks: Vec<Sink>,
    ready: rustix::fd::OwnedFd,
    sent: u64,
    unsent: Vec<u8>,
    buffer: Vec<u8>,
    inflated: Vec<u8>,
}

struct Sink {
    stream: TcpStream,
    inflate: Option<Decompress>,
    frames: Frames,
}

impl Load {
    /// Connects these neighbours.
    pub(crate) fn connect(to: SocketAddr, neighbours: Neighbours) -> io::Result<Load> {
        let Neighbours { ultrapeers, leaves, slots, shake_hands, compressed } = neighbours;
        let ready = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut streams = Vec::new();
        for name in 0..ultrapeers + leaves {
            let is_leaf = name >= ultrapeers;
            let mut stream = TcpStream::connect(to)?;
            stream.set_nodelay(true)?;
            if shake_hands {
                greet(&mut stream, is_leaf, compressed)?;
                if is_leaf {
                    stream.write_all(&table(name as u32, slots, compressed)?)?;
                }
            }
            stream.set_nonblocking(true)?;
            let flags = epoll::EventFlags::IN;
            epoll::add(&ready, stream.as_fd(), epoll::EventData::new_u64(name as u64), flags)?;
            streams.push(stream);
        }
        // The other side must know all neighbours before the first query comes.
        std::thread::sleep(Duration::from_millis(200));
        let mut streams = streams.into_iter();
        let source = streams.next().ok_or(io::ErrorKind::InvalidInput)?;
        let sinks = streams.map(|stream| Sink {
            stream,
            inflate: compressed.then(|| Decompress::new(true)),
            frames: Frames::default(),
        });
        Ok(Load {
            source,
            deflate: compressed.then(|| Compress::new(Compression::fast(), true)),
            sinks: sinks.collect(),
            ready,
            sent: 0,
            unsent: Vec::new(),
            buffer: vec![0; 256 << 10],
            inflated: vec![0; 1 << 20],
        })
    }

    /// Copies seen by now.
    pub(crate) fn copies(&self) -> u64 {
        self.sinks.iter().map(|sink| sink.frames.queries).sum()
    }

    /// Sends and counts for so long.
    pub(crate) fn run(&mut self, flow: Flow, span: Duration) -> io::Result<Duration> {
        let start = Instant::now();
        let sent_before = self.sent;
        while start.elapsed() < span {
            let target = match flow {
                Flow::Window(window) => self.seen_by_all() + window,
                Flow::Rate(rate) => {
                    sent_before + (start.elapsed().as_secs_f64() * rate as f64) as u64
                }
            };
            self.send_up_to(target)?;
            let wait = match flow {
                Flow::Window(_) => Duration::from_millis(100),
                Flow::Rate(_) => Duration::from_micros(250),
            };
            self.receive(wait)?;
        }
        Ok(start.elapsed())
    }

    /// Waits for what is still on its way; says which part of all copies arrived.
    pub(crate) fn settle(&mut self) -> io::Result<f64> {
        let give_up = Instant::now() + Duration::from_secs(2);
        while self.seen_by_all() < self.sent && Instant::now() < give_up {
            self.send_up_to(0)?;
            self.receive(Duration::from_millis(20))?;
        }
        Ok(self.copies() as f64 / (self.sent * self.sinks.len() as u64) as f64)
    }

    fn seen_by_all(&self) -> u64 {
        self.sinks.iter().map(|sink| sink.frames.queries).min().unwrap_or(0)
    }

    fn send_up_to(&mut self, target: u64) -> io::Result<()> {
        let start = self.unsent.len();
        while self.sent < target {
            self.sent += 1;
            self.unsent.extend_from_slice(&query(self.sent));
        }
        if let Some(deflate) = &mut self.deflate
            && self.unsent.len() > start
        {
            let plain = self.unsent.split_off(start);
            self.unsent.reserve(plain.len() + 1_024);
            deflate.compress_vec(&plain, &mut self.unsent, FlushCompress::Sync)?;
        }
        if self.unsent.is_empty() {
            return Ok(());
        }
        match self.source.write(&self.unsent) {
            Ok(len) => drop(self.unsent.drain(..len)),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => return Err(e),
        }
        Ok(())
    }

    fn receive(&mut self, wait: Duration) -> io::Result<()> {
        let mut events = Vec::with_capacity(64);
        let wait = Timespec { tv_sec: 0, tv_nsec: i64::from(wait.subsec_nanos()) };
        epoll::wait(&self.ready, rustix::buffer::spare_capacity(&mut events), Some(&wait))?;
        for event in &events {
            let name = event.data.u64() as usize;
            let mut stream = match name.checked_sub(1) {
                None => &self.source,
                Some(sink) => &self.sinks[sink].stream,
            };
            let len = match stream.read(&mut self.buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(len) => len,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => continue,
                Err(e) => return Err(e),
            };
            if let Some(sink) = name.checked_sub(1) {
                self.sinks[sink].take(&self.buffer[..len], &mut self.inflated)?;
            }
        }
        Ok(())
    }
}

impl Sink {
    fn take(&mut self, mut data: &[u8], inflated: &mut [u8]) -> io::Result<()> {
        let Some(inflate) = &mut self.inflate else {
            self.frames.take(data);
            return Ok(());
        };
        loop {
            let (ins, outs) = (inflate.total_in(), inflate.total_out());
            inflate.decompress(data, inflated, FlushDecompress::None)?;
            data = &data[(inflate.total_in() - ins) as usize..];
            let len = (inflate.total_out() - outs) as usize;
            self.frames.take(&inflated[..len]);
            if data.is_empty() && len < inflated.len() {
                return Ok(());
            }
        }
    }
}

/// Walks over descriptors and counts the queries.
#[derive(Default)]
struct Frames {
    queries: u64,
    header: Vec<u8>,
    payload_left: usize,
}

impl Frames {
    fn take(&mut self, mut data: &[u8]) {
        loop {
            let skipped = self.payload_left.min(data.len());
            self.payload_left -= skipped;
            data = &data[skipped..];
            if data.is_empty() {
                return;
            }
            if self.header.is_empty() && data.len() >= HEADER_BYTES {
                let (header, rest) = data.split_at(HEADER_BYTES);
                self.begin(header[16], &header[19..23]);
                data = rest;
                continue;
            }
            let wanted = (HEADER_BYTES - self.header.len()).min(data.len());
            self.header.extend_from_slice(&data[..wanted]);
            data = &data[wanted..];
            if self.header.len() == HEADER_BYTES {
                let header = std::mem::take(&mut self.header);
                self.begin(header[16], &header[19..23]);
            }
        }
    }

    fn begin(&mut self, kind: u8, len: &[u8]) {
        self.payload_left = u32::from_le_bytes([len[0], len[1], len[2], len[3]]) as usize;
        self.queries += u64::from(kind == QUERY_KIND);
    }
}

fn query(number: u64) -> [u8; QUERY_BYTES] {
    let mut query = [0; QUERY_BYTES];
    // A GUID that nobody else has, well mixed, with the marks of a modern servent.
    query[..8].copy_from_slice(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes());
    query[8] = 0xFF;
    query[9..13].copy_from_slice(&(number as u32).to_le_bytes());
    query[16] = QUERY_KIND;
    query[17] = 3;
    query[19] = (QUERY_BYTES - HEADER_BYTES) as u8;
    // Flags as modern servents set them: without them a query is not passed on.
    query[23] = 0x80;
    query[25..47].copy_from_slice(TEXT);
    query
}

/// A leaf's routing table, as messages.
fn table(leaf: u32, slots: Option<u32>, compressed: bool) -> io::Result<Vec<u8>> {
    let here = |slot: &u32| match slots {
        None => true,
        Some(slots) => {
            let mixed = (slot ^ leaf << 16).wrapping_mul(0x9E37_79B1);
            (mixed ^ mixed >> 15).wrapping_mul(0x85EB_CA6B) >> 16 < slots
        }
    };
    let patch = write::patch(LOG2, (0..1 << LOG2).filter(here).map(|slot| (slot, true)));
    let mut messages = Vec::new();
    for payload in std::iter::once(write::reset(LOG2)).chain(patch) {
        frame::write(&mut messages, Guid([7; 16]), Kind::QRP, 1, 0, &payload);
    }
    if !compressed {
        return Ok(messages);
    }
    let mut deflated = Vec::with_capacity(messages.len() + 1_024);
    let mut stream = Compress::new(Compression::fast(), true);
    stream.compress_vec(&messages, &mut deflated, FlushCompress::Sync)?;
    Ok(deflated)
}

fn greet(stream: &mut TcpStream, is_leaf: bool, compressed: bool) -> io::Result<()> {
    let ultrapeer = if is_leaf { "False" } else { "True" };
    let accept = if compressed { "Accept-Encoding: deflate\r\n" } else { "" };
    write!(
        stream,
        "GNUTELLA CONNECT/0.6\r\nUser-Agent: relay-bench\r\nX-Ultrapeer: {ultrapeer}\r\n\
         X-Query-Routing: 0.1\r\n{accept}\r\n"
    )?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        answer.push(byte[0]);
    }
    if !answer.starts_with(b"GNUTELLA/0.6 200") {
        return Err(io::Error::other(String::from_utf8_lossy(&answer).into_owned()));
    }
    let encoding = if compressed { "Content-Encoding: deflate\r\n" } else { "" };
    write!(stream, "GNUTELLA/0.6 200 OK\r\n{encoding}\r\n")
}
