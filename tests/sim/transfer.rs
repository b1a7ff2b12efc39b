//! Files that move through simulated worlds: direct, pushed, resumed, from several sources, and
//! from sources that die or lie. What is published has the bytes that were promised.

use std::sync::Arc;
use std::time::Duration;

use crate::worlds::{config, graph, latencies, results, world_config};
use filbert::node::config::Forward;
use filbert::node::io::{DiskFailure, DownloadId, DownloadRequest, DownloadState, Hit, Source};
use filbert::node::{Command, Config, Event};
use filbert::sim::{
    Dice, Disk, Fault, Graph, Latency, NetConfig, NodeId, SharedFile, Topology, World, WorldConfig,
    disk, faults,
};

const MINUTE: Duration = Duration::from_secs(60);
const SIZE: u64 = 300_000;
/// The number that the bytes of the wanted file follow from.
const CONTENT: u64 = 77;
const ID: DownloadId = DownloadId(1);

fn wanted_file() -> SharedFile {
    SharedFile::new(1, "the wanted file.bin", SIZE, CONTENT)
}

/// Sharers of the wanted file, on a network of this shape; nobody else shares anything.
fn sharing(seed: u64, world: WorldConfig, graph: &Graph, config: Config, sharers: &[u32]) -> World {
    let shared = |node: NodeId| {
        if sharers.contains(&node.0) { vec![wanted_file()] } else { vec![] }
    };
    crate::worlds::standing(seed, world, graph, config, shared)
}

fn slow(latency: Latency, split: bool) -> WorldConfig {
    let net = NetConfig { latency, split, rate_bytes_s: Some(50_000), ..NetConfig::default() };
    WorldConfig { net, ..WorldConfig::default() }
}

fn hits(world: &mut World, node: NodeId) -> Vec<Hit> {
    let search = world.search(node, "wanted file", 20);
    world.run_for(Duration::from_secs(20)).unwrap();
    let of = |event: &Event| match event {
        Event::Found { search: of, hits } if *of == search => hits.clone(),
        _ => vec![],
    };
    let hits: Vec<Hit> = world.said(node).iter().flat_map(|(_, event)| of(event)).collect();
    assert_eq!(hits.len(), results(world, node, search));
    hits
}

fn request(sources: Vec<Source>) -> DownloadRequest {
    let sha1 = wanted_file().entry.sha1;
    DownloadRequest { name: "got.bin".into(), size: Some(SIZE), sha1, sources }
}

/// Searches, and downloads from all who have it.
fn begin(world: &mut World, node: NodeId) {
    let sources: Vec<Source> = hits(world, node).into_iter().map(|hit| hit.source).collect();
    assert!(!sources.is_empty(), "nobody was found");
    world.command(node, Command::Download { download: ID, request: request(sources) });
}

fn state(world: &World, node: NodeId) -> Option<DownloadState> {
    world.said(node).iter().rev().find_map(|(_, event)| match event {
        Event::Download { download: ID, progress } => Some(progress.state),
        _ => None,
    })
}

fn is_done(world: &World, node: NodeId) -> bool {
    state(world, node) == Some(DownloadState::Done)
}

fn finishes(world: &mut World, node: NodeId, at_most: Duration, what: &str) {
    let done = world.run_until(at_most, |world| is_done(world, node)).unwrap();
    assert!(done, "{what}: {:?} after {:?}", state(world, node), world.now());
    assert!(
        world.disk(node).finished("got.bin") == Some(&disk::content(CONTENT, 0..SIZE)),
        "{what}"
    );
}

fn stored(world: &mut World, node: NodeId) -> u64 {
    Disk::stored(world.disk(node), ID)
}

#[test]
fn what_is_found_is_fetched_and_has_equal_bytes() {
    for (seed, latency) in (1..).zip(latencies()) {
        for rate_bytes_s in [None, Some(100_000)] {
            let net = NetConfig { latency, rate_bytes_s, split: true, ..NetConfig::default() };
            let config = config(Forward::HigherTtl);
            let graph = graph(Topology::Line { nodes: 5 }, seed);
            let world = WorldConfig { net, ..WorldConfig::default() };
            let mut world = sharing(seed, world, &graph, config, &[4]);
            begin(&mut world, NodeId(0));
            finishes(&mut world, NodeId(0), MINUTE, &format!("{net:?}"));
        }
    }
}

/// Two machines at home with the settings they came with: nobody has to allow local addresses as
/// long as all neighbours have such addresses themselves.
#[test]
fn a_local_network_needs_no_setting() {
    let unset = Config { local_addresses: false, ..config(Forward::HigherTtl) };
    let (world, graph) = (WorldConfig::default(), graph(Topology::Line { nodes: 3 }, 1));
    let mut world = sharing(1, world, &graph, unset, &[2]);
    begin(&mut world, NodeId(0));
    finishes(&mut world, NodeId(0), MINUTE, "unset");
}

/// One who cannot be connected to is asked along the way its hit came, and connects by itself:
/// whether it knows of its firewall (it does not listen) or not.
#[test]
fn a_firewalled_sharer_pushes() {
    for (seed, latency) in (1..).zip(latencies()) {
        for knows in [true, false] {
            let mut world = World::new(seed, world_config(latency, true));
            let open = Arc::new(config(Forward::HigherTtl));
            let mut shut = config(Forward::HigherTtl);
            if knows {
                shut.listen.set_port(0);
            }
            let sharer = world.add_node(&Arc::new(shut), vec![wanted_file()]);
            world.set_reachable(sharer, false);
            for _ in 1..6 {
                world.add_node(&open, vec![]);
            }
            world.mend(&graph(Topology::Line { nodes: 6 }, 1));
            world.settle().unwrap();
            begin(&mut world, NodeId(5));
            let what = format!("{latency:?}, the sharer knows: {knows}");
            finishes(&mut world, NodeId(5), 5 * MINUTE, &what);
        }
    }
}

/// Killed in the middle, started again with its disk: only what is missing is fetched (the
/// checkers fail a world in which a byte that is there is fetched again).
#[test]
fn a_download_is_resumed_after_a_restart() {
    for seed in 1..=5 {
        let graph = graph(Topology::Line { nodes: 3 }, seed);
        let config = config(Forward::HigherTtl);
        let world = slow(Latency::Exponential { mean_us: 30_000 }, true);
        let mut world = sharing(seed, world, &graph, config, &[2]);
        begin(&mut world, NodeId(0));
        let kill_at = SIZE * seed / 7;
        for _ in 0..200 {
            if stored(&mut world, NodeId(0)) >= kill_at {
                break;
            }
            world.run_for(Duration::from_millis(100)).unwrap();
        }
        world.kill(NodeId(0));
        let kept = stored(&mut world, NodeId(0));
        assert!(kept >= kill_at && kept < SIZE, "seed {seed}: {kept}");
        world.run_for(MINUTE).unwrap();
        let sent_before = world.load(NodeId(2)).bytes_sent;
        world.events(NodeId(0));
        world.restart(NodeId(0));
        world.mend(&graph);
        finishes(&mut world, NodeId(0), 5 * MINUTE, &format!("seed {seed}"));
        assert!(world.load(NodeId(2)).bytes_sent > sent_before);
    }
}

/// A source that dies in the middle is replaced by another; several serve at once.
#[test]
fn another_source_takes_over_when_one_dies() {
    for seed in 1..=5 {
        for fault in
            [Fault::Kill(NodeId(2)), Fault::Vanish(NodeId(2)), Fault::Clog(NodeId(0), NodeId(2))]
        {
            let graph = graph(Topology::Clique { nodes: 4 }, seed);
            let config = Config { request_bytes_max: 100_000, ..config(Forward::HigherTtl) };
            let world = slow(Latency::Uniform { from_us: 10_000, to_us: 90_000 }, true);
            let mut world = sharing(seed, world, &graph, config, &[2, 3]);
            begin(&mut world, NodeId(0));
            world.run_for(Duration::from_secs(1)).unwrap();
            let so_far = stored(&mut world, NodeId(0));
            assert!(so_far > 0 && so_far < SIZE, "seed {seed}: {so_far}");
            world.befall(fault.clone());
            finishes(&mut world, NodeId(0), 10 * MINUTE, &format!("seed {seed}, {fault:?}"));
        }
    }
}

/// Without a source the network is asked for the hash.
#[test]
fn a_hash_alone_is_enough() {
    let graph = graph(Topology::Ring { nodes: 7 }, 1);
    let net = world_config(Latency::default(), true);
    let mut world = sharing(1, net, &graph, config(Forward::HigherTtl), &[3]);
    world.command(NodeId(0), Command::Download { download: ID, request: request(vec![]) });
    finishes(&mut world, NodeId(0), 10 * MINUTE, "by its hash");
}

/// A liar's bytes are never published. With an honest source beside it the file is.
#[test]
fn wrong_bytes_are_never_published() {
    let liar = SharedFile { content: CONTENT + 1, ..wanted_file() };
    for honest in [false, true] {
        let graph = graph(Topology::Star { nodes: 3 }, 1);
        let config = Config { request_bytes_max: 100_000, ..config(Forward::HigherTtl) };
        let shared = |node: NodeId| match node.0 {
            1 => vec![liar.clone()],
            2 if honest => vec![wanted_file()],
            _ => vec![],
        };
        let net = slow(Latency::default(), true);
        let mut world = crate::worlds::standing(1, net, &graph, config, shared);
        begin(&mut world, NodeId(0));
        if honest {
            finishes(&mut world, NodeId(0), 30 * MINUTE, "an honest source beside a liar");
        } else {
            world.run_for(10 * MINUTE).unwrap();
            assert!(!is_done(&world, NodeId(0)));
            assert_eq!(world.disk(NodeId(0)).finished("got.bin"), None);
        }
    }
}

/// A disk that fails stops the download and says so; nothing is published.
#[test]
fn row_28_a_full_disk_stops_the_download() {
    let graph = graph(Topology::Line { nodes: 2 }, 1);
    let config = config(Forward::HigherTtl);
    let mut world = sharing(1, slow(Latency::default(), false), &graph, config, &[1]);
    begin(&mut world, NodeId(0));
    world.run_for(Duration::from_secs(2)).unwrap();
    world.befall(Fault::Disk(NodeId(0), Some(DiskFailure::Full)));
    world.run_for(MINUTE).unwrap();
    assert_eq!(state(&world, NodeId(0)), Some(DownloadState::Failed));
    assert_eq!(world.disk(NodeId(0)).finished("got.bin"), None);
    let view = world.view(NodeId(1)).expect("lives");
    assert!(
        view.transfers.uploads.is_empty(),
        "the sharer still uploads: {:?}",
        view.transfers.uploads
    );
}

/// Several downloaders, several sharers, and whatever breaks: mended, everybody gets the file, and
/// the same seed does it the same way.
#[test]
fn whatever_breaks_every_download_ends_with_equal_bytes() {
    for seed in 1..=20 {
        let mut world = fetched(seed);
        assert_eq!(world.trace_hash(), fetched(seed).trace_hash(), "seed {seed}");
        for node in [0, 1, 2].map(NodeId) {
            finishes(&mut world, node, 30 * MINUTE, &format!("seed {seed}, {node}"));
        }
    }
}

fn fetched(seed: u64) -> World {
    let mut dice = Dice::new(seed).derive("test");
    let nodes = 10;
    let graph = graph(Topology::ErdosRenyi { nodes, mean_degree: 4.0 }, seed);
    let config = Config {
        request_bytes_max: 40_000 + dice.below(200_000),
        compress_links: dice.chance(0.5),
        ..config(Forward::HigherTtl)
    };
    let latency = *dice.pick(&latencies()).expect("there are some");
    let mut world = sharing(seed, slow(latency, true), &graph, config, &[7, 8, 9]);
    for node in [0, 1, 2].map(NodeId) {
        begin(&mut world, node);
    }
    let kinder = |fault: &Fault| !matches!(fault, Fault::Disk(..) | Fault::DiskRoom(..));
    let plan = faults::random_plan(&mut dice, nodes, 10, MINUTE);
    for (after, fault) in plan.into_iter().filter(|(_, fault)| kinder(fault)) {
        world.schedule(after, fault);
    }
    world.run_for(2 * MINUTE).unwrap();
    world.mend(&graph);
    world.settle().unwrap();
    world
}
