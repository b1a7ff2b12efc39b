//! Plans of misfortune: which fault when, by dice.

use std::time::Duration;

use super::Fault;
use crate::node::io::DiskFailure;
use crate::sim::{Dice, Latency, NodeId};

/// What happens when, counted from the moment when the plan is put into effect.
pub type Plan = Vec<(Duration, Fault)>;

/// The longest that a random stall lasts: longer than a neighbour's patience.
const STALL_MS_MAX: u64 = 240_000;
/// The most that a random wall clock is off: a month.
const SKEW_S_MAX: u64 = 30 * 86_400;
/// A full disk of a random plan has room for fewer bytes.
const ROOM_BYTES_MAX: u64 = 400_000;

/// Faults at random moments within `span`, and at its end everything mended: dead nodes restarted,
/// the network healed, firewalls gone, the disks well.
pub fn random_plan(dice: &mut Dice, nodes: u32, count: u32, span: Duration) -> Plan {
    let mut plan: Plan =
        moments(dice, count, span).into_iter().map(|at| (at, random_fault(dice, nodes))).collect();
    plan.push((span, Fault::Heal));
    for node in (0..nodes).map(NodeId) {
        plan.push((span, Fault::Disk(node, None)));
        plan.push((span, Fault::DiskRoom(node, None)));
        plan.push((span, Fault::SlowDisk(node, None)));
        plan.push((span, Fault::Open(node)));
        plan.push((span, Fault::Restart(node)));
    }
    plan
}

/// So many moments within `span`, in order.
fn moments(dice: &mut Dice, count: u32, span: Duration) -> Vec<Duration> {
    let span_us = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
    let mut moments: Vec<u64> = (0..count).map(|_| dice.below(span_us)).collect();
    moments.sort_unstable();
    moments.into_iter().map(Duration::from_micros).collect()
}

fn random_fault(dice: &mut Dice, nodes: u32) -> Fault {
    let any = NodeId(dice.below(u64::from(nodes)) as u32);
    let other = NodeId(dice.below(u64::from(nodes)) as u32);
    let nth = dice.below(64) as u32;
    match dice.below(18) {
        0 | 1 => Fault::Kill(any),
        2 => Fault::Vanish(any),
        3 | 4 => Fault::Restart(any),
        5 => Fault::Partition((0..nodes).map(NodeId).filter(|_| dice.chance(0.5)).collect()),
        6 => Fault::Clog(any, other),
        7 => Fault::Unclog(any, other),
        8 => Fault::Heal,
        9 => Fault::Disk(any, dice.pick(&[DiskFailure::Full, DiskFailure::Io]).copied()),
        10 => Fault::DiskRoom(any, Some(dice.below(ROOM_BYTES_MAX))),
        11 => Fault::SlowDisk(any, Some(Latency::Exponential { mean_us: 300_000 })),
        12 => Fault::Reset { node: any, nth },
        13 => Fault::HalfOpen { node: any, nth },
        14 => Fault::Firewall(any),
        15 => Fault::Nat(any),
        16 => Fault::Stall { node: any, ms: dice.below(STALL_MS_MAX) },
        _ => {
            let skew_s = dice.below(2 * SKEW_S_MAX) as i64 - SKEW_S_MAX as i64;
            Fault::Clock { node: any, skew_s }
        }
    }
}

/// Links stop one by one within the first half of `span` and are released within the second, in
/// another random order ("swizzle-clogging", after FoundationDB: J. Zhou and others, "FoundationDB:
/// A Distributed Unbundled Transactional Key Value Store", SIGMOD 2021, section 4). Each of the
/// links is chosen with the probability `share`.
pub fn swizzle_clog(
    dice: &mut Dice,
    links: &[(NodeId, NodeId)],
    share: f64,
    span: Duration,
) -> Plan {
    let mut chosen: Vec<(NodeId, NodeId)> =
        links.iter().copied().filter(|_| dice.chance(share)).collect();
    let count = u32::try_from(chosen.len()).unwrap_or(u32::MAX);
    let mut plan = Plan::new();
    for release in [false, true] {
        dice.shuffle(&mut chosen);
        let begin = if release { span / 2 } else { Duration::ZERO };
        for (at, &(a, b)) in moments(dice, count, span / 2).into_iter().zip(&chosen) {
            let fault = if release { Fault::Unclog(a, b) } else { Fault::Clog(a, b) };
            plan.push((begin + at, fault));
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swizzle_clogs_every_chosen_link_and_releases_it_later() {
        let links: Vec<_> = (0..50).map(|node| (NodeId(node), NodeId(node + 1))).collect();
        let span = Duration::from_secs(60);
        let plan = swizzle_clog(&mut Dice::new(3), &links, 0.5, span);
        let (clogs, releases) = plan.split_at(plan.len() / 2);
        assert!((15..35).contains(&clogs.len()), "{}", clogs.len());
        let pair = |fault: &Fault| match *fault {
            Fault::Clog(a, b) | Fault::Unclog(a, b) => (a, b),
            _ => panic!("{fault:?}"),
        };
        let order = |part: &[(Duration, Fault)]| -> Vec<_> {
            part.iter().map(|(_, fault)| pair(fault)).collect()
        };
        let (mut clogged, mut released) = (order(clogs), order(releases));
        assert_ne!(clogged, released, "in another order");
        clogged.sort_unstable();
        released.sort_unstable();
        assert_eq!(clogged, released);
        assert!(clogs.iter().all(|&(at, _)| at < span / 2));
        assert!(releases.iter().all(|&(at, _)| at >= span / 2 && at < span));
    }

    #[test]
    fn a_random_plan_mends_everything_at_its_end() {
        let span = Duration::from_secs(60);
        let plan = random_plan(&mut Dice::new(1), 5, 200, span);
        assert!(plan.is_sorted_by_key(|&(at, _)| at));
        let mended: Vec<&Fault> =
            plan.iter().filter(|&&(at, _)| at == span).map(|(_, fault)| fault).collect();
        assert_eq!(mended.len(), 1 + 5 * 5);
        let stalls = plan.iter().filter(|(_, fault)| matches!(fault, Fault::Stall { .. })).count();
        assert!(stalls > 0, "every kind of fault comes up");
    }
}
