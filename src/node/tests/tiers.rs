//! The two tiers: who says what in a handshake, who gets a slot, and who becomes what.

use super::link::LAST;
use super::rope::{End, World, address};
use crate::node::io::HostRecord;
use crate::node::tier::Reason;
use crate::node::{Action, Command, Config, Event, Input, Relation, Role, Tier, Time, Why};

/// What a node with neighbours of any network does by default.
fn tiers() -> Config {
    Config { auto_connect: false, subnet_share_percent: 100, ..Config::default() }
}

fn greeting(lines: &str) -> Vec<u8> {
    format!("GNUTELLA CONNECT/0.6\r\n{lines}\r\n").into_bytes()
}

fn leaf(world: &mut World) -> End {
    world.script(0, &[&greeting("X-Ultrapeer: False\r\n")[..], LAST].concat())
}

fn ultrapeer(world: &mut World) -> End {
    world.script(0, &[&greeting("X-Ultrapeer: True\r\n")[..], LAST].concat())
}

fn text(world: &mut World, end: End) -> String {
    String::from_utf8_lossy(&world.heard(end)).into_owned()
}

/// What the neighbours of a node are to it.
fn relations(world: &World, node: usize) -> Vec<Relation> {
    world.view(node).neighbours.iter().map(|link| link.relation).collect()
}

#[test]
fn both_tiers_say_what_living_servents_demand() {
    let said = |role| {
        let mut world = World::new(1, &Config { role, ..tiers() });
        let end = world.script(0, &greeting("X-Ultrapeer: True\r\nX-Query-Routing: 0.2\r\n"));
        text(&mut world, end)
    };
    let both = [
        "GNUTELLA/0.6 200 OK\r\n",
        "X-Query-Routing: 0.1\r\n",
        "X-Ultrapeer-Query-Routing: 0.1\r\n",
        "X-Dynamic-Querying: 0.1\r\n",
        "X-Ext-Probes: 0.1\r\n",
        "X-Degree: 32\r\n",
        "X-Max-TTL: 4\r\n",
        "X-Requeries: False\r\n",
        "GGEP: 0.5\r\n",
        "Vendor-Message: 0.2\r\n",
        "Pong-Caching: 0.1\r\n",
        "Bye-Packet: 0.1\r\n",
        "Accept-Encoding: deflate\r\n",
    ];
    let ultrapeer = said(Role::Ultrapeer);
    let leaf = said(Role::Leaf);
    for line in both {
        assert!(ultrapeer.contains(line) && leaf.contains(line), "{line}");
    }
    assert!(ultrapeer.contains("X-Ultrapeer: True\r\nX"), "{ultrapeer}");
    assert!(ultrapeer.contains("X-Ultrapeer-Needed: True\r\n"));
    assert!(leaf.contains("X-Ultrapeer: False\r\n") && !leaf.contains("X-Ultrapeer-Needed"));
    let flat = Config { auto_connect: false, ..Config::flat() };
    let mut world = World::new(1, &flat);
    let end = world.script(0, &greeting("X-Ultrapeer: True\r\n"));
    let said = text(&mut world, end);
    assert!(!said.contains("Query-Routing") && !said.contains("Dynamic"), "{said}");
}

#[test]
fn a_later_query_routing_is_levelled_down() {
    let mut node = World::new(1, &Config { role: Role::Ultrapeer, ..tiers() }).nodes.remove(0);
    let mut give = |input: Input<'_>| -> Vec<Action> { node.handle(Time::ZERO, input).collect() };
    let dialled = give(Input::Command(Command::Connect { host: "9.9.9.9".into(), port: 1 }));
    let [Action::Connect { conn, .. }] = dialled[..] else { panic!("{dialled:?}") };
    give(Input::Connected { conn, local: address(0) });
    let data = b"GNUTELLA/0.6 200 OK\r\nX-Ultrapeer: True\r\nX-Query-Routing: 0.2\r\n\r\n";
    let last = give(Input::Received { conn, data });
    let Some(Action::Send { chunk, .. }) = last.first() else { panic!("{last:?}") };
    assert_eq!(chunk.bytes(), b"GNUTELLA/0.6 200 OK\r\nX-Query-Routing: 0.1\r\n\r\n");
}

#[test]
fn two_leaves_do_not_meet_and_learn_of_an_ultrapeer() {
    let fixed = |role| Config { role, local_addresses: true, ..tiers() };
    let mut world = World::mixed(&[fixed(Role::Leaf), fixed(Role::Ultrapeer), fixed(Role::Leaf)]);
    world.link(0, 1);
    assert_eq!(
        (relations(&world, 0), relations(&world, 1)),
        (vec![Relation::Ultrapeer], vec![Relation::Leaf])
    );
    world.link(2, 0);
    assert_eq!(world.count(0, Why::TwoLeaves), 1);
    let Some(Event::LinkDown { why, said, .. }) = world.events[2].last() else { panic!() };
    assert_eq!((*why, said.as_deref()), (Why::Refused, Some("503 Two leaves")));
    // It was told of the ultrapeer.
    assert_eq!(world.view(2).hosts_known, 2);
}

#[test]
fn a_lonely_ultrapeer_obeys_guidance_and_one_with_leaves_does_not() {
    let full =
        Config { neighbours_wanted: 0, role: Role::Ultrapeer, local_addresses: true, ..tiers() };
    let auto = Config { role: Role::Auto, local_addresses: true, ..tiers() };
    let mut world = World::mixed(&[auto.clone(), full.clone(), auto.clone()]);
    world.link(0, 2);
    assert_eq!(relations(&world, 2), [Relation::Peer]);
    world.link(0, 1);
    assert_eq!(world.view(0).tier, Tier::Leaf);
    assert_eq!(world.view(0).tier_why, Reason::Guided);
    assert_eq!(
        (relations(&world, 0), relations(&world, 1)),
        (vec![Relation::Ultrapeer], vec![Relation::Leaf])
    );
    // The other ultrapeer was told why it was left.
    assert_eq!(world.count(0, Why::RoleSwitched), 1);
    let Some(Event::LinkDown { said, .. }) = world.events[2].last() else { panic!() };
    assert_eq!(said.as_deref(), Some("504 became a leaf or an ultrapeer"));

    let mut world = World::mixed(&[auto, full]);
    leaf(&mut world);
    world.link(0, 1);
    assert_eq!(world.view(0).tier, Tier::Ultrapeer);
    assert_eq!(relations(&world, 1), [Relation::Peer]);
    // When its ultrapeer goes, a leaf in a local network does not stay alone.
    let mut world = World::mixed(&[
        Config { role: Role::Auto, local_addresses: true, ..tiers() },
        Config { neighbours_wanted: 0, role: Role::Ultrapeer, local_addresses: true, ..tiers() },
    ]);
    world.link(0, 1);
    assert_eq!(world.view(0).tier, Tier::Leaf);
    world.give(1, Input::Command(Command::Shutdown));
    world.pass(200);
    assert_eq!((world.view(0).tier, world.view(0).tier_why), (Tier::Ultrapeer, Reason::Local));
}

#[test]
fn one_that_steps_down_in_its_last_block_is_our_leaf() {
    let mut world =
        World::new(1, &Config { role: Role::Ultrapeer, neighbours_wanted: 0, ..tiers() });
    let says = greeting("X-Ultrapeer: True\r\n");
    let last = b"GNUTELLA/0.6 200 OK\r\nX-Ultrapeer: False\r\n\r\n";
    let end = world.script(0, &[&says[..], last].concat());
    assert!(text(&mut world, end).contains("X-Ultrapeer-Needed: False\r\n"));
    assert_eq!(relations(&world, 0), [Relation::Leaf]);
}

#[test]
fn the_public_network_makes_a_newcomer_a_leaf_until_it_has_proved_itself() {
    let auto = Config { role: Role::Auto, auto_connect: true, ..tiers() };
    let mut world = World::new(1, &auto);
    assert_eq!((world.view(0).tier, world.view(0).tier_why), (Tier::Ultrapeer, Reason::Local));
    let dead =
        HostRecord { last_success_s: 1_699_999_000, ..HostRecord::new(([9, 9, 9, 9], 1).into()) };
    world.give(0, Input::Command(Command::Remember(vec![dead])));
    world.settle();
    assert_eq!((world.view(0).tier, world.view(0).tier_why), (Tier::Leaf, Reason::NotReachable));
    // Somebody connects from outside; it is refused, but it came through.
    ultrapeer(&mut world);
    world.pass(60);
    assert_eq!(world.view(0).tier_why, Reason::New);
    world.pass(3_700);
    assert_eq!((world.view(0).tier, world.view(0).tier_why), (Tier::Ultrapeer, Reason::Capable));
}

#[test]
fn one_network_gets_its_share_of_the_slots_and_no_more() {
    let limits = Config { role: Role::Ultrapeer, neighbours_max: 10, leaves_max: 20, ..tiers() };
    let mut world = World::new(1, &Config { subnet_share_percent: 30, ..limits });
    for _ in 0..10 {
        ultrapeer(&mut world);
        leaf(&mut world);
    }
    let of = |relation| relations(&world, 0).iter().filter(|&&of| of == relation).count();
    assert_eq!((of(Relation::Peer), of(Relation::Leaf)), (3, 6));
    assert_eq!(world.count(0, Why::SubnetShare), 7 + 4);
}

#[test]
fn when_all_slots_are_taken_newcomers_pass_through_the_reserve() {
    let limits = Config { role: Role::Ultrapeer, leaves_max: 10, ..tiers() };
    let mut world =
        World::new(1, &Config { newcomer_share_percent: 20, newcomer_stay_s: 20, ..limits });
    let first: Vec<End> = (0..10).map(|_| leaf(&mut world)).collect();
    let refused = leaf(&mut world);
    assert!(text(&mut world, refused).starts_with("GNUTELLA/0.6 503 No free slot"));
    world.pass(21);
    leaf(&mut world);
    assert_eq!(world.count(0, Why::GaveWay), 1);
    assert!(world.ended.contains(&first[8]), "the oldest of the reserve");
    leaf(&mut world);
    assert_eq!(world.count(0, Why::GaveWay), 2);
    leaf(&mut world);
    assert_eq!(world.count(0, Why::GaveWay), 2, "those in the reserve may stay a while");
    assert!(first[..8].iter().all(|old| !world.ended.contains(old)));
    assert_eq!(relations(&world, 0).len(), 10);
}

#[test]
fn a_leaf_hangs_on_few_who_came_by_themselves() {
    let mut world = World::new(1, &Config { role: Role::Leaf, ultrapeers_wanted: 4, ..tiers() });
    for _ in 0..4 {
        ultrapeer(&mut world);
    }
    assert_eq!(relations(&world, 0), [Relation::Ultrapeer; 2]);
    assert_eq!(world.count(0, Why::NoSlot), 2);
}

#[test]
fn crawlers_are_told_the_neighbours_and_closed() {
    let crawl = greeting("User-Agent: crawler\r\nX-Ultrapeer: False\r\nCrawler: 0.1\r\n");
    for (answer_crawlers, status) in [(true, "200 OK"), (false, "403 No crawlers")] {
        let config = Config { role: Role::Ultrapeer, answer_crawlers, ..tiers() };
        let mut world = World::new(1, &config);
        for (tier, port) in [("True", 7_001), ("False", 7_002)] {
            let lines = format!("X-Ultrapeer: {tier}\r\nListen-IP: 1.1.1.1:{port}\r\n");
            world.script(0, &[&greeting(&lines)[..], LAST].concat());
        }
        let end = world.script(0, &crawl);
        let said = text(&mut world, end);
        assert!(said.starts_with(&format!("GNUTELLA/0.6 {status}\r\n")), "{said}");
        let tells = said.contains("Peers: 11.0.0.1:7001\r\nLeaves: 11.0.0.2:7002\r\n");
        assert_eq!(tells, answer_crawlers, "{said}");
        assert!(world.ended.contains(&end));
        assert_eq!((world.count(0, Why::Crawler), relations(&world, 0).len()), (1, 2));
    }
}
