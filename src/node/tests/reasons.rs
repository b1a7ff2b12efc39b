//! Each reason by one thing that happens, while no other moves: those that are not a matter of one
//! descriptor (`why`), one opening (`link`) or one datagram (`datagrams`, `oob`).
//!
//! A few need more than one: a queue, a share or a burst has to be used up first, and a silence has
//! to last. Then all that goes before moves nothing.

use std::net::SocketAddr;

use super::link::LAST;
use super::rope::{End, World, config};
use super::why::{descriptor, neighbour, query};
use crate::node::io::CloseCause;
use crate::node::{Command, Config, Input, Role, Why};
use crate::wire::{Guid, Kind};

/// How often something is done at most until a counter moves.
const TIMES_MAX: u8 = 200;

type Moved = Vec<(Why, u64)>;

/// What moved first while this was done again and again.
fn first_move(world: &mut World, mut does: impl FnMut(&mut World, u8)) -> Moved {
    for time in 0..TIMES_MAX {
        let before = world.view(0);
        does(world, time);
        let after = world.view(0);
        let change = |why: &Why| (*why, after.count(*why) - before.count(*why));
        let moved: Moved = Why::ALL.iter().map(change).filter(|&(_, moved)| moved > 0).collect();
        if !moved.is_empty() {
            return moved;
        }
    }
    Vec::new()
}

fn command(world: &mut World, command: Command) {
    world.give(0, Input::Command(command));
    world.settle();
}

fn connects(host: &str) -> Command {
    Command::Connect { host: host.to_owned(), port: 6346 }
}

/// A scripted peer says this tier.
fn comes(world: &mut World, ultrapeer: &str, last: &[u8]) -> End {
    let hello = format!("GNUTELLA CONNECT/0.6\r\nX-Ultrapeer: {ultrapeer}\r\n\r\n");
    world.script(0, &[hello.as_bytes(), last].concat())
}

/// Where the first scripted peer is.
fn first_peer() -> SocketAddr {
    SocketAddr::from(([11, 0, 0, 1], 30_000))
}

fn tiers() -> Config {
    Config { auto_connect: false, role: Role::Ultrapeer, ..Config::default() }
}

#[test]
fn one_thing_that_neighbours_do_moves_one_counter() {
    let mut world = World::new(1, &config());
    let peer = neighbour(&mut world);
    let bye = descriptor(3, Kind::BYE, 1, 0, b"\xC8\0bye");
    assert_eq!(first_move(&mut world, |world, _| world.say(peer, &bye)), [(Why::Bye, 1)]);

    let peer = neighbour(&mut world);
    let gone = Input::Closed { conn: world.far(peer), cause: CloseCause::PeerClosed };
    let moved = first_move(&mut world, |world, _| world.give(0, gone.clone()));
    assert_eq!(moved, [(Why::ClosedByPeer, 1)]);

    neighbour(&mut world);
    let moved = first_move(&mut world, |world, _| world.pass(1));
    assert_eq!(moved, [(Why::NoAlivePong, 1)]);

    let deflates = b"GNUTELLA/0.6 200 OK\r\nContent-Encoding: deflate\r\n\r\n";
    let peer = comes(&mut world, "True", deflates);
    let moved = first_move(&mut world, |world, _| world.say(peer, b"no deflate at all"));
    assert_eq!(moved, [(Why::BadDeflate, 1)]);

    let slow = Config { send_queue_bytes_max: 1_000, send_window_bytes: 100, ..config() };
    let mut world = World::new(1, &slow);
    let (asker, deaf) = (neighbour(&mut world), neighbour(&mut world));
    world.deaf.insert(deaf);
    let asks = |world: &mut World, time| world.say(asker, &query(time, 3, 0, "some words"));
    assert_eq!(first_move(&mut world, asks), [(Why::QueueFull, 1)]);

    let few = Config { queries_per_minute_max: 60, query_burst: 2, ..config() };
    let mut world = World::new(1, &few);
    let asker = neighbour(&mut world);
    let asks = |world: &mut World, time| world.say(asker, &query(time, 4, 0, "some words"));
    assert_eq!(first_move(&mut world, asks), [(Why::TooManyQueries, 1)]);
}

#[test]
fn one_who_comes_moves_one_counter() {
    let limits = Config { neighbours_max: 10, subnet_share_percent: 30, ..tiers() };
    let mut world = World::new(1, &limits);
    let moved = first_move(&mut world, |world, _| {
        comes(world, "True", LAST);
    });
    assert_eq!(moved, [(Why::SubnetShare, 1)]);

    let limits = Config {
        leaves_max: 10,
        newcomer_share_percent: 20,
        newcomer_stay_s: 5,
        subnet_share_percent: 100,
        ..tiers()
    };
    let mut world = World::new(1, &limits);
    for _ in 0..10 {
        comes(&mut world, "False", LAST);
    }
    world.pass(6);
    let moved = first_move(&mut world, |world, _| {
        comes(world, "False", LAST);
    });
    assert_eq!(moved, [(Why::GaveWay, 1)]);

    let mut world = World::new(1, &tiers());
    let crawls = b"GNUTELLA CONNECT/0.6\r\nX-Ultrapeer: False\r\nCrawler: 0.1\r\n\r\n";
    let moved = first_move(&mut world, |world, _| {
        world.script(0, crawls);
    });
    assert_eq!(moved, [(Why::Crawler, 1)]);

    let moved = first_move(&mut world, |world, _| {
        world.script(0, b"GNU");
        world.pass(21);
    });
    assert_eq!(moved, [(Why::TooSlow, 1)]);

    let network = first_peer().ip();
    command(&mut world, Command::Block { network, prefix_len: 8 });
    let moved = first_move(&mut world, |world, _| {
        comes(world, "True", LAST);
    });
    assert_eq!(moved, [(Why::Blocked, 1)]);

    let mut world = World::new(2, &Config { connections_per_address_max: 2, ..config() });
    let moved = first_move(&mut world, |world, _| world.connect_raw(1, 0));
    assert_eq!(moved, [(Why::TooManyConnections, 1)]);
}

#[test]
fn one_command_moves_one_counter() {
    let cases = [
        (connects("10.0.0.2"), Why::AlreadyConnected),
        (connects("10.0.0.99"), Why::ConnectFailed),
        (Command::Disconnect { peer: first_peer() }, Why::UserRequest),
    ];
    for (says, why) in cases {
        let mut world = World::new(2, &config());
        neighbour(&mut world);
        world.link(0, 1);
        let moved = first_move(&mut world, |world, _| command(world, says.clone()));
        assert_eq!(moved, [(why, 1)]);
    }
    let mut world = World::new(1, &config());
    neighbour(&mut world);
    let moved = first_move(&mut world, |world, _| command(world, Command::Shutdown));
    assert_eq!(moved, [(Why::Shutdown, 1)]);

    let mut world = World::new(1, &config());
    let moved = first_move(&mut world, |world, _| {
        world.script_answers(0, b"GNUTELLA/0.6 503 Full\r\n\r\n");
    });
    assert_eq!(moved, [(Why::Refused, 1)]);

    let mut world = World::new(1, &Config { unasked_bytes_max: 100, ..config() });
    let host = SocketAddr::from(([9, 9, 9, 1], 6346));
    let moved = first_move(&mut world, |world, _| command(world, Command::AskForHosts { host }));
    assert_eq!(moved, [(Why::UnprovenAddress, 1)]);
}

#[test]
fn one_request_moves_one_counter() {
    let file = "GET /get/1/words.txt HTTP/1.1\r\nHost: x\r\n";
    let giv = format!("GIV 1:{}/file\n\n", Guid([5; 16]));
    let cases = [
        ("GET /get/9/x HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), Why::NoSuchFile),
        (format!("{file}Range: bytes=5000-\r\n\r\n"), Why::BadRange),
        (format!("{file}no colon\r\n\r\n"), Why::BadRequest),
        (format!("{file}\r\n"), Why::NoUploadSlot),
        (giv, Why::UnexpectedGiv),
    ];
    for (says, why) in cases {
        let mut world = World::new(1, &Config { upload_slots: 0, ..config() });
        world.share(0, &["words.txt"]);
        let moved = first_move(&mut world, |world, _| {
            world.script(0, says.as_bytes());
        });
        assert_eq!(moved, [(why, 1)], "{says:?}");
        if why == Why::NoSuchFile {
            assert_eq!(first_move(&mut world, |world, _| world.pass(1)), [(Why::Idle, 1)]);
        }
    }
}
