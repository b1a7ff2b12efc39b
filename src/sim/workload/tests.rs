//! What is drawn has the exponents, medians, shares and counts that it was told.

use super::*;
use crate::sim::{Dice, NodeId};
use std::time::Duration;

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

/// The slope of y over x by least squares.
fn slope(points: &[(f64, f64)]) -> f64 {
    let (xs, ys): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
    let (x_mean, y_mean) = (mean(&xs), mean(&ys));
    let both: f64 = points.iter().map(|(x, y)| (x - x_mean) * (y - y_mean)).sum();
    both / xs.iter().map(|x| (x - x_mean).powi(2)).sum::<f64>()
}

#[test]
fn zipf_exponents_are_recovered() {
    for exponent in [0.0, 0.63, 1.0, 1.24] {
        let zipf = Zipf::new(1_000, exponent);
        let (mut dice, mut counts) = (Dice::new(3), vec![0u32; 1_000]);
        for _ in 0..400_000 {
            counts[zipf.draw(&mut dice) as usize] += 1;
        }
        let ranked = (1..=100).zip(&counts);
        let points: Vec<(f64, f64)> =
            ranked.map(|(rank, &count)| (f64::from(rank).ln(), f64::from(count).ln())).collect();
        let found = -slope(&points);
        assert!((found - exponent).abs() < 0.02, "{exponent}: {found}");
        let all: f64 = (0..1_000).map(|rank| zipf.probability(rank)).sum();
        assert!((all - 1.0).abs() < 1e-9 && zipf.probability(1_000) == 0.0);
    }
    assert_eq!(Zipf::new(0, 1.0).draw(&mut Dice::new(1)), 0);
}

#[test]
fn weibull_medians_means_and_shapes_are_recovered() {
    for shape in [0.34, 0.47, 0.59, 1.0, 2.0] {
        let lifetime = Lifetime::median(shape, 600.0);
        let mut dice = Dice::new(5);
        let mut drawn: Vec<f64> = (0..200_000).map(|_| lifetime.draw_s(&mut dice)).collect();
        drawn.sort_by(f64::total_cmp);
        assert!((drawn[100_000] / 600.0 - 1.0).abs() < 0.03, "{shape}: {}", drawn[100_000]);
        // ln(-ln(1 - F)) is a line over ln t, and its slope is the shape.
        let quantile = |share: f64| (drawn[(share * 200_000.0) as usize].ln(), share);
        let points: Vec<(f64, f64)> = (5..95)
            .map(|percent| quantile(f64::from(percent) / 100.0))
            .map(|(x, share)| (x, (-(1.0 - share).ln()).ln()))
            .collect();
        assert!((slope(&points) / shape - 1.0).abs() < 0.02, "{shape}: {}", slope(&points));
        let by_mean = Lifetime::mean(shape, lifetime.expected_s());
        assert!((by_mean.scale_s() / lifetime.scale_s() - 1.0).abs() < 1e-9, "{shape}");
        if shape > 0.5 {
            assert!((mean(&drawn) / lifetime.expected_s() - 1.0).abs() < 0.03, "{shape}");
        }
    }
    // An exponential lifetime has no memory: what is left is distributed as the whole.
    let exponential = Lifetime::mean(1.0, 100.0);
    let mut dice = Dice::new(6);
    let left: Vec<f64> = (0..100_000).map(|_| exponential.draw_left_s(&mut dice)).collect();
    assert!((mean(&left) - 100.0).abs() < 2.0, "{}", mean(&left));
    // Of a constant one half is left.
    let constant = Lifetime::mean(100.0, 100.0);
    let left: Vec<f64> = (0..100_000).map(|_| constant.draw_left_s(&mut dice)).collect();
    assert!((mean(&left) - 50.0).abs() < 0.5, "{}", mean(&left));
}

#[test]
fn copies_follow_the_rule_of_replication_and_sum_to_what_is_told() {
    let corpus = Corpus { files: 200, popularity_exponent: 0.8, ..Corpus::even(200, 0.02) };
    let popularity = corpus.popularity();
    for (replication, power) in [
        (Replication::Uniform, 0.0),
        (Replication::SquareRoot, 0.5),
        (Replication::Proportional, 1.0),
    ] {
        let corpus = Corpus { replication, ..corpus.clone() };
        let copies = corpus.copies(1_000);
        assert!((copies.iter().sum::<f64>() - 4_000.0).abs() < 1e-6, "{replication:?}");
        for rank in 1..200 {
            let ratio = popularity.probability(rank) / popularity.probability(0);
            let wanted = (copies[0] * ratio.powf(power)).max(1.0);
            assert!((copies[rank as usize] - wanted).abs() < 1e-6, "{replication:?}, {rank}");
        }
        // The copies that are placed are as many in the mean, each on a node of its own.
        let mut sums = vec![0.0; 200];
        for seed in 0..100 {
            let holdings = corpus.place(1_000, &Dice::new(seed));
            for file in 0..200 {
                let holders: Vec<NodeId> = holdings.holders(file).collect();
                assert!(holders.windows(2).all(|pair| pair[0] < pair[1]), "in order, each once");
                sums[file as usize] += holders.len() as f64 / 100.0;
            }
        }
        for (file, (sum, expected)) in sums.iter().zip(&copies).enumerate() {
            assert!((sum - expected).abs() < 0.2, "{replication:?}, {file}: {sum}, {expected}");
        }
    }
}

/// Popular files have a copy at everybody who shares, rare ones one; the others make up for both.
#[test]
fn copies_keep_within_their_bounds() {
    let corpus = Corpus { popularity_exponent: 1.2, ..Corpus::default() };
    let copies = corpus.copies(1_000);
    assert!(copies.iter().all(|&copies| (1.0..=300.0).contains(&copies)));
    assert!((copies.iter().sum::<f64>() - 10_000.0).abs() < 1e-6);
    assert!(copies[0] == 300.0 && copies[999] == 1.0);
    assert!(copies.windows(2).all(|pair| pair[0] >= pair[1]));
    // More than there is room for, and less than one of each.
    let full = Corpus { copies_share: 0.9, ..Corpus::default() }.copies(1_000);
    assert!(full.iter().all(|&copies| copies == 300.0));
    let empty = Corpus { copies_share: 0.0, ..Corpus::default() }.copies(1_000);
    assert!(empty.iter().all(|&copies| copies == 1.0));
}

#[test]
fn free_riders_share_nothing_and_few_give_half() {
    let corpus = Corpus { replication: Replication::Uniform, ..Corpus::default() };
    let holdings = corpus.place(2_000, &Dice::new(1));
    let shared: Vec<usize> = (0..2_000).map(|node| holdings.files(NodeId(node)).len()).collect();
    assert_eq!(shared.iter().filter(|&&files| files == 0).count(), 1_400);
    let top: usize = holdings.top().iter().map(|node| shared[node.0 as usize]).sum();
    assert_eq!(holdings.top().len(), 20);
    let share = top as f64 / shared.iter().sum::<usize>() as f64;
    assert!((share - 0.5).abs() < 0.02, "{share}");
    let even = Corpus::even(1_000, 0.01).place(2_000, &Dice::new(1));
    assert!(even.top().is_empty());
    let files = (0..2_000).map(|node| even.files(NodeId(node)).len());
    assert!(files.clone().min() > Some(0) && files.max() < Some(40), "copies are spread evenly");
}

#[test]
fn questions_match_their_files_and_unanswerable_ones_nothing() {
    let holdings = Corpus::default().place(500, &Dice::new(2));
    let catalogue = holdings.catalogue();
    let (questions, mut dice) = (Questions::default(), Dice::new(3));
    let (mut unanswerable, mut others) = (0, 0);
    for _ in 0..5_000 {
        let question = questions.question(catalogue, &mut dice);
        let matches = catalogue.matches(&question.text);
        match question.file {
            None => {
                unanswerable += 1;
                assert!(matches.is_empty() && holdings.truth(&question.text).is_empty());
            }
            Some(file) => {
                assert!(matches.contains(&file), "{question:?}");
                others += usize::from(matches.len() > 1);
                let truth = holdings.truth(&question.text);
                assert!(holdings.holders(file).all(|node| truth.binary_search(&node).is_ok()));
            }
        }
    }
    let share = f64::from(unanswerable) / 5_000.0;
    assert!((share - 0.444).abs() < 0.02, "{share}");
    assert!(others > 0, "no question matches anything else");
}

#[test]
fn questions_come_at_the_rate_or_in_the_number_that_is_told() {
    let holdings = Corpus::default().place(1_000, &Dice::new(2));
    let hour = Duration::from_secs(3_600);
    let planned = |questions: &Questions| {
        let all: Vec<Planned> =
            questions.plan(holdings.catalogue(), 1_000, hour, &Dice::new(4)).collect();
        assert!(all.windows(2).all(|pair| pair[0].after <= pair[1].after));
        assert!(all.last().is_none_or(|last| last.after < hour));
        all
    };
    let by_rate = planned(&Questions::default());
    assert!((by_rate.len() as f64 / 18_000.0 - 1.0).abs() < 0.03, "{}", by_rate.len());
    assert_eq!(by_rate, planned(&Questions::default()), "the same seed, the same plan");
    let counted = Questions { count: Some(40), ..Questions::default() };
    assert_eq!(planned(&counted).len(), 40);
    assert!(planned(&Questions { per_node_minute: 0.0, ..Questions::default() }).is_empty());
}

#[test]
fn churn_keeps_the_population_and_the_session_lengths() {
    let churn = Churn { session: Lifetime::median(0.5, 600.0), ..Churn::default() };
    let (living, day) = (1_000, Duration::from_secs(6 * 3_600));
    let mut alive = vec![true; living as usize];
    let (mut population, mut least, mut most) = (1_000, 1_000, 1_000);
    let (mut came, mut returned, mut for_good) = (0, 0, 0);
    let mut since = vec![None; living as usize];
    let mut sessions = Vec::new();
    let mut before = Duration::ZERO;
    for Planned { after, deed } in churn.plan(living, day, &Dice::new(8)) {
        assert!(before <= after && after < day);
        before = after;
        match deed {
            Deed::Leave { node, .. } => {
                assert!(std::mem::replace(&mut alive[node.0 as usize], false));
                population -= 1;
                for_good += 1;
                sessions.extend(since[node.0 as usize].map(|since| after - since));
            }
            Deed::Return { node } => {
                assert!(!std::mem::replace(&mut alive[node.0 as usize], true));
                (population, returned, for_good) = (population + 1, returned + 1, for_good - 1);
                since[node.0 as usize] = Some(after);
            }
            Deed::Come { node } => {
                assert_eq!(node.0 as usize, alive.len());
                alive.push(true);
                since.push(Some(after));
                (population, came) = (population + 1, came + 1);
            }
            other => panic!("{other:?}"),
        }
        (least, most) = (least.min(population), most.max(population));
    }
    assert!(least > 850 && most < 1_150, "{least}..{most}");
    assert!(came > 100 && returned > came, "{came} came, {returned} returned");
    assert!(alive.len() as u32 <= churn.nodes(living, day), "{}", alive.len());
    // Short sessions are seen more surely than long ones, so a little below the median.
    sessions.sort();
    let median_s = sessions[sessions.len() / 2].as_secs_f64();
    assert!((350.0..650.0).contains(&median_s), "{median_s}");
    let again: Vec<Planned> = churn.plan(living, day, &Dice::new(8)).collect();
    assert_eq!(again, churn.plan(living, day, &Dice::new(8)).collect::<Vec<_>>());
    assert_ne!(again, churn.plan(living, day, &Dice::new(9)).collect::<Vec<_>>());
}

#[test]
fn a_crowd_comes_at_once_and_fades() {
    let holdings = Corpus::default().place(500, &Dice::new(2));
    let crowd = FlashCrowd { after_s: 100.0, askers: 1_000, ..FlashCrowd::default() };
    let all: Vec<Planned> = crowd.plan(holdings.catalogue(), &Dice::new(5)).collect();
    assert_eq!(all.len(), 1_000);
    let after: Vec<f64> = all.iter().map(|deed| deed.after.as_secs_f64() - 100.0).collect();
    assert!((mean(&after) - 60.0).abs() < 6.0 && after[0] >= 0.0, "{}", mean(&after));
    assert!((after[499] - 60.0 * std::f64::consts::LN_2).abs() < 5.0, "half life: {}", after[499]);
    for Planned { deed, .. } in all {
        let Deed::Ask { question, asker: Asker::WithoutCopy } = deed else { panic!("{deed:?}") };
        assert_eq!(holdings.catalogue().matches(&question.text), [999]);
    }
}

#[test]
fn streams_are_merged_by_time() {
    let at = |after_s: u64, node| Planned {
        after: Duration::from_secs(after_s),
        deed: Deed::Return { node: NodeId(node) },
    };
    let mut plan = Plan::new().with([at(1, 1), at(5, 1)]).with([]).with([at(1, 2), at(3, 2)]);
    assert_eq!(plan.next_after(), Some(Duration::from_secs(1)));
    assert_eq!(plan.collect::<Vec<_>>(), [at(1, 1), at(1, 2), at(3, 2), at(5, 1)]);
}

#[test]
fn attackers_are_a_share_of_the_nodes() {
    let attackers = Attackers::default();
    let some = attackers.nodes(1_000, &Dice::new(1));
    assert!(some.len() == 5 && some.windows(2).all(|pair| pair[0] < pair[1]));
    assert_ne!(some, attackers.nodes(1_000, &Dice::new(2)));
    assert!(Attackers { nodes_share: 0.0, ..attackers }.nodes(1_000, &Dice::new(1)).is_empty());
}

#[test]
fn unfit_values_are_told_by_their_keys() {
    let key = |checked: Result<(), Unfit>| checked.map_err(|unfit| unfit.key);
    assert_eq!(key(Corpus::default().check()), Ok(()));
    assert_eq!(key(Questions::default().check()), Ok(()));
    assert_eq!(key(Churn::default().check()), Ok(()));
    assert_eq!(key(FlashCrowd::default().check()), Ok(()));
    assert_eq!(key(Attackers::default().check()), Ok(()));
    let corpus = Corpus { free_riders_share: 1.5, ..Corpus::default() };
    assert_eq!(key(corpus.check()), Err("free-riders-share"));
    assert_eq!(key(Corpus { files: 0, ..Corpus::default() }.check()), Err("files"));
    let questions = Questions { per_node_minute: f64::NAN, ..Questions::default() };
    assert_eq!(key(questions.check()), Err("per-node-minute"));
    let session = Lifetime { shape: 0.5, median_s: None, mean_s: None };
    assert_eq!(key(Churn { session, ..Churn::default() }.check()), Err("median-s"));
}

#[test]
fn dealt_copies_are_as_many_for_all_who_share() {
    for (nodes, files) in [(5, 25), (7, 30)] {
        let corpus = Corpus { dealt: true, ..Corpus::even(files, 1.0 / f64::from(nodes)) };
        let holdings = corpus.place(nodes, &Dice::new(2));
        let counts: Vec<usize> =
            (0..nodes).map(|node| holdings.files(NodeId(node)).len()).collect();
        let (few, many) = (files / nodes, files.div_ceil(nodes));
        assert!(counts.iter().all(|&count| (few..=many).contains(&(count as u32))), "{counts:?}");
        assert_eq!(counts.iter().sum::<usize>(), files as usize);
        assert!((0..files).all(|file| holdings.holders(file).count() == 1));
    }
}
