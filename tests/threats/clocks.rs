//! Clocks that jump (row 23): the wall clock may be wrong by any amount, and the node's own time,
//! which only the driver knows, may leap over years or stand still.

use std::sync::Arc;
use std::time::Duration;

use filbert::node::io::{HostRecord, SearchId, SearchQuery};
use filbert::node::{Command, Config, Input, Node, Rng, Role, Time, WallTime, Why};
use filbert::wire::{Headers, Kind};

use crate::victim::{Victim, config, descriptor, guid, query, stranger};

/// A servent under such a wall clock, with a neighbour, a search and hosts that it knows.
fn at_work(wall: WallTime) -> Victim {
    let listen = config().listen;
    let limits =
        Config { listen, role: Role::Ultrapeer, subnet_share_percent: 100, ..Config::default() };
    let mut victim = Victim::new(limits.clone());
    let mut rng = Rng::from_u64(7);
    let servent = rng.guid();
    victim.node = Node::new(Arc::new(limits), servent, rng, wall);
    victim.share(&["some file.txt"]);
    let record =
        |n: u32| HostRecord { last_success_s: 1_699_000_000, ..HostRecord::new(stranger(n)) };
    victim.give(Input::Command(Command::Remember((100..120).map(record).collect())));
    victim.neighbour(stranger(1), Headers::new());
    let query = SearchQuery { text: "wanted".to_owned(), ..SearchQuery::default() };
    victim.give(Input::Command(Command::Search { search: SearchId(1), query }));
    victim
}

/// It answers a newcomer's query; nothing of before is in the way.
fn answers(victim: &mut Victim, number: u32) {
    let conn = victim.neighbour(stranger(number), Headers::new());
    let asks = descriptor(guid(number.into()), Kind::QUERY, 2, 0, &query("some file"));
    assert!(!victim.say(conn, &asks));
    assert_eq!(victim.heard(conn, Kind::QUERY_HIT).len(), 1);
}

#[test]
fn row_23_any_wall_clock_will_do() {
    for wall in [0, 1, 1_700_000_000_000_000, u64::MAX / 2, u64::MAX] {
        let mut victim = at_work(WallTime(wall));
        victim.pass(100);
        answers(&mut victim, 2);
    }
}

#[test]
fn row_23_time_may_leap_and_stand_still() {
    let year = Duration::from_secs(31_557_600);
    for leap in [Duration::from_secs(61), Duration::from_secs(86_400), year, year * 1_000] {
        let mut victim = at_work(WallTime(1_700_000_000_000_000));
        victim.pass(10);
        victim.now = victim.now + leap;
        // One look is enough for all that is overdue: it does not wake again and again for it.
        victim.give(Input::Wake);
        for _ in 0..3 {
            let due = victim.node.deadline().expect("something is always due");
            victim.now = victim.now.max(due);
            victim.give(Input::Wake);
        }
        assert!(victim.now < Time::ZERO + leap + Duration::from_secs(100), "{:?}", victim.now);
        answers(&mut victim, 2);
        // It stands still while much happens.
        for number in 3..30 {
            answers(&mut victim, number);
        }
        assert_eq!(victim.count(Why::NoAlivePong), 0, "who was not asked cannot have been silent");
    }
    // The end of time, and a little before.
    for at in [Time::NEVER, Time::from_micros(u64::MAX - 1)] {
        let mut victim = at_work(WallTime(1_700_000_000_000_000));
        victim.now = at;
        victim.give(Input::Wake);
        victim.give(Input::TurnOver);
        answers(&mut victim, 2);
    }
}
