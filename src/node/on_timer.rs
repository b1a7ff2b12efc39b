//! The switchboard of time: what happens when a deadline came.

use super::io::SearchEnd;
use super::link::Link;
use super::link::health::Checkup;
use super::phase::Phase;
use super::{ConnId, Node, Relation, Time, Why};

impl Node {
    pub(super) fn on_wake(&mut self, now: Time) {
        while let Some(conn) = self.conns.take_due(now) {
            self.on_connection_due(now, conn);
        }
        while let Some((asker, search)) = self.searches.take_due(now, &self.config) {
            let end = if search.payload.is_some() && search.asked == 0 {
                SearchEnd::NoNeighbours
            } else {
                SearchEnd::TimedOut
            };
            self.dynamic.end(&search.guid);
            self.end_search(asker, end);
        }
        self.tell_tables(now);
        self.on_offers_due(now);
        self.go_on_asking(now);
        self.widen_rings(now);
        self.look_after_reach(now);
        if let Some(transfers) = &mut self.transfers {
            transfers.wake(now, &mut self.out);
            self.grant_wishes(now);
        }
        self.on_turn_over(now);
    }

    fn on_connection_due(&mut self, now: Time, conn: ConnId) {
        let alone = self.is_cut_off(now, conn);
        let Some(row) = self.conns.get_mut(conn) else { return };
        match &mut row.phase {
            Phase::Link(link) => {
                let patience = link.patience(&self.config);
                match link.health.check(now, patience, alone, &self.config) {
                    Checkup::Fine(at) => self.conns.set_timer(conn, at),
                    Checkup::Ping(at) => {
                        self.conns.set_timer(conn, at);
                        self.ping(conn, 1);
                    }
                    Checkup::Dead => self.close(now, conn, Why::NoAlivePong, None),
                }
            }
            Phase::AwaitsConnection | Phase::ConnectsBack => {
                self.close(now, conn, Why::ConnectFailed, None)
            }
            Phase::AwaitsFirstBytes(_)
            | Phase::AwaitsGreeting(_)
            | Phase::AwaitsAnswer(_)
            | Phase::AwaitsLastBlock(_)
            | Phase::AwaitsWebCache
            | Phase::AwaitsHostList(_) => self.close(now, conn, Why::TooSlow, None),
            Phase::Transfer | Phase::Closing => {}
        }
    }

    /// Whether this neighbour is one of those who connect us to the network, is silent, and all the
    /// others are too.
    fn is_cut_off(&self, now: Time, conn: ConnId) -> bool {
        let wanted = Relation::wanted_by(self.tier);
        let silent = |link: &Link| link.health.is_silent(now, link.patience(&self.config));
        let connects = |phase: &Phase| {
            phase.link().is_some_and(|link| link.relation == wanted && !silent(link))
        };
        let link = self.conns.get(conn).and_then(|row| row.phase.link());
        link.is_some_and(|link| link.relation == wanted && silent(link))
            && !self.conns.iter().any(|(_, row)| connects(&row.phase))
    }
}
