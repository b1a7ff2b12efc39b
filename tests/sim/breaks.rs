//! One fault at a time, and what a node makes of it: connections that break, processes that hear
//! nothing for a while, firewalls that come up, disks that are slow or full, clocks that are wrong.

use std::sync::Arc;
use std::time::Duration;

use crate::worlds::{config, graph, one_file, results, standing, world_config};
use filbert::node::config::Forward;
use filbert::node::io::{DownloadId, DownloadRequest, DownloadState, Source};
use filbert::node::{Command, Event, Why};
use filbert::sim::{
    Fault, Latency, NetConfig, NodeId, Regions, Settled, SharedFile, Topology, World, WorldConfig,
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const ID: DownloadId = DownloadId(1);
const SIZE: u64 = 200_000;

/// Two neighbours.
fn pair() -> World {
    let graph = graph(Topology::Line { nodes: 2 }, 1);
    let net = world_config(Latency::default(), true);
    standing(1, net, &graph, config(Forward::HigherTtl), one_file)
}

fn neighbours(world: &World, node: u32) -> usize {
    world.view(NodeId(node)).expect("lives").neighbours.len()
}

#[test]
fn a_reset_is_heard_by_both_and_a_half_open_link_by_the_next_who_sends() {
    let mut world = pair();
    world.befall(Fault::Reset { node: NodeId(0), nth: 0 });
    world.run_for(SECOND).unwrap();
    assert_eq!((neighbours(&world, 0), neighbours(&world, 1)), (0, 0));
    let mut world = pair();
    world.befall(Fault::HalfOpen { node: NodeId(0), nth: 0 });
    world.run_for(SECOND).unwrap();
    assert_eq!((neighbours(&world, 0), neighbours(&world, 1)), (0, 1));
    // The next ping is answered with a reset: that is long before its patience is at its end. It is
    // a quarter later than that of the one who connected.
    let alive_s = u64::from(config(Forward::HigherTtl).alive_ping_s);
    world.run_for(Duration::from_secs(alive_s * 5 / 4)).unwrap();
    assert_eq!(neighbours(&world, 1), 0);
}

/// A process that heard nothing answers what came meanwhile when it wakes up; if that was longer
/// than its neighbours' patience it finds itself alone, and can connect again.
#[test]
fn a_stalled_process_wakes_up_late_and_goes_on() {
    for (time, alone) in [(20 * SECOND, false), (10 * MINUTE, true)] {
        let mut world = pair();
        let ms = time.as_millis() as u64;
        world.befall(Fault::Stall { node: NodeId(1), ms });
        let search = world.search(NodeId(0), "common", 3);
        world.run_for(time - SECOND).unwrap();
        assert_eq!(results(&world, NodeId(0), search), 0, "nobody hears it");
        assert_eq!(neighbours(&world, 0), usize::from(!alone));
        world.run_for(2 * SECOND).unwrap();
        assert_eq!(results(&world, NodeId(0), search), usize::from(!alone), "{time:?}");
        world.run_for(MINUTE).unwrap();
        assert_eq!(neighbours(&world, 1), usize::from(!alone));
        if alone {
            world.connect(NodeId(1), NodeId(0));
        }
        world.run_for(SECOND).unwrap();
        let again = world.search(NodeId(1), "common", 3);
        world.run_for(SECOND).unwrap();
        assert_eq!(results(&world, NodeId(1), again), 1, "{time:?}");
    }
}

/// Clocks may be wrong by decades: a node that thinks it is 1970 or 2106 searches and finds.
#[test]
fn a_node_with_a_wrong_clock_finds_and_is_found() {
    for skew_s in [-1_700_000_000, -86_400, 86_400, 1 << 32] {
        let mut world = pair();
        world.befall(Fault::Clock { node: NodeId(1), skew_s });
        world.kill(NodeId(1));
        world.restart(NodeId(1));
        world.connect(NodeId(1), NodeId(0));
        world.run_for(MINUTE).unwrap();
        for node in [0, 1].map(NodeId) {
            let search = world.search(node, "common", 3);
            world.run_for(SECOND).unwrap();
            assert_eq!(results(&world, node, search), 1, "{skew_s} s, {node}");
        }
    }
}

/// A world of a sharer (0), one between, and a downloader (2) that has begun.
fn downloading(fault: impl FnOnce(&mut World)) -> World {
    let file = SharedFile::new(1, "the wanted file.bin", SIZE, 77);
    let shared = |node: NodeId| if node.0 == 0 { vec![file.clone()] } else { vec![] };
    let net = NetConfig { rate_bytes_s: Some(50_000), ..NetConfig::default() };
    let graph = graph(Topology::Line { nodes: 3 }, 1);
    let net = WorldConfig { net, ..WorldConfig::default() };
    let mut world = standing(1, net, &graph, config(Forward::HigherTtl), shared);
    fault(&mut world);
    let source =
        Source { servent: Some(world.servent(NodeId(0))), ..Source::at(world.address(NodeId(0))) };
    let sha1 = file.entry.sha1;
    let request =
        DownloadRequest { name: "got.bin".into(), size: Some(SIZE), sha1, sources: vec![source] };
    // The push route is learnt from a hit.
    world.search(NodeId(2), "wanted", 3);
    world.run_for(SECOND).unwrap();
    world.command(NodeId(2), Command::Download { download: ID, request });
    world
}

fn end(world: &World) -> Option<(DownloadState, Option<Why>)> {
    world.said(NodeId(2)).iter().rev().find_map(|(_, event)| match event {
        Event::Download { download: ID, progress } => Some((progress.state, progress.trouble)),
        _ => None,
    })
}

fn took(world: &mut World) -> Duration {
    let began = world.now();
    let is_done = |world: &World| end(world).is_some_and(|(state, _)| state == DownloadState::Done);
    assert!(world.run_until(30 * MINUTE, is_done).unwrap(), "{:?}", end(world));
    world.now().since(began)
}

#[test]
fn a_slow_disk_costs_time_and_nothing_else() {
    let quick = took(&mut downloading(|_| {}));
    for node in [0, 2].map(NodeId) {
        let slow = Latency::Exponential { mean_us: 800_000 };
        let mut world = downloading(|world| world.befall(Fault::SlowDisk(node, Some(slow))));
        let slow = took(&mut world);
        assert!(slow > 2 * quick, "{node}: {slow:?} instead of {quick:?}");
        assert_eq!(world.disk(NodeId(2)).used_bytes(), SIZE);
    }
}

#[test]
fn a_download_ends_when_there_is_no_room_for_it_and_resumes_when_there_is() {
    let mut world = downloading(|world| world.befall(Fault::DiskRoom(NodeId(2), Some(SIZE / 2))));
    world.run_for(MINUTE).unwrap();
    assert_eq!(end(&world).map(|(state, _)| state), Some(DownloadState::Failed));
    assert!(world.disk(NodeId(2)).used_bytes() <= SIZE / 2);
    world.befall(Fault::DiskRoom(NodeId(2), None));
    world.kill(NodeId(2));
    world.events(NodeId(2));
    world.restart(NodeId(2));
    took(&mut world);
}

/// A firewall comes up before a file is fetched: the sharer is asked to push.
#[test]
fn a_firewall_that_comes_up_makes_the_sharer_push() {
    let mut world = downloading(|world| world.befall(Fault::Firewall(NodeId(0))));
    took(&mut world);
    let quick = took(&mut downloading(|world| {
        world.befall(Fault::Firewall(NodeId(0)));
        world.befall(Fault::Open(NodeId(0)));
    }));
    assert!(quick < 10 * SECOND, "{quick:?}");
}

/// Regions far apart: a search takes as long as the matrix says.
#[test]
fn a_search_takes_as_long_as_the_regions_are_apart() {
    let regions = Regions {
        names: ["here", "there"].map(str::to_owned).to_vec(),
        one_way_us: vec![vec![0, 80_000], vec![120_000, 0]],
        settled: Settled::Blocks { nodes: vec![1, 1] },
    };
    assert_eq!(regions.check(), Ok(()));
    let latency = Latency::Constant { us: 10_000 };
    let graph = graph(Topology::Line { nodes: 2 }, 1);
    let net = WorldConfig { regions: Some(Arc::new(regions)), ..world_config(latency, false) };
    let mut world = standing(1, net, &graph, config(Forward::HigherTtl), one_file);
    let search = world.search(NodeId(0), "common", 3);
    world.settle().unwrap();
    let record = world.measure_search(NodeId(0), search).expect("sent");
    assert_eq!(record.first_found_after(), Some(Duration::from_millis(90 + 130)));
}

/// What a node was told in a world is a recording that a replay answers in the same way, to the
/// last input.
#[test]
fn a_taped_node_can_be_replayed_alone() {
    let graph = graph(Topology::Ring { nodes: 5 }, 1);
    let taped = vec![NodeId(2)];
    let net = WorldConfig { taped, ..world_config(Latency::default(), true) };
    let mut world = standing(1, net, &graph, config(Forward::HigherTtl), one_file);
    world.search(NodeId(0), "common", 5);
    world.search(NodeId(2), "common", 5);
    world.run_for(MINUTE).unwrap();
    assert!(world.tape(NodeId(0)).is_none(), "nobody asked for it");
    let tape = world.tape(NodeId(2)).expect("it was asked for");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("n2.record");
    let bytes = filbert::scenario::recording::recording(tape);
    std::fs::write(&file, &bytes).unwrap();
    let report = filbert::driver::replay(&file).unwrap();
    assert_eq!((report.divergence, report.torn_bytes), (None, 0));
    assert_eq!(report.inputs, tape.turns.len() as u64);
    assert_eq!(report.until, tape.turns.last().expect("it was told something").at);
    // Another tape is another life: one byte less of what it heard shows.
    let torn = &bytes[..bytes.len() - 9];
    std::fs::write(&file, torn).unwrap();
    assert!(filbert::driver::replay(&file).unwrap().torn_bytes > 0);
}
