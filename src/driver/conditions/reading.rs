//! The loop's part of conditions: sockets are read into the queues, and the node gets what has
//! arrived.

use std::time::Instant;

use super::Conditions;
use super::gate;
use super::lane::{Arrival, Way};
use super::shaping::Shaping;
use crate::driver::tcp::{Got, Stage};
use crate::driver::turn::Turns;
use crate::node::io::CloseCause;
use crate::node::{ConnId, Input};

impl Turns {
    /// These count from now on.
    pub(in crate::driver) fn set_conditions(&mut self, conditions: Conditions) {
        let now = Instant::now();
        let hands = &mut self.hands;
        if hands.shaping.is_none() {
            if conditions.is_nothing() {
                return;
            }
            let mut shaping = Box::new(Shaping::new());
            hands.conns.iter().for_each(|(&id, conn)| shaping.open(id, conn.peer, now));
            hands.shaping = Some(shaping);
        }
        match conditions.firewalled {
            true => gate::shut(self.listener.socket()),
            false => gate::shut_to(self.listener.socket(), &conditions.silent),
        }
        let Some(shaping) = &mut hands.shaping else { return };
        shaping.set(conditions);
        for (&id, conn) in &hands.conns {
            match (conn.stage, shaping.is_held(id)) {
                (Stage::Connecting, true) => conn.deafen(),
                (Stage::Connecting, false) => conn.hear(),
                (_, true) => conn.body.iter().for_each(|body| body.hold()),
                (_, false) => {}
            }
        }
        self.look_at_all();
    }

    fn look_at_all(&mut self) {
        let all: Vec<ConnId> = self.hands.conns.keys().copied().collect();
        all.into_iter().for_each(|id| self.look_at(id));
    }

    /// Whatever this connection waited for may have come about.
    fn look_at(&mut self, id: ConnId) {
        let Some(conn) = self.hands.conns.get(&id) else { return };
        if conn.stage == Stage::Connecting {
            return self.hands.stands(id);
        }
        let is_download = conn.body.as_ref().map(|body| body.is_download());
        let has_moved = is_download.is_some_and(|is_download| self.hands.move_on(id, is_download));
        if !has_moved || is_download == Some(false) {
            self.read(id);
        }
        self.hands.soil(id);
    }

    /// Gives the node what has arrived by now.
    pub(in crate::driver) fn look_at_shaping(&mut self, now: Instant) {
        while let Some((from, data)) =
            self.hands.shaping.as_mut().and_then(|shaping| shaping.datagram_arrived(now))
        {
            self.feed(Input::Datagram { from, data: &data });
        }
        while let Some(id) = self.hands.shaping.as_mut().and_then(|shaping| shaping.rang(now)) {
            self.look_at(id);
        }
        if self.hands.shaping.as_ref().is_some_and(|shaping| shaping.is_over()) {
            self.hands.shaping = None;
            self.look_at_all();
        }
    }

    /// Reads a connection into its queue, and gives the node what has arrived.
    pub(in crate::driver) fn read_shaped(&mut self, id: ConnId) {
        self.read_into_queue(id);
        let now = Instant::now();
        while let Some(conn) = self.hands.conns.get(&id)
            && conn.is_read_by_node()
            && let Some(shaping) = &mut self.hands.shaping
            && let Some((arrival, is_free_again)) = shaping.arrived(id, now)
        {
            if is_free_again {
                self.hands.again.push(id);
            }
            match arrival {
                Arrival::Accepted(peer, local) => {
                    self.feed(Input::Accepted { conn: id, peer, local });
                }
                Arrival::Bytes(bytes) => {
                    self.feed(Input::Received { conn: id, data: &bytes });
                }
                Arrival::End => self.hands.peer_ended(id),
                Arrival::Broken => self.hands.end(id, CloseCause::Reset),
            }
        }
    }

    fn read_into_queue(&mut self, id: ConnId) {
        let now = Instant::now();
        let Some(conn) = self.hands.conns.get(&id).filter(|conn| conn.is_read_by_node()) else {
            return;
        };
        let Some(shaping) = &mut self.hands.shaping else { return };
        if !shaping.has_room(id) {
            return;
        }
        let portion = shaping.portion(id, now, Way::In);
        if portion == 0 {
            return;
        }
        let wanted = usize::try_from(portion).unwrap_or(usize::MAX).min(self.buffer.len());
        match conn.read(&mut self.buffer[..wanted]) {
            Got::Bytes(len) => {
                shaping.charge(id, now, Way::In, len as u64);
                shaping.came(id, now, Arrival::Bytes(self.buffer[..len].to_vec()));
                match len == wanted {
                    true => self.hands.again.push(id),
                    false => conn.arm_read(),
                }
            }
            Got::NotYet => conn.arm_read(),
            Got::End => shaping.came(id, now, Arrival::End),
            Got::Broken => shaping.came(id, now, Arrival::Broken),
        }
    }
}
