//! The stage in a simulated world: its time is the world's.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::node::io::{DownloadId, DownloadRequest, DownloadState, SearchId, SearchQuery, Source};
use crate::node::{Command, Event, Time};
use crate::scenario::file::{Network, Scenario};
use crate::scenario::play::{Arrival, Cast, Counts, Member, Outcome, Passed, Spread, Stage};
use crate::sim::byzantine::Misdeed;
use crate::sim::{
    Dice, Fault, Graph, Latency, Load, NodeId, Overlay, SearchRecord, SharedFile, World,
    WorldConfig,
};

/// Memory for what is known of queries; each takes some bytes a node.
const LEDGER_BYTES: usize = 400 << 20;
/// An expanding ring asks with a query for each TTL.
const QUERIES_A_SEARCH: usize = 8;
/// So many queries are followed at once however large the network is: 16 searches. In one of a
/// million nodes each takes up to 9 MB.
const QUERIES_MIN: usize = 128;
/// Whoever says Bye is gone after so long.
const BYE: Duration = Duration::from_secs(5);

/// While a world comes to be, progress is told after so many nodes,
const NODES_A_LOOK: u32 = 1_000;
/// and so often while they link up.
const LOOKS: u32 = 50;

/// A world that is played in.
pub(super) struct Simulated<'w> {
    world: &'w mut World,
    /// When the play began.
    began: Time,
    followed_max: usize,
    /// What is downloaded.
    fetches: BTreeMap<DownloadId, SharedFile>,
}

/// The empty world of a scenario; of these nodes tapes are kept.
pub(super) fn world(scenario: &Scenario, seed: u64, taped: &[NodeId]) -> World {
    let config = WorldConfig {
        net: scenario.links,
        regions: scenario.regions.clone(),
        queries_max: queries_max(scenario),
        taped: taped.to_vec(),
        ..WorldConfig::default()
    };
    World::new(seed, config)
}

/// Queries that are followed at once.
fn queries_max(scenario: &Scenario) -> usize {
    (LEDGER_BYTES / (scenario.network.nodes() as usize * 12)).clamp(QUERIES_MIN, 65_536)
}

impl<'w> Simulated<'w> {
    /// An empty world becomes as it is when the play begins: the nodes of the cast, connected or
    /// given time to find each other. `progress` is told how much of that is done, 0 to 1.
    pub(super) fn build(
        cast: &mut Cast<'_>,
        world: &'w mut World,
        progress: &mut dyn FnMut(f64),
    ) -> Outcome<Simulated<'w>> {
        let scenario = cast.scenario;
        let nodes = cast.nodes();
        if let Network::Emergent { joining, within, .. } = &scenario.network {
            let mut dice = Dice::new(cast.seed).derive("emergence");
            for node in (0..nodes).map(NodeId) {
                settle_in(world, cast.member(node));
                world.join(node, joining, &mut dice);
                world.run_for(*within / nodes)?;
                progress(f64::from(node.0) / f64::from(nodes));
            }
        } else {
            for node in (0..nodes).map(NodeId) {
                settle_in(world, cast.member(node));
                if node.0 % NODES_A_LOOK == 0 {
                    progress(0.5 * f64::from(node.0) / f64::from(nodes));
                }
            }
        }
        progress(0.5);
        let linking = &mut |part| progress(0.5 + 0.5 * part);
        match (cast.graph.clone(), &scenario.network) {
            (Some(graph), _) => {
                let begun = world.mend(&graph);
                pass(world, begun, linking)?;
                world.settle()?;
            }
            (None, Network::Emergent { .. }) => pass(world, scenario.warm_up, linking)?,
            (None, _) => {
                for node in (0..nodes).map(NodeId) {
                    let known = cast.acquaintances(node, nodes, &|_| true);
                    world.remember(node, &known);
                }
                pass(world, scenario.warm_up, linking)?;
            }
        }
        progress(1.0);
        Ok(Simulated {
            began: world.now(),
            world,
            followed_max: queries_max(scenario) / QUERIES_A_SEARCH,
            fetches: BTreeMap::new(),
        })
    }

    /// The nodes that have said something.
    fn said(&self) -> Vec<NodeId> {
        let all = (0..self.world.nodes()).map(NodeId);
        all.filter(|&node| !self.world.said(node).is_empty()).collect()
    }

    /// Whether the bytes of a download that is done are those of the original.
    fn is_equal(&mut self, node: NodeId, download: DownloadId) -> bool {
        let Some(SharedFile { entry, content }) = self.fetches.get(&download) else {
            return false;
        };
        let original = crate::sim::disk::content(*content, 0..entry.size);
        self.world.disk(node).finished(&entry.name) == Some(&original)
    }
}

/// Lets so much time pass and tells how much of it has, 0 to 1: a large world takes long for it.
fn pass(world: &mut World, time: Duration, progress: &mut dyn FnMut(f64)) -> Outcome {
    let until = world.now() + time;
    for look in 1..=LOOKS {
        let left = until.since(world.now());
        world.run_for(left / (LOOKS + 1 - look))?;
        progress(f64::from(look) / f64::from(LOOKS));
    }
    Ok(())
}

/// A node comes, behind its walls.
fn settle_in(world: &mut World, member: Member) {
    let Member { config, files, firewalled, nat, .. } = member;
    let node = world.add_node(&config, files);
    if nat {
        world.set_gateway(node);
    } else if firewalled {
        world.set_reachable(node, false);
    }
}

impl Stage for Simulated<'_> {
    const LOOK_EVERY: Duration = Duration::from_millis(500);
    const SAMPLE_EVERY_MIN: Duration = Duration::from_millis(100);

    fn begin(&mut self) -> Outcome {
        self.began = self.world.now();
        for node in (0..self.world.nodes()).map(NodeId) {
            self.world.events(node);
        }
        Ok(())
    }

    fn now(&self) -> Duration {
        self.world.now().since(self.began)
    }

    fn wait_until(&mut self, time: Duration) -> Outcome {
        Ok(self.world.run_for(time.saturating_sub(self.now()))?)
    }

    fn nodes(&self) -> u32 {
        self.world.nodes()
    }

    fn is_alive(&self, node: NodeId) -> bool {
        self.world.is_alive(node)
    }

    fn is_liar(&self, node: NodeId) -> bool {
        self.world.is_liar(node)
    }

    fn is_linked(&mut self, a: NodeId, b: NodeId) -> Outcome<bool> {
        Ok(self.world.is_linked(a, b))
    }

    fn ask(&mut self, node: NodeId, search: SearchId, query: SearchQuery) -> Outcome {
        self.world.command(node, Command::Search { search, query });
        Ok(())
    }

    fn share(&mut self, node: NodeId, file: SharedFile) -> Outcome {
        self.world.share(node, file);
        Ok(())
    }

    fn fetch(
        &mut self,
        node: NodeId,
        download: DownloadId,
        file: &SharedFile,
        from: &[NodeId],
    ) -> Outcome {
        let entry = &file.entry;
        let source = |&node: &NodeId| Source {
            index: Some(entry.index.0),
            name: Some(entry.name.clone()),
            servent: Some(self.world.servent(node)),
            ..Source::at(self.world.address(node))
        };
        let request = DownloadRequest {
            name: entry.name.clone(),
            size: Some(entry.size),
            sha1: entry.sha1,
            sources: from.iter().map(source).collect(),
        };
        self.fetches.insert(download, file.clone());
        self.world.command(node, Command::Download { download, request });
        Ok(())
    }

    fn leave(&mut self, node: NodeId) -> Outcome {
        self.world.command(node, Command::Shutdown);
        self.world.schedule(BYE, Fault::Kill(node));
        Ok(())
    }

    fn add(&mut self, member: Member) -> Outcome {
        settle_in(self.world, member);
        Ok(())
    }

    fn link(&mut self, a: NodeId, b: NodeId) -> Outcome {
        self.world.connect(a, b);
        Ok(())
    }

    fn mend(&mut self, graph: &Graph) -> Outcome {
        self.world.mend(graph);
        Ok(())
    }

    fn remember(&mut self, node: NodeId, others: &[NodeId]) -> Outcome {
        self.world.remember(node, others);
        Ok(())
    }

    fn befall(&mut self, fault: Fault) -> Outcome {
        self.world.befall(fault);
        Ok(())
    }

    fn set_latency(&mut self, latency: Latency) -> Outcome {
        self.world.set_latency(latency);
        Ok(())
    }

    fn corrupt(&mut self, node: NodeId, misdeed: &Misdeed) -> Outcome {
        self.world.corrupt(node, std::slice::from_ref(misdeed));
        Ok(())
    }

    fn overlay(&mut self) -> Outcome<Overlay> {
        Ok(self.world.overlay())
    }

    fn messages(&mut self) -> Outcome<u64> {
        Ok(self.world.messages())
    }

    fn load(&mut self, node: NodeId) -> Outcome<Load> {
        Ok(self.world.load(node))
    }

    fn files(&mut self, node: NodeId) -> Outcome<u64> {
        Ok(self.world.files(node) as u64)
    }

    fn counts(&mut self, node: NodeId) -> Outcome<Counts> {
        let Some(view) = self.world.view(node) else { return Ok(Counts::default()) };
        Ok(Counts {
            queue_peak_bytes: Some(view.queue_peak_bytes.into()),
            memory_bytes: self.world.memory_of(node),
            dropped: view.dropped,
            kinds: view.messages,
        })
    }

    fn arrivals(&mut self) -> Outcome<Vec<Arrival>> {
        let mut arrivals: Vec<Arrival> = Vec::new();
        // What else they say is taken with it, so that it does not pile up.
        for node in self.said() {
            for (at, event) in self.world.events(node) {
                let Event::Download { download, progress } = event else { continue };
                let is_done = progress.state == DownloadState::Done;
                let done = is_done.then(|| (at.since(self.began), self.is_equal(node, download)));
                arrivals.push(Arrival { download, node, have_bytes: progress.have, done });
            }
        }
        Ok(arrivals)
    }

    fn record(&mut self, node: NodeId, search: SearchId) -> Outcome<SearchRecord> {
        Ok(self.world.search_record(node, search))
    }

    fn spread(&mut self, node: NodeId, search: SearchId) -> Outcome<Option<Spread>> {
        let Some(record) = self.world.measure_search(node, search) else { return Ok(None) };
        let hop = |node: NodeId| Some((node, u32::from(record.links_to(node)?)));
        let copies = record.copies.iter().flatten().map(|copy| Passed {
            from: copy.from,
            to: copy.to,
            after: copy.at.since(record.began),
            hop: copy.hop.into(),
            again: copy.again,
        });
        let hops = record.reached().into_iter().filter_map(hop).collect();
        Ok(Some(Spread { hops, copies: copies.collect() }))
    }

    fn follow_copies(&mut self, follow: bool) {
        self.world.follow_copies(follow);
    }

    fn followed_max(&self) -> usize {
        self.followed_max
    }

    fn forget(&mut self, node: NodeId, search: SearchId) -> Outcome {
        self.world.forget_search(node, search);
        Ok(())
    }

    fn built(&self) -> Duration {
        self.began.since(Time::ZERO)
    }

    fn trace(&self) -> Option<String> {
        Some(format!("{:016x}", self.world.trace_hash()))
    }
}
