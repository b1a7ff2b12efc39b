//! What a seed stands for: a world, what is asked of it, and what breaks in it.

use std::sync::Arc;
use std::time::Duration;

use filbert::node::Config;
use filbert::node::config::{Forward, Strategy};
use filbert::sim::faults::{Plan, random_plan, swizzle_clog};
use filbert::sim::{
    Dice, Fault, Graph, Latency, Misdeed, NetConfig, NodeId, Regions, Settled, SharedFile,
    Topology, TwoTiers, WorldConfig,
};

/// Everything breaks within this time.
pub(crate) const SPAN: Duration = Duration::from_secs(180);
/// The number that the bytes of the wanted file follow from.
pub(crate) const CONTENT: u64 = 77;

/// How the nodes come to have neighbours.
#[derive(Debug)]
pub(crate) enum Shape {
    /// Those of a graph, which are mended in the end.
    Graph(Graph),
    /// They find each other by themselves; each knows some addresses.
    Overlay,
    /// The same, in two tiers.
    TwoTiers(TwoTiers),
}

/// A file that is fetched while things break.
#[derive(Debug)]
pub(crate) struct Fetch {
    pub(crate) after: Duration,
    pub(crate) node: NodeId,
    /// Whether the sharers are known from the beginning; else the network is asked for the hash.
    pub(crate) knows_sharers: bool,
}

/// A search while things break.
#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) after: Duration,
    pub(crate) node: NodeId,
    pub(crate) text: String,
    pub(crate) ttl: u8,
}

#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) seed: u64,
    pub(crate) nodes: u32,
    pub(crate) shape: Shape,
    pub(crate) config: Config,
    pub(crate) world: WorldConfig,
    pub(crate) liars: Vec<(NodeId, Vec<Misdeed>)>,
    pub(crate) size: u64,
    pub(crate) sharers: Vec<NodeId>,
    pub(crate) fetches: Vec<Fetch>,
    pub(crate) searches: Vec<Search>,
    pub(crate) plan: Plan,
}

impl Case {
    pub(crate) fn of(seed: u64) -> Case {
        let mut dice = Dice::new(seed).derive("case");
        let mut nodes = 6 + dice.below(20) as u32;
        let shape = match dice.below(8) {
            0 => Shape::Overlay,
            1 | 2 => {
                let ultrapeers = nodes / 3 + 1;
                let leaves = nodes - ultrapeers;
                Shape::TwoTiers(TwoTiers { ultrapeers, leaves, hosts_known: 6 })
            }
            _ => Shape::Graph(graph(&mut dice, nodes)),
        };
        if let Shape::Graph(graph) = &shape {
            nodes = graph.nodes();
        }
        let mut liars = liars(&mut dice, &shape, nodes);
        // Seeds that are kept stay what they were.
        let mut more = Dice::new(seed).derive("more");
        let is_new = !crate::KEPT.contains(&seed);
        if is_new && !matches!(shape, Shape::Graph(_)) {
            liars = liars_among(&mut more, nodes);
        }
        let mut config = config(&mut dice, &shape, !liars.is_empty());
        if is_new && matches!(shape, Shape::Graph(_)) {
            vary_strategy(&mut more, &mut config);
        }
        let any = |dice: &mut Dice| NodeId(dice.below(nodes.into()) as u32);
        let is_deep = matches!(shape, Shape::Graph(_));
        let sharers: Vec<NodeId> = (0..1 + dice.below(3)).map(|_| any(&mut dice)).collect();
        let fetches = (0..dice.below(4))
            .map(|_| Fetch {
                after: within_span(&mut dice),
                node: any(&mut dice),
                // Only a flood goes to the end of a long graph, and before its asker tires of it.
                knows_sharers: dice.chance(0.7) || is_deep && config.strategy != Strategy::Flood,
            })
            .filter(|fetch| !sharers.contains(&fetch.node))
            .collect();
        let searches = (0..dice.below(25))
            .map(|_| Search {
                after: within_span(&mut dice),
                node: any(&mut dice),
                text: text(&mut dice, nodes),
                ttl: 1 + dice.below(8) as u8,
            })
            .collect();
        Case {
            seed,
            nodes,
            config,
            world: world(&mut dice),
            liars,
            size: 1 + dice.below(300_000),
            sharers,
            fetches,
            searches,
            plan: plan(&mut dice, &shape, nodes),
            shape,
        }
    }

    /// What a node shares: a file of its own, and some the wanted one.
    pub(crate) fn shared(&self, node: NodeId) -> Vec<SharedFile> {
        let own = format!("common file of {node}.txt");
        let mut shared = vec![SharedFile::unhashed(1, &own, 1_000, u64::from(node.0))];
        if self.sharers.contains(&node) {
            shared.push(SharedFile::new(2, "the wanted thing.bin", self.size, CONTENT));
        }
        shared
    }

    pub(crate) fn is_liar(&self, node: NodeId) -> bool {
        self.liars.iter().any(|&(liar, _)| liar == node)
    }

    /// In one line.
    pub(crate) fn summary(&self) -> String {
        let shape = match &self.shape {
            Shape::Graph(graph) => format!("graph with {} links", graph.edges().len()),
            Shape::Overlay => "overlay".to_owned(),
            Shape::TwoTiers(tiers) => format!("two tiers, {} ultrapeers", tiers.ultrapeers),
        };
        let Config { forward, strategy, query_routing, out_of_band, compress_links, .. } =
            self.config;
        format!(
            "{} nodes, {shape}, {forward:?}, {strategy:?}, one-hop {}, tables {query_routing}, out of \
             band {out_of_band}, open {}, compressed {compress_links}, liars {:?}",
            self.nodes, self.config.one_hop_replication, self.config.local_is_open, self.liars
        )
    }

    /// Whether whoever asks everybody is heard by everybody: a flood passes every node.
    pub(crate) fn floods(&self) -> bool {
        Strategy::Flood.gets_along_with(self.config.strategy)
    }

    /// Whether somebody's bytes may be wrong.
    pub(crate) fn is_poisoned(&self) -> bool {
        self.liars.iter().any(|(_, misdeeds)| !misdeeds.is_empty())
    }
}

fn within_span(dice: &mut Dice) -> Duration {
    Duration::from_micros(dice.below(SPAN.as_micros() as u64))
}

fn text(dice: &mut Dice, nodes: u32) -> String {
    match dice.below(4) {
        0 => "common".to_owned(),
        1 => "wanted".to_owned(),
        2 => format!("file of {}", NodeId(dice.below(nodes.into()) as u32)),
        _ => "what nobody shares".to_owned(),
    }
}

fn graph(dice: &mut Dice, nodes: u32) -> Graph {
    let topology = match dice.below(9) {
        0 => Topology::Ring { nodes },
        1 => Topology::Line { nodes: nodes.min(12) },
        2 => Topology::Star { nodes },
        3 => Topology::Tree { degree: 3, depth: 3 },
        4 => Topology::Clique { nodes: nodes.min(10) },
        5 => Topology::Grid { rows: 4, columns: nodes.div_ceil(4) },
        6 => Topology::RandomRegular { nodes: nodes & !1, degree: 4 },
        7 => Topology::BarabasiAlbert { nodes, links: 2 },
        _ => Topology::ErdosRenyi { nodes, mean_degree: 2.0 + 3.0 * dice.unit() },
    };
    topology.graph(&mut dice.derive("topology")).join_components(dice)
}

fn config(dice: &mut Dice, shape: &Shape, has_liars: bool) -> Config {
    let forward = if dice.chance(0.5) { Forward::HigherTtl } else { Forward::FirstCopy };
    let flat = matches!(shape, Shape::Graph(_));
    Config {
        // A graph may be as deep as it has nodes; only by the higher TTL is its end reached for sure.
        forward: if has_liars || !flat { Forward::HigherTtl } else { forward },
        strategy: if dice.chance(0.3) { Strategy::Dynamic } else { Strategy::Flood },
        query_routing: dice.chance(0.5),
        out_of_band: dice.chance(0.3),
        local_is_open: dice.chance(0.5),
        // Who believes that it is shut does not answer others who are: that must not last.
        reach_believed_s: 120,
        reach_ask_again_s: 60,
        // As many as then are asked for: a favour that is not done looks like a shut door.
        favours_per_address_max: 1_000,
        favours_per_minute_max: 1_000,
        // Liars speak in the clear, and checkers that see only half of all links see ghosts.
        compress_links: dice.chance(0.4) && !has_liars,
        horizon_interval_s: if dice.chance(0.3) { 30 } else { 0 },
        queries_per_minute_max: if has_liars { 60 } else { 0 },
        ttl_and_hops_max: 255,
        query_ttl_default: 30,
        neighbours_wanted: 4,
        neighbours_max: if flat { 1_000 } else { 16 },
        leaves_max: 40,
        auto_connect: !flat,
        local_addresses: true,
        request_bytes_max: 20_000 + dice.below(300_000),
        ..Config::flat()
    }
}

fn world(dice: &mut Dice) -> WorldConfig {
    let latency = match dice.below(4) {
        0 => Latency::Constant { us: 20_000 },
        1 => Latency::Uniform { from_us: 1_000, to_us: 200_000 },
        2 => Latency::Exponential { mean_us: 50_000 },
        _ => Latency::LogNormal { median_us: 30_000, sigma: 1.2 },
    };
    let buffers = [0, 4_096, 65_536, 262_144];
    let net = NetConfig {
        latency,
        rate_bytes_s: dice.chance(0.5).then(|| 20_000 + dice.below(200_000) as u32),
        send_buffer_bytes: dice.pick(&buffers).copied().unwrap_or(0),
        receive_buffer_bytes: dice.pick(&buffers[1..]).copied().unwrap_or(65_536),
        split: dice.chance(0.7),
        datagram_loss: if dice.chance(0.5) { 0.3 * dice.unit() } else { 0.0 },
        datagram_duplicate: if dice.chance(0.5) { 0.3 * dice.unit() } else { 0.0 },
        datagram_reorder: if dice.chance(0.5) { 0.3 * dice.unit() } else { 0.0 },
    };
    let far = 10_000 + dice.below(150_000);
    let regions = dice.chance(0.3).then(|| Regions {
        names: ["west", "east"].map(str::to_owned).to_vec(),
        one_way_us: vec![vec![0, far], vec![far + 5_000, 0]],
        settled: Settled::Random { weights: vec![2, 1] },
    });
    let regions = regions.map(Arc::new);
    // Floods bring more queries than a world follows by default.
    WorldConfig { net, regions, queries_max: 4_096, ..WorldConfig::default() }
}

/// In some graphs some nodes lie, as long as the honest ones need none of them.
fn liars(dice: &mut Dice, shape: &Shape, nodes: u32) -> Vec<(NodeId, Vec<Misdeed>)> {
    let Shape::Graph(graph) = shape else { return vec![] };
    if !dice.chance(0.4) {
        return vec![];
    }
    let mut liars: Vec<(NodeId, Vec<Misdeed>)> = Vec::new();
    for _ in 0..1 + dice.below(3) {
        let node = NodeId(dice.below(nodes.into()) as u32);
        let lies =
            |number: u32| NodeId(number) == node || liars.iter().any(|&(liar, _)| liar.0 == number);
        let honest: Vec<u32> = (0..nodes).filter(|&number| !lies(number)).collect();
        let edges = graph.edges().iter().copied().filter(|&(a, b)| !lies(a) && !lies(b));
        let among = Graph::new(nodes, edges);
        if lies(node.0) && liars.iter().any(|&(liar, _)| liar == node) || honest.len() < 3 {
            continue;
        }
        if among.ball(honest[0], 255).len() == honest.len() - 1 {
            let misdeeds = (0..1 + dice.below(2)).map(|_| misdeed(dice, nodes)).collect();
            liars.push((node, misdeeds));
        }
    }
    liars
}

/// One or two liars where nodes find each other: nobody depends on them for long.
fn liars_among(dice: &mut Dice, nodes: u32) -> Vec<(NodeId, Vec<Misdeed>)> {
    if nodes < 10 || !dice.chance(0.4) {
        return vec![];
    }
    let mut chosen: Vec<NodeId> =
        (0..1 + dice.below(2)).map(|_| NodeId(dice.below(nodes.into()) as u32)).collect();
    chosen.dedup();
    chosen.into_iter().map(|node| (node, vec![misdeed(dice, nodes)])).collect()
}

/// In half of the graphs nodes ask in another way than by one flood or by dynamic queries, or answer
/// for their neighbours, too.
fn vary_strategy(dice: &mut Dice, config: &mut Config) {
    let strategy = match dice.below(6) {
        0 => Strategy::ExpandingRing,
        1 => Strategy::RandomNeighbours { k: 1 + dice.below(3) as u16 },
        2 => Strategy::Walkers { walkers: 1 + dice.below(16) as u16 },
        _ => config.strategy,
    };
    config.strategy = strategy;
    config.one_hop_replication = dice.chance(0.2);
}

fn misdeed(dice: &mut Dice, nodes: u32) -> Misdeed {
    let per_minute = 1 + dice.below(1_000) as u32;
    let victim = NodeId(dice.below(nodes.into()) as u32);
    let perhaps = dice.chance(0.5).then_some(victim);
    match dice.below(8) {
        0 => Misdeed::FloodQueries { per_minute },
        1 => Misdeed::ForgeHits { victim: perhaps },
        2 => Misdeed::Replay { per_minute },
        3 => Misdeed::Poison,
        4 => Misdeed::SpoofPongs { per_minute, victim: perhaps },
        5 => Misdeed::SpoofDatagrams { per_minute, victim },
        6 => Misdeed::Garbage { per_minute: 1 + per_minute / 10 },
        _ => Misdeed::NeverRead,
    }
}

fn plan(dice: &mut Dice, shape: &Shape, nodes: u32) -> Plan {
    let count = dice.below(25) as u32;
    let mut plan = random_plan(dice, nodes, count, SPAN);
    if dice.chance(0.3) {
        let links: Vec<(NodeId, NodeId)> = match shape {
            Shape::Graph(graph) => {
                graph.edges().iter().map(|&(a, b)| (NodeId(a), NodeId(b))).collect()
            }
            _ => (1..nodes).map(|node| (NodeId(node - 1), NodeId(node))).collect(),
        };
        plan.extend(swizzle_clog(dice, &links, dice.clone().unit(), SPAN));
        plan.push((SPAN, Fault::Heal));
    }
    plan
}
