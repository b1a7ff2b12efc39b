//! What each action of the node means for sockets, names and the disk: one function each.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::carry::Body;
use super::conditions::shaping::Shaping;
use super::hands::Hands;
use super::mapping::Mapper;
use super::names;
use super::tcp::{self, Conn, Piece, Stage};
use crate::library::FileIndex;
use crate::node::io::{CloseCause, DiskFailure, DiskReport, DownloadId};
use crate::node::{Action, Chunk, ConnId, Event, Input};

impl Hands {
    /// Performs one action. `current` is the `Received` that brought it about, if one did.
    pub(super) fn perform(&mut self, action: Action, current: Option<(ConnId, &[u8])>) {
        match action {
            Action::Connect { conn, to } => self.connect(conn, to),
            Action::Resolve { lookup, host } => names::resolve(lookup, host, self.posts.clone()),
            Action::Send { conn, chunk } => self.send(conn, chunk),
            Action::SendFile { conn, file, range } => self.send_file(conn, file, range),
            Action::StoreInto { conn, download, range, body_at } => {
                let came = match current {
                    Some((of, data)) if of == conn => data.get(body_at as usize..),
                    _ => None,
                };
                self.store_into(conn, download, range, came.unwrap_or_default());
            }
            Action::Pause { conn } => self.pause(conn),
            Action::Resume { conn } => self.resume(conn),
            Action::Close { conn, flush } => self.close(conn, flush),
            Action::SendDatagram { to, data } => self.send_datagram(to, &data),
            Action::Disk(order) => self.disk.order(order),
            Action::Emit(event) => self.emit(event),
            Action::MapPort => self.mapper.iter_mut().for_each(Mapper::map),
            Action::UnmapPort => self.mapper.iter_mut().for_each(Mapper::unmap),
        }
    }

    fn connect(&mut self, id: ConnId, to: SocketAddr) {
        let is_silent = self.shaping.as_mut().is_some_and(|shaping| {
            shaping.open(id, to.ip(), Instant::now());
            shaping.is_held(id)
        });
        let opened = tcp::connect(to, self.from, is_silent)
            .and_then(|stream| Conn::new(id, stream, to.ip(), Stage::Connecting, &self.bell));
        match opened {
            Ok(mut conn) => {
                conn.arm_write(id, &self.bell);
                self.conns.insert(id, Box::new(conn));
                self.limit(id, Some(self.connect_timeout));
            }
            Err(e) => {
                let cause = tcp::cause_of(&e);
                self.shaping.iter_mut().for_each(|shaping| shaping.forget(id));
                self.told.push_back(Input::Closed { conn: id, cause });
            }
        }
    }

    fn send(&mut self, id: ConnId, chunk: Chunk) {
        if chunk.is_empty() {
            return;
        }
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.put(Piece::Chunk(chunk));
            self.soil(id);
        }
    }

    fn send_datagram(&mut self, to: SocketAddr, data: &Chunk) {
        let leaves = |shaping: &mut Box<Shaping>| shaping.may_leave(to.ip(), Instant::now());
        if self.shaping.as_mut().is_none_or(leaves) {
            self.udp.send(to, data.bytes());
        }
    }

    fn send_file(&mut self, id: ConnId, file: FileIndex, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.put(Piece::File(file, range));
            self.soil(id);
        }
    }

    /// All before the file is out: its body takes over.
    pub(super) fn upload(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let Some((file, range)) = conn.take_file() else { return };
        conn.body = Some(Arc::new(Body::upload(self.shelf.clone(), file, range)));
        self.move_on(id, false);
    }

    fn store_into(&mut self, id: ConnId, download: DownloadId, range: Range<u64>, came: &[u8]) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let Some(partial) = self.disk.partial(download) else {
            conn.paused = true;
            let failure = DiskFailure::Missing;
            self.told.push_back(Input::Disk(DiskReport::Failed { download, failure }));
            return;
        };
        let body = match &mut self.shaping {
            None => Body::download(download, partial, range, came),
            Some(shaping) => {
                let came = [came, &shaping.take_for_body(id)].concat();
                Body::download(download, partial, range, &came)
            }
        };
        conn.body = Some(Arc::new(body));
        self.move_on(id, true);
    }

    fn pause(&mut self, id: ConnId) {
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.paused = true;
        }
    }

    fn resume(&mut self, id: ConnId) {
        if let Some(conn) = self.conns.get_mut(&id)
            && conn.paused
        {
            conn.paused = false;
            self.again.push(id);
        }
    }

    fn close(&mut self, id: ConnId, flush: bool) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let is_storing = conn.body.as_ref().is_some_and(|body| body.is_download());
        match conn.stage {
            Stage::Open if flush && !is_storing => {
                conn.stage = Stage::Flushing;
                self.limit(id, Some(self.linger));
                self.soil(id);
            }
            Stage::Flushing | Stage::Lingering if flush => {}
            _ => self.end(id, CloseCause::Ordered),
        }
    }

    fn emit(&mut self, event: Event) {
        self.stopped |= event == Event::Stopped;
        self.subscribers.tell(event);
    }
}
