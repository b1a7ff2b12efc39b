//! What the simulator can be checked against: facts that are exact or come with a tolerance.
//!
//! | fact | held by |
//! |---|---|
//! | tree reach (Ritter 2001) | `reach::tree_reach` |
//! | the cost of a full flood, 2E - N + 1; no duplicate in a tree | `cost`, and `flood` of the simulator's tests |
//! | a d-regular graph costs N(d - 1) + 1 | `cost::a_d_regular_graph` |
//! | reach is the TTL ball under the higher-TTL rule, at most that under first-copy | `reach::the_ttl_ball`, and `flood` |
//! | random regular graphs, within 1 % | `regular` |
//! | expanding ring and 32 walkers, within 10 % | `strategies::on_paper_the_costs_are_those_of_the_table`; worlds against that paper query by query: `strategies` |
//! | dynamic query arithmetic | `node/search/pace/tests.rs`; against a flood: `dynamic` of the simulator's tests |
//! | fill and false positives of query routing tables | `library/route_table/tests.rs`; the last hop: `routing` |
//! | replication (Cohen, Shenker 2002) | `replication` |
//! | one-hop replication answers one link farther | `one_hop` |
//! | horizons on trees | `horizon` of the simulator's tests |
//! | pong caching, 131 bytes a second and link | `node/tests/hosts.rs` |
//! | any SNAP edge list | `reach` and `cost` |
//!
//! `FILBERT_CHECKS=whole` runs the tables at their whole size (some minutes, optimised).

mod cost;
mod one_hop;
mod reach;
mod regular;
mod replication;
mod strategies;
mod worlds;
