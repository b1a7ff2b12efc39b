//! How a node finds neighbours, and what it remembers.

use super::link::{LAST, greeting};
use super::rope::{World, address, config};
use crate::node::io::HostRecord;
use crate::node::{Command, Config, Event, Input, Why};
use crate::wire::{Guid, Kind, Ping, Pong, frame};

/// A moment before the worlds begin.
const LATELY: u64 = 1_699_999_000;

#[test]
fn from_one_host_a_node_finds_as_many_as_it_wants() {
    let config = Config { auto_connect: true, neighbours_wanted: 4, ..config() };
    let mut world = World::new(12, &config);
    for node in 1..12 {
        world.link(node, 0);
        world.pass(5);
    }
    world.pass(600);
    for node in 0..12 {
        let view = world.view(node);
        assert!(view.neighbours.len() >= 4, "{node}: {view:?}");
        assert!(view.hosts_known >= 4);
    }
}

#[test]
fn remembered_hosts_are_dialled_and_dead_ones_wait() {
    let config = Config { auto_connect: true, neighbours_wanted: 2, retry_host_s: 100, ..config() };
    let mut world = World::new(2, &config);
    let record = |host| HostRecord { last_success_s: LATELY, ..HostRecord::new(host) };
    let dead = ([10, 9, 9, 9], 1).into();
    let records = vec![record(address(1)), record(dead)];
    world.give(0, Input::Command(Command::Remember(records)));
    world.settle();
    assert_eq!(world.view(0).neighbours.len(), 1);
    let tries = |world: &World| {
        let failed = |event: &&Event| matches!(event, Event::LinkDown { peer, why: Why::ConnectFailed, .. } if *peer == dead);
        world.events[0].iter().filter(failed).count()
    };
    for (seconds, expected) in [(0, 1), (99, 1), (2, 2), (198, 2), (3, 3)] {
        world.pass(seconds);
        assert_eq!(tries(&world), expected);
    }
    let remembered = world.nodes[0].remembered();
    let of = |host| remembered.iter().find(|record| record.address == host).unwrap();
    assert_eq!(of(dead).failures, 3);
    assert_eq!(of(address(1)).last_success_s, 1_700_000_000);
}

/// Ten pongs and a ping each 3 s are 131 bytes a second, whatever stands in the pongs.
#[test]
fn pongs_cost_a_link_no_more_than_the_arithmetic_of_pong_caching() {
    let config = Config { auto_connect: true, neighbours_wanted: 0, ..config() };
    let mut world = World::new(1, &config);
    let says = [greeting(""), LAST.to_vec()].concat();
    let teller = world.script(0, &says);
    let heard = world.heard(teller);
    let at = heard.windows(2).position(|at| at == [Kind::PING.0, config.query_ttl_default]);
    let asked = at.and_then(|at| heard[..at].last_chunk::<16>()).copied().unwrap();
    for number in 0..100 {
        let mut payload = Vec::new();
        Pong::new(([30, number, 1, 1], 6346).into(), 1, 1).encode(&mut payload);
        let mut pong = Vec::new();
        frame::write(&mut pong, Guid(asked), Kind::PONG, 1, 0, &payload);
        world.say(teller, &pong);
    }
    let pinger = world.script(0, &says);
    world.heard(pinger);
    let mut ping = Vec::new();
    frame::write(&mut ping, Guid([7; 16]), Kind::PING, 3, 0, Ping::FOR_HOSTS.extensions);
    let mut bytes = 0;
    for _ in 0..60 {
        world.say(pinger, &ping);
        bytes += world.heard(pinger).len();
        world.pass(1);
    }
    // Ten pongs every 3 s, the first after the first 3 s.
    assert!(bytes >= 19 * 10 * 37, "it is answered in full: {bytes}");
    assert!(bytes <= 60 * 131, "{bytes} bytes in a minute");
}

#[test]
fn a_lost_neighbour_is_replaced() {
    let config = Config { auto_connect: true, neighbours_wanted: 1, retry_host_s: 10, ..config() };
    let mut world = World::new(3, &config);
    for host in [1, 2] {
        let record = HostRecord { last_success_s: LATELY, ..HostRecord::new(address(host)) };
        world.give(0, Input::Command(Command::Remember(vec![record])));
    }
    world.settle();
    let first = world.view(0).neighbours[0].peer;
    world.give(0, Input::Command(Command::Disconnect { peer: first }));
    world.settle();
    world.pass(1);
    let view = world.view(0);
    assert_eq!(view.neighbours.len(), 1);
    assert_ne!(view.neighbours[0].peer, first);
}
