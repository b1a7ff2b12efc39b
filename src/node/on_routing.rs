//! The switchboard of query routing: whom a query goes to, what neighbours say of what can be
//! found at them, and what we tell them of ourselves (protocol.md section 17).

use std::time::Duration;

use super::conn::outbox::Priority;
use super::link::Link;
use super::on_message::From;
use super::phase::Phase;
use super::route::flood::Audience;
use super::route::lifetime;
use super::route::tables::{Asked, Number, Refusal, Tables};
use super::route::told::Told;
use super::size::block;
use super::{ConnId, Node, Relation, Tier, Time, Why};
use crate::library::route_table::{Keys, LOG2, Pool, SlotSet};
use crate::wire::qrp::write::Room;
use crate::wire::qrp::{Update, gather};
use crate::wire::{Header, Kind, Query};

/// So long after a link came up it is told our table: others may come with it.
const FIRST_TABLE_AFTER: Duration = Duration::from_secs(1);

/// Tables of both directions. None at all while no link has to do with them.
#[derive(Debug)]
pub(super) struct Routing {
    /// Those of our neighbours; none while none can have one, as with our ultrapeers.
    pub(super) tables: Option<Box<Tables>>,
    told: Told,
    /// When to look next whether somebody is to be told something.
    due: Time,
}

/// Room to work with tables: it takes 400 KB, which all nodes of a world need, but one after the
/// other.
#[derive(Debug, Default)]
pub(super) struct Desk {
    inflating: gather::Room,
    /// Empty in a node alone, which writes once a minute and needs the memory for other things.
    writing: Room,
    /// Whether the nodes of a world have it together.
    pub(super) is_shared: bool,
}

impl Routing {
    /// Bytes that they take.
    pub(super) fn heap_bytes(&self) -> usize {
        let tables = self.tables.as_ref().map_or(0, |tables| tables.heap_bytes());
        block(size_of::<Routing>()) + tables + self.told.heap_bytes()
    }

    /// Tables that equal one of the pool are that one from now on.
    pub(super) fn share(&mut self, pool: &mut Pool) {
        if let Some(tables) = &mut self.tables {
            tables.share(pool);
        }
        self.told.share(pool);
    }
}

impl Node {
    /// A link came up: it gets a number if tables or single queries go over it.
    pub(super) fn route_link_up(&mut self, now: Time, conn: ConnId) {
        let is_used = self.config.query_routing;
        let Some(link) = self.conns.get_mut(conn).and_then(|row| row.phase.link_mut()) else {
            return;
        };
        self.deflating += u32::from(link.deflates);
        if link.relation != Relation::Leaf {
            let at = self.flooded.partition_point(|other| *other < conn);
            self.flooded.insert(at, conn);
        }
        if !is_used && link.relation != Relation::Leaf {
            return;
        }
        let routing = self.routing.get_or_insert_with(|| {
            Box::new(Routing { tables: None, told: Told::default(), due: Time::NEVER })
        });
        // Our ultrapeers have no tables for us, and get all that we pass on: our own queries.
        if link.relation != Relation::Ultrapeer {
            let tables = routing.tables.get_or_insert_default();
            link.number = tables.insert(conn, link.relation, !is_used);
        }
        if is_used && link.is_told_tables() {
            routing.due = routing.due.min(now + FIRST_TABLE_AFTER);
        }
    }

    /// A link is gone.
    pub(super) fn route_link_down(&mut self, conn: ConnId, link: &Link) {
        self.deflating -= u32::from(link.deflates);
        self.flooded.retain(|other| *other != conn);
        if let (Some(tables), Some(number)) = (self.tables_mut(), link.number) {
            tables.remove(number);
        }
    }

    /// The tables of our neighbours, if any can have one.
    pub(super) fn tables(&self) -> Option<&Tables> {
        self.routing.as_ref()?.tables.as_deref()
    }

    /// The same, to be changed.
    pub(super) fn tables_mut(&mut self) -> Option<&mut Tables> {
        self.routing.as_mut()?.tables.as_deref_mut()
    }

    /// When tables are to be looked at.
    pub(super) fn routing_due(&self) -> Time {
        self.routing.as_ref().map_or(Time::NEVER, |routing| routing.due)
    }

    /// A RESET or PATCH; says whether its sender is still a neighbour.
    pub(super) fn on_qrp(
        &mut self,
        now: Time,
        from: From,
        header: &Header,
        payload: &[u8],
    ) -> bool {
        let update = match (lifetime::direct(header), Update::decode(payload)) {
            (Err(why), _) => return self.on_dropped(now, from, why),
            (Ok(()), Err(_)) => return self.on_dropped(now, from, Why::Malformed),
            (Ok(()), Ok(update)) => update,
        };
        let link = self.conns.at_mut(from.at).and_then(|row| row.phase.link_mut());
        // Our ultrapeers need not tell us anything: we pass nothing on to them.
        let number = link.filter(|link| link.relation != Relation::Ultrapeer);
        let number = number.and_then(|link| link.number).filter(|_| self.config.query_routing);
        let tables = self.routing.as_mut().and_then(|routing| routing.tables.as_mut());
        let (Some(number), Some(tables)) = (number, tables) else { return true };
        let room = &mut self.desk.get_or_insert_default().inflating;
        let Err(refusal) = tables.take(now, number, &update, &self.config, room) else {
            return true;
        };
        let why = match refusal {
            Refusal::Wrong(_) => Why::BadRouteTable,
            Refusal::TooOften => Why::RouteUpdatesTooOften,
            Refusal::NoRoom => Why::TableFull,
        };
        self.close(now, from.conn, why, None);
        false
    }

    /// The part of a neighbour's table that is set, in percent.
    pub(super) fn table_percent(&self, number: Number) -> Option<u8> {
        let percent = self.tables()?.fill_percent(number)?;
        Some(percent.min(100) as u8)
    }

    /// Slots that are set in the table that we told.
    pub(super) fn told_slots(&self) -> Option<u32> {
        self.routing.as_ref()?.told.table().map(SlotSet::count)
    }

    /// Passes a query on, to leaves as far as their tables may match, to ultrapeers while its TTL
    /// lasts. `header` is as it leaves us; with a TTL of 0 only leaves get it, with one of 1 an
    /// ultrapeer whose table does not match does not. `source` never gets it; `leaves` is false
    /// when they had it already.
    #[inline]
    pub(super) fn flood(
        &mut self,
        now: Time,
        source: ConnId,
        header: &Header,
        payload: &[u8],
        query: &Query<'_>,
        leaves: bool,
    ) {
        let (all, singly) = self.gather(now, source, header, payload, query, leaves);
        if self.passages.is_some() {
            self.note_flood(source, header, all, singly);
        }
    }

    /// Puts a query into the run of this turn; says whether for all who are flooded, and for how
    /// many singly.
    #[inline]
    fn gather(
        &mut self,
        now: Time,
        source: ConnId,
        header: &Header,
        payload: &[u8],
        query: &Query<'_>,
        leaves: bool,
    ) -> (bool, usize) {
        let goes_on = header.ttl > 0;
        let tables = self.routing.as_mut().and_then(|routing| routing.tables.as_mut());
        let Some(tables) = tables else {
            if goes_on {
                self.run.get_or_insert_default().append(source, header, payload);
            }
            return (goes_on, 0);
        };
        let Node { run, conns, config, .. } = self;
        let run = run.get_or_insert_default();
        let is_last_hop = header.ttl == 1 && tables.any_peer_tables();
        let leaves = leaves && tables.has_leaves();
        if !leaves && !is_last_hop {
            if goes_on {
                run.append(source, header, payload);
            }
            return (goes_on, 0);
        }
        let keys = Keys::of(query);
        let from = conns.get(source).and_then(|row| row.phase.link()?.number);
        let asked = Asked { keys: &keys, from, hops: header.hops };
        let audience = if header.ttl == 0 || is_last_hop {
            // A TTL of 0 is never sent.
            run.append_aimed(&Header { ttl: 1, ..*header }, payload);
            Audience::Aimed
        } else {
            run.append(source, header, payload);
            Audience::Everybody
        };
        let mut singly = 0;
        let mut aim = |number| {
            singly += 1;
            run.aim(audience, number);
        };
        if leaves {
            tables.leaves_for(now, asked, config, &mut aim);
        }
        if is_last_hop {
            tables.peers_for(asked, aim);
        }
        (audience == Audience::Everybody, singly)
    }

    /// Tells neighbours what can be found here, if it is time.
    pub(super) fn tell_tables(&mut self, now: Time) {
        let Node {
            routing: Some(routing),
            conns,
            library,
            letters,
            config,
            tally,
            rng,
            tier,
            desk,
            ..
        } = self
        else {
            return;
        };
        if routing.due > now {
            return;
        }
        routing.due = Time::NEVER;
        let Routing { tables, told, due } = &mut **routing;
        let mut own = Room::default();
        let shared = desk.as_deref_mut().filter(|desk| desk.is_shared);
        let room = shared.map_or(&mut own, |desk| &mut desk.writing);
        let mut links: Vec<ConnId> = Vec::new();
        for (conn, row) in conns.iter() {
            links.extend(row.phase.link().filter(|link| link.is_told_tables()).map(|_| conn));
        }
        if links.is_empty() {
            return;
        }
        if told.next(config) <= now {
            let is_ultrapeer = *tier == Tier::Ultrapeer;
            let shared = library.routed();
            let made_of = (
                shared.version(),
                tables.as_ref().filter(|_| is_ultrapeer).map_or(0, |tables| tables.version()),
            );
            if told.is_made_of(made_of) {
                told.confirm(now);
            } else {
                let mut table = shared.slots();
                if is_ultrapeer {
                    let of_leaves = tables.iter().flat_map(|tables| tables.slots_of_leaves());
                    table = SlotSet::with(LOG2, table.iter().chain(of_leaves));
                }
                told.renew(now, table, made_of, room);
            }
        }
        for conn in links {
            let Some(row) = conns.get_mut(conn) else { continue };
            let waits = row.outbox.waiting_bytes() > config.send_window_bytes;
            let Phase::Link(link) = &mut row.phase else { continue };
            if waits {
                // It does not read. What it missed cannot be told later, only the whole table.
                link.told = 0;
                continue;
            }
            let (version, messages) = told.messages(link.told, room);
            link.told = version;
            for payload in messages {
                let len = payload.len() as u32;
                let header = Header { guid: rng.guid(), kind: Kind::QRP, ttl: 1, hops: 0, len };
                letters.put(conn, Priority::Control, &header, payload);
            }
            tally.sent(Kind::QRP, messages.len() as u64);
        }
        *due = told.next(config).max(now + FIRST_TABLE_AFTER);
    }
}
