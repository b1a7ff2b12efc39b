//! From what the node says of itself to what the interface says: the one file that knows both.

use std::time::Instant;

use super::reach;
use super::types::{
    Block, Counters, Datagrams, Dropped, Event, Hashing, Horizon, HostSource, KindCount, NewSearch,
    Obstacle, Passage, Passages, Peer, Settings, Shares, Status, TierStatus, Upload,
};
use crate::node::io::DownloadRequest;
use crate::servent::{self, Config, DownloadView, Servent, View};

/// Neighbours that forward to fewer than this are not enough for a good search.
const TTL_SMALL_MAX: u8 = 2;

/// The neighbours that we have.
pub(super) fn neighbours(view: &View) -> u32 {
    u32::try_from(view.neighbours.len()).unwrap_or(u32::MAX)
}

/// The state of the servent; searches and downloads are the desk's to count.
pub(super) fn status(view: &View, servent: &Servent, began: Instant) -> Status {
    let config = servent.config();
    let places = servent.places();
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_s: began.elapsed().as_secs(),
        listen: servent.listen(),
        address: view.address,
        servent: view.servent,
        data_dir: places.data_dir.display().to_string(),
        download_dir: places.download_dir.display().to_string(),
        neighbours: neighbours(view),
        tier: tier(view),
        neighbours_wanted: view.slots.ultrapeers_wanted,
        connecting: view.connecting,
        hosts_known: view.hosts_known,
        horizon: horizon(view, config),
        sources: sources(view, began),
        shared_files: view.files,
        shared_bytes: view.bytes,
        hashing: hashing(servent),
        searches: 0,
        uploads: u32::try_from(view.transfers.uploads.len()).unwrap_or(u32::MAX),
        downloads: 0,
        obstacles: obstacles(view),
        reach: reach::reach(&view.reach, servent.listen().port(), began.elapsed().as_secs()),
    }
}

/// What lies as far away as a query of ours goes.
fn horizon(view: &View, config: &Config) -> Option<Horizon> {
    let far = view.horizon.iter().rev().find(|far| far.hops <= config.query_ttl_default)?;
    Some(Horizon { hops: far.hops, nodes: far.nodes, files: far.files, bytes: far.bytes })
}

/// What the servent is in the two-tier network.
fn tier(view: &View) -> TierStatus {
    let slots = view.slots;
    TierStatus {
        tier: view.tier,
        why: view.tier_why,
        text: view.tier_why.text().to_owned(),
        ultrapeers: slots.ultrapeers,
        ultrapeers_max: slots.ultrapeers_max,
        leaves: slots.leaves,
        leaves_max: slots.leaves_max,
    }
}

/// What may keep any search from finding anything.
fn obstacles(view: &View) -> Vec<Obstacle> {
    let (neighbours, wanted) = (neighbours(view), view.slots.ultrapeers_wanted);
    let named = || view.sources.iter().filter(|source| !source.learnt);
    let (sources, failing) = (named().count(), named().filter(|s| s.state.is_bad()).count());
    let mut obstacles = Vec::new();
    match neighbours {
        0 if view.connecting > 0 => obstacles.push(Obstacle::StillConnecting),
        0 if sources > 0 && failing == 0 => obstacles.push(Obstacle::AskingForHosts),
        0 if sources > 0 => {}
        0 if view.hosts_known > 0 => obstacles.push(Obstacle::StillConnecting),
        0 => obstacles.push(Obstacle::NobodyKnown),
        // Leaves pass nothing on.
        _ if view.slots.ultrapeers < wanted => {
            let neighbours = view.slots.ultrapeers;
            obstacles.push(Obstacle::FewNeighbours { neighbours, wanted });
        }
        _ => {}
    }
    if neighbours == 0 && failing > 0 {
        let count = |number| u32::try_from(number).unwrap_or(u32::MAX);
        let (failing, sources) = (count(failing), count(sources));
        let hosts_known = view.hosts_known;
        obstacles.push(Obstacle::SourcesFail { failing, sources, hosts_known });
    }
    obstacles
}

/// Where hosts are asked for.
fn sources(view: &View, began: Instant) -> Vec<HostSource> {
    let now_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    let ago = |at_us: u64| now_us.saturating_sub(at_us) / 1_000_000;
    let source = |source: &servent::SourceView| HostSource {
        source: source.source.to_string(),
        learnt: source.learnt,
        state: source.state,
        asked_s_ago: source.asked_us.map(ago),
        answered_s_ago: source.answered_us.map(ago),
        hosts: source.hosts,
        failures: source.failures.into(),
        trouble: source.trouble,
        next_in_s: source.next_us.saturating_sub(now_us).div_ceil(1_000_000),
    };
    view.sources.iter().map(source).collect()
}

/// What may keep this search from finding anything.
pub(super) fn obstacles_of_search(view: &View, query: &NewSearch) -> Vec<Obstacle> {
    let mut all = obstacles(view);
    let words = servent::ignored_words(&query.text);
    if !words.is_empty() {
        all.push(Obstacle::WordsTooShort { words });
    }
    if let Some(ttl) = query.ttl.filter(|&ttl| ttl <= TTL_SMALL_MAX) {
        all.push(Obstacle::SmallTtl { ttl });
    }
    let NewSearch { size_min, size_max, extensions, without, kind, .. } = query;
    let any_size = size_min.is_none() && size_max.is_none();
    let is_open = any_size && extensions.is_empty() && kind.is_none();
    if !(is_open && without.is_empty()) {
        all.push(Obstacle::Filtered);
    }
    all
}

/// The neighbours.
pub(super) fn peers(view: &View, began: Instant) -> Vec<Peer> {
    let peer = |link: &servent::Neighbour| Peer {
        address: link.peer,
        listen: link.listen,
        user_agent: link.user_agent.clone(),
        relation: link.relation,
        incoming: link.incoming,
        connected_s: began.elapsed().as_secs().saturating_sub(link.since_us / 1_000_000),
        compressed_in: link.compressed_in,
        compressed_out: link.compressed_out,
        received: link.messages_in,
        sent: link.messages_out,
        received_bytes: link.bytes_in,
        sent_bytes: link.bytes_out,
        queued_bytes: link.queued_bytes,
        dropped: link.dropped,
    };
    view.neighbours.iter().map(peer).collect()
}

/// The addresses that are not talked to.
pub(super) fn blocks(view: &View) -> Vec<Block> {
    let block = |(address, bits): &(_, _)| Block { network: format!("{address}/{bits}") };
    view.blocked.iter().map(block).collect()
}

/// What is being sent to others.
pub(super) fn uploads(view: &View) -> Vec<Upload> {
    let upload = |upload: &servent::UploadView| Upload {
        address: upload.peer,
        name: upload.name.clone(),
        sent: upload.sent,
        size: upload.of,
    };
    view.transfers.uploads.iter().map(upload).collect()
}

/// What is shared.
pub(super) fn shares(servent: &Servent) -> Shares {
    let (folders, shared) = (servent.shared_folders(), servent.shares());
    Shares {
        folders: folders.iter().map(|folder| folder.display().to_string()).collect(),
        files: shared.files,
        bytes: shared.bytes,
        hashing: hashing(servent),
    }
}

/// How far the reading of the shared folders is, if it is not done.
fn hashing(servent: &Servent) -> Option<Hashing> {
    let shares = servent.shares();
    (shares.looking || shares.files_to_hash > 0)
        .then_some(Hashing { files_left: shares.files_to_hash, bytes_left: shares.bytes_to_hash })
}

/// What went through and what was dropped.
pub(super) fn counters(view: &View) -> Counters {
    let kinds = view.messages.iter().cloned();
    let by_udp = &view.datagrams;
    Counters {
        messages: kinds
            .map(|of| KindCount { kind: of.kind, received: of.received, sent: of.sent })
            .collect(),
        dropped: dropped(&view.dropped),
        seen_queries: view.seen_queries,
        push_routes: view.push_routes,
        datagrams: Datagrams {
            received: by_udp.received,
            received_bytes: by_udp.received_bytes,
            sent: by_udp.sent,
            sent_bytes: by_udp.sent_bytes,
            dropped: dropped(&by_udp.dropped),
            hosts_proven: by_udp.hosts_proven,
            offers: by_udp.offers,
            requests: by_udp.requests,
        },
    }
}

fn dropped(reasons: &[servent::Dropped]) -> Vec<Dropped> {
    let dropped =
        |of: &servent::Dropped| Dropped { why: of.why, text: of.text.clone(), count: of.count };
    reasons.iter().map(dropped).collect()
}

/// What became of queries and hits.
pub(super) fn passages(view: &servent::PassagesView) -> Passages {
    let passage = |one: &servent::Passage| Passage {
        at_us: view.began.at(one.at).0,
        query: one.guid,
        fate: one.fate,
        from: one.from,
        ttl: one.ttl,
        hops: one.hops,
        bytes: one.bytes,
        links: one.links,
        results: one.results,
        servent: one.servent,
        why: one.why,
    };
    Passages {
        kept_max: view.max,
        overwritten: view.overwritten,
        kept_since_us: view.since.map(|since| view.began.at(since).0),
        passages: view.passages.iter().map(passage).collect(),
    }
}

/// The settings in effect.
pub(super) fn settings(servent: &Servent) -> Settings {
    let places = servent.places();
    Settings {
        data_dir: places.data_dir.display().to_string(),
        download_dir: places.download_dir.display().to_string(),
        shares: servent
            .shared_folders()
            .iter()
            .map(|folder| folder.display().to_string())
            .collect(),
        node: servent.config().clone(),
    }
}

/// What is told to all who listen; searches, downloads and the end are the desk's to tell.
pub(super) fn event_of(event: &servent::Event) -> Option<Event> {
    match event {
        servent::Event::LinkUp { peer, user_agent, incoming } => Some(Event::PeerUp {
            address: *peer,
            user_agent: user_agent.clone(),
            incoming: *incoming,
        }),
        servent::Event::LinkDown { peer, why, said } => {
            Some(Event::PeerDown { address: *peer, why: *why, said: said.clone() })
        }
        servent::Event::SourceAsked { source, hosts, why } => {
            Some(Event::SourceAsked { source: source.clone(), hosts: *hosts, why: *why })
        }
        servent::Event::Refused { why, command } => {
            Some(Event::Refused { why: *why, command: command.clone() })
        }
        servent::Event::Found { .. }
        | servent::Event::Asks { .. }
        | servent::Event::AsksAnew { .. }
        | servent::Event::SearchEnded { .. }
        | servent::Event::Download { .. }
        | servent::Event::Stopped => None,
    }
}

/// A download as it was asked for, as far as the node tells.
pub(super) fn request_of(known: &DownloadView) -> DownloadRequest {
    DownloadRequest {
        name: known.name.clone(),
        size: known.progress.size,
        sha1: known.sha1,
        sources: Vec::new(),
    }
}
