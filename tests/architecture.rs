//! Holds the house to its plan: which room imports which, what the core must not know, what the
//! documents promise, how long a file may be.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room and the rooms it may import (the crate documentation draws them).
const ROOMS: &[(&str, &[&str])] = &[
    ("wire", &[]),
    ("library", &["wire"]),
    ("node", &["wire", "library"]),
    ("driver", &["wire", "library", "node"]),
    ("sim", &["wire", "library", "node"]),
    ("servent", &["wire", "library", "node", "driver"]),
    ("api", &["wire", "library", "node", "driver", "servent"]),
    ("cluster", &["wire", "library", "node", "driver", "servent", "api"]),
    ("scenario", &["wire", "library", "node", "driver", "servent", "api", "cluster", "sim"]),
    ("cli", &["servent", "api", "cluster", "scenario", "sim"]),
    ("main", &["cli"]),
];

/// The rooms that know no clock, socket, disk, thread, task or randomness of the system.
const CORE: &[&str] = &["wire", "library", "node", "sim"];

/// Names that tell of a clock, a socket, a disk, a thread, a task or the system's randomness.
const NOT_IN_CORE: &[&str] = &[
    "Instant",
    "SystemTime",
    "UNIX_EPOCH",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "ToSocketAddrs",
    "OpenOptions",
    "async",
    "await",
    "smol",
    "Mutex",
    "RwLock",
    "Condvar",
    "HashMap",
    "HashSet",
    "RandomState",
    "DefaultHasher",
    "getrandom",
    "println",
    "eprintln",
];

/// Modules of the standard library that are the same.
const STD_NOT_IN_CORE: &[&str] = &["env", "fs", "os", "process", "thread"];

/// Files of `wire` that put no descriptor into bytes and so have no section to cite.
const WIRE_TOOLS: &[&str] = &["mod.rs", "error.rs", "cursor.rs"];

/// Lines of a file of our own at most, tests left out.
const LINES_MAX: usize = 700;

/// A source file.
struct Source {
    /// Relative to the project, with `/`.
    path: String,
    text: String,
}

impl Source {
    /// Its module path: `src/node/route/flood.rs` is `node`, `route`, `flood`.
    fn module(&self) -> Vec<&str> {
        let mut parts: Vec<&str> =
            self.path.trim_start_matches("src/").trim_end_matches(".rs").split('/').collect();
        if parts.last() == Some(&"mod") {
            parts.pop();
        }
        parts
    }

    fn room(&self) -> &str {
        self.module().first().copied().unwrap_or("lib")
    }

    fn is_tests(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    /// The code without comments, literals of text, and the tests at its end.
    fn code(&self) -> String {
        let own = self.text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        without_comments_and_texts(own)
    }

    /// Every path that begins with `crate`, `filbert`, `super` or `std`, from the crate's root.
    fn paths(&self) -> Vec<Vec<String>> {
        let module = self.module();
        let tokens = tokens(&self.code());
        let mut found = Vec::new();
        for at in 0..tokens.len() {
            let begins = match tokens[at].as_str() {
                "crate" | "filbert" => Vec::new(),
                "std" => vec!["std".into()],
                "super" if at < 2 || tokens[at - 2] != "super" => {
                    module[..module.len().saturating_sub(1)].iter().map(|&m| m.into()).collect()
                }
                _ => continue,
            };
            if tokens.get(at + 1).is_some_and(|token| token == "::") {
                follow(&tokens, at + 2, begins, &mut found);
            }
        }
        found
    }
}

/// Collects the paths of a use tree (or of one path) that goes on at token `at` below `prefix`;
/// returns the token after it.
fn follow(
    tokens: &[String],
    mut at: usize,
    mut prefix: Vec<String>,
    found: &mut Vec<Vec<String>>,
) -> usize {
    loop {
        match tokens.get(at).map(String::as_str) {
            Some("{") => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token != "}") {
                    at = match tokens[at].as_str() {
                        "," => at + 1,
                        _ => follow(tokens, at, prefix.clone(), found),
                    };
                }
                return at + 1;
            }
            Some("super") => {
                prefix.pop();
            }
            Some(name) if name.starts_with(|c: char| c.is_alphabetic() || c == '_') => {
                prefix.push(name.to_owned());
            }
            // `*`: all that is below.
            _ => {}
        }
        at += 1;
        if tokens.get(at).is_none_or(|token| token != "::") {
            found.push(prefix);
            // `a as b` inside a tree.
            while tokens.get(at).is_some_and(|token| token == "as") {
                at += 2;
            }
            return at;
        }
        at += 1;
    }
}

/// Names, `::` and single signs.
fn tokens(code: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let len = match first {
            c if c.is_whitespace() => {
                rest = &rest[c.len_utf8()..];
                continue;
            }
            c if is_name(c) => rest.find(|c: char| !is_name(c)).unwrap_or(rest.len()),
            ':' if rest.starts_with("::") => 2,
            c => c.len_utf8(),
        };
        tokens.push(rest[..len].to_owned());
        rest = &rest[len..];
    }
    tokens
}

fn without_comments_and_texts(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if first == '"' {
            text_literal_len(rest)
        } else if rest.starts_with("'\"'") {
            3
        } else {
            code.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        code.push(' ');
        rest = &rest[skipped..];
    }
    code
}

/// Length of the text literal at the front, its quotes included.
fn text_literal_len(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("the sources can be read") {
            let path = entry.expect("the sources can be read").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut paths = Vec::new();
    walk(&root().join("src"), &mut paths);
    paths.sort();
    assert!(paths.len() > 10, "found only {} sources", paths.len());
    paths
        .into_iter()
        .map(|path| Source {
            path: path
                .strip_prefix(root())
                .expect("found below the root")
                .to_string_lossy()
                .replace('\\', "/"),
            text: fs::read_to_string(&path).expect("the sources can be read"),
        })
        .collect()
}

fn report(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn rooms_import_only_to_the_left() {
    let names: BTreeSet<&str> = ROOMS.iter().map(|&(room, _)| room).collect();
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| source.room() != "lib") {
        let Some((room, allowed)) = ROOMS.iter().find(|&&(room, _)| room == source.room()) else {
            wrong.push(format!("{}: not a room of the house", source.path));
            continue;
        };
        for path in source.paths() {
            let Some(other) = path.first().map(String::as_str) else { continue };
            if names.contains(other) && other != *room && !allowed.contains(&other) {
                wrong.push(format!("{}: {room} must not import {}", source.path, path.join("::")));
            }
        }
    }
    report(&wrong);
}

#[test]
fn siblings_under_node_do_not_import_each_other() {
    let sources = sources();
    let folders: BTreeSet<String> = sources
        .iter()
        .filter(|source| source.path.starts_with("src/node/"))
        .filter_map(|source| source.path["src/node/".len()..].split_once('/'))
        .map(|(folder, _)| folder.to_owned())
        // The boundary is everybody's.
        .filter(|folder| folder != "io")
        .collect();
    let mut wrong = Vec::new();
    for source in &sources {
        let own = source.module();
        if own.len() < 2 || own[0] != "node" || !folders.contains(own[1]) {
            continue;
        }
        for path in source.paths() {
            let [first, second, ..] = path.as_slice() else { continue };
            if first == "node" && second != own[1] && folders.contains(second) {
                wrong.push(format!(
                    "{}: {} must not import its sibling {}",
                    source.path,
                    own[1],
                    path.join("::")
                ));
            }
        }
    }
    report(&wrong);
}

#[test]
fn the_core_knows_no_clock_socket_disk_thread_or_system_randomness() {
    let mut wrong = Vec::new();
    for source in sources() {
        if !CORE.contains(&source.room()) || source.is_tests() {
            continue;
        }
        let names: BTreeSet<String> = tokens(&source.code()).into_iter().collect();
        for banned in NOT_IN_CORE.iter().filter(|&&banned| names.contains(banned)) {
            wrong.push(format!("{}: names {banned}", source.path));
        }
        for path in source.paths() {
            let [first, second, ..] = path.as_slice() else { continue };
            if first == "std" && STD_NOT_IN_CORE.contains(&second.as_str()) {
                wrong.push(format!("{}: names {}", source.path, path.join("::")));
            }
        }
    }
    report(&wrong);
}

#[test]
fn every_file_of_the_wire_cites_its_section() {
    let protocol = fs::read_to_string(root().join("protocol.md")).expect("protocol.md is there");
    let sections: BTreeSet<&str> = protocol
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .filter_map(|heading| heading.split_once('.'))
        .map(|(number, _)| number)
        .collect();
    let mut wrong = Vec::new();
    for source in sources() {
        let Some(name) = source.path.strip_prefix("src/wire/") else { continue };
        if source.is_tests() || WIRE_TOOLS.contains(&name) {
            continue;
        }
        // A citation may be broken over two lines of a comment.
        let comment = |line: &str| line.trim().trim_start_matches(['/', '!']).trim().to_owned();
        let flowing: String = source.text.lines().map(comment).collect::<Vec<_>>().join(" ");
        let cited: Vec<&str> = flowing
            .split("protocol.md section")
            .skip(1)
            .map(|after| after.trim_start_matches('s').trim_start())
            .map(|after| after.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default())
            .collect();
        if cited.is_empty() {
            wrong.push(format!("{}: cites no section of protocol.md", source.path));
        }
        for section in cited.iter().filter(|section| !sections.contains(*section)) {
            wrong.push(format!("{}: protocol.md has no section {section:?}", source.path));
        }
    }
    report(&wrong);
}

#[test]
fn the_tests_that_protocol_md_names_exist() {
    let protocol = fs::read_to_string(root().join("protocol.md")).expect("protocol.md is there");
    let mut wrong = Vec::new();
    for (number, line) in (1..).zip(protocol.lines()) {
        let Some((_, named)) = line.split_once("Held by:") else { continue };
        let paths: Vec<&str> = named
            .split(|c: char| c.is_whitespace() || "`,;()".contains(c))
            .filter(|word| word.contains(".rs"))
            .map(|word| word.split_once("::").map_or(word, |(path, _)| path))
            .map(|path| path.trim_end_matches('.'))
            .collect();
        if paths.is_empty() {
            wrong.push(format!("protocol.md:{number}: names no test file"));
        }
        for path in paths.iter().filter(|path| !root().join(path).is_file()) {
            wrong.push(format!("protocol.md:{number}: there is no {path}"));
        }
    }
    report(&wrong);
}

#[test]
fn files_can_be_read_in_one_sitting() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !source.is_tests()) {
        let own = source.text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        let lines = own.lines().count();
        if lines > LINES_MAX {
            wrong.push(format!("{}: {lines} lines, at most {LINES_MAX}", source.path));
        }
    }
    report(&wrong);
}

#[test]
fn the_reading_of_imports_sees_trees_parents_and_plain_paths() {
    let source = Source {
        path: "src/node/route/flood.rs".into(),
        text: "use crate::{wire::{Guid, Header as H}, sim};\nuse super::seen::Seen;\n\
               use super::super::hosts; // crate::cli\nfn f() { crate::driver::go(\"crate::api\") }\n\
               #[cfg(test)]\nmod tests { use crate::cli::X; }"
            .into(),
    };
    let found: Vec<String> = source.paths().iter().map(|path| path.join("::")).collect();
    let wanted = [
        "wire::Guid",
        "wire::Header",
        "sim",
        "node::route::seen::Seen",
        "node::hosts",
        "driver::go",
    ];
    assert_eq!(found, wanted);
}

/// Every reason for which something is dropped is named by a test, which drives it.
#[test]
fn every_reason_is_driven_by_a_test() {
    fn read(folder: &Path, all: &mut String) {
        for entry in fs::read_dir(folder).expect("the tests can be read") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                read(&path, all);
            } else if path.extension().is_some_and(|end| end == "rs") {
                all.push_str(&fs::read_to_string(&path).expect("a test can be read"));
            }
        }
    }
    let mut tests = String::new();
    read(Path::new("tests"), &mut tests);
    for source in sources().iter().filter(|source| source.is_tests()) {
        tests.push_str(&source.text);
    }
    let reasons = fs::read_to_string("src/node/why.rs").expect("the reasons can be read");
    let names: Vec<&str> = reasons
        .lines()
        .filter_map(|line| line.trim().split_once(" = \""))
        .map(|(name, _)| name)
        .filter(|name| name.chars().all(|letter| letter.is_ascii_alphanumeric()))
        .collect();
    assert!(names.len() > 60, "{names:?}");
    let words: BTreeSet<&str> = tests
        .split(|letter: char| !(letter.is_alphanumeric() || letter == ':'))
        .filter_map(|word| word.rsplit_once("Why::"))
        .map(|(_, name)| name)
        .collect();
    let undriven: Vec<&&str> = names.iter().filter(|name| !words.contains(**name)).collect();
    assert!(undriven.is_empty(), "no test names {undriven:?}");
}
