//! What the program says of itself.

use std::fs;

use crate::support::{run, text};

/// Set this variable to write the golden help texts anew, then look at the difference.
const BLESS: &str = "FILBERT_BLESS";

/// The commands that the help names.
fn commands(help: &str) -> Vec<String> {
    let (_, listed) = help.split_once("SUBCOMMANDS:").expect("commands are listed");
    listed.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn the_help_of_every_command_is_as_agreed() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut page = text(&run(dir.path(), &["--help"]).stdout);
    for command in commands(&page.clone()) {
        let output = run(dir.path(), &[&command, "--help"]);
        assert!(output.status.success(), "{command}");
        let help = text(&output.stdout);
        page.push_str(&format!("\n==== {command}\n{help}"));
        // Some have commands of their own.
        for below in help.split_once("SUBCOMMANDS:").map(|_| commands(&help)).unwrap_or_default() {
            let output = run(dir.path(), &[&command, &below, "--help"]);
            assert!(output.status.success(), "{command} {below}");
            page.push_str(&format!("\n==== {command} {below}\n{}", text(&output.stdout)));
        }
    }
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/help.txt");
    if std::env::var_os(BLESS).is_some() {
        fs::write(golden, &page).expect("the golden file is written");
    }
    let agreed = fs::read_to_string(golden).expect("the golden file");
    assert_eq!(page, agreed, "the help changed; if that is right, run again with {BLESS}=1");
}

#[test]
fn version_manual_and_completions_are_printed() {
    let dir = tempfile::tempdir().expect("a folder");
    let version = text(&run(dir.path(), &["--version"]).stdout);
    assert_eq!(version.trim(), concat!("filbert ", env!("CARGO_PKG_VERSION")));
    let manual = text(&run(dir.path(), &["man"]).stdout);
    assert!(manual.starts_with(".TH FILBERT 1"));
    for command in commands(&text(&run(dir.path(), &["--help"]).stdout)) {
        assert!(manual.contains(&format!(".SS filbert {command}\n")), "{command}");
    }
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = run(dir.path(), &["completions", shell]);
        assert!(output.status.success() && text(&output.stdout).contains("filbert"), "{shell}");
    }
}
