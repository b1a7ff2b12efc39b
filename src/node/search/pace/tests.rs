//! The arithmetic of dynamic queries, and whole queries played on paper.

use proptest::prelude::*;

use super::*;

fn neighbours(count: u64, degree: u32) -> Vec<Neighbour> {
    let neighbour = |conn| Neighbour { conn: ConnId(conn), degree, ttl_max: 4, takes_again: true };
    (1..=count).map(neighbour).collect()
}

/// Nobody gave us a table.
fn no_table(_: ConnId) -> Option<bool> {
    None
}

fn start() -> Pace {
    Pace::new(Time::ZERO)
}

/// Plays a query to its end in a network without overlaps, where every so many hosts have one
/// result. Gives what was asked, the results, and how long it took.
fn play(
    neighbours: &[Neighbour],
    says: Says<'_>,
    hosts_per_result: u64,
    wanted: u32,
) -> (Vec<Ask>, u32, Duration) {
    let (mut pace, mut asked, mut now) = (start(), Vec::new(), Time::ZERO);
    loop {
        let results = (pace.horizon / hosts_per_result) as u32;
        match next(&pace, results, wanted, now, neighbours, says) {
            Step::Ask(asks, wait) => {
                pace.asks(&asks, results);
                asked.extend(asks);
                now = now + wait;
            }
            Step::NobodyLeft | Step::Done => {
                return (asked, results, now.since(Time::ZERO));
            }
        }
    }
}

#[test]
fn the_horizon_is_that_of_the_formula() {
    for (degree, ttl, expected) in [
        (6, 7, 19_531),
        (15, 3, 211),
        (30, 2, 30),
        (30, 3, 871),
        (32, 2, 32),
        (32, 3, 993),
        (32, 4, 30_784),
        (2, 4, 4),
        (1, 4, 4),
        (9, 0, 0),
        (u32::MAX, 255, u64::MAX),
    ] {
        assert_eq!(hosts(degree, ttl), expected, "{degree}, {ttl}");
    }
}

#[test]
fn in_a_small_network_all_are_asked_at_once() {
    let (asked, _, _) = play(&neighbours(4, 4), &no_table, u64::MAX, 50);
    assert_eq!(asked.len(), 4);
    assert!(asked.iter().all(|ask| (ask.ttl, ask.reach) == (4, 40)));
    // A newcomer gets it at once too, and the others are not asked again.
    let mut pace = start();
    pace.asks(&asked, 0);
    let Step::Ask(asks, _) = next(&pace, 0, 50, Time::ZERO, &neighbours(5, 4), &no_table) else {
        panic!()
    };
    assert_eq!(asks, [Ask { conn: ConnId(5), ttl: 4, reach: 40 }]);
    let is_small = |all: &[Neighbour]| is_small(&pace, all, &no_table);
    assert!(is_small(&neighbours(5, 4)) && !is_small(&neighbours(6, 30)));
}

#[test]
fn the_probe_goes_down_three_links_with_ttl_2() {
    let step = next(&start(), 0, 150, Time::ZERO, &neighbours(30, 30), &no_table);
    let Step::Ask(asks, wait) = step else { panic!("{step:?}") };
    let ask = |conn| Ask { conn: ConnId(conn), ttl: 2, reach: 30 };
    assert_eq!(asks, [ask(1), ask(2), ask(3)]);
    assert_eq!(wait, Duration::from_millis(2 * 2_400 + 2 * 300));
}

#[test]
fn tables_that_match_are_probed_one_link_far() {
    let probed = |matching: usize, takes_again| {
        let mut all = neighbours(30, 30);
        for neighbour in &mut all[10..10 + matching] {
            neighbour.takes_again = takes_again;
        }
        let first = 11..11 + matching as u64;
        let says = |conn: ConnId| first.contains(&conn.0).then_some(true);
        let step = next(&start(), 0, 150, Time::ZERO, &all, &says);
        let Step::Ask(asks, _) = step else { panic!("{step:?}") };
        asks.iter().map(|ask| (ask.conn.0, ask.ttl)).collect::<Vec<_>>()
    };
    assert_eq!(probed(0, true), [(1, 2), (2, 2), (3, 2)]);
    assert_eq!(probed(2, true), [(11, 1), (12, 1), (1, 2)]);
    assert_eq!(probed(4, true), [(11, 1), (12, 1), (13, 1), (14, 1), (1, 2)]);
    assert_eq!(probed(6, true), [11, 12, 13, 14, 15, 16].map(|conn| (conn, 1)));
    assert_eq!(probed(15, true).len(), MATCHING_PROBES_MAX);
    // One that drops what comes again is not wasted on a probe of one link.
    assert_eq!(probed(6, false), [(1, 2), (2, 2), (3, 2)]);
}

#[test]
fn the_ttl_follows_the_results() {
    let ttl = |horizon, results, wanted, left: u64| {
        let pace = Pace { horizon, ..start() };
        let step = next(&pace, results, wanted, Time::ZERO, &neighbours(left, 30), &no_table);
        let Step::Ask(asks, _) = step else { panic!("{step:?}") };
        assert_eq!(asks.len(), 1);
        asks[0].ttl
    };
    // 90 hosts gave 45: twice as many would do, some 6 on each of 27 links.
    assert_eq!(ttl(90, 45, 150, 27), 2);
    // They gave 140: the neighbours alone will do.
    assert_eq!(ttl(90, 140, 150, 27), 1);
    // They gave one.
    assert_eq!(ttl(90, 1, 150, 27), 3);
    // They gave none.
    assert_eq!(ttl(90, 0, 150, 27), 3);
    assert_eq!(ttl(961, 0, 150, 26), 4);
    assert_eq!(ttl(961, 0, 10, 26), 3);
}

#[test]
fn a_table_that_does_not_match_is_not_asked_for_itself_alone() {
    let pace = Pace { horizon: 90, ..start() };
    let ttl = |ttl_max| {
        let all = neighbours(27, 30).into_iter();
        let all: Vec<_> = all.map(|all| Neighbour { ttl_max, ..all }).collect();
        match next(&pace, 140, 150, Time::ZERO, &all, &|_| Some(false)) {
            Step::Ask(asks, _) => asks[0].ttl,
            _ => 0,
        }
    };
    assert_eq!((ttl(4), ttl(1)), (2, 0));
}

#[test]
fn the_popular_costs_little_and_the_rare_is_sought_everywhere() {
    let all = neighbours(30, 30);
    let (asked, results, _) = play(&all, &no_table, 100, LEAF_RESULTS);
    let reach: u64 = asked.iter().map(|ask| ask.reach).sum();
    assert!((50..80).contains(&results) && reach < 8_000, "{results}, {reach}");
    let (asked, results, took) = play(&all, &no_table, 1_000_000_000, OWN_RESULTS);
    let reach: u64 = asked.iter().map(|ask| ask.reach).sum();
    assert_eq!(results, 0);
    assert!(reach >= HORIZON_MAX || took >= LIFETIME, "{reach}, {took:?}");
    assert!(reach < HORIZON_MAX + hosts(30, 4));
}

#[test]
fn it_ends_with_enough_results_with_time_and_with_neighbours() {
    let all = neighbours(30, 30);
    let late = Time::ZERO + LIFETIME;
    assert_eq!(next(&start(), 50, 50, Time::ZERO, &all, &no_table), Step::Done);
    assert_eq!(next(&start(), 0, 50, late, &all, &no_table), Step::Done);
    assert_eq!(next(&start(), 0, 50, Time::ZERO, &[], &no_table), Step::NobodyLeft);
    let mut pace = start();
    let asks: Vec<Ask> = all.iter().map(|all| Ask { conn: all.conn, ttl: 4, reach: 1 }).collect();
    pace.asks(&asks, 0);
    assert_eq!(next(&pace, 0, 50, Time::ZERO, &all, &no_table), Step::NobodyLeft);
    // Those who have left are forgotten.
    pace.keep(|conn| conn.0 > 10);
    assert_eq!((pace.asked_ttl(ConnId(1)), pace.asked_ttl(ConnId(11))), (0, 4));
}

#[test]
fn patience_falls_once_the_content_is_rare() {
    let mut pace = Pace { horizon: RARE_HORIZON, ..start() };
    let wait = |pace: &Pace| match next(pace, 0, 50, Time::ZERO, &neighbours(30, 30), &no_table) {
        Step::Ask(asks, wait) => wait / u32::from(asks[0].ttl),
        step => panic!("{step:?}"),
    };
    assert_eq!(wait(&pace), Duration::from_millis(2_400));
    pace.asks(&[], 0);
    assert_eq!(wait(&pace), Duration::from_millis(2_300));
    pace.asks(&[], RARE_RESULTS);
    assert_eq!(wait(&pace), Duration::from_millis(2_300));
    for _ in 0..100 {
        pace.asks(&[], 0);
    }
    assert_eq!(wait(&pace), Duration::from_millis(500));
}

proptest! {
    /// Whatever the neighbours: nobody gets it twice unless farther, nobody farther than it may,
    /// and every query ends.
    #[test]
    fn every_query_ends_and_no_link_is_asked_in_vain(
        facts in prop::collection::vec((0..40u32, 0..6u8, any::<Option<bool>>(), any::<bool>()), 0..40),
        hosts_per_result in 1..100_000u64,
        wanted in 1..200u32,
    ) {
        let all: Vec<Neighbour> = (1..).zip(&facts).map(|(conn, &(degree, ttl_max, _, takes_again))| {
            Neighbour { conn: ConnId(conn), degree, ttl_max, takes_again }
        }).collect();
        let says = |conn: ConnId| facts[conn.0 as usize - 1].2;
        let (asked, _, took) = play(&all, &says, hosts_per_result, wanted);
        for neighbour in &all {
            let ttls: Vec<u8> =
                asked.iter().filter(|ask| ask.conn == neighbour.conn).map(|ask| ask.ttl).collect();
            prop_assert!(ttls.is_sorted_by(|a, b| a < b), "{ttls:?}");
            prop_assert!(ttls.iter().all(|&ttl| ttl > 0 && ttl <= neighbour.ttl_max));
            prop_assert!(ttls.len() <= 1 || neighbour.takes_again);
        }
        prop_assert!(took < LIFETIME + Duration::from_secs(30));
    }
}
