//! The two tiers of the network: what we are, and what a neighbour is to us (protocol.md
//! section 2).

use serde::{Deserialize, Serialize};

use super::config::Role;

/// What a servent is at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// Hangs on a few ultrapeers and passes nothing on.
    Leaf,
    /// Passes queries on and shields its leaves from those that they cannot answer.
    Ultrapeer,
}

/// What a neighbour is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// An ultrapeer like us.
    Peer,
    /// Our leaf.
    Leaf,
    /// Our ultrapeer: we are its leaf.
    Ultrapeer,
}

impl Tier {
    /// What a node of this role begins as.
    pub(super) fn at_first(role: Role) -> Tier {
        match role {
            Role::Leaf => Tier::Leaf,
            Role::Auto | Role::Ultrapeer => Tier::Ultrapeer,
        }
    }
}

impl Relation {
    /// What the other side is to us; none if two leaves meet. One that does not say `X-Ultrapeer`
    /// is an old servent: an ultrapeer without leaves, and nothing for us to hang on.
    pub(super) fn between(ours: Tier, theirs_ultrapeer: Option<bool>) -> Option<Relation> {
        match (ours, theirs_ultrapeer) {
            (Tier::Ultrapeer, Some(true) | None) => Some(Relation::Peer),
            (Tier::Ultrapeer, Some(false)) => Some(Relation::Leaf),
            (Tier::Leaf, Some(true)) => Some(Relation::Ultrapeer),
            (Tier::Leaf, Some(false) | None) => None,
        }
    }
}
