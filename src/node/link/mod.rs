//! A connection that speaks Gnutella: from the first byte of its handshake to its Bye.

pub(super) mod features;
pub(super) mod handshake;
pub(super) mod health;
pub(super) mod stream;

use std::net::SocketAddr;

use super::{Time, Why};
use crate::wire::{Bye, Guid};
use features::Features;
use health::Health;
use stream::Inflater;

/// Characters of a stranger's text that are kept.
const TEXT_CHARS_MAX: usize = 200;

/// A neighbour. Kept small: at rest one costs less than 2 KB, everything included.
#[derive(Debug)]
pub(super) struct Link {
    /// Whether it connected to us.
    pub incoming: bool,
    /// What it calls itself. Text of a stranger.
    pub user_agent: Box<str>,
    /// Where it listens, if it said so.
    pub listen: Option<SocketAddr>,
    /// Its servent GUID, if it said so.
    pub servent: Option<Guid>,
    /// How many neighbours it says it has.
    pub degree: Option<u16>,
    /// Whether it understands Bye.
    pub understands_bye: bool,
    /// Since when it is a neighbour.
    pub since: Time,
    /// Undoes its deflate, if it deflates.
    pub inflater: Option<Inflater>,
    /// Whether what it gets is deflated.
    pub deflates: bool,
    /// The beginning of a descriptor whose rest is still to come.
    pub partial: Vec<u8>,
    /// Whether it still answers, and how often it broke the rules.
    pub health: Health,
    /// Descriptors from it.
    pub messages_in: u64,
    /// Bytes from it, as they came.
    pub bytes_in: u64,
}

impl Link {
    /// A handshake was completed.
    pub(super) fn new(features: Features, incoming: bool, deflates: bool, now: Time) -> Link {
        Link {
            incoming,
            user_agent: features.user_agent.into_boxed_str(),
            listen: features.listen,
            servent: features.servent,
            degree: features.degree,
            understands_bye: features.understands_bye,
            since: now,
            inflater: features.deflates.then(Inflater::default),
            deflates,
            partial: Vec::new(),
            health: Health::new(now),
            messages_in: 0,
            bytes_in: 0,
        }
    }
}

/// The code with which a Bye says why (protocol.md section 8).
pub(super) fn bye_code(why: Why) -> u16 {
    match why {
        Why::TooLarge => Bye::TOO_LARGE,
        Why::TooManyErrors | Why::BadDeflate => Bye::BAD_MESSAGES,
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
