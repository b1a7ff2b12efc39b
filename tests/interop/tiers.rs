//! Leaves and ultrapeers, each way round.

use std::time::Duration;

use filbert::node::Relation;
use filbert::node::config::Role;
use filbert::servent::Config;

use crate::neighbour::{Mode, Neighbour};
use crate::servent::Filbert;

fn role(role: Role) -> Config {
    Config { role, ..Config::default() }
}

/// Long enough for routing tables to be made, sent and applied.
async fn tables_travel() {
    smol::Timer::after(Duration::from_secs(12)).await;
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
        assert_eq!((hit.name.as_str(), hit.hops), ("its saxophone.ogg", 2));
        let asked = async || {
            let view = ours.servent.view().await.expect("it runs");
            view.neighbours.iter().find(|n| is_leaf(n.relation)).expect("the leaf").messages_out
        };
        let before = asked().await;
        assert!(far.find("tuba").await.is_none());
        assert!(asked().await <= before + 2, "nothing but pings");
        assert!(!ours.links().contains("LinkDown"), "{}", ours.links());
        assert!(it.drops().is_empty(), "{:?}", it.drops());
    });
}
