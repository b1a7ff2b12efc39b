//! Plans that are played: questions under churn, flash crowds, and networks that emerge.

use std::sync::Arc;
use std::time::Duration;

use crate::worlds::{config, graph, standing, world_config};
use filbert::node::Config;
use filbert::node::config::Forward;
use filbert::sim::workload::{
    Asker, Churn, Conduct, Corpus, Deed, FlashCrowd, Lifetime, Plan, Planned, Player, Question,
    Questions,
};
use filbert::sim::{
    Dice, Emergence, Joining, Latency, NetConfig, NodeId, Topology, World, WorldConfig,
};

const MINUTE: Duration = Duration::from_secs(60);

/// A flat network that keeps itself together: everybody looks for neighbours.
fn seeking() -> Config {
    Config {
        neighbours_wanted: 6,
        neighbours_max: 24,
        compress_links: false,
        local_addresses: true,
        query_ttl_default: 7,
        ..Config::flat()
    }
}

fn world(seed: u64) -> World {
    let net =
        NetConfig { latency: Latency::Exponential { mean_us: 50_000 }, ..NetConfig::default() };
    World::new(seed, WorldConfig { net, keep_events: false, ..WorldConfig::default() })
}

/// A hundred nodes that come and go and ask.
fn churning(seed: u64, minutes: u32) -> (World, Player) {
    let dice = Dice::new(seed);
    let (living, lasting) = (100, minutes * MINUTE);
    let churn = Churn {
        session: Lifetime::mean(0.59, 900.0),
        offline: Lifetime::mean(0.59, 900.0),
        ..Churn::default()
    };
    let corpus = Corpus { files: 100, copies_share: 0.05, ..Corpus::default() };
    let holdings = corpus.place(churn.nodes(living, lasting), &dice);
    let questions = Questions { per_node_minute: 0.1, ..Questions::default() };
    let plan = Plan::new().with(churn.plan(living, lasting, &dice)).with(questions.plan(
        holdings.catalogue(),
        living,
        lasting,
        &dice,
    ));
    let mut world = world(seed);
    let config = Arc::new(seeking());
    let emergence = Emergence { nodes: living, joining: Joining::default(), within_s: 10.0 };
    world.emerge(&emergence, |node| (config.clone(), holdings.shared(node))).unwrap();
    world.run_for(MINUTE).unwrap();
    let mut player = Player::new(&world, holdings, plan, Conduct::default());
    player.play(&mut world, lasting).unwrap();
    player.finish(&mut world).unwrap();
    (world, player)
}

/// Nodes come and go, the network holds, and whoever is there is mostly found.
#[test]
fn a_network_under_churn_answers() {
    let (world, player) = churning(1, 15);
    let living = (0..world.nodes()).filter(|&node| world.is_alive(NodeId(node))).count();
    assert!((60..140).contains(&living), "{living} live");
    let turnover = player.turnover;
    assert!(turnover.left > 50 && turnover.returned > 10 && turnover.came > 10, "{turnover:?}");
    let overlay = world.overlay().facts(None);
    assert!(overlay.largest_component * 20 > overlay.nodes * 19, "{overlay:?}");
    let asked = player.searches.len();
    assert!(player.unasked == 0 && (110..190).contains(&asked), "{asked} asked");
    assert!(
        player.searches.iter().filter(|searched| searched.record.queries == 1).count() > asked - 5
    );
    let recalls: Vec<f64> =
        player.searches.iter().filter_map(|searched| searched.record.recall).collect();
    let mean = recalls.iter().sum::<f64>() / recalls.len() as f64;
    assert!(recalls.len() > 60 && mean > 0.85, "{} searches, recall {mean}", recalls.len());
    for searched in player.searches.iter().filter(|searched| searched.question.file.is_none()) {
        assert_eq!((searched.record.results, searched.record.truth), (0, Some(0)));
    }
}

#[test]
fn the_same_seed_plays_the_same() {
    let ((world, player), (again, player_again)) = (churning(2, 3), churning(2, 3));
    assert_eq!((world.trace_hash(), world.steps()), (again.trace_hash(), again.steps()));
    assert_eq!(player.searches, player_again.searches);
}

/// A rare file becomes popular: everybody fetches it, and the more have it, the more are found.
#[test]
fn a_flash_crowd_fetches_and_shares() {
    let corpus = Corpus { hashed: true, file_bytes: 20_000, ..Corpus::even(20, 0.05) };
    let holdings = corpus.place(40, &Dice::new(3));
    let crowd = FlashCrowd { askers: 30, fades_s: 120.0, fetches: true, ..FlashCrowd::default() };
    let file = crowd.file(holdings.catalogue());
    let plan = Plan::new().with(crowd.plan(holdings.catalogue(), &Dice::new(4)));
    let graph = graph(Topology::RandomRegular { nodes: 40, degree: 4 }, 1);
    let net = world_config(Latency::default(), false);
    let mut world =
        standing(1, net, &graph, config(Forward::HigherTtl), |node| holdings.shared(node));
    let conduct = Conduct { ttl: Some(10), patience_s: 10.0, ..Conduct::default() };
    let mut player = Player::new(&world, holdings, plan, conduct);
    player.play(&mut world, 20 * MINUTE).unwrap();
    let done = player.fetches.iter().filter(|fetch| fetch.done_us.is_some()).count();
    assert_eq!((player.fetches.len(), done), (30, 30));
    let (first, last) = (&player.searches[0].record, &player.searches[29].record);
    assert_eq!(first.truth, Some(2));
    assert!(last.truth > Some(20) && last.recall > Some(0.9), "{last:?}");
    let text = player.holdings.catalogue().name(file).to_owned();
    assert_eq!(player.holdings.truth(&text).len(), 32);
}

/// Nodes that know a few of those before them, or a host cache alone, become one network.
#[test]
fn a_network_emerges() {
    for joining in [Joining::Hosts { hosts_known: 3 }, Joining::HostCache] {
        let mut world = world(5);
        let config = Arc::new(seeking());
        let emergence = Emergence { nodes: 80, joining, within_s: 60.0 };
        world.emerge(&emergence, |_| (config.clone(), vec![])).unwrap();
        world.run_for(4 * MINUTE).unwrap();
        let facts = world.overlay().facts(None);
        assert_eq!((facts.nodes, facts.components), (80, 1), "{joining:?}: {facts:?}");
        let degrees = [0, 100].map(|percent| facts.degree.percentile(percent));
        assert!(degrees[0] >= 4.0 && degrees[1] <= 24.0, "{joining:?}: {facts:?}");
    }
}

/// Who leaves politely and returns within a moment is not killed twice; who asks without being
/// there does not ask.
#[test]
fn leaving_and_returning_within_a_moment_leaves_one_alive() {
    let mut world = world(1);
    let config = Arc::new(seeking());
    let emergence = Emergence { nodes: 3, joining: Joining::Links { links: 2 }, within_s: 0.0 };
    world.emerge(&emergence, |_| (config.clone(), vec![])).unwrap();
    world.run_for(MINUTE).unwrap();
    let node = NodeId(1);
    let question = Question { file: None, text: "anything".to_owned() };
    let ask = || Deed::Ask { question: question.clone(), asker: Asker::Node(node) };
    let at = |ms, deed| Planned { after: Duration::from_millis(ms), deed };
    let plan = Plan::new().with([
        at(0, ask()),
        at(1_000, Deed::Leave { node, crashes: false }),
        at(1_500, ask()),
        at(2_000, Deed::Return { node }),
        at(2_100, Deed::Return { node }),
        at(30_000, ask()),
    ]);
    let holdings = Corpus::default().place(3, &Dice::new(1));
    let mut player = Player::new(&world, holdings, plan, Conduct::default());
    player.play(&mut world, MINUTE).unwrap();
    player.finish(&mut world).unwrap();
    assert!(world.is_alive(node));
    assert_eq!((player.turnover.left, player.turnover.returned), (1, 1));
    assert_eq!((player.searches.len(), player.unasked), (2, 1));
    let reached: Vec<u64> =
        player.searches.iter().map(|searched| searched.record.reached).collect();
    assert_eq!(reached, [2, 2], "it was linked anew");
}
