//! The loop: everything that is ready goes into the node, then the turn is over and what the node
//! wants written is written.
//!
//! One task and one thread for the node and all its links: the node's work is serial anyway, and
//! a wake-up across threads costs more than the work of a small turn. Each connection is read once a turn, so a fast one
//! leaves the others theirs.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use smol::Timer;
use smol::channel::{Receiver, Sender};
use smol::stream::Stream as _;

use super::bell::Who;
use super::clock::Clock;
use super::conditions::lane::Way;
use super::hands::Hands;
use super::keep::Keep;
use super::post::Post;
use super::record::Recorder;
use super::tcp::{self, Conn, Got, Listener, Stage};
use super::udp::DATAGRAMS_PER_TURN_MAX;
use crate::node::io::CloseCause;
use crate::node::{ConnId, Input, Node, Time};

/// What is read at once; one buffer for the whole node.
const READ_BYTES: usize = 64 << 10;

/// Connections accepted in one turn at most.
const ACCEPTS_PER_TURN_MAX: usize = 64;

/// Posts taken in one turn at most.
const POSTS_PER_TURN_MAX: usize = 64;

/// When the system is out of descriptors or memory, nobody is accepted for so long.
const NO_ACCEPT_FOR: Duration = Duration::from_millis(250);

/// A node, its hands, and what comes in.
#[derive(Debug)]
pub(super) struct Turns {
    pub(super) node: Node,
    pub(super) hands: Hands,
    pub(super) listener: Listener,
    pub(super) recorder: Option<Recorder>,
    inbox: Pin<Box<Receiver<Post>>>,
    posts: Vec<Post>,
    ready: Vec<Who>,
    pub(super) buffer: Vec<u8>,
    clock: Clock,
    now: Time,
    alarm: Alarm,
    accepted: u64,
    accept_again: Option<Instant>,
    wants_rescan: bool,
    wants_shared: Vec<(PathBuf, Sender<()>)>,
}

impl Turns {
    /// Everything at rest.
    pub(super) fn new(
        node: Node,
        hands: Hands,
        listener: Listener,
        inbox: Receiver<Post>,
        clock: Clock,
        recorder: Option<Recorder>,
    ) -> Turns {
        Turns {
            node,
            hands,
            listener,
            recorder,
            inbox: Box::pin(inbox),
            posts: Vec::new(),
            ready: Vec::new(),
            buffer: vec![0; READ_BYTES],
            clock,
            now: Time::ZERO,
            alarm: Alarm::default(),
            accepted: 0,
            accept_again: None,
            wants_rescan: false,
            wants_shared: Vec::new(),
        }
    }

    /// Gives the node one input and performs what it answers.
    pub(super) fn feed(&mut self, input: Input<'_>) {
        let current = match input {
            Input::Received { conn, data } => Some((conn, data)),
            _ => None,
        };
        if let Some(recorder) = &mut self.recorder {
            recorder.input(self.now, &input);
        }
        for action in self.node.handle(self.now, input) {
            if let Some(recorder) = &mut self.recorder {
                recorder.action(&action);
            }
            self.hands.perform(action, current);
        }
    }

    /// Turn after turn until the node has stopped. File bodies that are just being moved are
    /// waited for, so that nothing is written after the end.
    pub(super) async fn run(&mut self, keep: &mut Keep) {
        self.listener.arm();
        self.hands.udp.arm();
        // What was fed before now is performed first.
        self.turn();
        while !self.hands.stopped {
            self.wait(keep.next()).await;
            self.turn();
            if std::mem::take(&mut self.wants_rescan) {
                keep.rescan();
            }
            for (folder, begun) in self.wants_shared.drain(..) {
                keep.share(folder);
                // Whoever asked may have gone.
                let _ = begun.try_send(());
            }
            if keep.next() <= Instant::now() {
                keep.save(self.node.remembered());
            }
        }
        self.hands.end_all();
        while !self.hands.conns.is_empty() {
            self.wait(keep.next()).await;
            self.turn();
            self.hands.end_all();
        }
    }

    /// One turn.
    fn turn(&mut self) {
        self.now = self.clock.now();
        if self.node.deadline().is_some_and(|deadline| deadline <= self.now) {
            self.feed(Input::Wake);
        }
        self.look_at_timers();
        for post in std::mem::take(&mut self.posts) {
            self.take(post);
        }
        let again = std::mem::take(&mut self.hands.again);
        for id in again {
            self.read(id);
        }
        let mut ready = std::mem::take(&mut self.ready);
        for who in ready.drain(..) {
            match who {
                Who::Listener => self.accept(),
                Who::Udp => self.receive_datagrams(),
                Who::Reader(id) => self.readable(id),
                Who::Writer(id) => self.writable(id),
                Who::Body(id) => self.body_moved(id),
            }
        }
        self.ready = ready;
        self.turn_over();
    }

    /// Nothing more is ready: floods leave, until neither the node nor the sockets have news.
    fn turn_over(&mut self) {
        loop {
            while let Some(input) = self.hands.told.pop_front() {
                self.feed(input);
            }
            self.feed(Input::TurnOver);
            while !self.hands.dirty.is_empty() {
                for conn in std::mem::take(&mut self.hands.dirty) {
                    let len = self.hands.write(conn);
                    if len > 0 {
                        self.feed(Input::Sent { conn, len });
                    }
                }
            }
            if self.hands.told.is_empty() {
                break;
            }
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.turn_over();
        }
    }

    /// Sleeps until somebody rings, a post comes or a time has come.
    async fn wait(&mut self, no_later: Instant) {
        let deadline = self.node.deadline().and_then(|deadline| self.clock.instant(deadline));
        let first_due = self.hands.due.first().map(|(due, _)| *due);
        let shaped = self.hands.shaping.as_ref().and_then(|shaping| shaping.next());
        let times = [deadline, first_due, shaped, self.accept_again, Some(no_later)];
        let next = times.into_iter().flatten().min();
        self.alarm.set(next);
        let (mut has_yielded, mut has_come) = (false, false);
        poll_fn(|cx| {
            self.hands.bell.listen(&mut self.ready, cx.waker());
            // It says so once, and is asked again after the reactor had its turn.
            has_come |= self.alarm.poll(cx);
            let is_ready = self.poll_posts(cx)
                | has_come
                | !self.ready.is_empty()
                | !self.hands.again.is_empty();
            if is_ready && has_yielded {
                return Poll::Ready(());
            }
            if is_ready {
                // The reactor gets its turn, so that a busy socket does not make the others wait.
                cx.waker().wake_by_ref();
            }
            has_yielded = true;
            Poll::Pending
        })
        .await;
    }

    fn poll_posts(&mut self, cx: &mut Context<'_>) -> bool {
        while self.posts.len() < POSTS_PER_TURN_MAX {
            match self.inbox.as_mut().poll_next(cx) {
                Poll::Ready(Some(post)) => self.posts.push(post),
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        !self.posts.is_empty()
    }

    fn look_at_timers(&mut self) {
        let now = Instant::now();
        self.hands.overdue(now);
        if self.hands.shaping.is_some() {
            self.look_at_shaping(now);
        }
        if self.accept_again.is_some_and(|again| again <= now) {
            self.accept_again = None;
            self.accept();
        }
    }

    fn take(&mut self, post: Post) {
        match post {
            Post::Command(command) => self.feed(Input::Command(command)),
            Post::Library(change) => self.feed(Input::Library(change)),
            Post::Disk(report) => {
                self.hands.disk.reported(&report);
                self.feed(Input::Disk(report));
            }
            Post::Resolved { lookup, addresses } => {
                self.feed(Input::Resolved { lookup, addresses });
            }
            Post::Mapped(answer) => self.feed(Input::PortMapped(answer)),
            // Whoever asked may be gone: then nobody wants to know.
            Post::View(answer) => drop(answer.try_send(Arc::new(self.node.view()))),
            Post::Passages(query, answer) => drop(answer.try_send(self.node.passages(query))),
            Post::Rescan => self.wants_rescan = true,
            Post::Share(folder, begun) => self.wants_shared.push((folder, begun)),
            Post::Conditions(conditions, done) => {
                self.set_conditions(*conditions);
                // Whoever asked may be gone.
                let _ = done.try_send(());
            }
        }
    }

    fn accept(&mut self) {
        if self.hands.stopped {
            return;
        }
        for _ in 0..ACCEPTS_PER_TURN_MAX {
            match self.listener.accept() {
                Ok(Some((stream, peer))) => {
                    self.accepted += 1;
                    let id = ConnId::accepted(self.accepted);
                    let opened = Conn::new(id, stream, peer.ip(), Stage::Open, &self.hands.bell)
                        .and_then(|conn| Ok((conn.local()?, conn)));
                    // Fails only if the peer is gone already.
                    if let Ok((local, conn)) = opened {
                        self.accepted(id, conn, peer, local);
                    }
                }
                Ok(None) => return self.listener.arm(),
                Err(e) if tcp::is_about_a_peer(&e) => {}
                Err(e) => return self.accept_later(&e),
            }
        }
        self.hands.bell.ring(Who::Listener);
    }

    fn accepted(&mut self, id: ConnId, conn: Conn, peer: SocketAddr, local: SocketAddr) {
        if let Some(shaping) = &mut self.hands.shaping {
            // The packet filter of the listener is not this connection's.
            conn.hear();
            if shaping.accept(id, peer, local, Instant::now()) {
                self.hands.conns.insert(id, Box::new(conn));
                self.read(id);
            }
            return;
        }
        self.hands.conns.insert(id, Box::new(conn));
        self.feed(Input::Accepted { conn: id, peer, local });
        self.read(id);
    }

    fn accept_later(&mut self, error: &io::Error) {
        log::warn!(error:% = error; "nobody can be accepted for a moment");
        self.accept_again = Some(Instant::now() + NO_ACCEPT_FOR);
    }

    fn receive_datagrams(&mut self) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut count = 0;
        while count < DATAGRAMS_PER_TURN_MAX
            && let Some((len, from)) = self.hands.udp.receive(&mut buffer)
        {
            count += 1;
            if let Some(shaping) = &mut self.hands.shaping
                && !shaping.datagram_came(from, &buffer[..len], Instant::now())
            {
                continue;
            }
            self.feed(Input::Datagram { from, data: &buffer[..len] });
        }
        self.buffer = buffer;
        if count == DATAGRAMS_PER_TURN_MAX {
            self.hands.bell.ring(Who::Udp);
        } else {
            self.hands.udp.arm();
        }
    }

    fn readable(&mut self, id: ConnId) {
        if !self.hands.move_on(id, true) {
            self.read(id);
        }
    }

    /// Reads a connection once, if the node wants it.
    pub(super) fn read(&mut self, id: ConnId) {
        let Some(conn) = self.hands.conns.get_mut(&id) else { return };
        if self.hands.shaping.as_ref().is_some_and(|shaping| shaping.is_held(id)) {
            return;
        }
        if conn.stage == Stage::Lingering {
            match conn.discard(&mut self.buffer) {
                true => conn.arm_read(),
                false => self.hands.end(id, CloseCause::Ordered),
            }
            return;
        }
        if !conn.is_read_by_node() {
            return;
        }
        if self.hands.shaping.is_some() {
            return self.read_shaped(id);
        }
        match conn.read(&mut self.buffer) {
            Got::Bytes(len) => {
                let buffer = std::mem::take(&mut self.buffer);
                self.feed(Input::Received { conn: id, data: &buffer[..len] });
                self.buffer = buffer;
                self.read_on(id, len == READ_BYTES);
            }
            Got::NotYet => conn.arm_read(),
            Got::End => self.hands.peer_ended(id),
            Got::Broken => self.hands.end(id, CloseCause::Reset),
        }
    }

    /// After reading: again in the next turn if there is more, otherwise when the rope is pulled.
    fn read_on(&mut self, id: ConnId, is_more: bool) {
        let Some(conn) = self.hands.conns.get_mut(&id) else { return };
        if !conn.is_read_by_node() {
            return;
        }
        match is_more {
            true => self.hands.again.push(id),
            false => conn.arm_read(),
        }
    }

    fn writable(&mut self, id: ConnId) {
        match self.hands.conns.get(&id).map(|conn| conn.stage) {
            Some(Stage::Connecting) => self.hands.stands(id),
            Some(_) if !self.hands.move_on(id, false) => self.hands.soil(id),
            _ => {}
        }
    }

    fn body_moved(&mut self, id: ConnId) {
        let Some(body) = self.hands.conns.get(&id).and_then(|conn| conn.body.clone()) else {
            return;
        };
        // Asked before the bytes: then the bytes of a resting body are all counted.
        let rest = body.rest();
        let len = body.take_moved();
        if len > 0 {
            let way = if body.is_download() { Way::In } else { Way::Out };
            if let Some(shaping) = &mut self.hands.shaping {
                shaping.charge(id, Instant::now(), way, len);
            }
            self.feed(Input::Carried { conn: id, len });
        }
        if let Some(rest) = rest
            && let Some(done) = self.hands.body_rests(id, rest)
        {
            let data = done.surplus();
            if !data.is_empty() {
                self.feed(Input::Received { conn: id, data });
            }
            self.read_on(id, true);
        }
    }
}

/// One timer that is set again only when it would come too late: most deadlines move on before
/// they come, and coming too early costs one idle turn.
#[derive(Debug, Default)]
struct Alarm {
    timer: Option<Timer>,
    at: Option<Instant>,
}

impl Alarm {
    fn set(&mut self, next: Option<Instant>) {
        let Some(next) = next else { return };
        if self.at.is_none_or(|at| next < at) {
            self.at = Some(next);
            self.timer.get_or_insert_with(Timer::never).set_at(next);
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        use std::future::Future as _;
        let Some(timer) = self.timer.as_mut().filter(|_| self.at.is_some()) else { return false };
        let has_come = Pin::new(timer).poll(cx).is_ready();
        if has_come {
            self.at = None;
        }
        has_come
    }
}
