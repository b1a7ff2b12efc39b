//! How many connections the system's limit of file descriptors leaves room for.

/// Descriptors for everything that is no connection: the listener, files that are read, written and
/// hashed, names that are looked up, and what else the application has open.
const OTHERS: u64 = 64;

/// So many of the wanted connections fit into this process. Beyond that the node makes room in its
/// own way; the system would only refuse whoever comes next, good peers among them.
pub(super) fn connections_that_fit(wanted: u32) -> u32 {
    limit().map_or(wanted, |limit| wanted.min(within(limit)))
}

fn within(limit: u64) -> u32 {
    u32::try_from(limit - OTHERS.min(limit / 2)).unwrap_or(u32::MAX)
}

#[cfg(unix)]
fn limit() -> Option<u64> {
    use rustix::process::{Resource, getrlimit};
    getrlimit(Resource::Nofile).current
}

#[cfg(not(unix))]
fn limit() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_descriptors_are_left_for_everything_else() {
        assert_eq!([64, 128, 1_024, 20_000].map(within), [32, 64, 960, 19_936]);
        assert_eq!(connections_that_fit(5), 5);
    }
}
