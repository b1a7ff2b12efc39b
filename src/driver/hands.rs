//! The sockets, timers and disk of one node: what performs its actions.
//!
//! Nothing here calls the node. What an action brings about at once (a connection that cannot be
//! opened, say) waits in `told` until the loop gives it to the node.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use smol::channel::Sender;

use super::bell::Bell;
use super::carry::{Body, Rest};
use super::conditions::lane::Way;
use super::conditions::shaping::Shaping;
use super::disk::Disk;
use super::mapping::Mapper;
use super::post::Post;
use super::sharing::Shelf;
use super::subscribe::Subscribers;
use super::tcp::{Conn, Left, Stage};
use super::udp::Udp;
use crate::node::io::{CloseCause, DiskReport};
use crate::node::{Config, ConnId, Input};

/// Everything of a driver but the node and the loop.
#[derive(Debug)]
pub(super) struct Hands {
    pub(super) bell: Arc<Bell>,
    pub(super) posts: Sender<Post>,
    pub(super) subscribers: Arc<Subscribers>,
    pub(super) udp: Udp,
    pub(super) disk: Disk,
    pub(super) shelf: Shelf,
    /// Asks the gateway; taken at the end.
    pub(super) mapper: Option<Mapper>,
    /// The address to connect from, if it was said.
    pub(super) from: Option<IpAddr>,
    pub(super) connect_timeout: Duration,
    pub(super) linger: Duration,
    pub(super) conns: HashMap<ConnId, Box<Conn>, foldhash::fast::RandomState>,
    /// What the node must be told before the turn is over.
    pub(super) told: VecDeque<Input<'static>>,
    /// Connections with something to write.
    pub(super) dirty: Vec<ConnId>,
    /// Connections to be read again without waiting.
    pub(super) again: Vec<ConnId>,
    /// When the stages of connections end at the latest.
    pub(super) due: BTreeSet<(Instant, ConnId)>,
    /// What holds up connections and datagrams in a laboratory; `None`: nothing does.
    pub(super) shaping: Option<Box<Shaping>>,
    /// The node has stopped.
    pub(super) stopped: bool,
}

impl Hands {
    /// Hands that hold nothing yet.
    pub(super) fn new(
        bell: Arc<Bell>,
        posts: Sender<Post>,
        subscribers: Arc<Subscribers>,
        udp: Udp,
        disk: Disk,
        shelf: Shelf,
        config: &Config,
    ) -> Hands {
        let from = config.listen.ip();
        Hands {
            bell,
            mapper: Some(Mapper::new(config.listen, posts.clone())),
            posts,
            subscribers,
            udp,
            disk,
            shelf,
            from: (!from.is_unspecified()).then_some(from),
            connect_timeout: Duration::from_secs(config.connect_timeout_s.into()),
            linger: Duration::from_secs(config.linger_s.into()),
            conns: HashMap::default(),
            told: VecDeque::new(),
            dirty: Vec::new(),
            again: Vec::new(),
            due: BTreeSet::new(),
            shaping: None,
            stopped: false,
        }
    }

    /// The connection is over: forgets it and tells the node. A file body that is just being
    /// moved is stopped first, so that nothing is stored after the node knows of the end.
    pub(super) fn end(&mut self, id: ConnId, cause: CloseCause) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        if let Some(body) = &conn.body
            && body.rest().is_none()
        {
            if !matches!(conn.stage, Stage::Ending(_)) {
                conn.stage = Stage::Ending(cause);
                body.stop();
                conn.cut();
                conn.drop_queued();
            }
            return;
        }
        let (due, stream) = (conn.due, conn.stream());
        self.conns.remove(&id);
        if let Some(due) = due {
            self.due.remove(&(due, id));
        }
        let is_known = self.shaping.as_mut().is_none_or(|shaping| shaping.close(id, stream));
        if is_known {
            self.told.push_back(Input::Closed { conn: id, cause });
        }
    }

    /// All connections are over.
    pub(super) fn end_all(&mut self) {
        let all: Vec<ConnId> = self.conns.keys().copied().collect();
        for id in all {
            self.end(id, CloseCause::Ordered);
        }
    }

    /// The stage that the connection is in ends `after` from now at the latest.
    pub(super) fn limit(&mut self, id: ConnId, after: Option<Duration>) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        if let Some(due) = conn.due.take() {
            self.due.remove(&(due, id));
        }
        if let Some(due) = after.and_then(|after| Instant::now().checked_add(after)) {
            conn.due = Some(due);
            self.due.insert((due, id));
        }
    }

    /// Marks a connection that has something to write.
    pub(super) fn soil(&mut self, id: ConnId) {
        if let Some(conn) = self.conns.get_mut(&id)
            && !conn.dirty
        {
            conn.dirty = true;
            self.dirty.push(id);
        }
    }

    /// Writes what a connection has; returns how many bytes went out.
    pub(super) fn write(&mut self, id: ConnId) -> u32 {
        let Some(conn) = self.conns.get_mut(&id) else { return 0 };
        conn.dirty = false;
        let is_uploading = conn.body.as_ref().is_some_and(|body| !body.is_download());
        if is_uploading || !matches!(conn.stage, Stage::Open | Stage::Flushing) {
            return 0;
        }
        let (sent, left) = match &mut self.shaping {
            None => conn.write(),
            Some(shaping) => {
                let now = Instant::now();
                if shaping.portion(id, now, Way::Out) == 0 {
                    return 0;
                }
                let (sent, left) = conn.write();
                shaping.charge(id, now, Way::Out, sent.into());
                (sent, left)
            }
        };
        match left {
            Left::NotYet => conn.arm_write(id, &self.bell),
            Left::Broken => self.end(id, CloseCause::Reset),
            Left::File => self.upload(id),
            Left::Nothing if conn.stage == Stage::Flushing => {
                conn.say_end();
                conn.stage = Stage::Lingering;
                conn.arm_read();
            }
            Left::Nothing if conn.ended => self.end(id, CloseCause::PeerClosed),
            Left::Nothing => {}
        }
        sent
    }

    /// A connection that was ordered stands, or does not.
    pub(super) fn stands(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        if let Some(shaping) = &mut self.shaping
            && !shaping.may_stand(id, Instant::now())
        {
            return;
        }
        match conn.stands() {
            None => conn.arm_write(id, &self.bell),
            Some(Err(cause)) => self.end(id, cause),
            Some(Ok(())) => match conn.local() {
                Err(_) => self.end(id, CloseCause::Reset),
                Ok(local) => {
                    conn.stage = Stage::Open;
                    conn.arm_read();
                    self.limit(id, None);
                    self.told.push_back(Input::Connected { conn: id, local });
                    self.soil(id);
                }
            },
        }
    }

    /// The other side will send nothing more: what we still have for it goes out first.
    pub(super) fn peer_ended(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        if conn.has_more_to_say() {
            conn.ended = true;
        } else {
            self.end(id, CloseCause::PeerClosed);
        }
    }

    /// A stage took too long.
    pub(super) fn overdue(&mut self, now: Instant) {
        while let Some(&(due, id)) = self.due.first()
            && due <= now
        {
            self.due.pop_first();
            let Some(conn) = self.conns.get_mut(&id) else { continue };
            conn.due = None;
            match conn.stage {
                Stage::Connecting => self.end(id, CloseCause::TimedOut),
                Stage::Flushing | Stage::Lingering => self.end(id, CloseCause::Ordered),
                Stage::Open | Stage::Ending(_) => {}
            }
        }
    }

    /// The body of a connection rests. Returns it if it is done and the node has more to read.
    pub(super) fn body_rests(&mut self, id: ConnId, rest: Rest) -> Option<Arc<Body>> {
        let conn = self.conns.get_mut(&id)?;
        if let Stage::Ending(cause) = conn.stage {
            conn.body = None;
            self.end(id, cause);
            return None;
        }
        let body = conn.body.as_ref()?;
        match rest {
            Rest::Waits if body.is_download() => conn.arm_read(),
            Rest::Waits => conn.arm_write(id, &self.bell),
            Rest::Broken(cause) => {
                conn.body = None;
                self.end(id, cause);
            }
            Rest::Failed(download, failure) => {
                // What comes now is of no use to anybody; the node will close.
                conn.body = None;
                conn.paused = true;
                self.told.push_back(Input::Disk(DiskReport::Failed { download, failure }));
            }
            Rest::Done if body.is_download() => return conn.body.take(),
            Rest::Done => {
                conn.body = None;
                self.soil(id);
            }
        }
        None
    }

    /// Moves a waiting body on if its socket rang.
    pub(super) fn move_on(&mut self, id: ConnId, is_download: bool) -> bool {
        let Some(conn) = self.conns.get(&id) else { return false };
        let Some(body) = conn.body.as_ref().filter(|body| body.is_download() == is_download) else {
            return false;
        };
        if body.rest() != Some(Rest::Waits) {
            return true;
        }
        let portion = match &mut self.shaping {
            None => u64::MAX,
            Some(shaping) if is_download => shaping.portion_of_body(id, Instant::now()),
            Some(shaping) => shaping.portion(id, Instant::now(), Way::Out),
        };
        if portion > 0 {
            body.go_on(id, conn, &self.bell, portion);
        }
        true
    }
}

impl Drop for Hands {
    /// However the driver ends, nobody waits for its events any more.
    fn drop(&mut self) {
        self.subscribers.close();
    }
}
