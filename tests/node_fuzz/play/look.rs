//! What must hold after every step, and at the end.

use std::time::Duration;

use filbert::node::io::CloseCause;
use filbert::node::view::Neighbour;
use filbert::node::{Command, ConnId, Input, Relation, Tier, View};

use super::{Conn, Phase, Stage};

impl Stage {
    /// Whether everything is within its limits.
    pub(super) fn look(&mut self) {
        let view = self.node.view();
        let config = &self.config;
        for (relation, slots) in [
            (Relation::Peer, config.neighbours_max),
            (Relation::Leaf, config.leaves_max),
            (Relation::Ultrapeer, config.ultrapeers_wanted),
        ] {
            let of = |link: &&Neighbour| link.incoming && link.relation == relation;
            assert!(view.neighbours.iter().filter(of).count() <= usize::from(slots));
            let fits = match view.tier {
                Tier::Leaf => relation == Relation::Ultrapeer,
                Tier::Ultrapeer => relation != Relation::Ultrapeer,
            };
            assert!(fits || view.neighbours.iter().all(|link| link.relation != relation));
        }
        assert!(view.seen_queries <= config.seen_queries_max);
        assert!(view.push_routes <= config.push_routes_max);
        assert!(view.hosts_known <= config.hosts_max);
        assert!(view.blocked.len() <= config.blocks_max as usize);
        assert!(view.searches.len() <= usize::from(config.searches_max));
        for search in &view.searches {
            assert!(search.results <= config.results_per_search_max);
        }
        self.look_at_transfers(&view);
        self.look_at_connections(&view);
    }

    fn look_at_transfers(&self, view: &View) {
        let config = &self.config;
        assert!(view.transfers.uploads.len() <= usize::from(config.upload_slots));
        assert!(view.transfers.downloads.len() <= usize::from(config.downloads_max));
        for download in &view.transfers.downloads {
            assert!(download.sources.len() <= usize::from(config.sources_per_download_max));
            let progress = &download.progress;
            let active_max = u32::from(config.active_sources_per_download_max);
            assert!(progress.active_sources <= active_max);
            assert!(progress.size.is_none_or(|size| progress.have <= size));
        }
    }

    fn look_at_connections(&self, view: &View) {
        let config = &self.config;
        // One that was refused or closed is the driver's until it is gone.
        let standing =
            |(conn, row): &(&ConnId, &Conn)| conn.is_accepted() && row.phase != Phase::Closing;
        let standing = self.conns.iter().filter(standing).count();
        assert!(standing <= config.connections_max as usize, "{standing} connections");
        for neighbour in &view.neighbours {
            // What a connection cannot do without comes on top: some bytes of a handshake.
            let queue = 0..=u64::from(config.send_queue_bytes_max) + 2_048;
            let rows = self.conns.values().filter(|row| row.peer == neighbour.peer);
            let queued = rows.map(|row| neighbour.queued_bytes.checked_sub(row.outstanding()));
            assert!(queued.flatten().any(|queued| queue.contains(&queued)), "{neighbour:?}");
        }
        let open = self.conns.values().filter(|row| row.phase != Phase::Closing).count();
        assert!(view.connections as usize >= open, "{open} connections, {view:?}");
        assert!(view.connections as usize <= self.conns.len(), "{view:?}");
    }

    /// Everything ends: nothing may be left over, and nothing may be waited for.
    pub(super) fn finish(&mut self) {
        self.give(Input::Command(Command::Shutdown));
        let left: Vec<ConnId> = self.conns.keys().copied().collect();
        for conn in left {
            let row = self.conns.remove(&conn).expect("nothing else ends connections here");
            assert!(matches!(row.phase, Phase::Flushing | Phase::Closing), "{conn:?} is left");
            self.give(Input::Closed { conn, cause: CloseCause::Ordered });
        }
        assert_eq!(self.happened.get("stopped"), Some(&1));
        assert_eq!(self.node.view().connections, 0);
        self.pass(Duration::from_secs(100_000));
        assert_eq!(self.node.deadline(), None);
        self.accepted += 1;
        let conn = ConnId::accepted(self.accepted);
        self.conns.insert(conn, Conn::new(self.config.listen, Phase::Open));
        let (peer, local) = (self.config.listen, self.config.listen);
        self.give(Input::Accepted { conn, peer, local });
        assert_eq!(self.conns[&conn].phase, Phase::Closing, "one that has stopped accepts nobody");
    }
}
