//! Whether and when the gateway of our network is asked to lead a port of its to ours.

use std::time::Duration;

use crate::node::io::{Mapped, MappingFailure};
use crate::node::{Config, Time};

/// A gateway that failed is asked again after this: the machine may have moved, the gateway been
/// set up.
const RETRY: Duration = Duration::from_secs(3_600);

/// A mapping that shall end sooner than this is renewed no sooner.
const RENEW_MIN: Duration = Duration::from_secs(60);

/// Where the mapping of our port stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mapping {
    /// Never asked for.
    #[default]
    None,
    /// The gateway is being asked, and has not mapped it before.
    Asked,
    /// It is mapped.
    Mapped {
        /// Where and how.
        mapped: Mapped,
        /// When to renew; never while that is under way.
        renew_at: Time,
    },
    /// It could not be mapped.
    Failed {
        /// Why.
        why: MappingFailure,
        /// When to try again.
        again_at: Time,
    },
}

/// What decides whether a mapping is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    /// Whether we have neighbours on the public network: in a local one there is nothing to map.
    pub public: bool,
    /// Whether our own side of connections has an address of the public network: nothing stands
    /// between that could map.
    pub own_is_public: bool,
    /// Whether we are leaving.
    pub stopping: bool,
}

impl Mapping {
    /// Whether to ask the gateway now.
    pub(crate) fn is_due(&self, now: Time, facts: &Facts, config: &Config) -> bool {
        let listens = config.listen.port() != 0 && !config.listen.ip().is_loopback();
        let wanted = config.port_mapping && listens && facts.public && !facts.own_is_public;
        wanted && !facts.stopping && self.due_at() <= now
    }

    /// When to ask the gateway again.
    pub(crate) fn due_at(&self) -> Time {
        match self {
            Mapping::None => Time::ZERO,
            Mapping::Asked => Time::NEVER,
            Mapping::Mapped { renew_at, .. } => *renew_at,
            Mapping::Failed { again_at, .. } => *again_at,
        }
    }

    /// The gateway is being asked.
    pub(crate) fn asked(&mut self) {
        match self {
            Mapping::Mapped { renew_at, .. } => *renew_at = Time::NEVER,
            _ => *self = Mapping::Asked,
        }
    }

    /// It answered; says whether something has changed.
    pub(crate) fn answered(&mut self, now: Time, answer: Result<Mapped, MappingFailure>) -> bool {
        let before = self.external();
        *self = match answer {
            Ok(mapped) => {
                let half = Duration::from_secs((mapped.lifetime_s / 2).into());
                Mapping::Mapped { renew_at: now + half.max(RENEW_MIN), mapped }
            }
            Err(why) => Mapping::Failed { why, again_at: now + RETRY },
        };
        self.external() != before
    }

    /// Where the gateway leads to us from.
    pub(crate) fn external(&self) -> Option<std::net::SocketAddr> {
        match self {
            Mapping::Mapped { mapped, .. } => Some(mapped.external),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::io::MappingMethod;

    const PUBLIC: Facts = Facts { public: true, own_is_public: false, stopping: false };

    fn at(seconds: u64) -> Time {
        Time::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn asked_for_only_where_a_gateway_may_stand_between() {
        let config = Config::default();
        let fresh = Mapping::default();
        assert!(fresh.is_due(at(0), &PUBLIC, &config));
        for facts in [
            Facts { public: false, ..PUBLIC },
            Facts { own_is_public: true, ..PUBLIC },
            Facts { stopping: true, ..PUBLIC },
        ] {
            assert!(!fresh.is_due(at(0), &facts, &config), "{facts:?}");
        }
        for listen in ["127.0.0.1:6346", "0.0.0.0:0"] {
            let config = Config { listen: listen.parse().unwrap(), ..Config::default() };
            assert!(!fresh.is_due(at(0), &PUBLIC, &config), "{listen}");
        }
        assert!(!fresh.is_due(at(0), &PUBLIC, &Config { port_mapping: false, ..config }));
    }

    #[test]
    fn renewed_at_half_time_and_asked_again_after_an_hour() {
        let config = Config::default();
        let external = "8.8.8.8:6346".parse().unwrap();
        let mapped = Mapped { external, lifetime_s: 600, method: MappingMethod::NatPmp };
        let mut mapping = Mapping::default();
        mapping.asked();
        assert!(!mapping.is_due(at(1_000_000), &PUBLIC, &config));
        assert!(mapping.answered(at(0), Ok(mapped)));
        assert_eq!((mapping.due_at(), mapping.external()), (at(300), Some(external)));
        mapping.asked();
        assert_eq!((mapping.due_at(), mapping.external()), (Time::NEVER, Some(external)));
        assert!(!mapping.answered(at(301), Ok(Mapped { lifetime_s: 1, ..mapped })));
        assert_eq!(mapping.due_at(), at(361), "not at once again");
        assert!(mapping.answered(at(361), Err(MappingFailure::NoAnswer)));
        assert_eq!((mapping.due_at(), mapping.external()), (at(361 + 3_600), None));
    }
}
