//! The switchboard of the two tiers: what we are, who gets a slot, and what a switch of roles does
//! to the neighbours (protocol.md section 21).

use std::net::IpAddr;

use super::filter::{is_routable, same_subnet};
use super::hosts::slots;
use super::link::Link;
use super::link::handshake::Neighbours;
use super::phase::Phase;
use super::reach::Openness;
use super::tier::{self, Facts, Verdict};
use super::view::{Slots, count};
use super::{ConnId, Node, Relation, Role, Tier, Time, Why};

/// After a switch the first host is dialled within this, at random.
const SWITCH_SPREAD_MS: u64 = 5_000;

impl Node {
    /// Something happened that may make us a leaf or an ultrapeer.
    pub(super) fn review_tier_soon(&mut self, now: Time) {
        if self.config.role == Role::Auto {
            self.review_at = self.review_at.min(now);
        }
    }

    /// Thinks of what we should be.
    pub(super) fn review_tier(&mut self, now: Time) {
        self.review_at = Time::NEVER;
        if self.config.role != Role::Auto || self.stopping {
            return;
        }
        let (mut links, mut waiting) = (0, 0);
        for (_, row) in self.conns.iter().filter(|(_, row)| row.phase.link().is_some()) {
            links += 1;
            waiting += usize::from(row.outbox.waiting_bytes() > 0);
        }
        let slow = self.line.look(now, links > 0 && waiting * 2 > links, &self.config);
        let facts = Facts {
            tier: self.tier,
            why: self.tier_why,
            in_tier: now.since(self.tier_since),
            uptime: now.since(Time::ZERO),
            public: self.is_public(links),
            reachable: self.tcp_openness() == Openness::Open,
            slow,
            leaves: self.related(Relation::Leaf),
            ultrapeers: self.related(Relation::Ultrapeer),
        };
        let Verdict { tier, why, again } = tier::plan(&facts, &self.config);
        self.review_at = again.map_or(Time::NEVER, |wait| now + wait);
        self.tier_why = why;
        if tier != self.tier {
            self.switch_tier(now, tier, None);
        }
    }

    /// Whether we are in the public network, or about to enter it.
    fn is_public(&self, neighbours: usize) -> bool {
        if neighbours > 0 {
            return !self.surroundings.is_local();
        }
        self.hosts.any(|address| is_routable(address.ip().to_canonical()))
    }

    /// Becomes a leaf or an ultrapeer: neighbours who no longer fit are told so, and others are
    /// looked for. `keep` is the one that made us a leaf.
    pub(super) fn switch_tier(&mut self, now: Time, tier: Tier, keep: Option<ConnId>) {
        self.tier = tier;
        self.horizon_changed(now);
        self.tier_since = now;
        let unfit = |(conn, row): (ConnId, &super::conn::Conn<Phase>)| {
            let shakes = matches!(row.phase, Phase::AwaitsAnswer(_) | Phase::AwaitsLastBlock(_));
            let unfit = shakes || row.phase.link().is_some();
            (unfit && Some(conn) != keep).then_some(conn)
        };
        let unfit: Vec<ConnId> = self.conns.iter().filter_map(unfit).collect();
        for conn in unfit {
            self.close(now, conn, Why::RoleSwitched, None);
        }
        // Many may switch for the same reason: not all at once.
        self.pace.wait(now, 0, SWITCH_SPREAD_MS, &self.rng);
        self.fill_at = now;
    }

    /// A neighbour of those whom we look for was lost, as perhaps many others have lost it: with
    /// some left there is no hurry, and all who lost the same do not run at the others together.
    pub(super) fn replace_at_leisure(&mut self, now: Time) {
        let (_, left) = self.wanted();
        let spread_ms = 1_000 * u64::from(self.config.replace_spread_s);
        let at_most_ms = if left > 0 { spread_ms } else { spread_ms / 10 };
        self.pace.wait(now, 0, at_most_ms, &self.rng);
    }

    /// How many neighbours are this to us.
    pub(super) fn related(&self, relation: Relation) -> usize {
        debug_assert_eq!(
            self.census.of(relation),
            self.links().filter(|(_, _, link)| link.relation == relation).count()
        );
        self.census.of(relation)
    }

    fn links(&self) -> impl Iterator<Item = (ConnId, IpAddr, &Link)> {
        self.conns.iter().filter_map(|(conn, row)| Some((conn, row.peer().ip(), row.phase.link()?)))
    }

    /// Whether one more may become this to us, and who has to give way for it. Whoever has not
    /// finished its handshake holds no slot, so it is asked again at the end: a crowd that stalls
    /// must not take all.
    pub(super) fn slot(
        &self,
        now: Time,
        relation: Relation,
        incoming: bool,
        peer: IpAddr,
    ) -> Result<Option<ConnId>, Why> {
        let taken = self.related(relation);
        let is_full = taken >= slots::slots(relation, &self.config);
        let (mut of_subnet, mut came) = (0, Vec::new());
        // With thousands of leaves it is dear to look at all: only if it matters what they are.
        let is_limited =
            slots::subnet_max(relation, &self.config) < usize::MAX && !self.is_free(peer);
        let matters = is_full || relation == Relation::Ultrapeer || is_limited;
        let all = (incoming && matters).then(|| self.links()).into_iter().flatten();
        for (conn, ip, link) in all.filter(|(_, _, link)| link.relation == relation) {
            of_subnet += usize::from(self.counts_as_one_subnet(ip, peer));
            if link.incoming {
                came.push((link.since, conn));
            }
        }
        let facts = slots::Facts {
            relation,
            incoming,
            taken,
            taken_by_incoming: came.len(),
            of_subnet,
            gives_way: slots::gives_way(relation, came, now, &self.config),
        };
        slots::admit(&facts, &self.config)
    }

    /// Whether two addresses are of one network whose share of the slots is limited.
    fn counts_as_one_subnet(&self, one: IpAddr, other: IpAddr) -> bool {
        !self.is_free(other) && same_subnet(one, other)
    }

    /// Whether the network of an address does not count: that of a local network.
    fn is_free(&self, address: IpAddr) -> bool {
        self.allows_local() && !is_routable(address.to_canonical())
    }

    /// Whether a network has its share of the neighbours whom we look for, those whom we are
    /// dialling included.
    pub(super) fn has_subnet_share(&self, candidate: IpAddr) -> bool {
        let wanted = Relation::wanted_by(self.tier);
        let counts = |phase: &Phase| match phase {
            Phase::Link(link) => link.relation == wanted,
            phase => phase.is_dialling(),
        };
        let same = self.conns.iter().filter(|(_, row)| {
            counts(&row.phase) && self.counts_as_one_subnet(row.peer().ip(), candidate)
        });
        same.count() >= slots::subnet_max(wanted, &self.config)
    }

    /// Neighbours that we try to have, and have.
    pub(super) fn wanted(&self) -> (usize, usize) {
        let wanted = match self.tier {
            Tier::Leaf => self.config.ultrapeers_wanted,
            Tier::Ultrapeer => self.config.neighbours_wanted,
        };
        (wanted.into(), self.related(Relation::wanted_by(self.tier)))
    }

    /// How many of the slots are taken.
    pub(super) fn slots(&self) -> Slots {
        let relation = Relation::wanted_by(self.tier);
        let (wanted, ultrapeers) = self.wanted();
        let is_leaf = self.tier == Tier::Leaf;
        let leaves_max = if is_leaf { 0 } else { slots::slots(Relation::Leaf, &self.config) };
        Slots {
            ultrapeers: count(ultrapeers),
            ultrapeers_wanted: count(wanted),
            ultrapeers_max: count(slots::slots(relation, &self.config)),
            leaves: count(self.related(Relation::Leaf)),
            leaves_max: count(leaves_max),
        }
    }

    /// Whether we need more ultrapeers.
    pub(super) fn needs_ultrapeers(&self) -> bool {
        let (peers, leaves) = (self.related(Relation::Peer), self.related(Relation::Leaf));
        slots::ultrapeer_needed(peers, leaves, &self.config)
    }

    /// Whether an ultrapeer may make us its leaf.
    pub(super) fn may_step_down(&self) -> bool {
        self.config.role == Role::Auto
            && self.tier == Tier::Ultrapeer
            && self.related(Relation::Leaf) == 0
    }

    /// Where the neighbours listen.
    pub(super) fn listening_neighbours(&self) -> Neighbours {
        let mut all = Neighbours::default();
        for (_, row) in self.conns.iter() {
            let to = match row.phase.link().map(|link| link.relation) {
                Some(Relation::Leaf) => &mut all.leaves,
                Some(Relation::Peer | Relation::Ultrapeer) => &mut all.peers,
                None => continue,
            };
            to.extend(row.listens());
        }
        all
    }
}
