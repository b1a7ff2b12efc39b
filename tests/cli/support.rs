//! Starting the program, and telling it to end.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// The program, cut off from the settings of whoever runs the tests.
pub(crate) fn filbert(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_filbert"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FILBERT_") {
            command.env_remove(name);
        }
    }
    command
        .env("XDG_CONFIG_HOME", data_dir.join("no-settings"))
        .env("FILBERT_DATA_DIR", data_dir)
        .env("FILBERT_NODE_LOCAL_ADDRESSES", "true")
        // Nothing here may ask the public network for hosts.
        .env("FILBERT_BOOTSTRAP", "none")
        .stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub(crate) fn run(data_dir: &Path, args: &[&str]) -> Output {
    filbert(data_dir).args(args).output().expect("filbert runs")
}

/// Runs the program with `--json` and reads what it prints as one value.
pub(crate) fn json(data_dir: &Path, args: &[&str]) -> Value {
    let output = filbert(data_dir).arg("--json").args(args).output().expect("filbert runs");
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON value")
}

/// Bytes as text.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Waits for something; fails the test if it does not come.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(30), "in vain: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A `filbert run`, killed when dropped.
pub(crate) struct Servent {
    child: Child,
    pub(crate) listen: SocketAddr,
}

impl Servent {
    /// Starts one on a free port of loopback; returns when it listens.
    pub(crate) fn start(data_dir: &Path, args: &[&str]) -> Servent {
        let mut child = filbert(data_dir)
            .args(["--json", "run", "--listen", "127.0.0.1:0"])
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .expect("filbert runs");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("it says where it listens");
        let started: Value = serde_json::from_str(&line).expect("as JSON");
        let listen = started["listen"].as_str().and_then(|text| text.parse().ok());
        Servent { child, listen: listen.expect("an address") }
    }

    /// Ends it as ctrl-C would; returns whether it ended in order.
    pub(crate) fn stop(mut self) -> bool {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
        self.child.wait().expect("it ends").success()
    }
}

impl Drop for Servent {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
