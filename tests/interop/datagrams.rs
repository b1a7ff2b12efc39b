//! Hits by UDP. Only where all addresses are valid to everybody (`FILBERT_INTEROP_NETWORK`):
//! gtk-gnutella offers nothing to addresses of loopback.

use std::net::{SocketAddr, UdpSocket};

use filbert::node::config::{Role, Strategy};
use filbert::servent::{Config, SearchQuery};
use filbert::wire::{Guid, Kind, frame};

use crate::neighbour::{Mode, Neighbour, fresh_ip, public_addresses};
use crate::servent::Filbert;

fn flooding() -> Config {
    Config { role: Role::Ultrapeer, strategy: Strategy::Flood, ..Config::default() }
}

/// Sends a ping there from an address that nobody knows.
fn reach(listen: SocketAddr) {
    let stranger = UdpSocket::bind((fresh_ip(), 0)).expect("a port");
    let mut ping = Vec::new();
    frame::write(&mut ping, Guid([7; 16]), Kind::PING, 1, 0, &[]);
    stranger.send_to(&ping, listen).expect("sent");
}

/// Lets it know that strangers' datagrams reach it.
async fn reached_by_a_stranger(filbert: &Filbert) {
    reach(filbert.servent.listen());
    filbert.until("a datagram", |view| view.datagrams.received > 0).await;
}

/// Hits that came over links.
async fn relayed_hits(filbert: &Filbert) -> u64 {
    filbert.servent.view().await.expect("it runs").messages(Kind::QUERY_HIT).0
}

#[test]
fn its_hits_come_straight_to_us() {
    if !public_addresses() {
        return eprintln!("skipped: loopback");
    }
    let files: [(&str, &[u8]); 1] = [("its saxophone.ogg", b"sax")];
    let Some(it) = Neighbour::start(Mode::Ultrapeer, true, &files) else { return };
    smol::block_on(async {
        // far - near - it: it answers by UDP from the second link on.
        let far = Filbert::start(flooding(), &[]).await;
        let near = Filbert::start(flooding(), &[]).await;
        far.connect(near.servent.listen()).await;
        near.connect(it.listen).await;
        reached_by_a_stranger(&far).await;
        // It must know the same of itself.
        reach(it.listen);
        smol::Timer::after(std::time::Duration::from_secs(8)).await;
        let words =
            SearchQuery { text: "saxophone".to_owned(), ttl: Some(3), ..SearchQuery::default() };
        let hit = far.search(words).await.expect("a hit");
        assert_eq!(hit.source.address, it.listen);
        assert_eq!(relayed_hits(&near).await, 0, "{:?}", it.counters());
        assert!(it.drops().is_empty(), "{:?}", it.drops());
    });
}

#[test]
fn ours_go_past_it() {
    if !public_addresses() {
        return eprintln!("skipped: loopback");
    }
    let Some(it) = Neighbour::start(Mode::Ultrapeer, true, &[]) else { return };
    smol::block_on(async {
        let far = Filbert::start(flooding(), &[]).await;
        let holder = Filbert::start(flooding(), &[("wooden marimba.ogg", b"ma")]).await;
        far.connect(it.listen).await;
        holder.connect(it.listen).await;
        reached_by_a_stranger(&far).await;
        reached_by_a_stranger(&holder).await;
        smol::Timer::after(std::time::Duration::from_secs(8)).await;
        let hit = far.find("marimba").await.expect("a hit");
        assert_eq!(hit.source.address, holder.servent.listen());
        let view = holder.servent.view().await.expect("it runs");
        assert_eq!(view.messages(Kind::QUERY_HIT).1, 0, "not along the way of the query");
        assert!(it.drops().is_empty(), "{:?}", it.drops());
    });
}

#[test]
fn it_proves_its_address_before_it_gets_our_hits() {
    if !public_addresses() {
        return eprintln!("skipped: loopback");
    }
    let Some(it) = Neighbour::start(Mode::Ultrapeer, true, &[]) else { return };
    smol::block_on(async {
        // leaf - it - near - holder: it asks by UDP for a leaf that does not, and the holder knows
        // nothing of it.
        let by_links = Config { out_of_band: false, role: Role::Leaf, ..Config::default() };
        let leaf = Filbert::start(by_links, &[]).await;
        let near = Filbert::start(flooding(), &[]).await;
        let holder = Filbert::start(flooding(), &[("wooden marimba.ogg", b"ma")]).await;
        leaf.connect(it.listen).await;
        near.connect(it.listen).await;
        holder.connect(near.servent.listen()).await;
        reached_by_a_stranger(&holder).await;
        reach(it.listen);
        smol::Timer::after(std::time::Duration::from_secs(12)).await;
        let before = holder.servent.view().await.expect("it runs").datagrams.hosts_proven;
        let hit = leaf.find("marimba").await.expect("a hit");
        assert_eq!(hit.source.address, holder.servent.listen());
        let view = holder.servent.view().await.expect("it runs");
        assert_eq!(view.datagrams.hosts_proven, before + 1, "{view:?}");
        assert_eq!(view.messages(Kind::QUERY_HIT).1, 0, "not along the way of the query");
        assert!(it.drops().is_empty(), "{:?}", it.drops());
    });
}
