//! Nodes that lie: what a byzantine peer does to the others, and how it is done here.
//!
//! A liar is a node like any other, and behaves like one, but for its misdeeds: descriptors are
//! slipped into its links that its own process knows nothing of, what it serves is not what it
//! promised, what it is sent is not read. Its own checkers are off; those of the honest nodes stay
//! on, and judge them by what they were told.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::NodeId;
use super::dice::Dice;
use super::event::{EndRef, Event};
use super::measure::Passing;
use super::perform::Fabric;
use super::world::World;
use crate::node::{Chunk, Config};
use crate::wire::{Header, Kind};
use ear::Ear;

mod ear;
mod lies;

/// How often a liar thinks of something.
const EVERY: Duration = Duration::from_millis(250);
/// Descriptors of others that a liar remembers, to send them again.
const HEARD_MAX: usize = 64;
/// Pongs with which a liar answers one ping: as many as an honest node sends.
const PONGS_PER_PING: u32 = 10;

/// Something that no honest node does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Misdeed {
    /// Asks for nothing in particular, over every link, with as much TTL as there is.
    FloodQueries {
        /// Queries, each on every link.
        per_minute: u32,
    },
    /// Answers every query that it hears with a hit made up for it: the words as a name, a content
    /// that nobody has or, if one was asked for, exactly that.
    ForgeHits {
        /// Whom the hits name as the source; itself if nobody.
        #[serde(default)]
        victim: Option<NodeId>,
    },
    /// Sends descriptors of others again, over any of its links, with fresh TTL.
    Replay {
        /// How many.
        per_minute: u32,
    },
    /// Shares its files under their true names and hashes, and sends other bytes.
    Poison,
    /// Answers every ping with hosts that are not there, and tells of more unasked.
    SpoofPongs {
        /// How many unasked.
        per_minute: u32,
        /// Whom they name; hosts that nobody has if nobody.
        #[serde(default)]
        victim: Option<NodeId>,
    },
    /// Asks by UDP for hosts, with the address of another as the sender's.
    SpoofDatagrams {
        /// How many.
        per_minute: u32,
        /// The other, who gets the answers.
        victim: NodeId,
    },
    /// Sends bytes that are no descriptor, or one that cannot be.
    Garbage {
        /// How often.
        per_minute: u32,
    },
    /// Reads nothing from its neighbours once they are neighbours.
    NeverRead,
}

impl Misdeed {
    fn per_minute(&self) -> u32 {
        match *self {
            Misdeed::FloodQueries { per_minute }
            | Misdeed::Replay { per_minute }
            | Misdeed::SpoofPongs { per_minute, .. }
            | Misdeed::SpoofDatagrams { per_minute, .. }
            | Misdeed::Garbage { per_minute } => per_minute,
            Misdeed::ForgeHits { .. } | Misdeed::Poison | Misdeed::NeverRead => 0,
        }
    }
}

/// What a liar needs to lie.
#[derive(Debug)]
pub(super) struct Liar {
    misdeeds: Vec<Misdeed>,
    dice: Dice,
    /// Descriptors that its neighbours sent, the latest last.
    heard: VecDeque<Vec<u8>>,
    /// What it hears on its connections, by the slot of its end.
    ears: BTreeMap<u32, Ear>,
}

impl Liar {
    /// The content that it sends in place of another.
    pub(super) fn serves(&self, content: u64) -> u64 {
        if self.misdeeds.contains(&Misdeed::Poison) { !content } else { content }
    }

    pub(super) fn never_reads(&self) -> bool {
        self.misdeeds.contains(&Misdeed::NeverRead)
    }

    /// How often it does this now.
    fn times(&mut self, misdeed: &Misdeed) -> u32 {
        let mean = f64::from(misdeed.per_minute()) * EVERY.as_secs_f64() / 60.0;
        mean as u32 + u32::from(self.dice.chance(mean.fract()))
    }
}

impl World {
    /// Makes a liar of a node. Its process starts anew (its links are gone), with links that are
    /// not compressed; once a liar it stays one, through kills and restarts.
    pub fn corrupt(&mut self, node: NodeId, misdeeds: &[Misdeed]) {
        let slot = &mut self.slots[node.0 as usize];
        let config = Config { compress_links: false, ..Config::clone(&slot.config) };
        slot.config = Arc::new(config);
        let (misdeeds, dice) = (misdeeds.to_vec(), self.dice.derive(&format!("liar {node}")));
        let liar = Liar { misdeeds, dice, heard: VecDeque::new(), ears: BTreeMap::new() };
        if self.fabric.liars.insert(node, liar).is_none() {
            self.think_of_something(node);
        }
        if self.is_alive(node) {
            self.end_process(node, false);
            self.boot(node);
        }
    }

    /// Whether the node is a liar.
    pub fn is_liar(&self, node: NodeId) -> bool {
        self.fabric.liars.contains_key(&node)
    }

    fn think_of_something(&mut self, node: NodeId) {
        self.fabric.net.background += 1;
        self.fabric.net.after(EVERY, Event::Lie(node));
    }

    /// A liar does what it does unasked.
    pub(super) fn lie(&mut self, node: NodeId) {
        self.fabric.net.background -= 1;
        self.think_of_something(node);
        if !self.is_alive(node) || self.stalled.contains_key(&node) {
            return;
        }
        let Some(mut liar) = self.fabric.liars.remove(&node) else { return };
        let links = self.fabric.net.clear_links(node);
        for misdeed in liar.misdeeds.clone() {
            for _ in 0..liar.times(&misdeed) {
                self.fabric.misbehave(node, &mut liar, &misdeed, &links);
            }
        }
        self.fabric.liars.insert(node, liar);
    }

    /// A liar hears something on one of its connections.
    pub(super) fn overhear(&mut self, end: EndRef, chunk: &Chunk) {
        let held = self.fabric.net.end_at(end.slot);
        let (node, conn) = (held.node, held.conn);
        let Some(mut liar) = self.fabric.liars.remove(&node) else { return };
        let mut ear = liar.ears.remove(&end.slot).unwrap_or_default();
        let mut frames = Vec::new();
        ear.hear(end.life, conn.is_accepted(), chunk.bytes(), |frame| frames.push(frame.to_vec()));
        for frame in frames {
            self.fabric.react(node, &mut liar, end.slot, &frame);
            if liar.heard.len() >= HEARD_MAX {
                liar.heard.pop_front();
            }
            liar.heard.push_back(frame);
        }
        if ear.is_among_descriptors() && liar.never_reads() {
            self.fabric.net.pause(end.slot);
        }
        liar.ears.insert(end.slot, ear);
        self.fabric.liars.insert(node, liar);
    }
}

impl Fabric {
    fn misbehave(&mut self, node: NodeId, liar: &mut Liar, misdeed: &Misdeed, links: &[u32]) {
        let one = liar.dice.pick(links).copied();
        match *misdeed {
            Misdeed::FloodQueries { .. } => {
                let query = lies::query(&mut liar.dice);
                links.iter().for_each(|&link| self.slip(node, link, &query));
            }
            Misdeed::Replay { .. } => {
                let heard = liar.dice.below(liar.heard.len() as u64) as usize;
                let Some((frame, link)) = liar.heard.get(heard).zip(one) else { return };
                let again = lies::again(frame, &mut liar.dice);
                self.slip(node, link, &again);
            }
            Misdeed::SpoofPongs { victim, .. } => {
                let Some(link) = one else { return };
                let host = self.host_told(victim, &mut liar.dice);
                self.slip(node, link, &lies::pong(None, host, &mut liar.dice));
            }
            Misdeed::SpoofDatagrams { victim, .. } => {
                let to = NodeId(liar.dice.below(self.net.hosts.len() as u64) as u32);
                let (from, to) = (self.net.address(victim), self.net.address(to));
                let ping = Chunk::copy_of(&lies::ping_for_hosts(&mut liar.dice));
                self.net.post(node, from, to, &ping);
            }
            Misdeed::Garbage { .. } => {
                let Some(link) = one else { return };
                let garbage = lies::garbage(&mut liar.dice);
                self.slip_bytes(node, link, &garbage);
            }
            Misdeed::ForgeHits { .. } | Misdeed::Poison | Misdeed::NeverRead => {}
        }
    }

    /// A liar hears a descriptor on a link.
    fn react(&mut self, node: NodeId, liar: &mut Liar, link: u32, frame: &[u8]) {
        let Some(header) = frame.first_chunk().map(Header::decode) else { return };
        for misdeed in liar.misdeeds.clone() {
            match misdeed {
                Misdeed::ForgeHits { victim } => {
                    let source = self.net.address(victim.unwrap_or(node));
                    if let Some(hit) = lies::hit(frame, source, &mut liar.dice) {
                        self.slip(node, link, &hit);
                    }
                }
                Misdeed::SpoofPongs { victim, .. } if header.kind == Kind::PING => {
                    for _ in 0..PONGS_PER_PING {
                        let host = self.host_told(victim, &mut liar.dice);
                        self.slip(node, link, &lies::pong(Some(header.guid), host, &mut liar.dice));
                    }
                }
                _ => {}
            }
        }
    }

    /// The host that a liar tells of.
    fn host_told(&self, victim: Option<NodeId>, dice: &mut Dice) -> SocketAddr {
        victim.map_or_else(|| lies::nobody(dice), |victim| self.net.address(victim))
    }

    /// Slips a descriptor into a link of a liar.
    fn slip(&mut self, node: NodeId, link: u32, frame: &[u8]) {
        let Some(header) = frame.first_chunk().map(Header::decode) else { return };
        let peer = self.net.end_at(link).peer;
        if let Some(to) = self.net.end(peer).map(|peer| peer.node) {
            let at = self.net.now;
            let header = &header;
            let (end, peer_end) = (link, peer.slot);
            let passing = Passing { header, at, from: node, to, end, peer_end, walks: false };
            self.ledger.lies(&passing);
            self.net.load(node).messages_sent += 1;
        }
        self.slip_bytes(node, link, frame);
    }

    fn slip_bytes(&mut self, node: NodeId, link: u32, bytes: &[u8]) {
        self.net.load(node).bytes_sent += bytes.len() as u64;
        self.net.slip_in(link, Chunk::copy_of(bytes));
    }
}

/// Whether a liar would like to send this again.
fn is_worth_repeating(kind: Kind) -> bool {
    matches!(kind, Kind::QUERY | Kind::QUERY_HIT | Kind::PONG | Kind::PUSH | Kind::PING)
}
