//! A case, run: first nothing forbidden may happen, whatever breaks; then all is mended, and
//! everybody must find what everybody shares, and fetch what was asked for.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use filbert::node::config::Strategy;
use filbert::node::io::{
    DownloadId, DownloadRequest, DownloadState, HostRecord, Progress, SearchId, SearchQuery, Source,
};
use filbert::node::{Command, Event, Time, Why};
use filbert::scenario::recording;
use filbert::sim::{Dice, Failure, Fault, NetConfig, NodeId, World, WorldConfig, disk};

use crate::case::{CONTENT, Case, SPAN, Shape};

const MINUTE: Duration = Duration::from_secs(60);
/// Half-open links are found out by their silence, and the last stalls end.
const RECOVERY: Duration = Duration::from_secs(7 * 60);
/// How often everything is asked for before a world is said not to come together again.
const TRIES: u32 = 6;
/// Everything is fetched within this time after all is mended.
const FETCH_MAX: Duration = Duration::from_secs(60 * 60);

/// When every world begins, in seconds since 1970.
const BEGAN_S: u64 = 1_700_000_000;

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) hash: u64,
    pub(crate) steps: u64,
    pub(crate) messages: u64,
    /// How often it had to be asked until all was found, at most.
    pub(crate) tries: u32,
}

/// What went wrong.
pub(crate) enum Trouble {
    Broken(Box<Failure>),
    NotFound { asker: NodeId, missing: Vec<NodeId>, picture: String },
    NotFetched { node: NodeId, progress: Option<Progress>, picture: String },
    WrongBytes { node: NodeId },
    RunsDiffer,
}

impl Trouble {
    /// The nodes involved.
    pub(crate) fn nodes(&self) -> Vec<NodeId> {
        match self {
            Trouble::Broken(failure) => failure.nodes(),
            Trouble::NotFound { asker, missing, .. } => {
                [&[*asker], &missing[..missing.len().min(3)]].concat()
            }
            Trouble::NotFetched { node, .. } | Trouble::WrongBytes { node } => vec![*node],
            Trouble::RunsDiffer => vec![],
        }
    }
}

impl From<Box<Failure>> for Trouble {
    fn from(failure: Box<Failure>) -> Trouble {
        Trouble::Broken(failure)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Broken(failure) => write!(f, "{failure}"),
            Trouble::NotFound { asker, missing, picture } => {
                write!(f, "{asker} does not find what {missing:?} share{picture}")
            }
            Trouble::NotFetched { node, progress, picture } => {
                write!(f, "{node} does not get its file: {progress:?}{picture}")
            }
            Trouble::WrongBytes { node } => write!(f, "{node} has published wrong bytes"),
            Trouble::RunsDiffer => f.write_str("the same seed gave another world"),
        }
    }
}

/// The name of the download that a node makes, if it makes one.
const ID: DownloadId = DownloadId(1);

/// Runs the case twice.
pub(crate) fn twice(case: &Case) -> Result<Ran, Trouble> {
    let first = once(case)?;
    if once(case)? == first { Ok(first) } else { Err(Trouble::RunsDiffer) }
}

/// Runs the case once more with tapes of these nodes: recordings of their last processes.
pub(crate) fn recordings(case: &Case, nodes: &[NodeId]) -> Vec<(NodeId, Vec<u8>)> {
    let config = WorldConfig { taped: nodes.to_vec(), ..case.world.clone() };
    let mut world = World::new(case.seed, config);
    // It goes wrong as it did before; what matters is what was told until then.
    let _ = live(case, &mut world);
    let recording = |&node: &NodeId| Some((node, recording::recording(world.tape(node)?)));
    nodes.iter().filter_map(recording).collect()
}

fn once(case: &Case) -> Result<Ran, Trouble> {
    live(case, &mut World::new(case.seed, case.world.clone()))
}

fn live(case: &Case, world: &mut World) -> Result<Ran, Trouble> {
    let mut dice = Dice::new(case.seed).derive("run");
    build(case, world, &mut dice)?;
    let began = world.now();
    case.plan.iter().for_each(|(after, fault)| world.schedule(*after, fault.clone()));
    let mut deeds: Vec<(Duration, NodeId, Command)> = Vec::new();
    for (number, search) in (1_000..).zip(&case.searches) {
        let ttl = Some(search.ttl);
        let query = SearchQuery { text: search.text.clone(), ttl, ..SearchQuery::default() };
        let search_id = SearchId(number);
        deeds.push((search.after, search.node, Command::Search { search: search_id, query }));
    }
    for fetch in &case.fetches {
        let request = request(case, world, fetch.knows_sharers);
        deeds.push((fetch.after, fetch.node, Command::Download { download: ID, request }));
    }
    deeds.sort_by_key(|deed| deed.0);
    for (after, node, command) in deeds {
        world.run_for(after.saturating_sub(world.now().since(began)))?;
        world.command(node, command);
    }
    world.run_for((SPAN + Duration::from_secs(1)).saturating_sub(world.now().since(began)))?;
    // Nobody asks again for a hit that got lost.
    let (datagram_loss, datagram_duplicate) = (0.0, 0.0);
    world.set_net(NetConfig { datagram_loss, datagram_duplicate, ..case.world.net });
    introduce(case, world, &mut dice);
    world.run_for(RECOVERY)?;
    if let Shape::Graph(graph) = &case.shape {
        world.mend(graph);
        world.run_for(MINUTE)?;
    }
    // Walkers and random neighbours promise to find something, but not everything.
    let tries = if case.floods() { all_is_found(case, world, &mut dice)? } else { 0 };
    all_is_fetched(case, world)?;
    Ok(Ran { hash: world.trace_hash(), steps: world.steps(), messages: world.messages(), tries })
}

fn build(case: &Case, world: &mut World, dice: &mut Dice) -> Result<(), Trouble> {
    let config = Arc::new(case.config.clone());
    match &case.shape {
        Shape::Graph(graph) => {
            for node in (0..case.nodes).map(NodeId) {
                world.add_node(&config, case.shared(node));
            }
            case.liars.iter().for_each(|(liar, misdeeds)| world.corrupt(*liar, misdeeds));
            world.mend(graph);
            world.run_for(MINUTE / 6)?;
        }
        Shape::Overlay => {
            for node in (0..case.nodes).map(NodeId) {
                world.add_node(&config, case.shared(node));
            }
            case.liars.iter().for_each(|(liar, misdeeds)| world.corrupt(*liar, misdeeds));
            introduce(case, world, dice);
            world.run_for(2 * MINUTE)?;
        }
        Shape::TwoTiers(tiers) => {
            world.add_two_tiers(tiers, &case.config, |node| case.shared(node));
            case.liars.iter().for_each(|(liar, misdeeds)| world.corrupt(*liar, misdeeds));
            if !case.liars.is_empty() {
                introduce(case, world, dice);
            }
            world.run_for(2 * MINUTE)?;
        }
    }
    Ok(())
}

/// Tells everybody who looks for neighbours itself some addresses, as a servent has them from its
/// last run or from a host cache.
fn introduce(case: &Case, world: &mut World, dice: &mut Dice) {
    let doors = match &case.shape {
        Shape::Graph(_) => return,
        Shape::Overlay => case.nodes,
        Shape::TwoTiers(tiers) => tiers.ultrapeers,
    };
    for node in (0..case.nodes).map(NodeId) {
        let other = |_| NodeId(dice.below(doors.into()) as u32);
        let others: Vec<NodeId> = (0..6).map(other).filter(|&other| other != node).collect();
        let heard_s = BEGAN_S + world.now().since(Time::ZERO).as_secs();
        let record =
            |&other: &NodeId| HostRecord { heard_s, ..HostRecord::new(world.address(other)) };
        let records = others.iter().map(record);
        let records = records.collect();
        world.command(node, Command::Remember(records));
        if let Some(&other) = others.first() {
            world.connect(node, other);
        }
    }
}

fn request(case: &Case, world: &World, knows_sharers: bool) -> DownloadRequest {
    let source = |&node: &NodeId| Source {
        servent: Some(world.servent(node)),
        ..Source::at(world.address(node))
    };
    let known = case.sharers.iter().filter(|_| knows_sharers);
    let mut sources: Vec<Source> = known.map(source).collect();
    sources.dedup();
    let sha1 = Some(disk::content_sha1(CONTENT, case.size));
    DownloadRequest { name: "got.bin".into(), size: Some(case.size), sha1, sources }
}

/// Whoever asks finds what all honest nodes share. Returns how often somebody had to ask.
fn all_is_found(case: &Case, world: &mut World, dice: &mut Dice) -> Result<u32, Trouble> {
    let honest: Vec<NodeId> =
        (0..case.nodes).map(NodeId).filter(|&node| !case.is_liar(node)).collect();
    let mut most = 1;
    for number in 0..3 {
        let asker = honest[dice.below(honest.len() as u64) as usize];
        let mut tries = 1;
        loop {
            let missing =
                missing(world, &honest, asker, SearchId(2_000 + number * 100 + u64::from(tries)))?;
            if missing.is_empty() {
                break;
            }
            if tries == TRIES {
                return Err(Trouble::NotFound { asker, missing, picture: picture(world) });
            }
            tries += 1;
            world.run_for(2 * MINUTE)?;
        }
        most = most.max(tries);
    }
    Ok(most)
}

/// Who is whose neighbour, and who thinks what of itself.
fn picture(world: &World) -> String {
    let mut picture = String::new();
    for node in (0..world.nodes()).map(NodeId) {
        let Some(view) = world.view(node) else {
            picture += &format!("\n  {node} is dead");
            continue;
        };
        let others = (0..world.nodes()).map(NodeId);
        let linked: Vec<NodeId> =
            others.filter(|&other| other != node && world.is_linked(node, other)).collect();
        picture += &format!(
            "\n  {node} {:?}, {:?}: {} neighbours, linked to {linked:?}, knows {} hosts",
            view.tier,
            view.reach.tcp,
            view.neighbours.len(),
            view.hosts_known
        );
        if std::env::var_os("FILBERT_SHOW").is_some() {
            let tells = |event: &&(Time, Event)| {
                matches!(event.1, Event::LinkUp { .. } | Event::LinkDown { .. })
            };
            let said: Vec<String> = world
                .said(node)
                .iter()
                .filter(tells)
                .map(|event| format!("\n    {event:?}"))
                .collect();
            picture += &said.concat();
        }
    }
    picture
}

fn missing(
    world: &mut World,
    honest: &[NodeId],
    asker: NodeId,
    search: SearchId,
) -> Result<Vec<NodeId>, Trouble> {
    let query = SearchQuery {
        text: "common file".to_owned(),
        ttl: Some(world.nodes().max(7) as u8),
        strategy: Some(Strategy::Flood),
        ..SearchQuery::default()
    };
    world.command(asker, Command::Search { search, query });
    world.run_for(MINUTE / 2)?;
    let mut found = std::collections::BTreeSet::new();
    for (_, event) in world.said(asker) {
        match event {
            Event::Found { search: of, hits } if *of == search => {
                found.extend(hits.iter().map(|hit| (hit.name.clone(), hit.source.address)));
            }
            _ => {}
        }
    }
    let is_found =
        |node: NodeId| found.contains(&(format!("common file of {node}.txt"), world.address(node)));
    Ok(honest.iter().copied().filter(|&node| node != asker && !is_found(node)).collect())
}

fn progress(world: &World, node: NodeId) -> Option<Progress> {
    world.said(node).iter().rev().find_map(|(_, event)| match event {
        Event::Download { download: ID, progress } => Some(progress.clone()),
        _ => None,
    })
}

/// Every file that was asked for is there, with its own bytes.
fn all_is_fetched(case: &Case, world: &mut World) -> Result<(), Trouble> {
    let right = disk::content(CONTENT, 0..case.size);
    for node in case.fetches.iter().map(|fetch| fetch.node) {
        if case.is_liar(node) {
            continue;
        }
        let is_done = |world: &World| {
            progress(world, node).is_some_and(|progress| progress.state == DownloadState::Done)
        };
        // Who was dead or fast asleep when it was told to fetch has never heard of it; and a disk
        // that failed ends a download until it is asked for again.
        let disk_failed = [Why::DiskFailed, Why::DiskFull, Why::DiskDenied, Why::DiskMissing];
        let begun = progress(world, node);
        let gave_up = begun.as_ref().is_some_and(|progress| {
            progress.state == DownloadState::Failed
                && progress.trouble.is_some_and(|why| disk_failed.contains(&why))
        });
        if world.disk(node).finished("got.bin").is_none() && (begun.is_none() || gave_up) {
            if gave_up {
                world.befall(Fault::Kill(node));
                world.events(node);
                world.befall(Fault::Restart(node));
                // Its neighbours refuse to connect to it until they know that it was gone.
                world.run_for(MINUTE)?;
                introduce_one(case, world, node);
            }
            if world.disk(node).unfinished().is_empty() {
                let request = request(case, world, true);
                world.command(node, Command::Download { download: ID, request });
            }
        }
        let there = world.disk(node).finished("got.bin").is_some()
            || world.run_until(FETCH_MAX, is_done)?;
        match world.disk(node).finished("got.bin") {
            Some(bytes) if bytes != right => return Err(Trouble::WrongBytes { node }),
            Some(_) => {}
            // Liars may have it given up; but not the world.
            None if case.is_poisoned() && there => {}
            None if case.is_poisoned() => {}
            None => {
                let picture = picture(world);
                return Err(Trouble::NotFetched { node, progress: progress(world, node), picture });
            }
        }
    }
    Ok(())
}

fn introduce_one(case: &Case, world: &mut World, node: NodeId) {
    match &case.shape {
        Shape::Graph(graph) => {
            world.mend(graph);
        }
        _ => world.connect(node, NodeId(u32::from(node.0 == 0))),
    }
}
