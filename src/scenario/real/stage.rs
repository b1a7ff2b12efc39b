//! The stage of real servents: its time is this machine's.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use super::files::{Files, is_equal};
use super::look::{Search, Seen};
use super::weather::Weather;
use super::{LOOK_EVERY, Machine, TOLD_MAX, failed};
use crate::api::types::{Download, FileRequest, NewDownload, NewSearch, Passage, Source, What};
use crate::api::{Client, ClientError};
use crate::cluster::{Cluster, ClusterError};
use crate::node::config::Strategy;
use crate::node::io::{DownloadId, DownloadState, SearchId, SearchQuery};
use crate::node::view::{Dropped, KindCount};
use crate::scenario::play::{
    Arrival, Cast, Counts, Failure, Member, Outcome, Passed, Spread, Stage,
};
use crate::sim::byzantine::Misdeed;
use crate::sim::disk::content_sha1;
use crate::sim::{Fault, Graph, Latency, Load, NodeId, Overlay, SearchRecord, SharedFile};

/// Searches that are followed at once: nodes keep note of so many copies and no more.
const FOLLOWED_MAX: usize = 64;
/// Nothing moves any more if nothing has for so long, and as long as the longest way takes.
const QUIET_AFTER: Duration = Duration::from_millis(700);
/// The same when searches ask again after a while.
const QUIET_BETWEEN_STEPS: Duration = Duration::from_secs(10);
/// A file that a node is told to share is found by it within this.
const SHARED_WITHIN: Duration = Duration::from_secs(20);

/// Servents that are played with.
pub(super) struct Servents<'m> {
    pub(super) machine: &'m Machine,
    pub(super) cluster: Cluster,
    files: Files,
    pub(super) weather: Weather,
    /// When the first was started, and when the play began.
    started: Instant,
    began: Instant,
    pub(super) alive: Vec<bool>,
    pub(super) leaves: Vec<bool>,
    pub(super) addresses: Vec<IpAddr>,
    flat: bool,
    pub(super) searches: BTreeMap<SearchId, Search>,
    fetches: BTreeMap<DownloadId, Fetching>,
    /// What a node sent in the lives that are over, and what it noted in the last of them.
    pub(super) past: Vec<Load>,
    pub(super) noted: BTreeMap<NodeId, Vec<Passage>>,
    /// What was seen when nodes were looked at last.
    pub(super) seen: Option<(Instant, Vec<Option<Seen>>)>,
    /// Queries and hits sent by anybody when that changed last, and when.
    moved: (u64, Instant),
    quiet_after: Duration,
}

/// A download.
struct Fetching {
    node: NodeId,
    /// Its name at the servent; none if that refused it.
    id: Option<u64>,
    file: SharedFile,
    have_bytes: u64,
    is_over: bool,
}

impl<'m> Servents<'m> {
    /// Those of a cluster that stands.
    pub(super) fn new(
        cluster: Cluster,
        machine: &'m Machine,
        files: Files,
        cast: &Cast<'_>,
        members: &[Member],
        started: Instant,
    ) -> Outcome<Servents<'m>> {
        let walled = (0..).map(NodeId).zip(members).filter(|(_, member)| member.firewalled);
        let walled: BTreeSet<NodeId> = walled.map(|(node, _)| node).collect();
        let addresses = cluster.nodes().iter().map(|node| node.config.listen.ip()).collect();
        let mut stage = Servents {
            machine,
            weather: Weather::new(cast.scenario.links, cast.seed, walled),
            files,
            started,
            began: started,
            alive: vec![true; members.len()],
            leaves: members.iter().map(|member| member.leaf).collect(),
            addresses,
            flat: cast.graph.is_some(),
            searches: BTreeMap::new(),
            fetches: BTreeMap::new(),
            past: vec![Load::default(); members.len()],
            noted: BTreeMap::new(),
            seen: None,
            moved: (0, started),
            quiet_after: Duration::ZERO,
            cluster,
        };
        stage.set_conditions()?;
        Ok(stage)
    }

    /// Ends all servents and removes what they left.
    pub(super) fn end(self) -> Outcome {
        smol::block_on(self.cluster.down()).map_err(failed)
    }

    /// Lets time pass, unless the play is to stop.
    pub(super) fn sleep(&self, time: Duration) -> Outcome {
        let until = Instant::now() + time;
        loop {
            self.machine.go_on()?;
            match until.checked_duration_since(Instant::now()) {
                Some(left) if !left.is_zero() => std::thread::sleep(left.min(LOOK_EVERY)),
                _ => return Ok(()),
            }
        }
    }

    /// Asks a node something.
    pub(super) fn call<T, F>(&self, node: NodeId, what: impl FnOnce(Client) -> F) -> Outcome<T>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        let client = self.cluster.client(node.0).map_err(failed)?;
        let answer = what(client);
        self.machine.wait(async { answer.await.map_err(|error| self.silent(node, &error)) })
    }

    /// Asks all nodes that live something.
    pub(super) fn of_all<T, F>(
        &self,
        what: impl Fn(NodeId, Client) -> F,
    ) -> Outcome<Vec<(NodeId, T)>>
    where
        T: Send,
        F: Future<Output = Result<T, ClientError>> + Send,
    {
        let call = |node: NodeId| {
            let answer = self.cluster.client(node.0).map(|client| what(node, client));
            async move {
                let answer = answer.map_err(|error| error.to_string())?.await;
                answer.map(|told| (node, told)).map_err(|error| self.silent(node, &error))
            }
        };
        self.machine.all(self.living().map(call).collect())
    }

    /// A node that does not answer although it should live.
    pub(super) fn silent(&self, node: NodeId, error: &dyn Display) -> String {
        let name = self.cluster.node(node.0).map_or_else(|_| node.to_string(), |n| n.name.clone());
        format!("{name} does not answer as it should: {error}")
    }

    pub(super) fn living(&self) -> impl Iterator<Item = NodeId> {
        let living = (0..).map(NodeId).zip(&self.alive).filter(|(_, alive)| **alive);
        living.map(|(node, _)| node)
    }

    /// The node at an address.
    pub(super) fn at(&self, address: IpAddr) -> Option<NodeId> {
        let place = self.addresses.iter().position(|known| *known == address)?;
        Some(NodeId(place as u32))
    }

    fn listen(&self, node: NodeId) -> Option<String> {
        let planned = self.cluster.nodes().get(node.0 as usize)?;
        Some(planned.config.listen.to_string())
    }

    /// Who is neighbour of whom may change: what was seen, and what searches came to, is old.
    fn changed(&mut self) {
        self.seen = None;
        self.searches.values_mut().for_each(|search| search.done = None);
    }

    /// Makes all links as the weather is.
    fn set_conditions(&mut self) -> Outcome {
        self.quiet_after = QUIET_AFTER + 4 * self.weather.longest(self.alive.len() as u32);
        self.of_all(|node, client| {
            let conditions = self.weather.of(node, &self.addresses);
            async move { client.set_conditions(&conditions).await }
        })
        .map(drop)
    }

    /// Before a node's process ends: what it did is kept.
    fn keep(&mut self, node: NodeId) -> Outcome {
        self.seen = None;
        self.look()?;
        let seen = self.seen.iter().find_map(|(_, seen)| seen.get(node.0 as usize)?.as_ref());
        if let (Some(seen), Some(past)) = (seen, self.past.get_mut(node.0 as usize)) {
            past.messages_sent += seen.sent;
            past.bytes_sent += seen.sent_bytes;
        }
        let noted = self.call(node, |client| async move { client.passages(None).await })?;
        self.noted.entry(node).or_default().extend(noted.passages);
        let asked = self.searches.iter().filter(|(_, search)| search.node == node);
        for search in asked.map(|(search, _)| *search).collect::<Vec<_>>() {
            self.keep_search(search)?;
        }
        for fetch in self.fetches.values_mut().filter(|fetch| fetch.node == node) {
            // Numbers begin anew with the process; what was being fetched goes on unseen.
            fetch.id = None;
        }
        Ok(())
    }

    /// The process of a node ends.
    fn end_process(&mut self, node: NodeId, fault: &Fault) -> Outcome {
        if !self.is_alive(node) {
            return Ok(());
        }
        self.keep(node)?;
        match fault {
            Fault::Vanish(_) => self.cluster.vanish(&[node.0]).map_err(failed)?,
            _ => self.machine.wait(self.cluster.kill(&[node.0]))?,
        }
        self.alive[node.0 as usize] = false;
        self.changed();
        Ok(())
    }

    fn restart(&mut self, node: NodeId) -> Outcome {
        if self.is_alive(node) || node.0 >= self.nodes() {
            return Ok(());
        }
        // One that only stands still must begin anew, too.
        self.machine.wait(self.cluster.kill(&[node.0]))?;
        self.machine.wait(async {
            match self.cluster.start(&[node.0]).await {
                // Its neighbours may be out of reach.
                Err(ClusterError::NotReady { .. }) => Ok(()),
                started => started,
            }
        })?;
        self.alive[node.0 as usize] = true;
        self.changed();
        self.set_conditions()
    }

    /// Has a node connect to others; whether that works is seen later.
    fn connect(&mut self, node: NodeId, others: &[NodeId]) -> Outcome {
        let hosts: Vec<String> = others.iter().filter_map(|&other| self.listen(other)).collect();
        self.call(node, |client| async move {
            for host in hosts {
                client.connect(&host).await?;
            }
            Ok(())
        })?;
        self.changed();
        Ok(())
    }
}

impl Stage for Servents<'_> {
    const LOOK_EVERY: Duration = Duration::from_millis(100);
    const SAMPLE_EVERY_MIN: Duration = Duration::from_millis(500);
    const REST_LOOK_EVERY: Duration = Duration::from_millis(250);

    fn begin(&mut self) -> Outcome {
        self.began = Instant::now();
        self.changed();
        Ok(())
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn wait_until(&mut self, time: Duration) -> Outcome {
        self.sleep(time.saturating_sub(self.now()))
    }

    fn is_quiet(&mut self) -> Outcome<bool> {
        // Those who look for neighbours, or miss one that vanished, do so in their own time.
        if !self.flat || self.alive.iter().any(|alive| !alive) {
            return Ok(false);
        }
        if self.fetches.values().any(|fetch| !fetch.is_over) {
            return Ok(false);
        }
        self.seen = None;
        self.look()?;
        let seen = self.seen.iter().flat_map(|(_, seen)| seen).flatten();
        let moved: u64 = seen.map(|seen| seen.moved).sum();
        if self.moved.0 != moved {
            self.moved = (moved, Instant::now());
        }
        let by_steps = self.searches.values().any(|search| search.by_steps);
        let after = if by_steps { QUIET_BETWEEN_STEPS } else { Duration::ZERO };
        Ok(self.moved.1.elapsed() > after.max(self.quiet_after))
    }

    fn nodes(&self) -> u32 {
        self.alive.len() as u32
    }

    fn is_alive(&self, node: NodeId) -> bool {
        self.alive.get(node.0 as usize) == Some(&true)
    }

    fn is_liar(&self, _: NodeId) -> bool {
        false
    }

    fn is_linked(&mut self, a: NodeId, b: NodeId) -> Outcome<bool> {
        let peers = self.call(a, |client| async move { client.peers().await })?;
        Ok(peers.iter().any(|peer| self.at(peer.address.ip()) == Some(b)))
    }

    fn ask(&mut self, node: NodeId, search: SearchId, query: SearchQuery) -> Outcome {
        let config = self.cluster.node(node.0).map_err(failed)?.config.strategy;
        let by_steps = query.strategy.unwrap_or(config) != Strategy::Flood;
        let new = NewSearch {
            text: query.text,
            ttl: query.ttl,
            results_max: query.results_max,
            strategy: query.strategy,
            ..NewSearch::default()
        };
        let asked = self.call(node, |client| async move { client.search(&new).await })?;
        self.searches.insert(search, Search::new(node, asked.id, by_steps));
        self.moved.1 = Instant::now();
        Ok(())
    }

    fn share(&mut self, node: NodeId, file: SharedFile) -> Outcome {
        if !self.is_alive(node) {
            return Ok(());
        }
        let shared = |stage: &Self| stage.call(node, |client| async move { client.status().await });
        let before = shared(self)?.shared_files;
        self.files.put(node.0, &file)?;
        self.call(node, |client| async move { client.rescan().await })?;
        let until = Instant::now() + SHARED_WITHIN;
        while Instant::now() < until {
            let status = shared(self)?;
            if status.shared_files > before && status.hashing.is_none() {
                break;
            }
            self.sleep(LOOK_EVERY)?;
        }
        Ok(())
    }

    fn fetch(
        &mut self,
        node: NodeId,
        download: DownloadId,
        file: &SharedFile,
        from: &[NodeId],
    ) -> Outcome {
        let mut sources = Vec::new();
        for &other in from {
            let status = self.call(other, |client| async move { client.status().await })?;
            sources.push(Source { servent: Some(status.servent), ..Source::at(status.listen) });
        }
        let entry = &file.entry;
        let request = FileRequest {
            name: entry.name.clone(),
            size: Some(entry.size),
            // Real servents hash whatever they share.
            sha1: Some(content_sha1(file.content, entry.size)),
            sources,
        };
        let what = NewDownload { what: What::Request(request), name: None };
        let begun = self.call(node, |client| async move { client.download(&what).await })?;
        let fetching = Fetching {
            node,
            id: Some(begun.id),
            file: file.clone(),
            have_bytes: 0,
            is_over: false,
        };
        self.fetches.insert(download, fetching);
        Ok(())
    }

    fn leave(&mut self, node: NodeId) -> Outcome {
        self.keep(node)?;
        self.machine.wait(self.cluster.stop(&[node.0]))?;
        self.alive[node.0 as usize] = false;
        self.changed();
        Ok(())
    }

    fn add(&mut self, member: Member) -> Outcome {
        let number = self.nodes();
        let mut planned = super::planned(&member, "joined", number, &mut self.files)?;
        planned.config.auto_connect = !self.flat;
        let machine = self.machine;
        machine.wait(self.cluster.add(planned, &[]))?;
        self.alive.push(true);
        self.leaves.push(member.leaf);
        self.past.push(Load::default());
        self.addresses = self.cluster.nodes().iter().map(|node| node.config.listen.ip()).collect();
        self.changed();
        self.set_conditions()
    }

    fn link(&mut self, a: NodeId, b: NodeId) -> Outcome {
        self.connect(a, &[b])
    }

    fn mend(&mut self, graph: &Graph) -> Outcome {
        let overlay = self.overlay()?;
        let stands = |a: NodeId, b: NodeId| {
            let places = overlay.place(a).zip(overlay.place(b));
            places.is_some_and(|(a, b)| overlay.graph.neighbours(a).contains(&b))
        };
        let mut missing: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
        for &(a, b) in graph.edges() {
            let (a, b) = (NodeId(a), NodeId(b));
            if self.is_alive(a) && self.is_alive(b) && !stands(a, b) {
                missing.entry(a).or_default().push(b);
            }
        }
        missing.into_iter().try_for_each(|(node, others)| self.connect(node, &others))
    }

    fn remember(&mut self, node: NodeId, others: &[NodeId]) -> Outcome {
        self.connect(node, &others[..others.len().min(TOLD_MAX)])
    }

    fn befall(&mut self, fault: Fault) -> Outcome {
        match fault {
            Fault::Kill(node) | Fault::Vanish(node) => self.end_process(node, &fault),
            Fault::Restart(node) => self.restart(node),
            _ => {
                match fault {
                    Fault::Partition(nodes) => self.weather.partition(&nodes),
                    Fault::Clog(a, b) => self.weather.clog(a, b),
                    Fault::Unclog(a, b) => self.weather.unclog(a, b),
                    Fault::Heal => self.weather.heal(),
                    Fault::Firewall(node) => self.weather.wall(node, true),
                    Fault::Open(node) => self.weather.wall(node, false),
                    other => {
                        let what = format!("{other:?} is for the simulator alone");
                        return Err(Failure::Machine(what));
                    }
                }
                self.changed();
                self.set_conditions()
            }
        }
    }

    fn set_latency(&mut self, latency: Latency) -> Outcome {
        self.weather.set_latency(latency);
        self.set_conditions()
    }

    fn corrupt(&mut self, _: NodeId, _: &Misdeed) -> Outcome {
        Err(Failure::Machine("servents of this program do no harm".to_owned()))
    }

    fn overlay(&mut self) -> Outcome<Overlay> {
        self.look()?;
        Ok(self.overlay_seen())
    }

    fn messages(&mut self) -> Outcome<u64> {
        self.look()?;
        let past: u64 = self.past.iter().map(|past| past.messages_sent).sum();
        let seen = self.seen.iter().flat_map(|(_, seen)| seen).flatten();
        Ok(past + seen.map(|seen| seen.sent).sum::<u64>())
    }

    fn load(&mut self, node: NodeId) -> Outcome<Load> {
        self.look()?;
        let past = self.past.get(node.0 as usize).copied().unwrap_or_default();
        Ok(self.seen_of(node).map_or(past, |seen| Load {
            messages_sent: past.messages_sent + seen.sent,
            bytes_sent: past.bytes_sent + seen.sent_bytes,
        }))
    }

    fn files(&mut self, node: NodeId) -> Outcome<u64> {
        if !self.is_alive(node) {
            return Ok(0);
        }
        let status = self.call(node, |client| async move { client.status().await })?;
        Ok(status.shared_files)
    }

    fn counts(&mut self, node: NodeId) -> Outcome<Counts> {
        self.look()?;
        let Some(seen) = self.seen_of(node) else { return Ok(Default::default()) };
        let dropped = seen.dropped.iter().map(|one| Dropped {
            why: one.why,
            text: one.text.clone(),
            count: one.count,
        });
        let kinds = seen.kinds.iter().map(|one| KindCount {
            kind: one.kind.clone(),
            received: one.received,
            sent: one.sent,
        });
        let (dropped, kinds) = (dropped.collect(), kinds.collect());
        Ok(Counts { dropped, kinds, ..Counts::default() })
    }

    fn arrivals(&mut self) -> Outcome<Vec<Arrival>> {
        let under_way = self.fetches.iter().filter(|(_, fetch)| !fetch.is_over);
        let asked: Vec<(DownloadId, NodeId, u64)> = under_way
            .filter(|(_, fetch)| self.is_alive(fetch.node))
            .filter_map(|(&download, fetch)| Some((download, fetch.node, fetch.id?)))
            .collect();
        let mut arrivals = Vec::new();
        for (download, node, id) in asked {
            let state = self.call(node, |client| async move { client.download_state(id).await })?;
            let now = self.now();
            let Some(fetch) = self.fetches.get_mut(&download) else { continue };
            let done = state.is_over().then(|| is_done(&state, &fetch.file)).flatten();
            if fetch.have_bytes != state.have || state.is_over() {
                let done = done.map(|equal| (now, equal));
                arrivals.push(Arrival { download, node, have_bytes: state.have, done });
            }
            (fetch.have_bytes, fetch.is_over) = (state.have, state.is_over());
        }
        Ok(arrivals)
    }

    fn record(&mut self, node: NodeId, search: SearchId) -> Outcome<SearchRecord> {
        self.recorded(node, search)
    }

    fn spread(&mut self, node: NodeId, search: SearchId) -> Outcome<Option<Spread>> {
        let Some(followed) = self.followed(search)? else { return Ok(None) };
        let hops = followed.hops();
        let mut met = BTreeSet::from([node]);
        let copies = followed.arrived().filter_map(|step| {
            let to = NodeId(step.node);
            let again = !met.insert(to);
            let from = NodeId(step.from?);
            Some(Passed {
                from,
                to,
                after: Duration::from_micros(step.at_us),
                hop: step.hop,
                again,
            })
        });
        Ok(Some(Spread { copies: copies.collect(), hops }))
    }

    fn follow_copies(&mut self, _: bool) {}

    fn followed_max(&self) -> usize {
        FOLLOWED_MAX
    }

    fn forget(&mut self, _: NodeId, search: SearchId) -> Outcome {
        self.searches.remove(&search);
        Ok(())
    }

    fn built(&self) -> Duration {
        self.began.duration_since(self.started)
    }

    fn trace(&self) -> Option<String> {
        None
    }
}

/// Whether a download that is over has the bytes of the original; none if it brought nothing.
fn is_done(download: &Download, file: &SharedFile) -> Option<bool> {
    let done = matches!(download.state, DownloadState::Done | DownloadState::DoneUnverified);
    let path = download.path.as_deref().filter(|_| done)?;
    Some(is_equal(Path::new(path), file))
}
