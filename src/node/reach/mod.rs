//! Whether others can reach us, how we know, and what is done about it if not (protocol.md
//! section 22).
//!
//! [`Reach`] is the table: two doors (TCP and UDP) that are `Unknown`, `Open` or `Closed`, the
//! mapping of our port by a gateway, and the push proxies that serve us. What it leads to on
//! connections is in `on_reach`.

mod door;
mod favours;
mod holes;
mod mapping;
mod proxies;

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::io::{Mapped, MappingFailure};
use super::{Config, Time};
pub(crate) use door::Door;
pub(crate) use favours::Favours;
pub(crate) use holes::Holes;
pub(crate) use mapping::{Facts as MappingFacts, Mapping};
pub(crate) use proxies::{Proxies, whom_to_ask as proxies_to_ask};

/// Whether strangers can come in by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Openness {
    /// Not known yet.
    Unknown,
    /// They can.
    Open,
    /// They cannot.
    Closed,
}

/// Why we believe it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Because {
    /// We do not listen.
    NotListening,
    /// In a local network nobody stands between.
    LocalNetwork,
    /// Hosts that we did not call came in.
    Came {
        /// How many different ones; more than eight are not counted.
        hosts: u32,
    },
    /// Neighbours that we asked to come did not.
    NoAnswer {
        /// How many.
        tests: u32,
    },
    /// Neighbours have been asked to come; their answers are awaited.
    Testing,
    /// No neighbour could be asked yet.
    NobodyToAsk,
}

/// One way in, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoorView {
    /// Whether it is open.
    pub openness: Openness,
    /// Why we believe that.
    pub because: Because,
    /// Since when it is so, microseconds since the node began.
    pub since_us: u64,
}

/// How the gateway of our network was asked to lead a port to us, and what it said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum MappingView {
    /// It was not asked.
    None,
    /// It is being asked.
    Asked,
    /// It leads to us.
    Mapped(Mapped),
    /// It does not.
    Failed {
        /// Why.
        failure: MappingFailure,
    },
}

/// Whether others can reach us, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReachView {
    /// Connections.
    pub tcp: DoorView,
    /// Datagrams.
    pub udp: DoorView,
    /// The mapping of our port.
    pub mapping: MappingView,
    /// The ultrapeers that hand us pushes.
    pub push_proxies: Vec<SocketAddr>,
    /// For how many servents we are a push proxy.
    pub push_proxy_for: u32,
}

/// What is known about whether we can be reached. Empty tables: it costs little until used.
#[derive(Debug)]
pub(crate) struct Reach {
    pub(crate) tcp: Door,
    pub(crate) udp: Door,
    pub(crate) mapping: Mapping,
    pub(crate) proxies: Proxies,
    pub(crate) favours: Favours,
    pub(crate) holes: Holes,
    /// When to look at all of it again.
    pub(crate) look_at: Time,
}

impl Reach {
    /// Nothing is known yet.
    pub(crate) fn new(config: &Config) -> Reach {
        Reach {
            tcp: Door::default(),
            udp: Door::default(),
            mapping: Mapping::default(),
            proxies: Proxies::default(),
            favours: Favours::new(config),
            holes: Holes::default(),
            look_at: Time::NEVER,
        }
    }

    /// For people; of doors that are not tested (`None`) the caller says why.
    pub(crate) fn view(&self, untested: Option<DoorView>, push_proxy_for: u32) -> ReachView {
        let mapping = match &self.mapping {
            Mapping::None => MappingView::None,
            Mapping::Asked => MappingView::Asked,
            Mapping::Mapped { mapped, .. } => MappingView::Mapped(*mapped),
            Mapping::Failed { why, .. } => MappingView::Failed { failure: *why },
        };
        ReachView {
            tcp: untested.unwrap_or_else(|| self.tcp.view()),
            udp: untested.unwrap_or_else(|| self.udp.view()),
            mapping,
            push_proxies: self.proxies.addresses().collect(),
            push_proxy_for,
        }
    }
}
