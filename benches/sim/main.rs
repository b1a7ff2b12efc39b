//! The simulator's speed and size, checkers always on.
//!
//! `cargo bench --bench sim` prints all: the memory of an idle node, the descriptors delivered a
//! second on one core for floods, what an hour of a living network costs, and what two tiers with
//! query routing tables cost and answer. One of them alone, and of another size: `-- idle 1000000`,
//! `-- flood 1000`, `-- hour 1000 600` (seconds), `-- tiers 100000`. Nothing is asserted: machines
//! differ. Memory is in huge pages if Linux gives them to who asks; `GLIBC_TUNABLES=` before the
//! command leaves it in small ones.

mod flood;
mod hour;
mod memory;
mod meter;
mod tiers;

use filbert::cli::huge_pages;

const IDLE_NODES: u32 = 100_000;
/// A world that fits into a core's own cache, the one of the goal, and one that fits nowhere.
const FLOOD_NODES: [u32; 2] = [300, 10_000];
const HOUR_NODES: u32 = 1_000;
const TIERED_NODES: u32 = 10_000;

fn main() {
    huge_pages::ask();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    // `cargo bench` adds `--bench`, `cargo test` runs benches with `--test`: then little is enough.
    if has("--test") {
        flood::run(100, 2);
        hour::run(30, 60);
        return tiers::run(200);
    }
    let all = !["idle", "flood", "hour", "tiers"].into_iter().any(has);
    let mut numbers = arguments.iter().filter_map(|argument| argument.parse::<u32>().ok());
    let (nodes, seconds) = (numbers.next(), numbers.next());
    if all || has("idle") {
        memory::run(nodes.unwrap_or(IDLE_NODES));
    }
    if all || has("flood") {
        match nodes {
            Some(nodes) => flood::run(nodes, flood::queries(nodes)),
            None => {
                FLOOD_NODES.into_iter().for_each(|nodes| flood::run(nodes, flood::queries(nodes)))
            }
        }
    }
    if all || has("hour") {
        hour::run(nodes.unwrap_or(HOUR_NODES), seconds.unwrap_or(3_600));
    }
    if all || has("tiers") {
        tiers::run(nodes.unwrap_or(TIERED_NODES));
    }
}
