//! How many hosts to dial: facts in, number out.

use crate::node::Config;

/// What the decision needs to know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    /// Neighbours now.
    pub neighbours: usize,
    /// Connections to hosts under way, handshake included.
    pub connecting: usize,
    /// Whether the node is shutting down.
    pub stopping: bool,
}

/// So many hosts are to be dialled now.
pub(crate) fn plan(facts: Facts, config: &Config) -> usize {
    if facts.stopping || !config.auto_connect {
        return 0;
    }
    let missing = usize::from(config.neighbours_wanted).saturating_sub(facts.neighbours);
    // Many attempts fail: twice what is missing is under way, within the limit.
    let under_way = (2 * missing).min(usize::from(config.connecting_max));
    under_way.saturating_sub(facts.connecting)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dials_what_is_missing_within_limits() {
        let config = Config { neighbours_wanted: 8, connecting_max: 6, ..Config::default() };
        for (neighbours, connecting, expected) in
            [(0, 0, 6), (0, 6, 0), (6, 1, 3), (8, 0, 0), (9, 0, 0), (7, 9, 0)]
        {
            let facts = Facts { neighbours, connecting, stopping: false };
            assert_eq!(plan(facts, &config), expected, "{facts:?}");
            assert_eq!(plan(Facts { stopping: true, ..facts }, &config), 0);
        }
    }
}
