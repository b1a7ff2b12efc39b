//! Running servents on loopback among strangers who send garbage, lie, stall and hang up: good
//! peers must not notice.

mod attackers;
mod crowd;
mod good;

use std::thread;

use attackers::Attackers;
use filbert::servent::{Options, Servent, Why};
use good::{Home, block_on, config, until};

/// Reasons that the attacks give; every one must have been counted.
const REASONS: [Why; 10] = [
    Why::UnknownProtocol,
    Why::BadHandshake,
    Why::TooOld,
    Why::TooLarge,
    Why::Malformed,
    Why::TooManyErrors,
    Why::BadDeflate,
    Why::BadRequest,
    Why::UnexpectedGiv,
    Why::ClosedByPeer,
];

#[test]
fn good_peers_meet_search_and_download_among_garbage() {
    let home = Home::with_file("wanted by all.bin", 3 << 20);
    let shares = vec![home.shared()];
    let victim = block_on(Servent::start(Options {
        listen: "127.0.0.1:0".parse().unwrap(),
        shares,
        config: config(),
        ..Options::default()
    }))
    .unwrap();
    until("the file is hashed", || {
        victim.shares().files_to_hash == 0 && victim.shares().files == 1
    });

    let attackers = Attackers::start(victim.listen());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| home.is_fetched_by_a_good_peer(&victim));
        }
    });
    // They went on all the while, and each attack has come and been counted.
    until("every attack was counted", || {
        let view = block_on(victim.view()).unwrap();
        REASONS.iter().all(|&why| view.count(why) > 0)
    });
    home.is_fetched_by_a_good_peer(&victim);
    attackers.stop();
    until("nothing is left of them", || block_on(victim.view()).unwrap().connections == 0);
    block_on(victim.stop());
}
