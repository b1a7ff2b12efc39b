//! What happened: a running hash of everything, and the last events for failure reports.

use std::fmt;

use super::NodeId;
use super::dice::mix;
use crate::node::io::CloseCause;
use crate::node::{ConnId, Input, Time};

/// One input that a node was given, short enough to keep many.
#[derive(Clone, Copy, Debug)]
struct Record {
    at: Time,
    node: NodeId,
    what: What,
}

/// What it was, and on which connection.
#[derive(Clone, Copy, Debug)]
enum What {
    Plain(Kind),
    Conn(Kind, ConnId),
    Bytes(Kind, ConnId, u64),
    Closed(ConnId, CloseCause),
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Wakes,
    EndsTurn,
    IsCommanded,
    LibraryChanges,
    Accepts,
    IsConnected,
    Receives,
    HasSent,
    HasCarried,
    ReceivesDatagram,
    NameIsLookedUp,
    HearsFromDisk,
    HearsFromGateway,
    Closed,
}

impl Kind {
    fn text(self) -> &'static str {
        match self {
            Kind::Wakes => "wakes",
            Kind::EndsTurn => "ends its turn",
            Kind::IsCommanded => "is commanded",
            Kind::LibraryChanges => "has its library changed",
            Kind::Accepts => "accepts",
            Kind::IsConnected => "is connected",
            Kind::Receives => "receives",
            Kind::HasSent => "has sent",
            Kind::HasCarried => "has carried",
            Kind::ReceivesDatagram => "receives a datagram",
            Kind::NameIsLookedUp => "has a name looked up",
            Kind::HearsFromDisk => "hears from its disk",
            Kind::HearsFromGateway => "hears from its gateway",
            Kind::Closed => "loses",
        }
    }
}

impl What {
    #[inline]
    fn of(input: &Input<'_>) -> What {
        match *input {
            Input::Wake => What::Plain(Kind::Wakes),
            Input::TurnOver => What::Plain(Kind::EndsTurn),
            Input::Command(_) => What::Plain(Kind::IsCommanded),
            Input::Library(_) => What::Plain(Kind::LibraryChanges),
            Input::Accepted { conn, .. } => What::Conn(Kind::Accepts, conn),
            Input::Connected { conn, .. } => What::Conn(Kind::IsConnected, conn),
            Input::Received { conn, data } => What::Bytes(Kind::Receives, conn, data.len() as u64),
            Input::Sent { conn, len } => What::Bytes(Kind::HasSent, conn, u64::from(len)),
            Input::Carried { conn, len } => What::Bytes(Kind::HasCarried, conn, len),
            Input::Closed { conn, cause } => What::Closed(conn, cause),
            Input::Datagram { .. } => What::Plain(Kind::ReceivesDatagram),
            Input::Resolved { .. } => What::Plain(Kind::NameIsLookedUp),
            Input::Disk(_) => What::Plain(Kind::HearsFromDisk),
            Input::PortMapped(_) => What::Plain(Kind::HearsFromGateway),
        }
    }

    /// What of it goes into the hash: which kind, which connection, how much.
    #[inline]
    fn words(self) -> (Kind, u64, u64) {
        match self {
            What::Plain(kind) => (kind, 0, 0),
            What::Conn(kind, conn) => (kind, conn.0, 0),
            What::Bytes(kind, conn, len) => (kind, conn.0, len),
            What::Closed(conn, cause) => (Kind::Closed, conn.0, cause as u64),
        }
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {} ", self.at, self.node)?;
        match self.what {
            What::Plain(kind) => f.write_str(kind.text()),
            What::Conn(kind, conn) => write!(f, "{} {conn:?}", kind.text()),
            What::Bytes(kind, conn, len) => write!(f, "{} {len} bytes on {conn:?}", kind.text()),
            What::Closed(conn, cause) => write!(f, "loses {conn:?}: {cause:?}"),
        }
    }
}

/// The running hash and the last events.
#[derive(Debug)]
pub(super) struct Trace {
    hash: u64,
    steps: u64,
    /// A ring: step `s` is at `s % history_max`.
    history: Vec<Record>,
    history_max: usize,
}

impl Trace {
    /// Keeps so many of the last events.
    pub(super) fn new(seed: u64, history_max: usize) -> Trace {
        Trace { hash: mix(seed), steps: 0, history: Vec::new(), history_max: history_max.max(1) }
    }

    /// A node is about to be given this.
    #[inline]
    pub(super) fn input(&mut self, at: Time, node: NodeId, input: &Input<'_>) {
        let what = What::of(input);
        let (kind, conn, amount) = what.words();
        self.word(at.as_micros());
        self.word(u64::from(node.0) << 32 | kind as u64);
        self.word(conn);
        self.word(amount);
        if let Input::Received { data, .. } | Input::Datagram { data, .. } = input {
            self.bytes(data);
        }
        let record = Record { at, node, what };
        let slot = (self.steps % self.history_max as u64) as usize;
        self.steps += 1;
        match self.history.get_mut(slot) {
            Some(place) => *place = record,
            None => self.history.push(record),
        }
    }

    #[inline]
    fn word(&mut self, word: u64) {
        self.hash = (self.hash.rotate_left(23) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for &word in words {
            self.word(u64::from_le_bytes(word));
        }
        self.word(rest.iter().fold(1, |all, &byte| all << 8 | u64::from(byte)));
    }

    /// The hash of every input so far, in order: equal runs have equal hashes.
    pub(super) fn hash(&self) -> u64 {
        mix(self.hash)
    }

    /// How many inputs so far.
    pub(super) fn steps(&self) -> u64 {
        self.steps
    }

    /// The last events of these nodes, at most `count`, the latest last.
    pub(super) fn last_of(&self, nodes: &[NodeId], count: usize) -> Vec<String> {
        let newest = (self.steps % self.history_max as u64) as usize;
        let (new, old) = self.history.split_at(newest.min(self.history.len()));
        let mut last: Vec<String> = (old.iter().chain(new).rev())
            .filter(|record| nodes.contains(&record.node))
            .take(count)
            .map(Record::to_string)
            .collect();
        last.reverse();
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(data: &[&[u8]]) -> Trace {
        let mut trace = Trace::new(1, 4);
        for (at, data) in (0..).zip(data) {
            let conn = ConnId::ordered(at);
            trace.input(
                Time::from_micros(at),
                NodeId(at as u32 % 2),
                &Input::Received { conn, data },
            );
        }
        trace
    }

    #[test]
    fn equal_runs_have_equal_hashes_and_any_difference_shows() {
        let hash = |data: &[&[u8]]| run(data).hash();
        assert_eq!(hash(&[b"0123456789", b"x"]), hash(&[b"0123456789", b"x"]));
        assert_ne!(hash(&[b"0123456789", b"x"]), hash(&[b"0123456789", b"y"]));
        assert_ne!(hash(&[b"0123456789", b"x"]), hash(&[b"012345678", b"9x"]));
        assert_ne!(hash(&[b"x", b"x"]), hash(&[b"x"]));
    }

    #[test]
    fn keeps_the_last_events_in_order() {
        let trace = run(&[b"a", b"bb", b"ccc", b"dddd", b"eeeee", b"ffffff"]);
        assert_eq!(trace.steps(), 6);
        let last = trace.last_of(&[NodeId(0)], 10);
        assert_eq!(
            last,
            ["0.000002s n0 receives 3 bytes on out2", "0.000004s n0 receives 5 bytes on out4"]
        );
        assert_eq!(trace.last_of(&[NodeId(0), NodeId(1)], 2).len(), 2);
    }
}
