//! A connection that speaks Gnutella: from the first byte of its handshake to its Bye.

pub(super) mod features;
pub(super) mod handshake;
pub(super) mod health;
pub(super) mod stream;
pub(super) mod understood;

use std::time::Duration;

use super::fair::Allowance;
use super::hsep::Outlook;
use super::size::block;
use super::{Config, Relation, Time, Why};
use crate::wire::{Bye, Guid};
use features::Features;
use health::Health;
use stream::Inflater;
use understood::Understood;

/// Characters of a stranger's text that are kept.
const TEXT_CHARS_MAX: usize = 200;

/// The beginning of a descriptor. In a box, as few links have one at a time.
#[derive(Debug, Default)]
pub(super) struct Partial(pub Vec<u8>);

/// A neighbour. Kept small: at rest one costs less than 2 KB, everything included. What every
/// query asks of it stands first, side by side.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Link {
    /// What it is to us.
    pub relation: Relation,
    /// Queries with so many hops, as they would stand on the wire, are not sent to it (BEAR/4).
    pub hops_limit: u8,
    /// Whether what it gets is deflated.
    pub deflates: bool,
    /// Whether it connected to us.
    pub incoming: bool,
    /// Highest TTL with which it wants fresh queries.
    pub max_ttl: u8,
    /// Whether tables of query routing go between leaf and ultrapeer.
    pub query_routing: bool,
    /// Whether tables of query routing go between ultrapeers.
    pub last_hop_routing: bool,
    /// The beginning of a descriptor whose rest is still to come.
    pub partial: Option<Box<Partial>>,
    /// Undoes its deflate, if it deflates.
    pub inflater: Option<Box<Inflater>>,
    /// Bytes from it, as they came.
    pub bytes_in: u64,
    /// Descriptors from it.
    pub messages_in: u64,
    /// What it may still bring of queries.
    pub allowance: Allowance,
    /// Whether it still answers, and how often it broke the rules.
    pub health: Health,
    /// The port where it listens, if it does: its address is that of the connection.
    pub listen_port: Option<u16>,
    /// How many ultrapeers it says it connects to.
    pub degree: Option<u16>,
    /// The number by which its query routing table is known, if tables or single queries go
    /// over it.
    pub number: Option<u16>,
    /// Which of our query routing tables it knows; 0 none.
    pub told: u32,
    /// What it calls itself, unless that is what we call ourselves. Text of a stranger.
    user_agent: Option<Box<str>>,
    /// Its servent GUID, if it said so.
    pub servent: Option<Guid>,
    /// Whether it queries dynamically.
    pub dynamic_querying: bool,
    /// Whether it passes a query on that comes again with a higher TTL.
    pub ext_probes: bool,
    /// Whether it takes vendor messages.
    pub vendor_messages: bool,
    /// The vendor messages that it understands.
    pub understands: Understood,
    /// Whether it understands Bye.
    pub understands_bye: bool,
    /// What it says lies behind it; none if it does not speak HSEP.
    pub outlook: Option<Box<Outlook>>,
    /// Since when it is a neighbour.
    pub since: Time,
}

impl Link {
    /// See `Node::look_ahead`.
    pub(super) fn look_ahead(&self) -> u64 {
        let read = self.bytes_in ^ self.messages_in ^ u64::from(self.partial.is_some());
        read ^ u64::from(self.hops_limit) ^ self.health.look_ahead() ^ self.allowance.look_ahead()
    }

    /// A handshake was completed.
    pub(super) fn new(
        features: Features,
        relation: Relation,
        incoming: bool,
        deflates: bool,
        now: Time,
        config: &Config,
    ) -> Link {
        let same_agent = features.user_agent == config.user_agent;
        Link {
            relation,
            max_ttl: features.max_ttl.unwrap_or(u8::MAX),
            query_routing: features.query_routing,
            last_hop_routing: features.last_hop_routing,
            dynamic_querying: features.dynamic_querying,
            ext_probes: features.ext_probes,
            vendor_messages: features.vendor_messages,
            incoming,
            user_agent: (!same_agent).then(|| features.user_agent.into_boxed_str()),
            listen_port: features.listen.map(|listen| listen.port()),
            servent: features.servent,
            degree: features.degree,
            understands: Understood::default(),
            hops_limit: u8::MAX,
            allowance: Allowance::default(),
            number: None,
            told: 0,
            understands_bye: features.understands_bye,
            outlook: features.hsep.then(Box::default),
            since: now,
            inflater: features.deflates.then(Box::default),
            deflates,
            partial: None,
            health: Health::new(now),
            messages_in: 0,
            bytes_in: 0,
        }
    }
}

impl Link {
    /// Silence after which it is pinged.
    pub(super) fn patience(&self, config: &Config) -> Duration {
        health::patience(self.relation, self.incoming, config)
    }

    /// Bytes that it takes beside itself.
    pub(super) fn heap_bytes(&self) -> usize {
        let partial = self.partial.as_ref().map_or(0, |partial| 32 + block(partial.0.capacity()));
        let inflater = self.inflater.as_ref().map_or(0, |inflater| inflater.heap_bytes());
        let outlook = self.outlook.as_ref().map_or(0, |outlook| outlook.heap_bytes());
        block(self.user_agent.as_ref().map_or(0, |text| text.len()))
            + partial
            + inflater
            + outlook
            + self.allowance.heap_bytes()
    }

    /// What it calls itself. Text of a stranger.
    pub(super) fn user_agent<'a>(&'a self, config: &'a Config) -> &'a str {
        self.user_agent.as_deref().unwrap_or(&config.user_agent)
    }

    /// Whether it is told our query routing table.
    pub(super) fn is_told_tables(&self) -> bool {
        match self.relation {
            Relation::Ultrapeer => self.query_routing,
            Relation::Peer => self.last_hop_routing,
            Relation::Leaf => false,
        }
    }
}

/// The code with which a Bye says why (protocol.md section 8).
pub(super) fn bye_code(why: Why) -> u16 {
    match why {
        Why::TooLarge => Bye::TOO_LARGE,
        Why::BadRouteTable | Why::RouteUpdatesTooOften => Bye::BAD_ROUTE_TABLE,
        Why::TwoLeaves | Why::RoleSwitched => Bye::ROLE_SWITCHED,
        Why::TooManyErrors | Why::BadDeflate => Bye::BAD_MESSAGES,
        Why::LeafRelays => Bye::LEAF_RELAYS,
        Why::NoAlivePong => Bye::NO_ALIVE_PONG,
        Why::QueueFull => Bye::QUEUE_FULL,
        _ => Bye::SHUTDOWN,
    }
}

/// What the other side said, cut to what a person wants to read.
pub(crate) fn quoted(code: u16, text: &str) -> String {
    let text: String = text.chars().take(TEXT_CHARS_MAX).collect();
    format!("{code} {text}")
}
