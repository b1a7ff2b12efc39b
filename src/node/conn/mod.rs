//! TCP connections, whatever they turn out to be: the table of them, in the order of their names,
//! with one timer each.

pub(super) mod letters;
pub(super) mod outbox;
pub(super) mod sniff;

use std::collections::BTreeMap;
use std::mem::size_of;
use std::net::{IpAddr, SocketAddr};

use super::place::Place;
use super::size::block;
use super::{ConnId, Time};
use outbox::Outbox;

/// One connection in phase `P`. What every query asks of it stands first, side by side.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Conn<P> {
    /// What waits to be sent.
    pub outbox: Outbox,
    /// What it is at present.
    pub phase: P,
    /// Who.
    peer: Place,
    /// Our own address on it, while that matters: until it is a neighbour.
    pub local: Option<Box<IpAddr>>,
}

/// So many rows are looked through for the next one that is wanted.
const NEAR: usize = 8;

/// A table has room for so many as soon as it holds one: as many as a leaf has neighbours.
const FIRST: usize = 3;

/// A table of so many has room for so many more: none if it is small, as most are.
fn slack(len: usize) -> usize {
    len / 8
}

/// From so many connections on they are counted by address; fewer are looked through.
const COUNTED_FROM: usize = 32;

/// All connections. Rows are sorted by name, so that every walk over them has one order. What they
/// are looked up by lies apart: thousands are looked through in the time that one takes to handle.
#[derive(Debug)]
pub(super) struct Table<P> {
    rows: Vec<Row>,
    /// What belongs to the rows, in their order.
    conns: Vec<Conn<P>>,
    /// How many there are by address; empty while they are few.
    per_address: BTreeMap<IpAddr, u32>,
    /// The earliest timer.
    next: Time,
}

#[derive(Debug)]
struct Row {
    name: ConnId,
    /// Its timer. Here and not in a table of its own: each fires once in many seconds.
    due: Time,
}

impl<P> Conn<P> {
    /// Who.
    #[inline]
    pub(super) fn peer(&self) -> SocketAddr {
        self.peer.address()
    }
}

impl<P> Default for Table<P> {
    fn default() -> Self {
        let (rows, conns) = (Vec::new(), Vec::new());
        Self { rows, conns, per_address: BTreeMap::new(), next: Time::NEVER }
    }
}

impl<P> Table<P> {
    /// A new connection.
    pub(super) fn insert(&mut self, conn: ConnId, peer: SocketAddr, local: IpAddr, phase: P) {
        let local = Some(Box::new(local));
        let new = Conn { peer: peer.into(), local, outbox: Outbox::default(), phase };
        let at = self.rows.partition_point(|row| row.name < conn);
        if self.conns.len() == self.conns.capacity() {
            let more = if self.conns.is_empty() { FIRST } else { slack(self.conns.len()).max(1) };
            self.rows.reserve_exact(more);
            self.conns.reserve_exact(more);
        }
        self.rows.insert(at, Row { name: conn, due: Time::NEVER });
        self.conns.insert(at, new);
        if self.conns.len() == COUNTED_FROM {
            for row in &self.conns {
                *self.per_address.entry(row.peer().ip()).or_default() += 1;
            }
        } else if !self.per_address.is_empty() {
            *self.per_address.entry(peer.ip()).or_default() += 1;
        }
    }

    /// Forgets a connection.
    pub(super) fn remove(&mut self, conn: ConnId) -> Option<Conn<P>> {
        let at = self.position(conn)?;
        self.set_timer(conn, Time::NEVER);
        self.rows.remove(at);
        let row = self.conns.remove(at);
        let len = self.conns.len();
        if self.conns.capacity() - len > 2 * slack(len) {
            self.rows.shrink_to(len);
            self.conns.shrink_to(len);
        }
        if self.rows.len() < COUNTED_FROM {
            self.per_address.clear();
        } else if let Some(count) = self.per_address.get_mut(&row.peer().ip()) {
            *count -= 1;
            if *count == 0 {
                self.per_address.remove(&row.peer().ip());
            }
        }
        Some(row)
    }

    /// Where the connection stands in the table.
    #[inline]
    pub(super) fn position(&self, conn: ConnId) -> Option<usize> {
        self.rows.binary_search_by_key(&conn, |row| row.name).ok()
    }

    /// The connection at this place, as [`Table::position`] gave it.
    #[inline]
    pub(super) fn at_mut(&mut self, at: usize) -> Option<&mut Conn<P>> {
        self.conns.get_mut(at)
    }

    /// The connection.
    pub(super) fn get(&self, conn: ConnId) -> Option<&Conn<P>> {
        self.conns.get(self.position(conn)?)
    }

    /// The connection, to be changed.
    pub(super) fn get_mut(&mut self, conn: ConnId) -> Option<&mut Conn<P>> {
        let at = self.position(conn)?;
        self.conns.get_mut(at)
    }

    /// The same for one who wants many in the order of their names: mostly it stands at `from`, or
    /// shortly behind. Moves `from` on.
    #[inline]
    pub(super) fn next_mut(&mut self, from: &mut usize, conn: ConnId) -> Option<&mut Conn<P>> {
        let near = self.rows.iter().skip(*from).take(NEAR).position(|row| row.name == conn);
        let at = near.map(|near| *from + near).or_else(|| self.position(conn))?;
        *from = at + 1;
        self.conns.get_mut(at)
    }

    /// All connections, in the order of their names.
    pub(super) fn iter(&self) -> impl Iterator<Item = (ConnId, &Conn<P>)> {
        self.rows.iter().zip(&self.conns).map(|(row, conn)| (row.name, conn))
    }

    /// All connections, to be changed.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (ConnId, &mut Conn<P>)> {
        self.rows.iter().zip(&mut self.conns).map(|(row, conn)| (row.name, conn))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Bytes that the table takes beside itself.
    pub(super) fn heap_bytes(&self) -> usize {
        let rows = block(self.rows.capacity() * size_of::<Row>());
        rows + block(self.conns.capacity() * size_of::<Conn<P>>())
    }

    /// How many there are to or from this address.
    pub(super) fn count_of(&self, address: IpAddr) -> u32 {
        if self.per_address.is_empty() {
            let of_address = self.conns.iter().filter(|row| row.peer().ip() == address);
            return of_address.count() as u32;
        }
        self.per_address.get(&address).copied().unwrap_or(0)
    }

    /// Sets the timer of a connection; `Time::NEVER` stops it.
    pub(super) fn set_timer(&mut self, conn: ConnId, due: Time) {
        let Some(at) = self.position(conn) else { return };
        let before = std::mem::replace(&mut self.rows[at].due, due);
        if due <= self.next {
            self.next = due;
        } else if before == self.next {
            self.next = self.rows.iter().map(|row| row.due).min().unwrap_or(Time::NEVER);
        }
    }

    /// The earliest timer.
    pub(super) fn next_timer(&self) -> Time {
        self.next
    }

    /// Takes the earliest timer that is due.
    pub(super) fn take_due(&mut self, now: Time) -> Option<ConnId> {
        if self.next > now || self.next == Time::NEVER {
            return None;
        }
        let name = self.rows.iter().find(|row| row.due == self.next)?.name;
        self.set_timer(name, Time::NEVER);
        Some(name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// As sorted sets do: timers in their order, those of one instant by name.
        #[test]
        fn timers_and_addresses_are_those_of_the_rows(
            steps in prop::collection::vec((0_u8..4, 1_u64..60, 0_u64..20), 0..400),
        ) {
            let mut table = Table::<()>::default();
            let address = |name: u64| IpAddr::from([192, 0, 2, (name % 7) as u8]);
            let (mut names, mut timers) = (BTreeSet::new(), BTreeSet::new());
            for (what, name, at) in steps {
                let (conn, at) = (ConnId(name), Time::from_micros(at));
                match what {
                    0 if names.insert(name) => {
                        table.insert(conn, (address(name), 1).into(), address(0), ());
                    }
                    0 | 1 => {
                        if names.contains(&name) {
                            timers.retain(|&(_, other)| other != conn);
                            timers.insert((at, conn));
                        }
                        table.set_timer(conn, at);
                    }
                    2 => {
                        prop_assert_eq!(table.remove(conn).is_some(), names.remove(&name));
                        timers.retain(|&(_, other)| other != conn);
                    }
                    _ => {
                        let due = timers.first().filter(|&&(due, _)| due <= at).copied();
                        prop_assert_eq!(table.take_due(at), due.map(|(_, conn)| conn));
                        timers.retain(|&timer| Some(timer) != due);
                    }
                }
                let next = timers.first().map_or(Time::NEVER, |&(due, _)| due);
                prop_assert_eq!((table.next_timer(), table.len()), (next, names.len()));
                for host in 0..7 {
                    let count = names.iter().filter(|&&name| address(name) == address(host)).count();
                    prop_assert_eq!(table.count_of(address(host)), count as u32);
                }
            }
        }
    }
}
