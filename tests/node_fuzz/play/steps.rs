//! What may happen to a node: peers that come, speak, answer and leave; a user; a disk; time.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use filbert::library::{Change, Entry, FileIndex, Segment};
use filbert::node::io::{
    CloseCause, DiskFailure, DiskOrder, DiskReport, DownloadId, DownloadRequest, HostRecord,
    Mapped, MappingFailure, MappingMethod, SearchId,
};
use filbert::node::{Command, ConnId, Input};
use filbert::wire::http::{GNUTELLA_PACKETS, Request, Response};
use filbert::wire::{Guid, Kind, chunked, frame, names};
use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::script::Script;
use super::{Conn, Order, Phase, Stage};

impl Stage {
    /// One operation.
    pub(super) fn step(&mut self, script: &mut Script<'_>) {
        match script.below(64) {
            0 => drop(self.accept(script)),
            1..=4 => self.greet(script),
            5..=8 => self.client(script),
            9..=13 => self.connected(script),
            14 => self.unreachable(script),
            15..=30 => self.speak(script),
            31..=36 => self.answer(script),
            37..=42 => self.report_progress(script),
            43 => self.hang_up(script),
            44..=46 => self.close_ordered(script),
            47..=49 => self.pass(Duration::from_millis(40 * u64::from(script.byte()))),
            50 if script.rarely(8) => self.pass(Duration::from_secs(3_600)),
            50 => self.pass(Duration::from_secs(script.below(30) as u64)),
            51 => self.give(Input::TurnOver),
            52 => self.datagram(script),
            53..=56 => self.command(script),
            57 => self.share(script),
            58..=62 => self.serve_disk(script),
            _ => self.resolve(script),
        }
    }

    /// Somebody connects.
    fn accept(&mut self, script: &mut Script<'_>) -> ConnId {
        self.accepted += 1;
        let conn = ConnId::accepted(self.accepted);
        // Ports differ, so that the view tells neighbours apart.
        let peer = SocketAddr::new(script.address().ip(), 1_024 + self.accepted as u16);
        self.conns.insert(conn, Conn::new(peer, Phase::Open));
        self.give(Input::Accepted { conn, peer, local: self.config.listen });
        conn
    }

    /// Somebody connects and shakes hands.
    fn greet(&mut self, script: &mut Script<'_>) {
        let conn = self.accept(script);
        let (says, deflates) = script.greeting();
        self.receive(script, conn, &says);
        if deflates {
            self.set_deflate(conn);
        }
    }

    fn set_deflate(&mut self, conn: ConnId) {
        if let Some(row) = self.conns.get_mut(&conn) {
            row.deflater = Some(ZlibEncoder::new(Vec::new(), Compression::fast()));
        }
    }

    /// Somebody connects and asks for a file, or gives one.
    fn client(&mut self, script: &mut Script<'_>) {
        let conn = self.accept(script);
        let says = if script.rarely(4) { script.giv(&self.guids) } else { script.request() };
        self.receive(script, conn, &says);
    }

    /// A connection that the node ordered stands.
    fn connected(&mut self, script: &mut Script<'_>) {
        let Some(conn) = self.one_of(script, Phase::Connecting) else { return };
        if let Some(row) = self.conns.get_mut(&conn) {
            row.phase = Phase::Open;
        }
        self.give(Input::Connected { conn, local: SocketAddr::from(([9, 9, 9, 9], 40_000)) });
        let asks = self.conns.get(&conn).is_some_and(|row| !row.asked.is_empty());
        if !asks && !script.rarely(8) {
            let (says, deflates) = script.answer();
            self.receive(script, conn, &says);
            if deflates {
                self.set_deflate(conn);
            }
        }
    }

    fn unreachable(&mut self, script: &mut Script<'_>) {
        let Some(conn) = self.one_of(script, Phase::Connecting) else { return };
        self.conns.remove(&conn);
        let cause =
            script.pick(&[CloseCause::Unreachable, CloseCause::TimedOut, CloseCause::Exhausted]);
        self.give(Input::Closed { conn, cause });
    }

    /// A peer says something, deflated if it said so.
    fn speak(&mut self, script: &mut Script<'_>) {
        let neighbours = self.node.view().neighbours;
        let conn = match neighbours.len() {
            links if links > 0 && !script.rarely(8) => {
                let peer = neighbours[script.below(links)].peer;
                self.conns.iter().find(|(_, row)| row.peer == peer).map(|(&conn, _)| conn)
            }
            _ => self.one_of(script, Phase::Open),
        };
        let Some(conn) = conn else { return };
        let mut says = match script.below(16) {
            0 => script.raw().to_vec(),
            1 => script.request(),
            2 => script.greeting().0,
            3 => vec![0; 60_000],
            _ => (0..=script.below(4)).flat_map(|_| script.descriptor(&self.guids)).collect(),
        };
        let deflater = self.conns.get_mut(&conn).and_then(|row| row.deflater.as_mut());
        if let Some(deflater) = deflater
            && !script.rarely(8)
        {
            deflater.write_all(&says).and_then(|()| deflater.flush()).expect("memory takes all");
            says = std::mem::take(deflater.get_mut());
        }
        self.receive(script, conn, &says);
    }

    /// A peer answers what the node asked it.
    fn answer(&mut self, script: &mut Script<'_>) {
        let asking = |row: &Conn| row.phase == Phase::Open && !row.asked.is_empty();
        let asked: Vec<ConnId> =
            self.conns.iter().filter(|(_, row)| asking(row)).map(|(&conn, _)| conn).collect();
        if asked.is_empty() {
            return;
        }
        let conn = script.pick(&asked);
        let head = self.conns.get_mut(&conn).map(|row| std::mem::take(&mut row.asked));
        let request = Request::parse(&head.unwrap_or_default()).expect("we ask properly");
        let mut says = Vec::new();
        if request.accepts_packets() {
            self.show(script, &mut says);
        } else {
            let size = if script.rarely(4) { script.number() } else { 1_000 };
            let range = request.range().and_then(|spec| spec.resolve(size));
            let response = match (script.below(12), range) {
                (0, _) => Response::busy(1),
                (1, _) => Response::empty(404),
                (2, _) => Response::unsatisfiable(size),
                (3, _) | (_, None) => Response::whole(size),
                (4, Some(range)) => {
                    let end = range.end.min(range.start + 1 + script.number() % 256);
                    Response::part(range.start..end, size)
                }
                (_, Some(range)) => Response::part(range, size),
            };
            says.extend(response.to_bytes());
            says.extend(vec![b'x'; 16 * script.below(256)]);
        }
        self.receive(script, conn, &says);
    }

    /// What a host shows that is browsed.
    fn show(&mut self, script: &mut Script<'_>, says: &mut Vec<u8>) {
        let mut body = Vec::new();
        for _ in 0..script.below(4) {
            let hit = script.hit(&self.guids);
            frame::write(&mut body, Guid([1; 16]), Kind::QUERY_HIT, 1, 0, &hit);
        }
        let mut response = Response::new(200).with(names::CONTENT_TYPE, GNUTELLA_PACKETS);
        if script.rarely(2) {
            let mut deflater = ZlibEncoder::new(Vec::new(), Compression::fast());
            deflater.write_all(&body).expect("memory takes all");
            body = deflater.finish().expect("memory takes all");
            response = response.with(names::CONTENT_ENCODING, "deflate");
        }
        if script.rarely(2) {
            let mut framed = Vec::new();
            chunked::write(&mut framed, &body);
            framed.extend_from_slice(chunked::END);
            body = framed;
            response = response.with(names::TRANSFER_ENCODING, "chunked");
        }
        says.extend(response.to_bytes());
        says.extend(body);
    }

    /// Bytes go out, bodies come in.
    fn report_progress(&mut self, script: &mut Script<'_>) {
        let busy = |row: &Conn| !row.orders.is_empty() || row.store.is_some();
        let busy: Vec<ConnId> =
            self.conns.iter().filter(|(_, row)| busy(row)).map(|(&conn, _)| conn).collect();
        if busy.is_empty() {
            return;
        }
        let conn = script.pick(&busy);
        let part = match script.below(4) {
            0 => 1 + u64::from(script.byte()),
            _ => u64::MAX,
        };
        let Some(row) = self.conns.get_mut(&conn) else { return };
        if let Some(front) = row.orders.front_mut() {
            let (Order::Bytes(left) | Order::File(left)) = front;
            let len = part.min(*left).min(u64::from(u32::MAX));
            *left -= len;
            let (done, order) = (*left == 0, *front);
            if done {
                row.orders.pop_front();
            }
            return self.give(match order {
                Order::Bytes(_) => Input::Sent { conn, len: len as u32 },
                Order::File(_) => Input::Carried { conn, len },
            });
        }
        self.store(conn, part);
        let behind = self.conns.get_mut(&conn).map(|row| std::mem::take(&mut row.behind));
        self.deliver(conn, behind.unwrap_or_default());
    }

    /// A peer closes, or its connection breaks.
    fn hang_up(&mut self, script: &mut Script<'_>) {
        let Some(conn) = self.one_of(script, Phase::Open) else { return };
        let cause =
            script.pick(&[CloseCause::PeerClosed, CloseCause::Reset, CloseCause::FileUnreadable]);
        self.conns.remove(&conn);
        self.give(Input::Closed { conn, cause });
    }

    /// A close that the node ordered is done.
    fn close_ordered(&mut self, script: &mut Script<'_>) {
        let phase = script.pick(&[Phase::Closing, Phase::Flushing]);
        if let Some(conn) = self.one_of(script, phase) {
            self.conns.remove(&conn);
            self.give(Input::Closed { conn, cause: CloseCause::Ordered });
        }
    }

    fn one_of(&self, script: &mut Script<'_>, phase: Phase) -> Option<ConnId> {
        let of = self.conns.iter().filter(|(_, row)| row.phase == phase);
        let of: Vec<ConnId> = of.map(|(&conn, _)| conn).collect();
        (!of.is_empty()).then(|| script.pick(&of))
    }

    fn command(&mut self, script: &mut Script<'_>) {
        let command = match script.below(16) {
            0 | 1 => {
                let to = script.address();
                self.named.insert(SocketAddr::new(to.ip().to_canonical(), to.port()));
                Command::Connect { host: to.ip().to_string(), port: to.port() }
            }
            2 => Command::Connect { host: script.name(), port: 6346 },
            3 => Command::Disconnect { peer: self.some_peer(script) },
            4 if script.rarely(2) => {
                let prefix_len = script.pick(&[32, 32, 24, 128, 0]);
                Command::Block { network: script.address().ip(), prefix_len }
            }
            4 => Command::Unblock { network: script.address().ip(), prefix_len: 32 },
            5 => {
                let address = script.address();
                self.named.insert(address);
                Command::Remember(vec![HostRecord {
                    heard_s: 1_699_999_999,
                    ..HostRecord::new(address)
                }])
            }
            6..=8 => Command::Search { search: self.search_id(script), query: script.search() },
            9 => {
                let host = script.address();
                let host = if host.port() == 0 { self.config.listen } else { host };
                let host = SocketAddr::new(host.ip(), host.port().max(1));
                self.named.insert(host);
                Command::Browse { search: self.search_id(script), host }
            }
            10 => Command::StopSearch { search: self.search_id(script) },
            11..=13 => {
                let request = DownloadRequest {
                    name: script.name(),
                    size: if script.rarely(2) { None } else { Some(1_000) },
                    sha1: (!script.rarely(3)).then(|| script.sha1()),
                    sources: script.sources(&self.guids),
                };
                self.named.extend(request.sources.iter().map(|source| source.address));
                let proxies = request.sources.iter().flat_map(|source| &source.push_proxies);
                self.named.extend(proxies.copied());
                Command::Download { download: self.download_id(script), request }
            }
            14 => {
                let download = self.download_id(script);
                Command::AddSources { download, sources: script.sources(&self.guids) }
            }
            15 if script.rarely(4) => Command::AskForHosts { host: script.address() },
            _ if script.rarely(16) => Command::Shutdown,
            _ => Command::CancelDownload { download: self.download_id(script) },
        };
        self.give(Input::Command(command));
    }

    fn some_peer(&self, script: &mut Script<'_>) -> SocketAddr {
        let peer = self.one_of(script, Phase::Open).and_then(|conn| self.conns.get(&conn));
        peer.map_or(self.config.listen, |row| row.peer)
    }

    fn search_id(&self, script: &mut Script<'_>) -> SearchId {
        SearchId(script.below(5) as u64)
    }

    fn download_id(&self, script: &mut Script<'_>) -> DownloadId {
        DownloadId(script.below(3) as u64)
    }

    /// What is shared changes.
    fn share(&mut self, script: &mut Script<'_>) {
        let number = 1 + script.below(4) as u32;
        if script.rarely(4) {
            self.files.remove(&number);
            return self.give(Input::Library(Change::Remove(vec![FileIndex(number)])));
        }
        let size = if script.rarely(4) { script.number() } else { 1_000 };
        self.files.insert(number, size);
        let entry = Entry {
            index: FileIndex(number),
            name: script.name(),
            folder: String::new(),
            size,
            sha1: (!script.rarely(4)).then(|| script.sha1()),
            modified_at_s: 0,
        };
        self.give(Input::Library(Change::Add(Arc::new(Segment::new(vec![entry])))));
    }

    /// The disk does one thing, or cannot.
    fn serve_disk(&mut self, script: &mut Script<'_>) {
        let Some(order) = self.disk.pop_front() else { return };
        let id = match &order {
            DiskOrder::Open { download, .. }
            | DiskOrder::Hash { download, .. }
            | DiskOrder::Publish { download, .. } => *download,
            DiskOrder::Forget { .. } | DiskOrder::Discard { .. } => return,
        };
        let failure = script.pick(&[DiskFailure::Full, DiskFailure::Missing]);
        let report = match order {
            _ if script.rarely(16) => DiskReport::Failed { download: id, failure },
            DiskOrder::Open { .. } => {
                let have = if script.rarely(4) { vec![0..10, 20..30] } else { Vec::new() };
                DiskReport::Opened { download: id, have }
            }
            DiskOrder::Hash { .. } => DiskReport::Hashed { download: id, sha1: script.sha1() },
            _ => DiskReport::Published { download: id, path: "here".to_owned() },
        };
        self.give(Input::Disk(report));
    }

    /// Some datagrams come.
    fn datagram(&mut self, script: &mut Script<'_>) {
        for _ in 0..script.below(8) {
            let from = script.address();
            let data = if script.rarely(8) {
                script.raw().to_vec()
            } else {
                script.descriptor(&self.guids)
            };
            *self.came.entry(from.ip().to_canonical()).or_default() += data.len() as u64;
            self.give(Input::Datagram { from, data: &data });
        }
    }

    /// The gateway answers, a name was looked up, or datagrams come.
    fn resolve(&mut self, script: &mut Script<'_>) {
        if std::mem::take(&mut self.gateway_asked) {
            let external = script.address();
            let lifetime_s = script.number() as u32;
            let mapped = Mapped { external, lifetime_s, method: MappingMethod::NatPmp };
            let refused = Err(MappingFailure::Refused);
            let answer = if script.rarely(3) { refused } else { Ok(mapped) };
            return self.give(Input::PortMapped(answer));
        }
        let Some(lookup) = self.lookups.pop() else { return self.datagram(script) };
        let ip = script.address().ip();
        self.named.insert(SocketAddr::new(ip.to_canonical(), 6346));
        let addresses = if script.rarely(4) { Vec::new() } else { vec![ip] };
        self.give(Input::Resolved { lookup, addresses });
    }
}
