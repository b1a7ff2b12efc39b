//! A whole session: share, search, download, look around, leave.

use std::fs;
use std::path::Path;

use crate::support::{Servent, json, run, text, until};

fn hashed(data_dir: &Path, files: u64) {
    until("the shared files are hashed", || {
        let shares = json(data_dir, &["shares"]);
        shares["files"] == files && shares["hashing"].is_null()
    });
}

fn neighbours(data_dir: &Path, wanted: u64) {
    until("the neighbours are connected", || json(data_dir, &["status"])["neighbours"] == wanted);
}

#[test]
fn share_search_download_and_leave() {
    let dir = tempfile::tempdir().expect("a folder");
    let (a, b, share) = (dir.path().join("a"), dir.path().join("b"), dir.path().join("share"));
    fs::create_dir(&share).expect("a folder");
    let content: Vec<u8> =
        (0..3_000_000u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    fs::write(share.join("Blue Guitar Lesson.pdf"), &content).expect("a file");
    fs::write(share.join("tiny guitar.txt"), "x").expect("a file");

    let sharer = Servent::start(&a, &["--share", share.to_str().expect("UTF-8")]);
    hashed(&a, 2);
    let peer = sharer.listen.to_string();
    let searcher = Servent::start(&b, &["--connect", &peer]);
    neighbours(&b, 1);

    // Found: exit status 0, and the file's name is shown.
    let found = run(&b, &["search", "guitar", "lesson", "--timeout", "2s", "--max", "1"]);
    assert_eq!(found.status.code(), Some(0), "{}", text(&found.stderr));
    assert!(text(&found.stdout).contains("Blue Guitar Lesson.pdf"), "{}", text(&found.stdout));

    // A result by its number, to a place of our choice.
    let out = dir.path().join("got.pdf");
    let got = run(&b, &["get", "1", "-o", out.to_str().expect("UTF-8")]);
    assert_eq!(got.status.code(), Some(0), "{}", text(&got.stderr));
    assert!(text(&got.stdout).contains("verified"));
    assert_eq!(fs::read(&out).expect("the file"), content);

    // Into a folder it goes by its own name.
    let folder = dir.path().join("folder");
    fs::create_dir(&folder).expect("a folder");
    let got = run(&b, &["get", "1", "-o", folder.to_str().expect("UTF-8")]);
    assert_eq!(got.status.code(), Some(0), "{}", text(&got.stderr));
    assert_eq!(fs::read(folder.join("Blue Guitar Lesson.pdf")).expect("the file"), content);

    // Filters, and nothing found: exit status 1 and reasons.
    for (args, found) in [
        (["--size", "1M.."], 0),
        (["--ext", "txt"], 0),
        (["--not", "blue"], 0),
        (["--size", "9M.."], 1),
        (["--ext", "mp3"], 1),
    ] {
        let output = run(&b, &["search", "guitar", args[0], args[1], "--timeout", "1s"]);
        assert_eq!(output.status.code(), Some(found), "{args:?}: {}", text(&output.stdout));
    }
    // What is new needs no words; kinds are told by the ends of the names.
    let new = run(&b, &["search", "--new", "--timeout", "1s"]);
    assert_eq!(new.status.code(), Some(0), "{}{}", text(&new.stdout), text(&new.stderr));
    assert!(text(&new.stdout).contains("tiny guitar.txt"), "{}", text(&new.stdout));
    for (kind, found) in [("document", 0), ("audio", 1)] {
        let output = run(&b, &["search", "guitar", "--kind", kind, "--timeout", "1s"]);
        assert_eq!(output.status.code(), Some(found), "{kind}: {}", text(&output.stdout));
    }
    let short = run(&b, &["search", "x", "--timeout", "500ms"]);
    assert!(text(&short.stdout).contains("too short"), "{}", text(&short.stdout));
    let nothing = run(&b, &["search", "zither", "--timeout", "500ms"]);
    assert_eq!(nothing.status.code(), Some(1));
    assert!(text(&nothing.stdout).contains("1 neighbour"), "{}", text(&nothing.stdout));

    // Looking around.
    assert_eq!(json(&b, &["peers"])[0]["address"], peer.as_str());
    assert_eq!(json(&b, &["downloads"])[0]["state"], "done");
    assert_eq!(json(&a, &["shares"])["files"], 2);
    let browsed = run(&b, &["browse", &peer]);
    assert_eq!(browsed.status.code(), Some(0), "{}", text(&browsed.stderr));
    assert!(text(&browsed.stdout).contains("tiny guitar.txt"));
    for args in [["status"].as_slice(), &["peers"], &["shares"], &["downloads"], &["block"]] {
        let output = run(&b, args);
        assert!(output.status.success() && !output.stdout.is_empty(), "{args:?}");
    }

    // New files are found after a rescan.
    fs::write(share.join("mandolin.txt"), "y").expect("a file");
    assert!(run(&a, &["rescan"]).status.success());
    hashed(&a, 3);

    // What is over cannot be cancelled, and stays where it is.
    let cancelled = run(&b, &["cancel", "1"]);
    assert_eq!(cancelled.status.code(), Some(2));
    assert!(text(&cancelled.stderr).contains("over already"), "{}", text(&cancelled.stderr));

    // Blocking ends the link, and is seen at once.
    assert!(run(&b, &["block", "127.0.0.0/8"]).status.success());
    assert_eq!(json(&b, &["block"])[0]["network"], "127.0.0.0/8");
    neighbours(&b, 0);
    assert!(run(&b, &["unblock", "127.0.0.0/8"]).status.success());
    assert!(run(&b, &["connect", &peer]).status.success());
    neighbours(&b, 1);
    assert!(run(&b, &["disconnect", &peer]).status.success());
    neighbours(&b, 0);

    assert!(searcher.stop());
    assert!(sharer.stop());
}

#[test]
fn a_search_brings_its_own_servent_if_none_runs() {
    let dir = tempfile::tempdir().expect("a folder");
    let (a, b, share) = (dir.path().join("a"), dir.path().join("b"), dir.path().join("share"));
    fs::create_dir(&share).expect("a folder");
    fs::write(share.join("walnut recipe.txt"), "crack first").expect("a file");
    let sharer = Servent::start(&a, &["--share", share.to_str().expect("UTF-8")]);
    hashed(&a, 1);
    let peer = sharer.listen.to_string();
    let output =
        run(&b, &["search", "walnut", "--connect", &peer, "--max", "1", "--timeout", "5s"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("walnut recipe.txt"));
    // It has left, and remembers nobody as running.
    assert_eq!(run(&b, &["status"]).status.code(), Some(2));
}

#[test]
fn a_recorded_session_replays() {
    let dir = tempfile::tempdir().expect("a folder");
    let (a, b, share) = (dir.path().join("a"), dir.path().join("b"), dir.path().join("share"));
    fs::create_dir(&share).expect("a folder");
    fs::write(share.join("hazel.txt"), "nut").expect("a file");
    let record = dir.path().join("record");
    let record = record.to_str().expect("UTF-8");
    let sharer =
        Servent::start(&a, &["--share", share.to_str().expect("UTF-8"), "--record", record]);
    hashed(&a, 1);
    let output =
        run(&b, &["search", "hazel", "--connect", &sharer.listen.to_string(), "--max", "1"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(sharer.stop());
    let replayed = json(dir.path(), &["replay", record]);
    assert!(replayed["divergence"].is_null(), "{replayed}");
    assert!(replayed["inputs"].as_u64().is_some_and(|inputs| inputs > 10), "{replayed}");
}

#[test]
fn a_servent_that_is_not_connected_says_why() {
    let dir = tempfile::tempdir().expect("a folder");
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let source = format!("uhc:{}", silent.local_addr().expect("its address"));
    let servent =
        Servent::start(dir.path(), &["--bootstrap", &source, "--set", "node.source_timeout_s=1"]);
    until("the source has failed", || {
        json(dir.path(), &["status"])["sources"][0]["state"] == "failed"
    });
    let status = json(dir.path(), &["status"]);
    assert_eq!(status["sources"][0]["source"], source.as_str());
    assert_eq!(status["sources"][0]["trouble"], "too_slow");
    assert_eq!(status["obstacles"][0]["obstacle"], "sources_fail");
    let said = text(&run(dir.path(), &["status"]).stdout);
    assert!(
        said.contains("not connected, 1 of 1 source of hosts failing, 0 hosts known"),
        "{said}"
    );
    assert!(said.contains(&source) && said.contains("did not finish in time"), "{said}");
    assert!(said.contains("--bootstrap"), "{said}");
    // A search says so, too.
    let found = run(dir.path(), &["search", "something", "--timeout", "1s"]);
    assert_eq!(found.status.code(), Some(1));
    assert!(
        text(&found.stdout).contains("Not connected: 1 of 1 source"),
        "{}",
        text(&found.stdout)
    );
    assert!(servent.stop());
}
