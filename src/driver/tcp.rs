//! TCP: the listener, connecting, and one connection's reading and vectored writing.
//!
//! Everything is tried first and waited for only when the system says "not yet"; then the
//! connection's rope rings the node's bell once. An idle connection holds no buffer.

use std::collections::VecDeque;
use std::io::{self, IoSlice, Read as _, Write as _};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Instant;

use smol::Async;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::bell::{Bell, Who};
use super::carry::Body;
use super::conditions::gate;
use super::udp::canonical;
use crate::library::FileIndex;
use crate::node::io::CloseCause;
use crate::node::{Chunk, ConnId};

/// Pieces of one vectored write at most; more gains nothing.
const PIECES_PER_WRITE_MAX: usize = 64;

/// What the system may buffer of what we send on a link. Left alone it takes 4 MB, and the node's
/// priorities would come too late for all of that.
const LINK_SEND_BUFFER_BYTES: usize = 128 << 10;

/// A connection that has sent so much outside of file bodies is a link. File bodies want the
/// system's own, larger buffer.
const LINK_AFTER_BYTES: u32 = 32 << 10;

/// Bytes that are read and thrown away at most after our last word on a connection.
const DISCARDED_BYTES_MAX: u32 = 1 << 20;

/// Something to be written, in order.
#[derive(Debug)]
pub(super) enum Piece {
    /// Bytes of the node.
    Chunk(Chunk),
    /// Bytes of a shared file.
    File(FileIndex, Range<u64>),
}

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It does not stand yet.
    Connecting,
    /// It stands.
    Open,
    /// What is queued still goes out, then it is closed.
    Flushing,
    /// Our last word is out; the other side may finish reading it before the socket is closed,
    /// otherwise the system would tell it "reset" and take our word back.
    Lingering,
    /// It is over but for a file body that is just being moved.
    Ending(CloseCause),
}

/// One TCP connection.
#[derive(Debug)]
pub(super) struct Conn {
    stream: Arc<Async<TcpStream>>,
    /// Who is at the other end.
    pub(super) peer: IpAddr,
    reader: Waker,
    writer: Option<Waker>,
    out: VecDeque<Piece>,
    /// Bytes of the first piece that are gone already.
    gone: u32,
    sent: u32,
    discarded: u32,
    /// Where it is in its life.
    pub(super) stage: Stage,
    /// The node wants nothing more of it for now.
    pub(super) paused: bool,
    /// It is in the list of those to be written in this turn.
    pub(super) dirty: bool,
    /// The other side will send nothing more.
    pub(super) ended: bool,
    /// When its stage ends at the latest.
    pub(super) due: Option<Instant>,
    /// The file body that it carries now.
    pub(super) body: Option<Arc<Body>>,
}

/// What reading brought.
#[derive(Debug)]
pub(super) enum Got {
    /// So many bytes.
    Bytes(usize),
    /// Nothing yet.
    NotYet,
    /// The other side has said its last word.
    End,
    /// It is broken.
    Broken,
}

/// How writing ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// All is out.
    Nothing,
    /// The system takes no more now.
    NotYet,
    /// A file body is next.
    File,
    /// It is broken.
    Broken,
}

impl Conn {
    /// Takes a socket; `stage` is `Connecting` or `Open`.
    pub(super) fn new(
        id: ConnId,
        stream: Async<TcpStream>,
        peer: IpAddr,
        stage: Stage,
        bell: &Arc<Bell>,
    ) -> io::Result<Conn> {
        stream.get_ref().set_nodelay(true)?;
        Ok(Conn {
            stream: Arc::new(stream),
            peer,
            reader: bell.rope(Who::Reader(id)),
            writer: None,
            out: VecDeque::new(),
            gone: 0,
            sent: 0,
            discarded: 0,
            stage,
            paused: false,
            dirty: false,
            ended: false,
            due: None,
            body: None,
        })
    }

    /// The socket, for whoever carries a file body.
    pub(super) fn stream(&self) -> Arc<Async<TcpStream>> {
        Arc::clone(&self.stream)
    }

    /// Our own address on it.
    pub(super) fn local(&self) -> io::Result<SocketAddr> {
        self.stream.get_ref().local_addr().map(canonical)
    }

    /// Whether what comes is the node's.
    pub(super) fn is_read_by_node(&self) -> bool {
        let is_storing = self.body.as_ref().is_some_and(|body| body.is_download());
        self.stage == Stage::Open && !self.paused && !self.ended && !is_storing
    }

    /// Pulls the rope when there is something to read.
    pub(super) fn arm_read(&self) {
        while self.stream.poll_readable(&mut Context::from_waker(&self.reader)).is_ready() {}
    }

    /// Pulls the rope when the system takes more, or when the connection stands.
    pub(super) fn arm_write(&mut self, id: ConnId, bell: &Arc<Bell>) {
        let writer = self.writer.get_or_insert_with(|| bell.rope(Who::Writer(id)));
        while self.stream.poll_writable(&mut Context::from_waker(writer)).is_ready() {}
    }

    /// Whether a connection that was ordered stands now; `None`: not yet.
    pub(super) fn stands(&self) -> Option<Result<(), CloseCause>> {
        match self.stream.get_ref().take_error() {
            Ok(None) => {}
            Ok(Some(error)) | Err(error) => return Some(Err(cause_of(&error))),
        }
        match self.stream.get_ref().peer_addr() {
            Ok(_) => Some(Ok(())),
            Err(e) if e.kind() == io::ErrorKind::NotConnected => None,
            Err(error) => Some(Err(cause_of(&error))),
        }
    }

    /// Lets nothing in any more: whom we are connecting to does not get through to us.
    pub(super) fn deafen(&self) {
        gate::shut(self.stream.get_ref());
    }

    /// Lets everything in again.
    pub(super) fn hear(&self) {
        gate::open(self.stream.get_ref());
    }

    /// Reads what is there, once.
    pub(super) fn read(&self, buffer: &mut [u8]) -> Got {
        loop {
            return match self.stream.get_ref().read(buffer) {
                Ok(0) => Got::End,
                Ok(len) => Got::Bytes(len),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => Got::NotYet,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => Got::Broken,
            };
        }
    }

    /// Reads and throws away; whether the other side may still be reading our last word.
    pub(super) fn discard(&mut self, buffer: &mut [u8]) -> bool {
        match self.read(buffer) {
            Got::Bytes(len) => {
                self.discarded = self.discarded.saturating_add(len as u32);
                self.discarded < DISCARDED_BYTES_MAX
            }
            Got::NotYet => true,
            Got::End | Got::Broken => false,
        }
    }

    /// Queues a piece.
    pub(super) fn put(&mut self, piece: Piece) {
        self.out.push_back(piece);
    }

    /// The file body that is next, if one is.
    pub(super) fn take_file(&mut self) -> Option<(FileIndex, Range<u64>)> {
        match self.out.front() {
            Some(Piece::File(..)) => match self.out.pop_front() {
                Some(Piece::File(file, range)) => Some((file, range)),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether something is still to go out.
    pub(super) fn has_more_to_say(&self) -> bool {
        !self.out.is_empty() || self.body.as_ref().is_some_and(|body| !body.is_download())
    }

    /// Forgets what is queued.
    pub(super) fn drop_queued(&mut self) {
        self.out = VecDeque::new();
    }

    /// Says that nothing more will come from us.
    pub(super) fn say_end(&self) {
        // Fails only if the other side is gone, which reading will show.
        let _ = self.stream.get_ref().shutdown(Shutdown::Write);
    }

    /// Stops both directions, so that whoever carries a file body here comes back at once.
    pub(super) fn cut(&self) {
        let _ = self.stream.get_ref().shutdown(Shutdown::Both);
    }

    /// Writes what is queued up to the next file body; returns how many bytes went out.
    pub(super) fn write(&mut self) -> (u32, Left) {
        let mut total = 0u32;
        loop {
            let mut slices = [IoSlice::new(&[]); PIECES_PER_WRITE_MAX];
            let (count, wanted) = self.gather(&mut slices);
            if count == 0 {
                return (total, if self.out.is_empty() { Left::Nothing } else { Left::File });
            }
            let mut stream = self.stream.get_ref();
            let written = match &slices[..count] {
                // The usual case costs the system a little less this way.
                [only] => stream.write(only),
                several => stream.write_vectored(several),
            };
            let written = match written {
                Ok(written) => written,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return (total, Left::NotYet),
                Err(_) => return (total, Left::Broken),
            };
            total += written as u32;
            self.went(written as u32);
            if written < wanted {
                return (total, Left::NotYet);
            }
        }
    }

    fn gather<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> (usize, usize) {
        let (mut count, mut wanted, mut skip) = (0, 0, self.gone as usize);
        for (slice, piece) in slices.iter_mut().zip(&self.out) {
            let Piece::Chunk(chunk) = piece else { break };
            let bytes = chunk.bytes().get(skip..).unwrap_or_default();
            *slice = IoSlice::new(bytes);
            (count, wanted, skip) = (count + 1, wanted + bytes.len(), 0);
        }
        (count, wanted)
    }

    fn went(&mut self, written: u32) {
        if self.sent < LINK_AFTER_BYTES {
            self.sent = self.sent.saturating_add(written);
            if self.sent >= LINK_AFTER_BYTES {
                // Only a wish: without it more is buffered than would be good.
                let _ = SockRef::from(self.stream.get_ref())
                    .set_send_buffer_size(LINK_SEND_BUFFER_BYTES);
            }
        }
        let mut gone = self.gone + written;
        while let Some(Piece::Chunk(chunk)) = self.out.front() {
            let len = chunk.len() as u32;
            if gone < len {
                break;
            }
            gone -= len;
            self.out.pop_front();
        }
        self.gone = gone;
    }
}

/// Begins to connect to `to` from `from` (any address if it is of the other family). A deaf
/// connection does not hear what is answered.
pub(super) fn connect(
    to: SocketAddr,
    from: Option<IpAddr>,
    is_deaf: bool,
) -> io::Result<Async<TcpStream>> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    if is_deaf {
        gate::shut(&socket);
    }
    if let Some(from) = from.filter(|from| from.is_ipv4() == to.is_ipv4()) {
        socket.bind(&SocketAddr::new(from, 0).into())?;
    }
    match socket.connect(&to.into()) {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
        Err(e) if e.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {}
        Err(e) => return Err(e),
    }
    Async::new_nonblocking(TcpStream::from(socket))
}

/// What an error says about why a connection is gone.
pub(super) fn cause_of(error: &io::Error) -> CloseCause {
    if is_exhausted(error) {
        return CloseCause::Exhausted;
    }
    match error.kind() {
        io::ErrorKind::TimedOut => CloseCause::TimedOut,
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => CloseCause::Reset,
        _ => CloseCause::Unreachable,
    }
}

/// Whether the peer gave up before it was accepted: no trouble of ours.
pub(super) fn is_about_a_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

/// Whether this machine has run out of descriptors, ports or memory for sockets.
fn is_exhausted(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let exhausted = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::ADDRNOTAVAIL];
    error.raw_os_error().is_some_and(|raw| exhausted.iter().any(|e| e.raw_os_error() == raw))
}

/// The listening socket and the rope that it pulls.
#[derive(Debug)]
pub(super) struct Listener {
    socket: Async<TcpListener>,
    waker: Waker,
}

impl Listener {
    /// Takes a listening socket.
    pub(super) fn new(socket: TcpListener, waker: Waker) -> io::Result<Listener> {
        Ok(Listener { socket: Async::new(socket)?, waker })
    }

    /// Pulls the rope when somebody wants to connect.
    pub(super) fn arm(&self) {
        while self.socket.poll_readable(&mut Context::from_waker(&self.waker)).is_ready() {}
    }

    /// The socket, for packet filters.
    pub(super) fn socket(&self) -> &TcpListener {
        self.socket.get_ref()
    }

    /// Somebody who is there already, and who he is; `None`: nobody.
    pub(super) fn accept(&self) -> io::Result<Option<(Async<TcpStream>, SocketAddr)>> {
        match self.socket.get_ref().accept() {
            Ok((stream, peer)) => Ok(Some((Async::new(stream)?, canonical(peer)))),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(e) => Err(e),
        }
    }
}
