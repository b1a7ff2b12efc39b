//! A whole node, a driver and a world that obey a script, and what must hold whatever it says.
//!
//! The driver's side of the boundary is played as `node::io` promises it: nothing is received
//! while a body is being stored, every `Close` is answered by `Closed`, names are used once.

mod look;
mod script;
mod steps;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use filbert::library::FileIndex;
use filbert::node::io::{DiskOrder, DownloadId, LookupId};
use filbert::node::{Action, Config, ConnId, Event, Input, Node, Rng, Role, Time, WallTime};
use filbert::wire::{Kind, frame};
use flate2::write::ZlibEncoder;

use script::{Guids, Script};

/// How often each thing happened: so that a test can see that scripts get anywhere.
pub(crate) type Happened = BTreeMap<&'static str, u64>;

/// Plays a script to its end; panics if the node does what it must not.
pub(crate) fn play(bytes: &[u8]) -> Happened {
    let mut script = Script::new(bytes);
    let mut stage = Stage::new(&mut script);
    while !script.done() {
        stage.step(&mut script);
        stage.look();
    }
    stage.finish();
    stage.happened
}

/// A connection as the driver knows it.
#[derive(Debug)]
struct Conn {
    peer: SocketAddr,
    phase: Phase,
    /// What the node ordered to be sent and is not reported yet.
    orders: VecDeque<Order>,
    /// What is still to be stored of a body.
    store: Option<u64>,
    /// What came behind it.
    behind: Vec<u8>,
    paused: bool,
    /// Deflates what the peer says, once it is a neighbour that does so.
    deflater: Option<ZlibEncoder<Vec<u8>>>,
    /// The last head that the node sent.
    asked: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Connecting,
    Open,
    Flushing,
    Closing,
}

#[derive(Clone, Copy, Debug)]
enum Order {
    Bytes(u64),
    File(u64),
}

impl Conn {
    fn new(peer: SocketAddr, phase: Phase) -> Conn {
        Conn {
            peer,
            phase,
            orders: VecDeque::new(),
            store: None,
            behind: Vec::new(),
            paused: false,
            deflater: None,
            asked: Vec::new(),
        }
    }

    /// Bytes of `Send` that are not reported yet.
    fn outstanding(&self) -> u64 {
        let of = |order: &Order| if let Order::Bytes(len) = order { *len } else { 0 };
        self.orders.iter().map(of).sum()
    }
}

struct Stage {
    node: Node,
    config: Arc<Config>,
    guids: Guids,
    now: Time,
    conns: BTreeMap<ConnId, Conn>,
    /// Names that were used and are not to be used again.
    ordered: BTreeSet<ConnId>,
    accepted: u64,
    lookups: Vec<LookupId>,
    /// Whether the gateway was asked and has not answered.
    gateway_asked: bool,
    disk: VecDeque<DiskOrder>,
    opened: BTreeSet<DownloadId>,
    files: BTreeMap<u32, u64>,
    /// Addresses that the user named.
    named: BTreeSet<SocketAddr>,
    /// Whether there was a neighbour of a local network: when there are no others, local addresses
    /// may be learnt, and what was learnt is kept.
    was_local: bool,
    /// Bytes of datagrams from and to each address.
    came: BTreeMap<IpAddr, u64>,
    posted: BTreeMap<IpAddr, u64>,
    /// Addresses that were neighbours: who is there is proven.
    reached: BTreeSet<IpAddr>,
    happened: Happened,
}

/// Small limits, so that scripts reach them.
fn config(script: &mut Script<'_>) -> Config {
    let role = match (script.rarely(4), script.rarely(4)) {
        (true, _) => Role::Leaf,
        (false, true) => Role::Auto,
        (false, false) => Role::Ultrapeer,
    };
    Config {
        role,
        auto_connect: !script.rarely(3),
        local_addresses: script.rarely(2),
        local_is_open: !script.rarely(4),
        compress_links: !script.rarely(3),
        listen: SocketAddr::from(([9, 9, 9, 9], if script.rarely(4) { 0 } else { 6346 })),
        neighbours_wanted: 2,
        neighbours_max: 4,
        leaves_max: 3,
        ultrapeers_wanted: 2,
        subnet_share_percent: 50,
        newcomer_share_percent: 50,
        newcomer_stay_s: 10,
        tier_pause_s: 30,
        ultrapeer_uptime_s: 30,
        connections_max: 12,
        unknown_connections_max: 5,
        connections_per_address_max: 4,
        connecting_max: 3,
        head_bytes_max: 2_048,
        seen_queries_max: 56,
        push_routes_max: 14,
        send_queue_bytes_max: 4_000,
        send_window_bytes: 1_000,
        inflated_bytes_max: 100_000,
        hosts_max: 20,
        blocks_max: 3,
        searches_max: 3,
        queries_per_leaf_max: 2,
        leaf_queries_max: 3,
        results_per_search_max: 5,
        upload_slots: 2,
        browses_max: 2,
        downloads_max: 2,
        sources_per_download_max: 4,
        active_sources_per_download_max: 2,
        pieces_per_download_max: 4,
        share_bytes_min: 400,
        request_bytes_max: 1_000,
        stalled_bytes: 100,
        counted_addresses_max: 4,
        pushes_max: 3,
        datagram_pings_max: 2,
        ..Config::default()
    }
}

impl Stage {
    fn new(script: &mut Script<'_>) -> Stage {
        let config = Arc::new(config(script));
        let mut rng = Rng::from_u64(1);
        let guid = rng.guid();
        Stage {
            node: Node::new(Arc::clone(&config), guid, rng, WallTime(1_700_000_000_000_000)),
            config,
            guids: Guids::new(guid),
            now: Time::ZERO,
            conns: BTreeMap::new(),
            ordered: BTreeSet::new(),
            accepted: 0,
            lookups: Vec::new(),
            gateway_asked: false,
            disk: VecDeque::new(),
            opened: BTreeSet::new(),
            files: BTreeMap::new(),
            named: BTreeSet::new(),
            was_local: false,
            came: BTreeMap::new(),
            posted: BTreeMap::new(),
            reached: BTreeSet::new(),
            happened: Happened::new(),
        }
    }

    fn count(&mut self, what: &'static str) {
        *self.happened.entry(what).or_default() += 1;
    }

    /// Gives an input and takes note of what the node wants.
    fn give(&mut self, input: Input<'_>) {
        let data = match &input {
            Input::Received { conn, data } => Some((*conn, data.len())),
            _ => None,
        };
        let actions: Vec<Action> = self.node.handle(self.now, input).collect();
        for (at, action) in actions.iter().enumerate() {
            self.perform(action, &actions[at + 1..], data);
        }
    }

    fn perform(&mut self, action: &Action, later: &[Action], data: Option<(ConnId, usize)>) {
        match action {
            Action::Connect { conn, to } => self.on_connect(*conn, *to),
            Action::Resolve { lookup, .. } => self.lookups.push(*lookup),
            Action::Send { conn, chunk } => {
                let closes =
                    |action: &Action| matches!(action, Action::Close { conn: c, .. } if c == conn);
                let last = later.iter().any(closes);
                self.on_send(*conn, chunk.bytes(), last);
            }
            Action::SendFile { conn, file, range } => self.on_send_file(*conn, *file, range),
            Action::StoreInto { conn, download, range, body_at } => {
                let len = data.filter(|(at, _)| at == conn).map_or(0, |(_, len)| len);
                assert!(*body_at as usize <= len, "the body begins at {body_at} of {len}");
                assert!(!range.is_empty() && self.opened.contains(download), "{action:?}");
                let row = open(&mut self.conns, *conn);
                assert!(row.store.is_none(), "two bodies at once");
                row.store = Some(range.end - range.start);
                self.count("body");
            }
            Action::Pause { conn } => open(&mut self.conns, *conn).paused = true,
            Action::Resume { conn } => open(&mut self.conns, *conn).paused = false,
            Action::Close { conn, flush } => {
                let row = self.conns.get_mut(conn).expect("closes what there is");
                let hurries = row.phase == Phase::Flushing && !*flush;
                let stands = !matches!(row.phase, Phase::Flushing | Phase::Closing);
                assert!(stands || hurries, "{conn:?} is closed twice");
                row.phase = if *flush { Phase::Flushing } else { Phase::Closing };
            }
            Action::SendDatagram { to, data } => self.on_post(*to, data.len()),
            Action::Disk(order) => self.on_disk(order),
            Action::Emit(event) => self.on_event(event),
            Action::MapPort => {
                assert!(!self.gateway_asked, "the gateway is asked twice at once");
                self.gateway_asked = true;
            }
            Action::UnmapPort => {}
        }
    }

    /// Answers stay below three times what came; first words are few. Exact as long as no host is
    /// pushed out of the table of datagrams' hosts, so that one has its usual size here.
    fn on_post(&mut self, to: SocketAddr, len: usize) {
        assert!(to.port() != 0 && !to.ip().is_unspecified() && !to.ip().is_multicast(), "{to}");
        let ip = to.ip().to_canonical();
        let neighbours = self.node.view().neighbours;
        self.reached.extend(neighbours.iter().map(|link| link.peer.ip().to_canonical()));
        let sent = self.posted.entry(ip).or_default();
        *sent += len as u64;
        let came = self.came.get(&ip).copied().unwrap_or(0);
        let minutes = self.now.as_micros() / 60_000_000 + 1;
        let first_words = minutes * u64::from(self.config.unasked_bytes_max);
        let proven = self.reached.contains(&ip);
        assert!(proven || *sent <= 3 * came + first_words, "{sent} bytes to {to} for {came}");
        self.count("datagram");
    }

    fn on_connect(&mut self, conn: ConnId, to: SocketAddr) {
        assert!(!conn.is_accepted() && self.ordered.insert(conn), "{conn:?} is used again");
        self.conns.insert(conn, Conn::new(to, Phase::Connecting));
        let ip = to.ip().to_canonical();
        let local = match ip {
            IpAddr::V4(ip) => ip.is_private() || ip.is_loopback(),
            IpAddr::V6(ip) => ip.is_loopback(),
        };
        assert!(to.port() != 0, "no port: {to}");
        let blocked = self.node.view().blocked;
        let is = |&(network, len): &(IpAddr, u8)| network == ip && len >= 32;
        assert!(!blocked.iter().any(is), "{to} is blocked");
        assert!(self.named.contains(&to) || !ip.is_unspecified() && !ip.is_multicast(), "{to}");
        let local_allowed = self.config.local_addresses || self.was_local;
        assert!(self.named.contains(&to) || local_allowed || !local, "{to}");
        self.count("connect");
    }

    fn on_send(&mut self, conn: ConnId, bytes: &[u8], last: bool) {
        let window = u64::from(self.config.send_window_bytes);
        let row = open(&mut self.conns, conn);
        assert!(!bytes.is_empty());
        assert!(last || row.outstanding() < window, "more than the window is outstanding");
        row.orders.push_back(Order::Bytes(bytes.len() as u64));
        if bytes.starts_with(b"GET ") {
            row.asked = bytes.to_vec();
        }
        // GUIDs that the node chose: answers must name them.
        let limits = frame::SizeLimits {
            query_bytes_max: 4_096,
            hit_bytes_max: 65_536,
            other_bytes_max: 4_096,
            length_flags: false,
        };
        let mut rest = bytes;
        while let frame::Next::Whole { header, rest: after, .. } = frame::next(rest, &limits) {
            rest = after;
            if matches!(header.kind, Kind::QUERY | Kind::PING) && header.hops == 0 {
                self.guids.learn(header.guid);
            }
            if matches!(header.kind, Kind::QUERY_HIT | Kind::PUSH) {
                *self.happened.entry("hit or push sent").or_default() += 1;
            }
        }
    }

    fn on_send_file(&mut self, conn: ConnId, file: FileIndex, range: &Range<u64>) {
        let size = self.files.get(&file.0).expect("a file that is shared");
        assert!(range.start < range.end && range.end <= *size, "{range:?} of {size}");
        open(&mut self.conns, conn).orders.push_back(Order::File(range.end - range.start));
        self.count("file sent");
    }

    fn on_disk(&mut self, order: &DiskOrder) {
        match order {
            DiskOrder::Open { download, .. } => drop(self.opened.insert(*download)),
            DiskOrder::Discard { .. } => {}
            DiskOrder::Forget { download, .. } | DiskOrder::Hash { download, .. } => {
                assert!(self.opened.contains(download), "{order:?}");
            }
            DiskOrder::Publish { download, name } => {
                assert!(self.opened.contains(download), "{order:?}");
                assert!(!name.is_empty() && !name.starts_with('.') && name.len() <= 255);
                assert!(!name.contains(['/', '\\', '\0']));
                self.count("published");
            }
        }
        self.disk.push_back(order.clone());
    }

    fn on_event(&mut self, event: &Event) {
        match event {
            Event::LinkUp { peer, .. } => {
                let public = |ip: IpAddr| matches!(ip, IpAddr::V4(ip) if ip.octets()[0] == 8);
                self.was_local |= !public(peer.ip());
                self.count("link");
            }
            Event::Found { hits, .. } => {
                assert!(!hits.is_empty());
                self.count("found");
            }
            Event::Stopped => self.count("stopped"),
            _ => {}
        }
    }

    /// Bytes of a peer, in one piece or two, as far as they are read.
    fn receive(&mut self, script: &mut Script<'_>, conn: ConnId, says: &[u8]) {
        let middle = if script.rarely(2) { script.below(256).min(says.len()) } else { 0 };
        let (first, second) = says.split_at(middle);
        for piece in [first, second] {
            for data in piece.chunks(65_536) {
                self.deliver(conn, data.to_vec());
            }
        }
    }

    fn deliver(&mut self, conn: ConnId, mut data: Vec<u8>) {
        while !data.is_empty() {
            let Some(row) = self.conns.get_mut(&conn) else { return };
            if row.phase != Phase::Open {
                return;
            }
            if row.store.is_some() || row.paused {
                row.behind.append(&mut data);
                return;
            }
            self.receive_at_once(conn, &mut data);
        }
    }

    /// Gives bytes to the node; what belongs to a body is stored, `data` is what lies behind it.
    fn receive_at_once(&mut self, conn: ConnId, data: &mut Vec<u8>) {
        let mut body_at = None;
        let input = Input::Received { conn, data };
        let actions: Vec<Action> = self.node.handle(self.now, input).collect();
        for (at, action) in actions.iter().enumerate() {
            self.perform(action, &actions[at + 1..], Some((conn, data.len())));
            if let Action::StoreInto { conn: into, body_at: begin, .. } = action
                && *into == conn
            {
                body_at = Some(*begin as usize);
            }
        }
        let Some(body_at) = body_at else { return data.clear() };
        data.drain(..body_at);
        let stored = self.store(conn, data.len() as u64);
        data.drain(..stored as usize);
    }

    /// So many bytes of a body are stored at most; says how many.
    fn store(&mut self, conn: ConnId, len: u64) -> u64 {
        let Some(row) = self.conns.get_mut(&conn) else { return 0 };
        let Some(left) = row.store.filter(|_| row.phase == Phase::Open) else { return 0 };
        let len = len.min(left);
        row.store = (left > len).then_some(left - len);
        if len > 0 {
            self.give(Input::Carried { conn, len });
        }
        len
    }

    /// Time passes and deadlines are kept; the node must not want to be woken again and again.
    fn pass(&mut self, duration: Duration) {
        let until = self.now + duration;
        let (mut woken_at, mut times) = (Time::NEVER, 0);
        while let Some(at) = self.node.deadline().filter(|&at| at <= until) {
            self.now = self.now.max(at);
            times = if woken_at == self.now { times + 1 } else { 0 };
            woken_at = self.now;
            assert!(times < 5, "woken again and again at {:?}", self.now);
            self.give(Input::Wake);
        }
        self.now = until;
    }
}

/// The connection of an action: it must stand, as far as the node can know.
fn open(conns: &mut BTreeMap<ConnId, Conn>, conn: ConnId) -> &mut Conn {
    let row = conns.get_mut(&conn).unwrap_or_else(|| panic!("{conn:?} does not exist"));
    assert_eq!(row.phase, Phase::Open, "{conn:?} does not stand");
    row
}
