//! The switchboard of passages: of every copy of a query or hit that comes while note is taken of
//! them ([`super::passages`]).

use std::net::SocketAddr;

use super::config::Strategy;
use super::on_message::From;
use super::passages::{Fate, Passage, PassagesView};
use super::{ConnId, Node, Time, Why};
use crate::wire::hit::servent_guid;
use crate::wire::{Guid, HEADER_LEN, Header, Kind};

impl Node {
    /// What became of the copies of a query, or of all, as far as note was taken of them.
    pub fn passages(&self, query: Option<Guid>) -> PassagesView {
        match &self.passages {
            Some(passages) => passages.view(self.started_at, query),
            None => PassagesView {
                began: self.started_at,
                max: 0,
                overwritten: 0,
                since: None,
                passages: Vec::new(),
            },
        }
    }

    /// A query or hit of a neighbour, of which note is taken.
    #[cold]
    pub(super) fn on_noted(
        &mut self,
        now: Time,
        from: From,
        header: &Header,
        payload: &[u8],
    ) -> Result<(), Why> {
        let sender = self.conns.at_mut(from.at).map(|row| row.listens().unwrap_or(row.peer()));
        self.noted(now, sender, header, payload, |node| match header.kind {
            Kind::QUERY => node.on_query(now, from, header, payload),
            _ => node.on_hit(now, from, header, payload),
        })
    }

    /// A query or hit that is dealt with here, of which note is taken.
    pub(super) fn noted(
        &mut self,
        now: Time,
        sender: Option<SocketAddr>,
        header: &Header,
        payload: &[u8],
        deal: impl FnOnce(&mut Node) -> Result<(), Why>,
    ) -> Result<(), Why> {
        let is_query = header.kind == Kind::QUERY;
        let was_known = !self.seen.is_unknown(&header.guid);
        let done = deal(self);
        let servent = servent_guid(payload).filter(|_| !is_query);
        if servent == Some(header.guid) && self.is_replicated() {
            // A neighbour tells what it shares: no answer to any query.
            return done;
        }
        let fate = if is_query {
            let walks = matches!(self.relays_by(), Strategy::Walkers { .. });
            fate_of_query(done, was_known, walks)
        } else {
            fate_of_hit(done, self.seen.is_ours(&header.guid))
        };
        let results = if is_query { 0 } else { payload.first().copied().unwrap_or(0).into() };
        let passage = Passage {
            from: sender,
            results,
            servent,
            why: done.err(),
            ..passage(now, header, payload.len(), fate)
        };
        if let Some(passages) = &mut self.passages {
            if fate == Fate::PassedBack {
                passages.sent(1, header.ttl);
            }
            passages.close(passage);
        }
        done
    }

    /// What is at hand goes to so many neighbours with this TTL.
    #[inline]
    pub(super) fn note_sent(&mut self, links: usize, ttl: u8) {
        if let Some(passages) = &mut self.passages {
            passages.sent(links, ttl);
        }
    }

    /// What is at hand is answered with so many files.
    #[inline]
    pub(super) fn note_answered(&mut self, files: usize) {
        if let Some(passages) = &mut self.passages {
            passages.answered(files);
        }
    }

    /// A query of ours was asked, as this header says.
    pub(super) fn note_asked(&mut self, now: Time, header: &Header) {
        if let Some(passages) = &mut self.passages {
            passages.close(passage(now, header, header.len as usize, Fate::Asked));
        }
    }

    /// A query that was asked or held here went to further neighbours, if it did.
    pub(super) fn note_went_on(&mut self, now: Time, header: &Header) {
        if let Some(passages) = self.passages.as_mut().filter(|passages| passages.any_sent()) {
            passages.close(passage(now, header, header.len as usize, Fate::WentOn));
        }
    }

    /// A query goes to all neighbours who are flooded but its source, or to none of them; and to
    /// so many singly.
    #[cold]
    pub(super) fn note_flood(&mut self, source: ConnId, header: &Header, all: bool, singly: usize) {
        let goes_to = |conn: ConnId| {
            let link = self.conns.get(conn).and_then(|row| row.phase.link());
            conn != source && link.is_some_and(|link| header.hops < link.hops_limit)
        };
        let flooded = self.flooded.iter().filter(|&&conn| all && goes_to(conn)).count();
        // A TTL of 0 is never sent.
        self.note_sent(flooded + singly, header.ttl.max(1));
    }
}

fn passage(now: Time, header: &Header, payload_len: usize, fate: Fate) -> Passage {
    Passage {
        at: now,
        guid: header.guid,
        from: None,
        ttl: header.ttl,
        hops: header.hops,
        bytes: u32::try_from(HEADER_LEN + payload_len).unwrap_or(u32::MAX),
        fate,
        links: 0,
        results: 0,
        servent: None,
        why: None,
    }
}

fn fate_of_query(done: Result<(), Why>, was_known: bool, walks: bool) -> Fate {
    match done {
        Err(Why::Duplicate | Why::OwnQuery) => Fate::Duplicate,
        // Handled, and not passed on, or not as a leaf's should be.
        Ok(()) | Err(Why::TtlSpent | Why::NotRelayed | Why::TableFull) => match was_known {
            false => Fate::First,
            true if walks => Fate::Walked,
            true => Fate::HigherTtl,
        },
        Err(_) => Fate::Dropped,
    }
}

fn fate_of_hit(done: Result<(), Why>, is_ours: bool) -> Fate {
    match done {
        Ok(()) if is_ours => Fate::CameHome,
        Ok(()) => Fate::PassedBack,
        Err(Why::NoRoute | Why::RouteLost | Why::NotRelayed) => Fate::NoWayBack,
        Err(_) => Fate::Dropped,
    }
}
