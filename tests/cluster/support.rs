//! A cluster in a folder of its own that is gone when the test is, however that ends.

use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

/// Where one cluster lives.
pub(crate) struct Place {
    home: TempDir,
}

impl Place {
    pub(crate) fn new() -> Place {
        Place { home: tempfile::tempdir().expect("a folder") }
    }

    /// The cluster's directory.
    pub(crate) fn dir(&self) -> PathBuf {
        self.home.path().join("cluster")
    }

    /// A file beside it.
    pub(crate) fn file(&self, name: &str) -> String {
        self.home.path().join(name).display().to_string()
    }

    /// `filbert cluster ...`, ready to be run.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_filbert"));
        command.arg("cluster").args(words);
        command.env("FILBERT_CLUSTER", self.dir()).env("HOME", self.home.path());
        command
    }

    /// Runs `filbert cluster ...`.
    pub(crate) fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().expect("filbert runs")
    }

    /// Runs `filbert cluster ...` and wants it to work; returns what it printed.
    pub(crate) fn good(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {said}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// Runs `filbert cluster ...` and wants an error; returns what it said.
    pub(crate) fn wrong(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{words:?}: {said}");
        assert!(!said.contains("panicked"), "{words:?}: {said}");
        said
    }

    /// The same as [`Place::good`] with `--json`, read.
    pub(crate) fn json(&self, words: &[&str]) -> serde_json::Value {
        let mut words = words.to_vec();
        words.push("--json");
        serde_json::from_str(&self.good(&words)).expect("JSON")
    }

    /// The nodes of `cluster status`.
    pub(crate) fn nodes(&self) -> Vec<serde_json::Value> {
        self.json(&["status"])["nodes"].as_array().expect("nodes").clone()
    }

    /// The processes of the cluster; those that only know it (as this one's children do) are none.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let mark = format!("FILBERT_CLUSTER={}", self.dir().display());
        let entries = std::fs::read_dir("/proc").expect("processes").filter_map(Result::ok);
        entries
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|pid| {
                let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
                let pairs = || environ.split(|&byte| byte == 0);
                pairs().any(|pair| pair == mark.as_bytes())
                    && pairs().any(|pair| pair.starts_with(b"FILBERT_CLUSTER_SEAT="))
            })
            .collect()
    }

    /// Nothing may be left.
    pub(crate) fn is_clear(&self) {
        assert_eq!(self.processes(), Vec::<u32>::new());
        assert!(!self.dir().exists());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.command(&["down"]).output();
    }
}
