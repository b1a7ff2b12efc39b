//! The switchboard: one line for each input.

use super::phase::Phase;
use super::{ConnId, Input, Node, Time, Why};
use crate::node::io::CloseCause;

impl Node {
    pub(super) fn on_input(&mut self, now: Time, input: Input<'_>) {
        // Bytes of a link say by what they hold whether they stir anything, and credit does not.
        self.stirred |=
            !matches!(input, Input::TurnOver | Input::Received { .. } | Input::Sent { .. });
        match input {
            Input::Wake => self.on_wake(now),
            Input::TurnOver => self.on_turn_over(now),
            Input::Command(command) => self.on_command(now, command),
            Input::Library(change) => {
                self.library.apply(change);
                self.horizon_changed(now);
                self.tell_shares_anew();
            }
            Input::Accepted { conn, peer, local } => self.on_accepted(now, conn, peer, local),
            Input::Connected { conn, local } => self.on_connected(now, conn, local),
            Input::Received { conn, data } => self.on_received(now, conn, data),
            Input::Sent { conn, len } => self.on_sent(now, conn, len),
            Input::Carried { conn, len } => self.on_carried(now, conn, len),
            Input::Closed { conn, cause } => self.on_closed(now, conn, cause),
            Input::Datagram { from, data } => self.on_datagram(now, from, data),
            Input::Resolved { lookup, addresses } => self.on_resolved(now, lookup, &addresses),
            Input::PortMapped(answer) => self.on_port_mapped(now, answer),
            Input::Disk(report) => {
                let Some(transfers) = &mut self.transfers else { return };
                transfers.disk(now, report, &mut self.out);
                self.grant_wishes(now);
            }
        }
    }

    /// Bytes go to whatever the connection is at present.
    fn on_received(&mut self, now: Time, conn: ConnId, data: &[u8]) {
        let at = self.conns.position(conn);
        if let Some(at) = at
            && let Some(link) = self.conns.at_mut(at).and_then(|row| row.phase.link_mut())
        {
            link.bytes_in += data.len() as u64;
            return self.on_link_bytes(now, conn, at, data);
        }
        self.stirred = true;
        let Some(row) = at.and_then(|at| self.conns.at_mut(at)) else {
            return self.transfer_received(now, conn, data);
        };
        match &mut row.phase {
            Phase::AwaitsFirstBytes(_) => self.on_first_bytes(now, conn, data),
            Phase::AwaitsGreeting(_) | Phase::AwaitsAnswer(_) | Phase::AwaitsLastBlock(_) => {
                self.on_handshake_bytes(now, conn, data);
            }
            Phase::Transfer => self.transfer_received(now, conn, data),
            Phase::AwaitsHostList(_) => self.on_host_list(now, conn, data),
            Phase::AwaitsConnection
            | Phase::AwaitsWebCache
            | Phase::ConnectsBack
            | Phase::Link(_)
            | Phase::Closing => {}
        }
    }

    fn on_sent(&mut self, now: Time, conn: ConnId, len: u32) {
        self.line.sent += u64::from(len);
        match self.conns.get_mut(conn) {
            Some(row) if !matches!(row.phase, Phase::Transfer) => {
                row.outbox.sent(conn, len, &self.config, &mut self.out);
            }
            _ => {
                self.stirred = true;
                let Some(transfers) = &mut self.transfers else { return };
                transfers.sent(now, conn, len, &self.library, &mut self.out);
                self.grant_wishes(now);
            }
        }
    }

    fn on_closed(&mut self, now: Time, conn: ConnId, cause: CloseCause) {
        self.out.gone(conn);
        if let Some(transfers) = self.transfers.as_mut().filter(|all| all.owns(conn)) {
            transfers.closed(now, conn, cause, &mut self.out);
            self.grant_wishes(now);
        }
        if cause == CloseCause::PeerClosed {
            self.on_host_list_end(now, conn);
        }
        let why = match cause {
            CloseCause::Unreachable | CloseCause::TimedOut => Why::ConnectFailed,
            CloseCause::Exhausted => Why::TooManyConnections,
            CloseCause::FileUnreadable => Why::DiskFailed,
            CloseCause::Ordered | CloseCause::PeerClosed | CloseCause::Reset => Why::ClosedByPeer,
        };
        self.gone(now, conn, why);
    }
}
