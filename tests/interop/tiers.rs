//! Leaves and ultrapeers, each way round; routing tables and horizons between them.

use std::time::Duration;

use filbert::node::config::{Role, Strategy};
use filbert::node::{Relation, Tier};
use filbert::servent::{Config, SearchQuery};
use filbert::wire::Kind;

use crate::neighbour::{Mode, Neighbour};
use crate::servent::Filbert;

fn role(role: Role) -> Config {
    Config { role, ..Config::default() }
}

/// Queries that came in so far, and copies that went out.
async fn queries(filbert: &Filbert) -> (u64, u64) {
    filbert.servent.view().await.expect("it runs").messages(Kind::QUERY)
}

/// Long enough for routing tables to be made, sent and applied.
async fn tables_travel() {
    smol::Timer::after(Duration::from_secs(12)).await;
}

/// Long enough for a query to have gone where it can go.
async fn query_travels() {
    smol::Timer::after(Duration::from_secs(3)).await;
}

#[test]
fn a_leaf_of_ours_at_its_ultrapeer() {
    let files: [(&str, &[u8]); 1] = [("its saxophone.ogg", b"sax")];
    let Some(it) = Neighbour::start(Mode::Ultrapeer, true, &files) else { return };
    smol::block_on(async {
        let leaf = Filbert::start(role(Role::Leaf), &[("gentle accordion.ogg", b"acc")]).await;
        let far = Filbert::start(role(Role::Ultrapeer), &[("wooden marimba.ogg", b"ma")]).await;
        leaf.connect(it.listen).await;
        far.connect(it.listen).await;
        let view = leaf.servent.view().await.expect("it runs");
        assert_eq!(view.tier, Tier::Leaf);
        assert_eq!(view.neighbours[0].relation, Relation::Ultrapeer);
        tables_travel().await;

        let hit = far.find("accordion").await.expect("the file of a leaf of its");
        assert_eq!(hit.source.address, leaf.servent.listen());
        assert_eq!(leaf.find("saxophone").await.expect("its own").name, "its saxophone.ogg");
        assert_eq!(leaf.find("marimba").await.expect("two links away").name, "wooden marimba.ogg");
        let (before, _) = queries(&leaf).await;
        let nothing = far.ask("tuba").await;
        query_travels().await;
        drop(nothing);
        assert_eq!(queries(&leaf).await.0, before, "a query that cannot match is not for a leaf");
        assert!(it.drops().is_empty(), "{:?}", it.drops());
        assert!(!leaf.links().contains("LinkDown"), "{}", leaf.links());
    });
}

#[test]
fn a_leaf_of_its_at_our_ultrapeer() {
    let files: [(&str, &[u8]); 1] = [("its saxophone.ogg", b"sax")];
    let Some(it) = Neighbour::start(Mode::Leaf, true, &files) else { return };
    smol::block_on(async {
        let ours = Filbert::start(role(Role::Ultrapeer), &[]).await;
        let far = Filbert::start(role(Role::Ultrapeer), &[]).await;
        far.connect(ours.servent.listen()).await;
        it.connect(ours.servent.listen());
        ours.neighbours(2).await;
        let is_leaf = |relation| relation == Relation::Leaf;
        ours.until("a leaf", |view| view.neighbours.iter().any(|n| is_leaf(n.relation))).await;
        tables_travel().await;

        let hit = far.find("saxophone").await.expect("the file of our leaf");
        assert_eq!(hit.name, "its saxophone.ogg");
        ours.hit_came_by(&hit, 2).await;
        let (_, before) = queries(&ours).await;
        let nothing = far.ask("tuba").await;
        query_travels().await;
        drop(nothing);
        assert_eq!(queries(&ours).await.1, before, "a query that cannot match is not for a leaf");
        assert!(it.drops().is_empty(), "{:?}", it.drops());
        assert!(!ours.links().contains("LinkDown"), "{}", ours.links());
    });
}

#[test]
fn the_last_hop_only_where_it_can_match() {
    let files: [(&str, &[u8]); 1] = [("its saxophone.ogg", b"sax")];
    let Some(it) = Neighbour::start(Mode::Ultrapeer, true, &files) else { return };
    smol::block_on(async {
        // far - near - it - beyond
        let flood = Config { strategy: Strategy::Flood, ..role(Role::Ultrapeer) };
        let far = Filbert::start(flood.clone(), &[]).await;
        let near = Filbert::start(flood.clone(), &[]).await;
        let beyond = Filbert::start(flood, &[("wooden marimba.ogg", b"ma")]).await;
        far.connect(near.servent.listen()).await;
        near.connect(it.listen).await;
        beyond.connect(it.listen).await;
        tables_travel().await;

        let words = |text: &str, ttl| SearchQuery {
            text: text.to_owned(),
            ttl: Some(ttl),
            ..SearchQuery::default()
        };
        assert!(far.search(words("saxophone", 2)).await.is_some(), "its table says so");
        assert!(near.search(words("marimba", 2)).await.is_some(), "and ours says so to it");
        let (_, before) = queries(&near).await;
        let (before_beyond, _) = queries(&beyond).await;
        let nothing = far.servent.search(words("tuba", 2)).await.expect("it runs");
        let nothing_either = near.servent.search(words("bugle", 2)).await.expect("it runs");
        query_travels().await;
        drop((nothing, nothing_either));
        // To `far` and `it` went what `near` asked itself.
        assert_eq!(queries(&near).await.1, before + 2, "we keep what cannot match");
        assert_eq!(queries(&beyond).await.0, before_beyond, "it keeps what cannot match");
        assert!(it.drops().is_empty(), "{:?}", it.drops());
    });
}

#[test]
fn each_sees_how_much_lies_beyond_the_other() {
    let files: [(&str, &[u8]); 2] = [("one.ogg", &[1; 5_000]), ("two.ogg", &[2; 5_000])];
    let Some(it) = Neighbour::start(Mode::Ultrapeer, true, &files) else { return };
    smol::block_on(async {
        let a = Filbert::start(role(Role::Ultrapeer), &[("a.ogg", &[3; 9_000])]).await;
        let b = Filbert::start(role(Role::Ultrapeer), &[]).await;
        a.connect(it.listen).await;
        b.connect(it.listen).await;
        b.within(Duration::from_secs(100), "three servents with three files", |view| {
            let far = view.horizon.last();
            far.is_some_and(|far| (far.nodes, far.files) == (2, 3))
        })
        .await;
        let text = it.shell("horizon");
        assert!(text.contains("2/2 nodes support HSEP"), "{text}");
    });
}
