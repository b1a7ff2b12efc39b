//! Dynamic queries: ours through it, and its own for a leaf of ours. It cannot search by itself.

use std::time::Duration;

use filbert::node::config::{Role, Strategy};
use filbert::servent::{Config, SearchQuery};
use filbert::wire::Kind;
use smol::stream::StreamExt as _;

use crate::neighbour::{Mode, Neighbour, public_addresses};
use crate::servent::Filbert;

fn role(role: Role) -> Config {
    Config { role, strategy: Strategy::Dynamic, ..Config::default() }
}

/// Queries that came in so far.
async fn queries(filbert: &Filbert) -> u64 {
    filbert.servent.view().await.expect("it runs").messages(Kind::QUERY).0
}

/// Names of files that match one word.
fn album(word: &str, count: u32) -> Vec<String> {
    (0..count).map(|at| format!("{word} number {at}.ogg")).collect()
}

/// Ultrapeers that are its neighbours; each shares so many files that match `popular`.
async fn ultrapeers(it: &Neighbour, count: usize, files_each: u32) -> Vec<Filbert> {
    let mut all = Vec::new();
    for number in 0..count {
        let names = album(&format!("popular {number}"), files_each);
        let contents: Vec<_> = names.iter().map(|name| name.as_bytes()).collect();
        let files: Vec<_> = names.iter().map(String::as_str).zip(contents).collect();
        let one = Filbert::start(role(Role::Ultrapeer), &files).await;
        one.connect(it.listen).await;
        all.push(one);
    }
    all
}

#[test]
fn its_queries_for_our_leaf_go_as_far_as_they_must() {
    let Some(it) = Neighbour::start(Mode::Ultrapeer, true, &[]) else { return };
    smol::block_on(async {
        let around = ultrapeers(&it, 6, 60).await;
        // Behind one of them, so that no table that it has tells of it.
        let far = Filbert::start(role(Role::Ultrapeer), &[("wooden marimba.ogg", b"ma")]).await;
        far.connect(around[5].servent.listen()).await;
        let leaf = Filbert::start(role(Role::Leaf), &[]).await;
        leaf.connect(it.listen).await;
        // Routing tables travel.
        smol::Timer::after(Duration::from_secs(12)).await;

        let asked = async || {
            let mut count = 0;
            for one in &around {
                count += u64::from(queries(one).await > 0);
            }
            count
        };
        let mut hits = leaf.ask("popular").await;
        for _ in 0..60 {
            hits.next().await.expect("a hit");
        }
        smol::Timer::after(Duration::from_secs(10)).await;
        let few = asked().await;
        assert!((1..6).contains(&few), "{few} were asked for what everybody has");
        drop(hits);

        let query = SearchQuery { text: "marimba".to_owned(), ..SearchQuery::default() };
        let mut hits = leaf.servent.search(query).await.expect("it runs");
        let hit = smol::future::or(hits.next(), async {
            smol::Timer::after(Duration::from_secs(60)).await;
            None
        });
        assert_eq!(hit.await.expect("a hit").name, "wooden marimba.ogg");
        assert!(it.drops().is_empty(), "{:?}", it.drops());
    });
}

#[test]
fn our_queries_go_through_it_as_far_as_they_must() {
    if !public_addresses() {
        return eprintln!("skipped: in a local network we ask everybody at once");
    }
    let names = album("popular", 120);
    let files: Vec<_> = names.iter().map(|name| (name.as_str(), name.as_bytes())).collect();
    let Some(it) = Neighbour::start(Mode::Ultrapeer, true, &files) else { return };
    smol::block_on(async {
        let we = Filbert::start(role(Role::Ultrapeer), &[]).await;
        we.connect(it.listen).await;
        let beyond = ultrapeers(&it, 2, 1).await;
        let far = Filbert::start(role(Role::Ultrapeer), &[("wooden marimba.ogg", b"ma")]).await;
        far.connect(beyond[1].servent.listen()).await;
        smol::Timer::after(Duration::from_secs(12)).await;

        let few = SearchQuery {
            text: "popular".to_owned(),
            results_max: Some(20),
            ..SearchQuery::default()
        };
        let mut hits = we.servent.search(few).await.expect("it runs");
        let mut count = 0;
        while hits.next().await.is_some() {
            count += 1;
        }
        assert_eq!(count, 20);
        smol::Timer::after(Duration::from_secs(3)).await;
        for one in &beyond {
            assert_eq!(queries(one).await, 0, "it had enough itself");
        }
        let query = SearchQuery { text: "marimba".to_owned(), ..SearchQuery::default() };
        let mut hits = we.servent.search(query).await.expect("it runs");
        let hit = smol::future::or(hits.next(), async {
            smol::Timer::after(Duration::from_secs(60)).await;
            None
        });
        assert_eq!(hit.await.expect("a hit").name, "wooden marimba.ogg");
        // The same query came to it with one TTL after the other.
        let view = we.servent.view().await.expect("it runs");
        assert!(view.messages(Kind::QUERY).1 >= 3, "{view:?}");
        assert!(it.drops().is_empty(), "{:?}", it.drops());
    });
}
