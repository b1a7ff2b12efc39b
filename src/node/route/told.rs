//! What we told our neighbours of what can be found here: one table for all of them, at most one
//! update a minute, written once (protocol.md section 17).

use std::time::Duration;

use crate::library::route_table::{LOG2, Pool, SlotSet};
use crate::node::size::block;
use crate::node::{Config, Time};
use crate::wire::qrp::write::{self, Room};

/// An empty table is followed by a better one sooner: the library may just have been opened.
const EMPTY_TABLE_WAIT: Duration = Duration::from_secs(5);

/// The table that those know whom we told.
#[derive(Debug)]
pub(crate) struct Told {
    table: SlotSet,
    /// Counts the tables; 0: there is none yet.
    version: u32,
    /// The version of the table that was looked up among those of other nodes.
    shared: u32,
    since: Time,
    /// The whole table, as messages.
    whole: Option<Vec<Vec<u8>>>,
    /// What led from the table before to this one, as messages.
    update: Vec<Vec<u8>>,
    /// What it was made from.
    made_of: (u64, u64),
}

impl Default for Told {
    fn default() -> Told {
        Told {
            table: SlotSet::empty(LOG2),
            version: 0,
            shared: 0,
            since: Time::ZERO,
            whole: None,
            update: Vec::new(),
            made_of: (0, 0),
        }
    }
}

impl Told {
    /// Bytes that it takes beside itself.
    pub(crate) fn heap_bytes(&self) -> usize {
        let messages = self.whole.iter().flatten().chain(&self.update);
        let messages = messages.map(|message| size_of_val(message) + block(message.capacity()));
        block(self.table.heap_bytes()) + messages.sum::<usize>()
    }

    /// When there may be a new table.
    pub(crate) fn next(&self, config: &Config) -> Time {
        let wait = Duration::from_secs(config.route_update_s.into());
        match (self.version, self.table.count()) {
            (0, _) => Time::ZERO,
            (_, 0) => self.since + wait.min(EMPTY_TABLE_WAIT),
            _ => self.since + wait,
        }
    }

    /// Whether a table made of this would be the same.
    pub(crate) fn is_made_of(&self, made_of: (u64, u64)) -> bool {
        self.version > 0 && self.made_of == made_of
    }

    /// Nothing changed until now.
    pub(crate) fn confirm(&mut self, now: Time) {
        self.since = now;
    }

    /// What can be found here now.
    pub(crate) fn renew(
        &mut self,
        now: Time,
        table: SlotSet,
        made_of: (u64, u64),
        room: &mut Room,
    ) {
        self.since = now;
        self.made_of = made_of;
        let changes = table.changes_since(&self.table);
        if self.version > 0 && changes.is_empty() {
            return;
        }
        // The first is told to everybody whole.
        self.update = match self.version {
            0 => Vec::new(),
            _ => room.patch(LOG2, changes.into_iter()),
        };
        self.version += 1;
        self.table = table;
        self.whole = None;
    }

    /// The messages for one who knows the table of this version (0: none), and the version that
    /// it knows then.
    pub(crate) fn messages(&mut self, knows: u32, room: &mut Room) -> (u32, &[Vec<u8>]) {
        if knows == self.version {
            return (knows, &[]);
        }
        if knows > 0 && knows + 1 == self.version {
            return (self.version, &self.update);
        }
        let Told { whole, table, version, .. } = self;
        let whole = whole.get_or_insert_with(|| {
            let mut messages = vec![write::reset(LOG2)];
            messages.extend(room.patch(LOG2, table.iter().map(|slot| (slot, true))));
            messages
        });
        (*version, whole)
    }

    /// The table is one with an equal one of the pool from now on.
    pub(crate) fn share(&mut self, pool: &mut Pool) {
        if self.version != self.shared {
            pool.share(&mut self.table);
            self.shared = self.version;
        }
    }

    /// The table, once somebody was told one.
    pub(crate) fn table(&self) -> Option<&SlotSet> {
        (self.version > 0).then_some(&self.table)
    }
}
