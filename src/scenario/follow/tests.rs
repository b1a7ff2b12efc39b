use super::*;

const QUERY: Guid = Guid([7; 16]);

fn listen(node: u32) -> SocketAddr {
    SocketAddr::from(([127, 1, 0, node as u8 + 1], 6346))
}

fn passage(at_us: u64, fate: Fate, from: Option<u32>, hops: u8, links: u32) -> Passage {
    Passage {
        at_us,
        query: QUERY,
        fate,
        from: from.map(listen),
        ttl: 7 - hops,
        hops,
        bytes: 50,
        links,
        results: 0,
        servent: None,
        why: None,
    }
}

fn hit(at_us: u64, fate: Fate, from: u32, hops: u8) -> Passage {
    let servent = Some(Guid([9; 16]));
    Passage { results: 2, servent, ..passage(at_us, fate, Some(from), hops, 0) }
}

/// 0 asks; 0 - 1, 0 - 2, 1 - 2, 2 - 3; 3 answers; 4 stands alone.
fn square() -> (Vec<Noted>, Vec<(u32, u32)>) {
    let answers = Passage { results: 2, ..passage(1_020, Fate::First, Some(2), 1, 0) };
    let other = Passage { query: Guid([8; 16]), ..passage(5, Fate::First, Some(0), 0, 4) };
    let all = [
        vec![passage(1_000, Fate::Asked, None, 0, 2), hit(1_040, Fate::CameHome, 2, 1)],
        vec![
            passage(1_010, Fate::First, Some(0), 0, 1),
            passage(1_025, Fate::Duplicate, Some(2), 1, 0),
        ],
        vec![
            passage(1_011, Fate::First, Some(0), 0, 2),
            passage(1_021, Fate::Duplicate, Some(1), 1, 0),
            hit(1_030, Fate::PassedBack, 3, 0),
        ],
        vec![answers, other],
        vec![],
    ];
    let noted =
        (0..).zip(all).map(|(node, passages)| Noted { node, listen: listen(node), passages });
    (noted.collect(), vec![(0, 1), (0, 2), (1, 2), (2, 3)])
}

#[test]
fn a_query_is_told_from_what_all_nodes_noted() {
    let (nodes, links) = square();
    let followed = follow(0, &[QUERY], &nodes, &links);
    assert_eq!((followed.origin, followed.began_us, followed.ttl), (0, 1_000, 7));
    let told = followed.steps.iter().map(|step| (step.at_us, step.from, step.node, step.hop));
    let expected = [
        (0, None, 0, 0),
        (10, Some(0), 1, 1),
        (11, Some(0), 2, 1),
        (20, Some(2), 3, 2),
        (21, Some(1), 2, 2),
        (25, Some(2), 1, 2),
    ];
    assert_eq!(Vec::from_iter(told), expected);
    let Totals { nodes, links, reached, copies, duplicates, bytes, .. } = followed.totals;
    assert_eq!((nodes, links, reached, copies, duplicates, bytes), (4, 4, 3, 5, 2, 250));
    assert_eq!(followed.totals.reached_by_hop, [2, 1]);
    assert_eq!(followed.totals.full_flood, copies);
    assert_eq!((followed.totals.missing, followed.totals.answered), (0, 1));
    let home =
        HitsOf { by: Some(3), way: vec![3, 2, 0], results: 2, home_us: Some(40), lost: None };
    assert_eq!(followed.hits, [home]);
    assert_eq!((followed.totals.first_hit_us, followed.totals.results), (Some(40), 2));
    assert_eq!((followed.totals.hit_messages, followed.totals.hits_home), (2, 1));
    assert!(followed.is_settled());
}

#[test]
fn it_is_not_settled_while_a_copy_or_a_hit_is_on_its_way() {
    let (mut nodes, links) = square();
    let home = nodes[0].passages.pop();
    let followed = follow(0, &[QUERY], &nodes, &links);
    assert_eq!((followed.hits[0].home_us, &followed.hits[0].way[..]), (None, &[3, 2][..]));
    assert!(!followed.is_settled());
    nodes[0].passages.extend(home);
    nodes[1].passages.pop();
    let followed = follow(0, &[QUERY], &nodes, &links);
    assert_eq!(followed.totals.missing, 1);
    assert!(!followed.is_settled());
}

#[test]
fn it_is_drawn_with_the_origin_first_and_all_who_were_not_reached_last() {
    let (nodes, links) = square();
    let followed = follow(0, &[QUERY], &nodes, &links);
    let flood =
        followed.flood(&[(4, false), (3, true), (2, false), (1, false), (0, false)], &links);
    let drawn = flood.nodes.iter().map(|node| (node.node, node.hop, node.answered, node.leaf));
    let expected = [
        (0, Some(0), false, false),
        (1, Some(1), false, false),
        (2, Some(1), false, false),
        (3, Some(2), true, true),
        (4, None, false, false),
    ];
    assert_eq!(Vec::from_iter(drawn), expected);
    assert_eq!(flood.edges, [(0, 1), (0, 2), (1, 2), (2, 3)]);
    let copies = flood.copies.iter().map(|copy| (copy.from, copy.to, copy.duplicate));
    let expected = [(0, 1, false), (0, 2, false), (2, 3, false), (1, 2, true), (2, 1, true)];
    assert_eq!(Vec::from_iter(copies), expected);
}

#[test]
fn the_exact_cost_holds_for_first_copies_and_a_ttl_that_cannot_run_out() {
    let lab = Config { forward: Forward::FirstCopy, ttl_and_hops_max: 255, ..Config::flat() };
    let all = |config: &Config, count: usize| vec![config.clone(); count];
    let holds = |nodes: &[Config], ttl| costs_full_flood(nodes, None, ttl);
    assert!(holds(&all(&lab, 20), 20));
    assert!(!holds(&all(&lab, 20), 19));
    assert!(!holds(&all(&Config { forward: Forward::HigherTtl, ..lab.clone() }, 20), 20));
    assert!(!holds(&all(&Config { ttl_and_hops_max: 7, ..lab.clone() }, 20), 20));
    let dynamic = Some(Strategy::Dynamic);
    assert!(!costs_full_flood(&all(&lab, 20), dynamic, 20));
}
