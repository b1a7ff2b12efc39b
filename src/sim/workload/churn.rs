//! Nodes that come and go.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Deed, Lifetime, Planned, Unfit, share};
use crate::sim::{Dice, NodeId};

/// How nodes come and go. Sessions are neither Poisson nor Pareto but Weibull-distributed
/// (Stutzbach and Rejaie 2006).
///
/// The network is met in the midst of its life: the nodes of the beginning are within sessions, and
/// as many others are away as keep the population where it is; those of them come later, for the
/// first time as the world sees it. A node that returns has its disk and its servent GUID.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Churn {
    /// How long a node stays. Half of the sessions in Gnutella were shorter than an hour (Saroiu,
    /// Gummadi and Gribble 2002); the shape is the middle of those measured.
    pub session: Lifetime,
    /// How long it is away. A free choice: as long as it stays.
    pub offline: Lifetime,
    /// The share of the departures that are for good; as many fresh nodes come instead. A free
    /// choice.
    pub fresh_share: f64,
    /// The share of the departures without a word: the host vanishes and its connections stay
    /// half-open. The others say Bye. A free choice.
    pub crash_share: f64,
}

impl Default for Churn {
    fn default() -> Self {
        Churn {
            session: Lifetime::median(0.47, 3_600.0),
            offline: Lifetime::median(0.47, 3_600.0),
            fresh_share: 0.1,
            crash_share: 0.2,
        }
    }
}

/// What comes next in the life of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Leaves(NodeId),
    Returns(NodeId),
    /// One that was away when the world began.
    ComesFirst,
    /// A fresh one, and after it the next fresh one.
    ComesFresh,
}

impl Churn {
    /// Whether its values make sense.
    pub fn check(&self) -> Result<(), Unfit> {
        self.session.check()?;
        self.offline.check()?;
        share("fresh-share", self.fresh_share)?;
        share("crash-share", self.crash_share)
    }

    /// How many nodes the world sees at most within `lasting` if so many live in the mean; as many
    /// the copies are to be placed on, so that those who come later share, too. Should even more
    /// fresh ones come, which is rare, they share nothing.
    pub fn nodes(&self, living: u32, lasting: Duration) -> u32 {
        let fresh = self.departures_a_s(living) * lasting.as_secs_f64() * self.fresh_share;
        living + self.away(living) + (fresh + 4.0 * fresh.sqrt()).ceil() as u32
    }

    /// Departures a second.
    fn departures_a_s(&self, living: u32) -> f64 {
        f64::from(living) / self.session.expected_s()
    }

    /// How many are away and will return.
    fn away(&self, living: u32) -> u32 {
        let returning = self.departures_a_s(living) * (1.0 - self.fresh_share);
        (returning * self.offline.expected_s()).round() as u32
    }

    /// Who comes and goes within `lasting` in a world whose nodes 0 to `living` - 1 live at first.
    /// New ones are numbered on from there, in the order in which they come, as a world does.
    pub fn plan(
        &self,
        living: u32,
        lasting: Duration,
        dice: &Dice,
    ) -> impl Iterator<Item = Planned> + use<> {
        let (churn, mut dice) = (self.clone(), dice.derive("churn"));
        let (mut next, mut nodes) = (BinaryHeap::new(), living);
        let fresh_a_s = self.departures_a_s(living) * self.fresh_share;
        let fresh_in_s = move |dice: &mut Dice| -(1.0 - dice.unit()).ln() / fresh_a_s;
        let lasting_us = lasting.as_micros() as u64;
        // What comes too late for this plan is not remembered.
        let put = move |next: &mut BinaryHeap<_>, at_us: u64, in_s: f64, turn| {
            let at_us = at_us.saturating_add((in_s * 1e6) as u64);
            if at_us < lasting_us {
                next.push(Reverse((at_us, turn)));
            }
        };
        for node in (0..living).map(NodeId) {
            put(&mut next, 0, churn.session.draw_left_s(&mut dice), Turn::Leaves(node));
        }
        for _ in 0..self.away(living) {
            put(&mut next, 0, churn.offline.draw_left_s(&mut dice), Turn::ComesFirst);
        }
        put(&mut next, 0, fresh_in_s(&mut dice), Turn::ComesFresh);
        std::iter::from_fn(move || {
            let Reverse((at_us, turn)) = next.pop()?;
            let deed = match turn {
                Turn::Leaves(node) => {
                    if !dice.chance(churn.fresh_share) {
                        let in_s = churn.offline.draw_s(&mut dice);
                        put(&mut next, at_us, in_s, Turn::Returns(node));
                    }
                    Deed::Leave { node, crashes: dice.chance(churn.crash_share) }
                }
                Turn::Returns(node) => Deed::Return { node },
                Turn::ComesFirst | Turn::ComesFresh => {
                    if turn == Turn::ComesFresh {
                        put(&mut next, at_us, fresh_in_s(&mut dice), Turn::ComesFresh);
                    }
                    nodes += 1;
                    Deed::Come { node: NodeId(nodes - 1) }
                }
            };
            if let Deed::Return { node } | Deed::Come { node } = deed {
                put(&mut next, at_us, churn.session.draw_s(&mut dice), Turn::Leaves(node));
            }
            Some(Planned { after: Duration::from_micros(at_us), deed })
        })
    }
}
