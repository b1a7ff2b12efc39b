//! Who gets a slot, and how many hosts to dial: facts in, verdict out (protocol.md section 21).

use std::time::Duration;

use crate::node::{Config, ConnId, Relation, Time, Why};

/// Neighbours of one relation at most.
pub(crate) fn slots(relation: Relation, config: &Config) -> usize {
    usize::from(match relation {
        Relation::Peer => config.neighbours_max,
        Relation::Leaf => config.leaves_max,
        Relation::Ultrapeer => config.ultrapeers_wanted,
    })
}

/// Neighbours of one relation whose addresses are in one network at most: at least one; as many as
/// will if the share is the whole.
pub(crate) fn subnet_max(relation: Relation, config: &Config) -> usize {
    if config.subnet_share_percent >= 100 {
        return usize::MAX;
    }
    share(slots(relation, config), config.subnet_share_percent).max(1)
}

fn share(slots: usize, percent: u8) -> usize {
    slots * usize::from(percent) / 100
}

/// What is to be known of a newcomer and of the neighbours of its relation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    /// What it would be to us.
    pub relation: Relation,
    /// Whether it connected to us.
    pub incoming: bool,
    /// How many there are.
    pub taken: usize,
    /// How many of them connected to us.
    pub taken_by_incoming: usize,
    /// How many of them are of its network, if that counts.
    pub of_subnet: usize,
    /// Who would give way for it.
    pub gives_way: Option<ConnId>,
}

/// Whether there is a slot: who has to give way for it, if anybody.
pub(crate) fn admit(facts: &Facts, config: &Config) -> Result<Option<ConnId>, Why> {
    if !facts.incoming {
        // We chose it.
        return Ok(None);
    }
    let slots = slots(facts.relation, config);
    if facts.of_subnet >= subnet_max(facts.relation, config) {
        return Err(Why::SubnetShare);
    }
    // A leaf that would hang on whoever comes could be surrounded by one attacker.
    if facts.relation == Relation::Ultrapeer && facts.taken_by_incoming >= slots / 2 {
        return Err(Why::NoSlot);
    }
    if facts.taken < slots { Ok(None) } else { facts.gives_way.map(Some).ok_or(Why::NoSlot) }
}

/// Who gives way for a newcomer when all slots are taken, if anybody; `incoming` holds those who
/// connected to us. The youngest of them are the reserve, through which newcomers pass: each may
/// stay a while. The others are safe, so that no crowd of newcomers displaces them.
pub(crate) fn gives_way(
    relation: Relation,
    mut incoming: Vec<(Time, ConnId)>,
    now: Time,
    config: &Config,
) -> Option<ConnId> {
    let reserve = share(slots(relation, config), config.newcomer_share_percent);
    incoming.sort_unstable();
    let safe = incoming.len().saturating_sub(reserve);
    let stay = Duration::from_secs(config.newcomer_stay_s.into());
    incoming.get(safe).filter(|&&(since, _)| now >= since + stay).map(|&(_, conn)| conn)
}

/// Whether more ultrapeers are needed (`X-Ultrapeer-Needed`): our own neighbours are incomplete, or
/// our leaves are so many that soon there will be no room for others.
pub(crate) fn ultrapeer_needed(peers: usize, leaves: usize, config: &Config) -> bool {
    peers < usize::from(config.neighbours_wanted)
        || leaves >= usize::from(config.leaves_max) * 3 / 4
}

/// What the decision how many to dial needs to know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialling {
    /// What we look for.
    pub relation: Relation,
    /// Neighbours that we try to have.
    pub wanted: usize,
    /// Neighbours of that relation now.
    pub neighbours: usize,
    /// Connections to hosts under way, handshake included.
    pub connecting: usize,
    /// Whether the node is shutting down.
    pub stopping: bool,
}

/// So many hosts are to be dialled now.
pub(crate) fn plan(facts: Dialling, config: &Config) -> usize {
    if facts.stopping || !config.auto_connect {
        return 0;
    }
    let missing = facts.wanted.saturating_sub(facts.neighbours);
    // Many attempts fail: twice what is missing is under way, within the limit. A leaf takes care
    // that it does not get more than it wants, for others want those slots.
    let times = if facts.relation == Relation::Ultrapeer { 1 } else { 2 };
    let under_way = (times * missing).min(usize::from(config.connecting_max));
    under_way.saturating_sub(facts.connecting)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dials_what_is_missing_within_limits() {
        let config = Config { connecting_max: 6, ..Config::default() };
        for (neighbours, connecting, expected) in
            [(0, 0, 6), (0, 6, 0), (6, 1, 3), (8, 0, 0), (9, 0, 0), (7, 9, 0)]
        {
            let relation = Relation::Peer;
            let facts = Dialling { relation, wanted: 8, neighbours, connecting, stopping: false };
            assert_eq!(plan(facts, &config), expected, "{facts:?}");
            assert_eq!(plan(Dialling { stopping: true, ..facts }, &config), 0);
            let leaf = Dialling { relation: Relation::Ultrapeer, ..facts };
            assert!(plan(leaf, &config) <= 8_usize.saturating_sub(neighbours), "{leaf:?}");
        }
    }

    #[test]
    fn slots_are_shared_between_networks_and_not_given_to_those_who_surround_us() {
        let config = Config {
            neighbours_max: 10,
            subnet_share_percent: 20,
            ultrapeers_wanted: 4,
            ..Config::default()
        };
        let facts = Facts {
            relation: Relation::Peer,
            incoming: true,
            taken: 9,
            taken_by_incoming: 9,
            of_subnet: 1,
            gives_way: None,
        };
        assert_eq!(admit(&facts, &config), Ok(None));
        assert_eq!(admit(&Facts { of_subnet: 2, ..facts }, &config), Err(Why::SubnetShare));
        assert_eq!(admit(&Facts { taken: 10, ..facts }, &config), Err(Why::NoSlot));
        let dialled = Facts { taken: 10, of_subnet: 9, incoming: false, ..facts };
        assert_eq!(admit(&dialled, &config), Ok(None));
        let ours = Facts { relation: Relation::Ultrapeer, of_subnet: 0, taken: 2, ..facts };
        assert_eq!(admit(&Facts { taken_by_incoming: 1, ..ours }, &config), Ok(None));
        assert_eq!(admit(&Facts { taken_by_incoming: 2, ..ours }, &config), Err(Why::NoSlot));
    }

    #[test]
    fn newcomers_pass_through_the_reserve_and_the_old_are_safe() {
        let config = Config {
            leaves_max: 10,
            newcomer_share_percent: 20,
            newcomer_stay_s: 60,
            ..Config::default()
        };
        let at = |seconds| Time::ZERO + Duration::from_secs(seconds);
        let leaves: Vec<(Time, ConnId)> = (0..10).rev().map(|n| (at(n), ConnId(n))).collect();
        let gives = |second| gives_way(Relation::Leaf, leaves.clone(), at(second), &config);
        assert_eq!((gives(67), gives(68)), (None, Some(ConnId(8))));
        let none = Config { newcomer_share_percent: 0, ..config.clone() };
        assert_eq!(gives_way(Relation::Leaf, leaves.clone(), at(999), &none), None);
    }

    #[test]
    fn ultrapeers_are_needed_while_the_mesh_is_thin_or_the_leaves_are_many() {
        let config = Config { neighbours_wanted: 3, leaves_max: 100, ..Config::default() };
        let needed = [(2, 0), (3, 0), (3, 74), (3, 75)]
            .map(|(peers, leaves)| ultrapeer_needed(peers, leaves, &config));
        assert_eq!(needed, [true, false, false, true]);
    }
}
