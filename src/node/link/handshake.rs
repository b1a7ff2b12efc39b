//! The handshake, in both directions: heads as they gather, and what to say to each
//! (protocol.md section 2). Facts in, verdict out.

use std::net::SocketAddr;

use super::features::{Features, Ours, QUERY_ROUTING, true_or_false};
use crate::node::{Config, Relation, Tier, Why};
use crate::wire::handshake::{Block, VERSION, answer_to_0_4};
use crate::wire::head::{Finder, Head, HeadLimits};
use crate::wire::headers::Version;
use crate::wire::{Headers, addresses, names};

/// The bytes of a head that is not complete.
#[derive(Debug)]
pub(crate) struct Gathering {
    bytes: Vec<u8>,
    finder: Finder,
}

/// What came of more bytes.
#[derive(Debug)]
pub(crate) enum Gathered {
    /// More must come.
    Incomplete,
    /// A block, and what followed it.
    Block(Block, Vec<u8>),
    /// Not a block.
    Bad(Why),
}

impl Gathering {
    /// Nothing yet.
    pub(crate) fn new(config: &Config) -> Gathering {
        let limits =
            HeadLimits { bytes_max: config.head_bytes_max, lines_max: config.head_lines_max };
        Gathering { bytes: Vec::new(), finder: Finder::new(limits) }
    }

    /// Takes more bytes in.
    pub(crate) fn add(&mut self, data: &[u8]) -> Gathered {
        self.bytes.extend_from_slice(data);
        match self.finder.find(&self.bytes) {
            Head::Incomplete => Gathered::Incomplete,
            Head::TooLarge => Gathered::Bad(Why::BadHandshake),
            Head::Complete { len } => {
                let rest = self.bytes.split_off(len);
                match Block::parse(&self.bytes) {
                    Ok(block) => Gathered::Block(block, rest),
                    Err(_) => Gathered::Bad(Why::BadHandshake),
                }
            }
        }
    }
}

/// Where the neighbours listen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Neighbours {
    /// Ultrapeers.
    pub peers: Vec<SocketAddr>,
    /// Our leaves.
    pub leaves: Vec<SocketAddr>,
}

/// What the node knows when a block is to be answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    /// What we are.
    pub ours: Ours<'a>,
    /// Whether the node is shutting down.
    pub stopping: bool,
    /// Whether the other side is us or a neighbour already.
    pub connected_already: bool,
    /// Whether there is a slot for what it would be to us.
    pub room: Result<(), Why>,
    /// Whether an ultrapeer may make us its leaf: our role is not fixed and nobody hangs on us.
    pub may_step_down: bool,
    /// Our neighbours, for crawlers: ultrapeers and leaves.
    pub neighbours: &'a Neighbours,
    /// Hosts that may have room, for those for whom we have none.
    pub tries: &'a [SocketAddr],
}

/// What to do with a block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Send this; the handshake goes on or is complete.
    Accept {
        /// Our block.
        bytes: Vec<u8>,
        /// Whether what we send after the handshake is deflated.
        deflates: bool,
        /// What the other side will be to us; `Ultrapeer`, though we are no leaf: it makes us one.
        relation: Relation,
    },
    /// Send this and close.
    Refuse {
        /// Our block.
        bytes: Vec<u8>,
        /// Why.
        why: Why,
    },
}

/// Our first block, when we connected.
pub(crate) fn greeting(ours: &Ours<'_>) -> Vec<u8> {
    Block::request(ours.headers()).to_bytes()
}

/// Their first block, when they connected.
pub(crate) fn on_greeting(version: Version, theirs: &Features, facts: &Facts<'_>) -> Verdict {
    if version < VERSION {
        return Verdict::Refuse { bytes: answer_to_0_4(false).to_vec(), why: Why::TooOld };
    }
    if theirs.crawler {
        return on_crawler(facts);
    }
    let relation = match admit(theirs, facts) {
        Ok(relation) => relation,
        Err(refusal) => return refusal,
    };
    let deflates = facts.ours.config.compress_links && theirs.inflates;
    let mut headers = facts.ours.headers();
    if deflates {
        headers.push(names::CONTENT_ENCODING, "deflate");
    }
    if !facts.tries.is_empty() {
        // Another may take the last slot before this handshake is complete.
        headers.push(names::X_TRY_ULTRAPEERS, addresses::write(facts.tries));
    }
    Verdict::Accept { bytes: Block::response(200, "OK", headers).to_bytes(), deflates, relation }
}

/// Their answer with code 200 to our first block.
pub(crate) fn on_answer(theirs: &Features, facts: &Facts<'_>) -> Verdict {
    let relation = match admit(theirs, facts) {
        Ok(relation) => relation,
        Err(refusal) => return refusal,
    };
    if theirs.deflates && !facts.ours.config.compress_links {
        return refuse(400, "Deflate was not offered", Why::BadHandshake, facts);
    }
    let deflates = facts.ours.config.compress_links && theirs.inflates;
    let mut headers = Headers::new();
    // Guidance: no more ultrapeers are needed there, and whoever has no leaves can become one.
    let steps_down = relation == Relation::Peer
        && facts.may_step_down
        && theirs.ultrapeer == Some(true)
        && theirs.ultrapeer_needed == Some(false);
    let relation = if steps_down { Relation::Ultrapeer } else { relation };
    if steps_down {
        headers.push(names::X_ULTRAPEER, true_or_false(false));
    }
    if deflates {
        headers.push(names::CONTENT_ENCODING, "deflate");
    }
    if facts.ours.config.query_routing && theirs.query_routing {
        // Theirs may be later than ours: said again, so that both mean the same.
        headers.push(names::X_QUERY_ROUTING, QUERY_ROUTING);
    }
    Verdict::Accept { bytes: Block::response(200, "OK", headers).to_bytes(), deflates, relation }
}

/// A crawler wants to know our neighbours and no more.
fn on_crawler(facts: &Facts<'_>) -> Verdict {
    if !facts.ours.config.answer_crawlers {
        return refuse(403, "No crawlers", Why::Crawler, facts);
    }
    let Neighbours { peers, leaves } = facts.neighbours;
    let headers = Headers::new()
        .with(names::USER_AGENT, &facts.ours.config.user_agent)
        .with(names::X_ULTRAPEER, true_or_false(facts.ours.tier == Tier::Ultrapeer))
        .with(names::PEERS, addresses::write(peers))
        .with(names::LEAVES, addresses::write(leaves));
    let bytes = Block::response(200, "OK", headers).to_bytes();
    Verdict::Refuse { bytes, why: Why::Crawler }
}

/// What the other side will be to us, whoever connected; or what speaks against it.
fn admit(theirs: &Features, facts: &Facts<'_>) -> Result<Relation, Verdict> {
    let relation = Relation::between(facts.ours.tier, theirs.ultrapeer);
    let (code, reason, why) = match relation {
        _ if facts.stopping => (503, "Shutting down", Why::Shutdown),
        _ if facts.connected_already => (409, "Connected already", Why::AlreadyConnected),
        None => (503, "Two leaves", Why::TwoLeaves),
        Some(relation) => match facts.room {
            Ok(()) => return Ok(relation),
            Err(Why::SubnetShare) => (503, "Too many of your network", Why::SubnetShare),
            Err(why) => (503, "No free slot", why),
        },
    };
    Err(refuse(code, reason, why, facts))
}

fn refuse(code: u16, reason: &str, why: Why, facts: &Facts<'_>) -> Verdict {
    let mut headers = Headers::new().with(names::USER_AGENT, &facts.ours.config.user_agent);
    if !facts.tries.is_empty() {
        headers.push(names::X_TRY_ULTRAPEERS, addresses::write(facts.tries));
    }
    Verdict::Refuse { bytes: Block::response(code, reason, headers).to_bytes(), why }
}
