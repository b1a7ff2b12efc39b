//! Floods, hits and their ways between whole nodes.

use super::rope::{Cut, World, config};
use crate::node::{Config, Event, Why};

fn line(count: usize, config: &Config, cut: Cut) -> World {
    let mut world = World::new(count, config);
    world.cut = cut;
    for node in 1..count {
        world.link(node - 1, node);
    }
    world
}

#[test]
fn two_nodes_shake_hands_and_find() {
    for cut in [Cut::Whole, Cut::Bytes, Cut::Joined] {
        for compress_links in [false, true] {
            let mut world = line(2, &Config { compress_links, ..config() }, cut);
            world.share(1, &["blue train.mp3", "red car.txt"]);
            world.search(0, 1, "TRAIN blue", 2);
            assert_eq!(world.found(0, 1), [("blue train.mp3".to_owned(), 1)]);
            for node in 0..2 {
                let view = world.view(node);
                let [neighbour] = &view.neighbours[..] else { panic!("{view:?}") };
                assert_eq!(neighbour.compressed_in, compress_links);
                assert_eq!(neighbour.compressed_out, compress_links);
                assert!(neighbour.user_agent.starts_with("filbert/"));
                assert_eq!(neighbour.incoming, node == 1);
            }
            assert!(matches!(world.events[0][0], Event::LinkUp { incoming: false, .. }));
        }
    }
}

#[test]
fn a_query_reaches_exactly_its_ttl_ball() {
    for ttl in 1..=6 {
        let mut world = line(8, &config(), Cut::Whole);
        for node in 1..8 {
            world.share(node, &[&format!("word number{node}")]);
        }
        world.search(0, 1, "word", ttl);
        let expected: Vec<_> = (1..=ttl).map(|node| (format!("word number{node}"), node)).collect();
        assert_eq!(world.found(0, 1), expected);
        assert_eq!(world.count(usize::from(ttl), Why::TtlSpent), 1);
    }
}

#[test]
fn in_a_ring_nothing_loops_and_everybody_answers_once() {
    let mut world = line(6, &config(), Cut::Whole);
    world.link(5, 0);
    for node in 1..6 {
        world.share(node, &[&format!("word number{node}")]);
    }
    world.search(0, 1, "word", 7);
    assert_eq!(world.found(0, 1).len(), 5);
    let duplicates: u64 = (0..6).map(|node| world.count(node, Why::Duplicate)).sum();
    let copies: u64 =
        (0..6).map(|node| world.view(node).messages(crate::wire::Kind::QUERY).0).sum();
    // 2E - N + 1 copies cross the links of a flood that covers everything.
    assert_eq!(copies, 2 * 6 - 6 + 1);
    assert_eq!(duplicates, copies - 5);
}
