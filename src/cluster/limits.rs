//! Open files: what a cluster needs, and what the system gives.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{ClusterError, Plan, Seat};

/// Files of a process that are neither nodes' nor links': programs, logs, calls under way.
const OTHERS: u64 = 300;
/// Files of a node without links: two sockets, the interface, a lock, and some calls.
const A_NODE: u64 = 6;

/// Makes room for the open files of a plan: the limit that can be changed is raised to the one
/// that cannot, for this program and all that it starts.
///
/// # Errors
/// That is not enough.
pub(super) fn make_room(plan: &Plan) -> Result<(), ClusterError> {
    let needed = needed(plan);
    let limits = getrlimit(Resource::Nofile);
    if limits.maximum.is_some_and(|hard| hard < needed) {
        return Err(ClusterError::TooFewFiles {
            needed,
            nodes: plan.nodes.len(),
            limit: limits.maximum.unwrap_or(u64::MAX),
        });
    }
    if limits.current.is_some_and(|soft| limits.maximum.is_none_or(|hard| soft < hard)) {
        let raised = Rlimit { current: limits.maximum, maximum: limits.maximum };
        // If that is refused, what there is may do.
        let _ = setrlimit(Resource::Nofile, raised);
    }
    Ok(())
}

/// Files that one process of the plan has open at most.
fn needed(plan: &Plan) -> u64 {
    let mut links = vec![0u64; plan.nodes.len()];
    for &(a, b) in &plan.edges {
        for end in [a, b] {
            links[end as usize] += 1;
        }
    }
    OTHERS
        + match plan.seat {
            // Both ends of every link are ours.
            Seat::InProcess => A_NODE * plan.nodes.len() as u64 + 2 * plan.edges.len() as u64,
            Seat::Processes | Seat::Namespaces => A_NODE + links.into_iter().max().unwrap_or(0),
        }
}
