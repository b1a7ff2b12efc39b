//! Every example runs, as a user runs it, and does what it says.

use std::process::Command;

/// What an example prints when it is run without arguments.
fn printed(example: &str) -> String {
    let cargo = std::env::var_os("CARGO").expect("cargo runs the tests and says where it is");
    let mut command = Command::new(cargo);
    command.args(["run", "--quiet", "--offline", "--example", example]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    if !cfg!(feature = "api") {
        command.arg("--no-default-features");
    }
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    let (said, errors) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{example}: {errors}\n{said}");
    said
}

#[test]
fn search_finds_and_downloads() {
    let said = printed("search");
    assert!(said.contains("found \"a little poem.txt\", 17 bytes, 1 hops away"), "{said}");
    assert!(said.contains("it lies in "), "{said}");
}

#[test]
fn share_is_browsed() {
    let said = printed("share");
    assert!(said.contains("\"notes.txt\", 7 bytes"), "{said}");
}

#[test]
fn a_servent_lives_in_async_std() {
    let said = printed("embed_async_std");
    assert!(said.contains("downloaded and verified: \"no runtime of yours is needed\""), "{said}");
}
