//! The switchboard of one-hop replication, for laboratories (see [`super::search::near`]).

use super::conn::outbox::Priority;
use super::on_message::From;
use super::route::lifetime;
use super::search::answer;
use super::search::near::Neighbour;
use super::{ConnId, Node, Relation, Why};
use crate::library::FileIndex;
use crate::wire::{Header, Kind, Query, QueryFlags, QueryHit};

impl Node {
    /// Whether neighbours answer for each other here.
    #[inline]
    pub(super) fn is_replicated(&self) -> bool {
        self.config.one_hop_replication && self.config.local_addresses
    }

    /// A neighbour that passes queries on is told what we share.
    pub(super) fn tell_shares(&mut self, conn: ConnId) {
        let link = self.conns.get(conn).and_then(|row| row.phase.link());
        if !self.is_replicated() || link.is_none_or(|link| link.relation == Relation::Leaf) {
            return;
        }
        let us = self.us(true, None);
        let Node { library, config, letters, tally, .. } = self;
        let found: Vec<FileIndex> = library.entries().map(|entry| entry.index).collect();
        let guid = us.servent;
        answer::hits(
            &found,
            library,
            &us,
            answer::HIT_BYTES_MAX,
            config,
            |_| Vec::new(),
            |payload| {
                let len = payload.len() as u32;
                let header = Header { guid, kind: Kind::QUERY_HIT, ttl: 1, hops: 0, len };
                letters.put(conn, Priority::Hit, &header, payload);
                tally.sent(Kind::QUERY_HIT, 1);
            },
        );
    }

    /// What we share has changed.
    pub(super) fn tell_shares_anew(&mut self) {
        if self.is_replicated() {
            let links = self.conns.iter().filter(|(_, row)| row.phase.link().is_some());
            for conn in links.map(|(conn, _)| conn).collect::<Vec<_>>() {
                self.tell_shares(conn);
            }
        }
    }

    /// A neighbour tells what it shares.
    pub(super) fn on_shares_told(&mut self, from: ConnId, payload: &[u8]) -> Result<(), Why> {
        let hit = QueryHit::decode(payload).map_err(|_| Why::Malformed)?;
        let near = self.near.get_or_insert_default();
        let kept = near.told(from, &hit, self.config.one_hop_files_max);
        if kept { Ok(()) } else { Err(Why::TableFull) }
    }

    /// Answers a query for our neighbours; says how many of their files match.
    pub(super) fn answer_for_neighbours(
        &mut self,
        from: From,
        query_header: &Header,
        query: &Query<'_>,
    ) -> usize {
        let Node { near: Some(near), found, config, letters, tally, conns, .. } = self else {
            return 0;
        };
        let waiting = conns.at_mut(from.at).map_or(0, |row| row.outbox.waiting_bytes());
        if waiting >= config.send_queue_bytes_max {
            self.out.count(Why::QueueFull);
            return 0;
        }
        let binary_hashes = query.flags.contains(QueryFlags::GGEP_HASH);
        let ttl = lifetime::hit_ttl(query_header);
        let mut files = 0;
        for Neighbour { us, library } in near.others(from.conn) {
            found.clear();
            answer::matches(query, library, config, found);
            if found.is_empty() || answer::is_useless(query, us) {
                continue;
            }
            files += found.len();
            let us = answer::Us { binary_hashes, ..us.clone() };
            let bytes_max = answer::HIT_BYTES_MAX;
            answer::hits(
                found,
                library,
                &us,
                bytes_max,
                config,
                |_| Vec::new(),
                |payload| {
                    let len = payload.len() as u32;
                    let header =
                        Header { kind: Kind::QUERY_HIT, ttl, hops: 0, len, ..*query_header };
                    letters.put(from.conn, Priority::Hit, &header, payload);
                    tally.sent(Kind::QUERY_HIT, 1);
                },
            );
        }
        self.note_answered(files);
        self.bound_the_turn();
        files
    }
}
