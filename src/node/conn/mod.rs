//! TCP connections, whatever they turn out to be: the table of them, in the order of their names,
//! with one timer each.

pub(super) mod letters;
pub(super) mod outbox;
pub(super) mod sniff;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use super::{ConnId, Time};
use outbox::Outbox;

/// One connection in phase `P`.
#[derive(Debug)]
pub(super) struct Conn<P> {
    /// Who.
    pub peer: SocketAddr,
    /// Our own address on it; unspecified until it stands.
    pub local: IpAddr,
    /// What waits to be sent.
    pub outbox: Outbox,
    /// What it is at present.
    pub phase: P,
    due: Time,
}

/// All connections. Rows are sorted by name, so that every walk over them has one order.
#[derive(Debug)]
pub(super) struct Table<P> {
    rows: Vec<(ConnId, Box<Conn<P>>)>,
    per_address: BTreeMap<IpAddr, u32>,
    timers: BTreeSet<(Time, ConnId)>,
}

impl<P> Default for Table<P> {
    fn default() -> Self {
        Self { rows: Vec::new(), per_address: BTreeMap::new(), timers: BTreeSet::new() }
    }
}

impl<P> Table<P> {
    /// A new connection.
    pub(super) fn insert(&mut self, conn: ConnId, peer: SocketAddr, local: IpAddr, phase: P) {
        let row = Conn { peer, local, outbox: Outbox::default(), phase, due: Time::NEVER };
        let at = self.rows.partition_point(|(other, _)| *other < conn);
        self.rows.insert(at, (conn, Box::new(row)));
        *self.per_address.entry(peer.ip()).or_default() += 1;
    }

    /// Forgets a connection.
    pub(super) fn remove(&mut self, conn: ConnId) -> Option<Box<Conn<P>>> {
        let at = self.position(conn)?;
        let (_, row) = self.rows.remove(at);
        self.timers.remove(&(row.due, conn));
        if let Some(count) = self.per_address.get_mut(&row.peer.ip()) {
            *count -= 1;
            if *count == 0 {
                self.per_address.remove(&row.peer.ip());
            }
        }
        Some(row)
    }

    /// Where the connection stands in the table.
    #[inline]
    pub(super) fn position(&self, conn: ConnId) -> Option<usize> {
        self.rows.binary_search_by_key(&conn, |(name, _)| *name).ok()
    }

    /// The connection at this place, as [`Table::position`] gave it.
    #[inline]
    pub(super) fn at_mut(&mut self, at: usize) -> Option<&mut Conn<P>> {
        self.rows.get_mut(at).map(|(_, row)| &mut **row)
    }

    /// The connection.
    pub(super) fn get(&self, conn: ConnId) -> Option<&Conn<P>> {
        self.position(conn).map(|at| &*self.rows[at].1)
    }

    /// The connection, to be changed.
    pub(super) fn get_mut(&mut self, conn: ConnId) -> Option<&mut Conn<P>> {
        self.position(conn).map(|at| &mut *self.rows[at].1)
    }

    /// All connections, in the order of their names.
    pub(super) fn iter(&self) -> impl Iterator<Item = (ConnId, &Conn<P>)> {
        self.rows.iter().map(|(conn, row)| (*conn, &**row))
    }

    /// All connections, to be changed.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (ConnId, &mut Conn<P>)> {
        self.rows.iter_mut().map(|(conn, row)| (*conn, &mut **row))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// How many there are to or from this address.
    pub(super) fn count_of(&self, address: IpAddr) -> u32 {
        self.per_address.get(&address).copied().unwrap_or(0)
    }

    /// Sets the timer of a connection; `Time::NEVER` stops it.
    pub(super) fn set_timer(&mut self, conn: ConnId, due: Time) {
        let Some(at) = self.position(conn) else { return };
        let row = &mut self.rows[at].1;
        if row.due < Time::NEVER {
            self.timers.remove(&(row.due, conn));
        }
        row.due = due;
        if due < Time::NEVER {
            self.timers.insert((due, conn));
        }
    }

    /// The earliest timer.
    pub(super) fn next_timer(&self) -> Time {
        self.timers.first().map_or(Time::NEVER, |&(due, _)| due)
    }

    /// Takes the earliest timer that is due.
    pub(super) fn take_due(&mut self, now: Time) -> Option<ConnId> {
        let &(due, conn) = self.timers.first().filter(|&&(due, _)| due <= now)?;
        self.timers.remove(&(due, conn));
        if let Some(row) = self.get_mut(conn) {
            row.due = Time::NEVER;
        }
        Some(conn)
    }
}
