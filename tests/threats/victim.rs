//! One node among strangers: they connect, say what they like and read or do not read.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use filbert::library::{Change, Entry, FileIndex, Segment};
use filbert::node::io::CloseCause;
use filbert::node::{Action, Config, ConnId, Event, Input, Node, Rng, Time, View, WallTime, Why};
use filbert::wire::handshake::Block;
use filbert::wire::{Guid, HEADER_LEN, Header, Headers, Kind, Sha1, frame};

/// A node, and what it did.
pub(crate) struct Victim {
    pub(crate) node: Node,
    pub(crate) now: Time,
    accepted: u64,
    /// Connections whose bytes are not taken: no credit comes back for them.
    pub(crate) deaf: BTreeSet<ConnId>,
    /// What was sent on connections that stand.
    pub(crate) sent: BTreeMap<ConnId, Vec<u8>>,
    /// Whether what was sent is kept.
    pub(crate) keeps: bool,
    /// Connections that the node has closed.
    pub(crate) closed: BTreeSet<ConnId>,
    /// Whether nobody is there to whom it connects.
    pub(crate) refuses: bool,
    /// Whom it connected to.
    pub(crate) dialled: Vec<SocketAddr>,
    /// Its orders to connect that nobody has answered so far.
    pub(crate) ordered: Vec<(ConnId, SocketAddr)>,
    pub(crate) events: Vec<Event>,
    /// Everything else that it wanted.
    pub(crate) others: Vec<Action>,
}

/// A node on the public network that does not look for neighbours by itself.
pub(crate) fn config() -> Config {
    Config {
        listen: SocketAddr::from(([9, 9, 9, 9], 6346)),
        auto_connect: false,
        compress_links: true,
        // Strangers are numbered through one network.
        subnet_share_percent: 100,
        ..Config::flat()
    }
}

/// The public address of a stranger.
pub(crate) fn stranger(number: u32) -> SocketAddr {
    SocketAddr::new(IpAddr::from((0x3000_0000 + number).to_be_bytes()), 6346)
}

impl Victim {
    pub(crate) fn new(config: Config) -> Victim {
        let mut rng = Rng::from_u64(7);
        let guid = rng.guid();
        Victim {
            node: Node::new(Arc::new(config), guid, rng, WallTime(1_700_000_000_000_000)),
            now: Time::ZERO,
            accepted: 0,
            deaf: BTreeSet::new(),
            sent: BTreeMap::new(),
            keeps: true,
            closed: BTreeSet::new(),
            refuses: true,
            dialled: Vec::new(),
            ordered: Vec::new(),
            events: Vec::new(),
            others: Vec::new(),
        }
    }

    /// Gives an input and does what follows from it.
    pub(crate) fn give(&mut self, input: Input<'_>) {
        let actions: Vec<Action> = self.node.handle(self.now, input).collect();
        for action in actions {
            match action {
                Action::Send { conn, chunk } => {
                    if self.keeps {
                        self.sent.entry(conn).or_default().extend_from_slice(chunk.bytes());
                    }
                    if !self.deaf.contains(&conn) {
                        self.give(Input::Sent { conn, len: chunk.len() as u32 });
                    }
                }
                // Nothing can be flushed to one that does not read.
                Action::Close { conn, flush: true } if self.deaf.contains(&conn) => {}
                Action::Close { conn, .. } => {
                    self.closed.insert(conn);
                    self.give(Input::Closed { conn, cause: CloseCause::Ordered });
                }
                Action::Connect { conn, to } => {
                    self.dialled.push(to);
                    if self.refuses {
                        self.give(Input::Closed { conn, cause: CloseCause::Unreachable });
                    } else {
                        self.ordered.push((conn, to));
                    }
                }
                Action::Emit(event) => self.events.push(event),
                other => self.others.push(other),
            }
        }
    }

    /// Somebody connects.
    pub(crate) fn accept(&mut self, peer: SocketAddr) -> ConnId {
        self.accepted += 1;
        let conn = ConnId::accepted(self.accepted);
        let local = SocketAddr::from(([9, 9, 9, 9], 6346));
        self.give(Input::Accepted { conn, peer, local });
        conn
    }

    /// A peer says something; whether the node has closed by now.
    pub(crate) fn say(&mut self, conn: ConnId, says: &[u8]) -> bool {
        for data in says.chunks(65_536) {
            if !self.closed.contains(&conn) {
                self.give(Input::Received { conn, data });
            }
        }
        self.give(Input::TurnOver);
        self.closed.contains(&conn)
    }

    /// A stranger becomes a neighbour, with these lines in its last block.
    pub(crate) fn neighbour(&mut self, peer: SocketAddr, last: Headers) -> ConnId {
        let conn = self.accept(peer);
        let mut says = Block::request(Headers::new()).to_bytes();
        says.extend(Block::response(200, "OK", last).to_bytes());
        assert!(!self.say(conn, &says), "{peer} is no neighbour");
        self.sent.remove(&conn);
        conn
    }

    /// Time passes and deadlines are kept.
    pub(crate) fn pass(&mut self, seconds: u64) {
        let until = self.now + Duration::from_secs(seconds);
        while let Some(at) = self.node.deadline().filter(|&at| at <= until) {
            self.now = self.now.max(at);
            self.give(Input::Wake);
        }
        self.now = until;
    }

    /// Shares files of a thousand bytes.
    pub(crate) fn share(&mut self, names: &[&str]) {
        let entries = names.iter().zip(1..).map(|(name, number)| Entry {
            index: FileIndex(number),
            name: (*name).to_owned(),
            folder: String::new(),
            size: 1_000,
            sha1: Some(Sha1([number as u8; 20])),
            modified_at_s: 0,
        });
        self.give(Input::Library(Change::Add(Arc::new(Segment::new(entries.collect())))));
    }

    /// The descriptors of one kind that a neighbour in the clear was sent.
    pub(crate) fn heard(&self, conn: ConnId, kind: Kind) -> Vec<Header> {
        let mut rest = self.sent.get(&conn).map_or(&[][..], |sent| &sent[..]);
        let mut heard = Vec::new();
        while let Some((header, after)) = rest.split_first_chunk::<HEADER_LEN>() {
            let header = Header::decode(header);
            rest = &after[header.len as usize..];
            heard.push(header);
        }
        heard.retain(|header| header.kind == kind);
        heard
    }

    pub(crate) fn view(&self) -> View {
        self.node.view()
    }

    pub(crate) fn count(&self, why: Why) -> u64 {
        self.view().count(why)
    }
}

/// A GUID by number.
pub(crate) fn guid(number: u64) -> Guid {
    let mut bytes = [7; 16];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    Guid::marked(bytes)
}

/// A descriptor.
pub(crate) fn descriptor(guid: Guid, kind: Kind, ttl: u8, hops: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::write(&mut out, guid, kind, ttl, hops, payload);
    out
}

/// The payload of a query for these words.
pub(crate) fn query(words: &str) -> Vec<u8> {
    [&[0x80, 0], words.as_bytes(), &[0]].concat()
}
