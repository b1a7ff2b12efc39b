//! Liars among the nodes: the honest ones stay within their limits (the checkers see to that), keep
//! finding what the others share, and publish no wrong byte.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::worlds::{config, graph, one_file, world_config};
use filbert::node::config::Forward;
use filbert::node::io::{DownloadId, DownloadRequest, DownloadState, Hit, SearchId, Source};
use filbert::node::{Command, Config, Event};
use filbert::sim::{
    Dice, Fault, Graph, Latency, Misdeed, NodeId, SharedFile, Topology, World, disk,
};

const MINUTE: Duration = Duration::from_secs(60);
const NODES: u32 = 24;
const LIARS: [NodeId; 3] = [NodeId(3), NodeId(11), NodeId(20)];
const VICTIM: NodeId = NodeId(5);
const SIZE: u64 = 100_000;
const CONTENT: u64 = 77;

fn misdeeds() -> Vec<Misdeed> {
    vec![
        Misdeed::FloodQueries { per_minute: 1_500 },
        Misdeed::ForgeHits { victim: None },
        Misdeed::ForgeHits { victim: Some(VICTIM) },
        Misdeed::Replay { per_minute: 1_500 },
        Misdeed::Poison,
        Misdeed::SpoofPongs { per_minute: 0, victim: None },
        Misdeed::SpoofPongs { per_minute: 600, victim: Some(VICTIM) },
        Misdeed::SpoofDatagrams { per_minute: 1_500, victim: VICTIM },
        Misdeed::Garbage { per_minute: 60 },
        Misdeed::NeverRead,
    ]
}

/// Everybody a file of its own; the liars and one more the file that is wanted, too.
fn shared(node: NodeId) -> Vec<SharedFile> {
    let mut shared = one_file(node);
    if LIARS.contains(&node) || node == NodeId(9) {
        shared.push(SharedFile::new(2, "the wanted file.bin", SIZE, CONTENT));
    }
    shared
}

fn with_liars(seed: u64, misdeeds: &[Misdeed]) -> World {
    let is_honest =
        |&(a, b): &(u32, u32)| !LIARS.contains(&NodeId(a)) && !LIARS.contains(&NodeId(b));
    // The honest ones need no liar to reach each other.
    let graph =
        (seed..).map(|seed| graph(Topology::RandomRegular { nodes: NODES, degree: 5 }, seed));
    let graph = { graph }.find(|graph| {
        let honest = Graph::new(NODES, graph.edges().iter().copied().filter(is_honest));
        honest.ball(0, 30).len() == NODES as usize - LIARS.len() - 1
    });
    let graph = graph.expect("most graphs are such");
    let latency = Latency::LogNormal { median_us: 40_000, sigma: 0.8 };
    let mut world = World::new(seed, world_config(latency, true));
    let config = Arc::new(Config {
        queries_per_minute_max: Config::default().queries_per_minute_max,
        ttl_and_hops_max: 30,
        ..config(Forward::HigherTtl)
    });
    for node in (0..NODES).map(NodeId) {
        world.add_node(&config, shared(node));
    }
    LIARS.iter().for_each(|&liar| world.corrupt(liar, misdeeds));
    world.mend(&graph);
    world
}

fn hits(world: &World, node: NodeId, search: SearchId) -> Vec<Hit> {
    let of = |event: &Event| match event {
        Event::Found { search: of, hits } if *of == search => hits.clone(),
        _ => vec![],
    };
    world.said(node).iter().flat_map(|(_, event)| of(event)).collect()
}

/// The honest nodes whose own file is found.
fn honest_found(world: &mut World, asker: NodeId) -> BTreeSet<NodeId> {
    let search = world.search(asker, "common file", 30);
    world.run_for(Duration::from_secs(30)).unwrap();
    let hits = hits(world, asker, search);
    let all = (0..NODES).map(NodeId).filter(|&node| !world.is_liar(node));
    let is_named = |node: NodeId| {
        hits.iter().any(|hit| {
            hit.source.address == world.address(node) && hit.name.contains(&format!("of {node}."))
        })
    };
    all.filter(|&node| is_named(node)).collect()
}

#[test]
fn honest_nodes_find_each_other_whatever_liars_do() {
    for (seed, misdeed) in (1..).zip(misdeeds()) {
        let mut world = with_liars(seed, std::slice::from_ref(&misdeed));
        for minutes in [0, 2] {
            world.run_for(minutes * MINUTE).unwrap();
            for asker in [0, 17].map(NodeId) {
                let found = honest_found(&mut world, asker).len();
                assert_eq!(found, NODES as usize - LIARS.len() - 1, "{misdeed:?} {minutes} min");
            }
        }
    }
}

/// What the liars do shows: each misdeed has an effect that the honest world has not.
#[test]
fn every_misdeed_is_done() {
    let run = |misdeeds: &[Misdeed]| {
        let mut world = with_liars(1, misdeeds);
        world.run_for(Duration::from_secs(20)).unwrap();
        let search = world.search(NodeId(0), "common file", 30);
        world.run_for(3 * MINUTE).unwrap();
        let forged =
            hits(&world, NodeId(0), search).iter().filter(|hit| hit.vendor == "LIES").count();
        let sent: u64 = LIARS.iter().map(|&liar| world.load(liar).messages_sent).sum();
        let links: usize =
            LIARS.iter().map(|&liar| world.view(liar).expect("lives").neighbours.len()).sum();
        let known: u32 =
            (0..NODES).map(|node| world.view(NodeId(node)).expect("lives").hosts_known).sum();
        (forged, sent, links, known, world.load(VICTIM).bytes_sent, world.messages())
    };
    let honest = run(&[]);
    assert_eq!((honest.0, honest.2), (0, 15));
    for misdeed in misdeeds() {
        let (forged, sent, links, known, _, messages) = run(std::slice::from_ref(&misdeed));
        match misdeed {
            Misdeed::FloodQueries { .. } | Misdeed::Replay { .. } => {
                assert!(sent > 2 * honest.1 && messages > 2 * honest.5, "{misdeed:?}: {sent}");
            }
            Misdeed::ForgeHits { .. } => assert!(forged >= 3, "{misdeed:?}: {forged}"),
            Misdeed::SpoofPongs { victim: None, .. } => assert!(known > honest.3, "{known}"),
            Misdeed::SpoofPongs { .. } => assert!(sent > 2 * honest.1, "{sent}"),
            Misdeed::Garbage { .. } | Misdeed::NeverRead => {
                assert!(links < honest.2, "{misdeed:?}: {links}");
            }
            Misdeed::Poison | Misdeed::SpoofDatagrams { .. } => {}
        }
    }
}

/// Three poisoners and one honest sharer: the file is published with its own bytes.
#[test]
fn the_honest_copy_wins() {
    let poison = [Misdeed::Poison, Misdeed::ForgeHits { victim: None }];
    for seed in 1..=3 {
        let mut world = with_liars(seed, &poison);
        world.run_for(MINUTE).unwrap();
        let asker = NodeId(0);
        let search = world.search(asker, "wanted file", 30);
        world.run_for(MINUTE).unwrap();
        let sha1 = disk::content_sha1(CONTENT, SIZE);
        let sources: Vec<Source> = (hits(&world, asker, search).into_iter())
            .filter(|hit| hit.sha1 == Some(sha1))
            .map(|hit| hit.source)
            .collect();
        assert_eq!(sources.len(), 4, "seed {seed}: {sources:?}");
        let (download, sha1) = (DownloadId(1), Some(sha1));
        let request = DownloadRequest { name: "got".into(), size: Some(SIZE), sha1, sources };
        world.command(asker, Command::Download { download, request });
        let done = |(_, event): &(_, Event)| matches!(event, Event::Download { progress, .. } if progress.state == DownloadState::Done);
        let is_done = |world: &World| world.said(asker).iter().any(done);
        assert!(world.run_until(60 * MINUTE, is_done).unwrap(), "seed {seed}");
        assert_eq!(world.disk(asker).finished("got"), Some(&disk::content(CONTENT, 0..SIZE)[..]));
    }
}

/// All misdeeds at once, among faults: nothing forbidden happens, and the same seed tells the same
/// story. (A liar that floods gets its neighbours' queue limits; they are looked at all the time.)
#[test]
fn all_misdeeds_at_once_among_faults() {
    let run = |seed| {
        let mut world = with_liars(seed, &misdeeds());
        let mut dice = Dice::new(seed).derive("test");
        let plan = filbert::sim::faults::random_plan(&mut dice, NODES, 20, 3 * MINUTE);
        for (after, fault) in plan {
            world.schedule(after, fault);
        }
        world.schedule(MINUTE, Fault::Kill(LIARS[0]));
        for _ in 0..20 {
            world.search(NodeId(dice.below(NODES.into()) as u32), "common", 7);
            world.run_for(Duration::from_secs(10)).unwrap();
        }
        (world.trace_hash(), world.messages())
    };
    for seed in 1..=4 {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
}
