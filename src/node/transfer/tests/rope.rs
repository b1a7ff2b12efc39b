//! Several [`Transfers`], each with a disk that is a `Vec`, and scripted peers, tied together in
//! memory: bytes arrive in pieces of random size, inputs in random order, all under one seed.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use sha1::Digest;

use crate::library::{Change, Entry, FileIndex, Library, Segment};
use crate::node::io::{
    CloseCause, DiskFailure, DiskOrder, DiskReport, DownloadId, DownloadRequest, DownloadState,
    Event, Out, Progress, SearchId, Source,
};
use crate::node::transfer::{Transfers, Wish};
use crate::node::{Action, Config, ConnId, Rng, Time, Why};
use crate::wire::head::{self, Head, HeadLimits};
use crate::wire::http::Request;
use crate::wire::{Guid, Sha1};

pub(super) fn sha1_of(bytes: &[u8]) -> Sha1 {
    Sha1(sha1::Sha1::digest(bytes).into())
}

/// Bytes that differ everywhere and compress badly.
pub(super) fn content(len: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; len];
    Rng::from_u64(seed).fill(&mut bytes);
    bytes
}

pub(super) fn address(end: usize) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, u8::try_from(end).unwrap() + 1], 6346))
}

pub(super) fn guid(end: usize) -> Guid {
    Guid::marked([u8::try_from(end).unwrap() + 1; 16])
}

/// What a scripted peer does when a request has come.
pub(super) struct Reaction {
    pub(super) bytes: Vec<u8>,
    pub(super) close: bool,
}

impl Reaction {
    pub(super) fn new(head: &str, body: &[u8]) -> Reaction {
        Reaction { bytes: [head.as_bytes(), b"\r\n\r\n", body].concat(), close: false }
    }

    pub(super) fn then_close(mut self) -> Reaction {
        self.close = true;
        self
    }

    /// 206 of these bytes of the file.
    pub(super) fn part(file: &[u8], range: Range<usize>) -> Reaction {
        let (len, last) = (range.len(), range.end - 1);
        let head = format!(
            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {}-{last}/{}\r\n\
             Content-Length: {len}",
            range.start,
            file.len()
        );
        Reaction::new(&head, &file[range])
    }

    /// 206 of what was asked for.
    pub(super) fn honest(file: &[u8], request: &Request) -> Reaction {
        let range = request.range().and_then(|spec| spec.resolve(file.len() as u64)).unwrap();
        Reaction::part(file, range.start as usize..range.end as usize)
    }
}

type Script = Box<dyn FnMut(&Request, usize) -> Reaction>;

/// Someone with an address.
pub(super) enum End {
    /// The real thing.
    Servent(Box<Servent>),
    /// Answers requests as it is told.
    Scripted { script: Script, requests: usize, partial: BTreeMap<ConnId, Vec<u8>> },
    /// Only what tests write by hand; keeps what comes.
    Mute(Vec<u8>),
    /// Cannot be connected to.
    Unreachable,
}

pub(super) struct Servent {
    pub(super) transfers: Transfers,
    pub(super) library: Library,
    pub(super) shared: BTreeMap<FileIndex, Vec<u8>>,
    pub(super) partial: BTreeMap<DownloadId, Vec<u8>>,
    pub(super) earlier: Vec<Range<u64>>,
    /// Which bytes of the partial file are stored; none may be stored twice.
    stored: Vec<bool>,
    pub(super) disk_failure: Option<DiskFailure>,
    pub(super) published: Vec<(String, Vec<u8>)>,
    pub(super) forgotten: usize,
    pub(super) discarded: usize,
    pub(super) out: Out,
    pub(super) events: Vec<(Time, Event)>,
    pub(super) wishes: Vec<(Time, Wish)>,
}

#[derive(Debug)]
enum Item {
    Bytes(VecDeque<u8>),
    File(FileIndex, Range<u64>),
}

/// One end of a connection.
#[derive(Debug)]
struct Wire {
    peer: (usize, ConnId),
    out: VecDeque<Item>,
    inbox: Vec<u8>,
    store: Option<(DownloadId, Range<u64>)>,
    /// `Close { flush }` was ordered.
    flushing: bool,
    /// The other side is gone; known when the inbox is empty.
    over: Option<CloseCause>,
}

enum Pending {
    Connected(ConnId),
    Accepted(ConnId, SocketAddr),
    Closed(ConnId, CloseCause),
    Disk(DiskReport),
}

pub(super) struct Rope {
    pub(super) now: Time,
    pub(super) ends: Vec<End>,
    pub(super) connects: usize,
    wires: BTreeMap<(usize, ConnId), Wire>,
    pending: VecDeque<(usize, Pending)>,
    rng: Rng,
    accepted: u64,
    piece_max: u64,
    trace: Vec<String>,
}

pub(super) fn config() -> Config {
    Config {
        local_addresses: true,
        share_bytes_min: 1_000,
        store_bytes_min: 700,
        store_bytes_max: 5_000,
        stalled_bytes: 10,
        ..Config::flat()
    }
}

pub(super) fn files(files: &[(&str, &[u8])]) -> (Library, BTreeMap<FileIndex, Vec<u8>>) {
    let (mut entries, mut contents) = (Vec::new(), BTreeMap::new());
    for (at, (name, bytes)) in files.iter().enumerate() {
        let index = FileIndex(at as u32 + 1);
        contents.insert(index, bytes.to_vec());
        entries.push(Entry {
            index,
            name: (*name).to_owned(),
            folder: String::new(),
            size: bytes.len() as u64,
            sha1: Some(sha1_of(bytes)),
            modified_at_s: 1_700_000_000,
        });
    }
    let mut library = Library::default();
    library.apply(Change::Add(Arc::new(Segment::new(entries))));
    (library, contents)
}

impl Rope {
    pub(super) fn new(seed: u64) -> Rope {
        Rope {
            now: Time::ZERO,
            ends: Vec::new(),
            connects: 0,
            wires: BTreeMap::new(),
            pending: VecDeque::new(),
            rng: Rng::from_u64(seed).derive("rope"),
            accepted: 0,
            piece_max: [3, 200, 5_000, 65_536][(seed % 4) as usize],
            trace: Vec::new(),
        }
    }

    pub(super) fn servent(&mut self, config: Config, shared: &[(&str, &[u8])]) -> usize {
        let end = self.ends.len();
        let (library, shared) = files(shared);
        let config = Arc::new(Config { listen: address(end), ..config });
        self.ends.push(End::Servent(Box::new(Servent {
            transfers: Transfers::new(config, guid(end), Rng::from_u64(end as u64)),
            library,
            shared,
            partial: BTreeMap::new(),
            earlier: Vec::new(),
            stored: Vec::new(),
            disk_failure: None,
            published: Vec::new(),
            forgotten: 0,
            discarded: 0,
            out: Out::default(),
            events: Vec::new(),
            wishes: Vec::new(),
        })));
        end
    }

    pub(super) fn scripted(
        &mut self,
        script: impl FnMut(&Request, usize) -> Reaction + 'static,
    ) -> usize {
        let script = Box::new(script);
        self.ends.push(End::Scripted { script, requests: 0, partial: BTreeMap::new() });
        self.ends.len() - 1
    }

    pub(super) fn end(&mut self, end: End) -> usize {
        self.ends.push(end);
        self.ends.len() - 1
    }

    /// What stands at an address, to be replaced.
    pub(super) fn replace(&mut self, end: usize) -> &mut End {
        &mut self.ends[end]
    }

    pub(super) fn at(&mut self, end: usize) -> &mut Servent {
        match &mut self.ends[end] {
            End::Servent(servent) => servent,
            _ => panic!("end {end} is not a servent"),
        }
    }

    /// Gives a servent a call and performs what comes of it.
    pub(super) fn call(
        &mut self,
        end: usize,
        call: impl FnOnce(&mut Transfers, Time, &Library, &mut Out),
    ) {
        let now = self.now;
        let servent = self.at(end);
        call(&mut servent.transfers, now, &servent.library, &mut servent.out);
        let actions = std::mem::take(&mut servent.out.actions);
        let wishes: Vec<Wish> = servent.transfers.wishes().collect();
        servent.wishes.extend(wishes.into_iter().map(|wish| (now, wish)));
        actions.into_iter().for_each(|action| self.perform(end, action));
    }

    pub(super) fn download(&mut self, end: usize, request: DownloadRequest) {
        self.call(end, |t, now, _, out| t.download(now, DownloadId(1), request, out));
    }

    pub(super) fn browse(&mut self, end: usize, host: usize) {
        self.call(end, |t, now, _, out| t.browse(now, SearchId(1), address(host), out));
    }

    /// A connection from a mute end to a servent.
    pub(super) fn dial(&mut self, from: usize, to: usize) -> ConnId {
        let conn = ConnId::ordered(1_000 + self.accepted);
        self.connect(from, conn, address(to));
        conn
    }

    pub(super) fn write(&mut self, end: usize, conn: ConnId, bytes: &[u8]) {
        let wire = self.wires.get_mut(&(end, conn)).expect("the connection stands");
        wire.out.push_back(Item::Bytes(bytes.iter().copied().collect()));
    }

    /// The connections of an end.
    pub(super) fn conns_of(&self, end: usize) -> Vec<ConnId> {
        self.wires.keys().filter(|(at, _)| *at == end).map(|(_, conn)| *conn).collect()
    }

    pub(super) fn is_open(&self, end: usize, conn: ConnId) -> bool {
        self.wires.contains_key(&(end, conn))
    }

    /// Runs until nothing is left to do but wait.
    pub(super) fn settle(&mut self) {
        for _ in 0..2_000_000 {
            if !self.step() {
                return;
            }
        }
        panic!("it never settles");
    }

    /// Runs through settled states and deadlines for so many seconds.
    pub(super) fn run_s(&mut self, seconds: u64) {
        let until = self.now + Duration::from_secs(seconds);
        loop {
            self.settle();
            let deadlines = self.ends.iter().filter_map(|end| match end {
                End::Servent(servent) => servent.transfers.deadline(),
                _ => None,
            });
            match deadlines.min().filter(|at| *at <= until) {
                Some(at) => {
                    assert!(at > self.now, "a deadline that does not move: {at:?}");
                    self.now = at;
                    self.wake_all();
                }
                None => break,
            }
        }
        self.now = until;
        self.wake_all();
        self.settle();
    }

    fn wake_all(&mut self) {
        for end in 0..self.ends.len() {
            if matches!(self.ends[end], End::Servent(_)) {
                self.call(end, |t, now, _, out| t.wake(now, out));
                let (now, next) = (self.now, self.at(end).transfers.deadline());
                assert!(next.is_none_or(|at| at > now), "still due: {next:?} at {now:?}");
            }
        }
    }

    fn perform(&mut self, end: usize, action: Action) {
        self.trace.push(format!("{:?} {end} {action:?}", self.now));
        match action {
            Action::Connect { conn, to } => self.connect(end, conn, to),
            Action::Send { conn, chunk } => {
                let wire = self.wires.get_mut(&(end, conn)).expect("sends on what stands");
                wire.out.push_back(Item::Bytes(chunk.bytes().iter().copied().collect()));
            }
            Action::SendFile { conn, file, range } => {
                let wire = self.wires.get_mut(&(end, conn)).expect("sends on what stands");
                wire.out.push_back(Item::File(file, range));
            }
            Action::StoreInto { .. } => panic!("only in the turn of a Received"),
            Action::Close { conn, flush } => self.close(end, conn, flush),
            Action::Disk(order) => self.disk(end, order),
            Action::Emit(event) => {
                let now = self.now;
                self.at(end).events.push((now, event));
            }
            other => panic!("unexpected {other:?}"),
        }
    }

    fn connect(&mut self, end: usize, conn: ConnId, to: SocketAddr) {
        self.connects += 1;
        let there = (0..self.ends.len()).find(|&at| address(at) == to);
        let there = there.filter(|&at| !matches!(self.ends[at], End::Unreachable));
        let Some(there) = there else {
            let closed = Pending::Closed(conn, CloseCause::Unreachable);
            return self.pending.push_back((end, closed));
        };
        self.accepted += 1;
        let other = ConnId::accepted(self.accepted);
        for (from, to) in [((end, conn), (there, other)), ((there, other), (end, conn))] {
            let wire = Wire {
                peer: to,
                out: VecDeque::new(),
                inbox: Vec::new(),
                store: None,
                flushing: false,
                over: None,
            };
            self.wires.insert(from, wire);
        }
        self.pending.push_back((there, Pending::Accepted(other, address(end))));
        self.pending.push_back((end, Pending::Connected(conn)));
    }

    pub(super) fn close(&mut self, end: usize, conn: ConnId, flush: bool) {
        let Some(wire) = self.wires.get_mut(&(end, conn)) else {
            // It never stood or is gone already: `Closed` is on its way.
            return;
        };
        wire.flushing = true;
        if wire.store.is_none() {
            wire.inbox.clear();
        }
        if !flush || wire.over.is_some() {
            wire.out.clear();
        }
    }

    fn finish(&mut self, end: usize, conn: ConnId) {
        let wire = &self.wires[&(end, conn)];
        if wire.store.is_some() && !wire.inbox.is_empty() {
            // What was on its way to the disk is still stored.
            self.store(end, conn, 1_000);
        }
        if let Some(wire) = self.wires.remove(&(end, conn)) {
            if let Some(peer) = self.wires.get_mut(&wire.peer) {
                peer.over = Some(CloseCause::PeerClosed);
            }
            self.pending.push_back((end, Pending::Closed(conn, CloseCause::Ordered)));
        }
    }

    fn disk(&mut self, end: usize, order: DiskOrder) {
        let servent = self.at(end);
        let failure = servent.disk_failure;
        let report = match order {
            DiskOrder::Open { download, request } => {
                let len = request.size.unwrap_or(0) as usize;
                servent.partial.entry(download).or_insert_with(|| vec![0; len]);
                servent.stored = vec![false; len];
                for range in &servent.earlier {
                    let range = range.start as usize..range.end as usize;
                    servent.stored.resize(servent.stored.len().max(range.end), false);
                    servent.stored[range].fill(true);
                }
                DiskReport::Opened { download, have: servent.earlier.clone() }
            }
            DiskOrder::Hash { download, size } => {
                let storing = |((at, _), wire): (&(usize, ConnId), &Wire)| {
                    *at == end && wire.store.as_ref().is_some_and(|store| store.0 == download)
                };
                assert!(!self.wires.iter().any(storing), "what is hashed may still change");
                let servent = self.at(end);
                let file = servent.partial.get_mut(&download).unwrap();
                file.truncate(size as usize);
                DiskReport::Hashed { download, sha1: sha1_of(file) }
            }
            DiskOrder::Publish { download, name } => {
                let bytes = servent.partial[&download].clone();
                servent.published.push((name.clone(), bytes));
                DiskReport::Published { download, path: format!("/downloads/{name}") }
            }
            DiskOrder::Forget { range, .. } => {
                assert_eq!(range.start, 0);
                servent.stored.clear();
                return servent.forgotten += 1;
            }
            DiskOrder::Discard { .. } => return servent.discarded += 1,
        };
        let download = match &report {
            DiskReport::Opened { download, .. }
            | DiskReport::Hashed { download, .. }
            | DiskReport::Published { download, .. }
            | DiskReport::Failed { download, .. } => *download,
        };
        let failed = failure.map(|failure| DiskReport::Failed { download, failure });
        self.pending.push_back((end, Pending::Disk(failed.unwrap_or(report))));
    }

    /// One thing of those that can happen; false if there is none.
    fn step(&mut self) -> bool {
        if let Some((end, pending)) = self.pending.pop_front() {
            self.deliver(end, pending);
            return true;
        }
        let busy = |wire: &Wire| {
            let flushed = wire.flushing && wire.out.is_empty();
            let read = !wire.flushing && (!wire.inbox.is_empty() || wire.over.is_some());
            (!wire.out.is_empty() && wire.over.is_none()) || flushed || read
        };
        let ready: Vec<(usize, ConnId)> =
            self.wires.iter().filter(|(_, wire)| busy(wire)).map(|(&at, _)| at).collect();
        if ready.is_empty() {
            return false;
        }
        let (end, conn) = ready[self.rng.below(ready.len() as u64) as usize];
        let wire = &self.wires[&(end, conn)];
        let can_write = !wire.out.is_empty() && wire.over.is_none();
        let can_read = !wire.flushing && (!wire.inbox.is_empty() || wire.over.is_some());
        if can_write && (!can_read || self.rng.below(2) == 0) {
            self.transmit(end, conn);
        } else if wire.flushing {
            self.finish(end, conn);
        } else {
            self.read(end, conn);
        }
        true
    }

    fn deliver(&mut self, end: usize, pending: Pending) {
        if !matches!(self.ends[end], End::Servent(_)) {
            return;
        }
        match pending {
            Pending::Connected(conn) => {
                if self.wires.get(&(end, conn)).is_some_and(|wire| !wire.flushing) {
                    self.call(end, |t, now, _, out| t.connected(now, conn, out));
                }
            }
            Pending::Accepted(conn, peer) => {
                self.call(end, |t, now, _, out| t.adopt(now, conn, peer, out));
            }
            Pending::Closed(conn, cause) => {
                assert!(self.at(end).transfers.owns(conn));
                self.call(end, |t, now, _, out| t.closed(now, conn, cause, out));
                assert!(!self.at(end).transfers.owns(conn));
            }
            Pending::Disk(report) => self.call(end, |t, now, _, out| t.disk(now, report, out)),
        }
    }

    /// Some bytes leave `end` and arrive in the other inbox.
    fn transmit(&mut self, end: usize, conn: ConnId) {
        let max = 1 + self.rng.below(self.piece_max);
        let wire = self.wires.get_mut(&(end, conn)).unwrap();
        let Some(item) = wire.out.front_mut() else { return };
        let peer = wire.peer;
        let (bytes, carried, done) = match item {
            Item::Bytes(bytes) => {
                let len = bytes.len().min(max as usize);
                (bytes.drain(..len).collect::<Vec<u8>>(), false, bytes.is_empty())
            }
            Item::File(file, range) => {
                let end_at = range.end.min(range.start + max);
                let piece = (*file, range.start as usize..end_at as usize);
                range.start = end_at;
                let done = range.is_empty();
                (self.at(end).shared[&piece.0][piece.1].to_vec(), true, done)
            }
        };
        let wire = self.wires.get_mut(&(end, conn)).unwrap();
        if done {
            wire.out.pop_front();
        }
        let len = bytes.len();
        if let Some(peer) = self.wires.get_mut(&peer)
            && !peer.flushing
        {
            peer.inbox.extend(bytes);
        }
        if !matches!(self.ends[end], End::Servent(_)) {
            return;
        }
        self.call(end, |t, now, library, out| {
            if carried {
                t.carried(now, conn, len as u64, library, out);
            } else {
                t.sent(now, conn, len as u32, library, out);
            }
        });
    }

    /// `end` takes some of what has arrived.
    fn read(&mut self, end: usize, conn: ConnId) {
        let max = 1 + self.rng.below(self.piece_max) as usize;
        let wire = self.wires.get_mut(&(end, conn)).unwrap();
        if wire.inbox.is_empty() {
            let cause = wire.over.unwrap();
            self.wires.remove(&(end, conn));
            return self.pending.push_back((end, Pending::Closed(conn, cause)));
        }
        if wire.store.is_some() {
            return self.store(end, conn, max);
        }
        let data: Vec<u8> = wire.inbox.drain(..max.min(wire.inbox.len())).collect();
        match &mut self.ends[end] {
            End::Servent(servent) => {
                servent.transfers.received(
                    self.now,
                    conn,
                    &data,
                    &servent.library,
                    &mut servent.out,
                );
                self.after_received(end, conn, &data);
            }
            End::Scripted { .. } => self.react(end, conn, &data),
            End::Mute(heard) => heard.extend(data),
            End::Unreachable => {}
        }
    }

    fn after_received(&mut self, end: usize, conn: ConnId, data: &[u8]) {
        // StoreInto refers to the data of this turn; the rest is an ordinary call's.
        let servent = self.at(end);
        let actions = std::mem::take(&mut servent.out.actions);
        let (stores, others): (Vec<_>, Vec<_>) =
            actions.into_iter().partition(|action| matches!(action, Action::StoreInto { .. }));
        servent.out.actions = others;
        for store in stores {
            let Action::StoreInto { conn: at, download, range, body_at } = store else { continue };
            assert_eq!(at, conn);
            assert!(!range.is_empty());
            let wire = self.wires.get_mut(&(end, conn)).unwrap();
            assert!(wire.store.is_none());
            wire.inbox.splice(..0, data[body_at as usize..].iter().copied());
            wire.store = Some((download, range));
        }
        self.call(end, |_, _, _, _| {});
    }

    fn store(&mut self, end: usize, conn: ConnId, max: usize) {
        let wire = self.wires.get_mut(&(end, conn)).unwrap();
        let (download, range) = wire.store.as_mut().unwrap();
        let download = *download;
        let len = max.min(wire.inbox.len()).min((range.end - range.start) as usize);
        let at = range.start as usize;
        range.start += len as u64;
        if range.is_empty() {
            wire.store = None;
        }
        let data: Vec<u8> = wire.inbox.drain(..len).collect();
        let servent = self.at(end);
        servent.stored.resize(servent.stored.len().max(at + len), false);
        let stored = &mut servent.stored[at..at + len];
        assert!(!stored.contains(&true), "some of {at}..{} is stored twice", at + len);
        stored.fill(true);
        let file = servent.partial.get_mut(&download).unwrap();
        file.resize(file.len().max(at + len), 0);
        file[at..at + len].copy_from_slice(&data);
        self.call(end, |t, now, library, out| t.carried(now, conn, len as u64, library, out));
    }

    fn react(&mut self, end: usize, conn: ConnId, data: &[u8]) {
        let End::Scripted { script, requests, partial } = &mut self.ends[end] else { return };
        let bytes = partial.entry(conn).or_default();
        bytes.extend(data);
        let limits = HeadLimits { bytes_max: 9_999, lines_max: 99 };
        let Head::Complete { len } = head::find(bytes, limits) else { return };
        let rest = bytes.split_off(len);
        let request = Request::parse(bytes).expect("our requests are well-formed");
        *bytes = rest;
        let reaction = script(&request, *requests);
        *requests += 1;
        if !reaction.bytes.is_empty() {
            self.write(end, conn, &reaction.bytes);
        }
        if reaction.close {
            self.close(end, conn, true);
        }
    }

    // What tests ask afterwards.

    pub(super) fn progress(&mut self, end: usize) -> Progress {
        self.at(end).transfers.view().downloads[0].progress.clone()
    }

    pub(super) fn state(&mut self, end: usize) -> DownloadState {
        self.progress(end).state
    }

    pub(super) fn count(&mut self, end: usize, why: Why) -> u64 {
        self.at(end).out.counts.get(why)
    }

    pub(super) fn requests(&self, end: usize) -> usize {
        match &self.ends[end] {
            End::Scripted { requests, .. } => *requests,
            _ => panic!("end {end} is not scripted"),
        }
    }

    pub(super) fn heard(&mut self, end: usize) -> Vec<u8> {
        match &mut self.ends[end] {
            End::Mute(heard) => std::mem::take(heard),
            _ => panic!("end {end} is not mute"),
        }
    }

    /// The trouble of the source at the other end.
    pub(super) fn trouble_of(&mut self, end: usize, source: usize) -> Option<Why> {
        let view = self.at(end).transfers.view();
        view.downloads[0].sources.iter().find(|s| s.address == address(source)).unwrap().trouble
    }

    /// Asserts that exactly this was published, under a right hash or without any.
    pub(super) fn assert_published(&mut self, end: usize, bytes: &[u8], state: DownloadState) {
        assert_eq!(self.state(end), state, "{:?}", self.at(end).transfers.view());
        assert_eq!(self.at(end).published.len(), 1);
        assert!(self.at(end).published[0].1 == bytes, "other bytes than those of the file");
        let last = self.at(end).events.last().cloned();
        let Some((_, Event::Download { progress, .. })) = last else { panic!("{last:?}") };
        assert_eq!((progress.state, progress.have), (state, bytes.len() as u64));
        assert!(progress.path.is_some());
    }

    /// Everything that was done, for comparing two runs.
    pub(super) fn trace(&self) -> &[String] {
        &self.trace
    }
}

pub(super) fn source(end: usize) -> Source {
    Source {
        address: address(end),
        servent: Some(guid(end)),
        index: Some(1),
        name: Some("song.ogg".to_owned()),
        firewalled: false,
        push_proxies: Vec::new(),
    }
}

pub(super) fn request(file: &[u8], ends: &[usize]) -> DownloadRequest {
    DownloadRequest {
        name: "song.ogg".to_owned(),
        size: Some(file.len() as u64),
        sha1: Some(sha1_of(file)),
        sources: ends.iter().map(|&end| source(end)).collect(),
    }
}
