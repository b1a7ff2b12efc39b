//! A flood over real servents, a process each: every node must be reached, by exactly 2E - N + 1
//! copies. Says how long the first hit took, and how long it was until the last node was reached.
//!
//! `cargo bench --bench flood [-- NODES]`; 200 nodes if not said.

use std::path::Path;
use std::time::{Duration, Instant};

use filbert::api::types::NewSearch;
use filbert::cluster::{Cluster, Plan, Planned, Seat};
use filbert::node::Config;
use filbert::node::config::Forward;
use filbert::scenario::follow::{self, Followed, Noted};
use filbert::sim::{Dice, Topology};

const DEGREE: u32 = 4;
/// Searches that are followed.
const SEARCHES: u32 = 10;
/// Nodes that share a match.
const SHARERS: u32 = 5;
/// What is looked for.
const WORDS: &str = "annual report";

fn main() {
    let said = std::env::args().skip(1).find_map(|word| word.parse().ok());
    let nodes: u32 = said.unwrap_or(200);
    let place = tempfile::tempdir().expect("a folder");
    smol::block_on(async {
        let shared = place.path().join("shared");
        std::fs::create_dir(&shared).expect("a folder");
        std::fs::write(shared.join("annual report.txt"), "all went well").expect("a file");
        let began = Instant::now();
        let program = Path::new(env!("CARGO_BIN_EXE_filbert"));
        let dir = place.path().join("cluster");
        let plan = plan(nodes, &shared);
        let cluster = Cluster::up(&dir, plan, program, &|_| {}).await.expect("it stands");
        println!("{nodes} nodes stand after {:.1} s", began.elapsed().as_secs_f64());
        for number in 0..SEARCHES {
            let origin = number * nodes / SEARCHES;
            let followed = flood(&cluster, origin).await;
            tell(origin, &followed);
        }
        cluster.down().await.expect("it is taken down");
    });
}

/// A random network; some share a file.
fn plan(nodes: u32, shared: &Path) -> Plan {
    let mut dice = Dice::new(1);
    let graph = Topology::RandomRegular { nodes, degree: DEGREE }.graph(&mut dice);
    let graph = graph.join_components(&mut dice);
    let planned = (0..nodes).map(|number| {
        let usual = Planned::usual(number, nodes, false, false);
        let shares = number % (nodes / SHARERS).max(1) == 1;
        Planned {
            config: Config { forward: Forward::FirstCopy, ..usual.config.clone() },
            shares: if shares { vec![shared.to_owned()] } else { Vec::new() },
            ..usual
        }
    });
    Plan { nodes: planned.collect(), edges: graph.edges().to_vec(), seat: Seat::Processes }
}

/// Asks, and follows the query until it has come to rest.
async fn flood(cluster: &Cluster, origin: u32) -> Followed {
    let all: Vec<u32> = (0..cluster.nodes().len() as u32).collect();
    let ttl = u8::try_from(all.len()).unwrap_or(u8::MAX);
    let query = NewSearch { text: WORDS.to_owned(), ttl: Some(ttl), ..NewSearch::default() };
    let client = cluster.client(origin).expect("it runs");
    let search = client.search(&query).await.expect("it asks");
    let links = cluster.overlay().await.expect("they answer").links;
    let began = Instant::now();
    loop {
        smol::Timer::after(Duration::from_millis(200)).await;
        let mut noted = Vec::new();
        for (node, said) in cluster.passages(&all, search.queries[0]).await {
            let listen = cluster.node(node).expect("a node").config.listen;
            noted.push(Noted { node, listen, passages: said.passages });
        }
        let followed = follow::follow(origin, &search.queries, &noted, &links);
        if followed.is_settled() {
            return followed;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "not at rest: {:?}", followed.totals);
    }
}

fn tell(origin: u32, followed: &Followed) {
    let totals = &followed.totals;
    let ms = |us: u64| us as f64 / 1_000.0;
    let last = followed.steps.iter().map(|step| step.at_us).max().unwrap_or(0);
    println!(
        "from node-{origin}: {} of {} others reached, {} copies of {} = 2E - N + 1, {} files; \
         first hit after {:.1} ms, last hit {:.1} ms, last copy {:.1} ms",
        totals.reached,
        totals.nodes - 1,
        totals.copies,
        totals.full_flood,
        totals.results,
        ms(totals.first_hit_us.unwrap_or(0)),
        ms(totals.last_hit_us.unwrap_or(0)),
        ms(last),
    );
    assert_eq!(totals.reached, totals.nodes - 1);
    assert_eq!(totals.copies, totals.full_flood);
    assert!(totals.results > 0);
}
