//! File bodies, between a socket and the disk, without the node and off its thread.
//!
//! A body is moved on the blocking pool as long as its socket is ready: read a piece here, write
//! it there, until the system says "not yet". Then the pool's thread is given back and the
//! connection's rope waits for the socket, so that slow peers cost no thread. Progress is a
//! counter that the node's task fetches when the bell rings.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::bell::{Bell, Who};
use super::disk::SharedPartial;
use super::sharing::Shelf;
use super::tcp::Conn;
use crate::library::FileIndex;
use crate::node::ConnId;
use crate::node::io::{CloseCause, DiskFailure, DownloadId};

/// Bytes that are moved by one pair of system calls.
const PIECE_BYTES: usize = 256 << 10;

/// The bell is rung about progress after so many bytes.
const RING_EVERY_BYTES: u64 = 1 << 20;

/// A file body on its way.
#[derive(Debug)]
pub(super) struct Body {
    cargo: Cargo,
    /// Held by whoever moves it.
    hold: Mutex<Hold>,
    moved: AtomicU64,
    /// Bytes that may still be moved before it waits again.
    portion: AtomicU64,
    stop: AtomicBool,
    rest: Mutex<Option<Rest>>,
    /// What came after the range together with its beginning: the node's again, once all is stored.
    surplus: Vec<u8>,
}

#[derive(Debug)]
enum Cargo {
    Upload(Shelf, FileIndex),
    Download(DownloadId, SharedPartial),
}

#[derive(Debug)]
struct Hold {
    left: Range<u64>,
    /// The shared file, once it is open.
    file: Option<File>,
    /// The beginning of a download, which came with the head.
    first: Vec<u8>,
}

/// Why a body is not being moved now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// The socket is not ready.
    Waits,
    /// All of it went by.
    Done,
    /// The connection or the shared file let it down, or it was stopped.
    Broken(CloseCause),
    /// Our disk let it down.
    Failed(DownloadId, DiskFailure),
}

impl Body {
    /// `range` of a shared file, to be sent.
    pub(super) fn upload(shelf: Shelf, file: FileIndex, range: Range<u64>) -> Body {
        Body::new(Cargo::Upload(shelf, file), range, Vec::new(), Vec::new())
    }

    /// `range` of a download, to be stored. `came` came with the head and may reach beyond the range.
    pub(super) fn download(
        download: DownloadId,
        partial: SharedPartial,
        range: Range<u64>,
        came: &[u8],
    ) -> Body {
        let len = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
        let (first, surplus) = came.split_at(came.len().min(len));
        Body::new(Cargo::Download(download, partial), range, first.to_vec(), surplus.to_vec())
    }

    fn new(cargo: Cargo, left: Range<u64>, first: Vec<u8>, surplus: Vec<u8>) -> Body {
        Body {
            cargo,
            hold: Mutex::new(Hold { left, file: None, first }),
            moved: AtomicU64::new(0),
            portion: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            rest: Mutex::new(Some(Rest::Waits)),
            surplus,
        }
    }

    /// Whether bytes come in with it.
    pub(super) fn is_download(&self) -> bool {
        matches!(self.cargo, Cargo::Download(..))
    }

    /// Why it is not being moved now; `None`: it is.
    pub(super) fn rest(&self) -> Option<Rest> {
        *locked(&self.rest)
    }

    /// Bytes that went by since this was asked last.
    pub(super) fn take_moved(&self) -> u64 {
        self.moved.swap(0, Ordering::AcqRel)
    }

    /// Come back as soon as you can.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    /// Wait as soon as you can.
    pub(super) fn hold(&self) {
        self.portion.store(0, Ordering::Release);
    }

    /// What came beyond the range.
    pub(super) fn surplus(&self) -> &[u8] {
        &self.surplus
    }

    /// Moves it on the blocking pool until its socket is not ready or `portion` bytes went by;
    /// then the bell rings for it.
    pub(super) fn go_on(self: &Arc<Body>, id: ConnId, conn: &Conn, bell: &Arc<Bell>, portion: u64) {
        *locked(&self.rest) = None;
        self.portion.store(portion, Ordering::Release);
        let (body, stream, bell) = (Arc::clone(self), conn.stream(), Arc::clone(bell));
        let work = move || {
            let rest = match body.move_on(stream.get_ref(), || bell.ring(Who::Body(id))) {
                Ok(rest) | Err(rest) => rest,
            };
            *locked(&body.rest) = Some(rest);
            bell.ring(Who::Body(id));
        };
        smol::unblock(work).detach();
    }

    fn move_on(&self, stream: &TcpStream, ring: impl Fn()) -> Result<Rest, Rest> {
        let mut hold = locked(&self.hold);
        let mut carried = Carried { body: self, unrung: 0, ring };
        match &self.cargo {
            Cargo::Upload(shelf, file) => {
                if hold.file.is_none() {
                    let opened = shelf.open(*file).map_err(|_| UNREADABLE)?;
                    hold.file = Some(opened);
                }
                let Hold { left, file: Some(file), .. } = &mut *hold else {
                    return Err(UNREADABLE);
                };
                send(file, left, stream, &mut carried)
            }
            Cargo::Download(download, partial) => {
                let Hold { left, first, .. } = &mut *hold;
                let keep = |at, bytes: &[u8]| {
                    partial.write_at(at, bytes).map_err(|failure| Rest::Failed(*download, failure))
                };
                if !first.is_empty() {
                    keep(left.start, first)?;
                    left.start += first.len() as u64;
                    carried.add(first.len());
                    *first = Vec::new();
                }
                store(keep, left, stream, &mut carried)
            }
        }
    }
}

const UNREADABLE: Rest = Rest::Broken(CloseCause::FileUnreadable);

/// Counts what goes by and rings now and then.
struct Carried<'a, F: Fn()> {
    body: &'a Body,
    unrung: u64,
    ring: F,
}

impl<F: Fn()> Carried<'_, F> {
    fn add(&mut self, len: usize) {
        self.body.moved.fetch_add(len as u64, Ordering::AcqRel);
        // A portion without bound stays one for longer than any file.
        let less = |portion: u64| Some(portion.saturating_sub(len as u64));
        let _ = self.body.portion.fetch_update(Ordering::AcqRel, Ordering::Acquire, less);
        self.unrung += len as u64;
        if self.unrung >= RING_EVERY_BYTES {
            self.unrung = 0;
            (self.ring)();
        }
    }

    fn is_stopped(&self) -> bool {
        self.body.stop.load(Ordering::Acquire)
    }

    /// How many bytes to move next; 0: those that it may are moved.
    fn piece_len(&self, left: &Range<u64>) -> usize {
        let portion = self.body.portion.load(Ordering::Acquire);
        let len = left.end.saturating_sub(left.start).min(portion);
        usize::try_from(len).unwrap_or(usize::MAX).min(PIECE_BYTES)
    }
}

fn send(
    file: &File,
    left: &mut Range<u64>,
    mut stream: &TcpStream,
    carried: &mut Carried<'_, impl Fn()>,
) -> Result<Rest, Rest> {
    let mut buffer = vec![0; carried.piece_len(left)];
    while !left.is_empty() {
        let wanted = carried.piece_len(left).min(buffer.len());
        if wanted == 0 {
            return Ok(Rest::Waits);
        }
        let len =
            retried(|| file.read_at(&mut buffer[..wanted], left.start)).map_err(|_| UNREADABLE)?;
        if len == 0 {
            // The file is shorter than it was when it was shared.
            return Err(UNREADABLE);
        }
        let mut piece = &buffer[..len];
        while !piece.is_empty() {
            if carried.is_stopped() {
                return Err(Rest::Broken(CloseCause::Ordered));
            }
            match retried(|| stream.write(piece)) {
                Ok(written) => {
                    piece = &piece[written..];
                    left.start += written as u64;
                    carried.add(written);
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(Rest::Waits),
                Err(_) => return Err(Rest::Broken(CloseCause::Reset)),
            }
        }
    }
    Ok(Rest::Done)
}

fn store(
    keep: impl Fn(u64, &[u8]) -> Result<(), Rest>,
    left: &mut Range<u64>,
    mut stream: &TcpStream,
    carried: &mut Carried<'_, impl Fn()>,
) -> Result<Rest, Rest> {
    let mut buffer = vec![0; carried.piece_len(left)];
    while !left.is_empty() {
        if carried.is_stopped() {
            return Err(Rest::Broken(CloseCause::Ordered));
        }
        let wanted = carried.piece_len(left).min(buffer.len());
        if wanted == 0 {
            return Ok(Rest::Waits);
        }
        match retried(|| stream.read(&mut buffer[..wanted])) {
            Ok(0) => return Err(Rest::Broken(CloseCause::PeerClosed)),
            Ok(len) => {
                keep(left.start, &buffer[..len])?;
                left.start += len as u64;
                carried.add(len);
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(Rest::Waits),
            Err(_) => return Err(Rest::Broken(CloseCause::Reset)),
        }
    }
    Ok(Rest::Done)
}

fn retried<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Nobody who holds one of these locks can panic halfway, so a poisoned one is whole.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
